package browser_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

const (
	ownerEmail, ownerPassword       = "compras@moncayo.example", "Cuatro-Barcas-Vuelven-Tarde"
	colleagueEmail                  = "almacen@moncayo.example"
	attackerEmail, attackerPassword = "gerencia@jiloca.example", "Siete-Nasas-Duermen-Lejos"
	attackerName                    = "Papeles del Jiloca, S.L."
)

// others are those who may not do what the owner may: a colleague with a lesser role, somebody
// of another contact who has got hold of the owner's addresses, nobody, and another site
// whose page the owner opens.
func (w *world) others(t *testing.T) {
	p, passphrase := w.small(t)
	w.jiloca(t, p, passphrase)
	staff, owner := w.person(t, p, "others-staff", desktop), w.person(t, p, "others-owner", desktop)
	staff.signInStaff(smallStaff, passphrase)
	staff.openContact(smallClient)
	staff.giveAccess(ownerEmail, "Julia Lope", ownerPassword)
	staff.giveRole(colleagueEmail, "Ivo Lope", ownerPassword, "read")
	staff.shot("colleague")
	record := staff.path()
	staff.openContact(attackerName)
	staff.giveAccess(attackerEmail, "Malo Jiloca", attackerPassword)

	owner.signIn(ownerEmail, ownerPassword)
	quote, invoice := owner.find("/quotes", "P-1"), owner.find("/invoices", "F-1")
	pdf := owner.attribute("#download-pdf", "href")
	owner.press(`a[href="` + invoice + `/pay"]`)
	owner.click("input[name=method][value=transfer]")
	owner.press("#pay-form button[type=submit]")
	payment := owner.path()
	owner.see("ES91 2100 0418 4502 0005 1332")

	w.colleague(t, p, quote, invoice, payment)
	w.thief(t, p, record, []string{quote, invoice, pdf, invoice + "/pay", payment, "/pay?document=" + "invoice." + strings.TrimPrefix(invoice, "/invoices/")})
	owner.forged(quote)
}

// colleague sees what the contact sees, says something, and may do nothing that binds it.
func (w *world) colleague(t *testing.T, p *portal, quote, invoice, payment string) {
	t.Helper()
	b := w.person(t, p, "colleague", desktop)
	b.signIn(colleagueEmail, ownerPassword)
	b.visit(quote)
	b.see("Presupuesto P-1", "1210,00 €")
	b.shot("quote")
	for _, form := range []string{"#approve", "#decline", "#changes"} {
		if b.has(form) {
			t.Errorf("who may only read is offered %s", form)
		}
	}
	b.comment("Lo mira Julia.")
	b.visit(invoice)
	if b.has(`a[href="` + invoice + `/pay"]`) {
		t.Error("who may only read is offered to pay")
	}
	b.refused(403, invoice+"/pay")
	b.see("No permitido", "Su función no permite hacer esto.")
	b.shot("forbidden")
	b.visit(payment)
	if b.has("#cancel-payment, #announce") {
		t.Error("who may only read is offered to act on a payment")
	}
	b.visit("/staff/contacts")
	b.at("/staff/sign-in")
}

// thief has the owner's addresses: to them each is as one that nothing is at. To nobody they
// are a sign-in.
func (w *world) thief(t *testing.T, p *portal, record string, addresses []string) {
	t.Helper()
	nobody, b := w.person(t, p, "nobody", desktop), w.person(t, p, "thief", desktop)
	for _, at := range append(addresses, "/", "/statement") {
		nobody.visit(at)
		if got := nobody.path(); !strings.HasPrefix(got, "/sign-in") {
			t.Errorf("nobody is let to %s at %s", got, at)
		}
	}
	nobody.visit(record)
	nobody.at("/staff/sign-in")

	b.signIn(attackerEmail, attackerPassword)
	b.see("Hola, ")
	b.notSee("P-1", "F-1", "Moncayo")
	b.refused(404, "/invoices/01BX5ZZKBKACTAV9WEVGEMMVRZ")
	missing := b.text("body")
	b.shot("missing")
	for _, at := range addresses {
		b.refused(404, at)
		if said := b.text("body"); said != missing {
			t.Errorf("%s says\n%s\nbut what is not there says\n%s", at, said, missing)
		}
	}
	b.visit("/documents?q=Tinta")
	b.see("F-9")
	b.notSee("F-1", "P-1")
	b.visit(record)
	b.at("/staff/sign-in")
}

// forged opens a page of another site whose form approves the owner's quote.
func (b *tab) forged(quote string) {
	b.t.Helper()
	b.visit(quote)
	var form strings.Builder
	for _, name := range []string{"command", "hash"} {
		fmt.Fprintf(&form, `<input type="hidden" name="%s" value="%s">`, name, html.EscapeString(b.attribute("#approve input[name="+name+"]", "value")))
	}
	home := b.base
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			w.WriteHeader(http.StatusNoContent) // a picture for the window's corner
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><title>Gane un viaje</title><form method="post" action="%s%s/approve">%s<input name="name" value="Julia Lope"><button id="win">Gane un viaje</button></form>`, home, quote, form.String())
	}))
	b.t.Cleanup(site.Close)
	b.mu.Lock()
	b.elsewhere = site.URL
	b.mu.Unlock()
	b.to(200, "visiting another site", chromedp.Navigate(site.URL+"/"))
	b.pressRefused(403, "#win")
	b.at(quote + "/approve")
	b.see("Esta petición venía de otro sitio y no se ha ejecutado.")
	b.shot("forged")
	b.visit(quote)
	if !b.has("#approve") {
		b.t.Error("another site's form has approved the quote")
	}
}

// find opens the document of a list by its number, and returns where it is.
func (b *tab) find(list, number string) string {
	b.t.Helper()
	b.visit(list)
	b.press(`//table//a[contains(., "` + number + `")]`)
	b.see(number)
	return b.path()
}

// giveRole creates, as staff, a login with a role of the contact whose page is open.
func (b *tab) giveRole(email, name, password, role string) {
	b.t.Helper()
	b.click("#create-login-act summary")
	b.fill("#login-email", email, "#login-name", name, "#login-password", password)
	b.set("#login-role", role)
	b.press("#create-login button[type=submit]")
	b.see("Creado.", email)
}

// jiloca adds another client with an invoice, and a bank account to pay into.
func (w *world) jiloca(t *testing.T, p *portal, passphrase string) {
	t.Helper()
	doc := paperwork("invoice", "F-9")
	doc["buyer"] = map[string]any{"name": attackerName, "taxId": "ESB44000012", "email": attackerEmail}
	file, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.data, "another.json")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.run(t.Context(), "import", path); err != nil {
		t.Fatal(err)
	}
	call := func(method, path, token string, body, into any) {
		t.Helper()
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), method, p.url+"/api/v1"+path, bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d", path, resp.StatusCode)
		}
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	var session struct{ Token string }
	call(http.MethodPost, "/session", "", map[string]any{"email": smallStaff, "password": passphrase, "staff": true}, &session)
	var done struct{ Changed bool }
	call(http.MethodPut, "/account/transfer", session.Token, map[string]any{"iban": "ES9121000418450200051332", "beneficiary": "Tintas del Ebro, S.L."}, &done)
	if !done.Changed {
		t.Fatal("the bank account was not set")
	}
}
