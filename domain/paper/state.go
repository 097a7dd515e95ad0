package paper

import (
	"lonja/domain/decider"
	"lonja/domain/document"
	"lonja/domain/event"
)

// State is a delivery note or a proforma as of now.
type State struct {
	Issued    *document.Issued
	Withdrawn bool
}

// Decider folds papers of the kind: delivery note or proforma.
func Decider(kind document.Kind) decider.Decider[State] {
	return decider.Decider[State]{
		Category: string(kind),
		Initial:  func() State { return State{} },
		Evolve:   evolve,
	}
}

func evolve(s State, e event.Event) State {
	switch e := e.(type) {
	case DeliveryNoteIssued:
		s.Issued = &e.Issued
	case ProformaIssued:
		s.Issued = &e.Issued
	case DeliveryNoteWithdrawn, ProformaWithdrawn:
		s.Withdrawn = true
	}
	return s
}
