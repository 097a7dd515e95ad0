package commands

import (
	"context"

	"lonja/domain/access"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/viewing"
)

// RecordView is a document that was shown, and in which form.
type RecordView struct {
	Document id.ID
	Kind     document.Kind
	Form     viewing.Form
}

// RecordView says that a person of the contact, or who holds a link, saw a document. Only
// the first time of each in each form is told. Staff and programs see documents without
// a trace.
func (c *Commands) RecordView(ctx context.Context, req Request, in RecordView) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RecordView", req.TraceParent)
	defer func() { end(failed) }()
	switch req.Actor.Kind {
	case event.ActorLogin, event.ActorLink:
	case event.ActorStaff, event.ActorAPIKey:
		return Receipt{}, fault.New(fault.Forbidden, "access.contact_only")
	default:
		return Receipt{}, fault.New(fault.NotFound, "not_found")
	}
	if err := c.authorise(ctx, req, in.Document, access.Read); err != nil {
		return Receipt{}, err
	}
	owner, err := c.ownerOf(ctx, req, in.Kind, in.Document)
	if err != nil {
		return Receipt{}, err
	}
	seen := viewing.DocumentViewed{
		Document: in.Document, Kind: in.Kind, Form: in.Form, Viewer: id.ID(req.Actor.ID), Link: req.Actor.Kind == event.ActorLink,
	}
	return ExecuteFor(ctx, c.Executor, viewing.Decider(), string(in.Document), req, owner, func(s viewing.State) ([]event.Event, error) {
		return viewing.View(s, seen)
	})
}
