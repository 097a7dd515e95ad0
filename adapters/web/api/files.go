package api

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/locale"
	"lonja/adapters/web/sheets"
	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/viewing"
	"lonja/readmodels"
)

// StatementInput asks for a statement of account.
type StatementInput struct {
	Scope
	From  string `query:"from" doc:"First day, inclusive: 2006-01-02; open where it is absent"`
	To    string `query:"to" doc:"Last day, inclusive; open where it is absent"`
	Limit int    `query:"limit" minimum:"0" maximum:"5000" default:"500" doc:"Movements listed a currency; the files have them all"`
}

// StatementOutput is a statement as an answer.
type StatementOutput struct{ Body readmodels.Statement }

// files adds what answers with files, and the statement of account in JSON.
func (a *API) files(r chi.Router) {
	query(a, huma.Operation{
		OperationID: "get-statement", Path: "/statement", Tags: []string{"documents"},
		Summary:     "A contact's statement of account: invoices, credit notes, payments and refunds of a period, with balances and ageing",
		Description: "Balances and movements are what is owed on invoices; the opening balance and the movements add up to the closing one. The ageing is of what is owed today.",
	},
		func(in *StatementInput) Auth { return in.Auth },
		func(ctx context.Context, c caller, in *StatementInput) (*StatementOutput, error) {
			v, err := a.ofContact(ctx, c, in.Contact)
			if err != nil {
				return nil, err
			}
			today, err := a.today(ctx)
			if err != nil {
				return nil, err
			}
			s, err := readmodels.GetStatement(ctx, v, readmodels.StatementQuery{From: document.Date(in.From), To: document.Date(in.To), Today: today, Limit: in.Limit})
			return &StatementOutput{Body: s}, err
		})

	period := []*huma.Param{textParam("contact", "For staff and programs: whose", false), textParam("from", "First day, inclusive", false), textParam("to", "Last day, inclusive", false)}
	for _, f := range []struct{ format, contentType string }{
		{string(sheets.CSV), "text/csv"}, {string(sheets.XLSX), sheets.XLSX.ContentType()}, {edge.PDFFormat, "application/pdf"},
	} {
		a.file(r, "/statement."+f.format, "get-statement-"+f.format, "A contact's statement of account as "+f.format, f.contentType, period,
			func(w http.ResponseWriter, r *http.Request, c caller) error {
				return a.statementFile(w, r, c, f.format)
			})
	}
	list := []*huma.Param{
		textParam("contact", "For staff and programs: whose; all contacts' where it is absent", false), textParam("kind", "Kinds to list; all where none is given", true), textParam("status", "", true),
		textParam("year", "Of the issue date", false), textParam("from", "Issue date, inclusive", false), textParam("to", "", false),
		textParam("dueFrom", "Due or valid-until day, inclusive", false), textParam("dueTo", "", false), textParam("currency", "", false),
		textParam("minTotal", "Decimal, needs currency", false), textParam("maxTotal", "", false), textParam("owed", "true: only those that money is owed for", false),
		textParam("q", "In number and title", false), textParam("sort", "date, due, kind, status, number, title or total", false), textParam("order", "asc or desc", false),
	}
	one := []*huma.Param{{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: "string"}}, textParam("contact", "For staff and programs: whose", false)}
	a.file(r, "/documents/{id}/pdf", "get-document-pdf", "The document as PDF, in the language of Accept-Language, else the contact's", "application/pdf", one,
		func(w http.ResponseWriter, r *http.Request, c caller) error { return a.sheetFile(w, r, c, false) })
	a.file(r, "/documents/{id}/facturx", "get-document-facturx", "An invoice or a credit note as PDF with the electronic invoice inside (Factur-X, EN 16931)", "application/pdf", one,
		func(w http.ResponseWriter, r *http.Request, c caller) error { return a.sheetFile(w, r, c, true) })
	a.file(r, "/documents/{id}/ubl", "get-document-ubl", "An invoice or a credit note as UBL (EN 16931)", "application/xml", one, a.invoiceFile)
	for _, f := range sheets.Formats() {
		contentType := f.ContentType()
		if f == sheets.CSV {
			contentType = "text/csv"
		}
		a.file(r, "/documents."+string(f), "export-documents-"+string(f), "A list of documents, whole, as "+string(f), contentType, list,
			func(w http.ResponseWriter, r *http.Request, c caller) error { return a.documentsFile(w, r, c, f) })
	}
}

// sheet is what a file of a document is made of, in no language yet, with the document and
// the view on its contact.
func (a *API) sheet(r *http.Request, c caller) (edge.Sheet, readmodels.Document, readmodels.View, error) {
	d, v, err := a.find(r.Context(), c, &DocumentInput{Scope: Scope{Contact: r.URL.Query().Get("contact")}, ID: chi.URLParam(r, "id")})
	if err != nil {
		return edge.Sheet{}, d, v, err
	}
	body, note, ok, err := a.Commands.Bodies().Of(r.Context(), v, d.ID)
	if err == nil && !ok {
		err = fault.New(fault.Gone, "document.erased")
	}
	return edge.Sheet{Body: &body, Note: note, Owed: d.Outstanding == body.Totals.Payable}, d, v, err
}

// sheetFile sends a document as a PDF, with the invoice inside as data if facturX says so.
func (a *API) sheetFile(w http.ResponseWriter, r *http.Request, c caller, facturX bool) error {
	s, d, v, err := a.sheet(r, c)
	if err != nil {
		return err
	}
	language := r.Header.Get("Accept-Language")
	if language == "" {
		owner, err := readmodels.GetContact(r.Context(), v)
		if err != nil {
			return err
		}
		language = owner.Language
	}
	l, settings, err := a.locale(r.Context(), language)
	if err != nil {
		return err
	}
	s.L, s.FacturX = l, facturX
	if err := edge.SendSheet(w, r, a.PDF, v, &settings, s); err != nil {
		return err
	}
	form := viewing.PDF
	if facturX {
		form = viewing.Data
	}
	if r.Method == http.MethodGet {
		a.viewed(r.Context(), c, &d, form)
	}
	return nil
}

