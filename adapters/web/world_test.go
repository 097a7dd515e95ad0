package web_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/govalues/decimal"
	"golang.org/x/net/html"

	"lonja/adapters/mail"
	"lonja/adapters/memory"
	"lonja/adapters/sqlite/vault"
	"lonja/adapters/web"
	"lonja/adapters/web/edge"
	"lonja/commands"
	"lonja/commands/reactions"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/catalogue"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/payment"
	"lonja/domain/vocabulary"
	"lonja/projections"
	"lonja/readmodels"
)

const (
	passphrase      = "Cuatro-Barcas-Vuelven-Tarde"
	otherPassphrase = "Siete-Nasas-Duermen-Lejos"
	staffPassphrase = "Nueve-Gruas-Miran-Al-Norte"
)

// world is a portal over real stores, with its projections and reactions.
type world struct {
	t        *testing.T
	commands *commands.Commands
	log      *memory.EventLog
	reads    *memory.ReadStore
	vault    *vault.Vault
	gateway  *gateway
	server   *httptest.Server
	lines    *lockedBuffer // what was logged
	account  id.Account
	runner   *projections.Runner
	post     *postbox
	sender   *mail.Sender

	mu        sync.Mutex
	clock     time.Time
	serial    int
	reacted   event.Position
	reactions []reactions.Reaction
	stuck     bool // projections stand still
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), lines: &lockedBuffer{}, account: id.Account(id.Derive("account").String())}
	w.log, w.reads = memory.NewEventLog(w.now), memory.NewReadStore()
	var err error
	if w.vault, err = vault.Open(t.Context(), filepath.Join(t.TempDir(), "vault.db"), vault.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.vault.Close(); err != nil {
			t.Error(err)
		}
	})
	w.gateway = &gateway{sessions: map[string]commands.Checkout{}, notices: map[string]payment.Notice{}}
	w.commands = &commands.Commands{
		Executor: &commands.Executor{Store: w.log, Codec: event.NewCodec(vocabulary.Registry(), w.vault)},
		Read:     w.reads, Vault: w.vault, Blobs: memory.NewBlobs(), Gateways: map[string]commands.Gateway{"sandbox": w.gateway},
	}
	w.reactions = []reactions.Reaction{reactions.PaymentsToDocuments(w.commands), reactions.CreditNotesToInvoices(w.commands), reactions.Mails(w.commands), reactions.Invitations(w.commands)}
	w.startProjections()
	w.open()
	w.startMail()
	handler, err := web.New(web.Config{
		Account: w.account, BaseURL: "http://portal.test", Commands: w.commands, Wait: w.wait, Now: w.now, Test: []string{"sandbox"},
		Log: w.logger(),
		PDF: func(_ context.Context, out io.Writer, d edge.Sheet) error {
			_, err := fmt.Fprintf(out, "%%PDF-1.7 %s %s", d.Body.Number, d.L.Code)
			return err
		},
		StatementPDF: func(_ context.Context, out io.Writer, d edge.StatementSheet) error {
			_, err := fmt.Fprintf(out, "%%PDF-1.7 %s %s", d.Contact.Name, d.Statement.Currencies[0].Closing)
			return err
		},
		CertificatePDF: func(_ context.Context, out io.Writer, d edge.CertificateSheet) error {
			_, err := fmt.Fprintf(out, "%%PDF-1.7 %s approved by %s %s %s", d.Approval.Body.Number, d.Approval.Name, d.Approval.Hash, d.L.Code)
			return err
		},
		UBL: func(b *document.Body) ([]byte, error) { return []byte("<Invoice>" + b.Number + "</Invoice>"), nil },
		TransferCode: func(s *readmodels.Settings, amount money.Money, reference string) string {
			return "BCD\n002\n1\nSCT\n" + s.BIC + "\n" + s.Beneficiary + "\n" + s.IBAN + "\nEUR" + amount.Decimal() + "\n\n\n" + reference
		},
		Hosted: map[string]http.Handler{"/panic": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a secret detail") })},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(handler)
	t.Cleanup(w.server.Close)
	return w
}

func (w *world) logger() *slog.Logger { return slog.New(slog.NewTextHandler(w.lines, nil)) }

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

func (w *world) request(contact id.Contact) commands.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serial++
	return commands.Request{
		Command: id.Derive("test command", fmt.Sprint(w.serial)), Account: w.account, Contact: contact,
		Actor: event.Actor{Kind: event.ActorSystem, ID: "test"}, At: w.clock,
	}
}

// must is for set-up: it fails the test on an error.
func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// open opens the account, with a member of staff.
func (w *world) open() {
	w.t.Helper()
	ctx, c := w.t.Context(), w.commands
	_, _, err := c.OpenAccount(ctx, w.request(""), commands.OpenAccount{Details: account.Opened{
		Name: "Conservas Cantábricas", TaxID: "A39000013", Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid", Email: "admin@cantabricas.example",
	}})
	w.ok(err)
	_, err = c.ConfigureTransfer(ctx, w.request(""), commands.ConfigureTransfer{IBAN: "ES9121000418450200051332", BIC: "CAIXESBBXXX", Beneficiary: "Conservas Cantábricas, S.A."})
	w.ok(err)
	_, err = c.EnableGateway(ctx, w.request(""), commands.EnableGateway{Gateway: "sandbox"})
	w.ok(err)
	_, _, err = c.AddStaff(ctx, w.request(""), commands.AddStaff{Email: "luis@cantabricas.example", Name: "Luis Prado", Role: account.StaffEditor, Password: staffPassphrase})
	w.ok(err)
}

// client registers a contact; password "" leaves it without access.
func (w *world) client(name, email, password string, role access.Role) id.Contact {
	w.t.Helper()
	who, _, err := w.commands.RegisterContact(w.t.Context(), w.request(""), commands.RegisterContact{
		Details: contact.Details{Name: name, Email: email, Address: document.Address{City: "Logroño", Country: "ES"}}, Client: true, Supplier: true,
	})
	w.ok(err)
	if password != "" {
		w.login(who, email, password, role)
	}
	return who
}

func (w *world) login(who id.Contact, email, password string, role access.Role) id.ID {
	w.t.Helper()
	login, _, err := w.commands.CreateLogin(w.t.Context(), w.request(""), commands.CreateLogin{Contact: who, Email: email, Name: "Marta Soto", Role: role})
	w.ok(err)
	_, err = w.commands.SetLoginPassword(w.t.Context(), w.request(""), commands.SetLoginPassword{Login: login, Password: password})
	w.ok(err)
	return login
}

// revise issues a quote that takes another's place.
func (w *world) revise(who id.Contact, old id.ID, number string) id.ID {
	w.t.Helper()
	b := w.body(document.Quote, number, "Otra versión")
	return must[commands.Issued](w.t)(w.commands.IssueDocument(w.t.Context(), w.request(""), commands.IssueDocument{Contact: who, Body: b, Supersedes: old})).ID
}

// issue issues a document of 121 euros.
func (w *world) issue(who id.Contact, kind document.Kind, number, title string) id.ID {
	w.t.Helper()
	return must[commands.Issued](w.t)(w.commands.IssueDocument(w.t.Context(), w.request(""), commands.IssueDocument{Contact: who, Body: w.body(kind, number, title)})).ID
}

func (w *world) body(kind document.Kind, number, title string) document.Body {
	eur := func(n int64) money.Money { return money.Of(n, "EUR") }
	b := document.Body{
		Kind: kind, Number: number, Title: title, IssueDate: "2026-11-20", Currency: "EUR",
		Seller: document.Party{Name: "Conservas Cantábricas", TaxID: "A39000013"}, Buyer: document.Party{Name: "Bodegas Ibáñez, S.L."},
		Lines: []document.Line{{
			Name: "Anchoa de <Santoña>", Quantity: decimal.MustParse("10"), UnitPrice: decimal.MustParse("10"), Net: eur(10000), TaxCategory: "S", TaxRate: decimal.MustParse("21"),
		}},
		Taxes:  []document.Tax{{Kind: document.VAT, Category: "S", Rate: decimal.MustParse("21"), Base: eur(10000), Amount: eur(2100)}},
		Totals: document.Totals{Lines: eur(10000), Net: eur(10000), Tax: eur(2100), Gross: eur(12100), Payable: eur(12100)},
	}
	switch kind {
	case document.Quote:
		b.ValidUntil = "2026-12-31"
	case document.Invoice:
		b.DueDate = "2026-12-20"
	case document.PurchaseOrder:
		b.Seller, b.Buyer = b.Buyer, b.Seller
	}
	return b
}

func (w *world) product(sku, name string, price int64) id.ID {
	w.t.Helper()
	product, _, err := w.commands.PublishProduct(w.t.Context(), w.request(""), commands.PublishProduct{Product: catalogue.Product{
		SKU: sku, Name: name, Unit: "BX", Price: money.Of(price, "EUR"), TaxRate: decimal.MustParse("10"), Availability: catalogue.InStock,
	}})
	w.ok(err)
	return product
}

// react runs the reactions up to the head of the log.
func (w *world) react(ctx context.Context) error {
	for {
		w.mu.Lock()
		after := w.reacted
		w.mu.Unlock()
		events, err := w.log.ReadFeed(ctx, after, 100, nil)
		if err != nil || len(events) == 0 {
			return err
		}
		for i := range events {
			rec, err := w.commands.Codec.Decode(ctx, &events[i])
			if err != nil {
				return err
			}
			for _, r := range w.reactions {
				if !r.Answers(rec.Type) {
					continue
				}
				if err := r.React(ctx, &rec); err != nil {
					return err
				}
			}
		}
		w.mu.Lock()
		w.reacted = max(w.reacted, events[len(events)-1].Position)
		w.mu.Unlock()
	}
}

// notify tells what became of a checkout, as the gateway would.
func (w *world) notify(pay id.ID, status payment.NoticeStatus, amount money.Money) {
	w.t.Helper()
	ref := "ref-" + string(pay)
	n := payment.Notice{GatewayRef: ref, Status: status, Amount: amount, On: "2026-11-23"}
	w.gateway.mu.Lock()
	w.gateway.notices[ref] = n
	w.gateway.mu.Unlock()
	req := w.request("")
	req.Actor = event.Actor{Kind: event.ActorGateway, ID: "sandbox"}
	_, err := w.commands.GatewayNotified(w.t.Context(), req, commands.GatewayNotified{
		Gateway: "sandbox", GatewayRef: ref, Payment: pay, Status: status, Amount: amount, On: n.On,
	})
	w.ok(err)
}

// gateway is a hosted checkout in memory.
type gateway struct {
	mu       sync.Mutex
	sessions map[string]commands.Checkout
	notices  map[string]payment.Notice
}

func (g *gateway) Open(_ context.Context, c commands.Checkout) (commands.CheckoutSession, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ref := "ref-" + string(c.Payment)
	g.sessions[ref] = c
	return commands.CheckoutSession{Ref: ref, URL: "/hosted/" + ref, Until: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}, nil
}

func (g *gateway) Status(_ context.Context, ref string) (payment.Notice, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.notices[ref], nil
}

func (g *gateway) Cancel(context.Context, string) error              { return nil }
func (g *gateway) Refund(context.Context, string, money.Money) error { return nil }

// browser is somebody with a browser.
type browser struct {
	t    *testing.T
	w    *world
	http *http.Client
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &browser{t: w.t, w: w, http: &http.Client{Jar: jar}}
}

// page is what the browser shows.
type page struct {
	status int
	path   string
	header http.Header
	body   string
	doc    *html.Node
}

func (b *browser) do(r *http.Request) page {
	b.t.Helper()
	r.Header.Set("Accept-Language", "en")
	resp, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	doc, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	return page{status: resp.StatusCode, path: resp.Request.URL.RequestURI(), header: resp.Header, body: string(body), doc: doc}
}

func (b *browser) get(path string) page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.w.server.URL+path, nil)
	b.w.ok(err)
	return b.do(r)
}

