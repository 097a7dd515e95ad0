package telemetry_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"lonja/adapters/memory"
	"lonja/adapters/telemetry"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/projections"
	"lonja/readmodels"
)

// grew is an event of the tests' own.
type grew struct {
	By int `json:"by"`
}

func (grew) EventType() string { return "counter.grew" }

type counter struct {
	Sum int `json:"sum"`
}

// sums adds up growths, and panics at one of 13.
func sums(name string) *projections.Projection {
	table := &readmodels.Table[counter]{
		Schema: readmodels.Schema{Name: name, Columns: []readmodels.Column{{Name: "sum", Kind: readmodels.Int}}},
		Values: func(c *counter, dst []readmodels.Value) []readmodels.Value { return append(dst, readmodels.N(c.Sum)) },
	}
	p := projections.New(name, 1)
	projections.On(p, table,
		func(rec *event.Recorded, _ grew) []readmodels.Key { return projections.OfContact(rec, "sum") },
		func(c *counter, _ bool, _ *event.Recorded, e grew) projections.Action {
			if e.By == 13 {
				panic("thirteen")
			}
			c.Sum += e.By
			return projections.Put
		})
	return p
}

type noKeys struct{}

func (noKeys) Key(context.Context, id.Account, string) (*event.Key, error) {
	return nil, event.ErrNoKey
}

// rows is a read store whose commits of a projection can be held, and which can be away.
type rows struct {
	readmodels.Store
	mu      sync.Mutex
	held    map[string]chan struct{}
	entered chan string
	away    error // of whoever asks for generations
	full    error // of whoever commits
}

func (s *rows) Commit(ctx context.Context, b readmodels.Batch) error {
	s.mu.Lock()
	gate, full := s.held[b.Generation.Projection], s.full
	s.mu.Unlock()
	if full != nil {
		return full
	}
	if gate != nil {
		s.entered <- b.Generation.Projection
		select {
		case <-gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.Store.Commit(ctx, b)
}

func (s *rows) Generations(ctx context.Context) ([]readmodels.Generation, error) {
	s.mu.Lock()
	away := s.away
	s.mu.Unlock()
	if away != nil {
		return nil, away
	}
	return s.Store.Generations(ctx)
}

// hold holds a projection's commits until what it returns is called.
func (s *rows) hold(projection string) (release func()) {
	gate := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[projection] = gate
	return func() {
		s.mu.Lock()
		delete(s.held, projection)
		s.mu.Unlock()
		close(gate)
	}
}

func (s *rows) fail(away, full error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away, s.full = away, full
}

// events is an event store that can be away, or answer nothing at all.
type events struct {
	event.Store
	mu    sync.Mutex
	away  error
	stuck chan struct{}
}

func (s *events) Head(ctx context.Context) (event.Position, error) {
	s.mu.Lock()
	away, stuck := s.away, s.stuck
	s.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	if away != nil {
		return 0, away
	}
	return s.Store.Head(ctx)
}

func (s *events) set(away error, stuck chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away, s.stuck = away, stuck
}

// rig is a log with two projections, quick and slow, and a clock that the test moves.
type rig struct {
	*testing.T
	mu      sync.Mutex
	now     time.Time
	log     *events
	rows    *rows
	codec   *event.Codec
	runner  *projections.Runner
	stopped []string
	n       int
	heads   map[string]event.Revision
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), heads: map[string]event.Revision{}}
	reg := event.NewRegistry()
	event.Register[grew](reg)
	r.codec = event.NewCodec(reg, noKeys{})
	r.log = &events{Store: memory.NewEventLog(r.clock)}
	r.rows = &rows{Store: memory.NewReadStore(), held: map[string]chan struct{}{}, entered: make(chan string)}
	return r
}

// follow makes the runner, on the stores as they are watched.
func (r *rig) follow(t *telemetry.Telemetry) {
	r.Helper()
	log, rows := t.Projections(r.log, r.rows)
	var err error
	if r.runner, err = projections.NewRunner(projections.Config{Projections: []*projections.Projection{sums("quick"), sums("slow")}, Events: log, Codec: r.codec, Store: rows}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func (r *rig) watch(rebuilt func() uint64) *telemetry.Watch {
	return telemetry.NewWatch(telemetry.WatchConfig{
		Projections: []string{"quick", "slow"}, Events: r.log, Rows: r.rows, Rebuilt: rebuilt, Stopped: func() []string { return r.stopped },
		Now: r.clock, Logger: slog.New(slog.DiscardHandler),
	})
}

// grow appends growths of a contact, in one append, of the trace.
func (r *rig) grow(to event.Store, contact id.Contact, trace string, by ...int) event.Position {
	r.Helper()
	stream := "counter-" + string(contact)
	at, ok := r.heads[stream]
	if !ok {
		at = event.NoStream
	}
	var raws []event.Raw
	for _, b := range by {
		r.n++
		raw, err := r.codec.Encode(r.Context(), id.Derive("test", fmt.Sprint(r.n)), event.Metadata{
			Account: "01J0000000000000000000H0SE", Contact: contact, Actor: event.Actor{Kind: event.ActorSystem, ID: "test"}, Command: ulid.ULID{1}, Correlation: ulid.ULID{1},
			OccurredAt: r.clock(), TraceParent: trace,
		}, grew{b})
		if err != nil {
			r.Fatal(err)
		}
		raws = append(raws, raw)
	}
	rcpt, err := to.Append(r.Context(), stream, at, raws)
	if err != nil {
		r.Fatal(err)
	}
	r.heads[stream] = rcpt.Revision
	return rcpt.Position
}

func (r *rig) catchUp() {
	r.Helper()
	if err := r.runner.CatchUp(r.Context()); err != nil {
		r.Fatal(err)
	}
}
