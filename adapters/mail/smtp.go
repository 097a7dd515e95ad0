// Package mail hands mails to a mail server over SMTP. It exists so that what is sent, and
// when, is decided without knowing how a server is spoken to.
package mail

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"lonja/commands"
)

// TLS says how the connection to the server is protected.
type TLS string

// The modes. StartTLS refuses a server that does not offer it; Plain is for a relay on the
// same machine.
const (
	StartTLS TLS = "starttls"
	Implicit TLS = "implicit"
	Plain    TLS = "none"
)

// Config names the server. Domain is the right part of each Message-ID. Timeout bounds
// each connection; User may be empty, then nobody signs in.
type Config struct {
	Host           string
	Port           int
	User, Password string
	TLS            TLS
	Domain         string
	Timeout        time.Duration
}

// SMTP is a commands.Mailer that opens a connection a mail.
type SMTP struct {
	cfg  Config
	opts []gomail.Option
}

var _ commands.Mailer = (*SMTP)(nil)

// NewSMTP checks the configuration; it connects to nothing.
func NewSMTP(cfg Config) (*SMTP, error) {
	opts := []gomail.Option{gomail.WithTimeout(cfg.Timeout), gomail.WithHELO(cfg.Domain)}
	switch cfg.TLS {
	case StartTLS:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case Implicit:
		opts = append(opts, gomail.WithSSL())
	case Plain:
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		return nil, fmt.Errorf("mail server: no such TLS mode: %q", cfg.TLS)
	}
	opts = append(opts, gomail.WithPort(cfg.Port))
	if cfg.User != "" {
		opts = append(opts, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(cfg.User), gomail.WithPassword(cfg.Password))
	}
	if _, err := gomail.NewClient(cfg.Host, opts...); err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	return &SMTP{cfg: cfg, opts: opts}, nil
}

// Send implements commands.Mailer. A failure of the goodbye after the server has taken the
// mail is no failure.
func (s *SMTP) Send(ctx context.Context, m commands.Mail) error {
	msg, err := s.message(m)
	if err != nil {
		return fmt.Errorf("mail %s: %w: %w", m.ID, commands.ErrMailRefused, err)
	}
	client, err := gomail.NewClient(s.cfg.Host, s.opts...)
	if err != nil {
		return fmt.Errorf("mail %s: %w", m.ID, err)
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() {
		return nil
	}
	var refusal *gomail.SendError
	if errors.As(err, &refusal) && refusal.ErrorCode() >= 500 && refusal.ErrorCode() < 600 {
		return fmt.Errorf("mail %s: %w: %w", m.ID, commands.ErrMailRefused, err)
	}
	return fmt.Errorf("mail %s: %w", m.ID, err)
}

func (s *SMTP) message(m commands.Mail) (*gomail.Msg, error) {
	msg := gomail.NewMsg()
	if err := msg.FromFormat(oneLine(m.From.Name), m.From.Address); err != nil {
		return nil, err
	}
	if err := msg.AddToFormat(oneLine(m.To.Name), m.To.Address); err != nil {
		return nil, err
	}
	msg.Subject(oneLine(m.Subject))
	msg.SetMessageIDWithValue(m.ID + "@" + s.cfg.Domain)
	msg.SetDateWithValue(m.Date)
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return msg, nil
}

// oneLine makes a header's text of what a person typed: no line can begin in it.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}
