package edge

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"strconv"

	"lonja/adapters/web/locale"
	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// Sheet is a document to be written as a PDF.
type Sheet struct {
	Body    *document.Body
	Note    string // what the contact wrote when placing an order
	Colour  string // the account's, "#rrggbb" or ""
	Logo    []byte // the account's, a PNG; nil where it has none
	Footer  string // what the account says below every page
	L       *locale.Locale
	FacturX bool // with the invoice inside as data; refused with the reason why it can't be
	Owed    bool // all of what it asks for: the sheet may say how to pay it
}

// WriteSheet writes a PDF.
type WriteSheet func(ctx context.Context, w io.Writer, s Sheet) error

// WriteInvoice writes a document as an electronic invoice, or refuses with the reason why it
// can't be one.
type WriteInvoice func(b *document.Body) ([]byte, error)

// DownloadInvoice sends an invoice or a credit note of the view as UBL to be saved. A body
// that was erased is not there.
func (k *Kit) DownloadInvoice(w http.ResponseWriter, r *http.Request, ubl WriteInvoice, view readmodels.View, doc id.ID) error {
	body, _, ok, err := k.Commands.Bodies().Of(r.Context(), view, doc)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return err
	}
	file, err := ubl(&body)
	if err != nil {
		return err
	}
	return Attach(w, r, k.Log, body.Number+".xml", "application/xml", func(out io.Writer) error {
		_, err := out.Write(file)
		return err
	})
}

// Download sends a document of the view as a PDF to be saved, with the invoice inside as
// data if facturX says so. A body that was erased is not there.
func (k *Kit) Download(w http.ResponseWriter, r *http.Request, write WriteSheet, l *locale.Locale, view readmodels.View, d *readmodels.Document, facturX bool) error {
	body, note, ok, err := k.Commands.Bodies().Of(r.Context(), view, d.ID)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return err
	}
	set, err := k.Settings(r)
	if err != nil {
		return err
	}
	return SendSheet(w, r, write, view, &set, Sheet{Body: &body, Note: note, L: l, FacturX: facturX, Owed: d.Outstanding == body.Totals.Payable})
}

// SendSheet sends a document as a PDF to be saved, with the account's colour and logo.
func SendSheet(w http.ResponseWriter, r *http.Request, write WriteSheet, view readmodels.View, set *readmodels.Settings, s Sheet) (err error) {
	s.Colour, s.Footer = brandColour(set.Colour), set.Footer
	if s.Logo, err = LogoOf(r.Context(), view, set); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := write(r.Context(), &b, s); err != nil {
		return err
	}
	name := s.L.T("kind."+string(s.Body.Kind)) + " " + s.Body.Number
	if s.FacturX {
		name += " Factur-X"
	}
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name + ".pdf"}))
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	_, _ = w.Write(b.Bytes()) // the client is gone, if this fails
	return nil
}
