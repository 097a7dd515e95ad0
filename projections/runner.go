package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lonja/domain/event"
	"lonja/readmodels"
)

// Config is what a Runner stands on.
type Config struct {
	Projections []*Projection
	Events      event.Store
	Codec       *event.Codec
	Store       readmodels.Store
	Logger      *slog.Logger // nil: none

	// Batch is the most events that are folded and committed at once. 0 means 1000.
	Batch int
	// Bulk is how many events a new or changed projection must be behind for it to be
	// rebuilt in bulk, beside the live one, rather than followed from the start. 0 means 20,000.
	Bulk int
	// Memory is about how many bytes of rows a rebuild keeps in memory. 0 means 64 MiB.
	Memory int
}

// Runner keeps read models up to the log. One Runner of one process follows; others
// (the command line's) may rebuild, retry and look. Safe for concurrent use.
type Runner struct {
	cfg    Config
	logger *slog.Logger
	byName map[string]*follower
	all    []*follower

	turn chan struct{} // held by who moves live generations

	mu     sync.Mutex // guards positions of followers, news, and what follows
	news   chan struct{}
	tasks  sync.WaitGroup
	share  share
	others others

	rebuilding int // rebuilds under way; how the collector was set before the first
	gcPercent  int
	gcLimit    int64

	rebuilt atomic.Uint64 // what rebuilds have reported
}

// follower is a projection with its live generation. Fields are of who has the turn,
// but position, which r.mu guards.
type follower struct {
	p        *Projection
	gen      readmodels.Generation
	open     bool
	stale    bool // the live generation is not of this version, or far behind: only a rebuild helps
	building bool
	newer    bool // the live generation is of a newer program, which another node runs
	version  int  // of the share of partitions that gen has
	parked   []readmodels.Parked
	position event.Position
}

// StopError says that the log holds what this program must not go past: nothing may
// be skipped silently. Only another program, or another log, helps.
type StopError struct{ Err error }

func (e *StopError) Error() string { return "projections stop: " + e.Err.Error() }
func (e *StopError) Unwrap() error { return e.Err }

// NewRunner returns a runner. It reads nothing yet.
func NewRunner(cfg Config) (*Runner, error) {
	r := &Runner{cfg: cfg, logger: cfg.Logger, byName: map[string]*follower{}, turn: make(chan struct{}, 1), news: make(chan struct{}), others: others{turn: make(chan struct{}, 1)}}
	if r.logger == nil {
		r.logger = slog.New(slog.DiscardHandler)
	}
	if r.cfg.Batch <= 0 {
		r.cfg.Batch = 1000
	}
	if r.cfg.Bulk <= 0 {
		r.cfg.Bulk = 20_000
	}
	if r.cfg.Memory <= 0 {
		r.cfg.Memory = 64 << 20
	}
	tables := map[string]string{}
	for _, p := range cfg.Projections {
		if _, twice := r.byName[p.Name]; twice {
			return nil, fmt.Errorf("projections: %s is there twice", p.Name)
		}
		for _, t := range p.tables {
			if of, twice := tables[t.Name]; twice {
				return nil, fmt.Errorf("projections: table %s is of %s and of %s", t.Name, of, p.Name)
			}
			tables[t.Name] = p.Name
		}
		f := &follower{p: p}
		r.byName[p.Name] = f
		r.all = append(r.all, f)
	}
	return r, nil
}

// take waits for the turn to move live generations.
func (r *Runner) take(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Runner) give() { <-r.turn }

// The bounds of how long the runner waits after an error before it tries again.
const (
	firstBackoff = 50 * time.Millisecond
	lastBackoff  = 2 * time.Second // so that a store that comes back is noticed soon
)

// Run follows the log until ctx ends, and rebuilds projections that are new or of
// another version than their live tables. Errors that may pass are logged and tried
// again; it returns a *StopError for an event that this program does not know, and
// nil at the end of ctx. It ends after all that it started.
func (r *Runner) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer r.tasks.Wait()
	defer cancel()
	backoff := firstBackoff
	for {
		before := r.progress()
		err := r.CatchUp(ctx)
		if r.progress() != before {
			backoff = firstBackoff // an error after some progress is a new one
		}
		if err == nil {
			r.startRebuilds(ctx)
			backoff = firstBackoff
			err = r.waitForNews(ctx)
		}
		var stop *StopError
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			continue
		case errors.As(err, &stop):
			r.logger.Error("projections stop", "error", err)
			return err
		}
		r.logger.Error("projections: trying again", "error", err, "in", backoff)
		pause(ctx, backoff)
		backoff = min(2*backoff, lastBackoff)
	}
}

// progress changes when a followed projection moves.
func (r *Runner) progress() (sum event.Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.all {
		sum += f.position
	}
	return sum
}

