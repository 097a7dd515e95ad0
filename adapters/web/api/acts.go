package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"lonja/commands"
	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// ApproveInput is a contact's yes to a quote.
type ApproveInput struct {
	Command
	ID   string `path:"id"`
	Body struct {
		Name      string `json:"name" doc:"Who approves" maxLength:"200"`
		Hash      string `json:"hash" doc:"The content hash of the document that was shown: what is approved"`
		Reference string `json:"reference,omitempty" maxLength:"100"`
		Signature string `json:"signature,omitempty" doc:"Drawn, as SVG path data (M, L, Q, C, Z) in a box of 400 by 120" maxLength:"60000"`
	}
}

// AnswerInput is a no, or a wish.
type AnswerInput struct {
	Command
	ID   string `path:"id"`
	Body struct {
		Name   string `json:"name,omitempty" maxLength:"200"`
		Reason string `json:"reason,omitempty" maxLength:"5000"`
	}
}

// ChangesInput asks for another version of a quote.
type ChangesInput struct {
	Command
	ID   string `path:"id"`
	Body struct {
		Name string `json:"name,omitempty" maxLength:"200"`
		Text string `json:"text" maxLength:"5000"`
	}
}

// ConfirmInput is a supplier's yes to a purchase order.
type ConfirmInput struct {
	Command
	ID   string `path:"id"`
	Body struct {
		Name         string `json:"name" maxLength:"200"`
		Hash         string `json:"hash"`
		DeliveryDate string `json:"deliveryDate,omitempty"`
		Reference    string `json:"reference,omitempty" maxLength:"100"`
	}
}

// CommentInput is a comment.
type CommentInput struct {
	Command
	ID   string `path:"id"`
	Body struct {
		Text        string              `json:"text,omitempty" maxLength:"5000" doc:"May be absent where something is attached"`
		Attachments []CommentAttachment `json:"attachments,omitempty" maxItems:"5" doc:"Files that were attached before"`
	}
}

// NamedInput names a thing to act on.
type NamedInput struct {
	Command
	ID string `path:"id"`
}

func post(operation, path, tag, summary string) huma.Operation {
	return huma.Operation{OperationID: operation, Method: http.MethodPost, Path: path, Tags: []string{tag}, Summary: summary}
}

// known refuses ids that are none as what is not there, before anything is looked up.
func known(ids ...string) error {
	for _, i := range ids {
		if !id.Valid(i) {
			return fault.New(fault.NotFound, "not_found")
		}
	}
	return nil
}

func (a *API) acts() {
	x := a.Commands
	command(a, post("approve-quote", "/quotes/{id}/approve", "quotes", "Approve a quote"),
		func(in *ApproveInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *ApproveInput) (string, commands.Receipt, error) {
			if err := known(in.ID); err != nil {
				return "", commands.Receipt{}, err
			}
			r, err := x.ApproveQuote(ctx, req, commands.ApproveQuote{Quote: id.ID(in.ID), Name: in.Body.Name, Signature: in.Body.Signature, Reference: in.Body.Reference, Hash: in.Body.Hash})
			return in.ID, r, err
		})
	command(a, post("decline-quote", "/quotes/{id}/decline", "quotes", "Decline a quote"),
		func(in *AnswerInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *AnswerInput) (string, commands.Receipt, error) {
			if err := known(in.ID); err != nil {
				return "", commands.Receipt{}, err
			}
			r, err := x.DeclineQuote(ctx, req, commands.DeclineQuote{Quote: id.ID(in.ID), Name: in.Body.Name, Reason: in.Body.Reason})
			return in.ID, r, err
		})
	command(a, post("request-quote-changes", "/quotes/{id}/changes", "quotes", "Ask for another version of a quote"),
		func(in *ChangesInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *ChangesInput) (string, commands.Receipt, error) {
			if err := known(in.ID); err != nil {
				return "", commands.Receipt{}, err
			}
			r, err := x.RequestQuoteChanges(ctx, req, commands.RequestQuoteChanges{Quote: id.ID(in.ID), Name: in.Body.Name, Text: in.Body.Text})
			return in.ID, r, err
		})
	command(a, post("confirm-purchase-order", "/purchase-orders/{id}/confirm", "purchase orders", "Confirm a purchase order, as its supplier"),
		func(in *ConfirmInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *ConfirmInput) (string, commands.Receipt, error) {
			if err := known(in.ID); err != nil {
				return "", commands.Receipt{}, err
			}
			r, err := x.ConfirmPurchase(ctx, req, commands.ConfirmPurchase{
				PurchaseOrder: id.ID(in.ID), Name: in.Body.Name, DeliveryOn: document.Date(in.Body.DeliveryDate), Reference: in.Body.Reference, Hash: in.Body.Hash,
			})
			return in.ID, r, err
		})
	command(a, post("reject-purchase-order", "/purchase-orders/{id}/reject", "purchase orders", "Reject a purchase order, as its supplier"),
		func(in *AnswerInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *AnswerInput) (string, commands.Receipt, error) {
			if err := known(in.ID); err != nil {
				return "", commands.Receipt{}, err
			}
			r, err := x.RejectPurchase(ctx, req, commands.RejectPurchase{PurchaseOrder: id.ID(in.ID), Name: in.Body.Name, Reason: in.Body.Reason})
			return in.ID, r, err
		})
	command(a, post("post-comment", "/documents/{id}/comments", "documents", "Comment on a document"),
		func(in *CommentInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *CommentInput) (string, commands.Receipt, error) {
			kind, err := a.kindOf(ctx, req, in.ID)
			if err != nil {
				return "", commands.Receipt{}, err
			}
			made, r, err := x.PostComment(ctx, req, commands.PostComment{Document: id.ID(in.ID), Kind: kind, Text: in.Body.Text, Files: refsOf(in.Body.Attachments)})
			return string(made), r, err
		})
	command(a, post("mark-read", "/documents/{id}/read", "documents", "Say that every comment on a document was seen"),
		func(in *NamedInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *NamedInput) (string, commands.Receipt, error) {
			kind, err := a.kindOf(ctx, req, in.ID)
			if err != nil {
				return "", commands.Receipt{}, err
			}
			r, err := x.MarkRead(ctx, req, commands.MarkRead{Document: id.ID(in.ID), Kind: kind})
			return in.ID, r, err
		})
}

// kindOf returns the kind of a document that the caller sees.
func (a *API) kindOf(ctx context.Context, req commands.Request, doc string) (document.Kind, error) {
	v := readmodels.ForStaff(a.Commands.Read, req.Account)
	if req.Contact != "" {
		v = v.Of(req.Contact)
	}
	d, _, err := readmodels.FindDocument(ctx, v, id.ID(doc))
	return d.Kind, err
}
