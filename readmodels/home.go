package readmodels

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
)

// Summary is what home needs of a contact's whole history, in a size that does not
// grow with the number of documents. Amounts are minor units, added exactly.
type Summary struct {
	Rev        event.Position    // of the newest event that changes what home shows
	SeenAt     int64             // milliseconds since 1970: the newest act of the contact's own people
	Currencies []CurrencySummary // in alphabetical order
}

// CurrencySummary is the part of a summary in one currency.
type CurrencySummary struct {
	Currency string
	Pending  int64         // owed on invoices
	Moved    []MonthMoved  // by month, oldest first: they add up to Pending
	Years    []YearSummary // by issue date, oldest first
}

// YearSummary is a year's documents, by issue date. Cancelled invoices and superseded
// or withdrawn quotes do not count.
type YearSummary struct {
	Year     int
	Invoices int
	Invoiced int64 // gross
	Lines    int
	Settled  int       // invoices that payments settled …
	Days     int       // … and the days that took, in all
	Sales    [12]int64 // by month: invoices less credit notes
	Quotes   [12]int64
}

// MonthMoved is how a month changed what is owed, and what is to go back to the contact.
type MonthMoved struct {
	Month  int // 202601
	Owed   int64
	Return int64
}

// InMonth returns the movement of a month, making it where it is missing.
func (c *CurrencySummary) InMonth(month int) *MonthMoved {
	i, found := slices.BinarySearchFunc(c.Moved, month, func(m MonthMoved, want int) int { return m.Month - want })
	if !found {
		c.Moved = slices.Insert(c.Moved, i, MonthMoved{Month: month})
	}
	return &c.Moved[i]
}

// In returns the summary of a currency, making it where it is missing.
func (s *Summary) In(currency string) *CurrencySummary {
	i, found := slices.BinarySearchFunc(s.Currencies, currency, func(c CurrencySummary, want string) int {
		return strings.Compare(c.Currency, want)
	})
	if !found {
		s.Currencies = slices.Insert(s.Currencies, i, CurrencySummary{Currency: currency})
	}
	return &s.Currencies[i]
}

// In returns the summary of a year, making it where it is missing.
func (c *CurrencySummary) In(year int) *YearSummary {
	i, found := slices.BinarySearchFunc(c.Years, year, func(y YearSummary, want int) int { return y.Year - want })
	if !found {
		c.Years = slices.Insert(c.Years, i, YearSummary{Year: year})
	}
	return &c.Years[i]
}

// LastSeen returns when the contact's own people last did something; false where never.
func (s *Summary) LastSeen() (time.Time, bool) {
	return time.UnixMilli(s.SeenAt).UTC(), s.SeenAt > 0
}

func (s *Summary) year(currency string, year int) YearSummary {
	for i := range s.Currencies {
		if s.Currencies[i].Currency != currency {
			continue
		}
		for _, y := range s.Currencies[i].Years {
			if y.Year == year {
				return y
			}
		}
	}
	return YearSummary{Year: year}
}

// SummaryID is the id of a contact's one row of Summaries.
const SummaryID = "summary"

// Summaries holds one row a contact.
var Summaries = &Table[Summary]{
	Schema: Schema{Name: "summaries", Columns: []Column{{"rev", Int}}},
	Values: func(s *Summary, dst []Value) []Value { return append(dst, N(uint64(s.Rev))) },
}

// GetSummary returns the contact's summary, an empty one before anything happened.
func GetSummary(ctx context.Context, v View) (Summary, error) {
	s, _, err := Get(ctx, v, Summaries, SummaryID)
	return s, err
}

// HomeRev returns the position of the newest event that changes what the contact's home
// shows, 0 where nothing happened yet. A home composed from then on stays good until it
// moves or the day changes; read it before composing.
func HomeRev(ctx context.Context, v View) (event.Position, error) {
	row, ok, err := v.r.GetRow(ctx, Summaries.Name, Key{Account: v.account, Contact: v.contact, ID: SummaryID})
	if err != nil || !ok {
		return 0, err
	}
	return event.Position(row.Values[0].Int()), nil
}

// How much home shows of each part.
const (
	HomeItems    = 10 // of each group of pending actions
	HomeActivity = 15
)

