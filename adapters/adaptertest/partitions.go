package adaptertest

import (
	"fmt"
	"slices"

	"lonja/domain/id"
	"lonja/readmodels"
)

// parted opens the generation, and returns a contact of each of two partitions; ok is
// false for a store of one process, whose generations have none.
func (s *readStore) parted() (g readmodels.Generation, here, there id.Contact, ok bool) {
	s.Helper()
	g = s.opened(1)
	if g.Of <= 1 {
		s.equal(len(g.Parts), 0)
		return g, "", "", false
	}
	s.equal(len(g.Parts), g.Of)
	for n := 0; here == "" || there == ""; n++ {
		c := id.Contact(fmt.Sprintf("01J00000000000000000%06d", n))
		switch readmodels.PartOf(acme, c, g.Of) {
		case 0:
			here = c
		case 1:
			there = c
		}
	}
	return g, here, there, true
}

func (s *readStore) fenced(g readmodels.Generation, parts ...int) readmodels.Generation {
	s.Helper()
	mine, err := s.Store.Fence(s.ctx, g.Only(func(p int) bool { return slices.Contains(parts, p) }))
	s.must(err)
	s.equal(len(mine.Parts), len(parts))
	return mine
}

func partitionsMoveAlone(s *readStore) {
	g, here, there, ok := s.parted()
	if !ok {
		return
	}
	first, second := s.fenced(g, 0), s.fenced(g, 1, 2)
	s.commit(&first, put("things", here, thing{ID: "a"}))
	s.commit(&first, put("things", here, thing{ID: "b"}))
	s.commit(&second, put("things", there, thing{ID: "a"}))
	now := s.opened(1)
	s.equal([]any{now.Parts[0].Checkpoint, now.Parts[1].Checkpoint, now.Parts[2].Checkpoint, now.Checkpoint}, []any{first.Checkpoint, second.Checkpoint, second.Checkpoint, g.Checkpoint})
	s.equal(now.Only(func(p int) bool { return p == 1 }).Checkpoint, second.Checkpoint)
	// All that a commit moves has to be where it says.
	both := first.Join(second)
	s.wants(s.Store.Commit(s.ctx, readmodels.Batch{Generation: both, From: 1, To: 3}), readmodels.ErrFenced)
	s.equal(s.opened(1).Parts, now.Parts)
	s.commit(&second)
	both = first.Join(second)
	s.equal(both.Checkpoint, second.Checkpoint)
	s.must(s.Store.Commit(s.ctx, readmodels.Batch{Generation: both, From: 2, To: 7, Changes: []readmodels.Change{put("things", here, thing{ID: "c"}), put("things", there, thing{ID: "c"})}}))
	now = s.opened(1)
	s.equal([]any{now.Parts[0].Checkpoint, now.Parts[1].Checkpoint, now.Parts[2].Checkpoint, now.Parts[3].Checkpoint}, []any{both.Checkpoint + 5, both.Checkpoint + 5, both.Checkpoint + 5, g.Checkpoint})
	for _, c := range []id.Contact{here, there} {
		_, found := s.get(c, "c")
		s.equal(found, true)
	}
}

// A holder that was paused, and whose partition another has meanwhile, changes nothing.
func partitionsAreFenced(s *readStore) {
	g, here, there, ok := s.parted()
	if !ok {
		return
	}
	paused := s.fenced(g, 0, 1)
	s.commit(&paused, put("things", here, thing{ID: "a", Note: "paused"}), put("things", there, thing{ID: "a", Note: "paused"}))
	taken := s.fenced(g, 0)
	late := readmodels.Batch{
		Generation: paused, From: paused.Checkpoint, To: paused.Checkpoint + 1, Park: []readmodels.Parked{{Account: acme, Contact: there, Position: 2, Reason: "no"}},
		Changes: []readmodels.Change{put("things", here, thing{ID: "a", Note: "late"}), put("things", there, thing{ID: "a", Note: "late"})},
	}
	s.wants(s.Store.Commit(s.ctx, late), readmodels.ErrFenced)
	for _, c := range []id.Contact{here, there} {
		r, _ := s.get(c, "a")
		s.equal(r.Note, "paused")
	}
	parked, err := s.Store.Parked(s.ctx, g, "")
	s.must(err)
	s.equal(len(parked), 0)
	s.commit(&taken, put("things", here, thing{ID: "a", Note: "taken"}))
	// What was not taken goes on.
	rest := paused.Only(func(p int) bool { return p == 1 })
	s.commit(&rest, put("things", there, thing{ID: "a", Note: "still"}))
	r, _ := s.get(here, "a")
	s.equal(r.Note, "taken")
	r, _ = s.get(there, "a")
	s.equal(r.Note, "still")
}

