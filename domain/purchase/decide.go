package purchase

import (
	"strings"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
)

// Issue decides the issue of a purchase order.
func Issue(s State, body document.Body) ([]event.Event, error) {
	issued, err := document.Issue(s.Issued, body)
	if err != nil || issued == nil {
		return nil, err
	}
	return []event.Event{Issued{Issued: *issued}}, nil
}

// Confirmation is a supplier's yes.
type Confirmation struct {
	Name, Reference string
	DeliveryOn      document.Date
	Hash            string // of the body that was shown
}

// Confirm decides the supplier's yes. The same yes again is nothing.
func Confirm(s State, c Confirmation) ([]event.Event, error) {
	c.Name, c.Reference = strings.TrimSpace(c.Name), strings.TrimSpace(c.Reference)
	if s.Status == IsConfirmed && s.Confirmed.Hash == c.Hash && s.Confirmed.Name.Or("") == c.Name &&
		s.Confirmed.OrderReference() == c.Reference && s.Confirmed.DeliveryOn == c.DeliveryOn {
		return nil, nil
	}
	if s.Status != Sent {
		return nil, s.refuse()
	}
	if c.Hash != s.Issued.Hash {
		return nil, fault.New(fault.Conflict, "purchase.stale", fault.A("number", s.Issued.Number))
	}
	var bad []*fault.Fault
	if c.DeliveryOn != "" && !c.DeliveryOn.Valid() {
		bad = append(bad, fault.Field("deliveryDate", "document.date_invalid", fault.A("date", c.DeliveryOn)))
	}
	if f := fault.Join(append(bad, document.CheckText("name", c.Name, 200, true), document.CheckText("reference", c.Reference, 100, false))...); f != nil {
		return nil, f
	}
	e := Confirmed{Name: event.Seal(c.Name), DeliveryOn: c.DeliveryOn, Hash: c.Hash}
	if c.Reference != "" {
		e.Reference = event.Seal(c.Reference)
	}
	return []event.Event{e}, nil
}

// Reject decides the supplier's no. A second no is nothing.
func Reject(s State, name, reason string) ([]event.Event, error) {
	if s.Status == IsRejected {
		return nil, nil
	}
	if s.Status != Sent {
		return nil, s.refuse()
	}
	name, reason = strings.TrimSpace(name), strings.TrimSpace(reason)
	if f := fault.Join(document.CheckText("name", name, 200, false), document.CheckText("reason", reason, document.MaxText, false)); f != nil {
		return nil, f
	}
	e := Rejected{}
	if name != "" {
		e.Name = event.Seal(name)
	}
	if reason != "" {
		e.Reason = event.Seal(reason)
	}
	return []event.Event{e}, nil
}

// Cancel decides that the account takes it back.
func Cancel(s State, reason string) ([]event.Event, error) {
	switch s.Status {
	case IsCancelled:
		return nil, nil
	case Unknown, IsRejected:
		return nil, s.refuse()
	case Sent, IsConfirmed:
	}
	reason = strings.TrimSpace(reason)
	if f := document.CheckText("reason", reason, document.MaxText, false); f != nil {
		return nil, f
	}
	e := Cancelled{}
	if reason != "" {
		e.Reason = event.Seal(reason)
	}
	return []event.Event{e}, nil
}

func (s State) refuse() error {
	key := ""
	switch s.Status {
	case IsConfirmed:
		key = "purchase.confirmed"
	case IsRejected:
		key = "purchase.rejected"
	case IsCancelled:
		key = "purchase.cancelled"
	case Unknown, Sent:
		return fault.New(fault.NotFound, "not_found")
	}
	return fault.New(fault.Conflict, key, fault.A("number", s.Issued.Number))
}
