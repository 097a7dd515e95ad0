package readmodels

import (
	"context"
	"errors"
	"time"

	"lonja/domain/event"
	"lonja/domain/id"
)

// Store keeps the tables of projections. Implementations pass adaptertest.ReadStore.
//
// A projection has generations: a set of physical tables with a checkpoint. One is
// live, which Reader reads; a rebuild fills another beside it and then switches
// atomically. Rows and checkpoint move in one transaction, so that whatever tail is
// lost in a crash is simply folded again.
type Store interface {
	Reader

	// Open makes sure that the projection has a generation of this version with these
	// tables and returns it: the live one if its version matches, else one being built,
	// else a new, empty one (live at once where the projection has no live generation).
	Open(ctx context.Context, projection string, version int, tables []Schema) (Generation, error)
	// Begin returns a new, empty generation of the version, to be built beside the live one.
	Begin(ctx context.Context, projection string, version int, tables []Schema) (Generation, error)
	// Switch makes the generation live, keeping the former live one as old, and drops
	// generations that are older still. It fails with ErrFenced unless g is as its
	// checkpoint and epoch say.
	Switch(ctx context.Context, g Generation) error
	// Drop removes a generation that is not live.
	Drop(ctx context.Context, g Generation) error
	// Generations returns all generations of all projections.
	Generations(ctx context.Context) ([]Generation, error)
	// Fence takes the generation over for this writer: it raises the epoch, after which
	// commits under the former one fail.
	Fence(ctx context.Context, g Generation) (Generation, error)

	// LoadRows returns the rows that exist among the keys, in any order.
	LoadRows(ctx context.Context, g Generation, table string, keys []Key) ([]Row, error)
	// Commit writes the changes and moves the checkpoint from b.From to b.To, all or
	// nothing. ErrFenced where the generation's checkpoint or epoch is another.
	Commit(ctx context.Context, b Batch) error

	// Parked returns the parked events of a generation, oldest first; contact "" means all.
	Parked(ctx context.Context, g Generation, contact id.Contact) ([]Parked, error)

	Close() error
}

// GenerationState says what a generation is for.
type GenerationState string

// The states.
const (
	Live     GenerationState = "live"
	Building GenerationState = "building"
	Old      GenerationState = "old" // kept for a rollback
)

// Generation is one set of a projection's tables.
type Generation struct {
	Projection string
	Version    int
	Number     int64 // unique within the store
	State      GenerationState
	Checkpoint event.Position
	Epoch      int64
	Tables     []Schema
}

// Change is one row to write or delete, or the removal of a contact's every row.
type Change struct {
	Table  string
	Row    Row // only Key where Delete or Erase is set
	Delete bool
	Erase  bool // remove all rows of Key's account and contact from the table; Key.ID is empty
}

// Parked is an event that a projection could not fold, or that waits behind one.
type Parked struct {
	Account  id.Account
	Contact  id.Contact
	Position event.Position
	Stream   string
	Revision event.Revision
	Type     string
	Reason   string // the error of the first of the sequence; "" for those behind it
	At       time.Time
}

// Batch is one atomic step of a generation.
type Batch struct {
	Generation Generation // its Number and Epoch count
	From, To   event.Position
	Changes    []Change // applied in order
	Park       []Parked
	Unpark     []event.Position // parked events that are folded, or skipped on record, by this batch
}

// ErrFenced says that somebody else moved the checkpoint or took the generation over.
var ErrFenced = errors.New("read store: another writer has taken over")

// ErrNoTable says that no live generation has the table.
var ErrNoTable = errors.New("read store: no such table")
