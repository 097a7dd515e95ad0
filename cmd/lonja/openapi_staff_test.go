package main

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"net/http"
	"time"

	"lonja/domain/document"
)

// newPassword is one that nobody has yet.
const newPassword = "Siete-Barcas-Vuelven-De-Noche"

func (d *described) withdrawals(erp, assistant, owner string) {
	quote, order := d.issued(erp, document.Quote, "W-1"), d.issued(erp, document.PurchaseOrder, "W-2")
	invoice, proforma := d.issued(erp, document.Invoice, "W-3"), d.issued(erp, document.Proforma, "W-4")
	for path, body := range map[string]any{
		"/quotes/" + quote + "/withdraw": nil, "/purchase-orders/" + order + "/cancel": object{"reason": "x"},
		"/invoices/" + invoice + "/cancel": object{"reason": "x"}, "/documents/" + proforma + "/withdraw": nil,
	} {
		d.call(owner, http.MethodPost, path, body, http.StatusNotFound)
		d.call(assistant, http.MethodPost, path, body, http.StatusForbidden)
		d.made(erp, http.MethodPost, path, body)
	}
	d.call(erp, http.MethodPost, "/documents/"+invoice+"/withdraw", nil, http.StatusNotFound)
	d.call(owner, http.MethodPost, "/quotes/"+quote+"/approve", object{"name": "Marta", "hash": d.hash(owner, quote)}, http.StatusConflict)
}

func (d *described) links(erp, assistant, owner, who string) {
	doc := d.issued(erp, document.Quote, "L-1")
	at := "/documents/" + doc + "/links"
	d.call(owner, http.MethodPost, at, object{}, http.StatusNotFound)
	d.call(assistant, http.MethodPost, at, object{}, http.StatusForbidden)
	var link struct{ ID, URL string }
	d.fine(d.call(erp, http.MethodPost, at, object{"sentTo": "marta@ibanez.example"}, http.StatusOK), &link)
	if link.ID == "" || link.URL == "" {
		d.t.Errorf("the link is %+v", link)
	}
	d.call(erp, http.MethodPost, at, object{"send": true}, http.StatusUnprocessableEntity)
	d.call(erp, http.MethodPost, at, object{"sentTo": "marta@ibanez.example", "send": true, "message": "Hola"}, http.StatusOK)
	list := "/contacts/" + who + "/links"
	d.call(assistant, http.MethodGet, list+"?document="+doc, nil, http.StatusOK)
	d.call(owner, http.MethodGet, list, nil, http.StatusNotFound)
	d.call(owner, http.MethodPost, "/links/"+link.ID+"/revoke", nil, http.StatusNotFound)
	d.made(erp, http.MethodPost, "/links/"+link.ID+"/revoke", nil)
}

// mails are sent by a sender that the test is: nothing goes out unless it says so.
func (d *described) mails(erp, assistant, owner, who string) {
	d.call(owner, http.MethodPost, "/contacts/"+who+"/invite", nil, http.StatusNotFound)
	d.call(assistant, http.MethodPost, "/contacts/"+who+"/invite", nil, http.StatusForbidden)
	guest := d.made(erp, http.MethodPost, "/contacts", object{"name": "Bar Nuevo", "email": "bar@nuevo.example", "client": true})
	mute := d.made(erp, http.MethodPost, "/contacts", object{"name": "Bar Mudo", "client": true})
	d.call(erp, http.MethodPost, "/contacts/"+mute+"/invite", nil, http.StatusConflict)
	d.made(erp, http.MethodPost, "/contacts/"+guest+"/invite", nil)

	one := d.waitingMail(erp, "/mails?contact="+guest+"&status=waiting")
	d.call(assistant, http.MethodGet, "/mails?failing=true", nil, http.StatusOK)
	d.call(owner, http.MethodGet, "/mails", nil, http.StatusNotFound)
	d.call(erp, http.MethodGet, "/mails?document="+guest, nil, http.StatusUnprocessableEntity)
	d.call(owner, http.MethodPost, "/mails/"+one+"/give-up", nil, http.StatusNotFound)
	d.call(erp, http.MethodPost, "/mails/"+one+"/retry", nil, http.StatusConflict)
	d.made(erp, http.MethodPost, "/mails/"+one+"/give-up", nil)
	d.made(erp, http.MethodPost, "/mails/"+one+"/retry", nil)

	d.call(owner, http.MethodPost, "/invitations", object{"contacts": []any{guest}}, http.StatusNotFound)
	d.call(erp, http.MethodPost, "/invitations", object{"contacts": []any{}}, http.StatusUnprocessableEntity)
	batch := d.made(erp, http.MethodPost, "/invitations", object{"contacts": []any{guest, mute}})
	d.call(owner, http.MethodGet, "/invitations/"+batch, nil, http.StatusNotFound)
	d.call(assistant, http.MethodGet, "/invitations/"+batch, nil, http.StatusOK)
}

