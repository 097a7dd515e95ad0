package readstore_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"lonja/readmodels"
)

// What is erased is in no older generation either, which nothing follows the log into, and is
// taken out of the tables' pages, so that their space is written again.
func TestErasedRowsLeaveTheDatabase(t *testing.T) {
	t.Parallel()
	db, s := open(t, tests.Database(t))
	old := live(t, s)
	commit(t, s, &old, put("acme", "gone", "1", "planted"), put("acme", "stays", "1", "stays"))
	g, err := s.Begin(t.Context(), "notes", 1, []readmodels.Schema{notes.Schema})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		commit(t, s, &g, put("acme", "gone", fmt.Sprint(i), "planted"), put("acme", "stays", fmt.Sprint(i), "stays"))
	}
	if err := errors.Join(s.Seal(t.Context(), g), s.Switch(t.Context(), g)); err != nil {
		t.Fatal(err)
	}
	g = live(t, s)
	commit(t, s, &g, readmodels.Change{Table: "notes", Row: readmodels.Row{Key: readmodels.Key{Account: "acme", Contact: "gone"}}, Erase: true})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var generations, left, vacuumed int
		if err := db.Own.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM lonja.generations), (SELECT coalesce(sum(erased), 0) FROM lonja.generations), (SELECT count(*) FROM pg_stat_user_tables WHERE relname = $1 AND vacuum_count > 0)",
			fmt.Sprintf("g%d_notes", g.Number)).Scan(&generations, &left, &vacuumed); err != nil {
			t.Fatal(err)
		}
		if generations == 1 && left == 0 && vacuumed == 1 {
			break
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("%d generations, %d erasures are left, %d tables are vacuumed", generations, left, vacuumed)
		}
	}
	var tables int
	if err := db.Own.QueryRow(t.Context(), "SELECT count(*) FROM pg_class WHERE relname = $1", fmt.Sprintf("g%d_notes", old.Number)).Scan(&tables); err != nil || tables != 0 {
		t.Errorf("the older table is there: %d, %v", tables, err)
	}
	found, err := as(t.Context(), db, "contacts", "acme", "", fmt.Sprintf("SELECT DISTINCT c FROM lonja.g%d_notes", g.Number))
	if err != nil || len(found) != 1 || found[0] != "stays" {
		t.Errorf("there are rows of %q, %v", found, err)
	}
}
