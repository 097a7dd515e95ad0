package commands

import (
	"context"
	"fmt"
	"time"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/conversation"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/mail"
	"lonja/domain/payment"
)

// Audience is who gets a mail.
type Audience uint8

// The audiences.
const (
	TheAccount Audience = iota + 1 // its office, at the account's email
	TheLogin                       // the person of QueueMail.Login
	TheAddress                     // QueueMail.Address
	TheActor                       // the person who made the event: a login, or a link's holder
	TheContact                     // all of it who sign in and may do what QueueMail.Need says; where nobody signs in, the main email of its record
	ThePayers                      // likewise, but where nobody signs in who set out to pay, by a link, if anybody did
)

const (
	bundleTime  = 3 * time.Minute  // how long later comments of a side join the mail of the first
	bundleRest  = 10 * time.Second // how long after that it goes out: one that was begun in time is in the log by then
	eventsWidth = 200              // events read at a time where one is looked for
)

// QueueMail is a mail about an event.
type QueueMail struct {
	Template mail.Template
	To       Audience
	Event    *event.Recorded
	Need     access.Role
	Login    id.ID
	Address  string
	Message  string
	Link     id.ID
	Payment  id.ID
	Document id.ID
	Kind     document.Kind
}

// StartMailing has mails sent about what happens in the account from now on. What a log
// holds from before is no news to anybody.
func (c *Commands) StartMailing(ctx context.Context, req Request) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "StartMailing", req.TraceParent)
	defer func() { end(failed) }()
	if err := systemOnly(req); err != nil {
		return Receipt{}, err
	}
	return Execute(ctx, c.Executor, mail.MailingDecider(), string(req.Account), req.ofAccount(), mail.Start)
}

// isNews reports whether mails were sent already when the event happened.
func (c *Commands) isNews(ctx context.Context, req Request, rec *event.Recorded) (bool, error) {
	d := mail.MailingDecider()
	l, err := load(ctx, c.Executor, d, d.Stream(string(req.Account)), Request{Account: req.Account})
	return err == nil && l.exists && rec.Position > l.last.Position, err
}

// recipient is who gets a mail. slot names them without saying who they are.
type recipient struct {
	slot            string
	login           id.ID
	address, person string
}

// QueueMail queues a mail to each of its audience, once, however often it is asked. Only
// the system does: mails follow from events. Where the contact is gone, there is nobody to
// tell.
func (c *Commands) QueueMail(ctx context.Context, req Request, in QueueMail) (failed error) {
	ctx, end, failed := c.begin(ctx, "QueueMail", req.TraceParent)
	defer func() { end(failed) }()
	if err := systemOnly(req); err != nil {
		return err
	}
	news, err := c.isNews(ctx, req, in.Event)
	if err != nil || !news {
		return err
	}
	who, err := c.contactState(ctx, req, req.Contact)
	if err != nil {
		return quiet(err)
	}
	acc, err := c.accountState(ctx, req)
	if err != nil {
		return err
	}
	q := mail.Queued{
		Template: in.Template, Side: mail.ToContact, Language: who.Language, Because: in.Event.ID.String(),
		Link: in.Link, Payment: in.Payment, Document: in.Document, Kind: in.Kind, NotBefore: req.At,
	}
	if in.To == TheAccount {
		q.Side, q.Language = mail.ToAccount, ""
	}
	if q.Language == "" {
		q.Language = acc.Details.Language
	}
	if in.Link != "" {
		link, _, err := State(ctx, c.Executor, access.LinkDecider(), string(in.Link), req)
		if err != nil {
			return quiet(err)
		}
		q.Document, q.Kind = link.Document, link.Kind
	}
	if posted, is := in.Event.Data.(conversation.Posted); is {
		if q.Because, q.NotBefore, err = c.bundle(ctx, req, posted); err != nil {
			return err
		}
	}
	all, err := c.recipients(ctx, req, in, acc, who)
	if err != nil {
		return err
	}
	for _, r := range all {
		name := MailID(req.Account, in.Template, q.Because, r.slot)
		letter := mail.Letter{Queued: q, Address: r.address, Person: r.person, Text: in.Message}
		letter.Login = r.login
		if _, err := ExecuteFor(ctx, c.Executor, mail.Decider(), string(name), req, req.Contact, func(s mail.State) ([]event.Event, error) {
			return mail.Queue(s, letter)
		}); err != nil {
			return fmt.Errorf("queueing mail %s: %w", name, err)
		}
	}
	return nil
}

// MailID names the mail of a cause to somebody.
func MailID(acc id.Account, t mail.Template, because, slot string) id.ID {
	return id.DeriveID("mail", string(acc), string(t), because, slot)
}

func (c *Commands) recipients(ctx context.Context, req Request, in QueueMail, acc account.State, who contact.State) ([]recipient, error) {
	switch in.To {
	case TheAccount:
		return addressed(recipient{slot: "account", address: acc.Details.Email}), nil
	case TheLogin:
		return c.oneLogin(ctx, req, in.Login)
	case TheAddress:
		to := recipient{slot: "address", address: in.Address}
		if to.address == who.Details.Email {
			to.person = who.Details.Person
		}
		return addressed(to), nil
	case TheActor:
		return c.theActor(ctx, req, in.Event.Meta.Actor, who)
	}
	roster, _, err := State(ctx, c.Executor, access.RosterDecider(), string(req.Contact), req)
	if err != nil {
		return nil, err
	}
	var out []recipient
	for _, login := range roster.Secured {
		l, err := c.loginState(ctx, req, login)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if l.Role.Allows(in.Need) {
			out = append(out, addressed(recipient{slot: string(login), login: login, address: l.Email, person: l.Name})...)
		}
	}
	switch {
	case len(roster.Secured) > 0:
		return out, nil
	case in.To == ThePayers:
		return c.thePayer(ctx, req, in.Payment, who)
	}
	return mainEmail(who, roster), nil
}

