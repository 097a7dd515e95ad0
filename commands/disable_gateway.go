package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/event"
)

// DisableGateway names a gateway.
type DisableGateway struct{ Gateway string }

// DisableGateway starts no more payments through a gateway; those under way still end.
func (c *Commands) DisableGateway(ctx context.Context, req Request, in DisableGateway) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "DisableGateway", req.TraceParent)
	defer func() { end(failed) }()
	return c.onAccount(ctx, req, func(s account.State) ([]event.Event, error) { return account.DisableGateway(s, in.Gateway) })
}
