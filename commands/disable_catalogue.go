package commands

import (
	"context"

	"lonja/domain/contact"
	"lonja/domain/id"
)

// DisableCatalogue names a contact.
type DisableCatalogue struct{ Contact id.Contact }

// DisableCatalogue takes the catalogue from a contact. Its cart is kept for another time.
func (c *Commands) DisableCatalogue(ctx context.Context, req Request, in DisableCatalogue) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "DisableCatalogue", req.TraceParent)
	defer func() { end(failed) }()
	return c.onContact(ctx, req, in.Contact, contact.DisableCatalogue)
}
