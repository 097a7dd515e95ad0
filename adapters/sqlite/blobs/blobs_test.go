package blobs_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/adapters/adaptertest"
	"lonja/adapters/sqlite/blobs"
	"lonja/commands"
)

func TestBlobs(t *testing.T) {
	t.Parallel()
	adaptertest.Blobs(t, func(t *testing.T) adaptertest.OpenedBlobs {
		path := filepath.Join(t.TempDir(), "attachments.db")
		var now *blobs.Store
		open := func() (commands.Blobs, error) {
			var err error
			if now != nil {
				if err := now.Close(); err != nil {
					return nil, err
				}
			}
			now, err = blobs.Open(context.WithoutCancel(t.Context()), path)
			return now, err
		}
		first, err := open()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := now.Close(); err != nil {
				t.Error(err)
			}
		})
		return adaptertest.OpenedBlobs{Blobs: first, Reopen: open}
	})
}

// Whatever else is under the name is not touched.
func TestAForeignFileIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"another program's":  "PRAGMA application_id = 7; CREATE TABLE t (a)",
		"one of no program":  "CREATE TABLE t (a)",
		"one of a later day": "PRAGMA application_id = 1282371138; PRAGMA user_version = 99; CREATE TABLE t (a)",
	} {
		path := filepath.Join(t.TempDir(), "attachments.db")
		c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(sqlitex.ExecuteScript(c, script, nil), c.Close()); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := blobs.Open(t.Context(), path); !errors.Is(err, blobs.ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
			t.Errorf("%s was changed (%v)", name, err)
		}
	}
}

// What a process was about to store when it ended leaves nothing in the file.
func TestWhatWasNotCommittedIsRemovedAtTheNextStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "attachments.db")
	s, err := blobs.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.NewBlob(t.Context(), commands.Thread{Account: "a", Contact: "c", Document: "d"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Append(t.Context(), []byte("half of it")), s.Close()); err != nil {
		t.Fatal(err)
	}
	if s, err = blobs.Open(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	left := -1
	if err := sqlitex.Execute(c, "SELECT (SELECT count(*) FROM blobs) + (SELECT count(*) FROM parts)", &sqlitex.ExecOptions{ResultFunc: func(st *sqlite.Stmt) error {
		left = st.ColumnInt(0)
		return nil
	}}); err != nil || left != 0 {
		t.Errorf("%d rows are left (%v)", left, err)
	}
}
