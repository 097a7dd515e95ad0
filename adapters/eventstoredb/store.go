// Package eventstoredb keeps events in EventStoreDB: the event store for several nodes.
// It implements event.Store.
//
// A Position is the commit position of the event in the server's log, an offset in bytes:
// it grows strictly and leaves most numbers out. A stream has the name of Lonja's stream
// with a prefix before it, so that one server can serve several systems and the feed can
// be asked of the server by that prefix, without what the server writes for itself.
//
// The official client has habits that a long-lived server can't have. The files say
// which where they deal with them: session.go with connections, append.go with what is
// not known after a failure, read.go with subscriptions, config.go with settings that it
// ignores. docs/decisions/0025 has the reasons.
package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"lonja/domain/event"
)

// The oldest server that tells subscribers when they have seen everything.
const minMajor, minMinor = 23, 10

var (
	// ErrUnsupported says that the server is too old.
	ErrUnsupported = errors.New("the server is not supported")
	// ErrDenied says that the server does not know the user, or does not let them do this.
	ErrDenied = errors.New("access denied")
	// ErrDeleted says that somebody deleted the stream on the server; Lonja never does.
	ErrDeleted = errors.New("stream was deleted")
)

// DefaultPrefix begins the names of streams where Options name no other.
const DefaultPrefix = "lonja_"

// Options of a store.
type Options struct {
	// Connection is a connection string as EventStoreDB's documents describe it.
	Connection string
	// Prefix begins the name of every stream on the server. "" means DefaultPrefix.
	// It must stay the same for as long as the events live.
	Prefix string
	// Logger hears of lost connections and of what no caller can be told. nil means none.
	Logger *slog.Logger
}

// Store is an event store on a server. Safe for concurrent use.
type Store struct {
	config esdb.Configuration
	where  string
	prefix string
	logger *slog.Logger

	ctx      context.Context // ends when Close begins
	cancel   context.CancelFunc
	workers  sync.WaitGroup // connecting and following
	sessions sync.WaitGroup // clients that are not closed yet

	head      head
	abandoned abandoned

	mu         sync.Mutex // guards what follows
	session    *session   // nil, or the one to use unless it is broken
	connecting bool
	changed    chan struct{} // closed and replaced when connecting ends
	lastErr    error         // of connecting
	unfit      error         // why no connection will ever do
	closed     bool
	following  bool
}

var _ event.Store = (*Store)(nil)

// Open connects to the server. It tries until ctx ends, so that a node may be started
// before the server is there.
func Open(ctx context.Context, opts Options) (*Store, error) {
	config, err := configuration(opts.Connection)
	if err != nil {
		return nil, err
	}
	st := &Store{config: *config, where: where(config), prefix: opts.Prefix, logger: opts.Logger, changed: make(chan struct{})}
	if st.prefix == "" {
		st.prefix = DefaultPrefix
	}
	if strings.HasPrefix(st.prefix, "$") || !utf8.ValidString(st.prefix) {
		return nil, fmt.Errorf("event store: prefix %q: names that begin with $ are the server's own, choose another", st.prefix)
	}
	if st.logger == nil {
		st.logger = slog.New(slog.DiscardHandler)
	}
	st.ctx, st.cancel = context.WithCancel(context.WithoutCancel(ctx))
	st.abandoned.streams = map[string][]chan struct{}{}
	// Where the log ends tells later what was there before.
	if _, err := st.Head(ctx); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return st, nil
}

// Close ends the store. Calls under way fail with ErrClosed, unless they are about to
// succeed.
func (st *Store) Close() error {
	st.mu.Lock()
	first := !st.closed
	st.closed = true
	s := st.session
	st.session = nil
	st.mu.Unlock()
	if first {
		st.cancel()
		if s != nil {
			s.fail()
		}
	}
	st.workers.Wait()
	st.sessions.Wait()
	return nil
}

// usable answers the end of ctx and of the store.
func (st *Store) usable(ctx context.Context, doing string) error {
	if err := ctx.Err(); err != nil {
		st.mu.Lock()
		defer st.mu.Unlock()
		if st.session == nil && st.lastErr != nil {
			return fmt.Errorf("event store %s: %s: %w; there is no connection: %w", st.where, doing, err, st.lastErr)
		}
		return fmt.Errorf("event store %s: %s: %w", st.where, doing, err)
	}
	if st.ctx.Err() != nil {
		return event.ErrClosed
	}
	return nil
}

// head is the greatest position of an event that this store has seen by any way, and
// wakes those who wait for it.
type head struct {
	mu       sync.Mutex
	position event.Position
	checked  event.Position // there is none between position and here, should it be further on
	news     chan struct{}  // closed at the next change; nil while nobody waits
}

func (h *head) at() event.Position {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.position
}

// advance moves the head forward, never back.
func (h *head) advance(to event.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if to <= h.position {
		return
	}
	h.position = to
	if h.news != nil {
		close(h.news)
		h.news = nil
	}
}

// search notes that the server has shown all of Lonja's events up to a position.
func (h *head) search(to event.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checked = max(h.checked, to)
}

// searched is how far all events are known.
func (h *head) searched() event.Position {
	h.mu.Lock()
	defer h.mu.Unlock()
	return max(h.position, h.checked)
}

// changed returns the position, and a channel that is closed at the next change.
func (h *head) changed() (event.Position, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.news == nil {
		h.news = make(chan struct{})
	}
	return h.position, h.news
}

// Wait implements event.Store. The first who waits begins a subscription that stays.
func (st *Store) Wait(ctx context.Context, after event.Position) (event.Position, error) {
	st.mu.Lock()
	if !st.following && !st.closed {
		st.following = true
		st.workers.Go(st.follow)
	}
	st.mu.Unlock()
	for {
		position, news := st.head.changed()
		if err := st.usable(ctx, "wait"); err != nil {
			return 0, err
		}
		if position > after {
			return position, nil
		}
		select {
		case <-news:
		case <-ctx.Done():
		case <-st.ctx.Done():
		}
	}
}
