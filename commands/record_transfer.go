package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/payment"
)

// RecordTransfer is money that staff saw on the bank account: for a payment that the
// contact started, or straight for documents.
type RecordTransfer struct {
	Payment   id.ID
	Documents []PayDocument // where there is no payment
	Amount    money.Money   // what came; it may differ from what was announced
	On        document.Date // value date
}

// RecordTransfer says that a transfer has come, and returns the payment.
func (c *Commands) RecordTransfer(ctx context.Context, req Request, in RecordTransfer) (_ id.ID, _ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RecordTransfer", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return "", Receipt{}, err
	}
	if in.Payment != "" {
		rcpt, err := Execute(ctx, c.Executor, payment.Decider(), string(in.Payment), req, func(s payment.State) ([]event.Event, error) {
			return payment.Receive(s, account.TransferMethod, in.Amount, in.On)
		})
		return in.Payment, rcpt, err
	}
	if len(in.Documents) == 0 {
		return "", Receipt{}, fault.Field("documents", "payment.nothing_to_pay")
	}
	owner, err := c.ownerOf(ctx, req, in.Documents[0].Kind, in.Documents[0].ID)
	if err != nil {
		return "", Receipt{}, err
	}
	pay := id.DeriveID("payment", string(req.Account), req.Command.String(), string(req.Actor.Kind), req.Actor.ID)
	owned := req.of(owner) // all documents are the same contact's
	before, err := load(ctx, c.Executor, payment.Decider(), payment.Decider().Stream(string(pay)), owned)
	if err != nil {
		return "", Receipt{}, err
	}
	if before.exists {
		return pay, before.again(), nil
	}
	allocations, total, err := c.allocate(ctx, owned, in.Documents)
	if err != nil {
		return "", Receipt{}, err
	}
	rcpt, err := Execute(ctx, c.Executor, payment.Decider(), string(pay), owned, func(s payment.State) ([]event.Event, error) {
		started, err := payment.Start(s, account.TransferMethod, payment.Reference(pay), total, allocations)
		if err != nil || len(started) == 0 {
			return started, err
		}
		received, err := payment.Receive(payment.Decider().Fold(started...), account.TransferMethod, in.Amount, in.On)
		return append(started, received...), err
	})
	return pay, rcpt, err
}
