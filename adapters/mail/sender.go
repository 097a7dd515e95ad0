package mail

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/mail"
	"lonja/readmodels"
)

// SenderConfig is what a Sender stands on. All fields but Times are required.
type SenderConfig struct {
	Postman  *commands.Postman
	Read     readmodels.Reader
	Log      event.Store
	Accounts func(ctx context.Context) ([]id.Account, error)
	// Shown returns once the read models have reached the position.
	Shown func(ctx context.Context, p event.Position) error
	// Request starts a command of the sender's.
	Request func(acc id.Account, who string) commands.Request
	Logger  *slog.Logger
	Times   SenderTimes // what is zero is of DefaultTimes
}

// SenderTimes is how a Sender waits.
type SenderTimes struct {
	Rest  time.Duration // between two looks at what is due, at least
	Look  time.Duration // and at most
	Pause time.Duration // after no server answered; then longer and longer
	Most  time.Duration // at most, until the next try with one mail
	Send  time.Duration // what one mail may take
}

// DefaultTimes are right for a server.
func DefaultTimes() SenderTimes {
	return SenderTimes{Rest: 100 * time.Millisecond, Look: 10 * time.Second, Pause: 5 * time.Second, Most: 5 * time.Minute, Send: time.Minute}
}

// Sender sends the mails that are due, a few at a time. It follows the read model of
// mails; whether one really is due, and whether it was sent meanwhile, its stream says.
type Sender struct {
	cfg     SenderConfig
	seen    event.Position // of the log, when it last looked
	pause   time.Duration  // since no server answers; 0: one does
	started map[id.Account]bool
}

// atOnce is how many mails are sent at a time, page how many are looked up.
const (
	atOnce = 4
	page   = 100
)

// NewSender returns a sender that does nothing yet.
func NewSender(cfg SenderConfig) *Sender {
	d := DefaultTimes()
	for _, p := range []struct{ have, usual *time.Duration }{
		{&cfg.Times.Rest, &d.Rest},
		{&cfg.Times.Look, &d.Look},
		{&cfg.Times.Pause, &d.Pause},
		{&cfg.Times.Most, &d.Most},
		{&cfg.Times.Send, &d.Send},
	} {
		if *p.have == 0 {
			*p.have = *p.usual
		}
	}
	return &Sender{cfg: cfg, started: map[id.Account]bool{}}
}

// Run sends until ctx ends. From its start on, mails are sent about what happens.
func (s *Sender) Run(ctx context.Context) {
	for ctx.Err() == nil {
		wait, err := s.Round(ctx)
		if err != nil && ctx.Err() == nil {
			s.cfg.Logger.ErrorContext(ctx, "sending mails: trying again", "error", err)
			wait = s.cfg.Times.Look
		}
		s.rest(ctx, wait)
	}
}

// rest waits for so long at most, and, where a server answers, until the log has grown.
func (s *Sender) rest(ctx context.Context, most time.Duration) {
	least := time.NewTimer(min(s.cfg.Times.Rest, most))
	defer least.Stop()
	select {
	case <-least.C:
	case <-ctx.Done():
		return
	}
	bounded, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	if s.pause > 0 {
		<-bounded.Done()
		return
	}
	_, _ = s.cfg.Log.Wait(bounded, s.seen) // its end is a reason to look, and nothing else
}

// Round sends what is due, and returns after how long to look again at the latest.
func (s *Sender) Round(ctx context.Context) (time.Duration, error) {
	accounts, err := s.cfg.Accounts(ctx)
	if err != nil {
		return 0, err
	}
	for _, acc := range accounts {
		if s.started[acc] {
			continue
		}
		if _, err := s.cfg.Postman.Commands.StartMailing(ctx, s.cfg.Request(acc, "mailing")); err != nil {
			return 0, err
		}
		s.started[acc] = true
	}
	if s.seen, err = s.cfg.Log.Head(ctx); err != nil {
		return 0, err
	}
	if len(accounts) == 0 {
		return s.cfg.Times.Look, nil
	}
	if err := s.cfg.Shown(ctx, s.seen); err != nil {
		return 0, err
	}
	for _, acc := range accounts {
		if err := s.account(ctx, acc); err != nil {
			return 0, err
		}
	}
	if s.pause > 0 {
		return s.pause, nil
	}
	return s.cfg.Times.Look, nil
}

