package messaging_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"lonja/adapters/memory"
	"lonja/adapters/messaging"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// What may pass is tried again for as long as it takes, under a context of its own each
// time. Other reactions go on, and the stop does not wait for it.
func TestWhatMayPassIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{"plain": errDown, "unavailable": fault.New(fault.Unavailable, "command.busy"), "too many": fault.New(fault.TooMany, "later")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			var up atomic.Bool
			var attempts atomic.Int64
			answer := r.answer("x")
			re := reaction("x", func(ctx context.Context, rec *event.Recorded) error {
				attempts.Add(1)
				if err := ctx.Err(); err != nil {
					t.Errorf("the attempt begins with a context that has ended: %v", err)
				}
				if !up.Load() {
					return fmt.Errorf("sending: %w", failure)
				}
				return answer(ctx, rec)
			})
			router := r.router(nil, re, reaction("other", r.answer("other")))
			stop := r.start(router)
			head := r.append("ann", asked{1}, asked{2})
			r.until("it has been tried some times", func() bool { return attempts.Load() > 5 })
			r.reached(router, "other", head)
			if s := r.status(router, "x"); s.Failed < 5 || s.Position != 0 || s.Lag != s.Head || s.Trouble == "" || s.Parked != 0 {
				t.Errorf("status is %+v", s)
			}
			r.must(stop())

			up.Store(true)
			router = r.router(nil, re)
			r.start(router)
			r.reached(router, "x", head)
			r.equal(r.answered("x", "ann"), []int{1, 2})
			r.equal(r.status(router, "x").Trouble, "")
		})
	}
}

// An attempt that takes too long is cut off and tried again, with a whole new while.
func TestAnAttemptTakesSoLongOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var attempts atomic.Int64
	answer := r.answer("x")
	router := r.router(func(c *messaging.Config) { c.Times.Reaction = 20 * time.Millisecond }, reaction("x", func(ctx context.Context, rec *event.Recorded) error {
		if attempts.Add(1) < 4 {
			<-ctx.Done()
			return ctx.Err()
		}
		return answer(ctx, rec)
	}))
	r.start(router)
	r.reached(router, "x", r.append("ann", asked{1}))
	r.equal([]any{r.answered("x", "ann"), attempts.Load(), r.status(router, "x").Failed}, []any{[]int{1}, int64(4), uint64(3)})
}

// observer notes what it is told.
type observer struct {
	mu       sync.Mutex
	notes    []string
	handling context.Context // of the newest message
}

func (o *observer) note(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.notes = append(o.notes, text)
}

func (o *observer) all() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.notes)
}

type traced struct{}

func (o *observer) Handle(ctx context.Context, handler string, m *message.Message) (context.Context, func(messaging.Outcome, error)) {
	o.mu.Lock()
	o.handling = ctx
	o.mu.Unlock()
	o.note(fmt.Sprintf("%s: correlation before %q, trace %s", handler, messaging.Correlation(ctx), m.Metadata.Get("traceparent")))
	return context.WithValue(ctx, traced{}, handler), func(out messaging.Outcome, err error) {
		o.note(fmt.Sprintf("%s: %s, %v", handler, out, err))
	}
}

func (o *observer) Failed(ctx context.Context, handler string, err error) {
	first, _, _ := strings.Cut(err.Error(), ",")
	o.note(fmt.Sprintf("%s: attempt failed, correlation %t, traced %v: %s", handler, messaging.Correlation(ctx) != "", ctx.Value(traced{}), first))
}

