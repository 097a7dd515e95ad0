package commands_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"lonja/adapters/memory"
	"lonja/adapters/sqlite/eventlog"
	"lonja/commands"
	"lonja/domain/decider"
	"lonja/domain/event"
	"lonja/domain/fault"
)

// counted is an event of a counter, which is what these tests decide about.
type counted struct {
	N int `json:"n"`
}

func (counted) EventType() string { return "test.counted" }

func counter() decider.Decider[int] {
	return decider.Decider[int]{Category: "counter", Initial: func() int { return 0 }, Evolve: func(n int, e event.Event) int {
		if c, ok := e.(counted); ok {
			return c.N
		}
		return n
	}}
}

// up counts one up to a limit.
func up(limit int) func(int) ([]event.Event, error) {
	return func(n int) ([]event.Event, error) {
		switch {
		case n == limit:
			return nil, nil
		case n > limit:
			return nil, fault.New(fault.Conflict, "counter.over")
		}
		return []event.Event{counted{n + 1}}, nil
	}
}

func executor(store event.Store) *commands.Executor {
	r := event.NewRegistry()
	event.Register[counted](r)
	return &commands.Executor{Store: store, Codec: event.NewCodec(r, memory.NewVault())}
}

var at = time.Date(2026, 3, 2, 9, 0, 0, 123_456_789, time.UTC)

func asking(n byte) commands.Request {
	return commands.Request{Command: ulid.ULID{n}, Account: "acc", Contact: "ana", Actor: event.Actor{Kind: event.ActorLogin, ID: "l1"}, At: at}
}

func execute(x *commands.Executor, req commands.Request, decide func(int) ([]event.Event, error)) (commands.Receipt, error) {
	return commands.Execute(context.Background(), x, counter(), "1", req, decide)
}

// between is a log that lets something happen around appends.
type between struct {
	event.Store
	before func()            // an append
	after  func(error) error // what the caller is told of it
}

func (b *between) Append(ctx context.Context, stream string, expected event.Revision, events []event.Raw) (event.Receipt, error) {
	if b.before != nil {
		b.before()
	}
	r, err := b.Store.Append(ctx, stream, expected, events)
	if b.after != nil {
		if e := b.after(err); e != nil {
			return event.Receipt{}, e
		}
	}
	return r, err
}

func TestWhatACommandRecords(t *testing.T) {
	t.Parallel()
	x := executor(memory.NewEventLog(time.Now))
	req := asking(1)
	req.TraceParent, req.Causation = "00-1", ulid.ULID{9}
	rcpt, err := execute(x, req, func(int) ([]event.Event, error) { return []event.Event{counted{1}, counted{2}}, nil })
	if err != nil || !rcpt.Changed || rcpt.Again || rcpt.Stream != "counter-1" || rcpt.Revision != 1 {
		t.Fatalf("%+v, %v", rcpt, err)
	}
	stored, err := x.Store.ReadStream(t.Context(), "counter-1", 0, 10, nil)
	if err != nil || len(stored) != 2 {
		t.Fatal(stored, err)
	}
	seen := map[ulid.ULID]bool{}
	for i := range stored {
		m, err := event.ParseMetadata(stored[i].Meta)
		if err != nil {
			t.Fatal(err)
		}
		want := event.Metadata{
			Account: "acc", Contact: "ana", Actor: req.Actor, Command: req.Command, Correlation: req.Command, Causation: req.Causation, TraceParent: "00-1",
			OccurredAt: at.Truncate(time.Millisecond), Schema: 1,
		}
		if m != want {
			t.Errorf("event %d has %+v, want %+v", i, m, want)
		}
		seen[stored[i].ID] = true
	}
	if len(seen) != 2 {
		t.Error("two events have one id")
	}
}

func TestACommandNeedsWhoAndWhen(t *testing.T) {
	t.Parallel()
	x := executor(memory.NewEventLog(time.Now))
	for name, change := range map[string]func(*commands.Request){
		"account": func(r *commands.Request) { r.Account = "" }, "command id": func(r *commands.Request) { r.Command = ulid.Zero },
		"actor": func(r *commands.Request) { r.Actor = event.Actor{} }, "time": func(r *commands.Request) { r.At = time.Time{} },
	} {
		req := asking(1)
		change(&req)
		if _, err := execute(x, req, up(5)); err == nil {
			t.Errorf("without %s it is executed", name)
		}
	}
}

// given a stream of one contact's
// then for others it is not there, and they change nothing.
func TestStreamsAreTheirOwners(t *testing.T) {
	t.Parallel()
	x := executor(memory.NewEventLog(time.Now))
	if _, err := execute(x, asking(1), up(5)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*commands.Request){
		"another contact": func(r *commands.Request) { r.Contact = "bob" }, "another account": func(r *commands.Request) { r.Account = "else" },
		"another account's staff": func(r *commands.Request) { r.Account, r.Contact = "else", "" },
	} {
		req := asking(2)
		change(&req)
		if _, err := execute(x, req, up(5)); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
		if n, exists, err := commands.State(t.Context(), x, counter(), "1", req); !fault.Is(err, fault.NotFound) || n != 0 || exists {
			t.Errorf("%s reads %d, %v, %v", name, n, exists, err)
		}
	}
	staff := asking(3)
	staff.Contact, staff.Actor = "", event.Actor{Kind: event.ActorStaff, ID: "s"}
	if _, err := execute(x, staff, up(5)); err != nil {
		t.Fatal(err)
	}
	stored, err := x.Store.ReadStream(t.Context(), "counter-1", 0, 10, nil)
	if err != nil || len(stored) != 2 {
		t.Fatalf("%d events, %v", len(stored), err)
	}
	if m, err := event.ParseMetadata(stored[1].Meta); err != nil || m.Contact != "ana" {
		t.Errorf("what staff do to a contact's is %q's, %v", m.Contact, err)
	}
}

