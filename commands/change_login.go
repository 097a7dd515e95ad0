package commands

import (
	"context"
	"fmt"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/id"
)

// ChangeLogin is another email and name of a login.
type ChangeLogin struct {
	Login       id.ID
	Email, Name string
}

// ChangeLogin changes a login's email and name. With another email it may be another
// person's: its sessions end, and recovery links that went to the old address are void.
// The new email is reserved before, old ones are freed after; a repeated act finishes
// what a broken-off one left.
func (c *Commands) ChangeLogin(ctx context.Context, req Request, in ChangeLogin) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ChangeLogin", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	return c.changeLogin(ctx, req, in)
}

func (c *Commands) changeLogin(ctx context.Context, req Request, in ChangeLogin) (Receipt, error) {
	change := func(s access.Login) ([]event.Event, error) { return access.ChangeLogin(s, in.Email, in.Name) }
	before, err := c.loginState(ctx, req, in.Login)
	if err != nil {
		return Receipt{}, err
	}
	if _, err := change(before.Login); err != nil {
		return Receipt{}, err
	}
	req = req.of(before.contact)
	if err := c.claimEmail(ctx, req, loginEmail, in.Email, in.Login, before.contact); err != nil {
		return Receipt{}, err
	}
	rcpt, err := Execute(ctx, c.Executor, access.LoginDecider(), string(in.Login), req, change)
	if err != nil {
		return rcpt, err
	}
	now, err := c.loginState(ctx, req, in.Login)
	if err != nil {
		return rcpt, err
	}
	if len(now.Past) == 0 {
		return rcpt, nil
	}
	if err := c.Vault.RevokeTokens(ctx, req.Account, PurposeRecovery, in.Login); err != nil {
		return rcpt, fmt.Errorf("voiding recovery links of login %s: %w", in.Login, err)
	}
	if before.Email != now.Email || rcpt.Again {
		if err := c.endSessions(ctx, req, in.Login); err != nil {
			return rcpt, err
		}
	}
	for _, email := range now.Past {
		if err := c.releaseEmail(ctx, req, loginEmail, email, in.Login); err != nil {
			return rcpt, err
		}
	}
	return rcpt, nil
}
