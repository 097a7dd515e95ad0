// Package reactions answers events with commands: when this happened, do that. A
// reaction's command is named by the event, so that an event that comes twice has one
// effect.
package reactions

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/invoice"
)

// Reaction answers the events of its types.
type Reaction struct {
	Name  string   // names its commands and its place in the log: never changed
	Types []string // the event types that it answers

	// React answers one event. A refusal (a fault) means that this event can't be answered;
	// any other error, and fault.Unavailable, that it has to be answered again.
	React func(ctx context.Context, rec *event.Recorded) error
}

// Answers reports whether the reaction answers events of the type.
func (r Reaction) Answers(eventType string) bool { return slices.Contains(r.Types, eventType) }

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
	const name = "credit-notes-to-invoices"
	return Reaction{Name: name, Types: types(invoice.CreditNoteIssued{}), React: func(ctx context.Context, rec *event.Recorded) error {
		e, ok := rec.Data.(invoice.CreditNoteIssued)
		if !ok || len(e.Corrects) == 0 {
			return nil
		}
		note, err := docID(rec.Stream)
		if err != nil {
			return err
		}
		return c.CreditInvoices(ctx, request(rec, name), note, e.Payable, e.Corrects)
	}}
}

func types(events ...event.Event) []string {
	names := make([]string, len(events))
	for i, e := range events {
		names[i] = e.EventType()
	}
	return names
}

// docID returns the id in a stream's name.
func docID(stream string) (id.ID, error) {
	_, text, ok := strings.Cut(stream, "-")
	if !ok || !id.Valid(text) {
		return "", fmt.Errorf("stream %s has no id in its name: %w", stream, fault.New(fault.NotFound, "not_found"))
	}
	return id.ID(text), nil
}
