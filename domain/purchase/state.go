package purchase

import (
	"lonja/domain/decider"
	"lonja/domain/document"
	"lonja/domain/event"
)

// Status is where a purchase order stands.
type Status uint8

// The states. Unknown is a stream without events.
const (
	Unknown Status = iota
	Sent
	IsConfirmed
	IsRejected
	IsCancelled
)

// State is a purchase order as of now.
type State struct {
	Issued    *document.Issued
	Status    Status
	Confirmed Confirmed
}

// Decider folds a purchase order.
func Decider() decider.Decider[State] {
	return decider.Decider[State]{
		Category: string(document.PurchaseOrder),
		Initial:  func() State { return State{} },
		Evolve:   evolve,
	}
}

func evolve(s State, e event.Event) State {
	switch e := e.(type) {
	case Issued:
		s.Issued, s.Status = &e.Issued, Sent
	case Confirmed:
		s.Status, s.Confirmed = IsConfirmed, e
	case Rejected:
		s.Status = IsRejected
	case Cancelled:
		s.Status = IsCancelled
	}
	return s
}
