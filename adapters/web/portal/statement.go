package portal

import (
	"io"
	"net/http"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/sheets"
	"lonja/adapters/web/templates"
)

// showStatement shows the contact's statement of account for a period.
func (p *Portal) showStatement(w http.ResponseWriter, r *http.Request) error {
	v := viewerOf(r)
	q := edge.StatementQuery(r.URL.Query(), p.today(v))
	view, status, err := p.StatementView(r, v.L, v.View, q)
	if err != nil {
		return err
	}
	view.Path = "/statement"
	return p.Show(w, r, status, templates.StatementPage(p.page(r, v, v.L.T("statement.title")), view))
}

// downloadStatement sends it as a file.
func (p *Portal) downloadStatement(format string) edge.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v := viewerOf(r)
		return edge.SendStatement(w, r, p.Log, format, p.StatementPDF, v.L, v.View, v.Settings, edge.StatementQuery(r.URL.Query(), p.today(v)))
	}
}

// exportDocuments sends a list, with its filter and order, whole.
func (p *Portal) exportDocuments(f sheets.Format) edge.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v := viewerOf(r)
		q := documentQuery(r.URL.Query(), "", v.Settings.Currency)
		name := v.L.T("kinds.all")
		if len(q.Kinds) == 1 {
			name = v.L.T("kinds." + string(q.Kinds[0]))
		}
		name += " " + string(p.today(v)) + "." + string(f)
		return edge.Attach(w, r, p.Log, name, f.ContentType(), func(out io.Writer) error {
			return sheets.Documents(r.Context(), out, f, v.L, v.View, q, p.today(v))
		})
	}
}
