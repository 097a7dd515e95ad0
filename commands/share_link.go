package commands

import (
	"context"
	"fmt"
	"time"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
)

// ShareLink is a document to share, and to whom the link is sent, if it is: by Lonja's own
// mail where Send says so, else by whoever shares it.
type ShareLink struct {
	Document id.ID
	Kind     document.Kind
	SentTo   string
	Send     bool
	Message  string // of staff, in the mail
}

// SharedLink is a link and its secret, which is shown this once.
type SharedLink struct {
	ID    id.ID
	Token string
	Until time.Time // when it stops to open the document by itself
}

// ShareLink makes a link to a document: for a contact without password it opens the
// document for 48 hours, for one with credentials it leads to it after sign-in.
// Repeated, it is the same link with another secret.
func (c *Commands) ShareLink(ctx context.Context, req Request, in ShareLink) (_ SharedLink, _ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ShareLink", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return SharedLink{}, Receipt{}, err
	}
	owner, err := c.ownerOf(ctx, req, in.Kind, in.Document)
	if err != nil {
		return SharedLink{}, Receipt{}, err
	}
	link := id.DeriveID("link", string(req.Account), string(in.Document), req.Command.String(), string(req.Actor.Kind), req.Actor.ID)
	req = req.of(owner)
	rcpt, err := ExecuteFor(ctx, c.Executor, access.LinkDecider(), string(link), req, owner, func(s access.Link) ([]event.Event, error) {
		shared, err := access.ShareLink(s, in.Document, in.Kind, in.SentTo, req.At)
		if err != nil || !in.Send {
			return shared, err
		}
		return access.SendLink(s, shared, in.SentTo, in.Message)
	})
	if err != nil {
		return SharedLink{}, Receipt{}, err
	}
	shared, _, err := State(ctx, c.Executor, access.LinkDecider(), string(link), req)
	if err != nil {
		return SharedLink{}, Receipt{}, err
	}
	// Listed before anybody has its secret: a password that is set from now on closes it.
	if _, err := ExecuteFor(ctx, c.Executor, access.RosterDecider(), string(owner), req.step("list "+string(link)), owner, func(s access.Roster) ([]event.Event, error) {
		return access.ListLink(s, link, shared.At)
	}); err != nil {
		return SharedLink{}, Receipt{}, err
	}
	secret, err := c.Vault.IssueToken(ctx, Token{Account: req.Account, Purpose: PurposeLink, Subject: link, Contact: owner})
	if err != nil {
		return SharedLink{}, Receipt{}, fmt.Errorf("issuing link %s: %w", link, err)
	}
	return SharedLink{ID: link, Token: secret, Until: shared.At.Add(access.LinkLife)}, rcpt, nil
}
