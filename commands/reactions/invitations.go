package reactions

import (
	"context"

	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/invitation"
)

// Invitations invites those whom staff named in one go, a few at a time: each few is an
// event, which asks for the next.
func Invitations(c *commands.Commands) Reaction {
	const name = "invitations"
	return Reaction{Name: name, Types: types(invitation.Started{}, invitation.Advanced{}), React: func(ctx context.Context, rec *event.Recorded) error {
		batch, err := docID(rec.Stream)
		if err != nil {
			return err
		}
		return c.AdvanceInvitations(ctx, request(rec, name), batch)
	}}
}
