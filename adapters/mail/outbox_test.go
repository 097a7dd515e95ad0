package mail_test

import (
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lonja/adapters/mail"
	"lonja/commands"
	"lonja/domain/id"
)

// A mail lies in the outbox once, however often it is sent, until its contact is forgotten.
func TestOutbox(t *testing.T) {
	t.Parallel()
	o := &mail.Outbox{Folder: filepath.Join(t.TempDir(), "outbox"), Domain: "portal.example"}
	ana, eva := id.Contact(id.DeriveID("ana")), id.Contact(id.DeriveID("eva"))
	if err := o.Forget(t.Context(), ana); err != nil {
		t.Errorf("there is no outbox yet: %v", err)
	}
	for i, who := range []id.Contact{ana, ana, eva} {
		m := letter()
		m.ID, m.Contact = string(id.DeriveID("mail", string(rune('a'+i)))), who
		m.Logo = []byte("\x89PNG")
		for range 2 {
			if err := o.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(o.Folder, string(id.DeriveID("half"))+"-"+string(ana)+".part"), []byte("ana"), 0o600); err != nil {
		t.Fatal(err)
	}
	mails := func() []string {
		files, err := filepath.Glob(filepath.Join(o.Folder, "*"))
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	if all := mails(); len(all) != 4 {
		t.Fatalf("in the outbox are %q", all)
	}
	if err := o.Forget(t.Context(), ana); err != nil {
		t.Fatal(err)
	}
	all := mails()
	if len(all) != 1 || !strings.HasSuffix(all[0], string(eva)+".eml") {
		t.Fatalf("in the outbox are %q", all)
	}
	b, err := os.ReadFile(all[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Auto-Submitted: auto-generated", "Message-ID: <", "@portal.example>", "Content-Id: <logo>", "List-Id:"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the mail has no %q:\n%s", want, b)
		}
	}
	// A name is a name, whatever is in it.
	for i, name := range []string{`Bar "El Puerto"`, `Ana\`, `Ana" <x@evil.example>, "`, `Ana" <x@evil.example> (`, "Eva, <x@evil.example>", ""} {
		m := letter()
		m.ID, m.Contact = string(id.DeriveID("named", string(rune('a'+i)))), ana
		m.From.Name, m.To.Name, m.ReplyTo = name, name, commands.Mailbox{Name: name, Address: "oficina@account.example"}
		if err := o.Send(t.Context(), m); err != nil {
			t.Errorf("to %s: %v", name, err)
			continue
		}
		f, err := os.Open(filepath.Join(o.Folder, m.ID+"-"+string(ana)+".eml"))
		if err != nil {
			t.Fatal(err)
		}
		msg, err := netmail.ReadMessage(f)
		if err != nil {
			t.Fatal(err)
		}
		for header, address := range map[string]string{"From": m.From.Address, "To": m.To.Address, "Reply-To": m.ReplyTo.Address} {
			all, err := msg.Header.AddressList(header)
			if err != nil || len(all) != 1 || all[0].Address != address || all[0].Name != name {
				t.Errorf("%s of %s is %q: %+v, %v", header, name, msg.Header.Get(header), all, err)
			}
		}
		_ = f.Close()
	}
	m := letter()
	m.ID, m.Contact, m.To.Address = string(id.DeriveID("two")), ana, "ana@contact.example>, <x@evil.example"
	if err := o.Send(t.Context(), m); err == nil {
		t.Error("one mail went to two addresses")
	}
	m = letter()
	m.ID, m.Contact = "../x", ana
	if err := o.Send(t.Context(), m); err == nil {
		t.Error("a file was written outside the outbox")
	}
}

// Names have quotes, brackets, commas and letters of every kind: they arrive as they are, and address
// nobody else.
func TestNamesArriveAsTheyAre(t *testing.T) {
	t.Parallel()
	for i, name := range []string{
		"", `Talleres "El Rápido", S.L.`, `Bar "Sol"`, `back\slash\`, `a" <x@evil.example>, "b`, `<x@evil.example>`, "Ana, Eva (las dos); x@y", `="'><svg/onload=x>`, "Γιώργος «Ω»",
	} {
		o := &mail.Outbox{Folder: filepath.Join(t.TempDir(), "outbox"), Domain: "portal.example"}
		m := letter()
		m.ID, m.Contact = string(id.DeriveID("mail", string(rune('a'+i)))), id.Contact(id.DeriveID("ana"))
		m.From.Name, m.To.Name, m.ReplyTo = name, name, commands.Mailbox{Name: name, Address: "reply@account.example"}
		if err := o.Send(t.Context(), m); err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		f, err := os.Open(filepath.Join(o.Folder, m.ID+"-"+string(m.Contact)+mail.Suffix))
		if err != nil {
			t.Fatal(err)
		}
		got, err := netmail.ReadMessage(f)
		if err != nil {
			t.Fatal(err)
		}
		for header, address := range map[string]string{"From": m.From.Address, "To": m.To.Address, "Reply-To": m.ReplyTo.Address} {
			list, err := got.Header.AddressList(header)
			if err != nil || len(list) != 1 || list[0].Address != address || list[0].Name != name {
				t.Errorf("%s is %q, of the name %q: %v", header, got.Header.Get(header), name, err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
