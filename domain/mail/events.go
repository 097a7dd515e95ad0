package mail

import (
	"time"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
)

// Template says what a mail is about.
type Template string

// The templates. Those that begin with the account's side go to the account.
const (
	Document             Template = "document"   // "Basic": a document's link
	Invitation           Template = "invitation" // to the portal
	Recovery             Template = "recovery"   // a link to create or recover a password
	Comment              Template = "comment"    // what the other side said, in either direction
	QuoteApproved        Template = "quote_approved"
	QuoteDeclined        Template = "quote_declined"
	QuoteChanges         Template = "quote_changes"
	QuoteConfirmation    Template = "quote_confirmation" // to who approved
	PurchaseConfirmed    Template = "purchase_confirmed"
	PurchaseRejected     Template = "purchase_rejected"
	PurchaseConfirmation Template = "purchase_confirmation" // to who confirmed
	Receipt              Template = "receipt"
	OrderPlaced          Template = "order_placed"
	OrderReceived        Template = "order_received" // to who placed it
	OrderConfirmed       Template = "order_confirmed"
	OrderRejected        Template = "order_rejected"
)

// Templates returns all of them.
func Templates() []Template {
	return []Template{
		Document, Invitation, Recovery, Comment, QuoteApproved, QuoteDeclined, QuoteChanges, QuoteConfirmation,
		PurchaseConfirmed, PurchaseRejected, PurchaseConfirmation, Receipt, OrderPlaced, OrderReceived, OrderConfirmed, OrderRejected,
	}
}

// Side is whose mail it is.
type Side string

// The sides.
const (
	ToContact Side = "contact"
	ToAccount Side = "account"
)

// Queued says that a mail is to be sent. Stream "mail-<id>", where the id is that of its
// cause and of who gets it. Every mail is about a contact, whose key seals who gets it.
type Queued struct {
	Template  Template               `json:"template"`
	Side      Side                   `json:"side"`
	To        event.Personal[string] `json:"to"`                // the address
	Name      event.Personal[string] `json:"name,omitzero"`     // of whom
	Message   event.Personal[string] `json:"message,omitzero"`  // what staff wrote with a document
	Language  string                 `json:"language"`          // BCP 47
	Because   string                 `json:"because"`           // the event that it tells of; of comments, the first
	Login     id.ID                  `json:"login,omitempty"`   // whose it is, where it is a person's with a sign-in
	Link      id.ID                  `json:"link,omitempty"`    // that it sends
	Payment   id.ID                  `json:"payment,omitempty"` // that it is about
	Document  id.ID                  `json:"document,omitempty"`
	Kind      document.Kind          `json:"kind,omitempty"`
	NotBefore time.Time              `json:"notBefore"` // later ones of the same may still join it
}

// Sent says that a mail server took the mail. It is never sent again.
type Sent struct {
	Attempt int `json:"attempt"`
}

// Failed says that a try came to nothing, and when the next is.
type Failed struct {
	Attempt int       `json:"attempt"`
	Cause   Cause     `json:"cause"`
	Code    int       `json:"code,omitempty"` // of the server's answer
	Next    time.Time `json:"next"`
}

// Refused says that the server will never take it: a bounce.
type Refused struct {
	Attempt int   `json:"attempt"`
	Cause   Cause `json:"cause"`
	Code    int   `json:"code,omitempty"`
}

// GivenUp says that it is not tried any more: after days in vain, or because staff say so.
type GivenUp struct {
	Attempt int   `json:"attempt"`
	Cause   Cause `json:"cause"`
	Code    int   `json:"code,omitempty"`
}

// Dropped says that there was nothing left to send: the link was revoked, the invitation
// was answered, the person is gone.
type Dropped struct {
	Cause Cause `json:"cause"`
}

// Retried says that staff want it to be tried again, at once.
type Retried struct{}

// Cause is why a mail was not sent, as a code.
type Cause string

// The causes.
const (
	Unreachable Cause = "unreachable" // no mail server answered
	Deferred    Cause = "deferred"    // it said: later
	BadAddress  Cause = "address"     // it does not know the address
	Rejected    Cause = "rejected"    // it does not want the mail
	Faulty      Cause = "faulty"      // the mail could not be written
	ByStaff     Cause = "staff"
	Expired     Cause = "expired"  // what it was to bring has ended
	Answered    Cause = "answered" // what it asked for was done
	Gone        Cause = "gone"     // whom it is for is not there any more
)

// Causes returns all of them.
func Causes() []Cause {
	return []Cause{Unreachable, Deferred, BadAddress, Rejected, Faulty, ByStaff, Expired, Answered, Gone}
}

// Started says that from this place in the log on mails are sent about what happens.
// Stream "mailing-<account>".
type Started struct{}

// EventType implements event.Event.
func (Queued) EventType() string  { return "mail.queued" }
func (Sent) EventType() string    { return "mail.sent" }
func (Failed) EventType() string  { return "mail.failed" }
func (Refused) EventType() string { return "mail.refused" }
func (GivenUp) EventType() string { return "mail.given_up" }
func (Dropped) EventType() string { return "mail.dropped" }
func (Retried) EventType() string { return "mail.retried" }
func (Started) EventType() string { return "mailing.started" }

// Register adds the package's events to the registry.
func Register(r *event.Registry) {
	event.Register[Queued](r)
	event.Register[Sent](r)
	event.Register[Failed](r)
	event.Register[Refused](r)
	event.Register[GivenUp](r)
	event.Register[Dropped](r)
	event.Register[Retried](r)
	event.Register[Started](r)
}
