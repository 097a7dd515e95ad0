package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/event"
)

// EnableGateway names a gateway ("sandbox").
type EnableGateway struct{ Gateway string }

// EnableGateway lets contacts pay through a gateway.
func (c *Commands) EnableGateway(ctx context.Context, req Request, in EnableGateway) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "EnableGateway", req.TraceParent)
	defer func() { end(failed) }()
	return c.onAccount(ctx, req, func(s account.State) ([]event.Event, error) { return account.EnableGateway(s, in.Gateway) })
}
