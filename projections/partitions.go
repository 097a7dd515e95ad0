package projections

import (
	"context"
	"fmt"
	"slices"
	"time"

	"lonja/domain/event"
	"lonja/readmodels"
)

// share is which partitions this process moves, of a store that several do. r.mu guards it.
type share struct {
	store   readmodels.Shared                        // nil: all of them, and nobody else does
	confirm func(ctx context.Context) ([]int, error) // which of them really are this process's
	want    []int
	version int           // grows whenever want changes
	let     int           // the version up to which what is not wanted was let go
	letGo   chan struct{} // closed when let grows
}

// others is how far the partitions of all nodes are, as far as was told.
type others struct {
	turn    chan struct{} // held by who looks
	asOf    <-chan struct{}
	reached map[string]event.Position
}

// lookAgain is how long Wait trusts that it is told of other nodes' commits.
const lookAgain = time.Second

// Share has the runner share its store with other nodes: it moves the partitions that Hold
// says, none to begin with. The store is the runner's own, without what may be wrapped
// around it. confirm returns which partitions this node really holds at the moment, for
// whenever somebody has taken one over. Call it before anything else.
func (r *Runner) Share(store readmodels.Shared, confirm func(ctx context.Context) ([]int, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.share.store, r.share.confirm, r.share.letGo = store, confirm, make(chan struct{})
}

// Hold says which partitions the runner moves from now on. It returns when it has let go of
// all others, after the batch that is under way; the new ones come with the next CatchUp.
func (r *Runner) Hold(ctx context.Context, parts []int) error {
	r.mu.Lock()
	s := &r.share
	if !slices.Equal(s.want, parts) {
		s.want, s.version = slices.Clone(parts), s.version+1
		r.wake()
	}
	version := s.version
	r.mu.Unlock()
	for {
		r.mu.Lock()
		let, done := s.let >= version, s.letGo
		r.mu.Unlock()
		if let {
			return nil
		}
		select {
		case <-done:
		case r.turn <- struct{}{}:
			r.letGo()
			r.give()
		case <-ctx.Done():
			return fmt.Errorf("projections: letting go of partitions: %w", ctx.Err())
		}
	}
}

// Ready reports whether every projection is followed in this program's version: whoever has
// one that waits to be rebuilt had better leave the partitions to others.
func (r *Runner) Ready() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.all {
		if f.gen.Number == 0 || f.stale {
			return false
		}
	}
	return true
}

// wake tells who waits for news. The caller holds mu.
func (r *Runner) wake() {
	close(r.news)
	r.news = make(chan struct{})
}

// sharing reports whether other nodes move partitions too.
func (r *Runner) sharing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.share.store != nil
}

// letGo forgets the partitions that are not to be moved any more. It is for who has the turn.
func (r *Runner) letGo() {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.share
	if s.store == nil || s.let == s.version {
		return
	}
	for _, f := range r.all {
		if f.gen.Of > 1 {
			f.gen = f.gen.Only(func(part int) bool { return slices.Contains(s.want, part) })
		}
	}
	s.let = s.version
	close(s.letGo)
	s.letGo = make(chan struct{})
}

// current reports whether the follower moves what it should.
func (r *Runner) current(ctx context.Context, f *follower) (bool, error) {
	if !f.open {
		return false, nil
	}
	r.mu.Lock()
	shared, same := r.share.store != nil, f.version == r.share.version
	r.mu.Unlock()
	if !shared || !f.stale {
		return !shared || same, nil
	}
	// Another node may have rebuilt it.
	live, err := r.overtaken(ctx, f)
	return live.Version != f.p.Version || live.Number == f.gen.Number, err
}

