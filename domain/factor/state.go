package factor

import (
	"slices"

	"lonja/domain/event"
	"lonja/domain/id"
)

// State is a person's factors, folded: a part of the login's state, or of the person's of staff.
type State struct {
	TOTP     bool
	Passkeys []Passkey // in the order in which they came
	Codes    int       // recovery codes that are left
}

// Passkey is one of a person's.
type Passkey struct {
	ID   id.ID
	Name string // "" once erased
}

// Second reports whether the password alone does not sign in.
func (s State) Second() bool { return s.TOTP || len(s.Passkeys) > 0 }

// Has reports whether the passkey is one of the person's.
func (s State) Has(passkey id.ID) bool {
	return slices.ContainsFunc(s.Passkeys, func(p Passkey) bool { return p.ID == passkey })
}

// Evolve folds an event of a person's stream; those of other kinds change nothing. With
// the last factor its recovery codes go too.
func Evolve(s State, e event.Event) State {
	switch e := e.(type) {
	case TOTPAdded:
		s.TOTP = true
	case TOTPRemoved:
		s.TOTP = false
	case PasskeyAdded:
		s.Passkeys = append(slices.Clone(s.Passkeys), Passkey{ID: e.Passkey, Name: e.Name.Or("")})
	case PasskeyRemoved:
		s.Passkeys = slices.DeleteFunc(slices.Clone(s.Passkeys), func(p Passkey) bool { return p.ID == e.Passkey })
	case CodesMade:
		s.Codes = e.Count
	case CodeUsed:
		s.Codes = e.Left
	case Cleared:
		s = State{}
	}
	if !s.Second() {
		s.Codes = 0
	}
	return s
}

// Changes reports whether an event changes what the person has to show, so that sessions
// and sign-ins of before it are of the past.
func Changes(e event.Event) bool {
	switch e.(type) {
	case TOTPAdded, TOTPRemoved, PasskeyAdded, PasskeyRemoved, Cleared:
		return true
	}
	return false
}
