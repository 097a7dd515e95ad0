package commands

import (
	"context"
	"fmt"

	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// ChangeStaffPassword is a person of staff's own change of their password.
type ChangeStaffPassword struct {
	Current, New string
	Kept         string // secret of the session that goes on; the others end
}

// ChangeStaffPassword changes the actor's own password.
func (c *Commands) ChangeStaffPassword(ctx context.Context, req Request, in ChangeStaffPassword) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ChangeStaffPassword", req.TraceParent)
	defer func() { end(failed) }()
	if req.Actor.Kind != event.ActorStaff {
		return Receipt{}, fault.New(fault.NotFound, "not_found")
	}
	p, err := c.self(ctx, req)
	if err != nil {
		return Receipt{}, err
	}
	right, err := c.Vault.VerifyPassword(ctx, req.Account, p.id, in.Current)
	if err != nil {
		return Receipt{}, fmt.Errorf("verifying the password of staff %s: %w", p.id, err)
	}
	if !right {
		return Receipt{}, fault.Field("current", "password.wrong")
	}
	if err := c.checkPassword(ctx, req, "password", in.New, p.email, p.name); err != nil {
		return Receipt{}, err
	}
	return c.setStaffPassword(ctx, req, id.ID(req.Actor.ID), in.New, in.Kept)
}
