package mail

import (
	"time"

	"lonja/domain/event"
	"lonja/domain/fault"
)

// The pauses before another try: soon at first, then a few times a day. After the last the
// mail is given up, some three days after it was queued.
var pauses = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour,
	6 * time.Hour, 12 * time.Hour, 12 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// Letter is a mail to queue.
type Letter struct {
	Queued
	Address, Person, Text string
}

// Queue decides that a mail is to be sent. One cause makes one mail.
func Queue(s State, l Letter) ([]event.Event, error) {
	if s.Status != Unknown || l.Address == "" {
		return nil, nil
	}
	e := l.Queued
	e.NotBefore = e.NotBefore.UTC().Truncate(time.Millisecond)
	e.To = event.Seal(l.Address)
	if l.Person != "" {
		e.Name = event.Seal(l.Person)
	}
	if l.Text != "" {
		e.Message = event.Seal(l.Text)
	}
	return []event.Event{e}, nil
}

// Send decides that the server took it.
func Send(s State) ([]event.Event, error) {
	if s.Status != Waiting {
		return nil, nil
	}
	return []event.Event{Sent{Attempt: s.Tries + 1}}, nil
}

// Fail decides what follows from a try that came to nothing at now.
func Fail(s State, why Cause, code int, now time.Time) ([]event.Event, error) {
	if !s.Due(now) {
		return nil, nil // another try was recorded meanwhile
	}
	if s.Attempts >= len(pauses) {
		return []event.Event{GivenUp{Attempt: s.Tries + 1, Cause: why, Code: code}}, nil
	}
	return []event.Event{Failed{Attempt: s.Tries + 1, Cause: why, Code: code, Next: now.UTC().Truncate(time.Millisecond).Add(pauses[s.Attempts])}}, nil
}

// Refuse decides that the server will never take it.
func Refuse(s State, why Cause, code int) ([]event.Event, error) {
	if s.Status != Waiting {
		return nil, nil
	}
	return []event.Event{Refused{Attempt: s.Tries + 1, Cause: why, Code: code}}, nil
}

// Drop decides that there is nothing left to send.
func Drop(s State, why Cause) ([]event.Event, error) {
	if s.Status != Waiting {
		return nil, nil
	}
	return []event.Event{Dropped{Cause: why}}, nil
}

// GiveUp decides, for staff, that a mail that waits is not to be sent.
func GiveUp(s State) ([]event.Event, error) {
	switch s.Status {
	case Unknown:
		return nil, fault.New(fault.NotFound, "not_found")
	case IsGivenUp:
		return nil, nil
	case Waiting:
		return []event.Event{GivenUp{Attempt: s.Tries, Cause: ByStaff}}, nil
	}
	return nil, fault.New(fault.Conflict, "mail.not_waiting")
}

// Retry decides, for staff, that a mail is tried again at once: one that was refused or
// given up, or that waits for its next try.
func Retry(s State) ([]event.Event, error) {
	switch {
	case s.Status == Unknown:
		return nil, fault.New(fault.NotFound, "not_found")
	case s.Status == Waiting && s.Next.IsZero():
		return nil, nil
	case s.Status == Waiting && s.Attempts > 0, s.Stopped():
		return []event.Event{Retried{}}, nil
	}
	return nil, fault.New(fault.Conflict, "mail.not_failed")
}

// Start decides that mails are sent from now on.
func Start(started bool) ([]event.Event, error) {
	if started {
		return nil, nil
	}
	return []event.Event{Started{}}, nil
}
