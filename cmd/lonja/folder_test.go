package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lonja/commands"
	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
)

// filledFolder is a folder with an account and a contact, who attached a file to a comment,
// and the log as it was before the contact.
func filledFolder(t *testing.T) (dir string, old []byte) {
	t.Helper()
	dir = t.TempDir()
	use := func(do func(a *app) event.Position) {
		t.Helper()
		a, err := openApp(t.Context(), testSystem(io.Discard, io.Discard), appConfig{Data: dir, Fast: true})
		if err != nil {
			t.Fatal(err)
		}
		stop, err := a.start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := a.wait(t.Context(), do(a)); err != nil {
			t.Error(err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	var acc id.Account
	use(func(a *app) event.Position {
		var rcpt commands.Receipt
		var err error
		if acc, rcpt, err = a.commands.OpenAccount(t.Context(), a.request("", "test"), commands.OpenAccount{
			Details: account.Opened{Name: "Tintas", TaxID: "ESB99345674", Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid"}}); err != nil {
			t.Fatal(err)
		}
		return rcpt.Position
	})
	old, err := os.ReadFile(filepath.Join(dir, "events.db"))
	if err != nil {
		t.Fatal(err)
	}
	use(func(a *app) event.Position {
		who, _, err := a.commands.RegisterContact(t.Context(), a.request(acc, "test"), commands.RegisterContact{
			Details: contact.Details{Name: "Ana", TaxID: "B26000015", Email: "ana@moncayo.example"}, Client: true})
		if err != nil {
			t.Fatal(err)
		}
		nothing := money.Of(0, "EUR")
		issued, err := a.commands.IssueDocument(t.Context(), a.request(acc, "test"), commands.IssueDocument{Contact: who, Body: document.Body{
			Kind: document.Quote, Number: "P-1", IssueDate: "2026-03-01", Currency: "EUR", Seller: document.Party{Name: "Tintas"}, Buyer: document.Party{Name: "Ana"},
			Lines:  []document.Line{{Name: "Tinta", Net: nothing}},
			Totals: document.Totals{Lines: nothing, Net: nothing, Tax: nothing, Gross: nothing, Payable: nothing},
		}})
		if err != nil {
			t.Fatal(err)
		}
		file, err := a.commands.AttachFile(t.Context(), a.request(acc, "test"), commands.AttachFile{
			Document: issued.ID, Kind: document.Quote, Name: "plano.txt", Content: strings.NewReader("un plano")})
		if err != nil {
			t.Fatal(err)
		}
		_, rcpt, err := a.commands.PostComment(t.Context(), a.request(acc, "test"), commands.PostComment{
			Document: issued.ID, Kind: document.Quote, Files: []commands.FileRef{{Blob: file.Blob, Name: file.Name}}})
		if err != nil {
			t.Fatal(err)
		}
		return rcpt.Position
	})
	return dir, old
}

// given a folder in which something bad has happened to a file
// when any command runs on it
// then it says which file and what to do, and changes none; and once that is done, all is well.
func TestBadDaysOfTheFolder(t *testing.T) {
	t.Parallel()
	cut := func(b []byte) []byte { return b[:len(b)/2+100] }
	garbage := func([]byte) []byte { return bytes.Repeat([]byte("not a database. "), 1000) }
	none := func([]byte) []byte { return nil }
	newer := func(b []byte) []byte { b[60+3] = 99; return b } // user_version, as SQLite's format has it
	altered := func(b []byte) []byte {                        // every page but the first
		for i := 4096 + 100; i < len(b); i += 512 {
			b[i] ^= 0xff
		}
		return b
	}
	for name, one := range map[string]struct {
		file  string
		spoil func([]byte) []byte // nil: it is removed; what it returns is written
		says  []string
	}{
		"the log is cut short":                 {file: "events.db", spoil: cut, says: []string{"events.db"}},
		"the log is no database":               {file: "events.db", spoil: garbage, says: []string{"events.db"}},
		"the log is of a newer one":            {file: "events.db", spoil: newer, says: []string{"events.db", "99"}},
		"the log is gone":                      {file: "events.db", says: []string{"events.db"}},
		"the vault is gone":                    {file: "vault.db", says: []string{"vault.db", "put it back"}},
		"the vault is empty":                   {file: "vault.db", spoil: none, says: []string{"vault.db", "put it back"}},
		"the vault is cut short":               {file: "vault.db", spoil: cut, says: []string{"vault.db"}},
		"the master key is gone":               {file: "master.key", says: []string{"master.key"}},
		"the master key is another":            {file: "master.key", spoil: func([]byte) []byte { return []byte("QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=\n") }, says: []string{"master key"}},
		"the attachments are gone":             {file: "attachments.db", says: []string{"attachments.db", "put it back"}},
		"the attachments are empty":            {file: "attachments.db", spoil: none, says: []string{"attachments.db", "put it back"}},
		"the attachments are no database":      {file: "attachments.db", spoil: garbage, says: []string{"attachments.db"}},
		"the read models' list is no database": {file: "readmodels.db", spoil: garbage, says: []string{"readmodels.db"}},
		"the read models' list is of a newer":  {file: "readmodels.db", spoil: newer, says: []string{"readmodels.db", "99"}},
		"read models are damaged":              {file: "readmodels-000002.db", spoil: altered, says: []string{"readmodels-000002.db"}},
		"read models are cut short":            {file: "readmodels-000002.db", spoil: cut, says: []string{"readmodels-000002.db"}},
		"the log is an older copy":             {file: "events.db", spoil: none, says: []string{"events.db", "older copy"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, old := filledFolder(t)
			path := filepath.Join(dir, one.file)
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case name == "the log is an older copy":
				err = os.WriteFile(path, old, 0o600)
			case one.spoil == nil:
				err = os.Remove(path)
			default:
				err = os.WriteFile(path, one.spoil(bytes.Clone(whole)), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			before := snapshot(t, dir)
			for _, args := range [][]string{{"account", "list"}, {"audit", "replay", "--contact", "ana@moncayo.example"}, {"projections", "verify"}} {
				var out, complaints bytes.Buffer
				code := run(t.Context(), append(args, "--data", dir), testSystem(&out, &complaints))
				said := complaints.String()
				if strings.Contains(said, "goroutine ") || strings.Contains(said, "panic") {
					t.Errorf("lonja %s: %s", strings.Join(args, " "), said)
				}
				if code == 0 && strings.HasPrefix(one.file, "readmodels-") {
					continue // it does not need them, or made them again
				}
				if code != 1 {
					t.Errorf("lonja %s: status %d\n%s%s", strings.Join(args, " "), code, &out, said)
				}
				for _, want := range one.says {
					if !strings.Contains(said, want) {
						t.Errorf("lonja %s does not say %q, but: %s", strings.Join(args, " "), want, said)
					}
				}
			}
			if a, err := openApp(t.Context(), testSystem(io.Discard, io.Discard), appConfig{Data: dir}); err == nil { // as 'lonja serve' does
				if err := a.Close(); err != nil {
					t.Error(err)
				}
				if !strings.HasPrefix(one.file, "readmodels-") {
					t.Error("it is served")
				}
			}
			if !strings.HasPrefix(one.file, "readmodels-") {
				after := snapshot(t, dir)
				for _, file := range slices.Sorted(maps.Keys(before)) {
					if after[file] != before[file] {
						t.Errorf("%s was changed", file)
					}
				}
				if one.spoil == nil && after[one.file] != "" {
					t.Errorf("a new %s was made", one.file)
				}
			}

			if err := os.WriteFile(path, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			var out, complaints bytes.Buffer
			if code := run(t.Context(), []string{"projections", "verify", "--data", dir}, testSystem(&out, &complaints)); code != 0 {
				t.Errorf("with the file back: status %d\n%s%s", code, &out, &complaints)
			}
		})
	}
}

// snapshot is what the files hold that must not be changed.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range []string{"events.db", "vault.db", "master.key", "attachments.db", "readmodels.db"} {
		file, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			out[name] = string(file)
		}
	}
	return out
}

// given a folder whose log names a file, and whose attachments are lost for good
// when it is served without them
// then the log goes on, and from then on nothing is amiss; nor is it where the file's
// contact was erased.
func TestAFolderWhoseAttachmentsAreLost(t *testing.T) {
	t.Parallel()
	for name, erased := range map[string]bool{"on purpose": false, "of an erased contact": true} {
		dir, _ := filledFolder(t)
		open := func(c appConfig) error {
			a, err := openApp(t.Context(), testSystem(io.Discard, io.Discard), c)
			if err != nil {
				return err
			}
			if erased {
				acc, err := a.account(t.Context(), "")
				if err != nil {
					t.Fatal(err)
				}
				who, _, err := a.commands.FindContact(t.Context(), acc, "B26000015", "")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := a.commands.EraseContact(t.Context(), a.request(acc, "test"), commands.EraseContact{Contact: who}); err != nil {
					t.Fatal(err)
				}
				erased = false
			}
			return a.Close()
		}
		was := erased
		if err := open(appConfig{Data: dir}); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, "attachments.db")); err != nil {
			t.Fatal(err)
		}
		if err := open(appConfig{Data: dir}); (err == nil) != was {
			t.Errorf("%s: opening it says %v", name, err)
		}
		if err := open(appConfig{Data: dir, FilesLost: true}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := open(appConfig{Data: dir}); err != nil {
			t.Errorf("%s, after that: %v", name, err)
		}
	}
}

// busyLog is a log of which another node writes and follows as soon as its head was read.
type busyLog struct {
	event.Store
	meanwhile func()
}

func (l busyLog) Head(ctx context.Context) (event.Position, error) {
	head, err := l.Store.Head(ctx)
	l.meanwhile()
	return head, err
}

// given a node that starts beside one that writes and follows
// when that goes on between what the starting one asks
// then the log is not taken for an older copy.
func TestALogThatGoesOnIsNoOlderCopy(t *testing.T) {
	t.Parallel()
	dir, _ := filledFolder(t)
	a, err := openApp(t.Context(), testSystem(io.Discard, io.Discard), appConfig{Data: dir, Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	stop, err := a.start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	log := a.events
	n := 0
	a.events = busyLog{log, func() {
		n++
		_, rcpt, err := a.commands.OpenAccount(t.Context(), a.request("", "test"), commands.OpenAccount{
			Details: account.Opened{Name: "Otra", TaxID: fmt.Sprintf("ESB%08d", n), Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid"}})
		if err == nil {
			err = a.wait(t.Context(), rcpt.Position)
		}
		if err != nil {
			t.Error(err)
		}
	}}
	defer func() { a.events = log }()
	if err := a.checkPositions(t.Context()); err != nil || n == 0 {
		t.Errorf("the log was asked for its head %d times: %v", n, err)
	}
}
