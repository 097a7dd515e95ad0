package leases_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lonja/adapters/postgres/database"
	"lonja/adapters/postgres/leases"
	"lonja/domain/event"
)

func every(of int) []int {
	out := make([]int, of)
	for i := range out {
		out[i] = i
	}
	return out
}

// Nodes share the partitions evenly, take over from who leaves, and give to who joins, while
// events come: at the end every row is that of a single node, and every event was answered
// once. Their clocks are minutes apart.
func TestNodesShare(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	const contacts = 40
	feeding, stop := context.WithCancel(c.ctx)
	var feeder sync.WaitGroup
	feeder.Go(func() {
		r := rand.New(rand.NewPCG(1, 2))
		for feeding.Err() == nil {
			if _, err := c.tryGrow(r.IntN(contacts), 1+r.IntN(12)); err != nil {
				c.Error(err)
				return
			}
			pause(feeding, time.Millisecond)
		}
	})
	defer feeder.Wait()
	defer stop()
	clock := func(off time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(off) } }
	a := c.node("a", settings{now: clock(-7 * time.Minute)})
	c.until("one node has everything", func() bool { return slices.Equal(a.holds(), every(16)) })
	b := c.node("b", settings{now: clock(5 * time.Minute)})
	c.until("two nodes have half each", func() bool {
		return len(a.holds()) == 8 && slices.Equal(sorted(a.holds(), b.holds()), every(16))
	})
	third := c.node("c", settings{})
	c.until("three nodes have their share", func() bool {
		ofA, ofB, ofC := a.holds(), b.holds(), third.holds()
		return len(ofA) <= 6 && len(ofB) <= 6 && len(ofC) >= 4 && slices.Equal(sorted(ofA, ofB, ofC), every(16))
	})
	// Whoever acted on one node sees it there, whichever node has the partition.
	for n := range 20 {
		p := c.grow(n, 1)
		for _, on := range []*node{a, b, third} {
			on.wait(p)
			on.shows(n, p)
		}
	}
	// Rolling restart.
	c.must(a.stop())
	c.until("two nodes have everything", func() bool { return slices.Equal(sorted(b.holds(), third.holds()), every(16)) })
	a = c.node("a2", settings{now: clock(3 * time.Minute)})
	c.until("the new one has a share", func() bool { return len(a.holds()) >= 4 })
	c.must(b.stop())
	c.until("two nodes have everything", func() bool { return slices.Equal(sorted(a.holds(), third.holds()), every(16)) })
	stop()
	feeder.Wait()
	last := c.grow(0, 1)
	a.wait(last)
	third.wait(last)
	c.same(a, 1)
	if again := c.allAnswered(); again != 0 {
		t.Errorf("%d events were answered more than once, though every node let go in order", again)
	}
}

