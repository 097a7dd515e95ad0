package commands

import (
	"context"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/id"
)

// CreateLogin is a person of a contact. Without an email it is the contact's main one.
type CreateLogin struct {
	Contact     id.Contact
	Email, Name string
	Role        access.Role
	Main        bool
}

// CreateLogin gives a person of a contact an own sign-in, without a password yet.
func (c *Commands) CreateLogin(ctx context.Context, req Request, in CreateLogin) (id.ID, Receipt, error) {
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
	return c.createLogin(ctx, req, in)
}

func (c *Commands) createLogin(ctx context.Context, req Request, in CreateLogin) (id.ID, Receipt, error) {
	create := func(s access.Login) ([]event.Event, error) {
		return access.CreateLogin(s, in.Email, in.Name, in.Role, in.Main)
	}
	if _, err := create(access.Login{}); err != nil {
		return "", Receipt{}, err
	}
	login := id.DeriveID("login", string(in.Contact), req.Command.String(), string(req.Actor.Kind), req.Actor.ID)
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
