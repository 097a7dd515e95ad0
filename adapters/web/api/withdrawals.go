package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"lonja/commands"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
)

// ReasonInput says why a thing is taken back.
type ReasonInput struct {
	NamedInput
	Body struct {
		Reason string `json:"reason,omitempty" maxLength:"5000"`
	}
}

// RefundInput sends money back.
type RefundInput struct {
	NamedInput
	Body struct {
		Total *money.Money `json:"total,omitempty" doc:"What of the payment is sent back in all, with earlier refunds; everything where absent"`
	}
}

// CheckoutInput asks for the gateway's page of a payment.
type CheckoutInput struct{ NamedInput }

// CheckoutOutput is where the payer goes.
type CheckoutOutput struct {
	Body struct {
		Done
		URL string `json:"url" doc:"The gateway's own page; the same when asked again"`
	}
}

func itself(in *NamedInput) NamedInput { return *in }

func reasoned(in *ReasonInput) NamedInput { return in.NamedInput }

// withdrawals are the acts that take something back, and those that lead to money moving.
func (a *API) withdrawals() {
	x := a.Commands
	on(a, post("withdraw-quote", "/quotes/{id}/withdraw", "quotes", "Take a quote back (staff and programs)"), itself,
		func(ctx context.Context, req commands.Request, thing id.ID, _ *NamedInput) (commands.Receipt, error) {
			return x.WithdrawQuote(ctx, req, commands.WithdrawQuote{Quote: thing})
		})
	on(a, post("cancel-purchase-order", "/purchase-orders/{id}/cancel", "purchase orders", "Take a purchase order back (staff and programs)"), reasoned,
		func(ctx context.Context, req commands.Request, thing id.ID, in *ReasonInput) (commands.Receipt, error) {
			return x.CancelPurchase(ctx, req, commands.CancelPurchase{PurchaseOrder: thing, Reason: in.Body.Reason})
		})
	on(a, post("cancel-invoice", "/invoices/{id}/cancel", "documents", "Make an invoice void that nothing was paid on (staff and programs)"), reasoned,
		func(ctx context.Context, req commands.Request, thing id.ID, in *ReasonInput) (commands.Receipt, error) {
			return x.CancelInvoice(ctx, req, commands.CancelInvoice{Invoice: thing, Reason: in.Body.Reason})
		})
	on(a, post("withdraw-document", "/documents/{id}/withdraw", "documents", "Void a delivery note or a proforma (staff and programs)"), itself,
		func(ctx context.Context, req commands.Request, thing id.ID, _ *NamedInput) (commands.Receipt, error) {
			kind, err := a.kindOf(ctx, req, string(thing))
			if err != nil {
				return commands.Receipt{}, err
			}
			return x.WithdrawDocument(ctx, req, commands.WithdrawDocument{Kind: kind, Document: thing})
		})
	on(a, post("repeat-order", "/orders/{id}/repeat", "catalogue", "Put an order's products into the cart again, as far as the catalogue offers them"), itself,
		func(ctx context.Context, req commands.Request, thing id.ID, _ *NamedInput) (commands.Receipt, error) {
			_, rcpt, err := x.RepeatOrder(ctx, req, commands.RepeatOrder{Order: thing})
			return rcpt, err
		})
	on(a, post("refund-payment", "/payments/{id}/refund", "payments", "Send a payment back through its gateway, or record that a transfer was sent back (staff and programs)"),
		func(in *RefundInput) NamedInput { return in.NamedInput },
		func(ctx context.Context, req commands.Request, thing id.ID, in *RefundInput) (commands.Receipt, error) {
			r := commands.RefundPayment{Payment: thing}
			if in.Body.Total != nil {
				if r.Total = *in.Body.Total; r.Total.Minor <= 0 {
					return commands.Receipt{}, fault.Field("total", "amount.invalid")
				}
			}
			return x.RefundPayment(ctx, req, r)
		})
	telling(a, post("open-checkout", "/payments/{id}/checkout", "payments", "The gateway's page on which a payment is made"),
		func(in *CheckoutInput) Command { return in.Command }, a.checkout)
}

func (a *API) checkout(ctx context.Context, req commands.Request, in *CheckoutInput) (*CheckoutOutput, error) {
	if err := known(in.ID); err != nil {
		return nil, err
	}
	session, rcpt, err := a.Commands.OpenCheckout(ctx, req, commands.OpenCheckout{
		Payment: id.ID(in.ID), ReturnURL: a.url("/payments/" + in.ID), Language: a.Catalogue.Match(in.Language).Code,
	})
	if err != nil {
		return nil, err
	}
	out := &CheckoutOutput{}
	out.Body.Done, out.Body.URL = a.done(ctx, in.ID, rcpt).Body, session.URL
	return out, nil
}

func put(operation, path, tag, summary string) huma.Operation {
	op := post(operation, path, tag, summary)
	op.Method = "PUT"
	return op
}
