package order

import (
	"slices"
	"strings"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
)

// Issue decides the issue of an order that the account wrote down.
func Issue(s State, body document.Body) ([]event.Event, error) {
	issued, err := document.Issue(s.Issued, body)
	if err != nil || issued == nil {
		return nil, err
	}
	return []event.Event{Issued{Issued: *issued}}, nil
}

// Confirm decides the account's yes.
func Confirm(s State, delivery document.Date) ([]event.Event, error) {
	if delivery != "" && !delivery.Valid() {
		return nil, fault.Field("deliveryDate", "document.date_invalid", fault.A("date", delivery))
	}
	switch s.Status {
	case IsConfirmed:
		if delivery == s.DeliveryOn {
			return nil, nil
		}
	case Waiting:
		return []event.Event{Confirmed{DeliveryOn: delivery}}, nil
	}
	return nil, s.refuse()
}

// Reject decides the account's no.
func Reject(s State, reason string) ([]event.Event, error) {
	switch s.Status {
	case IsRejected:
		return nil, nil
	case Waiting:
		reason = strings.TrimSpace(reason)
		if f := document.CheckText("reason", reason, document.MaxText, false); f != nil {
			return nil, f
		}
		e := Rejected{}
		if reason != "" {
			e.Reason = event.Seal(reason)
		}
		return []event.Event{e}, nil
	}
	return nil, s.refuse()
}

// Ship decides that a part or all was sent. A delivery note counts once.
func Ship(s State, note id.ID, complete bool) ([]event.Event, error) {
	switch {
	case s.Status == IsShipped && (complete || note != "" && slices.Contains(s.Shipped, note)):
		return nil, nil
	case s.Status == PartShipped && !complete && note != "" && slices.Contains(s.Shipped, note):
		return nil, nil
	case s.Status == IsConfirmed || s.Status == PartShipped:
		return []event.Event{Shipped{DeliveryNote: note, Complete: complete}}, nil
	}
	return nil, s.refuse()
}

// Fulfil decides that everything was delivered.
func Fulfil(s State) ([]event.Event, error) {
	switch s.Status {
	case IsFulfilled:
		return nil, nil
	case IsConfirmed, PartShipped, IsShipped:
		return []event.Event{Fulfilled{}}, nil
	}
	return nil, s.refuse()
}

// Cancel decides that it will not be delivered.
func Cancel(s State, reason string) ([]event.Event, error) {
	switch s.Status {
	case IsCancelled:
		return nil, nil
	case Waiting, IsConfirmed:
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
	return nil, s.refuse()
}

// Payment is what a payment brings to an order.
type Payment struct {
	ID     id.ID
	Amount money.Money
	Method string
	On     document.Date
}

// RecordPayment decides that a payment covers a part or all. A payment counts once.
func RecordPayment(s State, p Payment) ([]event.Event, error) {
	if s.Issued == nil {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	if _, done := s.Recorded[p.ID]; done {
		return nil, nil
	}
	if s.Status == IsRejected || s.Status == IsCancelled {
		return nil, s.refuse()
	}
	left, err := document.Settle(s.Issued.Number, s.Outstanding, p.Amount)
	if err != nil {
		return nil, err
	}
	return []event.Event{PaymentRecorded{Payment: p.ID, Amount: p.Amount, Outstanding: left, Method: p.Method, On: p.On}}, nil
}

// ReversePayment decides that, in all, total of a payment went back.
func ReversePayment(s State, pay id.ID, total money.Money) ([]event.Event, error) {
	back, err := document.Unsettle(s.Recorded[pay], s.Reversed[pay], total)
	if err != nil || back.IsZero() {
		return nil, err
	}
	owed, err := s.Outstanding.Add(back)
	if err != nil {
		return nil, err
	}
	return []event.Event{PaymentReversed{Payment: pay, Amount: back, Outstanding: owed}}, nil
}

// refuse says what keeps the act from happening.
func (s State) refuse() error {
	key := ""
	switch s.Status {
	case Waiting:
		key = "order.not_confirmed"
	case IsConfirmed:
		key = "order.confirmed"
	case PartShipped, IsShipped:
		key = "order.shipped"
	case IsFulfilled:
		key = "order.fulfilled"
	case IsRejected:
		key = "order.rejected"
	case IsCancelled:
		key = "order.cancelled"
	case Unknown:
		return fault.New(fault.NotFound, "not_found")
	}
	return fault.New(fault.Conflict, key, fault.A("number", s.Issued.Number))
}
