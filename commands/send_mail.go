package commands

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/mail"
	"lonja/domain/order"
	"lonja/domain/payment"
	"lonja/domain/purchase"
	"lonja/domain/quote"
)

// Postman sends what was queued.
type Postman struct {
	Commands *Commands
	Mailer   Mailer
	Writer   Writer
	From     Mailbox // the sender of all mails; where Address is empty, the account's email
	Fallback string  // the sender's address where the account has none either

	// A mail that is being sent is done with before its contact's are forgotten.
	sending sync.RWMutex
}

// recordTime is how long the record of what a server said may take, when all else ends.
const recordTime = 5 * time.Second

// Send sends a mail that is due at the request's time, and records what became of it. An
// error says that nothing was recorded: it is due still. Where the process ends between
// the server's yes and the record, the mail goes out once more, under the same Message-ID.
// It returns how the mail stands then, and why it was not sent, where it was tried.
func (p *Postman) Send(ctx context.Context, req Request, name id.ID) (_ mail.Status, _ mail.Cause, failed error) {
	if err := systemOnly(req); err != nil {
		return mail.Unknown, "", err
	}
	p.sending.RLock()
	defer p.sending.RUnlock()
	d := mail.Decider()
	l, err := load(ctx, p.Commands.Executor, d, d.Stream(string(name)), Request{Account: req.Account})
	if err != nil || !l.state.Due(req.At) {
		return l.state.Status, "", err
	}
	req.TraceParent = l.trace // of whatever the mail is about
	ctx, end, failed := p.Commands.begin(ctx, "SendMail", req.TraceParent)
	defer func() { end(failed) }()
	s := l.state
	record := func(decide func(mail.State) ([]event.Event, error), why mail.Cause, then mail.Status) (mail.Status, mail.Cause, error) {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
		defer cancel()
		if _, err := Execute(late, p.Commands.Executor, d, string(name), req.ofAccount(), decide); err != nil {
			return s.Status, "", err
		}
		return then, why, nil
	}
	letter, drop, err := p.Commands.letter(ctx, req.of(l.owner), s)
	if fault.Is(err, fault.NotFound) {
		drop, err = mail.Gone, nil
	}
	if err != nil {
		return s.Status, "", fmt.Errorf("mail %s: %w", name, err)
	}
	if drop != "" {
		return record(func(s mail.State) ([]event.Event, error) { return mail.Drop(s, drop) }, drop, mail.IsDropped)
	}
	m := Mail{
		ID: string(name), Contact: l.owner, From: p.From, To: Mailbox{Name: s.Person, Address: s.Address},
		ReplyTo: Mailbox{Name: letter.Account.Details.Name, Address: letter.Account.Details.Email}, Date: s.Since,
	}
	if m.From.Name == "" {
		m.From.Name = letter.Account.Details.Name
	}
	if m.From.Address == "" {
		m.From.Address, m.ReplyTo = m.ReplyTo.Address, Mailbox{}
	}
	if m.From.Address == "" {
		m.From.Address = p.Fallback
	}
	if m.Subject, m.Text, m.HTML, err = p.Writer.Write(ctx, letter); err != nil {
		return record(func(s mail.State) ([]event.Event, error) { return mail.Fail(s, mail.Faulty, 0, req.At) }, mail.Faulty, mail.Waiting)
	}
	m.Logo = letter.Logo.PNG
	err = p.Mailer.Send(ctx, m)
	if err == nil {
		return record(mail.Send, "", mail.IsSent)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return s.Status, "", err // the stop cut it off: no failure of the server's
	}
	f := &MailFailure{Cause: mail.Unreachable}
	_ = errors.As(err, &f)
	if errors.Is(err, ErrMailRefused) {
		return record(func(s mail.State) ([]event.Event, error) { return mail.Refuse(s, f.Cause, f.Code) }, f.Cause, mail.IsRefused)
	}
	return record(func(s mail.State) ([]event.Event, error) { return mail.Fail(s, f.Cause, f.Code, req.At) }, f.Cause, mail.Waiting)
}

// Forget has the mails about a contact forgotten that the mailer keeps.
func (p *Postman) Forget(ctx context.Context, contact id.Contact) error {
	keeper, is := p.Mailer.(Forgetter)
	if !is {
		return nil
	}
	p.sending.Lock()
	defer p.sending.Unlock()
	if err := keeper.Forget(ctx, contact); err != nil {
		return fmt.Errorf("forgetting the mails of contact %s: %w", contact, err)
	}
	return nil
}

// letter gathers what a mail says, or why there is nothing to say (any more). The secret
// of a link in it is made here.
func (c *Commands) letter(ctx context.Context, req Request, s mail.State) (Letter, mail.Cause, error) {
	who, err := c.contactState(ctx, req, req.Contact)
	if err != nil {
		return Letter{}, "", err
	}
	acc, err := c.accountState(ctx, req)
	if err != nil {
		return Letter{}, "", err
	}
	l := Letter{
		Template: s.Template, Side: s.Side, Language: s.Language, Account: acc, Contact: req.Contact, Company: who.Details.Name,
		Person: s.Person, Message: s.Text, Document: s.Document, Kind: s.Kind,
	}
	if s.Address == "" {
		return l, mail.Gone, nil
	}
	if s.Login != "" { // what a mail says, and lets in by its link, is its person's
		login, err := c.loginState(ctx, req, s.Login)
		if err == nil && login.Email != s.Address {
			return l, mail.Gone, nil
		}
		if err != nil {
			return l, "", err
		}
	}
	if err := c.eachEvent(ctx, req.ofAccount(), account.LogoDecider().Stream(string(req.Account)), func(rec *event.Recorded) bool {
		l.Logo, _ = rec.Data.(account.LogoSet) // none where it was removed
		return true
	}); err != nil {
		return l, "", err
	}
	if s.Document != "" {
		if err := c.describe(ctx, req, &l); err != nil {
			return l, "", err
		}
	}
	var drop mail.Cause
	switch s.Template {
	case mail.Document:
		drop, err = c.writeLink(ctx, req, s, &l)
	case mail.Invitation, mail.Recovery:
		drop, err = c.writeAccess(ctx, req, s, &l)
	case mail.Comment:
		drop, err = c.writeComments(ctx, req, s, &l)
	case mail.Receipt:
		err = c.writeReceipt(ctx, req, s, &l)
	default:
		err = c.writeAnswer(ctx, req, s, &l)
	}
	return l, drop, err
}

