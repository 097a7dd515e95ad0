package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lonja/commands"
	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/id"
	"lonja/readmodels"
)

// given mails about a contact in every state: sent into the outbox, and to be sent
// when the contact is erased
// then no file of the system has its address, its name or what staff wrote to it.
func TestAnErasedContactIsInNoMail(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), &said{url: make(chan string, 1)}
	a, err := openApp(t.Context(), testSystem(io.Discard, log), appConfig{Data: dir, BaseURL: "http://portal.test", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	stop, err := a.start(t.Context())
	ok(err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	acc, _, err := a.commands.OpenAccount(ctx, a.request("", "test"), commands.OpenAccount{Details: account.Opened{
		Name: "Conservas", Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid", Email: "oficina@conservas.example",
	}})
	ok(err)
	_, err = a.commands.StartMailing(ctx, a.request(acc, "test"))
	ok(err)
	var sending sync.WaitGroup
	run, end := context.WithCancel(ctx)
	sending.Go(func() { a.sender().Run(run) })

	// Another contact, whose mails stay.
	for _, c := range []contact.Details{{Name: "Plantada", Person: "Plantada Pérez", Email: "plantada@plantada.example"}, {Name: "Otra", Email: "otra@otra.example"}} {
		who, _, err := a.commands.RegisterContact(ctx, a.request(acc, "test"), commands.RegisterContact{Details: c, Client: true})
		ok(err)
		_, _, err = a.commands.InviteContact(ctx, a.request(acc, "test"), commands.InviteContact{Contact: who})
		ok(err)
		b := documenttest.Body(document.Invoice, "F-"+c.Name)
		made, err := a.commands.IssueDocument(ctx, a.request(acc, "test"), commands.IssueDocument{Contact: who, Body: b})
		ok(err)
		_, _, err = a.commands.ShareLink(ctx, a.request(acc, "test"), commands.ShareLink{Document: made.ID, Kind: document.Invoice, SentTo: "plantada.otra@" + strings.ToLower(c.Name) + ".example", Send: true, Message: "Recado para " + c.Name})
		ok(err)
		_, _, err = a.commands.PostComment(ctx, a.request(acc, "test"), commands.PostComment{Document: made.ID, Kind: document.Invoice, Text: "Comentario para " + c.Name}) // waits for others
		ok(err)
	}
	until := func(what string, done func() bool) {
		t.Helper()
		for at, err := a.events.Head(ctx); !done(); at, err = a.events.Head(ctx) {
			ok(err)
			if _, err := a.events.Wait(ctx, at); err != nil {
				t.Fatalf("waiting until %s: %v", what, err)
			}
		}
	}
	staff := readmodels.ForStaff(a.read, acc)
	counted := func(s readmodels.MailStatus) int {
		t.Helper()
		head, err := a.events.Head(ctx)
		ok(err)
		ok(a.wait(ctx, head))
		mails, err := readmodels.ListMails(ctx, staff, readmodels.MailQuery{Status: s})
		ok(err)
		return len(mails.Items)
	}
	until("four are sent", func() bool { return counted(readmodels.MailSent) == 4 && counted(readmodels.MailWaiting) == 2 })
	lying := func() int {
		files, err := filepath.Glob(filepath.Join(dir, outbox, "*"))
		ok(err)
		return len(files)
	}
	if n := lying(); n != 4 {
		t.Fatalf("%d mails in the outbox", n)
	}
	list, err := readmodels.ListContacts(ctx, staff, readmodels.ContactQuery{Search: "plantada"})
	ok(err)
	_, err = a.commands.EraseContact(ctx, a.request(acc, "test"), commands.EraseContact{Contact: list.Items[0].Row.ID})
	ok(err)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for lying() != 2 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%d mails in the outbox", lying())
		}
	}
	if n := counted(""); n != 3 {
		t.Errorf("staff see %d mails", n)
	}
	end()
	sending.Wait()
	ok(stop())
	ok(a.Close())
	seen := 0
	ok(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, planted := range []string{"plantada@", "plantada.otra@plantada", "Plantada Pérez", "para Plantada"} {
			if bytes.Contains(b, []byte(planted)) {
				t.Errorf("%s still has %q", path, planted)
			}
		}
		if bytes.Contains(b, []byte("otra@otra.example")) {
			seen++
		}
		return err
	}))
	if seen < 2 { // the read models, and a mail
		t.Errorf("the other contact's address is in %d files only: the test shows nothing", seen)
	}
	if text := log.String(); strings.Contains(text, "example") || strings.Contains(text, "level=ERROR") {
		t.Errorf("the program logged\n%s", text)
	}
}

func TestTheMailServerIsChecked(t *testing.T) {
	t.Parallel()
	for _, wrong := range []appConfig{{SMTP: "mail.example:25"}, {SMTP: "smtp://ana:secret@mail.example?tls=none"}, {MailFrom: "nobody"}} {
		wrong.Data, wrong.BaseURL = t.TempDir(), "http://portal.test"
		a, err := openApp(t.Context(), testSystem(io.Discard, io.Discard), wrong)
		if err == nil {
			t.Errorf("%+v was taken: %v", wrong, a.Close())
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

// Whoever reads the mails that were caught gets in as anybody: they are for who sits at
// the machine.
func TestMailsAreShownOnTheOwnMachineOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		addr, base string
		want       bool
	}{
		{"127.0.0.1:8080", "http://127.0.0.1:8080", true}, {"[::1]:8080", "http://localhost:8080", true},
		{"127.0.0.1:8080", "https://portal.example", false}, {"0.0.0.0:8080", "http://localhost:8080", false}, {"[::]:8080", "https://portal.example", false},
	} {
		at, err := net.ResolveTCPAddr("tcp", c.addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := ownMachine(at, c.base); got != c.want {
			t.Errorf("at %s as %s: %v", c.addr, c.base, got)
		}
	}
}

// given mails that lie in the outbox from before there was a mail server
// when their contact is erased
// then they are forgotten all the same.
func TestAMailServerForgetsTheOutbox(t *testing.T) {
	t.Parallel()
	dir, who := t.TempDir(), id.Contact(id.DeriveID("contact"))
	left := filepath.Join(dir, outbox, string(id.DeriveID("mail"))+"-"+string(who)+".eml")
	if err := errors.Join(os.Mkdir(filepath.Dir(left), 0o700), os.WriteFile(left, []byte("To: plantada@plantada.example"), 0o600)); err != nil {
		t.Fatal(err)
	}
	a, err := openApp(t.Context(), testSystem(io.Discard, io.Discard), appConfig{Data: dir, BaseURL: "http://portal.test", SMTP: "smtp://127.0.0.1:1?tls=none"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.postman.Forget(t.Context(), who), a.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it still lies there: %v", err)
	}
}
