package messaging

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"lonja/commands/reactions"
	"lonja/domain/event"
	"lonja/projections"
)

// Config is what a router stands on.
type Config struct {
	Store    event.Store
	Codec    *event.Codec
	Progress Progress
	Log      *slog.Logger
	Observer Observer // nil: none
	Times    Times    // what is zero is of DefaultTimes
}

// Times is how long things may take.
type Times struct {
	Reaction  time.Duration // one attempt of a reaction
	FirstWait time.Duration // after a first failure that may pass; then longer and longer
	LastWait  time.Duration // at most, between two attempts
	Again     time.Duration // before a message that the router could not answer for comes again
	Grace     time.Duration // what a reaction that is under way at the stop is given to finish, less than half of Close
	Close     time.Duration // after which a stop waits no longer
}

// DefaultTimes are right for a server.
func DefaultTimes() Times {
	return Times{
		Reaction: 30 * time.Second, FirstWait: 100 * time.Millisecond, LastWait: 15 * time.Second, Again: time.Second,
		Grace: 4 * time.Second, Close: 10 * time.Second,
	}
}

// withDefaults fills in what is zero.
func (t Times) withDefaults() Times {
	d := DefaultTimes()
	for _, p := range []struct{ have, usual *time.Duration }{
		{&t.Reaction, &d.Reaction},
		{&t.FirstWait, &d.FirstWait},
		{&t.LastWait, &d.LastWait},
		{&t.Again, &d.Again},
		{&t.Grace, &d.Grace},
		{&t.Close, &d.Close},
	} {
		if *p.have == 0 {
			*p.have = *p.usual
		}
	}
	return t
}

// Follower is a set of projections.
type Follower interface {
	// CatchUp returns when those that can be followed have reached the head.
	CatchUp(ctx context.Context) error
	// Renew rebuilds those that can't, beside their live tables, and returns when they
	// are live; at once where there are none.
	Renew(ctx context.Context) error
}

// Router runs the handlers.
type Router struct {
	cfg      Config
	router   *message.Router
	ordered  *Ordered
	topics   map[string][]string
	handlers []*handler
	reacting []*reaction
}

// New returns a router without handlers.
func New(cfg Config) (*Router, error) {
	cfg.Times = cfg.Times.withDefaults()
	// What Watermill tells of its own doings is for whoever looks for a fault in it.
	logger := watermill.NewSlogLoggerWithLevelMapping(cfg.Log.With("part", "messaging"), map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug})
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: cfg.Times.Close}, logger)
	if err != nil {
		return nil, fmt.Errorf("messaging: %w", err)
	}
	r := &Router{cfg: cfg, router: router, topics: map[string][]string{}}
	r.ordered = NewOrdered(OrderedConfig{
		Store: cfg.Store, Progress: cfg.Progress, Log: cfg.Log, Topics: r.topics, Again: cfg.Times.Again, Patience: 2 * cfg.Times.Grace,
		Taken: r.taken, Known: cfg.Codec.Known,
	})
	return r, nil
}

// AddProjections adds handlers that are woken whenever the log has grown: one lets the
// follower catch up, and another, which does not hold it up, lets it rebuild what can't.
func (r *Router) AddProjections(name string, f Follower) {
	r.addWoken(name, f.CatchUp)
	r.addWoken(name+"-rebuild", f.Renew)
}

func (r *Router) addWoken(name string, work func(context.Context) error) {
	h := &handler{name: name, r: r}
	r.handlers = append(r.handlers, h)
	w := &waker{store: r.cfg.Store, again: r.cfg.Times.Again}
	r.router.AddConsumerHandler(name, name, w, func(m *message.Message) error {
		if h.isStopped() {
			return nil
		}
		err := work(m.Context())
		var stop *projections.StopError
		if errors.As(err, &stop) {
			h.stop(m.Context(), err)
			return nil
		}
		if p, bad := strconv.ParseUint(m.Metadata.Get(metaPosition), 10, 64); err == nil && bad == nil {
			h.reached(event.Position(p))
		}
		return err
	}).AddMiddleware(h.metrics, h.retry, middleware.Recoverer)
}

// AddReaction adds a handler that gets every event of the reaction's types, in order,
// from where it was before.
func (r *Router) AddReaction(re reactions.Reaction) {
	x := &reaction{handler: handler{name: re.Name, r: r, parks: true}, of: re}
	r.handlers = append(r.handlers, &x.handler)
	r.reacting = append(r.reacting, x)
	r.topics[re.Name] = re.Types
	r.router.AddConsumerHandler(re.Name, re.Name, r.ordered, x.handle).
		AddMiddleware(x.metrics, correlate, x.parking, x.retry, middleware.Timeout(r.cfg.Times.Reaction), middleware.Recoverer)
}

// Run runs the handlers until ctx ends, and returns when all have, or after Times.Close
// with an error where one does not.
func (r *Router) Run(ctx context.Context) error {
	for _, x := range r.reacting {
		if err := x.load(ctx); err != nil {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the end of ctx is how it is meant to end
			}
			return err
		}
	}
	ended, closed := make(chan struct{}), make(chan error, 1)
	go func() {
		select {
		case <-r.router.Running(): // before, there is nothing that Close could wait for
		case <-ended:
			closed <- nil
			return
		}
		select {
		case <-ctx.Done():
		case <-ended:
		}
		closed <- r.router.Close()
	}()
	err := r.router.Run(context.WithoutCancel(ctx))
	close(ended)
	if err := errors.Join(err, <-closed); err != nil {
		return fmt.Errorf("messaging: %w", err)
	}
	return nil
}

// Running is closed once all handlers run.
func (r *Router) Running() <-chan struct{} { return r.router.Running() }

// Stopped returns the names of the handlers that can't go on: Status says why.
func (r *Router) Stopped() []string {
	var out []string
	for _, h := range r.handlers {
		if h.isStopped() {
			out = append(out, h.name)
		}
	}
	return out
}

// Status is how a handler stands.
type Status struct {
	Name     string
	Types    []string       // the event types that a reaction answers; nil for what is woken
	Position event.Position // everything up to here is answered, parked or of no interest
	Head     event.Position
	Lag      event.Position // positions behind the head
	Handled  uint64         // messages since the start, parked ones too
	Failed   uint64         // attempts that failed since the start
	Parked   int            // events that wait, skipped ones aside
	Trouble  string         // the error of an attempt that is being retried; "" when all is well
	Stopped  string         // why the handler can't go on; "" when it can
}

// Status returns how the handlers stand, in the order in which they were added.
func (r *Router) Status(ctx context.Context) ([]Status, error) {
	head, err := r.cfg.Store.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("messaging: status: %w", err)
	}
	byName := map[string]*reaction{}
	for _, x := range r.reacting {
		if err := x.load(ctx); err != nil {
			return nil, err
		}
		byName[x.name] = x
	}
	out := make([]Status, len(r.handlers))
	for i, h := range r.handlers {
		s := h.status()
		if x := byName[h.name]; x != nil {
			s.Types = x.of.Types
			if s.Parked, err = x.waitingNow(ctx); err != nil {
				return nil, fmt.Errorf("messaging: status: %w", err)
			}
			if s.Position = r.ordered.Position(h.name); s.Position == 0 { // not begun
				if s.Position, err = r.cfg.Progress.Checkpoint(ctx, h.name); err != nil {
					return nil, fmt.Errorf("messaging: status: %w", err)
				}
			}
		}
		s.Head = head
		s.Lag = head - min(head, s.Position)
		out[i] = s
	}
	return out, nil
}
