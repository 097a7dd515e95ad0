package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"lonja/adapters/passkeys/passkeystest"
	"lonja/adapters/web/edge"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/catalogue"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

// plants are texts that nobody else would write, one for each place where somebody can
// write something of a person.
type plants []string

// plant returns a new text for a place. It has no letters that files would write otherwise.
func (p *plants) plant(place string) string {
	text := "plant" + id.DeriveID("plant", place)[:12]
	*p = append(*p, strings.ToLower(string(text)))
	return string(text)
}

// found returns the plants that are in files of the folder, with the file's name.
func (p plants) found(t testing.TB, folder string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil // it was there a moment ago
		}
		b = bytes.ToLower(b)
		for _, text := range p {
			if bytes.Contains(b, []byte(text)) {
				out = append(out, filepath.Base(path)+": "+text)
			}
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return out
}

// leave waits until no plant is in any file, and fails where some stay.
func (p plants) leave(t *testing.T, folder, when string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		left := p.found(t, folder)
		if len(left) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s there still is\n%s", when, strings.Join(left, "\n"))
		}
	}
}

// TestErasedDataIsInNoFile writes something of a person wherever something can be written,
// by every act that there is, with read models that were rebuilt meanwhile, so that older
// ones are kept too. Once the contact is erased none of it is in any byte of any file: not
// in the log, not in read models and what SQLite leaves in their free pages and write-ahead
// logs, not among attached files, mails, sessions, passkeys and the gateway's notes.
func TestErasedDataIsInNoFile(t *testing.T) {
	t.Parallel()
	w := openSweep(t)
	folder := w.app.cfg.Data
	var p plants
	e := &written{sweep: w, text: p.plant, word: p.plant}
	e.everywhere()
	w.settle()
	w.must(w.app.runner.Rebuild(t.Context(), nil))
	e.comment("after the rebuild")
	w.settle()
	seen := p.found(t, folder)
	mailed := slices.ContainsFunc(seen, func(s string) bool { return strings.Contains(s, ".eml: ") })
	if len(seen) < 10 || !mailed {
		t.Fatalf("before the erasure only %q are found: the test looks in the wrong place", seen)
	}

	_, err := w.app.commands.EraseContact(t.Context(), w.req(w.account), commands.EraseContact{Contact: e.who})
	w.must(err)
	w.settle()
	p.leave(t, folder, "after the erasure")
	if got := w.call("", http.MethodGet, "/openapi.json", ""); got.Code != http.StatusOK {
		t.Errorf("the system answers %d", got.Code)
	}

	// Nor does anything bring it back.
	w.must(w.app.runner.Rebuild(t.Context(), nil))
	p.leave(t, folder, "after another rebuild")
}

// written is a contact about which, and by which, everything was written that can be.
type written struct {
	*sweep
	text  func(place string) string // what is written at a place
	word  func(place string) string // where it is to be an address or a number
	who   id.Contact
	login id.ID
	link  id.ID
	email string // the login's
	files id.ID  // the comment on the quote that has a file
	docs  map[document.Kind]id.ID
}

func (e *written) asPerson() commands.Request {
	r := e.req(e.account)
	r.Contact, r.Actor = e.who, event.Actor{Kind: event.ActorLogin, ID: string(e.login)}
	return r
}

func (e *written) party(place string) document.Party {
	return document.Party{
		Name: e.text(place + " name"), TradeName: e.text(place + " trade name"), Person: e.text(place + " person"), Email: e.word(place+" email") + "@x.example", Phone: e.text(place + " phone"),
		Address: document.Address{Street: e.text(place + " street"), City: e.text(place + " city"), PostCode: e.text(place + " post code"), Region: e.text(place + " region"), Country: "ES"},
	}
}

func (e *written) body(k document.Kind, number string) document.Body {
	at := number + " "
	b := documenttest.Body(k, number)
	b.Title, b.Terms, b.Notes, b.BuyerReference = e.text(at+"title"), e.text(at+"terms"), []string{e.text(at + "note")}, e.text(at+"reference")
	b.Lines[0].Name, b.Lines[0].Description, b.Lines[0].Note = e.text(at+"line"), e.text(at+"description"), e.text(at+"line's note")
	if k == document.PurchaseOrder {
		b.Seller = e.party(at + "seller")
	} else {
		b.Buyer = e.party(at + "buyer")
	}
	if k == document.Quote {
		b.ValidUntil = "2099-12-31"
	}
	return b
}

