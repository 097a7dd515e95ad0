package browser_test

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// client is the demo's client, from sign-in to an order. staff answers in a browser of
// their own.
func (w *world) client(t *testing.T) {
	b, staff := w.person(t, w.demo, "client", desktop), w.person(t, w.demo, "staff", desktop)
	b.visit("/")
	b.at("/sign-in")
	b.shot("sign-in")
	b.fill("#email", clientEmail, "#password", "not-the-password")
	b.pressRefused(401, "#sign-in button[type=submit]")
	b.see("El correo o la contraseña no son correctos.")
	b.shot("sign-in-refused")
	b.signIn(clientEmail, clientPassword)
	staff.signInStaff(staffEmail, staffPassword)
	staff.shot("contacts")

	b.home()
	b.lists("/invoices", "/quotes", "/orders", "/delivery-notes", "/proformas", "/credit-notes")
	b.findInList()
	b.readDocument()
	b.approveQuote()
	b.declineQuote()
	b.talk(staff)
	b.payByTransfer(staff)
	b.payThroughSandbox()
	b.order(staff)
}

// home is everything pending and done, and the year's figures.
func (b *tab) home() {
	b.t.Helper()
	b.see("Hola, ", "Pendiente", "Por pagar", "Presupuestos por responder", "Última actividad", "Modo de prueba")
	for i, name := range []string{
		"Ventas recibidas", "Importe pendiente", "Presupuestos pendientes", "Facturas", "Factura media", "Productos por factura", "Días de pago de media",
	} {
		said := b.text("#figures-EUR > div:nth-of-type(" + string(rune('1'+i)) + ")")
		if value := strings.TrimPrefix(said, name); !strings.HasPrefix(said, name) || plain(value) == "" {
			b.t.Errorf("figure %d says %q, want %s and its value", i+1, said, name)
		}
	}
	if n := b.count("figure.chart svg[role=img] rect.sales"); n != 12 {
		b.t.Errorf("the chart has %d bars of sales, want one a month", n)
	}
	b.shot("home")
}

// lists opens sections by the navigation.
func (b *tab) lists(paths ...string) {
	b.t.Helper()
	for _, path := range paths {
		b.press(`nav.sections a[href="` + path + `"]`)
		b.at(path)
		if b.attribute("nav.sections a[aria-current]", "href") != path {
			b.t.Errorf("the navigation does not mark %s as where one is", path)
		}
		b.shot(strings.TrimPrefix(path, "/"))
	}
}

// findInList narrows the invoices down by typing, without a new page, then sorts them.
func (b *tab) findInList() {
	b.t.Helper()
	b.visit("/invoices")
	all := b.count("#list tbody tr")
	number := b.text("#list tbody tr:nth-child(2) td.main a")
	b.fill("#q", number)
	b.waitFor("#list tbody tr:only-child")
	b.see(number, "1 documento")
	b.shot("invoices-found")
	if script[bool](b, `document.activeElement.blur(), document.querySelector("form.filters").classList.contains("htmx-request")`) {
		b.t.Error("leaving the search field asks again for what is shown: a click that leaves it may miss what it aimed at")
	}
	b.press(`search a[href="/invoices"]`)
	if n := b.count("#list tbody tr"); n != all {
		b.t.Errorf("without the filter there are %d invoices, want %d", n, all)
	}
	b.click("#list thead th.num a")
	b.waitFor("#list thead th.num[aria-sort]")
	if order := b.attribute("#list thead th.num", "aria-sort"); order != "ascending" && order != "descending" {
		b.t.Errorf("the list is sorted %q by total", order)
	}
	b.set("#status", "paid")
	b.until("only paid invoices are shown", func() bool { return b.has("#list .badge.good") && !b.has("#list .badge.warn, #list .badge.bad") })
}

