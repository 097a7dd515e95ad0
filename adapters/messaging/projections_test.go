package messaging_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lonja/adapters/messaging"
	"lonja/adapters/sqlite/readstore"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/projections"
	"lonja/readmodels"
)

type tally struct {
	Sum int `json:"sum"`
}

func tallies(name string) *readmodels.Table[tally] {
	return &readmodels.Table[tally]{
		Schema: readmodels.Schema{Name: name, Columns: []readmodels.Column{{Name: "sum", Kind: readmodels.Int}}},
		Values: func(c *tally, dst []readmodels.Value) []readmodels.Value { return append(dst, readmodels.N(c.Sum)) },
	}
}

// summing adds up what a contact asked, times the version; before says when.
func summing(name string, version int, before func()) *projections.Projection {
	p := projections.New(name, version)
	projections.On(p, tallies(name),
		func(rec *event.Recorded, _ asked) []readmodels.Key { return projections.OfContact(rec, "sum") },
		func(c *tally, _ bool, _ *event.Recorded, e asked) projections.Action {
			before()
			c.Sum += e.N * version
			return projections.Put
		})
	return p
}

func (r *rig) readStore() readmodels.Store {
	r.Helper()
	s, err := readstore.Open(r.ctx, filepath.Join(r.TempDir(), "readmodels.db"), readstore.Options{})
	r.must(err)
	r.Cleanup(func() { s.Close() })
	return s
}

func (r *rig) runner(store readmodels.Store, bulk int, ps ...*projections.Projection) *projections.Runner {
	r.Helper()
	run, err := projections.NewRunner(projections.Config{Projections: ps, Events: r.log, Codec: r.codec, Store: store, Bulk: bulk})
	r.must(err)
	return run
}

// follow runs the projections under a router.
func (r *rig) follow(f messaging.Follower) (router *messaging.Router, stop func() error) {
	r.Helper()
	router = r.router(nil)
	router.AddProjections("projections", f)
	return router, r.start(router)
}

func (r *rig) sum(store readmodels.Store, table string, contact id.Contact) int {
	r.Helper()
	t, _, err := readmodels.Get(r.ctx, readmodels.For(store, house, contact), tallies(table), "sum")
	r.must(err)
	return t.Sum
}

func nothing() {}

func TestProjectionsAreWoken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	store := r.readStore()
	run := r.runner(store, 0, summing("sums", 1, nothing))
	router, stop := r.follow(run)
	for i := range 20 {
		r.must(run.Wait(r.ctx, r.append("ann", asked{i})))
	}
	r.equal(r.sum(store, "sums", "ann"), 190)
	head, err := r.log.Head(r.ctx)
	r.must(err)
	r.reached(router, "projections", head)
	if s := r.status(router, "projections"); s.Lag != 0 || s.Failed != 0 || s.Stopped != "" || s.Handled == 0 {
		t.Errorf("status is %+v", s)
	}
	r.must(stop())
}

// A projection of a newer version than its tables is filled anew beside them, while the
// old ones can be read and the other projections go on, and then takes their place.
func TestANewVersionIsRebuiltBesideTheOthers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	store := r.readStore()
	run := r.runner(store, 0, summing("sums", 1, nothing), summing("others", 1, nothing))
	_, stop := r.follow(run)
	r.must(run.Wait(r.ctx, r.append("ann", asked{1}, asked{2})))
	r.must(stop())

	goOn := make(chan struct{})
	next := r.runner(store, 0, summing("sums", 2, func() { <-goOn }), summing("others", 1, nothing))
	router, stop := r.follow(next)
	for i := range 5 {
		r.must(next.Wait(r.ctx, r.append("ann", asked{10 + i}), "others"))
	}
	r.equal(r.sum(store, "others", "ann"), 3+60)
	r.equal(r.sum(store, "sums", "ann"), 3) // as the old version left it
	close(goOn)
	head := r.append("ann", asked{100})
	r.must(next.Wait(r.ctx, head))
	r.equal(r.sum(store, "sums", "ann"), 2*163)
	r.equal(r.sum(store, "others", "ann"), 163)
	gens, err := store.Generations(r.ctx)
	r.must(err)
	var states []string
	for _, g := range gens {
		if g.Projection == "sums" {
			states = append(states, string(g.State))
		}
	}
	r.equal(states, []string{"old", "live"})
	r.until("the rebuild is acknowledged", func() bool { return r.status(router, "projections-rebuild").Position > 0 })
	r.equal(r.status(router, "projections-rebuild").Failed, uint64(0))
	r.must(stop())
}

