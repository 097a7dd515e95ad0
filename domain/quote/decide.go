package quote

import (
	"strings"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// The limits of what people write.
const (
	maxName      = 200
	maxReference = 100
	maxText      = document.MaxText
)

// Issue decides the issue of a quote; supersedes is the quote that it revises, or "".
func Issue(s State, body document.Body, supersedes id.ID) ([]event.Event, error) {
	issued, err := document.Issue(s.Issued, body)
	if err != nil || issued == nil {
		return nil, err
	}
	return []event.Event{Issued{Issued: *issued, Supersedes: supersedes}}, nil
}

// Approval is a contact's yes.
type Approval struct {
	Name, Signature, Reference string
	Hash                       string // of the body that was shown
}

// Approve decides the contact's yes. The same yes again is nothing.
func Approve(s State, a Approval, today document.Date) ([]event.Event, error) {
	a.Name, a.Reference = strings.TrimSpace(a.Name), strings.TrimSpace(a.Reference)
	if s.Status == IsApproved && s.Approved.Hash == a.Hash && s.Approved.Name.Or("") == a.Name && s.Approved.OrderReference() == a.Reference {
		return nil, nil
	}
	if err := answerable(s, today); err != nil {
		return nil, err
	}
	if a.Hash != s.Issued.Hash {
		return nil, fault.New(fault.Conflict, "quote.stale", fault.A("number", s.Issued.Number))
	}
	if f := fault.Join(document.CheckText("name", a.Name, maxName, true), document.CheckText("reference", a.Reference, maxReference, false), signature(a.Signature)); f != nil {
		return nil, f
	}
	e := Approved{Name: event.Seal(a.Name), Hash: a.Hash}
	if a.Reference != "" {
		e.Reference = event.Seal(a.Reference)
	}
	if a.Signature != "" {
		e.Signature = event.Seal(a.Signature)
	}
	return []event.Event{e}, nil
}

// Decline decides the contact's no. A second no is nothing.
func Decline(s State, name, reason string, today document.Date) ([]event.Event, error) {
	if s.Status == IsDeclined {
		return nil, nil
	}
	if err := answerable(s, today); err != nil {
		return nil, err
	}
	name, reason = strings.TrimSpace(name), strings.TrimSpace(reason)
	if f := fault.Join(document.CheckText("name", name, maxName, false), document.CheckText("reason", reason, maxText, false)); f != nil {
		return nil, f
	}
	e := Declined{}
	if name != "" {
		e.Name = event.Seal(name)
	}
	if reason != "" {
		e.Reason = event.Seal(reason)
	}
	return []event.Event{e}, nil
}

// RequestChanges decides the contact's wish for another version. The same wish again is nothing.
func RequestChanges(s State, name, wish string, today document.Date) ([]event.Event, error) {
	name, wish = strings.TrimSpace(name), strings.TrimSpace(wish)
	if s.Status == ChangesWanted && s.WantedFor == wish {
		return nil, nil
	}
	if err := answerable(s, today); err != nil {
		return nil, err
	}
	if f := fault.Join(document.CheckText("name", name, maxName, false), document.CheckText("text", wish, maxText, true)); f != nil {
		return nil, f
	}
	e := ChangesRequested{Text: event.Seal(wish)}
	if name != "" {
		e.Name = event.Seal(name)
	}
	return []event.Event{e}, nil
}

// Supersede decides that a revised quote takes its place. One that was approved stays so.
func Supersede(s State, by id.ID) ([]event.Event, error) {
	switch {
	case s.Status == IsSuperseded || s.Status == IsWithdrawn:
		return nil, nil
	case s.Status == Unknown:
		return nil, fault.New(fault.NotFound, "not_found")
	case s.Status == IsApproved:
		return nil, fault.New(fault.Conflict, "quote.approved", fault.A("number", s.Issued.Number))
	}
	return []event.Event{Superseded{By: by}}, nil
}

// Expire decides that its day has passed unanswered.
func Expire(s State, today document.Date) ([]event.Event, error) {
	if !s.Open() || !past(s, today) {
		return nil, nil
	}
	return []event.Event{Expired{}}, nil
}

// Withdraw decides that the account takes it back.
func Withdraw(s State) ([]event.Event, error) {
	switch s.Status {
	case IsWithdrawn:
		return nil, nil
	case Unknown:
		return nil, fault.New(fault.NotFound, "not_found")
	case IsApproved:
		return nil, fault.New(fault.Conflict, "quote.approved", fault.A("number", s.Issued.Number))
	}
	return []event.Event{Withdrawn{}}, nil
}

// past reports whether the valid-until day is over.
func past(s State, today document.Date) bool {
	return s.Issued.ValidUntil != "" && s.Issued.ValidUntil < today
}

func answerable(s State, today document.Date) error {
	refuse := func(key string) error {
		return fault.New(fault.Conflict, key, fault.A("number", s.Issued.Number), fault.A("date", s.Issued.ValidUntil))
	}
	switch {
	case s.Status == Unknown:
		return fault.New(fault.NotFound, "not_found")
	case s.Status == IsApproved:
		return refuse("quote.approved")
	case s.Status == IsDeclined:
		return refuse("quote.declined")
	case s.Status == IsSuperseded:
		return refuse("quote.superseded")
	case s.Status == IsWithdrawn:
		return refuse("quote.withdrawn")
	case s.Status == IsExpired || past(s, today):
		return refuse("quote.expired")
	}
	return nil
}
