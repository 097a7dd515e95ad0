package browser_test

import (
	"strings"
	"testing"
)

// phone looks at the demo client's pages on 390 pixels, in both languages.
func (w *world) phone(t *testing.T) {
	b := w.person(t, w.demo, "phone", phone)
	b.signIn(clientEmail, clientPassword)
	b.shot("home")
	b.click(`button[popovertarget="sections"]`)
	b.see("Facturas rectificativas")
	b.shot("menu")
	b.press(`nav.sections a[href="/invoices"]`)
	b.shot("invoices")
	b.press("#list tbody tr:nth-child(4) td.main a")
	b.shot("invoice")
	for _, path := range []string{"/quotes", "/payments", "/catalogue", "/cart", "/password"} {
		b.visit(path)
		b.shot(strings.TrimPrefix(path, "/"))
	}
	b.visit("/")
	b.press(`//section[@id="pending-actions"]//a[contains(@class, "button") and starts-with(normalize-space(.), "Pagar")]`)
	b.shot("pay")
	b.click(`button[popovertarget="sections"]`)
	b.press(`.languages button[value="en"]`)
	b.see("How do you want to pay?")
	for _, path := range []string{"/", "/quotes", "/catalogue"} {
		b.visit(path)
		b.shot("english" + strings.ReplaceAll(path, "/", "-"))
	}
}

// withoutScript signs in and approves a quote on a phone whose browser runs no scripts.
func (w *world) withoutScript(t *testing.T) {
	p, passphrase := w.small(t)
	staff := w.person(t, p, "without-script-staff", desktop)
	staff.signInStaff(smallStaff, passphrase)
	staff.openContact(smallClient)
	staff.giveAccess(smallEmail, "Julia Lope", "Cuatro-Barcas-Vuelven-Tarde")

	d := phone
	d.noScript = true
	b := w.person(t, p, "without-script", d)
	b.signIn(smallEmail, "Cuatro-Barcas-Vuelven-Tarde")
	b.shot("home")
	b.press(`//li[contains(., "P-1")]//a[contains(@class, "button")]`)
	b.shot("quote")
	b.fill("#approve-reference", "PC-1")
	b.press("#approve button[type=submit]")
	b.see("Aprobado. Gracias.", "Aprobado por Julia Lope")
	b.shot("approved")
	b.fill("#comment-text", "Aquí está el plano")
	b.attach(b.file("plano.pdf", "%PDF-1.7"))
	b.press("#comment-send")
	b.see("Comentario enviado.", "Aquí está el plano", "plano.pdf")
	b.visit("/quotes?q=P-2")
	b.see("P-2", "1 documento")
	b.notSee("P-1")
	b.press("#list tbody td.main a")
	b.click("#decline-act summary")
	b.press("#decline button[type=submit]")
	b.see("Rechazado.")
	b.visit("/")
	b.notSee("Responder")
}
