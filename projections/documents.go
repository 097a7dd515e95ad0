package projections

import (
	"slices"

	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/invoice"
	"lonja/domain/money"
	"lonja/domain/order"
	"lonja/domain/paper"
	"lonja/domain/purchase"
	"lonja/domain/quote"
	"lonja/readmodels"
)

// Documents keeps all that a contact's home, lists and document pages show: documents
// (what is inside them is read from their issue), payments, conversations, the summary,
// the statement's movements and the timeline. They are one projection because they look at each other's rows: home must not count an invoice
// that the list does not know.
//
// The order of the folds matters: the summary and the movements look at a document as it
// was before the event, the timeline as it is after.
func Documents() *Projection {
	p := New("documents", 7)
	EraseOn[contact.Erased](p)
	summaryFolds(p)
	movementFolds(p)
	documentFolds(p)
	paymentFolds(p)
	commentFolds(p)
	activityFolds(p)
	return p
}

func documentFolds(p *Projection) {
	onIssued(p, func(d *readmodels.Document, e *quote.Issued) *document.Issued {
		d.Status, d.Supersedes = readmodels.StatusPending, e.Supersedes
		return &e.Issued
	})
	onIssued(p, func(d *readmodels.Document, e *invoice.Issued) *document.Issued {
		d.Outstanding = readmodels.OwedAtIssue(e.Payable)
		d.Status = invoiceStatus(d.Outstanding, e.Payable)
		return &e.Issued
	})
	onIssued(p, func(d *readmodels.Document, e *invoice.CreditNoteIssued) *document.Issued {
		d.Status, d.Corrects = readmodels.StatusIssued, e.Corrects
		return &e.Issued
	})
	onIssued(p, func(d *readmodels.Document, e *order.Issued) *document.Issued {
		d.Status, d.Outstanding = readmodels.StatusPlaced, readmodels.OwedAtIssue(e.Payable)
		return &e.Issued
	})
	onIssued(p, func(d *readmodels.Document, e *order.Placed) *document.Issued {
		d.Status, d.Outstanding, d.Placed = readmodels.StatusPlaced, readmodels.OwedAtIssue(e.Payable), true
		return &e.Issued
	})
	onIssued(p, func(d *readmodels.Document, e *purchase.Issued) *document.Issued {
		d.Status = readmodels.StatusSent
		return &e.Issued
	})
	onIssued(p, func(d *readmodels.Document, e *paper.DeliveryNoteIssued) *document.Issued {
		d.Status, d.Order = readmodels.StatusIssued, e.Order
		return &e.Issued
	})
	onIssued(p, func(d *readmodels.Document, e *paper.ProformaIssued) *document.Issued {
		d.Status = readmodels.StatusIssued
		return &e.Issued
	})

	becomes[quote.Approved](p, readmodels.StatusApproved)
	becomes[quote.Declined](p, readmodels.StatusDeclined)
	becomes[quote.ChangesRequested](p, readmodels.StatusChangesRequested)
	becomes[quote.Expired](p, readmodels.StatusExpired)
	becomes[quote.Withdrawn](p, readmodels.StatusWithdrawn)
	onDocument(p, func(d *readmodels.Document, e quote.Superseded) {
		d.Status, d.SupersededBy = readmodels.StatusSuperseded, e.By
	})

	onDocument(p, func(d *readmodels.Document, e invoice.PaymentRecorded) { settle(d, e.Outstanding, e.On) })
	onDocument(p, func(d *readmodels.Document, e invoice.PaymentReversed) { settle(d, e.Outstanding, "") })
	onDocument(p, func(d *readmodels.Document, e invoice.Credited) {
		settle(d, e.Outstanding, "")
		d.CreditNotes = with(d.CreditNotes, e.CreditNote)
	})
	onDocument(p, func(d *readmodels.Document, _ invoice.Cancelled) {
		d.Status, d.Outstanding = readmodels.StatusCancelled, money.Of(0, d.Outstanding.Currency)
	})
	onFound(p, readmodels.Documents,
		func(rec *event.Recorded, e invoice.CreditNoteIssued) []readmodels.Key {
			return documentRows(rec, e.Corrects...)
		},
		func(d *readmodels.Document, rec *event.Recorded, _ invoice.CreditNoteIssued) {
			d.CreditNotes, d.Position = with(d.CreditNotes, streamID(rec)), rec.Position
		})

	onDocument(p, func(d *readmodels.Document, e order.Confirmed) {
		d.Status, d.DeliveryOn = readmodels.StatusConfirmed, e.DeliveryOn
	})
	becomes[order.Rejected](p, readmodels.StatusRejected)
	onDocument(p, func(d *readmodels.Document, e order.Shipped) {
		d.Status = readmodels.StatusPartShipped
		if e.Complete {
			d.Status = readmodels.StatusShipped
		}
		d.DeliveryNotes = with(d.DeliveryNotes, e.DeliveryNote)
	})
	becomes[order.Fulfilled](p, readmodels.StatusFulfilled)
	becomes[order.Cancelled](p, readmodels.StatusCancelled)
	onDocument(p, func(d *readmodels.Document, e order.PaymentRecorded) { pay(d, e.Outstanding, e.On) })
	onDocument(p, func(d *readmodels.Document, e order.PaymentReversed) { pay(d, e.Outstanding, "") })
	onFound(p, readmodels.Documents,
		func(rec *event.Recorded, e paper.DeliveryNoteIssued) []readmodels.Key {
			return documentRows(rec, e.Order)
		},
		func(d *readmodels.Document, rec *event.Recorded, _ paper.DeliveryNoteIssued) {
			d.DeliveryNotes, d.Position = with(d.DeliveryNotes, streamID(rec)), rec.Position
		})

	onDocument(p, func(d *readmodels.Document, e purchase.Confirmed) {
		d.Status, d.DeliveryOn = readmodels.StatusConfirmed, e.DeliveryOn
	})
	becomes[purchase.Rejected](p, readmodels.StatusRejected)
	becomes[purchase.Cancelled](p, readmodels.StatusCancelled)
	becomes[paper.DeliveryNoteWithdrawn](p, readmodels.StatusWithdrawn)
	becomes[paper.ProformaWithdrawn](p, readmodels.StatusWithdrawn)
}

