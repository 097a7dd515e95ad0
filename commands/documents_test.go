package commands_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"lonja/commands"
	"lonja/commands/reactions"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/invoice"
	"lonja/domain/money"
	"lonja/domain/order"
	"lonja/domain/payment"
)

func TestIssueDocument(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ana, bob := s.client("Ana", "B12345674", ""), s.client("Bob", "B44444444", "")
	issue := func(who id.Contact, b document.Body) (commands.Issued, error) {
		return s.IssueDocument(t.Context(), s.system(), commands.IssueDocument{Contact: who, Body: b})
	}
	seen := map[id.ID]document.Kind{}
	for _, k := range document.Kinds() {
		made, err := issue(ana, documenttest.Body(k, "N-1"))
		s.ok(err)
		if seen[made.ID] != "" || made.Kind != k || !made.Receipt.Changed {
			t.Errorf("%s is %+v", k, made)
		}
		seen[made.ID] = k
		again, err := issue(ana, documenttest.Body(k, "N-1"))
		if err != nil || again.ID != made.ID || again.Receipt.Changed {
			t.Errorf("%s issued again: %+v, %v", k, again, err)
		}
		changed := documenttest.Body(k, "N-1")
		changed.Title = "Otra"
		_, err = issue(ana, changed)
		s.refused(err, "document.changed")
		_, err = issue(bob, documenttest.Body(k, "N-1"))
		s.refused(err, "document.of_another")
	}
	_, err := issue("01J0000000000000000000000X", documenttest.Body(document.Invoice, "N-2"))
	s.refused(err, "not_found")
	bad := documenttest.Body(document.Invoice, "N-2")
	bad.Lines = nil
	_, err = issue(ana, bad)
	s.refused(err, "document.lines_missing")

	// The same number of another issuer is another document.
	theirs := documenttest.Body(document.Invoice, "N-1")
	theirs.Seller = document.Party{Name: "Otro", TaxID: "B87654321"}
	made, err := issue(ana, theirs)
	if err != nil || seen[made.ID] != "" {
		t.Errorf("another issuer's %+v, %v", made, err)
	}
	if n := s.events("invoice.issued"); n != 2 {
		t.Errorf("%d invoices were issued, want 2", n)
	}
}

func TestRelatedDocuments(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ana, bob := s.client("Ana", "B12345674", ""), s.client("Bob", "B44444444", "")
	theirs, err := s.IssueDocument(t.Context(), s.system(), commands.IssueDocument{Contact: bob, Body: documenttest.Body(document.Quote, "P-9")})
	s.ok(err)
	first, err := s.IssueDocument(t.Context(), s.system(), commands.IssueDocument{Contact: ana, Body: documenttest.Body(document.Quote, "P-1")})
	s.ok(err)
	for range 2 {
		_, err = s.IssueDocument(t.Context(), s.system(), commands.IssueDocument{Contact: ana, Body: documenttest.Body(document.Quote, "P-2"), Supersedes: first.ID})
		s.ok(err)
	}
	if n := s.events("quote.superseded"); n != 1 {
		t.Errorf("%d quotes were superseded", n)
	}
	_, err = s.IssueDocument(t.Context(), s.system(), commands.IssueDocument{Contact: ana, Body: documenttest.Body(document.Quote, "P-3"), Supersedes: theirs.ID})
	s.refused(err, "not_found")
	if n := s.events("quote.issued"); n != 3 {
		t.Errorf("%d quotes were issued, want 3", n)
	}
}

// given a credit note that names an invoice by its number
// then the invoice is owed less, once, however often the reaction runs.
func TestCreditNotes(t *testing.T) {
	t.Parallel()
	for _, times := range []int{0, 1, 5} {
		s := newScene(t)
		ana := s.client("Ana", "B12345674", "")
		inv, err := s.IssueDocument(t.Context(), s.system(), commands.IssueDocument{Contact: ana, Body: documenttest.Body(document.Invoice, "F-1")})
		s.ok(err)
		note := documenttest.Body(document.CreditNote, "R-1")
		note.References = []document.Reference{{Kind: document.Invoice, Number: "F-1"}, {Kind: document.Invoice, Number: "F-404"}}
		note.Totals.Payable = money.Of(21_000, "EUR")
		_, err = s.IssueDocument(t.Context(), s.system(), commands.IssueDocument{Contact: ana, Body: note})
		s.ok(err)
		s.answer(reactions.CreditNotesToInvoices(s.Commands), times)
		want := int64(121_000)
		if times > 0 {
			want = 100_000
		}
		if got := fold(s, invoice.Decider(), string(inv.ID)).Outstanding; got != money.Of(want, "EUR") {
			t.Errorf("answered %d times, %v is owed, want %d cents", times, got, want)
		}
		if n := s.events("invoice.credited"); n != min(times, 1) {
			t.Errorf("answered %d times, it was credited %d times", times, n)
		}
	}
}

