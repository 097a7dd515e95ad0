package commands

import (
	"context"

	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
)

// SetContactTaxes says which taxes an order of the contact bears.
type SetContactTaxes struct {
	Contact     id.Contact
	Surcharge   bool          // recargo de equivalencia
	Withholding money.Decimal // IRPF percent
}

// SetContactTaxes says which taxes Lonja applies where it prices an order for the contact.
func (c *Commands) SetContactTaxes(ctx context.Context, req Request, in SetContactTaxes) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "SetContactTaxes", req.TraceParent)
	defer func() { end(failed) }()
	return c.onContact(ctx, req, in.Contact, func(s contact.State) ([]event.Event, error) {
		return contact.SetTaxes(s, in.Surcharge, in.Withholding)
	})
}
