package commands

import (
	"context"
	"fmt"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/id"
)

// RevokeLink names a document link.
type RevokeLink struct{ Link id.ID }

// RevokeLink ends a link, for staff, and every visit through it.
func (c *Commands) RevokeLink(ctx context.Context, req Request, in RevokeLink) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RevokeLink", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	rcpt, err := Execute(ctx, c.Executor, access.LinkDecider(), string(in.Link), req, access.RevokeLink)
	if err != nil {
		return rcpt, err
	}
	if err := c.Vault.EndSessions(ctx, req.Account, event.Actor{Kind: event.ActorLink, ID: string(in.Link)}, ""); err != nil {
		return rcpt, fmt.Errorf("ending sessions of link %s: %w", in.Link, err)
	}
	return rcpt, nil
}