// answer lets a reaction answer every event of its types a number of times.
func (s *scene) answer(r reactions.Reaction, times int) {
	s.t.Helper()
	stored, err := s.Store.ReadFeed(s.t.Context(), 0, 10_000, nil)
	s.ok(err)
	for i := range stored {
		rec, err := s.Codec.Decode(s.t.Context(), &stored[i])
		s.ok(err)
		for range times {
			if r.Answers(rec.Type) {
				s.ok(r.React(s.t.Context(), &rec))
			}
		}
	}
}

// Payments that succeeded, were refunded and failed, with the reaction run once an event
// or five times: the documents come to the same.
func TestPaymentsReachTheirDocumentsOnce(t *testing.T) {
	t.Parallel()
	for _, times := range []int{1, 5} {
		s := newShopfront(t)
		a, b := s.invoice(s.who, "F-1", 10_000), s.invoice(s.who, "F-2", 5000)
		first, err := s.start("sandbox", whole(a), part(b, 2000))
		s.ok(err)
		s.ok(s.tell(first, payment.NoticeSucceeded, 12_000))
		s.ok(s.tell(first, payment.NoticeRefunded, 500))
		lost, err := s.start("sandbox", part(b, 1000))
		s.ok(err)
		s.ok(s.tell(lost, payment.NoticeFailed, 0))
		s.answer(reactions.PaymentsToDocuments(s.Commands), times)
		s.owed(a, 0)
		s.owed(b, 3500)
		for typ, want := range map[string]int{"invoice.payment_recorded": 2, "invoice.payment_reversed": 1} {
			if n := s.events(typ); n != want {
				t.Errorf("answered %d times, there are %d of %s, want %d", times, n, typ, want)
			}
		}
	}
}

