package commands

import (
	"context"
	"fmt"
	"time"

	"lonja/domain/access"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// RequestRecovery is the email of somebody who wants to create or recover a password.
type RequestRecovery struct{ Email string }

// Recovery is who gets a mail, where anybody does. The page answers the same either way.
type Recovery struct {
	Send    bool
	Until   time.Time
	Login   id.ID
	Contact id.Contact
}

// recoveryTime is how long the answer takes, whatever was found.
const recoveryTime = 400 * time.Millisecond

// RequestRecovery asks for a mail with a recovery link for the login with the email: to the
// address on record, never to the one that was typed. The main email of a contact that
// never had a login gets its first one. It takes the same time for an email that nobody has.
func (c *Commands) RequestRecovery(ctx context.Context, req Request, in RequestRecovery) (_ Recovery, failed error) {
	ctx, end, failed := c.begin(ctx, "RequestRecovery", req.TraceParent)
	defer func() { end(failed) }()
	timer := time.NewTimer(recoveryTime)
	defer timer.Stop()
	r, err := c.requestRecovery(ctx, req.ofAccount(), in.Email)
	select {
	case <-timer.C:
	case <-ctx.Done():
		return Recovery{}, fmt.Errorf("requesting a recovery: %w", ctx.Err())
	}
	return r, err
}

func (c *Commands) requestRecovery(ctx context.Context, req Request, email string) (Recovery, error) {
	clean, ok := access.CleanEmail(email)
	if !ok {
		return Recovery{}, nil
	}
	claim, err := c.emailOwner(ctx, req, loginEmail, clean)
	if err != nil {
		return Recovery{}, err
	}
	if claim.Owner == "" {
		if claim, err = c.firstLogin(ctx, req, clean); err != nil || claim.Owner == "" {
			return Recovery{}, err
		}
	}
	req = req.of(claim.Contact)
	if _, err := c.contactState(ctx, req, claim.Contact); err != nil {
		return Recovery{}, quiet(err)
	}
	l, err := c.loginState(ctx, req, claim.Owner)
	if err != nil || l.Email != clean { // the trace of an email that it had
		return Recovery{}, quiet(err)
	}
	rcpt, err := Execute(ctx, c.Executor, access.LoginDecider(), string(claim.Owner), req.step("recovery"), func(s access.Login) ([]event.Event, error) {
		return access.RequestRecovery(s, req.At)
	})
	if err != nil || !rcpt.Changed && !rcpt.Again {
		return Recovery{}, quiet(err)
	}
	if l, err = c.loginState(ctx, req, claim.Owner); err != nil {
		return Recovery{}, quiet(err)
	}
	return Recovery{Send: true, Until: l.Recovery, Login: claim.Owner, Contact: claim.Contact}, nil
}

// quiet hides that something is not there.
func quiet(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// firstLogin creates the main login of the contact whose main email it is, if the
// contact never had one. Where staff removed what there was, nothing comes back by itself.
func (c *Commands) firstLogin(ctx context.Context, req Request, email string) (access.EmailClaim, error) {
	held, err := c.identityHolder(ctx, req, contact.KindEmail, email)
	if err != nil || !held.rightful {
		return access.EmailClaim{}, err
	}
	roster, _, err := State(ctx, c.Executor, access.RosterDecider(), string(held.contact), req.of(held.contact))
	if err != nil || roster.Known {
		return access.EmailClaim{}, err
	}
	login, _, err := c.createLogin(ctx, req.step("first login"), CreateLogin{Contact: held.contact, Email: email, Role: access.Full, Main: true})
	return access.EmailClaim{Owner: login, Contact: held.contact}, err
}
