package commands

import (
	"context"
	"fmt"
	"slices"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/invitation"
)

// InviteContact names a contact to invite to the portal.
type InviteContact struct{ Contact id.Contact }

// InviteContact has an invitation mailed to a contact, for staff: to its main login, which
// is made of the record's email where nobody has one. Who has no password gets a link to
// create it. Nothing changes where an invitation went out a short time ago.
func (c *Commands) InviteContact(ctx context.Context, req Request, in InviteContact) (_ id.ID, _ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "InviteContact", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return "", Receipt{}, err
	}
	return c.invite(ctx, req, in.Contact)
}

func (c *Commands) invite(ctx context.Context, req Request, contact id.Contact) (id.ID, Receipt, error) {
	who, err := c.contactState(ctx, req, contact)
	if err != nil {
		return "", Receipt{}, err
	}
	login, err := c.invited(ctx, req.of(contact), contact)
	if err != nil {
		return "", Receipt{}, err
	}
	if login == "" {
		if who.Details.Email == "" {
			return "", Receipt{}, fault.New(fault.Conflict, "invitation.no_email")
		}
		login, _, err = c.createLogin(ctx, req.step("invited login"), CreateLogin{Contact: contact, Email: who.Details.Email, Name: who.Details.Person, Role: access.Full, Main: true})
		if err != nil {
			return "", Receipt{}, err
		}
	}
	rcpt, err := Execute(ctx, c.Executor, access.LoginDecider(), string(login), req.of(contact).step("invite"), func(s access.Login) ([]event.Event, error) {
		return access.Invite(s, req.At)
	})
	return login, rcpt, err
}

// invited returns the login that an invitation of the contact goes to: the main one, else
// the first; "" where there is none.
func (c *Commands) invited(ctx context.Context, req Request, contact id.Contact) (id.ID, error) {
	roster, _, err := State(ctx, c.Executor, access.RosterDecider(), string(contact), req)
	if err != nil {
		return "", err
	}
	first := id.ID("")
	for _, login := range roster.Logins {
		l, err := c.loginState(ctx, req, login)
		switch {
		case fault.Is(err, fault.NotFound): // listed, and never made
		case err != nil:
			return "", err
		case l.Main:
			return login, nil
		case first == "":
			first = login
		}
	}
	return first, nil
}

// StartInvitations names the contacts to invite to the portal.
type StartInvitations struct{ Contacts []id.Contact }

// StartInvitations has many contacts invited, for staff. It returns the id under which to
// see how far that has come.
func (c *Commands) StartInvitations(ctx context.Context, req Request, in StartInvitations) (_ id.ID, _ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "StartInvitations", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return "", Receipt{}, err
	}
	for _, who := range in.Contacts {
		l, err := load(ctx, c.Executor, presence("contact"), "contact-"+string(who), Request{Account: req.Account, Contact: req.Contact})
		if err == nil && (!l.exists || !id.Valid(who)) {
			err = fault.New(fault.NotFound, "not_found")
		}
		if err != nil {
			return "", Receipt{}, err
		}
	}
	made := id.Derive("invitations", string(req.Account), req.Command.String(), string(req.Actor.Kind), req.Actor.ID)
	req.Correlation = made // by which the mails that follow are found
	rcpt, err := Execute(ctx, c.Executor, invitation.Decider(), made.String(), req.ofAccount(), func(s invitation.State) ([]event.Event, error) {
		return invitation.Start(s, in.Contacts)
	})
	return id.ID(made.String()), rcpt, err
}

// invitationsStep is how many contacts are invited between two looks at the log.
const invitationsStep = 10

// AdvanceInvitations invites the next few of those whom staff named. Only the system does,
// until nobody is left.
func (c *Commands) AdvanceInvitations(ctx context.Context, req Request, batch id.ID) (failed error) {
	ctx, end, failed := c.begin(ctx, "AdvanceInvitations", req.TraceParent)
	defer func() { end(failed) }()
	if err := systemOnly(req); err != nil {
		return err
	}
	req = req.ofAccount()
	s, _, err := State(ctx, c.Executor, invitation.Decider(), string(batch), req)
	if err != nil {
		return err
	}
	var results []invitation.Result
	for _, contact := range s.Rest(invitationsStep) {
		// The same step invites the same, whichever event it answers.
		step := req
		step.Command = id.Derive("invitation", string(batch), string(contact))
		login, rcpt, err := c.invite(ctx, step, contact)
		outcome, err := outcomeOf(rcpt, err)
		if err != nil {
			return fmt.Errorf("inviting contact %s: %w", contact, err)
		}
		if outcome != invitation.Invited {
			login = ""
		}
		results = append(results, invitation.Result{Contact: contact, Outcome: outcome, Login: login})
	}
	_, err = Execute(ctx, c.Executor, invitation.Decider(), string(batch), req, func(s invitation.State) ([]event.Event, error) {
		return invitation.Advance(s, results)
	})
	return err
}

// outcomeOf tells a refusal, which is about this contact alone, from an error.
func outcomeOf(rcpt Receipt, err error) (invitation.Outcome, error) {
	f, refused := fault.As(err)
	switch {
	case err == nil && (rcpt.Changed || rcpt.Again):
		return invitation.Invited, nil
	case err == nil:
		return invitation.Already, nil
	case !refused || f.Kind == fault.Unavailable:
		return "", err
	case f.Key == "invitation.no_email":
		return invitation.NoEmail, nil
	case f.Key == "email.taken":
		return invitation.Taken, nil
	case f.Kind == fault.NotFound:
		return invitation.Missing, nil
	}
	return invitation.Refused, nil
}

// Invitations returns how far an invitation of many has come, for staff.
func (c *Commands) Invitations(ctx context.Context, req Request, batch id.ID) (invitation.State, error) {
	if err := c.authoriseStaff(ctx, req, account.StaffReader); err != nil {
		return invitation.State{}, err
	}
	if !id.Valid(batch) {
		return invitation.State{}, fault.New(fault.NotFound, "not_found")
	}
	s, ok, err := State(ctx, c.Executor, invitation.Decider(), string(batch), req.ofAccount())
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "not_found")
	}
	s.Results = slices.Clip(s.Results)
	return s, err
}
