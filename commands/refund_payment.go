package commands

import (
	"context"
	"fmt"

	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/payment"
)

// RefundPayment says how much of a payment is to have gone back in all.
type RefundPayment struct {
	Payment id.ID
	Total   money.Money // zero: everything
}

// RefundPayment sends money back through the gateway, or records that staff sent a
// transfer back. A gateway's refund counts when the gateway says so.
func (c *Commands) RefundPayment(ctx context.Context, req Request, in RefundPayment) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RefundPayment", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	l, err := load(ctx, c.Executor, payment.Decider(), payment.Decider().Stream(string(in.Payment)), Request{Account: req.Account, Contact: req.Contact})
	if err != nil {
		return Receipt{}, err
	}
	total := in.Total
	if total.Currency == "" && total.Minor == 0 {
		total = l.state.Paid
	}
	if l.state.Method == account.TransferMethod {
		return Execute(ctx, c.Executor, payment.Decider(), string(in.Payment), req, func(s payment.State) ([]event.Event, error) {
			return payment.Refund(s, total)
		})
	}
	events, err := payment.Refund(l.state, total)
	if err != nil || len(events) == 0 {
		return Receipt{Receipt: l.last}, err
	}
	gateway, ok := c.Gateways[l.state.Method]
	if !ok {
		return Receipt{}, fault.New(fault.Unavailable, "payment.gateway_unavailable")
	}
	if err := gateway.Refund(ctx, l.state.PaidRef, total); err != nil {
		return Receipt{}, fmt.Errorf("refunding payment %s: %w", in.Payment, err)
	}
	return Receipt{Receipt: l.last}, nil
}
