package adaptertest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// OpenedReads is an empty read store and what it can do. The suite closes the store;
// closing it again must be harmless.
type OpenedReads struct {
	Store readmodels.Store

	// Reopen opens the data of a durable store again, also while it is open: as another
	// process would. nil for a store that forgets.
	Reopen func() (readmodels.Store, error)
}

// ReadStore checks every guarantee of readmodels.Store. open returns a fresh, empty
// store each time; it may be called from several tests at once.
func ReadStore(t *testing.T, open func(t *testing.T) OpenedReads) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*readStore)
	}{
		{"a first generation is live at once, and found again", firstIsLive},
		{"a new version is built beside the live one and switched to", versionsAreBuiltBeside},
		{"an older version is found again for a rollback", oldIsKept},
		{"a table is of one projection", tablesHaveOneProjection},
		{"a commit needs the checkpoint and the epoch", commitsAreFenced},
		{"a switch needs a sealed generation that is not behind", switchesAreGuarded},
		{"the former live generation takes no commits after a switch", switchFencesOld},
		{"a refused commit changes nothing", refusedChangesNothing},
		{"changes apply in order", changesApplyInOrder},
		{"rows are loaded by their keys", rowsAreLoaded},
		{"a generation is loaded in bulk", loadsInBulk},
		{"erased rows are gone, also while loading", erasedRowsAreGone},
		{"every comparison", everyComparison},
		{"pages are complete and without duplicates, both ways", pagesAreComplete},
		{"a view never returns another's rows", viewsAreIsolated},
		{"a scan that makes no sense is refused", senselessScans},
		{"parked events are kept with the commit", parkedAreKept},
		{"everything is there after a restart", readsAfterRestart},
		{"another process's switch is noticed", switchIsNoticed},
		{"partitions move on their own", partitionsMoveAlone},
		{"a paused holder of a partition changes nothing", partitionsAreFenced},
		{"a partition keeps to its rows", partitionsKeepTheirRows},
		{"a switch needs every partition", switchesNeedEveryPartition},
		{"nodes are told of commits", commitsAreTold},
		{"readers see before or after a commit, never between", readersSeeWholeCommits},
		{"an ended context ends reads, and leaves the store usable", endedContexts},
		{"a closed store says so", closedReadsSaySo},
		{"any sequence of calls does what a simple model does", readsBehaveAsModel},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // a store on a server, under the race detector on a busy machine, takes its time
			defer cancel()
			s := &readStore{T: t, ctx: ctx, OpenedReads: open(t)}
			defer s.Store.Close()
			c.test(s)
		})
	}
}

type readStore struct {
	*testing.T
	OpenedReads
	ctx context.Context
}

// thing is the row of the tests' tables.
type thing struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	Rank int64  `json:"rank"`
	Note string `json:"note,omitempty"`
}

func things(name string) *readmodels.Table[thing] {
	return &readmodels.Table[thing]{
		Schema: readmodels.Schema{
			Name:    name,
			Sifted:  true,
			Columns: []readmodels.Column{{Name: "kind", Kind: readmodels.Text}, {Name: "rank", Kind: readmodels.Int}},
			Indexes: []readmodels.Index{
				{Name: "kind", Columns: []string{"kind", "rank"}},
				{Name: "rank", Columns: []string{"rank"}},
				{Name: "all", Columns: []string{"kind", "rank"}, Wide: true},
			},
		},
		Values: func(r *thing, dst []readmodels.Value) []readmodels.Value {
			return append(dst, readmodels.T(r.Kind), readmodels.N(r.Rank))
		},
	}
}

// plains have no index that is wide.
func plains() *readmodels.Table[thing] {
	t := things("plains")
	t.Indexes = t.Indexes[:2]
	t.ByID, t.Sifted = true, false
	return t
}

var (
	both = []readmodels.Schema{things("things").Schema, plains().Schema}
	acme = id.Account("01J000000000000000000ACME0")
	ann  = id.Contact("01J0000000000000000000ANN0")
	bob  = id.Contact("01J0000000000000000000B0B0")
)

func rowOf(contact id.Contact, r thing) readmodels.Row {
	row, err := things("things").Encode(readmodels.Key{Account: acme, Contact: contact, ID: r.ID}, &r)
	if err != nil {
		panic(err)
	}
	return row
}

func put(table string, contact id.Contact, r thing) readmodels.Change {
	return readmodels.Change{Table: table, Row: rowOf(contact, r)}
}

func (s *readStore) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *readStore) wants(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("got error %v, want %v", err, want)
	}
}

func (s *readStore) opened(version int) readmodels.Generation {
	s.Helper()
	g, err := s.Store.Open(s.ctx, "p", version, both)
	s.must(err)
	return g
}

// commit moves the generation on by one event. It writes over the memory of the changes
// then, as who uses it again does.
func (s *readStore) commit(g *readmodels.Generation, changes ...readmodels.Change) {
	s.Helper()
	s.must(s.Store.Commit(s.ctx, readmodels.Batch{Generation: *g, From: g.Checkpoint, To: g.Checkpoint + 1, Changes: changes}))
	*g = g.Moved(g.Checkpoint + 1)
	for i := range changes {
		row := &changes[i].Row
		for j := range row.Data {
			row.Data[j] = '#'
		}
		clear(row.Values)
		changes[i] = readmodels.Change{}
	}
}

func (s *readStore) get(contact id.Contact, rowID string) (thing, bool) {
	s.Helper()
	r, ok, err := readmodels.Get(s.ctx, readmodels.For(s.Store, acme, contact), things("things"), rowID)
	s.must(err)
	return r, ok
}

