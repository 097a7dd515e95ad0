package commands_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"lonja/adapters/memory"
	"lonja/commands"
	"lonja/commands/reactions"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/payment"
)

// everyReaction is what happens of itself.
func everyReaction(c *commands.Commands) []reactions.Reaction {
	return []reactions.Reaction{reactions.CreditNotesToInvoices(c), reactions.PaymentsToDocuments(c), reactions.Mails(c), reactions.Invitations(c), reactions.Erasures(c)}
}

// busyDay is a history with all that reactions answer: payments in whole, in part, of
// several documents, refunded, failed and of too much; credit notes on one and on several
// invoices. Nothing has been answered yet.
func busyDay(t *testing.T) *shopfront {
	t.Helper()
	s := newShopfront(t)
	s.ok(second(s.SetLoginPassword(t.Context(), s.system(), commands.SetLoginPassword{Login: s.login, Password: goodPassword})))
	s.ok(second(s.StartMailing(t.Context(), s.system())))
	s.ok(third(s.StartInvitations(t.Context(), s.system(), commands.StartInvitations{Contacts: []id.Contact{s.who}})))
	var docs []id.ID
	for i := range 4 {
		made, err := s.IssueDocument(t.Context(), s.system(), commands.IssueDocument{Contact: s.who, Body: documenttest.Body(document.Invoice, fmt.Sprint("F-", i))})
		s.ok(err)
		docs = append(docs, made.ID)
	}
	both, err := s.start("sandbox", whole(docs[0]), part(docs[1], 20_000))
	s.ok(err)
	s.ok(s.tell(both, payment.NoticeSucceeded, 141_000))
	s.ok(s.tell(both, payment.NoticeRefunded, 25_000))
	lost, err := s.start("sandbox", part(docs[2], 1000))
	s.ok(err)
	s.ok(s.tell(lost, payment.NoticeFailed, 0))
	_, _, err = s.RecordTransfer(t.Context(), s.system(), commands.RecordTransfer{
		Documents: []commands.PayDocument{whole(docs[3])}, Amount: money.Of(150_000, "EUR"), On: "2026-03-02",
	})
	s.ok(err)
	note := documenttest.Body(document.CreditNote, "R-1")
	note.References = []document.Reference{{Kind: document.Invoice, Number: "F-1"}, {Kind: document.Invoice, Number: "F-2"}}
	note.Totals.Payable = money.Of(150_000, "EUR")
	_, err = s.IssueDocument(t.Context(), s.system(), commands.IssueDocument{Contact: s.who, Body: note})
	s.ok(err)
	return s
}

// since returns what was recorded after a place, as far as it can be compared.
func (s *scene) since(from event.Position) []string {
	s.t.Helper()
	stored, err := s.Store.ReadFeed(s.t.Context(), from, 10_000, nil)
	s.ok(err)
	var out []string
	for i := range stored {
		rec, err := s.Codec.Decode(s.t.Context(), &stored[i])
		s.ok(err)
		data, err := s.Codec.Reveal(&rec) // what is sealed is so by another key in each scene
		s.ok(err)
		out = append(out, fmt.Sprintf("%s %s@%d %s by %+v because of %s", rec.ID, rec.Stream, rec.Revision, data, rec.Meta.Actor, rec.Meta.Causation))
	}
	return out
}

// given a busy day
// when each reaction answers each event once, five times, or five times the whole day
// then the same is recorded, and each of it says which event it answers.
func TestReactionsAnswerOnce(t *testing.T) {
	t.Parallel()
	var once []string
	for name, run := range map[string]func(*shopfront, reactions.Reaction){
		"five times each":       func(s *shopfront, r reactions.Reaction) { s.answer(r, 5) },
		"the whole day, again":  func(s *shopfront, r reactions.Reaction) { s.answer(r, 1); s.answer(r, 1) },
		"once":                  func(s *shopfront, r reactions.Reaction) { s.answer(r, 1) },
		"nought times, at last": func(s *shopfront, r reactions.Reaction) { s.answer(r, 0); s.answer(r, 1) },
	} {
		s := busyDay(t)
		head := s.head()
		for _, r := range everyReaction(s.Commands) {
			run(s, r)
		}
		got := s.since(head)
		if once == nil {
			once = got
		}
		if len(got) < 8 || !slices.Equal(got, once) {
			t.Errorf("%s: recorded\n%q, want\n%q", name, got, once)
		}
	}
}

// crashing is a log whose process ends at an append: before it, or after it, when nobody
// hears of it any more.
type crashing struct {
	event.Store
	left  int // appends until then
	after bool
}

var errCrash = errors.New("the process ended")

func (c *crashing) Append(ctx context.Context, stream string, expected event.Revision, events []event.Raw) (event.Receipt, error) {
	c.left--
	if c.left >= 0 {
		return c.Store.Append(ctx, stream, expected, events)
	}
	if c.left == -1 && c.after {
		if _, err := c.Store.Append(ctx, stream, expected, events); err != nil {
			return event.Receipt{}, err
		}
	}
	return event.Receipt{}, errCrash
}

// given a reaction that ends at any of its appends
// when it starts again, from the event that it had not acknowledged
// then the log is the one of a reaction that did not end.
func TestReactionsThatCrash(t *testing.T) {
	t.Parallel()
	s := busyDay(t)
	head, day := s.head(), s.Store
	s.Store = s.copyOf(day)
	for _, r := range everyReaction(s.Commands) {
		s.answer(r, 1)
	}
	want := s.since(head)
	for _, after := range []bool{false, true} {
		for at := 0; ; at++ {
			if at > 100 {
				t.Fatal("the reactions do not come to an end")
			}
			log := s.copyOf(day)
			s.Store = &crashing{Store: log, left: at, after: after}
			ended := false
			for _, r := range everyReaction(s.Commands) {
				ended = s.answerAgain(r, func() { s.Store = log }) || ended
			}
			if got := s.since(head); !slices.Equal(got, want) {
				t.Errorf("ended at append %d, durable %v: recorded\n%q, want\n%q", at, after, got, want)
			}
			if !ended {
				if at < 8 {
					t.Errorf("the reactions append %d times: the test shows too little", at)
				}
				break
			}
		}
	}
}

// copyOf returns another log with the same events.
func (s *scene) copyOf(log event.Store) event.Store {
	s.t.Helper()
	return s.copyTo(memory.NewEventLog(func() time.Time { return s.now }), log)
}

// copyTo fills an empty log with the events of another.
func (s *scene) copyTo(empty, log event.Store) event.Store {
	s.t.Helper()
	stored, err := log.ReadFeed(s.t.Context(), 0, 10_000, nil)
	s.ok(err)
	for i := range stored {
		_, err := empty.Append(s.t.Context(), stored[i].Stream, stored[i].Revision-1, []event.Raw{stored[i].Raw})
		s.ok(err)
	}
	return empty
}

// answerAgain lets a reaction answer every event, and the one at which its process ends
// again, after the restart. It reports whether it ended.
func (s *scene) answerAgain(r reactions.Reaction, restart func()) bool {
	s.t.Helper()
	stored, err := s.Store.ReadFeed(s.t.Context(), 0, 10_000, nil)
	s.ok(err)
	ended := false
	for i := range stored {
		rec, err := s.Codec.Decode(s.t.Context(), &stored[i])
		s.ok(err)
		if !r.Answers(rec.Type) {
			continue
		}
		err = r.React(s.t.Context(), &rec)
		if errors.Is(err, errCrash) {
			ended = true
			restart()
			err = r.React(s.t.Context(), &rec)
		}
		s.ok(err)
	}
	return ended
}
