package readstore_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"lonja/adapters/postgres/database"
	"lonja/adapters/postgres/readstore"
	"lonja/readmodels"
)

// deafen ends the connection on which a store hears of other nodes, and lets no other be made
// to the database.
func deafen(t *testing.T, db *database.DB, listener int) {
	t.Helper()
	limit(t, db, 1)
	var ended bool
	if err := db.Own.QueryRow(t.Context(), "SELECT pg_terminate_backend($1, 60000)", listener).Scan(&ended); err != nil || !ended {
		t.Fatalf("the connection %d that listens was ended: %t, %v", listener, ended, err)
	}
}

// swept drops a generation, and waits until its tables are gone.
func swept(t *testing.T, db *database.DB, s *readstore.Store, g readmodels.Generation) {
	t.Helper()
	if err := s.Drop(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for there := true; there; {
		if err := db.Own.QueryRow(t.Context(), "SELECT to_regclass($1) IS NOT NULL", fmt.Sprintf("lonja.g%d_notes", g.Number)).Scan(&there); err != nil {
			t.Fatal(err)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("its tables stay")
		}
	}
}

// warm has connections of the owner lie ready, so that dropping does without new ones.
func warm(t *testing.T, db *database.DB) {
	t.Helper()
	for range 5 {
		conn, err := db.Own.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
	}
}

// A node may not have heard yet that another has dropped a generation with its tables: it is
// fenced off, whatever it writes.
func TestCommitsToTablesThatAreGoneAreFencedOff(t *testing.T) {
	t.Parallel()
	ann := readmodels.Key{Account: "acme", Contact: "ann"}
	for name, change := range map[string]readmodels.Change{
		"put":    put("acme", "ann", "1", "new"),
		"delete": {Table: "notes", Row: readmodels.Row{Key: readmodels.Key{Account: ann.Account, Contact: ann.Contact, ID: "1"}}, Delete: true},
		"erase":  {Table: "notes", Row: readmodels.Row{Key: ann}, Erase: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// given a node that follows a generation, and another that has switched to a newer one
			url := tests.Database(t)
			db, s := open(t, url)
			var listener int
			if err := db.Own.QueryRow(t.Context(), "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'").Scan(&listener); err != nil {
				t.Fatal(err)
			}
			g := live(t, s)
			commit(t, s, &g, put("acme", "ann", "1", "old"))
			otherDB, other := open(t, url)
			newer := begun(t, other)
			commit(t, other, &newer, put("acme", "ann", "1", "old"))
			if err := errors.Join(other.Seal(t.Context(), newer), other.Switch(t.Context(), newer)); err != nil {
				t.Fatal(err)
			}
			warm(t, otherDB)

			// when that drops the old one, of which the first can't hear, which goes on
			deafen(t, otherDB, listener)
			swept(t, otherDB, other, g)
			err := s.Commit(t.Context(), readmodels.Batch{Generation: g, From: g.Checkpoint, To: g.Checkpoint + 1, Changes: []readmodels.Change{change}})

			// then it learns so
			if !errors.Is(err, readmodels.ErrFenced) {
				t.Errorf("committing says %v", err)
			}
			limit(t, otherDB, -1)
		})
	}
}
