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

// ReversePayment decides that, in all, total of a payment went back. What credit notes
// gave beyond what was owed comes off it: it is what went back for them.
func ReversePayment(s State, pay id.ID, total money.Money) ([]event.Event, error) {
	back, err := document.Unsettle(s.Recorded[pay], s.Reversed[pay], total)
	if err != nil || back.IsZero() {
		return nil, err
	}
	owed, err := s.Outstanding.Add(back)
	if err != nil {
		return nil, err
	}
	owed.Minor -= min(s.Beyond.Minor, back.Minor)
	return []event.Event{PaymentReversed{Payment: pay, Amount: back, Outstanding: owed}}, nil
}

// Credit decides that a credit note reduces what is owed, by as much as is owed at most.
// keep has the invoice remember what goes beyond that: it was paid for already, and is to
// go back to the contact.
func Credit(s State, note id.ID, amount money.Money, keep bool) ([]event.Event, error) {
	if s.Issued == nil {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	if _, done := s.Credited[note]; done || s.IsCancelled || amount.Minor <= 0 || s.Outstanding.Minor < 0 {
		return nil, nil // an invoice of less than nothing owes nothing
	}
	more, err := amount.Cmp(s.Outstanding)
	if err != nil || amount.Currency != s.Outstanding.Currency {
		return nil, fault.New(fault.Conflict, "payment.currency_differs", fault.A("currency", s.Outstanding.Currency))
	}
	e := Credited{CreditNote: note, Amount: amount}
	if more > 0 {
		e.Amount = s.Outstanding
		if keep {
			e.Beyond = money.Of(amount.Minor-e.Amount.Minor, amount.Currency)
		}
	}
	if e.Amount.IsZero() && e.Beyond.IsZero() {
		return nil, nil
	}
	if e.Outstanding, err = s.Outstanding.Sub(e.Amount); err != nil {
		return nil, err
	}
	return []event.Event{e}, nil
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

func (s State) paid() bool {
	for p, amount := range s.Recorded {
		if s.Reversed[p].Minor < amount.Minor {
			return true
		}
	}
	return false
}
