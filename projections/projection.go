// Package projections derives the read models: pure folds from events to rows, and
// the runner that feeds them. A projection has no clock, no I/O and no outward
// handle; what it needs is in the event and in the rows that the event names.
package projections

import (
	"fmt"

	"lonja/domain/event"
	"lonja/readmodels"
)

// Action is what a fold decided about its row.
type Action uint8

// The actions.
const (
	Skip   Action = iota // leave the row as it was, and absent if it was absent
	Put                  // write the row
	Delete               // remove the row
)

// Projection is a named, versioned set of folds into its own tables. A changed
// meaning is a new version.
type Projection struct {
	Name    string
	Version int

	tables   []readmodels.Schema
	folds    map[string][]fold // by event type
	anyFolds []fold            // for every event
}

// fold is a typed handler with its types erased, so that the runner can prefetch,
// cache and write rows without knowing them.
type fold struct {
	table int
	keys  func(rec *event.Recorded) []readmodels.Key
	apply func(row any, found bool, rec *event.Recorded) (action Action) // row is *R
	codec rowCodec
}

type rowCodec interface {
	fresh() any
	decode(data []byte) (any, error)
	encode(k readmodels.Key, row any) (readmodels.Row, error)
}

type codecOf[R any] struct{ t *readmodels.Table[R] }

func (c codecOf[R]) fresh() any { return new(R) }
func (c codecOf[R]) decode(data []byte) (any, error) {
	return c.t.Decode(data)
}
func (c codecOf[R]) encode(k readmodels.Key, row any) (readmodels.Row, error) {
	r, ok := row.(*R)
	if !ok {
		return readmodels.Row{}, fmt.Errorf("row of %s is a %T", c.t.Name, row)
	}
	return c.t.Encode(k, r)
}

// New returns a projection without folds.
func New(name string, version int) *Projection {
	return &Projection{Name: name, Version: version, folds: map[string][]fold{}}
}

// Tables returns the schemas of the projection's tables.
func (p *Projection) Tables() []readmodels.Schema { return p.tables }

// On adds a fold: for an event of type E, keys names the rows that it touches
// (from the event alone), and fn changes each. fn must depend on nothing but its
// arguments, and takes time from the event. Several folds of one event run in the
// order in which they were added.
func On[E event.Event, R any](p *Projection, t *readmodels.Table[R],
	keys func(rec *event.Recorded, e E) []readmodels.Key,
	fn func(row *R, found bool, rec *event.Recorded, e E) Action,
) {
	var zero E
	p.folds[zero.EventType()] = append(p.folds[zero.EventType()], fold{
		table: p.tableIndex(t.Schema),
		codec: codecOf[R]{t},
		keys: func(rec *event.Recorded) []readmodels.Key {
			return keys(rec, rec.Data.(E))
		},
		apply: func(row any, found bool, rec *event.Recorded) Action {
			return fn(row.(*R), found, rec, rec.Data.(E))
		},
	})
}

// OnAny adds a fold for every event, whatever its type.
func OnAny[R any](p *Projection, t *readmodels.Table[R],
	keys func(rec *event.Recorded) []readmodels.Key,
	fn func(row *R, found bool, rec *event.Recorded) Action,
) {
	p.anyFolds = append(p.anyFolds, fold{
		table: p.tableIndex(t.Schema), codec: codecOf[R]{t}, keys: keys,
		apply: func(row any, found bool, rec *event.Recorded) Action {
			return fn(row.(*R), found, rec)
		},
	})
}

func (p *Projection) tableIndex(s readmodels.Schema) int {
	for i := range p.tables {
		if p.tables[i].Name == s.Name {
			return i
		}
	}
	p.tables = append(p.tables, s)
	return len(p.tables) - 1
}

// OfContact returns the key of the contact's row with the id: the usual case.
func OfContact(rec *event.Recorded, rowID string) []readmodels.Key {
	return []readmodels.Key{{Account: rec.Meta.Account, Contact: rec.Meta.Contact, ID: rowID}}
}

// OfAccount returns the key of a row of the account itself.
func OfAccount(rec *event.Recorded, rowID string) []readmodels.Key {
	return []readmodels.Key{{Account: rec.Meta.Account, ID: rowID}}
}