// HomePage is a contact's home.
type HomePage struct {
	Date          document.Date  `json:"date"`  // the day that "overdue" and "this year" are about
	Year          int            `json:"year"`  // that the figures are of
	Years         []int          `json:"years"` // that there are figures of, newest first; this year always
	Rev           event.Position `json:"rev"`
	Pending       []PendingGroup `json:"pending"` // in the order of home; all five, also empty ones
	QuotesPending CountFigure    `json:"quotesPending"`
	Figures       []Figures      `json:"figures"` // one a currency; none before the first priced document
	Activity      []Activity     `json:"activity"`
}

// PendingName names a group of pending actions.
type PendingName string

// The groups, in the order of home.
const (
	PendingAnswer  PendingName = "answer"  // quotes to approve or decline
	PendingOverdue PendingName = "overdue" // invoices and orders to pay whose day has passed
	PendingPay     PendingName = "pay"     // invoices and orders to pay, not overdue
	PendingConfirm PendingName = "confirm" // purchase orders to confirm
	PendingRead    PendingName = "read"    // documents with unread comments
)

// PendingGroup is what waits for one kind of act.
type PendingGroup struct {
	Name   PendingName     `json:"name"`
	Count  int             `json:"count"`            // of all
	Filter *DocumentFilter `json:"filter,omitempty"` // of the list that shows all; none for comments
	Items  []PendingItem   `json:"items"`            // the first HomeItems
}

// PendingItem is one document that waits for the contact.
type PendingItem struct {
	Document    id.ID         `json:"document"`
	Kind        document.Kind `json:"kind"`
	Number      string        `json:"number"`
	Title       string        `json:"title,omitempty"`
	Status      Status        `json:"status,omitempty"`
	Date        document.Date `json:"date,omitempty"`
	Due         document.Date `json:"due,omitempty"`         // to pay or to answer by
	DaysLeft    *int          `json:"daysLeft,omitempty"`    // until Due; negative once it has passed
	Amount      money.Money   `json:"amount,omitzero"`       // owed, or of the quote or order
	PaymentSent bool          `json:"paymentSent,omitempty"` // a payment for it is processing: paying again would pay twice
	Unread      int           `json:"unread,omitempty"`
	Text        string        `json:"text,omitempty"` // beginning of the newest comment
	Author      string        `json:"author,omitempty"`
}

// AmountFigure is an amount and the documents that it adds up.
type AmountFigure struct {
	Amount money.Money    `json:"amount"`
	Filter DocumentFilter `json:"filter"`
}

// CountFigure is a number of documents, and which.
type CountFigure struct {
	Count  int            `json:"count"`
	Filter DocumentFilter `json:"filter"`
}

// DecimalFigure is an average with one decimal; nil where there is nothing to average.
type DecimalFigure struct {
	Value  *money.Decimal `json:"value"`
	Filter DocumentFilter `json:"filter"`
}

// Figures are the figures of the year in one currency.
type Figures struct {
	Currency           string        `json:"currency"`
	Sales              AmountFigure  `json:"sales"`   // invoices less credit notes, with taxes
	Pending            AmountFigure  `json:"pending"` // owed on invoices, of any year
	Invoices           CountFigure   `json:"invoices"`
	AverageInvoice     AmountFigure  `json:"averageInvoice"` // with taxes, rounded half up
	ProductsPerInvoice DecimalFigure `json:"productsPerInvoice"`
	AverageDaysToPay   DecimalFigure `json:"averageDaysToPay"` // from issue to the payment that settled it
	Months             []MonthFigure `json:"months"`           // January to December
}

// MonthFigure is a pair of bars of the chart.
type MonthFigure struct {
	Month        int            `json:"month"`
	Sales        money.Money    `json:"sales"`
	Quotes       money.Money    `json:"quotes"`
	SalesFilter  DocumentFilter `json:"salesFilter"`
	QuotesFilter DocumentFilter `json:"quotesFilter"`
}

// Home composes a contact's home as of a day, with the figures of that day's year.
func Home(ctx context.Context, v View, today document.Date) (HomePage, error) {
	return HomeOfYear(ctx, v, today, today.Year())
}

