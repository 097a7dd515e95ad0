package main

import (
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"lonja/commands"
	"lonja/domain/account"
	"lonja/domain/contact"
)

// given a folder that a system has served from and rebuilt read models in
// then nobody but its owner may read any file of it.
func TestNobodyElseReadsTheFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	a, err := openApp(t.Context(), testSystem(io.Discard, io.Discard), appConfig{Data: dir, Fast: true, BaseURL: "http://portal.test"})
	if err != nil {
		t.Fatal(err)
	}
	stop, err := a.start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	acc, _, err := a.commands.OpenAccount(t.Context(), a.request("", "test"), commands.OpenAccount{
		Details: account.Opened{Name: "Tintas", TaxID: "ESB99345674", Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid"}})
	if err != nil {
		t.Fatal(err)
	}
	_, rcpt, err := a.commands.RegisterContact(t.Context(), a.request(acc, "test"), commands.RegisterContact{
		Details: contact.Details{Name: "Ana", TaxID: "B26000015", Email: "ana@moncayo.example"}, Client: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.wait(t.Context(), rcpt.Position); err != nil {
		t.Fatal(err)
	}
	if err := a.runner.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	seen := ""
	look := func() {
		t.Helper()
		if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			seen += d.Name() + " "
			if open := info.Mode().Perm() & 0o077; open != 0 {
				t.Errorf("%s is open to others: %v", d.Name(), info.Mode())
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	look()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	look()
	for _, name := range []string{"events.db", "events.db-wal", "vault.db", "master.key", "readmodels.db", "readmodels-000001.db-wal", "readmodels-000005.db", "sandbox.db"} {
		if !strings.Contains(seen, name+" ") {
			t.Errorf("there was no %s among %s", name, seen)
		}
	}
}
