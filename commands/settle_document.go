package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/invoice"
	"lonja/domain/money"
	"lonja/domain/order"
	"lonja/domain/paper"
)

// RecordDocumentPayment credits a payment to an invoice or sales order, once. Only the
// system does: it follows from the payment's own events.
type RecordDocumentPayment struct {
	Kind     document.Kind
	Document id.ID
	Payment  id.ID
	Amount   money.Money
	Method   string
	On       document.Date
}

// RecordDocumentPayment credits a payment to a document.
func (c *Commands) RecordDocumentPayment(ctx context.Context, req Request, in RecordDocumentPayment) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RecordDocumentPayment", req.TraceParent)
	defer func() { end(failed) }()
	if err := systemOnly(req); err != nil {
		return Receipt{}, err
	}
	switch in.Kind {
	case document.Invoice:
		return Execute(ctx, c.Executor, invoice.Decider(), string(in.Document), req, func(s invoice.State) ([]event.Event, error) {
			return invoice.RecordPayment(s, invoice.Payment{ID: in.Payment, Amount: in.Amount, Method: in.Method, On: in.On})
		})
	case document.SalesOrder:
		return Execute(ctx, c.Executor, order.Decider(), string(in.Document), req, func(s order.State) ([]event.Event, error) {
			return order.RecordPayment(s, order.Payment{ID: in.Payment, Amount: in.Amount, Method: in.Method, On: in.On})
		})
	}
	return Receipt{}, fault.New(fault.Conflict, "payment.kind_not_payable")
}

// ReverseDocumentPayment says how much of a payment has gone back from a document in all.
type ReverseDocumentPayment struct {
	Kind     document.Kind
	Document id.ID
	Payment  id.ID
	Total    money.Money
}

// ReverseDocumentPayment takes a payment, or a part, off a document again.
func (c *Commands) ReverseDocumentPayment(ctx context.Context, req Request, in ReverseDocumentPayment) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ReverseDocumentPayment", req.TraceParent)
	defer func() { end(failed) }()
	if err := systemOnly(req); err != nil {
		return Receipt{}, err
	}
	switch in.Kind {
	case document.Invoice:
		return Execute(ctx, c.Executor, invoice.Decider(), string(in.Document), req, func(s invoice.State) ([]event.Event, error) {
			return invoice.ReversePayment(s, in.Payment, in.Total)
		})
	case document.SalesOrder:
		return Execute(ctx, c.Executor, order.Decider(), string(in.Document), req, func(s order.State) ([]event.Event, error) {
			return order.ReversePayment(s, in.Payment, in.Total)
		})
	}
	return Receipt{}, fault.New(fault.Conflict, "payment.kind_not_payable")
}

func systemOnly(req Request) error {
	if req.Actor.Kind != event.ActorSystem {
		return fault.New(fault.NotFound, "not_found")
	}
	return nil
}

// CreditInvoices spreads a credit note over the invoices that it corrects, in their
// order, each as far as it is owed; the last one remembers what is left over. Doing it
// again does nothing.
func (c *Commands) CreditInvoices(ctx context.Context, req Request, note id.ID, amount money.Money, invoices []id.ID) (failed error) {
	ctx, end, failed := c.begin(ctx, "CreditInvoices", req.TraceParent)
	defer func() { end(failed) }()
	if err := systemOnly(req); err != nil {
		return err
	}
	left := amount
	if left.Minor < 0 { // some issuers write what they give back as a negative amount
		left = left.Neg()
	}
	for i, inv := range invoices {
		r := req.step("credit " + string(inv))
		if _, err := Execute(ctx, c.Executor, invoice.Decider(), string(inv), r, func(s invoice.State) ([]event.Event, error) {
			return invoice.Credit(s, note, left, i == len(invoices)-1)
		}); err != nil {
			return err
		}
		s, _, err := State(ctx, c.Executor, invoice.Decider(), string(inv), r)
		if err != nil {
			return err
		}
		if left, err = left.Sub(s.Credited[note]); err != nil {
			return err
		}
	}
	return nil
}

// CancelInvoice makes an invoice void.
type CancelInvoice struct {
	Invoice id.ID
	Reason  string
}

// CancelInvoice makes an invoice void that nothing was paid on.
func (c *Commands) CancelInvoice(ctx context.Context, req Request, in CancelInvoice) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "CancelInvoice", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	return Execute(ctx, c.Executor, invoice.Decider(), string(in.Invoice), req, func(s invoice.State) ([]event.Event, error) {
		return invoice.Cancel(s, in.Reason)
	})
}

// WithdrawDocument voids a delivery note or a proforma.
type WithdrawDocument struct {
	Kind     document.Kind
	Document id.ID
}

// WithdrawDocument voids a paper.
func (c *Commands) WithdrawDocument(ctx context.Context, req Request, in WithdrawDocument) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "WithdrawDocument", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	if in.Kind != document.DeliveryNote && in.Kind != document.Proforma {
		return Receipt{}, fault.New(fault.NotFound, "not_found")
	}
	return Execute(ctx, c.Executor, paper.Decider(in.Kind), string(in.Document), req, paper.Withdraw)
}
