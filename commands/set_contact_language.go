package commands

import (
	"context"

	"lonja/domain/access"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// SetContactLanguage is the language of a contact's portal and mail; empty: the account's.
type SetContactLanguage struct {
	Contact  id.Contact
	Language string
}

// SetContactLanguage sets a contact's language: staff anybody's, its people their own.
func (c *Commands) SetContactLanguage(ctx context.Context, req Request, in SetContactLanguage) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "SetContactLanguage", req.TraceParent)
	defer func() { end(failed) }()
	decide := func(s contact.State) ([]event.Event, error) { return contact.SetLanguage(s, in.Language) }
	if req.Actor.Kind != event.ActorLogin {
		return c.onContact(ctx, req, in.Contact, decide)
	}
	if err := c.authorise(ctx, req, "", access.Read); err != nil {
		return Receipt{}, err
	}
	if in.Contact != req.Contact {
		return Receipt{}, fault.New(fault.NotFound, "not_found")
	}
	return Execute(ctx, c.Executor, contact.Decider(), string(in.Contact), req, decide)
}