func pause(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

// A node whose leases stand still, while all else of it goes on, loses them after their
// time. What it goes on to write is refused, and when it comes to itself it takes part again.
func TestPausedHolder(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	var gate sync.RWMutex
	a := c.node("a", settings{now: func() time.Time {
		gate.RLock()
		defer gate.RUnlock()
		return time.Now()
	}})
	c.until("one node has everything", func() bool { return len(a.holds()) == 16 })
	b := c.node("b", settings{})
	c.until("both have half", func() bool { return len(a.holds()) == 8 && len(b.holds()) == 8 })
	for n := range 40 {
		c.grow(n, 2)
	}
	a.wait(c.grow(1, 1))
	gate.Lock()
	paused := true
	defer func() {
		if paused {
			gate.Unlock()
		}
	}()
	for n := range 40 {
		c.grow(n, 3)
	}
	c.until("the other has everything", func() bool { return len(b.holds()) == 16 })
	for n := range 40 {
		c.grow(n, 4)
	}
	last := c.grow(2, 1)
	b.wait(last)
	c.same(b, 1)
	// Both have seen all events, and the paused one's folds of them changed nothing.
	for n := range 200 {
		last = c.grow(n%40, 5)
	}
	b.wait(last)
	gate.Unlock()
	paused = false
	c.until("it takes part again", func() bool { return len(a.holds()) == 8 && len(b.holds()) == 8 })
	for n := range 40 {
		last = c.grow(n, 6)
	}
	a.wait(last)
	b.wait(last)
	c.same(a, 1)
	c.allAnswered()
	if !strings.Contains(a.said(), "projection was taken over") {
		t.Error("the paused node never tried to write")
	}
}

// One contact whose event can't be folded holds nobody else up, on any node.
func TestPoisonHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	others := 10_000
	if testing.Short() {
		others = 500
	}
	c := newCluster(t)
	a, b := c.node("a", settings{}), c.node("b", settings{})
	c.until("both have half", func() bool { return len(a.holds()) == 8 && len(b.holds()) == 8 })
	poisoned := c.grow(0, 13)
	var last event.Position
	for n := range others {
		last = c.grow(n, 1)
	}
	a.wait(last)
	b.wait(last)
	c.same(a, 1)
	parked, err := a.runner.Parked(c.ctx, "sums", "")
	c.must(err)
	if len(parked) != 2 || parked[0].Position != poisoned || parked[1].Contact != contactOf(0) {
		t.Fatalf("parked are %+v", parked)
	}
	// Either node can take it out, whichever has the partition.
	for _, on := range []*node{a, b} {
		again, err := on.runner.RetryParked(c.ctx, "sums", house, contactOf(0))
		c.must(err)
		if again != 0 {
			t.Fatalf("%d events were folded that can't be", again)
		}
	}
	c.must(b.runner.SkipParked(c.ctx, "sums", poisoned, "a test"))
	again, err := a.runner.RetryParked(c.ctx, "sums", house, contactOf(0))
	c.must(err)
	if again != 1 {
		t.Fatalf("%d events were folded, want the one that waited", again)
	}
	for _, on := range []*node{a, b} {
		on.wait(c.grow(0, 1))
	}
}

// A duty is done by one node at a time, and by another after that has left.
func TestDuties(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	var mu sync.Mutex
	doing, most := map[string]bool{}, 0
	with := func(name string) *node {
		n, err := c.open(name, settings{})
		c.must(err)
		n.leases.Duty("mails", func(ctx context.Context) {
			mu.Lock()
			doing[name] = true
			most = max(most, len(doing))
			mu.Unlock()
			<-ctx.Done()
			mu.Lock()
			delete(doing, name)
			mu.Unlock()
		})
		n.run()
		c.Cleanup(func() { n.stop() })
		return n
	}
	who := func() string {
		mu.Lock()
		defer mu.Unlock()
		for name := range doing {
			return name
		}
		return ""
	}
	nodes := map[string]*node{"a": with("a"), "b": with("b")}
	c.until("somebody does it", func() bool { return who() != "" })
	first := who()
	c.must(nodes[first].stop())
	c.until("the other does it", func() bool { return who() != "" && who() != first })
	mu.Lock()
	defer mu.Unlock()
	if most != 1 {
		t.Errorf("%d nodes did it at once", most)
	}
}

// Nodes of a newer program take over without holding anybody up: they rebuild first, one of
// them, and take partitions when they are ready; older ones then leave them alone.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	old := c.node("old", settings{})
	for n := range 200 {
		c.grow(n%20, 1+n%7)
	}
	last := c.grow(0, 2)
	old.wait(last)
	c.same(old, 1)
	a := c.node("a", settings{version: 2})
	b := c.node("b", settings{version: 2})
	c.until("the new ones have everything", func() bool {
		return len(old.holds()) == 0 && slices.Equal(sorted(a.holds(), b.holds()), every(16))
	})
	last = c.grow(1, 3)
	for _, on := range []*node{old, a, b} {
		on.wait(last)
	}
	c.same(a, 2)
	c.must(old.stop())
	last = c.grow(2, 3)
	b.wait(last)
	c.same(b, 2)
	if again := c.allAnswered(); again != 0 {
		t.Errorf("%d events were answered more than once", again)
	}
}

// What is far behind is rebuilt by one node, whichever, while the others wait for it.
func TestOneNodeRebuilds(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	var last event.Position
	for n := range 600 {
		last = c.grow(n%30, 1+n%9)
	}
	a, b := c.node("a", settings{bulk: 100}), c.node("b", settings{bulk: 100})
	for _, on := range []*node{a, b} {
		on.wait(last)
	}
	c.until("both have half", func() bool { return len(a.holds()) == 8 && len(b.holds()) == 8 })
	last = c.grow(3, 4)
	a.wait(last)
	b.wait(last)
	c.same(b, 1)
	if times := strings.Count(a.said()+b.said(), "rebuilding projections"); times != 1 {
		t.Errorf("projections were rebuilt %d times", times)
	}
}

