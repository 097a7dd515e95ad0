package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/govalues/decimal"
	"golang.org/x/net/html"

	"lonja/adapters/web/edge"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/catalogue"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

// markup is text that would be more than text wherever it is not escaped: it ends
// attributes and elements, brings elements with handlers, and is a formula to a spreadsheet.
const markup = `="'><svg/onload=x><x-planted onx=y>`

// TestWhatPeopleWriteStaysText writes markup wherever something can be written, by import,
// forms, API and staff, and looks at every page and file that there is as everybody who may
// see it: no element or attribute has come of it, no address leads elsewhere, and no cell of
// a sheet is a formula.
func TestWhatPeopleWriteStaysText(t *testing.T) {
	t.Parallel()
	w := openSweep(t)
	n := 0
	e := &written{sweep: w, text: func(string) string { return markup }, word: func(string) string {
		n++
		return fmt.Sprintf("word%d", n)
	}}
	e.everywhere()
	ctx, x := t.Context(), w.app.commands
	product, _, err := x.PublishProduct(ctx, w.req(w.account), commands.PublishProduct{Product: catalogue.Product{
		SKU: markup, Name: markup, Description: markup, Category: markup, Unit: markup, Price: money.Of(1000, "EUR"), TaxRate: decimal.MustParse("10"), Availability: catalogue.InStock,
	}})
	w.must(err)
	_, _, err = x.SetPriceList(ctx, w.req(w.account), commands.SetPriceList{Name: markup})
	w.must(err)
	_, err = x.ChangeBranding(ctx, w.req(w.account), commands.ChangeBranding{Welcome: markup})
	w.must(err)
	_, err = x.ChangeAccount(ctx, w.req(w.account), commands.ChangeAccount{Details: account.Opened{
		Name: markup, TaxID: markup, Phone: markup, Email: "x@y.example", Address: document.Address{Street: markup, City: markup, Country: "ES"}, Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid",
	}})
	w.must(err)
	_, err = x.SetCartLine(ctx, e.asPerson(), commands.SetCartLine{Product: product, Quantity: decimal.MustParse("1")})
	w.must(err)
	clerk, _, err := x.AddStaff(ctx, w.req(w.account), commands.AddStaff{Email: "eva@cantabricas.example", Name: markup, Role: account.StaffAdmin, Password: staffPassword})
	w.must(err)
	pay, _, err := x.StartPayment(ctx, e.asPerson(), commands.StartPayment{Method: "transfer", Documents: []commands.PayDocument{{Kind: document.Invoice, ID: e.issue(document.Invoice, `F"; filename=x.html; <1>`)}}})
	w.must(err)
	w.victim = things{contact: e.who, login: e.login, link: e.link, payment: pay, product: product, comment: e.files, docs: e.docs}
	w.settle()
	// The mails again, of an account that has such a name.
	_, _, err = x.ShareLink(ctx, w.req(w.account), commands.ShareLink{Document: e.docs[document.Quote], Kind: document.Quote, SentTo: "z@x.example", Send: true, Message: markup})
	w.must(err)
	w.sent(4)
	if n := w.harmlessMails(); n < 4 {
		t.Errorf("only %d mails showed what was written", n)
	}

	staff := w.person(w.served, "staff", edge.StaffCookie, w.account, commands.Session{Actor: event.Actor{Kind: event.ActorStaff, ID: string(clerk)}}, nil)
	login := w.person(w.served, "a login", edge.SessionCookie, w.account, commands.Session{Contact: e.who, Actor: event.Actor{Kind: event.ActorLogin, ID: string(e.login)}}, nil)
	shown := 0
	for _, r := range w.walk() {
		if r.method != http.MethodGet {
			continue
		}
		for _, h := range r.hits(w.victim) {
			if h.query != nil {
				h.query.Set("q", markup) // what was searched for is shown again
			}
			for _, a := range []attacker{staff, login, {name: "nobody", handler: w.served}} {
				got := w.ask(a, h)
				if w.harmless(fmt.Sprintf("%s: %s?%s", a.name, h.path, h.query.Encode()), got.Header(), got.Body.Bytes()) {
					shown++
				}
			}
		}
	}
	if n := e.asGuests(); n < 10 {
		t.Errorf("only %d pages showed it to holders of links", n)
	} else {
		t.Logf("%d pages showed it to holders of links", n)
	}
	_, err = x.SetLoginPassword(ctx, w.req(w.account), commands.SetLoginPassword{Login: e.login, Password: ownerPassword})
	w.must(err)
	login = w.person(w.served, "a login", edge.SessionCookie, w.account, commands.Session{Contact: e.who, Actor: event.Actor{Kind: event.ActorLogin, ID: string(e.login)}}, nil)
	// The pages of the form that is refused, with what was typed.
	for _, act := range w.walk() {
		if act.method != http.MethodPost || routes[act.named()] == machines || strings.HasPrefix(act.pattern, "/api/") {
			continue
		}
		for _, h := range act.hits(w.victim) {
			for name := range h.form {
				if name != "command" && name != "document" {
					h.form.Set(name, markup)
				}
			}
			for _, a := range []attacker{staff, login} {
				got := w.ask(a, h)
				w.harmless(fmt.Sprintf("%s: POST %s", a.name, h.path), got.Header(), got.Body.Bytes())
			}
		}
	}
	if shown < 60 {
		t.Errorf("only %d pages showed what was written", shown)
	}
	t.Logf("%d pages showed what was written", shown)
}

