package pdf

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"lonja/domain/document"
)

// The page, in millimetres.
const (
	pageWidth  = 210.0
	margin     = 18.0
	width      = pageWidth - 2*margin
	bottom     = 22.0
	lineHeight = 4.6
)

// sheet is a file that is being drawn.
type sheet struct {
	*fpdf.Fpdf
	w        Words
	b        *document.Body // whose parties the head and the foot name
	accent   [3]int
	family   family
	covers   *coverage
	lacks    bool // something was drawn that the font has no letter for
	tree     *tree
	artifact bool   // what is drawn is no content, but the page's
	small    string // what the account says below every page
	running  string // what the head of a further page says
}

// about is what the file says of itself.
type about struct {
	title, author, subject, lang string
	made                         time.Time
	invoice                      []byte // a CII file to put inside, nil for none
	invoiceText                  string // what that is, in words
}

// write draws a file in the first font that has all its letters, and writes it.
func write(out io.Writer, a about, start func(s *sheet), draw func(s *sheet)) error {
	var file bytes.Buffer
	for i, f := range families() {
		s, err := newSheet(a, f)
		if err != nil {
			return err
		}
		start(s)
		s.AddPage()
		s.Bookmark(a.title, 0, 0)
		draw(s)
		if s.lacks && i+1 < len(families()) {
			continue
		}
		s.feet()
		if err := s.Output(&file); err != nil {
			return err
		}
		whole, err := finish(file.Bytes(), s.tree, f, &a)
		if err != nil {
			return err
		}
		_, err = out.Write(whole)
		return err
	}
	return nil
}

func newSheet(a about, f family) (*sheet, error) {
	covers, err := newCoverage(f)
	if err != nil {
		return nil, err
	}
	s := &sheet{Fpdf: fpdf.New("P", "mm", "A4", ""), family: f, covers: covers, tree: newTree()}
	s.SetCreationDate(a.made)
	s.SetModificationDate(a.made)
	s.SetCatalogSort(true)
	s.SetCompression(true)
	s.AddUTF8FontFromBytes(f.name, "", f.regular)
	s.AddUTF8FontFromBytes(f.name, "B", f.bold)
	s.SetMargins(margin, margin, margin)
	s.SetAutoPageBreak(false, bottom)
	s.SetCellMargin(0)
	return s, nil
}

// stamp is a time that depends on the day alone.
func stamp(d document.Date) time.Time {
	if t := d.Time(); !t.IsZero() {
		return t
	}
	return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
}

func (s *sheet) font(style string, size float64) { s.SetFont(s.family.name, style, size) }
func (s *sheet) ink()                            { s.SetTextColor(28, 32, 36) }
func (s *sheet) quiet()                          { s.SetTextColor(86, 94, 100) }
func (s *sheet) brand()                          { s.SetTextColor(s.accent[0], s.accent[1], s.accent[2]) }

// in opens an element of the structure around what is drawn.
func (s *sheet) in(role string, draw func()) { s.under(s.tree.add(role, ""), draw) }

// under goes on with an element.
func (s *sheet) under(e *element, draw func()) {
	before := s.tree.at
	s.tree.at = e
	draw()
	s.tree.at = before
}

// apart draws what is not of the document but of the page: lines, heads, numbers.
func (s *sheet) apart(kind string, draw func()) {
	s.RawWriteStr("/Artifact <</Type /" + kind + ">> BDC")
	before := s.artifact
	s.artifact = true
	draw()
	s.artifact = before
	s.RawWriteStr("EMC")
}

// marked draws content of the element that is open.
func (s *sheet) marked(draw func()) {
	if s.artifact {
		draw()
		return
	}
	n := s.tree.mark(s.PageNo() - 1)
	s.RawWriteStr(fmt.Sprintf("/%s <</MCID %d>> BDC", s.tree.at.role, n))
	draw()
	s.RawWriteStr("EMC")
}

// text draws one line in a cell, and goes on to its right.
func (s *sheet) text(w, h float64, text, align string) {
	text = clean(text)
	if text == "" {
		s.SetX(s.GetX() + w)
		return
	}
	s.lacks = s.lacks || s.covers.lacks(text)
	s.marked(func() { s.CellFormat(w, h, text, "", 0, align, false, 0, "") })
}

// line draws a line that is no content.
func (s *sheet) line(x1, x2, y, weight float64, colour [3]int) {
	s.apart("Layout", func() {
		s.SetDrawColor(colour[0], colour[1], colour[2])
		s.SetLineWidth(weight)
		s.Line(x1, y, x2, y)
	})
}

// hair is the colour of thin lines.
func hair() [3]int { return [3]int{214, 218, 221} }