func (e *written) issue(k document.Kind, number string) id.ID {
	e.t.Helper()
	made, err := e.app.commands.IssueDocument(e.t.Context(), e.req(e.account), commands.IssueDocument{Contact: e.who, Body: e.body(k, number)})
	e.must(err)
	return made.ID
}

// hash is of what a document says.
func (e *written) hash(doc id.ID) string {
	e.t.Helper()
	e.settle()
	d, err := readmodels.Must(e.t.Context(), readmodels.For(e.app.read, e.account, e.who), readmodels.Documents, string(doc))
	e.must(err)
	return d.Hash
}

func (e *written) comment(place string) {
	e.t.Helper()
	_, _, err := e.app.commands.PostComment(e.t.Context(), e.asPerson(), commands.PostComment{Document: e.docs[document.Invoice], Kind: document.Invoice, Text: e.text("comment " + place)})
	e.must(err)
}

// everywhere writes something everywhere.
func (e *written) everywhere() {
	e.t.Helper()
	ctx, x := e.t.Context(), e.app.commands
	details := func(place string) contact.Details {
		d := e.party(place)
		return contact.Details{Name: d.Name, TradeName: d.TradeName, TaxID: e.word(place + " tax id"), Email: d.Email, Phone: d.Phone, Person: d.Person, Address: d.Address}
	}
	var err error
	e.who, _, err = x.RegisterContact(ctx, e.req(e.account), commands.RegisterContact{Details: details("at first"), Client: true, Supplier: true})
	e.must(err)
	_, err = x.ChangeContact(ctx, e.req(e.account), commands.ChangeContact{Contact: e.who, Details: details("then")})
	e.must(err)
	e.email = e.word("login") + "@x.example"
	e.login, _, err = x.CreateLogin(ctx, e.req(e.account), commands.CreateLogin{Contact: e.who, Email: e.email, Name: e.text("login's name"), Role: access.Full})
	e.must(err)
	e.docs = map[document.Kind]id.ID{}
	for _, k := range document.Kinds() {
		e.docs[k] = e.issue(k, "E-"+string(k))
	}
	e.byLink()
	_, err = x.SetLoginPassword(ctx, e.req(e.account), commands.SetLoginPassword{Login: e.login, Password: ownerPassword})
	e.must(err)
	e.answers()
	e.orders()
	e.comment("of a person")
	e.files = e.attach(e.asPerson, document.Quote, "person")
	e.attach(func() commands.Request { return e.req(e.account) }, document.Invoice, "staff")
	_, _, err = x.PostComment(ctx, e.req(e.account), commands.PostComment{Document: e.docs[document.Invoice], Kind: document.Invoice, Text: e.text("staff's comment"), AuthorName: e.text("staff's name")})
	e.must(err)
	_, err = x.CancelInvoice(ctx, e.req(e.account), commands.CancelInvoice{Invoice: e.issue(document.Invoice, "E-void"), Reason: e.text("why an invoice is void")})
	e.must(err)
	_, err = x.CancelPurchase(ctx, e.req(e.account), commands.CancelPurchase{PurchaseOrder: e.issue(document.PurchaseOrder, "E-back"), Reason: e.text("why an order is taken back")})
	e.must(err)
	pay, _, err := x.StartPayment(ctx, e.asPerson(), commands.StartPayment{Method: "transfer", Documents: []commands.PayDocument{{Kind: document.Invoice, ID: e.docs[document.Invoice]}}})
	e.must(err)
	_, err = x.AnnounceTransfer(ctx, e.asPerson(), commands.AnnounceTransfer{Payment: pay})
	e.must(err)
	_, err = x.EnableGateway(ctx, e.req(e.account), commands.EnableGateway{Gateway: "sandbox"})
	e.must(err)
	if pay, _, err = x.StartPayment(ctx, e.asPerson(), commands.StartPayment{Method: "sandbox", Documents: []commands.PayDocument{{Kind: document.Invoice, ID: e.issue(document.Invoice, "E-paid")}}}); err == nil {
		_, _, err = x.OpenCheckout(ctx, e.asPerson(), commands.OpenCheckout{Payment: pay, ReturnURL: "http://portal.test/payments/" + string(pay), Language: "es"})
	}
	e.must(err)
	e.byPages()
	e.passkey()
	e.mails()
}

