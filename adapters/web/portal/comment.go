package portal

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/commands"
	"lonja/domain/id"
)

func (p *Portal) postComment(w http.ResponseWriter, r *http.Request, s spot) error {
	f, files, err := p.ParseComment(w, r, p.Limits, p.request(r, p.NewForm(), s.v), s.kind, s.doc)
	if err != nil {
		return p.refused(w, r, s, "comment", f, err)
	}
	_, rcpt, err := p.Commands.PostComment(r.Context(), p.request(r, f, s.v), commands.PostComment{
		Document: s.doc, Kind: s.kind, Text: f.Value("text"), AuthorName: f.Value("name"), Files: files, Shown: id.ID(f.Value("shown")),
	})
	if err != nil {
		return p.refused(w, r, s, "comment", f, err)
	}
	p.Redirect(w, r, s.base+"#comments", rcpt.Position, "commented")
	return nil
}

// markRead is asked for by the page itself where scripts run, by a button elsewhere.
func (p *Portal) markRead(w http.ResponseWriter, r *http.Request, s spot) error {
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	rcpt, err := p.Commands.MarkRead(r.Context(), p.request(r, f, s.v), commands.MarkRead{Document: s.doc, Kind: s.kind, Shown: id.ID(f.Value("shown"))})
	if err != nil {
		return err
	}
	if r.Header.Get("HX-Request") == "true" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	p.Redirect(w, r, s.base+"#comments", rcpt.Position, "")
	return nil
}

func (p *Portal) downloadAttachment(w http.ResponseWriter, r *http.Request, s spot) error {
	if _, err := p.document(r.Context(), s); err != nil {
		return err
	}
	file, err := edge.OpenAttachment(r.Context(), p.Commands, s.v.View, s.doc, chi.URLParam(r, "comment"), chi.URLParam(r, "attachment"))
	if err != nil {
		return err
	}
	return edge.SendAttachment(w, r, p.Log, file)
}
