// Package paper is a document as it is read: every field that it states, in order, in the
// words of a language. The page's preview and the PDF are two drawings of it, so that
// neither says what the other does not.
package paper

import (
	"strings"

	"lonja/domain/document"
	"lonja/domain/money"
)

// Words are the reader's language.
type Words interface {
	T(key string, args ...any) string
	Money(m money.Money) string
	Number(d money.Decimal) string
	Price(d money.Decimal) string
	Percent(d money.Decimal) string
	Quantity(q money.Decimal, unit string) string
	Date(d document.Date) string
	Country(code string) string
}

// Sheet is a document, from its head to its last note. What a document does not state is
// empty, and not drawn.
type Sheet struct {
	Kind, Number, Title string
	Issuer              Party
	Parties             []Party // the buyer first; each with its label
	Facts               []Fact
	Columns             Columns
	Discounts           bool // a line has a discount: there is a column for them
	Lines               []Line
	Taxes               []Tax
	Totals              []Total // the last is what the document comes to
	InstalmentsLabel    string
	Instalments         []Fact
	TermsLabel          string
	Terms               string
	Means               []string
	Notes               []string
	OrderNoteLabel      string
	OrderNote           string
}

// Party is a party with its details, a line each.
type Party struct {
	Label   string // "" for the issuer
	Name    string
	Details []string // other name, tax id, registration
	Address []string
	Reach   []string // person, email, phone
}

// Fact is something that the document states by name.
type Fact struct{ Name, Value string }

// Columns are the headings of the lines and of the taxes.
type Columns struct{ Concept, Quantity, Price, Discount, Tax, Amount, Base string }

// Line is one position.
type Line struct {
	Name, SKU                             string
	More                                  []string // description, allowances and charges, note
	Quantity, Price, Discount, Tax, Total string
}

// Tax is one row of the tax breakdown.
type Tax struct{ Name, Reason, Base, Amount string }

// Total is one row of the totals.
type Total struct{ Name, Amount string }

// Of returns the sheet of a body; note is what the contact wrote when placing an order.
func Of(b *document.Body, w Words, note string) Sheet {
	s := Sheet{
		Kind: w.T("kind." + string(b.Kind)), Number: b.Number, Title: b.Title, Issuer: PartyOf("", b.Seller, w),
		Columns: Columns{
			Concept: w.T("paper.concept"), Quantity: w.T("paper.quantity"), Price: w.T("paper.price"), Discount: w.T("paper.discount"),
			Tax: w.T("paper.tax"), Amount: w.T("paper.amount"), Base: w.T("paper.base"),
		},
		Facts: facts(b, w), Totals: totals(b, w), Terms: b.Terms,
	}
	s.Parties = append(s.Parties, PartyOf(w.T("paper.buyer"), b.Buyer, w))
	if b.DeliverTo != nil {
		s.Parties = append(s.Parties, PartyOf(w.T("paper.deliver_to"), *b.DeliverTo, w))
	}
	if b.Payee != nil {
		s.Parties = append(s.Parties, PartyOf(w.T("paper.payee"), *b.Payee, w))
	}
	for i := range b.Lines {
		s.Lines = append(s.Lines, line(&b.Lines[i], w))
		s.Discounts = s.Discounts || !b.Lines[i].Discount.IsZero()
	}
	for i := range b.Taxes {
		t := &b.Taxes[i]
		s.Taxes = append(s.Taxes, Tax{Name: TaxName(t, w), Reason: t.Reason, Base: w.Money(t.Base), Amount: w.Money(t.Amount)})
	}
	if len(b.Instalments) > 1 {
		s.InstalmentsLabel = w.T("paper.instalments")
		for _, i := range b.Instalments {
			s.Instalments = append(s.Instalments, Fact{date(i.Due, w), w.Money(i.Amount)})
		}
	}
	for i := range b.PaymentMeans {
		if m := means(&b.PaymentMeans[i], w); m != "" {
			s.Means = append(s.Means, m)
		}
	}
	if s.Terms != "" || len(s.Means) > 0 {
		s.TermsLabel = w.T("paper.terms")
	}
	for _, n := range b.Notes {
		if n != "" {
			s.Notes = append(s.Notes, n)
		}
	}
	if note != "" {
		s.OrderNoteLabel, s.OrderNote = w.T("paper.order_note"), note
	}
	return s
}

// PartyOf returns a party under a label.
func PartyOf(label string, p document.Party, w Words) Party {
	out := Party{Label: label, Name: p.Name}
	a := p.Address
	out.Details = stated(p.TradeName, p.TaxID)
	if p.TradeName == p.Name {
		out.Details = stated(p.TaxID)
	}
	if p.LegalID != p.TaxID {
		out.Details = append(out.Details, stated(p.LegalID)...)
	}
	country := ""
	if a.Country != "" {
		country = w.Country(a.Country)
	}
	out.Address = stated(a.Street, a.Street2, join(" ", a.PostCode, a.City), a.Region, country)
	out.Reach = stated(p.Person, p.Email, p.Phone)
	return out
}

