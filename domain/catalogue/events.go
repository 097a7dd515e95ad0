package catalogue

import (
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
)

// Product is what the catalogue shows.
type Product struct {
	SKU          string        `json:"sku"`
	Name         string        `json:"name"`
	Description  string        `json:"description,omitempty"`
	Category     string        `json:"category,omitempty"`
	Unit         string        `json:"unit,omitempty"`
	Price        money.Money   `json:"price"` // net, per unit
	TaxRate      money.Decimal `json:"taxRate"`
	MinQuantity  money.Decimal `json:"minQuantity,omitzero"`
	Step         money.Decimal `json:"step,omitzero"` // quantities are multiples of it
	Breaks       []Break       `json:"breaks,omitempty"`
	Availability Availability  `json:"availability"`
}

// Break is the price from a quantity on.
type Break struct {
	From  money.Decimal `json:"from"`
	Price money.Money   `json:"price"`
}

// Availability says whether a product can be had.
type Availability string

// The availabilities.
const (
	InStock   Availability = "in_stock"
	OnRequest Availability = "on_request"
	SoldOut   Availability = "sold_out" // shown, not orderable
)

// Published puts a product into the catalogue, or replaces what it showed. Stream "product-<id>".
type Published struct {
	Product
}

// Withdrawn takes it out.
type Withdrawn struct{}

// PriceListSet replaces a price list. Stream "price_list-<id>".
type PriceListSet struct {
	Name     string        `json:"name"`
	Discount money.Decimal `json:"discount,omitzero"` // percent off every base price
	Prices   []ListPrice   `json:"prices,omitempty"`
}

// ListPrice is a product's own price in a list, instead of base price and discount.
type ListPrice struct {
	Product id.ID       `json:"product"`
	Price   money.Money `json:"price"`
}

// CartLineSet says how much of a product is in the cart; zero takes it out. Stream "cart-<contact>".
type CartLineSet struct {
	Product  id.ID         `json:"product"`
	Quantity money.Decimal `json:"quantity"`
}

// CartOrdered says that the cart became an order, and is empty.
type CartOrdered struct {
	Order id.ID `json:"order"`
}

// OrderNumberTaken gives the next number of a day to an order: the stream
// "order_number-<account>.<day>" is the sequence.
type OrderNumberTaken struct {
	Order id.ID `json:"order"`
}

// EventType implements event.Event.
func (Published) EventType() string    { return "product.published" }
func (Withdrawn) EventType() string    { return "product.withdrawn" }
func (PriceListSet) EventType() string { return "price_list.set" }
func (CartLineSet) EventType() string  { return "cart.line_set" }
func (CartOrdered) EventType() string  { return "cart.ordered" }

// EventType implements event.Event.
func (OrderNumberTaken) EventType() string { return "order_number.taken" }

// Register adds the package's events to the registry.
func Register(r *event.Registry) {
	event.Register[Published](r)
	event.Register[Withdrawn](r)
	event.Register[PriceListSet](r)
	event.Register[CartLineSet](r)
	event.Register[CartOrdered](r)
	event.Register[OrderNumberTaken](r)
}
