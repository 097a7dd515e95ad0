package paper

import (
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
)

// DeliveryNoteIssued says what was delivered. Stream "delivery_note-<id>".
type DeliveryNoteIssued struct {
	document.Issued
	Order id.ID `json:"order,omitempty"`
}

// ProformaIssued is a preliminary invoice. Stream "proforma-<id>".
type ProformaIssued struct {
	document.Issued
}

// DeliveryNoteWithdrawn voids a delivery note.
type DeliveryNoteWithdrawn struct{}

// ProformaWithdrawn voids a proforma.
type ProformaWithdrawn struct{}

// EventType implements event.Event.
func (DeliveryNoteIssued) EventType() string    { return "delivery_note.issued" }
func (ProformaIssued) EventType() string        { return "proforma.issued" }
func (DeliveryNoteWithdrawn) EventType() string { return "delivery_note.withdrawn" }
func (ProformaWithdrawn) EventType() string     { return "proforma.withdrawn" }

// Register adds the package's events to the registry.
func Register(r *event.Registry) {
	event.Register[DeliveryNoteIssued](r)
	event.Register[ProformaIssued](r)
	event.Register[DeliveryNoteWithdrawn](r)
	event.Register[ProformaWithdrawn](r)
}
