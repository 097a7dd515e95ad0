package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/event"
)

// ConfigureTransfer names the bank account for payments by transfer; an empty IBAN ends them.
type ConfigureTransfer struct {
	IBAN, BIC   string
	Beneficiary string // empty: the account's name
}

// ConfigureTransfer sets the bank account for payments by transfer.
func (c *Commands) ConfigureTransfer(ctx context.Context, req Request, in ConfigureTransfer) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ConfigureTransfer", req.TraceParent)
	defer func() { end(failed) }()
	return c.onAccount(ctx, req, func(s account.State) ([]event.Event, error) {
		return account.ConfigureTransfer(s, account.TransferConfigured(in))
	})
}
