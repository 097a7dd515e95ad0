package commands

import (
	"context"
	"fmt"

	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/payment"
)

// CancelPayment names a payment under way.
type CancelPayment struct{ Payment id.ID }

// CancelPayment gives a payment up: its checkout can't be paid any more, and the
// documents are free for another. One that was paid meanwhile stays paid, and says so.
func (c *Commands) CancelPayment(ctx context.Context, req Request, in CancelPayment) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "CancelPayment", req.TraceParent)
	defer func() { end(failed) }()
	s, err := c.paymentOf(ctx, req, in.Payment)
	if err != nil {
		return Receipt{}, err
	}
	if gateway, ok := c.Gateways[s.Method]; ok && s.GatewayRef != "" && s.Pending() {
		if err := gateway.Cancel(ctx, s.GatewayRef); err != nil {
			return Receipt{}, fmt.Errorf("cancelling payment %s: %w", in.Payment, err)
		}
		if _, err := c.askGateway(ctx, req, in.Payment, s); err != nil {
			return Receipt{}, err
		}
	}
	rcpt, err := Execute(ctx, c.Executor, payment.Decider(), string(in.Payment), req, payment.Cancel)
	if err != nil {
		return rcpt, err
	}
	return rcpt, c.release(ctx, req, in.Payment, s.Allocations)
}

// askGateway takes in what the gateway knows about a payment that heard nothing.
func (c *Commands) askGateway(ctx context.Context, req Request, pay id.ID, s payment.State) (Receipt, error) {
	gateway, ok := c.Gateways[s.Method]
	if !ok || s.GatewayRef == "" {
		return Receipt{}, nil
	}
	n, err := gateway.Status(ctx, s.GatewayRef)
	if err != nil {
		return Receipt{}, fmt.Errorf("asking %s about payment %s: %w", s.Method, pay, err)
	}
	if n.Status == "" {
		return Receipt{}, nil
	}
	ask := req.step("ask " + string(pay) + " " + string(n.Status) + " " + n.Amount.String())
	ask.Actor = event.Actor{Kind: event.ActorGateway, ID: s.Method}
	return c.GatewayNotified(ctx, ask, GatewayNotified{
		Gateway: s.Method, GatewayRef: n.GatewayRef, Payment: pay, Status: n.Status, Amount: n.Amount, On: n.On, Reason: n.Reason,
	})
}
