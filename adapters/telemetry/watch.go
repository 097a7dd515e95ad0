package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lonja/domain/event"
	"lonja/readmodels"
)

// WatchConfig is what a Watch looks at. All fields but Times are required.
type WatchConfig struct {
	Projections []string // that have to follow the log
	Events      event.Store
	Rows        readmodels.Store
	// Rebuilt returns a number that grows while this process rebuilds a projection.
	Rebuilt func() uint64
	// Stopped returns the handlers of projections that can't go on in this process.
	Stopped func() []string
	Now     func() time.Time
	Logger  *slog.Logger
	Times   WatchTimes // what is zero is of DefaultWatchTimes
}

// WatchTimes is how a Watch looks.
type WatchTimes struct {
	Every    time.Duration // between two looks
	Look     time.Duration // what a look at the stores may take
	Patience time.Duration // after which a projection with unread events that does not move is stuck
	Rebuild  time.Duration // the same, while it is rebuilt: an index of many rows is one step
}

// DefaultWatchTimes are right for a server.
func DefaultWatchTimes() WatchTimes {
	return WatchTimes{Every: time.Second, Look: 5 * time.Second, Patience: time.Minute, Rebuild: 10 * time.Minute}
}

// Watch looks at projections from outside, by what they have written down: one that hangs
// says nothing, and one that fails says it to the log alone. Safe for concurrent use.
type Watch struct {
	cfg WatchConfig

	looking sync.Mutex // one look at a time

	draining atomic.Bool

	mu       sync.Mutex
	looked   time.Time // when the last look ended; zero: none has
	trouble  []string  // what the last look found
	standing map[string]*standing
	said     bool // whether the log's last word was that the process is not ready
}

// standing is how a projection stands.
type standing struct {
	moved moved
	since time.Time // when it was first seen so, with unread events; zero while it has read all
	lag   Lag
}

// moved is what changes when a projection gets on.
type moved struct {
	live        event.Position // checkpoint of the live generation
	written     event.Position // checkpoints of all generations
	generations int
	newest      int64
	rebuilt     uint64
}

// Lag is how far a projection is behind the log.
type Lag struct {
	Projection string
	Events     uint64        // that it has not read: exact up to a thousand, and estimated beyond
	Age        time.Duration // of the oldest of them
	Stuck      bool
}

// NewWatch returns a watch that has not looked yet.
func NewWatch(cfg WatchConfig) *Watch {
	d := DefaultWatchTimes()
	for _, p := range []struct{ have, usual *time.Duration }{
		{&cfg.Times.Every, &d.Every},
		{&cfg.Times.Look, &d.Look},
		{&cfg.Times.Patience, &d.Patience},
		{&cfg.Times.Rebuild, &d.Rebuild},
	} {
		if *p.have == 0 {
			*p.have = *p.usual
		}
	}
	return &Watch{cfg: cfg, standing: map[string]*standing{}}
}

