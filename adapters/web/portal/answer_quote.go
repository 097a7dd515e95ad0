package portal

import (
	"net/http"

	"lonja/commands"
)

func (p *Portal) approveQuote(w http.ResponseWriter, r *http.Request, s spot) error {
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	rcpt, err := p.Commands.ApproveQuote(r.Context(), p.request(r, f, s.v), commands.ApproveQuote{
		Quote: s.doc, Name: f.Value("name"), Signature: f.Value("signature"), Reference: f.Value("reference"), Hash: f.Value("hash"),
	})
	if err != nil {
		return p.refused(w, r, s, "approve", f, err)
	}
	p.Redirect(w, r, s.base, rcpt.Position, "approved")
	return nil
}

func (p *Portal) declineQuote(w http.ResponseWriter, r *http.Request, s spot) error {
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	rcpt, err := p.Commands.DeclineQuote(r.Context(), p.request(r, f, s.v), commands.DeclineQuote{
		Quote: s.doc, Name: f.Value("name"), Reason: f.Value("reason"),
	})
	if err != nil {
		return p.refused(w, r, s, "decline", f, err)
	}
	p.Redirect(w, r, s.base, rcpt.Position, "declined")
	return nil
}

func (p *Portal) requestChanges(w http.ResponseWriter, r *http.Request, s spot) error {
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	rcpt, err := p.Commands.RequestQuoteChanges(r.Context(), p.request(r, f, s.v), commands.RequestQuoteChanges{
		Quote: s.doc, Name: f.Value("name"), Text: f.Value("text"),
	})
	if err != nil {
		return p.refused(w, r, s, "changes", f, err)
	}
	p.Redirect(w, r, s.base, rcpt.Position, "changes_requested")
	return nil
}
