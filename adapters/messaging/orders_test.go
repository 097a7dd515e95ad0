package messaging_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"lonja/domain/event"
	"lonja/domain/id"
)

// 1,000 events of 50 contacts come to each of two reactions in order, once each, however
// often the router is stopped between what a reaction does and its acknowledgement.
func TestEventsComeInOrderOverRestarts(t *testing.T) {
	t.Parallel()
	for name, open := range logs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const events, contacts, stops = 1000, 50, 7
			r := rigOn(t, open(t), openVault(t, t.TempDir()))
			var head event.Position
			for i := range events {
				head = r.append(id.Contact(fmt.Sprint("c", i%contacts)), asked{i}, chatted{})
			}
			var acted [2]atomic.Int64
			for round := range stops + 1 {
				ctx, cancel := context.WithCancel(r.ctx)
				halt := make(chan struct{}, 2)
				router := r.router(nil)
				for i, name := range []string{"even", "odd"} {
					answer := r.answer(name)
					router.AddReaction(reaction(name, func(ctx context.Context, rec *event.Recorded) error {
						if err := answer(ctx, rec); err != nil {
							return err
						}
						if n := acted[i].Add(1); round < stops && n%int64(events/stops) == 0 {
							halt <- struct{}{}
							<-ctx.Done() // the stop comes after the act and before the acknowledgement
							return ctx.Err()
						}
						return nil
					}))
				}
				ended := make(chan error, 1)
				go func() { ended <- router.Run(ctx) }()
				if round < stops {
					for range 2 {
						select {
						case <-halt:
						case <-r.ctx.Done():
							t.Errorf("round %d: the reactions have acted %d and %d times, and do not get on", round, acted[0].Load(), acted[1].Load())
						}
					}
				} else {
					r.reached(router, "even", head)
					r.reached(router, "odd", head)
				}
				cancel()
				r.must(<-ended)
			}
			for _, name := range []string{"even", "odd"} {
				for c := range contacts {
					var want []int
					for i := c; i < events; i += contacts {
						want = append(want, i)
					}
					r.equal(r.answered(name, id.Contact(fmt.Sprint("c", c))), want)
				}
			}
			for i := range acted {
				if n := acted[i].Load(); n != events+stops {
					t.Errorf("acted %d times: want each of %d events once, and %d again that were not acknowledged", n, events, stops)
				}
			}
		})
	}
}

// The next event comes only when the last is acknowledged, also where it takes long.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var inside, most atomic.Int64
	var head event.Position
	for i := range 50 {
		head = r.append("ann", asked{i})
	}
	answer := r.answer("x")
	router := r.router(nil, reaction("x", func(ctx context.Context, rec *event.Recorded) error {
		n := inside.Add(1)
		defer inside.Add(-1)
		most.Store(max(most.Load(), n))
		return answer(ctx, rec)
	}))
	stop := r.start(router)
	r.reached(router, "x", head)
	r.must(stop())
	r.equal(most.Load(), int64(1))
}
