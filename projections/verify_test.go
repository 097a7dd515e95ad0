package projections_test

import (
	"fmt"
	"testing"

	"lonja/adapters/memory"
	"lonja/domain/id"
	"lonja/readmodels"
)

func TestVerifyFindsRowsThatNoRebuildMakes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.runner()
	verify := func(want ...bool) {
		t.Helper()
		verdicts, err := run.Verify(r.ctx, memory.NewReadStore(), nil)
		r.must(err)
		if len(verdicts) != len(want) {
			t.Fatalf("%d verdicts, want %d", len(verdicts), len(want))
		}
		head, err := r.log.Head(r.ctx)
		r.must(err)
		for i, v := range verdicts {
			if v.Same() != want[i] || v.At != head {
				t.Errorf("%s: same is %v at %d, want %v at %d", v.Projection, v.Same(), v.At, want[i], head)
			}
		}
	}
	// given an empty log
	verify(true, true)
	// given events, one of which can't be folded, and is skipped on record
	for i := range 300 {
		r.append(id.Contact(fmt.Sprint("c", i%9)), grew{1})
	}
	verify(true, true)
	bad := r.append("c3", grew{13})
	r.append("c3", grew{2})
	verify(true, true)
	r.must(run.SkipParked(r.ctx, "sums", bad, "of no account"))
	_, err := run.RetryParked(r.ctx, "sums", house, "c3")
	r.must(err)
	verify(true, true)
	r.append("c3", grew{2})
	verify(true, true)

	// when one row is changed behind the projection's back
	gens, err := r.store.Generations(r.ctx)
	r.must(err)
	for _, g := range gens {
		if g.Projection != "sums" || g.State != readmodels.Live {
			continue
		}
		var rows []readmodels.Row
		r.must(r.store.EachRow(r.ctx, g, "sums", func(row readmodels.Row) error { rows = append(rows, row); return nil }))
		row := rows[0]
		row.Data = []byte(`{"sum":1000000}`)
		r.must(r.store.Commit(r.ctx, readmodels.Batch{Generation: g, From: g.Checkpoint, To: g.Checkpoint, Changes: []readmodels.Change{{Table: "sums", Row: row}}}))
	}
	// then it is found, and a rebuild mends it
	verify(false, true)
	r.must(run.Rebuild(r.ctx, nil, "sums"))
	verify(true, true)
}
