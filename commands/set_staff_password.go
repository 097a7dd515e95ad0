package commands

import (
	"context"
	"fmt"

	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// SetStaffPassword is a new password of a person of the account.
type SetStaffPassword struct {
	Staff    id.ID
	Password string
}

// SetStaffPassword sets a colleague's password, for administrators. All sessions of the
// person end. Nobody sets their own, which ChangeStaffPassword asks the current one for.
func (c *Commands) SetStaffPassword(ctx context.Context, req Request, in SetStaffPassword) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "SetStaffPassword", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffAdmin); err != nil {
		return Receipt{}, err
	}
	if req.Actor == (event.Actor{Kind: event.ActorStaff, ID: string(in.Staff)}) {
		return Receipt{}, fault.New(fault.Conflict, "password.own")
	}
	member, _, err := State(ctx, c.Executor, account.StaffDecider(), string(in.Staff), req.ofAccount())
	if err != nil {
		return Receipt{}, err
	}
	if !member.Active() {
		return Receipt{}, fault.New(fault.NotFound, "not_found")
	}
	if err := c.checkPassword(ctx, req, "password", in.Password, member.Email, member.Name); err != nil {
		return Receipt{}, err
	}
	return c.setStaffPassword(ctx, req, in.Staff, in.Password, "")
}

func (c *Commands) setStaffPassword(ctx context.Context, req Request, staff id.ID, password, kept string) (Receipt, error) {
	d, step := account.StaffDecider(), req.ofAccount().step("staff password")
	before, err := load(ctx, c.Executor, d, d.Stream(string(staff)), step)
	if err != nil {
		return Receipt{}, err
	}
	if before.done != nil { // the password may be another by now
		return Receipt{Receipt: *before.done}, nil
	}
	if err := c.keepPassword(ctx, req, string(staff), staff, password); err != nil {
		return Receipt{}, err
	}
	if err := c.Vault.ForgetTries(ctx, req.Account, staff); err != nil {
		return Receipt{}, fmt.Errorf("forgetting the tries of staff %s: %w", staff, err)
	}
	end := func() error {
		if err := c.Vault.EndSessions(ctx, req.Account, event.Actor{Kind: event.ActorStaff, ID: string(staff)}, kept); err != nil {
			return fmt.Errorf("ending sessions of staff %s: %w", staff, err)
		}
		return nil
	}
	if err := end(); err != nil {
		return Receipt{}, err
	}
	rcpt, err := Execute(ctx, c.Executor, d, string(staff), step, account.SetStaffPassword)
	if err != nil {
		return rcpt, err
	}
	// Once more, for sign-ins by the old password that were under way; see setPassword.
	return rcpt, end()
}
