package commands

import (
	"context"
	"errors"
	"fmt"

	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// ChangeStaffRole says what a person of the account may do.
type ChangeStaffRole struct {
	Staff id.ID
	Role  account.StaffRole
}

// ChangeStaffRole sets what a person of the account may do, from their next act on. Their
// sessions end. The last administrator stays one.
func (c *Commands) ChangeStaffRole(ctx context.Context, req Request, in ChangeStaffRole) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ChangeStaffRole", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffAdmin); err != nil {
		return Receipt{}, err
	}
	change := func(s account.Member) ([]event.Event, error) { return account.ChangeStaffRole(s, in.Role) }
	member, _, err := State(ctx, c.Executor, account.StaffDecider(), string(in.Staff), req.ofAccount())
	if err != nil {
		return Receipt{}, err
	}
	if _, err := change(member); err != nil {
		return Receipt{}, err
	}
	if in.Role != account.StaffAdmin {
		if err := c.delistAdmin(ctx, req, in.Staff); err != nil {
			return Receipt{}, err
		}
	}
	rcpt, err := Execute(ctx, c.Executor, account.StaffDecider(), string(in.Staff), req.ofAccount(), change)
	if err != nil {
		return rcpt, err
	}
	if in.Role == account.StaffAdmin {
		if err := c.listAdmin(ctx, req, in.Staff); err != nil {
			return rcpt, err
		}
	}
	if err := c.Vault.EndSessions(ctx, req.Account, event.Actor{Kind: event.ActorStaff, ID: string(in.Staff)}, ""); err != nil {
		return rcpt, fmt.Errorf("ending sessions of staff %s: %w", in.Staff, err)
	}
	return rcpt, nil
}

// listAdmin notes that a person is an administrator. One who was removed meanwhile is
// taken off again.
func (c *Commands) listAdmin(ctx context.Context, req Request, staff id.ID) error {
	// While read models are being filled nobody can be asked who was one before.
	if err := c.knowAdmins(ctx, req); err != nil && !errors.Is(err, readmodels.ErrNoTable) {
		return err
	}
	if err := c.onAdmins(ctx, req.step("list admin"), func(s account.Admins) ([]event.Event, error) { return account.ListAdmins(s, staff) }); err != nil {
		return err
	}
	is, err := c.isAdmin(ctx, req, staff)
	if err != nil || is {
		return err
	}
	err = c.onAdmins(ctx, req.step("take admin off again"), func(s account.Admins) ([]event.Event, error) { return account.DelistAdmin(s, staff) })
	if fault.Is(err, fault.Conflict) {
		return nil // nobody else is one: who removed them was told so
	}
	return err
}

// delistAdmin notes that a person is about to be no administrator; the last one is refused.
func (c *Commands) delistAdmin(ctx context.Context, req Request, staff id.ID) error {
	if err := c.knowAdmins(ctx, req); err != nil {
		return err
	}
	return c.onAdmins(ctx, req.step("delist admin"), func(s account.Admins) ([]event.Event, error) { return account.DelistAdmin(s, staff) })
}

// knowAdmins starts the list of an account that is older than it.
func (c *Commands) knowAdmins(ctx context.Context, req Request) error {
	s, _, err := State(ctx, c.Executor, account.AdminsDecider(), string(req.Account), req.ofAccount())
	if err != nil || s.Known || c.Read == nil {
		return err
	}
	people, err := readmodels.ListStaff(ctx, readmodels.ForStaff(c.Read, req.Account))
	if err != nil {
		return fmt.Errorf("listing administrators: %w", err)
	}
	var admins []id.ID
	for i := range people {
		is, err := c.isAdmin(ctx, req, people[i].ID)
		if err != nil {
			return err
		}
		if is {
			admins = append(admins, people[i].ID)
		}
	}
	return c.onAdmins(ctx, req.step("know admins"), func(s account.Admins) ([]event.Event, error) {
		if s.Known {
			return nil, nil
		}
		return account.ListAdmins(s, admins...)
	})
}

func (c *Commands) isAdmin(ctx context.Context, req Request, staff id.ID) (bool, error) {
	m, _, err := State(ctx, c.Executor, account.StaffDecider(), string(staff), req.ofAccount())
	return m.Active() && m.Role == account.StaffAdmin, err
}

func (c *Commands) onAdmins(ctx context.Context, req Request, decide func(account.Admins) ([]event.Event, error)) error {
	_, err := Execute(ctx, c.Executor, account.AdminsDecider(), string(req.Account), req.ofAccount(), decide)
	return err
}
