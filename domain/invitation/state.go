package invitation

import (
	"slices"

	"lonja/domain/decider"
	"lonja/domain/event"
	"lonja/domain/id"
)

// State is an invitation of many, folded.
type State struct {
	Contacts []id.Contact
	Results  []Result // of the first of them
}

// Exists reports whether it was started.
func (s State) Exists() bool { return len(s.Contacts) > 0 }

// Rest returns at most n of those whose turn is next.
func (s State) Rest(n int) []id.Contact {
	rest := s.Contacts[min(len(s.Results), len(s.Contacts)):]
	return rest[:min(n, len(rest))]
}

// Count returns how many had the outcome.
func (s State) Count(o Outcome) int {
	n := 0
	for _, r := range s.Results {
		if r.Outcome == o {
			n++
		}
	}
	return n
}

// Decider folds "invitations-<id>".
func Decider() decider.Decider[State] {
	return decider.Decider[State]{
		Category: "invitations",
		Initial:  func() State { return State{} },
		Evolve: func(s State, e event.Event) State {
			switch e := e.(type) {
			case Started:
				s.Contacts = e.Contacts
			case Advanced:
				s.Results = append(slices.Clip(s.Results), e.Results...)
			}
			return s
		},
	}
}
