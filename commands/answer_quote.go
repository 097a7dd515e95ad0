package commands

import (
	"context"
	"errors"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/quote"
	"lonja/readmodels"
)

// ApproveQuote is a contact's yes to what was shown under the hash.
type ApproveQuote struct {
	Quote     id.ID
	Name      string // who approves
	Signature string // drawn, SVG path data in a box of quote.SignatureWidth by SignatureHeight; optional
	Reference string // the contact's own order number; optional
	Hash      string
}

// ApproveQuote approves a quote for the contact.
func (c *Commands) ApproveQuote(ctx context.Context, req Request, in ApproveQuote) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ApproveQuote", req.TraceParent)
	defer func() { end(failed) }()
	return c.answerQuote(ctx, req, in.Quote, func(s quote.State, today document.Date) ([]event.Event, error) {
		return quote.Approve(s, quote.Approval{Name: in.Name, Signature: in.Signature, Reference: in.Reference, Hash: in.Hash}, today)
	})
}

// DeclineQuote is a contact's no.
type DeclineQuote struct {
	Quote        id.ID
	Name, Reason string
}

// DeclineQuote declines a quote for the contact.
func (c *Commands) DeclineQuote(ctx context.Context, req Request, in DeclineQuote) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "DeclineQuote", req.TraceParent)
	defer func() { end(failed) }()
	return c.answerQuote(ctx, req, in.Quote, func(s quote.State, today document.Date) ([]event.Event, error) {
		return quote.Decline(s, in.Name, in.Reason, today)
	})
}

// RequestQuoteChanges is a contact's wish for another version.
type RequestQuoteChanges struct {
	Quote      id.ID
	Name, Text string
}

// RequestQuoteChanges asks for another version of a quote, which stays open.
func (c *Commands) RequestQuoteChanges(ctx context.Context, req Request, in RequestQuoteChanges) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RequestQuoteChanges", req.TraceParent)
	defer func() { end(failed) }()
	return c.answerQuote(ctx, req, in.Quote, func(s quote.State, today document.Date) ([]event.Event, error) {
		return quote.RequestChanges(s, in.Name, in.Text, today)
	})
}

func (c *Commands) answerQuote(ctx context.Context, req Request, doc id.ID, decide func(quote.State, document.Date) ([]event.Event, error)) (Receipt, error) {
	if err := c.authorise(ctx, req, doc, access.Approve); err != nil {
		return Receipt{}, err
	}
	acc, err := c.accountState(ctx, req)
	if err != nil {
		return Receipt{}, err
	}
	day, err := today(acc, req)
	if err != nil {
		return Receipt{}, err
	}
	return Execute(ctx, c.Executor, quote.Decider(), string(doc), req, func(s quote.State) ([]event.Event, error) { return decide(s, day) })
}

// WithdrawQuote names a quote to take back.
type WithdrawQuote struct{ Quote id.ID }

// WithdrawQuote takes a quote back.
func (c *Commands) WithdrawQuote(ctx context.Context, req Request, in WithdrawQuote) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "WithdrawQuote", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	return Execute(ctx, c.Executor, quote.Decider(), string(in.Quote), req, quote.Withdraw)
}

// expiryPage is how many quotes the sweep looks at a time.
const expiryPage = 200

// ExpireQuotes records the expiry of all quotes whose day has passed unanswered, and
// returns how many. One that fails does not keep the others. Only the system does.
func (c *Commands) ExpireQuotes(ctx context.Context, req Request) (_ int, failed error) {
	ctx, end, failed := c.begin(ctx, "ExpireQuotes", req.TraceParent)
	defer func() { end(failed) }()
	if err := systemOnly(req); err != nil {
		return 0, err
	}
	acc, err := c.accountState(ctx, req)
	if err != nil {
		return 0, err
	}
	day, err := today(acc, req)
	if err != nil {
		return 0, err
	}
	q := readmodels.DocumentQuery{DocumentFilter: readmodels.DocumentFilter{
		Kinds: []document.Kind{document.Quote}, Statuses: []readmodels.Status{readmodels.StatusPending, readmodels.StatusChangesRequested}, DueTo: day.AddDays(-1),
	}, Limit: expiryPage}
	expired := 0
	var failures []error
	for {
		page, err := readmodels.ListDocuments(ctx, readmodels.ForStaff(c.Read, req.Account), q)
		if err != nil {
			return expired, errors.Join(append(failures, err)...)
		}
		for _, d := range page.Items {
			rcpt, err := Execute(ctx, c.Executor, quote.Decider(), string(d.Row.ID), req.of(d.Key.Contact).step("expire "+string(d.Row.ID)), func(s quote.State) ([]event.Event, error) {
				return quote.Expire(s, day)
			})
			if err != nil {
				failures = append(failures, err)
			} else if rcpt.Changed {
				expired++
			}
		}
		if page.Next == "" || ctx.Err() != nil {
			return expired, errors.Join(append(failures, ctx.Err())...)
		}
		q.After = page.Next
	}
}
