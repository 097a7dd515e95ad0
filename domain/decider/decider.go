// Package decider is the shape of every aggregate: a state folded from events, and
// decisions that turn a state and arguments into new events. Deciding is pure;
// evolving cannot fail.
package decider

import "lonja/domain/event"

// Decider folds the events of one category of streams into a state.
type Decider[S any] struct {
	Category string // streams are "<category>-<id>"
	Initial  func() S
	Evolve   func(S, event.Event) S
}

// Stream returns the name of the aggregate's stream.
func (d Decider[S]) Stream(id string) string { return d.Category + "-" + id }

// Fold returns the state after the events.
func (d Decider[S]) Fold(events ...event.Event) S {
	s := d.Initial()
	for _, e := range events {
		s = d.Evolve(s, e)
	}
	return s
}
