// Package pdf draws documents as A4 pages: the same figures and words as the preview,
// with embedded fonts, headings repeated on every page, and text that can be copied.
package pdf

import (
	"fmt"
	"io"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"lonja/domain/document"
	"lonja/domain/money"
)

// Words are the reader's language.
type Words interface {
	T(key string, args ...any) string
	Money(m money.Money) string
	Number(d money.Decimal) string
	Price(d money.Decimal) string
	Percent(d money.Decimal) string
	Quantity(q money.Decimal, unit string) string
	Date(d document.Date) string
}

// Options are what a page shows besides the document.
type Options struct {
	Colour string // "#rrggbb" of the account; "" is a calm green
	Note   string // what the contact wrote when placing an order
	Lang   string // BCP 47, for readers and screen readers
	Logo   []byte // PNG of the account; nil: none
	Footer string // what the account says below every page
}

// The page, in millimetres.
const (
	pageWidth  = 210.0
	margin     = 18.0
	width      = pageWidth - 2*margin
	bottom     = 22.0
	lineHeight = 4.6
)

type sheet struct {
	*fpdf.Fpdf
	w       Words
	b       *document.Body
	o       Options
	columns []column
	accent  [3]int
}

type column struct {
	title string
	width float64
	align string
}

// Render writes the document as a PDF. The same document gives the same bytes.
func Render(out io.Writer, b *document.Body, w Words, o Options) error {
	s := &sheet{Fpdf: fpdf.New("P", "mm", "A4", ""), w: w, b: b, o: o, accent: colour(o.Colour)}
	s.SetCreationDate(stamp(b))
	s.SetModificationDate(stamp(b))
	s.SetCatalogSort(true)
	s.SetCompression(true)
	s.AddUTF8FontFromBytes("go", "", goregular.TTF)
	s.AddUTF8FontFromBytes("go", "B", gobold.TTF)
	s.SetMargins(margin, margin, margin)
	s.SetAutoPageBreak(false, bottom)
	s.AliasNbPages("{pages}")
	title := w.T("kind."+string(b.Kind)) + " " + b.Number
	s.SetTitle(title, true)
	s.SetAuthor(b.Seller.Name, true)
	s.SetSubject(b.Title, true)
	s.SetCreator("Lonja", true)
	if o.Lang != "" {
		s.SetLang(o.Lang)
	}
	s.SetFooterFunc(s.footer)
	s.AddPage()
	s.Bookmark(title, 0, 0)
	s.head()
	s.parties()
	s.lines()
	s.sums()
	s.notes()
	if err := s.Output(out); err != nil {
		return fmt.Errorf("drawing %s %s: %w", b.Kind, b.Number, err)
	}
	return nil
}

