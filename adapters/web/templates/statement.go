package templates

import (
	"net/url"
	"slices"
	"strconv"

	"lonja/adapters/web/locale"
	"lonja/domain/document"
	"lonja/readmodels"
)

// Statement is the page of a statement of account.
type Statement struct {
	Path       string // own path without query
	Contact    string // whose, on staff's page
	Back       string // the contact's record, on staff's page
	From, To   document.Date
	Today      document.Date
	Wrong      string // what is wrong with the period
	Currencies []readmodels.StatementCurrency
}

// Period is a period that can be chosen at once.
type Period struct {
	Label    string
	Path     string
	Selected bool
}

// periods are this year, the year before, this quarter and everything.
func (v Statement) periods(l *locale.Locale) []Period {
	year := v.Today.Year()
	quarter := document.DateOf(v.Today.Time().AddDate(0, -((v.Today.Month() - 1) % 3), 1-v.Today.Time().Day()))
	out := []Period{}
	for _, p := range []struct {
		label    string
		from, to document.Date
	}{
		{strconv.Itoa(year), document.Date(strconv.Itoa(year) + "-01-01"), v.Today},
		{strconv.Itoa(year - 1), document.Date(strconv.Itoa(year-1) + "-01-01"), document.Date(strconv.Itoa(year-1) + "-12-31")},
		{l.T("statement.quarter"), quarter, v.Today},
		{l.T("statement.everything"), "", ""},
	} {
		out = append(out, Period{Label: p.label, Path: v.Path + "?" + periodQuery(p.from, p.to), Selected: p.from == v.From && p.to == v.To})
	}
	return out
}

func periodQuery(from, to document.Date) string {
	return url.Values{"from": {string(from)}, "to": {string(to)}}.Encode()
}

// file is the address of the statement as a file.
func (v Statement) file(format string) string {
	return v.Path + "." + format + "?" + periodQuery(v.From, v.To)
}

// documentPath is where a movement's document is: on staff's page, of the contact.
func (v Statement) documentPath(m *readmodels.Movement) string {
	return v.Back + DocumentPath(m.Kind, string(m.Document))
}

// owes reports whether anything is pending.
func owes(c *readmodels.StatementCurrency) bool {
	return slices.ContainsFunc(c.Ageing, func(a readmodels.AgeingFigure) bool { return a.Count > 0 })
}

// MovementText is a movement in words.
func MovementText(l *locale.Locale, m *readmodels.Movement) string {
	text := l.T("movement." + string(m.Type))
	if m.Type == readmodels.MovePayment && m.Method != "" {
		text += " · " + MethodName(l, m.Method)
	}
	return text
}