// invoiceFile sends an invoice or a credit note as UBL.
func (a *API) invoiceFile(w http.ResponseWriter, r *http.Request, c caller) error {
	s, d, _, err := a.sheet(r, c)
	if err != nil {
		return err
	}
	file, err := a.UBL(s.Body)
	if err != nil {
		return err
	}
	if r.Method == http.MethodGet {
		a.viewed(r.Context(), c, &d, viewing.Data)
	}
	return edge.Attach(w, r, a.Log, s.Body.Number+".xml", "application/xml", func(out io.Writer) error {
		_, err := out.Write(file)
		return err
	})
}

func textParam(name, doc string, several bool) *huma.Param {
	p := &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: "string"}}
	if several {
		p.Schema = &huma.Schema{Type: "array", Items: &huma.Schema{Type: "string"}}
	}
	return p
}

// file registers a read whose answer is a file, written as it is read.
func (a *API) file(r chi.Router, path, operation, summary, contentType string, params []*huma.Param,
	send func(w http.ResponseWriter, r *http.Request, c caller) error,
) {
	a.huma.OpenAPI().AddOperation(&huma.Operation{
		OperationID: operation, Method: http.MethodGet, Path: path, Tags: []string{"documents"}, Summary: summary,
		Security: []map[string][]string{{bearer: {}}}, Parameters: params,
		Responses: map[string]*huma.Response{
			"200": {Description: "OK", Content: map[string]*huma.MediaType{contentType: {Schema: &huma.Schema{Type: "string", Format: "binary"}}}},
		},
		Errors: []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusUnprocessableEntity},
	})
	r.Get(path, func(w http.ResponseWriter, r *http.Request) {
		c, err := a.authenticate(r.Context(), r.Header.Get("Authorization"))
		if err == nil {
			err = send(w, r, c)
		}
		if err != nil {
			a.refuse(w, r, err)
		}
	})
}

// ofContact is the view of one contact, which is there: the caller's own, or the one named.
func (a *API) ofContact(ctx context.Context, c caller, contact string) (readmodels.View, error) {
	v, err := c.of(a.Commands.Read, contact)
	switch {
	case err != nil:
		return v, err
	case v.Contact() == "":
		return v, fault.Field("contact", "api.contact_missing")
	case c.Contact == "":
		_, err = readmodels.GetContact(ctx, v)
	}
	return v, err
}

// locale is the language that is asked for, else the account's, with the account's zone.
func (a *API) locale(ctx context.Context, language string) (*locale.Locale, readmodels.Settings, error) {
	s, err := readmodels.GetSettings(ctx, readmodels.ForAccount(a.Commands.Read, a.Account))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, s, err
	}
	zone, err := a.zone(ctx)
	if err != nil {
		return nil, s, err
	}
	return a.Catalogue.Match(language, s.Language).In(zone), s, nil
}

func (a *API) statementFile(w http.ResponseWriter, r *http.Request, c caller, format string) error {
	ctx, asked := r.Context(), r.URL.Query()
	v, err := a.ofContact(ctx, c, asked.Get("contact"))
	if err != nil {
		return err
	}
	today, err := a.today(ctx)
	if err != nil {
		return err
	}
	l, settings, err := a.locale(ctx, r.Header.Get("Accept-Language"))
	if err != nil {
		return err
	}
	q := readmodels.StatementQuery{From: document.Date(asked.Get("from")), To: document.Date(asked.Get("to")), Today: today}
	return edge.SendStatement(w, r, a.Log, format, a.StatementPDF, l, v, settings, q)
}

func (a *API) documentsFile(w http.ResponseWriter, r *http.Request, c caller, f sheets.Format) error {
	ctx, asked := r.Context(), r.URL.Query()
	v, err := c.of(a.Commands.Read, asked.Get("contact"))
	if err != nil {
		return err
	}
	in, err := documentsInput(asked)
	if err != nil {
		return err
	}
	q, err := in.query()
	if err != nil {
		return err
	}
	today, err := a.today(ctx)
	if err != nil {
		return err
	}
	l, _, err := a.locale(ctx, r.Header.Get("Accept-Language"))
	if err != nil {
		return err
	}
	return edge.Attach(w, r, a.Log, l.T("kinds.all")+" "+string(today)+"."+string(f), f.ContentType(), func(out io.Writer) error {
		return sheets.Documents(ctx, out, f, l, v, q, today)
	})
}

// documentsInput reads a list's query where the framework does not: the names are those
// of DocumentsInput.
func documentsInput(asked url.Values) (*DocumentsInput, error) {
	in := &DocumentsInput{
		Kind: asked["kind"], Status: asked["status"], From: asked.Get("from"), To: asked.Get("to"), DueFrom: asked.Get("dueFrom"), DueTo: asked.Get("dueTo"),
		Currency: asked.Get("currency"), MinTotal: asked.Get("minTotal"), MaxTotal: asked.Get("maxTotal"), Owed: asked.Get("owed") == "true",
		Search: asked.Get("q"), Sort: asked.Get("sort"), Order: asked.Get("order"),
	}
	if year := asked.Get("year"); year != "" {
		var err error
		if in.Year, err = strconv.Atoi(year); err != nil {
			return nil, fault.Field("year", "document.date_invalid", fault.A("date", year))
		}
	}
	return in, nil
}