// A rebuild that is cut off by the stop begins anew with the next start.
func TestARebuildIsCutOffByTheStop(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	store := r.readStore()
	run := r.runner(store, 0, summing("sums", 1, nothing))
	_, stop := r.follow(run)
	r.must(run.Wait(r.ctx, r.append("ann", asked{1}, asked{2})))
	r.must(stop())
	under, goOn := make(chan struct{}, 9), make(chan struct{})
	_, stop = r.follow(r.runner(store, 0, summing("sums", 2, func() {
		under <- struct{}{}
		<-goOn
	})))
	<-under
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	close(goOn)
	r.must(<-stopped)
	last := r.runner(store, 0, summing("sums", 2, nothing))
	_, stop = r.follow(last)
	r.must(last.Wait(r.ctx, 2))
	r.equal(r.sum(store, "sums", "ann"), 6)
	r.must(stop())
}

func TestALongLogIsFilledInBulk(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var head event.Position
	for range 300 {
		head = r.append("ann", asked{1})
	}
	store := r.readStore()
	run := r.runner(store, 100, summing("sums", 1, nothing))
	_, stop := r.follow(run)
	r.must(run.Wait(r.ctx, head))
	r.equal(r.sum(store, "sums", "ann"), 300)
	r.must(stop())
}

// Past an event that this program does not know, nothing may go: projections stop, and
// say so. What does not answer it goes on.
func TestProjectionsStopAtTheUnknown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	store := r.readStore()
	run := r.runner(store, 0, summing("sums", 1, nothing))
	router := r.router(nil, reaction("x", r.answer("x")))
	router.AddProjections("projections", run)
	stop := r.start(router)
	r.must(run.Wait(r.ctx, r.append("ann", asked{1})))
	unknown := r.raws("ann", asked{2})
	unknown[0].Type = "test.unheard_of"
	r.appendRaw("asks-ann", unknown...)
	r.reached(router, "x", r.append("ann", asked{3}))
	r.until("the projections have stopped", func() bool { return strings.Contains(r.status(router, "projections").Stopped, "test.unheard_of") })
	r.equal([]any{r.answered("x", "ann"), r.sum(store, "sums", "ann")}, []any{[]int{1, 3}, 1})
	r.must(stop())
	if n := strings.Count(r.lines.String(), "handler stops"); n != 1 {
		t.Errorf("the stop is said %d times", n)
	}
}

// follower fails some times, and panics once.
type follower struct {
	calls, renewals atomic.Int64
	up              chan struct{}
}

func (f *follower) CatchUp(context.Context) error {
	switch n := f.calls.Add(1); {
	case n == 2:
		panic("at the disco")
	case n < 5:
		return errDown
	case n == 5:
		close(f.up)
	}
	return nil
}

func (f *follower) Renew(ctx context.Context) error {
	f.renewals.Add(1)
	<-ctx.Done()
	return errors.Join(errDown, ctx.Err())
}

func TestProjectionsThatFailAreTriedAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	f := &follower{up: make(chan struct{})}
	router, stop := r.follow(f)
	select {
	case <-f.up:
	case <-time.After(20 * time.Second):
		t.Fatal("not tried again")
	}
	r.until("the failures are counted", func() bool { return r.status(router, "projections").Failed == 4 })
	r.must(stop())
	r.equal(f.renewals.Load(), int64(1))
}