// readDocument reads an invoice as preview, as PDF and in print.
func (b *tab) readDocument() {
	b.t.Helper()
	b.visit("/invoices")
	number := b.text("#list tbody tr:first-child td.main a")
	b.press("#list tbody tr:first-child td.main a")
	b.see("Factura "+number, "Historial", "Comentarios")
	total := b.text("#paper .totals tr.grand td")
	b.shot("invoice")

	said := pdfText(b.t, b.download("#download-pdf"))
	for _, want := range []string{number, total, "Almacenes Turia Distribución, S.L.", "Restaurante La Marjal, S.L."} {
		if !strings.Contains(said, want) {
			b.t.Errorf("the PDF does not say %q, but:\n%s", want, said)
		}
	}

	script[bool](b, "(window.print = () => { window.printed = true }, true)")
	b.click("[data-print]")
	if !script[bool](b, "window.printed === true") {
		b.t.Error("the print button does not print")
	}
	var sheet []byte
	b.do("printing", emulation.SetEmulatedMedia().WithMedia("print"))
	b.shot("invoice-in-print")
	if script[bool](b, `[...document.querySelectorAll(".side, .acts, #comments, .head")].some(e => e.checkVisibility())`) {
		b.t.Error("in print there is more than the sheet")
	}
	b.do("printing", emulation.SetEmulatedMedia().WithMedia(""), chromedp.ActionFunc(func(ctx context.Context) (err error) {
		sheet, _, err = page.PrintToPDF().Do(ctx)
		return err
	}))
	printed := pdfText(b.t, sheet)
	for _, no := range []string{"Cerrar sesión", "Historial", "Comentarios"} {
		if strings.Contains(printed, no) {
			b.t.Errorf("in print there is %q", no)
		}
	}
	if !strings.Contains(printed, number) || !strings.Contains(printed, total) {
		b.t.Errorf("in print there is no %s over %s:\n%s", number, total, printed)
	}
}

// approveQuote approves a quote with a drawn signature: home has it no more.
func (b *tab) approveQuote() {
	b.t.Helper()
	const title = "Carta de verano: aceites y arroces"
	b.visit("/")
	before := b.text(figure(figureQuotes))
	b.press(`//section[@id="pending-actions"]//li[contains(., "` + title + `")]//a[contains(@class, "button")]`)
	b.see("Por responder", title)
	b.shot("quote")
	b.fill("#approve-reference", "PC-2026-118")
	b.draw("#signature-pad")
	if d := script[string](b, `document.getElementById("signature").value`); !strings.HasPrefix(d, "M") {
		b.fail("the drawn signature is %q", d)
	}
	b.shot("quote-signed")
	b.press("#approve button[type=submit]")
	b.see("Aprobado. Gracias.", "Aprobado por Amparo Ferrer Climent")
	if b.has("#approve") {
		b.t.Error("an approved quote can be approved again")
	}
	b.shot("quote-approved")
	b.visit("/")
	if b.has(`//section[@id="pending-actions"]//li[contains(., "` + title + `")]//a[contains(., "Responder")]`) {
		b.t.Error("an approved quote is still pending")
	}
	if after := b.text(figure(figureQuotes)); after == before {
		b.t.Errorf("there are %s quotes pending, as before", after)
	}
}

// draw moves the pressed mouse over an element.
func (b *tab) draw(selector string) {
	b.t.Helper()
	b.do("drawing", chromedp.ScrollIntoView(selector, chromedp.ByQuery))
	box := script[map[string]float64](b, `(r => ({x: r.x, y: r.y, w: r.width, h: r.height}))(document.querySelector("`+selector+`").getBoundingClientRect())`)
	at := func(kind input.MouseType, x, y float64) chromedp.Action {
		return input.DispatchMouseEvent(kind, box["x"]+box["w"]*x, box["y"]+box["h"]*y).WithButton(input.Left).WithButtons(1).WithClickCount(1)
	}
	b.do("drawing", at(input.MousePressed, .2, .7), at(input.MouseMoved, .3, .2), at(input.MouseMoved, .4, .7), at(input.MouseMoved, .6, .3), at(input.MouseReleased, .8, .6))
}