// asGuests looks at each document as the holder of a link to it, who writes too, and
// returns how many pages showed what was written. Links open while nobody has a password.
func (e *written) asGuests() (shown int) {
	e.t.Helper()
	ctx, x := e.t.Context(), e.app.commands
	_, err := x.RemoveLoginPassword(ctx, e.req(e.account), commands.RemoveLoginPassword{Login: e.login})
	e.must(err)
	for k, doc := range e.docs {
		link, _, err := x.ShareLink(ctx, e.req(e.account), commands.ShareLink{Document: doc, Kind: k})
		e.must(err)
		guest := e.person(e.served, "the holder of a link to a "+string(k), edge.LinkCookie, e.account,
			commands.Session{Contact: e.who, Actor: event.Actor{Kind: event.ActorLink, ID: string(link.ID)}}, nil)
		e.settle()
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			for _, r := range e.walk() {
				if r.method != method || routes[r.named()] != sharedSide {
					continue
				}
				for _, h := range r.hits(e.victim) {
					for name := range h.form {
						if name != "command" && name != "document" {
							h.form.Set(name, markup)
						}
					}
					got := e.ask(guest, h)
					if e.harmless(guest.name+": "+method+" "+h.path, got.Header(), got.Body.Bytes()) && method == http.MethodGet {
						shown++
					}
				}
			}
			e.settle()
		}
	}
	return shown
}

// harmless checks an answer, and reports whether it shows what was written.
func (w *sweep) harmless(what string, h http.Header, body []byte) bool {
	w.t.Helper()
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	if h.Get("X-Content-Type-Options") != "nosniff" {
		w.t.Errorf("%s: a browser may take it for something else than %q", what, kind)
	}
	switch kind {
	case "text/html":
		return w.harmlessPage(what, body)
	case "text/csv":
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(body), "\ufeff"))).ReadAll()
		w.must(err)
		for _, row := range rows {
			for _, cell := range row {
				if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@\t\r") && strings.Trim(cell, "+-0123456789.,") != "" {
					w.t.Errorf("%s: the cell %q is a formula", what, cell)
				}
			}
		}
	case "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":
		if text := plain(w.t, body); strings.Contains(text, "<f>") || strings.Contains(text, "<x-planted") {
			w.t.Errorf("%s: a sheet has a formula or an element of what was written", what)
		}
	case "application/json", "application/problem+json", "application/xml", "application/pdf", "text/css", "application/openapi+json", "application/openapi+yaml", "":
	case "text/plain", "text/javascript", "image/svg+xml", "font/woff2":
	default:
		w.t.Errorf("%s: nobody has said what is harmless in %s", what, kind)
	}
	if d := h.Get("Content-Disposition"); d != "" && !strings.HasPrefix(d, "attachment") {
		w.t.Errorf("%s: shown as %s", what, d)
	}
	return strings.Contains(plain(w.t, body), "x-planted")
}

// attributes that hold addresses.
var addresses = map[string]bool{"href": true, "src": true, "action": true, "formaction": true, "poster": true, "data": true, "xlink:href": true, "hx-get": true, "hx-post": true}

func (w *sweep) harmlessPage(what string, body []byte) bool {
	w.t.Helper()
	return w.harmlessHTML(what, body, false)
}

