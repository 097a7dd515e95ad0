package eventstoredb_test

import (
	"context"
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
