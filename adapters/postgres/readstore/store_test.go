package readstore_test

import (
	"context"
	"os"
	"testing"

	"lonja/adapters/adaptertest"
	"lonja/adapters/postgres/database"
	"lonja/adapters/postgres/postgrestest"
	"lonja/adapters/postgres/readstore"
	"lonja/readmodels"
)

var tests postgrestest.Tests

func TestMain(m *testing.M) { os.Exit(tests.Run(m)) }

// open opens the read models of a database, as a node does.
func open(t testing.TB, url string) (*database.DB, *readstore.Store) {
	t.Helper()
	db, err := database.Open(context.WithoutCancel(t.Context()), url, database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s, err := readstore.Open(context.WithoutCancel(t.Context()), db, readstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, s
}

func TestReadStore(t *testing.T) {
	t.Parallel()
	adaptertest.ReadStore(t, func(t *testing.T) adaptertest.OpenedReads {
		url := tests.Database(t)
		_, s := open(t, url)
		return adaptertest.OpenedReads{Store: s, Reopen: func() (readmodels.Store, error) {
			_, s := open(t, url)
			return s, nil
		}}
	})
}
