package commands_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lonja/adapters/memory"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/vocabulary"
)

// work is a vault and a log that count what they are asked, by which a clock outside could
// tell one case from another.
type work struct {
	commands.Vault
	event.Store
	hashed, blinded, read int
}

func (w *work) VerifyPassword(ctx context.Context, acc id.Account, login id.ID, password string) (bool, error) {
	w.hashed++
	return w.Vault.VerifyPassword(ctx, acc, login, password)
}

func (w *work) Blind(ctx context.Context, acc id.Account, purpose, value string) (string, error) {
	w.blinded++
	return w.Vault.Blind(ctx, acc, purpose, value)
}

func (w *work) ReadStream(ctx context.Context, stream string, from event.Revision, max int, buf []event.Stored) ([]event.Stored, error) {
	w.read++
	return w.Store.ReadStream(ctx, stream, from, max, buf)
}

// quick is a scene on stores in memory: nothing in it waits but what is meant to.
func quick(t *testing.T, now time.Time) (*scene, *work) {
	t.Helper()
	s := &scene{t: t, now: now}
	w := &work{Vault: memory.NewVault(), Store: memory.NewEventLog(func() time.Time { return s.now })}
	s.Commands = &commands.Commands{Executor: &commands.Executor{Store: w, Codec: event.NewCodec(vocabulary.Registry(), w.Vault)}, Vault: w, Blobs: memory.NewBlobs(), Gateways: map[string]commands.Gateway{}}
	acc, _, err := s.OpenAccount(t.Context(), s.system(), commands.OpenAccount{Details: account.Opened{
		Name: "Conservas del Norte", TaxID: "B11111119", Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid",
	}})
	s.ok(err)
	s.acc = acc
	return s, w
}

// A sign-in that fails does the same work, and says the same, whatever is wrong with it.
func TestSignInsThatFailAreAlike(t *testing.T) {
	t.Parallel()
	s, w := quick(t, time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	who := s.client("Bar Manolo", "B12345674", "main@example.com")
	s.login(who, "known@example.com", access.Full, goodPassword)
	s.login(who, "none@example.com", access.Full, "") // has no password yet
	gone := s.login(who, "gone@example.com", access.Full, otherPassword)
	s.ok(second(s.RemoveLogin(t.Context(), s.system(), commands.RemoveLogin{Login: gone})))
	p := &somebody{scene: s, contact: who, actor: login(s.login(who, "app@example.com", access.Full, "tercera-orilla-del-rio-9")), password: "tercera-orilla-del-rio-9", email: "app@example.com"}
	p.withApp()
	_, _, err := s.AddStaff(t.Context(), s.system(), commands.AddStaff{Email: "luis@example.com", Name: "Luis", Role: account.StaffEditor, Password: otherPassword})
	s.ok(err)
	type effort struct {
		hashed, blinded, read int
		said                  string
	}
	for _, door := range []struct {
		name   string
		in     func(email string) error
		emails []string
	}{
		{"a contact's", func(email string) error {
			_, err := s.SignIn(t.Context(), s.system(), commands.SignIn{Email: email, Password: "wrong"})
			return err
		}, []string{"known@example.com", "unknown@example.com", "main@example.com", "none@example.com", "gone@example.com", "app@example.com", "luis@example.com", "", "nonsense", strings.Repeat("x", 300)}},
		{"staff's", func(email string) error {
			_, err := s.StaffSignIn(t.Context(), s.system(), commands.StaffSignIn{Email: email, Password: "wrong"})
			return err
		}, []string{"luis@example.com", "unknown@example.com", "known@example.com", ""}},
	} {
		var first effort
		for i, email := range door.emails {
			w.hashed, w.blinded, w.read = 0, 0, 0
			err := door.in(email)
			f, ok := fault.As(err)
			if !ok || f.Kind != fault.Unauthorized {
				t.Fatalf("%s door, %q: %v", door.name, email, err)
			}
			got := effort{w.hashed, w.blinded, w.read, f.Error()}
			if i == 0 {
				first = got
			}
			if got != first || got.hashed != 1 {
				t.Errorf("%s door, %q: %+v, but %+v for %q", door.name, email, got, first, door.emails[0])
			}
		}
	}
}

// A recovery is answered after the same time, to the nanosecond of a clock that only
// waiting moves, for an email that is known, that is not, and that is none.
func TestRecoveriesAreAnsweredAfterTheSameTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _ := quick(t, time.Now())
		s.client("Bar Manolo", "B12345674", "main@example.com")
		other := s.client("Otro", "B87654321", "other@example.com")
		s.login(other, "known@example.com", access.Full, goodPassword)
		erased := s.client("Nadie", "B44444444", "erased@example.com")
		s.ok(second(s.EraseContact(t.Context(), s.system(), commands.EraseContact{Contact: erased})))
		for email, sent := range map[string]bool{
			"main@example.com": true, "known@example.com": true, "other@example.com": false, "unknown@example.com": false, "erased@example.com": false, "": false, "nonsense": false,
		} {
			start := time.Now()
			r, err := s.RequestRecovery(t.Context(), s.system(), commands.RequestRecovery{Email: email})
			s.ok(err)
			if took := time.Since(start); took != 400*time.Millisecond || r.Send != sent {
				t.Errorf("%q: answered after %v, sent %v", email, took, r.Send)
			}
		}
	})
}

// A change of the main email moves who can recover: the old address is nobody's.
func TestTheOldMainEmailRecoversNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _ := quick(t, time.Now())
		who := s.client("Bar Manolo", "B12345674", "old@example.com")
		ask := func(email string) commands.Recovery {
			r, err := s.RequestRecovery(t.Context(), s.system(), commands.RequestRecovery{Email: email})
			s.ok(err)
			return r
		}
		if r := ask("old@example.com"); !r.Send {
			t.Fatal("the main email gets no link")
		}
		s.ok(second(s.ChangeContact(t.Context(), s.system(), commands.ChangeContact{Contact: who, Details: contact.Details{Name: "Bar Manolo", TaxID: "B12345674", Email: "new@example.com"}})))
		s.now = s.now.Add(time.Hour)
		if r := ask("old@example.com"); r.Send {
			t.Errorf("the old email gets %+v", r)
		}
		if r := ask("new@example.com"); !r.Send || r.Contact != who {
			t.Errorf("the new email gets %+v", r)
		}
	})
}
