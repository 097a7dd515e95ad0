package einvoice

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/govalues/decimal"

	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/money"
)

// checkRules applies the rules of EN 16931 that say whether the figures of the document
// contradict each other, and whether what every later step needs is there. Rules
// about code lists are left to validators: a portal shows what a person may have agreed to.
func (r *reader) checkRules() {
	if len(r.faults) > 0 {
		return // figures that can't be read can't be compared
	}
	b := &r.body
	for _, need := range []struct {
		rule, field, name string
		missing           bool
	}{
		{"BR-02", "number", "BT-1", b.Number == ""},
		{"BR-03", "issueDate", "BT-2", b.IssueDate == ""},
		{"BR-06", "seller.name", "BT-27", b.Seller.Name == ""},
		{"BR-07", "buyer.name", "BT-44", b.Buyer.Name == ""},
		{"BR-12", "totals.lines", "BT-106", b.Totals.Lines.Currency == ""},
		{"BR-13", "totals.net", "BT-109", b.Totals.Net.Currency == ""},
		{"BR-14", "totals.gross", "BT-112", b.Totals.Gross.Currency == ""},
		{"BR-15", "totals.payable", "BT-115", b.Totals.Payable.Currency == ""},
		{"BR-16", "lines", "BG-25", len(b.Lines) == 0},
	} {
		if need.missing {
			r.refuse(need.rule, need.field, "einvoice.missing", fault.A("term", need.name))
		}
	}
	for i := range b.Lines {
		l := &b.Lines[i]
		if l.Net.Currency == "" {
			r.refuse("BR-24", fmt.Sprintf("lines[%d].net", i), "einvoice.missing", fault.A("term", "BT-131"))
		}
		if l.Name == "" {
			r.refuse("BR-25", fmt.Sprintf("lines[%d].name", i), "einvoice.missing", fault.A("term", "BT-153"))
		}
	}
	if len(r.faults) == 0 {
		r.checkSums()
	}
}

func (r *reader) checkSums() {
	b, t := &r.body, &r.body.Totals
	lines := make([]money.Money, len(b.Lines))
	for i := range b.Lines {
		lines[i] = b.Lines[i].Net
	}
	var allowances, charges []money.Money
	for _, a := range b.Adjustments {
		if a.Amount.Minor < 0 {
			allowances = append(allowances, a.Amount.Neg())
		} else {
			charges = append(charges, a.Amount)
		}
	}
	taxes := make([]money.Money, len(b.Taxes))
	for i := range b.Taxes {
		taxes[i] = b.Taxes[i].Amount
	}
	r.same("BR-CO-10", "totals.lines", t.Lines, lines...)
	if len(allowances) > 0 || !t.Allowances.IsZero() {
		r.same("BR-CO-11", "totals.allowances", t.Allowances, allowances...)
	}
	if len(charges) > 0 || !t.Charges.IsZero() {
		r.same("BR-CO-12", "totals.charges", t.Charges, charges...)
	}
	r.same("BR-CO-13", "totals.net", t.Net, t.Lines, t.Allowances.Neg(), t.Charges)
	if r.taxed {
		r.same("BR-CO-14", "totals.tax", t.Tax, taxes...)
	}
	r.same("BR-CO-15", "totals.gross", t.Gross, t.Net, t.Tax)
	r.same("BR-CO-16", "totals.payable", t.Payable, t.Gross, t.Prepaid.Neg(), t.Rounding)
	if !slices.ContainsFunc(b.Taxes, func(x document.Tax) bool { return x.Base.Currency == "" || x.Amount.Currency == "" }) {
		for i := range b.Taxes {
			r.checkTax(i)
		}
	}
	b.Totals.Tax.Currency = b.Currency
}

// same refuses a total that is not the sum of its parts.
func (r *reader) same(rule, field string, total money.Money, parts ...money.Money) {
	sum := new(big.Int)
	for _, p := range parts {
		sum.Add(sum, big.NewInt(p.Minor))
	}
	if sum.Cmp(big.NewInt(total.Minor)) == 0 {
		return
	}
	shown := sum.String()
	if sum.IsInt64() {
		shown = money.Of(sum.Int64(), r.body.Currency).String()
	}
	r.refuse(rule, field, "einvoice.sum_differs", fault.A("stated", money.Of(total.Minor, r.body.Currency)), fault.A("sum", shown))
}

// checkTax compares a row of the tax breakdown with its rate (BR-CO-17), a unit of the
// currency either way: issuers round by line or by document.
func (r *reader) checkTax(i int) {
	x := &r.body.Taxes[i]
	rate, err := x.Rate.Mul(decimal.MustNew(1, 2))
	if err != nil {
		return // no rate that is any country's
	}
	want, err := x.Base.Mul(rate)
	if err != nil {
		return
	}
	unit := int64(1)
	if d, ok := money.Digits(r.body.Currency); ok {
		for range d {
			unit *= 10
		}
	}
	if off := want.Minor - x.Amount.Minor; off > unit || off < -unit {
		r.refuse("BR-CO-17", fmt.Sprintf("taxes[%d].amount", i), "einvoice.tax_differs",
			fault.A("stated", x.Amount), fault.A("base", x.Base), fault.A("rate", x.Rate), fault.A("expected", want))
	}
}
