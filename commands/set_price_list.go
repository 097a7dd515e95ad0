package commands

import (
	"context"
	"strings"

	"lonja/domain/account"
	"lonja/domain/catalogue"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
)

// SetPriceList is a price list. Without an id, its name identifies it.
type SetPriceList struct {
	ID       id.ID
	Name     string
	Discount money.Decimal // percent off every base price
	Prices   []catalogue.ListPrice
}

// SetPriceList creates or replaces a price list.
func (c *Commands) SetPriceList(ctx context.Context, req Request, in SetPriceList) (_ id.ID, _ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "SetPriceList", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return "", Receipt{}, err
	}
	acc, err := c.accountState(ctx, req)
	if err != nil {
		return "", Receipt{}, err
	}
	list := in.ID
	if list == "" {
		list = id.DeriveID("price_list", string(req.Account), strings.ToUpper(strings.TrimSpace(in.Name)))
	} else if !id.Valid(list) {
		return "", Receipt{}, fault.New(fault.NotFound, "not_found")
	}
	rcpt, err := Execute(ctx, c.Executor, catalogue.PriceListDecider(), string(list), req.ofAccount(), func(s catalogue.PriceList) ([]event.Event, error) {
		return catalogue.SetPriceList(s, catalogue.PriceListSet{Name: in.Name, Discount: in.Discount, Prices: in.Prices}, acc.Details.Currency)
	})
	return list, rcpt, err
}