func partitionsKeepTheirRows(s *readStore) {
	g, here, there, ok := s.parted()
	if !ok {
		return
	}
	mine := s.fenced(g, 0)
	for _, wrong := range []readmodels.Batch{
		{Changes: []readmodels.Change{put("things", here, thing{ID: "a"}), put("things", there, thing{ID: "a"})}},
		{Changes: []readmodels.Change{{Table: "things", Row: readmodels.Row{Key: readmodels.Key{Account: acme, Contact: there}}, Erase: true}}},
		{Park: []readmodels.Parked{{Account: acme, Contact: there, Position: 1}}},
	} {
		wrong.Generation, wrong.From, wrong.To = mine, mine.Checkpoint, mine.Checkpoint+1
		if err := s.Store.Commit(s.ctx, wrong); err == nil {
			s.Fatalf("what is of another partition was written: %+v", wrong)
		}
	}
	_, found := s.get(here, "a")
	s.equal(found, false)
	s.equal(s.opened(1).Parts[0].Checkpoint, mine.Checkpoint)
}

func switchesNeedEveryPartition(s *readStore) {
	live, _, _, ok := s.parted()
	if !ok {
		return
	}
	g, err := s.Store.Begin(s.ctx, "p", 1, both)
	s.must(err)
	s.equal(len(g.Parts), g.Of)
	s.commit(&g)
	s.must(s.Store.Seal(s.ctx, g))
	ahead := s.fenced(live, 3)
	s.commit(&ahead)
	s.commit(&ahead)
	s.wants(s.Store.Switch(s.ctx, g), readmodels.ErrBehind)
	s.commit(&g)
	part := g.Only(func(p int) bool { return p != 3 })
	s.wants(s.Store.Switch(s.ctx, part), readmodels.ErrFenced)
	s.must(s.Store.Switch(s.ctx, g))
	s.wants(s.Store.Commit(s.ctx, readmodels.Batch{Generation: ahead, From: ahead.Checkpoint, To: ahead.Checkpoint + 1}), readmodels.ErrFenced)
	now := s.opened(1)
	s.equal([]any{now.Number, now.Checkpoint}, []any{g.Number, g.Checkpoint})
}

// Whoever waits is woken by the commits of others, and sees the lowest of all partitions.
func commitsAreTold(s *readStore) {
	g, _, _, ok := s.parted()
	if !ok {
		return
	}
	other, shared := s.reopened().(readmodels.Shared)
	if !shared {
		s.Fatal("a store with partitions tells nobody of them")
	}
	s.equal(other.Partitions(), g.Of)
	first, rest := s.fenced(g, 0), s.fenced(g, rangeOf(1, g.Of)...)
	s.commit(&first)
	for range 3 {
		told := other.Committed()
		s.commit(&rest)
		select {
		case <-told:
		case <-s.ctx.Done():
			s.Fatal("the commit was never told")
		}
	}
	reached, err := other.Reached(s.ctx)
	s.must(err)
	s.equal(reached["p"], first.Checkpoint)
}

func rangeOf(from, to int) (out []int) {
	for n := from; n < to; n++ {
		out = append(out, n)
	}
	return out
}
