package pdf

import (
	"fmt"
	"io"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"lonja/domain/document"
	"lonja/domain/money"
	"lonja/readmodels"
)

// StatementOptions are what a statement of account shows besides its figures.
type StatementOptions struct {
	Account, Contact document.Party
	Colour           string                              // as Options have it
	Lang             string                              // BCP 47
	Logo             []byte                              // PNG of the account; nil: none
	Footer           string                              // what the account says below every page
	Text             func(m *readmodels.Movement) string // a movement in words
}

// statementColumns are of the movements; the second takes the rest of the width.
var statementColumns = []struct {
	key   string
	width float64
	align string
}{
	{"statement.date", 23, "L"}, {"statement.movement", 0, "L"}, {"statement.number", 27, "L"},
	{"statement.due", 23, "L"}, {"statement.amount", 26, "R"}, {"statement.balance", 26, "R"},
}

// RenderStatement writes a statement of account as a PDF. The same statement gives the
// same bytes.
func RenderStatement(out io.Writer, st *readmodels.Statement, w Words, o StatementOptions) error {
	b := &document.Body{Seller: o.Account, Buyer: o.Contact, IssueDate: st.Today}
	s := &sheet{Fpdf: fpdf.New("P", "mm", "A4", ""), w: w, b: b, o: Options{Logo: o.Logo, Footer: o.Footer}, accent: colour(o.Colour)}
	s.SetCreationDate(stamp(b))
	s.SetModificationDate(stamp(b))
	s.SetCatalogSort(true)
	s.SetCompression(true)
	s.AddUTF8FontFromBytes("go", "", goregular.TTF)
	s.AddUTF8FontFromBytes("go", "B", gobold.TTF)
	s.SetMargins(margin, margin, margin)
	s.SetAutoPageBreak(false, bottom)
	s.AliasNbPages("{pages}")
	s.SetTitle(w.T("statement.title")+" "+o.Contact.Name, true)
	s.SetAuthor(o.Account.Name, true)
	s.SetCreator("Lonja", true)
	if o.Lang != "" {
		s.SetLang(o.Lang)
	}
	s.SetFooterFunc(s.footer)
	s.AddPage()
	s.Bookmark(w.T("statement.title"), 0, 0)
	s.statementHead(st)
	for i := range st.Currencies {
		s.statement(st, &st.Currencies[i], o)
	}
	if err := s.Output(out); err != nil {
		return fmt.Errorf("drawing a statement of account: %w", err)
	}
	return nil
}

func (s *sheet) statementHead(st *readmodels.Statement) {
	s.SetFillColor(s.accent[0], s.accent[1], s.accent[2])
	s.Rect(0, 0, pageWidth, 3, "F")
	s.SetXY(margin, 14+s.logo(s.o.Logo, 10))
	s.font("B", 19)
	s.brand()
	s.CellFormat(width*0.55, 9, s.w.T("statement.title"), "", 2, "L", false, 0, "")
	s.font("", 10)
	s.ink()
	period := s.w.T("statement.everything")
	if st.From != "" || st.To != "" {
		period = s.date(st.From) + " – " + s.date(st.To)
	}
	s.CellFormat(width*0.55, 6, period, "", 2, "L", false, 0, "")
	s.Ln(3)
	s.SetX(margin)
	s.party(s.b.Buyer, width*0.5, "L")
	end := s.GetY()
	s.SetXY(margin+width*0.58, 14)
	s.party(s.b.Seller, width*0.42, "R")
	s.SetY(max(end, s.GetY()) + 6)
}

func (s *sheet) statement(st *readmodels.Statement, c *readmodels.StatementCurrency, o StatementOptions) {
	s.statementRoom(40)
	if len(st.Currencies) > 1 {
		s.Bookmark(c.Currency, 1, -1)
		s.font("B", 12)
		s.brand()
		s.CellFormat(width, 7, s.w.T("statement.in_currency", "currency", c.Currency), "", 1, "L", false, 0, "")
	}
	s.statementHeading()
	s.statementRow("B", s.date(st.From), s.w.T("statement.opening"), "", "", "", s.w.Money(c.Opening))
	for i := range c.Movements {
		m := &c.Movements[i]
		s.statementRow("", s.date(m.Date), o.Text(&m.Movement), m.Number, s.date(m.Due), s.w.Money(m.Amount), s.w.Money(m.Balance))
	}
	s.statementRow("B", s.date(st.To), s.w.T("statement.closing"), "", "", "", s.w.Money(c.Closing))
	s.Ln(6)
	s.statementAgeing(st, c)
}

func (s *sheet) statementAgeing(st *readmodels.Statement, c *readmodels.StatementCurrency) {
	s.statementRoom(float64(len(c.Ageing)+3) * 6)
	s.font("B", 10)
	s.brand()
	s.CellFormat(width, 7, s.w.T("statement.ageing", "date", s.date(st.Today)), "", 1, "L", false, 0, "")
	row := func(style, label string, amount money.Money) {
		s.font(style, 9)
		s.ink()
		s.CellFormat(70, 5.4, label, "", 0, "L", false, 0, "")
		s.CellFormat(38, 5.4, s.w.Money(amount), "", 1, "R", false, 0, "")
	}
	for _, a := range c.Ageing {
		row("", s.w.T("age."+string(a.Name)), a.Amount)
	}
	row("B", s.w.T("statement.pending"), c.Pending)
	if !c.Return.IsZero() {
		row("", s.w.T("statement.return"), c.Return)
	}
	s.Ln(8)
}

// statementRoom starts a new page where less than the height is left; true says that it did.
func (s *sheet) statementRoom(height float64) bool {
	_, h := s.GetPageSize()
	if s.GetY()+height <= h-bottom {
		return false
	}
	s.AddPage()
	s.font("", 8.5)
	s.quiet()
	s.CellFormat(width, 5, s.w.T("statement.title")+" · "+clip(s.b.Buyer.Name, 60), "", 1, "R", false, 0, "")
	s.Ln(2)
	return true
}

func (s *sheet) statementWidths() []float64 {
	out := make([]float64, len(statementColumns))
	rest := width
	for i, c := range statementColumns {
		out[i] = c.width
		rest -= c.width
	}
	out[1] = rest
	return out
}

func (s *sheet) statementHeading() {
	s.font("B", 8)
	s.brand()
	s.SetDrawColor(s.accent[0], s.accent[1], s.accent[2])
	s.SetLineWidth(0.35)
	for i, w := range s.statementWidths() {
		s.CellFormat(w, 6, s.w.T(statementColumns[i].key), "B", 0, statementColumns[i].align, false, 0, "")
	}
	s.Ln(7)
}

func (s *sheet) statementRow(style string, cells ...string) {
	if s.statementRoom(5.6) {
		s.statementHeading()
	}
	s.font(style, 8.5)
	s.ink()
	s.SetDrawColor(224, 228, 230)
	s.SetLineWidth(0.15)
	for i, w := range s.statementWidths() {
		text := cells[i]
		for len([]rune(text)) > 2 && s.GetStringWidth(text) > w-1.5 {
			text = clip(text, len([]rune(text))-1)
		}
		s.CellFormat(w, 5.4, text, "B", 0, statementColumns[i].align, false, 0, "")
	}
	s.Ln(5.4)
}
