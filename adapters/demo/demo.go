// Package demo invents the demo account: two years of a Spanish wholesaler, its
// contacts, catalogue and documents, and what people did with them. The same day and
// seed give the same plan to the last cent; loading it is the caller's, through the
// commands and the importer that everybody has.
package demo

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"lonja/domain/catalogue"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/money"
)

// Plan is the whole account.
type Plan struct {
	Account  Account
	Products []catalogue.Product
	Tariff   Tariff
	Contacts []Contact
	Steps    []Step // in order of time
}

// Account is the wholesaler.
type Account struct {
	Party       document.Party
	Language    string
	TimeZone    string
	IBAN        string
	BIC         string
	Colour      string
	Welcome     string
	StaffEmail  string
	StaffName   string
	OpenedAt    time.Time
	Client      int // the contact of Contacts that signs in as the demo client
	Supplier    int // the one that signs in as the demo supplier
	ClientPhone string
}

// Tariff is the price list of better clients.
type Tariff struct {
	Name     string
	Discount money.Decimal
}

// Contact is one client or supplier.
type Contact struct {
	Details   contact.Details
	Client    bool
	Supplier  bool
	Language  string
	Surcharge bool
	Tariff    bool
	Catalogue bool
	At        time.Time
}

// Step is one thing that happened. Exactly one of its parts is set.
type Step struct {
	At      time.Time
	Contact int // index into Plan.Contacts

	Issue   *Issue
	Approve *Answer
	Decline *Answer
	Confirm *Answer // of a purchase order, by the supplier
	Pay     *Pay
	Order   *OrderState
	Comment *Comment
}

// Issue is a document of the account, related to others by their numbers.
type Issue struct {
	Body     document.Body
	Corrects string // invoice number that a credit note corrects
	Order    string // sales order number of a delivery note
}

// Answer is what a contact said to a quote or purchase order.
type Answer struct {
	Kind      document.Kind
	Number    string
	Name      string
	Reason    string
	Reference string
}

// Pay is a transfer that staff recorded.
type Pay struct {
	Number string
	Amount money.Money
	On     document.Date
}

// OrderState moves a sales order on.
type OrderState struct {
	Number string
	To     string // "confirmed", "shipped", "fulfilled"
}

// Comment is a line of a conversation.
type Comment struct {
	Kind    document.Kind
	Number  string
	ByStaff bool
	Author  string
	Text    string
	Seen    bool // the other side has read it
}

const currency = "EUR"

// Generate returns the plan whose newest day is today.
func Generate(today time.Time) Plan {
	today = time.Date(today.Year(), today.Month(), today.Day(), 0, 0, 0, 0, time.UTC)
	g := &generator{
		r:        rand.New(rand.NewPCG(20, 26)), //nolint:gosec // a demo wants the same dice each time
		today:    today,
		start:    today.AddDate(-2, 0, 0),
		counters: map[string]int{},
	}
	g.plan.Account = account(g.start)
	g.plan.Products = products()
	g.plan.Tariff = Tariff{Name: "Tarifa hostelería", Discount: dec("10")}
	g.contacts()
	g.history()
	slices.SortStableFunc(g.plan.Steps, func(a, b Step) int {
		return cmp.Or(a.At.Compare(b.At), 0)
	})
	return g.plan
}

type generator struct {
	r        *rand.Rand
	plan     Plan
	today    time.Time
	start    time.Time
	counters map[string]int
}

func dec(s string) money.Decimal {
	d, err := parseDecimal(s)
	if err != nil {
		panic(fmt.Sprintf("demo: %q: %v", s, err)) // a constant of this package
	}
	return d
}

// number returns the next number of a series in the year of t: "F26/0001".
func (g *generator) number(series string, t time.Time) string {
	key := fmt.Sprintf("%s%02d", series, t.Year()%100)
	g.counters[key]++
	return fmt.Sprintf("%s/%04d", key, g.counters[key])
}

func (g *generator) chance(percent int) bool { return g.r.IntN(100) < percent }

func (g *generator) between(lo, hi int) int { return lo + g.r.IntN(hi-lo+1) }

// workHour moves t's day to a working hour of a working day, never past now.
func (g *generator) workHour(t time.Time) time.Time {
	for t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
		t = t.AddDate(0, 0, 1)
	}
	return time.Date(t.Year(), t.Month(), t.Day(), g.between(7, 16), g.between(0, 59), g.between(0, 59), 0, time.UTC)
}

func (g *generator) past(t time.Time) bool { return t.Before(g.today) }

func (g *generator) step(s Step) {
	g.plan.Steps = append(g.plan.Steps, s)
}
