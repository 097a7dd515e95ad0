package edge

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"

	"lonja/adapters/web/locale"
	"lonja/commands"
	"lonja/domain/id"
	"lonja/readmodels"
)

// CertificateSheet is an approval to be written as a PDF.
type CertificateSheet struct {
	Approval commands.Approval
	Colour   string // the account's, "#rrggbb" or ""
	L        *locale.Locale
}

// WriteCertificate writes a PDF.
type WriteCertificate func(ctx context.Context, w io.Writer, s CertificateSheet) error

// DownloadCertificate sends the certificate of a quote's approval to be saved.
func (k *Kit) DownloadCertificate(w http.ResponseWriter, r *http.Request, write WriteCertificate, l *locale.Locale, view readmodels.View, doc id.ID) error {
	set, err := k.Settings(r)
	if err != nil {
		return err
	}
	return SendCertificate(w, r, k.Log, k.Commands, write, l, set.Colour, view, doc)
}

// SendCertificate is DownloadCertificate for who knows the account's colour.
func SendCertificate(w http.ResponseWriter, r *http.Request, log *slog.Logger, x *commands.Commands, write WriteCertificate, l *locale.Locale, colour string, view readmodels.View, doc id.ID) error {
	approval, err := x.QuoteApproval(r.Context(), view, doc)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := write(r.Context(), &file, CertificateSheet{Approval: approval, Colour: brandColour(colour), L: l}); err != nil {
		return err
	}
	return Attach(w, r, log, l.T("certificate.title")+" "+approval.Body.Number+".pdf", "application/pdf", func(out io.Writer) error {
		_, err := out.Write(file.Bytes())
		return err
	})
}
