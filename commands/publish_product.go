package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/catalogue"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// PublishProduct is a product for the catalogue. Without an id, the SKU names it.
type PublishProduct struct {
	ID      id.ID
	Product catalogue.Product
}

// PublishProduct puts a product into the catalogue or replaces what it showed.
func (c *Commands) PublishProduct(ctx context.Context, req Request, in PublishProduct) (_ id.ID, _ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "PublishProduct", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return "", Receipt{}, err
	}
	acc, err := c.accountState(ctx, req)
	if err != nil {
		return "", Receipt{}, err
	}
	product := in.ID
	if product == "" {
		product = id.DeriveID("product", string(req.Account), id.Fold(in.Product.SKU))
	} else if !id.Valid(product) {
		return "", Receipt{}, fault.New(fault.NotFound, "not_found")
	}
	rcpt, err := Execute(ctx, c.Executor, catalogue.ProductDecider(), string(product), req.ofAccount(), func(s catalogue.Item) ([]event.Event, error) {
		return catalogue.Publish(s, in.Product, acc.Details.Currency)
	})
	return product, rcpt, err
}
