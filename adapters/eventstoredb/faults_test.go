package eventstoredb_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"lonja/adapters/eventstoredb"
	"lonja/adapters/eventstoredb/esdbtest"
	"lonja/domain/event"
)

// leakFree starts a stand-in. When the stores that the test opened are closed, it fails
// if a connection or call is left at the server and, when that is closed too, if a
// goroutine is. The tests that use it run alone.
func leakFree(t *testing.T) *esdbtest.Server {
	t.Helper()
	before := goleak.IgnoreCurrent()
	s := standIn(t, esdbtest.Options{})
	t.Cleanup(func() {
		eventually(t, "no connection is left", func() bool { return s.Connections() == 0 })
		eventually(t, "no call is left", func() bool { return s.Active("Read") == 0 && s.Active("Append") == 0 })
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		var err error
		for range 10 { // connections are closed by goroutines that end a little later
			if err = goleak.Find(before); err == nil {
				return
			}
		}
		t.Error(err)
	})
	return s
}

const faultSize = 700 // bytes an event

// writers append to streams of their own until each is told to stop, and return the last
// revision of each.
func writers(t *testing.T, st event.Store, n int, more func() bool) map[string]event.Revision {
	t.Helper()
	last := make([]event.Revision, n)
	var group sync.WaitGroup
	for w := range n {
		group.Go(func() {
			rnd := rand.New(rand.NewPCG(5, uint64(w)))
			stream := fmt.Sprintf("w-%d", w)
			last[w] = event.NoStream
			for more() {
				events := raw(stream, last[w]+1, 1+rnd.IntN(4), faultSize)
				r, err := st.Append(t.Context(), stream, last[w], events)
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
				want := event.Receipt{Stream: stream, Revision: last[w] + event.Revision(len(events)), Position: r.Position}
				if r != want {
					t.Errorf("receipt %+v, want %+v", r, want)
					return
				}
				last[w] = r.Revision
				got, err := st.ReadStream(t.Context(), stream, r.Revision, 10, nil)
				if err != nil || len(got) != 1 || got[0].Position != r.Position {
					t.Errorf("%s@%d: %+v, %v; the receipt says %d", stream, r.Revision, got, err, r.Position)
					return
				}
			}
		})
	}
	group.Wait()
	ends := map[string]event.Revision{}
	for w := range n {
		if last[w] >= 0 {
			ends[fmt.Sprintf("w-%d", w)] = last[w]
		}
	}
	return ends
}

// followed is what a reader sees who reads when it is told of news.
func followed(ctx context.Context, t *testing.T, st event.Store, until func() event.Position) []event.Stored {
	var all []event.Stored
	var after event.Position
	for {
		got, err := st.ReadFeed(ctx, after, 25, nil)
		if err != nil {
			t.Errorf("follow: %v", err)
			return all
		}
		for i := range got {
			if got[i].Position <= after {
				t.Errorf("position %d after %d", got[i].Position, after)
				return all
			}
			after = got[i].Position
		}
		all = append(all, got...)
		if end := until(); end > 0 && after >= end {
			return all
		}
		if len(got) == 0 {
			soon, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			if _, err := st.Wait(soon, after); err != nil && soon.Err() == nil {
				t.Errorf("wait: %v", err)
			}
			cancel()
		}
	}
}

// run writes and follows at the same time while more says so, and compares every event.
func run(t *testing.T, st event.Store, more func() bool) {
	t.Helper()
	var end atomic.Uint64
	var seen [2][]event.Stored
	var group sync.WaitGroup
	for i := range seen {
		group.Go(func() {
			seen[i] = followed(t.Context(), t, st, func() event.Position { return event.Position(end.Load()) })
		})
	}
	last := writers(t, st, 4, more)
	head, err := st.Head(t.Context())
	if err != nil {
		t.Error(err)
		head = 1
	}
	end.Store(uint64(head))
	group.Wait()
	if t.Failed() {
		return
	}
	feed := wholeFeed(t, st)
	holds(t, feed, last, faultSize)
	for i := range seen {
		holds(t, seen[i], last, faultSize)
		for k := range feed {
			if seen[i][k].Position != feed[k].Position {
				t.Fatalf("follower %d saw position %d where the feed has %d", i, seen[i][k].Position, feed[k].Position)
			}
		}
	}
}

