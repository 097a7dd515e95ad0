package reactions

import (
	"context"

	"lonja/commands"
	"lonja/domain/contact"
	"lonja/domain/event"
)

// Erasures finishes erasures: one whose process ended when it was in the log left the key
// of the contact's data, and files.
func Erasures(c *commands.Commands) Reaction {
	const name = "erasures"
	return Reaction{Name: name, Types: types(contact.Erased{}), React: func(ctx context.Context, rec *event.Recorded) error {
		return c.FinishErasure(ctx, request(rec, name))
	}}
}
