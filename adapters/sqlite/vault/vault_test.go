package vault_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/adapters/adaptertest"
	"lonja/adapters/sqlite/vault"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
)

func open(t *testing.T, path string, o vault.Options) *vault.Vault {
	t.Helper()
	v, err := vault.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVault(t *testing.T) {
	t.Parallel()
	adaptertest.Vault(t, func(t *testing.T) adaptertest.OpenedVault {
		t.Helper()
		path := filepath.Join(t.TempDir(), "vault.db")
		v := open(t, path, vault.Options{})
		t.Cleanup(func() {
			if err := v.Close(); err != nil {
				t.Error(err)
			}
		})
		return adaptertest.OpenedVault{Vault: v, Reopen: func() (adaptertest.WholeVault, error) {
			if err := v.Close(); err != nil {
				return nil, err
			}
			var err error
			v, err = vault.Open(t.Context(), path, vault.Options{})
			return v, err
		}}
	})
}

// Of what people hold, and of what opens personal data, nothing is in the file.
func TestTheFileTellsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := open(t, filepath.Join(dir, "vault.db"), vault.Options{})
	ctx, acc, now := t.Context(), id.Account(id.DeriveID("acc")), time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const password, email = "tranvia-azul-mochila-41", "ana@moncayo.example"
	must(v.EnsureKey(ctx, acc, "ana"))
	must(v.SetPassword(ctx, acc, "ana", "l1", password))
	blind, err := v.Blind(ctx, acc, "email", email)
	must(err)
	token, err := v.IssueToken(ctx, commands.Token{Account: acc, Purpose: "recovery", Subject: "l1", Expires: now.Add(time.Hour)})
	must(err)
	session, err := v.StartSession(ctx, commands.Session{Account: acc, Actor: event.Actor{Kind: event.ActorLogin, ID: "l1"}, Created: now, Expires: now.Add(time.Hour)})
	must(err)
	const code = "k3v9-77qd-h2mz-0pxc"
	secret := []byte("twenty secret bytes.")
	must(v.SetTOTP(ctx, acc, "l1", secret, 1))
	must(v.SetRecoveryCodes(ctx, acc, "l1", []string{code}))
	must(v.AddPasskey(ctx, acc, commands.Passkey{ID: "p1", Person: event.Actor{Kind: event.ActorLogin, ID: "l1"}, Credential: []byte("c"), Record: secret, Created: now}))
	step, err := v.BeginStep(ctx, commands.Step{Account: acc, Purpose: "code", Data: secret, Expires: now.Add(time.Minute)})
	must(err)
	look := func() {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(dir, "vault.db*"))
		must(err)
		for _, name := range files {
			file, err := os.ReadFile(name)
			must(err)
			for _, secret := range []string{password, email, blind, token, session, code, string(secret), step} {
				if bytes.Contains(file, []byte(secret)) {
					t.Errorf("%s holds %q", filepath.Base(name), secret)
				}
			}
		}
	}
	look()
	must(v.Close())
	look()
}

