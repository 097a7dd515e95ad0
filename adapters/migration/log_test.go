package migration_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"pgregory.net/rapid"

	"lonja/adapters/memory"
	"lonja/adapters/migration"
	"lonja/domain/event"
)

// sparse is a store whose positions have gaps, as EventStoreDB's have, and whose appends can
// be made to fail.
type sparse struct {
	*memory.EventLog
	fail func() error
}

const gap = 37

func (s *sparse) Append(ctx context.Context, stream string, expected event.Revision, events []event.Raw) (event.Receipt, error) {
	if s.fail != nil {
		if err := s.fail(); err != nil {
			return event.Receipt{}, err
		}
	}
	r, err := s.EventLog.Append(ctx, stream, expected, events)
	r.Position *= gap
	return r, err
}

func (s *sparse) ReadFeed(ctx context.Context, after event.Position, limit int, buf []event.Stored) ([]event.Stored, error) {
	n := len(buf)
	buf, err := s.EventLog.ReadFeed(ctx, after/gap, limit, buf)
	for i := range buf[n:] {
		buf[n+i].Position *= gap
	}
	return buf, err
}

func newLog(t interface{ Cleanup(func()) }) *memory.EventLog {
	l := memory.NewEventLog(time.Now)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func fill(t testing.TB, s event.Store, rnd *rand.Rand, appends int) {
	t.Helper()
	last := map[string]event.Revision{}
	for range appends {
		name := fmt.Sprintf("s-%d", rnd.IntN(5))
		at, ok := last[name]
		if !ok {
			at = event.NoStream
		}
		events := make([]event.Raw, 1+rnd.IntN(3))
		for i := range events {
			var id ulid.ULID
			for j := range id {
				id[j] = byte(rnd.Uint32())
			}
			events[i] = event.Raw{ID: id, Type: fmt.Sprintf("t%d", rnd.IntN(3)), Meta: []byte(fmt.Sprint(rnd.Uint32())), Data: make([]byte, rnd.IntN(40))}
		}
		r, err := s.Append(t.Context(), name, at, events)
		if err != nil {
			t.Fatal(err)
		}
		last[name] = r.Revision
	}
}

func all(t testing.TB, s event.Store) []event.Stored {
	t.Helper()
	out, err := s.ReadFeed(t.Context(), 0, 1<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// However often it is interrupted, the log arrives whole, in its order, once; and every
// position of the source leads to the event's in the target.
func TestALogArrivesWhole(t *testing.T) {
	t.Parallel()
	lost := errors.New("the line is cut")
	rapid.Check(t, func(rt *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		from, to := newLog(t), &sparse{EventLog: newLog(t)}
		fill(t, from, rnd, rapid.IntRange(0, 40).Draw(rt, "appends"))
		source := all(t, from)
		positions := []event.Position{0}
		for i := range source {
			positions = append(positions, source[i].Position)
		}
		to.fail = func() error {
			if rnd.IntN(8) == 0 {
				return lost
			}
			return nil
		}
		var r migration.Report
		for {
			var err error
			if r, err = migration.Log(t.Context(), from, to, positions, nil); err == nil {
				break
			} else if !errors.Is(err, lost) {
				rt.Fatal(err)
			}
		}
		target := all(t, to)
		if len(target) != len(source) || r.Events != uint64(len(source)) {
			rt.Fatalf("%d events arrived, and the report says %d; want %d", len(target), r.Events, len(source))
		}
		for i := range source {
			a, b := &source[i], &target[i]
			if a.ID != b.ID || a.Stream != b.Stream || a.Revision != b.Revision || a.Type != b.Type || string(a.Meta) != string(b.Meta) || string(a.Data) != string(b.Data) {
				rt.Fatalf("event %d arrived as %+v, want %+v", i, b, a)
			}
			if p, ok := r.Position(a.Position); !ok || p != b.Position {
				rt.Fatalf("position %d is %d in the target, %v; want %d", a.Position, p, ok, b.Position)
			}
		}
		if p, ok := r.Position(0); !ok || p != 0 {
			rt.Fatalf("the beginning is at %d, %v", p, ok)
		}
		again, err := migration.Log(t.Context(), from, to, nil, nil)
		if err != nil || again.Copied != 0 || again.Hash != r.Hash || len(all(t, to)) != len(source) {
			rt.Fatalf("moved again: %+v, %v; want nothing copied and hash %x", again, err, r.Hash)
		}
	})
}

// A position that no event of the source has is where the newest event before it is.
func TestPositionsBetweenEvents(t *testing.T) {
	t.Parallel()
	from, to := &sparse{EventLog: newLog(t)}, newLog(t)
	fill(t, from, rand.New(rand.NewPCG(1, 1)), 20)
	target := func(p event.Position) event.Position { return p / gap }
	head, err := from.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wanted := []event.Position{1, gap, gap + 1, 3*gap - 1, gap * head, gap*head + 99}
	r, err := migration.Log(t.Context(), from, to, wanted, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range wanted {
		if got, ok := r.Position(p); !ok || got != min(target(p), head) {
			t.Errorf("position %d is %d in the target, %v; want %d", p, got, ok, min(target(p), head))
		}
	}
	if _, ok := r.Position(5 * gap); ok {
		t.Error("a position is known that was not asked for")
	}
}

// A target that holds anything else is refused before anything is written to it.
func TestAnotherLogIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, from, to *memory.EventLog){
		"another system's": func(t *testing.T, _, to *memory.EventLog) { fill(t, to, rand.New(rand.NewPCG(2, 2)), 3) },
		"one that has more": func(t *testing.T, from, to *memory.EventLog) {
			if _, err := migration.Log(t.Context(), from, to, nil, nil); err != nil {
				t.Fatal(err)
			}
			more := []event.Raw{{ID: ulid.Make(), Type: "t", Data: []byte("x")}}
			if _, err := to.Append(t.Context(), "more", event.NoStream, more); err != nil {
				t.Fatal(err)
			}
		},
		"the same ids with other bytes": func(t *testing.T, from, to *memory.EventLog) {
			first := all(t, from)[0]
			raw := first.Raw
			raw.Data = append([]byte("other"), raw.Data...)
			if _, err := to.Append(t.Context(), first.Stream, event.NoStream, []event.Raw{raw}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := newLog(t), newLog(t)
			fill(t, from, rand.New(rand.NewPCG(1, 1)), 10)
			spoil(t, from, to)
			before := len(all(t, to))
			_, err := migration.Log(t.Context(), from, to, nil, nil)
			var other *migration.OtherError
			if !errors.As(err, &other) {
				t.Fatalf("got %v, want an OtherError", err)
			}
			if after := len(all(t, to)); after != before {
				t.Errorf("the target had %d events and has %d", before, after)
			}
		})
	}
}

// Who writes to the source meanwhile is noticed.
func TestAWriterIsNoticed(t *testing.T) {
	t.Parallel()
	from, to := newLog(t), newLog(t)
	fill(t, from, rand.New(rand.NewPCG(1, 1)), 10)
	wrote := false
	_, err := migration.Log(t.Context(), from, to, nil, func(p migration.Progress) {
		if p.Phase == migration.Verifying && !wrote {
			wrote = true
			if _, err := from.Append(t.Context(), "late", event.NoStream, []event.Raw{{ID: ulid.Make(), Type: "t"}}); err != nil {
				t.Error(err)
			}
		}
	})
	if err == nil {
		t.Fatal("an event that was written meanwhile is left behind, and nobody says so")
	}
}
