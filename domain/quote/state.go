package quote

import (
	"lonja/domain/decider"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
)

// Status is where a quote stands.
type Status uint8

// The states. Unknown is a stream without events.
const (
	Unknown Status = iota
	Pending
	ChangesWanted // still open
	IsApproved
	IsDeclined
	IsSuperseded
	IsExpired
	IsWithdrawn
)

// State is a quote as of now.
type State struct {
	Issued    *document.Issued
	Status    Status
	Approved  Approved
	WantedFor string // text of the newest wish for changes

	SupersededBy id.ID
}

// Open reports whether it can still be answered, its day aside.
func (s State) Open() bool { return s.Status == Pending || s.Status == ChangesWanted }

// Decider folds a quote.
func Decider() decider.Decider[State] {
	return decider.Decider[State]{
		Category: string(document.Quote),
		Initial:  func() State { return State{} },
		Evolve:   evolve,
	}
}

func evolve(s State, e event.Event) State {
	switch e := e.(type) {
	case Issued:
		s.Issued, s.Status = &e.Issued, Pending
	case Approved:
		s.Status, s.Approved = IsApproved, e
	case Declined:
		s.Status = IsDeclined
	case ChangesRequested:
		s.Status, s.WantedFor = ChangesWanted, e.Text.Or("")
	case Superseded:
		s.Status, s.SupersededBy = IsSuperseded, e.By
	case Expired:
		s.Status = IsExpired
	case Withdrawn:
		s.Status = IsWithdrawn
	}
	return s
}
