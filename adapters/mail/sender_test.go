package mail_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net"
	netmail "net/mail"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"lonja/adapters/mail"
	"lonja/adapters/memory"
	"lonja/adapters/web/letters"
	"lonja/adapters/web/locale"
	"lonja/commands"
	"lonja/commands/reactions"
	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/vocabulary"
	"lonja/projections"
	"lonja/readmodels"
)

// office is a system of one account with its sender, over stores in memory, whose clock the
// test moves, before a real mail server.
type office struct {
	*commands.Commands
	t      *testing.T
	acc    id.Account
	log    *memory.EventLog
	reads  *memory.ReadStore
	runner *projections.Runner
	lines  *bytes.Buffer
	now    time.Time
	serial int
	seen   event.Position
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), reads: memory.NewReadStore(), lines: &bytes.Buffer{}}
	o.log = memory.NewEventLog(func() time.Time { return o.now })
	vault := memory.NewVault()
	o.Commands = &commands.Commands{
		Executor: &commands.Executor{Store: o.log, Codec: event.NewCodec(vocabulary.Registry(), vault)}, Read: o.reads, Vault: vault,
	}
	var err error
	o.runner, err = projections.NewRunner(projections.Config{Projections: projections.All(), Events: o.log, Codec: o.Codec, Store: o.reads})
	o.ok(err)
	o.acc, _, err = o.OpenAccount(t.Context(), o.req(), commands.OpenAccount{Details: account.Opened{
		Name: "Conservas Cantábricas", TaxID: "A39000013", Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid", Email: "hola@cantabricas.example",
	}})
	o.ok(err)
	_, err = o.StartMailing(t.Context(), o.req())
	o.ok(err)
	return o
}

func (o *office) ok(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) req() commands.Request {
	o.serial++
	return commands.Request{Account: o.acc, Command: id.Derive("office", fmt.Sprint(o.serial)), Actor: event.Actor{Kind: event.ActorSystem, ID: "test"}, At: o.now}
}

// invite invites a contact of a language, whose mail is then on its way.
func (o *office) invite(name, email, language string) {
	o.t.Helper()
	who, _, err := o.RegisterContact(o.t.Context(), o.req(), commands.RegisterContact{Details: contact.Details{Name: name, Email: email}, Client: true, Language: language})
	o.ok(err)
	_, _, err = o.InviteContact(o.t.Context(), o.req(), commands.InviteContact{Contact: who})
	o.ok(err)
	o.settle(o.t.Context(), 0)
}

// settle lets reactions answer and projections follow.
func (o *office) settle(ctx context.Context, _ event.Position) error {
	re := reactions.Mails(o.Commands)
	for {
		stored, err := o.log.ReadFeed(ctx, o.seen, 100, nil)
		if err != nil || len(stored) == 0 {
			return errors.Join(err, o.runner.CatchUp(ctx))
		}
		for i := range stored {
			rec, err := o.Codec.Decode(ctx, &stored[i])
			if err == nil && re.Answers(rec.Type) {
				err = re.React(ctx, &rec)
			}
			if err != nil {
				return err
			}
			o.seen = stored[i].Position
		}
	}
}

// sender is a fresh process's.
func (o *office) sender(mailer commands.Mailer) *mail.Sender {
	o.t.Helper()
	words, err := locale.Load()
	o.ok(err)
	base, err := url.Parse("https://portal.example")
	o.ok(err)
	var mu sync.Mutex // several mails at a time ask for a request
	return mail.NewSender(mail.SenderConfig{
		Postman: &commands.Postman{Commands: o.Commands, Mailer: mailer, Writer: &letters.Writer{Catalogue: words, Base: base}},
		Read:    o.reads, Log: o.log, Shown: o.settle, Logger: slog.New(slog.NewTextHandler(o.lines, nil)),
		Accounts: func(context.Context) ([]id.Account, error) { return []id.Account{o.acc}, nil },
		Request: func(id.Account, string) commands.Request {
			mu.Lock()
			defer mu.Unlock()
			return o.req()
		},
		Times: mail.SenderTimes{Rest: time.Millisecond, Look: 10 * time.Millisecond, Pause: time.Minute},
	})
}

func (o *office) round(s *mail.Sender) time.Duration {
	o.t.Helper()
	wait, err := s.Round(o.t.Context())
	o.ok(err)
	o.ok(o.settle(o.t.Context(), 0))
	return wait
}

