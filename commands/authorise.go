package commands

import (
	"context"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// authorise lets an act through that belongs to a contact's side and needs a role:
// the request's actor must be a login of the contact with that role, or hold a link that
// is open and leads to this very document. doc is empty for an act on no document,
// which no link allows. What everybody may do (need is access.Read: look, comment)
// staff may do too; what binds the contact (approve, pay, order) they may not. The
// system acts for reactions and tools of the operator.
func (c *Commands) authorise(ctx context.Context, req Request, doc id.ID, need access.Role) error {
	switch req.Actor.Kind {
	case event.ActorSystem:
		return nil
	case event.ActorStaff, event.ActorAPIKey:
		if need != access.Read {
			return fault.New(fault.Forbidden, "access.contact_only")
		}
		return c.authoriseStaff(ctx, req, account.StaffEditor)
	case event.ActorLogin:
		return c.authoriseLogin(ctx, req, need)
	case event.ActorLink:
		return c.authoriseLink(ctx, req, doc)
	}
	return fault.New(fault.NotFound, "not_found")
}

func (c *Commands) authoriseLogin(ctx context.Context, req Request, need access.Role) error {
	if req.Contact == "" {
		return fault.New(fault.Unauthorized, "access.ended")
	}
	login, _, err := State(ctx, c.Executor, access.LoginDecider(), req.Actor.ID, req)
	switch {
	case fault.Is(err, fault.NotFound) || err == nil && !login.Active():
		return fault.New(fault.Unauthorized, "access.ended")
	case err != nil:
		return err
	case !login.Role.Allows(need):
		return fault.New(fault.Forbidden, "access.role", fault.A("need", need))
	}
	return nil
}

func (c *Commands) authoriseLink(ctx context.Context, req Request, doc id.ID) error {
	if req.Contact == "" || doc == "" {
		return fault.New(fault.NotFound, "not_found")
	}
	link, _, err := State(ctx, c.Executor, access.LinkDecider(), req.Actor.ID, req)
	if err != nil {
		return err
	}
	if link.Document != doc {
		return fault.New(fault.NotFound, "not_found")
	}
	roster, _, err := State(ctx, c.Executor, access.RosterDecider(), string(req.Contact), req)
	if err != nil {
		return err
	}
	switch access.LinkDecision(link, roster.HasCredentials(), req.At) {
	case access.Open:
		return nil
	case access.SignIn:
		return fault.New(fault.Unauthorized, "link.sign_in")
	case access.Expired:
		return fault.New(fault.Gone, "link.expired")
	}
	return fault.New(fault.Gone, "link.revoked")
}

// authoriseStaff lets an act through that belongs to the account's side. For the people
// of a contact such acts do not exist. A program's key is an editor.
func (c *Commands) authoriseStaff(ctx context.Context, req Request, need account.StaffRole) error {
	switch req.Actor.Kind {
	case event.ActorSystem:
		return nil
	case event.ActorAPIKey:
		key, _, err := State(ctx, c.Executor, account.KeyDecider(), req.Actor.ID, req.ofAccount())
		switch {
		case fault.Is(err, fault.NotFound) || err == nil && (!key.Exists || key.Revoked):
			return fault.New(fault.Unauthorized, "access.ended")
		case err != nil:
			return err
		case !account.StaffEditor.Allows(need):
			return fault.New(fault.Forbidden, "access.role", fault.A("need", need))
		}
		return nil
	case event.ActorStaff:
		member, _, err := State(ctx, c.Executor, account.StaffDecider(), req.Actor.ID, req.ofAccount())
		switch {
		case fault.Is(err, fault.NotFound) || err == nil && !member.Active():
			return fault.New(fault.Unauthorized, "access.ended")
		case err != nil:
			return err
		case !member.Role.Allows(need):
			return fault.New(fault.Forbidden, "access.role", fault.A("need", need))
		case member.Factors.Second():
			return nil
		}
		required, err := c.StaffFactorRequired(ctx, req.Account)
		if err == nil && required {
			err = fault.New(fault.Forbidden, "factor.required")
		}
		return err
	}
	return fault.New(fault.NotFound, "not_found")
}
