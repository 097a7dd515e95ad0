package readstore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"lonja/adapters/postgres/database"
	"lonja/adapters/postgres/readstore"
	"lonja/domain/id"
	"lonja/readmodels"
)

type note struct {
	Text string `json:"text"`
}

var notes = &readmodels.Table[note]{
	Schema: readmodels.Schema{
		Name: "notes", Columns: []readmodels.Column{{Name: "text", Kind: readmodels.Text}}, ByID: true,
		Indexes: []readmodels.Index{{Name: "text", Columns: []string{"text"}}, {Name: "all", Columns: []string{"text"}, Wide: true}},
	},
	Values: func(n *note, dst []readmodels.Value) []readmodels.Value { return append(dst, readmodels.T(n.Text)) },
}

func live(t testing.TB, s *readstore.Store) readmodels.Generation {
	t.Helper()
	g, err := s.Open(t.Context(), "notes", 1, []readmodels.Schema{notes.Schema})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func put(account id.Account, contact id.Contact, rowID, text string) readmodels.Change {
	row, err := notes.Encode(readmodels.Key{Account: account, Contact: contact, ID: rowID}, &note{text})
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

// secured are read models of two contacts and of two accounts.
func secured(t *testing.T) (*database.DB, *readstore.Store, string) {
	t.Helper()
	db, s := open(t, tests.Database(t))
	g := live(t, s)
	commit(t, s, &g,
		put("acme", "ann", "a1", "ann's"), put("acme", "ann", "a2", "ann's too"), put("acme", "bob", "b1", "bob's secret"),
		put("acme", "", "own", "acme's own"), put("other", "ann", "o1", "other's secret"), put("other", "", "own", "other's own secret"))
	return db, s, fmt.Sprintf("lonja.g%d_notes", g.Number)
}

// as runs a query in a transaction that is bound, as the store binds it, and returns the
// first column of what it finds.
func as(ctx context.Context, db *database.DB, scope, account, contact, sql string) ([]string, error) {
	var out []string
	err := pgx.BeginFunc(ctx, db.Reads, func(tx pgx.Tx) error {
		if scope != "" {
			if _, err := tx.Exec(ctx, "SELECT set_config('lonja.account', $1, true), set_config('lonja.contact', $2, true), set_config('lonja.scope', $3, true), set_config('lonja.proof', $4, true)",
				account, contact, scope, db.Proof(scope, account, contact)); err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, sql)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return out, err
}

func TestABareQueryReturnsNothing(t *testing.T) {
	t.Parallel()
	db, s, table := secured(t)
	all := "SELECT convert_from(v0, 'UTF8') FROM " + table + " ORDER BY 1"
	// Connections that have read for somebody are no other than fresh ones.
	for range 20 {
		if _, ok, err := s.GetRow(t.Context(), "notes", readmodels.Key{Account: "acme", Contact: "bob", ID: "b1"}); err != nil || !ok {
			t.Fatal(ok, err)
		}
		found, err := as(t.Context(), db, "", "", "", all)
		if err != nil || len(found) != 0 {
			t.Fatalf("found %q, %v", found, err)
		}
	}
	for _, set := range []string{
		"SELECT set_config('lonja.account', 'acme', true)",
		"SELECT set_config('lonja.contact', 'bob', true)",
		"SELECT set_config('lonja.account', 'acme', true), set_config('lonja.contact', 'bob', true)",
		"SELECT set_config('lonja.account', 'acme', true), set_config('lonja.contact', 'bob', true), set_config('lonja.scope', 'contact', true)",
		"SELECT set_config('lonja.account', 'acme', true), set_config('lonja.scope', 'contacts', true), set_config('lonja.proof', '', true)",
		"SELECT set_config('lonja.account', 'acme', true), set_config('lonja.scope', 'account', true), set_config('lonja.proof', '" + db.Proof("contact", "acme", "ann") + "', true)",
	} {
		err := pgx.BeginFunc(t.Context(), db.Reads, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), set); err != nil {
				return err
			}
			var n int
			err := tx.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n)
			if n != 0 {
				t.Errorf("after %s: %d rows", set, n)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", set, err)
		}
	}
	// Nor has who owns the tables.
	var n int
	if err := db.Own.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil || n != 0 {
		t.Errorf("the owner sees %d rows, %v", n, err)
	}
	var super, bypass bool
	if err := db.Reads.QueryRow(t.Context(), "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user").Scan(&super, &bypass); err != nil || super || bypass {
		t.Errorf("who reads is superuser %v, bypasses %v, %v", super, bypass, err)
	}
	for scope, want := range map[string]string{
		"contact acme ann": "ann's,ann's too", "contact acme bob": "bob's secret", "account acme ": "acme's own",
		"contacts acme ": "acme's own,ann's,ann's too,bob's secret", "contact other bob": "",
	} {
		part := strings.SplitN(scope, " ", 3)
		found, err := as(t.Context(), db, part[0], part[1], part[2], all)
		if err != nil || strings.Join(found, ",") != want {
			t.Errorf("%s sees %q, %v, want %s", scope, found, err, want)
		}
	}
}

// Whatever a where-clause says, it is asked of the contact's own rows only.
func TestAHostileQueryReachesNobodyElse(t *testing.T) {
	t.Parallel()
	db, _, table := secured(t)
	text := "SELECT convert_from(t.v0, 'UTF8') FROM " + table + " t WHERE "
	for _, sql := range []string{
		text + "t.id = 'b1'", text + "true", text + "t.id = 'nothing' OR 1 = 1", text + "t.o IN (SELECT o FROM " + table + ")", text + "NOT (t.c = 'ann')",
		text + "false UNION ALL SELECT convert_from(data, 'UTF8') FROM " + table, text + "t.o <> 0 OR t.a <> 0",
		text + "set_config('lonja.contact', 'bob', true) IS NOT NULL",
		text + "(SELECT set_config('lonja.contact', 'bob', true)) = 'bob'",
		text + "(SELECT set_config('lonja.scope', 'contacts', true)) = 'contacts'",
		text + "(SELECT set_config('lonja.account', 'other', true)) = 'other'",
		"WITH b AS MATERIALIZED (SELECT set_config('lonja.contact', 'bob', true) AS s) SELECT convert_from(t.v0, 'UTF8') FROM b, " + table + " t WHERE b.s = 'bob'",
		// Errors that tell of what is compared are made of what may be seen.
		text + "CASE WHEN t.id = 'b1' THEN convert_from(t.data, 'UTF8')::int END = 1 OR true",
		text + "convert_from(t.data, 'UTF8')::int = 1",
		"SELECT string_agg(convert_from(t.v0, 'UTF8'), ',') FROM " + table + " t",
		"SELECT encode(secret, 'hex') FROM lonja.binding", "SELECT contact FROM lonja.owners",
		"SELECT tables::text FROM lonja.generations", "SELECT reason FROM lonja.parked",
		"SELECT encode(wrapped, 'hex') FROM lonja_vault.keys", "SELECT hash FROM lonja_vault.passwords", "SELECT encode(data, 'hex') FROM lonja_blobs.parts",
		"UPDATE " + table + " SET c = 'ann' RETURNING c", "DELETE FROM " + table + " RETURNING c", "INSERT INTO " + table + " SELECT * FROM " + table + " RETURNING c",
		"SELECT most_common_vals::text FROM pg_stats WHERE tablename = '" + strings.TrimPrefix(table, "lonja.") + "'",
	} {
		found, err := as(t.Context(), db, "contact", "acme", "ann", sql)
		seen := strings.Join(found, ",")
		if err != nil {
			seen += err.Error()
		}
		if strings.Contains(seen, "secret\"") || strings.Contains(seen, "bob's") || strings.Contains(seen, "other's") || strings.Contains(seen, "acme's") {
			t.Errorf("%s\nshows %s", sql, seen)
		}
		if err == nil && strings.Contains(sql, " FROM lonja") && !strings.Contains(sql, table) {
			t.Errorf("%s\nis allowed: %q", sql, found)
		}
	}
	// The same of what was written is there still.
	found, err := as(t.Context(), db, "contacts", "acme", "", "SELECT c FROM "+table+" ORDER BY 1")
	if err != nil || strings.Join(found, ",") != ",ann,ann,bob" {
		t.Errorf("afterwards there are rows of %q, %v", found, err)
	}
}

// Ids that mean something elsewhere are ids of nobody.
func TestHostileIds(t *testing.T) {
	t.Parallel()
	_, s, _ := secured(t)
	for _, who := range []string{"*", "'", "' OR 1=1 --", "%", "contacts", "ann\x00", "\xff", "ann'", "ANN", " ann"} {
		for _, key := range []readmodels.Key{
			{Account: "acme", Contact: id.Contact(who), ID: "b1"}, {Account: id.Account(who), Contact: "bob", ID: "b1"}, {Account: "acme", Contact: "ann", ID: who},
		} {
			if row, ok, err := s.GetRow(t.Context(), "notes", key); err != nil || ok {
				t.Errorf("%q: %v, %v, %v", key, row, ok, err)
			}
			if _, ok, err := s.FindRow(t.Context(), "notes", key.Account, key.ID+who); err != nil || ok {
				t.Errorf("%q is found: %v", key, err)
			}
		}
		rows, err := s.ScanRows(t.Context(), readmodels.Scan{Table: "notes", Account: "acme", Contact: id.Contact(who)})
		if err != nil || len(rows) != 0 {
			t.Errorf("%q has %d rows, %v", who, len(rows), err)
		}
		if _, err := s.ScanRows(t.Context(), readmodels.Scan{Table: "notes", Account: "acme", AllContacts: true, Index: "all", After: &readmodels.Cursor{
			Values: []readmodels.Value{readmodels.T(who)}, Contact: id.Contact(who), ID: who,
		}}); err != nil {
			t.Errorf("going on after %q: %v", who, err)
		}
	}
	g := live(t, s)
	err := s.Commit(t.Context(), readmodels.Batch{Generation: g, From: g.Checkpoint, To: g.Checkpoint + 1, Changes: []readmodels.Change{put("acme", "nul\x00", "x", "x")}})
	if err == nil || !strings.Contains(err.Error(), "NUL") {
		t.Errorf("a row of a contact with NUL: %v", err)
	}
}

// Texts compare and come back as the bytes that they are.
func TestAnyBytesAreText(t *testing.T) {
	t.Parallel()
	_, s := open(t, tests.Database(t))
	g := live(t, s)
	want := []string{"", "\x00", "\x00\x00", "A", "Z", "a", "a\x00", "aa", "z", "Ñ", "é", "ñ", "\xff\xfe"}
	var changes []readmodels.Change
	for i, text := range want {
		changes = append(changes, put("acme", "ann", fmt.Sprint(len(want)-i)+text, text))
	}
	commit(t, s, &g, changes...)
	for _, view := range []readmodels.View{readmodels.For(s, "acme", "ann"), readmodels.ForStaff(s, "acme")} {
		index := "text"
		if view.Contact() == "" {
			index = "all"
		}
		rows, err := s.ScanRows(t.Context(), readmodels.Scan{Table: "notes", Account: "acme", Contact: view.Contact(), AllContacts: view.Contact() == "", Index: index})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range rows {
			got = append(got, r.Values[0].Text())
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("in the order of their texts: %q, want %q", got, want)
		}
	}
}