// A server that is killed and comes back takes nothing with it that nodes have shown or
// answered, and they go on with what they hold.
func TestServerRestarts(t *testing.T) {
	t.Parallel()
	server := ownServer(t, "the server is not the test's to kill")
	url, err := server.Database(t.Context(), "nodes")
	if err != nil {
		t.Fatal(err)
	}
	c := newClusterOn(t, url)
	a, b := c.node("a", settings{}), c.node("b", settings{})
	c.until("both have half", func() bool { return len(a.holds()) == 8 && len(b.holds()) == 8 })
	for range 2 {
		for n := range 150 {
			c.grow(n%40, 1+n%5)
		}
		c.must(server.Kill())
		for n := range 50 {
			c.grow(n%40, 2)
		}
		c.must(server.Start(c.ctx))
		last := c.grow(1, 1)
		a.wait(last)
		b.wait(last)
	}
	c.until("both have half", func() bool {
		ofA, errA := a.leases.Held(c.ctx)
		ofB, errB := b.leases.Held(c.ctx)
		return errA == nil && errB == nil && len(ofA) == 8 && len(ofB) == 8
	})
	last := c.grow(2, 1)
	a.wait(last)
	b.wait(last)
	c.same(a, 1)
	c.allAnswered()
}

// An event whose metadata can't be read is of nobody. What comes after it in its stream
// waits behind it, on whichever node, and after that node has gone.
func TestUnreadableEvents(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.node("a", settings{}), c.node("b", settings{})
	c.until("both have half", func() bool { return len(a.holds()) == 8 && len(b.holds()) == 8 })
	const contacts = 20
	all := func(by int) (last event.Position) {
		for n := range contacts {
			last = c.grow(n, by)
		}
		return last
	}
	last := all(1)
	a.wait(last)
	for n := range contacts / 2 {
		c.spoil(n)
	}
	last = all(2)
	b.wait(last)
	c.same(b, 1)
	c.must(a.stop())
	c.until("the other has everything", func() bool { return len(b.holds()) == 16 })
	d := c.node("d", settings{})
	c.until("both have half", func() bool { return len(d.holds()) == 8 && len(b.holds()) == 8 })
	last = all(3)
	d.wait(last)
	c.same(d, 1)
	parked, err := d.runner.Parked(c.ctx, "sums", "")
	c.must(err)
	if want := contacts / 2 * 3; len(parked) != want {
		t.Errorf("%d events are parked, want %d", len(parked), want)
	}
}

// given a round of renewals that is under way when a duty is taken, so that it does not ask
// for the duty, and that was begun after that was asked for
// when the round ends
// then the duty stays this node's: lost, nobody would do it until its lease ends.
func TestADutyTakenDuringARoundIsKept(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	var clock atomic.Int64
	clock.Store(time.Now().UnixNano())
	// Rounds are far apart, but for those that the test asks for.
	n := c.node("a", settings{life: 5 * time.Minute, now: func() time.Time { return time.Unix(0, clock.Load()) }})
	c.until("it has everything", func() bool { return len(n.holds()) == 16 })

	const renewal = "INSERT INTO lonja.nodes%"
	out := c.lock("LOCK TABLE lonja.nodes IN ACCESS EXCLUSIVE MODE")
	c.round()
	c.until("a round has begun and waits", func() bool { return c.waiting(renewal) })
	clock.Add(-int64(time.Second)) // as if it had been asked for just before
	doing, still, leave := make(chan struct{}), make(chan error, 1), make(chan struct{})
	go func() {
		done, err := n.leases.Alone(c.ctx, "x", func(ctx context.Context) error {
			close(doing)
			<-leave
			return ctx.Err()
		})
		if err == nil && !done {
			err = errors.New("the duty was not taken")
		}
		still <- err
	}()
	<-doing
	clock.Add(int64(time.Second))
	out()

	// When the next one waits, that round has ended.
	c.until("the round was answered", func() bool { return !c.waiting(renewal) })
	out = c.lock("LOCK TABLE lonja.nodes IN ACCESS EXCLUSIVE MODE")
	c.round()
	c.until("the next round waits", func() bool { return c.waiting(renewal) })
	out()
	close(leave)
	if err := <-still; err != nil {
		t.Fatalf("the duty was taken away: %v", err)
	}
	// Who looks while a round renews it finds it taken.
	c.until("it was given back, for others to take", func() bool {
		done, err := n.leases.Alone(c.ctx, "x", func(context.Context) error { return nil })
		c.must(err)
		return done
	})
}

