package commands

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"lonja/domain/access"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// The purposes of the tokens that these commands hand out.
const (
	PurposeRecovery = "recovery"
	PurposeLink     = "link"
)

// checkPassword refuses a weak password, or one made from what is known about its person.
func (c *Commands) checkPassword(ctx context.Context, req Request, field, password string, about ...string) error {
	acc, err := c.accountState(ctx, req)
	if err != nil {
		return err
	}
	if f := access.CheckPassword(password, append(about, acc.Details.Name)...); f != nil {
		f.Field = field
		return f
	}
	return nil
}

// checkLoginPassword is checkPassword for a login.
func (c *Commands) checkLoginPassword(ctx context.Context, req Request, field, password string, l loginOf) error {
	who, err := c.contactState(ctx, req.of(l.contact), l.contact)
	if err != nil {
		return err
	}
	d := who.Details
	return c.checkPassword(ctx, req, field, password, l.Email, l.Name, d.Name, d.TradeName, d.TaxID, d.Email, d.Person)
}

// keepPassword puts a password into the vault. That somebody else uses it is all that
// the refusal says.
func (c *Commands) keepPassword(ctx context.Context, req Request, owner string, login id.ID, password string) error {
	err := c.Vault.SetPassword(ctx, req.Account, owner, login, password)
	if errors.Is(err, ErrPasswordTaken) {
		return fault.Field("password", "password.taken")
	}
	if err != nil {
		return fmt.Errorf("keeping the password of %s: %w", login, err)
	}
	return nil
}

// setPassword gives a login a password: into the vault, then every session but the kept
// one ends, the contact's open links become sign-in links, recovery links are void, and
// last the log says so. Until then nobody can sign in with it. Each step can be repeated,
// so that a repeated act finishes what a broken-off one left.
func (c *Commands) setPassword(ctx context.Context, req Request, l loginOf, password string, by access.PasswordBy, kept string) (Receipt, error) {
	req = req.of(l.contact)
	d := access.LoginDecider()
	before, err := load(ctx, c.Executor, d, d.Stream(string(l.id)), req.step("password set"))
	if err != nil {
		return Receipt{}, err
	}
	if before.done != nil {
		return Receipt{Receipt: *before.done}, nil
	}
	if err := c.keepPassword(ctx, req, string(l.contact), l.id, password); err != nil {
		return Receipt{}, err
	}
	if err := c.Vault.EndSessions(ctx, req.Account, event.Actor{Kind: event.ActorLogin, ID: string(l.id)}, kept); err != nil {
		return Receipt{}, fmt.Errorf("ending sessions of login %s: %w", l.id, err)
	}
	if _, err := ExecuteFor(ctx, c.Executor, access.RosterDecider(), string(l.contact), req.step("secure "+string(l.id)+" "+strconv.FormatInt(int64(l.revision), 10)), l.contact, func(s access.Roster) ([]event.Event, error) {
		return access.Secure(s, l.id, req.At)
	}); err != nil {
		return Receipt{}, err
	}
	if err := c.closeLinks(ctx, req); err != nil {
		return Receipt{}, err
	}
	if err := c.Vault.RevokeTokens(ctx, req.Account, PurposeRecovery, l.id); err != nil {
		return Receipt{}, fmt.Errorf("voiding recovery links of login %s: %w", l.id, err)
	}
	// Whoever guessed at codes knew the old one; by the mailbox they may know this one as well.
	if by != access.ByRecovery {
		if err := c.Vault.ForgetTries(ctx, req.Account, l.id); err != nil {
			return Receipt{}, fmt.Errorf("forgetting the tries of login %s: %w", l.id, err)
		}
	}
	rcpt, err := Execute(ctx, c.Executor, d, string(l.id), req.step("password set"), func(s access.Login) ([]event.Event, error) {
		return access.SetPassword(s, by)
	})
	if err != nil {
		return rcpt, err
	}
	// Once more: a sign-in by the old password that was under way either started its
	// session before this, or finds the login changed.
	if err := c.Vault.EndSessions(ctx, req.Account, event.Actor{Kind: event.ActorLogin, ID: string(l.id)}, kept); err != nil {
		return rcpt, fmt.Errorf("ending sessions of login %s: %w", l.id, err)
	}
	return rcpt, nil
}

// closeLinks turns the links that were open when the contact got its first password
// into sign-in links for good.
func (c *Commands) closeLinks(ctx context.Context, req Request) error {
	roster, _, err := State(ctx, c.Executor, access.RosterDecider(), string(req.Contact), req)
	if err != nil {
		return err
	}
	for _, link := range roster.Closed {
		if _, err := Execute(ctx, c.Executor, access.LinkDecider(), string(link), req.step("close link"), access.CloseLink); err != nil {
			return err
		}
		if err := c.Vault.EndSessions(ctx, req.Account, event.Actor{Kind: event.ActorLink, ID: string(link)}, ""); err != nil {
			return fmt.Errorf("ending sessions of link %s: %w", link, err)
		}
	}
	return nil
}

// loginOf is a login with the contact that it is of.
type loginOf struct {
	access.Login
	id       id.ID
	contact  id.Contact
	revision event.Revision
}

// loginState returns a login that the request may see and that was not removed.
func (c *Commands) loginState(ctx context.Context, req Request, login id.ID) (loginOf, error) {
	d := access.LoginDecider()
	l, err := load(ctx, c.Executor, d, d.Stream(string(login)), Request{Account: req.Account, Contact: req.Contact})
	if err == nil && !l.state.Active() {
		err = fault.New(fault.NotFound, "not_found")
	}
	return loginOf{Login: l.state, id: login, contact: l.owner, revision: l.revision}, err
}