func facts(b *document.Body, w Words) []Fact {
	var out []Fact
	add := func(key, value string) {
		if value != "" {
			out = append(out, Fact{w.T(key), value})
		}
	}
	due := b.DueDate
	if due == "" && len(b.Instalments) == 1 {
		due = b.Instalments[0].Due
	}
	add("paper.date", date(b.IssueDate, w))
	add("paper.due", date(due, w))
	add("paper.valid_until", date(b.ValidUntil, w))
	add("paper.delivery", date(b.DeliveryOn, w))
	if b.PeriodStart != "" || b.PeriodEnd != "" {
		add("paper.period", strings.TrimSpace(date(b.PeriodStart, w)+" – "+date(b.PeriodEnd, w)))
	}
	add("paper.your_reference", b.BuyerReference)
	add("paper.order_reference", b.OrderReference)
	add("paper.contract", b.Contract)
	add("paper.project", b.Project)
	for _, r := range b.References {
		if r.Number != b.OrderReference {
			add("paper.reference", join(" · ", r.Number, date(r.Date, w)))
		}
	}
	return out
}

func line(l *document.Line, w Words) Line {
	out := Line{Name: l.Name, SKU: l.SKU, Quantity: w.Quantity(l.Quantity, l.Unit), Price: w.Price(l.UnitPrice), Total: w.Money(l.Net)}
	if !l.BaseQty.IsZero() && !l.BaseQty.IsOne() {
		out.Price += " / " + w.Number(l.BaseQty)
	}
	if !l.Discount.IsZero() {
		out.Discount = w.Percent(l.Discount)
	}
	if l.TaxCategory != "" || !l.TaxRate.IsZero() {
		out.Tax = w.Percent(l.TaxRate)
	}
	out.More = stated(l.Description)
	for i := range l.Adjustments {
		out.More = append(out.More, join(" ", adjustment(&l.Adjustments[i], w), w.Money(l.Adjustments[i].Amount)))
	}
	out.More = append(out.More, stated(l.Note)...)
	return out
}

// adjustment names an allowance or a charge.
func adjustment(a *document.Adjustment, w Words) string {
	name := a.Reason
	if name == "" {
		name = w.T("paper.adjustment")
	}
	if a.Percent.IsZero() {
		return name
	}
	return name + " " + w.Percent(a.Percent)
}

// TaxName names a row of the tax breakdown: "IVA 21 %".
func TaxName(t *document.Tax, w Words) string {
	name := w.T("tax." + string(t.Kind))
	if t.Kind == document.VAT && t.Rate.IsZero() && t.Category != "" && t.Category != "Z" {
		return w.T("tax.exempt", "tax", name, "category", t.Category)
	}
	return name + " " + w.Percent(t.Rate)
}

// totals are the figures as stated, from the sum of the lines to what is to be paid.
func totals(b *document.Body, w Words) []Total {
	t := &b.Totals
	var out []Total
	add := func(key string, m money.Money) {
		if m.Currency != "" {
			out = append(out, Total{w.T(key), w.Money(m)})
		}
	}
	some := func(key string, m money.Money) {
		if !m.IsZero() {
			add(key, m)
		}
	}
	if t.Lines.Minor != t.Net.Minor || len(b.Adjustments) > 0 {
		add("paper.sum_lines", t.Lines)
	}
	for i := range b.Adjustments {
		out = append(out, Total{adjustment(&b.Adjustments[i], w), w.Money(b.Adjustments[i].Amount)})
	}
	if len(b.Adjustments) == 0 { // stated in all only
		some("paper.allowances", t.Allowances.Neg())
		some("paper.charges", t.Charges)
	}
	add("paper.net", t.Net)
	add("paper.tax_total", t.Tax)
	out = append(out, Total{w.T("paper.total"), w.Money(t.Gross)})
	if t.Payable.Minor == t.Gross.Minor {
		return out
	}
	some("paper.withheld", t.Withheld.Neg())
	some("paper.prepaid", t.Prepaid.Neg())
	some("paper.rounding", t.Rounding)
	return append(out, Total{w.T("paper.payable"), w.Money(t.Payable)})
}

// means is a way of payment in a line; one that only has a code is named by it.
func means(m *document.PaymentMean, w Words) string {
	name := m.Text
	if name == "" {
		switch m.Code { // UNTDID 4461
		case "10":
			name = w.T("means.cash")
		case "20", "21", "22", "23", "24", "25", "26":
			name = w.T("means.cheque")
		case "30", "31", "42", "58":
			name = w.T("means.transfer")
		case "48", "54", "55":
			name = w.T("means.card")
		case "49", "59":
			name = w.T("means.debit")
		}
	}
	return join(" · ", name, grouped(m.IBAN), m.BIC, m.Holder, m.Reference, m.Mandate)
}

// grouped is an account's number in groups of four, as it is printed.
func grouped(iban string) string {
	var b strings.Builder
	for i, r := range []rune(strings.ReplaceAll(iban, " ", "")) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func date(d document.Date, w Words) string {
	if d == "" {
		return ""
	}
	return w.Date(d)
}

// stated are the texts that are there.
func stated(texts ...string) []string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}

func join(sep string, texts ...string) string { return strings.Join(stated(texts...), sep) }
