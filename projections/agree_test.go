package projections

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lonja/domain/decider"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/invoice"
	"lonja/domain/mail"
	"lonja/domain/order"
	"lonja/domain/purchase"
	"lonja/domain/quote"
	"lonja/readmodels"
)

// What people are shown is what the next decision goes by: whatever was decided, a
// row's status, what is owed and whether it can be answered are those of the aggregate.
func TestRowsAgreeWithTheDecisions(t *testing.T) {
	t.Parallel()
	today := document.Date("2026-03-10")
	bodyOf := func(k document.Kind, total int64) document.Body {
		i := body(k, "N-1", "2026-01-01", total, valid("2026-03-10"))
		b, _ := i.Body.Open()
		return b
	}

	t.Run("quotes", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			s, d := decide(rt, t, quote.Decider(), func(s quote.State, op int) ([]event.Event, error) {
				switch op {
				case 0, 1, 2, 3:
					return quote.Issue(s, bodyOf(document.Quote, 10), "")
				case 4:
					return quote.Approve(s, quote.Approval{Name: "Pepa", Hash: hashOf(s.Issued)}, today)
				case 5:
					return quote.Decline(s, "Pepa", "caro", today)
				case 6:
					return quote.RequestChanges(s, "Julia", "menos", today)
				case 7:
					return quote.Supersede(s, "other")
				case 8:
					return quote.Expire(s, today.AddDays(1))
				default:
					return quote.Withdraw(s)
				}
			})
			want := map[quote.Status]readmodels.Status{
				quote.Unknown: "", quote.Pending: "pending", quote.ChangesWanted: "changes_requested", quote.IsApproved: "approved",
				quote.IsDeclined: "declined", quote.IsSuperseded: "superseded", quote.IsExpired: "expired", quote.IsWithdrawn: "withdrawn",
			}[s.Status]
			if d.Status != want || d.Answerable(today) != s.Open() || d.Answerable(today.AddDays(1)) {
				rt.Fatalf("%+v\nof %+v", d, s)
			}
		})
	})

	t.Run("invoices", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			s, d := decide(rt, t, invoice.Decider(), func(s invoice.State, op int) ([]event.Event, error) {
				amount, pay := eur(rapid.Int64Range(0, 12).Draw(rt, "amount")), id.ID(fmt.Sprint(rapid.IntRange(0, 5).Draw(rt, "payment")))
				switch op {
				case 0, 1, 2:
					return invoice.Issue(s, bodyOf(document.Invoice, rapid.Int64Range(-1, 10).Draw(rt, "total")))
				case 3, 4, 5:
					return invoice.RecordPayment(s, invoice.Payment{ID: pay, Amount: amount, On: today})
				case 6, 7:
					return invoice.ReversePayment(s, pay, amount)
				case 8:
					return invoice.Credit(s, pay, amount, true)
				default:
					return invoice.Cancel(s, "")
				}
			})
			switch {
			case s.Issued == nil:
			case s.IsCancelled:
				if d.Status != readmodels.StatusCancelled || !d.Outstanding.IsZero() {
					rt.Fatalf("cancelled: %+v", d)
				}
			case d.Outstanding.Minor != max(0, s.Outstanding.Minor) || (d.Status == readmodels.StatusPaid) != (s.Outstanding.Minor <= 0) || d.Owed() != (s.Outstanding.Minor > 0):
				rt.Fatalf("%+v\nof %+v", d, s)
			}
		})
	})

	t.Run("orders", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			s, d := decide(rt, t, order.Decider(), func(s order.State, op int) ([]event.Event, error) {
				switch op {
				case 0, 1, 2:
					return order.Issue(s, bodyOf(document.SalesOrder, 10))
				case 3, 4:
					return order.Confirm(s, today)
				case 5:
					return order.Reject(s, "")
				case 6:
					return order.Ship(s, "note", rapid.Bool().Draw(rt, "complete"))
				case 7:
					return order.Fulfil(s)
				case 8:
					return order.RecordPayment(s, order.Payment{ID: "p", Amount: eur(4), On: today})
				default:
					return order.Cancel(s, "")
				}
			})
			want := map[order.Status]readmodels.Status{
				order.Unknown: "", order.Waiting: "placed", order.IsConfirmed: "confirmed", order.PartShipped: "part_shipped", order.IsShipped: "shipped",
				order.IsFulfilled: "fulfilled", order.IsRejected: "rejected", order.IsCancelled: "cancelled",
			}[s.Status]
			if d.Status != want || d.Outstanding.Minor != s.Outstanding.Minor {
				rt.Fatalf("%+v\nof %+v", d, s)
			}
		})
	})

	t.Run("purchase orders", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			s, d := decide(rt, t, purchase.Decider(), func(s purchase.State, op int) ([]event.Event, error) {
				switch {
				case op < 5:
					return purchase.Issue(s, bodyOf(document.PurchaseOrder, 10))
				case op < 8:
					return purchase.Cancel(s, "")
				default:
					return purchase.Reject(s, "Pepa", "")
				}
			})
			want := map[purchase.Status]readmodels.Status{
				purchase.Unknown: "", purchase.Sent: "sent", purchase.IsConfirmed: "confirmed", purchase.IsRejected: "rejected", purchase.IsCancelled: "cancelled",
			}[s.Status]
			if d.Status != want || d.Answerable(today) != (s.Status == purchase.Sent) {
				rt.Fatalf("%+v\nof %+v", d, s)
			}
		})
	})
}