func (s *readStore) ids(scan readmodels.Scan) string {
	s.Helper()
	rows, err := s.Store.ScanRows(s.ctx, scan)
	s.must(err)
	n, err := s.Store.CountRows(s.ctx, scan)
	s.must(err)
	bound := max(1, n-1)
	bounded := scan
	bounded.Limit = bound
	few, err := s.Store.CountRows(s.ctx, bounded)
	s.must(err)
	s.equal(few, min(n, bound))
	if scan.Limit == 0 && scan.After == nil && n != len(rows) {
		s.Fatalf("counted %d of %d rows of %+v", n, len(rows), scan)
	}
	var ids []string
	total := int64(0)
	for _, r := range rows {
		ids = append(ids, r.Key.ID)
		total += r.Values[1].Int()
	}
	counted, sums, err := s.Store.SumRows(s.ctx, scan, "rank", "rank")
	s.must(err)
	if whole := scan.Limit == 0 && scan.After == nil; len(sums) != 2 || sums[0] != sums[1] || whole && (counted != n || sums[0] != total) {
		s.Fatalf("%d rows add up to %v, want %d and %d of %+v", counted, sums, n, total, scan)
	}
	return strings.Join(ids, " ")
}

func (s *readStore) equal(got, want any) {
	s.Helper()
	if !reflect.DeepEqual(got, want) {
		s.Fatalf("got %v, want %v", got, want)
	}
}

func firstIsLive(s *readStore) {
	g := s.opened(1)
	s.equal(g.State, readmodels.Live)
	s.equal(g.Sealed, true)
	s.equal(g.Checkpoint, event.Position(0))
	s.commit(&g, put("things", ann, thing{ID: "a"}))
	again := s.opened(1)
	s.equal([]any{again.Number, again.Checkpoint, again.State}, []any{g.Number, event.Position(1), readmodels.Live})
	all, err := s.Store.Generations(s.ctx)
	s.must(err)
	s.equal(len(all), 1)
	s.equal(all[0].Tables, both)
}

func versionsAreBuiltBeside(s *readStore) {
	old := s.opened(1)
	s.commit(&old, put("things", ann, thing{ID: "a", Note: "old"}))
	g := s.opened(2)
	s.equal(g.State, readmodels.Building)
	s.equal(s.opened(2).Number, g.Number)
	s.commit(&g, put("things", ann, thing{ID: "a", Note: "new"}))
	r, _ := s.get(ann, "a")
	s.equal(r.Note, "old")
	s.must(s.Store.Seal(s.ctx, g))
	s.must(s.Store.Seal(s.ctx, g))
	r, _ = s.get(ann, "a")
	s.equal(r.Note, "old")
	s.must(s.Store.Switch(s.ctx, g))
	r, _ = s.get(ann, "a")
	s.equal(r.Note, "new")
	s.equal(s.ids(readmodels.Scan{Table: "things", Account: acme, Contact: ann, Index: "rank"}), "a")
	g = s.opened(2)
	s.equal(g.State, readmodels.Live)
	s.commit(&g, put("things", ann, thing{ID: "b"}))
}

func oldIsKept(s *readStore) {
	one := s.opened(1)
	two := s.opened(2)
	s.must(s.Store.Seal(s.ctx, two))
	s.must(s.Store.Switch(s.ctx, two))
	back := s.opened(1)
	s.equal([]any{back.Number, back.State}, []any{one.Number, readmodels.Old})
	back, err := s.Store.Fence(s.ctx, back)
	s.must(err)
	s.must(s.Store.Switch(s.ctx, back))
	s.equal(s.opened(1).State, readmodels.Live)
	three, err := s.Store.Begin(s.ctx, "p", 3, both)
	s.must(err)
	s.must(s.Store.Seal(s.ctx, three))
	s.must(s.Store.Switch(s.ctx, three))
	all, err := s.Store.Generations(s.ctx)
	s.must(err)
	var states []readmodels.GenerationState
	for _, g := range all {
		states = append(states, g.State)
	}
	s.equal(states, []readmodels.GenerationState{readmodels.Old, readmodels.Live}) // the older one is gone
	if err := s.Store.Drop(s.ctx, all[1]); err == nil {
		s.Fatal("a live generation was dropped")
	}
	s.must(s.Store.Drop(s.ctx, all[0]))
}

func tablesHaveOneProjection(s *readStore) {
	s.opened(1)
	if _, err := s.Store.Open(s.ctx, "other", 1, both[:1]); err == nil || !strings.Contains(err.Error(), "things") {
		s.Fatalf("got %v, want an error that names the table", err)
	}
	wrong := things("wrong").Schema
	wrong.Indexes = append(slices.Clone(wrong.Indexes), readmodels.Index{Name: "x", Columns: []string{"nothing"}})
	if _, err := s.Store.Open(s.ctx, "wrong", 1, []readmodels.Schema{wrong}); err == nil {
		s.Fatal("an index over no column was accepted")
	}
}

func commitsAreFenced(s *readStore) {
	g := s.opened(1)
	s.commit(&g, put("things", ann, thing{ID: "a"}))
	s.wants(s.Store.Commit(s.ctx, readmodels.Batch{Generation: g, From: 0, To: 5}), readmodels.ErrFenced)
	taken, err := s.Store.Fence(s.ctx, g)
	s.must(err)
	s.equal(taken.Checkpoint, g.Checkpoint)
	s.wants(s.Store.Commit(s.ctx, readmodels.Batch{Generation: g, From: 1, To: 2}), readmodels.ErrFenced)
	s.commit(&taken, put("things", ann, thing{ID: "b"}))
	if err := s.Store.Commit(s.ctx, readmodels.Batch{Generation: taken, From: 2, To: 1}); err == nil {
		s.Fatal("a checkpoint went back")
	}
	g.State = readmodels.Old
	_, err = s.Store.Fence(s.ctx, g)
	s.wants(err, readmodels.ErrFenced)
}