// thePayer is who set out to pay. What staff record of a contact that nobody signs in for
// is told to nobody.
func (c *Commands) thePayer(ctx context.Context, req Request, pay id.ID, who contact.State) (out []recipient, err error) {
	var payer event.Actor
	if err := c.eachEvent(ctx, req, payment.Decider().Stream(string(pay)), func(rec *event.Recorded) bool {
		payer = rec.Meta.Actor
		return false
	}); err != nil {
		return nil, err
	}
	return c.theActor(ctx, req, payer, who)
}

func addressed(r recipient) []recipient {
	if r.address == "" {
		return nil
	}
	return []recipient{r}
}

// mainEmail is the contact's, unless staff took all access away.
func mainEmail(who contact.State, roster access.Roster) []recipient {
	if roster.Known && len(roster.Logins) == 0 {
		return nil
	}
	return addressed(recipient{slot: "contact", address: who.Details.Email, person: who.Details.Person})
}

func (c *Commands) oneLogin(ctx context.Context, req Request, login id.ID) ([]recipient, error) {
	l, err := c.loginState(ctx, req, login)
	if err != nil {
		return nil, quiet(err)
	}
	return addressed(recipient{slot: string(login), login: login, address: l.Email, person: l.Name}), nil
}

func (c *Commands) theActor(ctx context.Context, req Request, actor event.Actor, who contact.State) ([]recipient, error) {
	switch actor.Kind {
	case event.ActorLogin:
		return c.oneLogin(ctx, req, id.ID(actor.ID))
	case event.ActorLink:
		link, _, err := State(ctx, c.Executor, access.LinkDecider(), actor.ID, req)
		if err != nil {
			return nil, quiet(err)
		}
		to := recipient{slot: "link", address: link.SentTo}
		if to.address == "" {
			to.address, to.person = who.Details.Email, who.Details.Person
		}
		return addressed(to), nil
	}
	return nil, nil
}

// said is a comment with its event.
type said struct {
	conversation.Posted
	event string
	at    time.Time
}

// bundle returns the event of the first comment of those that go into one mail with this
// one, and when that mail goes out, a moment later: a side's comments on a document within
// some minutes of the first. It follows from the thread alone, whenever it is asked.
func (c *Commands) bundle(ctx context.Context, req Request, of conversation.Posted) (first string, due time.Time, err error) {
	all, err := c.thread(ctx, req, of.Document, of.Side)
	if err != nil {
		return "", time.Time{}, err
	}
	for _, s := range all {
		if first == "" || !s.at.Before(due) {
			first, due = s.event, s.at.Add(bundleTime)
		}
		if s.Comment == of.Comment {
			return first, due.Add(bundleRest), nil
		}
	}
	return "", time.Time{}, fmt.Errorf("comment %s is not in its thread", of.Comment)
}

// bundled returns the comments that go into the mail that the first of them began.
func (c *Commands) bundled(ctx context.Context, req Request, doc id.ID, first string) ([]said, error) {
	for _, side := range []conversation.Side{conversation.Contact, conversation.Staff} {
		all, err := c.thread(ctx, req, doc, side)
		if err != nil {
			return nil, err
		}
		for i, s := range all {
			if s.event != first {
				continue
			}
			n := i
			for n < len(all) && all[n].at.Before(s.at.Add(bundleTime)) {
				n++
			}
			return all[i:n], nil
		}
	}
	return nil, nil
}

// thread returns a side's comments on a document, oldest first.
func (c *Commands) thread(ctx context.Context, req Request, doc id.ID, side conversation.Side) ([]said, error) {
	var out []said
	err := c.eachEvent(ctx, req, conversation.Decider().Stream(string(doc)), func(rec *event.Recorded) bool {
		if p, is := rec.Data.(conversation.Posted); is && p.Side == side {
			out = append(out, said{Posted: p, event: rec.ID.String(), at: rec.At()})
		}
		return true
	})
	return out, err
}

// eachEvent calls f with the events of a stream of the request's contact, until f says no.
func (c *Commands) eachEvent(ctx context.Context, req Request, stream string, f func(rec *event.Recorded) bool) error {
	var buf []event.Stored
	for from := event.Revision(0); ; {
		var err error
		if buf, err = c.Store.ReadStream(ctx, stream, from, eventsWidth, buf[:0]); err != nil {
			return fmt.Errorf("reading %s: %w", stream, err)
		}
		for i := range buf {
			rec, err := c.Codec.Decode(ctx, &buf[i])
			if err != nil {
				return fmt.Errorf("reading %s: %w", stream, err)
			}
			if rec.Meta.Account != req.Account || rec.Meta.Contact != req.Contact {
				return fault.New(fault.NotFound, "not_found")
			}
			if !f(&rec) {
				return nil
			}
			from = rec.Revision + 1
		}
		if len(buf) < eventsWidth {
			return nil
		}
	}
}
