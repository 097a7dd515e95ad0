package eventstoredb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oklog/ulid/v2"

	"lonja/adapters/adaptertest"
	"lonja/adapters/eventstoredb"
	"lonja/adapters/eventstoredb/esdbtest"
	"lonja/domain/event"
)

// realServer is the connection string of a server to run the suites on in place of the
// stand-in. Each store that a test opens has its streams under a prefix of its own there.
const realServer = "LONJA_TEST_EVENTSTOREDB"

var opened atomic.Uint64

// prefix is nobody else's.
func prefix() string {
	return fmt.Sprintf("test-%s-%d_", strings.ToLower(ulid.Make().String()), opened.Add(1))
}

func standIn(t *testing.T, opts esdbtest.Options) *esdbtest.Server {
	t.Helper()
	s, err := esdbtest.Start(t.Context(), t.TempDir(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func open(t *testing.T, opts eventstoredb.Options) *eventstoredb.Store {
	t.Helper()
	st, err := eventstoredb.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// pool has servers by test. A few of the stores that a test opens share one, so that
// they meet each other's events; not all, since each reads over the others' events.
type pool struct {
	mu      sync.Mutex
	servers map[string]*esdbtest.Server
	opened  map[string]int
}

func (p *pool) server(t *testing.T) *esdbtest.Server {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.opened[t.Name()]
	p.opened[t.Name()]++
	if n%4 == 0 {
		p.servers[t.Name()] = standIn(t, esdbtest.Options{})
	}
	return p.servers[t.Name()]
}

func TestEventStore(t *testing.T) {
	t.Parallel()
	servers := pool{servers: map[string]*esdbtest.Server{}, opened: map[string]int{}}
	adaptertest.EventStore(t, func(t *testing.T) adaptertest.Opened {
		opts := eventstoredb.Options{Connection: os.Getenv(realServer), Prefix: prefix()}
		if opts.Connection == "" {
			opts.Connection = servers.server(t).ConnectionString()
		}
		reopen := func() (event.Store, error) { return eventstoredb.Open(context.WithoutCancel(t.Context()), opts) }
		store, err := reopen()
		if err != nil {
			t.Fatal(err)
		}
		return adaptertest.Opened{Store: store, Reopen: reopen, TextNames: true}
	})
}

// Two nodes on one server see each other's events at once, and one of them wins each revision.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	connection := os.Getenv(realServer)
	if connection == "" {
		connection = standIn(t, esdbtest.Options{}).ConnectionString()
	}
	opts := eventstoredb.Options{Connection: connection, Prefix: prefix()}
	nodes := []*eventstoredb.Store{open(t, opts), open(t, opts)}
	expected, position := event.NoStream, event.Position(0)
	for i := range 20 {
		events := raw("a-1", expected+1, 1+i%3, 10)
		other := raw("b-1", expected+1, 1, 10)
		won := make(chan event.Receipt, 2)
		var group sync.WaitGroup
		for n, mine := range [][]event.Raw{events, other} {
			group.Go(func() {
				r, err := nodes[n].Append(t.Context(), "a-1", expected, mine)
				var c *event.ConflictError
				switch {
				case err == nil:
					won <- r
				case !errors.As(err, &c) || c.Actual <= expected:
					t.Errorf("node %d: %v", n, err)
				}
			})
		}
		group.Wait()
		if len(won) != 1 {
			t.Fatalf("%d nodes won revision %d", len(won), expected+1)
		}
		r := <-won
		if r.Position <= position || r.Again {
			t.Fatalf("receipt %+v after position %d", r, position)
		}
		for n, node := range nodes {
			if h, err := node.Head(t.Context()); err != nil || h != r.Position {
				t.Fatalf("node %d: head is %d, %v, want %d", n, h, err, r.Position)
			}
			got, err := node.ReadStream(t.Context(), "a-1", r.Revision, 10, nil)
			if err != nil || len(got) != 1 || got[0].Position != r.Position {
				t.Fatalf("node %d: %+v, %v, want what is at %d", n, got, err, r.Position)
			}
			// A command that is tried again at another node is recognised there.
			again, err := node.Append(t.Context(), "a-1", r.Revision-1, []event.Raw{got[0].Raw})
			want := r
			want.Again = true
			if err != nil || again != want {
				t.Fatalf("node %d: again: %+v, %v, want %+v", n, again, err, want)
			}
		}
		expected, position = r.Revision, r.Position
	}
}
