package eventstoredb_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"lonja/adapters/eventstoredb"
	"lonja/adapters/eventstoredb/esdbtest"
	"lonja/domain/event"
	"lonja/domain/id"
)

// What the client does that the store must deal with, one test for each of the seven
// points of the architecture's page (section 7).

// bare is the client without the store.
func bare(t *testing.T, s *esdbtest.Server) *esdb.Client {
	t.Helper()
	config, err := esdb.ParseConnectionString(s.ConnectionString())
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// raw returns events whose ids and bytes are given by the stream and their place in it.
func raw(stream string, first event.Revision, n, size int) []event.Raw {
	events := make([]event.Raw, n)
	for i := range events {
		revision := fmt.Sprint(first + event.Revision(i))
		events[i] = event.Raw{
			ID: id.Derive(stream, revision), Type: "thing.happened", Meta: []byte(`{"of":"` + stream + `"}`),
			Data: []byte(strings.Repeat(stream+"@"+revision+";", 1+size/(len(stream)+len(revision)+2))),
		}
	}
	return events
}

// eventually waits for a condition that nothing announces.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute) // also while cleaning up
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

func appendTo(t *testing.T, st *eventstoredb.Store, stream string, expected event.Revision, events []event.Raw) event.Receipt {
	t.Helper()
	r, err := st.Append(t.Context(), stream, expected, events)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wholeFeed reads the feed in small pages and checks that each event follows the last.
func wholeFeed(t *testing.T, st event.Store) []event.Stored {
	t.Helper()
	var all []event.Stored
	for after := event.Position(0); ; {
		page, err := st.ReadFeed(t.Context(), after, 7, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		for i := range page {
			if page[i].Position <= after {
				t.Fatalf("position %d after %d", page[i].Position, after)
			}
			after = page[i].Position
		}
		all = append(all, page...)
	}
}

// holds fails unless the feed is exactly raw's events of the streams, whose last
// revisions are given, each stream in its order.
func holds(t *testing.T, feed []event.Stored, last map[string]event.Revision, size int) {
	t.Helper()
	next := map[string]event.Revision{}
	for _, e := range feed {
		want := raw(e.Stream, e.Revision, 1, size)[0]
		if e.Revision != next[e.Stream] {
			t.Fatalf("%s@%d in the feed, want revision %d", e.Stream, e.Revision, next[e.Stream])
		}
		if e.ID != want.ID || e.Type != want.Type || string(e.Data) != string(want.Data) || string(e.Meta) != string(want.Meta) {
			t.Fatalf("%s@%d is not what was appended", e.Stream, e.Revision)
		}
		next[e.Stream]++
	}
	for stream, revision := range last {
		if next[stream] != revision+1 {
			t.Fatalf("%s: %d events in the feed, want %d", stream, next[stream], revision+1)
		}
		delete(next, stream)
	}
	if len(next) > 0 {
		t.Fatalf("streams that nobody appended to: %v", next)
	}
}

// 1. It gives up for good after ten failed discoveries, and hangs callers meanwhile.
func TestDiscoveryIsNeverGivenUpAndContextsEndCalls(t *testing.T) {
	t.Parallel()
	s := standIn(t, esdbtest.Options{})
	st := open(t, eventstoredb.Options{Connection: s.ConnectionString()})
	first := appendTo(t, st, "a-1", event.NoStream, raw("a-1", 0, 1, 10))
	s.Leave()

	// Longer than the client's ten discoveries take.
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	calls := map[string]func(context.Context) error{
		"append": func(ctx context.Context) error {
			_, err := st.Append(ctx, "b-1", event.NoStream, raw("b-1", 0, 1, 10))
			return err
		},
		"read stream": func(ctx context.Context) error { _, err := st.ReadStream(ctx, "a-1", 0, 10, nil); return err },
		"read feed":   func(ctx context.Context) error { _, err := st.ReadFeed(ctx, 0, 10, nil); return err },
		"head":        func(ctx context.Context) error { _, err := st.Head(ctx); return err },
		"wait":        func(ctx context.Context) error { _, err := st.Wait(ctx, first.Position); return err },
		"open": func(ctx context.Context) error {
			_, err := eventstoredb.Open(ctx, eventstoredb.Options{Connection: s.ConnectionString()})
			return err
		},
	}
	var group sync.WaitGroup
	for name, call := range calls {
		for range 8 {
			group.Go(func() {
				if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: %v, want the context's error", name, err)
				}
			})
		}
	}
	group.Wait()
	short, end := context.WithCancel(t.Context())
	end()
	for name, call := range calls {
		if err := call(short); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want the context's error", name, err)
		}
	}
	if _, err := st.Head(ctx); err == nil || !strings.Contains(err.Error(), s.Addr()) || !strings.Contains(err.Error(), "there is no connection") {
		t.Errorf("the error does not say what is wrong: %v", err)
	}

	if err := s.Return(t.Context()); err != nil {
		t.Fatal(err)
	}
	appendTo(t, st, "a-1", 0, raw("a-1", 1, 1, 10))
	holds(t, wholeFeed(t, st), map[string]event.Revision{"a-1": 1}, 10)
}

// 2. Close panics beside a failure, reads do not look for the servers again, and
// each time it does so it loses a connection.
func TestConnectionsAreClosedAndReadsFindTheServerAgain(t *testing.T) {
	s := leakFree(t)
	for round := range 25 {
		st, err := eventstoredb.Open(t.Context(), eventstoredb.Options{Connection: s.ConnectionString(), Prefix: prefix()})
		if err != nil {
			t.Fatal(err)
		}
		answered := make(chan struct{}, 100)
		var group sync.WaitGroup
		for w := range 6 {
			group.Go(func() {
				stream := fmt.Sprintf("w-%d", w)
				for i := event.Revision(0); ; i++ {
					if _, err := st.Append(t.Context(), stream, i-1, raw(stream, i, 1, 300)); err != nil {
						if !errors.Is(err, event.ErrClosed) {
							t.Errorf("append: %v", err)
						}
						return
					}
					select {
					case answered <- struct{}{}:
					default:
					}
					if _, err := st.ReadStream(t.Context(), stream, 0, 5, nil); err != nil && !errors.Is(err, event.ErrClosed) {
						t.Errorf("read: %v", err)
						return
					}
				}
			})
		}
		for range 10 + round {
			<-answered
		}
		group.Go(s.CutConnections)
		group.Go(func() { st.Close() })
		group.Wait()
	}

	st := open(t, eventstoredb.Options{Connection: s.ConnectionString()})
	appendTo(t, st, "a-1", event.NoStream, raw("a-1", 0, 20, 10))
	for range 10 {
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := st.ReadStream(t.Context(), "a-1", 0, 100, nil)
		if err != nil || len(got) != 20 {
			t.Fatalf("%d events, %v", len(got), err)
		}
		holds(t, wholeFeed(t, st), map[string]event.Revision{"a-1": 19}, 10)
	}
	// The servers are looked for again after reads too: they may be elsewhere by then.
	discoveries := s.Calls("GetSupportedMethods")
	s.Leave()
	hasty, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := st.ReadStream(hasty, "a-1", 0, 1, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if err := s.Return(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := st.ReadStream(t.Context(), "a-1", 0, 1, nil); err != nil {
		t.Fatal(err)
	}
	if s.Calls("GetSupportedMethods") == discoveries {
		t.Fatal("the servers were not looked for again")
	}
	s.SayNotLeader(3)
	appendTo(t, st, "a-1", 19, raw("a-1", 20, 1, 10))
	if _, err := st.Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one connection is left", func() bool { return s.Connections() == 1 })
}

// 3. Subscriptions end and never begin again, no position means the end, positions are
// exclusive here and inclusive there.
func TestSubscriptionsBeginAgainWhereTheyEnded(t *testing.T) {
	t.Parallel()
	s := standIn(t, esdbtest.Options{})
	st := open(t, eventstoredb.Options{Connection: s.ConnectionString()})
	last := map[string]event.Revision{"a-1": 29}
	for i := range event.Revision(30) {
		appendTo(t, st, "a-1", i-1, raw("a-1", i, 1, 10))
	}
	s.DropSubscriptions(0, 1, 0, 2, 5, 3, 0, 0, 6, 1)
	feed := wholeFeed(t, st) // from no position: the beginning
	holds(t, feed, last, 10)
	if n := s.DropsLeft(); n != 0 {
		t.Fatalf("%d subscriptions were not dropped", n)
	}
	begun := len(s.Subscriptions())
	for i := range feed {
		for after, want := range map[event.Position]int{feed[i].Position: i + 1, feed[i].Position - 1: i} {
			got, err := st.ReadFeed(t.Context(), after, 1, nil)
			if err != nil {
				t.Fatal(err)
			}
			if want == len(feed) {
				if len(got) != 0 {
					t.Fatalf("%d events after the last", len(got))
				}
			} else if len(got) != 1 || got[0].Position != feed[want].Position {
				t.Fatalf("after %d comes %+v, want event %d", after, got, want)
			}
		}
	}
	if slices.Contains(s.Subscriptions()[begun:], 0) {
		t.Fatal("the number before an event's had the feed read from its beginning")
	}
	// A number that is nobody's.
	if got, err := st.ReadFeed(t.Context(), feed[10].Position+7, 1, nil); err != nil || len(got) != 1 || got[0].Position != feed[11].Position {
		t.Fatalf("between two events: %+v, %v", got, err)
	}

	// What follows by itself is awake again after each end.
	other := open(t, eventstoredb.Options{Connection: s.ConnectionString()})
	if _, err := st.Wait(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it follows", func() bool { return s.Active("Read") == 1 })
	for i := range event.Revision(10) {
		calls := s.Calls("Read")
		s.CutConnections()
		eventually(t, "it follows again", func() bool { return s.Calls("Read") > calls && s.Active("Read") == 1 })
		r := appendTo(t, other, "b-1", i-1, raw("b-1", i, 1, 10))
		if h, err := st.Wait(t.Context(), r.Position-1); err != nil || h != r.Position {
			t.Fatalf("waited: %d, %v, want %d", h, err, r.Position)
		}
	}
	last["b-1"] = 9
	holds(t, wholeFeed(t, st), last, 10)
}

// 4. It makes up an id where there is none, another one each time.
func TestIDsAreTheCallers(t *testing.T) {
	t.Parallel()
	s := standIn(t, esdbtest.Options{})
	st := open(t, eventstoredb.Options{Connection: s.ConnectionString(), Prefix: "p_"})
	events := raw("a-1", 0, 3, 10)
	appendTo(t, st, "a-1", event.NoStream, events)
	got, err := bare(t, s).ReadStream(t.Context(), "p_a-1", esdb.ReadStreamOptions{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	for i := range events {
		e, err := got.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if e.Event.EventID != uuid.UUID(events[i].ID) {
			t.Fatalf("event %d has the id %s, want the bytes of %s", i, e.Event.EventID, events[i].ID)
		}
	}
	calls := s.Calls("Append")
	if _, err := st.Append(t.Context(), "a-1", 2, []event.Raw{{Type: "thing.happened"}}); err == nil {
		t.Fatal("an event without id was taken")
	}
	if s.Calls("Append") != calls {
		t.Fatal("an event without id was sent")
	}
	// The same again, at the same revision, is the same.
	if r := appendTo(t, st, "a-1", event.NoStream, events); !r.Again || r.Revision != 2 {
		t.Fatalf("again: %+v", r)
	}
}

// 5. An append beyond the server's limit is answered with the end of the stream only.
func TestSizeIsCheckedBeforeSending(t *testing.T) {
	t.Parallel()
	s := standIn(t, esdbtest.Options{})
	st := open(t, eventstoredb.Options{Connection: s.ConnectionString()})
	sized := func(n int) []event.Raw {
		e := raw("a-1", 0, 1, 0)
		e[0].Data = make([]byte, n-len(e[0].Meta)-2*len(e[0].Type))
		return e
	}
	calls := s.Calls("Append")
	if _, err := st.Append(t.Context(), "a-1", event.NoStream, sized(event.MaxAppendBytes+1)); !errors.Is(err, event.ErrTooLarge) || !strings.Contains(err.Error(), "a-1") {
		t.Fatalf("one byte too many: %v", err)
	}
	if n := s.Calls("Append"); n != calls {
		t.Fatalf("it was sent, %d times", n-calls)
	}
	appendTo(t, st, "a-1", event.NoStream, sized(event.MaxAppendBytes))

	// What the client makes of the server's own refusal, for which the store has a limit of its own.
	big := sized(event.MaxAppendBytes)[0]
	var events []esdb.EventData
	for range 40 {
		events = append(events, esdb.EventData{EventID: uuid.New(), EventType: "t", Data: big.Data[:1<<19]})
	}
	_, err := bare(t, s).AppendToStream(t.Context(), "b-1", esdb.AppendToStreamOptions{}, events...)
	if !errors.Is(err, io.EOF) {
		t.Fatalf("the bare client says: %v", err)
	}

	// A server that was told to take less is not asked for ever.
	small := standIn(t, esdbtest.Options{MaxAppend: 1000})
	narrow := open(t, eventstoredb.Options{Connection: small.ConnectionString()})
	if _, err = narrow.Append(t.Context(), "a-1", event.NoStream, raw("a-1", 0, 50, 10_000)); err == nil {
		t.Fatal("a server that takes 1,000 bytes took more")
	}
	if !strings.Contains(err.Error(), "MaxAppendSize") && !strings.Contains(err.Error(), "Maximum Append Size") {
		t.Fatalf("the error does not say what to do: %v", err)
	}
}

// 6. Its errors are wrapped or not, its settings are ignored in silence, and what was not
// read to the end stays open.
func TestErrorsAreMappedAndNothingStaysOpen(t *testing.T) {
	t.Parallel()
	s := standIn(t, esdbtest.Options{})
	st := open(t, eventstoredb.Options{Connection: s.ConnectionString(), Prefix: "p_"})
	for i := range event.Revision(4) {
		appendTo(t, st, "a-1", 50*i-1, raw("a-1", 50*i, 50, 2000))
	}
	for range 20 {
		if got, err := st.ReadStream(t.Context(), "a-1", 0, 1, nil); err != nil || len(got) != 1 {
			t.Fatal(len(got), err)
		}
		if got, err := st.ReadFeed(t.Context(), 0, 1, nil); err != nil || len(got) != 1 {
			t.Fatal(len(got), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := st.ReadFeed(ctx, 0, 1000, nil); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	eventually(t, "nothing is being read", func() bool { return s.Active("Read") == 0 })

	for _, c := range []codes.Code{codes.Unauthenticated, codes.PermissionDenied} {
		s.Refuse("Read", math.MaxInt, c)
		if _, err := st.ReadStream(t.Context(), "a-1", 0, 1, nil); !errors.Is(err, eventstoredb.ErrDenied) {
			t.Errorf("read, %s: %v", c, err)
		}
		s.Refuse("Read", 0, c)
		// The client hears why if it had sent everything before it was refused.
		s.Refuse("Append", math.MaxInt, c)
		_, err := st.Append(t.Context(), "b-1", event.NoStream, raw("b-1", 0, 1, 1))
		if err == nil || !errors.Is(err, eventstoredb.ErrDenied) && !strings.Contains(err.Error(), "may append") {
			t.Errorf("append, %s: %v", c, err)
		}
		s.Refuse("Append", 0, c)
	}
	for _, c := range []codes.Code{codes.Unavailable, codes.Aborted, codes.DeadlineExceeded, codes.Internal} {
		s.Refuse("Append", 2, c)
		r := appendTo(t, st, "c-1", event.NoStream, raw("c-1", 0, 1, 1))
		if s.Refused("Append") != 2 {
			t.Errorf("%s: refused %d times", c, s.Refused("Append"))
		}
		s.Refuse("Read", 2, c)
		if got, err := st.ReadFeed(t.Context(), r.Position-1, 1, nil); err != nil || len(got) != 1 {
			t.Errorf("%s: %d events, %v", c, len(got), err)
		}
	}
	client := bare(t, s)
	if _, err := client.TombstoneStream(t.Context(), "p_c-1", esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.ReadStream(t.Context(), "c-1", 0, 1, nil); !errors.Is(err, eventstoredb.ErrDeleted) {
		t.Errorf("a deleted stream is read: %v", err)
	}
	if _, err := st.Append(t.Context(), "c-1", 0, raw("c-1", 1, 1, 1)); !errors.Is(err, eventstoredb.ErrDeleted) {
		t.Errorf("a deleted stream is appended to: %v", err)
	}

	for connection, says := range map[string]string{
		"esdb://admin:secret@127.0.0.1:1?tls=false":            "tls=false",
		"esdb://127.0.0.1:1?tls=false&defaultDeadline=10s":     "milliseconds",
		"esdb://127.0.0.1:1?tls=false&nodePreference=follower": "leader",
		"https://admin:secret@127.0.0.1:1":                     "esdb://",
	} {
		_, err := eventstoredb.Open(t.Context(), eventstoredb.Options{Connection: connection})
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want an error that says %q and no secret", connection, err, says)
		}
	}
	old := standIn(t, esdbtest.Options{Version: "22.10.1"})
	if _, err := eventstoredb.Open(t.Context(), eventstoredb.Options{Connection: old.ConnectionString()}); !errors.Is(err, eventstoredb.ErrUnsupported) || !strings.Contains(err.Error(), "23.10") {
		t.Errorf("an old server: %v", err)
	}
}

// 7. The feed is all streams, of which the server's own and those of others are left out.
func TestFeedLeavesOutWhatIsNotLonjas(t *testing.T) {
	t.Parallel()
	s := standIn(t, esdbtest.Options{})
	st := open(t, eventstoredb.Options{Connection: s.ConnectionString(), Prefix: "p_"})
	client := bare(t, s)
	write := func(stream, kind string) {
		t.Helper()
		if _, err := client.AppendToStream(t.Context(), stream, esdb.AppendToStreamOptions{}, esdb.EventData{EventID: uuid.New(), EventType: kind}); err != nil {
			t.Fatal(err)
		}
	}
	if h, err := st.Head(t.Context()); err != nil || h != 0 {
		t.Fatalf("head of a log without Lonja's events: %d, %v", h, err)
	}
	var last event.Receipt
	for i := range event.Revision(5) {
		write("$ce-quote", "$>")
		write("others-1", "thing.happened")
		write("pother-1", "thing.happened")
		last = appendTo(t, st, "a-1", i-1, raw("a-1", i, 1, 10))
		write("p_linked-1", "$>")
		write("$$p_a-1", "$metadata")
	}
	for range 100 {
		write("$stats-127.0.0.1", "$statsCollected")
	}
	holds(t, wholeFeed(t, st), map[string]event.Revision{"a-1": 4}, 10)
	if h, err := st.Head(t.Context()); err != nil || h != last.Position {
		t.Fatalf("head is %d, %v, want %d", h, err, last.Position)
	}
	fresh := open(t, eventstoredb.Options{Connection: s.ConnectionString(), Prefix: "p_"})
	if h, err := fresh.Head(t.Context()); err != nil || h != last.Position {
		t.Fatalf("head of a store that has just been opened is %d, %v, want %d", h, err, last.Position)
	}
	got, err := st.ReadFeed(t.Context(), last.Position, 10, nil)
	if err != nil || len(got) != 0 {
		t.Fatalf("%d events after the last, %v", len(got), err)
	}
	if _, err := st.Append(t.Context(), "a-1", 4, []event.Raw{{ID: id.Derive("x"), Type: "$mine"}}); err == nil {
		t.Fatal("a type of the server's own was appended")
	}
	if last.Position > math.MaxInt64 {
		t.Fatal("a position does not fit where checkpoints are kept")
	}
}
