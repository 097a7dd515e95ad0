package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/id"
)

// SetPaymentMethods says by which of the account's methods a contact may pay.
type SetPaymentMethods struct {
	Contact id.Contact
	Methods []string // nil: all of the account's; empty: none
}

// SetPaymentMethods says by which methods a contact may pay.
func (c *Commands) SetPaymentMethods(ctx context.Context, req Request, in SetPaymentMethods) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "SetPaymentMethods", req.TraceParent)
	defer func() { end(failed) }()
	known := append(account.Gateways(), account.TransferMethod)
	return c.onContact(ctx, req, in.Contact, func(s contact.State) ([]event.Event, error) {
		return contact.SetPaymentMethods(s, in.Methods, known)
	})
}
