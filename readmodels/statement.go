package readmodels

import (
	"context"
	"errors"
	"iter"

	jsonv2 "github.com/go-json-experiment/json"

	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
)

// MoveType says what changed the balance of a statement of account.
type MoveType string

// The movements. Payments of sales orders are none: what was paid ahead, the invoice
// states, and asks for the rest.
const (
	MoveInvoice   MoveType = "invoice"   // on the invoice's day: what it asks for
	MovePayment   MoveType = "payment"   // on its value day
	MoveRefund    MoveType = "refund"    // a payment, or a part, went back: on the day that it was recorded, in UTC
	MoveCredit    MoveType = "credit"    // on the credit note's day; one for each invoice that it corrects
	MoveCancelled MoveType = "cancelled" // an invoice became void: on the day that it was recorded, in UTC
)

// Movement is one line of a contact's statement of account.
type Movement struct {
	Type     MoveType      `json:"type"`
	Date     document.Date `json:"date"`
	Document id.ID         `json:"document"` // the invoice, or the credit note
	Kind     document.Kind `json:"kind"`
	Number   string        `json:"number"`
	Due      document.Date `json:"dueDate,omitempty"` // of an invoice
	Payment  id.ID         `json:"payment,omitempty"`
	Method   string        `json:"method,omitempty"`
	Amount   money.Money   `json:"amount"`          // how it changes what is owed: payments and credit are negative
	Return   money.Money   `json:"return,omitzero"` // how it changes what is to go back to the contact: credit of what was paid
}

// Movements holds one row a movement, by the event's position, but for the issues of
// invoices, which the documents tell. A rebuild writes them all: there is one column, and
// one index over it.
var Movements = &Table[Movement]{
	Schema: Schema{
		Name:    "movements",
		Columns: []Column{{"date", Int}},
		Indexes: []Index{{Name: "date", Columns: []string{"date"}}},
	},
	Values: func(m *Movement, dst []Value) []Value { return append(dst, dayValue(m.Date)) },
	Append: func(b []byte, m *Movement) []byte { return m.appendJSON(b) },
	Parse:  func(data []byte, m *Movement) error { return jsonv2.Unmarshal(data, m) },
}

func (m *Movement) appendJSON(b []byte) []byte {
	b = appendText(append(b, `{"type":`...), string(m.Type))
	b = appendText(append(b, `,"date":`...), string(m.Date))
	b = appendText(append(b, `,"document":`...), string(m.Document))
	b = appendText(append(b, `,"kind":`...), string(m.Kind))
	b = appendText(append(b, `,"number":`...), m.Number)
	b = appendField(b, "dueDate", string(m.Due))
	b = appendField(b, "payment", string(m.Payment))
	b = appendField(b, "method", m.Method)
	b = appendMoney(append(b, `,"amount":`...), m.Amount)
	if m.Return.Currency != "" {
		b = appendMoney(append(b, `,"return":`...), m.Return)
	}
	return append(b, '}')
}

// OwedAtIssue is what a document asks for: nothing where it pays something back.
func OwedAtIssue(payable money.Money) money.Money {
	return money.Of(max(0, payable.Minor), payable.Currency)
}

// Move is the movement that an invoice's issue is.
func (d *Document) Move() Movement {
	return Movement{
		Type: MoveInvoice, Date: d.IssueDate, Document: d.ID, Kind: document.Invoice, Number: d.Number, Due: d.DueDate, Amount: OwedAtIssue(d.Payable),
	}
}

// MonthNumber is the month of a day: 202601; 0 for none.
func MonthNumber(d document.Date) int { return 100*d.Year() + d.Month() }

// Statement is a contact's statement of account.
type Statement struct {
	From       document.Date       `json:"from,omitempty"` // first day; empty: from the beginning
	To         document.Date       `json:"to,omitempty"`   // last day; empty: to the end
	Today      document.Date       `json:"today"`          // what the ageing is as of
	Currencies []StatementCurrency `json:"currencies"`
}

