// Package pdf draws documents as A4 pages: what the preview says, in the same order, with
// embedded fonts, headings repeated on every page, text that can be copied, and a structure
// that can be read aloud. Nothing that a document names is fetched.
package pdf

import (
	"fmt"
	"io"

	"lonja/domain/document"
	"lonja/domain/document/paper"
)

// Words are the reader's language.
type Words = paper.Words

// Options are what a page shows besides the document.
type Options struct {
	Colour  string // "#rrggbb" of the account; "" is a calm green
	Logo    []byte // PNG, JPEG or GIF of the account; what is none of them is left out
	Footer  string // what the account says below every page
	Note    string // what the contact wrote when placing an order
	Lang    string // BCP 47, for readers and screen readers
	Invoice []byte // the document as a CII file, to go inside as Factur-X has it; nil for none
	Code    string // what the code for banking applications says, "" for none
}

// Render writes the document as a PDF. The same document gives the same bytes.
func Render(out io.Writer, b *document.Body, w Words, o Options) error {
	p := paper.Of(b, w, o.Note)
	title := p.Kind + " " + p.Number
	a := about{title: title, author: b.Seller.Name, subject: b.Title, lang: o.Lang, made: stamp(b.IssueDate), invoice: o.Invoice}
	if a.invoice != nil {
		a.invoiceText = w.T("paper.facturx_description")
	}
	err := write(out, a, func(s *sheet) {
		s.w, s.b, s.accent, s.running, s.small = w, b, readable(colour(o.Colour)), title, o.Footer
	}, func(s *sheet) {
		s.head(&p, o)
		s.parties(&p)
		s.lines(&p)
		s.sums(&p)
		s.notes(&p, o.Code)
	})
	if err != nil {
		return fmt.Errorf("drawing %s %s: %w", b.Kind, b.Number, err)
	}
	return nil
}

// band is the account's colour at the top of the first page.
func (s *sheet) band(hex string) {
	c := colour(hex)
	s.apart("Layout", func() {
		s.SetFillColor(c[0], c[1], c[2])
		s.Rect(0, 0, pageWidth, 3, "F")
	})
}

func (s *sheet) head(p *paper.Sheet, o Options) {
	s.band(o.Colour)
	s.SetXY(margin, 12)
	issuer := partyPieces(&p.Issuer)
	s.beside(func() {
		s.picture(s.logo(o.Logo), p.Issuer.Name)
		s.block(margin, width*0.55, "L", []piece{
			{p.Kind, "B", "H1", 19, brandInk}, {p.Number, "", "P", 12, plainInk}, {p.Title, "", "P", 9, quietInk},
		})
	}, s.height(width*0.42, issuer), func() {
		s.block(margin+width*0.58, width*0.42, "R", issuer)
	})
	s.SetXY(margin, s.GetY()+6)
}

// partyPieces are a party's lines.
func partyPieces(p *paper.Party) []piece {
	out := []piece{{p.Name, "B", "P", 10, plainInk}}
	for _, d := range append(p.Details[:len(p.Details):len(p.Details)], p.Address...) {
		out = append(out, piece{d, "", "P", 9, plainInk})
	}
	for _, r := range p.Reach {
		out = append(out, piece{r, "", "P", 8, quietInk})
	}
	return out
}

// parties draws whom the document is for, and beside them what it states by name.
func (s *sheet) parties(p *paper.Sheet) {
	s.beside(func() {
		for i := range p.Parties {
			if i > 0 {
				s.SetY(s.GetY() + 2)
			}
			s.label(p.Parties[i].Label)
			s.block(margin, width*0.52, "L", partyPieces(&p.Parties[i]))
		}
	}, s.factsHeight(p.Facts), func() { s.facts(p.Facts, margin+width*0.58, width*0.42) })
	s.SetXY(margin, s.GetY()+7)
}

// label is the heading of a part.
func (s *sheet) label(text string) {
	s.block(margin, width, "L", []piece{{text, "B", "H2", 8.5, brandInk}})
}

// The size and the share of the width of facts' names.
const (
	factSize  = 8.5
	factShare = 0.42
)

func (s *sheet) factsHeight(facts []paper.Fact) float64 {
	sum := 0.0
	s.font("", factSize)
	for _, f := range facts {
		n := max(len(s.wrap(f.Name, width*0.42*factShare)), len(s.wrap(f.Value, width*0.42*(1-factShare)-1)))
		sum += float64(n) * tall(factSize)
	}
	return sum
}

// facts draws names and values, a list.
func (s *sheet) facts(facts []paper.Fact, x, wide float64) {
	if len(facts) == 0 {
		return
	}
	s.in("L", func() {
		for _, f := range facts {
			s.font("", factSize)
			name, value := s.wrap(f.Name, wide*factShare), s.wrap(f.Value, wide*(1-factShare)-1)
			s.in("LI", func() {
				names, values := s.tree.add("Lbl", ""), s.tree.add("LBody", "")
				for k := range max(len(name), len(value)) {
					s.room(tall(factSize))
					s.font("", factSize)
					y := s.GetY()
					if k < len(name) {
						s.quiet()
						s.SetXY(x, y)
						s.under(names, func() { s.text(wide*factShare, tall(factSize), name[k], "L") })
					}
					if k < len(value) {
						s.ink()
						s.SetXY(x+wide*factShare+1, y)
						s.under(values, func() { s.text(wide*(1-factShare)-1, tall(factSize), value[k], "R") })
					}
					s.SetXY(x, y+tall(factSize))
				}
			})
		}
	})
}

