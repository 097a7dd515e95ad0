// Package mail sends what was queued: to a mail server over SMTP, or into a folder from
// which one picks mails up. It exists so that what is sent, and when, is decided without
// knowing how a server is spoken to.
package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"lonja/commands"
	"lonja/domain/mail"
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
	msg, err := message(m, s.cfg.Domain)
	if err != nil {
		return err
	}
	client, err := gomail.NewClient(s.cfg.Host, s.opts...)
	if err != nil {
		return fmt.Errorf("mail %s: %w", m.ID, err)
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() {
		return nil
	}
	f := &commands.MailFailure{Cause: mail.Unreachable, Err: fmt.Errorf("mail %s: %w", m.ID, err)}
	var refusal *gomail.SendError
	if !errors.As(err, &refusal) || refusal.ErrorCode() == 0 {
		return f // nobody answered, nobody let us in, or the line broke
	}
	f.Cause, f.Code = mail.Deferred, refusal.ErrorCode()
	if f.Code >= 500 && f.Code < 600 {
		f.Cause = mail.Rejected
		if refusal.Reason == gomail.ErrSMTPRcptTo {
			f.Cause = mail.BadAddress
		}
		f.Err = fmt.Errorf("%w: %w", commands.ErrMailRefused, f.Err)
	}
	return f
}

// written is a mailbox as headers have it. What go-mail's own formats make of a name with quotes
// is another name, or none that can be read.
func written(b commands.Mailbox) string {
	a := netmail.Address{Name: oneLine(b.Name), Address: b.Address}
	return a.String()
}

// message writes a mail as it goes out. What a person typed can't begin a header.
func message(m commands.Mail, domain string) (*gomail.Msg, error) {
	fail := func(cause mail.Cause, err error) (*gomail.Msg, error) {
		return nil, &commands.MailFailure{Cause: cause, Err: fmt.Errorf("mail %s: %w: %w", m.ID, commands.ErrMailRefused, err)}
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.From(written(m.From)); err != nil {
		return fail(mail.Faulty, err)
	}
	if err := msg.AddTo(written(m.To)); err != nil {
		return fail(mail.BadAddress, err)
	}
	if m.ReplyTo.Address != "" {
		if err := msg.ReplyTo(written(m.ReplyTo)); err != nil {
			return fail(mail.Faulty, err)
		}
	}
	msg.Subject(oneLine(m.Subject))
	msg.SetMessageIDWithValue(m.ID + "@" + domain)
	msg.SetDateWithValue(m.Date)
	// Nobody's out-of-office answers a mail that a program wrote (RFC 3834), and a reader can
	// file a portal's mails (RFC 2919).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	msg.SetGenHeader("List-Id", "<portal."+domain+">")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	if len(m.Logo) > 0 {
		err := msg.EmbedReader("logo.png", bytes.NewReader(m.Logo), gomail.WithFileContentID("<logo>"), gomail.WithFileContentType("image/png"))
		if err != nil {
			return fail(mail.Faulty, err)
		}
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
