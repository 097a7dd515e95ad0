package readmodels

import (
	"context"
	"time"

	"lonja/domain/document"
	"lonja/domain/id"
	"lonja/domain/money"
)

// PaymentState is where a payment stands.
type PaymentState string

// The states.
const (
	PaymentStarted      PaymentState = "started"
	PaymentProcessing   PaymentState = "processing"
	PaymentPaid         PaymentState = "paid"
	PaymentFailed       PaymentState = "failed"
	PaymentPartRefunded PaymentState = "part_refunded"
	PaymentRefunded     PaymentState = "refunded"
)

// PaymentStates returns all states.
func PaymentStates() []PaymentState {
	return []PaymentState{
		PaymentStarted, PaymentProcessing, PaymentPaid, PaymentFailed, PaymentPartRefunded, PaymentRefunded,
	}
}

// Payment is one attempt to pay one or several documents.
type Payment struct {
	ID          id.ID        `json:"id"`
	Method      string       `json:"method"`
	State       PaymentState `json:"state"`
	Amount      money.Money  `json:"amount"`
	Allocations []Allocation `json:"allocations"`
	Reference   string       `json:"reference"`
	GatewayRef  string       `json:"gatewayRef,omitempty"`
	Until       *time.Time   `json:"until,omitempty"` // when the gateway's checkout ends
	StartedAt   time.Time    `json:"startedAt"`
	ChangedAt   time.Time    `json:"changedAt"`

	PaidOn   document.Date `json:"paidOn,omitempty"`
	Received money.Money   `json:"received,omitzero"`
	Refunded money.Money   `json:"refunded,omitzero"`
	Overpaid money.Money   `json:"overpaid,omitzero"` // what did not fit the documents any more
	Reported money.Money   `json:"reported,omitzero"` // what the gateway reported, where it is not the payment's amount
	Reason   string        `json:"reason,omitempty"`  // of a failed one: declined, expired, cancelled, error

	Timeline Entries `json:"-"`
}

// Allocation is the part of a payment that goes to one document.
type Allocation struct {
	Document id.ID         `json:"document"`
	Kind     document.Kind `json:"kind"`
	Number   string        `json:"number"`
	Amount   money.Money   `json:"amount"`
}

// appendJSON appends what package json would write.
func (p *Payment) appendJSON(b []byte) []byte {
	b = appendText(append(b, `{"id":`...), string(p.ID))
	b = appendText(append(b, `,"method":`...), p.Method)
	b = appendText(append(b, `,"state":`...), string(p.State))
	b = appendMoney(append(b, `,"amount":`...), p.Amount)
	if b = append(b, `,"allocations":`...); p.Allocations == nil {
		b = append(b, "null"...)
	} else {
		b = append(b, '[')
		for i := range p.Allocations {
			if i > 0 {
				b = append(b, ',')
			}
			a := &p.Allocations[i]
			b = appendText(append(b, `{"document":`...), string(a.Document))
			b = appendText(append(b, `,"kind":`...), string(a.Kind))
			b = appendText(append(b, `,"number":`...), a.Number)
			b = append(appendMoney(append(b, `,"amount":`...), a.Amount), '}')
		}
		b = append(b, ']')
	}
	b = appendText(append(b, `,"reference":`...), p.Reference)
	b = appendField(b, "gatewayRef", p.GatewayRef)
	if p.Until != nil {
		b = appendTime(append(b, `,"until":`...), *p.Until)
	}
	b = appendTime(append(b, `,"startedAt":`...), p.StartedAt)
	b = appendTime(append(b, `,"changedAt":`...), p.ChangedAt)
	b = appendField(b, "paidOn", string(p.PaidOn))
	for _, f := range [...]struct {
		name  string
		value money.Money
	}{{"received", p.Received}, {"refunded", p.Refunded}, {"overpaid", p.Overpaid}, {"reported", p.Reported}} {
		if !f.value.IsZero() {
			b = appendMoney(appendName(b, f.name), f.value)
		}
	}
	return append(appendField(b, "reason", p.Reason), '}')
}

// UnderWay reports whether money may still come by this payment.
func (p *Payment) UnderWay() bool {
	return p.State == PaymentStarted || p.State == PaymentProcessing
}

// Attention reports whether staff must look: the gateway reports another amount, or
// money came that no document takes.
func (p *Payment) Attention() bool {
	return p.Reported.Currency != "" || p.Overpaid.Minor > p.Refunded.Minor
}

// Payments holds one row a payment, by id.
var Payments = &Table[Payment]{
	Schema: Schema{
		Name:    "payments",
		ByID:    true,
		Columns: []Column{{"state", Text}, {"started", Int}, {"attention", Int}, {"last", Int}},
		Indexes: []Index{
			{Name: "state", Columns: []string{"state", "started"}},
			{Name: "all_state", Columns: []string{"state", "started"}, Wide: true},
			{Name: "all_attention", Columns: []string{"attention", "started"}, Wide: true},
			{Name: "last", Columns: []string{"last"}},
		},
	},
	Values: func(p *Payment, dst []Value) []Value {
		return append(dst, T(p.State), N(p.StartedAt.UnixMilli()), flag(p.Attention()), N(uint64(p.Timeline.Last())))
	},
	Append: func(b []byte, p *Payment) []byte { return appendWithTimeline(b, p.appendJSON, &p.Timeline) },
	Parse:  func(data []byte, p *Payment) error { return parseWithTimeline(data, p, &p.Timeline) },
}

// PaymentQuery asks for a page of payments.
type PaymentQuery struct {
	States []PaymentState // none: all
	After  string
	Limit  int
}

// ListPayments returns the view's payments, newest first.
func ListPayments(ctx context.Context, v View, q PaymentQuery) (Page[Payment], error) {
	m := merge{Index: "state", Order: []int{1}, Desc: true, After: q.After, Limit: q.Limit}
	if v.all {
		m.Index = "all_state"
	}
	states := q.States
	if len(states) == 0 {
		states = PaymentStates()
	}
	for _, s := range states {
		m.Parts = append(m.Parts, []Value{T(s)})
	}
	return mergeList(ctx, v, Payments, m)
}

// PaymentsForAttention returns the payments that staff must look at, newest first.
// Staff's view only.
func PaymentsForAttention(ctx context.Context, v View, after string, limit int) (Page[Payment], error) {
	return List(ctx, v, Payments, Query{
		Index: "all_attention", Where: []Cond{Where("attention", Eq, N(1))}, Desc: true, After: after, Limit: limit,
	})
}

// FindPayment returns a payment of the view, and whose it is; NotFound else.
func FindPayment(ctx context.Context, v View, payment id.ID) (Payment, id.Contact, error) {
	return findWide(ctx, v, Payments, string(payment))
}

// PaymentsOf returns the payments that are, at least in part, for a contact's document,
// oldest first.
func PaymentsOf(ctx context.Context, v View, doc id.ID) ([]Payment, error) {
	d, _, err := Get(ctx, v, Documents, string(doc))
	if err != nil {
		return nil, err
	}
	out := make([]Payment, 0, len(d.Payments))
	for _, payment := range d.Payments {
		p, ok, err := Get(ctx, v, Payments, string(payment))
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, p)
		}
	}
	return out, nil
}