// Reactions that answer the same events at the same moment, as two processes would.
func TestReactionsAtTheSameMoment(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	a := s.invoice(s.who, "F-1", 10_000)
	pay, err := s.start("sandbox", whole(a))
	s.ok(err)
	s.ok(s.tell(pay, payment.NoticeSucceeded, 10_000))
	r := reactions.PaymentsToDocuments(s.Commands)
	stored, err := s.Store.ReadFeed(t.Context(), 0, 10_000, nil)
	s.ok(err)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for i := range stored {
				rec, err := s.Codec.Decode(t.Context(), &stored[i])
				if err != nil {
					t.Error(err)
					return
				}
				if r.Answers(rec.Type) {
					if err := r.React(t.Context(), &rec); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	s.owed(a, 0)
	if n := s.events("invoice.payment_recorded"); n != 1 {
		t.Errorf("the payment was recorded %d times", n)
	}
}

func TestReactionsRefuseStreamsThatAreNone(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, stream := range []string{"payment", "payment-x", ""} {
		rec := event.Recorded{Stream: stream, Type: "payment.succeeded", Data: payment.Succeeded{}}
		if err := reactions.PaymentsToDocuments(s.Commands).React(t.Context(), &rec); !fault.Is(err, fault.NotFound) {
			t.Errorf("of the stream %q: %v", stream, err)
		}
	}
}

func TestImportDocument(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	in := func(number string, change func(*document.Body)) commands.Imported {
		t.Helper()
		b := documenttest.Body(document.Invoice, number)
		b.Seller = document.Party{Name: "Conservas del Norte", TaxID: "B11111119"}
		b.Buyer = document.Party{Name: "Imprenta Moncayo, S.L.", TaxID: "ESB50111113", Email: "hola@moncayo.example"}
		change(&b)
		made, err := s.ImportDocument(t.Context(), s.system(), commands.ImportDocument{Body: b})
		s.ok(err)
		return made
	}
	first := in("F-1", func(*document.Body) {})
	if !first.ContactCreated || first.Again {
		t.Errorf("the first is %+v", first)
	}
	for name, change := range map[string]func(*document.Body){
		"tax id, written otherwise":    func(b *document.Body) { b.Buyer = document.Party{Name: "Moncayo", TaxID: "esb-50.111.113"} },
		"email, where there is no tax": func(b *document.Body) { b.Buyer = document.Party{Name: "Moncayo", Email: "HOLA@moncayo.example"} },
	} {
		if made := in("F "+name, change); made.Contact != first.Contact || made.ContactCreated {
			t.Errorf("by its %s it went to %+v", name, made)
		}
	}
	if other := in("F-3", func(b *document.Body) { b.Buyer = document.Party{Name: "Otra", TaxID: "B44444444"} }); other.Contact == first.Contact || !other.ContactCreated {
		t.Errorf("another's went to %+v", other)
	}
	again := in("F-1", func(*document.Body) {})
	if !again.Again || again.ContactCreated || again.ID != first.ID || again.Contact != first.Contact {
		t.Errorf("the same again is %+v", again)
	}
	// A party that can't be found again keeps its document.
	nameless := in("F-4", func(b *document.Body) { b.Buyer = document.Party{Name: "Cliente de contado"} })
	if once := in("F-4", func(b *document.Body) { b.Buyer = document.Party{Name: "Cliente de contado"} }); once.Contact != nameless.Contact || !once.Again {
		t.Errorf("of a nameless party it is %+v, then %+v", nameless, once)
	}
	// What the account bought is its supplier's.
	bought := in("S-1", func(b *document.Body) {
		b.Seller, b.Buyer = document.Party{Name: "Cartonajes", TaxID: "A48000012"}, b.Seller
	})
	if bought.Contact == first.Contact || !bought.ContactCreated {
		t.Errorf("what was bought went to %+v", bought)
	}
	changed := documenttest.Body(document.Invoice, "F-1")
	changed.Seller, changed.Buyer = document.Party{Name: "Conservas del Norte", TaxID: "B11111119"}, document.Party{Name: "Imprenta Moncayo, S.L.", TaxID: "ESB50111113", Email: "hola@moncayo.example"}
	changed.Totals.Payable = money.Of(120_999, "EUR")
	_, err := s.ImportDocument(t.Context(), s.system(), commands.ImportDocument{Body: changed})
	s.refused(err, "document.changed")
	if f, ok := fault.As(err); !ok || !strings.Contains(fmt.Sprint(f.Args), "totals.payable") {
		t.Errorf("the difference is not said: %v", err)
	}
}

// given many documents of a new contact that are imported at the same moment
// then there is one contact, and every document once.
func TestImportsAtTheSameMoment(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	const n = 8
	reqs := make([]commands.Request, n)
	for i := range reqs {
		reqs[i] = s.system()
	}
	made := make([]commands.Imported, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			var err error
			if made[i], err = s.ImportDocument(t.Context(), reqs[i], commands.ImportDocument{Body: documenttest.Body(document.Invoice, fmt.Sprint("F-", i/2))}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	created := 0
	for _, m := range made {
		if m.Contact != made[0].Contact {
			t.Errorf("there are contacts %s and %s", made[0].Contact, m.Contact)
		}
		if m.ContactCreated {
			created++
		}
	}
	if created > 1 || s.events("invoice.issued") != n/2 {
		t.Errorf("%d say that they made the contact; %d invoices were issued, want %d", created, s.events("invoice.issued"), n/2)
	}
}

func TestMovingOrders(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	ctx, o := t.Context(), v.docs[document.SalesOrder]
	_, err := v.ShipOrder(ctx, v.system(), commands.ShipOrder{Order: o})
	v.refused(err, "order.not_confirmed")
	v.ok(second(v.ConfirmOrder(ctx, v.system(), commands.ConfirmOrder{Order: o, DeliveryOn: "2026-03-09"})))
	for _, r := range []commands.Request{v.me(), v.by(v.link, v.who)} {
		for name, err := range map[string]error{
			"ship":   second(v.ShipOrder(ctx, r, commands.ShipOrder{Order: o})),
			"fulfil": second(v.FulfilOrder(ctx, r, commands.FulfilOrder{Order: o})),
		} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s by %s: %v", name, r.Actor.Kind, err)
			}
		}
	}
	v.ok(second(v.ShipOrder(ctx, v.system(), commands.ShipOrder{Order: o, Complete: true})))
	v.ok(second(v.FulfilOrder(ctx, v.system(), commands.FulfilOrder{Order: o})))
	_, err = v.CancelOrder(ctx, v.system(), commands.CancelOrder{Order: o})
	v.refused(err, "order.fulfilled")
	if got := fold(v.scene, order.Decider(), string(o)).Status; got != order.IsFulfilled {
		t.Errorf("the order is %v", got)
	}
}

// The products of an order go into the cart again: those that there are, of one's own.
func TestRepeatOrder(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	ctx := t.Context()
	gone := v.shopfront.product("B-1", 500)
	v.ok(v.put(gone, "2"))
	placed, err := v.place(v.me(), 2420)
	v.ok(err)
	v.ok(second(v.WithdrawProduct(ctx, v.system(), commands.WithdrawProduct{Product: gone})))
	stranger := v.client("Otro", "B44444444", "")
	v.ok(second(v.EnableCatalogue(ctx, v.system(), commands.EnableCatalogue{Contact: stranger})))
	_, _, err = v.RepeatOrder(ctx, v.as(v.scene.login(stranger, "x@example.com", "full", ""), stranger), commands.RepeatOrder{Order: placed})
	v.refused(err, "not_found")
	skipped, _, err := v.RepeatOrder(ctx, v.me(), commands.RepeatOrder{Order: placed})
	v.ok(err)
	if len(skipped) != 1 || skipped[0] != gone {
		t.Errorf("skipped %v, want the product that is gone", skipped)
	}
	cart, err := v.PriceCart(ctx, v.me())
	v.ok(err)
	if len(cart.Body.Lines) != 1 || cart.Body.Lines[0].Quantity.String() != "1" {
		t.Errorf("the cart is %+v", cart)
	}
}