// The order of the middleware, from what can be seen of it: the observer sees the outcome
// of everything within (metrics first); attempts and parking know the correlation; what
// is parked is parked after the last attempt; each attempt has a deadline of its own; and
// a panic is an attempt that failed.
func TestMiddlewareOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := &observer{}
	var deadlines []time.Time
	attempts := 0
	answer := r.answer("x")
	router := r.router(func(c *messaging.Config) { c.Observer = o }, reaction("x", func(ctx context.Context, rec *event.Recorded) error {
		d, _ := ctx.Deadline()
		deadlines = append(deadlines, d)
		if messaging.Correlation(ctx) != rec.Meta.Correlation.String() || ctx.Value(traced{}) != "x" {
			t.Errorf("correlation is %q, traced by %v", messaging.Correlation(ctx), ctx.Value(traced{}))
		}
		attempts++
		switch {
		case rec.Data.(asked).N == 1 && attempts == 1:
			return errDown
		case rec.Data.(asked).N == 1:
			panic("thirteen")
		}
		return answer(ctx, rec)
	}))
	stop := r.start(router)
	r.append("ann", asked{1}, asked{2})
	r.reached(router, "x", r.append("bob", asked{3}))
	r.must(stop())
	before := `x: correlation before "", trace 00-trace`
	r.equal(o.all(), []string{
		before,
		"x: attempt failed, correlation true, traced x: " + errDown.Error(),
		`x: attempt failed, correlation true, traced x: panic occurred: "thirteen"`,
		"x: parked, <nil>",
		before, "x: queued, <nil>",
		before, "x: answered, <nil>",
	})
	if len(deadlines) != 3 || deadlines[0].IsZero() || !deadlines[1].After(deadlines[0]) {
		t.Errorf("deadlines are %v", deadlines)
	}
	if s := r.status(router, "x"); s.Handled != 3 || s.Failed != 2 || s.Parked != 2 {
		t.Errorf("status is %+v", s)
	}
}

// At the stop, what is under way may finish, and counts.
func TestTheStopLetsTheMessageInHandFinish(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	under, goOn := make(chan struct{}), make(chan struct{})
	var began atomic.Int64
	answer := r.answer("x")
	re := reaction("x", func(ctx context.Context, rec *event.Recorded) error {
		if began.Add(1) == 1 {
			close(under)
			<-goOn
		}
		return answer(ctx, rec)
	})
	o := &observer{}
	router := r.router(func(c *messaging.Config) { c.Times.Grace, c.Observer = 30*time.Second, o }, re)
	first := r.append("ann", asked{1})
	r.append("ann", asked{2})
	ctx, cancel := context.WithCancel(r.ctx)
	ended := make(chan error, 1)
	go func() { ended <- router.Run(ctx) }()
	<-under
	cancel()
	<-o.handling.Done() // the stop has come to the message in hand
	close(goOn)
	r.must(<-ended)
	r.equal(r.answered("x", "ann"), []int{1})
	at, err := r.progress.Checkpoint(r.ctx, "x")
	r.must(err)
	r.equal(at, first)

	router = r.router(nil, re)
	r.start(router)
	r.reached(router, "x", 2)
	r.equal([]any{r.answered("x", "ann"), began.Load()}, []any{[]int{1, 2}, int64(2)})
}

// A reaction that does not end is not waited for beyond the close timeout; its event
// comes again.
func TestTheStopWaitsSoLongOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	under, goOn, out := make(chan struct{}), make(chan struct{}), make(chan struct{})
	router := r.router(func(c *messaging.Config) { c.Times.Close = 50 * time.Millisecond }, reaction("x", func(context.Context, *event.Recorded) error {
		defer close(out)
		close(under)
		<-goOn
		return errDown
	}))
	r.append("ann", asked{1})
	stop := r.start(router)
	<-under
	r.says(stop(), "router close timeout")
	close(goOn)
	<-out
	at, err := r.progress.Checkpoint(r.ctx, "x")
	r.must(err)
	r.equal(at, event.Position(0))
	again := r.router(nil, reaction("x", r.answer("x")))
	r.start(again)
	r.reached(again, "x", 1)
	r.equal(r.answered("x", "ann"), []int{1})
}

func TestARouterStopsAtOnceWhereNothingIsUnderWay(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 20 {
		ctx, cancel := context.WithCancel(r.ctx)
		cancel()
		r.must(r.router(nil, reaction("x", r.answer("x")), reaction("y", r.answer("y"))).Run(ctx))
	}
}

// Watermill's own doings are not of interest, unless one looks for a fault.
func TestLogLines(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	router := r.router(nil, reaction("x", r.answer("x")))
	stop := r.start(router)
	r.reached(router, "x", r.append("ann", asked{1}))
	r.must(stop())
	text := r.lines.String()
	if !strings.Contains(text, "level=DEBUG") {
		t.Errorf("nothing is said at the debug level:\n%s", text)
	}
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "level=DEBUG") {
			t.Errorf("said aloud: %s", line)
		}
	}
}

