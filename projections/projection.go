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
	Skip   Action = iota // leave the row as it was, and absent if it was absent; the fold has not touched it
	Put                  // write the row
	Delete               // remove the row
)

// Projection is a named, versioned set of folds into its own tables. A changed
// meaning is a new version.
type Projection struct {
	Name    string
	Version int

	tables   []readmodels.Schema
	types    map[string]*handling // by event type
	anyFolds []fold               // for every event
}

// handling is what a projection does with events of a type.
type handling struct {
	folds  []fold
	erases bool // they remove every row of their contact
}

// handling returns what is done with events of the type, to be added to.
func (p *Projection) handling(eventType string) *handling {
	h := p.types[eventType]
	if h == nil {
		h = &handling{}
		p.types[eventType] = h
	}
	return h
}

// foldsOf returns the folds of events of the type alone.
func (p *Projection) foldsOf(eventType string) []fold {
	if h := p.types[eventType]; h != nil {
		return h.folds
	}
	return nil
}

// fold is a typed handler with its types erased, so that the runner can prefetch,
// cache and write rows without knowing them.
//
// The runner's part for one event: first, where erasesFor says so, drop every row
// of (account, contact) from all tables of the projection; then the folds in order,
// each with its row as the folds before it left it, and with its companion, if it has
// one, likewise.
type fold struct {
	table int
	keys  func(rec *event.Recorded) []readmodels.Key
	with  *companion                                                                // nil: looks at no other row
	apply func(row any, found bool, other any, rec *event.Recorded) (action Action) // row is *R; other the companion's row, nil where absent
	codec rowCodec
}

// companion is one more row that a fold looks at and does not change: load it with
// the others, and hand it to apply as the folds before have left it.
type companion struct {
	table int
	codec rowCodec
	key   func(rec *event.Recorded) readmodels.Key // the zero Key: none
}

type rowCodec interface {
	fresh() any
	decode(data []byte) (any, error)
	encode(to *readmodels.Rows, k readmodels.Key, row any) (readmodels.Row, error)
}

type codecOf[R any] struct{ t *readmodels.Table[R] }

func (c codecOf[R]) fresh() any { return new(R) }
func (c codecOf[R]) decode(data []byte) (any, error) {
	return c.t.Decode(data)
}
func (c codecOf[R]) encode(to *readmodels.Rows, k readmodels.Key, row any) (readmodels.Row, error) {
	r, ok := row.(*R)
	if !ok {
		return readmodels.Row{}, fmt.Errorf("row of %s is a %T", c.t.Name, row)
	}
	return c.t.EncodeTo(to, k, r)
}

// New returns a projection without folds.
func New(name string, version int) *Projection {
	return &Projection{Name: name, Version: version, types: map[string]*handling{}}
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
	h := p.handling(zero.EventType())
	h.folds = append(h.folds, fold{
		table: p.tableIndex(t.Schema),
		codec: codecOf[R]{t},
		keys: func(rec *event.Recorded) []readmodels.Key {
			return keys(rec, rec.Data.(E))
		},
		apply: func(row any, found bool, _ any, rec *event.Recorded) Action {
			return fn(row.(*R), found, rec, rec.Data.(E))
		},
	})
}

// OnWith is On for a fold that looks at one more row of the projection's own, the
// companion, without changing it: what a document was before it was cancelled, say.
// other is nil where there is no such row. The companion is as the folds of the same
// event that were added before have left it.
func OnWith[E event.Event, R, W any](p *Projection, t *readmodels.Table[R],
	keys func(rec *event.Recorded, e E) []readmodels.Key,
	with *readmodels.Table[W], withKey func(rec *event.Recorded, e E) readmodels.Key,
	fn func(row *R, found bool, other *W, rec *event.Recorded, e E) Action,
) {
	var zero E
	h := p.handling(zero.EventType())
	h.folds = append(h.folds, fold{
		table: p.tableIndex(t.Schema),
		codec: codecOf[R]{t},
		keys: func(rec *event.Recorded) []readmodels.Key {
			return keys(rec, rec.Data.(E))
		},
		with: &companion{
			table: p.tableIndex(with.Schema), codec: codecOf[W]{with},
			key: func(rec *event.Recorded) readmodels.Key { return withKey(rec, rec.Data.(E)) },
		},
		apply: func(row any, found bool, other any, rec *event.Recorded) Action {
			w, _ := other.(*W)
			return fn(row.(*R), found, w, rec, rec.Data.(E))
		},
	})
}

// EraseOn says that an event of type E removes every row of its contact from all
// tables of the projection, before its folds (which may leave a tombstone) run.
func EraseOn[E event.Event](p *Projection) {
	var zero E
	p.handling(zero.EventType()).erases = true
}

// erasesFor reports whether the event removes its contact's rows. Rows of the account
// itself are no contact's, and never removed so.
func (h *handling) erasesFor(rec *event.Recorded) bool {
	return h != nil && h.erases && rec.Meta.Contact != ""
}

// OnAny adds a fold for every event, whatever its type.
func OnAny[R any](p *Projection, t *readmodels.Table[R],
	keys func(rec *event.Recorded) []readmodels.Key,
	fn func(row *R, found bool, rec *event.Recorded) Action,
) {
	p.anyFolds = append(p.anyFolds, fold{
		table: p.tableIndex(t.Schema), codec: codecOf[R]{t}, keys: keys,
		apply: func(row any, found bool, _ any, rec *event.Recorded) Action {
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
