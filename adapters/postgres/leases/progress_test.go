package leases_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lonja/domain/event"
	"lonja/readmodels"
)

// Only who holds a partition's lease moves its checkpoint or parks its events, whatever it
// believes itself.
func TestProgressIsFenced(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	// Rounds are far apart, so that the node does not find out by itself.
	n := c.node("a", settings{life: 5 * time.Minute})
	c.until("it has everything", func() bool { return len(n.holds()) == 16 })
	p := n.leases.Progress(n.vault)
	at := func(part int) event.Position {
		t.Helper()
		got, err := p.CheckpointOf(c.ctx, "x", part)
		c.must(err)
		return got
	}
	c.must(n.vault.SetCheckpoint(c.ctx, "x", 7)) // of a system that was one node
	if at(3) != 7 {
		t.Errorf("a partition begins at %d, want where the single node was", at(3))
	}
	c.until("it holds", func() bool { return p.Holds(3) && p.Holds(4) })
	c.must(p.SetCheckpoints(c.ctx, "x", map[int]event.Position{3: 30, 4: 40}))
	c.must(p.SetCheckpoints(c.ctx, "x", map[int]event.Position{3: 20}))
	if at(3) != 30 || at(4) != 40 {
		t.Errorf("checkpoints are %d and %d, want 30 and 40", at(3), at(4))
	}
	if all, err := p.Checkpoint(c.ctx, "x"); err != nil || all != 7 {
		t.Errorf("the lowest is %d (%v), want 7", all, err)
	}
	_, err := n.db.Own.Exec(c.ctx, "UPDATE lonja.leases SET holder = 'another', epoch = epoch + 1 WHERE name = 'part/0003'")
	c.must(err)
	if err := p.SetCheckpoints(c.ctx, "x", map[int]event.Position{3: 31, 4: 41}); !errors.Is(err, readmodels.ErrFenced) {
		t.Errorf("got %v, want ErrFenced", err)
	}
	if at(3) != 30 || at(4) != 41 {
		t.Errorf("checkpoints are %d and %d, want 30, which another has, and 41", at(3), at(4))
	}
	who := 0
	for readmodels.PartOf(house, contactOf(who), 16) != 3 {
		who++
	}
	if err := p.Park(c.ctx, "x", readmodels.Parked{Account: house, Contact: contactOf(who), Position: 9}); !errors.Is(err, readmodels.ErrFenced) {
		t.Errorf("got %v, want ErrFenced", err)
	}
	if parked, err := p.Parked(c.ctx, "x"); err != nil || len(parked) != 0 {
		t.Errorf("parked are %+v (%v)", parked, err)
	}
	if err := p.SetCheckpoint(c.ctx, "x", 100); err == nil {
		t.Error("a checkpoint of no partition was moved")
	}
}

// given a node that parks an event
// when another takes the partition over at that very moment
// then nothing is parked: whoever has the partition now answers the event itself.
func TestParkingIsFencedToTheEnd(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node("a", settings{life: 5 * time.Minute})
	c.until("it has everything", func() bool { return len(n.holds()) == 16 })
	p := n.leases.Progress(n.vault)
	part := readmodels.PartOf(house, contactOf(0), 16)
	c.until("it holds", func() bool { return p.Holds(part) })
	e := readmodels.Parked{Account: house, Contact: contactOf(0), Position: 9, Stream: "counter-1", Revision: 3, Type: "counter.grew", Reason: "no\x00", At: time.UnixMilli(1_700_000_000_000).UTC()}
	parks := func() chan error {
		done := make(chan error, 1)
		go func() { done <- p.Park(c.ctx, "x", e) }()
		return done
	}
	parked := func() readmodels.Parked {
		t.Helper()
		all, err := p.Parked(c.ctx, "x")
		c.must(err)
		if len(all) != 1 {
			t.Fatalf("parked are %+v", all)
		}
		return all[0]
	}
	c.must(<-parks())
	e.Reason = "no\uFFFD" // a text of PostgreSQL has no NUL
	if got := parked(); got != e {
		t.Errorf("parked is %+v, want %+v", got, e)
	}
	was := e
	e.Reason, e.Skipped = "again", true
	out := c.lock(fmt.Sprintf("UPDATE lonja.leases SET holder = 'another', epoch = epoch + 1 WHERE name = 'part/%04d'", part))
	done := parks()
	c.until("it parks, or waits", func() bool { return len(done) == 1 || c.waiting("%lonja_vault.parked%") })
	out()
	if err := <-done; !errors.Is(err, readmodels.ErrFenced) {
		t.Errorf("got %v, want ErrFenced", err)
	}
	if got := parked(); got != was {
		t.Errorf("parked is %+v, which another node has left as %+v", got, was)
	}
}

