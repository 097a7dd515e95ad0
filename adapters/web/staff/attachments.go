package staff

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// reply posts a comment of the account's side, with what is attached to it.
func (s *Staff) reply(w http.ResponseWriter, r *http.Request, at spot) error {
	f, files, err := s.ParseComment(w, r, s.Limits, s.Request(r, s.NewForm(), at.m.actor, at.owner.ID), at.kind, at.doc)
	var rcpt commands.Receipt
	if err == nil {
		_, rcpt, err = s.Commands.PostComment(r.Context(), s.Request(r, f, at.m.actor, at.owner.ID), commands.PostComment{
			Document: at.doc, Kind: at.kind, Text: f.Value("text"), Files: files, Shown: id.ID(f.Value("shown")),
		})
	}
	if err != nil {
		return s.replyRefused(w, r, at, f, err)
	}
	s.Redirect(w, r, at.base+"#comments", rcpt.Position, "commented")
	return nil
}

// replyRefused shows the document again, with what was typed and why it was refused.
func (s *Staff) replyRefused(w http.ResponseWriter, r *http.Request, at spot, f templates.Form, err error) error {
	why, ok := fault.As(err)
	if !ok || why.Kind != fault.Invalid && why.Kind != fault.Conflict && why.Kind != fault.TooLarge {
		return err
	}
	v, err := s.documentView(r, at)
	if err != nil {
		return err
	}
	if f.Command == "" { // it was not read to the end
		f.Command = s.NewForm().Command
	}
	f.Refused, v.Open, v.Comment = why, "comment", f
	return s.showView(w, r, at, v, edge.Status(why.Kind))
}

func (s *Staff) downloadAttachment(w http.ResponseWriter, r *http.Request, at spot) error {
	if _, err := s.document(r.Context(), at); err != nil {
		return err
	}
	file, err := edge.OpenAttachment(r.Context(), s.Commands, at.view, at.doc, chi.URLParam(r, "comment"), chi.URLParam(r, "attachment"))
	if err != nil {
		return err
	}
	return edge.SendAttachment(w, r, s.Log, file)
}

// downloadCertificate sends it in the contact's language: it is the contact's as well.
func (s *Staff) downloadCertificate(w http.ResponseWriter, r *http.Request, at spot) error {
	if _, err := s.document(r.Context(), at); err != nil {
		return err
	}
	l := s.Catalogue.Match(at.owner.Language, at.m.settings.Language).In(at.m.l.Zone())
	return s.DownloadCertificate(w, r, s.CertificatePDF, l, at.view, at.doc)
}