// wrap breaks a text into lines of the width in the font that is set: between words, and
// within one that is wider.
func (s *sheet) wrap(text string, w float64) []string {
	w += 0.01 // what was measured in one go fits, however its letters' widths are rounded
	text = strings.Trim(clean(text), "\n")
	if text == "" {
		return nil
	}
	var out []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		start, space := 0, -1
		used, toSpace := 0.0, 0.0
		for i, r := range paragraph {
			wide := s.GetStringWidth(string(r))
			for used+wide > w && i > start && r != ' ' {
				if space >= start {
					out = append(out, paragraph[start:space])
					start, used, space = space+1, used-toSpace, -1
				} else {
					out = append(out, paragraph[start:i])
					start, used = i, 0
				}
			}
			used += wide
			if r == ' ' {
				space, toSpace = i, used
			}
		}
		out = append(out, paragraph[start:])
	}
	return out
}

// room starts a new page where less than the height is left; true says that it did.
func (s *sheet) room(height float64) bool {
	_, h := s.GetPageSize()
	if s.GetY()+height <= h-bottom {
		return false
	}
	s.AddPage()
	s.apart("Pagination /Subtype /Header", func() {
		s.font("", 8.5)
		s.quiet()
		s.text(width, 5, s.clipped(s.running, width), "R")
	})
	s.SetXY(margin, s.GetY()+7)
	return true
}

// clipped is a text cut to a width in the font that is set.
func (s *sheet) clipped(text string, w float64) string {
	lines := s.wrap(text, w)
	switch {
	case len(lines) == 0:
		return ""
	case len(lines) == 1:
		return lines[0]
	}
	return strings.TrimRight(s.wrap(lines[0], w-3)[0], " ") + "…"
}

// feet draws every page's foot, once it is known how many pages there are.
func (s *sheet) feet() {
	pages := s.PageCount()
	_, h := s.GetPageSize()
	for n := 1; n <= pages; n++ {
		s.SetPage(n)
		s.apart("Pagination /Subtype /Footer", func() {
			s.smallPrint(s.small)
			s.SetXY(margin, h-14)
			s.font("", 7.5)
			s.quiet()
			s.text(width*0.72, 4, s.clipped(strings.TrimSpace(s.b.Seller.Name+"   "+s.b.Seller.TaxID), width*0.72), "L")
			s.text(width*0.28, 4, s.w.T("paper.page", "page", n, "pages", pages), "R")
		})
	}
}

// piece is a text of a block: lines of one size, an element of the structure.
type piece struct {
	text, style, role string
	size              float64
	tone              tone
}

// tone is a colour of text.
type tone uint8

const (
	plainInk tone = iota
	quietInk
	brandInk
)

func (s *sheet) tone(t tone) {
	switch t {
	case quietInk:
		s.quiet()
	case brandInk:
		s.brand()
	default:
		s.ink()
	}
}

// tall is how high a line of a size is.
func tall(size float64) float64 { return size * 0.51 }

// height is how high a block will be.
func (s *sheet) height(w float64, pieces []piece) float64 {
	sum := 0.0
	for i := range pieces {
		s.font(pieces[i].style, pieces[i].size)
		sum += float64(len(s.wrap(pieces[i].text, w))) * tall(pieces[i].size)
	}
	return sum
}

// block draws texts below each other, over pages if it must be.
func (s *sheet) block(x, w float64, align string, pieces []piece) {
	for i := range pieces {
		p := &pieces[i]
		s.font(p.style, p.size)
		lines := s.wrap(p.text, w)
		if len(lines) == 0 {
			continue
		}
		s.in(p.role, func() {
			for _, line := range lines {
				s.room(tall(p.size))
				s.font(p.style, p.size)
				s.tone(p.tone)
				s.SetX(x)
				s.text(w, tall(p.size), line, align)
				s.SetXY(x, s.GetY()+tall(p.size))
			}
		})
	}
}

// beside draws something on the left and something of a height on its right, unless that
// has no place on the page: then below.
func (s *sheet) beside(left func(), high float64, right func()) {
	_, h := s.GetPageSize()
	page, top := s.PageNo(), s.GetY()
	left()
	if s.PageNo() != page || top+high > h-bottom {
		right()
		return
	}
	end := s.GetY()
	s.SetXY(margin, top)
	right()
	s.SetXY(margin, math.Max(end, s.GetY()))
}

// readable is a colour dark enough to be read on white: at least 4.5 to 1 (WCAG 2.2, 1.4.3).
func readable(c [3]int) [3]int {
	for contrast(c) < 4.5 {
		for i := range c {
			c[i] = c[i] * 9 / 10
		}
	}
	return c
}

// contrast is that of a colour to white, by WCAG 2.2.
func contrast(c [3]int) float64 {
	light := 0.0
	for i, weight := range [3]float64{0.2126, 0.7152, 0.0722} {
		v := float64(c[i]) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		light += weight * v
	}
	return 1.05 / (light + 0.05)
}

func colour(hex string) [3]int {
	c := [3]int{0x0b, 0x5d, 0x4e}
	if len(hex) == 7 && hex[0] == '#' {
		if _, err := fmt.Sscanf(hex, "#%02x%02x%02x", &c[0], &c[1], &c[2]); err != nil {
			return [3]int{0x0b, 0x5d, 0x4e}
		}
	}
	return c
}
