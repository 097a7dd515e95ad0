package mail_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"lonja/domain/decider/decidertest"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/mail"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func queued() mail.Queued {
	return mail.Queued{
		Template: mail.Recovery, Side: mail.ToContact, To: event.Seal("ana@example.com"), Name: event.Seal("Ana"), Language: "es", Because: "e", NotBefore: noon,
	}
}

type decision = func(mail.State) ([]event.Event, error)

func fail(now time.Time) decision {
	return func(s mail.State) ([]event.Event, error) { return mail.Fail(s, mail.Deferred, 451, now) }
}

func refuse(s mail.State) ([]event.Event, error) { return mail.Refuse(s, mail.BadAddress, 550) }

func TestQueue(t *testing.T) {
	t.Parallel()
	d := mail.Decider()
	queue := func(s mail.State) ([]event.Event, error) {
		return mail.Queue(s, mail.Letter{
			Queued:  mail.Queued{Template: mail.Recovery, Side: mail.ToContact, Language: "es", Because: "e", NotBefore: noon.Add(time.Microsecond)},
			Address: "ana@example.com", Person: "Ana",
		})
	}
	decidertest.Given(t, d).When(queue).Then(queued())
	decidertest.Given(t, d, queued(), mail.Sent{Attempt: 1}).When(queue).ThenNothing()
	decidertest.Given(t, d).When(func(s mail.State) ([]event.Event, error) { return mail.Queue(s, mail.Letter{}) }).ThenNothing()
}

// What was sent is never sent again; what was refused is, by staff alone.
func TestSending(t *testing.T) {
	t.Parallel()
	d := mail.Decider()
	decidertest.Given(t, d, queued()).When(mail.Send).Then(mail.Sent{Attempt: 1})
	decidertest.Given(t, d, queued(), mail.Sent{Attempt: 1}).When(mail.Send).ThenNothing()
	decidertest.Given(t, d, queued(), mail.Sent{Attempt: 1}).When(fail(noon)).ThenNothing()
	decidertest.Given(t, d, queued(), mail.Sent{Attempt: 1}).When(refuse).ThenNothing()
	decidertest.Given(t, d, queued(), mail.Sent{Attempt: 1}).When(mail.Retry).ThenRefused(fault.Conflict, "mail.not_failed")
	decidertest.Given(t, d, queued(), mail.Sent{Attempt: 1}).When(mail.GiveUp).ThenRefused(fault.Conflict, "mail.not_waiting")

	first := mail.Failed{Attempt: 1, Cause: mail.Deferred, Code: 451, Next: noon.Add(time.Minute)}
	decidertest.Given(t, d, queued()).When(fail(noon)).Then(first)
	decidertest.Given(t, d, queued(), first).When(fail(noon.Add(time.Minute - 1))).ThenNothing()
	decidertest.Given(t, d, queued(), first).When(fail(noon.Add(time.Minute))).Then(mail.Failed{Attempt: 2, Cause: mail.Deferred, Code: 451, Next: noon.Add(6 * time.Minute)})
	decidertest.Given(t, d, queued(), first).When(mail.Retry).Then(mail.Retried{})
	decidertest.Given(t, d, queued(), first, mail.Retried{}).When(fail(noon)).Then(mail.Failed{Attempt: 2, Cause: mail.Deferred, Code: 451, Next: noon.Add(time.Minute)})
	decidertest.Given(t, d, queued()).When(mail.Retry).ThenRefused(fault.Conflict, "mail.not_failed")

	bounced := mail.Refused{Attempt: 1, Cause: mail.BadAddress, Code: 550}
	decidertest.Given(t, d, queued()).When(refuse).Then(bounced)
	decidertest.Given(t, d, queued(), bounced).When(mail.Send).ThenNothing()
	decidertest.Given(t, d, queued(), bounced).When(mail.Retry).Then(mail.Retried{})
	decidertest.Given(t, d, queued(), bounced, mail.Retried{}).When(mail.Send).Then(mail.Sent{Attempt: 2})

	decidertest.Given(t, d, queued()).When(mail.GiveUp).Then(mail.GivenUp{Cause: mail.ByStaff})
	decidertest.Given(t, d, queued(), mail.GivenUp{Cause: mail.ByStaff}).When(mail.Send).ThenNothing()
	decidertest.Given(t, d, queued(), mail.GivenUp{Cause: mail.ByStaff}).When(mail.Retry).Then(mail.Retried{})
	drop := func(s mail.State) ([]event.Event, error) { return mail.Drop(s, mail.Expired) }
	decidertest.Given(t, d, queued()).When(drop).Then(mail.Dropped{Cause: mail.Expired})
	decidertest.Given(t, d, queued(), mail.Dropped{Cause: mail.Expired}).When(mail.Send).ThenNothing()
	for _, of := range []decision{mail.Retry, mail.GiveUp} {
		decidertest.Given(t, d).When(of).ThenRefused(fault.NotFound, "not_found")
	}
	decidertest.Given(t, mail.MailingDecider()).When(mail.Start).Then(mail.Started{})
}

// A server that never takes a mail is asked a bounded number of times, over days, less
// and less often, and then no more.
func TestAMailIsGivenUpAfterDays(t *testing.T) {
	t.Parallel()
	d := mail.Decider()
	s, now, before := d.Fold(queued()), noon, time.Duration(0)
	for tries := 1; ; tries++ {
		events, err := mail.Fail(s, mail.Unreachable, 0, now)
		if err != nil || len(events) != 1 {
			t.Fatalf("try %d: %v, %v", tries, events, err)
		}
		s = d.Evolve(s, events[0])
		if s.Status == mail.IsGivenUp {
			if age := now.Sub(noon); age < 48*time.Hour || age > 5*24*time.Hour || tries > 15 {
				t.Errorf("given up after %d tries in %v", tries, age)
			}
			return
		}
		pause := s.Next.Sub(now)
		if pause < before {
			t.Errorf("try %d comes after %v, the one before after %v", tries, pause, before)
		}
		now, before = s.Next, pause
	}
}

// Whatever happens, a mail that a server took is sent once, and one that is given up,
// dropped or refused is not due.
func TestWhateverHappensAMailIsSentOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := mail.Decider()
		s, now, sent := d.Fold(queued()), noon, 0
		for range rapid.IntRange(1, 40).Draw(rt, "acts") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(rt, "minutes")) * time.Minute)
			acts := []decision{mail.Send, fail(now), refuse, mail.GiveUp, mail.Retry, func(s mail.State) ([]event.Event, error) { return mail.Drop(s, mail.Gone) }}
			events, err := rapid.SampledFrom(acts).Draw(rt, "act")(s)
			if err != nil {
				continue
			}
			for _, e := range events {
				if _, is := e.(mail.Sent); is {
					sent++
				}
				s = d.Evolve(s, e)
			}
			if s.Due(now.AddDate(1, 0, 0)) != (s.Status == mail.Waiting) {
				rt.Fatalf("%+v is due", s)
			}
		}
		if sent > 1 || (sent == 1) != (s.Status == mail.IsSent) {
			rt.Fatalf("sent %d times: %+v", sent, s)
		}
	})
}
