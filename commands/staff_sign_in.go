package commands

import (
	"context"
	"fmt"

	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// StaffSignIn is what a person of the account types to sign in.
type StaffSignIn struct{ Email, Password string }

// StaffSignedIn is who they are.
type StaffSignedIn struct {
	Staff id.ID
	Name  string
	Role  account.StaffRole
	// Second says that the password is not enough; see SignedIn.
	Second bool
	// At is the revision of the person that was found, for StartSession.
	At event.Revision
}

// StaffSignIn checks an email and a password of staff. It says the same, after the same
// work, whatever of the two is wrong. The session is the caller's to start, by StartSession.
func (c *Commands) StaffSignIn(ctx context.Context, req Request, in StaffSignIn) (_ StaffSignedIn, failed error) {
	ctx, end, failed := c.begin(ctx, "StaffSignIn", req.TraceParent)
	defer func() { end(failed) }()
	claim, err := c.emailOwner(ctx, req, staffEmail, in.Email)
	if err != nil {
		return StaffSignedIn{}, err
	}
	member, at, err := StateAt(ctx, c.Executor, account.StaffDecider(), string(claim.Owner), req.ofAccount())
	if err != nil {
		return StaffSignedIn{}, err
	}
	right, err := c.Vault.VerifyPassword(ctx, req.Account, claim.Owner, in.Password)
	if err != nil {
		return StaffSignedIn{}, fmt.Errorf("verifying a staff password: %w", err)
	}
	if !right || claim.Owner == "" || !member.Active() || !member.HasPassword {
		return StaffSignedIn{}, fault.New(fault.Unauthorized, "signin.failed")
	}
	return StaffSignedIn{Staff: claim.Owner, Name: member.Name, Role: member.Role, Second: member.Factors.Second(), At: at}, nil
}
