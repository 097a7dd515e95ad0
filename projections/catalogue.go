package projections

import (
	"slices"

	"lonja/domain/catalogue"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

// Catalogue keeps products, price lists and carts.
func Catalogue() *Projection {
	p := New("catalogue", 1)
	EraseOn[contact.Erased](p)
	On(p, readmodels.Products, ofAccountStream[catalogue.Published],
		func(r *readmodels.Product, _ bool, rec *event.Recorded, e catalogue.Published) Action {
			*r = readmodels.Product{
				ID: streamID(rec), SKU: e.SKU, Name: e.Name, Description: e.Description, Category: e.Category, Unit: e.Unit,
				Price: e.Price, TaxRate: e.TaxRate, MinQuantity: e.MinQuantity, Step: e.Step,
				Availability: string(e.Availability), ChangedAt: rec.At(),
			}
			for _, b := range e.Breaks {
				r.Breaks = append(r.Breaks, readmodels.PriceBreak{From: b.From, Price: b.Price})
			}
			return Put
		})
	remove(p, readmodels.Products, ofAccountStream[catalogue.Withdrawn])

	On(p, readmodels.PriceLists, ofAccountStream[catalogue.PriceListSet],
		func(l *readmodels.PriceList, _ bool, rec *event.Recorded, e catalogue.PriceListSet) Action {
			*l = readmodels.PriceList{ID: streamID(rec), Name: e.Name, Discount: e.Discount, Prices: map[id.ID]money.Money{}}
			for _, price := range e.Prices {
				l.Prices[price.Product] = price.Price
			}
			return Put
		})

	On(p, readmodels.Carts, cartRow[catalogue.CartLineSet],
		func(c *readmodels.Cart, _ bool, rec *event.Recorded, e catalogue.CartLineSet) Action {
			c.ChangedAt = rec.At()
			i := slices.IndexFunc(c.Lines, func(l readmodels.CartLine) bool { return l.Product == e.Product })
			switch {
			case i < 0 && !e.Quantity.IsZero():
				c.Lines = append(c.Lines, readmodels.CartLine{Product: e.Product, Quantity: e.Quantity})
			case i >= 0 && e.Quantity.IsZero():
				c.Lines = slices.Delete(c.Lines, i, i+1)
			case i >= 0:
				c.Lines[i].Quantity = e.Quantity
			}
			return Put
		})
	On(p, readmodels.Carts, cartRow[catalogue.CartOrdered],
		func(c *readmodels.Cart, _ bool, rec *event.Recorded, _ catalogue.CartOrdered) Action {
			*c = readmodels.Cart{ChangedAt: rec.At()}
			return Put
		})
	return p
}

func cartRow[E event.Event](rec *event.Recorded, _ E) []readmodels.Key {
	return OfContact(rec, readmodels.CartID)
}
