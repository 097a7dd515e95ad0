package messaging_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lonja/adapters/memory"
	"lonja/adapters/messaging"
	"lonja/commands"
	"lonja/commands/reactions"
	"lonja/domain/decider"
	"lonja/domain/event"
	"lonja/domain/id"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Events of the tests' own: a contact asks, a reaction answers, and others chat.
type asked struct {
	N int `json:"n"`
}
type answered struct {
	N int `json:"n"`
}
type chatted struct{}

func (asked) EventType() string    { return "test.asked" }
func (answered) EventType() string { return "test.answered" }
func (chatted) EventType() string  { return "test.chatted" }

func answers() decider.Decider[[]int] {
	return decider.Decider[[]int]{Category: "answers", Initial: func() []int { return nil }, Evolve: func(s []int, e event.Event) []int {
		if a, ok := e.(answered); ok {
			s = append(s, a.N)
		}
		return s
	}}
}

const house = id.Account("01J0000000000000000000H0SE")

type noKeys struct{}

func (noKeys) Key(context.Context, id.Account, string) (*event.Key, error) {
	return nil, event.ErrNoKey
}

// rig is a log with a store of progress, and what is said in the log lines.
type rig struct {
	*testing.T
	ctx      context.Context
	log      event.Store
	codec    *event.Codec
	progress messaging.Progress
	lines    lines

	mu    sync.Mutex
	n     int
	heads map[string]event.Revision
}

type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newRig(t *testing.T) *rig {
	t.Helper()
	return rigOn(t, memory.NewEventLog(time.Now), openVault(t, t.TempDir()))
}

func rigOn(t *testing.T, log event.Store, progress messaging.Progress) *rig {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	reg := event.NewRegistry()
	event.Register[asked](reg)
	event.Register[answered](reg)
	event.Register[chatted](reg)
	return &rig{T: t, ctx: ctx, log: log, codec: event.NewCodec(reg, noKeys{}), progress: progress, heads: map[string]event.Revision{}}
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) equal(got, want any) {
	r.Helper()
	if !reflect.DeepEqual(got, want) {
		r.Fatalf("got %+v, want %+v", got, want)
	}
}

// says wants an error with the text.
func (r *rig) says(err error, text string) {
	r.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		r.Fatalf("error is %v, want one with %q", err, text)
	}
}

// raws encodes events of a contact.
func (r *rig) raws(contact id.Contact, events ...event.Event) []event.Raw {
	r.Helper()
	var out []event.Raw
	for _, e := range events {
		r.n++
		command := id.Derive("command", fmt.Sprint(r.n))
		raw, err := r.codec.Encode(r.ctx, id.Derive("test", fmt.Sprint(r.n)), event.Metadata{
			Account: house, Contact: contact, Actor: event.Actor{Kind: event.ActorSystem, ID: "test"}, Command: command, Correlation: command,
			OccurredAt: time.UnixMilli(int64(1_700_000_000_000 + r.n)), TraceParent: "00-trace",
		}, e)
		r.must(err)
		out = append(out, raw)
	}
	return out
}

// append adds events of a contact and returns the position of the last.
func (r *rig) append(contact id.Contact, events ...event.Event) event.Position {
	r.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.appendRaw("asks-"+string(contact), r.raws(contact, events...)...)
}

func (r *rig) appendRaw(stream string, raws ...event.Raw) event.Position {
	r.Helper()
	at, ok := r.heads[stream]
	if !ok {
		at = event.NoStream
	}
	rcpt, err := r.log.Append(r.ctx, stream, at, raws)
	r.must(err)
	r.heads[stream] = rcpt.Revision
	return rcpt.Position
}

