package commands_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/invoice"
	"lonja/domain/money"
	"lonja/domain/payment"
	"lonja/readmodels"
)

// till is a gateway whose word the test gives.
type till struct {
	mu     sync.Mutex
	says   map[string]payment.Notice
	asked  int
	closed map[string]bool
	refund money.Money
}

func newTill() *till { return &till{says: map[string]payment.Notice{}, closed: map[string]bool{}} }

func (g *till) Open(_ context.Context, c commands.Checkout) (commands.CheckoutSession, error) {
	return commands.CheckoutSession{Ref: "sbx_" + string(c.Payment), URL: "http://sandbox/" + string(c.Payment), Until: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)}, nil
}

func (g *till) Status(_ context.Context, ref string) (payment.Notice, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked++
	return g.says[ref], nil
}

func (g *till) Cancel(_ context.Context, ref string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed[ref] = true
	return nil
}

func (g *till) Refund(_ context.Context, _ string, total money.Money) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refund = total
	return nil
}

// shopfront is a scene with a contact, a login, a gateway and a bank account.
type shopfront struct {
	*scene
	till  *till
	who   id.Contact
	login id.ID
}

func newShopfront(t *testing.T) *shopfront {
	t.Helper()
	s := &shopfront{scene: newScene(t), till: newTill()}
	s.Gateways["sandbox"] = s.till
	s.ok(second(s.EnableGateway(t.Context(), s.system(), commands.EnableGateway{Gateway: "sandbox"})))
	s.ok(second(s.ConfigureTransfer(t.Context(), s.system(), commands.ConfigureTransfer{IBAN: "ES9121000418450200051332"})))
	s.who = s.client("Bar Manolo", "B12345674", "")
	s.login = s.scene.login(s.who, "a@example.com", access.Full, "")
	return s
}

func (s *shopfront) me() commands.Request { return s.as(s.login, s.who) }

func (s *shopfront) start(method string, docs ...commands.PayDocument) (id.ID, error) {
	pay, _, err := s.StartPayment(s.t.Context(), s.me(), commands.StartPayment{Documents: docs, Method: method})
	return pay, err
}

func whole(doc id.ID) commands.PayDocument {
	return commands.PayDocument{Kind: document.Invoice, ID: doc}
}

func part(doc id.ID, cents int64) commands.PayDocument {
	m := money.Of(cents, "EUR")
	return commands.PayDocument{Kind: document.Invoice, ID: doc, Amount: &m}
}

// tell is the gateway's notice of a payment.
func (s *shopfront) tell(pay id.ID, status payment.NoticeStatus, cents int64) error {
	req := s.system()
	req.Actor = event.Actor{Kind: event.ActorGateway, ID: "sandbox"}
	n := commands.GatewayNotified{Gateway: "sandbox", GatewayRef: "sbx_" + string(pay), Payment: pay, Status: status, On: "2026-03-02"}
	if cents != 0 {
		n.Amount = money.Of(cents, "EUR")
	}
	_, err := s.GatewayNotified(s.t.Context(), req, n)
	return err
}

func (s *shopfront) owed(doc id.ID, cents int64) {
	s.t.Helper()
	if got := fold(s.scene, invoice.Decider(), string(doc)).Outstanding; got != money.Of(cents, "EUR") {
		s.t.Errorf("%s is owed, want %d cents", got, cents)
	}
}