func switchesAreGuarded(s *readStore) {
	live := s.opened(1)
	s.commit(&live)
	g, err := s.Store.Begin(s.ctx, "p", 1, both)
	s.must(err)
	if err := s.Store.Switch(s.ctx, g); err == nil {
		s.Fatal("switched to a generation that is not sealed")
	}
	s.must(s.Store.Seal(s.ctx, g))
	s.wants(s.Store.Switch(s.ctx, g), readmodels.ErrBehind)
	s.commit(&live) // which nothing was lost for
	s.commit(&g)
	s.commit(&g)
	stale := g
	stale.Checkpoint = 1
	s.wants(s.Store.Switch(s.ctx, stale), readmodels.ErrFenced)
	s.must(s.Store.Switch(s.ctx, g))
	s.must(s.Store.Drop(s.ctx, live))
	s.wants(s.Store.Commit(s.ctx, readmodels.Batch{Generation: live, From: 2, To: 3}), readmodels.ErrFenced)
}

func switchFencesOld(s *readStore) {
	live := s.opened(1)
	s.commit(&live)
	g, err := s.Store.Begin(s.ctx, "p", 1, both)
	s.must(err)
	s.commit(&g)
	s.must(s.Store.Seal(s.ctx, g))
	s.must(s.Store.Switch(s.ctx, g))
	s.wants(s.Store.Commit(s.ctx, readmodels.Batch{Generation: live, From: 1, To: 2}), readmodels.ErrFenced)
	_, err = s.Store.Fence(s.ctx, live) // it believes itself live
	s.wants(err, readmodels.ErrFenced)
}

func refusedChangesNothing(s *readStore) {
	g := s.opened(1)
	s.commit(&g, put("things", ann, thing{ID: "a", Note: "first"}))
	err := s.Store.Commit(s.ctx, readmodels.Batch{Generation: g, From: 1, To: 2, Changes: []readmodels.Change{
		put("things", ann, thing{ID: "a", Note: "second"}), put("nowhere", ann, thing{ID: "a"}),
	}})
	s.wants(err, readmodels.ErrNoTable)
	r, _ := s.get(ann, "a")
	s.equal(r.Note, "first")
	s.equal(s.opened(1).Checkpoint, event.Position(1))
	_, _, err = s.Store.GetRow(s.ctx, "nowhere", readmodels.Key{Account: acme, ID: "a"})
	s.wants(err, readmodels.ErrNoTable)
}

func changesApplyInOrder(s *readStore) {
	g := s.opened(1)
	del := readmodels.Change{Table: "things", Row: readmodels.Row{Key: readmodels.Key{Account: acme, Contact: ann, ID: "a"}}, Delete: true}
	s.commit(&g, put("things", ann, thing{ID: "a", Note: "1"}), put("things", ann, thing{ID: "a", Note: "2"}))
	r, _ := s.get(ann, "a")
	s.equal(r.Note, "2")
	s.commit(&g, put("things", ann, thing{ID: "a", Note: "3"}), del)
	_, ok := s.get(ann, "a")
	s.equal(ok, false)
	s.commit(&g, del, put("things", ann, thing{ID: "a", Note: "4"}))
	r, _ = s.get(ann, "a")
	s.equal(r.Note, "4")
}

func rowsAreLoaded(s *readStore) {
	g := s.opened(1)
	s.commit(&g, put("things", ann, thing{ID: "a", Kind: "é\x00", Rank: -5}), put("things", "", thing{ID: "a"}), put("plains", ann, thing{ID: "p"}))
	rows, err := s.Store.LoadRows(s.ctx, g, "things", []readmodels.Key{
		{Account: acme, Contact: ann, ID: "a"}, {Account: acme, Contact: bob, ID: "a"}, {Account: acme, ID: "a"}, {Account: acme, Contact: ann, ID: "p"},
	})
	s.must(err)
	slices.SortFunc(rows, func(a, b readmodels.Row) int { return cmp.Compare(a.Key.Contact, b.Key.Contact) })
	s.equal(rows, []readmodels.Row{rowOf("", thing{ID: "a"}), rowOf(ann, thing{ID: "a", Kind: "é\x00", Rank: -5})})
	_, err = s.Store.LoadRows(s.ctx, g, "nowhere", nil)
	s.wants(err, readmodels.ErrNoTable)
}

