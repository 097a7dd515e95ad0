package access_test

import (
	"strings"
	"testing"
	"time"

	"lonja/domain/access"
	"lonja/domain/decider/decidertest"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
)

// An invitation is good for seven days, until a password is set, and is not repeated
// within half a day.
func TestInvite(t *testing.T) {
	t.Parallel()
	d := access.LoginDecider()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	made := access.LoginCreated{Email: event.Seal("ana@example.com"), Role: access.Full, Main: true}
	invite := func(now time.Time) func(access.Login) ([]event.Event, error) {
		return func(s access.Login) ([]event.Event, error) { return access.Invite(s, now) }
	}
	invited := access.Invited{At: at, Until: at.Add(7 * 24 * time.Hour)}
	decidertest.Given(t, d, made).When(invite(at)).Then(invited)
	decidertest.Given(t, d, made, invited).When(invite(at.Add(12*time.Hour - 1))).ThenNothing()
	decidertest.Given(t, d, made, invited).When(invite(at.Add(12 * time.Hour))).Then(access.Invited{At: at.Add(12 * time.Hour), Until: at.Add(7*24*time.Hour + 12*time.Hour)})
	decidertest.Given(t, d, made, access.LoginRemoved{}).When(invite(at)).ThenRefused(fault.NotFound, "not_found")
	decidertest.Given(t, d).When(invite(at)).ThenRefused(fault.NotFound, "not_found")

	good := func(after time.Duration, want bool, events ...event.Event) {
		t.Helper()
		if access.CanRecover(d.Fold(append([]event.Event{made}, events...)...), at.Add(after)) != want {
			t.Errorf("after %v of %v, the link is good: %v", after, events, !want)
		}
	}
	good(7*24*time.Hour-1, true, invited)
	good(7*24*time.Hour, false, invited)
	good(time.Hour, false, invited, access.PasswordSet{By: access.BySelf})
	good(time.Hour, false, invited, access.PasswordSet{By: access.BySelf}, access.PasswordRemoved{})
	good(time.Hour, false, invited, access.LoginRemoved{})
	good(time.Hour, true, invited, access.RecoveryRequested{Until: at.Add(30 * time.Minute)})
}

// A link is shared and sent in one, or not at all.
func TestSendLink(t *testing.T) {
	t.Parallel()
	d := access.LinkDecider()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	send := func(to, message string) func(access.Link) ([]event.Event, error) {
		return func(s access.Link) ([]event.Event, error) {
			shared, err := access.ShareLink(s, "doc", document.Invoice, to, at)
			if err != nil {
				return nil, err
			}
			return access.SendLink(s, shared, to, message)
		}
	}
	shared := access.LinkShared{Document: "doc", Kind: document.Invoice, At: at, SentTo: event.Seal("ana@example.com")}
	decidertest.Given(t, d).When(send(" Ana@Example.com ", " Hola ")).Then(shared, access.LinkSendingRequested{To: event.Seal("ana@example.com"), Message: event.Seal("Hola")})
	decidertest.Given(t, d).When(send("ana@example.com", "")).Then(shared, access.LinkSendingRequested{To: event.Seal("ana@example.com")})
	decidertest.Given(t, d).When(send("", "")).ThenRefused(fault.Invalid, "text.missing")
	decidertest.Given(t, d).When(send("ana", "")).ThenRefused(fault.Invalid, "email.invalid")
	decidertest.Given(t, d).When(send("ana@example.com", strings.Repeat("ñ", 2001))).ThenRefused(fault.Invalid, "text.too_long")
}