// answer does what asks for an answer: once, by a command that the event names.
func (r *rig) answer(name string) func(ctx context.Context, rec *event.Recorded) error {
	x := &commands.Executor{Store: r.log, Codec: r.codec}
	return func(ctx context.Context, rec *event.Recorded) error {
		req := commands.Request{
			Command: id.Derive(name, rec.ID.String()), Account: rec.Meta.Account, Contact: rec.Meta.Contact,
			Actor: event.Actor{Kind: event.ActorSystem, ID: name}, Correlation: rec.Meta.Correlation, Causation: rec.ID, At: rec.Meta.OccurredAt,
		}
		_, err := commands.Execute(ctx, x, answers(), name+"-"+string(rec.Meta.Contact), req, func([]int) ([]event.Event, error) {
			return []event.Event{answered{rec.Data.(asked).N}}, nil
		})
		return err
	}
}

// answered returns what a contact was answered, in order.
func (r *rig) answered(name string, contact id.Contact) []int {
	r.Helper()
	x := &commands.Executor{Store: r.log, Codec: r.codec}
	s, _, err := commands.State(r.ctx, x, answers(), name+"-"+string(contact), commands.Request{Account: house, Contact: contact})
	r.must(err)
	return s
}

// reaction is one of the tests' own, that answers what was asked.
func reaction(name string, react func(ctx context.Context, rec *event.Recorded) error) reactions.Reaction {
	return reactions.Reaction{Name: name, Types: []string{asked{}.EventType()}, React: react}
}

// fast are times for tests that do not wait.
var fast = messaging.Times{FirstWait: time.Millisecond, LastWait: 5 * time.Millisecond, Again: time.Millisecond, Grace: 10 * time.Millisecond}

func (r *rig) router(change func(*messaging.Config), res ...reactions.Reaction) *messaging.Router {
	r.Helper()
	cfg := messaging.Config{
		Store: r.log, Codec: r.codec, Progress: r.progress, Times: fast,
		Log: slog.New(slog.NewTextHandler(&r.lines, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&cfg)
	}
	router, err := messaging.New(cfg)
	r.must(err)
	for _, re := range res {
		router.AddReaction(re)
	}
	return router
}

// start runs the router and returns how to stop it and wait for its end.
func (r *rig) start(router *messaging.Router) (stop func() error) {
	r.Helper()
	ctx, cancel := context.WithCancel(r.ctx)
	ended := make(chan error, 1)
	go func() { ended <- router.Run(ctx) }()
	var once sync.Once
	var err error
	stop = func() error {
		once.Do(func() {
			cancel()
			err = <-ended
		})
		return err
	}
	r.Cleanup(func() { _ = stop() })
	select {
	case <-router.Running():
	case err := <-ended:
		r.Fatalf("the router ended: %v", err)
	}
	return stop
}

// until waits for a condition.
func (r *rig) until(what string, ok func() bool) {
	r.Helper()
	t := time.NewTicker(time.Millisecond)
	defer t.Stop()
	for !ok() {
		select {
		case <-t.C:
		case <-r.ctx.Done():
			r.Fatalf("waited in vain until %s; the log lines:\n%s", what, r.lines.String())
		}
	}
}

func (r *rig) status(router *messaging.Router, name string) messaging.Status {
	r.Helper()
	all, err := router.Status(r.ctx)
	r.must(err)
	i := slices.IndexFunc(all, func(s messaging.Status) bool { return s.Name == name })
	if i < 0 {
		r.Fatalf("no status of %s", name)
	}
	return all[i]
}

// reached waits until a reaction is at the position.
func (r *rig) reached(router *messaging.Router, name string, p event.Position) {
	r.Helper()
	r.until(fmt.Sprintf("%s is at %d", name, p), func() bool { return r.status(router, name).Position >= p })
}

// waiting returns the positions that a reaction has parked, skipped ones aside.
func (r *rig) waiting(router *messaging.Router, name string) []event.Position {
	r.Helper()
	all, err := router.Parked(r.ctx, name)
	r.must(err)
	out := []event.Position{}
	for i := range all {
		if !all[i].Skipped {
			out = append(out, all[i].Position)
		}
	}
	return out
}

var errDown = errors.New("the other side does not answer")
