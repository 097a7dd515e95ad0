package web_test

import (
	"bytes"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

const adminPassphrase = "Doce-Velas-Cruzan-La-Ria"

// colleague signs a person of staff in who has the role.
func (w *world) colleague(role account.StaffRole) *browser {
	w.t.Helper()
	email := string(role) + "@cantabricas.example"
	_, _, err := w.commands.AddStaff(w.t.Context(), w.request(""), commands.AddStaff{Email: email, Name: "Eva " + string(role), Role: role, Password: adminPassphrase + string(role)})
	w.ok(err)
	w.settle()
	b := w.browser()
	b.submit(b.get("/staff/sign-in"), "sign-in", "email", email, "password", adminPassphrase+string(role)).want(w.t, http.StatusOK, "/staff")
	return b
}

// recorded counts the events of a type.
func (w *world) recorded(typ string) int {
	w.t.Helper()
	n := 0
	for after := event.Position(0); ; {
		events, err := w.log.ReadFeed(w.t.Context(), after, 500, nil)
		w.ok(err)
		for i := range events {
			if typ == "" || events[i].Type == typ {
				n++
			}
			after = events[i].Position
		}
		if len(events) == 0 {
			return n
		}
	}
}

// given a contact with things of every kind, and staff who may only look
// then they see each page of its portal as it does, and can do nothing there, whatever
// they send; and what was unread stays unread.
func TestStaffLookAtThePortal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Read)
	other := w.client("Redes del Norte", "ana@redes.example", otherPassphrase, access.Full)
	quote, invoice := w.issue(who, document.Quote, "P-1", ""), w.issue(who, document.Invoice, "F-1", "")
	theirs := w.issue(other, document.Invoice, "F-9", "Secreto")
	_, err := w.commands.EnableCatalogue(t.Context(), w.request(""), commands.EnableCatalogue{Contact: who})
	w.ok(err)
	product := w.product("ANCH", "Anchoa", 500)
	_, _, err = w.commands.PostComment(t.Context(), w.request(who), commands.PostComment{Document: quote, Kind: document.Quote, Text: "Para ustedes", AuthorName: "Luis"})
	w.ok(err)
	w.settle()
	s := w.colleague(account.StaffReader)
	record := "/staff/contacts/" + string(who)
	home := s.submit(s.get(record), "look").want(t, http.StatusOK, "/", "Así ve el portal Bodegas Ibáñez, S.L.:", "P-1") // in the contact's language, not in that of who looks
	if home.has("sign-out") {
		t.Error("who looks is offered to sign the contact out")
	}
	if n := w.recorded("portal.shown"); n != 1 {
		t.Errorf("%d looks are in the log", n)
	}
	before := w.recorded("")
	for path, want := range map[string]string{
		"/": "P-1", "/documents": "F-1", "/invoices": "F-1", "/quotes/" + string(quote): "Para ustedes", "/invoices/" + string(invoice): "F-1",
		"/statement": "F-1", "/catalogue": "Anchoa", "/cart": "", "/payments": "",
	} {
		p := s.get(path).want(t, http.StatusOK, path, want)
		if !p.has("looking") || !p.has("end-look") {
			t.Errorf("%s says nothing of who looks, or has no way out", path)
		}
		if p.has("seen") {
			t.Errorf("%s marks comments as read", path)
		}
	}
	for _, path := range []string{"/invoices/" + string(invoice) + "/pdf", "/statement.pdf", "/documents.csv"} {
		if p := s.get(path); p.status != http.StatusOK {
			t.Errorf("%s: status %d", path, p.status)
		}
	}
	s.get("/invoices/"+string(theirs)).want(t, http.StatusNotFound, "")
	s.get("/password").want(t, http.StatusForbidden, "", "nothing can be done here")
	form := url.Values{"command": {id.Derive("look").String()}, "text": {"x"}, "name": {"x"}, "hash": {strings.Repeat("0", 64)}, "product": {string(product)}, "quantity": {"2"}, "method": {"transfer"}, "document": {"invoice." + string(invoice)}}
	for _, path := range []string{
		"/quotes/" + string(quote) + "/comments", "/quotes/" + string(quote) + "/seen", "/quotes/" + string(quote) + "/approve", "/quotes/" + string(quote) + "/decline",
		"/cart", "/cart/order", "/pay", "/password", "/sessions/end",
	} {
		s.post(path, form).want(t, http.StatusForbidden, "", "nothing can be done here")
	}
	if after := w.recorded(""); after != before {
		t.Errorf("looking recorded %d events", after-before)
	}
	w.settle()
	p, err := readmodels.GetContact(t.Context(), readmodels.For(w.reads, w.account, who))
	w.ok(err)
	d, err := readmodels.Must(t.Context(), readmodels.For(w.reads, w.account, p.ID), readmodels.Documents, string(quote))
	w.ok(err)
	if d.UnreadContact != 1 {
		t.Errorf("the contact has %d unread comments, want 1", d.UnreadContact)
	}
	s.post("/staff/look/end", nil).want(t, http.StatusOK, record)
	s.get("/").want(t, http.StatusOK, "/sign-in")
}