func TestConnectionsCutAHundredTimes(t *testing.T) {
	s := leakFree(t)
	st := open(t, eventstoredb.Options{Connection: s.ConnectionString()})
	const cuts = 100
	var n int
	rnd := rand.New(rand.NewPCG(7, 7))
	s.CutAfter(func() int {
		if n++; n > cuts {
			return 0
		}
		return 1 + rnd.IntN(20_000)
	})
	run(t, st, func() bool { return s.Cuts() < cuts })
	if s.Cuts() != cuts {
		t.Fatalf("%d connections were cut", s.Cuts())
	}
}

// What is cut while it is sent looks to the client like what the server does not want.
func TestLargeAppendCutWhileItIsSent(t *testing.T) {
	s := leakFree(t)
	st := open(t, eventstoredb.Options{Connection: s.ConnectionString()})
	budgets := []int{100_000, 300_000, 700_000}
	s.CutAfter(func() int {
		if len(budgets) == 0 {
			return 0
		}
		b := budgets[0]
		budgets = budgets[1:]
		return b
	})
	const n, size = 200, 4_800
	if r := appendTo(t, st, "a-1", event.NoStream, raw("a-1", 0, n, size)); r.Revision != n-1 || r.Again {
		t.Fatalf("receipt %+v", r)
	}
	if s.Cuts() != 3 {
		t.Fatalf("%d connections were cut", s.Cuts())
	}
	holds(t, wholeFeed(t, st), map[string]event.Revision{"a-1": n - 1}, size)
}

