package staff

import (
	"net/http"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
)

// showStatement shows a contact's statement of account as the contact sees it.
func (s *Staff) showStatement(w http.ResponseWriter, r *http.Request) error {
	m := memberOf(r)
	c, view, err := s.contact(r)
	if err != nil {
		return err
	}
	v, status, err := s.StatementView(r, m.l, view, edge.StatementQuery(r.URL.Query(), m.settings.Today(s.Now())))
	if err != nil {
		return err
	}
	v.Contact, v.Back = c.Name, "/staff/contacts/"+string(c.ID)
	v.Path = v.Back + "/statement"
	page, err := s.page(r, m, m.l.T("statement.title"))
	if err != nil {
		return err
	}
	return s.Show(w, r, status, templates.StatementPage(page, v))
}

func (s *Staff) downloadStatement(format string) edge.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		m := memberOf(r)
		_, view, err := s.contact(r)
		if err != nil {
			return err
		}
		return edge.SendStatement(w, r, s.Log, format, s.StatementPDF, m.l, view, m.settings, edge.StatementQuery(r.URL.Query(), m.settings.Today(s.Now())))
	}
}
