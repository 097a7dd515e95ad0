package projections

import (
	"strings"

	"lonja/domain/conversation"
	"lonja/domain/event"
	"lonja/readmodels"
)

// snippet is how much of a comment lists show, in characters.
const snippet = 160

func commentFolds(p *Projection) {
	On(p, readmodels.Comments,
		func(rec *event.Recorded, _ conversation.Posted) []readmodels.Key {
			return OfContact(rec, readmodels.PositionID(rec.Position))
		},
		func(c *readmodels.Comment, _ bool, rec *event.Recorded, e conversation.Posted) Action {
			*c = readmodels.Comment{
				ID: e.Comment, Document: e.Document, Kind: e.Kind, Side: readmodels.Side(e.Side),
				Author: e.Author.Or(""), Text: e.Text.Or(""), At: rec.At(), Actor: rec.Meta.Actor.Kind,
			}
			for _, f := range e.Files.Or(nil) {
				c.Files = append(c.Files, readmodels.CommentFile{Name: f.Name, Type: f.Type, Size: f.Size, SHA256: f.SHA256})
			}
			return Put
		})
	OnWith(p, readmodels.Threads,
		func(rec *event.Recorded, e conversation.Posted) []readmodels.Key {
			return documentRows(rec, e.Document)
		},
		readmodels.Documents, func(rec *event.Recorded, e conversation.Posted) readmodels.Key {
			return readmodels.Key{Account: rec.Meta.Account, Contact: rec.Meta.Contact, ID: string(e.Document)}
		},
		func(t *readmodels.Thread, _ bool, d *readmodels.Document, rec *event.Recorded, e conversation.Posted) Action {
			t.Document, t.Kind = e.Document, e.Kind
			if d != nil {
				t.Number = d.Number
			}
			t.Comments++
			if e.Side == conversation.Contact {
				t.ForStaff++
			} else {
				t.ForContact++
			}
			t.LastAt, t.LastSide, t.LastAuthor, t.LastText = rec.At(), readmodels.Side(e.Side), e.Author.Or(""), said(&e)
			return Put
		})
	onFound(p, readmodels.Threads,
		func(rec *event.Recorded, e conversation.Read) []readmodels.Key { return documentRows(rec, e.Document) },
		func(t *readmodels.Thread, _ *event.Recorded, e conversation.Read) {
			// The stream is in order: whatever was posted before is what was seen.
			if e.Side == conversation.Staff {
				t.ForStaff = 0
			} else {
				t.ForContact = 0
			}
		})

	countComments(p, func(rec *event.Recorded, e conversation.Posted) []readmodels.Key {
		return documentRows(rec, e.Document)
	})
	countComments(p, func(rec *event.Recorded, e conversation.Read) []readmodels.Key { return documentRows(rec, e.Document) })
}

// countComments copies the thread's counts to its document's row, for lists.
func countComments[E event.Event](p *Projection, document func(rec *event.Recorded, e E) []readmodels.Key) {
	OnWith(p, readmodels.Documents, document,
		readmodels.Threads, first(document),
		func(d *readmodels.Document, found bool, t *readmodels.Thread, rec *event.Recorded, _ E) Action {
			if !found || t == nil {
				return Skip
			}
			d.Comments, d.UnreadContact, d.UnreadStaff = t.Comments, t.ForContact, t.ForStaff
			d.Position = rec.Position
			return Put
		})
}

// said is what lists show of a comment: its text, else what is attached.
func said(e *conversation.Posted) string {
	text := e.Text.Or("")
	if text == "" {
		var names []string
		for _, f := range e.Files.Or(nil) {
			names = append(names, f.Name)
		}
		text = strings.Join(names, ", ")
	}
	return short(text)
}

// short returns the beginning of a text, on a character's boundary.
func short(s string) string {
	n := 0
	for i := range s {
		if n == snippet {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