// harmlessHTML checks a page, or a mail, whose elements may be styled.
func (w *sweep) harmlessHTML(what string, body []byte, mailed bool) bool {
	w.t.Helper()
	doc, err := html.Parse(strings.NewReader(string(body)))
	w.must(err)
	shown := false
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && strings.Contains(n.Data, "x-planted") {
			if n.Parent.Data == "script" || n.Parent.Data == "style" {
				w.t.Errorf("%s: what was written is in a %s", what, n.Parent.Data)
			}
			shown = true
		}
		if n.Type == html.CommentNode && strings.Contains(n.Data, "x-planted") {
			w.t.Errorf("%s: what was written is in a comment", what)
		}
		if n.Type != html.ElementNode {
			continue
		}
		if strings.Contains(n.Data, "x-planted") || n.Data == "base" || n.Data == "object" || n.Data == "embed" || n.Data == "iframe" {
			w.t.Errorf("%s: there is an element %s", what, n.Data)
		}
		for _, a := range n.Attr {
			shown = shown || strings.Contains(a.Val, "x-planted")
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" && (!mailed || strings.ContainsAny(a.Val, "<>(@\\")) || a.Key == "srcdoc" || strings.ContainsAny(a.Key, `"'<=`) {
				w.t.Errorf("%s: %s has an attribute %s", what, n.Data, a.Key)
			}
			if !addresses[a.Key] {
				continue
			}
			u, err := url.Parse(a.Val)
			own := err == nil && u.Host == "" && (u.Scheme == "" || u.Scheme == "mailto" || u.Scheme == "tel" || n.Data == "img" && strings.HasPrefix(a.Val, "data:image/") || mailed && a.Val == "cid:logo")
			if !own && !strings.HasPrefix(a.Val, "http://portal.test/") {
				w.t.Errorf("%s: %s leads to %q", what, n.Data, a.Val)
			}
		}
	}
	return shown
}

// TestNothingThatDataNamesIsFetched puts addresses of a listener, and files of this machine,
// wherever something can be written: by import of every form, into contacts, products and
// comments. Nothing that is made of them, pages, PDFs, electronic invoices and sheets, makes
// anything ask for them.
func TestNothingThatDataNamesIsFetched(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	heard := make(chan struct{}, 100)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			_ = c.Close()
			heard <- struct{}{}
		}
	}()
	t.Cleanup(func() { _ = listener.Close() })
	at := "http://" + listener.Addr().String() + "/x"

	w := openSweep(t)
	n := 0
	e := &written{sweep: w, text: func(string) string { return `<img src="` + at + `">` }, word: func(string) string {
		n++
		return fmt.Sprintf("word%d", n)
	}}
	e.everywhere()
	for name, file := range map[string]string{
		"an external entity":         `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "` + at + `">]><Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2">&e;</Invoice>`,
		"an external parameter":      `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY % e SYSTEM "` + at + `">%e;]><Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>`,
		"an external DTD":            `<?xml version="1.0"?><!DOCTYPE Invoice SYSTEM "` + at + `"><Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>`,
		"a file of the machine":      `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2">&e;</Invoice>`,
		"a PDF with external things": "%PDF-1.7\n1 0 obj <</Type/Catalog/OpenAction<</S/URI/URI(" + at + ")>>/AF[2 0 R]>> endobj\n2 0 obj <</Type/Filespec/FS/URL/F(" + at + ")>> endobj\ntrailer <</Root 1 0 R>>\n%%EOF",
	} {
		if _, err := w.app.importFile(t.Context(), w.req(w.account), []byte(file)); err == nil {
			t.Errorf("%s was imported", name)
		}
	}
	named := strings.NewReplacer(`<cbc:ID>F-UBL</cbc:ID>`, `<cbc:ID>F-NAMED</cbc:ID>`, `<Invoice `, `<?xml-stylesheet type="text/xsl" href="`+at+`"?><Invoice xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:x `+at+`" `,
		`<cac:AccountingSupplierParty>`, `<cac:AdditionalDocumentReference><cbc:ID>A</cbc:ID><cac:Attachment><cac:ExternalReference><cbc:URI>`+at+`</cbc:URI></cac:ExternalReference></cac:Attachment></cac:AdditionalDocumentReference><cac:AccountingSupplierParty>`).Replace(ubl)
	done, err := w.app.importFile(t.Context(), w.req(w.account), []byte(named))
	w.must(err)
	w.victim = things{contact: e.who, login: e.login, link: e.link, payment: id.DeriveID("none"), product: id.DeriveID("none"), docs: e.docs}
	e.docs[document.Invoice] = done[0].ID
	clerk := w.person(w.served, "staff", edge.StaffCookie, w.account, w.clerk(w.account), nil)
	login := w.person(w.served, "a login", edge.SessionCookie, w.account, commands.Session{Contact: e.who, Actor: event.Actor{Kind: event.ActorLogin, ID: string(e.login)}}, nil)
	w.settle()
	for _, r := range w.walk() {
		if r.method == http.MethodGet {
			for _, h := range r.hits(w.victim) {
				w.ask(clerk, h)
				w.ask(login, h)
			}
		}
	}
	// Only the test asks: what was asked before it is heard before it.
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
	w.must(err)
	w.must(c.Close())
	<-heard
	if n := asked.Load(); n != 1 {
		t.Errorf("the listener was asked %d times, want once, by the test", n)
	}
}

