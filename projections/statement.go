package projections

import (
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/invoice"
	"lonja/domain/money"
	"lonja/readmodels"
)

// movementFolds write one row of the statement of account for each event that changes
// what is owed on an invoice once it is issued: the issue itself the statement reads from
// the invoice's row. The summary adds all movements up by month, so that a statement's
// opening balance does not read a whole history.
func movementFolds(p *Projection) {
	onMovement(p, first(ofStream[invoice.PaymentRecorded]),
		func(before *readmodels.Document, _ *event.Recorded, e invoice.PaymentRecorded) (readmodels.Movement, bool) {
			return paidMove(before, e), true
		})
	onMovement(p, first(ofStream[invoice.PaymentReversed]),
		func(before *readmodels.Document, rec *event.Recorded, e invoice.PaymentReversed) (readmodels.Movement, bool) {
			return reversedMove(before, rec, e), true
		})
	onMovement(p, noteOf, func(note *readmodels.Document, _ *event.Recorded, e invoice.Credited) (readmodels.Movement, bool) {
		return creditedMove(note, e), true
	})
	onMovement(p, first(ofStream[invoice.Cancelled]),
		func(before *readmodels.Document, rec *event.Recorded, _ invoice.Cancelled) (readmodels.Movement, bool) {
			return cancelledMove(before, rec), before.Status != readmodels.StatusCancelled
		})
}

// onMovement adds the fold of a movement of the document that key names. Of a document
// that is not there (its contact was erased) there is none.
func onMovement[E event.Event](p *Projection, key func(*event.Recorded, E) readmodels.Key,
	move func(d *readmodels.Document, rec *event.Recorded, e E) (readmodels.Movement, bool),
) {
	OnWith(p, readmodels.Movements, ofEvent[E], readmodels.Documents, key,
		func(m *readmodels.Movement, _ bool, d *readmodels.Document, rec *event.Recorded, e E) Action {
			if d == nil {
				return Skip
			}
			made, ok := move(d, rec, e)
			if !ok {
				return Skip
			}
			*m = made
			return Put
		})
}

func ofEvent[E event.Event](rec *event.Recorded, _ E) []readmodels.Key {
	return OfContact(rec, readmodels.PositionID(rec.Position))
}

// noteOf is the credit note that took something off an invoice.
func noteOf(rec *event.Recorded, e invoice.Credited) readmodels.Key {
	return readmodels.Key{Account: rec.Meta.Account, Contact: rec.Meta.Contact, ID: string(e.CreditNote)}
}

func issuedMove(e invoice.Issued) readmodels.Movement {
	d := readmodels.Document{Kind: document.Invoice, Number: e.Number, IssueDate: e.IssueDate, DueDate: e.DueDate, Payable: e.Payable}
	return d.Move()
}

func paidMove(before *readmodels.Document, e invoice.PaymentRecorded) readmodels.Movement {
	return readmodels.Movement{
		Type: readmodels.MovePayment, Date: e.On, Document: before.ID, Kind: document.Invoice, Number: before.Number,
		Payment: e.Payment, Method: e.Method, Amount: change(before, e.Outstanding),
	}
}

// reversedMove: what goes back of a payment is owed again, but for what a credit note had
// taken off beyond what was owed.
func reversedMove(before *readmodels.Document, rec *event.Recorded, e invoice.PaymentReversed) readmodels.Movement {
	owed := change(before, e.Outstanding)
	return readmodels.Movement{
		Type: readmodels.MoveRefund, Date: document.DateOf(rec.At()), Document: before.ID, Kind: document.Invoice, Number: before.Number,
		Payment: e.Payment, Amount: owed, Return: money.Of(owed.Minor-e.Amount.Minor, owed.Currency),
	}
}

// creditedMove counts on the credit note's own day.
func creditedMove(note *readmodels.Document, e invoice.Credited) readmodels.Movement {
	return readmodels.Movement{
		Type: readmodels.MoveCredit, Date: note.IssueDate, Document: note.ID, Kind: document.CreditNote, Number: note.Number,
		Amount: e.Amount.Neg(), Return: money.Of(e.Beyond.Minor, e.Amount.Currency),
	}
}

func cancelledMove(before *readmodels.Document, rec *event.Recorded) readmodels.Movement {
	return readmodels.Movement{
		Type: readmodels.MoveCancelled, Date: document.DateOf(rec.At()), Document: before.ID, Kind: document.Invoice, Number: before.Number,
		Amount: change(before, money.Money{}),
	}
}

func change(before *readmodels.Document, outstanding money.Money) money.Money {
	return money.Of(outstanding.Minor-before.Outstanding.Minor, before.Currency())
}

// moved adds a movement to its month.
func moved(s *readmodels.Summary, m *readmodels.Movement) {
	b := s.In(m.Amount.Currency).InMonth(readmodels.MonthNumber(m.Date))
	b.Owed = readmodels.AddMinor(b.Owed, m.Amount.Minor)
	b.Return = readmodels.AddMinor(b.Return, m.Return.Minor)
}