// attach writes a comment with a file, and sends another that no comment is of yet.
func (e *written) attach(as func() commands.Request, k document.Kind, place string) id.ID {
	e.t.Helper()
	keep := func(place string) commands.FileRef {
		e.t.Helper()
		f, err := e.app.commands.AttachFile(e.t.Context(), as(), commands.AttachFile{
			Document: e.docs[k], Kind: k, Name: e.text(place+"'s file's name") + ".txt", Content: strings.NewReader(e.text(place + "'s file")),
		})
		e.must(err)
		return commands.FileRef{Blob: f.Blob, Name: f.Name}
	}
	keep(place + "'s forgotten")
	c, _, err := e.app.commands.PostComment(e.t.Context(), as(), commands.PostComment{
		Document: e.docs[k], Kind: k, Text: e.text(place + "'s comment with a file"), AuthorName: e.text(place + "'s name at a file"), Files: []commands.FileRef{keep(place)},
	})
	e.must(err)
	return c
}

// passkey gives the person one, which they name.
func (e *written) passkey() {
	e.t.Helper()
	ctx, x := e.t.Context(), e.app.commands
	begun, err := x.BeginPasskey(ctx, e.asPerson(), commands.Proof{Password: ownerPassword})
	e.must(err)
	d := &passkeystest.Authenticator{Origin: "http://portal.test", RPID: "portal.test"}
	_, _, err = x.AddPasskey(ctx, e.asPerson(), commands.AddPasskey{Step: begun.Step, Name: e.text("passkey"), Answer: d.Create(e.t, begun.Options)})
	e.must(err)
}

// mails leaves mails that were sent, with what staff wrote for them, and one that waits for
// what else is written.
func (e *written) mails() {
	e.t.Helper()
	ctx, x := e.t.Context(), e.app.commands
	e.sending()
	_, _, err := x.ShareLink(ctx, e.req(e.account), commands.ShareLink{
		Document: e.docs[document.Invoice], Kind: document.Invoice, SentTo: e.word("mailed to") + "@x.example", Send: true, Message: e.text("mail's message"),
	})
	e.must(err)
	_, _, err = x.InviteContact(ctx, e.req(e.account), commands.InviteContact{Contact: e.who})
	e.must(err)
	_, err = x.RequestRecovery(ctx, e.req(e.account), commands.RequestRecovery{Email: e.email})
	e.must(err)
	_, _, err = x.PostComment(ctx, e.req(e.account), commands.PostComment{Document: e.docs[document.Invoice], Kind: document.Invoice, Text: e.text("comment that is mailed"), AuthorName: e.text("who is mailed of")})
	e.must(err)
	e.sent(3)
}

// byLink writes as who holds a link, before anybody has a password.
func (e *written) byLink() {
	e.t.Helper()
	ctx, x := e.t.Context(), e.app.commands
	link, _, err := x.ShareLink(ctx, e.req(e.account), commands.ShareLink{Document: e.docs[document.Quote], Kind: document.Quote, SentTo: e.word("sent to") + "@x.example"})
	e.must(err)
	e.link = link.ID
	req := e.req(e.account)
	req.Contact, req.Actor = e.who, event.Actor{Kind: event.ActorLink, ID: string(link.ID)}
	_, _, err = x.PostComment(ctx, req, commands.PostComment{Document: e.docs[document.Quote], Kind: document.Quote, Text: e.text("link's comment"), AuthorName: e.text("link's name")})
	e.must(err)
	e.attach(func() commands.Request {
		r := e.req(e.account)
		r.Contact, r.Actor = req.Contact, req.Actor
		return r
	}, document.Quote, "link")
}

