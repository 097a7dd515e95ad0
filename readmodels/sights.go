package readmodels

import (
	"context"
	"time"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
)

// Sight is the first time that somebody of a contact saw a document in a form.
type Sight struct {
	Position event.Position  `json:"position"`
	Document id.ID           `json:"document"`
	Kind     document.Kind   `json:"kind"`
	Form     string          `json:"form"` // page, pdf, data
	At       time.Time       `json:"at"`
	Viewer   id.ID           `json:"viewer"` // the login, or the link
	Actor    event.ActorKind `json:"actor"`  // login or link
}

// Sights holds one row a sight, by its place in the log. What staff know of a contact,
// and it not of itself: it is not in the contact's feed.
var Sights = &Table[Sight]{
	Schema: Schema{
		Name:    "sights",
		Columns: []Column{{"document", Text}, {"at", Int}},
		Indexes: []Index{
			{Name: "document", Columns: []string{"document", "at"}},
			{Name: "at", Columns: []string{"at"}},
		},
	},
	Values: func(s *Sight, dst []Value) []Value { return append(dst, T(s.Document), N(s.At.UnixMilli())) },
}

// ListSights returns a page of what a contact saw, newest first; of one document where
// doc is not empty.
func ListSights(ctx context.Context, v View, doc id.ID, after string, limit int) (Page[Sight], error) {
	q := Query{Index: "at", Desc: true, After: after, Limit: limit}
	if doc != "" {
		q.Index, q.Where = "document", []Cond{Where("document", Eq, T(doc))}
	}
	return List(ctx, v, Sights, q)
}

// Activity is the sight as a line of a timeline.
func (s *Sight) Activity() Activity {
	return Activity{
		Position: s.Position, Type: "document.viewed", At: s.At, Actor: s.Actor, ActorID: string(s.Viewer),
		Document: s.Document, Kind: s.Kind, Method: s.Form,
	}
}