// lines draws the table of positions.
func (s *sheet) lines(p *paper.Sheet) {
	s.Bookmark(s.w.T("paper.lines"), 1, -1)
	t := table{left: margin, headed: true, ruled: true, columns: []column{
		{p.Columns.Concept, 0, "L"}, {p.Columns.Quantity, 20, "R"}, {p.Columns.Price, 22, "R"}, {p.Columns.Discount, 14, "R"}, {p.Columns.Tax, 16, "R"}, {p.Columns.Amount, 26, "R"},
	}}
	if !p.Discounts {
		t.columns = append(t.columns[:3], t.columns[4:]...)
	}
	rows := make([]row, len(p.Lines))
	for i := range p.Lines {
		l := &p.Lines[i]
		name := l.Name
		if l.SKU != "" {
			name += "   " + l.SKU
		}
		concept := []part{{name, "", 9, plainInk}}
		for _, m := range l.More {
			concept = append(concept, part{m, "", 7.5, quietInk})
		}
		rows[i].cells = [][]part{concept, figure(l.Quantity), figure(l.Price), figure(l.Discount), figure(l.Tax), figure(l.Total)}
		if !p.Discounts {
			rows[i].cells = append(rows[i].cells[:3], rows[i].cells[4:]...)
		}
	}
	s.fit(&t, rows, width, 56)
	s.table(&t, rows)
	s.SetXY(margin, s.GetY()+3)
}

func figure(text string) []part { return []part{{text, "", 9, plainInk}} }

// sums draws the tax breakdown on the left and the totals on the right; below each other
// where that is more than a page holds.
func (s *sheet) sums(p *paper.Sheet) {
	taxes := table{left: margin, headed: true, columns: []column{{p.Columns.Tax, 0, "L"}, {p.Columns.Base, 18, "R"}, {p.Columns.Amount, 16, "R"}}}
	taxRows := make([]row, len(p.Taxes))
	for i := range p.Taxes {
		t := &p.Taxes[i]
		taxRows[i].cells = [][]part{{{t.Name, "", 8, plainInk}, {t.Reason, "", 7, quietInk}}, {{t.Base, "", 8, plainInk}}, {{t.Amount, "", 8, plainInk}}}
	}
	s.fit(&taxes, taxRows, width-84, 30)
	totals := table{left: margin + width - 78, named: true, columns: []column{{"", 0, "L"}, {"", 24, "R"}}}
	totalRows := make([]row, len(p.Totals))
	for i, t := range p.Totals {
		r := row{cells: [][]part{{{t.Name, "", 9, quietInk}}, {{t.Amount, "", 9, plainInk}}}}
		if i == len(p.Totals)-1 {
			r = row{cells: [][]part{{{t.Name, "B", 12, brandInk}}, {{t.Amount, "B", 12, brandInk}}}, heavy: true}
		}
		totalRows[i] = r
	}
	s.fit(&totals, totalRows, 78, 28)
	left, right := s.tableHeight(&taxes, taxRows), s.tableHeight(&totals, totalRows)
	_, h := s.GetPageSize()
	if high := max(left, right); high < h-bottom-margin-20 {
		s.room(high)
	}
	s.Bookmark(s.w.T("paper.totals"), 1, -1)
	s.beside(func() {
		if len(taxRows) > 0 {
			s.table(&taxes, taxRows)
		}
	}, right, func() { s.table(&totals, totalRows) })
	s.SetXY(margin, s.GetY()+6)
}

// notes draws what is said at the end.
func (s *sheet) notes(p *paper.Sheet, code string) {
	part := func(label string, texts ...string) {
		if label != "" {
			s.room(14)
			s.label(label)
		}
		var pieces []piece
		for _, t := range texts {
			pieces = append(pieces, piece{t, "", "P", 8.5, plainInk})
		}
		s.block(margin, width, "L", pieces)
		s.SetXY(margin, s.GetY()+2)
	}
	if len(p.Instalments) > 0 {
		s.room(14)
		s.label(p.InstalmentsLabel)
		s.facts(p.Instalments, margin, width*0.42)
		s.SetXY(margin, s.GetY()+2)
	}
	if p.TermsLabel != "" {
		s.room(14)
		s.Bookmark(p.TermsLabel, 1, -1)
		part(p.TermsLabel, append([]string{p.Terms}, p.Means...)...)
	}
	s.code(code)
	if len(p.Notes) > 0 {
		part("", p.Notes...)
	}
	if p.OrderNote != "" {
		part(p.OrderNoteLabel, p.OrderNote)
	}
}

func (s *sheet) date(d document.Date) string {
	if d == "" {
		return ""
	}
	return s.w.Date(d)
}