// describe fills in what the document is.
func (c *Commands) describe(ctx context.Context, req Request, l *Letter) error {
	found := false
	err := c.eachEvent(ctx, req, string(l.Kind)+"-"+string(l.Document), func(rec *event.Recorded) bool {
		if issue, is := rec.Data.(interface{ IssuedDocument() document.Issued }); is {
			i := issue.IssuedDocument()
			l.Issued, l.Title, found = i.Summary, i.Title.Or(""), true
			if noted, is := rec.Data.(interface{ IssueNote() string }); is {
				l.Text = noted.IssueNote()
			}
		}
		return false
	})
	if err == nil && !found {
		err = fault.New(fault.NotFound, "not_found")
	}
	return err
}

func (c *Commands) writeLink(ctx context.Context, req Request, s mail.State, l *Letter) (mail.Cause, error) {
	link, _, err := State(ctx, c.Executor, access.LinkDecider(), string(s.Link), req)
	if err != nil {
		return "", err
	}
	roster, _, err := State(ctx, c.Executor, access.RosterDecider(), string(req.Contact), req)
	if err != nil {
		return "", err
	}
	switch access.LinkDecision(link, roster.HasCredentials(), req.At) {
	case access.Expired, access.Revoked:
		return mail.Expired, nil
	case access.SignIn:
		l.Known = true
	case access.Open:
		l.Until = link.At.Add(access.LinkLife)
	}
	l.Secret, err = c.issueSecret(ctx, Token{Account: req.Account, Purpose: PurposeLink, Subject: s.Link, Contact: req.Contact})
	return "", err
}

func (c *Commands) issueSecret(ctx context.Context, t Token) (string, error) {
	secret, err := c.Vault.IssueToken(ctx, t)
	if err != nil {
		return "", fmt.Errorf("issuing a link of %s: %w", t.Subject, err)
	}
	return secret, nil
}

func (c *Commands) writeAccess(ctx context.Context, req Request, s mail.State, l *Letter) (mail.Cause, error) {
	login, err := c.loginState(ctx, req, s.Login)
	if err != nil {
		return "", err
	}
	l.Until = login.Recovery
	if s.Template == mail.Invitation {
		if login.HasPassword {
			l.Known, l.Until = true, time.Time{}
			return "", nil
		}
		l.Until = login.Invitation
	}
	switch {
	case l.Until.IsZero():
		return mail.Answered, nil // a password was set since, or removed
	case !req.At.Before(l.Until):
		return mail.Expired, nil
	}
	l.Secret, err = c.issueSecret(ctx, Token{Account: req.Account, Purpose: PurposeRecovery, Subject: s.Login, Contact: req.Contact, Expires: l.Until})
	return "", err
}

func (c *Commands) writeComments(ctx context.Context, req Request, s mail.State, l *Letter) (mail.Cause, error) {
	all, err := c.bundled(ctx, req, s.Document, s.Because)
	if err != nil {
		return "", err
	}
	for i := range all {
		text, ok := all[i].Text.Open()
		if !ok {
			return mail.Gone, nil
		}
		r := Remark{Author: all[i].Author.Or(""), Text: text, At: all[i].at}
		for _, f := range all[i].Files.Or(nil) {
			r.Files = append(r.Files, f.Name)
		}
		l.Comments = append(l.Comments, r)
	}
	if len(l.Comments) == 0 {
		return mail.Gone, nil
	}
	return "", nil
}

func (c *Commands) writeReceipt(ctx context.Context, req Request, s mail.State, l *Letter) error {
	pay, ok, err := State(ctx, c.Executor, payment.Decider(), string(s.Payment), req)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "not_found")
	}
	l.Amount, l.PaidOn, l.Method, l.Reference, l.Allocations = pay.Paid, pay.PaidOn, pay.Method, pay.Reference, pay.Allocations
	return err
}

// writeAnswer fills in what somebody answered, as the event that the mail is about has it.
func (c *Commands) writeAnswer(ctx context.Context, req Request, s mail.State, l *Letter) error {
	return c.eachEvent(ctx, req, string(s.Kind)+"-"+string(s.Document), func(rec *event.Recorded) bool {
		if rec.ID.String() != s.Because {
			return true
		}
		switch e := rec.Data.(type) {
		case quote.Approved:
			l.Name, l.Reference = e.Name.Or(""), e.OrderReference()
		case quote.Declined:
			l.Name, l.Text = e.Name.Or(""), e.Reason.Or("")
		case quote.ChangesRequested:
			l.Text = e.Text.Or("")
		case purchase.Confirmed:
			l.Name, l.Reference, l.DeliveryOn = e.Name.Or(""), e.OrderReference(), e.DeliveryOn
		case purchase.Rejected:
			l.Name, l.Text = e.Name.Or(""), e.Reason.Or("")
		case order.Confirmed:
			l.DeliveryOn = e.DeliveryOn
		case order.Rejected:
			l.Text = e.Reason.Or("")
		}
		return false
	})
}
