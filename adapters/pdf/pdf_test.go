package pdf_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lonja/adapters/demo"
	"lonja/adapters/pdf"
	"lonja/adapters/web/locale"
	"lonja/domain/document"
)

func words(t testing.TB, language string) *locale.Locale {
	t.Helper()
	c, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c.Match(language)
}

// bodies returns an invoice of each sort, and one of so many lines that it takes pages.
func bodies(t testing.TB) map[string]document.Body {
	t.Helper()
	out := map[string]document.Body{}
	for _, s := range demo.Generate(time.Date(2026, 6, 17, 0, 0, 0, 0, time.UTC)).Steps {
		if s.Issue == nil {
			continue
		}
		b := s.Issue.Body
		out[string(b.Kind)] = b
		if len(b.Instalments) > 1 {
			out["instalments"] = b
		}
		for _, x := range b.Taxes {
			out[string(x.Kind)] = b
		}
	}
	long := out["invoice"]
	for len(long.Lines) < 120 {
		long.Lines = append(long.Lines, long.Lines[0])
	}
	out["long"] = long
	return out
}

func TestEveryKindIsDrawnAndTheSameEachTime(t *testing.T) {
	t.Parallel()
	w := words(t, "es")
	for name, b := range bodies(t) {
		var one, two bytes.Buffer
		if err := pdf.Render(&one, &b, w, pdf.Options{Lang: "es"}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := pdf.Render(&two, &b, w, pdf.Options{Lang: "es"}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(one.Bytes(), two.Bytes()) {
			t.Errorf("%s: two drawings differ", name)
		}
		if !bytes.HasPrefix(one.Bytes(), []byte("%PDF-")) {
			t.Errorf("%s: no PDF", name)
		}
		if dir := os.Getenv("LONJA_PDF_DIR"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, name+".pdf"), one.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestTheTextCanBeCopied(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("pdftotext is not installed: the text of PDFs is not looked at")
	}
	b := bodies(t)["long"]
	w := words(t, "es")
	var file bytes.Buffer
	if err := pdf.Render(&file, &b, w, pdf.Options{Lang: "es"}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), tool, "-layout", "-", "-")
	cmd.Stdin = &file
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	for _, want := range []string{b.Number, b.Seller.Name, b.Buyer.Name, b.Buyer.TaxID, w.Money(b.Totals.Payable), w.Date(b.IssueDate), "Concepto", "Página 1 de ", "ES91 2100 0418"} {
		if !strings.Contains(strings.ReplaceAll(text, "\u00a0", " "), strings.ReplaceAll(want, "\u00a0", " ")) {
			t.Errorf("%q can't be copied", want)
		}
	}
	if n := strings.Count(text, "Concepto"); n < 3 {
		t.Errorf("the heading is on %d pages", n)
	}
}

func BenchmarkFiftyLines(b *testing.B) {
	body := bodies(b)["long"]
	body.Lines = body.Lines[:50]
	w := words(b, "es")
	for b.Loop() {
		var file bytes.Buffer
		if err := pdf.Render(&file, &body, w, pdf.Options{Lang: "es"}); err != nil {
			b.Fatal(err)
		}
	}
}
