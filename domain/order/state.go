package order

import (
	"lonja/domain/decider"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
)

// Status is where an order stands.
type Status uint8

// The states. Unknown is a stream without events.
const (
	Unknown Status = iota
	Waiting        // placed or issued, not yet confirmed
	IsConfirmed
	PartShipped
	IsShipped
	IsFulfilled
	IsRejected
	IsCancelled
)

// State is a sales order as of now.
type State struct {
	Issued      *document.Issued
	Status      Status
	DeliveryOn  document.Date // as confirmed
	Shipped     []id.ID       // delivery notes
	Outstanding money.Money
	Recorded    map[id.ID]money.Money
	Reversed    map[id.ID]money.Money
}

// Decider folds a sales order.
func Decider() decider.Decider[State] {
	return decider.Decider[State]{
		Category: string(document.SalesOrder),
		Initial:  func() State { return State{Recorded: map[id.ID]money.Money{}, Reversed: map[id.ID]money.Money{}} },
		Evolve:   evolve,
	}
}

func evolve(s State, e event.Event) State {
	switch e := e.(type) {
	case Issued:
		s.Issued, s.Status, s.Outstanding = &e.Issued, Waiting, e.Payable
	case Placed:
		s.Issued, s.Status, s.Outstanding = &e.Issued, Waiting, e.Payable
	case Confirmed:
		s.Status, s.DeliveryOn = IsConfirmed, e.DeliveryOn
	case Rejected:
		s.Status = IsRejected
	case Shipped:
		s.Status = PartShipped
		if e.Complete {
			s.Status = IsShipped
		}
		if e.DeliveryNote != "" {
			s.Shipped = append(s.Shipped, e.DeliveryNote)
		}
	case Fulfilled:
		s.Status = IsFulfilled
	case Cancelled:
		s.Status = IsCancelled
	case PaymentRecorded:
		s.Recorded[e.Payment], s.Outstanding = e.Amount, e.Outstanding
	case PaymentReversed:
		s.Reversed[e.Payment], s.Outstanding = money.Of(s.Reversed[e.Payment].Minor+e.Amount.Minor, e.Amount.Currency), e.Outstanding
	}
	return s
}