// StatementCurrency is the part of a statement in one currency. Opening and the amounts
// of all movements of the period add up to Closing.
type StatementCurrency struct {
	Currency  string          `json:"currency"`
	Opening   money.Money     `json:"opening"`   // owed before the period
	Closing   money.Money     `json:"closing"`   // owed at its end
	Return    money.Money     `json:"return"`    // to go back to the contact at its end
	Movements []StatementLine `json:"movements"` // oldest first; at most as many as were asked for
	More      bool            `json:"more"`      // there are more movements than listed
	Pending   money.Money     `json:"pending"`   // owed today, the sum of Ageing: what home says
	Ageing    []AgeingFigure  `json:"ageing"`
}

// StatementLine is a movement with the balance after it.
type StatementLine struct {
	Movement
	Balance money.Money `json:"balance"`
}

// AgeingFigure is what is owed today, by how long its day has passed.
type AgeingFigure struct {
	Name   AgeName        `json:"name"`
	Amount money.Money    `json:"amount"`
	Count  int            `json:"count"` // invoices
	Filter DocumentFilter `json:"filter"`
}

// AgeName names a stretch of days since the due day.
type AgeName string

// The stretches.
const (
	AgeNotDue AgeName = "not_due"
	Age30     AgeName = "1_30"
	Age60     AgeName = "31_60"
	Age90     AgeName = "61_90"
	AgeOlder  AgeName = "over_90"
)

// StatementQuery asks for a statement of account.
type StatementQuery struct {
	From, To document.Date // inclusive; empty is open
	Today    document.Date
	Limit    int // movements listed a currency; 0: none
}

// Check refuses a period that is none.
func (q *StatementQuery) Check() error {
	for _, d := range []struct {
		field string
		date  document.Date
	}{{"from", q.From}, {"to", q.To}} {
		if d.date != "" && !d.date.Valid() {
			return fault.Field(d.field, "document.date_invalid", fault.A("date", d.date))
		}
	}
	if q.From != "" && q.To != "" && q.To < q.From {
		return fault.Field("to", "statement.period_backwards", fault.A("from", q.From), fault.A("to", q.To))
	}
	return nil
}

// GetStatement returns a contact's statement of account. What it reads of the past does
// not grow with it: a sum a month, and the movements of one month and of the period.
func GetStatement(ctx context.Context, v View, q StatementQuery) (Statement, error) {
	out := Statement{From: q.From, To: q.To, Today: q.Today, Currencies: []StatementCurrency{}}
	if err := q.Check(); err != nil {
		return out, err
	}
	s, err := GetSummary(ctx, v)
	if err != nil {
		return out, err
	}
	for i := range s.Currencies {
		c := &s.Currencies[i]
		if len(c.Moved) == 0 {
			continue
		}
		one := StatementCurrency{Currency: c.Currency, Movements: []StatementLine{}}
		if one.Opening, _, err = balanceBefore(ctx, v, c, q.From); err != nil {
			return out, err
		}
		end := noDue
		if q.To != "" {
			end = q.To.AddDays(1)
		}
		if one.Closing, one.Return, err = balanceBefore(ctx, v, c, end); err != nil {
			return out, err
		}
		if q.Limit > 0 {
			err = EachMovement(ctx, v, c.Currency, q, one.Opening, func(l StatementLine) error {
				if len(one.Movements) == q.Limit {
					one.More = true
					return errEnough
				}
				one.Movements = append(one.Movements, l)
				return nil
			})
			if err != nil && !errors.Is(err, errEnough) {
				return out, err
			}
		}
		if one.Ageing, one.Pending, err = ageing(ctx, v, c.Currency, q.Today); err != nil {
			return out, err
		}
		out.Currencies = append(out.Currencies, one)
	}
	return out, nil
}

var errEnough = errors.New("statement: as many movements as were asked for")

// movementsPage is how many movements are read at once.
const movementsPage = 500

// EachMovement calls f for each movement of the period in the currency, oldest first,
// until f fails; opening is the statement's.
func EachMovement(ctx context.Context, v View, currency string, q StatementQuery, opening money.Money, f func(StatementLine) error) error {
	balance := opening
	return eachMovement(ctx, v, currency, q.From, q.To, func(m *Movement) error {
		balance.Minor = AddMinor(balance.Minor, m.Amount.Minor)
		return f(StatementLine{Movement: *m, Balance: balance})
	})
}

