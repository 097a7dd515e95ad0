package factor

import (
	"lonja/domain/event"
	"lonja/domain/id"
)

// TOTPAdded says that an authenticator app was set up, and proved by a code of it.
type TOTPAdded struct{}

// TOTPRemoved says that its codes are asked for no longer.
type TOTPRemoved struct{}

// PasskeyAdded says that the person has a (further) passkey.
type PasskeyAdded struct {
	Passkey id.ID                  `json:"passkey"`
	Name    event.Personal[string] `json:"name"` // what the person calls it
}

// PasskeyRemoved ends a passkey.
type PasskeyRemoved struct {
	Passkey id.ID `json:"passkey"`
}

// CodesMade says that the person was shown recovery codes. Those of before are void.
type CodesMade struct {
	Count int `json:"count"`
}

// CodeUsed says that the person signed in by a recovery code, which is used up.
type CodeUsed struct {
	Left int `json:"left"`
}

// Cleared says that staff took all factors away, for somebody who lost them: the
// password alone signs in again.
type Cleared struct{}

// EventType implements event.Event.
func (TOTPAdded) EventType() string      { return "factor.totp_added" }
func (TOTPRemoved) EventType() string    { return "factor.totp_removed" }
func (PasskeyAdded) EventType() string   { return "factor.passkey_added" }
func (PasskeyRemoved) EventType() string { return "factor.passkey_removed" }
func (CodesMade) EventType() string      { return "factor.codes_made" }
func (CodeUsed) EventType() string       { return "factor.code_used" }
func (Cleared) EventType() string        { return "factor.cleared" }

// Register adds the package's events to the registry.
func Register(r *event.Registry) {
	event.Register[TOTPAdded](r)
	event.Register[TOTPRemoved](r)
	event.Register[PasskeyAdded](r)
	event.Register[PasskeyRemoved](r)
	event.Register[CodesMade](r)
	event.Register[CodeUsed](r)
	event.Register[Cleared](r)
}
