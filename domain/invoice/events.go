package invoice

import (
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
)

// Issued demands payment. Stream "invoice-<id>", where id is document.Identity.
type Issued struct {
	document.Issued
}

// PaymentRecorded says that a payment covered a part or all of it.
type PaymentRecorded struct {
	Payment     id.ID         `json:"payment"`
	Amount      money.Money   `json:"amount"`
	Outstanding money.Money   `json:"outstanding"` // after this payment
	Method      string        `json:"method"`
	On          document.Date `json:"on"` // value date
}

// PaymentReversed says that a payment was refunded or bounced.
type PaymentReversed struct {
	Payment     id.ID       `json:"payment"`
	Amount      money.Money `json:"amount"`
	Outstanding money.Money `json:"outstanding"`
}

// Credited says that a credit note reduced what is owed.
type Credited struct {
	CreditNote  id.ID       `json:"creditNote"`
	Amount      money.Money `json:"amount"`          // taken off what was owed
	Beyond      money.Money `json:"beyond,omitzero"` // more than was owed: it covers what payments that go back would leave owed
	Outstanding money.Money `json:"outstanding"`
}

// Cancelled says that the invoice is void; nothing is owed.
type Cancelled struct {
	Reason event.Personal[string] `json:"reason,omitzero"`
}

// CreditNoteIssued corrects or cancels invoices. Stream "credit_note-<id>".
type CreditNoteIssued struct {
	document.Issued
	Corrects []id.ID `json:"corrects,omitempty"` // invoices
}

// EventType implements event.Event.
func (Issued) EventType() string           { return "invoice.issued" }
func (PaymentRecorded) EventType() string  { return "invoice.payment_recorded" }
func (PaymentReversed) EventType() string  { return "invoice.payment_reversed" }
func (Credited) EventType() string         { return "invoice.credited" }
func (Cancelled) EventType() string        { return "invoice.cancelled" }
func (CreditNoteIssued) EventType() string { return "credit_note.issued" }

// Register adds the package's events to the registry.
func Register(r *event.Registry) {
	event.Register[Issued](r)
	event.Register[PaymentRecorded](r)
	event.Register[PaymentReversed](r)
	event.Register[Credited](r)
	event.Register[Cancelled](r)
	event.Register[CreditNoteIssued](r)
}