// mailedTo returns the one mail that an act makes the system send: its header, and all
// that its parts say.
func (w *sweep) mailedTo(act func()) string {
	w.t.Helper()
	w.sending()
	act()
	w.sent(1)
	all, err := readmodels.ListMails(w.t.Context(), readmodels.ForStaff(w.app.read, w.account), readmodels.MailQuery{})
	w.must(err)
	if len(all.Items) != 1 {
		w.t.Fatalf("there are %d mails, sent or not", len(all.Items))
	}
	files, err := filepath.Glob(filepath.Join(w.app.cfg.Data, outbox, "*.eml"))
	w.must(err)
	if len(files) != 1 {
		w.t.Fatalf("there are %d mails", len(files))
	}
	f, err := os.Open(files[0])
	w.must(err)
	defer func() { _ = f.Close() }()
	m, err := mail.ReadMessage(f)
	w.must(err)
	var said strings.Builder
	w.parts(textproto.MIMEHeader(m.Header), m.Body, func(h textproto.MIMEHeader, text string) {
		w.must(http.Header(h).Write(&said))
		said.WriteString(text)
	})
	return said.String()
}

// sending sends mails from now on, until the test ends.
func (w *sweep) sending() {
	w.t.Helper()
	_, err := w.app.commands.StartMailing(w.t.Context(), w.req(w.account))
	w.must(err)
	run, end := context.WithCancel(w.t.Context())
	var done sync.WaitGroup
	done.Go(func() { w.app.sender().Run(run) })
	w.t.Cleanup(func() {
		end()
		done.Wait()
	})
}

// sent waits until so many mails are sent.
func (w *sweep) sent(n int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	for {
		head := w.head()
		w.settle()
		mails, err := readmodels.ListMails(ctx, readmodels.ForStaff(w.app.read, w.account), readmodels.MailQuery{})
		w.must(err)
		sent := 0
		for i := range mails.Items {
			switch m := &mails.Items[i].Row; {
			case m.Status == readmodels.MailSent:
				sent++
			case m.Failing():
				w.t.Fatalf("the mail %s to %q is %s after %d tries: %s %d", m.Template, m.To, m.Status, m.Attempts, m.Cause, m.Code)
			}
		}
		if sent >= n {
			return
		}
		if _, err := w.app.events.Wait(ctx, head); err != nil {
			w.t.Fatalf("of %d mails %d are sent: %v", len(mails.Items), sent, err)
		}
	}
}

// parts reads a mail, or a part of one, and what is in it: its header, and its text, decoded.
func (w *sweep) parts(header textproto.MIMEHeader, body io.Reader, read func(textproto.MIMEHeader, string)) {
	w.t.Helper()
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	w.must(err)
	if strings.HasPrefix(kind, "multipart/") {
		read(header, "")
		for r := multipart.NewReader(body, params["boundary"]); ; {
			p, err := r.NextRawPart()
			if errors.Is(err, io.EOF) {
				return
			}
			w.must(err)
			w.parts(p.Header, p, read)
		}
	}
	if strings.EqualFold(header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	w.must(err)
	read(header, string(text))
}

// harmlessMails checks the mails in the outbox, and returns how many show what was written.
func (w *sweep) harmlessMails() int {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(w.app.cfg.Data, outbox, "*.eml"))
	w.must(err)
	shown := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		w.must(err)
		m, err := mail.ReadMessage(bytes.NewReader(b))
		w.must(err)
		what := "the mail " + m.Header.Get("Subject")
		to, err := mail.ParseAddressList(m.Header.Get("To"))
		if err != nil || len(to) != 1 || m.Header.Get("Bcc") != "" || m.Header.Get("Cc") != "" {
			w.t.Errorf("%s goes to %q: %v", what, m.Header.Get("To"), err)
		}
		w.parts(textproto.MIMEHeader(m.Header), m.Body, func(h textproto.MIMEHeader, text string) {
			switch kind, _, _ := strings.Cut(h.Get("Content-Type"), ";"); kind {
			case "text/html":
				// Mail programs know no style sheets: the styles are the mail's own, which say nothing of it.
				if w.harmlessHTML(what, []byte(text), true) {
					shown++
				}
			case "text/plain", "multipart/alternative", "multipart/related", "image/png":
			default:
				w.t.Errorf("%s: nobody has said what is harmless in %s", what, kind)
			}
		})
	}
	return shown
}

