package paper_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/document/paper"
	"lonja/domain/money"
)

// plain are words that can be read by a test: keys, and amounts as numbers.
type plain struct{}

func (plain) T(key string, _ ...any) string                { return key }
func (plain) Money(m money.Money) string                   { return fmt.Sprint(m.Minor) }
func (plain) Number(d money.Decimal) string                { return d.String() }
func (plain) Price(d money.Decimal) string                 { return d.String() }
func (plain) Percent(d money.Decimal) string               { return d.String() + "%" }
func (plain) Quantity(q money.Decimal, unit string) string { return q.String() + " " + unit }
func (plain) Date(d document.Date) string                  { return string(d) }
func (plain) Country(code string) string                   { return code }

// Whoever adds up the totals from the top comes to each sum that is stated on the way.
func TestTheTotalsAddUpInTheirOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := documenttest.Draw(t, rapid.SampledFrom(document.Kinds()).Draw(t, "kind"), false)
		sum, sums := int64(0), []string{"paper.sum_lines", "paper.net", "paper.total", "paper.payable"}
		for i, row := range paper.Of(&b, plain{}, "").Totals {
			var amount int64
			if _, err := fmt.Sscan(row.Amount, &amount); err != nil {
				t.Fatal(err)
			}
			switch {
			case !slices.Contains(sums, row.Name):
				sum += amount
			case i == 0:
				sum = amount
			case sum != amount:
				t.Fatalf("up to %s the rows come to %d, stated is %d", row.Name, sum, amount)
			}
		}
		if sum != b.Totals.Payable.Minor {
			t.Fatalf("the rows come to %d, payable is %d", sum, b.Totals.Payable.Minor)
		}
	})
}

func TestWhatIsNotStatedIsNotThere(t *testing.T) {
	t.Parallel()
	b := documenttest.Body(document.Quote, "P-1")
	s := paper.Of(&b, plain{}, "")
	if s.TermsLabel != "" || s.OrderNoteLabel != "" || s.InstalmentsLabel != "" || s.Discounts || len(s.Parties) != 1 || len(s.Totals) != 3 {
		t.Errorf("%+v", s)
	}
	if want := []paper.Fact{{"paper.date", "2026-01-15"}, {"paper.valid_until", "2026-02-15"}}; !slices.Equal(s.Facts, want) {
		t.Errorf("%v", s.Facts)
	}
}

func TestOneInstalmentIsADueDay(t *testing.T) {
	t.Parallel()
	b := documenttest.Body(document.Invoice, "F-1")
	b.DueDate, b.Instalments = "", []document.Instalment{{Due: "2026-03-01", Amount: b.Totals.Payable}}
	s := paper.Of(&b, plain{}, "")
	if len(s.Instalments) > 0 || !slices.Contains(s.Facts, paper.Fact{Name: "paper.due", Value: "2026-03-01"}) {
		t.Errorf("%+v", s)
	}
}

func TestMeansOfPaymentAreNamed(t *testing.T) {
	t.Parallel()
	b := documenttest.Body(document.Invoice, "F-1")
	b.PaymentMeans = []document.PaymentMean{
		{Code: "58", IBAN: "ES91 21000418450200051332", BIC: "CAIXESBBXXX"}, {Code: "59", Mandate: "M-1"}, {Text: "Al contado", Code: "10"}, {Code: "1"},
	}
	got := strings.Join(paper.Of(&b, plain{}, "").Means, "\n")
	if want := "means.transfer · ES91 2100 0418 4502 0005 1332 · CAIXESBBXXX\nmeans.debit · M-1\nAl contado"; got != want {
		t.Errorf("%s", got)
	}
}
