package mail_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"lonja/adapters/mail"
	"lonja/commands"
)

// peer is a mail server that answers each mail with the next of its answers, then with OK.
type peer struct {
	mu      sync.Mutex
	answers []error
	got     []string
}

func (p *peer) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{p}, nil }

type session struct{ p *peer }

func (s *session) Reset()                               {}
func (s *session) Logout() error                        { return nil }
func (s *session) Mail(string, *smtp.MailOptions) error { return nil }
func (s *session) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if len(s.p.answers) > 0 {
		answer := s.p.answers[0]
		s.p.answers = s.p.answers[1:]
		return answer
	}
	s.p.got = append(s.p.got, string(b))
	return nil
}

func start(t *testing.T, answers ...error) (*peer, *mail.SMTP) {
	t.Helper()
	p := &peer{answers: answers}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(p)
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	s, err := mail.NewSMTP(mail.Config{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: mail.Plain, Domain: "portal.example", Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return p, s
}

func letter() commands.Mail {
	return commands.Mail{
		ID: "cause-1", From: commands.Mailbox{Name: "Almacenes", Address: "hola@account.example"},
		To: commands.Mailbox{Name: "Ana\r\nBcc: x@evil.example", Address: "ana@contact.example"}, Subject: "Hola\r\nBcc: y@evil.example",
		Text: "text", HTML: "<p>html</p>", Date: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC),
	}
}

func TestATemporaryRefusalIsWorthAnotherTry(t *testing.T) {
	t.Parallel()
	p, s := start(t, &smtp.SMTPError{Code: 451, Message: "later"})
	if err := s.Send(t.Context(), letter()); err == nil || errors.Is(err, commands.ErrMailRefused) {
		t.Fatalf("a 451 gave %v", err)
	}
	if err := s.Send(t.Context(), letter()); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.got) != 1 || !strings.Contains(p.got[0], "Message-ID: <cause-1@portal.example>") {
		t.Fatalf("got %q", p.got)
	}
	for line := range strings.Lines(p.got[0]) {
		if strings.HasPrefix(strings.ToLower(line), "bcc:") {
			t.Errorf("a header was injected: %q", line)
		}
	}
}

func TestAPermanentRefusalIsFinal(t *testing.T) {
	t.Parallel()
	_, s := start(t, &smtp.SMTPError{Code: 550, Message: "no such person"})
	if err := s.Send(t.Context(), letter()); !errors.Is(err, commands.ErrMailRefused) {
		t.Fatalf("a 550 gave %v", err)
	}
}
