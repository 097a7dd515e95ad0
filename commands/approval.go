package commands

import (
	"context"
	"fmt"

	"lonja/domain/access"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/quote"
	"lonja/readmodels"
)

// Approval is the proof of a quote's approval, as the log has it.
type Approval struct {
	Quote     id.ID
	Body      document.Body // exactly what was shown: Hash was computed of it just now
	Hash      string
	Revises   string // number of the quote that it took the place of, "" where it is the first
	Name      string // as it was typed
	Signature string // drawn, SVG path data, "" where there is none
	Reference string
	By        Approver
	Issue     event.Recorded // of the quote
	Approval  event.Recorded
}

// Approver is how whoever approved was known.
type Approver struct {
	event.Actor
	Name, Email string      // of a login
	Link        access.Link // that was held
}

// QuoteApproval returns the proof of the approval of a quote of the view's contact. Of a
// quote that is not approved there is none; with the contact's personal data it is gone.
func (c *Commands) QuoteApproval(ctx context.Context, v readmodels.View, doc id.ID) (Approval, error) {
	if v.Contact() == "" || !id.Valid(doc) {
		return Approval{}, fault.New(fault.NotFound, "not_found")
	}
	a := Approval{Quote: doc}
	issued, approved, err := c.readApproval(ctx, v, &a)
	if err != nil {
		return Approval{}, err
	}
	var there bool
	if a.Body, there = issued.Body.Open(); !there {
		return Approval{}, fault.New(fault.Gone, "document.erased")
	}
	if a.Hash, err = a.Body.ContentHash(); err != nil {
		return Approval{}, err
	}
	if a.Hash != issued.Hash || a.Hash != approved.Hash {
		return Approval{}, fmt.Errorf("approval of quote %s: its content has the hash %s, its issue says %s, its approval %s", doc, a.Hash, issued.Hash, approved.Hash)
	}
	a.Name, a.Signature, a.Reference = approved.Name.Or(""), approved.Signature.Or(""), approved.OrderReference()
	if issued.Supersedes != "" {
		old, _, err := State(ctx, c.Executor, quote.Decider(), string(issued.Supersedes), Request{Account: v.Account(), Contact: v.Contact()})
		if err != nil {
			return Approval{}, err
		}
		if old.Issued != nil {
			a.Revises = old.Issued.Number
		}
	}
	a.By, err = c.approver(ctx, v, a.Approval.Meta.Actor)
	return a, err
}

// readApproval finds the two events that make the proof.
func (c *Commands) readApproval(ctx context.Context, v readmodels.View, a *Approval) (issued quote.Issued, approved quote.Approved, err error) {
	stream := quote.Decider().Stream(string(a.Quote))
	var events []event.Stored
	for next, more := event.Revision(0), true; more; next += streamPage {
		if events, err = c.Store.ReadStream(ctx, stream, next, streamPage, events[:0]); err != nil {
			return issued, approved, fmt.Errorf("approval in %s: %w", stream, err)
		}
		more = len(events) == streamPage
		for i := range events {
			rec, err := c.Codec.Decode(ctx, &events[i])
			if err != nil {
				return issued, approved, fmt.Errorf("approval in %s: %w", stream, err)
			}
			if rec.Meta.Account != v.Account() || rec.Meta.Contact != v.Contact() {
				return issued, approved, fault.New(fault.NotFound, "not_found")
			}
			switch e := rec.Data.(type) {
			case quote.Issued:
				issued, a.Issue = e, rec
			case quote.Approved:
				approved, a.Approval = e, rec
			}
		}
	}
	switch {
	case a.Issue.Position == 0:
		return issued, approved, fault.New(fault.NotFound, "not_found")
	case a.Approval.Position == 0:
		return issued, approved, fault.New(fault.Conflict, "quote.not_approved", fault.A("number", issued.Number))
	}
	return issued, approved, nil
}

func (c *Commands) approver(ctx context.Context, v readmodels.View, by event.Actor) (Approver, error) {
	req := Request{Account: v.Account(), Contact: v.Contact()}
	out := Approver{Actor: by}
	var err error
	switch by.Kind {
	case event.ActorLogin:
		var login access.Login
		login, _, err = State(ctx, c.Executor, access.LoginDecider(), by.ID, req)
		out.Name, out.Email = login.Name, login.Email
	case event.ActorLink:
		out.Link, _, err = State(ctx, c.Executor, access.LinkDecider(), by.ID, req)
	}
	return out, err
}
