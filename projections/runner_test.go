package projections_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"lonja/adapters/memory"
	"lonja/adapters/sqlite/readstore"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/projections"
	"lonja/readmodels"
)

// Events of the tests' own: a counter that grows, and may be forgotten.
type grew struct {
	By int `json:"by"`
}
type noticed struct{}
type forgotten struct{}

func (grew) EventType() string      { return "counter.grew" }
func (noticed) EventType() string   { return "counter.noticed" }
func (forgotten) EventType() string { return "counter.forgotten" }

type counter struct {
	Sum  int              `json:"sum"`
	Seen []event.Position `json:"seen,omitempty"`
}

func counters(name string) *readmodels.Table[counter] {
	return &readmodels.Table[counter]{
		Schema: readmodels.Schema{
			Name: name, Columns: []readmodels.Column{{Name: "sum", Kind: readmodels.Int}},
			Indexes: []readmodels.Index{{Name: "sum", Columns: []string{"sum"}}},
		},
		Values: func(c *counter, dst []readmodels.Value) []readmodels.Value { return append(dst, readmodels.N(c.Sum)) },
	}
}

// sums panics at a growth of 13, unless it was mended.
func sums(version int, mended *atomic.Bool) *projections.Projection {
	p := projections.New("sums", version)
	projections.EraseOn[forgotten](p)
	projections.On(p, counters("sums"),
		func(rec *event.Recorded, _ grew) []readmodels.Key { return projections.OfContact(rec, "sum") },
		func(c *counter, _ bool, rec *event.Recorded, e grew) projections.Action {
			c.Sum += e.By
			c.Seen = append(c.Seen, rec.Position)
			if e.By == 13 && !mended.Load() {
				panic("thirteen")
			}
			c.Sum *= version
			return projections.Put
		})
	return p
}

// last keeps the newest growth a contact, by its position, and the account's.
func last() *projections.Projection {
	p := projections.New("last", 1)
	projections.On(p, counters("last"),
		func(rec *event.Recorded, _ grew) []readmodels.Key {
			return append(projections.OfContact(rec, readmodels.PositionID(rec.Position)), projections.OfAccount(rec, "last")...)
		},
		func(c *counter, _ bool, _ *event.Recorded, e grew) projections.Action {
			c.Sum = e.By
			return projections.Put
		})
	return p
}

const house = id.Account("01J0000000000000000000H0SE")

type noKeys struct{}

func (noKeys) Key(context.Context, id.Account, string) (*event.Key, error) {
	return nil, event.ErrNoKey
}

// rig is a log, a store and a runner on it.
type rig struct {
	*testing.T
	ctx    context.Context
	log    event.Store
	codec  *event.Codec
	store  readmodels.Store
	open   func() readmodels.Store
	mended atomic.Bool
	n      int
	heads  map[string]event.Revision
}

