package einvoice

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/govalues/decimal"

	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/money"
)

// guideline is BT-24: what is written keeps to the core invoice of EN 16931, whole.
const guideline = "urn:cen.eu:en16931:2017"

// The marks by which what the core invoice has no field for is found again.
const (
	titleCode    = "AAA"  // UNTDID 4451, of the note that says what the document is about
	discountCode = "95"   // UNTDID 5189, of an allowance that is the line's discount
	anyCharge    = "ZZZ"  // UNTDID 7161, mutually defined
	noMeans      = "1"    // UNTDID 4461, of a UBL credit note that states a due day and no means of payment
	projectCode  = "50"   // UNTDID 1001, of the project that a UBL credit note names
	anyUnit      = "C62"  // UN/ECE Rec 20, "one"
	unitName     = "unit" // the item attribute with a unit that has no code
)

// WriteUBL returns an invoice or a credit note as UBL 2.1. What is written reads back as
// Expressed of the document; a document of which that would not be true is refused.
func WriteUBL(b *document.Body) ([]byte, error) { return written(b, writeUBL) }

// written returns the file of a document, once it has read it back as what it wrote.
func written(b *document.Body, write func(b *document.Body) *element) ([]byte, error) {
	if err := Expressible(b); err != nil {
		return nil, err
	}
	want := Expressed(b)
	file := write(&want).file()
	back, err := readXML(file)
	if err != nil {
		return nil, conflict(err) // figures that contradict each other by the standard's rules, say
	}
	if lost := document.Difference(&want, &back[0], 1); len(lost) > 0 {
		return nil, notExpressible(lost[0])
	}
	return file, nil
}

// Expressible says why a document can't be written as an electronic invoice, nil if it
// can as far as can be told without writing it.
func Expressible(b *document.Body) error {
	if b.Kind != document.Invoice && b.Kind != document.CreditNote {
		return fault.New(fault.Conflict, "einvoice.kind_not_expressible")
	}
	for i := range b.Taxes {
		switch b.Taxes[i].Kind {
		case document.VAT:
		case document.Surcharge:
			return fault.New(fault.Conflict, "einvoice.surcharge_not_expressible")
		default:
			return fault.New(fault.Conflict, "einvoice.withholding_not_expressible")
		}
	}
	if !b.Totals.Withheld.IsZero() {
		return fault.New(fault.Conflict, "einvoice.withholding_not_expressible")
	}
	for i := range b.Lines {
		if l := &b.Lines[i]; l.TaxCategory == "" && l.TaxRate.IsZero() {
			return notExpressible(fmt.Sprintf("lines[%d].taxCategory", i))
		}
	}
	return nil
}

func notExpressible(what string) error {
	return fault.New(fault.Conflict, "einvoice.not_expressible", fault.A("what", what))
}

// conflict turns what is wrong with a file into a refusal to make it.
func conflict(err error) error {
	f, ok := fault.As(err)
	if !ok {
		return err
	}
	return notExpressible(f.Error())
}

// Expressed returns the document with what the standard asks for filled in, where it can
// only mean one thing, and with what it has no field for put into words: the type code, the
// lines' numbers and tax category, one reference of all means of payment, instalments as a
// part of the terms. Of the documents that
// it follows, the invoices stay.
func Expressed(b *document.Body) document.Body {
	out := *b
	if out.TypeCode == "" {
		out.TypeCode = "380"
		if b.Kind == document.CreditNote {
			out.TypeCode = "381"
		}
	}
	if len(b.Instalments) > 0 {
		terms := []string{b.Terms}
		for _, i := range b.Instalments {
			terms = append(terms, strings.TrimSpace(string(i.Due)+" "+i.Amount.String()))
		}
		out.Terms, out.DueDate, out.Instalments = strings.TrimSpace(strings.Join(terms, "\n")), b.FirstDue(), nil
	}
	out.Lines = slices.Clone(b.Lines)
	for i := range out.Lines {
		l := &out.Lines[i]
		if l.ID == "" {
			l.ID = fmt.Sprint(i + 1)
		}
		if l.Unit == "" {
			l.Unit = anyUnit
		}
		if l.TaxCategory == "" {
			l.TaxCategory = "S"
		}
	}
	out.Taxes = slices.Clone(b.Taxes)
	for i := range out.Taxes {
		if t := &out.Taxes[i]; t.Category == "" && !t.Rate.IsZero() {
			t.Category = "S"
		}
	}
	out.PaymentMeans = slices.Clone(b.PaymentMeans)
	for i := range out.PaymentMeans {
		m := &out.PaymentMeans[i]
		m.IBAN = strings.ReplaceAll(m.IBAN, " ", "")
		if m.Code == "" && m.IBAN != "" {
			m.Code = "58"
		} else if m.Code == "" {
			m.Code = noMeans
		}
	}
	shareReference(out.PaymentMeans)
	out.References = slices.Clone(b.References)
	out.References = slices.DeleteFunc(out.References, func(r document.Reference) bool { return r.Kind != "" && r.Kind != document.Invoice })
	for i := range out.References {
		out.References[i].Kind = document.Invoice
	}
	trim(&out)
	return out
}

