package commands

import (
	"context"
	"fmt"

	"lonja/domain/access"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// ChangePassword is a login's own change of its password.
type ChangePassword struct {
	Login        id.ID
	Current, New string
	Kept         string // secret of the session that goes on; the others end
}

// ChangePassword changes the actor's own password.
func (c *Commands) ChangePassword(ctx context.Context, req Request, in ChangePassword) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ChangePassword", req.TraceParent)
	defer func() { end(failed) }()
	if req.Actor != (event.Actor{Kind: event.ActorLogin, ID: string(in.Login)}) {
		return Receipt{}, fault.New(fault.NotFound, "not_found")
	}
	if err := c.authorise(ctx, req, "", access.Read); err != nil {
		return Receipt{}, err
	}
	l, err := c.loginState(ctx, req, in.Login)
	if err != nil {
		return Receipt{}, err
	}
	right, err := c.Vault.VerifyPassword(ctx, req.Account, in.Login, in.Current)
	if err != nil {
		return Receipt{}, fmt.Errorf("verifying the password of login %s: %w", in.Login, err)
	}
	if !right {
		return Receipt{}, fault.Field("current", "password.wrong")
	}
	if err := c.checkLoginPassword(ctx, req, "password", in.New, l); err != nil {
		return Receipt{}, err
	}
	return c.setPassword(ctx, req, l, in.New, access.BySelf, in.Kept)
}