func loadsInBulk(s *readStore) {
	s.opened(1)
	g, err := s.Store.Begin(s.ctx, "p", 2, both)
	s.must(err)
	for i := range 50 {
		s.commit(&g, put("things", ann, thing{ID: fmt.Sprint("r", i), Kind: "x", Rank: int64(i)}), put("things", bob, thing{ID: fmt.Sprint("r", i%7), Rank: int64(i)}))
	}
	rows, err := s.Store.LoadRows(s.ctx, g, "things", []readmodels.Key{{Account: acme, Contact: bob, ID: "r0"}, {Account: acme, Contact: bob, ID: "r9"}})
	s.must(err)
	s.equal(rows, []readmodels.Row{rowOf(bob, thing{ID: "r0", Rank: 49})})
	s.commit(&g, readmodels.Change{Table: "things", Row: readmodels.Row{Key: readmodels.Key{Account: acme, Contact: bob, ID: "r0"}}, Delete: true})
	s.must(s.Store.Seal(s.ctx, g))
	s.commit(&g, put("things", ann, thing{ID: "late", Kind: "x", Rank: 7}))
	var ids []string
	s.must(s.Store.EachRow(s.ctx, g, "things", func(r readmodels.Row) error {
		ids = append(ids, string(r.Key.Contact)+"/"+r.Key.ID)
		return nil
	}))
	s.equal(len(ids), 50+6+1)
	s.equal(slices.IsSorted(ids), true)
	s.must(s.Store.Switch(s.ctx, g))
	s.equal(s.ids(readmodels.Scan{Table: "things", Account: acme, Contact: ann, Index: "kind", Limit: 9, Where: []readmodels.Cond{readmodels.Where("kind", readmodels.Eq, readmodels.T("x"))}}),
		"r0 r1 r2 r3 r4 r5 r6 late r7")
}

func erasedRowsAreGone(s *readStore) {
	live := s.opened(1)
	g, err := s.Store.Begin(s.ctx, "p", 1, both)
	s.must(err)
	erase := readmodels.Change{Table: "things", Row: readmodels.Row{Key: readmodels.Key{Account: acme, Contact: ann}}, Erase: true}
	for _, g := range []*readmodels.Generation{&live, &g} {
		s.commit(g, put("things", ann, thing{ID: "a"}), put("things", ann, thing{ID: "b"}), put("things", bob, thing{ID: "a"}), put("things", "", thing{ID: "a"}))
		s.commit(g, erase, put("things", ann, thing{ID: "b", Note: "tombstone"}))
		rows, err := s.Store.LoadRows(s.ctx, *g, "things", []readmodels.Key{{Account: acme, Contact: ann, ID: "a"}, {Account: acme, Contact: ann, ID: "b"}})
		s.must(err)
		s.equal(rows, []readmodels.Row{rowOf(ann, thing{ID: "b", Note: "tombstone"})})
	}
	s.must(s.Store.Seal(s.ctx, g))
	for range 2 {
		s.equal(s.ids(readmodels.Scan{Table: "things", Account: acme, Contact: ann}), "b")
		s.equal(s.ids(readmodels.Scan{Table: "things", Account: acme, Contact: bob}), "a")
		s.equal(s.ids(readmodels.Scan{Table: "things", Account: acme}), "a")
		s.must(s.Store.Switch(s.ctx, g))
	}
}

// fill commits rows of two contacts and the account.
func (s *readStore) fill() {
	g := s.opened(1)
	var changes []readmodels.Change
	for _, table := range []string{"things", "plains"} {
		for i := range 12 {
			changes = append(changes,
				put(table, ann, thing{ID: fmt.Sprintf("a%02d", i), Kind: string(rune('p' + i%3)), Rank: int64(i / 4)}),
				put(table, bob, thing{ID: fmt.Sprintf("a%02d", i), Kind: string(rune('p' + i%2)), Rank: int64(i % 5)}))
		}
		changes = append(changes, put(table, "", thing{ID: "own", Kind: "p"}))
	}
	s.commit(&g, changes...)
}

func everyComparison(s *readStore) {
	s.fill()
	for _, c := range []struct {
		column string
		op     readmodels.Op
		values []readmodels.Value
		want   string
	}{
		{"rank", readmodels.Eq, []readmodels.Value{readmodels.N(1)}, "a04 a05 a06 a07"},
		{"rank", readmodels.Ne, []readmodels.Value{readmodels.N(1)}, "a00 a01 a02 a03 a08 a09 a10 a11"},
		{"rank", readmodels.Lt, []readmodels.Value{readmodels.N(1)}, "a00 a01 a02 a03"},
		{"rank", readmodels.Le, []readmodels.Value{readmodels.N(0)}, "a00 a01 a02 a03"},
		{"rank", readmodels.Gt, []readmodels.Value{readmodels.N(1)}, "a08 a09 a10 a11"},
		{"rank", readmodels.Ge, []readmodels.Value{readmodels.N(2)}, "a08 a09 a10 a11"},
		{"rank", readmodels.In, []readmodels.Value{readmodels.N(0), readmodels.N(2), readmodels.N(7), readmodels.N(8), readmodels.N(9), readmodels.N(10)}, "a00 a01 a02 a03 a08 a09 a10 a11"},
		{"rank", readmodels.In, nil, ""},
		{"kind", readmodels.Eq, []readmodels.Value{readmodels.T("q")}, "a01 a04 a07 a10"},
		{"kind", readmodels.Gt, []readmodels.Value{readmodels.T("q")}, "a02 a05 a08 a11"},
		{"kind", readmodels.Contains, []readmodels.Value{readmodels.T("r")}, "a02 a05 a08 a11"},
		{"kind", readmodels.Contains, []readmodels.Value{readmodels.T("%")}, ""},
		{"kind", readmodels.Contains, []readmodels.Value{readmodels.T("")}, "a00 a01 a02 a03 a04 a05 a06 a07 a08 a09 a10 a11"},
	} {
		scan := readmodels.Scan{Table: "things", Account: acme, Contact: ann, Where: []readmodels.Cond{readmodels.Where(c.column, c.op, c.values...)}}
		if got := s.ids(scan); got != c.want {
			s.Errorf("%s %d %v: got %s, want %s", c.column, c.op, c.values, got, c.want)
		}
		n, err := s.Store.CountRows(s.ctx, scan)
		s.must(err)
		if want := len(strings.Fields(c.want)); n != want {
			s.Errorf("%s %d %v: counted %d, want %d", c.column, c.op, c.values, n, want)
		}
		scan.Order = []string{"rank"}
		got := strings.Fields(s.ids(scan))
		if slices.Sort(got); strings.Join(got, " ") != c.want {
			s.Errorf("%s %d %v by rank: got %s, want %s", c.column, c.op, c.values, got, c.want)
		}
	}
	s.equal(s.ids(readmodels.Scan{Table: "things", Account: acme, Contact: ann, Index: "kind", Limit: 5}), "a00 a03 a06 a09 a01")
	s.equal(s.ids(readmodels.Scan{Table: "things", Account: acme, Contact: ann, Index: "kind", Limit: 5, Desc: true}), "a11 a08 a05 a02 a10")
}

