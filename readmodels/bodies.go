package readmodels

import (
	"context"
	"errors"
	"fmt"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// Bodies reads what is inside documents where it is for ever: in the event of their
// issue. A body never changes and is most of what a log holds, so no table has a copy
// (docs/decisions/0007).
type Bodies struct {
	Log   event.Store
	Codec *event.Codec
}

// Of returns what is inside a contact's document, the note that came with an order, and
// false where the body was erased. The view decides whether there is such a document.
func (b Bodies) Of(ctx context.Context, v View, doc id.ID) (body document.Body, note string, ok bool, err error) {
	d, err := Must(ctx, v, Documents, string(doc))
	if err != nil {
		return body, "", false, err
	}
	fail := func(err error) (document.Body, string, bool, error) {
		return document.Body{}, "", false, fmt.Errorf("body of document %s: %w", doc, err)
	}
	events, err := b.Log.ReadStream(ctx, string(d.Kind)+"-"+string(doc), 0, 1, nil)
	if err != nil {
		return fail(err)
	}
	if len(events) == 0 {
		return fail(errors.New("the log has no such stream"))
	}
	rec, err := b.Codec.Decode(ctx, &events[0])
	if err != nil {
		return fail(err)
	}
	if rec.Meta.Account != v.Account() || rec.Meta.Contact != v.Contact() {
		return body, "", false, fault.New(fault.NotFound, "not_found") // no row says so; the event has the last word
	}
	issue, is := rec.Data.(interface{ IssuedDocument() document.Issued })
	if !is {
		return fail(fmt.Errorf("its first event is %s", rec.Type))
	}
	if noted, is := rec.Data.(interface{ IssueNote() string }); is {
		note = noted.IssueNote()
	}
	i := issue.IssuedDocument()
	body, ok = i.Body.Open()
	return body, note, ok, nil
}