// given the cookie of somebody who looks, made up by others
// then it shows them nothing that is not theirs.
func TestALookIsWorthNothingWithoutStaff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	theirs := w.client("Redes del Norte", "ana@redes.example", otherPassphrase, access.Full)
	w.issue(mine, document.Invoice, "F-1", "")
	w.issue(theirs, document.Invoice, "F-9", "Secreto")
	w.settle()
	forge := func(b *browser, value string) {
		u, err := url.Parse(w.server.URL)
		w.ok(err)
		b.http.Jar.SetCookies(u, []*http.Cookie{{Name: "lonja-look", Value: value, Path: "/"}})
	}
	nobody := w.browser()
	forge(nobody, string(theirs))
	nobody.get("/").want(t, http.StatusOK, "/sign-in")
	b := w.browser()
	b.signIn("marta@ibanez.example", passphrase)
	forge(b, string(theirs))
	b.get("/invoices").want(t, http.StatusOK, "/invoices", "F-1").wantNot(t, "F-9", "Secreto", "nothing counts as read", "nada cuenta como leído")

	s := w.colleague(account.StaffReader)
	for _, value := range []string{"x", "..", string(theirs) + ".x", string(id.DeriveID("nobody")), string(theirs) + "." + string(id.DeriveID("nobody"))} {
		forge(s, value)
		s.get("/").want(t, http.StatusOK, "/sign-in")
	}
	forge(s, string(theirs))
	s.get("/").want(t, http.StatusOK, "/", "F-9")
	// Who has to set a second factor up first looks at nothing before.
	require := func(required bool) {
		_, err := w.commands.RequireStaffFactor(t.Context(), w.request(""), commands.RequireStaffFactor{Required: required})
		w.ok(err)
	}
	require(true)
	s.get("/").want(t, http.StatusOK, "/sign-in").wantNot(t, "F-9")
	require(false)
	s.get("/").want(t, http.StatusOK, "/", "F-9")
	_, err := w.commands.EraseContact(t.Context(), w.request(""), commands.EraseContact{Contact: theirs})
	w.ok(err)
	w.settle()
	s.get("/").want(t, http.StatusOK, "/sign-in")
}

