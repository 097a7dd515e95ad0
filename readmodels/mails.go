package readmodels

import (
	"context"
	"time"

	"lonja/domain/document"
	"lonja/domain/id"
)

// MailStatus is where a mail stands.
type MailStatus string

// The states.
const (
	MailWaiting MailStatus = "waiting"
	MailSent    MailStatus = "sent"
	MailRefused MailStatus = "refused" // a bounce: the server will never take it
	MailGivenUp MailStatus = "given_up"
	MailDropped MailStatus = "dropped" // there was nothing left to send
)

// MailStatuses returns all of them.
func MailStatuses() []MailStatus {
	return []MailStatus{MailWaiting, MailSent, MailRefused, MailGivenUp, MailDropped}
}

// Mail is a mail as staff see it.
type Mail struct {
	ID        id.ID         `json:"id"`
	Template  string        `json:"template"`
	Side      string        `json:"side"` // contact, account: whose mail it is
	To        string        `json:"to"`
	Name      string        `json:"name,omitempty"`
	Language  string        `json:"language"`
	Login     id.ID         `json:"login,omitempty"`
	Link      id.ID         `json:"link,omitempty"`
	Document  id.ID         `json:"document,omitempty"`
	Kind      document.Kind `json:"kind,omitempty"`
	Payment   id.ID         `json:"payment,omitempty"`
	Batch     id.ID         `json:"batch,omitempty"` // the act that it follows from: an invitation of many, say
	Status    MailStatus    `json:"status"`
	Attempts  int           `json:"attempts"`
	Cause     string        `json:"cause,omitempty"` // why the last try came to nothing
	Code      int           `json:"code,omitempty"`  // of the server's answer then
	QueuedAt  time.Time     `json:"queuedAt"`
	ChangedAt time.Time     `json:"changedAt"`
	SentAt    *time.Time    `json:"sentAt,omitempty"`
	Next      *time.Time    `json:"next,omitempty"` // while it waits: when it is tried
}

// Failing reports whether a mail was tried in vain and is not sent (yet).
func (m *Mail) Failing() bool {
	return m.Status == MailRefused || m.Status == MailGivenUp || m.Status == MailWaiting && m.Cause != ""
}

// MayRetry reports whether staff can have it tried again at once.
func (m *Mail) MayRetry() bool { return m.Failing() }

// MayGiveUp reports whether staff can keep it from being sent.
func (m *Mail) MayGiveUp() bool { return m.Status == MailWaiting }

// Mails holds one row a mail, by id.
var Mails = &Table[Mail]{
	Schema: Schema{
		Name:    "mails",
		Columns: []Column{{"queued", Int}, {"document", Text}, {"status", Text}, {"failing", Int}, {"waiting", Int}, {"next", Int}, {"batch", Text}},
		Indexes: []Index{
			{Name: "queued", Columns: []string{"queued"}},
			{Name: "document", Columns: []string{"document", "queued"}},
			{Name: "all_queued", Columns: []string{"queued"}, Wide: true},
			{Name: "all_failing", Columns: []string{"failing", "queued"}, Wide: true},
			{Name: "all_next", Columns: []string{"waiting", "next"}, Wide: true},
			{Name: "all_batch", Columns: []string{"batch", "status"}, Wide: true},
		},
	},
	Values: func(m *Mail, dst []Value) []Value {
		next := int64(0)
		if m.Next != nil {
			next = m.Next.UnixMilli()
		}
		return append(dst, N(m.QueuedAt.UnixMilli()), T(m.Document), T(m.Status), flag(m.Failing()), flag(m.Status == MailWaiting), N(next), T(m.Batch))
	},
}

// MailQuery asks for a page of mails.
type MailQuery struct {
	Document id.ID      // of one contact's view: those about the document
	Status   MailStatus // "": any
	Failing  bool       // only those that were tried in vain
	After    string
	Limit    int
}

// ListMails returns the view's mails, newest first.
func ListMails(ctx context.Context, v View, q MailQuery) (Page[Mail], error) {
	s := Query{Index: "queued", Desc: true, After: q.After, Limit: q.Limit}
	switch {
	case q.Document != "":
		s.Index, s.Where = "document", []Cond{Where("document", Eq, T(q.Document))}
	case v.all && q.Failing:
		s.Index, s.Where = "all_failing", []Cond{Where("failing", Eq, N(1))}
	case v.all:
		s.Index = "all_queued"
	case q.Failing:
		s.Where = []Cond{Where("failing", Eq, N(1))}
	}
	if q.Status != "" {
		s.Where = append(s.Where, Where("status", Eq, T(q.Status)))
	}
	return List(ctx, v, Mails, s)
}

// CountFailingMails returns how many of the view's mails were tried in vain and are not sent.
func CountFailingMails(ctx context.Context, v View) (int, error) {
	return Count(ctx, v, Mails, Where("failing", Eq, N(1)))
}

// CountWaitingMails returns how many of the account's mails are to be sent. Staff's view only.
func CountWaitingMails(ctx context.Context, v View) (int, error) {
	return Count(ctx, v, Mails, Where("waiting", Eq, N(1)))
}

// WaitingMails returns the first of the account's mails that wait, in the order in which
// they are due. Staff's view only.
func WaitingMails(ctx context.Context, v View, limit int) ([]Item[Mail], error) {
	p, err := List(ctx, v, Mails, Query{Index: "all_next", Where: []Cond{Where("waiting", Eq, N(1))}, Limit: limit})
	return p.Items, err
}

// CountBatch returns how many mails that follow from an act are in each state. Staff's view only.
func CountBatch(ctx context.Context, v View, batch id.ID) (map[MailStatus]int, error) {
	out := map[MailStatus]int{}
	for _, s := range MailStatuses() {
		n, err := Count(ctx, v, Mails, Where("batch", Eq, T(batch)), Where("status", Eq, T(s)))
		if err != nil {
			return nil, err
		}
		out[s] = n
	}
	return out, nil
}
