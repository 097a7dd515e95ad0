package readstore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lonja/adapters/postgres/database"
	"lonja/adapters/postgres/readstore"
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

// limit has the database take no more connections than some, -1 any number.
func limit(t *testing.T, db *database.DB, n int) {
	t.Helper()
	if _, err := db.Own.Exec(t.Context(), fmt.Sprintf("DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I CONNECTION LIMIT %d', current_database()); END $$", n)); err != nil {
		t.Fatal(err)
	}
}

// A server that has no more connections to give is one on which indexing takes longer.
func TestIndexesAreBuiltOnTheConnectionsThatThereAre(t *testing.T) {
	t.Parallel()
	db, s := open(t, tests.Database(t))
	old := live(t, s)
	commit(t, s, &old, put("acme", "ann", "1", "old"))
	g := begun(t, s)
	limit(t, db, 1)
	if conn, err := db.Connect(t.Context()); err == nil {
		t.Error("the server takes more connections", conn.Close(t.Context()))
	}
	commit(t, s, &g, put("acme", "ann", "1", "new"))
	commit(t, s, &g, put("acme", "ann", "2", "new"))
	if err := s.Seal(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	limit(t, db, -1)
	if err := s.Switch(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	var indexes int
	if err := db.Own.QueryRow(t.Context(), "SELECT count(*) FROM pg_indexes WHERE schemaname = 'lonja' AND tablename = $1", fmt.Sprintf("g%d_notes", g.Number)).Scan(&indexes); err != nil || indexes != 3 {
		t.Errorf("there are %d indexes, %v, want 3", indexes, err)
	}
}

// logged keeps what a store logs.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// The server gives each connection that builds an index its memory: a node has two of them
// beside its loaders' own, which help with whatever is sealed first. Others do without.
func TestConnectionsThatHelpToIndexAreShared(t *testing.T) {
	t.Parallel()
	var log logged
	db, err := database.Open(context.WithoutCancel(t.Context()), tests.Database(t), database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s, err := readstore.Open(context.WithoutCancel(t.Context()), db, readstore.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	written := func() readmodels.Generation {
		t.Helper()
		g := begun(t, s)
		commit(t, s, &g, put("acme", "ann", "1", "note"))
		return g
	}
	first, second, third := written(), written(), written()
	// begin seals a generation, none of whose indexes is built until it is waited for.
	begin := func(g readmodels.Generation) (wait func()) {
		t.Helper()
		tx, err := db.Own.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		table := fmt.Sprintf("lonja.g%d_notes", g.Number)
		if _, err := tx.Exec(t.Context(), "LOCK TABLE "+table+" IN ROW EXCLUSIVE MODE"); err != nil {
			t.Fatal(err)
		}
		sealed := make(chan error, 1)
		go func() { sealed <- s.Seal(t.Context(), g) }()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for n := 0; n < 3; {
			select {
			case <-tick.C:
			case err := <-sealed:
				t.Fatalf("sealing ended, %v, with %d connections at its indexes", err, n)
			case <-t.Context().Done():
				t.Fatalf("%d connections are at the indexes, want its own and two that help", n)
			}
			if err := tx.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE relation = $1::text::regclass AND NOT granted", table).Scan(&n); err != nil {
				t.Fatal(err)
			}
		}
		return func() {
			t.Helper()
			if err := errors.Join(tx.Rollback(t.Context()), <-sealed); err != nil {
				t.Fatal(err)
			}
		}
	}

	wait := begin(first)
	limit(t, db, 1)
	if err := s.Seal(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log.String(), "fewer connections") {
		t.Errorf("beside the two that help there was to be another:\n%s", log.String())
	}
	limit(t, db, -1)
	wait()
	begin(third)() // those that helped the first help it
}
