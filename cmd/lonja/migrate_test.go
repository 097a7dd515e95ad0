package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lonja/adapters/eventstoredb/esdbtest"
	"lonja/adapters/postgres/postgrestest"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// shared is a PostgreSQL for the tests of this package.
var shared postgrestest.Tests

// newServers is an EventStoreDB, or what stands in for it, and an empty database.
func newServers(t *testing.T) servers {
	t.Helper()
	s, err := esdbtest.Start(t.Context(), t.TempDir(), esdbtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return servers{EventStoreDB: s.ConnectionString(), Postgres: shared.Database(t)}
}

// scaled is the environment of a node: it has the folder's master key.
func scaled(t *testing.T, folder string, out, complaints io.Writer) system {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(folder, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	sys := testSystem(out, complaints)
	getenv := sys.Getenv
	sys.Getenv = func(name string) string {
		if name == "LONJA_MASTER_KEY" {
			return string(key)
		}
		return getenv(name)
	}
	return sys
}

func using(t *testing.T, sys system, cfg appConfig, do func(a *app)) {
	t.Helper()
	a, err := openApp(t.Context(), sys, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	stop, err := a.start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	if err := a.caughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	do(a)
}

// told is all that the system says of its people: their pages and what they did. Places in
// the log are the stores' own.
func told(t *testing.T, a *app) string {
	t.Helper()
	ctx := t.Context()
	acc, err := a.account(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	say := json.NewEncoder(&out)
	all, err := readmodels.List(ctx, readmodels.ForStaff(a.read, acc), readmodels.Contacts, readmodels.Query{Index: "all_name"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all.Items {
		v := readmodels.For(a.read, acc, c.Key.Contact)
		home, err := readmodels.Home(ctx, v, "2026-03-02")
		if err != nil {
			t.Fatal(err)
		}
		docs, err := readmodels.ListDocuments(ctx, v, readmodels.DocumentQuery{})
		if err != nil {
			t.Fatal(err)
		}
		if err := say.Encode([]any{c, home, docs}); err != nil {
			t.Fatal(err)
		}
	}
	var buf []event.Stored
	for at := event.Position(0); ; at = buf[len(buf)-1].Position {
		if buf, err = a.events.ReadFeed(ctx, at, 100, buf[:0]); err != nil {
			t.Fatal(err)
		}
		if len(buf) == 0 {
			break
		}
		for i := range buf {
			rec, err := a.codec.Decode(ctx, &buf[i])
			if err != nil {
				t.Fatal(err)
			}
			if err := say.Encode([]any{rec.ID, rec.Type, rec.Stream, rec.Revision, rec.Meta, rec.Data}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return regexp.MustCompile(`"(position|rev)":\d+`).ReplaceAllString(out.String(), `"$1":0`)
}

// given a system in a folder, with a person and a file
// when it is moved to EventStoreDB and PostgreSQL
// then a node there says just what the folder said, lets the person in, and has the file; and
// what was answered in the folder is not answered again.
func TestASystemMovesToServers(t *testing.T) {
	t.Parallel()
	const password = "Cuatro-Barcas-Vuelven-Tarde"
	dir, _ := filledFolder(t)
	var before string
	var acc id.Account
	var who id.Contact
	using(t, testSystem(io.Discard, io.Discard), appConfig{Data: dir, Fast: true}, func(a *app) {
		ctx := t.Context()
		var err error
		if acc, err = a.account(ctx, ""); err != nil {
			t.Fatal(err)
		}
		if who, err = a.findContact(ctx, acc, "B26000015"); err != nil {
			t.Fatal(err)
		}
		login, _, err := a.commands.CreateLogin(ctx, a.request(acc, "test"), commands.CreateLogin{Contact: who, Email: "ana@moncayo.example", Name: "Ana", Role: access.Full, Main: true})
		if err != nil {
			t.Fatal(err)
		}
		rcpt, err := a.commands.SetLoginPassword(ctx, a.request(acc, "test"), commands.SetLoginPassword{Login: login, Password: password})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.wait(ctx, rcpt.Position); err != nil {
			t.Fatal(err)
		}
		if err := a.caughtUp(ctx); err != nil {
			t.Fatal(err)
		}
		before = told(t, a)
	})
	to := newServers(t)
	migrate := func(folder string) (int, string) {
		var out bytes.Buffer
		code := run(t.Context(), []string{"migrate", "--data", folder, "--eventstoredb", to.EventStoreDB, "--postgres", to.Postgres}, testSystem(&out, &out))
		return code, out.String()
	}
	files := filepath.Join(dir, "attachments.db")
	if err := os.Rename(files, files+".away"); err != nil {
		t.Fatal(err)
	}
	if code, said := migrate(dir); code != 1 || !strings.Contains(said, "1 files") {
		t.Errorf("without its attachments the folder is moved: status %d: %s", code, said)
	}
	if err := os.Rename(files+".away", files); err != nil {
		t.Fatalf("a file was made in the folder: %v", err)
	}
	code, said := migrate(dir)
	if code != 0 || !strings.Contains(said, "Everything has arrived") {
		t.Fatalf("status %d: %s", code, said)
	}
	if code, said := migrate(dir); code != 0 || !strings.Contains(said, "of which 0 were copied now") {
		t.Errorf("moved once more: status %d: %s", code, said)
	}
	other, _ := filledFolder(t)
	if code, said := migrate(other); code != 1 || !strings.Contains(said, "master key") && !strings.Contains(said, "another log") {
		t.Errorf("another system moves to the same servers: status %d: %s", code, said)
	}

	node := appConfig{Data: t.TempDir(), Servers: to, Fast: true}
	sys := scaled(t, dir, io.Discard, io.Discard)
	using(t, sys, node, func(a *app) {
		ctx := t.Context()
		if after := told(t, a); after != before {
			was, is := strings.Split(before, "\n"), strings.Split(after, "\n")
			for i := range min(len(was), len(is)) {
				if was[i] != is[i] {
					t.Errorf("the node says\n%s\nthe folder said\n%s", is[i], was[i])
				}
			}
			t.Errorf("the node says %d things, the folder said %d", len(is), len(was))
		}
		session, err := a.commands.SignIn(ctx, a.request(acc, "test"), commands.SignIn{Email: "ana@moncayo.example", Password: password})
		if err != nil || session.Contact != who {
			t.Errorf("the person is not let in: %+v, %v", session, err)
		}
		v := readmodels.For(a.read, acc, who)
		docs, err := readmodels.ListDocuments(ctx, v, readmodels.DocumentQuery{})
		if err != nil || len(docs.Items) != 1 {
			t.Fatalf("%d documents, %v", len(docs.Items), err)
		}
		all, err := a.reactions(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			if r.Parked != 0 {
				t.Errorf("%s has parked %d events", r.Name, r.Parked)
			}
		}
		if _, _, err := a.commands.RegisterContact(ctx, a.request(acc, "test"), commands.RegisterContact{Details: contact.Details{Name: "Berta", TaxID: "A28015865"}, Client: true}); err != nil {
			t.Fatal(err)
		}
	})
	if code, said := migrate(dir); code == 0 {
		t.Errorf("a folder is moved onto a system that has gone on: %s", said)
	}
}

// given servers, and a node that is asked to serve a folder with a system of its own
// then it refuses, and says what to do.
func TestANodeHasAFolderOfItsOwn(t *testing.T) {
	t.Parallel()
	dir, _ := filledFolder(t)
	_, err := openApp(t.Context(), scaled(t, dir, io.Discard, io.Discard), appConfig{Data: dir, Servers: servers{EventStoreDB: "esdb://127.0.0.1:1?tls=false", Postgres: "postgres://127.0.0.1:1/none"}})
	if err == nil || !strings.Contains(err.Error(), "lonja migrate") {
		t.Errorf("got %v", err)
	}
	_, err = openApp(t.Context(), testSystem(io.Discard, io.Discard), appConfig{Data: t.TempDir(), Servers: servers{Postgres: "postgres://127.0.0.1:1/none"}})
	if err == nil || !strings.Contains(err.Error(), "go together") {
		t.Errorf("got %v", err)
	}
}