func newRig(t *testing.T) *rig {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	reg := event.NewRegistry()
	event.Register[grew](reg)
	event.Register[noticed](reg)
	event.Register[forgotten](reg)
	path := filepath.Join(t.TempDir(), "readmodels.db")
	r := &rig{T: t, ctx: ctx, log: memory.NewEventLog(time.Now), codec: event.NewCodec(reg, noKeys{}), heads: map[string]event.Revision{}}
	r.open = func() readmodels.Store {
		s, err := readstore.Open(ctx, path, readstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	r.store = r.open()
	return r
}

func (r *rig) append(contact id.Contact, events ...event.Event) event.Position {
	r.Helper()
	stream := "counter-" + string(contact)
	at, ok := r.heads[stream]
	if !ok {
		at = event.NoStream
	}
	var raws []event.Raw
	for _, e := range events {
		r.n++
		raw, err := r.codec.Encode(r.ctx, id.Derive("test", fmt.Sprint(r.n)), event.Metadata{
			Account: house, Contact: contact, Actor: event.Actor{Kind: event.ActorSystem, ID: "test"}, Command: ulid.ULID{1}, Correlation: ulid.ULID{1},
			OccurredAt: time.UnixMilli(int64(1_700_000_000_000 + r.n)),
		}, e)
		if err != nil {
			r.Fatal(err)
		}
		raws = append(raws, raw)
	}
	rcpt, err := r.log.Append(r.ctx, stream, at, raws)
	if err != nil {
		r.Fatal(err)
	}
	r.heads[stream] = rcpt.Revision
	return rcpt.Position
}

func (r *rig) runner(change ...func(*projections.Config)) *projections.Runner {
	r.Helper()
	cfg := projections.Config{Projections: []*projections.Projection{sums(1, &r.mended), last()}, Events: r.log, Codec: r.codec, Store: r.store}
	for _, c := range change {
		c(&cfg)
	}
	run, err := projections.NewRunner(cfg)
	if err != nil {
		r.Fatal(err)
	}
	return run
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) sum(contact id.Contact) int {
	r.Helper()
	c, _, err := readmodels.Get(r.ctx, readmodels.For(r.store, house, contact), counters("sums"), "sum")
	r.must(err)
	return c.Sum
}

func (r *rig) equal(got, want any) {
	r.Helper()
	if !reflect.DeepEqual(got, want) {
		r.Fatalf("got %v, want %v", got, want)
	}
}

func TestCatchUpFoldsToTheHead(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i := range 25 {
		r.append(id.Contact(fmt.Sprint("c", i%3)), grew{i}, noticed{})
	}
	run := r.runner(func(c *projections.Config) { c.Batch = 4 })
	r.must(run.CatchUp(r.ctx))
	r.equal([]int{r.sum("c0"), r.sum("c1"), r.sum("c2")}, []int{0 + 3 + 6 + 9 + 12 + 15 + 18 + 21 + 24, 1 + 4 + 7 + 10, 2 + 5 + 8 + 11 + 14 + 17 + 20 + 23}) // 13 is parked
	head := r.append("c0", noticed{})
	r.must(run.CatchUp(r.ctx))
	r.must(run.Wait(r.ctx, head))
	gens, err := r.store.Generations(r.ctx)
	r.must(err)
	for _, g := range gens { // also for events that it ignores
		r.equal(g.Checkpoint, head)
	}
}

func TestAPoisonousEventParksItsSequence(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.append("ann", grew{1})
	bad := r.append("ann", grew{13})
	r.append("bob", grew{5})
	r.append("ann", grew{2}, noticed{})
	run := r.runner()
	r.must(run.CatchUp(r.ctx))
	r.equal([]int{r.sum("ann"), r.sum("bob")}, []int{1, 5})
	r.append("ann", grew{3})
	run = r.runner() // as after a restart
	r.must(run.CatchUp(r.ctx))
	parked, err := run.Parked(r.ctx, "sums", "ann")
	r.must(err)
	r.equal(len(parked), 3)
	r.equal(parked[0].Position, bad)
	if !strings.Contains(parked[0].Reason, "thirteen") || parked[1].Reason != "" {
		t.Fatalf("reasons are %q and %q", parked[0].Reason, parked[1].Reason)
	}
	status, err := run.Status(r.ctx)
	r.must(err)
	r.equal(status[0].Parked, 3)

	n, err := run.RetryParked(r.ctx, "sums", house, "ann") // still broken
	r.must(err)
	r.equal([]int{n, r.sum("ann")}, []int{0, 1})
	r.mended.Store(true)
	n, err = run.RetryParked(r.ctx, "sums", house, "ann")
	r.must(err)
	r.equal([]int{n, r.sum("ann")}, []int{3, 1 + 13 + 2 + 3})
	r.append("ann", grew{4})
	r.must(run.CatchUp(r.ctx))
	r.equal(r.sum("ann"), 1+13+2+3+4)
}

func TestASkippedEventIsOnRecord(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	bad := r.append("ann", grew{13})
	r.append("ann", grew{2})
	run := r.runner()
	r.must(run.CatchUp(r.ctx))
	r.must(run.SkipParked(r.ctx, "sums", bad, "known bug 7"))
	if err := run.SkipParked(r.ctx, "sums", bad, "again"); err == nil {
		t.Fatal("skipped twice")
	}
	_, err := run.RetryParked(r.ctx, "sums", house, "ann")
	r.must(err)
	for range 2 {
		r.equal(r.sum("ann"), 2)
		parked, err := run.Parked(r.ctx, "sums", "")
		r.must(err)
		r.equal(len(parked), 1)
		r.equal([]any{parked[0].Skipped, parked[0].Reason, parked[0].Position}, []any{true, "known bug 7", bad})
		r.must(run.Rebuild(r.ctx, nil, "sums")) // which leaves it out too
	}
}

func TestErasureIsNeverHeldUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.append("ann", grew{1}, grew{13}, grew{2})
	r.append("bob", grew{1})
	r.append("ann", forgotten{})
	run := r.runner()
	r.must(run.CatchUp(r.ctx))
	r.equal([]int{r.sum("ann"), r.sum("bob")}, []int{0, 1})
	r.mended.Store(true)
	_, err := run.RetryParked(r.ctx, "sums", house, "ann")
	r.must(err)
	r.equal(r.sum("ann"), 0)
}

func TestABrokenEventParks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.append("ann", grew{1})
	raw, err := r.codec.Encode(r.ctx, id.Derive("broken"), event.Metadata{
		Account: house, Contact: "bob", Actor: event.Actor{Kind: event.ActorSystem}, Command: ulid.ULID{1}, Correlation: ulid.ULID{1}, OccurredAt: time.UnixMilli(1),
	}, grew{1})
	r.must(err)
	for i, bytes := range []string{"{", ""} {
		raw := raw
		raw.ID[0] = byte(i)
		raw.Data = []byte(bytes)
		if bytes == "" {
			raw.Meta = []byte("nonsense")
		}
		_, err = r.log.Append(r.ctx, fmt.Sprint("broken-", i), event.NoStream, []event.Raw{raw})
		r.must(err)
	}
	r.append("ann", grew{1})
	run := r.runner()
	r.must(run.CatchUp(r.ctx))
	r.equal(r.sum("ann"), 2)
	parked, err := run.Parked(r.ctx, "sums", "")
	r.must(err)
	r.equal(len(parked), 2)
	r.equal([]any{parked[0].Contact, parked[1].Stream}, []any{id.Contact("bob"), "broken-1"})
}

