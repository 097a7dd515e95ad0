package projections

import "context"

// Renew rebuilds the projections that CatchUp leaves out, all in one pass, beside their
// live tables, and returns when they are live: those whose live tables are of another
// version, and new ones that are far behind. Where there are none, or somebody renews
// them already, it returns at once. It is Run's part for whoever calls CatchUp.
func (r *Runner) Renew(ctx context.Context) error {
	names := r.claimStale()
	if len(names) == 0 {
		return nil
	}
	defer r.releaseStale(names)
	return r.renew(ctx, names)
}

// claimStale returns the stale projections that nobody builds, and says that they are
// built. One that was just renewed is not open until somebody catches up.
func (r *Runner) claimStale() (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.all {
		// Nodes of a newer program are about to be all there are: nobody goes back beside them.
		if f.open && f.stale && !f.building && !f.newer {
			f.building = true
			names = append(names, f.p.Name)
		}
	}
	return names
}

func (r *Runner) releaseStale(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range names {
		r.byName[n].building = false
	}
}
