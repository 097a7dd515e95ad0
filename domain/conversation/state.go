package conversation

import (
	"lonja/domain/decider"
	"lonja/domain/event"
	"lonja/domain/id"
)

// State is a thread, folded.
type State struct {
	Comments map[id.ID]bool
	Newest   id.ID
	Seen     map[Side]id.ID // the newest that each side has marked as read
}

// Decider folds "conversation-<document id>".
func Decider() decider.Decider[State] {
	return decider.Decider[State]{
		Category: "conversation",
		Initial:  func() State { return State{Comments: map[id.ID]bool{}, Seen: map[Side]id.ID{}} },
		Evolve: func(s State, e event.Event) State {
			switch e := e.(type) {
			case Posted:
				s.Comments[e.Comment], s.Newest = true, e.Comment
			case Read:
				s.Seen[e.Side] = e.Comment
			}
			return s
		},
	}
}