func TestUnknownEventsStop(t *testing.T) {
	t.Parallel()
	for name, meta := range map[string]string{"type": "counter.shrank", "schema": "counter.noticed"} {
		r := newRig(t)
		r.append("ann", grew{1})
		raw, err := r.codec.Encode(r.ctx, id.Derive("new"), event.Metadata{
			Account: house, Contact: "bob", Actor: event.Actor{Kind: event.ActorSystem}, Command: ulid.ULID{1}, Correlation: ulid.ULID{1}, OccurredAt: time.UnixMilli(1),
		}, noticed{})
		r.must(err)
		raw.Type = meta
		if name == "schema" {
			raw.Meta = []byte(strings.Replace(string(raw.Meta), `"schema":1`, `"schema":2`, 1))
		}
		_, err = r.log.Append(r.ctx, "counter-new", event.NoStream, []event.Raw{raw})
		r.must(err)
		run := r.runner()
		var stop *projections.StopError
		if err := run.Run(r.ctx); !errors.As(err, &stop) || !strings.Contains(err.Error(), "position 2") || !strings.Contains(err.Error(), "counter-new@0") {
			t.Fatalf("%s: got %v, want a stop that names the event", name, err)
		}
		if err := run.Rebuild(r.ctx, nil); !errors.As(err, &stop) {
			t.Fatalf("%s: rebuild: got %v", name, err)
		}
	}
}

func TestRunWakesWhoWaits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.runner()
	ctx, cancel := context.WithCancel(r.ctx)
	ended := make(chan error, 1)
	go func() { ended <- run.Run(ctx) }()
	want := 0
	for i := range 50 {
		if i == 13 {
			continue
		}
		want += i
		r.must(run.Wait(r.ctx, r.append("ann", grew{i}), "sums"))
		r.equal(r.sum("ann"), want)
	}
	short, stop := context.WithCancel(r.ctx)
	stop()
	if err := run.Wait(short, 1<<40); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if err := run.Wait(r.ctx, 1, "nothing"); err == nil {
		t.Fatal("waited for a projection that is none")
	}
	cancel()
	r.must(<-ended)
}

func TestRebuildEqualsFollowing(t *testing.T) {
	t.Parallel()
	for _, mem := range []int{1, 1 << 30} {
		r := newRig(t)
		for i := range 3000 {
			switch c := id.Contact(fmt.Sprint("c", i%97)); {
			case i%501 == 500:
				r.append(c, forgotten{})
			default:
				r.append(c, grew{i % 12}, noticed{}, grew{i % 7})
			}
		}
		r.append("c1", grew{13})
		r.append("c1", grew{1})
		run := r.runner(func(c *projections.Config) { c.Memory = mem })
		r.must(run.CatchUp(r.ctx))
		before := r.hashes(run)
		var phases []projections.Phase
		r.must(run.Rebuild(r.ctx, func(p projections.Progress) {
			if len(phases) == 0 || phases[len(phases)-1] != p.Phase {
				phases = append(phases, p.Phase)
			}
			if p.Done > p.Total {
				t.Errorf("progress %+v", p)
			}
		}))
		r.equal(r.hashes(run), before)
		gens, err := r.store.Generations(r.ctx)
		r.must(err)
		states := map[string][]readmodels.GenerationState{}
		for _, g := range gens {
			states[g.Projection] = append(states[g.Projection], g.State)
		}
		r.equal(states["last"], []readmodels.GenerationState{readmodels.Old, readmodels.Live})
		// Of the one that has erased somebody, what was kept goes as soon as the store comes to it.
		if of := states["sums"]; len(of) != 1 || of[0] != readmodels.Live {
			r.equal(of, states["last"])
		}
		parked, err := run.Parked(r.ctx, "sums", "")
		r.must(err)
		r.equal(len(parked), 2)
		r.append("c2", grew{1})
		was := r.sum("c2")
		r.must(run.CatchUp(r.ctx))
		r.equal(r.sum("c2"), was+1)
	}
}

