package leases_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"lonja/adapters/postgres/database"
	"lonja/adapters/postgres/readstore"
	"lonja/domain/event"
	"lonja/projections"
	"lonja/readmodels"
)

// failing is a log whose feed can't be read once, after so many reads.
type failing struct {
	event.Store
	reads atomic.Int64
}

var errFeed = errors.New("the feed can't be read")

func (f *failing) ReadFeed(ctx context.Context, after event.Position, limit int, buf []event.Stored) ([]event.Stored, error) {
	if f.reads.Add(-1) == 0 {
		return nil, errFeed
	}
	return f.Store.ReadFeed(ctx, after, limit, buf)
}

// given a node with a partition, and another partition that it takes over, which is further
// when levelling them fails after some of the events
// then the node goes on from where the partitions are, and not from where it believed them
// to be: the store would refuse that for ever.
func TestLevellingGoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	part := func(contact int) int { return readmodels.PartOf(house, contactOf(contact), 16) }
	other := 1
	for part(other) == part(0) {
		other++
	}
	log := &failing{Store: c.log}
	open := func(name string) *node {
		db, err := database.Open(c.ctx, c.url, database.Options{})
		c.must(err)
		t.Cleanup(db.Close)
		store, err := readstore.Open(c.ctx, db, readstore.Options{})
		c.must(err)
		t.Cleanup(func() { c.must(store.Close()) })
		r, err := projections.NewRunner(projections.Config{Projections: folds(1), Events: log, Codec: c.codec, Store: store, Batch: 5})
		c.must(err)
		r.Share(store, func(context.Context) ([]int, error) { return every(16), nil })
		return &node{c: c, name: name, store: store, runner: r}
	}
	follow := func(n *node, contacts ...int) error {
		var parts []int
		for _, contact := range contacts {
			parts = append(parts, part(contact))
		}
		slices.Sort(parts)
		c.must(n.runner.Hold(c.ctx, parts))
		return n.runner.CatchUp(c.ctx)
	}
	behind, ahead := open("behind"), open("ahead")
	c.grow(0, 1)
	c.grow(other, 1)
	c.must(follow(behind, 0))
	for n := range 20 {
		c.grow(0, 1+n%7)
		c.grow(other, 1+n%5)
	}
	c.must(follow(ahead, other))
	log.reads.Store(3)
	if err := follow(behind, 0, other); !errors.Is(err, errFeed) {
		t.Fatalf("got %v, want the feed's error", err)
	}
	c.must(follow(behind, 0, other))
	c.same(behind, 1)
}