// declineQuote declines the other quote, with a reason.
func (b *tab) declineQuote() {
	b.t.Helper()
	b.visit("/")
	b.press(`//section[@id="pending-actions"]//li[contains(., "Reposición de bodega")]//a[contains(@class, "button")]`)
	b.click("#decline-act summary")
	b.fill("#decline-reason", "Este mes no hace falta.")
	b.shot("quote-to-decline")
	b.press("#decline button[type=submit]")
	b.see("Rechazado.", "Este mes no hace falta.")
	b.shot("quote-declined")
	b.visit("/")
	b.notSee("Responder")
	b.shot("home-after-quotes")
}

// talk comments on a quote; staff reads and answers, and the client is told.
func (b *tab) talk(staff *tab) {
	b.t.Helper()
	const question, answer = "¿Puede venir el jueves <antes> de las 10?", "Sí, el jueves a las 9."
	b.visit("/quotes")
	b.press("#list tbody tr:first-child td.main a")
	quote := b.path()
	b.comment(question)
	b.shot("commented")

	staff.visit("/staff/comments")
	staff.see(question)
	staff.shot("comments")
	staff.press(`//li[contains(., "el jueves")]//a`)
	staff.see(question)
	staff.comment(answer)

	b.visit("/")
	b.see("Comentarios sin leer", answer)
	b.press(`//section[@id="pending-actions"]//li[contains(., "el jueves a las 9")]//a[contains(@class, "button")]`)
	if !strings.HasPrefix(b.path(), quote) {
		b.t.Errorf("the comment leads to %s, want %s", b.path(), quote)
	}
	b.see(answer)
	b.shot("answered")
}

// toPay opens the payment page of the first pending invoice that no payment is under way
// for, and returns its number and amount in cents.
func (b *tab) toPay() (number string, amount int64) {
	b.t.Helper()
	b.visit("/")
	b.press(`//section[@id="pending-actions"]//a[contains(@class, "button") and starts-with(normalize-space(.), "Pagar")]`)
	number = strings.TrimPrefix(b.text(".narrow .rows .what a"), "Factura ")
	return number, b.cents("#amount")
}

// payByTransfer copies the IBAN and tells of the transfer; when staff has recorded the
// receipt, the invoice is paid.
func (b *tab) payByTransfer(staff *tab) {
	b.t.Helper()
	b.visit("/")
	before := b.cents(figure(figureToPay))
	number, amount := b.toPay()
	b.shot("pay")
	b.click("#method-transfer")
	b.press("#pay-form button[type=submit]")
	b.see("Datos de la transferencia", "ES91 2100 0418 4502 0005 1332", number)
	b.waitFor("#sepa-qr path")
	b.click("[data-copy=iban]")
	b.waitFor("[data-copy=iban].copied")
	if iban := script[string](b, "navigator.clipboard.readText()"); iban != "ES9121000418450200051332" {
		b.t.Errorf("the copy button copied %q", iban)
	}
	if said := b.text("#copy-status"); said != "Copiado" {
		b.t.Errorf("who does not see is told %q", said)
	}
	b.shot("transfer")
	payment := b.path()
	b.press("#announce button[type=submit]")
	b.see("Gracias. Estaremos atentos a la transferencia.", "En camino")
	b.shot("transfer-announced")
	b.visit("/")
	b.see("Pago en camino")

	staff.visit("/staff/payments")
	row := "#payment-" + strings.TrimPrefix(payment, "/payments/")
	staff.see(number)
	staff.click(row + " summary")
	staff.shot("receipt")
	staff.press(row + " form button[type=submit]")
	staff.see("Cobro registrado.")
	if staff.has(row) {
		staff.t.Error("a transfer that was recorded still waits")
	}
	staff.shot("receipt-recorded")

	b.visit(payment)
	b.see("Pagado", "Recibidos")
	b.shot("transfer-paid")
	b.press("#payment .rows .what a")
	if said := b.text("#status"); said != "Pagada" {
		b.t.Errorf("the paid invoice says %q", said)
	}
	b.shot("invoice-paid")
	b.visit("/")
	if after := b.cents(figure(figureToPay)); after != before-amount {
		b.t.Errorf("%d cents are to pay, want %d less %d", after, before, amount)
	}
}