func TestServerAwayForAWhile(t *testing.T) {
	s := leakFree(t)
	st := open(t, eventstoredb.Options{Connection: s.ConnectionString()})
	for i := range event.Revision(5) {
		appendTo(t, st, "a-1", i-1, raw("a-1", i, 1, 10))
	}
	s.Leave()
	// Those who can wait do, others get their context's error and leave nothing.
	var group sync.WaitGroup
	for w := range 4 {
		stream := fmt.Sprintf("patient-%d", w)
		group.Go(func() {
			if _, err := st.Append(t.Context(), stream, event.NoStream, raw(stream, 0, 2, 10)); err != nil {
				t.Error(err)
			}
			if got, err := st.ReadStream(t.Context(), "a-1", 0, 10, nil); err != nil || len(got) != 5 {
				t.Errorf("%d events, %v", len(got), err)
			}
		})
	}
	for w := range 4 {
		stream := fmt.Sprintf("hasty-%d", w)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := st.Append(ctx, stream, event.NoStream, raw(stream, 0, 2, 10)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("append: %v, want the context's error", err)
		}
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	last := map[string]event.Revision{"a-1": 4}
	for w := range 4 {
		last[fmt.Sprintf("patient-%d", w)] = 1
	}
	holds(t, wholeFeed(t, st), last, 10)
}

func TestCheckpointsAreRepeatedAndGoBack(t *testing.T) {
	s := leakFree(t)
	st := open(t, eventstoredb.Options{Connection: s.ConnectionString()})
	s.Mischief(true)
	var n atomic.Int64
	run(t, st, func() bool { return n.Add(1) < 300 })

	// Heads only grow, also over what the subscription says again.
	other := open(t, eventstoredb.Options{Connection: s.ConnectionString()})
	var at event.Position
	for i := range event.Revision(50) {
		r := appendTo(t, other, "b-1", i-1, raw("b-1", i, 1, 10))
		h, err := st.Wait(t.Context(), r.Position-1)
		if err != nil || h < r.Position || h < at {
			t.Fatalf("head is %d after %d, %v; the append was at %d", h, at, err, r.Position)
		}
		at = h
	}

	// Nor does the place go back from which is read on, where there is much to skip that
	// is not Lonja's: checkpoints alone tell of that.
	client := bare(t, s)
	for range 50 {
		if _, err := client.AppendToStream(t.Context(), "others-1", esdb.AppendToStreamOptions{}, esdb.EventData{EventID: uuid.New(), EventType: "thing.happened"}); err != nil {
			t.Fatal(err)
		}
	}
	again := func() uint64 {
		before := len(s.Subscriptions())
		s.CutConnections()
		eventually(t, "it subscribes again", func() bool { return len(s.Subscriptions()) > before && s.Active("Read") == 1 })
		return s.Subscriptions()[len(s.Subscriptions())-1]
	}
	eventually(t, "it goes on from the last checkpoint", func() bool { return again() > uint64(at) })
	for place, i := again(), 0; i < 5; i++ {
		if next := again(); next < place {
			t.Fatalf("it subscribes from %d, and did from %d before", next, place)
		}
	}
}

func TestSlowConsumerIsDropped(t *testing.T) {
	s := leakFree(t)
	slow := open(t, eventstoredb.Options{Connection: s.ConnectionString()})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := slow.Wait(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	eventually(t, "it follows", func() bool { return s.Active("Read") == 1 })
	s.DropSlow(true)
	release := s.Stall()
	defer release()
	// Whoever connects after that is not slow.
	quick := open(t, eventstoredb.Options{Connection: s.ConnectionString()})
	var last event.Receipt
	const events, size = 150, 20_000 // more than connections hold
	for i := range event.Revision(events) {
		last = appendTo(t, quick, "a-1", i-1, raw("a-1", i, 1, size))
	}
	release()
	eventually(t, "it is dropped", func() bool { return s.DroppedSlow() > 0 })
	s.DropSlow(false)
	for h := event.Position(0); h < last.Position; {
		var err error
		if h, err = slow.Wait(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
	holds(t, wholeFeed(t, slow), map[string]event.Revision{"a-1": events - 1}, size)
}

func TestAcknowledgementLost(t *testing.T) {
	s := leakFree(t)
	st := open(t, eventstoredb.Options{Connection: s.ConnectionString()})
	for i := range event.Revision(10) {
		lost := 1 + int(i)%3
		s.LoseAcknowledgements(lost)
		n := 1 + int(i)%2
		at := event.Revision(-1)
		if got, err := st.ReadStream(t.Context(), "a-1", 0, 100, nil); err != nil {
			t.Fatal(err)
		} else {
			at += event.Revision(len(got))
		}
		r := appendTo(t, st, "a-1", at, raw("a-1", at+1, n, 10))
		got, err := st.ReadStream(t.Context(), "a-1", r.Revision, 10, nil)
		if err != nil || len(got) != 1 {
			t.Fatalf("%d events from the last on, %v", len(got), err)
		}
		if want := (event.Receipt{Stream: "a-1", Revision: at + event.Revision(n), Position: got[0].Position, Again: r.Again}); r != want {
			t.Fatalf("receipt %+v, want %+v", r, want)
		}
		if left := s.LostAcknowledgements(); left != 0 {
			t.Fatalf("%d of %d acknowledgements were not lost", left, lost)
		}
	}
	feed := wholeFeed(t, st)
	holds(t, feed, map[string]event.Revision{"a-1": event.Revision(len(feed)) - 1}, 10)
	if len(feed) != 15 {
		t.Fatalf("%d events, want 15", len(feed))
	}
}

// An append that nobody waits for any more is still one: whoever comes to its stream
// next sees all of it or none, for good.
func TestAbandonedAppendIsWaitedFor(t *testing.T) {
	s := leakFree(t)
	st := open(t, eventstoredb.Options{Connection: s.ConnectionString()})
	release := s.Delay("Append")
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := st.Append(ctx, "a-1", event.NoStream, raw("a-1", 0, 2, 10))
		failed <- err
	}()
	eventually(t, "the append is with the server", func() bool { return s.Active("Append") == 1 })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Fatalf("append: %v, want the context's error", err)
	}
	if _, err := st.ReadStream(ctx, "a-1", 0, 10, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("read: %v, want the context's error", err)
	}
	read := make(chan int, 1)
	go func() {
		got, err := st.ReadStream(t.Context(), "a-1", 0, 10, nil)
		if err != nil {
			t.Error(err)
		}
		read <- len(got)
	}()
	release()
	if n := <-read; n != 2 {
		t.Fatalf("%d events were there", n)
	}
	if r := appendTo(t, st, "a-1", event.NoStream, raw("a-1", 0, 2, 10)); !r.Again {
		t.Fatalf("again: %+v", r)
	}
}

func TestCloseWhileTheServerIsAway(t *testing.T) {
	s := leakFree(t)
	st := open(t, eventstoredb.Options{Connection: s.ConnectionString()})
	s.Leave()
	var group sync.WaitGroup
	for w := range 4 {
		stream := fmt.Sprintf("a-%d", w)
		group.Go(func() {
			if _, err := st.Append(t.Context(), stream, event.NoStream, raw(stream, 0, 1, 10)); !errors.Is(err, event.ErrClosed) {
				t.Errorf("append: %v, want ErrClosed", err)
			}
		})
		group.Go(func() {
			if _, err := st.ReadFeed(t.Context(), 0, 10, nil); !errors.Is(err, event.ErrClosed) {
				t.Errorf("read: %v, want ErrClosed", err)
			}
		})
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	group.Wait()
}