func (r *rig) hashes(*projections.Runner) map[string]string {
	r.Helper()
	out := map[string]string{}
	for _, p := range []string{"sums", "last"} {
		h, err := projections.Hash(r.ctx, r.store, p)
		r.must(err)
		out[p] = h
	}
	return out
}

func TestAnotherProcessRebuildsARunningSystem(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i := range 500 {
		r.append(id.Contact(fmt.Sprint("c", i%9)), grew{1})
	}
	serving := r.runner()
	ctx, cancel := context.WithCancel(r.ctx)
	ended := make(chan error, 1)
	go func() { ended <- serving.Run(ctx) }()
	r.must(serving.Wait(r.ctx, 500))
	for round := range 4 {
		other := r.runner(func(c *projections.Config) {
			c.Store = r.open()
			c.Projections = []*projections.Projection{sums(1, &r.mended), last()}
		})
		rebuilt := make(chan error, 1)
		go func() { rebuilt <- other.Rebuild(r.ctx, nil) }()
		for done := false; !done; {
			before := r.sum("c0")
			r.must(serving.Wait(r.ctx, r.append("c0", grew{1})))
			r.equal(r.sum("c0"), before+1) // it never goes back, nor misses an own write
			select {
			case err := <-rebuilt:
				r.must(err)
				done = true
			default:
			}
		}
		gens, err := r.store.Generations(r.ctx)
		r.must(err)
		if len(gens) != 4 || gens[3].Number < int64(4+round) {
			t.Fatalf("generations are %+v", gens)
		}
	}
	cancel()
	r.must(<-ended)
}

func TestANewVersionIsRebuiltWhileRunning(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.append("ann", grew{1}, grew{2})
	r.must(r.runner().CatchUp(r.ctx))
	next := r.runner(func(c *projections.Config) { c.Projections = []*projections.Projection{sums(2, &r.mended), last()} })
	ctx, cancel := context.WithCancel(r.ctx)
	ended := make(chan error, 1)
	go func() { ended <- next.Run(ctx) }()
	r.must(next.Wait(r.ctx, 2))
	r.equal(r.sum("ann"), (1*2+2)*2)
	r.must(next.Wait(r.ctx, r.append("ann", grew{3})))
	r.equal(r.sum("ann"), ((1*2+2)*2+3)*2)
	cancel()
	r.must(<-ended)
	// Back to the old version: its tables are still there, and only need what came since.
	back := r.runner()
	ctx, cancel = context.WithCancel(r.ctx)
	go func() { ended <- back.Run(ctx) }()
	r.must(back.Wait(r.ctx, 3))
	r.equal(r.sum("ann"), 6)
	gens, err := r.store.Generations(r.ctx)
	r.must(err)
	r.equal([]any{gens[0].Number, gens[0].State, len(gens)}, []any{int64(1), readmodels.Live, 3})
	cancel()
	r.must(<-ended)
}

func TestALongLogIsRebuiltInBulkAtFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 300 {
		r.append("ann", grew{1})
	}
	run := r.runner(func(c *projections.Config) { c.Bulk = 100 })
	ctx, cancel := context.WithCancel(r.ctx)
	ended := make(chan error, 1)
	go func() { ended <- run.Run(ctx) }()
	r.must(run.Wait(r.ctx, 300))
	r.equal(r.sum("ann"), 300)
	cancel()
	r.must(<-ended)
}

// given an event that can't be folded, and the erasure of its contact in the same batch
// then why it could not be is not kept: it may quote what was erased. Nor after a rebuild.
func TestReasonsAreErasedWithTheirContact(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	bad := r.append("ann", grew{13}, forgotten{}) - 1
	r.append("bob", grew{13})
	run := r.runner()
	reasons := func() (ann, bob string) {
		t.Helper()
		parked, err := run.Parked(r.ctx, "sums", "")
		r.must(err)
		for _, p := range parked {
			switch {
			case p.Position == bad:
				ann = p.Reason
			case p.Contact == "bob":
				bob = p.Reason
			}
		}
		return ann, bob
	}
	check := func() {
		t.Helper()
		ann, bob := reasons()
		if ann != readmodels.ReasonErased || !strings.Contains(bob, "thirteen") {
			t.Errorf("ann's is %q, bob's %q", ann, bob)
		}
	}
	r.must(run.CatchUp(r.ctx))
	check()
	r.must(run.Rebuild(r.ctx, nil))
	check()
	// Skipped on record, which a rebuild takes over.
	r.must(run.SkipParked(r.ctx, "sums", bad, "known bug 7"))
	r.append("ann", forgotten{})
	r.must(run.CatchUp(r.ctx))
	check()
	r.must(run.Rebuild(r.ctx, nil))
	check()
}
