package pdf

import (
	"fmt"
	"io"

	"lonja/domain/document"
	"lonja/domain/document/paper"
	"lonja/domain/money"
	"lonja/readmodels"
)

// StatementOptions are what a statement of account shows besides its figures.
type StatementOptions struct {
	Account, Contact document.Party
	Colour           string                              // as Options have it
	Logo             []byte                              // as Options have it
	Footer           string                              // what the account says below every page
	Lang             string                              // BCP 47
	Text             func(m *readmodels.Movement) string // a movement in words
}

// RenderStatement writes a statement of account as a PDF. The same statement gives the
// same bytes.
func RenderStatement(out io.Writer, st *readmodels.Statement, w Words, o StatementOptions) error {
	b := &document.Body{Seller: o.Account, Buyer: o.Contact}
	title := w.T("statement.title")
	a := about{title: title + " " + o.Contact.Name, author: o.Account.Name, lang: o.Lang, made: stamp(st.Today)}
	err := write(out, a, func(s *sheet) {
		s.w, s.b, s.accent, s.running, s.small = w, b, readable(colour(o.Colour)), title+" · "+o.Contact.Name, o.Footer
	}, func(s *sheet) {
		s.statementHead(st, o)
		for i := range st.Currencies {
			s.statement(st, &st.Currencies[i], o)
		}
	})
	if err != nil {
		return fmt.Errorf("drawing a statement of account: %w", err)
	}
	return nil
}

func (s *sheet) statementHead(st *readmodels.Statement, o StatementOptions) {
	s.band(o.Colour)
	s.SetXY(margin, 12)
	period := s.w.T("statement.everything")
	if st.From != "" || st.To != "" {
		period = s.date(st.From) + " – " + s.date(st.To)
	}
	issuer, contact := paper.PartyOf("", o.Account, s.w), paper.PartyOf("", o.Contact, s.w)
	s.beside(func() {
		s.picture(s.logo(o.Logo), o.Account.Name)
		s.block(margin, width*0.55, "L", []piece{{s.w.T("statement.title"), "B", "H1", 19, brandInk}, {period, "", "P", 10, plainInk}})
		s.SetXY(margin, s.GetY()+3)
		s.block(margin, width*0.55, "L", partyPieces(&contact))
	}, s.height(width*0.42, partyPieces(&issuer)), func() {
		s.block(margin+width*0.58, width*0.42, "R", partyPieces(&issuer))
	})
	s.SetXY(margin, s.GetY()+6)
}

func (s *sheet) statement(st *readmodels.Statement, c *readmodels.StatementCurrency, o StatementOptions) {
	s.room(40)
	if len(st.Currencies) > 1 {
		s.Bookmark(c.Currency, 1, -1)
		s.block(margin, width, "L", []piece{{s.w.T("statement.in_currency", "currency", c.Currency), "B", "H2", 12, brandInk}})
	}
	t := table{left: margin, rest: 1, headed: true, ruled: true, columns: []column{
		{s.w.T("statement.date"), 22, "L"}, {s.w.T("statement.movement"), 0, "L"}, {s.w.T("statement.number"), 24, "L"},
		{s.w.T("statement.due"), 22, "L"}, {s.w.T("statement.amount"), 22, "R"}, {s.w.T("statement.balance"), 22, "R"},
	}}
	rows := []row{cells("B", 8.5, s.date(st.From), s.w.T("statement.opening"), "", "", "", s.w.Money(c.Opening))}
	for i := range c.Movements {
		m := &c.Movements[i]
		rows = append(rows, cells("", 8.5, s.date(m.Date), o.Text(&m.Movement), m.Number, s.date(m.Due), s.w.Money(m.Amount), s.w.Money(m.Balance)))
	}
	rows = append(rows, cells("B", 8.5, s.date(st.To), s.w.T("statement.closing"), "", "", "", s.w.Money(c.Closing)))
	s.fit(&t, rows, width, 44)
	s.table(&t, rows)
	s.SetXY(margin, s.GetY()+6)
	s.statementAgeing(st, c)
}

// cells is a row of texts, one a cell.
func cells(style string, size float64, texts ...string) row {
	r := row{}
	for _, text := range texts {
		r.cells = append(r.cells, []part{{text, style, size, plainInk}})
	}
	return r
}

func (s *sheet) statementAgeing(st *readmodels.Statement, c *readmodels.StatementCurrency) {
	s.room(float64(len(c.Ageing)+3) * 6)
	s.block(margin, width, "L", []piece{{s.w.T("statement.ageing", "date", s.date(st.Today)), "B", "H2", 10, brandInk}})
	t := table{left: margin, named: true, columns: []column{{"", 0, "L"}, {"", 26, "R"}}}
	var rows []row
	add := func(style, label string, amount money.Money) {
		rows = append(rows, cells(style, 9, label, s.w.Money(amount)))
	}
	for _, a := range c.Ageing {
		add("", s.w.T("age."+string(a.Name)), a.Amount)
	}
	add("B", s.w.T("statement.pending"), c.Pending)
	if !c.Return.IsZero() {
		add("", s.w.T("statement.return"), c.Return)
	}
	s.fit(&t, rows, 108, 50)
	s.table(&t, rows)
	s.SetXY(margin, s.GetY()+8)
}
