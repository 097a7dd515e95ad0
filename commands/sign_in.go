package commands

import (
	"context"
	"errors"
	"fmt"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/factor"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// SignIn is what a person of a contact types to sign in.
type SignIn struct{ Email, Password string }

// SignedIn is who they are.
type SignedIn struct {
	Login   id.ID
	Contact id.Contact
	Name    string
	Role    access.Role
	// Second says that the password is not enough: what comes besides is asked for by
	// BeginCode, and StartSession refuses without it.
	Second bool
	// At is the revision of the login that was found, for StartSession.
	At event.Revision
}

// SignIn checks an email and a password. It says the same, after the same work, whatever
// of the two is wrong. The session is the caller's to start, by StartSession.
func (c *Commands) SignIn(ctx context.Context, req Request, in SignIn) (_ SignedIn, failed error) {
	ctx, end, failed := c.begin(ctx, "SignIn", req.TraceParent)
	defer func() { end(failed) }()
	claim, err := c.emailOwner(ctx, req, loginEmail, in.Email)
	if err != nil {
		return SignedIn{}, err
	}
	// The login before its password: one that is set meanwhile shows by the revision.
	l, found := c.loginState(ctx, req.of(claim.Contact), claim.Owner)
	if found != nil && !fault.Is(found, fault.NotFound) {
		return SignedIn{}, found
	}
	right, err := c.Vault.VerifyPassword(ctx, req.Account, claim.Owner, in.Password)
	if err != nil {
		return SignedIn{}, fmt.Errorf("verifying a password: %w", err)
	}
	email, _ := access.CleanEmail(in.Email)
	if !right || claim.Owner == "" || found != nil || !l.HasPassword || l.Email != email {
		return SignedIn{}, fault.New(fault.Unauthorized, "signin.failed")
	}
	if _, err := c.contactState(ctx, req.of(claim.Contact), claim.Contact); err != nil {
		if fault.Is(err, fault.NotFound) {
			err = fault.New(fault.Unauthorized, "signin.failed")
		}
		return SignedIn{}, err
	}
	return SignedIn{Login: claim.Owner, Contact: claim.Contact, Name: l.Name, Role: l.Role, Second: l.Factors.Second(), At: l.revision}, nil
}

// Shown is what somebody showed to sign in.
type Shown uint8

// What it can be.
const (
	Password Shown = iota + 1 // the password alone, or the link that set it
	Second                    // a code besides it, or a passkey
)

// StartSession starts a session for who signed in, and returns its secret. It refuses
// where the password is not enough for the person and was all that they showed. It refuses,
// and leaves no session, where the password was changed or the access ended since the
// revision that the sign-in found: that has ended the sessions that there were, and this
// one would outlive it.
func (c *Commands) StartSession(ctx context.Context, s Session, at event.Revision, shown Shown) (string, error) {
	if shown != Second {
		p, err := c.personOf(ctx, Request{Account: s.Account}, s.Actor, s.Contact)
		if err != nil {
			return "", quietly(err)
		}
		if p.factors.Second() {
			return "", fault.New(fault.Unauthorized, "signin.code_needed")
		}
	}
	secret, err := c.Vault.StartSession(ctx, s)
	if err != nil {
		return "", fmt.Errorf("starting a session of %s %s: %w", s.Actor.Kind, s.Actor.ID, err)
	}
	ended, err := c.endedSince(ctx, s.Actor, at)
	if err == nil && !ended {
		return secret, nil
	}
	if err == nil {
		err = fault.New(fault.Unauthorized, "signin.failed")
	}
	return "", errors.Join(err, c.Vault.EndSession(context.WithoutCancel(ctx), secret))
}

// quietly is a refusal to sign in that does not say what is not there.
func quietly(err error) error {
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.Unauthorized, "signin.failed")
	}
	return err
}

// endedSince reports whether what ends an actor's sessions happened after the revision.
func (c *Commands) endedSince(ctx context.Context, who event.Actor, at event.Revision) (bool, error) {
	stream := access.LoginDecider().Stream(who.ID)
	if who.Kind == event.ActorStaff {
		stream = account.StaffDecider().Stream(who.ID)
	}
	newer, err := c.Store.ReadStream(ctx, stream, at+1, streamPage, nil)
	if err != nil || len(newer) == streamPage {
		return true, err
	}
	for i := range newer {
		rec, err := c.Codec.Decode(ctx, &newer[i])
		if err != nil {
			return false, fmt.Errorf("reading %s: %w", stream, err)
		}
		switch rec.Data.(type) {
		case access.PasswordSet, access.PasswordRemoved, access.LoginRemoved, access.RoleChanged, access.LoginChanged,
			account.StaffPasswordSet, account.StaffRoleChanged, account.StaffRemoved:
			return true, nil
		}
		if factor.Changes(rec.Data) {
			return true, nil
		}
	}
	return false, nil
}
