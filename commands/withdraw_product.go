package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/catalogue"
	"lonja/domain/id"
)

// WithdrawProduct names a product.
type WithdrawProduct struct{ Product id.ID }

// WithdrawProduct takes a product out of the catalogue.
func (c *Commands) WithdrawProduct(ctx context.Context, req Request, in WithdrawProduct) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "WithdrawProduct", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	return Execute(ctx, c.Executor, catalogue.ProductDecider(), string(in.Product), req.ofAccount(), catalogue.Withdraw)
}
