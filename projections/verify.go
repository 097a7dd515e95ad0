package projections

import (
	"context"
	"fmt"

	"lonja/domain/event"
	"lonja/readmodels"
)

// Verdict says whether a projection's live rows are those that a rebuild makes.
type Verdict struct {
	Projection string
	At         event.Position // what both were folded up to
	Live       string         // Hash of the live rows
	Rebuilt    string         // Hash of those of the rebuild
}

// Same reports whether they are.
func (v Verdict) Same() bool { return v.Live == v.Rebuilt }

// Verify rebuilds every projection into another, empty store, and compares the hashes of
// all rows with what is live. Live projections go on meanwhile, but for the moment of the
// comparison. One that is being rebuilt can't be verified; one in which events wait
// behind a skipped one differs, until they are retried. report may be nil.
func (r *Runner) Verify(ctx context.Context, beside readmodels.Store, report func(Progress)) ([]Verdict, error) {
	fail := func(err error) ([]Verdict, error) { return nil, fmt.Errorf("projections: verify: %w", err) }
	until := &past{Store: r.cfg.Events}
	cfg := r.cfg
	cfg.Store, cfg.Events, cfg.Logger = beside, until, r.logger
	other, err := NewRunner(cfg)
	if err != nil {
		return fail(err)
	}
	// The bulk first, while everything goes on.
	if until.end, err = r.still(ctx, func() error { return r.copySkipped(ctx, beside) }); err != nil {
		return fail(err)
	}
	if err := other.Rebuild(ctx, report); err != nil {
		return fail(err)
	}
	var out []Verdict
	_, err = r.still(ctx, func() error {
		until.end = r.all[0].gen.Checkpoint
		if err := other.CatchUp(ctx); err != nil {
			return err
		}
		for _, f := range r.all {
			v := Verdict{Projection: f.p.Name, At: until.end}
			var err error
			if v.Live, err = Hash(ctx, r.cfg.Store, v.Projection); err != nil {
				return err
			}
			if v.Rebuilt, err = Hash(ctx, beside, v.Projection); err != nil {
				return err
			}
			out = append(out, v)
		}
		return nil
	})
	if err != nil {
		return fail(err)
	}
	return out, nil
}

// still catches up, calls f while nothing that is live moves, and returns where all of it stands.
func (r *Runner) still(ctx context.Context, f func() error) (event.Position, error) {
	if err := r.take(ctx); err != nil {
		return 0, err
	}
	defer r.give()
	if err := r.catchUp(ctx); err != nil {
		return 0, err
	}
	at := r.all[0].gen.Checkpoint
	for _, o := range r.all {
		if o.stale {
			return 0, fmt.Errorf("%s is being rebuilt", o.p.Name)
		}
		if len(o.gen.Parts) < o.gen.Of {
			return 0, fmt.Errorf("this node moves %d of the %d partitions of %s: verify where one node moves them all", len(o.gen.Parts), o.gen.Of, o.p.Name)
		}
		if o.gen.Checkpoint != at {
			return 0, fmt.Errorf("%s is at position %d, %s at %d", r.all[0].p.Name, at, o.p.Name, o.gen.Checkpoint)
		}
	}
	return at, f()
}

// copySkipped tells another store which events were skipped on record.
func (r *Runner) copySkipped(ctx context.Context, to readmodels.Store) error {
	for _, f := range r.all {
		g, err := to.Open(ctx, f.p.Name, f.p.Version, f.p.tables)
		if err != nil {
			return err
		}
		b := readmodels.Batch{Generation: g, From: g.Checkpoint, To: g.Checkpoint}
		for i := range f.parked {
			if f.parked[i].Skipped {
				b.Park = append(b.Park, f.parked[i])
			}
		}
		if len(b.Park) == 0 {
			continue
		}
		if err := to.Commit(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// past is the log up to a position.
type past struct {
	event.Store
	end event.Position
}

// ReadFeed implements event.Store.
func (p *past) ReadFeed(ctx context.Context, after event.Position, limit int, buf []event.Stored) ([]event.Stored, error) {
	if after >= p.end {
		return buf, nil
	}
	was := len(buf)
	buf, err := p.Store.ReadFeed(ctx, after, limit, buf)
	for len(buf) > was && buf[len(buf)-1].Position > p.end {
		buf = buf[:len(buf)-1]
	}
	return buf, err
}

// Head implements event.Store.
func (p *past) Head(ctx context.Context) (event.Position, error) {
	head, err := p.Store.Head(ctx)
	return min(head, p.end), err
}
