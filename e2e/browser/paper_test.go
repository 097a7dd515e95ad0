package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// paper takes an invoice of three pages away, as who has a link and as staff: as PDF, with
// the invoice inside, as data, and in print, which is the sheet alone on A4, even in the dark.
func (w *world) paper(t *testing.T) {
	p, passphrase := w.small(t)
	long := paperwork("invoice", "F-3")
	line := long["lines"].([]any)[0].(map[string]any)
	line["description"] = "Para cuatricromía"
	var lines []any
	for range 120 {
		lines = append(lines, line)
	}
	long["lines"] = lines
	long["taxes"] = []any{map[string]any{"kind": "vat", "category": "S", "rate": "21", "base": "120000.00", "amount": "25200.00"}}
	long["totals"] = map[string]any{"lines": "120000.00", "net": "120000.00", "tax": "25200.00", "gross": "145200.00", "payable": "145200.00"}
	file, err := json.Marshal([]any{long})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.data, "long.json")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.run(t.Context(), "import", path); err != nil {
		t.Fatal(err)
	}
	staff, b := w.person(t, p, "paper-staff", desktop), w.person(t, p, "paper", desktop)
	staff.signInStaff(smallStaff, passphrase)
	link := staff.share("F-3")
	staff.shot("document")
	for _, person := range []*tab{staff, b} {
		if person == b {
			b.visit(link)
			b.at("/shared")
		}
		for _, form := range []string{"#download-pdf", "#download-facturx"} {
			said := pdfText(t, person.download(form))
			for _, want := range []string{"Factura F-3", "Página 1 de ", "145.200,00 €", smallClient} {
				if !strings.Contains(said, want) {
					t.Errorf("%s: the PDF does not say %q", form, want)
				}
			}
		}
		if data := string(person.download("#download-ubl")); !strings.Contains(data, "<cbc:ID>F-3</cbc:ID>") {
			t.Errorf("the data is:\n%.300s", data)
		}
	}
	b.shot("document")
	b.print("F-3", "145.200,00 €", 120)
}

var onA4 = regexp.MustCompile(`Pages: +(\d+)\n(?:.*\n)*Page size: +59[45]\.\d+ x 84[12]`)

// print prints the document that is open, in a dark room.
func (b *tab) print(number, total string, lines int) {
	b.t.Helper()
	var sheet []byte
	b.do("printing", emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}),
		chromedp.ActionFunc(func(ctx context.Context) (err error) {
			sheet, _, err = page.PrintToPDF().WithPrintBackground(true).WithPreferCSSPageSize(true).Do(ctx)
			return err
		}))
	name := filepath.Join(b.t.TempDir(), "print.pdf")
	if err := os.WriteFile(name, sheet, 0o600); err != nil {
		b.t.Fatal(err)
	}
	about, err := exec.CommandContext(b.t.Context(), "pdfinfo", name).CombinedOutput()
	size := onA4.FindSubmatch(about)
	if err != nil || size == nil {
		b.t.Fatalf("the print is not on A4 (%v):\n%s", err, about)
	}
	said := pdfText(b.t, sheet)
	for _, want := range []string{number, total, smallClient} {
		if !strings.Contains(said, want) {
			b.t.Errorf("the print does not say %q", want)
		}
	}
	for _, no := range []string{"Descargar", "Comentarios", "Historial", "Enviar", "English", "Iniciar sesión"} {
		if strings.Contains(said, no) {
			b.t.Errorf("the print says %q", no)
		}
	}
	if pages, n := string(size[1]), strings.Count(said, "Concepto"); n < 3 || pages != fmt.Sprint(n) {
		b.t.Errorf("on %s pages the heading is there %d times", pages, n)
	}
	if n := strings.Count(said, "Tinta cian"); n != lines {
		b.t.Errorf("%d lines are printed, want %d", n, lines)
	}
	gray, err := exec.CommandContext(b.t.Context(), "pdftoppm", "-r", "20", "-gray", "-f", "1", "-l", "1", name).Output()
	if err != nil {
		b.t.Fatal(err)
	}
	var wide, high, most int
	if _, err := fmt.Sscanf(string(gray), "P5\n%d %d\n%d\n", &wide, &high, &most); err != nil {
		b.t.Fatal(err)
	}
	dark := 0
	for _, dot := range gray[len(gray)-wide*high:] {
		if dot < 128 {
			dark++
		}
	}
	if dark*10 > wide*high {
		b.t.Errorf("the print is dark: %d of %d dots", dark, wide*high)
	}
	if dir := os.Getenv("LONJA_PDF_DIR"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "print.pdf"), sheet, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
}
