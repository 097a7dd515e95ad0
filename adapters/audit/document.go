package audit

import (
	"context"
	"fmt"
	"time"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/purchase"
	"lonja/domain/quote"
)

// Content is what a document's content hash is, computed anew from what the log holds,
// and everywhere that the log states it.
type Content struct {
	Document id.ID           `json:"document"`
	Kind     document.Kind   `json:"kind"`
	Number   string          `json:"number"`
	Contact  id.Contact      `json:"contact"`
	Hash     string          `json:"hash,omitempty"` // as computed; empty where the content was erased
	Erased   bool            `json:"erased,omitempty"`
	Stated   []StatedContent `json:"stated"`
}

// StatedContent is an event that states a content hash.
type StatedContent struct {
	Type     string         `json:"type"`
	ID       string         `json:"id"`
	Stream   string         `json:"stream"`
	Revision event.Revision `json:"revision"`
	Position event.Position `json:"position"`
	At       time.Time      `json:"at"`
	Hash     string         `json:"hash"`
}

// Sound reports whether the content has the hash that every event states, and, unless it
// is empty, the one that somebody was shown. Of what was erased only the latter is known.
func (c *Content) Sound(shown string) bool {
	hash := c.Hash
	if c.Erased && len(c.Stated) > 0 {
		hash = c.Stated[0].Hash
	}
	for _, s := range c.Stated {
		if s.Hash != hash {
			return false
		}
	}
	return shown == "" || shown == hash
}

// Document computes the content hash of a document of the account.
func (a *Auditor) Document(ctx context.Context, account id.Account, doc id.ID) (Content, error) {
	for _, kind := range document.Kinds() {
		c, found, err := a.content(ctx, account, kind, doc)
		if err != nil {
			return Content{}, fmt.Errorf("content of document %s: %w", doc, err)
		}
		if found {
			return c, nil
		}
	}
	return Content{}, fault.New(fault.NotFound, "not_found")
}

func (a *Auditor) content(ctx context.Context, account id.Account, kind document.Kind, doc id.ID) (c Content, found bool, err error) {
	c = Content{Document: doc, Kind: kind}
	stream := string(kind) + "-" + string(doc)
	var events []event.Stored
	for next, more := event.Revision(0), true; more; next += feedPage {
		if events, err = a.Store.ReadStream(ctx, stream, next, feedPage, events[:0]); err != nil {
			return c, false, err
		}
		more = len(events) == feedPage
		for i := range events {
			rec, err := a.Codec.Decode(ctx, &events[i])
			if err != nil {
				return c, false, err
			}
			if rec.Meta.Account != account {
				return c, false, nil
			}
			c.Contact, found = rec.Meta.Contact, true
			hash := ""
			switch e := rec.Data.(type) {
			case interface{ IssuedDocument() document.Issued }:
				issued := e.IssuedDocument()
				c.Number, hash = issued.Number, issued.Hash
				body, open := issued.Body.Open()
				c.Erased = !open
				if open {
					if c.Hash, err = body.ContentHash(); err != nil {
						return c, false, err
					}
				}
			case quote.Approved:
				hash = e.Hash
			case purchase.Confirmed:
				hash = e.Hash
			}
			if hash != "" {
				c.Stated = append(c.Stated, StatedContent{
					Type: rec.Type, ID: rec.ID.String(), Stream: rec.Stream, Revision: rec.Revision, Position: rec.Position, At: rec.Meta.OccurredAt, Hash: hash,
				})
			}
		}
	}
	return c, found, nil
}
