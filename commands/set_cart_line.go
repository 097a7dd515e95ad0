package commands

import (
	"context"

	"lonja/domain/access"
	"lonja/domain/catalogue"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
)

// SetCartLine says how much of a product is to be in the cart; zero takes it out.
type SetCartLine struct {
	Product  id.ID
	Quantity money.Decimal
}

// SetCartLine changes the contact's cart, which all its people and devices share.
func (c *Commands) SetCartLine(ctx context.Context, req Request, in SetCartLine) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "SetCartLine", req.TraceParent)
	defer func() { end(failed) }()
	if _, err := c.shopper(ctx, req); err != nil {
		return Receipt{}, err
	}
	item, _, err := State(ctx, c.Executor, catalogue.ProductDecider(), string(in.Product), req.ofAccount())
	if err != nil {
		return Receipt{}, err
	}
	if err := c.finishOrder(ctx, req); err != nil {
		return Receipt{}, err
	}
	return Execute(ctx, c.Executor, catalogue.CartDecider(), string(req.Contact), req, func(s catalogue.Cart) ([]event.Event, error) {
		return catalogue.SetLine(s, in.Product, item, in.Quantity)
	})
}

// shopper returns the contact if its option Catalogue is on and the actor may order.
// To others the catalogue does not exist.
func (c *Commands) shopper(ctx context.Context, req Request) (contact.State, error) {
	who, err := c.contactState(ctx, req, req.Contact)
	if err != nil {
		return who, err
	}
	if !who.Catalogue {
		return who, fault.New(fault.NotFound, "not_found")
	}
	return who, c.authorise(ctx, req, "", access.Order)
}
