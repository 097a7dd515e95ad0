package pdf_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
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