// given a document, its people, and a link to it
// then staff see on the record and on the document who saw it first and when, and a mail
// scanner that opens the link and all it finds there is nobody.
func TestStaffSeeWhatTheContactSaw(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "", "", "")
	invoice := w.issue(who, document.Invoice, "F-1", "")
	link, _, err := w.commands.ShareLink(t.Context(), w.request(""), commands.ShareLink{Document: invoice, Kind: document.Invoice})
	w.ok(err)
	w.settle()
	s := w.browser()
	s.signInStaff()
	record, doc := "/staff/contacts/"+string(who), "/staff/contacts/"+string(who)+"/invoices/"+string(invoice)
	s.get(record).want(t, http.StatusOK, record, "Nobody of this contact has seen a document yet")

	holder := w.browser()
	page := holder.get("/d/"+link.Token).want(t, http.StatusOK, "/shared", "F-1")
	holder.get("/shared/pdf")
	holder.get("/shared/ubl")
	if n := w.recorded("document.viewed"); n != 0 {
		t.Fatalf("a scanner's GETs recorded %d views", n)
	}
	if p := holder.submit(page, "viewed"); p.status != http.StatusNoContent {
		t.Fatalf("the page tells that it is seen: status %d", p.status)
	}
	holder.get("/shared/pdf")
	w.settle()
	s.get(record).want(t, http.StatusOK, record, "Seen", "PDF downloaded", "seen on 23 Nov 2026")
	s.get(doc).want(t, http.StatusOK, doc, "Seen", "PDF downloaded")

	w.login(who, "marta@ibanez.example", passphrase, access.Read)
	w.settle()
	b := w.browser()
	b.signIn("marta@ibanez.example", passphrase)
	before := w.recorded("document.viewed")
	ahead, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+"/invoices/"+string(invoice), nil)
	w.ok(err)
	ahead.Header.Set("Sec-Purpose", "prefetch;prerender")
	b.do(ahead)
	head, err := http.NewRequestWithContext(t.Context(), http.MethodHead, w.server.URL+"/invoices/"+string(invoice), nil)
	w.ok(err)
	b.do(head)
	if n := w.recorded("document.viewed"); n != before {
		t.Errorf("what a browser fetches ahead counts as seen")
	}
	for range 3 {
		b.get("/invoices/"+string(invoice)).want(t, http.StatusOK, "")
		b.get("/invoices/" + string(invoice) + "/ubl")
	}
	if n := w.recorded("document.viewed") - before; n != 2 {
		t.Errorf("%d views of the page and of the file, each three times", n)
	}
	w.settle()
	s.get(record).want(t, http.StatusOK, record, "Marta Soto", "Portal on", "1 person can sign in", "last seen: 23 Nov 2026")
	s.get(doc).want(t, http.StatusOK, doc, "Downloaded as an electronic invoice")
	b.get("/").want(t, http.StatusOK, "/").wantNot(t, "Downloaded as an electronic invoice") // what staff know
}

func TestARecordIsKeptByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.colleague(account.StaffAdmin)
	form := s.get("/staff/contacts/new").want(t, http.StatusOK, "")
	s.submit(form, "register", "name", " ").want(t, http.StatusUnprocessableEntity, "/staff/contacts")
	p := s.submit(form, "register", "name", "Bar Olvido", "taxId", "B12345674", "email", "olvido@bar.example", "city", "Laredo").want(t, http.StatusOK, "", "Created", "Bar Olvido", "Laredo", "Portal off")
	record := p.path
	s.submit(p, "edit-details", "tradeName", "El Olvido", "phone", "942 00 00 00").want(t, http.StatusOK, record, "Saved", "El Olvido", "942 00 00 00")
	p = s.submit(s.get(record), "edit-roles", "supplier", "1", "language", "en").want(t, http.StatusOK, record, "Client, Supplier", "English")
	_, values := p.form(t, "edit-roles")
	values.Del("client")
	values.Del("supplier")
	s.post(record+"/roles", values).want(t, http.StatusUnprocessableEntity, "", "client, a supplier or both")
	s.submit(s.get(record), "taxes-option", "withholding", "101").want(t, http.StatusUnprocessableEntity, "")
	s.submit(s.get(record), "taxes-option", "withholding", "7,5", "surcharge", "1").want(t, http.StatusOK, record, "Saved")
	_, values = s.get(record).form(t, "taxes-option")
	if values.Get("withholding") != "7.5" || values.Get("surcharge") != "1" {
		t.Errorf("the taxes are %v", values)
	}

	p = s.submit(s.get(record), "create-login", "email", "olvido@bar.example", "role", "full", "password", passphrase).want(t, http.StatusOK, record, "Portal on")
	who := id.Contact(strings.TrimPrefix(record, "/staff/contacts/"))
	logins, err := readmodels.ListLogins(t.Context(), readmodels.For(w.reads, w.account, who))
	w.ok(err)
	login := record + "/logins/" + string(logins[0].ID)
	b := w.browser()
	b.signIn("olvido@bar.example", passphrase).want(t, http.StatusOK, "/")
	s.submit(p, login+"/details", "name", "Olvido Sanz", "role", "full").want(t, http.StatusOK, record, "Saved", "Olvido Sanz")
	b.get("/").want(t, http.StatusOK, "/") // a name ends no session
	s.submit(s.get(record), login+"/details", "email", "sanz@bar.example", "role", "read").want(t, http.StatusOK, record, "sanz@bar.example", "Look and comment")
	b.get("/").want(t, http.StatusOK, "/sign-in")
	s.submit(s.get(record), login+"/details", "email", "nonsense", "role", "read").want(t, http.StatusUnprocessableEntity, "")
	s.submit(s.get(record), login+"/remove").want(t, http.StatusOK, record, "Portal off").wantNot(t, "sanz@bar.example")
	s.post(login+"/remove", url.Values{"command": {id.Derive("again").String()}}).want(t, http.StatusOK, record, "Portal off")

	s.submit(s.get(record), "erase", "confirm", "bar").want(t, http.StatusUnprocessableEntity, "", "This is not the contact's name")
	s.submit(s.get(record), "erase", "confirm", "Bar Olvido").want(t, http.StatusOK, record, "Data erased", "personal data was erased").wantNot(t, "El Olvido", "Laredo")
	editor := w.browser()
	editor.signInStaff()
	if editor.get(record).has("erase") {
		t.Error("who may not erase is offered to")
	}
}

