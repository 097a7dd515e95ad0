package event

import (
	"context"
	"errors"
	"fmt"
)

// Store keeps events. Implementations pass adaptertest.EventStore.
//
// Guarantees: an append is all or nothing and durable when it returns; revisions
// of a stream are 0, 1, 2 … without gaps; positions grow strictly in the order in
// which events become readable, so that a reader who has seen position p will
// never be shown one below p that it was not shown before.
type Store interface {
	// Append adds events to a stream that is exactly at the expected revision
	// (NoStream for a new one). When the same event ids were already appended at that
	// place, it changes nothing and returns the first receipt with Again set, also
	// after a restart. Otherwise a *ConflictError says where the stream is.
	Append(ctx context.Context, stream string, expected Revision, events []Raw) (Receipt, error)

	// ReadStream appends to buf the events of the stream from the revision on, at most
	// limit of them, oldest first. A stream that does not exist is an empty one.
	ReadStream(ctx context.Context, stream string, from Revision, limit int, buf []Stored) ([]Stored, error)

	// ReadFeed appends to buf the events after the position, at most limit of them, in
	// feed order. Data and Meta are valid until buf is handed to another read.
	ReadFeed(ctx context.Context, after Position, limit int, buf []Stored) ([]Stored, error)

	// Head returns the position of the newest readable event, 0 for an empty log.
	Head(ctx context.Context) (Position, error)

	// Wait returns the head as soon as it is beyond the position, or ctx's error.
	Wait(ctx context.Context, after Position) (Position, error)

	// Close ends the store. Calls under way finish or fail with ErrClosed.
	Close() error
}

// Receipt says where an append landed.
type Receipt struct {
	Stream   string
	Revision Revision // of the last event
	Position Position // of the last event
	Again    bool     // the same events were already there
}

// Limits that every store enforces before it writes, so that a log can move from one to another.
const (
	MaxAppendBytes  = 1 << 20 // data + metadata + 2 × type length, summed over one append
	MaxAppendEvents = 1000
	MaxStreamName   = 200 // bytes
	MaxTypeName     = 100 // bytes
)

// ErrClosed is returned by a store that was closed.
var ErrClosed = errors.New("event store: closed")

// ErrTooLarge is returned for an append beyond the limits.
var ErrTooLarge = errors.New("event store: append too large")

// ConflictError says that a stream is not at the expected revision.
type ConflictError struct {
	Stream   string
	Expected Revision
	Actual   Revision
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("event store: stream %s is at revision %d, not %d", e.Stream, e.Actual, e.Expected)
}

// CheckAppend enforces the limits and the form of an append, for stores to call first.
func CheckAppend(stream string, expected Revision, events []Raw) error {
	if stream == "" || len(stream) > MaxStreamName {
		return fmt.Errorf("event store: stream name of %d bytes, want 1 to %d", len(stream), MaxStreamName)
	}
	if expected < NoStream {
		return fmt.Errorf("event store: append to %s: expected revision %d is not exact", stream, expected)
	}
	if len(events) == 0 {
		return fmt.Errorf("event store: append to %s: no events", stream)
	}
	if len(events) > MaxAppendEvents {
		return fmt.Errorf("%w: %d events to %s, at most %d", ErrTooLarge, len(events), stream, MaxAppendEvents)
	}
	size := 0
	for i := range events {
		e := &events[i]
		if e.Type == "" || len(e.Type) > MaxTypeName {
			return fmt.Errorf("event store: append to %s: type name of %d bytes, want 1 to %d", stream, len(e.Type), MaxTypeName)
		}
		if e.ID.IsZero() {
			return fmt.Errorf("event store: append to %s: event %d (%s) has no id", stream, i, e.Type)
		}
		for j := range i {
			if events[j].ID == e.ID {
				return fmt.Errorf("event store: append to %s: events %d and %d have the same id %s", stream, j, i, e.ID)
			}
		}
		size += len(e.Data) + len(e.Meta) + 2*len(e.Type)
	}
	if size > MaxAppendBytes {
		return fmt.Errorf("%w: %d bytes to %s, at most %d", ErrTooLarge, size, stream, MaxAppendBytes)
	}
	return nil
}