// shareReference gives all means of payment the reference that some state, unless they
// differ: by the standard there is one (BT-83).
func shareReference(means []document.PaymentMean) {
	one := ""
	for i := range means {
		if r := means[i].Reference; r != "" && one != "" && r != one {
			return
		} else if r != "" {
			one = r
		}
	}
	for i := range means {
		means[i].Reference = one
	}
}

// trim takes off what XML does not keep: white space around texts.
func trim(b *document.Body) {
	for _, s := range []*string{&b.Number, &b.Title, &b.Terms, &b.BuyerReference, &b.OrderReference, &b.Contract, &b.Project} {
		*s = strings.TrimSpace(*s)
	}
	b.Notes = slices.Clone(b.Notes)
	for i := range b.Notes {
		b.Notes[i] = strings.TrimSpace(b.Notes[i])
	}
	b.Notes = slices.DeleteFunc(b.Notes, func(s string) bool { return s == "" })
	for i := range b.Lines {
		l := &b.Lines[i]
		for _, s := range []*string{&l.Name, &l.Description, &l.SKU, &l.Note} {
			*s = strings.TrimSpace(*s)
		}
		if l.Description == l.Name {
			l.Description = ""
		}
	}
}

// unitCode is what codes of UN/ECE Rec 20 and 21 look like.
var unitCode = regexp.MustCompile(`^[A-Z0-9]{2,3}$`)

// unitOf returns the code of a line's unit, and its name where it has none.
func unitOf(l *document.Line) (code, name string) {
	if unitCode.MatchString(l.Unit) {
		return l.Unit, ""
	}
	return anyUnit, l.Unit
}

// readUnit is the opposite of unitOf.
func readUnit(code, name string) string {
	if code == anyUnit && name != "" {
		return name
	}
	return code
}

// gross is what the line comes to before its discount, rounded as an amount.
func gross(l *document.Line) (money.Money, bool) {
	v, err := l.Quantity.Mul(l.UnitPrice)
	if err != nil {
		return money.Money{}, false
	}
	if !l.BaseQty.IsZero() {
		if v, err = v.Quo(l.BaseQty); err != nil {
			return money.Money{}, false
		}
	}
	digits, _ := money.Digits(l.Net.Currency)
	m, err := money.FromDecimal(v.Round(int(digits)), l.Net.Currency)
	return m, err == nil
}

// lineAdjustments are a line's allowances and charges, its discount in percent among them.
func lineAdjustments(l *document.Line) []adjustmentOut {
	var out []adjustmentOut
	if !l.Discount.IsZero() {
		a := document.Adjustment{Percent: l.Discount}
		if base, ok := gross(l); ok {
			a.Base = base
			rest := base
			for _, x := range l.Adjustments {
				rest = money.Of(rest.Minor+x.Amount.Minor, rest.Currency)
			}
			a.Amount = money.Of(l.Net.Minor-rest.Minor, l.Net.Currency)
		}
		out = append(out, adjustmentOut{Adjustment: a, code: discountCode})
	}
	for _, a := range l.Adjustments {
		out = append(out, adjustmentOut{Adjustment: a, code: codeFor(&a)})
	}
	return out
}

// adjustmentOut is an allowance or a charge with its code, of which it needs one where it
// has no reason in words.
type adjustmentOut struct {
	document.Adjustment
	code string
}

func (a *adjustmentOut) charge() bool { return a.Amount.Minor > 0 }

// amount is without its sign, which the indicator says.
func (a *adjustmentOut) amount() string {
	if a.charge() {
		return a.Amount.Decimal()
	}
	return a.Amount.Neg().Decimal()
}

func codeFor(a *document.Adjustment) string {
	switch {
	case a.Reason != "":
		return ""
	case a.Amount.Minor > 0:
		return anyCharge
	}
	return "104" // UNTDID 5189, standard
}

// takeDiscount makes the line's discount of the allowance that is marked as such.
func takeDiscount(l *document.Line, a document.Adjustment, code string) bool {
	if code != discountCode || a.Reason != "" || a.Percent.IsZero() || !l.Discount.IsZero() || len(l.Adjustments) > 0 {
		return false
	}
	l.Discount = a.Percent
	return true
}

// text of amounts and decimals; "" for those that are not stated.
func amountOf(m money.Money) string {
	if m.Currency == "" {
		return ""
	}
	return m.Decimal()
}

func optional(m money.Money) string {
	if m.IsZero() {
		return ""
	}
	return m.Decimal()
}

func numberOf(d decimal.Decimal) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}