func TestPayByGateway(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	a, b := s.invoice(s.who, "F-1", 10000), s.invoice(s.who, "F-2", 5000)
	pay, err := s.start("sandbox", whole(a), part(b, 2000))
	s.ok(err)
	session, _, err := s.OpenCheckout(t.Context(), s.me(), commands.OpenCheckout{Payment: pay, ReturnURL: "http://portal/"})
	s.ok(err)
	if again, _, err := s.OpenCheckout(t.Context(), s.me(), commands.OpenCheckout{Payment: pay}); err != nil || again.URL != session.URL {
		t.Errorf("opens %+v, %v", again, err)
	}
	for _, status := range []payment.NoticeStatus{payment.NoticeFailed, payment.NoticeSucceeded, payment.NoticeProcessing, payment.NoticeSucceeded, payment.NoticeFailed} {
		cents := int64(0)
		if status == payment.NoticeSucceeded {
			cents = 12000
		}
		s.ok(s.tell(pay, status, cents))
		s.react()
	}
	s.owed(a, 0)
	s.owed(b, 3000)
	if n := s.events("payment.succeeded"); n != 1 {
		t.Errorf("%d successes", n)
	}
	_, err = s.start("sandbox", whole(a))
	s.refused(err, "payment.already_paid")

	// Refunds take from the last document first.
	s.ok(s.tell(pay, payment.NoticeRefunded, 500))
	s.react()
	s.owed(b, 3500)
	s.ok(s.tell(pay, payment.NoticeRefunded, 12000))
	s.ok(s.tell(pay, payment.NoticeRefunded, 500))
	s.react()
	s.owed(a, 10000)
	s.owed(b, 5000)
}

func TestPaymentRefusals(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	doc := s.invoice(s.who, "F-1", 10000)
	_, err := s.start("stripe", whole(doc))
	s.refused(err, "payment.method_not_allowed")
	_, err = s.start("sandbox", part(doc, 10001))
	s.refused(err, "payment.more_than_outstanding")
	_, err = s.start("sandbox", commands.PayDocument{Kind: document.Quote, ID: doc})
	s.refused(err, "payment.kind_not_payable")
	_, err = s.start("sandbox")
	s.refused(err, "payment.nothing_to_pay")
	s.ok(second(s.SetPaymentMethods(t.Context(), s.system(), commands.SetPaymentMethods{Contact: s.who, Methods: []string{"transfer"}})))
	_, err = s.start("sandbox", whole(doc))
	s.refused(err, "payment.method_not_allowed")

	stranger := s.client("Otro", "B87654321", "")
	theirs := s.invoice(stranger, "F-2", 100)
	_, err = s.start("transfer", whole(theirs))
	s.refused(err, "not_found")
	pay, err := s.start("transfer", whole(doc))
	s.ok(err)
	attacker := s.as(s.scene.login(stranger, "attacker@example.com", access.Full, ""), stranger)
	_, err = s.AnnounceTransfer(t.Context(), attacker, commands.AnnounceTransfer{Payment: pay})
	s.refused(err, "not_found")
	_, err = s.CancelPayment(t.Context(), attacker, commands.CancelPayment{Payment: pay})
	s.refused(err, "not_found")
	_, _, err = s.OpenCheckout(t.Context(), attacker, commands.OpenCheckout{Payment: pay})
	s.refused(err, "not_found")
	_, _, err = s.RecordTransfer(t.Context(), s.me(), commands.RecordTransfer{Payment: pay, Amount: money.Of(1, "EUR"), On: "2026-03-02"})
	s.refused(err, "not_found")
	s.refused(s.tell(pay, payment.NoticeSucceeded, 10000), "not_found") // a transfer, not the sandbox's
	_, err = s.GatewayNotified(t.Context(), s.me(), commands.GatewayNotified{Gateway: "sandbox", Payment: pay, Status: payment.NoticeSucceeded, Amount: money.Of(10000, "EUR")})
	s.refused(err, "not_found")
}

