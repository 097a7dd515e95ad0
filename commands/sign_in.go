package commands

import (
	"context"
	"errors"
	"fmt"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/event"
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
	// At is the revision of the login that was found, for StartSession.
	At event.Revision
}

// SignIn checks an email and a password. It says the same, after the same work, whatever
// of the two is wrong. The session is the caller's to start, by StartSession.
func (c *Commands) SignIn(ctx context.Context, req Request, in SignIn) (SignedIn, error) {
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
	if !right || claim.Owner == "" || found != nil || !l.HasPassword {
		return SignedIn{}, fault.New(fault.Unauthorized, "signin.failed")
	}
	if _, err := c.contactState(ctx, req.of(claim.Contact), claim.Contact); err != nil {
		if fault.Is(err, fault.NotFound) {
			err = fault.New(fault.Unauthorized, "signin.failed")
		}
		return SignedIn{}, err
	}
	return SignedIn{Login: claim.Owner, Contact: claim.Contact, Name: l.Name, Role: l.Role, At: l.revision}, nil
}

// StartSession starts a session for who signed in, and returns its secret. It refuses,
// and leaves no session, where the password was changed or the access ended since the
// revision that the sign-in found: that has ended the sessions that there were, and this
// one would outlive it.
func (c *Commands) StartSession(ctx context.Context, s Session, at event.Revision) (string, error) {
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
	}
	return false, nil
}