// answers answers quotes and purchase orders in each way.
func (e *written) answers() {
	e.t.Helper()
	ctx, x := e.t.Context(), e.app.commands
	quote, purchase := e.docs[document.Quote], e.docs[document.PurchaseOrder]
	_, err := x.RequestQuoteChanges(ctx, e.asPerson(), commands.RequestQuoteChanges{Quote: quote, Name: e.text("who wishes"), Text: e.text("wish")})
	e.must(err)
	_, err = x.ApproveQuote(ctx, e.asPerson(), commands.ApproveQuote{
		Quote: quote, Name: e.text("who approves"), Signature: "M1 1L2 2", Reference: e.text("approval's reference"), Hash: e.hash(quote),
	})
	e.must(err)
	_, err = x.DeclineQuote(ctx, e.asPerson(), commands.DeclineQuote{Quote: e.issue(document.Quote, "E-declined"), Name: e.text("who declines"), Reason: e.text("why declined")})
	e.must(err)
	_, err = x.ConfirmPurchase(ctx, e.asPerson(), commands.ConfirmPurchase{PurchaseOrder: purchase, Name: e.text("who confirms"), Reference: e.text("confirmation's reference"), Hash: e.hash(purchase)})
	e.must(err)
	_, err = x.RejectPurchase(ctx, e.asPerson(), commands.RejectPurchase{PurchaseOrder: e.issue(document.PurchaseOrder, "E-rejected"), Name: e.text("who rejects"), Reason: e.text("why rejected")})
	e.must(err)
}

// orders orders twice, of which one is rejected.
func (e *written) orders() {
	e.t.Helper()
	ctx, x := e.t.Context(), e.app.commands
	product, _, err := x.PublishProduct(ctx, e.req(e.account), commands.PublishProduct{Product: catalogue.Product{
		SKU: "AN-50", Name: "Anchoa", Unit: "BX", Price: money.Of(1000, "EUR"), TaxRate: decimal.MustParse("10"), Availability: catalogue.InStock,
	}})
	e.must(err)
	_, err = x.EnableCatalogue(ctx, e.req(e.account), commands.EnableCatalogue{Contact: e.who})
	e.must(err)
	for n, end := range []string{"rejected", "cancelled"} {
		_, err = x.SetCartLine(ctx, e.asPerson(), commands.SetCartLine{Product: product, Quantity: decimal.MustParse("2")})
		e.must(err)
		priced, err := x.PriceCart(ctx, e.asPerson())
		e.must(err)
		to := e.party("delivery " + end)
		order, _, err := x.PlaceOrder(ctx, e.asPerson(), commands.PlaceOrder{
			ShownTotal: priced.Body.Totals.Payable, DeliverTo: &to, Reference: e.text("order's reference " + end), Note: e.text("order's note " + end),
		})
		e.must(err)
		if n == 0 {
			_, err = x.RejectOrder(ctx, e.req(e.account), commands.RejectOrder{Order: order, Reason: e.text("why an order is rejected")})
		} else {
			_, err = x.CancelOrder(ctx, e.req(e.account), commands.CancelOrder{Order: order, Reason: e.text("why an order is cancelled")})
		}
		e.must(err)
	}
}

// byPages acts by pages and API.
func (e *written) byPages() {
	e.t.Helper()
	who := e.person(e.served, "the person", edge.SessionCookie, e.account, commands.Session{
		Contact: e.who, Actor: event.Actor{Kind: event.ActorLogin, ID: string(e.login)}, UserAgent: e.word("browser"),
	}, nil)
	for i, h := range []hit{
		{method: http.MethodPost, path: "/invoices/" + string(e.docs[document.Invoice]) + "/comments", form: url.Values{"text": {e.text("page's comment")}}},
		{method: http.MethodPost, path: "/api/v1/documents/" + string(e.docs[document.Invoice]) + "/comments", json: map[string]any{"text": e.text("API's comment")}, key: e.word("request's key")},
	} {
		if h.form != nil {
			h.form.Set("command", id.Derive("planting", fmt.Sprint(i)).String())
		}
		if got := e.ask(who, h); got.Code >= http.StatusBadRequest {
			e.t.Fatalf("%s: %d\n%.500s", h.path, got.Code, got.Body)
		}
	}
}