// waitingMail returns the only mail of a list, as soon as it is there.
func (d *described) waitingMail(erp, list string) string {
	d.t.Helper()
	for {
		head, err := d.app.events.Head(d.t.Context())
		d.must(err)
		d.settle()
		var mails struct{ Items []struct{ ID, To string } }
		d.fine(d.call(erp, http.MethodGet, list, nil, http.StatusOK), &mails)
		if len(mails.Items) == 1 {
			return mails.Items[0].ID
		}
		ctx, cancel := context.WithTimeout(d.t.Context(), 30*time.Second)
		_, err = d.app.events.Wait(ctx, head)
		cancel()
		d.must(err)
	}
}

func (d *described) people(erp, staff, assistant, owner, other, who string) {
	at := "/contacts/" + who
	d.call(owner, http.MethodGet, at+"/logins", nil, http.StatusNotFound)
	d.call(assistant, http.MethodGet, at+"/logins", nil, http.StatusOK)
	for path, body := range map[string]any{
		"":          object{"name": "Bodegas Ibáñez, S.L.", "taxId": "B26000015", "address": object{"city": "Haro", "country": "ES"}},
		"/language": object{"language": "en"}, "/roles": object{"client": true, "supplier": true},
		"/taxes": object{"surcharge": true, "withholding": "15"}, "/payment-methods": object{"methods": []any{"transfer"}},
	} {
		d.call(other, http.MethodPut, at+path, body, http.StatusNotFound)
		d.call(assistant, http.MethodPut, at+path, body, http.StatusForbidden)
		d.made(erp, http.MethodPut, at+path, body)
	}
	d.made(owner, http.MethodPut, at+"/language", object{"language": "es"})
	d.made(erp, http.MethodPut, at+"/taxes", object{"surcharge": false, "withholding": "0"})
	d.made(erp, http.MethodPut, at+"/payment-methods", object{})

	person := d.made(erp, http.MethodPost, at+"/logins", object{"email": "pablo@ibanez.example", "role": "read"})
	login := "/logins/" + person
	changed := object{"email": "paula@ibanez.example", "name": "Paula"}
	d.call(owner, http.MethodPut, login, changed, http.StatusNotFound)
	d.call(assistant, http.MethodPut, login, changed, http.StatusForbidden)
	d.made(erp, http.MethodPut, login, changed)
	d.made(erp, http.MethodPut, login, object{"email": "pablo@ibanez.example", "name": "Pablo"})
	d.sights(erp, assistant, owner, other, who)
	d.call(owner, http.MethodPut, login+"/role", object{"role": "pay"}, http.StatusNotFound)
	d.made(erp, http.MethodPut, login+"/role", object{"role": "pay"})
	d.call(owner, http.MethodPut, login+"/password", object{"password": newPassword}, http.StatusNotFound)
	d.made(erp, http.MethodPut, login+"/password", object{"password": newPassword})
	pablo := d.token("pablo@ibanez.example", newPassword, false)
	d.call(pablo, http.MethodPut, "/session/password", object{"current": "wrong", "password": ownerPassword}, http.StatusUnprocessableEntity)
	d.call(staff, http.MethodPut, "/session/password", object{"current": "wrong", "password": ownerPassword}, http.StatusUnprocessableEntity)
	d.call(erp, http.MethodPut, "/session/password", object{"current": "wrong", "password": ownerPassword}, http.StatusNotFound)
	d.call(pablo, http.MethodPut, "/session/password", object{"current": newPassword, "password": "Nueve-Faros-Alumbran-La-Costa"}, http.StatusOK)
	d.call(pablo, http.MethodGet, "/payments", nil, http.StatusOK) // this session goes on
	d.call(owner, http.MethodPost, login+"/remove-password", nil, http.StatusNotFound)
	d.made(erp, http.MethodPost, login+"/remove-password", nil)
	d.call(pablo, http.MethodGet, "/payments", nil, http.StatusUnauthorized)
	d.call(owner, http.MethodPost, login+"/remove", nil, http.StatusNotFound)
	d.made(erp, http.MethodPost, login+"/remove", nil)

	gone := d.made(erp, http.MethodPost, "/contacts", object{"name": "Bar Olvido", "client": true})
	d.call(erp, http.MethodPost, "/contacts/"+gone+"/erase", nil, http.StatusForbidden)
	d.call(owner, http.MethodPost, "/contacts/"+gone+"/erase", nil, http.StatusNotFound)
	d.made(staff, http.MethodPost, "/contacts/"+gone+"/erase", nil)
}

