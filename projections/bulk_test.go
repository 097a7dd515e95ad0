package projections

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"

	"lonja/adapters/memory"
	"lonja/adapters/sqlite/readstore"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// Events of a tally: what is raised on a row depends on what was there before.
type raised struct{ Row, By int }
type cleared struct{ Row int }
type abandonedTally struct{}

func (raised) EventType() string         { return "tally.raised" }
func (cleared) EventType() string        { return "tally.cleared" }
func (abandonedTally) EventType() string { return "tally.abandoned" }

type tallyRow struct{ Sum int }

// after is the sum once it is raised: no two orders of the same events come to the same.
func (r tallyRow) after(by int) tallyRow { return tallyRow{(r.Sum*31 + by) % 1_000_003} }

// The tables of tallies: rows of lines are made and cleared, those of heads are looked at
// again and again, so that an eviction takes them last.
const (
	lines = "tally_lines"
	heads = "tally_heads"
)

// headOf is the row of heads that a row of lines counts for.
func headOf(row int) int { return row % 2 }

func tallyKey(o owner, row int) readmodels.Key {
	return readmodels.Key{Account: o.account, Contact: o.contact, ID: fmt.Sprint("row", row)}
}

func tallies() *Projection {
	table := func(name string) *readmodels.Table[tallyRow] {
		return &readmodels.Table[tallyRow]{
			Schema: readmodels.Schema{Name: name, Columns: []readmodels.Column{{Name: "sum", Kind: readmodels.Int}}},
			Values: func(r *tallyRow, dst []readmodels.Value) []readmodels.Value { return append(dst, readmodels.N(r.Sum)) },
		}
	}
	keys := func(rec *event.Recorded, row int) []readmodels.Key {
		return []readmodels.Key{tallyKey(owner{rec.Meta.Account, rec.Meta.Contact}, row)}
	}
	raise := func(r *tallyRow, _ bool, _ *event.Recorded, e raised) Action {
		*r = r.after(e.By)
		return Put
	}
	p := New("tallies", 1)
	EraseOn[abandonedTally](p)
	On(p, table(lines), func(rec *event.Recorded, e raised) []readmodels.Key { return keys(rec, e.Row) }, raise)
	On(p, table(heads), func(rec *event.Recorded, e raised) []readmodels.Key { return keys(rec, headOf(e.Row)) }, raise)
	On(p, table(lines), func(rec *event.Recorded, e cleared) []readmodels.Key { return keys(rec, e.Row) },
		func(*tallyRow, bool, *event.Recorded, cleared) Action { return Delete })
	return p
}

// talliesNow are the rows of tallies in maps, by table: what a rebuild of them has to come to.
type talliesNow map[string]map[readmodels.Key]tallyRow

func (now talliesNow) apply(o owner, e event.Event) {
	switch e := e.(type) {
	case raised:
		k, head := tallyKey(o, e.Row), tallyKey(o, headOf(e.Row))
		now[lines][k] = now[lines][k].after(e.By)
		now[heads][head] = now[heads][head].after(e.By)
	case cleared:
		delete(now[lines], tallyKey(o, e.Row))
	case abandonedTally:
		for _, rows := range now {
			maps.DeleteFunc(rows, func(k readmodels.Key, _ tallyRow) bool {
				return o.contact != "" && k.Account == o.account && k.Contact == o.contact // an account's own rows stay
			})
		}
	}
}

// tallyLog makes a log of tallies up.
type tallyLog struct {
	*rand.Rand
	contacts int
	position event.Position
}

func (l *tallyLog) next() (owner, event.Event) {
	o := owner{acme, id.Contact(fmt.Sprint("contact", l.IntN(l.contacts)))}
	if l.IntN(10) == 0 {
		o.account = "another"
	}
	if l.IntN(10) == 0 {
		o.contact = ""
	}
	switch n := l.IntN(100); {
	case n < 75:
		return o, raised{Row: l.IntN(6), By: l.IntN(1000)}
	case n < 96:
		return o, cleared{Row: l.IntN(6)}
	default:
		return o, abandonedTally{}
	}
}

