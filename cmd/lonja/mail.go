package main

import (
	"context"
	"fmt"
	"net/http"
	netmail "net/mail"
	"net/url"
	"path/filepath"
	"time"

	"lonja/adapters/mail"
	"lonja/adapters/mail/catcher"
	"lonja/adapters/web/letters"
	"lonja/commands"
	"lonja/domain/event"
)

// outbox is the folder in which mails wait to be picked up by a mail server, one file
// each, where there is none to hand them to.
const outbox = "outbox"

// wireMail makes what sends mails: to the mail server, or into the outbox.
func (a *app) wireMail() error {
	if a.cfg.BaseURL == "" {
		return nil
	}
	base, err := url.Parse(a.cfg.BaseURL)
	if err != nil {
		return fmt.Errorf("mails: %w", err)
	}
	box := &mail.Outbox{Folder: filepath.Join(a.cfg.Data, outbox), Domain: base.Hostname()}
	a.postman = &commands.Postman{
		Commands: a.commands, Writer: &letters.Writer{Catalogue: a.words, Base: base}, Fallback: "portal@" + base.Hostname(), Mailer: a.cfg.Telemetry.Mailer(box),
	}
	if a.cfg.MailFrom != "" {
		from, err := netmail.ParseAddress(a.cfg.MailFrom)
		if err != nil {
			return usageError{fmt.Errorf("--mail-from %q is no email address", a.cfg.MailFrom)}
		}
		a.postman.From = commands.Mailbox{Name: from.Name, Address: from.Address}
	}
	if a.cfg.SMTP == "" {
		return nil
	}
	server, err := mail.ParseURL(a.cfg.SMTP, base.Hostname())
	if err != nil {
		return usageError{fmt.Errorf("--smtp: %w", err)}
	}
	post, err := mail.NewSMTP(server)
	if err != nil {
		return usageError{err}
	}
	// What was left in the outbox before there was a server is forgotten there.
	a.postman.Mailer = struct {
		commands.Mailer
		commands.Forgetter
	}{a.cfg.Telemetry.Mailer(post), box}
	return nil
}

// sender returns what sends the mails that are due.
func (a *app) sender() *mail.Sender {
	cfg := mail.SenderConfig{
		Postman: a.postman, Read: a.read, Log: a.events, Accounts: a.vault.Accounts, Request: a.request, Logger: a.log,
		Shown: func(ctx context.Context, p event.Position) error { return a.wait(ctx, p) },
	}
	if a.cfg.Fast {
		cfg.Times = mail.SenderTimes{Rest: 10 * time.Millisecond, Look: 50 * time.Millisecond, Pause: 50 * time.Millisecond}
	}
	return mail.NewSender(cfg)
}

// caught shows the mails that lie in the outbox.
func (a *app) caught() http.Handler {
	return catcher.New("/demo/mails", filepath.Join(a.cfg.Data, outbox))
}
