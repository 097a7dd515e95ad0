package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lonja/adapters/mail"
	"lonja/adapters/web/letters"
	"lonja/adapters/web/locale"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/document"
	"lonja/domain/id"
	domainmail "lonja/domain/mail"
	"lonja/readmodels"
)

// postbox is the mail server of a world.
type postbox struct {
	mu     sync.Mutex
	taken  []commands.Mail
	refuse func(m commands.Mail) error
}

// Send implements commands.Mailer.
func (p *postbox) Send(_ context.Context, m commands.Mail) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse != nil {
		if err := p.refuse(m); err != nil {
			return err
		}
	}
	p.taken = append(p.taken, m)
	return nil
}

// startMail makes the world's sender. It sends when the test says so.
func (w *world) startMail() {
	w.t.Helper()
	words, err := locale.Load()
	w.ok(err)
	base, err := url.Parse("http://portal.test")
	w.ok(err)
	w.post = &postbox{}
	w.sender = mail.NewSender(mail.SenderConfig{
		Postman: &commands.Postman{Commands: w.commands, Mailer: w.post, Writer: &letters.Writer{Catalogue: words, Base: base}},
		Read:    w.reads, Log: w.log, Shown: w.wait, Logger: w.logger(),
		Accounts: func(context.Context) ([]id.Account, error) { return []id.Account{w.account}, nil },
		Request:  func(id.Account, string) commands.Request { return w.request("") },
		Times:    mail.SenderTimes{Pause: time.Millisecond},
	})
	w.mailed()
}

// mailed lets what is due be sent, and returns all that the server took so far.
func (w *world) mailed() []commands.Mail {
	w.t.Helper()
	w.settle()
	_, err := w.sender.Round(w.t.Context())
	w.ok(err)
	w.settle()
	w.post.mu.Lock()
	defer w.post.mu.Unlock()
	return slices.Clone(w.post.taken)
}

var ownLink = regexp.MustCompile(`http://portal\.test(/\S+)`)

// linkIn returns the path of the first link in a mail's text.
func linkIn(m commands.Mail) string {
	found := ownLink.FindStringSubmatch(m.Text)
	if found == nil {
		return ""
	}
	return found[1]
}

// holds fails unless these are in the page's source.
func (p page) holds(t *testing.T, parts ...string) page {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(p.body, part) {
			t.Errorf("%s does not hold %s", p.path, part)
		}
	}
	return p
}

// mailPath is a mail's act on the staff side.
func mailPath(m commands.Mail, act string) string { return "/staff/mails/" + m.ID + "/" + act }

// Staff send a document: its mail brings whoever gets it to the document, and is on the
// pages of document, contact and mails.
func TestStaffSendADocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", "", access.Full)
	quote := w.issue(who, document.Quote, "P-1", "")
	w.settle()
	s := w.browser()
	s.signInStaff()
	at := "/staff/contacts/" + string(who) + "/quotes/" + string(quote)
	form := s.get(at).want(t, http.StatusOK, at).holds(t, `value="marta@ibanez.example"`)
	s.submit(form, "share-mail", "sentTo", "nonsense", "message", "Hola").want(t, http.StatusUnprocessableEntity, "", "Hola")
	s.submit(form, "share-mail", "sentTo", "marta@ibanez.example", "message", "Con saludos").want(t, http.StatusOK, at, "The mail is on its way.", "Waiting")
	sent := w.mailed()
	if len(sent) != 1 || !strings.Contains(sent[0].Text, "Con saludos") || !strings.HasPrefix(linkIn(sent[0]), "/d/") {
		t.Fatalf("sent: %+v", sent)
	}
	s.submit(form, "share-mail", "sentTo", "marta@ibanez.example", "message", "Con saludos") // the same form again
	if again := w.mailed(); len(again) != 1 {
		t.Errorf("the same form again sends %d mails", len(again))
	}
	w.browser().get(linkIn(sent[0])).want(t, http.StatusOK, "/shared", "P-1")
	s.get(at).want(t, http.StatusOK, at, "marta@ibanez.example", "Sent")
	s.get("/staff/contacts/"+string(who)).want(t, http.StatusOK, "", "Document sent", "Quote P-1")
	s.get("/staff/mails").want(t, http.StatusOK, "/staff/mails", "Document sent", "Bodegas Ibáñez, S.L.", "Quote P-1", "Sent")
	w.logged(strings.TrimPrefix(linkIn(sent[0]), "/d/"), "Con saludos", "marta@ibanez.example")
}