func TestTheAccountIsItsAdministrators(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settle()
	editor := w.browser()
	editor.signInStaff()
	for _, path := range []string{"/staff/settings", "/staff/settings/payments", "/staff/settings/branding", "/staff/settings/people", "/staff/settings/programs"} {
		editor.get(path).want(t, http.StatusForbidden, path)
	}
	editor.post("/staff/settings/people", url.Values{"command": {id.Derive("x").String()}, "email": {"x@x.example"}, "name": {"X"}, "role": {"admin"}}).want(t, http.StatusForbidden, "")
	editor.get("/staff").want(t, http.StatusOK, "/staff").wantNot(t, "Settings")

	s := w.colleague(account.StaffAdmin)
	at := "/staff/settings"
	s.submit(s.get(at), "account", "name", "").want(t, http.StatusUnprocessableEntity, "")
	s.submit(s.get(at), "account", "phone", "942 11 11 11", "timeZone", "Europe/Madrid", "language", "es").want(t, http.StatusOK, at, "Saved")
	s.submit(s.get(at+"/payments"), "transfer", "iban", "ES91").want(t, http.StatusUnprocessableEntity, "", "IBAN")
	s.submit(s.get(at+"/payments"), "transfer", "iban", "DE89 3704 0044 0532 0130 00").want(t, http.StatusOK, at+"/payments", "Saved")
	p := s.get(at + "/payments")
	s.submit(p, at+"/gateways/sandbox", "enabled", "0").want(t, http.StatusOK, at+"/payments", "Saved", "Off")
	s.post(at+"/gateways/nonsense", url.Values{"command": {id.Derive("g").String()}}).want(t, http.StatusNotFound, "")

	// People.
	p = s.submit(s.get(at+"/people"), "add-staff", "name", "Rosa", "email", "rosa@cantabricas.example", "role", "reader", "password", "Trece-Anclas-Duermen-Abajo").want(t, http.StatusOK, at+"/people", "Created", "Rosa")
	people, err := readmodels.ListStaff(t.Context(), readmodels.ForStaff(w.reads, w.account))
	w.ok(err)
	var self, rosa string
	for _, one := range people {
		switch {
		case one.Name == "Rosa":
			rosa = at + "/people/" + string(one.ID)
		case one.Role == string(account.StaffAdmin):
			self = at + "/people/" + string(one.ID)
		}
	}
	s.submit(p, self+"/remove").want(t, http.StatusConflict, "", "last administrator")
	s.submit(s.get(at+"/people"), self+"/role", "role", "reader").want(t, http.StatusConflict, "", "last administrator")
	r := w.browser()
	r.submit(r.get("/staff/sign-in"), "sign-in", "email", "rosa@cantabricas.example", "password", "Trece-Anclas-Duermen-Abajo").want(t, http.StatusOK, "/staff")
	s.submit(s.get(at+"/people"), rosa+"/role", "role", "editor").want(t, http.StatusOK, at+"/people", "Saved")
	r.get("/staff").want(t, http.StatusOK, "/staff/sign-in")
	s.submit(s.get(at+"/people"), rosa+"/password", "password", "corto").want(t, http.StatusUnprocessableEntity, "")
	s.submit(s.get(at+"/people"), rosa+"/remove").want(t, http.StatusOK, at+"/people", "Removed").wantNot(t, "Rosa")

	// Programs.
	p = s.submit(s.get(at+"/programs"), "create-key", "name", "ERP").want(t, http.StatusOK, at+"/programs", "shown this once", "ERP")
	secret := p.textOf(t, "api-key")
	if len(secret) < 40 || strings.Contains(s.get(at+"/programs").body, secret) {
		t.Error("the key is not shown, or shown twice")
	}
	w.logged(secret)
	keys, err := readmodels.ListAPIKeys(t.Context(), readmodels.ForStaff(w.reads, w.account))
	w.ok(err)
	s.submit(s.get(at+"/programs"), at+"/programs/"+string(keys[0].ID)+"/revoke").want(t, http.StatusOK, at+"/programs", "Revoked on")
}

