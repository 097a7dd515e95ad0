package messaging_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// fails answers like the rig, unless the number is one that fails.
func (r *rig) fails(name string, with map[int]error, mended *atomic.Bool) func(context.Context, *event.Recorded) error {
	answer := r.answer(name)
	return func(ctx context.Context, rec *event.Recorded) error {
		if err := with[rec.Data.(asked).N]; err != nil && !mended.Load() {
			if err.Error() == "panic" {
				panic("secret of " + string(rec.Meta.Contact))
			}
			return err
		}
		return answer(ctx, rec)
	}
}

func TestAFailureForGoodParksTheContactOnly(t *testing.T) {
	t.Parallel()
	refusal := fault.New(fault.Conflict, "quote.expired", fault.A("who", "secret of ann"))
	for name, failure := range map[string]error{"refused": refusal, "refused within": errors.Join(errors.New("answering"), refusal), "panic": errors.New("panic")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			var mended atomic.Bool
			re := reaction("x", r.fails("x", map[int]error{13: failure}, &mended))
			router := r.router(nil, re, reaction("other", r.answer("other")))
			stop := r.start(router)
			r.append("ann", asked{12})
			bad := r.append("ann", asked{13})
			behind := r.append("ann", asked{14})
			r.append("bob", asked{1}, chatted{}, asked{2})
			head := r.append("", asked{7}) // the account's own
			r.reached(router, "x", head)
			r.reached(router, "other", head)

			r.equal(r.answered("x", "ann"), []int{12})
			r.equal(r.answered("x", "bob"), []int{1, 2})
			r.equal(r.answered("x", ""), []int{7})
			r.equal(r.answered("other", "ann"), []int{12, 13, 14})
			parked, err := router.Parked(r.ctx, "x")
			r.must(err)
			r.equal(r.waiting(router, "x"), []event.Position{bad, behind})
			p := parked[0]
			r.equal([]any{p.Account, p.Contact, p.Stream, p.Revision, p.Type}, []any{house, id.Contact("ann"), "asks-ann", event.Revision(1), "test.asked"})
			if !strings.Contains(p.Reason, "secret of ann") || parked[1].Reason != "" || p.At.IsZero() {
				t.Errorf("parked are %+v", parked)
			}
			if s := r.status(router, "x"); s.Parked != 2 || s.Failed != 1 || s.Handled != 6 || s.Trouble != "" {
				t.Errorf("status is %+v", s)
			}
			if text := r.lines.String(); strings.Contains(text, "secret") || !strings.Contains(text, "the contact's sequence is parked") || strings.Contains(text, "correlation=\n") {
				t.Errorf("log lines are\n%s", text)
			}
			r.must(stop())

			// It stays so over a restart, and what comes later waits.
			router = r.router(nil, re)
			stop = r.start(router)
			later := r.append("ann", asked{15})
			r.append("bob", asked{3})
			r.reached(router, "x", r.append("bob", chatted{}))
			r.equal(r.waiting(router, "x"), []event.Position{bad, behind, later})
			r.equal(r.answered("x", "bob"), []int{1, 2, 3})

			// A retry that fails leaves all as it is; one that succeeds answers all, in order.
			n, err := router.RetryParked(r.ctx, "x", house, "ann")
			r.says(err, "stays parked")
			r.equal(n, 0)
			r.equal(r.waiting(router, "x"), []event.Position{bad, behind, later})
			mended.Store(true)
			n, err = router.RetryParked(r.ctx, "x", house, "ann")
			r.must(err)
			r.equal(n, 3)
			r.equal(r.answered("x", "ann"), []int{12, 13, 14, 15})
			r.reached(router, "x", r.append("ann", asked{16}))
			r.equal(r.answered("x", "ann"), []int{12, 13, 14, 15, 16})
			r.equal(r.waiting(router, "x"), []event.Position{})
			r.must(stop())
			left, err := r.progress.Parked(r.ctx, "x")
			r.must(err)
			r.equal(left, []readmodels.Parked(nil))
		})
	}
}

