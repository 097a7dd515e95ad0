package commands_test

import (
	"path/filepath"
	"sync"
	"testing"

	"lonja/adapters/sqlite/eventlog"
	"lonja/commands"
	"lonja/commands/reactions"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/invoice"
	"lonja/domain/money"
	"lonja/domain/payment"
)

// onDisk moves a scene's log to a file.
func onDisk(s *shopfront) *shopfront {
	s.t.Helper()
	log, err := eventlog.Open(s.t.Context(), filepath.Join(s.t.TempDir(), "events.db"), eventlog.Options{})
	s.ok(err)
	s.t.Cleanup(func() {
		if err := log.Close(); err != nil {
			s.t.Error(err)
		}
	})
	s.Store = s.copyTo(log, s.Store)
	return s
}

// together runs the acts at the same moment and returns their errors, in their order.
func together(acts ...func() error) []error {
	errs := make([]error, len(acts))
	var start, done sync.WaitGroup
	start.Add(1)
	for i, act := range acts {
		done.Go(func() {
			start.Wait()
			errs[i] = act()
		})
	}
	start.Done()
	done.Wait()
	return errs
}

// mine are requests of the person's, made one after the other: the scene counts them.
func (s *shopfront) mine(n int) []commands.Request {
	out := make([]commands.Request, n)
	for i := range out {
		out[i] = s.me()
	}
	return out
}

// given two tabs that pay the same invoice at the same moment
// then one payment is under way; whoever comes second goes on with it or is told of it.
func TestTwoTabsPay(t *testing.T) {
	t.Parallel()
	s := onDisk(newShopfront(t))
	doc := s.invoice(s.who, "F-1", 10_000)
	reqs := s.mine(4)
	pays := make([]id.ID, len(reqs))
	acts := make([]func() error, len(reqs))
	for i, req := range reqs {
		acts[i] = func() (err error) {
			pays[i], _, err = s.StartPayment(t.Context(), req, commands.StartPayment{Documents: []commands.PayDocument{whole(doc)}, Method: "sandbox"})
			return err
		}
	}
	var under id.ID
	for i, err := range together(acts...) {
		switch f, refused := fault.As(err); {
		case err == nil && (under == "" || under == pays[i]):
			under = pays[i]
		case !refused || f.Key != "payment.in_progress":
			t.Errorf("tab %d: %s, %v; %s is under way", i, pays[i], err, under)
		}
	}
	if n := s.events("payment.started"); n != 1 || under == "" {
		t.Errorf("%d payments were started", n)
	}
}

// given a gateway that tells of a success and a failure, several times, while the payer
// cancels, the gateway is asked, and two processes settle
// then there is one success, and the invoice is paid once.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	s := onDisk(newShopfront(t))
	doc := s.invoice(s.who, "F-1", 10_000)
	pay, err := s.start("sandbox", whole(doc))
	s.ok(err)
	session, _, err := s.OpenCheckout(t.Context(), s.me(), commands.OpenCheckout{Payment: pay})
	s.ok(err)
	paid := payment.Notice{GatewayRef: session.Ref, Status: payment.NoticeSucceeded, Amount: money.Of(10_000, "EUR"), On: "2026-03-02"}
	s.till.says[session.Ref] = paid
	var acts []func() error
	for i := range 3 {
		told, late, ask, cancel := s.system(), s.system(), s.system(), s.me()
		settles := s.system()
		settles.Contact = s.who
		told.Actor.Kind, told.Actor.ID = "gateway", "sandbox"
		late.Actor = told.Actor
		acts = append(acts,
			func() error {
				return second(s.GatewayNotified(t.Context(), told, commands.GatewayNotified{
					Gateway: "sandbox", GatewayRef: session.Ref, Payment: pay, Status: paid.Status, Amount: paid.Amount, On: paid.On,
				}))
			},
			func() error {
				return second(s.GatewayNotified(t.Context(), late, commands.GatewayNotified{
					Gateway: "sandbox", GatewayRef: session.Ref, Payment: pay, Status: payment.NoticeFailed, Reason: "declined",
				}))
			},
			func() error { return second(s.ReconcilePayment(t.Context(), ask, pay, s.now)) },
			func() error { return s.SettlePayment(t.Context(), settles, pay) },
			func() error {
				if i > 0 {
					return nil
				}
				rcpt, err := s.CancelPayment(t.Context(), cancel, commands.CancelPayment{Payment: pay})
				if f, ok := fault.As(err); ok && f.Key == "payment.already_succeeded" {
					return nil
				}
				if err == nil && rcpt.Changed { // where it did nothing, the failure was told first
					t.Error("what was paid is cancelled")
				}
				return err
			},
		)
	}
	for i, err := range together(acts...) {
		if err != nil {
			t.Errorf("act %d: %v", i, err)
		}
	}
	s.react()
	s.owed(doc, 0)
	for typ, want := range map[string]int{"payment.succeeded": 1, "invoice.payment_recorded": 1, "payment.overpaid": 0, "payment.disputed": 0} {
		if n := s.events(typ); n != want {
			t.Errorf("there are %d of %s, want %d", n, typ, want)
		}
	}
}

