package sandbox_test

import (
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"lonja/adapters/memory"
	"lonja/adapters/payments/sandbox"
	"lonja/adapters/sqlite/vault"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/invoice"
	"lonja/domain/money"
	"lonja/domain/vocabulary"
)

// A payment from the portal's command to the paid invoice, through the real checkout and
// its repeated, late and out-of-order notices over HTTP.
func TestPaymentThroughCommands(t *testing.T) {
	t.Parallel()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	keys, err := vault.Open(t.Context(), filepath.Join(t.TempDir(), "vault.db"), vault.Options{})
	ok(err)
	t.Cleanup(func() { _ = keys.Close() })
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	c := &commands.Commands{
		Executor: &commands.Executor{Store: memory.NewEventLog(func() time.Time { return now }), Codec: event.NewCodec(vocabulary.Registry(), keys)},
		Vault:    keys, Gateways: map[string]commands.Gateway{},
	}
	heard := newShop()
	w := start(t, filepath.Join(t.TempDir(), "sandbox.db"), heard)
	heard.next = c.GatewayNotified
	c.Gateways[sandbox.Name] = w.Gateway

	acts := 0
	req := func(actor event.Actor, who id.Contact) commands.Request {
		acts++
		return commands.Request{Command: id.Derive("e2e", strconv.Itoa(acts)), Account: acc, Contact: who, Actor: actor, At: now}
	}
	system := event.Actor{Kind: event.ActorSystem, ID: "test"}
	_, _, err = c.OpenAccount(t.Context(), req(system, ""), commands.OpenAccount{Details: account.Opened{Name: "Conservas", Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid"}})
	ok(err)
	_, err = c.EnableGateway(t.Context(), req(system, ""), commands.EnableGateway{Gateway: sandbox.Name})
	ok(err)
	who, _, err := c.RegisterContact(t.Context(), req(system, ""), commands.RegisterContact{Details: contact.Details{Name: "Bar Manolo"}, Client: true})
	ok(err)
	login, _, err := c.CreateLogin(t.Context(), req(system, ""), commands.CreateLogin{Contact: who, Email: "a@example.com", Role: access.Pay})
	ok(err)
	total := money.Of(12100, "EUR")
	doc, err := c.IssueDocument(t.Context(), req(system, ""), commands.IssueDocument{Contact: who, Body: document.Body{
		Kind: document.Invoice, Number: "F-1", IssueDate: "2026-11-01", Currency: "EUR", Seller: document.Party{Name: "Conservas"}, Buyer: document.Party{Name: "Bar Manolo"},
		Lines:  []document.Line{{Name: "Anchoa", Quantity: decimal.MustParse("1"), UnitPrice: decimal.MustParse("121"), Net: total}},
		Totals: document.Totals{Lines: total, Net: total, Tax: money.Of(0, "EUR"), Gross: total, Payable: total},
	}})
	ok(err)

	me := event.Actor{Kind: event.ActorLogin, ID: string(login)}
	paid, _, err := c.StartPayment(t.Context(), req(me, who), commands.StartPayment{Documents: []commands.PayDocument{{Kind: document.Invoice, ID: doc.ID}}, Method: sandbox.Name})
	ok(err)
	session, _, err := c.OpenCheckout(t.Context(), req(me, who), commands.OpenCheckout{Payment: paid, ReturnURL: "http://portal.example/", Language: "es"})
	ok(err)
	w.do(t, http.MethodPost, session.URL+"/pay")
	heard.wait(t, 5)
	ok(c.SettlePayment(t.Context(), req(system, who), paid))

	state := func() invoice.State {
		s, _, err := commands.State(t.Context(), c.Executor, invoice.Decider(), string(doc.ID), commands.Request{Account: acc})
		ok(err)
		return s
	}
	if got := state(); got.Outstanding.Minor != 0 || got.Recorded[paid] != total {
		t.Errorf("the invoice is owed %s, %v recorded", got.Outstanding, got.Recorded)
	}
	_, err = c.RefundPayment(t.Context(), req(system, ""), commands.RefundPayment{Payment: paid, Total: money.Of(2100, "EUR")})
	ok(err)
	heard.wait(t, 8)
	ok(c.SettlePayment(t.Context(), req(system, who), paid))
	if got := state(); got.Outstanding != money.Of(2100, "EUR") {
		t.Errorf("after the refund it is owed %s", got.Outstanding)
	}
}