func (b *browser) post(path string, values url.Values) page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.w.server.URL+path, strings.NewReader(values.Encode()))
	b.w.ok(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

// form returns the fields of a form of the page and where it goes.
func (p page) form(t *testing.T, formID string) (action string, values url.Values) {
	t.Helper()
	form := find(p.doc, func(n *html.Node) bool {
		return n.Data == "form" && (attr(n, "id") == formID || attr(n, "action") == formID)
	})
	if form == nil {
		t.Fatalf("%s has no form %s:\n%s", p.path, formID, text(p.doc))
	}
	values = url.Values{}
	each(form, func(n *html.Node) {
		name := attr(n, "name")
		switch {
		case name == "" || n.Data == "button":
		case n.Data == "input" && (attr(n, "type") == "radio" || attr(n, "type") == "checkbox"):
			if has(n, "checked") {
				values.Add(name, attr(n, "value"))
			}
		case n.Data == "input":
			values.Add(name, attr(n, "value"))
		case n.Data == "textarea":
			values.Add(name, text(n))
		}
	})
	action = attr(form, "action")
	if action == "" {
		action = p.path
	}
	return action, values
}

// submit fills a form of the page in and sends it.
func (b *browser) submit(p page, formID string, fields ...string) page {
	b.t.Helper()
	action, values := p.form(b.t, formID)
	for i := 0; i+1 < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	return b.post(action, values)
}

func (b *browser) signIn(email, password string) page {
	b.t.Helper()
	return b.submit(b.get("/sign-in"), "sign-in", "email", email, "password", password)
}

func (b *browser) signInStaff() page {
	b.t.Helper()
	return b.submit(b.get("/staff/sign-in"), "sign-in", "email", "luis@cantabricas.example", "password", staffPassphrase)
}

func (p page) want(t *testing.T, status int, path string, texts ...string) page {
	t.Helper()
	said := text(p.doc)
	if p.status != status || path != "" && p.path != path {
		t.Fatalf("status %d at %s, want %d at %s:\n%s", p.status, p.path, status, path, said)
	}
	for _, want := range texts {
		if !strings.Contains(said, want) {
			t.Errorf("%s does not say %q:\n%s", p.path, want, said)
		}
	}
	return p
}

func (p page) wantNot(t *testing.T, texts ...string) page {
	t.Helper()
	for _, no := range texts {
		if said := text(p.doc); strings.Contains(said, no) {
			t.Errorf("%s says %q:\n%s", p.path, no, said)
		}
	}
	return p
}

func (p page) has(elementID string) bool {
	return find(p.doc, func(n *html.Node) bool { return attr(n, "id") == elementID }) != nil
}

func (p page) textOf(t *testing.T, elementID string) string {
	t.Helper()
	n := find(p.doc, func(n *html.Node) bool { return attr(n, "id") == elementID })
	if n == nil {
		t.Fatalf("%s has no element %s", p.path, elementID)
	}
	return strings.TrimSpace(text(n))
}

func find(n *html.Node, is func(*html.Node) bool) *html.Node {
	var found *html.Node
	each(n, func(n *html.Node) {
		if found == nil && is(n) {
			found = n
		}
	})
	return found
}

func each(n *html.Node, visit func(*html.Node)) {
	if n.Type == html.ElementNode {
		visit(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		each(c, visit)
	}
}

func text(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && slices.Contains([]string{"script", "style", "head"}, n.Data) {
			return
		}
		if n.Type == html.TextNode {
			b.WriteString(strings.Join(strings.Fields(n.Data), " ") + " ")
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return strings.ReplaceAll(b.String(), "\u00a0", " ")
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// logged returns how many log lines there are, and that they are free of the given texts.
func (w *world) logged(secrets ...string) {
	w.t.Helper()
	for _, s := range secrets {
		if strings.Contains(w.lines.String(), s) {
			w.t.Errorf("the log contains %q", s)
		}
	}
}

type node = html.Node
