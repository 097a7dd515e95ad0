package commands_test

import (
	"context"
	"testing"
	"time"

	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/id"
)

// meanwhile is a vault where something happens between two steps of a command. What
// passwords are it remembers itself: hashing them is slow, and not what is asked about.
type meanwhile struct {
	commands.Vault
	passwords map[id.ID]string
	verified  func() // after a password was found right
	ended     func() // after sessions were ended
}

func (v *meanwhile) VerifyPassword(_ context.Context, _ id.Account, login id.ID, password string) (bool, error) {
	right := v.passwords[login] == password
	if f := v.verified; f != nil && right {
		v.verified = nil
		f()
	}
	return right, nil
}

func (v *meanwhile) SetPassword(_ context.Context, _ id.Account, _ string, login id.ID, password string) error {
	v.passwords[login] = password
	return nil
}

func (v *meanwhile) RemovePassword(_ context.Context, _ id.Account, login id.ID) error {
	delete(v.passwords, login)
	return nil
}

func (v *meanwhile) EndSessions(ctx context.Context, acc id.Account, who event.Actor, kept string) error {
	err := v.Vault.EndSessions(ctx, acc, who, kept)
	if f := v.ended; f != nil && err == nil {
		v.ended = nil
		f()
	}
	return err
}

// signingIn signs in by the old password while something happens to it, and returns
// whether a session lives at the end.
type signingIn struct {
	*scene
	vault *meanwhile
	actor event.Actor
	in    func() (who event.Actor, contact id.Contact, at event.Revision, err error)
}

func (s *signingIn) start() error {
	who, contact, at, err := s.in()
	if err != nil {
		return err
	}
	_, err = s.StartSession(s.t.Context(), commands.Session{Account: s.acc, Contact: contact, Actor: who, Created: s.now, Seen: s.now, Expires: s.now.Add(time.Hour)}, at, commands.Password)
	return err
}

func (s *signingIn) alive() bool {
	s.t.Helper()
	list, err := s.Vault.ListSessions(s.t.Context(), s.acc, s.actor, s.now)
	s.ok(err)
	return len(list) > 0
}

func newSigningIn(t *testing.T, staff bool) *signingIn {
	t.Helper()
	s := &signingIn{scene: newScene(t)}
	s.vault = &meanwhile{Vault: s.Vault, passwords: map[id.ID]string{}}
	s.Vault = s.vault
	if staff {
		who, _, err := s.AddStaff(t.Context(), s.system(), commands.AddStaff{Email: "luis@example.com", Name: "Luis", Role: account.StaffEditor, Password: goodPassword})
		s.ok(err)
		s.actor = event.Actor{Kind: event.ActorStaff, ID: string(who)}
		s.in = func() (event.Actor, id.Contact, event.Revision, error) {
			in, err := s.StaffSignIn(t.Context(), s.system(), commands.StaffSignIn{Email: "luis@example.com", Password: goodPassword})
			return s.actor, "", in.At, err
		}
		return s
	}
	who := s.client("Bar Manolo", "B12345674", "")
	s.actor = event.Actor{Kind: event.ActorLogin, ID: string(s.login(who, "a@example.com", access.Full, goodPassword))}
	s.in = func() (event.Actor, id.Contact, event.Revision, error) {
		in, err := s.SignIn(t.Context(), s.system(), commands.SignIn{Email: "a@example.com", Password: goodPassword})
		return s.actor, who, in.At, err
	}
	return s
}

// Whoever knows the old password and signs in again and again must not have a session
// left when it is changed.
func TestASignInUnderWayDoesNotOutliveItsPassword(t *testing.T) {
	t.Parallel()
	setLogin := func(s *signingIn) error {
		_, err := s.SetLoginPassword(s.t.Context(), s.system(), commands.SetLoginPassword{Login: id.ID(s.actor.ID), Password: otherPassword})
		return err
	}
	setStaff := func(s *signingIn) error {
		_, err := s.SetStaffPassword(s.t.Context(), s.system(), commands.SetStaffPassword{Staff: id.ID(s.actor.ID), Password: otherPassword})
		return err
	}
	for _, tt := range []struct {
		name  string
		staff bool
		act   func(s *signingIn) error
	}{
		{"a login's password is set", false, setLogin},
		{"a login's password is removed", false, func(s *signingIn) error {
			_, err := s.RemoveLoginPassword(s.t.Context(), s.system(), commands.RemoveLoginPassword{Login: id.ID(s.actor.ID)})
			return err
		}},
		{"a login is removed", false, func(s *signingIn) error {
			_, err := s.RemoveLogin(s.t.Context(), s.system(), commands.RemoveLogin{Login: id.ID(s.actor.ID)})
			return err
		}},
		{"a login's role is changed", false, func(s *signingIn) error {
			_, err := s.ChangeLoginRole(s.t.Context(), s.system(), commands.ChangeLoginRole{Login: id.ID(s.actor.ID), Role: access.Read})
			return err
		}},
		{"a login's email is changed", false, func(s *signingIn) error {
			_, err := s.ChangeLogin(s.t.Context(), s.system(), commands.ChangeLogin{Login: id.ID(s.actor.ID), Email: "otra@example.com", Name: "Otra"})
			return err
		}},
		{"a staff password is set", true, setStaff},
		{"a staff role is changed", true, func(s *signingIn) error {
			_, err := s.ChangeStaffRole(s.t.Context(), s.system(), commands.ChangeStaffRole{Staff: id.ID(s.actor.ID), Role: account.StaffReader})
			return err
		}},
		{"somebody of staff is removed", true, func(s *signingIn) error {
			_, err := s.RemoveStaff(s.t.Context(), s.system(), commands.RemoveStaff{Staff: id.ID(s.actor.ID)})
			return err
		}},
	} {
		t.Run(tt.name+", after the old one was verified", func(t *testing.T) {
			t.Parallel()
			s := newSigningIn(t, tt.staff)
			s.vault.verified = func() { s.ok(tt.act(s)) }
			s.refused(s.start(), "signin.failed")
			if s.alive() {
				t.Error("a session outlived its password")
			}
		})
		t.Run(tt.name+", and the whole sign-in is between its steps", func(t *testing.T) {
			t.Parallel()
			s := newSigningIn(t, tt.staff)
			// Verified by the old password before, started after the sessions were ended.
			var start func()
			s.vault.verified = func() {
				s.vault.ended = func() { start() }
			}
			who, contact, at, err := s.in()
			s.ok(err)
			start = func() {
				_, _ = s.StartSession(t.Context(), commands.Session{Account: s.acc, Contact: contact, Actor: who, Created: s.now, Seen: s.now, Expires: s.now.Add(time.Hour)}, at, commands.Password)
			}
			s.ok(tt.act(s))
			if s.vault.ended != nil {
				t.Fatal("no sessions were ended")
			}
			if s.alive() {
				t.Error("a session outlived its password")
			}
		})
	}
}

// A stranger who asks for a recovery link at the right moment must not keep anybody out.
func TestARecoveryAskedForMeanwhileKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	s := newSigningIn(t, false)
	s.vault.verified = func() {
		_, err := s.RequestRecovery(t.Context(), s.system(), commands.RequestRecovery{Email: "a@example.com"})
		s.ok(err)
	}
	s.ok(s.start())
	if !s.alive() || s.events("login.recovery_requested") != 1 {
		t.Errorf("%d recoveries; signed in: %v", s.events("login.recovery_requested"), s.alive())
	}
}