// A store that fails now and then, and counts.
type flaky struct {
	messaging.Progress
	calls, checkpoints atomic.Int64
	fails              func(call int64) bool
}

func (f *flaky) fail() error {
	if n := f.calls.Add(1); f.fails != nil && f.fails(n) {
		return errDown
	}
	return nil
}

func (f *flaky) SetCheckpoint(ctx context.Context, name string, p event.Position) error {
	f.checkpoints.Add(1)
	if err := f.fail(); err != nil {
		return err
	}
	return f.Progress.SetCheckpoint(ctx, name, p)
}

func (f *flaky) Checkpoint(ctx context.Context, name string) (event.Position, error) {
	if err := f.fail(); err != nil {
		return 0, err
	}
	return f.Progress.Checkpoint(ctx, name)
}

// Whatever call on the store of progress fails, every event has its one effect, in order.
func TestTheStoreOfProgressFails(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	f := &flaky{Progress: r.progress, fails: func(n int64) bool { return n%2 == 1 }}
	r.progress = f
	var want []int
	for i := range 40 {
		r.append("ann", asked{i}, chatted{})
		want = append(want, i)
	}
	answer := r.answer("x")
	var mended atomic.Bool
	bad := r.append("bob", asked{13})
	refuse := r.fails("x", map[int]error{}, &mended)
	router := r.router(nil, reaction("x", func(ctx context.Context, rec *event.Recorded) error {
		if rec.Meta.Contact == "bob" {
			return fault.New(fault.Conflict, "no")
		}
		if rec.Data.(asked).N == 5 {
			return refuse(ctx, rec)
		}
		return answer(ctx, rec)
	}))
	r.start(router)
	r.until("all is answered", func() bool { return len(r.answered("x", "ann")) == len(want) })
	r.until("the last is parked", func() bool { return slices.Equal(r.waiting(router, "x"), []event.Position{bad}) })
	r.equal(r.answered("x", "ann"), want)
}

// Events of other types are not decoded, nor written down one by one: not now, nor by a
// restart that passes over all of them.
func TestOtherEventsArePassedOver(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	f := &flaky{Progress: r.progress}
	r.progress = f
	const streams, each = 300, 100
	var raws []event.Raw
	for i := range streams * each {
		raws = append(raws, event.Raw{ID: id.Derive("noise", fmt.Sprint(i)), Type: "test.unheard_of", Meta: []byte("nonsense"), Data: []byte("nonsense")})
	}
	for i := range streams {
		r.appendRaw(fmt.Sprint("noise-", i), raws[i*each:(i+1)*each]...)
	}
	router := r.router(nil, reaction("x", r.answer("x")))
	stop := r.start(router)
	r.reached(router, "x", r.append("ann", asked{1}))
	r.equal(r.answered("x", "ann"), []int{1})
	noise := r.appendRaw("noise-0", raws[0])
	r.reached(router, "x", noise)
	r.must(stop())
	r.equal(r.waiting(router, "x"), []event.Position{})
	at, err := r.progress.Checkpoint(r.ctx, "x")
	r.must(err)
	r.equal(at, noise) // the stop writes down what was passed over
	if n := f.checkpoints.Load(); n > 10 {
		t.Errorf("the checkpoint was written %d times for %d events", n, noise)
	}
}

// Without a stop, too, the checkpoint moves past what is ignored, after a while.
func TestTheCheckpointMovesPastOtherEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start(r.router(nil, reaction("x", r.answer("x"))))
	head := r.append("ann", chatted{})
	r.until("the checkpoint has moved", func() bool {
		at, err := r.progress.Checkpoint(r.ctx, "x")
		r.must(err)
		return at == head
	})
}

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := messaging.NewOrdered(messaging.OrderedConfig{Store: memory.NewEventLog(time.Now), Progress: r.progress})
	_, err := o.Subscribe(r.ctx, "a")
	r.must(err)
	_, err = o.Subscribe(r.ctx, "a")
	r.says(err, "a has a subscription already")
	_, err = o.Subscribe(r.ctx, "b")
	r.must(err)
	r.must(o.Close())
	r.must(o.Close())
	_, err = o.Subscribe(r.ctx, "c")
	r.says(err, "closed")
}
