package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/event"
)

// SetLogo is the account's logo: a PNG within account.MaxLogoWidth and MaxLogoHeight.
// Empty takes the logo away.
type SetLogo struct{ PNG []byte }

// SetLogo sets what pages, mails and documents carry as the account's logo.
func (c *Commands) SetLogo(ctx context.Context, req Request, in SetLogo) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "SetLogo", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffAdmin); err != nil {
		return Receipt{}, err
	}
	if _, err := c.accountState(ctx, req); err != nil {
		return Receipt{}, err
	}
	return Execute(ctx, c.Executor, account.LogoDecider(), string(req.Account), req.ofAccount(), func(s account.Logo) ([]event.Event, error) {
		if len(in.PNG) == 0 {
			return account.RemoveLogo(s)
		}
		return account.SetLogo(s, in.PNG)
	})
}