// given a node whose taking of a partition was answered too late, so that it does not follow it
// when that is above the node's share
// then it is given back all the same, though the holders have nothing to let go of.
func TestWhatWasNeverFollowedIsGivenBack(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node("a", settings{life: 5 * time.Minute})
	c.until("it has everything", func() bool { return len(n.holds()) == 16 })
	conn := c.connect()
	_, err := conn.Exec(c.ctx, "INSERT INTO lonja.nodes (node, able, until) VALUES ('another', true, clock_timestamp() + interval '1 hour')")
	c.must(err)
	c.until("it has half", func() bool {
		c.round()
		return len(n.holds()) == 8
	})
	_, err = conn.Exec(c.ctx, "UPDATE lonja.leases SET holder = $1, epoch = epoch + 1, until = clock_timestamp() + interval '5 minutes' WHERE name = 'part/0015'", n.leases.Node())
	c.must(err)
	c.until("it gives it back", func() bool {
		c.round()
		return !slices.Contains(n.holds(), 15)
	})
	if got := n.holds(); !slices.Equal(got, every(8)) {
		t.Errorf("it holds %v", got)
	}
}

// rebuilding is a follower that rebuilds until it is told to end.
type rebuilding struct {
	begun chan struct{}
	ended chan struct{}
	after func() // when it was told to
}

func (*rebuilding) CatchUp(context.Context) error { return nil }

func (r *rebuilding) Renew(ctx context.Context) error {
	close(r.begun)
	<-ctx.Done()
	r.after()
	close(r.ended)
	return ctx.Err()
}

// given a node that rebuilds read models
// when its leases end, before the rest of it does
// then it has given up the rebuild before another node can begin the same.
func TestAStoppingNodeEndsItsRebuildFirst(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	db, err := database.Open(c.ctx, c.url, database.Options{})
	c.must(err)
	t.Cleanup(db.Close)
	l := leases.New(db, leases.Options{Node: "a", Partitions: 16, Life: time.Minute, Able: func() bool { return false }})
	var holder string
	r := &rebuilding{begun: make(chan struct{}), ended: make(chan struct{}), after: func() {
		if err := db.Own.QueryRow(c.ctx, "SELECT holder FROM lonja.leases WHERE name = 'duty/rebuild'").Scan(&holder); err != nil {
			t.Error(err)
		}
	}}
	follower := l.Follow(r)
	sharing, stop := context.WithCancel(c.ctx)
	following, end := context.WithCancel(c.ctx)
	defer end()
	shared, renewed := make(chan error, 1), make(chan error, 1)
	go func() { shared <- l.Run(sharing) }()
	go func() { renewed <- follower.Renew(following) }()
	<-r.begun
	stop()
	c.must(<-shared)
	select {
	case <-r.ended:
		if holder != l.Node() {
			t.Errorf("%q has the rebuild before it has ended here", holder)
		}
	default:
		t.Error("the rebuild was given to others, and goes on")
		end()
	}
	if err := <-renewed; err != nil && following.Err() == nil {
		t.Errorf("a rebuild that was given up says %v: that is no failure", err)
	}
	c.must(db.Own.QueryRow(c.ctx, "SELECT holder FROM lonja.leases WHERE name = 'duty/rebuild'").Scan(&holder))
	if holder != "" {
		t.Errorf("%s still has the rebuild", holder)
	}
	if done, err := l.Alone(c.ctx, "rebuild", func(context.Context) error { return nil }); done || err != nil {
		t.Errorf("a node that has stopped took something: %v, %v", done, err)
	}
}