// HomeOfYear composes a contact's home as of a day, with the figures of a year.
func HomeOfYear(ctx context.Context, v View, today document.Date, year int) (HomePage, error) {
	h := HomePage{Date: today, Year: year}
	s, err := GetSummary(ctx, v)
	if err != nil {
		return h, err
	}
	h.Rev, h.Years = s.Rev, s.YearsUpTo(today.Year())
	if h.Pending, err = pendingGroups(ctx, v, today); err != nil {
		return h, err
	}
	for _, g := range h.Pending {
		if g.Name == PendingAnswer {
			h.QuotesPending = CountFigure{Count: g.Count, Filter: *g.Filter}
		}
	}
	h.Figures = s.Figures(h.Year)
	h.Activity, err = Feed(ctx, v, HomeActivity)
	return h, err
}

func pendingGroups(ctx context.Context, v View, today document.Date) ([]PendingGroup, error) {
	toPay := []document.Kind{document.Invoice, document.SalesOrder}
	groups := []PendingGroup{
		{Name: PendingAnswer, Filter: &DocumentFilter{
			Kinds: []document.Kind{document.Quote}, Statuses: []Status{StatusPending, StatusChangesRequested}, DueFrom: today,
		}},
		{Name: PendingOverdue, Filter: &DocumentFilter{Kinds: toPay, Owed: true, DueTo: today.AddDays(-1)}},
		{Name: PendingPay, Filter: &DocumentFilter{Kinds: toPay, Owed: true, DueFrom: today}},
		{Name: PendingConfirm, Filter: &DocumentFilter{Kinds: []document.Kind{document.PurchaseOrder}, Statuses: []Status{StatusSent}}},
	}
	sent, err := paymentsSent(ctx, v)
	if err != nil {
		return nil, err
	}
	for i := range groups {
		g := &groups[i]
		p, err := ListDocuments(ctx, v, DocumentQuery{DocumentFilter: *g.Filter, Sort: SortDue, Limit: HomeItems})
		if err != nil {
			return nil, err
		}
		g.Items = make([]PendingItem, len(p.Items))
		for j := range p.Items {
			g.Items[j] = pendingItem(&p.Items[j].Row, today)
			g.Items[j].PaymentSent = sent[p.Items[j].Row.ID]
		}
		g.Count = len(g.Items)
		if p.Next != "" {
			if g.Count, err = CountDocuments(ctx, v, *g.Filter); err != nil {
				return nil, err
			}
		}
	}
	unread, err := unreadGroup(ctx, v)
	return append(groups, unread), err
}

func pendingItem(d *Document, today document.Date) PendingItem {
	item := PendingItem{
		Document: d.ID, Kind: d.Kind, Number: d.Number, Title: d.Title, Status: d.Status, Date: d.IssueDate,
		Amount: d.Total, Unread: d.UnreadContact,
	}
	if d.Owed() {
		item.Amount = d.Outstanding
	}
	if due := d.Due(); due != noDue {
		left := today.DaysUntil(due)
		item.Due, item.DaysLeft = due, &left
	}
	return item
}

// paymentsSent returns the documents that a payment is on its way for.
func paymentsSent(ctx context.Context, v View) (map[id.ID]bool, error) {
	p, err := ListPayments(ctx, v, PaymentQuery{States: []PaymentState{PaymentProcessing}, Limit: 100})
	sent := map[id.ID]bool{}
	for i := range p.Items {
		for _, a := range p.Items[i].Row.Allocations {
			sent[a.Document] = true
		}
	}
	return sent, err
}

func unreadGroup(ctx context.Context, v View) (PendingGroup, error) {
	g := PendingGroup{Name: PendingRead, Items: []PendingItem{}}
	p, err := UnreadThreads(ctx, v, "", HomeItems)
	if err != nil {
		return g, err
	}
	for i := range p.Items {
		t := &p.Items[i].Row
		g.Items = append(g.Items, PendingItem{
			Document: t.Document, Kind: t.Kind, Number: t.Number, Date: document.DateOf(t.LastAt),
			Unread: t.Unread(SideContact), Text: t.LastText, Author: t.LastAuthor,
		})
	}
	g.Count = len(g.Items)
	if p.Next != "" {
		g.Count, err = CountUnreadThreads(ctx, v)
	}
	return g, err
}