// given two colleagues who record the same transfer at the same moment, one of them by
// another amount
// then the first counts; whoever says otherwise is refused.
func TestTwoColleaguesRecordATransfer(t *testing.T) {
	t.Parallel()
	s := onDisk(newShopfront(t))
	doc := s.invoice(s.who, "F-1", 10_000)
	pay, err := s.start("transfer", whole(doc))
	s.ok(err)
	var acts []func() error
	for _, cents := range []int64{4000, 4000, 9000} {
		req := s.system()
		acts = append(acts, func() error {
			return third(s.RecordTransfer(t.Context(), req, commands.RecordTransfer{Payment: pay, Amount: money.Of(cents, "EUR"), On: "2026-03-02"}))
		})
	}
	errs := together(acts...)
	s.react()
	came := fold(s.scene, payment.Decider(), string(pay)).Paid.Minor
	for i, cents := range []int64{4000, 4000, 9000} {
		if f, ok := fault.As(errs[i]); (errs[i] == nil) != (cents == came) || errs[i] != nil && (!ok || f.Key != "payment.already_succeeded") {
			t.Errorf("%d cents came, %d: %v", came, cents, errs[i])
		}
	}
	s.owed(doc, 10_000-came)
}

// given several payments, a credit note and refunds for one invoice, settled at the same
// moment by processes that know nothing of each other
// then to the cent: what was owed is what the invoice took, and each cent that it did not
// take is noted on the payment that brought it.
func TestPaymentsOfOneInvoiceAtTheSameMoment(t *testing.T) {
	t.Parallel()
	s := onDisk(newShopfront(t))
	made, err := s.IssueDocument(t.Context(), s.system(), commands.IssueDocument{Contact: s.who, Body: documenttest.Body(document.Invoice, "F-1")}) // of 1210.00
	s.ok(err)
	var pays []id.ID
	for range 4 {
		pay, _, err := s.RecordTransfer(t.Context(), s.system(), commands.RecordTransfer{
			Documents: []commands.PayDocument{{Kind: document.Invoice, ID: made.ID}}, Amount: money.Of(40_033, "EUR"), On: "2026-03-02",
		})
		s.ok(err)
		pays = append(pays, pay)
	}
	note := documenttest.Body(document.CreditNote, "R-1")
	note.References, note.Totals.Payable = []document.Reference{{Kind: document.Invoice, Number: "F-1"}}, money.Of(10_001, "EUR")
	_, err = s.IssueDocument(t.Context(), s.system(), commands.IssueDocument{Contact: s.who, Body: note})
	s.ok(err)
	stored, err := s.Store.ReadFeed(t.Context(), 0, 10_000, nil)
	s.ok(err)
	var acts []func() error
	for i := range stored {
		rec, err := s.Codec.Decode(t.Context(), &stored[i])
		s.ok(err)
		for _, r := range []reactions.Reaction{reactions.CreditNotesToInvoices(s.Commands), reactions.PaymentsToDocuments(s.Commands)} {
			if r.Answers(rec.Type) {
				for range 2 {
					acts = append(acts, func() error { return r.React(t.Context(), &rec) })
				}
			}
		}
	}
	for _, err := range together(acts...) {
		s.ok(err)
	}
	s.owed(made.ID, 0)
	inv := fold(s.scene, invoice.Decider(), string(made.ID))
	settled := int64(0)
	for _, credited := range inv.Credited {
		settled += credited.Minor
	}
	for _, pay := range pays {
		took, over := inv.Recorded[pay].Minor, fold(s.scene, payment.Decider(), string(pay)).Overpaid[made.ID].Minor
		if took+over != 40_033 {
			t.Errorf("of a payment of 40033 cents the invoice took %d, and %d did not fit", took, over)
		}
		settled += took
	}
	if settled != 121_000 {
		t.Errorf("an invoice of 121000 cents took %d", settled)
	}
}
