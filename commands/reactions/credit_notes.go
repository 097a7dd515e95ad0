// Package reactions answers events with commands: when this happened, do that. A
// reaction's command is named by the event, so that an event that comes twice has one
// effect.
package reactions

import (
	"context"
	"fmt"
	"strings"

	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/invoice"
)

// Reaction answers one event; an error means that it has to be answered again.
type Reaction func(ctx context.Context, rec *event.Recorded) error

// request is the command that a reaction answers an event with.
func request(rec *event.Recorded, reaction string) commands.Request {
	return commands.Request{
		Command: id.Derive("reaction", reaction, rec.ID.String()), Account: rec.Meta.Account, Contact: rec.Meta.Contact,
		Actor: event.Actor{Kind: event.ActorSystem, ID: reaction}, Correlation: rec.Meta.Correlation, Causation: rec.ID,
		At: rec.Meta.OccurredAt, TraceParent: rec.Meta.TraceParent,
	}
}

// CreditNotesToInvoices takes what a credit note gives back off the invoices that it corrects.
func CreditNotesToInvoices(c *commands.Commands) Reaction {
	return func(ctx context.Context, rec *event.Recorded) error {
		e, ok := rec.Data.(invoice.CreditNoteIssued)
		if !ok || len(e.Corrects) == 0 {
			return nil
		}
		note, found := docID(rec.Stream)
		if !found {
			return fmt.Errorf("credit note of stream %s: no id in its name", rec.Stream)
		}
		return c.CreditInvoices(ctx, request(rec, "credit-notes-to-invoices"), note, e.Payable, e.Corrects)
	}
}

// docID returns the id in a stream's name.
func docID(stream string) (id.ID, bool) {
	_, text, ok := strings.Cut(stream, "-")
	return id.ID(text), ok && id.Valid(text)
}
