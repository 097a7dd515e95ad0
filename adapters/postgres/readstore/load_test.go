package readstore_test

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lonja/domain/id"
	"lonja/readmodels"
)

// loaded is a new generation of notes beside a live one.
func loaded(t *testing.T) (readmodels.Store, readmodels.Generation) {
	t.Helper()
	_, s := open(t, tests.Database(t))
	live(t, s)
	return s, begun(t, s)
}

func begun(t *testing.T, s readmodels.Store) readmodels.Generation {
	t.Helper()
	g, err := s.Begin(t.Context(), "notes", 1, []readmodels.Schema{notes.Schema})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Rows wait in memory while a generation is loaded: those that do, those that are written
// already, and those that were written again, deleted and erased meanwhile are found as if
// each commit had written its own.
func TestRowsThatWaitToBeLoadedAreFound(t *testing.T) {
	t.Parallel()
	s, g := loaded(t)
	long := strings.Repeat("x", 1000)
	want := map[readmodels.Key]string{}
	check := func(when string) {
		t.Helper()
		var keys []readmodels.Key
		for c := range 30 {
			for n := range 220 {
				keys = append(keys, readmodels.Key{Account: "acme", Contact: id.Contact(fmt.Sprint("c", c)), ID: fmt.Sprint(n)})
			}
		}
		rows, err := s.LoadRows(t.Context(), g, "notes", keys)
		if err != nil {
			t.Fatal(err)
		}
		got := map[readmodels.Key]string{}
		for i := range rows {
			got[rows[i].Key] = rows[i].Values[0].Text()
		}
		if len(rows) != len(want) {
			t.Errorf("%s: %d rows are found, want %d", when, len(rows), len(want))
		}
		for k, text := range want {
			if got[k] != text {
				t.Errorf("%s: row %v is %.20q, want %.20q", when, k, got[k], text)
			}
		}
	}
	write := func(changes ...readmodels.Change) {
		t.Helper()
		if err := s.Commit(t.Context(), readmodels.Batch{Generation: g, Changes: changes}); err != nil {
			t.Fatal(err)
		}
		for i := range changes {
			c := &changes[i]
			k := c.Row.Key
			switch {
			case c.Erase:
				for other := range want {
					if other.Contact == k.Contact {
						delete(want, other)
					}
				}
			case c.Delete:
				delete(want, k)
			default:
				want[k] = c.Row.Values[0].Text()
			}
		}
	}
	for n := range 200 { // some 6 MB twice over, as they are in the text and in the data
		var all []readmodels.Change
		for c := range 30 {
			all = append(all, put("acme", id.Contact(fmt.Sprint("c", c)), fmt.Sprint(n), fmt.Sprint("note ", n, long)))
		}
		write(all...)
	}
	check("loaded")
	write(put("acme", "c1", "1", "again"), put("acme", "c1", "1", "and again"), put("acme", "c2", "210", "new"))
	check("written again")
	write(readmodels.Change{Table: "notes", Row: readmodels.Row{Key: readmodels.Key{Account: "acme", Contact: "c1", ID: "2"}}, Delete: true})
	write(put("acme", "c3", "211", "waits"), readmodels.Change{Table: "notes", Row: readmodels.Row{Key: readmodels.Key{Account: "acme", Contact: "c3"}}, Erase: true}, put("acme", "c3", "212", "after"))
	write(put("acme", "c1", "2", "once more"))
	check("deleted and erased")
	if err := s.Seal(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	check("sealed")
	n := 0
	if err := s.EachRow(t.Context(), g, "notes", func(r readmodels.Row) error {
		n++
		if want[r.Key] != r.Values[0].Text() {
			t.Errorf("row %v is %.20q, want %.20q", r.Key, r.Values[0].Text(), want[r.Key])
		}
		return nil
	}); err != nil || n != len(want) {
		t.Errorf("there are %d rows, %v, want %d", n, err, len(want))
	}
}

// Indexes are built beside each other, outside of the transaction that seals: where one can't
// be, the generation is none.
func TestAGenerationWhoseIndexesFailIsNotSealed(t *testing.T) {
	t.Parallel()
	s, g := loaded(t)
	// Longer than what PostgreSQL has in an index, and nothing that it could compress.
	var unwieldy strings.Builder
	for unwieldy.Len() < 9000 {
		unwieldy.WriteString(rand.Text())
	}
	if err := s.Commit(t.Context(), readmodels.Batch{Generation: g, To: 5, Changes: []readmodels.Change{put("acme", "ann", unwieldy.String(), "note")}}); err != nil {
		t.Fatal(err)
	}
	g.Checkpoint = 5
	if err := s.Seal(t.Context(), g); err == nil || !strings.Contains(err.Error(), "index row") {
		t.Errorf("sealing says %v", err)
	}
	if err := s.Switch(t.Context(), g); err == nil {
		t.Error("it was switched to")
	}
	all, err := s.Generations(t.Context())
	if err != nil || !slices.ContainsFunc(all, func(o readmodels.Generation) bool { return o.Number == g.Number && !o.Sealed }) {
		t.Errorf("generations are %v, %v", all, err)
	}
	if err := s.Drop(t.Context(), g); err != nil {
		t.Error(err)
	}
}

// A server that has no more connections to give is one on which indexing takes longer.
func TestIndexesAreBuiltOnTheConnectionsThatThereAre(t *testing.T) {
	t.Parallel()
	db, s := open(t, tests.Database(t))
	old := live(t, s)
	commit(t, s, &old, put("acme", "ann", "1", "old"))
	g := begun(t, s)
	limit := func(n int) {
		t.Helper()
		if _, err := db.Own.Exec(t.Context(), fmt.Sprintf("DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I CONNECTION LIMIT %d', current_database()); END $$", n)); err != nil {
			t.Fatal(err)
		}
	}
	limit(1)
	if conn, err := db.Connect(t.Context()); err == nil {
		t.Error("the server takes more connections", conn.Close(t.Context()))
	}
	commit(t, s, &g, put("acme", "ann", "1", "new"))
	commit(t, s, &g, put("acme", "ann", "2", "new"))
	if err := s.Seal(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	limit(-1)
	if err := s.Switch(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	var indexes int
	if err := db.Own.QueryRow(t.Context(), "SELECT count(*) FROM pg_indexes WHERE schemaname = 'lonja' AND tablename = $1", fmt.Sprintf("g%d_notes", g.Number)).Scan(&indexes); err != nil || indexes != 3 {
		t.Errorf("there are %d indexes, %v, want 3", indexes, err)
	}
}