func pagesAreComplete(s *readStore) {
	s.fill()
	for _, tab := range []*readmodels.Table[thing]{things("things"), plains()} {
		for _, view := range []readmodels.View{readmodels.For(s.Store, acme, ann), readmodels.ForStaff(s.Store, acme), readmodels.ForAccount(s.Store, acme)} {
			for _, index := range []string{"", "kind", "rank", "all"} {
				if tab.Index(index) < 0 && index != "" {
					continue
				}
				for _, where := range [][]readmodels.Cond{
					nil,
					{readmodels.Where("kind", readmodels.Eq, readmodels.T("p"))},
					{readmodels.Where("rank", readmodels.Eq, readmodels.N(1))},
					{readmodels.Where("rank", readmodels.Ge, readmodels.N(1))},
				} {
					for _, desc := range []bool{false, true} {
						for _, limit := range []int{1, 3, 100} {
							s.pages(view, tab, readmodels.Query{Index: index, Where: where, Desc: desc, Limit: limit})
						}
					}
				}
			}
		}
	}
}

func (s *readStore) pages(view readmodels.View, tab *readmodels.Table[thing], q readmodels.Query) {
	s.Helper()
	whole := q
	whole.Limit = 0
	want, err := readmodels.List(s.ctx, view, tab, whole)
	s.must(err)
	var got []readmodels.Item[thing]
	for range len(want.Items) + 2 {
		p, err := readmodels.List(s.ctx, view, tab, q)
		s.must(err)
		got = append(got, p.Items...)
		if q.After = p.Next; q.After == "" {
			break
		}
	}
	if len(got) != len(want.Items) || len(got) > 0 && !reflect.DeepEqual(got, want.Items) {
		s.Fatalf("pages of %+v of %s are\n%v\nnot\n%v", q, tab.Name, got, want.Items)
	}
}

func viewsAreIsolated(s *readStore) {
	s.fill()
	g := s.opened(1)
	other := id.Account("01J00000000000000000THER00")
	row := rowOf(ann, thing{ID: "foreign", Kind: "p"})
	row.Key.Account = other
	data := string(row.Data)
	s.commit(&g, readmodels.Change{Table: "things", Row: row}, readmodels.Change{Table: "plains", Row: row})
	for _, table := range []string{"things", "plains"} {
		for _, index := range []string{"", "kind", "rank"} {
			for who, want := range map[id.Contact]int{ann: 12, bob: 12, "": 1, "01J00000000000000000N0B0DY": 0} {
				rows, err := s.Store.ScanRows(s.ctx, readmodels.Scan{Table: table, Account: acme, Contact: who, Index: index})
				s.must(err)
				s.equal(len(rows), want)
				for _, r := range rows {
					s.equal([]any{r.Key.Account, r.Key.Contact}, []any{acme, who})
				}
			}
			rows, err := s.Store.ScanRows(s.ctx, readmodels.Scan{Table: table, Account: acme, AllContacts: true, Index: index})
			s.must(err)
			s.equal(len(rows), 25)
			rows, err = s.Store.ScanRows(s.ctx, readmodels.Scan{Table: table, Account: other, AllContacts: true, Index: index})
			s.must(err)
			s.equal(len(rows), 1)
			s.equal(rows[0].Key, row.Key)
		}
	}
	found, ok, err := s.Store.FindRow(s.ctx, "plains", other, "foreign")
	s.must(err)
	s.equal([]any{ok, found.Key, string(found.Data)}, []any{true, row.Key, data})
	for _, rowID := range []string{"foreign", "none"} {
		_, ok, err := s.Store.FindRow(s.ctx, "plains", acme, rowID)
		s.must(err)
		s.equal(ok, false)
	}
	if _, _, err := s.Store.FindRow(s.ctx, "things", other, "foreign"); err == nil {
		s.Errorf("a row of a table that is not kept by id was found by it")
	}
	for _, k := range []readmodels.Key{
		{Account: acme, Contact: ann, ID: "foreign"}, {Account: other, Contact: bob, ID: "foreign"}, {Account: other, ID: "foreign"}, {Account: acme, Contact: ann, ID: "own"},
	} {
		_, ok, err := s.Store.GetRow(s.ctx, "things", k)
		s.must(err)
		s.equal(ok, false)
	}
}

