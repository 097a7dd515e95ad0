package commands_test

import (
	"testing"

	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/event"
)

func (s *scene) head() event.Position {
	s.t.Helper()
	p, err := s.Store.Head(s.t.Context())
	s.ok(err)
	return p
}

func (s *scene) signsIn(email, password string) bool {
	s.t.Helper()
	_, err := s.SignIn(s.t.Context(), s.system(), commands.SignIn{Email: email, Password: password})
	return err == nil
}

// A login whose password is refused is none, and keeps neither email nor password.
func TestALoginIsCreatedWithItsPasswordOrNotAtAll(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	one, two := s.client("Bar Manolo", "B12345674", ""), s.client("Otro", "B87654321", "")
	s.login(one, "a@example.com", access.Full, goodPassword)
	before := s.head()
	for key, in := range map[string]commands.CreateLogin{
		"password.taken":     {Contact: two, Email: "b@example.com", Role: access.Full, Password: goodPassword},
		"password.too_short": {Contact: two, Email: "b@example.com", Role: access.Full, Password: "corta"},
		"email.taken":        {Contact: two, Email: "a@example.com", Role: access.Full, Password: otherPassword},
		"email.invalid":      {Contact: two, Email: "b", Role: access.Full, Password: otherPassword},
		"role.unknown":       {Contact: two, Email: "b@example.com", Role: "king", Password: otherPassword},
	} {
		_, _, err := s.CreateLogin(t.Context(), s.system(), in)
		s.refused(err, key)
		if s.head() != before {
			t.Fatalf("%s: something was appended", key)
		}
	}
	if s.signsIn("b@example.com", otherPassword) {
		t.Error("a login that was refused lets in")
	}
	s.login(one, "c@example.com", access.Full, otherPassword) // nobody has it
	_, rcpt, err := s.CreateLogin(t.Context(), s.system(), commands.CreateLogin{Contact: two, Email: "b@example.com", Role: access.Full, Password: "cometa-adoquin-55-rumor"})
	s.ok(err)
	if !rcpt.Changed || !s.signsIn("b@example.com", "cometa-adoquin-55-rumor") {
		t.Errorf("%+v, and it does not let in", rcpt)
	}
}

// A request that is sent again later must not bring back a password that was changed since.
func TestARepeatedRequestLeavesThePasswordThatIsSetNow(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ctx, who := t.Context(), s.client("Bar Manolo", "B12345674", "")
	create, in := s.system(), commands.CreateLogin{Contact: who, Email: "a@example.com", Role: access.Full, Password: goodPassword}
	login, _, err := s.CreateLogin(ctx, create, in)
	s.ok(err)
	set := s.system()
	_, err = s.SetLoginPassword(ctx, set, commands.SetLoginPassword{Login: login, Password: otherPassword})
	s.ok(err)
	_, err = s.ChangePassword(ctx, s.as(login, who), commands.ChangePassword{Login: login, Current: otherPassword, New: "cometa-adoquin-55-rumor"})
	s.ok(err)
	here := s.session(login, who)
	before := s.head()

	again, rcpt, err := s.CreateLogin(ctx, create, in)
	s.ok(err)
	_, err = s.SetLoginPassword(ctx, set, commands.SetLoginPassword{Login: login, Password: otherPassword})
	s.ok(err)
	if again != login || !rcpt.Again || s.head() != before {
		t.Errorf("created %s, and again %s: %+v", login, again, rcpt)
	}
	if s.signsIn("a@example.com", goodPassword) || s.signsIn("a@example.com", otherPassword) || !s.signsIn("a@example.com", "cometa-adoquin-55-rumor") || !s.alive(here) {
		t.Error("an old password is back, or the session that there was is gone")
	}

	add, member := s.system(), commands.AddStaff{Email: "luis@example.com", Name: "Luis", Role: account.StaffEditor, Password: "molino-ventana-cometa-57"}
	staff, _, err := s.AddStaff(ctx, add, member)
	s.ok(err)
	_, err = s.SetStaffPassword(ctx, s.system(), commands.SetStaffPassword{Staff: staff, Password: "faro-libreta-pomelo-83"})
	s.ok(err)
	_, _, err = s.AddStaff(ctx, add, member)
	s.ok(err)
	if _, err := s.StaffSignIn(ctx, s.system(), commands.StaffSignIn{Email: "luis@example.com", Password: "molino-ventana-cometa-57"}); err == nil {
		t.Error("an old staff password is back")
	}
}
