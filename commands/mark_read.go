package commands

import (
	"context"

	"lonja/domain/access"
	"lonja/domain/conversation"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
)

// MarkRead names a document whose thread was seen.
type MarkRead struct {
	Document id.ID
	Kind     document.Kind
	Shown    id.ID // optional: the newest comment that was shown; one that came later stays unread
}

// MarkRead says that the actor's side has seen every comment, up to now or to the one shown.
func (c *Commands) MarkRead(ctx context.Context, req Request, in MarkRead) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "MarkRead", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authorise(ctx, req, in.Document, access.Read); err != nil {
		return Receipt{}, err
	}
	// Without a comment there is no thread, and nothing to mark: whose the document is must
	// be asked of itself, or the answer would tell of others' threads.
	if _, err := c.ownerOf(ctx, req, in.Kind, in.Document); err != nil {
		return Receipt{}, err
	}
	return Execute(ctx, c.Executor, conversation.Decider(), string(in.Document), req, func(s conversation.State) ([]event.Event, error) {
		return conversation.MarkRead(s, sideOf(req), conversation.Posted{Document: in.Document, Comment: in.Shown})
	})
}