// YearsUpTo returns the years that there are figures of, and this one, newest first.
func (s *Summary) YearsUpTo(this int) []int {
	years := []int{this}
	for i := range s.Currencies {
		for _, y := range s.Currencies[i].Years {
			years = append(years, y.Year)
		}
	}
	slices.Sort(years)
	years = slices.Compact(years)
	slices.Reverse(years)
	return years
}

// Figures returns the figures of a year, one set a currency that the contact was ever
// invoiced or quoted in.
func (s *Summary) Figures(year int) []Figures {
	out := make([]Figures, 0, len(s.Currencies))
	for i := range s.Currencies {
		c := &s.Currencies[i]
		out = append(out, figures(c.Currency, c.Pending, s.year(c.Currency, year)))
	}
	return out
}

func figures(cur string, pending int64, y YearSummary) Figures {
	counted := []Status{StatusOpen, StatusPartPaid, StatusPaid}
	invoices := DocumentFilter{Kinds: []document.Kind{document.Invoice}, Statuses: counted, Year: y.Year, Currency: cur}
	sales := DocumentFilter{
		Kinds: []document.Kind{document.Invoice, document.CreditNote}, Statuses: append(counted, StatusIssued),
		Year: y.Year, Currency: cur,
	}
	paid := invoices
	paid.Statuses = []Status{StatusPaid}
	quotes := DocumentFilter{
		Kinds:    []document.Kind{document.Quote},
		Statuses: []Status{StatusPending, StatusChangesRequested, StatusApproved, StatusDeclined, StatusExpired},
		Year:     y.Year, Currency: cur,
	}
	f := Figures{
		Currency: cur,
		Sales:    AmountFigure{Amount: money.Of(0, cur), Filter: sales},
		Pending: AmountFigure{Amount: money.Of(pending, cur), Filter: DocumentFilter{
			Kinds: []document.Kind{document.Invoice}, Owed: true, Currency: cur,
		}},
		Invoices:           CountFigure{Count: y.Invoices, Filter: invoices},
		AverageInvoice:     AmountFigure{Amount: money.Of(divide(y.Invoiced, int64(y.Invoices)), cur), Filter: invoices},
		ProductsPerInvoice: DecimalFigure{Value: tenths(y.Lines, y.Invoices), Filter: invoices},
		AverageDaysToPay:   DecimalFigure{Value: tenths(y.Days, y.Settled), Filter: paid},
		Months:             make([]MonthFigure, 12),
	}
	for m := range f.Months {
		f.Sales.Amount.Minor = AddMinor(f.Sales.Amount.Minor, y.Sales[m])
		f.Months[m] = MonthFigure{
			Month: m + 1, Sales: money.Of(y.Sales[m], cur), Quotes: money.Of(y.Quotes[m], cur),
			SalesFilter: inMonth(sales, m+1), QuotesFilter: inMonth(quotes, m+1),
		}
	}
	return f
}

func inMonth(f DocumentFilter, month int) DocumentFilter {
	f.From = document.Date(fmt.Sprintf("%04d-%02d-01", f.Year, month))
	f.To = document.DateOf(f.From.Time().AddDate(0, 1, -1))
	f.Year = 0
	return f
}

// AddMinor adds minor units; a sum beyond their range stays at its edge, so that it
// never turns into a plausible figure.
func AddMinor(a, b int64) int64 {
	sum := a + b
	switch {
	case b > 0 && sum < a:
		return math.MaxInt64
	case b < 0 && sum > a:
		return math.MinInt64
	}
	return sum
}

// divide returns a / n rounded half up (away from nought), 0 for none.
func divide(a, n int64) int64 {
	if n == 0 {
		return 0
	}
	q, r := a/n, a%n
	switch {
	case r >= n-r && r > 0:
		q++
	case -r >= n+r && r < 0:
		q--
	}
	return q
}

func tenths(a, n int) *money.Decimal {
	if n == 0 {
		return nil
	}
	d, err := decimal.New(divide(int64(a)*10, int64(n)), 1)
	if err != nil {
		return nil
	}
	return &d
}