// given others who append at the same moment
// then each decision is made of what is there, and none is lost.
func TestDecisionsAtTheSameMoment(t *testing.T) {
	t.Parallel()
	x := executor(memory.NewEventLog(time.Now))
	const n = 12
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if _, err := execute(x, asking(byte(i+1)), up(n)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, _, err := commands.State(t.Context(), x, counter(), "1", asking(99)); err != nil || got != n {
		t.Errorf("%d counted to %d, %v", n, got, err)
	}

	// A storm of others that does not end is told as such.
	store := &between{Store: x.Store}
	stormy, other := executor(store), byte(100)
	store.before = func() {
		other++
		if _, err := execute(x, asking(other), up(1000)); err != nil {
			t.Error(err)
		}
	}
	if _, err := execute(stormy, asking(99), up(1000)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("in a storm: %v", err)
	}
}

// given a command that was executed, on a log that was opened again since
// when it comes once more, from the same actor or another
// then for the same one nothing happens; another's command of the same id is its own.
func TestRepeatedCommands(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	for attempt := range 3 {
		log, err := eventlog.Open(t.Context(), path, eventlog.Options{})
		if err != nil {
			t.Fatal(err)
		}
		rcpt, err := execute(executor(log), asking(1), up(10))
		if err != nil || rcpt.Changed != (attempt == 0) || rcpt.Again != (attempt > 0) || rcpt.Revision != 0 || rcpt.Position == 0 {
			t.Errorf("attempt %d: %+v, %v", attempt, rcpt, err)
		}
		if attempt == 1 {
			other := asking(1)
			other.Actor.ID = "l2"
			if rcpt, err := execute(executor(log), other, up(10)); err != nil || !rcpt.Changed || rcpt.Revision != 1 {
				t.Errorf("of another actor: %+v, %v", rcpt, err)
			}
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// given an append that is durable, and an answer that is lost
// when the caller tries again
// then there is one event.
func TestLostAcknowledgement(t *testing.T) {
	t.Parallel()
	log := memory.NewEventLog(time.Now)
	lost := errors.New("the connection broke")
	store := &between{Store: log, after: func(error) error { return lost }}
	if _, err := execute(executor(store), asking(1), up(10)); !errors.Is(err, lost) {
		t.Fatalf("the caller is told %v", err)
	}
	store.after = nil
	rcpt, err := execute(executor(store), asking(1), up(10))
	if err != nil || rcpt.Changed || !rcpt.Again || rcpt.Revision != 0 {
		t.Errorf("tried again: %+v, %v", rcpt, err)
	}
	if stored, err := log.ReadStream(t.Context(), "counter-1", 0, 10, nil); err != nil || len(stored) != 1 {
		t.Errorf("%d events, %v", len(stored), err)
	}
}

func TestWhatRecordsNothing(t *testing.T) {
	t.Parallel()
	log := memory.NewEventLog(time.Now)
	x := executor(log)
	first, err := execute(x, asking(1), up(1))
	if err != nil {
		t.Fatal(err)
	}
	if rcpt, err := execute(x, asking(2), up(1)); err != nil || rcpt.Changed || rcpt.Again || rcpt.Position != first.Position {
		t.Errorf("what is so already: %+v, %v", rcpt, err)
	}
	if _, err := execute(x, asking(3), up(0)); !fault.Is(err, fault.Conflict) {
		t.Errorf("what is refused: %v", err)
	}
	if _, err := execute(x, asking(4), func(int) ([]event.Event, error) {
		return []event.Event{huge{strings.Repeat("x", event.MaxAppendBytes+1)}}, nil
	}); err == nil {
		t.Error("an event that nobody knows is recorded")
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := commands.Execute(ended, x, counter(), "1", asking(5), up(10)); !errors.Is(err, context.Canceled) {
		t.Errorf("for a caller who has gone: %v", err)
	}
	if head, err := log.Head(t.Context()); err != nil || head != first.Position {
		t.Errorf("the log has come to %d, %v", head, err)
	}
	if _, err := execute(executorOf[huge](log), asking(6), func(int) ([]event.Event, error) {
		return []event.Event{huge{strings.Repeat("x", event.MaxAppendBytes+1)}}, nil
	}); !fault.Is(err, fault.TooLarge) {
		t.Errorf("what is too large: %v", err)
	}
}

type huge struct {
	Text string `json:"text"`
}

func (huge) EventType() string { return "test.huge" }

func executorOf[E event.Event](store event.Store) *commands.Executor {
	r := event.NewRegistry()
	event.Register[counted](r)
	event.Register[E](r)
	return &commands.Executor{Store: store, Codec: event.NewCodec(r, memory.NewVault())}
}

// A stream longer than is read at a time is folded whole.
func TestLongStreams(t *testing.T) {
	t.Parallel()
	log := memory.NewEventLog(time.Now)
	x := executor(log)
	many := make([]event.Event, 400)
	for round := range 4 {
		for i := range many {
			many[i] = counted{round*len(many) + i + 1}
		}
		if _, err := execute(x, asking(byte(round+1)), func(int) ([]event.Event, error) { return many, nil }); err != nil {
			t.Fatal(err)
		}
	}
	n, rev, err := commands.StateAt(t.Context(), x, counter(), "1", asking(9))
	if err != nil || n != 1600 || rev != 1599 {
		t.Errorf("folded to %d at %d, %v", n, rev, err)
	}
	if rcpt, err := execute(x, asking(1), up(5000)); err != nil || rcpt.Changed || !rcpt.Again || rcpt.Revision != 1599 && rcpt.Revision != 399 {
		t.Errorf("the first command again: %+v, %v", rcpt, err)
	}
}
