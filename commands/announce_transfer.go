package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/payment"
)

// AnnounceTransfer names a payment by transfer.
type AnnounceTransfer struct{ Payment id.ID }

// AnnounceTransfer says that the contact has ordered the transfer at its bank.
func (c *Commands) AnnounceTransfer(ctx context.Context, req Request, in AnnounceTransfer) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "AnnounceTransfer", req.TraceParent)
	defer func() { end(failed) }()
	if _, err := c.paymentOf(ctx, req, in.Payment); err != nil {
		return Receipt{}, err
	}
	return Execute(ctx, c.Executor, payment.Decider(), string(in.Payment), req, func(s payment.State) ([]event.Event, error) {
		return payment.Announce(s, account.TransferMethod)
	})
}
