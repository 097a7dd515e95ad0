package commands

import (
	"context"

	"lonja/domain/decider"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/invoice"
	"lonja/domain/money"
	"lonja/domain/order"
)

// payable is what a payment has to know of an invoice or a sales order: the figures of
// its own events.
type payable struct {
	Number      string
	Open        bool // it can be paid
	Outstanding money.Money
	Recorded    map[id.ID]money.Money // by payment: what was ever credited to the document
	Reversed    map[id.ID]money.Money // by payment: what of that went back
}

// payables folds the streams of a kind of document that can be paid.
func payables(kind document.Kind) decider.Decider[payable] {
	return decider.Decider[payable]{
		Category: string(kind),
		Initial: func() payable {
			return payable{Recorded: map[id.ID]money.Money{}, Reversed: map[id.ID]money.Money{}}
		},
		Evolve: func(s payable, e event.Event) payable {
			switch e := e.(type) {
			case invoice.Issued:
				s.Number, s.Open, s.Outstanding = e.Number, true, e.Payable
			case order.Issued:
				s.Number, s.Open, s.Outstanding = e.Number, true, e.Payable
			case order.Placed:
				s.Number, s.Open, s.Outstanding = e.Number, true, e.Payable
			case invoice.Cancelled, order.Cancelled, order.Rejected:
				s.Open = false
			case invoice.Credited:
				s.Outstanding = e.Outstanding
			case invoice.PaymentRecorded:
				s.record(e.Payment, e.Amount, e.Outstanding)
			case order.PaymentRecorded:
				s.record(e.Payment, e.Amount, e.Outstanding)
			case invoice.PaymentReversed:
				s.reverse(e.Payment, e.Amount, e.Outstanding)
			case order.PaymentReversed:
				s.reverse(e.Payment, e.Amount, e.Outstanding)
			}
			return s
		},
	}
}

func (s *payable) record(pay id.ID, amount, outstanding money.Money) {
	s.Recorded[pay], s.Outstanding = money.Of(s.Recorded[pay].Minor+amount.Minor, amount.Currency), outstanding
}

func (s *payable) reverse(pay id.ID, amount, outstanding money.Money) {
	s.Reversed[pay], s.Outstanding = money.Of(s.Reversed[pay].Minor+amount.Minor, amount.Currency), outstanding
}

// payableOf returns a document that can be paid, as of now.
func (c *Commands) payableOf(ctx context.Context, req Request, kind document.Kind, doc id.ID) (payable, error) {
	if !kind.Payable() {
		return payable{}, fault.New(fault.Conflict, "payment.kind_not_payable")
	}
	s, ok, err := State(ctx, c.Executor, payables(kind), string(doc), req)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "not_found")
	}
	if !s.Open {
		s.Outstanding = money.Of(0, s.Outstanding.Currency)
	}
	return s, err
}
