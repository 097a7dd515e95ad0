package commands

import (
	"context"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/payment"
)

// GatewayNotified is a verified notice of a gateway about one of our payments.
type GatewayNotified struct {
	Gateway    string
	GatewayRef string
	Payment    id.ID
	Status     payment.NoticeStatus
	Amount     money.Money // succeeded: what was paid; refunded: what was refunded in all
	On         document.Date
	Reason     string // failed: declined, expired, cancelled, error
}

// GatewayNotified takes in what a gateway says, however late, often and out of order. A
// notice about a payment that is not of this gateway is not found.
func (c *Commands) GatewayNotified(ctx context.Context, req Request, in GatewayNotified) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "GatewayNotified", req.TraceParent)
	defer func() { end(failed) }()
	if req.Actor.Kind != event.ActorGateway || req.Actor.ID != in.Gateway {
		return Receipt{}, fault.New(fault.NotFound, "not_found")
	}
	return Execute(ctx, c.Executor, payment.Decider(), string(in.Payment), req, func(s payment.State) ([]event.Event, error) {
		if s.Exists && s.Method != in.Gateway {
			return nil, fault.New(fault.NotFound, "not_found")
		}
		return payment.Notify(s, payment.Notice{GatewayRef: in.GatewayRef, Status: in.Status, Amount: in.Amount, On: in.On, Reason: in.Reason})
	})
}
