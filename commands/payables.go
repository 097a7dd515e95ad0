package commands

import (
	"context"

	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/invoice"
	"lonja/domain/money"
	"lonja/domain/order"
)

// payable is what a payment has to know of an invoice or a sales order.
type payable struct {
	Number      string
	Outstanding money.Money           // nought where it can't be paid (any more)
	Recorded    map[id.ID]money.Money // by payment: what was credited to the document
}

// payableOf returns a document that can be paid, as its own stream has it now.
func (c *Commands) payableOf(ctx context.Context, req Request, kind document.Kind, doc id.ID) (payable, error) {
	var issued *document.Issued
	var p payable
	var closed bool
	switch kind {
	case document.Invoice:
		s, _, err := State(ctx, c.Executor, invoice.Decider(), string(doc), req)
		if err != nil {
			return p, err
		}
		issued, closed = s.Issued, s.IsCancelled
		p.Outstanding, p.Recorded = s.Outstanding, s.Recorded
	case document.SalesOrder:
		s, _, err := State(ctx, c.Executor, order.Decider(), string(doc), req)
		if err != nil {
			return p, err
		}
		issued, closed = s.Issued, s.Status == order.IsRejected || s.Status == order.IsCancelled
		p.Outstanding, p.Recorded = s.Outstanding, s.Recorded
	default:
		return p, fault.New(fault.Conflict, "payment.kind_not_payable")
	}
	if issued == nil {
		return p, fault.New(fault.NotFound, "not_found")
	}
	p.Number = issued.Number
	if closed {
		p.Outstanding = money.Of(0, p.Outstanding.Currency)
	}
	return p, nil
}
