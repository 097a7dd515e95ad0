package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A client is good for one connection. When that fails it would look for the servers
// anew by itself, but not after every kind of failure, and it loses the old connection
// when it does; callers hang while it looks, whatever their context says. Hence a client
// is used until its first failure, then by those only who are using it, and closed when
// the last of them is done. Meanwhile one goroutine makes the next one.

// session is a client and who is using it.
type session struct {
	client *esdb.Client
	ctx    context.Context // ends when the session is broken, for those who would stay
	cancel context.CancelFunc
	closed func()

	mu       sync.Mutex
	settled  sync.Cond // no call is starting any more
	starting int       // calls that have not asked the client for its connection yet
	calls    int       // calls under way, those included
	live     bool      // the servers were found
	broken   bool
	closing  sync.Once
}

func newSession(ctx context.Context, closed func()) *session {
	s := &session{closed: closed}
	s.settled.L = &s.mu
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s
}

// begin returns a call, nil when the session is broken.
func (s *session) begin() *call {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return nil
	}
	s.calls++
	s.starting++
	return &call{session: s}
}

// fail ends the use of the session for new calls. It returns when every call that began
// has the connection that it asked for.
func (s *session) fail() {
	s.mu.Lock()
	if !s.broken {
		s.broken = true
		s.cancel()
	}
	for s.starting > 0 {
		s.settled.Wait()
	}
	over := s.calls == 0
	s.mu.Unlock()
	if over {
		s.close()
	}
}

func (s *session) close() {
	s.closing.Do(func() {
		_ = s.client.Close() // says nil, always
		s.closed()
	})
}

// log is the client's logger. The client tells it of an error just before it forgets
// its connection because of it; a call that asked after that would have it make another
// one and lose the first. So the client is made to wait here until nobody will ask.
func (s *session) log(_ esdb.LogLevel, _ string, args ...any) {
	s.mu.Lock()
	live := s.live
	s.mu.Unlock()
	if !live {
		return // what it tells while it looks for the servers is in the error
	}
	for _, arg := range args {
		if err, ok := arg.(error); ok && status.Code(err) == codes.Unavailable {
			s.fail()
		}
	}
}

// call is one use of a session.
type call struct {
	session *session
	started atomic.Bool
}

// context is ctx, and notices when it is first used: the client does that right after it
// got the connection.
func (c *call) context(ctx context.Context) context.Context { return startContext{ctx, c} }

func (c *call) start() {
	if c.started.Swap(true) {
		return
	}
	s := c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.starting--; s.starting == 0 {
		s.settled.Broadcast()
	}
}

// end is called once, when nothing uses the client on behalf of the call any more.
func (c *call) end() {
	c.start()
	s := c.session
	s.mu.Lock()
	s.calls--
	over := s.broken && s.calls == 0
	s.mu.Unlock()
	if over {
		s.close()
	}
}

type startContext struct {
	context.Context
	call *call
}

func (c startContext) Deadline() (time.Time, bool) { c.call.start(); return c.Context.Deadline() }
func (c startContext) Done() <-chan struct{}       { c.call.start(); return c.Context.Done() }
func (c startContext) Value(key any) any           { c.call.start(); return c.Context.Value(key) }

// acquire begins a call as soon as there is a connection, or returns ctx's error.
func (st *Store) acquire(ctx context.Context, doing string) (*call, error) {
	for {
		if err := st.usable(ctx, doing); err != nil {
			return nil, err
		}
		st.mu.Lock()
		if st.session != nil {
			if c := st.session.begin(); c != nil {
				st.mu.Unlock()
				return c, nil
			}
			st.session = nil
		}
		if st.unfit != nil {
			defer st.mu.Unlock()
			return nil, st.unfit
		}
		changed := st.changed
		if !st.connecting && !st.closed {
			st.connecting = true
			st.workers.Go(st.connect)
		}
		st.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		case <-st.ctx.Done():
		}
	}
}

// connect makes a session. It does not give up before the store is closed: that is what
// contexts are for.
func (st *Store) connect() {
	var wait backoff
	for {
		s, err := st.dial()
		st.mu.Lock()
		st.lastErr = err
		if err == nil || errors.Is(err, ErrUnsupported) || st.closed {
			if err == nil && !st.closed {
				st.session = s
			} else if err == nil {
				defer s.fail()
			} else if errors.Is(err, ErrUnsupported) {
				st.unfit = err
			}
			st.connecting = false
			close(st.changed)
			st.changed = make(chan struct{})
			st.mu.Unlock()
			return
		}
		st.mu.Unlock()
		if wait.tries == 0 {
			st.logger.Warn("event store: no connection; trying on", "servers", st.where, "error", err)
		}
		wait.pause(st.ctx)
	}
}

// dial makes a client and has it look for the servers once.
func (st *Store) dial() (*session, error) {
	st.sessions.Add(1)
	s := newSession(st.ctx, st.sessions.Done)
	config := st.config
	config.Logger = s.log
	client, err := esdb.NewClient(&config)
	if err != nil {
		s.cancel()
		st.sessions.Done()
		return nil, fmt.Errorf("event store %s: %w", st.where, err)
	}
	s.client = client
	version, err := client.GetServerVersion()
	if err != nil {
		s.cancel()
		s.close()
		return nil, fmt.Errorf("event store %s: connect: %w", st.where, err)
	}
	if version.Major < minMajor || version.Major == minMajor && version.Minor < minMinor {
		s.cancel()
		s.close()
		return nil, fmt.Errorf("event store %s: %w: it is %d.%d, use %d.%d or newer", st.where, ErrUnsupported, version.Major, version.Minor, minMajor, minMinor)
	}
	s.mu.Lock()
	s.live = true
	s.mu.Unlock()
	return s, nil
}

// backoff is how long to wait before trying again: twice as long each time, up to a
// second, and less by chance so that many do not come at once.
type backoff struct{ tries int }

const (
	shortestPause = 10 * time.Millisecond
	longestPause  = time.Second
)

// pause waits, or returns when ctx ends.
func (b *backoff) pause(ctx context.Context) {
	d := min(shortestPause<<min(b.tries, 20), longestPause)
	b.tries++
	t := time.NewTimer(d/2 + rand.N(d/2)) //nolint:gosec // spreads load, keeps no secret
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
