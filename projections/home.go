package projections

import (
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

// summaryFolds keeps a contact's figures. They come before the folds of documents, so
// that before is the document as it was: what a cancelled invoice had counted for.
func summaryFolds(p *Projection) {
	onSummary(p, func(s *readmodels.Summary, e invoice.Issued) {
		y := yearOf(s, e.Total, e.IssueDate)
		y.Invoices++
		y.Lines += e.Lines
		y.Invoiced = readmodels.AddMinor(y.Invoiced, e.Total.Minor)
		count(&y.Sales, e.IssueDate, e.Total.Minor)
		m := issuedMove(e)
		owe(s, e.Total.Currency, m.Amount.Minor)
		moved(s, &m)
	})
	onSummary(p, func(s *readmodels.Summary, e invoice.CreditNoteIssued) {
		// A credit note takes off, whichever sign it is written with.
		count(&yearOf(s, e.Total, e.IssueDate).Sales, e.IssueDate, -max(e.Total.Minor, -e.Total.Minor))
	})
	onSummary(p, func(s *readmodels.Summary, e quote.Issued) {
		count(&yearOf(s, e.Total, e.IssueDate).Quotes, e.IssueDate, e.Total.Minor)
	})

	onSummaryOf(p, func(s *readmodels.Summary, before *readmodels.Document, e invoice.PaymentRecorded) {
		m := paidMove(before, e)
		moved(s, &m)
		owe(s, before.Currency(), e.Outstanding.Minor-before.Outstanding.Minor)
		if before.Outstanding.Minor > 0 && e.Outstanding.Minor <= 0 {
			settled(s, before, e.On, 1)
		}
	})
	onSummaryAt(p, func(s *readmodels.Summary, before *readmodels.Document, rec *event.Recorded, e invoice.PaymentReversed) {
		m := reversedMove(before, rec, e)
		moved(s, &m)
		owe(s, before.Currency(), e.Outstanding.Minor-before.Outstanding.Minor)
		if before.PaidOn != "" && e.Outstanding.Minor > 0 {
			settled(s, before, before.PaidOn, -1)
		}
	})
	onSummaryOf(p, func(s *readmodels.Summary, before *readmodels.Document, e invoice.Credited) {
		owe(s, before.Currency(), e.Outstanding.Minor-before.Outstanding.Minor)
	})
	OnWith(p, readmodels.Summaries, summaryRow[invoice.Credited], readmodels.Documents, noteOf,
		func(s *readmodels.Summary, found bool, note *readmodels.Document, _ *event.Recorded, e invoice.Credited) Action {
			if !found || note == nil {
				return Skip
			}
			m := creditedMove(note, e)
			moved(s, &m)
			return Put
		})
	onSummaryAt(p, func(s *readmodels.Summary, before *readmodels.Document, rec *event.Recorded, _ invoice.Cancelled) {
		if before.Status == readmodels.StatusCancelled {
			return
		}
		m := cancelledMove(before, rec)
		moved(s, &m)
		owe(s, before.Currency(), -before.Outstanding.Minor)
		y := yearOf(s, before.Total, before.IssueDate)
		y.Invoices--
		y.Lines -= before.Lines
		y.Invoiced = readmodels.AddMinor(y.Invoiced, -before.Total.Minor)
		count(&y.Sales, before.IssueDate, -before.Total.Minor)
		if before.PaidOn != "" {
			settled(s, before, before.PaidOn, -1)
		}
	})
	onSummaryOf(p, func(s *readmodels.Summary, before *readmodels.Document, _ quote.Superseded) { uncountQuote(s, before) })
	onSummaryOf(p, func(s *readmodels.Summary, before *readmodels.Document, _ quote.Withdrawn) { uncountQuote(s, before) })

	// What changes home, but none of its figures.
	touches[quote.Approved](p)
	touches[quote.Declined](p)
	touches[quote.ChangesRequested](p)
	touches[quote.Expired](p)
	touches[order.Issued](p)
	touches[order.Placed](p)
	touches[order.Confirmed](p)
	touches[order.Rejected](p)
	touches[order.Shipped](p)
	touches[order.Fulfilled](p)
	touches[order.Cancelled](p)
	touches[order.PaymentRecorded](p)
	touches[order.PaymentReversed](p)
	touches[purchase.Issued](p)
	touches[purchase.Confirmed](p)
	touches[purchase.Rejected](p)
	touches[purchase.Cancelled](p)
	touches[paper.DeliveryNoteIssued](p)
	touches[paper.DeliveryNoteWithdrawn](p)
	touches[paper.ProformaIssued](p)
	touches[paper.ProformaWithdrawn](p)
	touches[payment.Started](p)
	touches[payment.Processing](p)
	touches[payment.Succeeded](p)
	touches[payment.Failed](p)
	touches[payment.Refunded](p)
	touches[conversation.Posted](p)
	touches[conversation.Read](p)
	touches[access.LinkShared](p)
}

// onSummary adds a fold of the contact's summary, which starts with the first event.
func onSummary[E event.Event](p *Projection, change func(*readmodels.Summary, E)) {
	On(p, readmodels.Summaries, summaryRow[E],
		func(s *readmodels.Summary, _ bool, rec *event.Recorded, e E) Action {
			seen(s, rec)
			change(s, e)
			return Put
		})
}

// onSummaryOf is onSummary for an event of a document that is there already.
func onSummaryOf[E event.Event](p *Projection, change func(s *readmodels.Summary, before *readmodels.Document, e E)) {
	onSummaryAt(p, func(s *readmodels.Summary, before *readmodels.Document, _ *event.Recorded, e E) { change(s, before, e) })
}

// onSummaryAt is onSummaryOf for a fold that asks when, too.
func onSummaryAt[E event.Event](p *Projection, change func(s *readmodels.Summary, before *readmodels.Document, rec *event.Recorded, e E)) {
	OnWith(p, readmodels.Summaries, summaryRow[E], readmodels.Documents, first(ofStream[E]),
		func(s *readmodels.Summary, _ bool, before *readmodels.Document, rec *event.Recorded, e E) Action {
			if before == nil {
				return Skip
			}
			seen(s, rec)
			change(s, before, rec, e)
			return Put
		})
}

func touches[E event.Event](p *Projection) { onSummary(p, func(*readmodels.Summary, E) {}) }

func seen(s *readmodels.Summary, rec *event.Recorded) {
	s.Rev = rec.Position
	if k := rec.Meta.Actor.Kind; k == event.ActorLogin || k == event.ActorLink {
		s.SeenAt = max(s.SeenAt, rec.At().UnixMilli())
	}
}

func summaryRow[E event.Event](rec *event.Recorded, _ E) []readmodels.Key {
	return OfContact(rec, readmodels.SummaryID)
}

func yearOf(s *readmodels.Summary, total money.Money, issued document.Date) *readmodels.YearSummary {
	return s.In(total.Currency).In(issued.Year())
}

func count(months *[12]int64, on document.Date, amount int64) {
	if m := on.Month(); m > 0 {
		months[m-1] = readmodels.AddMinor(months[m-1], amount)
	}
}

func owe(s *readmodels.Summary, currency string, more int64) {
	c := s.In(currency)
	c.Pending = readmodels.AddMinor(c.Pending, more)
}

// settled counts, or with n = -1 takes back, that payments settled the invoice on a day.
func settled(s *readmodels.Summary, before *readmodels.Document, on document.Date, n int) {
	y := yearOf(s, before.Total, before.IssueDate)
	y.Settled += n
	y.Days += n * max(0, before.IssueDate.DaysUntil(on))
}

func uncountQuote(s *readmodels.Summary, before *readmodels.Document) {
	if before.Status == readmodels.StatusSuperseded || before.Status == readmodels.StatusWithdrawn {
		return
	}
	count(&yearOf(s, before.Total, before.IssueDate).Quotes, before.IssueDate, -before.Total.Minor)
}