// TestFiguresInFormsAreIgnored sends amounts, prices, currencies, discounts and other
// contacts' ids with every form and every JSON that pays or orders: what is recorded is what
// the documents and the price list say, of the contact that asks.
func TestFiguresInFormsAreIgnored(t *testing.T) {
	t.Parallel()
	w := openSweep(t)
	w.makeVictim()
	other, _ := w.contact(w.account, "Redes del Norte", "A48000012", "ana@redes.example", attackerPassword)
	var full attacker
	for _, c := range w.colleagues() {
		if c.login == access.Full {
			full = c.attacker
		}
	}
	doc := w.issue(document.Invoice, "F-200", "Anchoas")
	w.settle()
	lies := url.Values{
		"total": {"0.01"}, "price": {"0.01"}, "net": {"0.01"}, "currency": {"JPY"}, "discount": {"100"}, "taxRate": {"0"}, "unitPrice": {"0"}, "gross": {"1"}, "outstanding": {"1"},
		"contact": {string(other)}, "account": {string(id.DeriveID("x"))}, "login": {string(id.DeriveID("x"))}, "actor": {"staff"}, "payment": {string(id.DeriveID("x"))}, "at": {"2020-01-01"}, "hash": {"x"},
	}
	form := func(path string, fields ...string) {
		t.Helper()
		f := url.Values{"command": {w.app.newID().String()}}
		for name, v := range lies {
			f[name] = v
		}
		for i := 0; i+1 < len(fields); i += 2 {
			f.Set(fields[i], fields[i+1])
		}
		if got := w.ask(full, hit{method: http.MethodPost, path: path, form: f}); got.Code != http.StatusSeeOther {
			t.Fatalf("%s: %d\n%.500s", path, got.Code, got.Body)
		}
	}
	before := w.head()
	form("/pay", "document", "invoice."+string(doc), "method", "transfer")
	form("/cart", "product", string(w.victim.product), "quantity", "3")
	form("/cart/order", "shown", "33.00 EUR")
	for _, body := range []map[string]any{
		{"method": "transfer", "total": "0.01 EUR", "documents": []any{map[string]any{"kind": "invoice", "id": doc}}},
		{"method": "transfer", "contact": other, "documents": []any{map[string]any{"kind": "invoice", "id": doc}}},
		{"method": "transfer", "documents": []any{map[string]any{"kind": "invoice", "id": doc, "outstanding": "0.01 EUR"}}},
	} {
		if got := w.ask(full, hit{method: http.MethodPost, path: "/api/v1/payments", json: body}); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d, want a refusal of the field that there is not", body, got.Code)
		}
	}
	if got := w.ask(full, hit{method: http.MethodPost, path: "/api/v1/payments", json: map[string]any{"method": "transfer", "documents": []any{map[string]any{"kind": "invoice", "id": doc, "amount": "121.00 USD"}}}}); got.Code < http.StatusBadRequest {
		t.Errorf("another currency: %d", got.Code)
	}
	if got := w.ask(full, hit{method: http.MethodPost, path: "/api/v1/payments", json: map[string]any{"method": "transfer", "documents": []any{map[string]any{"kind": "invoice", "id": doc, "amount": "-5.00 EUR"}}}}); got.Code < http.StatusBadRequest {
		t.Errorf("less than nothing: %d", got.Code)
	}
	events, err := w.app.events.ReadFeed(t.Context(), before, 1000, nil)
	w.must(err)
	found := map[string]bool{}
	for i := range events {
		rec, err := w.app.codec.Decode(t.Context(), &events[i])
		w.must(err)
		if rec.Meta.Contact != w.victim.contact && rec.Meta.Contact != "" || rec.Meta.Account != w.account {
			t.Errorf("%s is of contact %s", rec.Type, rec.Meta.Contact)
		}
		shown, err := w.app.codec.Reveal(&rec)
		w.must(err)
		var data struct {
			Amount  string
			Payable string
			Body    document.Body
		}
		switch rec.Type {
		case "payment.started":
			w.must(json.Unmarshal(shown, &data))
			found[rec.Type+" "+data.Amount] = true
		case "sales_order.placed":
			w.must(json.Unmarshal(shown, &data))
			found[rec.Type+" "+data.Body.Totals.Payable.String()] = true
			if l := data.Body.Lines[0]; l.Net != money.Of(3000, "EUR") || !l.Discount.IsZero() {
				t.Errorf("the line is %+v", l)
			}
		}
	}
	if !found["payment.started 121.00 EUR"] || !found["sales_order.placed 33.00 EUR"] || len(found) != 2 {
		t.Errorf("what was recorded is %v", found)
	}
}
