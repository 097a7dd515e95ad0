package commands

import (
	"context"

	"lonja/domain/catalogue"
	"lonja/domain/document"
)

// PricedCart is a cart with what it costs now.
type PricedCart struct {
	Lines []catalogue.CartLineSet
	Body  document.Body // lines, taxes and totals; PlaceOrder's ShownTotal is Totals.Payable
}

// PriceCart prices the contact's cart as PlaceOrder would. Lines that can't be ordered
// (any more) are refused by name; the lines are returned all the same.
func (c *Commands) PriceCart(ctx context.Context, req Request) (PricedCart, error) {
	who, err := c.shopper(ctx, req)
	if err != nil {
		return PricedCart{}, err
	}
	cart, _, err := State(ctx, c.Executor, catalogue.CartDecider(), string(req.Contact), req)
	if err != nil {
		return PricedCart{}, err
	}
	body, err := c.priceCart(ctx, req, who, cart)
	return PricedCart{Lines: cart.Lines, Body: body}, err
}
