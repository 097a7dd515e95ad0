// Package documenttest makes bodies of documents for tests.
package documenttest

import (
	"testing"

	"github.com/govalues/decimal"

	"lonja/domain/document"
	"lonja/domain/money"
)

// Body returns a document of 1210,00 €: ten of something at a hundred, and 21 % of IVA.
func Body(kind document.Kind, number string) document.Body {
	eur := func(minor int64) money.Money { return money.Of(minor, "EUR") }
	b := document.Body{
		Kind: kind, Number: number, Title: "Tinta de impresión", IssueDate: "2026-01-15", Currency: "EUR",
		Seller: document.Party{Name: "Tintas del Ebro, S.L.", TaxID: "ESB99345674"},
		Buyer:  document.Party{Name: "Imprenta Moncayo, S.L.", TaxID: "ESB50111113"},
		Lines: []document.Line{{
			Name: "Tinta cian", Quantity: decimal.MustParse("10"), UnitPrice: decimal.MustParse("100"), Net: eur(100_000),
			TaxCategory: "S", TaxRate: decimal.MustParse("21"),
		}},
		Taxes:  []document.Tax{{Kind: document.VAT, Category: "S", Rate: decimal.MustParse("21"), Base: eur(100_000), Amount: eur(21_000)}},
		Totals: document.Totals{Lines: eur(100_000), Net: eur(100_000), Tax: eur(21_000), Gross: eur(121_000), Payable: eur(121_000)},
	}
	switch kind {
	case document.Quote:
		b.ValidUntil = "2026-02-15"
	case document.Invoice:
		b.DueDate = "2026-02-15"
	case document.PurchaseOrder:
		b.Seller, b.Buyer = b.Buyer, b.Seller
	}
	return b
}

// Issued is the issue of a body.
func Issued(t testing.TB, b document.Body) document.Issued {
	t.Helper()
	i, err := document.NewIssued(b)
	if err != nil {
		t.Fatal(err)
	}
	return i
}
