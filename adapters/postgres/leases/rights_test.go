package leases_test

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lonja/adapters/postgres/blobs"
	"lonja/commands"
	"lonja/domain/event"
)

// given a server that deploy/postgres.sql has prepared, and nothing else
// when nodes open their stores there, follow, rebuild, erase and share
// then the rights of the user that it has made are enough, and it has none that it does not need.
func TestTheOwnerOfDeployHasTheRights(t *testing.T) {
	t.Parallel()
	server := ownServer(t, "the server is not the test's to make users of")
	without := filepath.Join(t.TempDir(), "without.sql") // the user that other tests have
	if err := os.WriteFile(without, []byte("DROP ROLE lonja"), 0o600); err != nil {
		t.Fatal(err)
	}
	const password = `it's a "word" with \ and $1`
	prepared := filepath.Join("..", "..", "..", "deploy", "postgres.sql")
	if err := errors.Join(server.Script(t.Context(), without), server.Script(t.Context(), prepared, "OWNER_PASSWORD="+password)); err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(server.URL("lonja"))
	if err != nil {
		t.Fatal(err)
	}
	at.User = url.UserPassword("lonja", password)
	c := newClusterOn(t, at.String())

	a := c.node("a", settings{bulk: 100})
	var last event.Position
	for n := range 600 {
		last = c.grow(n%30, 1+n%9)
	}
	a.wait(last)
	b := c.node("b", settings{bulk: 100})
	c.until("both have half", func() bool { return len(a.holds()) == 8 && len(b.holds()) == 8 })
	c.must(b.runner.Rebuild(c.ctx, nil))
	last = c.grow(3, 4)
	b.wait(last)
	b.shows(3, last)
	c.same(b, 1)
	c.allAnswered()
	c.must(a.vault.EnsureKey(c.ctx, house, "ann"))
	c.must(a.vault.EraseKey(c.ctx, house, "ann"))
	if _, err := b.vault.Key(c.ctx, house, "ann"); !errors.Is(err, event.ErrErased) {
		t.Errorf("got %v of a key that was thrown away", err)
	}
	files, err := blobs.Open(c.ctx, a.db)
	c.must(err)
	thread := commands.Thread{Account: house, Contact: contactOf(1), Document: "1"}
	file, err := files.NewBlob(c.ctx, thread)
	c.must(err)
	c.must(errors.Join(file.Append(c.ctx, []byte("bytes")), file.Commit(c.ctx, commands.Blob{Name: "name", Size: 5}, time.UnixMilli(1)), files.EraseBlobs(c.ctx, house, contactOf(1)), files.Close()))

	look := c.connect()
	var may []string
	c.must(look.QueryRow(c.ctx, `SELECT array_remove(ARRAY[CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN rolcreaterole THEN 'roles' END, CASE WHEN rolcreatedb THEN 'databases' END,
		CASE WHEN rolreplication THEN 'replication' END, CASE WHEN rolbypassrls THEN 'every row' END], NULL) FROM pg_roles WHERE rolname = current_user`).Scan(&may))
	if len(may) > 0 {
		t.Errorf("the owner's rights are %q too", may)
	}
	var others []string
	c.must(look.QueryRow(c.ctx, `SELECT coalesce(array_agg(rolname::text), '{}') FROM pg_roles
		WHERE pg_has_role(oid, 'MEMBER') AND rolname NOT IN ('lonja', 'lonja_reader', 'lonja_writer', 'pg_database_owner')`).Scan(&others))
	if len(others) > 0 {
		t.Errorf("the owner may become %q", others)
	}
}
