package commands

import (
	"context"

	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/id"
)

// SetContactRoles says what a contact is to the account.
type SetContactRoles struct {
	Contact          id.Contact
	Client, Supplier bool
}

// SetContactRoles says whether a contact is a client, a supplier or both.
func (c *Commands) SetContactRoles(ctx context.Context, req Request, in SetContactRoles) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "SetContactRoles", req.TraceParent)
	defer func() { end(failed) }()
	return c.onContact(ctx, req, in.Contact, func(s contact.State) ([]event.Event, error) {
		return contact.SetRoles(s, in.Client, in.Supplier)
	})
}
