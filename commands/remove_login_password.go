package commands

import (
	"context"
	"fmt"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/id"
)

// RemoveLoginPassword names a login.
type RemoveLoginPassword struct{ Login id.ID }

// RemoveLoginPassword takes a login's password away, for staff, and its passkeys, which
// sign in without one. Its sessions end at once.
func (c *Commands) RemoveLoginPassword(ctx context.Context, req Request, in RemoveLoginPassword) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RemoveLoginPassword", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	l, err := c.loginState(ctx, req, in.Login)
	if err != nil {
		return Receipt{}, err
	}
	req = req.of(l.contact)
	if err := c.forgetPassword(ctx, req, l.id); err != nil {
		return Receipt{}, err
	}
	rcpt, err := Execute(ctx, c.Executor, access.LoginDecider(), string(l.id), req.step("password removed"), access.RemovePassword)
	if err != nil {
		return rcpt, err
	}
	if err := c.dropPasskeys(ctx, req, person{actor: event.Actor{Kind: event.ActorLogin, ID: string(l.id)}, id: l.id, contact: l.contact}); err != nil {
		return rcpt, err
	}
	// Links that a password closed stay closed, even where setting it broke off half-way.
	if err := c.closeLinks(ctx, req); err != nil {
		return rcpt, err
	}
	_, err = Execute(ctx, c.Executor, access.RosterDecider(), string(l.contact), req.step("unsecure "+string(l.id)), func(s access.Roster) ([]event.Event, error) {
		return access.Unsecure(s, l.id)
	})
	return rcpt, err
}

// forgetPassword takes out of the vault what lets a login in.
func (c *Commands) forgetPassword(ctx context.Context, req Request, login id.ID) error {
	if err := c.Vault.RemovePassword(ctx, req.Account, login); err != nil {
		return fmt.Errorf("removing the password of login %s: %w", login, err)
	}
	if err := c.Vault.RevokeTokens(ctx, req.Account, PurposeRecovery, login); err != nil {
		return fmt.Errorf("voiding recovery links of login %s: %w", login, err)
	}
	return c.endSessions(ctx, req, login)
}

// endSessions ends a login's sessions. It is called again once the log says why they
// end: a sign-in that was under way then finds its login closed.
func (c *Commands) endSessions(ctx context.Context, req Request, login id.ID) error {
	if err := c.Vault.EndSessions(ctx, req.Account, event.Actor{Kind: event.ActorLogin, ID: string(login)}, ""); err != nil {
		return fmt.Errorf("ending sessions of login %s: %w", login, err)
	}
	return nil
}
