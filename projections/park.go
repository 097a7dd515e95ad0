package projections

import (
	"context"
	"fmt"
	"slices"

	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// Parked returns the parked events of a projection's live generation, oldest first:
// of one contact, or of all where contact is empty. Reason says what failed, for the
// first of each sequence; those behind it wait for it. Skipped ones are a record.
func (r *Runner) Parked(ctx context.Context, projection string, contact id.Contact) ([]readmodels.Parked, error) {
	g, err := r.live(ctx, projection)
	if err != nil {
		return nil, err
	}
	return r.cfg.Store.Parked(ctx, g, contact)
}

func (r *Runner) live(ctx context.Context, projection string) (readmodels.Generation, error) {
	gens, err := r.cfg.Store.Generations(ctx)
	if err != nil {
		return readmodels.Generation{}, fmt.Errorf("projection %s: %w", projection, err)
	}
	for _, g := range gens {
		if g.Projection == projection && g.State == readmodels.Live {
			return g, nil
		}
	}
	return readmodels.Generation{}, fmt.Errorf("projections: there is no live %q", projection)
}

// RetryParked folds the parked sequence of a contact (of the account itself, where
// contact is empty) in order, as far as it goes now, and returns how many events were
// folded. It may run beside the process that follows.
func (r *Runner) RetryParked(ctx context.Context, projection string, account id.Account, contact id.Contact) (int, error) {
	folded := 0
	err := r.withLive(ctx, projection, func(p *readmodels.Parked) bool { return p.Account == account && p.Contact == contact }, func(f *follower) error {
		of := func(p *readmodels.Parked) bool {
			return !p.Skipped && p.Account == account && p.Contact == contact
		}
		var stored []event.Stored
		for i := range f.parked {
			if !of(&f.parked[i]) {
				continue
			}
			one, err := r.cfg.Events.ReadStream(ctx, f.parked[i].Stream, f.parked[i].Revision, 1, nil)
			if err != nil {
				return fmt.Errorf("projection %s: retry: %w", projection, err)
			}
			if len(one) == 0 || one[0].Position != f.parked[i].Position {
				return fmt.Errorf("projection %s: retry: the log has no event at position %d, revision %d of %s", projection, f.parked[i].Position, f.parked[i].Revision, f.parked[i].Stream)
			}
			stored = append(stored, one[0])
		}
		if len(stored) == 0 {
			return nil
		}
		items := make([]item, len(stored))
		if err := decode(ctx, r.cfg.Codec, []*Projection{f.p}, stored, items); err != nil {
			return err
		}
		var others []readmodels.Parked
		for i := range f.parked {
			if !of(&f.parked[i]) {
				others = append(others, f.parked[i])
			}
		}
		b, err := foldBatch(ctx, f.p, r.cfg.Store, f.gen, others, items)
		if err != nil {
			return err
		}
		for i := range items {
			b.Unpark = append(b.Unpark, items[i].stored.Position)
		}
		if err := r.cfg.Store.Commit(ctx, b); err != nil {
			return fmt.Errorf("projection %s: retry: %w", projection, err)
		}
		f.parked = append(others, b.Park...)
		r.logParked(f.p, b.Park)
		folded = len(items) - len(b.Park)
		return nil
	})
	return folded, err
}

// SkipParked takes a parked event out of its sequence for good, without folding it:
// the record of it stays, with why, and a rebuild leaves it out too. RetryParked then
// folds those behind it.
func (r *Runner) SkipParked(ctx context.Context, projection string, position event.Position, why string) error {
	return r.withLive(ctx, projection, func(p *readmodels.Parked) bool { return p.Position == position }, func(f *follower) error {
		for i := range f.parked {
			p := f.parked[i]
			if p.Position != position || p.Skipped {
				continue
			}
			p.Skipped, p.Reason = true, why
			b := readmodels.Batch{Generation: f.gen, From: f.gen.Checkpoint, To: f.gen.Checkpoint, Park: []readmodels.Parked{p}}
			if err := r.cfg.Store.Commit(ctx, b); err != nil {
				return fmt.Errorf("projection %s: skip: %w", projection, err)
			}
			f.parked[i] = p
			r.logger.Warn("projection skips an event for good", "projection", projection, "position", uint64(position), "stream", p.Stream)
			return nil
		}
		return fmt.Errorf("projection %s: the event at position %d is not parked", projection, position)
	})
}

// withLive runs f on the live generation with the turn, taken over from whoever follows it:
// of a generation with partitions, on the one of the parked events that are meant.
func (r *Runner) withLive(ctx context.Context, projection string, meant func(*readmodels.Parked) bool, f func(*follower) error) error {
	own, ok := r.byName[projection]
	if !ok {
		return fmt.Errorf("projections: there is no %q", projection)
	}
	if err := r.take(ctx); err != nil {
		return fmt.Errorf("projection %s: %w", projection, err)
	}
	defer r.give()
	r.forget(own)
	if !r.sharing() {
		if err := r.openOne(ctx, own); err != nil {
			return err
		}
		if own.stale {
			return fmt.Errorf("projection %s: it is to be rebuilt first", projection)
		}
		return f(own)
	}
	// The node that has the partition finds out with its next commit, and takes it back.
	g, err := r.live(ctx, projection)
	if err != nil {
		return err
	}
	if g.Version != own.p.Version {
		return fmt.Errorf("projection %s: it is to be rebuilt first", projection)
	}
	parked, err := r.cfg.Store.Parked(ctx, g, "")
	if err != nil {
		return fmt.Errorf("projection %s: %w", projection, err)
	}
	i := slices.IndexFunc(parked, func(p readmodels.Parked) bool { return !p.Skipped && meant(&p) })
	if i < 0 {
		return f(&follower{p: own.p, gen: g})
	}
	part := readmodels.PartOf(parked[i].Account, parked[i].Contact, g.Of)
	if g, err = r.cfg.Store.Fence(ctx, g.Only(func(p int) bool { return p == part })); err != nil {
		return fmt.Errorf("projection %s: %w", projection, err)
	}
	return f(&follower{p: own.p, gen: g, parked: concerning(&g, parked)})
}
