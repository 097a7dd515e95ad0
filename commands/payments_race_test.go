package commands_test

import (
	"context"
	"strings"
	"testing"

	"lonja/commands"
	"lonja/commands/reactions"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/payment"
)

// justBefore is a log on which something happens, once, before the first append to streams
// of a name.
type justBefore struct {
	event.Store
	stream string
	happen func()
}

func (b *justBefore) Append(ctx context.Context, stream string, expected event.Revision, events []event.Raw) (event.Receipt, error) {
	if strings.HasPrefix(stream, b.stream) && b.happen != nil {
		happen := b.happen
		b.happen = nil
		happen()
	}
	return b.Store.Append(ctx, stream, expected, events)
}

// given a payment that succeeded
// when something else settles a part of its invoice between the reading and the writing
// then the payment covers what is left, and the rest is overpaid: as if one had come after
// the other.
func TestWhatSettlesAtTheSameMoment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile      func(s *shopfront, doc id.ID) error
		owed, overpaid int64
	}{
		"a transfer of a part": {func(s *shopfront, doc id.ID) error {
			return second(s.RecordDocumentPayment(s.t.Context(), s.system(), commands.RecordDocumentPayment{
				Kind: "invoice", Document: doc, Payment: "01J0000000000000000000000X", Amount: money.Of(3000, "EUR"), Method: "transfer", On: "2026-03-02",
			}))
		}, 0, 3000},
		"a credit note": {func(s *shopfront, doc id.ID) error {
			return s.CreditInvoices(s.t.Context(), s.system(), "01J0000000000000000000000Y", money.Of(2500, "EUR"), []id.ID{doc})
		}, 0, 2500},
		"all of it": {func(s *shopfront, doc id.ID) error {
			return s.CreditInvoices(s.t.Context(), s.system(), "01J0000000000000000000000Y", money.Of(10_000, "EUR"), []id.ID{doc})
		}, 0, 10_000},
		"a cancellation": {func(s *shopfront, doc id.ID) error {
			return second(s.CancelInvoice(s.t.Context(), s.system(), commands.CancelInvoice{Invoice: doc}))
		}, 10_000, 10_000}, // what was owed stays written on it; nobody owes it
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShopfront(t)
			s.t = t
			doc := s.invoice(s.who, "F-1", 10_000)
			pay, err := s.start("sandbox", whole(doc))
			s.ok(err)
			s.ok(s.tell(pay, payment.NoticeSucceeded, 10_000))
			log := s.Store
			s.Store = &justBefore{Store: log, stream: "invoice-", happen: func() { s.ok(c.meanwhile(s, doc)) }}
			s.answer(reactions.PaymentsToDocuments(s.Commands), 1)
			s.Store = log
			s.owed(doc, c.owed)
			if got := fold(s.scene, payment.Decider(), string(pay)).Overpaid[doc]; got != money.Of(c.overpaid, "EUR") {
				t.Errorf("%s is overpaid, want %d cents", got, c.overpaid)
			}
			s.answer(reactions.PaymentsToDocuments(s.Commands), 2)
			s.owed(doc, c.owed)
		})
	}
}

// given a payment of two invoices, the last of which was meanwhile credited in full
// when a part of it is refunded
// then that is what did not fit, and then the other invoice is owed again.
func TestRefundOfWhatADocumentTookNothingOf(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	a, b := s.invoice(s.who, "F-1", 10_000), s.invoice(s.who, "F-2", 5000)
	pay, err := s.start("sandbox", whole(a), whole(b))
	s.ok(err)
	s.ok(s.CreditInvoices(t.Context(), s.system(), "01J0000000000000000000000Y", money.Of(5000, "EUR"), []id.ID{b}))
	s.ok(s.tell(pay, payment.NoticeSucceeded, 15_000))
	for _, c := range []struct{ refunded, owed int64 }{{0, 0}, {4000, 0}, {6000, 1000}, {15_000, 10_000}} {
		if c.refunded > 0 {
			s.ok(s.tell(pay, payment.NoticeRefunded, c.refunded))
		}
		s.react()
		s.owed(a, c.owed)
		s.owed(b, 0)
	}
}