// sights are told to staff and programs: what the contact's people saw, by the API too.
func (d *described) sights(erp, assistant, owner, other, who string) {
	doc, list := d.issued(erp, document.Invoice, "S-1"), "/contacts/"+who+"/sights"
	count := func() int {
		var seen struct {
			Items []struct{ Document, Form string }
		}
		d.fine(d.call(assistant, http.MethodGet, list+"?document="+doc, nil, http.StatusOK), &seen)
		return len(seen.Items)
	}
	d.call(owner, http.MethodGet, list, nil, http.StatusNotFound)
	d.call(erp, http.MethodGet, "/documents/"+doc, nil, http.StatusOK)
	d.call(other, http.MethodGet, "/documents/"+doc, nil, http.StatusNotFound)
	if n := count(); n != 0 {
		d.t.Errorf("%d sights before anybody of the contact looked", n)
	}
	for range 2 {
		d.call(owner, http.MethodGet, "/documents/"+doc, nil, http.StatusOK)
		d.call(owner, http.MethodGet, "/documents/"+doc+"/pdf", nil, http.StatusOK)
	}
	head, err := d.app.events.Head(d.t.Context())
	d.must(err)
	d.must(d.app.wait(d.t.Context(), head))
	if n := count(); n != 2 {
		d.t.Errorf("%d sights of the page and the PDF, each twice", n)
	}
}

func (d *described) settings(erp, staff, assistant, owner string) {
	d.call(owner, http.MethodGet, "/account", nil, http.StatusNotFound)
	d.call(assistant, http.MethodGet, "/account", nil, http.StatusOK)
	d.call(owner, http.MethodGet, "/staff", nil, http.StatusNotFound)
	d.call(assistant, http.MethodGet, "/staff", nil, http.StatusOK)
	for path, body := range map[string]any{
		"/account":          object{"name": "Conservas Cantábricas", "taxId": "A39000013", "currency": "EUR", "language": "es", "timeZone": "Europe/Madrid", "phone": "942000000"},
		"/account/branding": object{"colour": "#112233", "welcome": "Hola"},
		"/account/transfer": object{"iban": "DE89370400440532013000", "beneficiary": "Conservas"}, "/account/gateways": object{"gateway": "sandbox", "enabled": false},
	} {
		d.call(owner, http.MethodPut, path, body, http.StatusNotFound)
		d.call(erp, http.MethodPut, path, body, http.StatusForbidden)
		d.made(staff, http.MethodPut, path, body)
	}
	d.made(staff, http.MethodPut, "/account/gateways", object{"gateway": "sandbox", "enabled": true})
	d.logo(erp, staff, owner)

	person := object{"email": "rosa@cantabricas.example", "name": "Rosa", "role": "editor"}
	d.call(owner, http.MethodPost, "/staff", person, http.StatusNotFound)
	d.call(erp, http.MethodPost, "/staff", person, http.StatusForbidden)
	rosa := "/staff/" + d.made(staff, http.MethodPost, "/staff", person)
	d.call(assistant, http.MethodPut, rosa+"/password", object{"password": newPassword}, http.StatusForbidden)
	d.made(staff, http.MethodPut, rosa+"/password", object{"password": newPassword})
	d.call(owner, http.MethodPut, rosa+"/role", object{"role": "reader"}, http.StatusNotFound)
	d.call(assistant, http.MethodPut, rosa+"/role", object{"role": "reader"}, http.StatusForbidden)
	d.made(staff, http.MethodPut, rosa+"/role", object{"role": "reader"})
	d.call(owner, http.MethodPost, rosa+"/remove", nil, http.StatusNotFound)
	d.made(staff, http.MethodPost, rosa+"/remove", nil)

	d.call(erp, http.MethodPost, "/api-keys", object{"name": "shop"}, http.StatusForbidden)
	var key struct{ ID, Token string }
	d.fine(d.call(staff, http.MethodPost, "/api-keys", object{"name": "shop"}, http.StatusOK), &key)
	d.call(key.Token, http.MethodGet, "/account", nil, http.StatusOK)
	d.call(owner, http.MethodGet, "/api-keys", nil, http.StatusNotFound)
	d.call(assistant, http.MethodGet, "/api-keys", nil, http.StatusOK)
	d.call(erp, http.MethodPost, "/api-keys/"+key.ID+"/revoke", nil, http.StatusForbidden)
	d.made(staff, http.MethodPost, "/api-keys/"+key.ID+"/revoke", nil)
	d.call(key.Token, http.MethodGet, "/account", nil, http.StatusUnauthorized)
}

