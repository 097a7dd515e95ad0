package viewing

import (
	"lonja/domain/decider"
	"lonja/domain/event"
	"lonja/domain/id"
)

// State is who has seen a document, folded.
type State struct {
	Seen map[Sight]bool
}

// Sight is a viewer and a form.
type Sight struct {
	Viewer id.ID
	Form   Form
}

// Decider folds "viewing-<document id>".
func Decider() decider.Decider[State] {
	return decider.Decider[State]{
		Category: "viewing",
		Initial:  func() State { return State{Seen: map[Sight]bool{}} },
		Evolve: func(s State, e event.Event) State {
			if e, ok := e.(DocumentViewed); ok {
				s.Seen[Sight{e.Viewer, e.Form}] = true
			}
			return s
		},
	}
}

// Look is one time that staff looked at a contact's portal, folded.
type Look struct{ Shown bool }

// LookDecider folds "look-<id>".
func LookDecider() decider.Decider[Look] {
	return decider.Decider[Look]{
		Category: "look",
		Initial:  func() Look { return Look{} },
		Evolve: func(s Look, e event.Event) Look {
			if _, ok := e.(PortalShown); ok {
				s.Shown = true
			}
			return s
		},
	}
}
