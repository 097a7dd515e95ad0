package commands

import (
	"context"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/id"
)

// ChangeLoginRole says what a login may do.
type ChangeLoginRole struct {
	Login id.ID
	Role  access.Role
}

// ChangeLoginRole sets what a login may do, from its next act on. Its sessions end: one
// of a greater role is of another secret than one of a lesser.
func (c *Commands) ChangeLoginRole(ctx context.Context, req Request, in ChangeLoginRole) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ChangeLoginRole", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	rcpt, err := Execute(ctx, c.Executor, access.LoginDecider(), string(in.Login), req, func(s access.Login) ([]event.Event, error) {
		return access.ChangeRole(s, in.Role)
	})
	if err != nil {
		return rcpt, err
	}
	return rcpt, c.endSessions(ctx, req, in.Login)
}
