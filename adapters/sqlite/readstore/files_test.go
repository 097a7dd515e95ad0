package readstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/adapters/sqlite/readstore"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

type note struct {
	Text string `json:"text"`
}

var notes = &readmodels.Table[note]{
	Schema: readmodels.Schema{
		Name: "notes", Sifted: true, Columns: []readmodels.Column{{Name: "text", Kind: readmodels.Text}},
		Indexes: []readmodels.Index{{Name: "text", Columns: []string{"text"}}, {Name: "all", Columns: []string{"text"}, Wide: true}},
	},
	Values: func(n *note, dst []readmodels.Value) []readmodels.Value { return append(dst, readmodels.T(n.Text)) },
}

func open(t testing.TB, path string) *readstore.Store {
	t.Helper()
	s, err := readstore.Open(t.Context(), path, readstore.Options{Many: 100})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func live(t testing.TB, s *readstore.Store) readmodels.Generation {
	t.Helper()
	g, err := s.Open(t.Context(), "notes", 1, []readmodels.Schema{notes.Schema})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func put(contact id.Contact, rowID, text string) readmodels.Change {
	row, err := notes.Encode(readmodels.Key{Account: "a", Contact: contact, ID: rowID}, &note{text})
	if err != nil {
		panic(err)
	}
	return readmodels.Change{Table: "notes", Row: row}
}

func commit(t testing.TB, s *readstore.Store, g *readmodels.Generation, changes ...readmodels.Change) {
	t.Helper()
	if err := s.Commit(t.Context(), readmodels.Batch{Generation: *g, From: g.Checkpoint, To: g.Checkpoint + 1, Changes: changes}); err != nil {
		t.Fatal(err)
	}
	g.Checkpoint++
}

func TestFilesThatAreNotOursAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make func(path string) error
		want error
	}{
		"text":    {func(p string) error { return os.WriteFile(p, []byte(strings.Repeat("no database ", 100)), 0o600) }, readstore.ErrForeign},
		"foreign": {func(p string) error { return script(p, "CREATE TABLE theirs (a)") }, readstore.ErrForeign},
		"newer": {func(p string) error {
			return script(p, "PRAGMA application_id = 1282371186; PRAGMA user_version = 99; CREATE TABLE generations (number)")
		}, readstore.ErrNewer},
	} {
		path := filepath.Join(t.TempDir(), "readmodels.db")
		if err := c.make(path); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readstore.Open(t.Context(), path, readstore.Options{}); !errors.Is(err, c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want %v and the path", name, err, c.want)
		}
		after, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(before, after) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func script(path, sql string) error {
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return err
	}
	defer c.Close()
	return sqlitex.ExecuteScript(c, sql, nil)
}

func TestDamageIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "readmodels.db")
	s := open(t, path)
	g := live(t, s)
	for i := range 200 {
		commit(t, s, &g, put("c", fmt.Sprint(i), strings.Repeat("x", 300)))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(filepath.Dir(path), "readmodels-000001.db")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(b); i++ {
		b[i] = 0xa5
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	_, _, err = s.GetRow(t.Context(), "notes", readmodels.Key{Account: "a", Contact: "c", ID: "7"})
	if !errors.Is(err, readstore.ErrCorrupt) || !strings.Contains(err.Error(), file) {
		t.Fatalf("got %v, want damage of %s", err, file)
	}
}

// What is erased is in no byte of any file, a moment later.
func TestErasedRowsLeaveTheFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "readmodels.db"))
	g := live(t, s)
	const planted = "Vicenta-Llorca-planted"
	for i := range 300 {
		commit(t, s, &g, put("gone", fmt.Sprint(i), planted+strings.Repeat("y", 200)), put("stays", fmt.Sprint(i), "stays"))
	}
	if !grep(t, dir, planted) {
		t.Fatal("the search finds nothing that is there")
	}
	commit(t, s, &g, readmodels.Change{Table: "notes", Row: readmodels.Row{Key: readmodels.Key{Account: "a", Contact: "gone"}}, Erase: true})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for grep(t, dir, planted) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("erased text is still in the files")
		}
	}
}

// What is erased is in no older generation either, which nothing follows the log into: one
// that is kept for a rollback goes.
func TestErasedRowsLeaveOlderGenerations(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "readmodels.db"))
	old := live(t, s)
	const planted = "Vicenta-Llorca-planted"
	commit(t, s, &old, put("gone", "1", planted), put("stays", "1", "stays"))
	g, err := s.Begin(t.Context(), "notes", 1, []readmodels.Schema{notes.Schema})
	if err != nil {
		t.Fatal(err)
	}
	commit(t, s, &g, put("gone", "1", planted), put("stays", "1", "stays"))
	if err := s.Seal(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	if err := s.Switch(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	if g, err = s.Open(t.Context(), "notes", 1, []readmodels.Schema{notes.Schema}); err != nil {
		t.Fatal(err)
	}
	commit(t, s, &g, readmodels.Change{Table: "notes", Row: readmodels.Row{Key: readmodels.Key{Account: "a", Contact: "gone"}}, Erase: true})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for grep(t, dir, planted) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("erased text is still in the files")
		}
	}
	if _, found, err := s.GetRow(t.Context(), "notes", readmodels.Key{Account: "a", Contact: "stays", ID: "1"}); err != nil || !found {
		t.Errorf("another contact's row is gone: %v", err)
	}
}

func grep(t *testing.T, dir, text string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text)) {
			return true
		}
	}
	return false
}

func BenchmarkGetRow(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "readmodels.db"))
	g := live(b, s)
	for c := range 100 {
		var changes []readmodels.Change
		for i := range 100 {
			changes = append(changes, put(id.Contact(fmt.Sprint(c)), fmt.Sprint(i), strings.Repeat("x", 300)))
		}
		commit(b, s, &g, changes...)
	}
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			_, ok, err := s.GetRow(b.Context(), "notes", readmodels.Key{Account: "a", Contact: id.Contact(fmt.Sprint(i % 100)), ID: "7"})
			if err != nil || !ok {
				b.Fatal(ok, err)
			}
		}
	})
}

func BenchmarkCommitOneRow(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "readmodels.db"))
	g := live(b, s)
	g.Checkpoint = event.Position(0)
	for i := 0; b.Loop(); i++ {
		commit(b, s, &g, put(id.Contact(fmt.Sprint(i%1000)), fmt.Sprint(i), strings.Repeat("x", 300)))
	}
}
