// Package migration moves a system's log from one event store to another, and proves that
// it has arrived. It knows the stores by their port alone.
package migration

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
	"sort"

	"lonja/domain/event"
)

// Phase is a part of the move.
type Phase string

// The phases, in order. Done and Total are events, of the source's.
const (
	Comparing Phase = "comparing" // what the target has already
	Copying   Phase = "copying"
	Verifying Phase = "verifying" // both logs, from the first event
)

// Progress is how far a move is.
type Progress struct {
	Phase       Phase
	Done, Total uint64
}

// Report says what was moved.
type Report struct {
	Events uint64   // of the log
	Copied uint64   // by this run; the others were there already
	Bytes  uint64   // of data and metadata
	Hash   [32]byte // of every event in its order, of both logs
	Head   event.Position

	places []place
}

// place is where an event is in both logs. It is kept for one event in placesEvery, and for
// those that are asked for.
type place struct{ from, to event.Position }

// Position returns where the target is when the source is at the position: at the newest
// event up to there. It knows the positions that the move was asked for, and 0.
func (r *Report) Position(of event.Position) (event.Position, bool) {
	if of == 0 {
		return 0, true
	}
	i := sort.Search(len(r.places), func(i int) bool { return r.places[i].from >= of })
	if i == len(r.places) || r.places[i].from != of {
		return 0, false
	}
	return r.places[i].to, true
}

// OtherError says that the target has what the source has not: it is another system's.
type OtherError struct {
	Events uint64 // that are the same, from the first on
	Why    string
}

func (e *OtherError) Error() string {
	return fmt.Sprintf("migration: the target holds another log: after %d equal events, %s. Give it an empty database, or the target of a move of this same folder that was interrupted; nothing was changed", e.Events, e.Why)
}

const (
	batch       = 1000
	appendBytes = event.MaxAppendBytes / 2
)

// Log copies the source's log to the target, event by event with its id, and goes on where an
// earlier run was interrupted. Nothing else may write to either. It returns only after both
// were read from the first event on and are the same; positions says of which positions of
// the source the report is to know where they are in the target.
func Log(ctx context.Context, from, to event.Store, positions []event.Position, report func(Progress)) (Report, error) {
	if report == nil {
		report = func(Progress) {}
	}
	total, err := count(ctx, from)
	if err != nil {
		return Report{}, fmt.Errorf("migration: reading the source: %w", err)
	}
	there, at, err := compare(ctx, from, to, total, report)
	if err != nil {
		return Report{}, err
	}
	if err := copyFrom(ctx, from, to, at, there, total, report); err != nil {
		return Report{}, err
	}
	r, err := verify(ctx, from, to, positions, total, report)
	r.Copied = r.Events - min(there, r.Events)
	return r, err
}

func count(ctx context.Context, s event.Store) (n uint64, err error) {
	f := feed{store: s}
	for {
		e, err := f.next(ctx)
		if err != nil || e == nil {
			return n, err
		}
		n++
	}
}

// feed reads a log event by event.
type feed struct {
	store event.Store
	at    event.Position
	buf   []event.Stored
	i     int
}

// next returns the next event, nil at the end. It is valid until the next.
func (f *feed) next(ctx context.Context) (*event.Stored, error) {
	if f.i == len(f.buf) {
		var err error
		if f.buf, err = f.store.ReadFeed(ctx, f.at, batch, f.buf[:0]); err != nil {
			return nil, err
		}
		if f.i = 0; len(f.buf) == 0 {
			return nil, nil
		}
	}
	e := &f.buf[f.i]
	f.i++
	f.at = e.Position
	return e, nil
}

// compare returns how many events the target has, which must be the source's first, and the
// source's position after them.
func compare(ctx context.Context, from, to event.Store, total uint64, report func(Progress)) (n uint64, at event.Position, err error) {
	source, target := feed{store: from}, feed{store: to}
	for {
		report(Progress{Comparing, n, total})
		have, err := target.next(ctx)
		if err != nil {
			return n, at, fmt.Errorf("migration: reading the target: %w", err)
		}
		if have == nil {
			return n, at, nil
		}
		want, err := source.next(ctx)
		if err != nil {
			return n, at, fmt.Errorf("migration: reading the source: %w", err)
		}
		if want == nil {
			return n, at, &OtherError{n, "it has more than the source"}
		}
		if why := differs(want, have); why != "" {
			return n, at, &OtherError{n, why}
		}
		n++
		at = want.Position
	}
}

