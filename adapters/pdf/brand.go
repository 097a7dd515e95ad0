package pdf

import (
	"bytes"
	"strings"

	"codeberg.org/go-pdf/fpdf"
)

// The largest place for the account's logo, in millimetres.
const (
	logoWidth  = 54.0
	logoHeight = 16.0
)

// logo draws the account's logo, a PNG, at the left margin, and returns how much room it
// took. A picture that can't be drawn is left out: the document matters more.
func (s *sheet) logo(picture []byte, top float64) float64 {
	if len(picture) == 0 {
		return 0
	}
	o := fpdf.ImageOptions{ImageType: "PNG"}
	info := s.RegisterImageOptionsReader("logo", o, bytes.NewReader(picture))
	if s.Err() {
		s.ClearError()
		return 0
	}
	w, h := info.Width(), info.Height()
	scale := min(logoWidth/w, logoHeight/h, 72.0/150) // its size is at 72 pixels an inch; never coarser than 150
	w, h = w*scale, h*scale
	s.ImageOptions("logo", margin, top, w, h, false, o, 0, "")
	return h + 4
}

// smallPrint writes what the account says below everything, in the two lines between the
// content and the page's last line; what is longer is cut.
func (s *sheet) smallPrint(text string) {
	text = strings.Join(strings.Fields(text), " ")
	if text == "" {
		return
	}
	s.font("", 6.5)
	s.quiet()
	lines := s.SplitText(text, width)
	for i, line := range lines[:min(len(lines), 2)] {
		s.SetXY(margin, -20.5+3*float64(i))
		s.CellFormat(width, 3, line, "", 0, "L", false, 0, "")
	}
}
