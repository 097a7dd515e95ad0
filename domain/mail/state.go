package mail

import (
	"time"

	"lonja/domain/decider"
	"lonja/domain/event"
)

// Status is where a mail stands.
type Status string

// The states.
const (
	Unknown   Status = ""
	Waiting   Status = "waiting" // to be sent, for the first time or again
	IsSent    Status = "sent"
	IsRefused Status = "refused"
	IsGivenUp Status = "given_up"
	IsDropped Status = "dropped"
)

// State is a mail, folded.
type State struct {
	Queued
	Status   Status
	Address  string // empty once erased
	Person   string
	Text     string // staff's message
	Attempts int    // that came to nothing since it was queued, or retried by staff
	Tries    int    // in all
	Since    time.Time
	Next     time.Time // when it is due, while it waits
}

// Due reports whether it is to be sent at now.
func (s State) Due(now time.Time) bool { return s.Status == Waiting && !now.Before(s.Next) }

// Stopped reports whether staff can have it tried again.
func (s State) Stopped() bool { return s.Status == IsRefused || s.Status == IsGivenUp }

// Decider folds "mail-<id>".
func Decider() decider.Decider[State] {
	return decider.Decider[State]{
		Category: "mail",
		Initial:  func() State { return State{} },
		Evolve: func(s State, e event.Event) State {
			switch e := e.(type) {
			case Queued:
				s.Queued, s.Status, s.Since, s.Next = e, Waiting, e.NotBefore, e.NotBefore
				s.Address, s.Person, s.Text = e.To.Or(""), e.Name.Or(""), e.Message.Or("")
			case Sent:
				s.Status, s.Tries = IsSent, e.Attempt
			case Failed:
				s.Attempts++
				s.Tries, s.Next = e.Attempt, e.Next
			case Refused:
				s.Status, s.Tries = IsRefused, e.Attempt
			case GivenUp:
				s.Status, s.Tries = IsGivenUp, e.Attempt
			case Dropped:
				s.Status = IsDropped
			case Retried:
				s.Status, s.Attempts, s.Next = Waiting, 0, time.Time{}
			}
			return s
		},
	}
}

// MailingDecider folds "mailing-<account>": whether mails are sent at all.
func MailingDecider() decider.Decider[bool] {
	return decider.Decider[bool]{
		Category: "mailing",
		Initial:  func() bool { return false },
		Evolve:   func(bool, event.Event) bool { return true },
	}
}