// differs says what of two events is not the same: all but positions and when they were
// recorded, which are the stores' own.
func differs(a, b *event.Stored) string {
	switch {
	case a.Stream != b.Stream || a.Revision != b.Revision:
		return fmt.Sprintf("it has revision %d of %s where the source has revision %d of %s", b.Revision, b.Stream, a.Revision, a.Stream)
	case a.ID != b.ID || a.Type != b.Type:
		return fmt.Sprintf("revision %d of %s is %s %s there and %s %s in the source", a.Revision, a.Stream, b.Type, b.ID, a.Type, a.ID)
	case !bytes.Equal(a.Meta, b.Meta) || !bytes.Equal(a.Data, b.Data):
		return fmt.Sprintf("revision %d of %s has other bytes than in the source", a.Revision, a.Stream)
	}
	return ""
}

// copyFrom appends what the source has after a position. Events of one stream that follow
// each other go together.
func copyFrom(ctx context.Context, from, to event.Store, at event.Position, n, total uint64, report func(Progress)) error {
	source := feed{store: from, at: at}
	var stream string
	var expected event.Revision
	var events []event.Raw
	size := 0
	flush := func() error {
		if len(events) == 0 {
			return nil
		}
		if _, err := to.Append(ctx, stream, expected, events); err != nil {
			var conflict *event.ConflictError
			if errors.As(err, &conflict) {
				return &OtherError{n, fmt.Sprintf("it has revision %d of %s already: somebody else writes to it", conflict.Actual, stream)}
			}
			return fmt.Errorf("migration: writing to the target: %w", err)
		}
		n += uint64(len(events))
		report(Progress{Copying, n, total})
		events, size = events[:0], 0
		return nil
	}
	report(Progress{Copying, n, total})
	for {
		e, err := source.next(ctx)
		if err != nil {
			return fmt.Errorf("migration: reading the source: %w", err)
		}
		if e == nil {
			return flush()
		}
		bytesOf := len(e.Data) + len(e.Meta) + 2*len(e.Type)
		if e.Stream != stream || len(events) == event.MaxAppendEvents || size+bytesOf > appendBytes {
			if err := flush(); err != nil {
				return err
			}
			stream, expected = e.Stream, e.Revision-1
		}
		raw := e.Raw
		raw.Meta, raw.Data = bytes.Clone(e.Meta), bytes.Clone(e.Data) // the next read takes the buffer
		events = append(events, raw)
		size += bytesOf
	}
}

// verify reads both logs from the first event on.
func verify(ctx context.Context, from, to event.Store, positions []event.Position, total uint64, report func(Progress)) (r Report, err error) {
	wanted := slices.Compact(slices.Sorted(slices.Values(positions)))
	for len(wanted) > 0 && wanted[0] == 0 {
		wanted = wanted[1:]
	}
	source, target := feed{store: from}, feed{store: to}
	a, b := digest{h: sha256.New()}, digest{h: sha256.New()}
	var last place
	passed := func(next event.Position) { // positions before the next event are at the last one
		for len(wanted) > 0 && wanted[0] < next {
			r.places = append(r.places, place{wanted[0], last.to})
			wanted = wanted[1:]
		}
	}
	for {
		report(Progress{Verifying, r.Events, total})
		want, err := source.next(ctx)
		if err != nil {
			return r, fmt.Errorf("migration: reading the source: %w", err)
		}
		have, err := target.next(ctx)
		if err != nil {
			return r, fmt.Errorf("migration: reading the target: %w", err)
		}
		if want == nil || have == nil {
			if want != nil || have != nil {
				return r, fmt.Errorf("migration: the logs do not have the same number of events: one ends after %d. Somebody writes to one of them: stop that, and move again", r.Events)
			}
			break
		}
		if why := differs(want, have); why != "" {
			return r, fmt.Errorf("migration: the target is not what was copied: after %d equal events, %s", r.Events, why)
		}
		passed(want.Position)
		last = place{want.Position, have.Position}
		a.add(want)
		b.add(have)
		r.Events++
		r.Bytes += uint64(len(want.Data) + len(want.Meta))
	}
	passed(event.Position(1<<64 - 1))
	if ha, hb := a.sum(), b.sum(); ha != hb {
		return r, fmt.Errorf("migration: the logs' hashes are not the same: %x and %x", ha, hb)
	}
	r.Hash, r.Head = a.sum(), last.to
	return r, nil
}

// digest is a hash over a log's events in their order.
type digest struct {
	h   hash.Hash
	buf []byte
}

func (d *digest) add(e *event.Stored) {
	d.buf = d.buf[:0]
	part := func(b []byte) {
		d.buf = binary.AppendUvarint(d.buf, uint64(len(b)))
		d.buf = append(d.buf, b...)
	}
	part(e.ID[:])
	part([]byte(e.Stream))
	d.buf = binary.AppendVarint(d.buf, int64(e.Revision))
	part([]byte(e.Type))
	part(e.Meta)
	part(e.Data)
	d.h.Write(d.buf)
}

func (d *digest) sum() (s [32]byte) {
	d.h.Sum(s[:0])
	return s
}