// What a reaction has parked waits for whichever node has the partition, and only that one
// takes it up again.
func TestParkedReactionsMove(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a := c.node("a", settings{})
	c.until("it has everything", func() bool { return len(a.holds()) == 16 })
	c.mu.Lock()
	for p := range event.Position(4) {
		c.refused[p] = true // the first event, wherever the log begins
	}
	c.mu.Unlock()
	first := c.grow(0, 1)
	parked := func(n *node) (at []event.Position) {
		all, err := n.router.Parked(c.ctx, "answers")
		c.must(err)
		for _, p := range all {
			at = append(at, p.Position)
		}
		return at
	}
	c.until("it is parked", func() bool { return len(parked(a)) == 1 })
	b := c.node("b", settings{})
	c.until("both have half", func() bool { return len(a.holds()) == 8 && len(b.holds()) == 8 })
	c.must(a.stop())
	c.until("the other has everything", func() bool { return len(b.holds()) == 16 })
	c.mu.Lock()
	clear(c.refused)
	c.mu.Unlock()
	second, other := c.grow(0, 2), c.grow(1, 1)
	c.until("the next one waits behind it", func() bool { return len(parked(b)) == 2 })
	c.until("others are answered", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.answered[other]) == 1 && len(c.answered[second]) == 0
	})
	d := c.node("d", settings{})
	c.until("both have half", func() bool { return len(d.holds()) == 8 && len(b.holds()) == 8 })
	part := readmodels.PartOf(house, contactOf(0), 16)
	has, lacks := b, d
	for _, p := range d.holds() {
		if p == part {
			has, lacks = d, b
		}
	}
	if _, err := lacks.router.RetryParked(c.ctx, "answers", house, contactOf(0)); err == nil || !strings.Contains(err.Error(), has.leases.Node()) {
		t.Errorf("got %v, want an error that names node %s", err, has.leases.Node())
	}
	c.until("the node knows of its partition", func() bool {
		_, err := has.router.RetryParked(c.ctx, "answers", house, contactOf(0))
		return err == nil
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.answered[first]) != 1 || len(c.answered[second]) != 1 {
		t.Errorf("answered: %v", c.answered)
	}
}

// given a node of an older program, and an event that only a newer one knows
// when the node comes to it
// then its reactions do not pass it, though it is of no type that they are about: a newer
// node's may answer it.
func TestWhatOnlyANewerNodeKnowsIsNotPassed(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node("older", settings{})
	c.grow(1, 2)
	c.mu.Lock()
	c.n++
	raw, err := encode(c.ctx, c.codec, c.n, 1, 1)
	c.must(err)
	raw.Type = "counter.newer"
	r, err := c.log.Append(c.ctx, "newer-1", event.NoStream, []event.Raw{raw})
	c.mu.Unlock()
	c.must(err)
	c.until("it says that it stops before the event", func() bool { return strings.Contains(n.said(), "a newer node has written") })
	at, err := n.leases.Progress(n.vault).Checkpoint(c.ctx, "answers")
	c.must(err)
	if at >= r.Position {
		t.Errorf("reactions are at %d, beyond the event at %d that this program does not know", at, r.Position)
	}
}
