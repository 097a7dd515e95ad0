package commands

import (
	"context"
	"fmt"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// RemoveLogin names a login.
type RemoveLogin struct{ Login id.ID }

// RemoveLogin ends a login for good. Its sessions end at once; its email is free again.
func (c *Commands) RemoveLogin(ctx context.Context, req Request, in RemoveLogin) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RemoveLogin", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	return c.removeLogin(ctx, req, in.Login)
}

func (c *Commands) removeLogin(ctx context.Context, req Request, login id.ID) (Receipt, error) {
	d := access.LoginDecider()
	l, err := load(ctx, c.Executor, d, d.Stream(string(login)), Request{Account: req.Account, Contact: req.Contact})
	if err != nil {
		return Receipt{}, err
	}
	if !l.exists {
		return Receipt{}, fault.New(fault.NotFound, "not_found")
	}
	req = req.of(l.owner)
	if err := c.forgetPassword(ctx, req, login); err != nil {
		return Receipt{}, err
	}
	rcpt, err := Execute(ctx, c.Executor, d, string(login), req.step("login removed"), access.RemoveLogin)
	if err != nil {
		return rcpt, err
	}
	if err := c.endSessions(ctx, req, login); err != nil {
		return rcpt, err
	}
	if err := c.Vault.ClearFactors(ctx, req.Account, login); err != nil {
		return rcpt, fmt.Errorf("forgetting the factors of login %s: %w", login, err)
	}
	if err := c.closeLinks(ctx, req); err != nil {
		return rcpt, err
	}
	if _, err := Execute(ctx, c.Executor, access.RosterDecider(), string(l.owner), req.step("delist "+string(login)), func(s access.Roster) ([]event.Event, error) {
		return access.DelistLogin(s, login)
	}); err != nil {
		return rcpt, err
	}
	return rcpt, c.releaseEmail(ctx, req, loginEmail, l.state.Email, login)
}
