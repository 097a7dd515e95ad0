package quote

import (
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
)

// Issued offers the quote. Stream "quote-<id>", where id is document.Identity.
type Issued struct {
	document.Issued
	Supersedes id.ID `json:"supersedes,omitempty"` // the quote that this one revises
}

// Approved is the contact's yes, with the proof of what was shown.
type Approved struct {
	Name      event.Personal[string] `json:"name"`               // who approves
	Signature event.Personal[string] `json:"signature,omitzero"` // drawn, SVG path data
	Reference event.Personal[string] `json:"orderReference,omitzero"`
	Hash      string                 `json:"hash"` // ContentHash of the body that was shown
	// Plain is the reference as version 1 had it; it is read only.
	Plain string `json:"reference,omitempty"`
}

// OrderReference is the contact's own number or words for the order.
func (e *Approved) OrderReference() string { return e.Reference.Or(e.Plain) }

// Declined is the contact's no.
type Declined struct {
	Name   event.Personal[string] `json:"name,omitzero"`
	Reason event.Personal[string] `json:"reason,omitzero"`
}

// ChangesRequested asks the account for another version; the quote stays open.
type ChangesRequested struct {
	Name event.Personal[string] `json:"name,omitzero"` // who asks
	Text event.Personal[string] `json:"text"`
}

// Superseded says that a revised quote took its place.
type Superseded struct {
	By id.ID `json:"by"`
}

// Expired says that its valid-until day has passed unanswered.
type Expired struct{}

// Withdrawn says that the account took it back.
type Withdrawn struct{}

// EventType implements event.Event.
func (Issued) EventType() string           { return "quote.issued" }
func (Approved) EventType() string         { return "quote.approved" }
func (Declined) EventType() string         { return "quote.declined" }
func (ChangesRequested) EventType() string { return "quote.changes_requested" }
func (Superseded) EventType() string       { return "quote.superseded" }
func (Expired) EventType() string          { return "quote.expired" }
func (Withdrawn) EventType() string        { return "quote.withdrawn" }

// Register adds the package's events to the registry.
func Register(r *event.Registry) {
	event.Register[Issued](r)
	event.Register[Approved](r, event.Same)
	event.Register[Declined](r)
	// Version 2 has who asks, where it was said.
	event.Register[ChangesRequested](r, func(data []byte) ([]byte, error) { return data, nil })
	event.Register[Superseded](r)
	event.Register[Expired](r)
	event.Register[Withdrawn](r)
}
