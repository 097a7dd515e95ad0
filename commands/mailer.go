package commands

import (
	"context"
	"errors"
	"time"
)

// ErrMailRefused marks a mail that the server will never accept: sending it again is of
// no use. Every other error of a Mailer is worth another try.
var ErrMailRefused = errors.New("mail refused for good")

// Mailbox is an address with the name that is shown beside it.
type Mailbox struct{ Name, Address string }

// Mail is one message to one person. ID is the left part of its Message-ID and must be
// the same at every try for one cause, so that a receiver knows a second copy.
type Mail struct {
	ID         string
	From, To   Mailbox
	Subject    string
	Text, HTML string // HTML may be empty
	Date       time.Time
}

// Mailer hands mails to a mail server. Nil says that the server has taken the mail. After
// an error that is not ErrMailRefused the server may have taken it all the same: its
// answer can be lost.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}
