package blobs_test

import (
	"context"
	"os"
	"testing"
	"time"

	"lonja/adapters/adaptertest"
	"lonja/adapters/postgres/blobs"
	"lonja/adapters/postgres/database"
	"lonja/adapters/postgres/postgrestest"
	"lonja/commands"
)

var tests postgrestest.Tests

func TestMain(m *testing.M) { os.Exit(tests.Run(m)) }

func open(t *testing.T, url string) (*database.DB, *blobs.Store) {
	t.Helper()
	db, err := database.Open(context.WithoutCancel(t.Context()), url, database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s, err := blobs.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return db, s
}

func TestBlobs(t *testing.T) {
	t.Parallel()
	adaptertest.Blobs(t, func(t *testing.T) adaptertest.OpenedBlobs {
		url := tests.Database(t)
		_, now := open(t, url)
		return adaptertest.OpenedBlobs{Blobs: now, Reopen: func() (commands.Blobs, error) {
			if err := now.Close(); err != nil {
				return nil, err
			}
			_, now = open(t, url)
			return now, nil
		}}
	})
}

// What a node that is gone was about to store is removed, and what another node is about to
// store is not.
func TestWhatANodeThatIsGoneLeftIsRemoved(t *testing.T) {
	t.Parallel()
	url := tests.Database(t)
	db, s := open(t, url)
	thread := commands.Thread{Account: "a", Contact: "c", Document: "d"}
	var writers []commands.BlobWriter
	for range 2 {
		w, err := s.NewBlob(t.Context(), thread)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Append(t.Context(), []byte("half")); err != nil {
			t.Fatal(err)
		}
		writers = append(writers, w)
	}
	if _, err := db.Own.Exec(t.Context(), "UPDATE lonja_blobs.blobs SET begun = now() - interval '2 hours' WHERE number = (SELECT min(number) FROM lonja_blobs.blobs)"); err != nil {
		t.Fatal(err)
	}
	open(t, url)
	blobsLeft, partsLeft := 0, 0
	if err := db.Own.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM lonja_blobs.blobs), (SELECT count(*) FROM lonja_blobs.parts)").Scan(&blobsLeft, &partsLeft); err != nil || blobsLeft != 1 || partsLeft != 1 {
		t.Errorf("%d blobs of %d parts are left (%v), want one of one", blobsLeft, partsLeft, err)
	}
	if err := writers[1].Commit(t.Context(), commands.Blob{Name: "n", Size: 4}, time.UnixMilli(1_760_000_000_000)); err != nil {
		t.Error(err)
	}
	if part, found, err := s.BlobPart(t.Context(), thread, "n", 0); err != nil || !found || string(part) != "half" {
		t.Errorf("the other node's is %q, %v, %v", part, found, err)
	}
}
