package documenttest

import (
	"fmt"

	"github.com/govalues/decimal"
	"pgregory.net/rapid"

	"lonja/domain/document"
	"lonja/domain/money"
)

// Draw returns any document whose figures do not contradict each other: every field there
// or not, discounts, allowances, several taxes, negative lines. Of an invoice or a credit
// note with onlyVAT, all that it states can be said by EN 16931.
func Draw(t *rapid.T, kind document.Kind, onlyVAT bool) document.Body {
	d := drawer{t: t, words: words()}
	if d.n("letters", 0, 3) == 0 {
		d.words = append(d.words, "ș", "Nguyễn")
	}
	b := document.Body{
		Kind: kind, Number: d.text("number", 12), Title: d.maybe("title", 40), IssueDate: d.day("issue"), Currency: "EUR",
		Seller: d.party("seller"), Buyer: d.party("buyer"), BuyerReference: d.maybe("reference", 12), OrderReference: d.maybe("order", 12),
		Contract: d.maybe("contract", 12), Project: d.maybe("project", 12), Terms: d.maybe("terms", 60),
	}
	for _, day := range []*document.Date{&b.DueDate, &b.DeliveryOn, &b.PeriodStart, &b.PeriodEnd} {
		if d.flip() {
			*day = d.day("day")
		}
	}
	if d.flip() {
		b.DeliverTo = &document.Party{Name: d.text("place", 30), Address: d.address("to")}
	}
	if d.flip() {
		b.Payee = &document.Party{Name: d.text("payee", 30)}
	}
	for range d.n("references", 0, 2) {
		b.References = append(b.References, document.Reference{Kind: document.Invoice, Number: d.text("referred", 12), Date: d.day("referred")})
	}
	for range d.n("notes", 0, 2) {
		b.Notes = append(b.Notes, d.text("note", 80))
	}
	bases := map[string]int64{}
	for i := range d.n("lines", 1, 6) {
		l := d.line(i)
		b.Lines = append(b.Lines, l)
		bases[l.TaxRate.String()] += l.Net.Minor
		b.Totals.Lines.Minor += l.Net.Minor
	}
	rate := b.Lines[0].TaxRate
	var allowances, charges int64
	for range d.n("adjustments", 0, 2) {
		a := document.Adjustment{Reason: d.maybe("why", 20), Amount: eur(int64(d.n("amount", 1, 5000))), TaxCat: category(rate), TaxRate: rate}
		if d.flip() {
			a.Amount = a.Amount.Neg()
			allowances -= a.Amount.Minor
		} else {
			charges += a.Amount.Minor
		}
		bases[rate.String()] += a.Amount.Minor
		b.Adjustments = append(b.Adjustments, a)
	}
	tax, withheld := int64(0), int64(0)
	for _, r := range []string{"0", "4", "10", "21"} {
		base, there := bases[r]
		if !there {
			continue
		}
		percent := decimal.MustParse(r)
		x := document.Tax{Kind: document.VAT, Category: category(percent), Rate: percent, Base: eur(base), Amount: share(base, percent)}
		if r == "0" {
			x.Reason = "Exento, art. 20 LIVA"
		}
		tax += x.Amount.Minor
		b.Taxes = append(b.Taxes, x)
		if !onlyVAT && d.flip() {
			more := document.Tax{Kind: document.Surcharge, Rate: decimal.MustParse("5.2"), Base: eur(base), Amount: share(base, decimal.MustParse("5.2"))}
			tax += more.Amount.Minor
			b.Taxes = append(b.Taxes, more)
		}
	}
	net := b.Totals.Lines.Minor - allowances + charges
	if !onlyVAT && d.flip() {
		held := share(net, decimal.MustParse("15"))
		withheld = held.Minor
		b.Taxes = append(b.Taxes, document.Tax{Kind: document.Withholding, Rate: decimal.MustParse("15"), Base: eur(net), Amount: held.Neg()})
		b.Totals.Withheld = held
	}
	gross := net + tax
	b.Totals.Lines, b.Totals.Net, b.Totals.Tax, b.Totals.Gross, b.Totals.Payable = eur(b.Totals.Lines.Minor), eur(net), eur(tax), eur(gross), eur(gross-withheld)
	if allowances != 0 {
		b.Totals.Allowances = eur(allowances)
	}
	if charges != 0 {
		b.Totals.Charges = eur(charges)
	}
	if d.flip() {
		b.Totals.Prepaid = eur(int64(d.n("prepaid", 1, 1000)))
		b.Totals.Payable.Minor -= b.Totals.Prepaid.Minor
	}
	if d.flip() {
		half := b.Totals.Payable.Minor / 2
		b.Instalments = []document.Instalment{{Due: d.day("first"), Amount: eur(half)}, {Due: d.day("second"), Amount: eur(b.Totals.Payable.Minor - half)}}
	}
	if d.flip() {
		b.PaymentMeans = []document.PaymentMean{{
			Code: "58", IBAN: "ES9121000418450200051332", BIC: "CAIXESBBXXX", Text: d.maybe("means", 20), Reference: d.maybe("payment", 12), Holder: d.maybe("holder", 20),
		}}
	}
	return b
}

