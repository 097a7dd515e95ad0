package payment

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
)

// ReservationLife is how long a part of a document stays set aside for a gateway
// payment that is heard of no more. Checkouts end well before.
const ReservationLife = 2 * time.Hour

// Payable is a document as its own stream has it: the server's figures.
type Payable struct {
	Document    id.ID
	Kind        document.Kind
	Number      string
	Outstanding money.Money
	Wanted      *money.Money // nil: all that is outstanding
}

// Allocate decides how much of each document a payment covers: the outstanding
// amount, or the wanted part of it, all in one currency. The amounts wanted are the
// only figures that come from the payer.
func Allocate(docs []Payable) ([]Allocation, money.Money, error) {
	if len(docs) == 0 {
		return nil, money.Money{}, fault.Field("documents", "payment.nothing_to_pay")
	}
	if len(docs) > 100 {
		return nil, money.Money{}, fault.Field("documents", "payment.too_many_documents", fault.A("max", 100))
	}
	var total money.Money
	var out []Allocation
	for i, d := range docs {
		field := func(name string) string { return "documents[" + strconv.Itoa(i) + "]." + name }
		refuse := func(key string, args ...fault.Arg) error {
			return &fault.Fault{Kind: fault.Conflict, Key: key, Field: field("id"), Args: args}
		}
		if slices.ContainsFunc(out, func(a Allocation) bool { return a.Document == d.Document }) {
			return nil, total, fault.Field(field("id"), "payment.document_twice", fault.A("number", d.Number))
		}
		if d.Outstanding.Minor <= 0 {
			return nil, total, refuse("payment.already_paid", fault.A("number", d.Number))
		}
		amount := d.Outstanding
		if d.Wanted != nil {
			amount = *d.Wanted
			switch {
			case amount.Currency != d.Outstanding.Currency:
				return nil, total, fault.Field(field("amount"), "payment.currency_differs", fault.A("currency", d.Outstanding.Currency))
			case amount.Minor <= 0:
				return nil, total, fault.Field(field("amount"), "payment.amount_not_positive")
			case amount.Minor > d.Outstanding.Minor:
				return nil, total, fault.Field(field("amount"), "payment.more_than_outstanding", fault.A("number", d.Number), fault.A("outstanding", d.Outstanding))
			}
		}
		sum, err := total.Add(amount)
		if err != nil {
			return nil, total, fault.Field(field("id"), "payment.currencies_mixed")
		}
		total = sum
		out = append(out, Allocation{Document: d.Document, Kind: d.Kind, Number: d.Number, Amount: amount})
	}
	return out, total, nil
}

// Reference returns what a transfer for the payment states and a gateway shows: short
// enough to be typed, and its own.
func Reference(pay id.ID) string {
	return "LJ" + string(pay[max(0, len(pay)-8):])
}

// Start decides a payment.
func Start(s State, method, reference string, amount money.Money, allocations []Allocation) ([]event.Event, error) {
	if s.Exists {
		return nil, nil
	}
	return []event.Event{Started{Method: method, Amount: amount, Allocations: allocations, Reference: reference}}, nil
}