// stand returns how the mails stand, "<to> <status> <cause> <attempts>".
func (o *office) stand() []string {
	o.t.Helper()
	page, err := readmodels.ListMails(o.t.Context(), readmodels.ForStaff(o.reads, o.acc), readmodels.MailQuery{})
	o.ok(err)
	var out []string
	for i := range page.Items {
		m := page.Items[i].Row
		out = append(out, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %d", m.To, m.Status, m.Cause, m.Attempts)), " "))
	}
	slices.Sort(out)
	return out
}

func (o *office) want(what string, want ...string) {
	o.t.Helper()
	if got := o.stand(); !slices.Equal(got, want) {
		o.t.Errorf("%s: the mails are %q, want %q", what, got, want)
	}
}

// taken returns the mails that the server took, by address.
func (p *peer) taken(t *testing.T) map[string][]*netmail.Message {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string][]*netmail.Message{}
	for _, raw := range p.got {
		m, err := netmail.ReadMessage(strings.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		to, err := m.Header.AddressList("To")
		if err != nil {
			t.Fatal(err)
		}
		out[to[0].Address] = append(out[to[0].Address], m)
	}
	return out
}

// given contacts of several languages
// when they are invited
// then each reads the mail in its own, from a real server, once, whoever sends again.
func TestMailsArriveInTheirLanguage(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, server := start(t)
	words := map[string]string{"es": "Su acceso al portal de Conservas Cantábricas", "en": "Your access to the portal of Conservas Cantábricas", "ca": "El vostre accés al portal de Conservas Cantábricas"}
	for _, lang := range locale.Languages() {
		o.invite("Bar "+lang, lang+"@example.com", lang)
	}
	o.invite("Bar", "nolanguage@example.com", "")
	for range 3 {
		o.round(o.sender(server))
	}
	taken := p.taken(t)
	if len(taken) != len(locale.Languages())+1 {
		t.Errorf("mails to %d people", len(taken))
	}
	for to, mails := range taken {
		lang, _, _ := strings.Cut(to, "@")
		if lang == "nolanguage" {
			lang = "es"
		}
		subject, err := (&mime.WordDecoder{}).DecodeHeader(mails[0].Header.Get("Subject"))
		if err != nil || subject != words[lang] || len(mails) != 1 {
			t.Errorf("%s got %d mails: %q, %v", to, len(mails), subject, err)
		}
		if from := mails[0].Header.Get("From"); !strings.Contains(from, "<hola@cantabricas.example>") {
			t.Errorf("it is from %s", from)
		}
	}
}

// given a server that takes a mail and dies before it says so, another that says later,
// one that knows no such address, and none at all
// then mails are tried again under their Message-ID, or never, and staff see why.
func TestServersFail(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, server := start(t, &smtp.SMTPError{Code: 451, Message: "later, ana@example.com"})
	o.invite("Ana", "ana@example.com", "")
	s := o.sender(server)
	o.round(s)
	o.want("after a 451", "ana@example.com waiting deferred 1")
	o.round(s)
	o.want("before its time", "ana@example.com waiting deferred 1")
	o.now = o.now.Add(time.Minute)
	o.round(s)
	o.want("a minute later", "ana@example.com sent 2")

	p.mu.Lock()
	p.answers = []error{&smtp.SMTPError{Code: 550, Message: "no such person: eva@example.com"}}
	p.mu.Unlock()
	o.invite("Eva", "eva@example.com", "")
	o.round(s)
	o.want("after a 550", "ana@example.com sent 2", "eva@example.com refused rejected 1")
	o.now = o.now.Add(24 * time.Hour)
	o.round(s)
	if n := len(p.taken(t)["eva@example.com"]); n != 0 {
		t.Errorf("a refused mail was sent %d times", n)
	}

	// Nobody at the address: one mail finds that out, the others wait.
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	o.ok(err)
	port := gone.Addr().(*net.TCPAddr).Port
	o.ok(gone.Close())
	dead, err := mail.NewSMTP(mail.Config{Host: "127.0.0.1", Port: port, TLS: mail.Plain, Domain: "portal.example", Timeout: 5 * time.Second})
	o.ok(err)
	s = o.sender(dead)
	for i := range 20 {
		o.invite("Bar", fmt.Sprintf("bar%02d@example.com", i), "")
	}
	if wait := o.round(s); wait != time.Minute {
		t.Errorf("looks again after %v", wait)
	}
	tried := 0
	for _, line := range o.stand() {
		if strings.Contains(line, "unreachable") {
			tried++
		}
	}
	if tried == 0 || tried > 5 {
		t.Errorf("%d mails were tried while nobody answered", tried)
	}
	if wait := o.round(s); wait != 2*time.Minute {
		t.Errorf("the next pause is %v", wait)
	}
	o.now = o.now.Add(time.Hour)
	o.round(o.sender(server))
	for _, line := range o.stand() {
		if strings.HasPrefix(line, "bar") && !strings.Contains(line, " sent ") {
			t.Errorf("with a server again: %s", line)
		}
	}
	for to, mails := range p.taken(t) {
		if len(mails) != 1 {
			t.Errorf("%s got %d mails", to, len(mails))
		}
	}
	if log := o.lines.String(); strings.Contains(log, "example.com") || !strings.Contains(log, "cause=unreachable") {
		t.Errorf("the log says\n%s", log)
	}
}

// given a mail that can't be read, first of all that wait, while no server answers
// when one answers again
// then the others are sent.
func TestOneUnreadableMailHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, server := start(t)
	o.invite("Ana", "ana@example.com", "")
	stored, err := o.log.ReadFeed(t.Context(), 0, 1000, nil)
	o.ok(err)
	for i := range stored {
		if stored[i].Type == "mail.queued" {
			o.Executor.Store = &torn{o.log, stored[i].Stream}
		}
	}
	o.now = o.now.Add(time.Second)
	o.invite("Eva", "eva@example.com", "")
	line := &cable{Mailer: server, cut: true}
	s := o.sender(line)
	o.round(s)
	o.want("without a server", "ana@example.com waiting 0", "eva@example.com waiting unreachable 1")
	line.cut = false
	o.now = o.now.Add(time.Hour)
	for range 2 {
		o.round(s)
	}
	o.want("with one again", "ana@example.com waiting 0", "eva@example.com sent 2")
}