// Run looks again and again until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	t := time.NewTicker(w.cfg.Times.Every)
	defer t.Stop()
	for {
		w.Look(ctx)
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// Look looks once.
func (w *Watch) Look(ctx context.Context) {
	w.looking.Lock()
	defer w.looking.Unlock()
	bounded, cancel := context.WithTimeout(ctx, w.cfg.Times.Look)
	defer cancel()
	trouble := w.look(bounded)
	if ctx.Err() != nil {
		return // it was cut off, and has seen nothing
	}
	for _, h := range w.cfg.Stopped() {
		trouble = append(trouble, fmt.Sprintf("%s can't go on: the log holds what this program does not know. The process's log names it; start the program's version that wrote it.", h))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looked, w.trouble = w.cfg.Now(), trouble
	switch {
	case len(trouble) > 0 && !w.said:
		w.cfg.Logger.WarnContext(ctx, "not ready", "why", strings.Join(trouble, " "))
	case len(trouble) == 0 && w.said:
		w.cfg.Logger.InfoContext(ctx, "ready again")
	}
	w.said = len(trouble) > 0
}

// look returns what is wrong.
func (w *Watch) look(ctx context.Context) (trouble []string) {
	// The head first: who has reached it has read everything that there was.
	head, err := w.cfg.Events.Head(ctx)
	if err != nil {
		w.cfg.Logger.WarnContext(ctx, "the event store does not answer", "error", err)
		return []string{"the event store does not answer. The process's log says why; see that it runs, and that its disk has room."}
	}
	gens, err := w.cfg.Rows.Generations(ctx)
	if err != nil {
		w.cfg.Logger.WarnContext(ctx, "the read store does not answer", "error", err)
		return []string{"the read store does not answer. The process's log says why; see that it runs, and that its disk has room."}
	}
	known := map[event.Position]Lag{}
	for _, name := range w.cfg.Projections {
		lag, err := w.stand(ctx, name, head, gens, known)
		if err != nil {
			w.cfg.Logger.WarnContext(ctx, "the event store does not answer", "error", err)
			return []string{"the event store does not answer. The process's log says why; see that it runs, and that its disk has room."}
		}
		if lag.Stuck {
			trouble = append(trouble, fmt.Sprintf("projection %s is stuck: it has unread events, and has not moved for %s or longer. The process's log says why; see 'lonja projections status' and 'lonja parked list' too, and restart the process where none of them says why.", name, w.cfg.Times.Patience))
		}
	}
	return trouble
}

// stand looks at one projection. known is what the log has after positions, which several
// projections have in common.
func (w *Watch) stand(ctx context.Context, name string, head event.Position, gens []readmodels.Generation, known map[event.Position]Lag) (Lag, error) {
	now := moved{rebuilt: w.cfg.Rebuilt()}
	building := false
	for i := range gens {
		g := &gens[i]
		if g.Projection != name {
			continue
		}
		now.generations++
		now.written += g.Checkpoint
		now.newest = max(now.newest, g.Number)
		switch g.State {
		case readmodels.Live:
			now.live = g.Checkpoint
		case readmodels.Building:
			building = true
		}
	}
	if !building {
		now.rebuilt = 0 // another's
	}
	lag, ok := known[now.live]
	if !ok {
		var err error
		if lag, err = w.behind(ctx, now.live, head); err != nil {
			return lag, err
		}
		known[now.live] = lag
	}
	lag.Projection = name
	at := w.cfg.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.standing[name]
	if s == nil {
		s = &standing{}
		w.standing[name] = s
	}
	switch {
	case now.live >= head:
		s.since = time.Time{}
	case s.since.IsZero() || s.moved != now:
		s.since = at
	}
	patience := w.cfg.Times.Patience
	if building {
		patience = w.cfg.Times.Rebuild
	}
	lag.Stuck = !s.since.IsZero() && at.Sub(s.since) >= patience
	s.moved, s.lag = now, lag
	return lag, nil
}

// counted is how many unread events are counted one by one.
const counted = 1000

// behind returns what the log has after the position.
func (w *Watch) behind(ctx context.Context, at, head event.Position) (Lag, error) {
	if at >= head {
		return Lag{}, nil
	}
	unread, err := w.cfg.Events.ReadFeed(ctx, at, counted, nil)
	if err != nil || len(unread) == 0 {
		return Lag{}, err
	}
	lag := Lag{Events: uint64(len(unread)), Age: max(0, w.cfg.Now().Sub(unread[0].RecordedAt))}
	if last := unread[len(unread)-1].Position; len(unread) == counted && last < head {
		// Positions need not be numbers in a row: the rest is as dense as what was counted.
		lag.Events = uint64(float64(counted) * float64(head-at) / float64(last-at))
	}
	return lag, nil
}

// Lags returns how far the projections were behind at the last look.
func (w *Watch) Lags() []Lag {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Lag
	for _, name := range w.cfg.Projections {
		if s := w.standing[name]; s != nil {
			out = append(out, s.lag)
		}
	}
	return out
}

// Drain says that the process is about to end: from now on it is not ready, for good.
func (w *Watch) Drain() { w.draining.Store(true) }

// Draining reports whether Drain was called.
func (w *Watch) Draining() bool { return w.draining.Load() }

// Trouble returns why the process is not ready; nothing where it is. It looks at nothing:
// whoever asks, and however often, costs the stores nothing.
func (w *Watch) Trouble() []string {
	now := w.cfg.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.Draining():
		return []string{"the process is about to stop. Send requests to another; this one still answers what comes."}
	case w.looked.IsZero():
		return []string{"the process has just started. Ask again in a moment."}
	case now.Sub(w.looked) > w.cfg.Times.Every+3*w.cfg.Times.Look:
		return []string{"the stores have not answered for a while. See that they run, and restart the process where they do."}
	}
	return slices.Clone(w.trouble)
}

// ServeHTTP answers whether the process is ready.
func (w *Watch) ServeHTTP(rw http.ResponseWriter, _ *http.Request) {
	trouble := w.Trouble()
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if len(trouble) == 0 {
		_, _ = rw.Write([]byte("ready\n"))
		return
	}
	rw.WriteHeader(http.StatusServiceUnavailable)
	_, _ = rw.Write([]byte("not ready\n- " + strings.Join(trouble, "\n- ") + "\n"))
}