type drawer struct {
	t     *rapid.T
	words []string
}

func eur(minor int64) money.Money { return money.Of(minor, "EUR") }

func (d drawer) flip() bool                      { return rapid.Bool().Draw(d.t, "there") }
func (d drawer) n(name string, from, to int) int { return rapid.IntRange(from, to).Draw(d.t, name) }

// words are what texts are made of: the accents of the languages of Europe, what XML, PDF and
// spreadsheets take for their own, and a word that no line holds. Letters that few fonts have
// come now and then.
func words() []string {
	return []string{
		"Tinta", "cañón", "l·lustre", "niño", "Łódź", "Αθήνα", "façana", "Žižkov", "S.L.", "&", "<b>", "(50 €)", "a\\b", "{pages}", "100 %", "«ñ»", "=1+1",
		"Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", "œuvre", "№ 7",
	}
}

// text is some words, of at most so many characters.
func (d drawer) text(name string, limit int) string {
	out := ""
	for _, w := range rapid.SliceOfN(rapid.SampledFrom(d.words), 1, 6).Draw(d.t, name) {
		if out != "" && len([]rune(out))+len([]rune(w)) >= limit {
			break
		}
		if out != "" {
			out += " "
		}
		out += w
	}
	return out
}

func (d drawer) maybe(name string, limit int) string {
	if !d.flip() {
		return ""
	}
	return d.text(name, limit)
}

func (d drawer) day(name string) document.Date {
	return document.Date("2026-01-01").AddDays(d.n(name, 0, 700))
}

func (d drawer) party(name string) document.Party {
	p := document.Party{
		Name: d.text(name, 40), TaxID: rapid.SampledFrom([]string{"", "ESB99345674", "B50111113"}).Draw(d.t, name+" tax id"), LegalID: d.maybe(name+" registration", 12),
		Address: d.address(name), Person: d.maybe(name+" person", 20), Email: rapid.SampledFrom([]string{"", "compras@moncayo.example"}).Draw(d.t, name+" email"), Phone: rapid.SampledFrom([]string{"", "+34 976 000 000"}).Draw(d.t, name+" phone"),
	}
	if d.flip() {
		p.TradeName = p.Name + " " + d.text(name+" trade", 20)
	}
	return p
}

func (d drawer) address(name string) document.Address {
	return document.Address{
		Street: d.maybe(name+" street", 30), Street2: d.maybe(name+" floor", 12), City: d.maybe(name+" city", 20), PostCode: rapid.SampledFrom([]string{"", "50001", "08001"}).Draw(d.t, name+" code"),
		Region: d.maybe(name+" region", 15), Country: rapid.SampledFrom([]string{"ES", "PT", "PL"}).Draw(d.t, name+" country"),
	}
}

func (d drawer) line(i int) document.Line {
	l := document.Line{
		Name: d.text("name", 60), SKU: d.maybe("sku", 12), Description: d.maybe("description", 90), Note: d.maybe("line note", 40),
		Quantity: decimal.MustNew(int64(d.n("quantity", -20, 500)), d.n("quantity's decimals", 0, 2)), UnitPrice: decimal.MustNew(int64(d.n("price", 0, 100_000)), d.n("price's decimals", 2, 4)),
		Unit: rapid.SampledFrom([]string{"C62", "KGM", "HUR", "caja"}).Draw(d.t, "unit"), TaxRate: decimal.MustParse(rapid.SampledFrom([]string{"0", "4", "10", "21"}).Draw(d.t, "rate")),
	}
	if d.flip() {
		l.ID = fmt.Sprintf("L%d", i+1)
	}
	l.TaxCategory = category(l.TaxRate)
	value, err := l.Quantity.Mul(l.UnitPrice)
	if err != nil {
		d.t.Fatal(err)
	}
	net, err := money.FromDecimal(value.Round(2), "EUR")
	if err != nil {
		d.t.Fatal(err)
	}
	if d.flip() {
		// A discount makes what is positive less, and nothing of nothing.
		if l.Discount = decimal.MustNew(int64(d.n("discount", 1, 50)), 0); net.Minor > 100 {
			net.Minor -= share(net.Minor, l.Discount).Minor
		} else {
			l.Discount = decimal.Decimal{}
		}
	}
	if d.flip() {
		a := document.Adjustment{Reason: d.text("line's reason", 20), Amount: eur(int64(d.n("line's amount", -500, 500)) | 1)}
		net.Minor += a.Amount.Minor
		l.Adjustments = []document.Adjustment{a}
	}
	l.Net = net
	return l
}

func category(rate money.Decimal) string {
	if rate.IsZero() {
		return "E"
	}
	return "S"
}

func share(minor int64, percent money.Decimal) money.Money {
	rate, err := percent.Mul(decimal.MustNew(1, 2))
	if err != nil {
		return eur(0)
	}
	m, err := eur(minor).Mul(rate)
	if err != nil {
		return eur(0)
	}
	return m
}