// A key that was thrown away is in no byte of the files, nor is what SQLite copied of it
// when it rearranged its pages: who has the master key and the file must not find it again.
func TestAnErasedKeyLeavesTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "vault.db")
	v := open(t, path, vault.Options{})
	subject := func(i int) string { return string(id.DeriveID("subject", strconv.Itoa(i))) }
	const subjects, every = 600, 20
	for i := range subjects {
		if err := v.EnsureKey(t.Context(), "acc", subject(i)); err != nil {
			t.Fatal(err)
		}
	}
	wrapped := wrappedKeys(t, path)
	if len(wrapped) != subjects {
		t.Fatalf("there are %d keys, want %d", len(wrapped), subjects)
	}
	for i := 0; i < subjects; i += every {
		if err := v.EraseKey(t.Context(), "acc", subject(i)); err != nil {
			t.Fatal(err)
		}
	}
	left := 0
	for _, file := range []string{path, path + "-wal"} {
		b := readFile(t, file)
		for i := 0; i < subjects; i += every {
			if bytes.Contains(b, wrapped[subject(i)][12:44]) { // the key itself, without nonce and tag
				left++
			}
		}
	}
	if left > 0 {
		t.Errorf("%d of %d erased keys are still in the files", left, subjects/every)
	}
	if _, err := v.Key(t.Context(), "acc", subject(1)); err != nil {
		t.Error(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
}

// wrappedKeys reads the vault's file as a thief would.
func wrappedKeys(t *testing.T, path string) map[string][]byte {
	t.Helper()
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	if err := errors.Join(sqlitex.Execute(c, "SELECT subject, wrapped FROM keys", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		b := make([]byte, s.ColumnLen(1))
		s.ColumnBytes(1, b)
		out[s.ColumnText(0)] = b
		return nil
	}}), c.Close()); err != nil {
		t.Fatal(err)
	}
	return out
}

// What a vault is refused for, and that nothing was made or overwritten meanwhile.
func TestRefusedVaults(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		spoil func(t *testing.T, path string) vault.Options
		says  string
	}{
		"another master key": {func(*testing.T, string) vault.Options {
			return vault.Options{MasterKey: []byte(strings.Repeat("k", 32))}
		}, "master key"},
		"a master key of 5 bytes": {func(*testing.T, string) vault.Options { return vault.Options{MasterKey: []byte("short")} }, "32"},
		"no master key": {func(t *testing.T, path string) vault.Options {
			t.Helper()
			remove(t, filepath.Join(filepath.Dir(path), "master.key"))
			return vault.Options{}
		}, "master.key"},
		"a damaged master key": {func(t *testing.T, path string) vault.Options {
			t.Helper()
			write(t, filepath.Join(filepath.Dir(path), "master.key"), []byte("garbage"))
			return vault.Options{}
		}, "master.key"},
		"no vault": {func(t *testing.T, path string) vault.Options {
			t.Helper()
			write(t, path, []byte(strings.Repeat("not a database ", 1000)))
			return vault.Options{}
		}, "vault.db"},
		"cut short": {func(t *testing.T, path string) vault.Options {
			t.Helper()
			file := readFile(t, path)
			write(t, path, file[:len(file)/2+100])
			return vault.Options{}
		}, "vault.db"},
		"a newer format": {func(t *testing.T, path string) vault.Options {
			t.Helper()
			file := readFile(t, path)
			file[60+3] = 99 // user_version, as SQLite's format has it
			write(t, path, file)
			return vault.Options{}
		}, "99"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "vault.db")
			v := open(t, path, vault.Options{})
			if err := v.EnsureKey(t.Context(), "acc", "ana"); err != nil {
				t.Fatal(err)
			}
			if err := v.Close(); err != nil {
				t.Fatal(err)
			}
			o := one.spoil(t, path)
			before := folder(t, path)
			opened, err := vault.Open(t.Context(), path, o)
			if err == nil {
				// What is cut short may open: then what is missing is said when it is asked for.
				_, err = opened.Key(t.Context(), "acc", "ana")
				if e := opened.Close(); e != nil {
					t.Error(e)
				}
			}
			if err == nil || !strings.Contains(err.Error(), one.says) {
				t.Errorf("the error is %v, want one that says %q", err, one.says)
			}
			if after := folder(t, path); after != before {
				t.Errorf("it changed the folder, from\n%q\nto\n%q", before, after)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// folder is the content of the vault's file and of the master key.
func folder(t *testing.T, path string) string {
	t.Helper()
	out := ""
	for _, name := range []string{path, filepath.Join(filepath.Dir(path), "master.key")} {
		file, err := os.ReadFile(name)
		if err != nil {
			out += "none\n"
			continue
		}
		out += string(file) + "\n"
	}
	return out
}
