package invoice

import (
	"strings"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
)

// Issue decides the issue of an invoice.
func Issue(s State, body document.Body) ([]event.Event, error) {
	issued, err := document.Issue(s.Issued, body)
	if err != nil || issued == nil {
		return nil, err
	}
	return []event.Event{Issued{Issued: *issued}}, nil
}

// IssueNote decides the issue of a credit note that corrects invoices.
func IssueNote(s Note, body document.Body, corrects []id.ID) ([]event.Event, error) {
	issued, err := document.Issue(s.Issued, body)
	if err != nil || issued == nil {
		return nil, err
	}
	return []event.Event{CreditNoteIssued{Issued: *issued, Corrects: corrects}}, nil
}

// Payment is what a payment brings to an invoice.
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
	if s.IsCancelled {
		return nil, fault.New(fault.Conflict, "invoice.cancelled", fault.A("number", s.Issued.Number))
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

// Credit decides that a credit note reduces what is owed, by as much as is owed at
// most: what goes beyond it is a refund's, not this invoice's.
func Credit(s State, note id.ID, amount money.Money) ([]event.Event, error) {
	if s.Issued == nil {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	if _, done := s.Credited[note]; done || s.IsCancelled {
		return nil, nil
	}
	more, err := amount.Cmp(s.Outstanding)
	if err != nil {
		return nil, fault.New(fault.Conflict, "payment.currency_differs", fault.A("currency", s.Outstanding.Currency))
	}
	if more > 0 {
		amount = s.Outstanding
	}
	if amount.Minor <= 0 {
		return nil, nil
	}
	left, err := s.Outstanding.Sub(amount)
	if err != nil {
		return nil, err
	}
	return []event.Event{Credited{CreditNote: note, Amount: amount, Outstanding: left}}, nil
}

// Cancel decides that the invoice is void. One that was paid, in part too, is corrected
// by a credit note instead.
func Cancel(s State, reason string) ([]event.Event, error) {
	switch {
	case s.Issued == nil:
		return nil, fault.New(fault.NotFound, "not_found")
	case s.IsCancelled:
		return nil, nil
	case s.paid():
		return nil, fault.New(fault.Conflict, "invoice.has_payments", fault.A("number", s.Issued.Number))
	}
	e := Cancelled{}
	if reason = strings.TrimSpace(reason); reason != "" {
		e.Reason = event.Seal(reason)
	}
	return []event.Event{e}, nil
}

func (s State) paid() bool {
	for p, amount := range s.Recorded {
		if s.Reversed[p].Minor < amount.Minor {
			return true
		}
	}
	return false
}
