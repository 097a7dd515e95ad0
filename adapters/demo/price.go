package demo

import (
	"slices"

	"lonja/domain/document"
	"lonja/domain/money"
)

// surchargeOf is the recargo de equivalencia that goes with a rate of IVA (art. 161 LIVA).
var surchargeOf = map[string]string{"21": "5.2", "10": "1.4", "4": "0.5"}

// price fills the tax breakdown and the totals from the lines' nets.
func price(b *document.Body, surcharge bool, withholding money.Decimal) {
	var rates []money.Decimal
	bases := map[string]money.Money{}
	net := money.Of(0, currency)
	for _, l := range b.Lines {
		key := l.TaxRate.String()
		if _, seen := bases[key]; !seen {
			rates = append(rates, l.TaxRate)
		}
		bases[key] = must(bases[key].Add(l.Net))
		net = must(net.Add(l.Net))
	}
	slices.SortFunc(rates, func(x, y money.Decimal) int { return y.Cmp(x) })
	b.Taxes = nil
	tax := money.Of(0, currency)
	add := func(kind document.TaxKind, cat string, rate money.Decimal, base money.Money) money.Money {
		amount := must(base.Mul(must(rate.Mul(dec("0.01")))))
		if kind == document.Withholding {
			amount = amount.Neg()
		}
		b.Taxes = append(b.Taxes, document.Tax{Kind: kind, Category: cat, Rate: rate, Base: base, Amount: amount})
		return amount
	}
	for _, r := range rates {
		tax = must(tax.Add(add(document.VAT, "S", r, bases[r.String()])))
	}
	if surcharge {
		for _, r := range rates {
			tax = must(tax.Add(add(document.Surcharge, "", dec(surchargeOf[r.String()]), bases[r.String()])))
		}
	}
	t := document.Totals{Lines: net, Net: net, Tax: tax, Gross: must(net.Add(tax))}
	t.Payable = t.Gross
	if !withholding.IsZero() {
		t.Withheld = add(document.Withholding, "", withholding, net).Neg()
		t.Payable = must(t.Gross.Sub(t.Withheld))
	}
	b.Totals = t
}

func hasSurcharge(b document.Body) bool {
	return slices.ContainsFunc(b.Taxes, func(t document.Tax) bool { return t.Kind == document.Surcharge })
}

func withholdingOf(b document.Body) money.Decimal {
	for _, t := range b.Taxes {
		if t.Kind == document.Withholding {
			return t.Rate
		}
	}
	return money.Decimal{}
}