// payThroughSandbox is refused by the test gateway's page once, then pays there.
func (b *tab) payThroughSandbox() {
	b.t.Helper()
	number, _ := b.toPay()
	b.click("#method-sandbox")
	b.press("#pay-form button[type=submit]")
	if !strings.HasPrefix(b.path(), "/sandbox/checkout/") {
		b.fail("the gateway's page is %s", b.path())
	}
	b.see("TEST: pasarela de pruebas. No se mueve dinero.", "Almacenes Turia")
	b.shot("checkout")
	b.press(`form[action$="/decline"] button`)
	b.waitFor(`#payment-state[data-state=failed]`)
	b.see("No pagado", "fue rechazado")
	b.shot("payment-failed")
	b.press(`//a[contains(., "Intentarlo de nuevo")]`)
	b.press("#pay")
	b.click("#method-sandbox")
	b.press("#pay-form button[type=submit]")
	b.press(`form[action$="/pay"] button`)
	b.waitFor(`#payment-state[data-state=paid]`)
	b.see("Pagado", number)
	b.shot("payment-paid")
	b.press("#payment .rows .what a")
	if said := b.text("#status"); said != "Pagada" {
		b.t.Errorf("the paid invoice says %q", said)
	}
	b.press(`nav.sections a[href="/payments"]`)
	b.see(number, "Pagado", "No pagado", "Tarjeta (prueba)", "Transferencia bancaria")
	b.shot("payments")
}

// order fills the cart and orders; staff confirms.
func (b *tab) order(staff *tab) {
	b.t.Helper()
	b.press(`nav.sections a[href="/catalogue"]`)
	b.shot("catalogue")
	b.fill("#q", "bomba")
	b.waitFor("#products .products > li:only-child")
	b.see("Arroz bomba", "1 producto")
	b.putInCart("#products li:first-child", "1")
	b.see("El carrito ha cambiado.")
	b.visit("/catalogue?q=aceite")
	b.putInCart("#products li:first-child", "3")
	b.press(`nav.sections a[href="/cart"]`)
	b.see("Su pedido", "Arroz bomba")
	total := b.text("#cart-totals tr.grand td")
	b.fill("#reference", "PED-7", "#note", "Por la puerta de atrás.")
	b.shot("cart")
	b.press("#place-order button[type=submit]")
	b.see("Pedido realizado.", "PED-7")
	if got := b.text("#paper .totals tr.grand td"); got != total {
		b.t.Errorf("the order is over %s, the cart was over %s", got, total)
	}
	if said := b.text("#status"); said != "Realizado" {
		b.t.Errorf("the order says %q", said)
	}
	b.shot("order")
	order := b.path()
	number := strings.TrimPrefix(b.text("h1"), "Pedido de venta ")
	b.press(`nav.sections a[href="/cart"]`)
	b.see("El carrito está vacío.")
	b.shot("cart-empty")

	staff.visit("/staff/orders")
	staff.see(number)
	staff.shot("orders")
	staff.press(`//li[contains(., "` + number + `")]//a`)
	staff.shot("order")
	staff.press("#confirm-order button[type=submit]")
	staff.see("Confirmado.")
	staff.shot("order-confirmed")
	staff.visit("/staff/orders")
	staff.notSee(number)

	b.visit(order)
	if said := b.text("#status"); said != "Confirmado" {
		b.t.Errorf("the confirmed order says %q", said)
	}
	b.shot("order-confirmed")
}
