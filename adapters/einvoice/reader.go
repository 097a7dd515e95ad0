package einvoice

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/govalues/decimal"

	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/money"
)

// reader gathers a body and what is wrong with it.
type reader struct {
	body   document.Body
	taxed  bool        // a tax total is stated
	tax    money.Money // the tax total as stated, in the document's currency
	faults []*fault.Fault
}

// maxFaults bounds how much is said about one file.
const maxFaults = 20

// refuse notes that a rule of EN 16931 is broken at a field.
func (r *reader) refuse(rule, field, key string, args ...fault.Arg) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, fault.Field(field, key, append([]fault.Arg{fault.A("rule", rule)}, args...)...))
	}
}

// number is a plain decimal of XML Schema: no exponent, no signs but one in front.
var number = regexp.MustCompile(`^[+-]?(\d+(\.\d*)?|\.\d+)$`)

// decimal reads an exact decimal, zero where there is none.
func (r *reader) decimal(n *node, field string) money.Decimal {
	if n == nil || n.Text == "" {
		return money.Decimal{}
	}
	if !number.MatchString(n.Text) || len(n.Text) > 40 {
		r.refuse("syntax", fmt.Sprintf("%s (line %d)", field, n.line), "einvoice.number_invalid", fault.A("value", clip(n.Text)))
		return money.Decimal{}
	}
	d, err := decimal.Parse(exact(n.Text))
	if err != nil || d.Cmp(must(decimal.Parse(digits(n.Text)))) != 0 {
		r.refuse("syntax", fmt.Sprintf("%s (line %d)", field, n.line), "einvoice.number_invalid", fault.A("value", clip(n.Text)))
		return money.Decimal{}
	}
	return d
}

// money reads an amount in the document's currency. More decimals than the currency
// has are refused: rounding them would change what was stated.
func (r *reader) money(n *node, field string) money.Money {
	if n == nil || n.Text == "" {
		return money.Money{}
	}
	if cur := n.attr("currencyID"); cur != "" && cur != r.body.Currency {
		r.refuse("BR-05", fmt.Sprintf("%s (line %d)", field, n.line), "einvoice.currency_differs", fault.A("currency", cur), fault.A("want", r.body.Currency))
		return money.Money{}
	}
	text := n.Text
	if number.MatchString(text) {
		text = exact(text)
	}
	m, err := money.Parse(text, r.body.Currency)
	if err != nil {
		r.refuse("BR-DEC", fmt.Sprintf("%s (line %d)", field, n.line), "einvoice.amount_invalid", fault.A("value", clip(n.Text)), fault.A("currency", r.body.Currency))
		return money.Money{}
	}
	return m
}

// exact strips what a decimal may carry and means nothing: a plus, a last point, zeros.
func exact(s string) string {
	s = strings.TrimPrefix(s, "+")
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	switch s {
	case "", "-":
		return "0"
	}
	if strings.HasPrefix(s, ".") {
		s = "0" + s
	}
	if strings.HasPrefix(s, "-.") {
		s = "-0" + s[1:]
	}
	return s
}

// digits returns the number cut to what the decimal type holds, to notice one that it rounds.
func digits(s string) string {
	s = exact(s)
	if len(strings.Trim(s, "-.0")) > 18 {
		return "0"
	}
	return s
}

func must(d money.Decimal, err error) money.Decimal {
	if err != nil {
		return money.Decimal{}
	}
	return d
}

func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// date reads a day. UBL writes 2006-01-02, with a zone sometimes; CII writes 20060102.
func (r *reader) date(n *node, field string) document.Date {
	if n == nil || n.Text == "" {
		return ""
	}
	s := n.Text
	switch {
	case len(s) == 8 && !strings.Contains(s, "-"):
		s = s[:4] + "-" + s[4:6] + "-" + s[6:]
	case len(s) > 10 && s[4] == '-' && strings.ContainsRune("Z+-T", rune(s[10])):
		s = s[:10]
	}
	d := document.Date(s)
	if !d.Valid() {
		r.refuse("syntax", fmt.Sprintf("%s (line %d)", field, n.line), "document.date_invalid", fault.A("date", clip(n.Text)))
		return ""
	}
	return d
}

// currency reads the document's currency, before any amount is.
func (r *reader) currency(code, field string) {
	r.body.Currency = code
	if _, ok := money.Digits(code); !ok {
		r.refuse("BR-05", field, "document.currency_unknown", fault.A("currency", clip(code)))
		r.body.Currency = "EUR" // so that the rest can be looked at
	}
}

// kindOf returns the kind of document that a UNTDID 1001 code stands for.
func kindOf(code string) document.Kind {
	switch code {
	case "81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532":
		return document.CreditNote
	}
	return document.Invoice
}

// adjustment makes an allowance negative and a charge positive.
func adjustment(m money.Money, charge bool) money.Money {
	if charge {
		return m
	}
	return m.Neg()
}
