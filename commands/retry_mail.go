package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/mail"
)

// RetryMail names a mail that was refused, given up, or waits for its next try.
type RetryMail struct{ Mail id.ID }

// RetryMail has a mail tried again at once, for staff.
func (c *Commands) RetryMail(ctx context.Context, req Request, in RetryMail) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RetryMail", req.TraceParent)
	defer func() { end(failed) }()
	return c.onMail(ctx, req, in.Mail, mail.Retry)
}

// GiveUpMail names a mail that waits.
type GiveUpMail struct{ Mail id.ID }

// GiveUpMail keeps a mail from being sent, for staff.
func (c *Commands) GiveUpMail(ctx context.Context, req Request, in GiveUpMail) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "GiveUpMail", req.TraceParent)
	defer func() { end(failed) }()
	return c.onMail(ctx, req, in.Mail, mail.GiveUp)
}

func (c *Commands) onMail(ctx context.Context, req Request, name id.ID, decide func(mail.State) ([]event.Event, error)) (Receipt, error) {
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	return Execute(ctx, c.Executor, mail.Decider(), string(name), req.ofAccount(), decide)
}
