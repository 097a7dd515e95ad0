package commands

import (
	"context"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/id"
)

// SetLoginPassword is a password that staff give to a login.
type SetLoginPassword struct {
	Login    id.ID
	Password string
}

// SetLoginPassword sets a login's password, for staff. All its sessions end.
func (c *Commands) SetLoginPassword(ctx context.Context, req Request, in SetLoginPassword) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "SetLoginPassword", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	l, err := c.loginState(ctx, req, in.Login)
	if err != nil {
		return Receipt{}, err
	}
	if err := c.checkLoginPassword(ctx, req, "password", in.Password, l); err != nil {
		return Receipt{}, err
	}
	return c.setPassword(ctx, req, l, in.Password, access.ByStaff, "")
}
