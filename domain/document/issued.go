package document

import "lonja/domain/event"

// Issued is what every issue event holds: the plain facts, and the sealed body.
// Title is sealed apart, so that lists need not open the body.
type Issued struct {
	Summary
	Title event.Personal[string] `json:"title,omitzero"`
	Body  event.Personal[Body]   `json:"body"`
}

// NewIssued returns the issue of a body.
func NewIssued(b Body) (Issued, error) {
	s, err := b.Summary()
	if err != nil {
		return Issued{}, err
	}
	i := Issued{Summary: s, Body: event.Seal(b)}
	if b.Title != "" {
		i.Title = event.Seal(b.Title)
	}
	return i, nil
}

// IssuedDocument returns what is common to every kind's issue; an event that embeds
// Issued has the method too.
func (i Issued) IssuedDocument() Issued { return i }
