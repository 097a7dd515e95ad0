package invitation

import (
	"lonja/domain/event"
	"lonja/domain/id"
)

// Started says whom staff want to invite. Stream "invitations-<id>", the account's own.
type Started struct {
	Contacts []id.Contact `json:"contacts"`
}

// Advanced says what became of the next of them, in their order.
type Advanced struct {
	Results []Result `json:"results"`
}

// Result is what became of one contact.
type Result struct {
	Contact id.Contact `json:"contact"`
	Outcome Outcome    `json:"outcome"`
	Login   id.ID      `json:"login,omitempty"` // who was invited
}

// Outcome is a result's code.
type Outcome string

// The outcomes.
const (
	Invited Outcome = "invited"
	Already Outcome = "already"  // a short time ago
	NoEmail Outcome = "no_email" // its record has none
	Taken   Outcome = "taken"    // its email signs in for another contact
	Missing Outcome = "missing"  // there is no such contact (any more)
	Refused Outcome = "refused"  // for another reason, such as an email that is none
)

// Outcomes returns all of them.
func Outcomes() []Outcome { return []Outcome{Invited, Already, NoEmail, Taken, Missing, Refused} }

// EventType implements event.Event.
func (Started) EventType() string  { return "invitations.started" }
func (Advanced) EventType() string { return "invitations.advanced" }

// Register adds the package's events to the registry.
func Register(r *event.Registry) {
	event.Register[Started](r)
	event.Register[Advanced](r)
}