func senselessScans(s *readStore) {
	for _, column := range []string{"kind", "nothing"} {
		if _, _, err := s.Store.SumRows(s.ctx, readmodels.Scan{Table: "things", Account: acme, Contact: ann}, column); err == nil {
			s.Fatalf("%s was added up", column)
		}
	}
	s.fill()
	for _, scan := range []readmodels.Scan{
		{Table: "things", Contact: ann},
		{Table: "things", Account: acme, Contact: ann, AllContacts: true},
		{Table: "things", Account: acme, Index: "nothing"},
		{Table: "things", Account: acme, Order: []string{"nothing"}},
		{Table: "things", Account: acme, Order: []string{"rank", "rank"}},
		{Table: "things", Account: acme, Index: "kind", Order: []string{"rank"}},
		{Table: "things", Account: acme, Order: []string{"rank"}, After: &readmodels.Cursor{Values: []readmodels.Value{readmodels.T("x")}, ID: "a"}},
		{Table: "things", Account: acme, Where: []readmodels.Cond{readmodels.Where("nothing", readmodels.Eq, readmodels.N(1))}},
		{Table: "things", Account: acme, Where: []readmodels.Cond{readmodels.Where("kind", readmodels.Eq, readmodels.N(1))}},
		{Table: "things", Account: acme, Where: []readmodels.Cond{readmodels.Where("rank", readmodels.Contains, readmodels.N(1))}},
		{Table: "things", Account: acme, Where: []readmodels.Cond{readmodels.Where("rank", readmodels.Eq)}},
		{Table: "things", Account: acme, Index: "kind", After: &readmodels.Cursor{ID: "a"}},
		{Table: "things", Account: acme, Index: "rank", After: &readmodels.Cursor{Values: []readmodels.Value{readmodels.T("x")}, ID: "a"}},
	} {
		if rows, err := s.Store.ScanRows(s.ctx, scan); err == nil {
			s.Errorf("scan %+v was answered with %d rows", scan, len(rows))
		}
	}
}

func parkedAreKept(s *readStore) {
	g := s.opened(1)
	at := time.UnixMilli(1_700_000_000_123).UTC()
	one := readmodels.Parked{Account: acme, Contact: ann, Position: 3, Stream: "s-1", Revision: 2, Type: "t", Reason: "why", At: at}
	two := readmodels.Parked{Account: acme, Contact: bob, Position: 1, Stream: "s-2", Type: "t", At: at}
	s.must(s.Store.Commit(s.ctx, readmodels.Batch{Generation: g, From: 0, To: 4, Park: []readmodels.Parked{one, two}}))
	all, err := s.Store.Parked(s.ctx, g, "")
	s.must(err)
	s.equal(all, []readmodels.Parked{two, one})
	some, err := s.Store.Parked(s.ctx, g, ann)
	s.must(err)
	s.equal(some, []readmodels.Parked{one})
	one.Skipped, one.Reason = true, "as agreed"
	s.must(s.Store.Commit(s.ctx, readmodels.Batch{Generation: g, From: 4, To: 4, Park: []readmodels.Parked{one}, Unpark: []event.Position{1, 9}}))
	all, err = s.Store.Parked(s.ctx, g, "")
	s.must(err)
	s.equal(all, []readmodels.Parked{one})
	// Of another generation they are not.
	g, err = s.Store.Begin(s.ctx, "p", 2, both)
	s.must(err)
	all, err = s.Store.Parked(s.ctx, g, "")
	s.must(err)
	s.equal(len(all), 0)
	s.must(s.Store.Commit(s.ctx, readmodels.Batch{Generation: g, To: 1, Park: []readmodels.Parked{two}}))
	all, err = s.Store.Parked(s.ctx, g, "")
	s.must(err)
	s.equal(all, []readmodels.Parked{two})
}

func (s *readStore) reopened() readmodels.Store {
	s.Helper()
	if s.Reopen == nil {
		return nil
	}
	again, err := s.Reopen()
	s.must(err)
	s.Cleanup(func() { again.Close() })
	return again
}

func readsAfterRestart(s *readStore) {
	if s.Reopen == nil {
		return // it forgets
	}
	s.fill()
	g := s.opened(1)
	g, err := s.Store.Fence(s.ctx, g)
	s.must(err)
	lost, err := s.Store.Begin(s.ctx, "p", 2, both)
	s.must(err)
	s.commit(&lost, put("things", ann, thing{ID: "lost"}))
	want := s.ids(readmodels.Scan{Table: "things", Account: acme, AllContacts: true, Index: "all"})
	s.must(s.Store.Close())
	s.Store = s.reopened()
	s.equal(s.ids(readmodels.Scan{Table: "things", Account: acme, AllContacts: true, Index: "all"}), want)
	again := s.opened(1)
	s.equal([]any{again.Number, again.Epoch, again.Checkpoint, again.State}, []any{g.Number, g.Epoch, g.Checkpoint, readmodels.Live})
	s.wants(s.Store.Seal(s.ctx, lost), readmodels.ErrFenced) // loading ended with its process
	fresh := s.opened(2)
	s.equal(fresh.Checkpoint, event.Position(0))
}

func switchIsNoticed(s *readStore) {
	if s.Reopen == nil {
		return // there is no other process
	}
	live := s.opened(1)
	s.commit(&live, put("things", ann, thing{ID: "a", Note: "old"}))
	other := s.reopened()
	g, err := other.Begin(s.ctx, "p", 2, both)
	s.must(err)
	g2 := g
	s.wants(s.Store.Commit(s.ctx, readmodels.Batch{Generation: g, To: 1}), readmodels.ErrFenced) // who began it loads it
	s.must(other.Commit(s.ctx, readmodels.Batch{Generation: g, To: 1, Changes: []readmodels.Change{put("things", ann, thing{ID: "a", Note: "new"})}}))
	g2.Checkpoint = 1
	s.must(other.Seal(s.ctx, g2))
	s.must(other.Switch(s.ctx, g2))
	s.wants(s.Store.Commit(s.ctx, readmodels.Batch{Generation: live, From: 1, To: 2}), readmodels.ErrFenced)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if r, _ := s.get(ann, "a"); r.Note == "new" {
			break
		}
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			s.Fatal("the switch was never noticed")
		}
	}
	mine := s.opened(2)
	s.equal([]any{mine.Number, mine.State}, []any{g.Number, readmodels.Live})
}