func TestBranding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.colleague(account.StaffAdmin)
	at := "/staff/settings/branding"
	b := w.browser()
	s.submit(s.get(at), "branding", "colour", "#ffee00", "welcome", "Bienvenidos <b>todos</b>", "help", "De 9 a 14", "footer", "Pie", "preview", "1").want(t, http.StatusOK, at, "Bienvenidos <b>todos</b>", "De 9 a 14")
	b.get("/sign-in").want(t, http.StatusOK, "").wantNot(t, "Bienvenidos")
	if p := s.get("/staff/settings/preview.css?colour=%23ffee00"); p.status != http.StatusOK || !strings.Contains(p.body, ".preview{--brand:#ffee00;--brand-ink:#000}") {
		t.Errorf("the preview's colours: %d %q", p.status, p.body)
	}
	s.get("/staff/settings/preview.css?colour=red%7D").want(t, http.StatusNotFound, "")
	s.submit(s.get(at), "branding", "colour", "red").want(t, http.StatusUnprocessableEntity, "")
	s.submit(s.get(at), "branding", "colour", "#ffee00", "welcome", "Bienvenidos", "help", "De 9 a 14", "footer", "Pie").want(t, http.StatusOK, at, "Saved")
	b.get("/sign-in").want(t, http.StatusOK, "", "Bienvenidos", "De 9 a 14")

	// What a page loads beside itself does not take away what the next page has to say.
	action, values := s.get(at).form(t, "branding")
	s.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	values.Set("footer", "Otro pie")
	s.post(action, values)
	s.http.CheckRedirect = nil
	sheet, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+"/brand.css", nil)
	w.ok(err)
	sheet.Header.Set("Sec-Fetch-Dest", "style")
	s.do(sheet).want(t, http.StatusOK, "")
	s.get(at).want(t, http.StatusOK, at, "Saved", "Otro pie")

	var picture bytes.Buffer
	w.ok(png.Encode(&picture, image.NewNRGBA(image.Rect(0, 0, 30, 10))))
	for name, file := range map[string][]byte{"svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), "nothing": nil, "text": []byte("logo")} {
		if p := s.upload(at, file); p.status != http.StatusUnprocessableEntity {
			t.Errorf("%s as a logo: status %d", name, p.status)
		}
	}
	s.upload(at, picture.Bytes()).want(t, http.StatusOK, at, "Saved")
	set, err := readmodels.GetSettings(t.Context(), readmodels.ForAccount(w.reads, w.account))
	w.ok(err)
	logo := set.Logo.Path()
	if p := b.get("/sign-in"); !strings.Contains(p.body, `src="`+logo+`"`) {
		t.Error("sign-in is without the logo")
	}
	p := b.get(logo)
	if p.status != http.StatusOK || p.header.Get("Content-Type") != "image/png" || !strings.Contains(p.header.Get("Cache-Control"), "immutable") || p.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the logo: %d %v", p.status, p.header)
	}
	b.get("/logo/"+strings.Repeat("0", 64)+".png").want(t, http.StatusNotFound, "")
	s.submit(s.get(at), "remove-logo").want(t, http.StatusOK, at, "Removed")
	b.get(logo).want(t, http.StatusNotFound, "")
	editor := w.browser()
	editor.signInStaff()
	editor.post("/staff/settings/logo/remove", url.Values{"command": {id.Derive("x").String()}}).want(t, http.StatusForbidden, "")
}