// What bounces is shown with its reason, and can be tried again.
func TestStaffSeeWhatBounced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", "", access.Full)
	w.settle()
	w.post.refuse = func(commands.Mail) error {
		return &commands.MailFailure{Cause: domainmail.BadAddress, Code: 550, Err: fmt.Errorf("%w: no marta@ibanez.example", commands.ErrMailRefused)}
	}
	s := w.browser()
	s.signInStaff()
	at := "/staff/contacts/" + string(who)
	s.submit(s.get(at), "invite").want(t, http.StatusOK, at, "The invitation is on its way.")
	s.submit(s.get(at), "invite").want(t, http.StatusConflict, "", "a short time ago")
	w.mailed()
	s.get(at).want(t, http.StatusOK, at, "Bounced", "There is no such address (550)")
	s.get("/staff").want(t, http.StatusOK, "/staff", "Mails not delivered").holds(t, `<a href="/staff/mails?failing=1">1<`)
	failing := s.get("/staff/mails?failing=1").want(t, http.StatusOK, "", "Not delivered (1)", "Try again")
	rows, err := readmodels.ListMails(t.Context(), readmodels.ForStaff(w.reads, w.account), readmodels.MailQuery{})
	w.ok(err)
	one := commands.Mail{ID: string(rows.Items[0].Row.ID)}
	_, fields := failing.form(t, "retry-"+one.ID)
	w.post.refuse = nil
	s.post(mailPath(one, "retry"), fields).want(t, http.StatusOK, "/staff/mails?failing=1", "It is being tried again.", "There is no mail.")
	if sent := w.mailed(); len(sent) != 1 || sent[0].ID != one.ID {
		t.Errorf("sent: %+v", sent)
	}
	fields.Set("command", id.Derive("late").String())
	s.post(mailPath(one, "give-up"), fields).want(t, http.StatusConflict, "", "not waiting")
	fields.Set("next", "https://evil.example/")
	s.post(mailPath(one, "retry"), fields).want(t, http.StatusConflict, "")
	w.logged("marta@ibanez.example")
}

// Staff tick contacts, or take all that match; each that has an email is invited once; the
// page says who was left out, and how far it is.
func TestStaffInviteMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var ids []string
	for i := range 14 {
		ids = append(ids, string(w.client(fmt.Sprintf("Bar %02d", i), fmt.Sprintf("bar%d@example.com", i), "", access.Full)))
	}
	w.client("Bar Mudo", "", "", access.Full)
	w.client("Bodegas", "marta@ibanez.example", passphrase, access.Full)
	w.settle()
	s := w.browser()
	s.signInStaff()
	s.get("/staff/contacts?q=bar").want(t, http.StatusOK, "", "Invite those chosen", "Invite all (15)")
	s.get("/staff/invitations/new").want(t, http.StatusOK, "", "You have chosen nobody.")
	some := s.get("/staff/invitations/new?contact="+ids[3]+"&contact="+ids[4]).want(t, http.StatusOK, "", "2 contacts", "Bar 03", "Bar 04").wantNot(t, "Bar 05")
	done := s.submit(some, "start-invitations").want(t, http.StatusOK, "", "0 of 2").holds(t, `<meta http-equiv="refresh"`, `hx-trigger="every 1s"`)
	w.mailed()
	progress := done.path
	s.get(progress).want(t, http.StatusOK, progress, "Invitations finished", "2 of 2").holds(t, `<progress value="2" max="2"`)
	if body := s.get(progress).body; strings.Contains(body, "http-equiv") || strings.Contains(body, "hx-trigger") {
		t.Error("a page of what is done asks again")
	}

	all := s.get("/staff/invitations/new?all=1&q=bar&access=0").want(t, http.StatusOK, "", "15 contacts", "and 3 more", "One contact has no email")
	done = s.submit(all, "start-invitations")
	w.mailed()
	s.get(done.path).want(t, http.StatusOK, "", "Invitations finished", "15 of 15", "Left out", "Bar Mudo", "There is no email on its record", "Bar 03", "Invited a short time ago")
	if sent := w.mailed(); len(sent) != 14 {
		t.Errorf("%d mails for 14 contacts", len(sent))
	}
	b := w.browser()
	form := b.get(linkIn(w.mailed()[0])).want(t, http.StatusOK, "/new-password")
	b.submit(form, "new-password", "password", otherPassphrase).want(t, http.StatusOK, "/")
}
