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
	// tables and returns it: the live one if it is of this version and these tables, else
	// one that is kept or being built and sealed, else a new, empty one (live at once
	// where the projection has no live generation, else as Begin makes it).
	Open(ctx context.Context, projection string, version int, tables []Schema) (Generation, error)
	// Begin returns a new, empty generation of the version, to be built beside the live
	// one. It is for loading in bulk until it is sealed: only the store that began it can
	// commit to it, and what ends that store before then may take the generation with it.
	Begin(ctx context.Context, projection string, version int, tables []Schema) (Generation, error)
	// Seal ends loading in bulk: the generation is durable and indexed, and from then on
	// as any other. Sealing a sealed one changes nothing.
	Seal(ctx context.Context, g Generation) error
	// Switch makes the sealed generation live, keeping the former live one as old, and
	// drops the other generations of the projection. Commits to the former live one fail from then
	// on. ErrFenced unless g is as its checkpoint and epoch say; ErrBehind where g's
	// checkpoint is before that of the live generation, whose readers would go back in time.
	Switch(ctx context.Context, g Generation) error
	// Drop removes a generation that is not live.
	Drop(ctx context.Context, g Generation) error
	// Generations returns all generations of all projections, by number.
	Generations(ctx context.Context) ([]Generation, error)
	// Fence takes the generation over for this writer: it raises the epoch, after which
	// commits under the former one fail, and returns the generation as it is then.
	// ErrFenced where the generation is gone or its state is another than g says. Of a
	// generation with partitions it takes over those of g.Parts, and returns no others.
	Fence(ctx context.Context, g Generation) (Generation, error)

	// LoadRows returns the rows that exist among the keys, in any order.
	LoadRows(ctx context.Context, g Generation, table string, keys []Key) ([]Row, error)
	// EachRow calls f for every row of a sealed generation's table, ordered by key, until f fails.
	EachRow(ctx context.Context, g Generation, table string, f func(Row) error) error
	// Commit writes the changes and moves the checkpoint from b.From to b.To, all or
	// nothing. ErrFenced where the generation's checkpoint or epoch is another. Of a
	// generation with partitions, those of b.Generation.Parts move, all of which have to be
	// at b.From in their epochs; rows, and events that are parked, are of their owners alone.
	// When it returns, the memory of the changes is the caller's again, to be written to.
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
	Sealed     bool // false while it is loaded in bulk
	Checkpoint event.Position
	Epoch      int64
	Tables     []Schema

	// Of is how many partitions the generation has in a store that many nodes share, and
	// Parts those that are meant, in order: all where the store returns it, else what Only
	// leaves. Checkpoint is the lowest of theirs then, and Epoch is of no meaning. A store
	// of one process has 0 and nil.
	Of    int
	Parts []Part
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
	Reason   string // the error of the first of the sequence, or why it was skipped; "" for those behind it
	At       time.Time
	Skipped  bool // kept as a record only: nothing waits behind it
}

// ReasonErased is the reason that is left of a parked event whose contact was erased.
const ReasonErased = "erased"

// Batch is one atomic step of a generation.
type Batch struct {
	Generation Generation // its Number, Epoch and Parts count
	// From is where the checkpoint is, To where it goes: the same where only parked events change.
	From, To event.Position
	Changes  []Change // applied in order
	Park     []Parked
	Unpark   []event.Position // parked events that are folded, or skipped on record, by this batch
}

// ErrFenced says that somebody else moved the checkpoint or took the generation over.
var ErrFenced = errors.New("read store: another writer has taken over")

// ErrBehind says that a generation does not reach as far as the live one yet.
var ErrBehind = errors.New("read store: the generation is behind the live one")

// ErrClosed is returned by a store that was closed.
var ErrClosed = errors.New("read store: closed")

// ErrNoTable says that no live generation has the table.
var ErrNoTable = errors.New("read store: no such table")
