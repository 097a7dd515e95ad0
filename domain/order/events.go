package order

import (
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
)

// Issued is an order that the account wrote down. Stream "sales_order-<id>".
type Issued struct {
	document.Issued
}

// Placed is an order that the contact placed in the portal, at the prices shown.
type Placed struct {
	document.Issued
	Note     event.Personal[string] `json:"note,omitzero"`
	Products []Item                 `json:"products"`
}

// IssueNote returns what the contact wrote with the order; empty once erased.
func (p Placed) IssueNote() string { return p.Note.Or("") }

// Item is a product of a placed order, so that it can be repeated.
type Item struct {
	Product  id.ID         `json:"product"`
	Quantity money.Decimal `json:"quantity"`
}

// Confirmed is the account's yes.
type Confirmed struct {
	DeliveryOn document.Date `json:"deliveryDate,omitempty"`
}

// Rejected is the account's no.
type Rejected struct {
	Reason event.Personal[string] `json:"reason,omitzero"`
}

// Shipped says that a part or all was sent.
type Shipped struct {
	DeliveryNote id.ID `json:"deliveryNote,omitempty"`
	Complete     bool  `json:"complete"`
}

// Fulfilled says that everything was delivered.
type Fulfilled struct{}

// Cancelled says that it will not be delivered.
type Cancelled struct {
	Reason event.Personal[string] `json:"reason,omitzero"`
}

// PaymentRecorded says that a payment covered a part or all of it.
type PaymentRecorded struct {
	Payment     id.ID         `json:"payment"`
	Amount      money.Money   `json:"amount"`
	Outstanding money.Money   `json:"outstanding"`
	Method      string        `json:"method"`
	On          document.Date `json:"on"`
}

// PaymentReversed says that a payment was refunded or bounced.
type PaymentReversed struct {
	Payment     id.ID       `json:"payment"`
	Amount      money.Money `json:"amount"`
	Outstanding money.Money `json:"outstanding"`
}

// EventType implements event.Event.
func (Issued) EventType() string          { return "sales_order.issued" }
func (Placed) EventType() string          { return "sales_order.placed" }
func (Confirmed) EventType() string       { return "sales_order.confirmed" }
func (Rejected) EventType() string        { return "sales_order.rejected" }
func (Shipped) EventType() string         { return "sales_order.shipped" }
func (Fulfilled) EventType() string       { return "sales_order.fulfilled" }
func (Cancelled) EventType() string       { return "sales_order.cancelled" }
func (PaymentRecorded) EventType() string { return "sales_order.payment_recorded" }
func (PaymentReversed) EventType() string { return "sales_order.payment_reversed" }

// Register adds the package's events to the registry.
func Register(r *event.Registry) {
	event.Register[Issued](r)
	event.Register[Placed](r)
	event.Register[Confirmed](r)
	event.Register[Rejected](r)
	event.Register[Shipped](r)
	event.Register[Fulfilled](r)
	event.Register[Cancelled](r)
	event.Register[PaymentRecorded](r)
	event.Register[PaymentReversed](r)
}
