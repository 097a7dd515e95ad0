package api

import (
	"context"
	"mime"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/viewing"
	"lonja/readmodels"
)

// pageSize bounds a page of a list.
const (
	pageSize    = 50
	maxPageSize = 500
)

// Paging is part of every list's input.
type Paging struct {
	After string `query:"after" doc:"The cursor that the page before gave as next"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

func (p Paging) limit() int {
	if p.Limit <= 0 {
		return pageSize
	}
	return min(p.Limit, maxPageSize)
}

// List is a page of a list as an answer.
type List[R any] struct {
	Items []R    `json:"items"`
	Next  string `json:"next,omitempty" doc:"Cursor of the next page; absent at the end"`
}

func listOf[R any](p readmodels.Page[R], err error) (*ListOutput[R], error) {
	if err != nil {
		return nil, err
	}
	out := &ListOutput[R]{Body: List[R]{Items: make([]R, len(p.Items)), Next: p.Next}}
	for i := range p.Items {
		out.Body.Items[i] = p.Items[i].Row
	}
	return out, nil
}

// some returns the list, an empty one for nil: in JSON it is a list always.
func some[R any](list []R) []R {
	if list == nil {
		return []R{}
	}
	return list
}

// ListOutput is a List as an answer.
type ListOutput[R any] struct{ Body List[R] }

// Scope is part of inputs of reads that staff and programs make for a contact.
type Scope struct {
	Auth
	Contact string `query:"contact" doc:"For staff and programs: whose. A contact's own login sees its own, always"`
}

// DocumentsInput asks for documents.
type DocumentsInput struct {
	Scope
	Paging
	Kind     []string `query:"kind" doc:"Kinds to list; all where none is given"`
	Status   []string `query:"status"`
	Year     int      `query:"year" doc:"Of the issue date"`
	From     string   `query:"from" doc:"Issue date, inclusive: 2006-01-02"`
	To       string   `query:"to"`
	DueFrom  string   `query:"dueFrom" doc:"Due or valid-until day, inclusive"`
	DueTo    string   `query:"dueTo"`
	Currency string   `query:"currency"`
	MinTotal string   `query:"minTotal" doc:"Decimal, needs currency: 100.00"`
	MaxTotal string   `query:"maxTotal"`
	Owed     bool     `query:"owed" doc:"Only those that money is owed for"`
	Search   string   `query:"q" doc:"In number and title, whatever the accents and case" maxLength:"200"`
	Sort     string   `query:"sort" enum:"date,due,kind,status,number,title,total" default:"date"`
	Order    string   `query:"order" enum:"asc,desc" default:"desc"`
}

func (in *DocumentsInput) query() (readmodels.DocumentQuery, error) {
	q := readmodels.DocumentQuery{
		DocumentFilter: readmodels.DocumentFilter{
			Year: in.Year, From: document.Date(in.From), To: document.Date(in.To), DueFrom: document.Date(in.DueFrom), DueTo: document.Date(in.DueTo),
			Currency: in.Currency, Owed: in.Owed, Search: in.Search,
		},
		Sort: readmodels.DocumentSort(in.Sort), Desc: in.Order != "asc", After: in.After, Limit: in.limit(),
	}
	for _, k := range in.Kind {
		q.Kinds = append(q.Kinds, document.Kind(k))
	}
	for _, s := range in.Status {
		q.Statuses = append(q.Statuses, readmodels.Status(s))
	}
	for _, d := range []struct {
		field string
		date  document.Date
	}{{"from", q.From}, {"to", q.To}, {"dueFrom", q.DueFrom}, {"dueTo", q.DueTo}} {
		if d.date != "" && !d.date.Valid() {
			return q, fault.Field(d.field, "document.date_invalid", fault.A("date", d.date))
		}
	}
	for _, b := range []struct {
		field, text string
		to          **int64
	}{{"minTotal", in.MinTotal, &q.MinTotal}, {"maxTotal", in.MaxTotal, &q.MaxTotal}} {
		if b.text == "" {
			continue
		}
		m, err := money.Parse(b.text, in.Currency)
		if err != nil {
			return q, fault.Field(b.field, "query.amount_invalid", fault.A("amount", b.text))
		}
		*b.to = &m.Minor
	}
	return q, nil
}

// DocumentInput names a document.
type DocumentInput struct {
	Scope
	ID string `path:"id" doc:"The document's id"`
}

// DocumentDetail is one document, whole.
type DocumentDetail struct {
	Document readmodels.Document   `json:"document"`
	Body     *document.Body        `json:"body,omitempty" doc:"Absent once the contact's data was erased"`
	Note     string                `json:"note,omitempty"`
	Contact  id.Contact            `json:"contact"`
	Timeline []readmodels.Activity `json:"timeline"`
	Related  []readmodels.Related  `json:"related"`
	Payments []readmodels.Payment  `json:"payments"`
}

// DocumentOutput is a document as an answer.
type DocumentOutput struct{ Body DocumentDetail }

// ActivityInput asks for what happened.
type ActivityInput struct {
	Scope
	Limit int `query:"limit" minimum:"1" maximum:"30" default:"30"` // readmodels.FeedLength
}

// CommentsInput asks for a document's comments.
type CommentsInput struct {
	DocumentInput
	Paging
}

func (a *API) documents(r chi.Router) {
	query(a, huma.Operation{OperationID: "list-documents", Path: "/documents", Tags: []string{"documents"}, Summary: "Documents, sorted, filtered and searched"},
		func(in *DocumentsInput) Auth { return in.Auth },
		func(ctx context.Context, c caller, in *DocumentsInput) (*ListOutput[readmodels.Document], error) {
			v, err := c.of(a.Commands.Read, in.Contact)
			if err != nil {
				return nil, err
			}
			q, err := in.query()
			if err != nil {
				return nil, err
			}
			return listOf(readmodels.ListDocuments(ctx, v, q))
		})

	query(a, huma.Operation{OperationID: "get-document", Path: "/documents/{id}", Tags: []string{"documents"}, Summary: "One document: body, timeline, related documents and payments"},
		func(in *DocumentInput) Auth { return in.Auth },
		func(ctx context.Context, c caller, in *DocumentInput) (*DocumentOutput, error) {
			return a.document(ctx, c, in)
		})

	query(a, huma.Operation{OperationID: "list-comments", Path: "/documents/{id}/comments", Tags: []string{"documents"}, Summary: "A document's comments, oldest first"},
		func(in *CommentsInput) Auth { return in.Auth },
		func(ctx context.Context, c caller, in *CommentsInput) (*ListOutput[readmodels.Comment], error) {
			_, v, err := a.find(ctx, c, &in.DocumentInput)
			if err != nil {
				return nil, err
			}
			return listOf(readmodels.ListComments(ctx, v, id.ID(in.ID), in.After, in.limit()))
		})

	query(a, huma.Operation{OperationID: "list-activity", Path: "/activity", Tags: []string{"home"}, Summary: "What happened with a contact, newest first"},
		func(in *ActivityInput) Auth { return in.Auth },
		func(ctx context.Context, c caller, in *ActivityInput) (*ListOutput[readmodels.Activity], error) {
			v, err := c.of(a.Commands.Read, in.Contact)
			if err != nil {
				return nil, err
			}
			if v.Contact() == "" {
				return nil, fault.Field("contact", "api.contact_missing")
			}
			items, err := readmodels.Feed(ctx, v, in.Limit)
			if err != nil {
				return nil, err
			}
			return &ListOutput[readmodels.Activity]{Body: List[readmodels.Activity]{Items: some(items)}}, nil
		})

	a.huma.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "get-document-pdf", Method: http.MethodGet, Path: "/documents/{id}/pdf", Tags: []string{"documents"}, Summary: "The document as PDF",
		Security: []map[string][]string{{bearer: {}}},
		Parameters: []*huma.Param{
			{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: "string"}},
			{Name: "contact", In: "query", Description: "For staff and programs: whose", Schema: &huma.Schema{Type: "string"}},
		},
		Responses: map[string]*huma.Response{
			"200": {Description: "OK", Content: map[string]*huma.MediaType{"application/pdf": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}},
		},
		Errors: []int{http.StatusForbidden, http.StatusNotFound, http.StatusGone},
	})
	r.Get("/documents/{id}/pdf", func(w http.ResponseWriter, r *http.Request) {
		if err := a.writePDF(w, r); err != nil {
			a.refuse(w, r, err)
		}
	})
}

// find returns a document that the caller sees, and the view on its contact.
func (a *API) find(ctx context.Context, c caller, in *DocumentInput) (readmodels.Document, readmodels.View, error) {
	v, err := c.of(a.Commands.Read, in.Contact)
	if err != nil {
		return readmodels.Document{}, v, err
	}
	d, owner, err := readmodels.FindDocument(ctx, v, id.ID(in.ID))
	return d, v.Of(owner), err
}

func (a *API) document(ctx context.Context, c caller, in *DocumentInput) (*DocumentOutput, error) {
	d, v, err := a.find(ctx, c, in)
	if err != nil {
		return nil, err
	}
	out := &DocumentOutput{Body: DocumentDetail{Document: d, Contact: v.Contact()}}
	body, note, ok, err := a.Commands.Bodies().Of(ctx, v, d.ID)
	if err != nil {
		return nil, err
	}
	out.Body.Note = note
	if ok {
		out.Body.Body = &body
	}
	if out.Body.Timeline, err = readmodels.Timeline(ctx, v, d.ID); err != nil {
		return nil, err
	}
	if out.Body.Related, err = readmodels.RelatedDocuments(ctx, v, &d); err != nil {
		return nil, err
	}
	if out.Body.Payments, err = readmodels.PaymentsOf(ctx, v, d.ID); err != nil {
		return nil, err
	}
	a.viewed(ctx, c, &d, viewing.Page)
	out.Body.Timeline, out.Body.Related, out.Body.Payments = some(out.Body.Timeline), some(out.Body.Related), some(out.Body.Payments)
	return out, nil
}

func (a *API) writePDF(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := a.authenticate(ctx, r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	d, v, err := a.find(ctx, c, &DocumentInput{Scope: Scope{Contact: r.URL.Query().Get("contact")}, ID: chi.URLParam(r, "id")})
	if err != nil {
		return err
	}
	file, err := a.PDF(ctx, v, d.ID, r.Header.Get("Accept-Language"))
	if err != nil {
		return err
	}
	if r.Method == http.MethodGet {
		a.viewed(ctx, c, &d, viewing.PDF)
	}
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Length", strconv.Itoa(len(file)))
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": d.Number + ".pdf"}))
	_, _ = w.Write(file) // the client is gone, if this fails
	return nil
}
