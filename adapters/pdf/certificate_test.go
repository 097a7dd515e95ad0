package pdf_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lonja/adapters/pdf"
	"lonja/adapters/web/locale"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/event"
	"lonja/domain/id"
)

func approval(t *testing.T, signature string) *commands.Approval {
	t.Helper()
	body := documenttest.Body(document.Quote, "P-2026/7")
	hash, err := body.ContentHash()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 7, 1, 22, 30, 5, 250_000_000, time.UTC)
	recorded := func(typ string, position event.Position) event.Recorded {
		return event.Recorded{ID: id.Derive(typ), Type: typ, Position: position, Stream: "quote-01J00000000000000000000000", Revision: event.Revision(position - 7), Meta: event.Metadata{OccurredAt: at}}
	}
	return &commands.Approval{
		Quote: "01J00000000000000000000000", Body: body, Hash: hash, Revises: "P-2026/6", Name: "Júlia Peña", Signature: signature, Reference: "PC-118",
		By:    commands.Approver{Actor: event.Actor{Kind: event.ActorLogin, ID: "01J0000000000000000000000L"}, Name: "Júlia", Email: "julia@example.com"},
		Issue: recorded("quote.issued", 7), Approval: recorded("quote.approved", 8),
	}
}

// read is what a reader of PDFs that is not of Lonja's making finds in it.
func read(t *testing.T, file []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "certificate.pdf")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "pdftotext", "-layout", path, "-").Output()
	if err != nil {
		t.Fatalf("pdftotext, which 'make deps' installs: %v", err)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

func certificate(t *testing.T, a *commands.Approval, language string) []byte {
	t.Helper()
	c, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	l := c.Match(language).In(madrid)
	if err := pdf.RenderCertificate(&out, a, l, pdf.CertificateOptions{Colour: "#0f5c63", Lang: l.Code}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestACertificateSaysWhoWhenAndWhat(t *testing.T) {
	t.Parallel()
	a := approval(t, "M10 60L120 20Q150 10 160 80C200 90 220 20 300 60Z")
	one := certificate(t, a, "es")
	if !bytes.Equal(one, certificate(t, a, "es")) {
		t.Error("the same approval gave different bytes")
	}
	said := read(t, one)
	for _, want := range []string{
		"Certificado de aprobación", "Júlia Peña aprobó el presupuesto P-2026/7", "2 jul 2026, 00:30:05 (Europe/Madrid, UTC+02:00)", "2026-07-01T22:30:05.250Z", "Júlia · julia@example.com", "01J0000000000000000000000L",
		"PC-118", "Sustituye a P-2026/6", a.Hash, "01J00000000000000000000000", "quote.approved", "8, quote-01J00000000000000000000000@1", "lonja audit document 01J00000000000000000000000 --hash", "Página 1 de 1",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q, but:\n%s", want, said)
		}
	}
	if strings.Contains(said, "El nombre escrito") {
		t.Error("it says that nothing was drawn")
	}
	if said := read(t, certificate(t, a, "en")); !strings.Contains(said, "Certificate of approval") || !strings.Contains(said, "Page 1 of 1") {
		t.Errorf("in English it says:\n%s", said)
	}
}

// How to check it comes below the rest as long as there is room for it.
func TestACertificateOfAUsualQuoteIsOnePage(t *testing.T) {
	t.Parallel()
	a := approval(t, "M10 60L120 20Q150 10 160 80C200 90 220 20 300 60Z")
	a.Revises = ""
	a.Body.Title, a.Body.ValidUntil = "Reposición de bodega", a.Body.IssueDate.AddDays(30)
	s := &a.Body.Seller
	s.TradeName, s.Email, s.Phone = "Almacenes Turia", "pedidos@almacenesturia.example", "+34 960 000 120"
	s.Address.Street, s.Address.City, s.Address.PostCode, s.Address.Region, s.Address.Country = "Polígono Fuente del Jarro, calle Islas Baleares 24", "Paterna", "46988", "Valencia", "ES"
	for _, language := range []string{"es", "en", "ca"} {
		if n := strings.TrimSpace(tool(t, certificate(t, a, language), "qpdf", "--show-npages", "FILE")); n != "1" {
			t.Errorf("in %s it has %s pages", language, n)
		}
	}
}

func TestACertificateOfWhoHeldALink(t *testing.T) {
	t.Parallel()
	a := approval(t, "")
	a.By = commands.Approver{Actor: event.Actor{Kind: event.ActorLink, ID: "01J0000000000000000000000K"}, Link: access.Link{At: time.Date(2026, 6, 30, 10, 0, 0, 0, time.UTC)}}
	a.Name = strings.Repeat("Wolfeschlegelsteinhausen ", 8)
	said := read(t, certificate(t, a, "es"))
	for _, want := range []string{"Quien tiene el enlace compartido el 30 jun 2026, 12:00:00", "01J0000000000000000000000K", "El nombre escrito"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q, but:\n%s", want, said)
		}
	}
}
