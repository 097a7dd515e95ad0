package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/id"
)

// EndLoginSessions names a login that is to be signed in nowhere.
type EndLoginSessions struct{ Login id.ID }

// EndLoginSessions ends a login's sessions, for staff. It records nothing: who was
// signed in where is not in the log either.
func (c *Commands) EndLoginSessions(ctx context.Context, req Request, in EndLoginSessions) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "EndLoginSessions", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	l, err := c.loginState(ctx, req, in.Login)
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{}, c.endSessions(ctx, req.of(l.contact), l.id)
}
