package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"lonja/adapters/einvoice"
	"lonja/adapters/web/edge"
	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/readmodels"
)

// documentCmd holds the commands on documents.
type documentCmd struct {
	Export documentExportCmd `cmd:"" help:"Write a document as a file: PDF, Factur-X, UBL or CII."`
}

// documentExportCmd writes a document.
type documentExportCmd struct {
	dataFlag
	Account  string `help:"The account, by its id; may be left out where there is one only."`
	Contact  string `help:"The contact: its id, tax id or email. May be left out where the number is enough."`
	Kind     string `help:"The kind of document, such as invoice. May be left out where the number is enough."`
	Format   string `help:"pdf, facturx, ubl or cii." enum:"pdf,facturx,ubl,cii" default:"pdf"`
	Language string `help:"Of a PDF; the contact's where it is left out."`
	Out      string `help:"The file to write, - for standard output; named after the document where it is left out." short:"o"`
	Number   string `arg:"" help:"The document's number."`
}

// documentFile is a document as a file.
type documentFile struct {
	Name    string `json:"name"`
	Content []byte `json:"content"`
}

// Run exports.
func (c *documentExportCmd) Run(ctx context.Context, sys system) error {
	cl, err := connect(ctx, sys, &c.dataFlag)
	if err != nil {
		return err
	}
	defer func() { _ = cl.Close() }()
	q := url.Values{"account": {c.Account}, "contact": {c.Contact}, "kind": {c.Kind}, "format": {c.Format}, "language": {c.Language}, "number": {c.Number}}
	var file documentFile
	if err := cl.ask(ctx, http.MethodGet, "/documents/file?"+q.Encode(), nil, &file); err != nil {
		return err
	}
	switch c.Out {
	case "-":
		_, err = sys.Out.Write(file.Content)
		return err
	case "":
		c.Out = file.Name
	}
	if err := os.WriteFile(c.Out, file.Content, 0o600); err != nil {
		return fmt.Errorf("writing the document: %w", err)
	}
	_, err = fmt.Fprintln(sys.Out, c.Out)
	return err
}

// opDocumentFile answers with a document as a file.
func (a *app) opDocumentFile(w *answer, r *http.Request) error {
	ctx, q := r.Context(), r.URL.Query()
	acc, err := a.account(ctx, q.Get("account"))
	if err != nil {
		return err
	}
	view := readmodels.ForStaff(a.read, acc)
	if who := q.Get("contact"); who != "" {
		contact, err := a.findContact(ctx, acc, who)
		if err != nil {
			return err
		}
		view = view.Of(contact)
	}
	d, view, err := a.numbered(ctx, view, document.Kind(q.Get("kind")), q.Get("number"))
	if err != nil {
		return err
	}
	body, note, ok, err := a.commands.Bodies().Of(ctx, view, d.ID)
	if err == nil && !ok {
		err = fault.New(fault.Gone, "document.erased")
	}
	if err != nil {
		return err
	}
	file := documentFile{Name: fileName(&body)}
	switch format := q.Get("format"); format {
	case "ubl":
		file.Name += ".xml"
		file.Content, err = einvoice.WriteUBL(&body)
	case "cii":
		file.Name += ".xml"
		file.Content, err = einvoice.WriteCII(&body)
	default:
		settings, serr := readmodels.GetSettings(ctx, readmodels.ForAccount(a.read, acc))
		owner, oerr := readmodels.GetContact(ctx, view)
		if err := errors.Join(serr, oerr); err != nil {
			return err
		}
		var out bytes.Buffer
		file.Name += ".pdf"
		err = a.pdf(ctx, &out, edge.Sheet{
			Body: &body, Note: note, Colour: settings.Colour, L: a.words.Match(q.Get("language"), owner.Language, settings.Language),
			FacturX: format == "facturx", Owed: d.Outstanding == body.Totals.Payable,
		})
		file.Content = out.Bytes()
	}
	if err != nil {
		return err
	}
	return w.put(file)
}

// numbered finds the one document of a number, and the view on its contact.
func (a *app) numbered(ctx context.Context, view readmodels.View, kind document.Kind, number string) (readmodels.Document, readmodels.View, error) {
	q := readmodels.DocumentQuery{DocumentFilter: readmodels.DocumentFilter{Search: number}}
	if kind != "" {
		q.Kinds = []document.Kind{kind}
	}
	page, err := readmodels.ListDocuments(ctx, view, q)
	if err != nil {
		return readmodels.Document{}, view, err
	}
	var found []readmodels.Document
	for i := range page.Items {
		if page.Items[i].Row.Number == number {
			found = append(found, page.Items[i].Row)
		}
	}
	switch len(found) {
	case 0:
		return readmodels.Document{}, view, fmt.Errorf("there is no document with the number %q", number)
	case 1:
		d, owner, err := readmodels.FindDocument(ctx, view, found[0].ID)
		return d, view.Of(owner), err
	}
	return readmodels.Document{}, view, fmt.Errorf("%d documents have the number %q; name the --kind or the --contact", len(found), number)
}

// fileName is a document's number as the name of a file, without its ending.
func fileName(b *document.Body) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
			return '-'
		}
		return r
	}, string(b.Kind)+" "+b.Number)
}
