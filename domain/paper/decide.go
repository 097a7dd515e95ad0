package paper

import (
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// Issue decides the issue of a delivery note, of the order that it delivers, or of a proforma.
func Issue(s State, body document.Body, order id.ID) ([]event.Event, error) {
	issued, err := document.Issue(s.Issued, body)
	if err != nil || issued == nil {
		return nil, err
	}
	if body.Kind == document.DeliveryNote {
		return []event.Event{DeliveryNoteIssued{Issued: *issued, Order: order}}, nil
	}
	return []event.Event{ProformaIssued{Issued: *issued}}, nil
}

// Withdraw decides that the paper is void.
func Withdraw(s State) ([]event.Event, error) {
	switch {
	case s.Issued == nil:
		return nil, fault.New(fault.NotFound, "not_found")
	case s.Withdrawn:
		return nil, nil
	case s.Issued.Kind == document.DeliveryNote:
		return []event.Event{DeliveryNoteWithdrawn{}}, nil
	}
	return []event.Event{ProformaWithdrawn{}}, nil
}
