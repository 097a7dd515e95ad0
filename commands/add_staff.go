package commands

import (
	"context"
	"fmt"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/id"
)

// AddStaff is a person of the account. Without a password they can't sign in yet.
type AddStaff struct {
	Email, Name string
	Role        account.StaffRole
	Password    string
}

// AddStaff gives a person of the account access to the staff side.
func (c *Commands) AddStaff(ctx context.Context, req Request, in AddStaff) (_ id.ID, _ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "AddStaff", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffAdmin); err != nil {
		return "", Receipt{}, err
	}
	email, ok := access.CleanEmail(in.Email)
	if !ok {
		email = ""
	}
	add := func(s account.Member) ([]event.Event, error) { return account.AddStaff(s, email, in.Name, in.Role) }
	if _, err := add(account.Member{}); err != nil {
		return "", Receipt{}, err
	}
	if in.Password != "" {
		if err := c.checkPassword(ctx, req, "password", in.Password, email, in.Name); err != nil {
			return "", Receipt{}, err
		}
	}
	staff := id.DeriveID("staff", string(req.Account), req.Command.String(), string(req.Actor.Kind), req.Actor.ID)
	if err := c.Vault.EnsureKey(ctx, req.Account, string(req.Account)); err != nil {
		return "", Receipt{}, fmt.Errorf("adding staff: %w", err)
	}
	if err := c.claimEmail(ctx, req, staffEmail, email, staff, ""); err != nil {
		return "", Receipt{}, err
	}
	rcpt, err := Execute(ctx, c.Executor, account.StaffDecider(), string(staff), req.ofAccount(), add)
	if err == nil && in.Role == account.StaffAdmin {
		err = c.listAdmin(ctx, req, staff)
	}
	if err != nil || in.Password == "" {
		return staff, rcpt, err
	}
	set, err := c.setStaffPassword(ctx, req, staff, in.Password, "")
	set.Changed = set.Changed || rcpt.Changed
	return staff, set, err
}
