// Package event says what an event is, how it is written down and where it is
// kept. The Store port and its guarantees are here because everything else in
// Lonja is derived from what it holds.
package event

import (
	"time"

	"github.com/oklog/ulid/v2"

	"lonja/domain/id"
)

// Event is a fact of the business, in the past tense. Its type string is a
// storage contract: never renamed, never reused.
type Event interface {
	EventType() string
}

// ActorKind says how somebody or something came to act.
type ActorKind string

// The kinds of actor.
const (
	ActorLogin   ActorKind = "login"   // a person of a contact, signed in; ID is the login
	ActorLink    ActorKind = "link"    // whoever holds a document link; ID is the link
	ActorStaff   ActorKind = "staff"   // a person of the account; ID is the staff member
	ActorAPIKey  ActorKind = "apikey"  // a program of the account; ID is the key's
	ActorGateway ActorKind = "gateway" // a payment gateway's notification; ID is its name
	ActorSystem  ActorKind = "system"  // Lonja itself: a reaction, a timer, the command line; ID says which
)

// Actor is who made an event.
type Actor struct {
	Kind ActorKind
	ID   string
}

// Metadata is what every event carries besides its fact.
type Metadata struct {
	Account     id.Account
	Contact     id.Contact // empty for an event of the account itself
	Actor       Actor
	Command     ulid.ULID // the command that made it; its events' ids derive from this
	Correlation ulid.ULID // the first command of the chain
	Causation   ulid.ULID // the event that a reaction answered; zero for a person's command
	OccurredAt  time.Time // UTC, millisecond precision
	TraceParent string    // W3C trace context, may be empty
	Schema      int       // schema version of the data, from 1
}

// Subject names whose key seals the event's personal data: the contact, or the
// account where there is no contact.
func (m Metadata) Subject() string {
	if m.Contact != "" {
		return string(m.Contact)
	}
	return string(m.Account)
}

// Position is an event's place in the feed of all events. It grows strictly, and
// an event that becomes readable is never before one that already was. It has no
// other meaning: stores may leave numbers out. Zero is before the first event.
type Position uint64

// Revision is an event's place in its stream, from 0.
type Revision int64

// NoStream is the expected revision of a stream that must not exist yet.
const NoStream Revision = -1

// Raw is an event as it is stored: bytes, that the store does not look into.
type Raw struct {
	ID   ulid.ULID
	Type string
	Meta []byte // encoded Metadata
	Data []byte // encoded, sealed Event
}

// Stored is a Raw with the place that the store gave it.
type Stored struct {
	Raw
	Position   Position
	Stream     string
	Revision   Revision
	RecordedAt time.Time // the store's clock, UTC, millisecond precision
}

// Recorded is a decoded event with its place.
type Recorded struct {
	ID         ulid.ULID
	Type       string
	Position   Position
	Stream     string
	Revision   Revision
	RecordedAt time.Time
	Meta       Metadata
	Data       Event // of the latest schema version, personal data bound to its key or erased
}

// At is when the event occurred: the only time that folds may use.
func (r *Recorded) At() time.Time { return r.Meta.OccurredAt }
