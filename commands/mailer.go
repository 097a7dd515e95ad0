package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/id"
	"lonja/domain/mail"
	"lonja/domain/money"
	"lonja/domain/payment"
)

// ErrMailRefused marks a mail that the server will never accept: sending it again is of
// no use. Every other error of a Mailer is worth another try.
var ErrMailRefused = errors.New("mail refused for good")

// MailFailure is an error of a Mailer that says why. Its text may quote the server, which
// quotes addresses: of it, logs and events get the cause and the code alone.
type MailFailure struct {
	Cause mail.Cause
	Code  int // of the server's answer, if there was one
	Err   error
}

func (f *MailFailure) Error() string { return fmt.Sprintf("mail %s (%d): %v", f.Cause, f.Code, f.Err) }
func (f *MailFailure) Unwrap() error { return f.Err }

// Mailbox is an address with the name that is shown beside it.
type Mailbox struct{ Name, Address string }

// Mail is one message to one person. ID is the left part of its Message-ID and must be
// the same at every try for one cause, so that a receiver knows a second copy.
type Mail struct {
	ID         string
	Contact    id.Contact // whom it is about
	From, To   Mailbox
	ReplyTo    Mailbox // Address may be empty
	Subject    string
	Text, HTML string // HTML may be empty
	Logo       []byte // PNG that the HTML shows as "cid:logo"; may be empty
	Date       time.Time
}

// Mailer hands mails to a mail server. Nil says that the server has taken the mail. After
// an error that is not ErrMailRefused the server may have taken it all the same: its
// answer can be lost. Errors that say why are a *MailFailure.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// Forgetter is a Mailer that keeps mails, and forgets those about a contact.
type Forgetter interface {
	Forget(ctx context.Context, contact id.Contact) error
}

// Letter is what a mail says, before it is put into words. Which fields are set, the
// template says.
type Letter struct {
	Template mail.Template
	Side     mail.Side
	Language string
	Account  account.State
	Logo     account.LogoSet // its PNG is empty where there is none
	Contact  id.Contact
	Company  string // the contact's name
	Person   string // to whom it is, "" where the name is not known
	Message  string // what staff wrote

	Secret string    // of the link in it
	Until  time.Time // how long that is good; zero without limit
	Known  bool      // the person signs in with a password

	Document    id.ID
	Kind        document.Kind
	Issued      document.Summary
	Title       string
	Comments    []Remark
	Name        string // who answered
	Text        string // the reason, the wish, the note
	Reference   string
	DeliveryOn  document.Date
	Amount      money.Money
	PaidOn      document.Date
	Method      string
	Allocations []payment.Allocation
}

// Remark is a comment in a letter.
type Remark struct {
	Author, Text string   // the text may be empty where there are files
	Files        []string // names of what is attached
	At           time.Time
}

// Writer puts letters into words, in their language.
type Writer interface {
	Write(ctx context.Context, l Letter) (subject, text, html string, err error)
}
