package vault_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/adapters/sqlite/vault"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

func opened(t *testing.T, path string) *vault.Vault {
	t.Helper()
	v, err := vault.Open(t.Context(), path, vault.Options{MasterKey: bytes.Repeat([]byte{7}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

var (
	parkedAt = time.UnixMilli(1_700_000_000_000).UTC()
	first    = readmodels.Parked{Account: "acme", Contact: "ann", Position: 3, Stream: "s-1", Revision: 2, Type: "t", Reason: "why", At: parkedAt}
	behind   = readmodels.Parked{Account: "acme", Contact: "ann", Position: 9, Stream: "s-1", Revision: 3, Type: "t", At: parkedAt}
)

func TestCheckpointsNeverMoveBackwards(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "vault.db")
	v := opened(t, path)
	for _, step := range []struct{ set, want event.Position }{{0, 0}, {5, 5}, {3, 5}, {9, 9}} {
		check(t, v.SetCheckpoint(t.Context(), "mail", step.set))
		got, err := v.Checkpoint(t.Context(), "mail")
		check(t, err)
		equal(t, got, step.want)
	}
	check(t, v.Close())
	again := opened(t, path)
	got, err := again.Checkpoint(t.Context(), "mail")
	check(t, err)
	equal(t, got, event.Position(9))
	other, err := again.Checkpoint(t.Context(), "other")
	check(t, err)
	equal(t, other, event.Position(0))
}

func TestParkedEventsAreKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "vault.db")
	v := opened(t, path)
	check(t, v.Park(t.Context(), "mail", behind))
	check(t, v.Park(t.Context(), "mail", first))
	check(t, v.Park(t.Context(), "other", first))
	check(t, v.Close())

	v = opened(t, path)
	all, err := v.Parked(t.Context(), "mail")
	check(t, err)
	equal(t, all, []readmodels.Parked{first, behind})

	skipped := first
	skipped.Skipped, skipped.Reason = true, "not worth it"
	check(t, v.Park(t.Context(), "mail", skipped))
	check(t, v.Unpark(t.Context(), "mail", behind.Position))
	check(t, v.Unpark(t.Context(), "mail", 77))
	all, err = v.Parked(t.Context(), "mail")
	check(t, err)
	equal(t, all, []readmodels.Parked{skipped})
	all, err = v.Parked(t.Context(), "other")
	check(t, err)
	equal(t, all, []readmodels.Parked{first})
}

// Reasons may quote events: they go with the contact's key, from every byte of the file.
func TestErasureReachesReasons(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := opened(t, filepath.Join(dir, "vault.db"))
	secret := strings.Repeat("Calle Mayor 1 ", 20)
	ofAnn, ofBob, ofAccount := first, first, first
	ofAnn.Reason, ofBob.Contact, ofBob.Position, ofAccount.Contact, ofAccount.Position = secret, "bob", 4, "", 5
	for _, p := range []readmodels.Parked{ofAnn, behind, ofBob, ofAccount} {
		check(t, v.Park(t.Context(), "mail", p))
	}
	check(t, v.EraseKey(t.Context(), id.Account("acme"), "ann"))
	got, err := v.Parked(t.Context(), "mail")
	check(t, err)
	ofAnn.Reason = "erased"
	equal(t, got, []readmodels.Parked{ofAnn, ofBob, ofAccount, behind})
	check(t, v.Close())
	for _, name := range []string{"vault.db", "vault.db-wal"} {
		file, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if bytes.Contains(file, []byte("Calle Mayor")) {
			t.Errorf("%s still holds the reason", name)
		}
	}
}

// A vault of the first format is brought to this one, with what it holds.
func TestVaultOfTheFirstFormat(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "vault.db")
	v := opened(t, path)
	check(t, v.SetCheckpoint(t.Context(), "mail", 12))
	check(t, v.EnsureKey(t.Context(), "acme", "ann"))
	check(t, v.Close())
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	check(t, err)
	check(t, sqlitex.ExecuteScript(conn, "DROP TABLE parked; DROP TABLE requests; DROP TABLE totps; DROP TABLE tries; DROP TABLE recovery_codes; DROP TABLE passkeys; DROP TABLE steps; PRAGMA user_version = 1;", nil))
	check(t, conn.Close())

	v = opened(t, path)
	at, err := v.Checkpoint(t.Context(), "mail")
	check(t, err)
	equal(t, at, event.Position(12))
	_, err = v.Key(t.Context(), "acme", "ann")
	check(t, err)
	check(t, v.Park(t.Context(), "mail", first))
	all, err := v.Parked(t.Context(), "mail")
	check(t, err)
	equal(t, all, []readmodels.Parked{first})
}
