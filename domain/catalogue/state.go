package catalogue

import (
	"maps"
	"slices"

	"lonja/domain/decider"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
)

// Item is a product, folded.
type Item struct {
	Exists    bool
	Withdrawn bool
	Product   Product
}

// Shown reports whether the catalogue has the product.
func (i Item) Shown() bool { return i.Exists && !i.Withdrawn }

// ProductDecider folds "product-<id>".
func ProductDecider() decider.Decider[Item] {
	return decider.Decider[Item]{
		Category: "product",
		Initial:  func() Item { return Item{} },
		Evolve: func(s Item, e event.Event) Item {
			switch e := e.(type) {
			case Published:
				s.Exists, s.Withdrawn, s.Product = true, false, e.Product
			case Withdrawn:
				s.Withdrawn = true
			}
			return s
		},
	}
}

// PriceList is a list, folded.
type PriceList struct {
	Exists   bool
	Name     string
	Discount money.Decimal
	Prices   map[id.ID]money.Money
}

// PriceListDecider folds "price_list-<id>".
func PriceListDecider() decider.Decider[PriceList] {
	return decider.Decider[PriceList]{
		Category: "price_list",
		Initial:  func() PriceList { return PriceList{} },
		Evolve: func(s PriceList, e event.Event) PriceList {
			if e, ok := e.(PriceListSet); ok {
				s.Exists, s.Name, s.Discount = true, e.Name, e.Discount
				s.Prices = make(map[id.ID]money.Money, len(e.Prices))
				for _, p := range e.Prices {
					s.Prices[p.Product] = p.Price
				}
			}
			return s
		},
	}
}

// Cart is what a contact has gathered, folded. Epoch counts the carts before it, so
// that one cart becomes one order however often it is sent.
type Cart struct {
	Lines     []CartLineSet // in the order in which they were put in
	Epoch     int
	LastOrder id.ID
}

// CartDecider folds "cart-<contact>".
func CartDecider() decider.Decider[Cart] {
	return decider.Decider[Cart]{
		Category: "cart",
		Initial:  func() Cart { return Cart{} },
		Evolve: func(s Cart, e event.Event) Cart {
			switch e := e.(type) {
			case CartLineSet:
				at := slices.IndexFunc(s.Lines, func(l CartLineSet) bool { return l.Product == e.Product })
				s.Lines = slices.Clone(s.Lines)
				switch {
				case e.Quantity.IsZero() && at >= 0:
					s.Lines = slices.Delete(s.Lines, at, at+1)
				case e.Quantity.IsZero():
				case at >= 0:
					s.Lines[at] = e
				default:
					s.Lines = append(s.Lines, e)
				}
			case CartOrdered:
				s.Lines, s.Epoch, s.LastOrder = nil, s.Epoch+1, e.Order
			}
			return s
		},
	}
}

// Numbers are the order numbers of a day, folded.
type Numbers struct {
	Of map[id.ID]int // from 1
}

// NumbersDecider folds "order_number-<account>.<day>".
func NumbersDecider() decider.Decider[Numbers] {
	return decider.Decider[Numbers]{
		Category: "order_number",
		Initial:  func() Numbers { return Numbers{Of: map[id.ID]int{}} },
		Evolve: func(s Numbers, e event.Event) Numbers {
			if e, ok := e.(OrderNumberTaken); ok {
				s.Of = maps.Clone(s.Of)
				s.Of[e.Order] = len(s.Of) + 1
			}
			return s
		},
	}
}
