package commands

import (
	"context"
	"fmt"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/payment"
)

// OpenCheckout names a payment through a gateway and where its payer comes back to.
type OpenCheckout struct {
	Payment   id.ID
	ReturnURL string
	Language  string
}

// OpenCheckout returns the gateway's page for a payment, the same one when asked again.
func (c *Commands) OpenCheckout(ctx context.Context, req Request, in OpenCheckout) (_ CheckoutSession, _ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "OpenCheckout", req.TraceParent)
	defer func() { end(failed) }()
	s, err := c.paymentOf(ctx, req, in.Payment)
	if err != nil {
		return CheckoutSession{}, Receipt{}, err
	}
	gateway, ok := c.Gateways[s.Method]
	switch {
	case s.Method == account.TransferMethod:
		return CheckoutSession{}, Receipt{}, fault.New(fault.Conflict, "payment.not_a_gateway")
	case !ok:
		return CheckoutSession{}, Receipt{}, fault.New(fault.Unavailable, "payment.gateway_unavailable")
	case s.Settled():
		return CheckoutSession{}, Receipt{}, fault.New(fault.Conflict, "payment.already_succeeded")
	case s.Status == payment.StatusFailed:
		return CheckoutSession{}, Receipt{}, fault.New(fault.Conflict, "payment.was_cancelled")
	}
	acc, err := c.accountState(ctx, req)
	if err != nil {
		return CheckoutSession{}, Receipt{}, err
	}
	session, err := gateway.Open(ctx, Checkout{
		Account: req.Account, Payment: in.Payment, Amount: s.Amount, Reference: s.Reference, Shop: acc.Details.Name,
		Language: in.Language, ReturnURL: in.ReturnURL,
	})
	if err != nil {
		return CheckoutSession{}, Receipt{}, fmt.Errorf("opening a checkout for payment %s: %w", in.Payment, err)
	}
	rcpt, err := Execute(ctx, c.Executor, payment.Decider(), string(in.Payment), req.step("checkout "+session.Ref), func(s payment.State) ([]event.Event, error) {
		return payment.OpenCheckout(s, session.Ref, session.Until)
	})
	return session, rcpt, err
}

// paymentOf returns a payment that the actor, of the contact's side, may deal with.
func (c *Commands) paymentOf(ctx context.Context, req Request, pay id.ID) (payment.State, error) {
	s, ok, err := State(ctx, c.Executor, payment.Decider(), string(pay), req)
	if err != nil {
		return s, err
	}
	if !ok {
		return s, fault.New(fault.NotFound, "not_found")
	}
	for _, a := range s.Allocations {
		if err := c.authorise(ctx, req, a.Document, access.Pay); err != nil {
			return s, err
		}
	}
	return s, nil
}
