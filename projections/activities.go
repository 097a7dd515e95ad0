package projections

import (
	"sync"

	"lonja/domain/access"
	"lonja/domain/conversation"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/invoice"
	"lonja/domain/money"
	"lonja/domain/order"
	"lonja/domain/paper"
	"lonja/domain/payment"
	"lonja/domain/purchase"
	"lonja/domain/quote"
	"lonja/readmodels"
)

// activityFolds keeps what people are shown of each event: a line on the timeline of the
// document or payment, the newest of which are the contact's feed. They come after the
// folds of documents and payments, whose rows tell the number and the amount.
func activityFolds(p *Projection) {
	issued(p, func(e *quote.Issued, a *readmodels.Activity) *document.Issued {
		a.Other = e.Supersedes
		return &e.Issued
	})
	issued(p, func(e *invoice.Issued, _ *readmodels.Activity) *document.Issued { return &e.Issued })
	issued(p, func(e *invoice.CreditNoteIssued, _ *readmodels.Activity) *document.Issued { return &e.Issued })
	issued(p, func(e *order.Issued, _ *readmodels.Activity) *document.Issued { return &e.Issued })
	issued(p, func(e *order.Placed, a *readmodels.Activity) *document.Issued {
		a.Text = e.Note.Or("")
		return &e.Issued
	})
	issued(p, func(e *purchase.Issued, _ *readmodels.Activity) *document.Issued { return &e.Issued })
	issued(p, func(e *paper.DeliveryNoteIssued, a *readmodels.Activity) *document.Issued {
		a.Other = e.Order
		return &e.Issued
	})
	issued(p, func(e *paper.ProformaIssued, _ *readmodels.Activity) *document.Issued { return &e.Issued })

	happened(p, func(a *readmodels.Activity, e *quote.Approved) {
		a.Name, a.Reference, a.Hash = e.Name.Or(""), e.OrderReference(), e.Hash
	})
	On(p, readmodels.Signatures, ofStream, func(s *readmodels.Signature, _ bool, _ *event.Recorded, e quote.Approved) Action {
		path := e.Signature.Or("")
		if path == "" {
			return Skip
		}
		s.Path = path
		return Put
	})
	happened(p, func(a *readmodels.Activity, e *quote.Declined) { a.Name, a.Reason = e.Name.Or(""), e.Reason.Or("") })
	happened(p, func(a *readmodels.Activity, e *quote.ChangesRequested) {
		a.Name, a.Text = e.Name.Or(""), e.Text.Or("")
	})
	happened(p, func(a *readmodels.Activity, e *quote.Superseded) { a.Other = e.By })
	happened(p, func(*readmodels.Activity, *quote.Expired) {})
	happened(p, func(*readmodels.Activity, *quote.Withdrawn) {})

	happened(p, func(a *readmodels.Activity, e *invoice.PaymentRecorded) {
		a.Payment, a.Amount, a.Outstanding, a.Method, a.Date = e.Payment, e.Amount, &e.Outstanding, e.Method, e.On
	})
	happened(p, func(a *readmodels.Activity, e *invoice.PaymentReversed) {
		a.Payment, a.Amount, a.Outstanding = e.Payment, e.Amount, &e.Outstanding
	})
	happened(p, func(a *readmodels.Activity, e *invoice.Credited) {
		a.Other, a.Amount, a.Outstanding = e.CreditNote, money.Of(e.Amount.Minor+e.Beyond.Minor, e.Amount.Currency), &e.Outstanding
	})
	happened(p, func(a *readmodels.Activity, e *invoice.Cancelled) { a.Reason = e.Reason.Or("") })

	happened(p, func(a *readmodels.Activity, e *order.Confirmed) { a.Date = e.DeliveryOn })
	happened(p, func(a *readmodels.Activity, e *order.Rejected) { a.Reason = e.Reason.Or("") })
	happened(p, func(a *readmodels.Activity, e *order.Shipped) { a.Other = e.DeliveryNote })
	happened(p, func(*readmodels.Activity, *order.Fulfilled) {})
	happened(p, func(a *readmodels.Activity, e *order.Cancelled) { a.Reason = e.Reason.Or("") })
	happened(p, func(a *readmodels.Activity, e *order.PaymentRecorded) {
		a.Payment, a.Amount, a.Outstanding, a.Method, a.Date = e.Payment, e.Amount, &e.Outstanding, e.Method, e.On
	})
	happened(p, func(a *readmodels.Activity, e *order.PaymentReversed) {
		a.Payment, a.Amount, a.Outstanding = e.Payment, e.Amount, &e.Outstanding
	})

	happened(p, func(a *readmodels.Activity, e *purchase.Confirmed) {
		a.Name, a.Date, a.Reference, a.Hash = e.Name.Or(""), e.DeliveryOn, e.OrderReference(), e.Hash
	})
	happened(p, func(a *readmodels.Activity, e *purchase.Rejected) { a.Name, a.Reason = e.Name.Or(""), e.Reason.Or("") })
	happened(p, func(a *readmodels.Activity, e *purchase.Cancelled) { a.Reason = e.Reason.Or("") })
	happened(p, func(*readmodels.Activity, *paper.DeliveryNoteWithdrawn) {})
	happened(p, func(*readmodels.Activity, *paper.ProformaWithdrawn) {})

	paymentWent(p, func(*readmodels.Activity, *payment.Started) {})
	paymentWent(p, func(*readmodels.Activity, *payment.Processing) {})
	paymentWent(p, func(a *readmodels.Activity, e *payment.Succeeded) { a.Amount, a.Date = e.Amount, e.On })
	paymentWent(p, func(a *readmodels.Activity, e *payment.Failed) { a.Reason = e.Reason })
	paymentWent(p, func(a *readmodels.Activity, e *payment.Refunded) { a.Amount = e.Amount })

	about(p, documentOfPosted, func(a *readmodels.Activity, e *conversation.Posted) {
		a.Name, a.Text = e.Author.Or(""), said(e)
	})
	about(p, documentOfShared, func(*readmodels.Activity, *access.LinkShared) {})
}