func TestNobodyPaysTwice(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	doc := s.invoice(s.who, "F-1", 10000)
	one, err := s.start("sandbox", whole(doc))
	s.ok(err)
	// The same again, from another tab: it is the same payment.
	if two, err := s.start("sandbox", whole(doc)); err != nil || two != one {
		t.Errorf("started %s and %s, %v", one, two, err)
	}
	_, err = s.start("sandbox", part(doc, 100))
	s.refused(err, "payment.in_progress")
	s.ok(s.tell(one, payment.NoticeSucceeded, 10000))
	// Before the reaction has told the invoice.
	_, err = s.start("sandbox", whole(doc))
	s.refused(err, "payment.in_progress")
	s.react()
	_, err = s.start("sandbox", whole(doc))
	s.refused(err, "payment.already_paid")

	other := s.invoice(s.who, "F-2", 5000)
	pay, err := s.start("sandbox", whole(other))
	s.ok(err)
	s.ok(second(s.CancelPayment(t.Context(), s.me(), commands.CancelPayment{Payment: pay})))
	if next, err := s.start("sandbox", whole(other)); err != nil || next == pay {
		t.Errorf("after cancelling: %s, %v", next, err)
	}
}

func TestCancellingWhatWasPaid(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	doc := s.invoice(s.who, "F-1", 10000)
	pay, err := s.start("sandbox", whole(doc))
	s.ok(err)
	session, _, err := s.OpenCheckout(t.Context(), s.me(), commands.OpenCheckout{Payment: pay})
	s.ok(err)
	s.till.says[session.Ref] = payment.Notice{GatewayRef: session.Ref, Status: payment.NoticeSucceeded, Amount: money.Of(10000, "EUR"), On: "2026-03-02"}
	_, err = s.CancelPayment(t.Context(), s.me(), commands.CancelPayment{Payment: pay})
	s.refused(err, "payment.already_succeeded")
	s.react()
	s.owed(doc, 0)
}

func TestWhatDoesNotFitIsKept(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	doc := s.invoice(s.who, "F-1", 10000)
	pay, err := s.start("sandbox", whole(doc))
	s.ok(err)
	// Meanwhile somebody paid most of it by transfer.
	_, _, err = s.RecordTransfer(t.Context(), s.system(), commands.RecordTransfer{Documents: []commands.PayDocument{whole(doc)}, Amount: money.Of(7000, "EUR"), On: "2026-03-02"})
	s.ok(err)
	s.react()
	s.owed(doc, 3000)
	s.ok(s.tell(pay, payment.NoticeSucceeded, 10000))
	s.react()
	s.seen = 0 // every event comes again
	s.react()
	s.owed(doc, 0)
	if got := fold(s.scene, payment.Decider(), string(pay)).Overpaid[doc]; got != money.Of(7000, "EUR") {
		t.Errorf("%s is overpaid", got)
	}
	// A refund first takes what no document holds.
	s.ok(s.tell(pay, payment.NoticeRefunded, 7000))
	s.react()
	s.owed(doc, 0)
	s.ok(s.tell(pay, payment.NoticeRefunded, 7500))
	s.react()
	s.owed(doc, 500)
}

func TestCancelledInvoiceTakesNothing(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	doc := s.invoice(s.who, "F-1", 10000)
	pay, err := s.start("sandbox", whole(doc))
	s.ok(err)
	s.ok(second(s.CancelInvoice(t.Context(), s.system(), commands.CancelInvoice{Invoice: doc, Reason: "error"})))
	s.ok(s.tell(pay, payment.NoticeSucceeded, 10000))
	s.react()
	if got := fold(s.scene, payment.Decider(), string(pay)).Overpaid[doc]; got != money.Of(10000, "EUR") {
		t.Errorf("%s is overpaid", got)
	}
}

