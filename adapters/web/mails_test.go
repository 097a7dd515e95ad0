package web_test

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"time"

	"lonja/adapters/mail"
	"lonja/adapters/web/letters"
	"lonja/adapters/web/locale"
	"lonja/commands"
	"lonja/domain/id"
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