func pause(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

// waitForNews returns when the log has more than a followed projection has folded, or
// when one more is followed.
func (r *Runner) waitForNews(ctx context.Context) error {
	r.mu.Lock()
	news, low, followed := r.news, event.Position(0), false
	for _, f := range r.all {
		if f.open && !f.stale && (f.gen.Of <= 1 || len(f.gen.Parts) > 0) && (!followed || f.position < low) {
			low, followed = f.position, true
		}
	}
	r.mu.Unlock()
	if followed {
		_, err := r.cfg.Events.Wait(ctx, low)
		return err
	}
	select {
	case <-news:
	case <-ctx.Done():
	}
	return ctx.Err()
}

// CatchUp folds what the log has more than the live generations, and returns when
// they have reached the log's head. Projections that only a rebuild helps are left to Run.
func (r *Runner) CatchUp(ctx context.Context) error {
	if err := r.take(ctx); err != nil {
		return fmt.Errorf("projections: catch up: %w", err)
	}
	defer r.give()
	return r.catchUp(ctx)
}

// catchUp is CatchUp of who has the turn.
func (r *Runner) catchUp(ctx context.Context) error {
	now, next := &tail{r: r}, &tail{r: r}
	far := false // behind: as much to do as a rebuild has
	for {
		if err := r.openAll(ctx); err != nil {
			return err
		}
		var behind []*follower
		for _, o := range r.all {
			if !o.stale && (o.gen.Of <= 1 || len(o.gen.Parts) > 0) {
				behind = append(behind, o)
			}
		}
		if len(behind) == 0 {
			return nil
		}
		low := behind[0].gen.Checkpoint
		for _, o := range behind {
			low = min(low, o.gen.Checkpoint)
		}
		if !now.has(low, behind) {
			now.next(ctx, low, behind)
		}
		if now.err != nil || len(now.items) == 0 {
			return now.err
		}
		// What follows a whole batch is read and decoded while that is folded.
		var ahead sync.WaitGroup
		next.of = nil
		if len(now.items) == r.cfg.Batch {
			if !far {
				far = true
				defer r.spaciously()()
			}
			ahead.Go(func() { next.next(ctx, now.items[len(now.items)-1].stored.Position, behind) })
		}
		err := r.advance(ctx, behind, now.items)
		ahead.Wait()
		if err != nil {
			return err
		}
		now, next = next, now
	}
}

// beside is how many events make it worth while to fold them into projections beside each
// other: while the store writes the rows of one, another is folded.
const beside = 256

// advance folds the items into each follower's generation, those first that they
// change; whoever waits for one need not wait for the others' checkpoints.
func (r *Runner) advance(ctx context.Context, behind []*follower, items []item) error {
	last := items[len(items)-1].stored.Position
	for _, quiet := range []bool{false, true} {
		var tasks sync.WaitGroup
		errs := make([]error, len(behind))
		for i, f := range behind {
			if f.stale || f.gen.Checkpoint >= last || f.quiet(items) != quiet {
				continue
			}
			if len(items) >= beside {
				tasks.Go(func() { errs[i] = r.advanceOne(ctx, f, items, last) })
			} else if err := r.advanceOne(ctx, f, items, last); err != nil {
				return err
			}
		}
		tasks.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return nil
}

// advanceOne folds the items into one follower's generation. Where somebody took that over,
// or switched, it opens what is live now.
func (r *Runner) advanceOne(ctx context.Context, f *follower, items []item, last event.Position) error {
	err := r.step(ctx, f, after(items, f.gen.Checkpoint), last)
	if errors.Is(err, readmodels.ErrFenced) {
		r.logger.Info("projection was taken over or switched: opening it again", "projection", f.p.Name)
		r.forget(f)
		err = r.openOne(ctx, f)
	}
	return err
}

// quiet reports whether none of the items concerns the projection.
func (f *follower) quiet(items []item) bool {
	for i := range items {
		if f.p.wants(items[i].stored.Type) {
			return false
		}
	}
	return true
}

func after(items []item, p event.Position) []item {
	for i := range items {
		if items[i].stored.Position > p {
			return items[i:]
		}
	}
	return nil
}

// step folds and commits one batch of one follower.
func (r *Runner) step(ctx context.Context, f *follower, items []item, to event.Position) error {
	items = f.mine(items)
	b, err := foldBatch(ctx, f.p, r.cfg.Store, f.gen, f.parked, items)
	if err != nil {
		return err
	}
	b.To = to
	if err := r.cfg.Store.Commit(ctx, b); err != nil {
		return fmt.Errorf("projection %s: %w", f.p.Name, err)
	}
	f.remember(b.Park, items)
	r.mu.Lock()
	f.gen = f.gen.Moved(to)
	r.mu.Unlock()
	r.logParked(f.p, b.Park)
	r.reached(f, to)
	return nil
}

func (r *Runner) logParked(p *Projection, parked []readmodels.Parked) {
	for i := range parked {
		if k := &parked[i]; k.Reason != "" && !k.Skipped {
			// The reason may quote the event: it is for the store, whose erasure reaches it.
			r.logger.Error("projection can't fold an event: the contact's sequence is parked",
				"projection", p.Name, "position", uint64(k.Position), "stream", k.Stream, "revision", int64(k.Revision), "type", k.Type)
		}
	}
}

// reached tells who waits.
func (r *Runner) reached(f *follower, p event.Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.position = p
	r.wake()
}

// forget makes the follower one that is to be opened again.
func (r *Runner) forget(f *follower) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.open = false
}

// openAll opens what is not open, and takes it over.
func (r *Runner) openAll(ctx context.Context) error {
	r.letGo()
	for _, f := range r.all {
		if current, err := r.current(ctx, f); current || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if err := r.openOne(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) openOne(ctx context.Context, f *follower) error {
	g, err := r.cfg.Store.Open(ctx, f.p.Name, f.p.Version, f.p.tables)
	if err != nil {
		return fmt.Errorf("projection %s: %w", f.p.Name, err)
	}
	stale := g.State != readmodels.Live
	if !stale && g.Furthest() == 0 {
		head, err := r.cfg.Events.Head(ctx)
		if err != nil {
			return fmt.Errorf("projection %s: %w", f.p.Name, err)
		}
		stale = head >= event.Position(r.cfg.Bulk)
	}
	if stale && r.sharing() {
		if _, err := r.overtaken(ctx, f); err != nil {
			return err
		}
	}
	if stale {
		r.mu.Lock()
		f.gen, f.open, f.stale = g, true, true
		r.mu.Unlock()
		return nil
	}
	g, version, err := r.takeOver(ctx, f, g)
	if err != nil {
		return fmt.Errorf("projection %s: %w", f.p.Name, err)
	}
	parked, err := r.cfg.Store.Parked(ctx, g, "")
	if err != nil {
		return fmt.Errorf("projection %s: %w", f.p.Name, err)
	}
	now := &follower{p: f.p, gen: g, parked: concerning(&g, parked)}
	if err := r.level(ctx, now); err != nil {
		r.forget(f) // some may have moved: what this node believes of them is not to be gone on from
		return err
	}
	r.mu.Lock()
	f.gen, f.parked, f.open, f.stale, f.newer, f.version = now.gen, now.parked, true, false, false, version
	r.mu.Unlock()
	r.reached(f, now.gen.Checkpoint)
	return nil
}

// startRebuilds renews stale projections beside the following, where there are any.
func (r *Runner) startRebuilds(ctx context.Context) {
	names := r.claimStale()
	if len(names) == 0 {
		return
	}
	r.tasks.Go(func() {
		defer r.releaseStale(names)
		backoff := firstBackoff
		for ctx.Err() == nil {
			err := r.renew(ctx, names)
			var stop *StopError
			if err == nil || errors.As(err, &stop) || ctx.Err() != nil {
				return
			}
			r.logger.Error("rebuilding projections: trying again", "names", names, "error", err, "in", backoff)
			pause(ctx, backoff)
			backoff = min(2*backoff, lastBackoff)
		}
	})
}

// renew makes the named projections live in this version: by catching up on tables of
// it that are kept from before, or else by a rebuild.
func (r *Runner) renew(ctx context.Context, names []string) error {
	var rest []string
	var kept []*Projection
	for _, n := range names {
		p := r.byName[n].p
		g, err := r.cfg.Store.Open(ctx, n, p.Version, p.tables)
		if err != nil {
			return fmt.Errorf("projection %s: %w", n, err)
		}
		if g.State == readmodels.Live || !g.Sealed || g.Checkpoint == 0 {
			rest = append(rest, n)
			continue
		}
		r.logger.Info("projection goes back to tables that were kept", "projection", n, "version", p.Version, "generation", g.Number)
		if g, err = r.cfg.Store.Fence(ctx, g); err != nil {
			return fmt.Errorf("projection %s: %w", n, err)
		}
		if err := r.finish(ctx, p, g); err != nil {
			return err
		}
		kept = append(kept, p)
	}
	if len(kept) > 0 {
		if err := r.followRebuilt(ctx, kept); err != nil {
			return err
		}
	}
	if len(rest) == 0 {
		return nil
	}
	r.logger.Info("rebuilding projections", "names", rest)
	return r.Rebuild(ctx, nil, rest...)
}

// Wait returns when the live read models of the named projections (all, where none is
// named) show the event at the position, or with ctx's error. It is woken by the
// commit of this process's runner.
func (r *Runner) Wait(ctx context.Context, pos event.Position, names ...string) error {
	wanted := r.all
	if len(names) > 0 {
		wanted = nil
		for _, n := range names {
			f, ok := r.byName[n]
			if !ok {
				return fmt.Errorf("projections: there is no %q", n)
			}
			wanted = append(wanted, f)
		}
	}
	if r.sharing() {
		return r.waitShared(ctx, pos, wanted)
	}
	for {
		r.mu.Lock()
		news, there := r.news, true
		for _, f := range wanted {
			there = there && f.position >= pos
		}
		r.mu.Unlock()
		if there {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return fmt.Errorf("projections: waiting for position %d: %w", pos, ctx.Err())
		}
	}
}

// Status is where a projection stands.
type Status struct {
	Name        string
	Version     int // of this program
	Head        event.Position
	Generations []readmodels.Generation // live, being built and old ones
	Parked      int                     // events of the live generation that are parked, skipped ones aside
}

// Status returns where every projection stands, also those of other programs that
// the store holds (Version is 0 then).
func (r *Runner) Status(ctx context.Context) ([]Status, error) {
	head, err := r.cfg.Events.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("projections: status: %w", err)
	}
	gens, err := r.cfg.Store.Generations(ctx)
	if err != nil {
		return nil, fmt.Errorf("projections: status: %w", err)
	}
	var out []Status
	at := map[string]int{}
	for _, f := range r.all {
		at[f.p.Name] = len(out)
		out = append(out, Status{Name: f.p.Name, Version: f.p.Version, Head: head})
	}
	for _, g := range gens {
		i, ok := at[g.Projection]
		if !ok {
			i = len(out)
			at[g.Projection] = i
			out = append(out, Status{Name: g.Projection, Head: head})
		}
		out[i].Generations = append(out[i].Generations, g)
		if g.State != readmodels.Live {
			continue
		}
		parked, err := r.cfg.Store.Parked(ctx, g, "")
		if err != nil {
			return nil, fmt.Errorf("projections: status: %w", err)
		}
		for j := range parked {
			if !parked[j].Skipped {
				out[i].Parked++
			}
		}
	}
	return out, nil
}

// tail reads and decodes the log in batches.
type tail struct {
	r     *Runner
	buf   []event.Stored
	items []item
	err   error

	after event.Position // where items begin, decoded for
	of    []*follower    // nil: there are none
}

// has reports whether the items are those after the position for the followers.
func (f *tail) has(after event.Position, followers []*follower) bool {
	return f.of != nil && f.after == after && slices.Equal(f.of, followers)
}

// next reads the events after the position, decoded where a follower wants them.
func (f *tail) next(ctx context.Context, after event.Position, followers []*follower) {
	f.after, f.of, f.items, f.err = after, followers, f.items[:0], nil
	if f.buf, f.err = f.r.cfg.Events.ReadFeed(ctx, after, f.r.cfg.Batch, f.buf[:0]); f.err != nil {
		f.err = fmt.Errorf("projections: %w", f.err)
		return
	}
	ps := make([]*Projection, len(followers))
	for i := range followers {
		ps[i] = followers[i].p
	}
	f.items = slices.Grow(f.items, len(f.buf))[:len(f.buf)]
	f.err = decode(ctx, f.r.cfg.Codec, ps, f.buf, f.items)
}

// decoder is an *event.Codec, or an *event.Decoder.
type decoder interface {
	DecodeBorrowing(ctx context.Context, s *event.Stored) (event.Recorded, error)
	Known(s *event.Stored) error
}

// decode decodes events into as many items. What is wrong with one event's bytes is the
// item's; an event that this program does not know is a *StopError.
func decode(ctx context.Context, codec decoder, ps []*Projection, stored []event.Stored, items []item) error {
	for i := range stored {
		s, it := &stored[i], &items[i]
		*it = item{stored: s}
		wanted := false
		for _, p := range ps {
			wanted = wanted || p.wants(s.Type)
		}
		if wanted {
			it.rec, it.err = codec.DecodeBorrowing(ctx, s) // rows have nothing that is sealed
		} else {
			it.err = codec.Known(s)
		}
		if it.err == nil {
			continue
		}
		var unknown *event.UnknownTypeError
		var newer *event.NewerSchemaError
		var key *event.KeyError
		switch {
		case errors.As(it.err, &unknown), errors.As(it.err, &newer):
			return &StopError{it.err}
		case errors.As(it.err, &key) && !errors.Is(it.err, event.ErrNoKey), ctx.Err() != nil:
			return fmt.Errorf("projections: %w", it.err)
		}
	}
	return nil
}
