package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/event"
)

// ChangeAccount changes the account's own details.
type ChangeAccount struct {
	Details account.Opened
}

// ChangeAccount replaces the account's details; its currency can't change.
func (c *Commands) ChangeAccount(ctx context.Context, req Request, in ChangeAccount) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ChangeAccount", req.TraceParent)
	defer func() { end(failed) }()
	return c.onAccount(ctx, req, func(s account.State) ([]event.Event, error) { return account.Change(s, in.Details) })
}

// onAccount runs a decision of an administrator on the account.
func (c *Commands) onAccount(ctx context.Context, req Request, decide func(account.State) ([]event.Event, error)) (Receipt, error) {
	if err := c.authoriseStaff(ctx, req, account.StaffAdmin); err != nil {
		return Receipt{}, err
	}
	return Execute(ctx, c.Executor, account.Decider(), string(req.Account), req.ofAccount(), decide)
}
