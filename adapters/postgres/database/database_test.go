package database_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"lonja/adapters/postgres/database"
	"lonja/adapters/postgres/postgrestest"
)

var tests postgrestest.Tests

func TestMain(m *testing.M) { os.Exit(tests.Run(m)) }

// Nodes that start at once bring the database to the format one after the other.
func TestNodesThatStartAtOnce(t *testing.T) {
	t.Parallel()
	var urls []string
	for range 3 {
		urls = append(urls, tests.Database(t))
	}
	var nodes sync.WaitGroup
	for _, url := range urls { // of one server, whose roles they share
		for range 4 {
			nodes.Go(func() {
				db, err := database.Open(t.Context(), url, database.Options{Conns: 2})
				if err != nil {
					t.Error(err)
					return
				}
				defer db.Close()
				var formats, roles int
				if err := db.Own.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM lonja.formats), (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'lonja\\_%')").Scan(&formats, &roles); err != nil || formats != 4 || roles != 2 {
					t.Errorf("%d formats, %d roles, %v", formats, roles, err)
				}
			})
		}
	}
	nodes.Wait()
}

func execute(t *testing.T, url, sql string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Exec(t.Context(), sql)
	if err := errors.Join(err, c.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
}

func TestDatabasesThatAreNotOursAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql  string
		want error
	}{
		"foreign": {"CREATE SCHEMA lonja; CREATE TABLE lonja.theirs (n int)", database.ErrForeign},
		"newer":   {"CREATE SCHEMA lonja; CREATE TABLE lonja.formats (format int); INSERT INTO lonja.formats VALUES (99)", database.ErrNewer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := tests.Database(t)
			execute(t, url, c.sql)
			before := contents(t, url)
			_, err := database.Open(t.Context(), url, database.Options{})
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), "lonja_test_") {
				t.Errorf("got %v, want %v and the database", err, c.want)
			}
			if after := contents(t, url); after != before {
				t.Errorf("it was changed from\n%s\nto\n%s", before, after)
			}
		})
	}
}

// contents are the names of what a database holds.
func contents(t *testing.T, url string) (all string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	err = c.QueryRow(t.Context(), "SELECT coalesce(string_agg(n.nspname || '.' || c.relname, ' ' ORDER BY 1), '') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'").Scan(&all)
	if err := errors.Join(err, c.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	t.Parallel()
	url := tests.Database(t)
	base, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, url, `DO $$ BEGIN CREATE ROLE lonjatest_nobody LOGIN PASSWORD 'hush'; EXCEPTION WHEN duplicate_object THEN NULL; END $$`)
	first, err := database.Open(t.Context(), url, database.Options{Conns: 1}) // makes the roles
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	// Somebody else's login gets in only where it is let; who drops the database has to be able to end its connection.
	if _, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://lonjatest_nobody:hush@%s:%d/%s", base.Host, base.Port, base.Database)); err == nil || !strings.Contains(err.Error(), "42501") {
		t.Errorf("the login of another system connects: %v", err)
	}
	execute(t, url, "GRANT CONNECT ON DATABASE "+base.Database+" TO lonjatest_nobody; GRANT lonjatest_nobody TO CURRENT_USER")
	for name, c := range map[string]struct {
		url  string
		want error
		says string
	}{
		"no server":               {fmt.Sprintf("postgres://lonja:hush@%s:1/x", base.Host), database.ErrAway, ":1/x"},
		"no such address":         {"postgres://%zz", nil, "postgres://user:password@host:port/database"},
		"a bad port":              {"postgres://lonja:hush@127.0.0.1:port/x", nil, "%2F"},
		"a slash in the password": {"postgres://lonja:/hush@127.0.0.1/x", nil, "%2F"},
		"words":                   {"host=127.0.0.1 port=x password = hush", nil, "%2F"},
		"a user of little":        {fmt.Sprintf("postgres://lonjatest_nobody:hush@%s:%d/%s", base.Host, base.Port, base.Database), database.ErrRights, "GRANT lonja_reader TO lonjatest_nobody"},
	} {
		_, err := database.Open(t.Context(), c.url, database.Options{})
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v, want %v and %q", name, err, c.want, c.says)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := database.Open(ctx, url, database.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}
