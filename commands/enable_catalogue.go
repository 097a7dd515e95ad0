package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/catalogue"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// EnableCatalogue lets a contact order, at a price list's prices or (without) the base prices.
type EnableCatalogue struct {
	Contact   id.Contact
	PriceList id.ID
}

// EnableCatalogue lets a contact see products and place orders.
func (c *Commands) EnableCatalogue(ctx context.Context, req Request, in EnableCatalogue) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "EnableCatalogue", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	if in.PriceList != "" {
		list, _, err := State(ctx, c.Executor, catalogue.PriceListDecider(), string(in.PriceList), req.ofAccount())
		if err != nil && !fault.Is(err, fault.NotFound) {
			return Receipt{}, err
		}
		if !list.Exists {
			return Receipt{}, fault.Field("priceList", "price_list.unknown")
		}
	}
	return c.onContact(ctx, req, in.Contact, func(s contact.State) ([]event.Event, error) {
		return contact.EnableCatalogue(s, in.PriceList)
	})
}