// overtaken returns the live generation of a projection that is not followed, and notes
// whether that is of a newer program, which other nodes run.
func (r *Runner) overtaken(ctx context.Context, f *follower) (live readmodels.Generation, err error) {
	all, err := r.cfg.Store.Generations(ctx)
	if err != nil {
		return live, fmt.Errorf("projection %s: %w", f.p.Name, err)
	}
	for i := range all {
		if all[i].Projection == f.p.Name && all[i].State == readmodels.Live {
			live = all[i]
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	f.newer = live.Version > f.p.Version
	return live, nil
}

// takeOver returns the generation with the partitions that this process is to move, those
// that it did not move before taken over from whoever did.
func (r *Runner) takeOver(ctx context.Context, f *follower, g readmodels.Generation) (_ readmodels.Generation, version int, err error) {
	r.mu.Lock()
	shared, confirm, want, version := r.share.store != nil, r.share.confirm, r.share.want, r.share.version
	r.mu.Unlock()
	if g.Of <= 1 || !shared {
		g, err = r.cfg.Store.Fence(ctx, g)
		return g, version, err
	}
	kept := g.Only(func(int) bool { return false })
	if f.open && !f.stale && f.gen.Number == g.Number {
		kept = f.gen
	}
	var gained []int
	for _, part := range want {
		if !slices.ContainsFunc(kept.Parts, func(p readmodels.Part) bool { return p.Part == part }) {
			gained = append(gained, part)
		}
	}
	if len(gained) == 0 {
		return kept, version, nil
	}
	really, err := confirm(ctx)
	if err != nil {
		return g, version, err
	}
	taken := g.Only(func(part int) bool { return slices.Contains(gained, part) && slices.Contains(really, part) })
	if len(taken.Parts) > 0 {
		if taken, err = r.cfg.Store.Fence(ctx, taken); err != nil {
			return g, version, err
		}
	}
	if len(taken.Parts) < len(gained) {
		version-- // the others once they are this node's
	}
	return kept.Join(taken), version, nil
}

// level folds what some partitions of the follower are behind the others, so that they move
// together from then on.
func (r *Runner) level(ctx context.Context, f *follower) error {
	in := tail{r: r}
	for {
		low := f.gen.Only(func(part int) bool { return f.at(part) == f.gen.Checkpoint })
		rest := f.gen.Only(func(part int) bool { return f.at(part) != f.gen.Checkpoint })
		if len(rest.Parts) == 0 {
			return nil
		}
		behind := &follower{p: f.p, gen: low, parked: f.parked}
		if in.next(ctx, low.Checkpoint, []*follower{behind}); in.err != nil {
			return in.err
		}
		items := slices.DeleteFunc(in.items, func(it item) bool { return it.stored.Position > rest.Checkpoint })
		to := rest.Checkpoint
		if len(items) > 0 {
			to = items[len(items)-1].stored.Position
		}
		if err := r.step(ctx, behind, items, to); err != nil {
			return err
		}
		f.gen, f.parked = rest.Join(behind.gen), behind.parked
	}
}

// at returns the checkpoint of a partition that the follower moves.
func (f *follower) at(part int) event.Position {
	for _, p := range f.gen.Parts {
		if p.Part == part {
			return p.Checkpoint
		}
	}
	return 0
}

// mine returns those of the items that are of partitions that the follower moves. What
// can't be read, so that nobody knows whose it is, every partition has to know of.
func (f *follower) mine(items []item) []item {
	if len(f.gen.Parts) >= f.gen.Of {
		return items
	}
	var out []item
	for i := range items {
		it := &items[i]
		if !f.p.wants(it.stored.Type) {
			continue
		}
		if o := it.owner(); o.account == "" || f.gen.Holds(readmodels.PartOf(o.account, o.contact, f.gen.Of)) {
			out = append(out, *it)
		}
	}
	return out
}

// foreign reports whether the item is one that another partition parks, and that this one's
// events of the same stream have to wait behind.
func foreign(g *readmodels.Generation, it *item) bool {
	return g.Of > 1 && it.rec.Meta.Account == "" && !g.Holds(0)
}

// remember keeps in mind what was parked, by this partition and of no known owner.
func (f *follower) remember(parked []readmodels.Parked, items []item) {
	f.parked = append(f.parked, parked...)
	for i := range items {
		if s := items[i].stored; foreign(&f.gen, &items[i]) {
			f.parked = append(f.parked, readmodels.Parked{Position: s.Position, Stream: s.Stream, Revision: s.Revision, Type: s.Type, At: s.RecordedAt})
		}
	}
}

// concerning returns those of the parked events that events of the generation's partitions
// may wait behind.
func concerning(g *readmodels.Generation, parked []readmodels.Parked) []readmodels.Parked {
	return slices.DeleteFunc(parked, func(p readmodels.Parked) bool {
		return p.Account != "" && !g.Holds(readmodels.PartOf(p.Account, p.Contact, g.Of))
	})
}

// waitShared is Wait where other nodes move partitions too.
func (r *Runner) waitShared(ctx context.Context, pos event.Position, wanted []*follower) error {
	r.mu.Lock()
	s := r.share.store
	r.mu.Unlock()
	for again := false; ; {
		told, reached, err := r.look(ctx, s, wanted, pos, again)
		if err == nil && reached {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("projections: waiting for position %d: %w", pos, ctx.Err())
		}
		if err != nil {
			r.logger.Warn("projections: seeing how far other nodes are; again soon", "error", err)
		}
		soon, cancel := context.WithTimeout(ctx, lookAgain)
		select {
		case <-told:
			again = false
		case <-soon.Done():
			again = true // what is told may be lost
		}
		cancel()
	}
}

// look reports whether all partitions of the followed have reached the position, and
// returns what is closed when that may have changed. Those who wait at once look together.
func (r *Runner) look(ctx context.Context, s readmodels.Shared, wanted []*follower, pos event.Position, again bool) (told <-chan struct{}, there bool, err error) {
	select {
	case r.others.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	defer func() { <-r.others.turn }()
	there = true
	for _, f := range wanted {
		there = there && r.others.reached[f.p.Name] >= pos // which never moves back
	}
	if told = s.Committed(); there || told == r.others.asOf && !again {
		return told, there, nil
	}
	reached, err := s.Reached(ctx)
	if err != nil {
		return told, false, err
	}
	r.others.asOf, r.others.reached, there = told, reached, true
	for _, f := range wanted {
		there = there && reached[f.p.Name] >= pos
	}
	return told, there, nil
}