// upload sends a file with the form of the logo.
func (b *browser) upload(at string, file []byte) page {
	b.t.Helper()
	action, values := b.get(at).form(b.t, "logo-form")
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	b.w.ok(form.WriteField("command", values.Get("command")))
	part, err := form.CreateFormFile("logo", "logo.png")
	b.w.ok(err)
	_, err = part.Write(file)
	b.w.ok(err)
	b.w.ok(form.Close())
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.w.server.URL+action, &body)
	b.w.ok(err)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

func TestStaffFindDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := w.client("Bodegas Ibáñez, S.L.", "", "", "")
	two := w.client("Redes del Norte", "", "", "")
	quote := w.issue(one, document.Quote, "P-1", "Anchoa")
	w.issue(one, document.Invoice, "F-1", "")
	w.issue(two, document.Invoice, "F-2", "")
	w.settle()
	s := w.browser()
	s.signInStaff()
	s.get("/staff/documents").want(t, http.StatusOK, "", "P-1", "F-1", "F-2", "3 documents")
	s.get("/staff/documents?q=f-2").want(t, http.StatusOK, "", "F-2", "Redes del Norte").wantNot(t, "F-1")
	s.get("/staff/documents?q=ibanez").want(t, http.StatusOK, "", "Bodegas Ibáñez, S.L.")
	s.get("/staff/documents?kind=quote").want(t, http.StatusOK, "", "P-1").wantNot(t, "F-1")
	s.get("/staff/documents?contact="+string(two)).want(t, http.StatusOK, "", "F-2").wantNot(t, "F-1")
	s.get("/staff/documents?status=nonsense&kind=nonsense&from=nonsense&after=nonsense").want(t, http.StatusUnprocessableEntity, "")
	s.get("/staff/documents?contact="+string(id.DeriveID("nobody"))).want(t, http.StatusNotFound, "")

	at := "/staff/contacts/" + string(one) + "/quotes/" + string(quote)
	s.submit(s.get(at), "withdraw").want(t, http.StatusOK, at, "Withdrawn")
	if s.get(at).has("withdraw") {
		t.Error("what was withdrawn can be withdrawn again")
	}
	reader := w.colleague(account.StaffReader)
	reader.post(at+"/withdraw", url.Values{"command": {id.Derive("x").String()}}).want(t, http.StatusForbidden, "")
}

// given a document of each kind
// then staff take back what can be, once, and send orders on their way.
func TestStaffTakeDocumentsBackAndShipOrders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "", "", "")
	at := map[document.Kind]string{}
	for _, k := range document.Kinds() {
		at[k] = "/staff/contacts/" + string(who) + "/" + templates.Section(k) + "/" + string(w.issue(who, k, "N-1", ""))
	}
	sent := "/staff/contacts/" + string(who) + "/orders/" + string(w.issue(who, document.SalesOrder, "N-2", ""))
	w.settle()
	s := w.browser()
	s.signInStaff()
	for k, path := range at {
		p := s.get(path).want(t, http.StatusOK, path)
		if k == document.CreditNote {
			if p.has("withdraw") {
				t.Error("a credit note can be taken back")
			}
			continue
		}
		s.submit(p, "withdraw", "reason", "Por error").want(t, http.StatusOK, path, "Withdrawn")
		if s.get(path).has("withdraw") {
			t.Errorf("a %s can be taken back twice", k)
		}
	}
	p := s.get(sent)
	if p.has("confirm-order") {
		p = s.submit(p, "confirm-order").want(t, http.StatusOK, sent)
	}
	p = s.submit(p, "ship-order", "part", "1").want(t, http.StatusOK, sent, "Shipment recorded", "Part shipped")
	p = s.submit(p, "ship-order").want(t, http.StatusOK, sent, "Shipped")
	p = s.submit(p, "fulfil-order").want(t, http.StatusOK, sent, "Order fulfilled")
	for _, gone := range []string{"ship-order", "fulfil-order", "withdraw"} {
		if p.has(gone) {
			t.Errorf("a fulfilled order has %s", gone)
		}
	}
}