// torn is a log of which one stream can't be read.
type torn struct {
	event.Store
	stream string
}

func (l *torn) ReadStream(ctx context.Context, stream string, from event.Revision, limit int, buf []event.Stored) ([]event.Stored, error) {
	if stream == l.stream {
		return nil, errors.New("torn")
	}
	return l.Store.ReadStream(ctx, stream, from, limit, buf)
}

// cable leads to a server, unless it is cut.
type cable struct {
	commands.Mailer
	cut bool
}

func (c *cable) Send(ctx context.Context, m commands.Mail) error {
	if c.cut {
		return errors.New("no server answers")
	}
	return c.Mailer.Send(ctx, m)
}

// given a server that has taken a mail when the process ends
// when another process goes on
// then the second copy has the first one's Message-ID, and there is no third.
func TestALostAnswerIsASecondCopy(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, server := start(t)
	o.invite("Ana", "ana@example.com", "")
	o.Store = &deaf{Store: o.log}
	if _, err := o.sender(server).Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.Store = o.log
	o.want("the record was lost", "ana@example.com waiting 0")
	for range 3 {
		o.round(o.sender(server))
	}
	mails := p.taken(t)["ana@example.com"]
	if len(mails) != 2 || mails[0].Header.Get("Message-ID") != mails[1].Header.Get("Message-ID") {
		t.Errorf("%d copies", len(mails))
	}
	o.want("the next process", "ana@example.com sent 1")
}

// deaf is a log whose process ends before what a server said is written.
type deaf struct{ event.Store }

func (d *deaf) Append(ctx context.Context, stream string, expected event.Revision, events []event.Raw) (event.Receipt, error) {
	if strings.HasPrefix(stream, "mail-") {
		return event.Receipt{}, errors.New("the process ended")
	}
	return d.Store.Append(ctx, stream, expected, events)
}

// The sender wakes when there is a mail, and ends when it is told to.
func TestTheSenderRuns(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, server := start(t)
	s := o.sender(server)
	o.invite("Ana", "ana@example.com", "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var done sync.WaitGroup
	done.Go(func() { s.Run(ctx) })
	limit, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	for at := event.Position(0); len(p.taken(t)) == 0; {
		var err error
		if at, err = o.log.Wait(limit, at); err != nil && len(p.taken(t)) == 0 {
			t.Fatal(err)
		}
	}
	cancel()
	done.Wait()
}
