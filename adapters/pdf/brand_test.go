package pdf_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os/exec"
	"strings"
	"testing"

	"lonja/adapters/pdf"
)

// given a logo
// then it is in the document, which is the same each time, and a picture that is none is
// left out.
func TestALogoIsDrawn(t *testing.T) {
	t.Parallel()
	m := image.NewNRGBA(image.Rect(0, 0, 40, 20))
	for x := range 40 {
		for y := range 20 {
			m.SetNRGBA(x, y, color.NRGBA{uint8(6 * x), 90, uint8(12 * y), uint8(255 - x)})
		}
	}
	var logo bytes.Buffer
	if err := png.Encode(&logo, m); err != nil {
		t.Fatal(err)
	}
	body := bodies(t)["invoice"]
	draw := func(logo []byte) string {
		var out bytes.Buffer
		if err := pdf.Render(&out, &body, words(t, "es"), pdf.Options{Colour: "#1a6e5c", Logo: logo}); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	with, without := draw(logo.Bytes()), draw(nil)
	if !bytes.Contains([]byte(with), []byte("/Subtype /Image")) || bytes.Contains([]byte(without), []byte("/Subtype /Image")) {
		t.Error("the picture is not in the document that has it, or is in the one without")
	}
	if with != draw(logo.Bytes()) {
		t.Error("the same document is drawn otherwise the second time")
	}
	if draw([]byte("no picture")) != without {
		t.Error("a picture that is none changes the document")
	}
}

// given what the account says below every page
// then each page of a document says it, in two lines at most, above the last line.
func TestTheSmallPrintIsOnEveryPage(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Fatal("there is no pdftotext on the PATH: 'make deps' installs it")
	}
	body := bodies(t)["long"]
	var out bytes.Buffer
	if err := pdf.Render(&out, &body, words(t, "es"), pdf.Options{Footer: "Inscrita en el Registro Mercantil de Zaragoza\n" + strings.Repeat("tomo 1 folio 2 ", 40)}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, "-layout", "-", "-")
	cmd.Stdin = &out
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	pages := strings.Split(strings.TrimSuffix(string(text), "\f"), "\f")
	if len(pages) < 2 {
		t.Fatalf("the document has %d page", len(pages))
	}
	for i, page := range pages {
		if n := strings.Count(page, "Registro Mercantil de Zaragoza"); n != 1 {
			t.Errorf("page %d says it %d times", i+1, n)
		}
		if n := strings.Count(page, "folio"); n < 4 || n > 24 {
			t.Errorf("page %d has %d times what fills two lines", i+1, n)
		}
	}
}
