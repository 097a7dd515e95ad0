package audit

import (
	"context"
	"fmt"
	"math"
	"time"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/projections"
	"lonja/readmodels"
)

// AsOf is a contact's home as it was, and what it was made of.
type AsOf struct {
	Home     readmodels.HomePage
	Contact  readmodels.Contact
	Events   int
	Position event.Position // of the newest event that counted
}

// Home folds the contact's events up to the query's time into an empty store, by the
// same projections that serve the portal, and reads the same page from it. store is
// empty and the caller's; zone is the account's.
func (a *Auditor) Home(ctx context.Context, q Query, store readmodels.Store, zone *time.Location) (AsOf, error) {
	var out AsOf
	part := &part{}
	if err := a.scan(ctx, q, func(s *event.Stored) error {
		c := *s
		c.Meta, c.Data = append([]byte(nil), s.Meta...), append([]byte(nil), s.Data...)
		part.events = append(part.events, c)
		out.Events, out.Position = out.Events+1, s.Position
		return nil
	}); err != nil {
		return out, err
	}
	r, err := projections.NewRunner(projections.Config{Projections: projections.All(), Events: part, Codec: a.Codec, Store: store, Bulk: math.MaxInt})
	if err != nil {
		return out, fmt.Errorf("home of %s: %w", q.Contact, err)
	}
	if err := r.CatchUp(ctx); err != nil {
		return out, fmt.Errorf("home of %s: %w", q.Contact, err)
	}
	v := readmodels.For(store, q.Account, q.Contact)
	if out.Home, err = readmodels.Home(ctx, v, document.DateOf(q.Until.In(zone))); err != nil {
		return out, fmt.Errorf("home of %s: %w", q.Contact, err)
	}
	if out.Events > 0 {
		if out.Contact, err = readmodels.GetContact(ctx, v); err != nil {
			return out, fmt.Errorf("home of %s: %w", q.Contact, err)
		}
	}
	return out, nil
}

// part is the part of a log that counts, as a store to read.
type part struct{ events []event.Stored }

// Append implements event.Store: nothing is appended to the past.
func (p *part) Append(context.Context, string, event.Revision, []event.Raw) (event.Receipt, error) {
	return event.Receipt{}, event.ErrClosed
}

// ReadStream implements event.Store; projections read the feed only.
func (p *part) ReadStream(context.Context, string, event.Revision, int, []event.Stored) ([]event.Stored, error) {
	return nil, event.ErrClosed
}

// ReadFeed implements event.Store.
func (p *part) ReadFeed(_ context.Context, after event.Position, limit int, buf []event.Stored) ([]event.Stored, error) {
	for i := range p.events {
		if p.events[i].Position > after && len(buf) < limit {
			buf = append(buf, p.events[i])
		}
	}
	return buf, nil
}

// Head implements event.Store.
func (p *part) Head(context.Context) (event.Position, error) {
	if len(p.events) == 0 {
		return 0, nil
	}
	return p.events[len(p.events)-1].Position, nil
}

// Wait implements event.Store: the past does not grow.
func (p *part) Wait(ctx context.Context, _ event.Position) (event.Position, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// Close implements event.Store.
func (p *part) Close() error { return nil }
