package commands

import (
	"context"
	"fmt"

	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// OpenAccount is a new business.
type OpenAccount struct {
	Details account.Opened
}

// OpenAccount opens an account, for the operator. The request's account is its id; where
// there is none, the command names it.
func (c *Commands) OpenAccount(ctx context.Context, req Request, in OpenAccount) (_ id.Account, _ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "OpenAccount", req.TraceParent)
	defer func() { end(failed) }()
	if req.Actor.Kind != event.ActorSystem {
		return "", Receipt{}, fault.New(fault.NotFound, "not_found")
	}
	if req.Account == "" {
		req.Account = id.Account(id.Derive("account", req.Command.String()).String())
	}
	if _, err := account.Open(account.State{}, in.Details); err != nil {
		return "", Receipt{}, err
	}
	if err := c.Vault.EnsureKey(ctx, req.Account, string(req.Account)); err != nil {
		return "", Receipt{}, fmt.Errorf("opening account %s: %w", req.Account, err)
	}
	rcpt, err := Execute(ctx, c.Executor, account.Decider(), string(req.Account), req.ofAccount(), func(s account.State) ([]event.Event, error) {
		return account.Open(s, in.Details)
	})
	return req.Account, rcpt, err
}
