package commands

import (
	"context"
	"fmt"

	"lonja/domain/access"
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
}

// SignIn checks an email and a password. It says the same, in the same time, whatever
// of the two is wrong. The session is the caller's to start.
func (c *Commands) SignIn(ctx context.Context, req Request, in SignIn) (SignedIn, error) {
	claim, err := c.emailOwner(ctx, req, loginEmail, in.Email)
	if err != nil {
		return SignedIn{}, err
	}
	right, err := c.Vault.VerifyPassword(ctx, req.Account, claim.Owner, in.Password)
	if err != nil {
		return SignedIn{}, fmt.Errorf("verifying a password: %w", err)
	}
	if !right || claim.Owner == "" {
		return SignedIn{}, fault.New(fault.Unauthorized, "signin.failed")
	}
	l, err := c.loginState(ctx, req.of(claim.Contact), claim.Owner)
	if fault.Is(err, fault.NotFound) || err == nil && !l.HasPassword {
		return SignedIn{}, fault.New(fault.Unauthorized, "signin.failed")
	}
	if err != nil {
		return SignedIn{}, err
	}
	if _, err := c.contactState(ctx, req.of(claim.Contact), claim.Contact); err != nil {
		if fault.Is(err, fault.NotFound) {
			err = fault.New(fault.Unauthorized, "signin.failed")
		}
		return SignedIn{}, err
	}
	return SignedIn{Login: claim.Owner, Contact: claim.Contact, Name: l.Name, Role: l.Role}, nil
}
