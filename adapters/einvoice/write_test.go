package einvoice_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	peer "github.com/speedata/einvoice"
	"pgregory.net/rapid"

	"lonja/adapters/demo"
	"lonja/adapters/einvoice"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/fault"
	"lonja/domain/money"
)

// writers are the forms in which a document is written.
func writers() map[string]func(b *document.Body) ([]byte, error) {
	return map[string]func(b *document.Body) ([]byte, error){"UBL": einvoice.WriteUBL, "CII": einvoice.WriteCII}
}

// rewrites writes the document and reads it again, with the project's reader and with
// another, whose reading it returns.
func rewrites(t fataler, b *document.Body, form string) *peer.Invoice {
	t.Helper()
	file, err := writers()[form](b)
	if err != nil {
		t.Fatalf("%s of %s: %v", form, b.Number, err)
	}
	back, err := einvoice.Read(file)
	if err != nil {
		t.Fatalf("%s of %s: what was written is refused: %v", form, b.Number, err)
	}
	want := einvoice.Expressed(b)
	if d := document.Difference(&want, &back[0], 5); len(d) > 0 {
		t.Fatalf("%s of %s: %v", form, b.Number, d)
	}
	other, err := peer.ParseReader(bytes.NewReader(file))
	if err != nil {
		t.Fatalf("%s of %s: another reader: %v", form, b.Number, err)
	}
	if got := other.DuePayableAmount.StringFixed(2); other.InvoiceNumber != b.Number || got != b.Totals.Payable.Decimal() || len(other.InvoiceLines) != len(b.Lines) {
		t.Fatalf("another reader of %s finds %s over %s with %d lines, want %s over %s", form, other.InvoiceNumber, got, len(other.InvoiceLines), b.Number, b.Totals.Payable)
	}
	return other
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
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
			for form, write := range writers() {
				if _, err := write(&b); !fault.Is(err, fault.Conflict) {
					t.Errorf("%s has what %s can't say: %v", b.Number, form, err)
				}
			}
			refused++
			continue
		}
		for form := range writers() {
			if err := rewrites(t, &b, form).Validate(); err != nil {
				t.Errorf("%s of %s: another's rules of EN 16931: %v", form, b.Number, err)
			}
		}
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
			rewrites(t, &bodies[0], "UBL")
			rewrites(t, &bodies[0], "CII")
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
		for form, write := range writers() {
			file, err := write(&b)
			if f, ok := fault.As(err); !ok || f.Key != one.key || file != nil {
				t.Errorf("%s in %s: %v, want %s", name, form, err, one.key)
			}
		}
	}
}

// Whatever an invoice states that the standard has fields for comes back as it was.
func TestAnyInvoiceComesBackAsItWas(t *testing.T) {
	t.Parallel()
	for form := range writers() {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				b := documenttest.Draw(t, rapid.SampledFrom([]document.Kind{document.Invoice, document.CreditNote}).Draw(t, "kind"), true)
				rewrites(t, &b, form)
			})
		})
	}
}

// Means of payment have one reference and one mandate in CII: others are refused, not lost.
func TestWhatCIIStatesOnceIsNotLost(t *testing.T) {
	t.Parallel()
	b := documenttest.Body(document.Invoice, "F-1")
	b.PaymentMeans = []document.PaymentMean{{Code: "58", IBAN: "ES9121000418450200051332", Reference: "A"}, {Code: "49", Reference: "B"}}
	rewrites(t, &b, "UBL")
	if file, err := einvoice.WriteCII(&b); !fault.Is(err, fault.Conflict) || file != nil {
		t.Errorf("two references are written as one: %v", err)
	}
}

// Texts of any sort are written as they are, or refused; what is written can be read.
func FuzzTextsOfAnInvoice(f *testing.F) {
	f.Add("Tinta", "caja", "Gracias <b> & ]]>", "ES1")
	f.Add("\xff", "\x00", "#AAA#x", " a ")
	f.Add("\ufffe", "", "\r\n", ":")
	f.Fuzz(func(t *testing.T, name, unit, note, tax string) {
		b := documenttest.Body(document.Invoice, "F-1")
		b.Lines[0].Name, b.Lines[0].Unit, b.Lines[0].Note, b.Notes, b.Title = name, unit, note, []string{note}, note
		b.Buyer.TaxID, b.Buyer.Endpoint, b.Seller.Name, b.Terms = tax, tax, name, note
		for form, write := range writers() {
			file, err := write(&b)
			if err != nil {
				if f, ok := fault.As(err); !ok || f.Kind != fault.Conflict && f.Kind != fault.Invalid {
					t.Fatalf("%s: %v", form, err)
				}
				continue
			}
			back, err := einvoice.Read(file)
			if err != nil {
				t.Fatalf("%s can't be read: %v\n%s", form, err, file)
			}
			want := einvoice.Expressed(&b)
			if d := document.Difference(&want, &back[0], 5); len(d) > 0 {
				t.Fatalf("%s: %v", form, d)
			}
		}
	})
}

func eur(minor int64) money.Money { return money.Of(minor, "EUR") }
