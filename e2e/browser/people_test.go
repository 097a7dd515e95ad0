package browser_test

import (
	"testing"
)

// supplier confirms a purchase order, and sees nothing of what clients see.
func (w *world) supplier(t *testing.T) {
	b := w.person(t, w.demo, "supplier", desktop)
	b.signIn(supplierEmail, supplierPassword)
	b.see("Pedidos de compra por confirmar")
	for _, no := range []string{"/invoices", "/quotes", "/catalogue", "/cart", "/payments"} {
		if b.has(`nav.sections a[href="` + no + `"]`) {
			t.Errorf("a supplier is offered %s", no)
		}
	}
	b.shot("home")
	b.lists("/purchase-orders")
	b.visit("/")
	b.press(`//section[@id="pending-actions"]//a[contains(., "Confirmar")]`)
	order := b.path()
	number := b.text("h1")
	b.shot("purchase-order")
	b.set("#confirm-delivery", "2099-01-15")
	b.fill("#confirm-reference", "V-90210")
	b.press("#confirm button[type=submit]")
	b.at(order)
	b.see("Confirmado.", "Confirmado por Rosa Iranzo Pardo, entrega el 15 ene 2099")
	if said := b.text("#status"); said != "Confirmado" {
		t.Errorf("the confirmed order says %q", said)
	}
	if b.has("#confirm") {
		t.Error("a confirmed order can be confirmed again")
	}
	b.shot("purchase-order-confirmed")
	b.visit("/")
	if b.has(`//section[@id="pending-actions"]//li[contains(., "` + number + `")]//a[contains(., "Confirmar")]`) {
		t.Error("a confirmed order is still pending")
	}
	b.see(number + " Confirmado por Rosa Iranzo Pardo")
}

// both is a contact that is client and supplier, without the catalogue: it has all
// seven lists, and neither the catalogue's menu nor its route. Its person changes the password.
func (w *world) both(t *testing.T) {
	const email, password, changed = "compras@encarsa.example", "Cuatro-Barcas-Vuelven-Tarde", "Siete-Nasas-Duermen-Lejos"
	staff, b, other := w.person(t, w.demo, "staff-access", desktop), w.person(t, w.demo, "both", desktop), w.person(t, w.demo, "both-elsewhere", desktop)
	staff.signInStaff(staffEmail, staffPassword)
	staff.openContact("Envases y Cartón del Júcar")
	staff.giveAccess(email, "Beatriz Lozano Nadal", password)
	staff.shot("contact")

	b.signIn(email, password)
	b.shot("home")
	b.lists("/invoices", "/quotes", "/orders", "/delivery-notes", "/proformas", "/credit-notes", "/purchase-orders")
	for _, path := range []string{"/catalogue", "/cart"} {
		if b.has(`nav.sections a[href="` + path + `"]`) {
			t.Errorf("a contact without the catalogue is offered %s", path)
		}
		b.refused(404, path)
		b.see("No encontrado")
	}
	b.shot("no-catalogue")

	other.signIn(email, password)
	b.visit("/password")
	b.see("Dónde tiene la sesión abierta", "Este navegador")
	b.fill("#current", password, "#password", "12345678")
	b.pressRefused(422, "#change-password button[type=submit]")
	b.shot("password-refused")
	b.fill("#current", password, "#password", changed)
	b.press("#change-password button[type=submit]")
	b.see("Su contraseña ha cambiado.")
	b.shot("password-changed")
	b.visit("/invoices")
	b.at("/invoices")

	other.visit("/invoices")
	other.at("/sign-in?next=%2Finvoices")
	other.fill("#email", email, "#password", password)
	other.pressRefused(401, "#sign-in button[type=submit]")
	other.fill("#email", email, "#password", changed)
	other.press("#sign-in button[type=submit]")
	other.at("/invoices")
	other.press("#sign-out")
	other.at("/sign-in")
	other.visit("/invoices")
	other.at("/sign-in?next=%2Finvoices")
}
