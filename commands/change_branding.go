package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/event"
)

// ChangeBranding says what the portal looks like.
type ChangeBranding struct {
	Colour  string // "#rrggbb", or empty
	Welcome string // on the sign-in page
	Footer  string // below pages, mails and documents
	Help    string // how to reach the account
}

// ChangeBranding sets what the portal looks like.
func (c *Commands) ChangeBranding(ctx context.Context, req Request, in ChangeBranding) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ChangeBranding", req.TraceParent)
	defer func() { end(failed) }()
	return c.onAccount(ctx, req, func(s account.State) ([]event.Event, error) {
		return account.ChangeBranding(s, account.BrandingChanged(in))
	})
}