// stamp is a time that depends on the document alone.
func stamp(b *document.Body) time.Time {
	if t := b.IssueDate.Time(); !t.IsZero() {
		return t
	}
	return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
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

func (s *sheet) font(style string, size float64) { s.SetFont("go", style, size) }
func (s *sheet) ink()                            { s.SetTextColor(28, 32, 36) }
func (s *sheet) quiet()                          { s.SetTextColor(96, 104, 110) }
func (s *sheet) brand()                          { s.SetTextColor(s.accent[0], s.accent[1], s.accent[2]) }

func (s *sheet) footer() {
	s.smallPrint(s.o.Footer)
	s.SetY(-14)
	s.font("", 7.5)
	s.quiet()
	s.CellFormat(width*0.7, 4, clip(strings.TrimSpace(s.b.Seller.Name+"   "+s.b.Seller.TaxID), 90), "", 0, "L", false, 0, "")
	s.CellFormat(width*0.3, 4, s.w.T("paper.page", "page", s.PageNo(), "pages", "{pages}"), "", 0, "R", false, 0, "")
}

// room starts a new page where less than the height is left; true says that it did.
func (s *sheet) room(height float64) bool {
	_, h := s.GetPageSize()
	if s.GetY()+height <= h-bottom {
		return false
	}
	s.AddPage()
	s.font("", 8.5)
	s.quiet()
	s.CellFormat(width, 5, s.w.T("kind."+string(s.b.Kind))+" "+s.b.Number, "", 1, "R", false, 0, "")
	s.Ln(2)
	return true
}

func (s *sheet) head() {
	s.SetFillColor(s.accent[0], s.accent[1], s.accent[2])
	s.Rect(0, 0, pageWidth, 3, "F")
	s.SetXY(margin, 14+s.logo(s.o.Logo, 10))
	s.font("B", 19)
	s.brand()
	s.CellFormat(width*0.55, 9, s.w.T("kind."+string(s.b.Kind)), "", 2, "L", false, 0, "")
	s.font("", 12)
	s.ink()
	s.CellFormat(width*0.55, 6, s.b.Number, "", 2, "L", false, 0, "")
	if s.b.Title != "" {
		s.font("", 9)
		s.quiet()
		s.MultiCell(width*0.55, lineHeight, s.b.Title, "", "L", false)
	}
	end := s.GetY()
	s.SetXY(margin+width*0.58, 14)
	s.party(s.b.Seller, width*0.42, "R")
	s.SetY(max(end, s.GetY()) + 6)
}

// party writes a party as a block of the width.
func (s *sheet) party(p document.Party, w float64, align string) {
	x := s.GetX()
	put := func(style string, size float64, text string) {
		if text == "" {
			return
		}
		s.font(style, size)
		s.SetX(x)
		s.MultiCell(w, lineHeight, text, "", align, false)
	}
	s.ink()
	put("B", 10, p.Name)
	if p.TradeName != p.Name {
		put("", 9, p.TradeName)
	}
	put("", 9, p.TaxID)
	a := p.Address
	put("", 9, a.Street)
	put("", 9, a.Street2)
	put("", 9, strings.TrimSpace(a.PostCode+" "+a.City))
	put("", 9, strings.TrimSpace(strings.Trim(a.Region+", "+a.Country, ", ")))
	s.quiet()
	put("", 8, p.Email)
	put("", 8, p.Phone)
	s.ink()
}

func (s *sheet) parties() {
	top := s.GetY()
	s.label(s.w.T("paper.buyer"))
	s.party(s.b.Buyer, width*0.5, "L")
	if s.b.DeliverTo != nil {
		s.Ln(2)
		s.label(s.w.T("paper.deliver_to"))
		s.party(*s.b.DeliverTo, width*0.5, "L")
	}
	if s.b.Payee != nil {
		s.Ln(2)
		s.label(s.w.T("paper.payee"))
		s.party(*s.b.Payee, width*0.5, "L")
	}
	end := s.GetY()
	s.SetY(top)
	period := ""
	if s.b.PeriodStart != "" || s.b.PeriodEnd != "" {
		period = s.date(s.b.PeriodStart) + " – " + s.date(s.b.PeriodEnd)
	}
	s.fact("paper.date", s.date(s.b.IssueDate))
	s.fact("paper.due", s.date(s.b.DueDate))
	s.fact("paper.valid_until", s.date(s.b.ValidUntil))
	s.fact("paper.delivery", s.date(s.b.DeliveryOn))
	s.fact("paper.period", period)
	s.fact("paper.your_reference", s.b.BuyerReference)
	s.fact("paper.order_reference", s.b.OrderReference)
	s.fact("paper.contract", s.b.Contract)
	s.fact("paper.project", s.b.Project)
	for _, r := range s.b.References {
		s.fact("paper.reference", r.Number)
	}
	s.SetY(max(end, s.GetY()) + 7)
}

func (s *sheet) date(d document.Date) string {
	if d == "" {
		return ""
	}
	return s.w.Date(d)
}

func (s *sheet) label(text string) {
	s.font("B", 8)
	s.brand()
	s.CellFormat(width*0.5, 5, text, "", 1, "L", false, 0, "")
}

func (s *sheet) fact(key, value string) {
	if value == "" {
		return
	}
	x := margin + width*0.58
	s.SetX(x)
	s.font("", 8.5)
	s.quiet()
	y := s.GetY()
	s.CellFormat(width*0.18, lineHeight, s.w.T(key), "", 0, "L", false, 0, "")
	s.ink()
	s.MultiCell(width*0.24, lineHeight, value, "", "R", false)
	if s.GetY() == y {
		s.Ln(lineHeight)
	}
}

// lines draws the table of positions, its heading again on every page.
func (s *sheet) lines() {
	discount := false
	for i := range s.b.Lines {
		discount = discount || !s.b.Lines[i].Discount.IsZero()
	}
	s.columns = []column{
		{s.w.T("paper.concept"), 0, "L"}, {s.w.T("paper.quantity"), 24, "R"}, {s.w.T("paper.price"), 26, "R"},
		{s.w.T("paper.discount"), 15, "R"}, {s.w.T("paper.tax"), 16, "R"}, {s.w.T("paper.amount"), 29, "R"},
	}
	if !discount {
		s.columns = append(s.columns[:3], s.columns[4:]...)
	}
	rest := width
	for _, c := range s.columns[1:] {
		rest -= c.width
	}
	s.columns[0].width = rest
	s.heading()
	for i := range s.b.Lines {
		s.line(&s.b.Lines[i], discount)
	}
	s.Ln(3)
}

func (s *sheet) heading() {
	s.font("B", 8)
	s.brand()
	s.SetDrawColor(s.accent[0], s.accent[1], s.accent[2])
	s.SetLineWidth(0.35)
	for _, c := range s.columns {
		s.CellFormat(c.width, 6, c.title, "B", 0, c.align, false, 0, "")
	}
	s.Ln(7)
}

func (s *sheet) line(l *document.Line, discount bool) {
	s.font("", 9)
	name := l.Name
	if l.SKU != "" {
		name += "   " + l.SKU
	}
	first := s.SplitText(name, s.columns[0].width-2)
	s.font("", 7.5)
	var more []string
	for _, t := range append([]string{l.Description}, l.Note) {
		if t != "" {
			more = append(more, s.SplitText(strings.ReplaceAll(t, "\r", ""), s.columns[0].width-2)...)
		}
	}
	for _, a := range l.Adjustments {
		more = append(more, s.SplitText(strings.TrimSpace(a.Reason+" "+s.w.Money(a.Amount)), s.columns[0].width-2)...)
	}
	height := float64(len(first))*lineHeight + float64(min(len(more), 4))*3.6 + 1.8
	if s.room(height) {
		s.heading()
	}
	top := s.GetY()
	s.font("", 9)
	s.ink()
	x := margin + s.columns[0].width
	values := []string{s.w.Quantity(l.Quantity, l.Unit), s.price(l)}
	if discount {
		p := ""
		if !l.Discount.IsZero() {
			p = s.w.Percent(l.Discount)
		}
		values = append(values, p)
	}
	values = append(values, s.tax(l), s.w.Money(l.Net))
	for i, v := range values {
		s.SetXY(x, top)
		s.CellFormat(s.columns[i+1].width, lineHeight, v, "", 0, s.columns[i+1].align, false, 0, "")
		x += s.columns[i+1].width
	}
	s.SetXY(margin, top)
	for _, t := range first {
		s.CellFormat(s.columns[0].width, lineHeight, t, "", 2, "L", false, 0, "")
	}
	s.font("", 7.5)
	s.quiet()
	for _, t := range more {
		if s.room(3.6) { // a description of many lines goes on on the next page
			s.heading()
			s.font("", 7.5)
			s.quiet()
		}
		s.SetX(margin)
		s.CellFormat(s.columns[0].width, 3.6, t, "", 2, "L", false, 0, "")
	}
	s.SetDrawColor(224, 228, 230)
	s.SetLineWidth(0.15)
	y := s.GetY() + 0.8
	s.Line(margin, y, margin+width, y)
	s.SetXY(margin, y+1)
}

func (s *sheet) price(l *document.Line) string {
	p := s.w.Price(l.UnitPrice)
	if !l.BaseQty.IsZero() && !l.BaseQty.IsOne() {
		p += " / " + s.w.Number(l.BaseQty)
	}
	return p
}

func (s *sheet) tax(l *document.Line) string {
	if l.TaxCategory == "" && l.TaxRate.IsZero() {
		return ""
	}
	return s.w.Percent(l.TaxRate)
}

// sums draws the tax breakdown on the left and the totals on the right.
func (s *sheet) sums() {
	rows := s.totals()
	s.room(max(float64(len(rows))*6+4, float64(len(s.b.Taxes)+1)*5+4))
	top := s.GetY()
	if len(s.b.Taxes) > 0 {
		s.font("B", 7.5)
		s.brand()
		for _, c := range []column{{s.w.T("paper.tax"), 46, "L"}, {s.w.T("paper.base"), 22, "R"}, {s.w.T("paper.amount"), 20, "R"}} {
			s.CellFormat(c.width, 5, c.title, "", 0, c.align, false, 0, "")
		}
		s.Ln(5)
		s.font("", 8)
		for _, t := range s.b.Taxes {
			s.ink()
			s.CellFormat(46, 4.4, s.w.T("tax."+string(t.Kind))+" "+s.w.Percent(t.Rate), "", 0, "L", false, 0, "")
			s.CellFormat(22, 4.4, s.w.Money(t.Base), "", 0, "R", false, 0, "")
			s.CellFormat(20, 4.4, s.w.Money(t.Amount), "", 1, "R", false, 0, "")
			if t.Reason != "" {
				s.quiet()
				s.MultiCell(88, 3.6, t.Reason, "", "L", false)
			}
		}
	}
	end := s.GetY()
	s.SetY(top)
	for i, r := range rows {
		s.SetX(margin + width - 80)
		last := i == len(rows)-1
		if last {
			s.SetDrawColor(s.accent[0], s.accent[1], s.accent[2])
			s.SetLineWidth(0.35)
			s.font("B", 12)
			s.brand()
			s.CellFormat(36, 9, r[0], "T", 0, "L", false, 0, "")
			s.CellFormat(44, 9, r[1], "T", 1, "R", false, 0, "")
			continue
		}
		s.font("", 9)
		s.quiet()
		s.CellFormat(42, 5.4, clip(r[0], 34), "", 0, "L", false, 0, "")
		s.ink()
		s.CellFormat(38, 5.4, r[1], "", 1, "R", false, 0, "")
	}
	s.SetY(max(end, s.GetY()) + 6)
}

// totals are the figures as stated, from the sum of the lines to what is to be paid.
func (s *sheet) totals() [][2]string {
	t := s.b.Totals
	var rows [][2]string
	add := func(key string, m money.Money) { rows = append(rows, [2]string{s.w.T(key), s.w.Money(m)}) }
	if t.Lines.Minor != t.Net.Minor {
		add("paper.sum_lines", t.Lines)
	}
	for _, a := range s.b.Adjustments {
		reason := a.Reason
		if reason == "" {
			reason = s.w.T("paper.adjustment")
		}
		rows = append(rows, [2]string{reason, s.w.Money(a.Amount)})
	}
	add("paper.net", t.Net)
	add("paper.tax_total", t.Tax)
	if !t.Withheld.IsZero() {
		add("paper.withheld", t.Withheld.Neg())
	}
	if t.Payable.Minor == t.Gross.Minor {
		add("paper.total", t.Gross)
		return rows
	}
	add("paper.total", t.Gross)
	if !t.Prepaid.IsZero() {
		add("paper.prepaid", t.Prepaid.Neg())
	}
	if !t.Rounding.IsZero() {
		add("paper.rounding", t.Rounding)
	}
	add("paper.payable", t.Payable)
	return rows
}

func (s *sheet) notes() {
	block := func(title string, lines ...string) {
		text := strings.TrimSpace(strings.Join(lines, "\n"))
		if text == "" {
			return
		}
		s.room(14)
		if title != "" {
			s.label(title)
		}
		s.font("", 8.5)
		for _, line := range s.SplitText(strings.ReplaceAll(text, "\r", ""), width) {
			s.room(lineHeight)
			s.font("", 8.5)
			s.ink()
			s.CellFormat(width, lineHeight, line, "", 1, "L", false, 0, "")
		}
		s.Ln(2)
	}
	if len(s.b.Instalments) > 1 {
		var rows []string
		for _, i := range s.b.Instalments {
			rows = append(rows, s.date(i.Due)+"   "+s.w.Money(i.Amount))
		}
		block(s.w.T("paper.instalments"), rows...)
	}
	terms := []string{s.b.Terms}
	for _, m := range s.b.PaymentMeans {
		if m.IBAN != "" || m.Text != "" {
			terms = append(terms, strings.Join(strings.Fields(m.Text+" "+spaced(m.IBAN)+" "+m.BIC+" "+m.Reference), " "))
		}
	}
	block(s.w.T("paper.terms"), terms...)
	block("", s.b.Notes...)
	block(s.w.T("paper.order_note"), s.o.Note)
}

// spaced is an IBAN in groups of four, as the preview shows it.
func spaced(iban string) string {
	var groups []string
	for ; len(iban) > 4; iban = iban[4:] {
		groups = append(groups, iban[:4])
	}
	return strings.Join(append(groups, iban), " ")
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
