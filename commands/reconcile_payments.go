package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/payment"
	"lonja/readmodels"
)

// ReconcilePayments asks the gateways about the payments under way that were started
// before the time, and takes in what they say: the webhook that never came. Those that
// never reached a gateway, and no longer hold anything, fail as expired. It returns how
// many payments changed. One payment's failure does not keep the others from being asked.
func (c *Commands) ReconcilePayments(ctx context.Context, req Request, startedBefore time.Time) (_ int, failed error) {
	ctx, end, failed := c.begin(ctx, "ReconcilePayments", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return 0, err
	}
	view := readmodels.ForStaff(c.Read, req.Account)
	q := readmodels.PaymentQuery{States: []readmodels.PaymentState{readmodels.PaymentStarted, readmodels.PaymentProcessing}, Limit: 100}
	changed := 0
	var failures []error
	for {
		page, err := readmodels.ListPayments(ctx, view, q)
		if err != nil {
			return changed, fmt.Errorf("reconciling payments: %w", err)
		}
		for _, item := range page.Items {
			p := item.Row
			if p.Method == account.TransferMethod || !p.StartedAt.Before(startedBefore) {
				continue
			}
			rcpt, err := c.ReconcilePayment(ctx, req.of(item.Key.Contact), p.ID, p.StartedAt)
			if err != nil {
				failures = append(failures, err)
			} else if rcpt.Changed {
				changed++
			}
		}
		if page.Next == "" || ctx.Err() != nil {
			return changed, errors.Join(append(failures, ctx.Err())...)
		}
		q.After = page.Next
	}
}

// ReconcilePayment is ReconcilePayments for one.
func (c *Commands) ReconcilePayment(ctx context.Context, req Request, pay id.ID, started time.Time) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ReconcilePayment", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	s, _, err := State(ctx, c.Executor, payment.Decider(), string(pay), req)
	if err != nil || !s.Pending() {
		return Receipt{}, err
	}
	if s.GatewayRef != "" {
		return c.askGateway(ctx, req, pay, s)
	}
	if req.At.Before(started.Add(payment.ReservationLife)) {
		return Receipt{}, nil
	}
	return Execute(ctx, c.Executor, payment.Decider(), string(pay), req.step("expire "+string(pay)), func(s payment.State) ([]event.Event, error) {
		if s.GatewayRef != "" {
			return nil, nil
		}
		return payment.Notify(s, payment.Notice{Status: payment.NoticeFailed, Reason: "expired"})
	})
}
