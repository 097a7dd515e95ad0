package invitation

import (
	"slices"

	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// Most is how many contacts one invitation may name.
const Most = 10_000

// Start decides to invite contacts, each once.
func Start(s State, contacts []id.Contact) ([]event.Event, error) {
	if s.Exists() {
		return nil, nil
	}
	var once []id.Contact
	seen := map[id.Contact]bool{}
	for _, c := range contacts {
		if !seen[c] {
			seen[c] = true
			once = append(once, c)
		}
	}
	switch {
	case len(once) == 0:
		return nil, fault.Field("contacts", "invitation.none")
	case len(once) > Most:
		return nil, fault.Field("contacts", "invitation.too_many", fault.A("max", Most))
	}
	return []event.Event{Started{Contacts: once}}, nil
}

// Advance decides what became of those whose turn it was.
func Advance(s State, results []Result) ([]event.Event, error) {
	if len(results) == 0 {
		return nil, nil
	}
	next := s.Rest(len(results))
	if !slices.EqualFunc(next, results, func(c id.Contact, r Result) bool { return c == r.Contact }) {
		return nil, nil // they had their turn
	}
	return []event.Event{Advanced{Results: results}}, nil
}
