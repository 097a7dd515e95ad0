package purchase

import (
	"lonja/domain/document"
	"lonja/domain/event"
)

// Issued orders from the supplier. Stream "purchase_order-<id>".
type Issued struct {
	document.Issued
}

// Confirmed is the supplier's yes.
type Confirmed struct {
	Name       event.Personal[string] `json:"name"`
	DeliveryOn document.Date          `json:"deliveryDate,omitempty"`
	Reference  event.Personal[string] `json:"orderReference,omitzero"` // the supplier's own number
	Hash       string                 `json:"hash"`
	// Plain is the reference as version 1 had it; it is read only.
	Plain string `json:"reference,omitempty"`
}

// OrderReference is the supplier's own number or words for the order.
func (e *Confirmed) OrderReference() string { return e.Reference.Or(e.Plain) }

// Rejected is the supplier's no.
type Rejected struct {
	Name   event.Personal[string] `json:"name,omitzero"`
	Reason event.Personal[string] `json:"reason,omitzero"`
}

// Cancelled says that the account took it back.
type Cancelled struct {
	Reason event.Personal[string] `json:"reason,omitzero"`
}

// EventType implements event.Event.
func (Issued) EventType() string    { return "purchase_order.issued" }
func (Confirmed) EventType() string { return "purchase_order.confirmed" }
func (Rejected) EventType() string  { return "purchase_order.rejected" }
func (Cancelled) EventType() string { return "purchase_order.cancelled" }

// Register adds the package's events to the registry.
func Register(r *event.Registry) {
	event.Register[Issued](r)
	event.Register[Confirmed](r, event.Same)
	event.Register[Rejected](r)
	event.Register[Cancelled](r)
}