func readersSeeWholeCommits(s *readStore) {
	g := s.opened(1)
	const rows = 8
	write := func(n int64) {
		var changes []readmodels.Change
		for i := range rows {
			changes = append(changes, put("things", ann, thing{ID: fmt.Sprint(i), Rank: n}))
		}
		s.commit(&g, changes...)
	}
	write(0)
	ctx, cancel := context.WithCancel(s.ctx)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for last := int64(0); ctx.Err() == nil; {
				found, err := s.Store.ScanRows(ctx, readmodels.Scan{Table: "things", Account: acme, Contact: ann, Index: "rank"})
				if err != nil {
					if ctx.Err() == nil {
						s.Error(err)
					}
					return
				}
				first := found[0].Values[1].Int()
				if len(found) != rows || found[rows-1].Values[1].Int() != first || first < last {
					s.Errorf("saw %d rows from %d to %d after %d", len(found), first, found[len(found)-1].Values[1].Int(), last)
					return
				}
				last = first
			}
		})
	}
	for n := range int64(200) {
		write(n + 1)
	}
	cancel()
	readers.Wait()
}

func endedContexts(s *readStore) {
	s.fill()
	for range 50 { // more than any pool has connections
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		_, _, err := s.Store.GetRow(ctx, "things", readmodels.Key{Account: acme, Contact: ann, ID: "a00"})
		s.wants(err, context.Canceled)
		_, err = s.Store.ScanRows(ctx, readmodels.Scan{Table: "things", Account: acme, Contact: ann})
		s.wants(err, context.Canceled)
		func() {
			defer func() { recover() }() // as a handler that panics while it goes through rows
			g := s.opened(1)
			s.Store.EachRow(s.ctx, g, "things", func(readmodels.Row) error { panic("in a handler") })
		}()
	}
	g := s.opened(1)
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	s.wants(s.Store.Commit(ctx, readmodels.Batch{Generation: g, From: g.Checkpoint, To: 9}), context.Canceled)
	s.equal(s.opened(1).Checkpoint, g.Checkpoint)
	_, ok := s.get(ann, "a00")
	s.equal(ok, true)
}

func closedReadsSaySo(s *readStore) {
	g := s.opened(1)
	s.must(s.Store.Close())
	s.must(s.Store.Close())
	_, _, err := s.Store.GetRow(s.ctx, "things", readmodels.Key{Account: acme, ID: "a"})
	s.wants(err, readmodels.ErrClosed)
	s.wants(s.Store.Commit(s.ctx, readmodels.Batch{Generation: g, To: 1}), readmodels.ErrClosed)
	_, err = s.Store.Open(s.ctx, "p", 1, both)
	s.wants(err, readmodels.ErrClosed)
	_, err = s.Store.Generations(s.ctx)
	s.wants(err, readmodels.ErrClosed)
}

