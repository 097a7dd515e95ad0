package demo_test

import (
	"reflect"
	"testing"
	"time"

	"lonja/adapters/demo"
	"lonja/domain/document"
	"lonja/domain/money"
)

var day = time.Date(2026, 6, 17, 13, 0, 0, 0, time.UTC)

func TestThePlanIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	if a, b := demo.Generate(day), demo.Generate(day.Add(5*time.Hour)); !reflect.DeepEqual(a, b) {
		t.Fatal("two plans of one day differ")
	}
}

func TestThePlanIsAWholesalersTwoYears(t *testing.T) {
	t.Parallel()
	p := demo.Generate(day)
	if len(p.Contacts) != 30 {
		t.Errorf("%d contacts, want 30", len(p.Contacts))
	}
	kinds, taxes, numbers := map[document.Kind]int{}, map[document.TaxKind]int{}, map[string]bool{}
	docs := 0
	for i, s := range p.Steps {
		if i > 0 && s.At.Before(p.Steps[i-1].At) {
			t.Fatalf("step %d is before the one before it", i)
		}
		if !s.At.Before(day.AddDate(0, 0, 3)) {
			t.Errorf("step %d is at %s, after the newest day", i, s.At)
		}
		if s.Issue == nil {
			continue
		}
		b := s.Issue.Body
		docs++
		kinds[b.Kind]++
		if f := b.Check(); f != nil {
			t.Fatalf("%s %s: %v", b.Kind, b.Number, f)
		}
		if key := string(b.Kind) + b.Number; numbers[key] {
			t.Errorf("%s twice", key)
		} else {
			numbers[key] = true
		}
		for _, x := range b.Taxes {
			taxes[x.Kind]++
		}
		checkSums(t, b)
	}
	t.Logf("%d documents: %v, taxes %v, %d steps", docs, kinds, taxes, len(p.Steps))
	if docs < 1800 || docs > 2400 {
		t.Errorf("%d documents, want some 2,000", docs)
	}
	for _, k := range document.Kinds() {
		if kinds[k] < 20 {
			t.Errorf("%d of kind %s", kinds[k], k)
		}
	}
	for _, k := range []document.TaxKind{document.VAT, document.Surcharge, document.Withholding} {
		if taxes[k] == 0 {
			t.Errorf("no %s", k)
		}
	}
}

func checkSums(t *testing.T, b document.Body) {
	t.Helper()
	sum := money.Of(0, b.Currency)
	for _, l := range b.Lines {
		sum, _ = sum.Add(l.Net)
	}
	if sum != b.Totals.Lines || sum != b.Totals.Net {
		t.Errorf("%s: lines sum to %s, totals say %s and %s", b.Number, sum, b.Totals.Lines, b.Totals.Net)
	}
	for _, x := range b.Taxes {
		sum, _ = sum.Add(x.Amount)
	}
	if sum != b.Totals.Payable {
		t.Errorf("%s: with taxes %s, payable says %s", b.Number, sum, b.Totals.Payable)
	}
}
