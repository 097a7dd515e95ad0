package commands

import (
	"context"
	"fmt"

	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// RemoveStaff names a person of the account.
type RemoveStaff struct{ Staff id.ID }

// RemoveStaff ends a person's access, and every session of theirs. The last administrator
// can't be removed.
func (c *Commands) RemoveStaff(ctx context.Context, req Request, in RemoveStaff) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RemoveStaff", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffAdmin); err != nil {
		return Receipt{}, err
	}
	member, _, err := State(ctx, c.Executor, account.StaffDecider(), string(in.Staff), req.ofAccount())
	if err != nil {
		return Receipt{}, err
	}
	if !member.Exists {
		return Receipt{}, fault.New(fault.NotFound, "not_found")
	}
	if err := c.delistAdmin(ctx, req, in.Staff); err != nil {
		return Receipt{}, err
	}
	if err := c.Vault.RemovePassword(ctx, req.Account, in.Staff); err != nil {
		return Receipt{}, fmt.Errorf("removing staff %s: %w", in.Staff, err)
	}
	rcpt, err := Execute(ctx, c.Executor, account.StaffDecider(), string(in.Staff), req.ofAccount(), account.RemoveStaff)
	if err != nil {
		return rcpt, err
	}
	// After the event: a sign-in under way when the password went finds the person removed.
	if err := c.Vault.EndSessions(ctx, req.Account, event.Actor{Kind: event.ActorStaff, ID: string(in.Staff)}, ""); err != nil {
		return rcpt, fmt.Errorf("ending sessions of staff %s: %w", in.Staff, err)
	}
	if err := c.Vault.ClearFactors(ctx, req.Account, in.Staff); err != nil {
		return rcpt, fmt.Errorf("forgetting the factors of staff %s: %w", in.Staff, err)
	}
	return rcpt, c.releaseEmail(ctx, req, staffEmail, member.Email, in.Staff)
}