// readsBehaveAsModel commits at random to a live and to a loading generation, and
// holds rows and scans of both to a map.
func readsBehaveAsModel(s *readStore) {
	n := 0
	rapid.Check(s.T, func(t *rapid.T) {
		n++
		table := fmt.Sprint("model", n)
		schema := []readmodels.Schema{things(table).Schema}
		live, err := s.Store.Open(s.ctx, table, 1, schema)
		if err != nil {
			t.Fatal(err)
		}
		bulk, err := s.Store.Begin(s.ctx, table, 1, schema)
		if err != nil {
			t.Fatal(err)
		}
		model := map[readmodels.Key]readmodels.Row{}
		contacts := []id.Contact{"", ann, bob}
		for range rapid.IntRange(1, 8).Draw(t, "commits") {
			var changes []readmodels.Change
			for range rapid.IntRange(0, 8).Draw(t, "changes") {
				contact := rapid.SampledFrom(contacts).Draw(t, "contact")
				r := thing{
					ID:   rapid.SampledFrom([]string{"a", "b", "c", "d", ""}).Draw(t, "id"),
					Kind: rapid.SampledFrom([]string{"", "x", "y", "xy"}).Draw(t, "kind"), Rank: rapid.Int64Range(-1, 2).Draw(t, "rank"),
				}
				c := put(table, contact, r)
				switch rapid.IntRange(0, 9).Draw(t, "what") {
				case 0, 1:
					c = readmodels.Change{Table: table, Row: readmodels.Row{Key: c.Row.Key}, Delete: true}
					delete(model, c.Row.Key)
				case 2:
					c = readmodels.Change{Table: table, Row: readmodels.Row{Key: readmodels.Key{Account: acme, Contact: contact}}, Erase: true}
					for k := range model {
						if k.Contact == contact {
							delete(model, k)
						}
					}
				default:
					model[c.Row.Key] = c.Row
				}
				changes = append(changes, c)
			}
			for _, g := range []*readmodels.Generation{&live, &bulk} {
				if err := s.Store.Commit(s.ctx, readmodels.Batch{Generation: *g, From: g.Checkpoint, To: g.Checkpoint + 1, Changes: changes}); err != nil {
					t.Fatal(err)
				}
				g.Checkpoint++
			}
		}
		check := func() {
			for range 6 {
				scan := readmodels.Scan{
					Table: table, Account: acme, Contact: rapid.SampledFrom(contacts).Draw(t, "of"), AllContacts: rapid.Bool().Draw(t, "all"),
					Index: rapid.SampledFrom([]string{"", "kind", "rank", "all"}).Draw(t, "index"), Desc: rapid.Bool().Draw(t, "desc"),
					Limit: rapid.IntRange(0, 3).Draw(t, "limit"),
				}
				if scan.AllContacts {
					scan.Contact = ""
				}
				if scan.Index == "" {
					scan.Order = rapid.SampledFrom([][]string{nil, {"rank"}, {"kind", "rank"}, {"rank", "kind"}}).Draw(t, "order")
				}
				if rapid.Bool().Draw(t, "filtered") {
					scan.Where = append(scan.Where, readmodels.Where("kind", readmodels.Op(rapid.IntRange(1, 8).Draw(t, "op")), readmodels.T(rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "value"))))
				}
				if rapid.Bool().Draw(t, "filtered by rank") {
					scan.Where = append(scan.Where, readmodels.Where("rank", readmodels.Op(rapid.IntRange(1, 7).Draw(t, "op")), readmodels.N(rapid.Int64Range(-1, 2).Draw(t, "value"))))
				}
				cursor := thing{ID: rapid.SampledFrom([]string{"a", "c", "zz"}).Draw(t, "after"), Kind: "x", Rank: rapid.Int64Range(-1, 2).Draw(t, "after rank")}
				if rapid.Bool().Draw(t, "resumed") {
					scan.After = &readmodels.Cursor{ID: cursor.ID, Contact: scan.Contact}
					if scan.AllContacts {
						scan.After.Contact = ann
					}
					for _, name := range orderOf(scan) {
						if name == "kind" {
							scan.After.Values = append(scan.After.Values, readmodels.T(cursor.Kind))
						} else {
							scan.After.Values = append(scan.After.Values, readmodels.N(cursor.Rank))
						}
					}
				}
				got, err := s.Store.ScanRows(s.ctx, scan)
				if err != nil {
					t.Fatal(err)
				}
				want := modelScan(model, scan, cursor)
				if len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
					t.Fatalf("scan %+v gave\n%v, want\n%v", scan, shown(got), shown(want))
				}
				// What is counted and added up is all that meets the conditions.
				whole := scan
				whole.After, whole.Limit = nil, 0
				all := modelScan(model, whole, cursor)
				var sum int64
				for _, r := range all {
					sum += r.Values[1].Int()
				}
				counted, err := s.Store.CountRows(s.ctx, scan)
				if err != nil {
					t.Fatal(err)
				}
				atMost := len(all)
				if scan.Limit > 0 {
					atMost = min(atMost, scan.Limit)
				}
				n, sums, err := s.Store.SumRows(s.ctx, scan, "rank")
				if err != nil {
					t.Fatal(err)
				}
				if counted != atMost || n != len(all) || sums[0] != sum {
					t.Fatalf("scan %+v: %d rows of %d counted, sum %d of %d; want %d, and %d of %d", scan, counted, atMost, sums[0], n, atMost, sum, len(all))
				}
			}
		}
		check()
		if err := s.Store.Seal(s.ctx, bulk); err != nil {
			t.Fatal(err)
		}
		if err := s.Store.Switch(s.ctx, bulk); err != nil {
			t.Fatal(err)
		}
		check()
	})
}

func shown(rows []readmodels.Row) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%s/%s %s\n", r.Key.Contact, r.Key.ID, r.Data)
	}
	return b.String()
}

// orderOf returns the columns that a scan orders by.
func orderOf(scan readmodels.Scan) []string {
	switch scan.Index {
	case "kind", "all":
		return []string{"kind", "rank"}
	case "rank":
		return []string{"rank"}
	}
	return scan.Order
}

func modelScan(model map[readmodels.Key]readmodels.Row, scan readmodels.Scan, after thing) []readmodels.Row {
	decoded := func(r readmodels.Row) (t thing) {
		if err := json.Unmarshal(r.Data, &t); err != nil {
			panic(err)
		}
		return t
	}
	order := func(a, b thing, ca, cb id.Contact) int {
		c := 0
		for _, name := range orderOf(scan) {
			if name == "kind" {
				c = cmp.Or(c, cmp.Compare(a.Kind, b.Kind))
			} else {
				c = cmp.Or(c, cmp.Compare(a.Rank, b.Rank))
			}
		}
		c = cmp.Or(c, cmp.Compare(ca, cb), cmp.Compare(a.ID, b.ID))
		if scan.Desc {
			c = -c
		}
		return c
	}
	var out []readmodels.Row
	for k, r := range model {
		if !scan.AllContacts && k.Contact != scan.Contact {
			continue
		}
		keep := true
		for _, c := range scan.Where {
			row := decoded(r)
			o := cmp.Compare(row.Rank, c.Values[0].Int())
			if c.Column == "kind" {
				o = cmp.Compare(row.Kind, c.Values[0].Text())
			}
			keep = keep && [...]bool{
				readmodels.Eq: o == 0, readmodels.Ne: o != 0, readmodels.Lt: o < 0, readmodels.Le: o <= 0, readmodels.Gt: o > 0, readmodels.Ge: o >= 0,
				readmodels.In: o == 0, readmodels.Contains: strings.Contains(row.Kind, c.Values[0].Text()),
			}[c.Op]
		}
		if scan.After != nil && order(decoded(r), after, k.Contact, scan.After.Contact) <= 0 {
			keep = false
		}
		if keep {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b readmodels.Row) int { return order(decoded(a), decoded(b), a.Key.Contact, b.Key.Contact) })
	if scan.Limit > 0 && len(out) > scan.Limit {
		out = out[:scan.Limit]
	}
	return out
}
