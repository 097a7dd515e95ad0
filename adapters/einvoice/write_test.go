package einvoice_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	peer "github.com/speedata/einvoice"

	"lonja/adapters/demo"
	"lonja/adapters/einvoice"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/fault"
	"lonja/domain/money"
)

// rewrites writes the document and reads it again, with the project's reader and with another.
func rewrites(t *testing.T, b *document.Body) {
	t.Helper()
	file, err := einvoice.WriteUBL(b)
	if err != nil {
		t.Fatalf("%s: %v", b.Number, err)
	}
	back, err := einvoice.Read(file)
	if err != nil {
		t.Fatalf("%s: what was written is refused: %v", b.Number, err)
	}
	want := einvoice.Expressed(b)
	if d := document.Difference(&want, &back[0], 5); len(d) > 0 {
		t.Errorf("%s: %v", b.Number, d)
	}
	other, err := peer.ParseReader(bytes.NewReader(file))
	if err != nil {
		t.Fatalf("%s: another reader: %v", b.Number, err)
	}
	if got := other.DuePayableAmount.StringFixed(2); other.InvoiceNumber != b.Number || got != b.Totals.Payable.Decimal() || len(other.InvoiceLines) != len(b.Lines) {
		t.Errorf("another reader finds %s over %s with %d lines, want %s over %s", other.InvoiceNumber, got, len(other.InvoiceLines), b.Number, b.Totals.Payable)
	}
}

func TestDemoInvoicesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	written, refused := 0, 0
	for _, s := range demo.Generate(time.Date(2026, 6, 17, 0, 0, 0, 0, time.UTC)).Steps {
		if s.Issue == nil || s.Issue.Body.Kind != document.Invoice && s.Issue.Body.Kind != document.CreditNote {
			continue
		}
		b := s.Issue.Body
		only := true
		for i := range b.Taxes {
			only = only && b.Taxes[i].Kind == document.VAT
		}
		if !only {
			if _, err := einvoice.WriteUBL(&b); !fault.Is(err, fault.Conflict) {
				t.Errorf("%s has what the standard can't say: %v", b.Number, err)
			}
			refused++
			continue
		}
		rewrites(t, &b)
		written++
	}
	if written < 50 || refused == 0 {
		t.Errorf("%d invoices were written, %d refused", written, refused)
	}
}

func TestRealInvoicesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(examples, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			file, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			bodies, err := einvoice.Read(file)
			if err != nil {
				t.Fatal(err)
			}
			rewrites(t, &bodies[0])
		})
	}
}

func TestWhatCanNotBeSaidIsRefused(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		change func(*document.Body)
		key    string
	}{
		"a quote":                  {func(b *document.Body) { b.Kind = document.Quote }, "einvoice.kind_not_expressible"},
		"a surcharge":              {func(b *document.Body) { b.Taxes[0].Kind = document.Surcharge }, "einvoice.surcharge_not_expressible"},
		"a withholding":            {func(b *document.Body) { b.Taxes[0].Kind = document.Withholding }, "einvoice.withholding_not_expressible"},
		"withheld money":           {func(b *document.Body) { b.Totals.Withheld = eur(1) }, "einvoice.withholding_not_expressible"},
		"figures that contradict":  {func(b *document.Body) { b.Totals.Payable = eur(1) }, "einvoice.not_expressible"},
		"a line without its taxes": {func(b *document.Body) { b.Lines[0].TaxCategory, b.Lines[0].TaxRate = "", money.Decimal{} }, "einvoice.not_expressible"},
	} {
		b := documenttest.Body(document.Invoice, "F-1")
		one.change(&b)
		file, err := einvoice.WriteUBL(&b)
		if f, ok := fault.As(err); !ok || f.Key != one.key || file != nil {
			t.Errorf("%s: %v, want %s", name, err, one.key)
		}
	}
}

func eur(minor int64) money.Money { return money.Of(minor, "EUR") }