// eachMovement merges what was issued and what happened to it since: on one day, first the
// invoices, by their id, then the rest in the order of the log.
func eachMovement(ctx context.Context, v View, currency string, from, to document.Date, f func(m *Movement) error) error {
	next, stop := iter.Pull2(movementsSince(ctx, v, from, to))
	defer stop()
	later, err, more := next()
	upTo := func(day document.Date) error { // of the movements since, those before the day; all of them where it is empty
		for ; more && (day == "" || err != nil || later.Date < day); later, err, more = next() {
			if err != nil {
				return err
			}
			if later.Amount.Currency == currency {
				if err := f(later); err != nil {
					return err
				}
			}
		}
		return nil
	}
	invoices := DocumentQuery{
		DocumentFilter: DocumentFilter{Kinds: []document.Kind{document.Invoice}, From: from, To: to}, Sort: SortDate, Limit: movementsPage,
	}
	for {
		p, err := ListDocuments(ctx, v, invoices)
		if err != nil {
			return err
		}
		for i := range p.Items {
			m := p.Items[i].Row.Move()
			if m.Amount.Currency != currency {
				continue
			}
			if err := upTo(m.Date); err != nil {
				return err
			}
			if err := f(&m); err != nil {
				return err
			}
		}
		if invoices.After = p.Next; p.Next == "" {
			return upTo("")
		}
	}
}

// movementsSince lists the rows of Movements of the days, oldest first. It ends with the
// first error.
func movementsSince(ctx context.Context, v View, from, to document.Date) iter.Seq2[*Movement, error] {
	list := Query{Index: "date", Limit: movementsPage}
	if from != "" {
		list.Where = append(list.Where, Where("date", Ge, dayValue(from)))
	}
	if to != "" {
		list.Where = append(list.Where, Where("date", Le, dayValue(to)))
	}
	return func(yield func(*Movement, error) bool) {
		for {
			p, err := List(ctx, v, Movements, list)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range p.Items {
				if !yield(&p.Items[i].Row, nil) {
					return
				}
			}
			if list.After = p.Next; p.Next == "" {
				return
			}
		}
	}
}

// balanceBefore returns what was owed, and what was to go back, at the start of a day:
// whole months from the summary, and the movements of the month that has begun.
func balanceBefore(ctx context.Context, v View, c *CurrencySummary, day document.Date) (owed, back money.Money, err error) {
	owed, back = money.Of(0, c.Currency), money.Of(0, c.Currency)
	if day == "" {
		return owed, back, nil
	}
	month, begun := MonthNumber(day), false
	for _, m := range c.Moved {
		begun = begun || m.Month == month
		if m.Month < month {
			owed.Minor, back.Minor = AddMinor(owed.Minor, m.Owed), AddMinor(back.Minor, m.Return)
		}
	}
	start := day[:len("2006-01-")] + "01"
	if !begun || day == start {
		return owed, back, nil
	}
	err = eachMovement(ctx, v, c.Currency, start, day.AddDays(-1), func(m *Movement) error {
		owed.Minor, back.Minor = AddMinor(owed.Minor, m.Amount.Minor), AddMinor(back.Minor, m.Return.Minor)
		return nil
	})
	return owed, back, err
}

// ageing splits what is owed on invoices today by how long its day has passed.
func ageing(ctx context.Context, v View, currency string, today document.Date) ([]AgeingFigure, money.Money, error) {
	total := money.Of(0, currency)
	base := DocumentFilter{Kinds: []document.Kind{document.Invoice}, Owed: true, Currency: currency}
	var out []AgeingFigure
	for _, a := range []struct {
		name     AgeName
		from, to int // days overdue; 0 is open
	}{{AgeNotDue, 0, 0}, {Age30, 1, 30}, {Age60, 31, 60}, {Age90, 61, 90}, {AgeOlder, 91, 0}} {
		f := base
		if a.from == 0 {
			f.DueFrom = today
		} else {
			f.DueTo = today.AddDays(-a.from)
		}
		if a.to > 0 {
			f.DueFrom = today.AddDays(-a.to)
		}
		figure := AgeingFigure{Name: a.name, Filter: f, Amount: money.Of(0, currency)}
		sums, err := SumDocuments(ctx, v, f)
		if err != nil {
			return nil, total, err
		}
		for _, s := range sums {
			figure.Amount, figure.Count = s.Outstanding, s.Count
		}
		total.Minor = AddMinor(total.Minor, figure.Amount.Minor)
		out = append(out, figure)
	}
	return out, total, nil
}
