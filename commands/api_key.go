package commands

import (
	"context"
	"fmt"

	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/id"
)

// APIKeyPurpose is the purpose of the vault's tokens that programs hold.
const APIKeyPurpose = "apikey"

// CreateAPIKey gives a program of the account a key.
type CreateAPIKey struct{ Name string }

// CreateAPIKey makes a key and returns its id and its secret, which is shown this once.
func (c *Commands) CreateAPIKey(ctx context.Context, req Request, in CreateAPIKey) (key id.ID, secret string, rcpt Receipt, err error) {
	ctx, end, err := c.begin(ctx, "CreateAPIKey", req.TraceParent)
	defer func() { end(err) }()
	if err := c.authoriseStaff(ctx, req, account.StaffAdmin); err != nil {
		return "", "", Receipt{}, err
	}
	key = id.DeriveID("apikey", string(req.Account), req.Command.String(), string(req.Actor.Kind), req.Actor.ID)
	rcpt, err = Execute(ctx, c.Executor, account.KeyDecider(), string(key), req.ofAccount(), func(s account.Key) ([]event.Event, error) {
		return account.CreateKey(s, in.Name)
	})
	if err != nil {
		return "", "", rcpt, err
	}
	secret, err = c.Vault.IssueToken(ctx, Token{Account: req.Account, Purpose: APIKeyPurpose, Subject: key})
	if err != nil {
		return "", "", rcpt, fmt.Errorf("creating key %s: %w", key, err)
	}
	return key, secret, rcpt, nil
}

// RevokeAPIKey names a key to end.
type RevokeAPIKey struct{ Key id.ID }

// RevokeAPIKey ends a key: the next request with it is refused.
func (c *Commands) RevokeAPIKey(ctx context.Context, req Request, in RevokeAPIKey) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RevokeAPIKey", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffAdmin); err != nil {
		return Receipt{}, err
	}
	// The secret first: what fails in between leaves a key that opens nothing.
	if err := c.Vault.RevokeTokens(ctx, req.Account, APIKeyPurpose, in.Key); err != nil {
		return Receipt{}, fmt.Errorf("revoking key %s: %w", in.Key, err)
	}
	return Execute(ctx, c.Executor, account.KeyDecider(), string(in.Key), req.ofAccount(), account.RevokeKey)
}
