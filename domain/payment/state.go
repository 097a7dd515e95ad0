package payment

import (
	"maps"
	"time"

	"lonja/domain/decider"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
)

// Status is where a payment stands.
type Status string

// The states, as they are shown.
const (
	StatusStarted    Status = "started"
	StatusProcessing Status = "processing"
	StatusSucceeded  Status = "succeeded"
	StatusFailed     Status = "failed"
	StatusRefunded   Status = "refunded" // all of it
)

// State is a payment, folded.
type State struct {
	Exists      bool
	Method      string
	Amount      money.Money
	Allocations []Allocation
	Reference   string
	Status      Status
	Reason      string    // of a failure
	GatewayRef  string    // the newest session's
	Until       time.Time // when that session ends
	PaidRef     string    // the gateway's reference of the success
	Paid        money.Money
	PaidOn      document.Date
	Refunded    money.Money
	Disputes    map[Dispute]bool
	Overpaid    map[id.ID]money.Money // by document: what did not fit
}

// Dispute is one notification that does not match.
type Dispute struct {
	GatewayRef string
	Reported   money.Money
}

// Settled reports whether the money came.
func (s State) Settled() bool { return s.Status == StatusSucceeded || s.Status == StatusRefunded }

// Pending reports whether the money may still come.
func (s State) Pending() bool { return s.Status == StatusStarted || s.Status == StatusProcessing }

// Decider folds "payment-<id>".
func Decider() decider.Decider[State] {
	return decider.Decider[State]{
		Category: "payment",
		Initial:  func() State { return State{} },
		Evolve: func(s State, e event.Event) State {
			switch e := e.(type) {
			case Started:
				s.Exists, s.Status = true, StatusStarted
				s.Method, s.Amount, s.Allocations, s.Reference = e.Method, e.Amount, e.Allocations, e.Reference
			case CheckoutOpened:
				s.GatewayRef, s.Until = e.GatewayRef, e.Until
			case Processing:
				s.Status = StatusProcessing
			case Succeeded:
				s.Status, s.PaidRef, s.Paid, s.PaidOn, s.Reason = StatusSucceeded, e.GatewayRef, e.Amount, e.On, ""
			case Failed:
				s.Status, s.Reason = StatusFailed, e.Reason
			case Refunded:
				s.Refunded = e.Total
				if e.Total.Minor >= s.Paid.Minor {
					s.Status = StatusRefunded
				}
			case Disputed:
				s.Disputes = maps.Clone(s.Disputes)
				if s.Disputes == nil {
					s.Disputes = map[Dispute]bool{}
				}
				s.Disputes[Dispute{GatewayRef: e.GatewayRef, Reported: e.Reported}] = true
			case Overpaid:
				s.Overpaid = maps.Clone(s.Overpaid)
				if s.Overpaid == nil {
					s.Overpaid = map[id.ID]money.Money{}
				}
				s.Overpaid[e.Document] = e.Amount
			}
			return s
		},
	}
}

// Collection is what of a document is set aside for payments under way, folded.
type Collection struct {
	Reserved map[id.ID]Reserved // by payment
}

// Held returns the payments, other than the given one, whose reservations run at now.
func (c Collection) Held(now time.Time, other id.ID) []Reserved {
	var held []Reserved
	for _, r := range c.Reserved {
		if r.Payment != other && now.Before(r.Until) {
			held = append(held, r)
		}
	}
	return held
}

// CollectionDecider folds "collection-<document>".
func CollectionDecider() decider.Decider[Collection] {
	return decider.Decider[Collection]{
		Category: "collection",
		Initial:  func() Collection { return Collection{Reserved: map[id.ID]Reserved{}} },
		Evolve: func(s Collection, e event.Event) Collection {
			switch e := e.(type) {
			case Reserved:
				s.Reserved = maps.Clone(s.Reserved)
				s.Reserved[e.Payment] = e
			case Released:
				s.Reserved = maps.Clone(s.Reserved)
				delete(s.Reserved, e.Payment)
			}
			return s
		},
	}
}
