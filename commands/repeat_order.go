package commands

import (
	"context"

	"lonja/domain/catalogue"
	"lonja/domain/decider"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/order"
)

// RepeatOrder names an order of the contact that was placed in the portal.
type RepeatOrder struct{ Order id.ID }

// RepeatOrder puts an order's products into the cart again. It returns those that the
// catalogue no longer offers in that quantity, which are left out.
func (c *Commands) RepeatOrder(ctx context.Context, req Request, in RepeatOrder) (skipped []id.ID, rcpt Receipt, err error) {
	ctx, end, err := c.begin(ctx, "RepeatOrder", req.TraceParent)
	defer func() { end(err) }()
	if _, err := c.shopper(ctx, req); err != nil {
		return nil, Receipt{}, err
	}
	items, ok, err := State(ctx, c.Executor, placedItems(), string(in.Order), req)
	if err != nil {
		return nil, Receipt{}, err
	}
	if !ok || len(items) == 0 {
		return nil, Receipt{}, fault.New(fault.NotFound, "not_found")
	}
	var lines []catalogue.CartLineSet
	for _, i := range items {
		item, _, err := State(ctx, c.Executor, catalogue.ProductDecider(), string(i.Product), req.ofAccount())
		if err != nil {
			return nil, Receipt{}, err
		}
		if !item.Shown() || catalogue.CheckQuantity("quantity", item.Product, i.Quantity) != nil {
			skipped = append(skipped, i.Product)
			continue
		}
		lines = append(lines, catalogue.CartLineSet{Product: i.Product, Quantity: i.Quantity.Trim(0)})
	}
	if err := c.finishOrder(ctx, req); err != nil {
		return nil, Receipt{}, err
	}
	rcpt, err = Execute(ctx, c.Executor, catalogue.CartDecider(), string(req.Contact), req, func(s catalogue.Cart) ([]event.Event, error) {
		return catalogue.Fill(s, lines)
	})
	return skipped, rcpt, err
}

// placedItems folds what was ordered in the portal.
func placedItems() decider.Decider[[]order.Item] {
	return decider.Decider[[]order.Item]{
		Category: string(document.SalesOrder),
		Initial:  func() []order.Item { return nil },
		Evolve: func(s []order.Item, e event.Event) []order.Item {
			if e, ok := e.(order.Placed); ok {
				return e.Products
			}
			return s
		},
	}
}
