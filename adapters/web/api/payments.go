package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"lonja/commands"
	"lonja/domain/document"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

// PaymentsInput asks for payments.
type PaymentsInput struct {
	Scope
	Paging
	State []string `query:"state"`
}

// PaymentInput names a payment.
type PaymentInput struct {
	Scope
	ID string `path:"id"`
}

// PaymentOutput is a payment as an answer.
type PaymentOutput struct{ Body readmodels.Payment }

// PayDocument names what to pay.
type PayDocument struct {
	Kind   document.Kind `json:"kind"`
	ID     id.ID         `json:"id"`
	Amount *money.Money  `json:"amount,omitempty" doc:"Part of what is owed; all of it where absent"`
}

// PayInput starts a payment.
type PayInput struct {
	Command
	Body struct {
		Method    string        `json:"method" doc:"transfer, or a gateway that the account has enabled"`
		Documents []PayDocument `json:"documents" minItems:"1" maxItems:"100"`
	}
}

// TransferInput records that a transfer has come.
type TransferInput struct {
	Command
	Body struct {
		Payment   id.ID         `json:"payment,omitempty" doc:"The payment that announced it"`
		Documents []PayDocument `json:"documents,omitempty" doc:"What it pays, where nobody announced it" maxItems:"100"`
		Amount    money.Money   `json:"amount" doc:"What came"`
		On        document.Date `json:"on" doc:"Value date"`
	}
}

func payables(in []PayDocument) []commands.PayDocument {
	out := make([]commands.PayDocument, len(in))
	for i, d := range in {
		out[i] = commands.PayDocument{Kind: d.Kind, ID: d.ID, Amount: d.Amount}
	}
	return out
}

func (a *API) payments() {
	query(a, huma.Operation{OperationID: "list-payments", Path: "/payments", Tags: []string{"payments"}, Summary: "Payments, newest first"},
		func(in *PaymentsInput) Auth { return in.Auth },
		func(ctx context.Context, c caller, in *PaymentsInput) (*ListOutput[readmodels.Payment], error) {
			v, err := c.of(a.Commands.Read, in.Contact)
			if err != nil {
				return nil, err
			}
			q := readmodels.PaymentQuery{After: in.After, Limit: in.limit()}
			for _, s := range in.State {
				q.States = append(q.States, readmodels.PaymentState(s))
			}
			return listOf(readmodels.ListPayments(ctx, v, q))
		})
	query(a, huma.Operation{OperationID: "get-payment", Path: "/payments/{id}", Tags: []string{"payments"}, Summary: "One payment and its state"},
		func(in *PaymentInput) Auth { return in.Auth },
		func(ctx context.Context, c caller, in *PaymentInput) (*PaymentOutput, error) {
			v, err := c.of(a.Commands.Read, in.Contact)
			if err != nil {
				return nil, err
			}
			p, _, err := readmodels.FindPayment(ctx, v, id.ID(in.ID))
			return &PaymentOutput{Body: p}, err
		})
	command(a, post("start-payment", "/payments", "payments", "Start a payment of one or several documents"),
		func(in *PayInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *PayInput) (string, commands.Receipt, error) {
			made, r, err := a.Commands.StartPayment(ctx, req, commands.StartPayment{Documents: payables(in.Body.Documents), Method: in.Body.Method})
			return string(made), r, err
		})
	command(a, post("announce-transfer", "/payments/{id}/announce", "payments", "Say that the transfer was ordered at the bank"),
		func(in *NamedInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *NamedInput) (string, commands.Receipt, error) {
			if err := known(in.ID); err != nil {
				return "", commands.Receipt{}, err
			}
			r, err := a.Commands.AnnounceTransfer(ctx, req, commands.AnnounceTransfer{Payment: id.ID(in.ID)})
			return in.ID, r, err
		})
	command(a, post("cancel-payment", "/payments/{id}/cancel", "payments", "Give a payment up"),
		func(in *NamedInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *NamedInput) (string, commands.Receipt, error) {
			if err := known(in.ID); err != nil {
				return "", commands.Receipt{}, err
			}
			r, err := a.Commands.CancelPayment(ctx, req, commands.CancelPayment{Payment: id.ID(in.ID)})
			return in.ID, r, err
		})
	command(a, post("record-transfer", "/transfers", "payments", "Record that a transfer has come (staff and programs)"),
		func(in *TransferInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *TransferInput) (string, commands.Receipt, error) {
			made, r, err := a.Commands.RecordTransfer(ctx, req, commands.RecordTransfer{
				Payment: in.Body.Payment, Documents: payables(in.Body.Documents), Amount: in.Body.Amount, On: in.Body.On,
			})
			return string(made), r, err
		})
}
