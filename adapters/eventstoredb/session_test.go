package eventstoredb

import (
	"context"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"lonja/adapters/eventstoredb/esdbtest"
)

// A call that begins while another one fails would have the client make a second
// connection and lose the first, which nobody can close any more. It happens rarely by
// itself; here the second call begins exactly then.
func TestClientDoesNotLoseItsConnection(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s, err := esdbtest.Start(t.Context(), t.TempDir(), esdbtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	st, err := Open(t.Context(), Options{Connection: s.ConnectionString()})
	if err != nil {
		t.Fatal(err)
	}
	send := func(c *call, stream string) {
		defer c.end()
		_, _ = c.session.client.AppendToStream(c.context(t.Context()), stream, esdb.AppendToStreamOptions{}, esdb.EventData{EventID: uuid.New(), EventType: "t"}) // may fail
	}
	until := func(what string, is func() bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for !is() {
			select {
			case <-tick.C:
			case <-ctx.Done():
				t.Fatalf("never: %s", what)
			}
		}
	}

	first, err := st.acquire(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	release := s.Delay("Append")
	failed := make(chan struct{})
	go func() {
		defer close(failed)
		send(first, "first")
	}()
	until("the first call is with the server", func() bool { return s.Active("Append") == 1 })
	second, err := st.acquire(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	s.CutConnections()
	until("the first call has failed, as far as it may", func() bool {
		select {
		case <-failed:
			return true
		default:
		}
		second.session.mu.Lock()
		defer second.session.mu.Unlock()
		return second.session.broken
	})
	release()
	send(second, "second")
	<-failed

	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	until("no connection is left", func() bool { return s.Connections() == 0 })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 10 { // connections are closed by goroutines that end a little later
		if err = goleak.Find(before); err == nil {
			return
		}
	}
	t.Error(err)
}
