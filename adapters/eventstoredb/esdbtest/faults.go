package esdbtest

import (
	"context"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// faults is what a test has asked to go wrong. Every fault is had a counted number of
// times or until it is taken back, so that a test knows what happened.
type faults struct {
	mu       sync.Mutex
	refusals map[string]*refusal
	gates    map[string]chan struct{}
	calls    map[string]int // that came, by method
	active   map[string]int // that are under way
	from     []uint64       // where subscriptions to all began
	follower int            // calls that another node leads
	lost     int            // acknowledgements to lose
	drops    []int
	mischief bool
	slow     bool // slow subscribers are dropped
	dropped  int
	budget   func() int // bytes until the next cut, 0 for no more cuts
	left     int        // of the budget
	cuts     int
}

type refusal struct {
	times int
	code  codes.Code
	hits  int
}

func (f *faults) init() {
	f.refusals, f.gates = map[string]*refusal{}, map[string]chan struct{}{}
	f.calls, f.active = map[string]int{}, map[string]int{}
}

// Calls is the number of calls of a method that came.
func (s *Server) Calls(method string) int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return s.faults.calls[method]
}

// Active is the number of calls of a method that are under way.
func (s *Server) Active(method string) int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return s.faults.active[method]
}

// Subscriptions is where each subscription to all streams began, so far.
func (s *Server) Subscriptions() []uint64 {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return slices.Clone(s.faults.from)
}

func (f *faults) subscribed(from uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.from = append(f.from, from)
}

// SayNotLeader answers the next calls with where the leader is: here.
func (s *Server) SayNotLeader(times int) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.follower = times
}

// CutAfter cuts the connection that carries the nth byte from now, in whichever
// direction and in the middle of whatever it is, then asks for the next n. 0 ends it.
func (s *Server) CutAfter(next func() int) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.budget, s.faults.left, s.faults.cuts = next, next(), 0
}

// Cuts is the number of connections that were cut since CutAfter.
func (s *Server) Cuts() int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return s.faults.cuts
}

// spend takes bytes from the budget, and returns how many may pass and whether the
// connection is cut after them.
func (f *faults) spend(n int) (int, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.budget == nil {
		return n, false
	}
	if n < f.left {
		f.left -= n
		return n, false
	}
	n = f.left
	f.cuts++
	if f.left = f.budget(); f.left == 0 {
		f.budget = nil
	}
	return n, true
}

func (f *faults) enter(method string) (leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[method]++
	f.active[method]++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.active[method]--
	}
}

// redirects says whether a call is to be told that another node leads.
func (f *faults) redirects() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.follower == 0 {
		return false
	}
	f.follower--
	return true
}

// Refuse answers the next calls of a method ("Append", "Read", …) with the code.
func (s *Server) Refuse(method string, times int, code codes.Code) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.refusals[method] = &refusal{times: times, code: code}
}

// Refused is the number of calls of a method that were refused since Refuse.
func (s *Server) Refused(method string) int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	if r := s.faults.refusals[method]; r != nil {
		return r.hits
	}
	return 0
}

// Delay holds up the calls of a method until the returned function is called.
func (s *Server) Delay(method string) (release func()) {
	gate := make(chan struct{})
	s.faults.mu.Lock()
	s.faults.gates[method] = gate
	s.faults.mu.Unlock()
	return sync.OnceFunc(func() {
		s.faults.mu.Lock()
		delete(s.faults.gates, method)
		s.faults.mu.Unlock()
		close(gate)
	})
}

// LoseAcknowledgements makes the next appends succeed and their connections be cut before the answer.
func (s *Server) LoseAcknowledgements(times int) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.lost = times
}

// LostAcknowledgements is how many are still to lose.
func (s *Server) LostAcknowledgements() int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return s.faults.lost
}

// DropSubscriptions ends the next subscriptions with an error, each after it has sent
// the number of events that stands for it.
func (s *Server) DropSubscriptions(after ...int) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.drops = after
}

// DropsLeft is the number of subscriptions that are still to be dropped.
func (s *Server) DropsLeft() int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return len(s.faults.drops)
}

// Mischief makes subscriptions repeat events and send checkpoints twice, out of order
// and from long ago. What was not sent before is still sent in order.
func (s *Server) Mischief(on bool) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.mischief = on
}

// DropSlow makes the server drop a subscriber that is too far behind, as older ones do,
// instead of telling it that it fell behind.
func (s *Server) DropSlow(on bool) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.slow, s.faults.dropped = on, 0
}

// DroppedSlow is the number of subscribers that were dropped since DropSlow.
func (s *Server) DroppedSlow() int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return s.faults.dropped
}

func (f *faults) dropsSlow() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.slow {
		f.dropped++
	}
	return f.slow
}

// Stall keeps everything that the server sends over the connections that are open now
// from leaving, until the returned function is called: the network of a consumer that is
// too slow.
func (s *Server) Stall() (release func()) {
	s.mu.Lock()
	l := s.listener
	s.mu.Unlock()
	if l == nil {
		return func() {}
	}
	gate := make(chan struct{})
	for _, c := range l.all() {
		c.gate.Store(&gate)
	}
	return sync.OnceFunc(func() { close(gate) })
}

func (f *faults) admit(ctx context.Context, method string) error {
	f.mu.Lock()
	gate := f.gates[method]
	f.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.refusals[method]; r != nil && r.times > 0 {
		r.times--
		r.hits++
		return status.Error(r.code, "refused by the test")
	}
	return nil
}

func (f *faults) loses() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lost == 0 {
		return false
	}
	f.lost--
	return true
}

// drop returns after how many events a subscription is to be dropped, -1 for never.
func (f *faults) drop() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.drops) == 0 {
		return -1
	}
	n := f.drops[0]
	f.drops = f.drops[1:]
	return n
}

func (f *faults) mischievous() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mischief
}

// listener knows its connections, so that they can be counted and cut.
type listener struct {
	net.Listener
	faults *faults
	mu     sync.Mutex
	open   map[*conn]struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, listener: l, gone: make(chan struct{})}
	l.mu.Lock()
	l.open[c] = struct{}{}
	l.mu.Unlock()
	return c, nil
}

func (l *listener) count() int { return len(l.all()) }

func (l *listener) all() []*conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.open))
}

func (l *listener) cut() {
	for _, c := range l.all() {
		c.cut()
	}
}

func (l *listener) cutFrom(addr string) {
	for _, c := range l.all() {
		if c.RemoteAddr().String() == addr {
			c.cut()
		}
	}
}

type conn struct {
	net.Conn
	listener *listener
	once     sync.Once
	gone     chan struct{}
	gate     atomic.Pointer[chan struct{}] // closed when what is written may leave; nil: it may
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if pass, cut := c.listener.faults.spend(n); cut {
		c.cut()
		return pass, net.ErrClosed
	}
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	if gate := c.gate.Load(); gate != nil {
		select {
		case <-*gate:
		case <-c.gone:
		}
	}
	pass, cut := c.listener.faults.spend(len(p))
	n, err := c.Conn.Write(p[:pass])
	if cut {
		c.cut()
		return n, net.ErrClosed
	}
	return n, err
}

func (c *conn) Close() error {
	c.once.Do(func() {
		close(c.gone)
		c.listener.mu.Lock()
		delete(c.listener.open, c)
		c.listener.mu.Unlock()
	})
	return c.Conn.Close()
}

// cut closes the connection as a network does: nobody looks at what closing says.
func (c *conn) cut() { _ = c.Close() }