// account sends what is due of an account, page after page. While no server answers, one
// mail is enough to find out whether one does again.
func (s *Sender) account(ctx context.Context, acc id.Account) error {
	view := readmodels.ForStaff(s.cfg.Read, acc)
	for {
		limit := page
		if s.pause > 0 {
			limit = 1
		}
		first, err := readmodels.WaitingMails(ctx, view, limit)
		if err != nil {
			if errors.Is(err, readmodels.ErrNoTable) {
				return nil // a first start: it is being filled
			}
			return err
		}
		var due []id.ID
		now := s.cfg.Request(acc, "sender").At
		for i := range first {
			if m := &first[i].Row; m.Next == nil || !now.Before(*m.Next) {
				due = append(due, m.ID)
			}
		}
		reached, sent := s.send(ctx, acc, due)
		switch {
		case ctx.Err() != nil || len(due) == 0:
			return ctx.Err()
		case !reached:
			s.pause = min(max(2*s.pause, s.cfg.Times.Pause), s.cfg.Times.Most)
			return nil
		case sent == 0: // nothing was recorded, of which the log says why
			s.pause = 0 // nor is a server missing: where one mail was to find out, all are to next time
			return nil
		}
		s.pause = 0
		if len(due) < limit && limit > 1 {
			return nil
		}
		if s.seen, err = s.cfg.Log.Head(ctx); err != nil {
			return err
		}
		if err := s.cfg.Shown(ctx, s.seen); err != nil { // the next page is without these
			return err
		}
	}
}

// send sends some mails at a time, and returns whether a server answered, or there was
// nothing to ask it, and of how many it is recorded what became of them.
func (s *Sender) send(ctx context.Context, acc id.Account, due []id.ID) (reached bool, recorded int) {
	reached = true
	var mu sync.Mutex
	var group sync.WaitGroup
	names := make(chan id.ID)
	for range min(atOnce, len(due)) {
		group.Go(func() {
			for name := range names {
				status, why, err := s.one(ctx, acc, name)
				mu.Lock()
				if err == nil && (status != mail.Waiting || why != "") {
					recorded++
				}
				if status == mail.Waiting && why == mail.Unreachable {
					reached = false
				}
				mu.Unlock()
			}
		})
	}
	for _, name := range due {
		mu.Lock()
		goOn := reached
		mu.Unlock()
		if !goOn || ctx.Err() != nil {
			break
		}
		names <- name
	}
	close(names)
	group.Wait()
	return reached, recorded
}

func (s *Sender) one(ctx context.Context, acc id.Account, name id.ID) (mail.Status, mail.Cause, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Times.Send)
	defer cancel()
	status, why, err := s.cfg.Postman.Send(ctx, s.cfg.Request(acc, "sender"), name)
	switch {
	case err != nil:
		s.cfg.Logger.ErrorContext(ctx, "a mail could not be sent, nor what became of it recorded: trying again", "mail", name, "error", reasonOf(err))
	case status == mail.Waiting && why != "", status == mail.IsRefused, status == mail.IsGivenUp:
		s.cfg.Logger.WarnContext(ctx, "a mail was not sent", "mail", name, "status", status, "cause", why)
	}
	return status, why, err
}

// reasonOf is what a log line may say of an error: servers' answers and refusals quote
// addresses.
func reasonOf(err error) string {
	var f *commands.MailFailure
	if errors.As(err, &f) {
		return string(f.Cause)
	}
	if f, ok := fault.As(err); ok {
		return f.Kind.String() + ": " + f.Key
	}
	return err.Error()
}
