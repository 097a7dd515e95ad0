package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lonja/adapters/adaptertest"
	"lonja/adapters/postgres/database"
	"lonja/adapters/postgres/postgrestest"
	"lonja/adapters/postgres/vault"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
)

var tests postgrestest.Tests

func TestMain(m *testing.M) { os.Exit(tests.Run(m)) }

var master = bytes.Repeat([]byte{7}, 32)

// open opens the vault of a database, as a node does.
func open(t *testing.T, url string) *vault.Vault {
	t.Helper()
	db, err := database.Open(context.WithoutCancel(t.Context()), url, database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	v, err := vault.Open(context.WithoutCancel(t.Context()), db, vault.Options{MasterKey: master})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

func TestVault(t *testing.T) {
	t.Parallel()
	adaptertest.Vault(t, func(t *testing.T) adaptertest.OpenedVault {
		t.Helper()
		url := tests.Database(t)
		v := open(t, url)
		return adaptertest.OpenedVault{Vault: v, Reopen: func() (adaptertest.WholeVault, error) {
			if err := v.Close(); err != nil {
				return nil, err
			}
			v = open(t, url)
			return v, nil
		}}
	})
}

// What one node ended the others refuse from the next request on, and of a key that is
// thrown away no other keeps a copy.
func TestWhatANodeEndsIsEndedForAll(t *testing.T) {
	t.Parallel()
	url := tests.Database(t)
	one, two := open(t, url), open(t, url)
	ctx, acc := t.Context(), id.Account("acme")
	now := time.UnixMilli(1_760_000_000_000).UTC()
	who := event.Actor{Kind: event.ActorLogin, ID: "l"}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 50 {
		secret, err := one.StartSession(ctx, commands.Session{Account: acc, Actor: who, Created: now, Expires: now.Add(time.Hour)})
		check(err)
		if _, ok, err := two.FindSession(ctx, secret, now); err != nil || !ok {
			t.Fatal(ok, err)
		}
		check(one.EndSession(ctx, secret))
		if _, ok, err := two.FindSession(ctx, secret, now); err != nil || ok {
			t.Fatalf("an ended session is open on another node: %v", err)
		}
	}
	check(one.EnsureKey(ctx, acc, "ann"))
	mine, err := one.Key(ctx, acc, "ann")
	check(err)
	theirs, err := two.Key(ctx, acc, "ann")
	check(err)
	if !bytes.Equal(mine.Seal([]byte("place"), []byte("text")), theirs.Seal([]byte("place"), []byte("text"))) {
		t.Error("two nodes have two keys of one subject")
	}
	check(one.EraseKey(ctx, acc, "ann"))
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := two.Key(ctx, acc, "ann")
		if errors.Is(err, event.ErrErased) {
			break
		}
		check(err)
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("another node keeps a key that was thrown away")
		}
	}
}

// given a backup that reads the keys, for as long as it likes
// when a key is thrown away
// then nobody waits for the backup, neither who throws it away nor who reads other keys, and
// once it has ended the pages that had the key are written anew.
func TestKeysAreClearedBesideABackup(t *testing.T) {
	t.Parallel()
	url := tests.Database(t)
	v := open(t, url)
	v.ClearAgain(20 * time.Millisecond)
	// Long enough for a busy machine; who waits for the backup would do so for ever.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	backup, err := pgx.Connect(ctx, url)
	check(err)
	t.Cleanup(func() { _ = backup.Close(context.WithoutCancel(ctx)) })
	pages := func() (file uint32) { // those of the table: another file whenever it is written anew
		t.Helper()
		check(backup.QueryRow(ctx, "SELECT pg_relation_filenode('lonja_vault.keys')").Scan(&file))
		return file
	}
	for _, who := range []string{"ann", "ben", "eva"} {
		check(v.EnsureKey(ctx, "acme", who))
	}
	tx, err := backup.Begin(ctx)
	check(err)
	_, err = tx.Exec(ctx, "LOCK TABLE lonja_vault.keys IN ACCESS SHARE MODE")
	check(err)
	before := pages()

	check(v.EraseKey(ctx, "acme", "ann"))
	check(v.EraseKey(ctx, "acme", "ben"))
	if _, err := v.Key(ctx, "acme", "ann"); !errors.Is(err, event.ErrErased) {
		t.Errorf("got %v of a key that was thrown away", err)
	}
	_, err = v.Key(ctx, "acme", "eva")
	check(err)
	if pages() != before {
		t.Error("the table was written anew while it was read")
	}
	check(tx.Commit(ctx))
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for pages() == before {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the pages with keys that were thrown away are never cleared")
		}
	}
	before = pages()
	check(v.EraseKey(ctx, "acme", "eva"))
	if pages() == before {
		t.Error("with nobody reading, the pages were not cleared at once")
	}
}

// Requests that come at the same moment are told apart.
func TestSessionsAtTheSameMoment(t *testing.T) {
	t.Parallel()
	v := open(t, tests.Database(t))
	now := time.UnixMilli(1_760_000_000_000).UTC()
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			who := event.Actor{Kind: event.ActorLogin, ID: fmt.Sprint("l", i)}
			secret, err := v.StartSession(t.Context(), commands.Session{Account: "acme", Actor: who, Created: now, Expires: now.Add(time.Hour)})
			if err != nil {
				t.Error(err)
				return
			}
			for range 20 {
				if s, ok, err := v.FindSession(t.Context(), secret, now); err != nil || !ok || s.Actor != who {
					t.Errorf("%v got the session of %v, %v, %v", who, s.Actor, ok, err)
				}
				if _, ok, err := v.FindSession(t.Context(), secret+"x", now); err != nil || ok {
					t.Errorf("another secret opens %v, %v", ok, err)
				}
			}
		})
	}
	all.Wait()
}

func TestRefusedMasterKeys(t *testing.T) {
	t.Parallel()
	url := tests.Database(t)
	open(t, url)
	db, err := database.Open(t.Context(), url, database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	for says, key := range map[string][]byte{"LONJA_MASTER_KEY": nil, "5 bytes": []byte("short"), "not this vault's": bytes.Repeat([]byte{8}, 32)} {
		if _, err := vault.Open(t.Context(), db, vault.Options{MasterKey: key}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want an error that says %q", err, says)
		}
	}
}
