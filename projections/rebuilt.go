package projections

// Rebuilt returns a number that grows while a rebuild of this runner's gets on: what a
// rebuild has done is in no checkpoint until its end.
func (r *Runner) Rebuilt() uint64 { return r.rebuilt.Load() }

// counting counts what a rebuild reports.
func (r *Runner) counting(report func(Progress)) func(Progress) {
	return func(p Progress) {
		r.rebuilt.Add(1)
		report(p)
	}
}