func documentOfPosted(rec *event.Recorded, e conversation.Posted) []readmodels.Key {
	return documentRows(rec, e.Document)
}

func documentOfShared(rec *event.Recorded, e access.LinkShared) []readmodels.Key {
	return documentRows(rec, e.Document)
}

func newActivity(rec *event.Recorded) readmodels.Activity {
	return readmodels.Activity{
		Position: rec.Position, Type: rec.Type, At: rec.At(), Actor: rec.Meta.Actor.Kind, ActorID: rec.Meta.Actor.ID,
	}
}

// telling is an event and the activity that tells of it.
type telling[E any] struct {
	of E
	as readmodels.Activity
}

// tellings are in memory that is used again.
type tellings[E any] struct{ free sync.Pool } // of *telling[E]

// tell hands f a telling of the event, which f does not keep.
func (t *tellings[E]) tell(rec *event.Recorded, e E, f func(*telling[E])) {
	one, ok := t.free.Get().(*telling[E])
	if !ok {
		one = new(telling[E])
	}
	one.of, one.as = e, newActivity(rec)
	f(one)
	*one = telling[E]{}
	t.free.Put(one)
}

// issued adds the fold of an issue, which itself says what it is about.
func issued[E event.Event](p *Projection, common func(*E, *readmodels.Activity) *document.Issued) {
	var t tellings[E]
	onFound(p, readmodels.Documents, ofStream, func(d *readmodels.Document, rec *event.Recorded, e E) {
		t.tell(rec, e, func(t *telling[E]) {
			t.as.Document, t.as.Kind, t.as.Number, t.as.Amount = d.ID, d.Kind, d.Number, common(&t.of, &t.as).Total
			d.Timeline.Add(&t.as)
		})
	})
}

// happened adds the fold of an event of a document's own stream.
func happened[E event.Event](p *Projection, fill func(*readmodels.Activity, *E)) {
	about(p, ofStream[E], fill)
}

// about adds the fold of an event that is about a document.
func about[E event.Event](p *Projection, doc func(rec *event.Recorded, e E) []readmodels.Key, fill func(*readmodels.Activity, *E)) {
	var t tellings[E]
	onFound(p, readmodels.Documents, doc, func(d *readmodels.Document, rec *event.Recorded, e E) {
		t.tell(rec, e, func(t *telling[E]) {
			t.as.Document, t.as.Kind, t.as.Number = d.ID, d.Kind, d.Number
			fill(&t.as, &t.of)
			d.Timeline.Add(&t.as)
		})
	})
}

// paymentWent adds the fold of a payment's event.
func paymentWent[E event.Event](p *Projection, fill func(*readmodels.Activity, *E)) {
	var t tellings[E]
	onFound(p, readmodels.Payments, ofStream, func(r *readmodels.Payment, rec *event.Recorded, e E) {
		t.tell(rec, e, func(t *telling[E]) {
			a := &t.as
			a.Payment, a.Amount, a.Method, a.Reference = r.ID, r.Amount, r.Method, r.Reference
			if len(r.Allocations) == 1 {
				one := r.Allocations[0]
				a.Document, a.Kind, a.Number = one.Document, one.Kind, one.Number
			}
			fill(a, &t.of)
			r.Timeline.Add(a)
		})
	})
}

// first makes a companion's key of the only one of keys.
func first[E event.Event](keys func(rec *event.Recorded, e E) []readmodels.Key) func(rec *event.Recorded, e E) readmodels.Key {
	return func(rec *event.Recorded, e E) readmodels.Key {
		if k := keys(rec, e); len(k) > 0 {
			return k[0]
		}
		return readmodels.Key{}
	}
}