// What this program can't read is parked as well: by its contact where that is known,
// else by its stream.
func TestUnreadableEventsAreParked(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*event.Raw){
		"data":       func(e *event.Raw) { e.Data = []byte("{") },
		"newer data": func(e *event.Raw) { e.Meta = []byte(strings.Replace(string(e.Meta), `"schema":1`, `"schema":9`, 1)) },
		"metadata":   func(e *event.Raw) { e.Meta = []byte("nonsense") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			router := r.router(nil, reaction("x", r.answer("x")))
			stop := r.start(router)
			raw := r.raws("ann", asked{1})
			spoil(&raw[0])
			bad := r.appendRaw("asks-ann", raw...)
			behind := r.append("ann", asked{2})
			elsewhere := r.appendRaw("asks-ann2", r.raws("ann", asked{3})...)
			r.reached(router, "x", r.append("bob", asked{4}))
			r.equal(r.answered("x", "bob"), []int{4})
			r.equal(r.waiting(router, "x"), []event.Position{bad, behind, elsewhere})
			if name == "metadata" {
				_, err := router.RetryParked(r.ctx, "x", house, "ann")
				r.says(err, "waits behind one of its stream")
				_, err = router.RetryParked(r.ctx, "x", "", "")
				r.says(err, "metadata")
			} else {
				_, err := router.RetryParked(r.ctx, "x", house, "ann")
				r.says(err, "stays parked")
			}

			// Skipped on record, those behind it go on.
			r.must(router.SkipParked(r.ctx, "x", bad, "written by a broken program"))
			r.says(router.SkipParked(r.ctx, "x", bad, "again"), "is not parked")
			r.says(router.SkipParked(r.ctx, "x", 999, "nothing"), "is not parked")
			n, err := router.RetryParked(r.ctx, "x", house, "ann")
			r.must(err)
			r.equal(n, 2)
			r.equal(r.answered("x", "ann"), []int{2, 3})
			r.must(stop())
			all, err := r.progress.Parked(r.ctx, "x")
			r.must(err)
			if len(all) != 1 || !all[0].Skipped || all[0].Reason != "written by a broken program" || all[0].Position != bad {
				t.Errorf("the record is %+v", all)
			}
			router = r.router(nil, reaction("x", r.answer("x")))
			r.start(router)
			r.reached(router, "x", r.append("ann", asked{5}))
			r.equal(r.answered("x", "ann"), []int{2, 3, 5})
		})
	}
}

// Where nothing waits behind a skipped event, the sequence goes on by itself.
func TestSkippingTheLastGoesOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var mended atomic.Bool
	router := r.router(nil, reaction("x", r.fails("x", map[int]error{13: fault.New(fault.NotFound, "not_found")}, &mended)))
	r.start(router)
	bad := r.append("ann", asked{13})
	r.reached(router, "x", bad)
	r.must(router.SkipParked(r.ctx, "x", bad, "no"))
	r.reached(router, "x", r.append("ann", asked{14}))
	r.equal(r.answered("x", "ann"), []int{14})
	r.equal(r.status(router, "x").Parked, 0)
}

// What comes while a sequence is retried queues behind it, and is answered in its turn.
func TestEventsThatComeDuringARetry(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	answer := r.answer("x")
	var mended atomic.Bool
	under, goOn := make(chan struct{}), make(chan struct{})
	router := r.router(nil, reaction("x", func(ctx context.Context, rec *event.Recorded) error {
		if n := rec.Data.(asked).N; n == 1 && !mended.Load() {
			return fault.New(fault.Conflict, "no")
		} else if n == 1 {
			close(under)
			<-goOn
		}
		return answer(ctx, rec)
	}))
	r.start(router)
	bad := r.append("ann", asked{1})
	r.reached(router, "x", r.append("ann", asked{2}))
	mended.Store(true)
	retried := make(chan error, 1)
	go func() {
		_, err := router.RetryParked(r.ctx, "x", house, "ann")
		retried <- err
	}()
	<-under
	r.append("ann", asked{3})
	r.reached(router, "x", r.append("bob", asked{4}))
	_, err := router.RetryParked(r.ctx, "x", house, "ann")
	r.says(err, "being retried already")
	r.says(router.SkipParked(r.ctx, "x", bad, "no"), "is being retried")
	close(goOn)
	r.must(<-retried)
	r.equal(r.answered("x", "ann"), []int{1, 2, 3})
	r.reached(router, "x", r.append("ann", asked{5}))
	r.equal(r.answered("x", "ann"), []int{1, 2, 3, 5})
	_, err = router.RetryParked(r.ctx, "y", house, "ann")
	r.says(err, `there is no reaction "y"`)
}
