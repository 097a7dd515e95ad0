package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/commands"
	"lonja/domain/conversation"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// CommentAttachment names a file that was attached, for the comment that it is of.
type CommentAttachment struct {
	ID   string `json:"id" doc:"As the upload answered" maxLength:"64"`
	Name string `json:"name" maxLength:"300"`
}

// Attached is a file that was kept for a comment.
type Attached struct {
	ID     string `json:"id" doc:"Names the file to a comment on the same document"`
	Name   string `json:"name" doc:"As it is kept: cleaned of what some system could not keep"`
	Type   string `json:"type" doc:"Media type, as content and name say"`
	Size   int    `json:"size" doc:"Bytes"`
	SHA256 string `json:"sha256" doc:"Of the content, in hexadecimal"`
}

func refsOf(in []CommentAttachment) []commands.FileRef {
	var out []commands.FileRef
	for _, one := range in {
		out = append(out, commands.FileRef{Blob: one.ID, Name: one.Name})
	}
	return out
}

// attachments adds what sends files to comments and back, and the certificate of approval.
func (a *API) attachments(r chi.Router) {
	path := func(name, doc string) *huma.Param {
		return &huma.Param{Name: name, In: "path", Description: doc, Required: true, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	doc, contact := path("id", "The document's id"), textParam("contact", "For staff and programs: whose", false)
	a.file(r, "/documents/{id}/attachments/{comment}/{attachment}", "get-attachment", "A file that is attached to a comment", "*/*",
		[]*huma.Param{doc, path("comment", "The comment's id"), path("attachment", "The file's place among the comment's, from 0"), contact}, a.attachment)
	a.file(r, "/quotes/{id}/certificate", "get-certificate", "The certificate of a quote's approval, as PDF: who approved what and when, and how to check it", "application/pdf", []*huma.Param{doc, contact}, a.certificate)

	name := textParam("name", "The file's name, which says what kind it is of", false)
	name.Required = true
	a.huma.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "attach-file", Method: http.MethodPost, Path: "/documents/{id}/attachments", Tags: []string{"documents"},
		Summary: "Send a file for a comment that follows",
		Description: "PDF, images, office documents, text and CSV, of at most 10 MB; what it is, name and content must agree on. " +
			"A file that no comment names within a day is removed. The same file once more is the same.",
		Security: []map[string][]string{{bearer: {}}}, Parameters: []*huma.Param{doc, name},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		}},
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
			"application/json": {Schema: a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Attached](), true, "Attached")},
		}}},
		Errors: []int{http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests},
	})
	r.Post("/documents/{id}/attachments", func(w http.ResponseWriter, r *http.Request) {
		if err := a.attach(w, r); err != nil {
			a.refuse(w, r, err)
		}
	})
}

// attach keeps the request's body as it comes.
func (a *API) attach(w http.ResponseWriter, r *http.Request) error {
	c, err := a.authenticate(r.Context(), r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	req := a.plain(c)
	kind, err := a.kindOf(r.Context(), req, chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	if wait := a.Limits.File(c.Actor); wait > 0 {
		return edge.TooMuch(w, wait)
	}
	file, err := a.Commands.AttachFile(r.Context(), req, commands.AttachFile{
		Document: id.ID(chi.URLParam(r, "id")), Kind: kind, Name: r.URL.Query().Get("name"), Content: http.MaxBytesReader(w, r.Body, 2*conversation.MaxFileSize),
	})
	var cut broken
	if errors.As(err, &cut) {
		return fault.New(fault.Invalid, "request.body_unreadable")
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(Attached{ID: file.Blob, Name: file.Name, Type: file.Type, Size: file.Size, SHA256: file.SHA256}) // the client is gone, if this fails
	return nil
}

// asked is the document that a request's path names, and the view on its contact.
func (a *API) asked(r *http.Request, c caller) (readmodels.Document, readmodels.View, error) {
	return a.find(r.Context(), c, &DocumentInput{Scope: Scope{Contact: r.URL.Query().Get("contact")}, ID: chi.URLParam(r, "id")})
}

func (a *API) attachment(w http.ResponseWriter, r *http.Request, c caller) error {
	d, v, err := a.asked(r, c)
	if err != nil {
		return err
	}
	file, err := edge.OpenAttachment(r.Context(), a.Commands, v, d.ID, chi.URLParam(r, "comment"), chi.URLParam(r, "attachment"))
	if err != nil {
		return err
	}
	return edge.SendAttachment(w, r, a.Log, file)
}

func (a *API) certificate(w http.ResponseWriter, r *http.Request, c caller) error {
	d, v, err := a.asked(r, c)
	if err != nil {
		return err
	}
	who, err := readmodels.GetContact(r.Context(), v)
	if err != nil {
		return err
	}
	language := r.Header.Get("Accept-Language")
	if language == "" {
		language = who.Language
	}
	l, settings, err := a.locale(r.Context(), language)
	if err != nil {
		return err
	}
	return edge.SendCertificate(w, r, a.Log, a.Commands, a.CertificatePDF, l, settings.Colour, v, d.ID)
}
