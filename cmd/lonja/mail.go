package main

import (
	"bytes"
	"context"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"time"

	"lonja/commands"
	"lonja/readmodels"
)

// outbox is the folder in which mails wait to be picked up by a mail server, one file
// each, as sendmail's and IIS's pickup folders have it.
const outbox = "outbox"

// sendRecovery leaves the mail with a recovery link in the outbox. It returns at once.
func (a *app) sendRecovery(ctx context.Context, to commands.Recovery, link, language string) {
	ctx = context.WithoutCancel(ctx)
	a.tasks.Go(func() {
		if err := a.writeRecovery(ctx, to, link, language); err != nil {
			a.log.ErrorContext(ctx, "writing a recovery mail failed", "login", to.Login, "error", err)
		}
	})
}

func (a *app) writeRecovery(ctx context.Context, to commands.Recovery, link, language string) error {
	account, err := a.account(ctx, "")
	if err != nil {
		return err
	}
	settings, err := readmodels.GetSettings(ctx, readmodels.ForAccount(a.read, account))
	if err != nil {
		return err
	}
	l := a.words.Match(language, settings.Language)
	until := l.Time(to.Until)
	return a.writeMail(settings.Name, settings.Email, to.Email, l.T("mail.recovery_subject", "account", settings.Name), l.T("mail.recovery_text", "account", settings.Name, "link", link, "until", until))
}

// writeMail writes a message of plain text, whole or not at all.
func (a *app) writeMail(fromName, from, to, subject, text string) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: %s\r\n", (&mail.Address{Name: fromName, Address: from}).String())
	fmt.Fprintf(&b, "To: %s\r\n", (&mail.Address{Address: to}).String())
	fmt.Fprintf(&b, "Subject: %s\r\n", mime.QEncoding.Encode("utf-8", subject))
	fmt.Fprintf(&b, "Date: %s\r\n", a.sys.Now().Format(time.RFC1123Z))
	fmt.Fprintf(&b, "Message-ID: <%s@lonja>\r\n", a.newID())
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	q := quotedprintable.NewWriter(&b)
	if _, err := q.Write([]byte(text)); err != nil {
		return fmt.Errorf("writing a mail: %w", err)
	}
	if err := q.Close(); err != nil {
		return fmt.Errorf("writing a mail: %w", err)
	}
	dir := filepath.Join(a.cfg.Data, outbox)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("writing a mail: %w", err)
	}
	name := filepath.Join(dir, a.newID().String())
	if err := os.WriteFile(name+".part", b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("writing a mail: %w", err)
	}
	return os.Rename(name+".part", name+".eml")
}
