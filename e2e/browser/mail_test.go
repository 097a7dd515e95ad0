package browser_test

import (
	"strings"
	"testing"
)

// mail is what staff send, and what people read and do then: two are invited at once, and
// one of them chooses a password; a document is sent, and opens.
func (w *world) mail(t *testing.T) {
	staff, reader := w.person(t, w.demo, "mail-staff", desktop), w.person(t, w.demo, "mail", desktop)
	staff.signInStaff(staffEmail, staffPassword)
	staff.visit("/staff/contacts?access=0")
	for _, name := range []string{"Aceites Sierra Calderona, S.L.", "Heladería Tramuntana, S.L."} {
		staff.click(`//input[@form="invite-many" and contains(@aria-label, "` + name + `")]`)
	}
	staff.shot("ticked")
	staff.press("#invite-many button[type=submit]")
	staff.see("Se enviará el acceso al portal a 2 contactos:", "Aceites Sierra Calderona", "Heladería Tramuntana")
	staff.shot("invite")
	staff.press("#start-invitations button[type=submit]")
	staff.until("the invitations are sent", func() bool { return staff.has(`progress[value="2"]`) })
	staff.see("Invitaciones terminadas", "2 de 2")
	staff.shot("invited")
	staff.visit("/staff/mails")
	staff.see("Invitación al portal", "admin@sierracalderona.example", "Enviado")
	staff.shot("mails")

	// In the demo mails go nowhere else than to a page. One is in English, as its record says.
	reader.visit("/demo/mails")
	reader.see("Your access to the portal of Almacenes Turia", "Su acceso al portal de Almacenes Turia")
	reader.shot("caught")
	reader.press(`//a[contains(., "Su acceso al portal")]`)
	reader.see("Heladería Tramuntana", "Almacenes Turia")
	reader.shot("invitation")
	link := strings.TrimPrefix(reader.attribute(".links a", "href"), w.demo.url)
	reader.visit(link)
	reader.at("/new-password")
	reader.fill("#password", "Nueve-Helados-Se-Derriten-Pronto")
	reader.press("#new-password button[type=submit]")
	reader.at("/")
	reader.see("Su contraseña ha cambiado.")

	// A document, with a word of staff's.
	staff.openContact("Pizzería Nápoles")
	staff.press(`//section[@aria-labelledby="documents-title"]//li[1]//a`)
	staff.click(`//summary[contains(., "Enviar por correo")]`)
	staff.fill("#share-message", "Le adelanto el documento.")
	staff.shot("send")
	staff.press("#share-mail button[type=submit]")
	staff.see("El correo está en camino.", "admin@napoles.example")
	staff.until("the mail is sent", func() bool {
		staff.visit(staff.path())
		return staff.has(`//section[@id="mails-card"]//span[contains(., "Enviado")]`)
	})
	staff.shot("sent")
	guest := w.person(t, w.demo, "mail-guest", phone)
	guest.visit("/demo/mails")
	guest.press(`//li[contains(., "admin@napoles.example")]/a`)
	guest.see("Le adelanto el documento.")
	guest.shot("document")
	guest.visit(strings.TrimPrefix(guest.attribute(".links a", "href"), w.demo.url))
	guest.at("/shared")
	guest.shot("shared")
}
