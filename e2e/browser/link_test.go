package browser_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// share makes, as staff, a link to a document of the client, and returns its path.
func (b *tab) share(number string) string {
	b.t.Helper()
	b.openContact(smallClient)
	b.press(`//section[@aria-labelledby="documents-title"]//a[contains(., "` + number + `")]`)
	b.click(`//summary[contains(., "Compartir un enlace")]`)
	b.press("#share button[type=submit]")
	b.see("Solo se muestra esta vez.")
	return strings.TrimPrefix(b.text("#shared-link"), b.base)
}

// link opens a document without sign-in, acts on it, and ends after 48 hours.
func (w *world) link(t *testing.T) {
	p, passphrase := w.small(t)
	staff, b := w.person(t, p, "link-staff", desktop), w.person(t, p, "link", desktop)
	staff.signInStaff(smallStaff, passphrase)
	now := time.Now().UTC().Truncate(time.Second).Add(time.Minute)
	stop := func(at time.Time) {
		t.Helper()
		if err := p.stopClock(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	stop(now)
	quote, invoice := staff.share("P-1"), staff.share("F-1")
	staff.shot("shared")

	b.visit(quote)
	b.at("/shared")
	b.see("Presupuesto P-1", "1210,00 €")
	b.shot("quote")
	if said := pdfText(t, b.download("#download-pdf")); !strings.Contains(said, "P-1") || !strings.Contains(said, "1210,00") {
		t.Errorf("the PDF says:\n%s", said)
	}
	b.fill("#comment-name", "Julia Lope")
	b.comment("¿Sirve para cartón?")
	b.fill("#approve-name", "Julia Lope")
	b.press("#approve button[type=submit]")
	b.at("/shared")
	b.see("Aprobado. Gracias.", "Aprobado por Julia Lope", "Quien tiene el enlace")
	b.shot("quote-approved")
	b.visit("/invoices")
	b.at("/sign-in?next=%2Finvoices")

	// One second before its end it opens, and acts; then it neither opens nor acts.
	stop(now.Add(48*time.Hour - time.Second))
	b.visit(invoice)
	b.see("Factura F-1", "Pendiente de pago.")
	b.comment("Pagamos el viernes.")
	b.until("the page has told by itself that it was looked at", func() bool {
		return script[bool](b, `performance.getEntriesByType("resource").some(e => e.name.endsWith("/viewed") && e.responseEnd > 0)`)
	})
	stop(now.Add(48 * time.Hour))
	b.fill("#comment-text", "Mejor el lunes.")
	b.pressRefused(410, "#comment-send")
	b.expect(410, b.base+"/shared/comments") // that of the page's own try, which the browser then made
	b.see("Este enlace ha caducado")
	for _, path := range []string{invoice, quote} {
		b.refused(410, path)
		b.see("Este enlace ha caducado", "48 horas")
	}
	b.shot("expired")

	// The page offers to make a password; the contact does so by its main email.
	b.press(`a[href="/recover"]`)
	b.fill("#email", smallEmail)
	b.press("#recover button[type=submit]")
	b.see("Si ese correo tiene acceso a este portal, le hemos enviado un enlace.")
	b.shot("recovery-sent")
	b.visit(b.mailedLink(p))
	b.at("/new-password")
	b.fill("#password", "Cuatro-Barcas-Vuelven-Tarde")
	b.shot("new-password")
	b.press("#new-password button[type=submit]")
	b.at("/")
	b.see("Su contraseña ha cambiado.")
	b.shot("home")

	// With a password there is no limit of time, and the link asks for sign-in.
	stop(now.Add(49 * time.Hour))
	guest := w.person(t, p, "link-with-password", desktop)
	guest.visit(invoice)
	if !strings.HasPrefix(guest.path(), "/sign-in?next=%2Finvoices%2F") {
		t.Errorf("the link leads to %s", guest.path())
	}
	guest.shot("sign-in")
	guest.fill("#email", smallEmail, "#password", "Cuatro-Barcas-Vuelven-Tarde")
	guest.press("#sign-in button[type=submit]")
	guest.see("Factura F-1", "Pagamos el viernes.")
	guest.notSee("Mejor el lunes.")
	guest.shot("landed")
}

var recoveryLink = regexp.MustCompile(`https?://\S+(/recover/\S+)`)

// mailedLink waits for the mail with a recovery link, and returns the link's path.
func (b *tab) mailedLink(p *portal) string {
	b.t.Helper()
	var found string
	b.until("a mail with a link lies in the outbox", func() bool {
		mails, err := filepath.Glob(filepath.Join(p.data, "outbox", "*.eml"))
		if err != nil {
			return false
		}
		for _, name := range mails {
			mail, err := os.ReadFile(name)
			if err != nil {
				b.t.Fatal(err)
			}
			// Quoted-printable breaks long lines with "=" at their end.
			if m := recoveryLink.FindStringSubmatch(strings.ReplaceAll(string(mail), "=\r\n", "")); m != nil {
				found = m[1]
			}
		}
		return found != ""
	})
	return found
}