// logo sets the account's logo, and takes it away.
func (d *described) logo(erp, staff, owner string) {
	var picture bytes.Buffer
	d.must(png.Encode(&picture, image.NewNRGBA(image.Rect(0, 0, 3, 2))))
	body := object{"picture": picture.Bytes()}
	d.call(owner, http.MethodPut, "/account/logo", body, http.StatusNotFound)
	d.call(erp, http.MethodPut, "/account/logo", body, http.StatusForbidden)
	d.call(staff, http.MethodPut, "/account/logo", object{"picture": []byte("<svg/>")}, http.StatusUnprocessableEntity)
	d.made(staff, http.MethodPut, "/account/logo", body)
	var account struct{ Logo struct{ Hash string } }
	d.fine(d.call(staff, http.MethodGet, "/account", nil, http.StatusOK), &account)
	if len(account.Logo.Hash) != 64 {
		d.t.Errorf("the account's logo is %q", account.Logo.Hash)
	}
	d.call(owner, http.MethodPost, "/account/logo/remove", nil, http.StatusNotFound)
	d.call(erp, http.MethodPost, "/account/logo/remove", nil, http.StatusForbidden)
	d.made(staff, http.MethodPost, "/account/logo/remove", nil)
}

// gateway pays through one, which settings enabled, and sends a transfer back.
func (d *described) gateway(erp, staff, owner, other string) {
	due, paid := d.issued(erp, document.Invoice, "G-1"), d.issued(erp, document.Invoice, "G-2")
	pay := d.made(owner, http.MethodPost, "/payments", object{"method": "sandbox", "documents": []any{object{"kind": "invoice", "id": due}}})
	d.call(other, http.MethodPost, "/payments/"+pay+"/checkout", nil, http.StatusNotFound)
	var page struct{ URL string }
	d.fine(d.call(owner, http.MethodPost, "/payments/"+pay+"/checkout", nil, http.StatusOK), &page)
	if page.URL == "" {
		d.t.Error("the checkout has no address")
	}
	back := "/payments/" + d.made(erp, http.MethodPost, "/transfers", object{"documents": []any{object{"kind": "invoice", "id": paid}}, "amount": "121.00 EUR", "on": "2026-11-23"}) + "/refund"
	d.call(owner, http.MethodPost, back, object{}, http.StatusNotFound)
	d.call(staff, http.MethodPost, back, object{"total": "0.00 EUR"}, http.StatusUnprocessableEntity)
	d.made(staff, http.MethodPost, back, object{"total": "21.00 EUR"})
	d.made(staff, http.MethodPost, back, object{})
}

func (d *described) prices(erp, owner string) {
	made := d.made(erp, http.MethodPost, "/catalogue/products", object{"sku": "SA-1", "name": "Sardina", "price": "2.00 EUR", "taxRate": "10", "availability": "in_stock"})
	list := object{"name": "Mayoristas", "discount": "5", "prices": []any{object{"product": made, "price": "1.80 EUR"}}}
	d.call(owner, http.MethodPost, "/price-lists", list, http.StatusNotFound)
	one := d.made(erp, http.MethodPost, "/price-lists", list)
	list["discount"] = "7.5"
	d.call(owner, http.MethodPut, "/price-lists/"+one, list, http.StatusNotFound)
	d.call(erp, http.MethodPut, "/price-lists/"+made, list, http.StatusNotFound) // a product
	d.made(erp, http.MethodPut, "/price-lists/"+one, list)
	d.call(erp, http.MethodGet, "/price-lists", nil, http.StatusOK)
	d.call(owner, http.MethodGet, "/price-lists", nil, http.StatusNotFound)
	d.call(owner, http.MethodPost, "/catalogue/products/"+made+"/withdraw", nil, http.StatusNotFound)
	d.made(erp, http.MethodPost, "/catalogue/products/"+made+"/withdraw", nil)
}