// batch is the next part of the log, which it also takes down in now.
func (l *tallyLog) batch(now talliesNow) []item {
	items := make([]item, 1+l.IntN(30))
	for i := range items {
		l.position++
		o, e := l.next()
		now.apply(o, e)
		items[i] = item{
			stored: &event.Stored{Position: l.position, Stream: "tally", Raw: event.Raw{Type: e.EventType(), Data: make([]byte, l.IntN(3000))}},
			rec: event.Recorded{
				Type: e.EventType(), Position: l.position, Stream: "tally", Data: e, Meta: event.Metadata{Account: o.account, Contact: o.contact},
			},
		}
	}
	return items
}

// A rebuild may run out of memory at any moment: what goes to the store, all of it or the
// older half, is found there when an event looks at it again, and no row of it is taken for
// a new one.
func TestARebuildFindsWhatWentOutOfMemory(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) readmodels.Store{
		"memory": func(*testing.T) readmodels.Store { return memory.NewReadStore() },
		"sqlite": func(t *testing.T) readmodels.Store {
			s, err := readstore.Open(t.Context(), filepath.Join(t.TempDir(), "readmodels.db"), readstore.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		},
	} {
		for seed := range uint64(8) {
			t.Run(fmt.Sprint(name, " ", seed), func(t *testing.T) {
				t.Parallel()
				rebuildWithEvictions(t, open(t), seed, seed%2 == 1)
			})
		}
	}
}

func rebuildWithEvictions(t *testing.T, store readmodels.Store, seed uint64, careful bool) {
	ctx, cancel := context.WithCancel(t.Context())
	p := tallies()
	g, err := store.Begin(ctx, p.Name, p.Version, p.tables)
	if err != nil {
		t.Fatal(err)
	}
	// given a rebuild, with no memory to speak of
	b := newBulk(&Runner{cfg: Config{Store: store}}, p, g)
	b.work.before, b.work.careful = b.drain, careful
	var writer sync.WaitGroup
	writer.Go(func() { b.write(ctx) })
	defer writer.Wait()
	defer cancel()
	defer close(b.jobs)

	// when it folds a log, and evicts now and then
	log := &tallyLog{Rand: rand.New(rand.NewPCG(seed, 0))}
	log.contacts = 1 + log.IntN(40)
	want := talliesNow{lines: {}, heads: {}}
	for range 120 {
		if err := b.work.fold(ctx, log.batch(want)); err != nil {
			t.Fatal(err)
		}
		var err error
		switch log.IntN(4) {
		case 0:
			err = b.evict(ctx, log.position, 0)
		case 1:
			err = b.evict(ctx, log.position, b.work.cost/2)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := b.seal(ctx, log.position, make(chan struct{})); err != nil {
		t.Fatal(err)
	}

	// then the store has the rows that the events come to
	if len(b.work.park) > 0 {
		t.Errorf("%d events are parked, the first since %s", len(b.work.park), b.work.park[0].Reason)
	}
	got := talliesNow{lines: {}, heads: {}}
	for i := range p.tables {
		table := p.tables[i].Name
		if err := store.EachRow(ctx, b.work.gen, table, func(r readmodels.Row) error {
			row, err := p.foldsOf(raised{}.EventType())[i].codec.decode(r.Data)
			if err != nil {
				return err
			}
			got[table][r.Key] = *row.(*tallyRow)
			if sum := int64(got[table][r.Key].Sum); r.Values[0].Int() != sum {
				t.Errorf("%s: row %v is %d in its column, %d in its data", table, r.Key, r.Values[0].Int(), sum)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(want[table]) == 0 {
			t.Errorf("%s: the events come to no row", table)
		}
		for k, row := range want[table] {
			if have, ok := got[table][k]; have != row || !ok {
				t.Errorf("%s: row %v is %+v (it is there: %t), want %+v", table, k, have, ok, row)
			}
		}
		if len(got[table]) != len(want[table]) {
			t.Errorf("%s: there are %d rows, want %d", table, len(got[table]), len(want[table]))
		}
	}
}
