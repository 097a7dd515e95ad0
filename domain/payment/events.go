package payment

import (
	"time"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
)

// Allocation is the part of a payment that goes to one document.
type Allocation struct {
	Document id.ID         `json:"document"`
	Kind     document.Kind `json:"kind"` // invoice or sales order
	Number   string        `json:"number"`
	Amount   money.Money   `json:"amount"`
}

// Started says that the contact set out to pay. Stream "payment-<id>".
type Started struct {
	Method      string       `json:"method"` // "transfer", "sandbox"
	Amount      money.Money  `json:"amount"`
	Allocations []Allocation `json:"allocations"`
	Reference   string       `json:"reference"` // what a transfer states, what a gateway shows
}

// CheckoutOpened ties the payment to the gateway's own session.
type CheckoutOpened struct {
	GatewayRef string    `json:"gatewayRef"`
	Until      time.Time `json:"until"` // when the gateway gives up
}

// Processing says that the gateway (or, for a transfer, the contact) says it is on its way.
type Processing struct {
	GatewayRef string `json:"gatewayRef,omitempty"`
}

// Succeeded says that the money is there.
type Succeeded struct {
	GatewayRef string        `json:"gatewayRef,omitempty"`
	Amount     money.Money   `json:"amount"`
	On         document.Date `json:"on"`
}

// Failed says that it will not come by this payment.
type Failed struct {
	GatewayRef string `json:"gatewayRef,omitempty"`
	Reason     string `json:"reason"` // code: declined, expired, cancelled, error
}

// Refunded says that a part or all went back.
type Refunded struct {
	GatewayRef string      `json:"gatewayRef,omitempty"`
	Amount     money.Money `json:"amount"`
	Total      money.Money `json:"total"` // refunded in all
}

// Disputed says that a notification's amount or currency is not the payment's: staff must look.
type Disputed struct {
	GatewayRef string      `json:"gatewayRef"`
	Reported   money.Money `json:"reported"`
	Expected   money.Money `json:"expected"`
}

// Overpaid says that a part of the money did not fit its document, which was meanwhile
// paid otherwise, credited or cancelled: staff refund it or use it for another document.
type Overpaid struct {
	Document id.ID       `json:"document"`
	Amount   money.Money `json:"amount"`
}

// Reserved sets a part of a document aside for a payment under way, so that two
// checkouts never ask for the same money. Stream "collection-<document>".
type Reserved struct {
	Payment id.ID       `json:"payment"`
	Amount  money.Money `json:"amount"`
	Until   time.Time   `json:"until"` // the reservation lapses by itself
}

// Released ends the reservation: the payment is recorded on the document, or will not come.
type Released struct {
	Payment id.ID `json:"payment"`
}

// EventType implements event.Event.
func (Started) EventType() string        { return "payment.started" }
func (CheckoutOpened) EventType() string { return "payment.checkout_opened" }
func (Processing) EventType() string     { return "payment.processing" }
func (Succeeded) EventType() string      { return "payment.succeeded" }
func (Failed) EventType() string         { return "payment.failed" }
func (Refunded) EventType() string       { return "payment.refunded" }
func (Disputed) EventType() string       { return "payment.disputed" }
func (Overpaid) EventType() string       { return "payment.overpaid" }
func (Reserved) EventType() string       { return "collection.reserved" }
func (Released) EventType() string       { return "collection.released" }

// Register adds the package's events to the registry.
func Register(r *event.Registry) {
	event.Register[Started](r)
	event.Register[CheckoutOpened](r)
	event.Register[Processing](r)
	event.Register[Succeeded](r)
	event.Register[Failed](r)
	event.Register[Refunded](r)
	event.Register[Disputed](r)
	event.Register[Overpaid](r)
	event.Register[Reserved](r)
	event.Register[Released](r)
}