// What staff are shown of a mail is what may be done with it, and when it is sent.
func TestMailsAgreeWithTheDecisions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d, h, now := mail.Decider(), &history{}, noon
		s := d.Initial()
		for range rapid.IntRange(1, 16).Draw(rt, "acts") {
			now = now.Add(time.Duration(rapid.IntRange(0, 90).Draw(rt, "minutes")) * time.Minute)
			events, err := map[int]func() ([]event.Event, error){
				0: func() ([]event.Event, error) { return mail.Send(s) },
				1: func() ([]event.Event, error) { return mail.Refuse(s, mail.BadAddress, 550) },
				2: func() ([]event.Event, error) { return mail.GiveUp(s) },
				3: func() ([]event.Event, error) { return mail.Retry(s) },
				4: func() ([]event.Event, error) { return mail.Drop(s, mail.Expired) },
				5: func() ([]event.Event, error) { return mail.Fail(s, mail.Deferred, 451, now) },
				6: func() ([]event.Event, error) {
					return mail.Queue(s, mail.Letter{Queued: mail.Queued{Template: mail.Comment, NotBefore: now.Add(time.Hour)}, Address: "ana@example.com"})
				},
			}[rapid.SampledFrom([]int{0, 1, 2, 3, 4, 5, 5, 5, 6, 6}).Draw(rt, "act")]()
			if err != nil {
				continue
			}
			for _, e := range events {
				s = d.Evolve(s, e)
			}
			h.add(client, d.Stream("x"), events...)
		}
		if s.Status == mail.Unknown {
			return
		}
		m, found, err := readmodels.Get(t.Context(), folded(t, 3, h.recs, Mails()).view(client), readmodels.Mails, "x")
		if err != nil || !found {
			rt.Fatal(found, err)
		}
		again, _ := mail.Retry(s)
		ended, _ := mail.GiveUp(s)
		if string(m.Status) != string(s.Status) || m.To != s.Address || m.Attempts != s.Tries || m.MayRetry() != (len(again) > 0) || m.MayGiveUp() != (len(ended) > 0) ||
			s.Status == mail.Waiting && !s.Next.IsZero() && (m.Next == nil || !m.Next.Equal(s.Next)) {
			rt.Fatalf("%+v\nof %+v", m, s)
		}
	})
}

// decide lets some decisions be made, folds what they recorded, and returns the state
// that decisions see and the row that people see.
func decide[S any](rt *rapid.T, t *testing.T, d decider.Decider[S], act func(S, int) ([]event.Event, error)) (S, readmodels.Document) {
	h, s := &history{}, d.Initial()
	for range rapid.IntRange(0, 12).Draw(rt, "acts") {
		events, err := act(s, rapid.IntRange(0, 9).Draw(rt, "act"))
		if err != nil {
			continue
		}
		for _, e := range events {
			s = d.Evolve(s, e)
		}
		h.add(client, d.Stream("x"), events...)
	}
	row, _, err := readmodels.Get(t.Context(), folded(t, 3, h.recs, Documents()).view(client), readmodels.Documents, "x")
	if err != nil {
		rt.Fatal(err)
	}
	return s, row
}

func hashOf(i *document.Issued) string {
	if i == nil {
		return ""
	}
	return i.Hash
}
