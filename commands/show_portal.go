package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/viewing"
)

// ShowPortal names the contact whose portal staff look at, and as which of its people;
// Login empty is as somebody who may do everything.
type ShowPortal struct {
	Contact id.Contact
	Login   id.ID
}

// ShowPortal notes that a person of staff begins to look at the portal as a contact sees
// it, which every role may: it changes nothing, and shows what the record shows too.
func (c *Commands) ShowPortal(ctx context.Context, req Request, in ShowPortal) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ShowPortal", req.TraceParent)
	defer func() { end(failed) }()
	if req.Actor.Kind != event.ActorStaff {
		return Receipt{}, fault.New(fault.NotFound, "not_found")
	}
	if err := c.authoriseStaff(ctx, req, account.StaffReader); err != nil {
		return Receipt{}, err
	}
	if _, err := c.contactState(ctx, req, in.Contact); err != nil {
		return Receipt{}, err
	}
	if in.Login != "" {
		if _, err := c.loginState(ctx, req.of(in.Contact), in.Login); err != nil {
			return Receipt{}, err
		}
	}
	look := id.DeriveID("look", string(req.Account), string(in.Contact), req.Command.String(), req.Actor.ID)
	return ExecuteFor(ctx, c.Executor, viewing.LookDecider(), string(look), req, in.Contact, func(s viewing.Look) ([]event.Event, error) {
		return viewing.Show(s, in.Login)
	})
}