func TestPayByTransfer(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	doc := s.invoice(s.who, "F-1", 10000)
	pay, err := s.start("transfer", whole(doc))
	s.ok(err)
	s.ok(second(s.AnnounceTransfer(t.Context(), s.me(), commands.AnnounceTransfer{Payment: pay})))
	record := commands.RecordTransfer{Payment: pay, Amount: money.Of(10500, "EUR"), On: "2026-03-02"}
	for range 2 {
		_, _, err = s.RecordTransfer(t.Context(), s.system(), record)
		s.ok(err)
	}
	s.react()
	s.owed(doc, 0)
	if got := fold(s.scene, payment.Decider(), string(pay)).Overpaid[doc]; got != money.Of(500, "EUR") {
		t.Errorf("%s is overpaid", got)
	}
	req := s.system()
	other := s.invoice(s.who, "F-2", 3000)
	straight := commands.RecordTransfer{Documents: []commands.PayDocument{whole(other)}, Amount: money.Of(1000, "EUR"), On: "2026-03-02"}
	one, _, err := s.RecordTransfer(t.Context(), req, straight)
	s.ok(err)
	s.react()
	two, _, err := s.RecordTransfer(t.Context(), req, straight)
	s.ok(err)
	s.react()
	if one != two {
		t.Errorf("one act made %s and %s", one, two)
	}
	s.owed(other, 2000)
	s.ok(second(s.RefundPayment(t.Context(), s.system(), commands.RefundPayment{Payment: one})))
	s.react()
	s.owed(other, 3000)
}

func TestReconcilePayment(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	doc := s.invoice(s.who, "F-1", 10000)
	started := s.now
	pay, err := s.start("sandbox", whole(doc))
	s.ok(err)
	session, _, err := s.OpenCheckout(t.Context(), s.me(), commands.OpenCheckout{Payment: pay})
	s.ok(err)
	ask := func() { s.t.Helper(); s.ok(second(s.ReconcilePayment(t.Context(), s.system(), pay, started))) }
	ask()
	s.owed(doc, 10000)
	s.till.says[session.Ref] = payment.Notice{GatewayRef: session.Ref, Status: payment.NoticeSucceeded, Amount: money.Of(10000, "EUR"), On: "2026-03-02"}
	ask()
	ask()
	s.react()
	s.owed(doc, 0)
	if n := s.events("payment.succeeded"); n != 1 {
		t.Errorf("%d successes", n)
	}
	// One that never reached the gateway ends by itself.
	lost, err := s.start("sandbox", whole(s.invoice(s.who, "F-2", 100)))
	s.ok(err)
	s.now = started.Add(payment.ReservationLife)
	s.ok(second(s.ReconcilePayment(t.Context(), s.system(), lost, started)))
	if got := fold(s.scene, payment.Decider(), string(lost)); got.Status != payment.StatusFailed || got.Reason != "expired" {
		t.Errorf("it is %s: %s", got.Status, got.Reason)
	}
}

// The webhooks never came: the gateway is asked about every payment under way that is old enough.
func TestReconcilePayments(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	docs := []id.ID{s.invoice(s.who, "F-1", 10000), s.invoice(s.who, "F-2", 5000), s.invoice(s.who, "F-3", 100)}
	var keys []readmodels.Key
	var rows []readmodels.Payment
	for i, doc := range docs {
		pay, err := s.start("sandbox", whole(doc))
		s.ok(err)
		session, _, err := s.OpenCheckout(t.Context(), s.me(), commands.OpenCheckout{Payment: pay})
		s.ok(err)
		state := fold(s.scene, payment.Decider(), string(pay))
		s.till.says[session.Ref] = payment.Notice{GatewayRef: session.Ref, Status: payment.NoticeSucceeded, Amount: state.Amount, On: "2026-03-02"}
		keys = append(keys, readmodels.Key{Account: s.acc, Contact: s.who, ID: string(pay)})
		rows = append(rows, readmodels.Payment{ID: pay, Method: "sandbox", State: readmodels.PaymentStarted, StartedAt: s.now.Add(-time.Duration(i) * time.Minute)})
	}
	shown(s.scene, "payments", readmodels.Payments, keys, rows)

	changed, err := s.ReconcilePayments(t.Context(), s.system(), s.now)
	s.ok(err)
	s.react()
	if changed != 2 {
		t.Errorf("%d payments changed, want the two that are old enough", changed)
	}
	s.owed(docs[0], 10000)
	s.owed(docs[1], 0)
	s.owed(docs[2], 0)
	if again, err := s.ReconcilePayments(t.Context(), s.system(), s.now); err != nil || again != 0 {
		t.Errorf("again: %d, %v", again, err)
	}
}
