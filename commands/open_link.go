package commands

import (
	"context"
	"fmt"
	"time"

	"lonja/domain/access"
	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// OpenLink is the secret of a document link.
type OpenLink struct{ Token string }

// OpenedLink is what the link leads to, and how.
type OpenedLink struct {
	Decision access.Decision
	Link     id.ID
	Contact  id.Contact
	Document id.ID
	Kind     document.Kind
	Until    time.Time // while it is open: until when
}

// OpenLink says what a link does now. It changes nothing: whoever acts through an open
// link (event.ActorLink with the link's id) is checked again at each act. A secret that
// is not one of the account's is not found.
func (c *Commands) OpenLink(ctx context.Context, req Request, in OpenLink) (_ OpenedLink, failed error) {
	ctx, end, failed := c.begin(ctx, "OpenLink", req.TraceParent)
	defer func() { end(failed) }()
	t, ok, err := c.Vault.FindToken(ctx, PurposeLink, in.Token, req.At)
	if err != nil {
		return OpenedLink{}, fmt.Errorf("finding a link: %w", err)
	}
	if !ok || t.Account != req.Account {
		return OpenedLink{}, fault.New(fault.NotFound, "not_found")
	}
	return c.LinkStatus(ctx, req.of(t.Contact), t.Subject)
}

// LinkStatus says what a link of the request's contact does now, by its id: what a
// session of a link's holder asks at each page.
func (c *Commands) LinkStatus(ctx context.Context, req Request, link id.ID) (OpenedLink, error) {
	s, ok, err := State(ctx, c.Executor, access.LinkDecider(), string(link), req)
	if err != nil {
		return OpenedLink{}, err
	}
	if !ok {
		return OpenedLink{}, fault.New(fault.NotFound, "not_found")
	}
	roster, _, err := State(ctx, c.Executor, access.RosterDecider(), string(req.Contact), req)
	if err != nil {
		return OpenedLink{}, err
	}
	return OpenedLink{
		Decision: access.LinkDecision(s, roster.HasCredentials(), req.At), Link: link, Contact: req.Contact,
		Document: s.Document, Kind: s.Kind, Until: s.At.Add(access.LinkLife),
	}, nil
}