// OpenCheckout decides that a gateway's session belongs to the payment.
func OpenCheckout(s State, gatewayRef string, until time.Time) ([]event.Event, error) {
	if !s.Exists {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	if s.Settled() {
		return nil, fault.New(fault.Conflict, "payment.already_succeeded")
	}
	if s.Status == StatusFailed {
		return nil, fault.New(fault.Conflict, "payment.was_cancelled")
	}
	if s.GatewayRef == gatewayRef {
		return nil, nil
	}
	return []event.Event{CheckoutOpened{GatewayRef: gatewayRef, Until: until.UTC().Truncate(time.Millisecond)}}, nil
}

// Notice is what a gateway says about a payment. It may come late, repeated and out of order.
type Notice struct {
	GatewayRef string
	Status     NoticeStatus
	Amount     money.Money // succeeded: what was paid; refunded: what was refunded in all
	On         document.Date
	Reason     string // failed: declined, expired, cancelled, error
}

// NoticeStatus is the gateway's word, in ours.
type NoticeStatus string

// What gateways say.
const (
	NoticeProcessing NoticeStatus = "processing"
	NoticeSucceeded  NoticeStatus = "succeeded"
	NoticeFailed     NoticeStatus = "failed"
	NoticeRefunded   NoticeStatus = "refunded"
)

// Notify decides what a gateway's notice changes. Whatever the order and number of the
// notices, the end is the same: a success wins over any failure, a refund implies the
// success, there is never a second success, and what does not match is disputed.
func Notify(s State, n Notice) ([]event.Event, error) {
	if !s.Exists {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	switch n.Status {
	case NoticeProcessing:
		if s.Status != StatusStarted {
			return nil, nil
		}
		return []event.Event{Processing{GatewayRef: n.GatewayRef}}, nil
	case NoticeFailed:
		if !s.Pending() {
			return nil, nil
		}
		return []event.Event{Failed{GatewayRef: n.GatewayRef, Reason: reason(n.Reason)}}, nil
	case NoticeSucceeded:
		switch {
		case n.Amount != s.Amount:
			return dispute(s, n, s.Amount), nil
		case !s.Settled():
			return []event.Event{Succeeded{GatewayRef: n.GatewayRef, Amount: n.Amount, On: n.On}}, nil
		case s.PaidRef != n.GatewayRef:
			// The contact paid two sessions of one payment: nothing more was expected.
			return dispute(s, n, money.Of(0, s.Amount.Currency)), nil
		}
		return nil, nil
	case NoticeRefunded:
		if n.Amount.Currency != s.Amount.Currency || n.Amount.Minor <= 0 || n.Amount.Minor > s.Amount.Minor {
			return dispute(s, n, s.Amount), nil
		}
		if s.Settled() && s.PaidRef != "" && s.PaidRef != n.GatewayRef {
			return dispute(s, n, money.Of(0, s.Amount.Currency)), nil
		}
		var out []event.Event
		if !s.Settled() {
			out = append(out, Succeeded{GatewayRef: n.GatewayRef, Amount: s.Amount, On: n.On})
		}
		if n.Amount.Minor > s.Refunded.Minor {
			out = append(out, Refunded{GatewayRef: n.GatewayRef, Amount: money.Of(n.Amount.Minor-s.Refunded.Minor, n.Amount.Currency), Total: n.Amount})
		}
		return out, nil
	}
	return nil, fault.Field("status", "payment.notice_unknown", fault.A("status", n.Status))
}

func dispute(s State, n Notice, expected money.Money) []event.Event {
	if s.Disputes[Dispute{GatewayRef: n.GatewayRef, Reported: n.Amount}] {
		return nil
	}
	return []event.Event{Disputed{GatewayRef: n.GatewayRef, Reported: n.Amount, Expected: expected}}
}

func reason(r string) string {
	switch r {
	case "declined", "expired", "cancelled":
		return r
	}
	return "error"
}

// Announce decides that the contact says it has ordered the transfer.
func Announce(s State, transfer string) ([]event.Event, error) {
	switch {
	case !s.Exists:
		return nil, fault.New(fault.NotFound, "not_found")
	case s.Method != transfer:
		return nil, fault.New(fault.Conflict, "payment.not_a_transfer")
	case s.Status == StatusFailed:
		return nil, fault.New(fault.Conflict, "payment.was_cancelled")
	case s.Status != StatusStarted:
		return nil, nil
	}
	return []event.Event{Processing{}}, nil
}

// Receive decides that staff saw the money on the account. The amount is what came,
// which may be less or more than was announced.
func Receive(s State, transfer string, amount money.Money, on document.Date) ([]event.Event, error) {
	switch {
	case !s.Exists:
		return nil, fault.New(fault.NotFound, "not_found")
	case s.Method != transfer:
		return nil, fault.New(fault.Conflict, "payment.not_a_transfer")
	case s.Settled() && s.Paid == amount:
		return nil, nil
	case s.Settled():
		return nil, fault.New(fault.Conflict, "payment.already_succeeded")
	case amount.Currency != s.Amount.Currency:
		return nil, fault.Field("amount", "payment.currency_differs", fault.A("currency", s.Amount.Currency))
	case amount.Minor <= 0:
		return nil, fault.Field("amount", "payment.amount_not_positive")
	case !on.Valid():
		return nil, fault.Field("on", "date.invalid", fault.A("date", on))
	}
	return []event.Event{Succeeded{Amount: amount, On: on}}, nil
}

// Refund decides that staff sent back a part, up to the given total.
func Refund(s State, total money.Money) ([]event.Event, error) {
	switch {
	case !s.Exists:
		return nil, fault.New(fault.NotFound, "not_found")
	case !s.Settled():
		return nil, fault.New(fault.Conflict, "payment.not_succeeded")
	case total.Currency != s.Paid.Currency:
		return nil, fault.Field("amount", "payment.currency_differs", fault.A("currency", s.Paid.Currency))
	case total.Minor > s.Paid.Minor:
		return nil, fault.Field("amount", "payment.more_than_paid", fault.A("paid", s.Paid))
	case total.Minor <= s.Refunded.Minor:
		return nil, nil
	}
	return []event.Event{Refunded{GatewayRef: s.PaidRef, Amount: money.Of(total.Minor-s.Refunded.Minor, total.Currency), Total: total}}, nil
}

// Cancel decides that the contact gave the payment up.
func Cancel(s State) ([]event.Event, error) {
	switch {
	case !s.Exists:
		return nil, fault.New(fault.NotFound, "not_found")
	case s.Settled():
		return nil, fault.New(fault.Conflict, "payment.already_succeeded")
	case s.Status == StatusFailed:
		return nil, nil
	}
	return []event.Event{Failed{GatewayRef: s.GatewayRef, Reason: "cancelled"}}, nil
}

// Overpay decides that a part of the payment did not fit its document.
func Overpay(s State, doc id.ID, amount money.Money) ([]event.Event, error) {
	if !s.Exists {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	if amount.Minor <= 0 || s.Overpaid[doc] == amount {
		return nil, nil
	}
	return []event.Event{Overpaid{Document: doc, Amount: amount}}, nil
}

// Shares splits what was paid over the allocations in their order; what exceeds them
// goes to the last, where it will not fit and be recorded as overpaid.
func Shares(allocations []Allocation, paid money.Money) []Allocation {
	out := slices.Clone(allocations)
	left := paid.Minor
	for i := range out {
		share := min(out[i].Amount.Minor, left)
		if i == len(out)-1 {
			share = left
		}
		out[i].Amount = money.Of(share, paid.Currency)
		left -= share
	}
	return slices.DeleteFunc(out, func(a Allocation) bool { return a.Amount.Minor == 0 })
}

// Reserve decides that a part of a document is set aside for the payment. What other
// payments under way hold is not available; outstanding is the document's own figure.
func Reserve(c Collection, pay id.ID, outstanding, amount money.Money, now time.Time) ([]event.Event, error) {
	if r, ok := c.Reserved[pay]; ok && r.Amount == amount && now.Before(r.Until) {
		return nil, nil
	}
	free := outstanding.Minor
	var held []Reserved
	for _, r := range c.Held(now, pay) {
		free -= r.Amount.Minor
		held = append(held, r)
	}
	if amount.Minor > free {
		if len(held) == 0 {
			return nil, fault.New(fault.Conflict, "payment.already_paid")
		}
		slices.SortFunc(held, func(a, b Reserved) int { return strings.Compare(string(a.Payment), string(b.Payment)) })
		return nil, fault.New(fault.Conflict, "payment.in_progress", fault.A("payment", held[0].Payment))
	}
	return []event.Event{Reserved{Payment: pay, Amount: amount, Until: now.UTC().Truncate(time.Millisecond).Add(ReservationLife)}}, nil
}

// Release decides the end of a reservation.
func Release(c Collection, pay id.ID) ([]event.Event, error) {
	if _, ok := c.Reserved[pay]; !ok {
		return nil, nil
	}
	return []event.Event{Released{Payment: pay}}, nil
}
