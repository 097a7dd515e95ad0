package commands

import (
	"context"
	"errors"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/id"
)

// CreateLogin is a person of a contact. Without an email it is the contact's main one.
type CreateLogin struct {
	Contact     id.Contact
	Email, Name string
	Role        access.Role
	Main        bool
	Password    string // "": the person creates it by mail
}

// CreateLogin gives a person of a contact an own sign-in. Where its password is refused
// there is no login either.
func (c *Commands) CreateLogin(ctx context.Context, req Request, in CreateLogin) (_ id.ID, _ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "CreateLogin", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return "", Receipt{}, err
	}
	who, err := c.contactState(ctx, req, in.Contact)
	if err != nil {
		return "", Receipt{}, err
	}
	if in.Email == "" {
		in.Email, in.Main = who.Details.Email, true
	}
	if in.Password == "" {
		return c.createLogin(ctx, req, in)
	}
	return c.createLoginWithPassword(ctx, req, in, who.Details)
}

func (c *Commands) createLoginWithPassword(ctx context.Context, req Request, in CreateLogin, d contact.Details) (id.ID, Receipt, error) {
	if _, err := access.CreateLogin(access.Login{}, in.Email, in.Name, in.Role, in.Main); err != nil {
		return "", Receipt{}, err
	}
	if err := c.checkPassword(ctx, req, "password", in.Password, in.Email, in.Name, d.Name, d.TradeName, d.TaxID, d.Email, d.Person); err != nil {
		return "", Receipt{}, err
	}
	login := newLogin(req, in.Contact)
	before, err := load(ctx, c.Executor, access.LoginDecider(), access.LoginDecider().Stream(string(login)), req.of(in.Contact))
	if err != nil {
		return "", Receipt{}, err
	}
	// The vault first, which alone knows whether the password is another's.
	if !before.exists {
		if err := c.keepPassword(ctx, req, string(in.Contact), login, in.Password); err != nil {
			return "", Receipt{}, err
		}
	}
	_, made, err := c.createLogin(ctx, req, in)
	if err != nil && !before.exists {
		return "", Receipt{}, errors.Join(err, c.Vault.RemovePassword(context.WithoutCancel(ctx), req.Account, login))
	}
	if err != nil {
		return "", Receipt{}, err
	}
	l, err := c.loginState(ctx, req, login)
	if err != nil {
		return "", Receipt{}, err
	}
	rcpt, err := c.setPassword(ctx, req, l, in.Password, access.ByStaff, "")
	rcpt.Changed = rcpt.Changed || made.Changed
	return login, rcpt, err
}

// newLogin is the login of a contact that a request creates.
func newLogin(req Request, who id.Contact) id.ID {
	return id.DeriveID("login", string(who), req.Command.String(), string(req.Actor.Kind), req.Actor.ID)
}

func (c *Commands) createLogin(ctx context.Context, req Request, in CreateLogin) (id.ID, Receipt, error) {
	create := func(s access.Login) ([]event.Event, error) {
		return access.CreateLogin(s, in.Email, in.Name, in.Role, in.Main)
	}
	if _, err := create(access.Login{}); err != nil {
		return "", Receipt{}, err
	}
	login := newLogin(req, in.Contact)
	if err := c.claimEmail(ctx, req, loginEmail, in.Email, login, in.Contact); err != nil {
		return "", Receipt{}, err
	}
	req = req.of(in.Contact)
	if _, err := ExecuteFor(ctx, c.Executor, access.RosterDecider(), string(in.Contact), req.step("list "+string(login)), in.Contact, func(s access.Roster) ([]event.Event, error) {
		return access.ListLogin(s, login)
	}); err != nil {
		return "", Receipt{}, err
	}
	rcpt, err := ExecuteFor(ctx, c.Executor, access.LoginDecider(), string(login), req, in.Contact, create)
	return login, rcpt, err
}
