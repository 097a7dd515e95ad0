package commands

import (
	"context"
	"fmt"

	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/payment"
)

// SettlePayment brings a payment's documents to what the payment's state says: credited
// with what came, debited with what went back, and no longer set aside. It may be
// repeated at any time. What does not fit a document, because it was meanwhile paid
// otherwise, credited or cancelled, is recorded on the payment as overpaid. Only the system
// does: it follows from the payment's own events.
func (c *Commands) SettlePayment(ctx context.Context, req Request, pay id.ID) (failed error) {
	ctx, end, failed := c.begin(ctx, "SettlePayment", req.TraceParent)
	defer func() { end(failed) }()
	if err := systemOnly(req); err != nil {
		return err
	}
	s, ok, err := State(ctx, c.Executor, payment.Decider(), string(pay), req)
	if err != nil || !ok {
		return err
	}
	if s.Pending() {
		return nil
	}
	if s.Settled() {
		recorded, err := c.creditDocuments(ctx, req, pay, s)
		if err != nil {
			return err
		}
		if err := c.debitDocuments(ctx, req, pay, s, recorded); err != nil {
			return err
		}
	}
	return c.release(ctx, req, pay, s.Allocations)
}

// creditDocuments records the payment on its documents, and on itself what did not fit.
// It returns what each document took.
func (c *Commands) creditDocuments(ctx context.Context, req Request, pay id.ID, s payment.State) ([]payment.Allocation, error) {
	var taken []payment.Allocation
	for _, a := range payment.Shares(s.Allocations, s.Paid) {
		doc, err := c.creditDocument(ctx, req, pay, s, a)
		if err != nil {
			return nil, fmt.Errorf("settling payment %s: %w", pay, err)
		}
		took := a
		took.Amount = money.Of(doc.Recorded[pay].Minor, a.Amount.Currency)
		taken = append(taken, took)
		rest := money.Of(a.Amount.Minor-took.Amount.Minor, a.Amount.Currency)
		if _, err := Execute(ctx, c.Executor, payment.Decider(), string(pay), req.step("overpaid "+string(a.Document)), func(s payment.State) ([]event.Event, error) {
			return payment.Overpay(s, a.Document, rest)
		}); err != nil {
			return nil, err
		}
	}
	return taken, nil
}

// creditDocument records a share of the payment on its document, as far as it fits, and
// returns the document as it is then. A refusal means that the document changed under us:
// what fits is read again.
func (c *Commands) creditDocument(ctx context.Context, req Request, pay id.ID, s payment.State, a payment.Allocation) (payable, error) {
	_, left := s.Overpaid[a.Document] // what did not fit once is staff's to decide on
	for range maxAttempts {
		doc, err := c.payableOf(ctx, req, a.Kind, a.Document)
		fit := min(a.Amount.Minor, doc.Outstanding.Minor)
		if err != nil || left || doc.Recorded[pay].Minor != 0 || fit <= 0 {
			return doc, err
		}
		_, err = c.RecordDocumentPayment(ctx, req.step("credit"), RecordDocumentPayment{
			Kind: a.Kind, Document: a.Document, Payment: pay, Amount: money.Of(fit, a.Amount.Currency), Method: s.Method, On: s.PaidOn,
		})
		if f, refused := fault.As(err); err != nil && (!refused || f.Kind == fault.Unavailable) {
			return doc, err
		}
	}
	return payable{}, fault.New(fault.Unavailable, "command.busy")
}

// debitDocuments takes back from the documents what was refunded: first what no document
// took, then the last document's part, and so on.
func (c *Commands) debitDocuments(ctx context.Context, req Request, pay id.ID, s payment.State, taken []payment.Allocation) error {
	left := s.Refunded.Minor - s.Paid.Minor
	for _, a := range taken {
		left += a.Amount.Minor
	}
	for i := len(taken) - 1; i >= 0 && left > 0; i-- {
		a := taken[i]
		part := min(left, a.Amount.Minor)
		if part == 0 {
			continue // the document took nothing of it
		}
		left -= part
		if _, err := c.ReverseDocumentPayment(ctx, req.step(fmt.Sprintf("debit %d", part)), ReverseDocumentPayment{
			Kind: a.Kind, Document: a.Document, Payment: pay, Total: money.Of(part, a.Amount.Currency),
		}); err != nil {
			return fmt.Errorf("settling payment %s: %w", pay, err)
		}
	}
	return nil
}
