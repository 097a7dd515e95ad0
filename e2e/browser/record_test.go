package browser_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// record is staff at a contact's record: they keep it, let a person in, look at the portal
// as they see it, and see what they saw; then the account's own settings.
func (w *world) record(t *testing.T) {
	p, passphrase := w.small(t)
	b := w.person(t, p, "record", desktop)
	b.signInStaff(smallStaff, passphrase)
	b.see("Pedidos por confirmar", "Comentarios sin leer")
	b.shot("overview")
	b.openContact(smallClient)
	b.see("Portal cerrado", "Nadie de este contacto ha visto ningún documento todavía.")
	b.click("#details-act summary")
	b.fill("#contact-phone", "976 12 34 56", "#city", "Zaragoza")
	b.press("#edit-details button[type=submit]")
	b.see("Guardado.", "976 12 34 56", "Zaragoza")
	record := b.path()
	b.giveAccess(smallEmail, "Julia Lope", "Cuatro-Barcas-Vuelven-Tarde")
	b.see("Portal abierto", "1 persona puede entrar")
	b.shot("record")

	b.look(record)

	julia := w.person(t, p, "record-client", desktop)
	julia.signIn(smallEmail, "Cuatro-Barcas-Vuelven-Tarde")
	julia.visit("/invoices")
	julia.press("#list tbody tr:first-child td.main a")
	julia.download("#download-pdf")
	b.visit(record)
	b.until("the record tells of the download", func() bool {
		b.visit(record)
		return b.has(`//section[@id="sights"]//li[contains(., "PDF descargado") and contains(., "Julia Lope")]`)
	})
	b.shot("record-seen")
	b.press(`//section[@id="sights"]//li[contains(., "PDF descargado")]//a`)
	b.see("PDF descargado", "Julia Lope")
	b.shot("document")
	b.visit("/staff/documents?q=moncayo")
	b.see(smallClient, "Todos sus documentos")
	b.visit("/staff/documents")
	b.fill("#q", "f-2")
	b.until("the list is of what is searched for", func() bool { return b.count("#list .rows > li") == 1 })
	b.see("Factura F-2", "1 documento")
	b.shot("documents")

	b.settings()
	b.looks(t)
	b.dark(record)
	small := w.person(t, p, "record-phone", phone)
	small.signInStaff(smallStaff, passphrase)
	small.shot("overview")
	for name, path := range map[string]string{"record": record, "branding": "/staff/settings/branding", "people": "/staff/settings/people", "documents": "/staff/documents", "register": "/staff/contacts/new"} {
		small.visit(path)
		small.shot(name)
	}
}

// look sees the portal as a person of the contact, where nothing can be done.
func (b *tab) look(record string) {
	b.t.Helper()
	b.choose("#look-as", "Julia Lope")
	b.press("#look button[type=submit]")
	b.at("/")
	b.see("Así ve el portal Julia Lope, de "+smallClient, "Hola, Julia Lope")
	b.shot("look-home")
	b.press(`//section[@id="pending-actions"]//li[contains(., "P-1")]//a[contains(@class, "button")]`)
	b.see("Así ve el portal", "P-1")
	b.shot("look-quote")
	if !b.has("#approve button[type=submit]:disabled") || b.has("#looking button:disabled") {
		b.t.Error("an act that staff only look at can be pressed, or the way back can't")
	}
	script[bool](b, `document.querySelectorAll("#approve :disabled").forEach(e => { e.disabled = false }), true`)
	b.pressRefused(403, "#approve button[type=submit]") // whatever a browser sends
	b.see("aquí no se puede hacer nada")
	b.shot("look-refused")
	b.visit("/statement")
	b.see("Así ve el portal", "F-1")
	b.press("#end-look")
	b.at(record)
	b.notSee("Así ve el portal")
}

// choose picks an option by its text.
func (b *tab) choose(selector, text string) {
	b.t.Helper()
	value := script[string](b, `[...document.querySelectorAll("`+selector+` option")].find(o => o.textContent.trim() === "`+text+`").value`)
	b.do("choosing "+text, chromedp.SetValue(selector, value, chromedp.ByQuery))
}

// settings sets who the account is, who works there and which programs do.
func (b *tab) settings() {
	b.t.Helper()
	b.press(`nav.sections a[href="/staff/settings"]`)
	b.fill("#phone", "976 00 11 22")
	b.shot("settings")
	b.press("#account button[type=submit]")
	b.see("Guardado.")
	b.visit("/staff/settings/payments")
	b.fill("#iban", "ES91 2100 0418 4502 0005 1332")
	b.press("#transfer button[type=submit]")
	b.see("Guardado.")
	b.shot("settings-payments")
	b.visit("/staff/settings/people")
	b.fill("#name", "Rosa Gil", "#email", "rosa@tintas.example", "#password", "Siete-Nasas-Duermen-Lejos")
	b.press("#add-staff button[type=submit]")
	b.see("Creado.", "Rosa Gil")
	b.shot("settings-people")
	b.visit("/staff/settings/programs")
	b.fill("#name", "ERP de la oficina")
	b.press("#create-key button[type=submit]")
	b.see("La clave de ERP de la oficina", "Solo se muestra esta vez")
	b.shot("settings-programs")
}

// looks gives the portal a logo, a colour and texts, which show before they are saved.
func (b *tab) looks(t *testing.T) {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 600, 200))
	for x := range 600 {
		for y := range 200 {
			if (x/50+y/50)%2 == 0 {
				m.SetNRGBA(x, y, color.NRGBA{0xb4, 0x23, 0x18, 255})
			}
		}
	}
	var logo bytes.Buffer
	if err := png.Encode(&logo, m); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "logo.png")
	if err := os.WriteFile(file, logo.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	b.visit("/staff/settings/branding")
	b.do("choosing a logo", chromedp.SetUploadFiles("#logo", []string{file}, chromedp.ByQuery))
	b.press("#logo-form button[type=submit]")
	b.see("Guardado.")
	b.waitFor(".brand img.logo")
	b.set("#colour", "#b42318")
	b.fill("#welcome", "Bienvenidos a Tintas del Ebro", "#help", "De 9 a 14 h: 976 00 11 22", "#footer", "Tintas del Ebro, S.L.")
	b.until("the preview shows what was typed", func() bool {
		return b.has("#preview-welcome") && b.text("#preview-welcome") == "Bienvenidos a Tintas del Ebro"
	})
	b.until("the preview has the colour", func() bool {
		return script[string](b, `getComputedStyle(document.querySelector(".preview .sample.button")).backgroundColor`) == "rgb(180, 35, 24)"
	})
	b.shot("branding")
	b.press("#branding button:not([name])")
	b.see("Guardado.")
	b.visit("/sign-in")
	b.see("Bienvenidos a Tintas del Ebro", "De 9 a 14 h")
	b.shot("branded-sign-in")
}

// dark looks at pages as who works at night.
func (b *tab) dark(record string) {
	b.t.Helper()
	b.do("turning the light off", chromedp.ActionFunc(func(ctx context.Context) error {
		return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}).Do(ctx)
	}))
	for name, path := range map[string]string{"dark-record": record, "dark-branding": "/staff/settings/branding", "dark-overview": "/staff"} {
		b.visit(path)
		b.shot(name)
	}
}