// onIssued adds the fold that starts a document's row. start sets what is of the kind,
// and returns the common part.
func onIssued[E event.Event](p *Projection, start func(*readmodels.Document, *E) *document.Issued) {
	On(p, readmodels.Documents, ofStream[E],
		func(d *readmodels.Document, _ bool, rec *event.Recorded, e E) Action {
			*d = readmodels.Document{ID: streamID(rec), Position: rec.Position}
			i := start(d, &e)
			d.Kind, d.Number, d.Title = i.Kind, i.Number, i.Title.Or("")
			d.IssueDate, d.DueDate, d.ValidUntil = i.IssueDate, i.DueDate, i.ValidUntil
			d.Net, d.Total, d.Payable, d.Lines, d.Hash = i.Net, i.Total, i.Payable, i.Lines, i.Hash
			return Put
		})
}

// onDocument adds a fold of the document whose stream the event is of.
func onDocument[E event.Event](p *Projection, change func(*readmodels.Document, E)) {
	onFound(p, readmodels.Documents, ofStream, func(d *readmodels.Document, rec *event.Recorded, e E) {
		d.Position = rec.Position
		change(d, e)
	})
}

// becomes adds a fold that changes a document's status and nothing else.
func becomes[E event.Event](p *Projection, s readmodels.Status) {
	onDocument(p, func(d *readmodels.Document, _ E) { d.Status = s })
}

// documentRows names the contact's documents with the ids.
func documentRows(rec *event.Recorded, ids ...id.ID) []readmodels.Key {
	var keys []readmodels.Key
	for _, d := range ids {
		if d != "" {
			keys = append(keys, OfContact(rec, string(d))...)
		}
	}
	return keys
}

func invoiceStatus(outstanding, payable money.Money) readmodels.Status {
	switch {
	case outstanding.Minor <= 0:
		return readmodels.StatusPaid
	case outstanding.Minor < payable.Minor:
		return readmodels.StatusPartPaid
	}
	return readmodels.StatusOpen
}

// pay sets what is owed, and on which day a payment settled the last of it; on is empty
// where it was no payment.
func pay(d *readmodels.Document, outstanding money.Money, on document.Date) {
	owed := d.Outstanding.Minor > 0
	d.Outstanding = outstanding
	switch {
	case outstanding.Minor > 0:
		d.PaidOn = ""
	case owed:
		d.PaidOn = on
	}
}

// settle is pay for an invoice, whose status follows from what is owed.
func settle(d *readmodels.Document, outstanding money.Money, on document.Date) {
	pay(d, outstanding, on)
	d.Status = invoiceStatus(outstanding, d.Payable)
}

// with returns the ids with one more, if it is one and not among them.
func with(ids []id.ID, more id.ID) []id.ID {
	if more == "" || slices.Contains(ids, more) {
		return ids
	}
	return append(ids, more)
}
