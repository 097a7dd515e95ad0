package commands_test

import (
	"bytes"
	"image"
	"image/png"
	"sync"
	"testing"

	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/viewing"
)

// logo is a small picture.
func logo(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestALoginsEmailChanges(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	who := s.client("Bar Manolo", "B12345674", "manolo@example.com")
	login, other := s.login(who, "", access.Full, goodPassword), s.login(who, "otra@example.com", access.Read, "")
	session := s.session(login, who)
	p := newPost(s)
	_, err := s.RequestRecovery(t.Context(), s.system(), commands.RequestRecovery{Email: "manolo@example.com"})
	s.ok(err)
	token := p.secret()
	change := func(email, name string) error {
		return second(s.ChangeLogin(t.Context(), s.system(), commands.ChangeLogin{Login: login, Email: email, Name: name}))
	}
	s.refused(change("otra@example.com", "Manolo"), "email.taken")
	s.refused(change("nonsense", "Manolo"), "email.invalid")
	s.ok(change("MANOLO@example.com", "Manolo"))
	if !s.alive(session) {
		t.Error("another name ends the sessions")
	}
	s.ok(change("nuevo@example.com", "Manolo"))
	if s.alive(session) {
		t.Error("a session outlived the change of its login's email")
	}
	_, _, err = s.RecoverPassword(t.Context(), s.system(), commands.RecoverPassword{Token: token, Password: otherPassword})
	s.refused(err, "recovery.expired")
	if s.signsIn("manolo@example.com", goodPassword) || !s.signsIn("nuevo@example.com", goodPassword) {
		t.Error("it does not sign in by the new email alone")
	}
	s.ok(second(s.ChangeLogin(t.Context(), s.system(), commands.ChangeLogin{Login: other, Email: "manolo@example.com", Name: ""}))) // it is free
	s.refused(change("manolo@example.com", "Manolo"), "email.taken")

	// A repeated act does nothing again, and ends nobody's session.
	req := s.system()
	in := commands.ChangeLogin{Login: login, Email: "nuevo@example.com", Name: "Manuel"}
	s.ok(second(s.ChangeLogin(t.Context(), req, in)))
	before := s.head()
	s.ok(second(s.ChangeLogin(t.Context(), req, in)))
	if s.head() != before {
		t.Error("the same act again recorded something")
	}
	s.refused(second(s.ChangeLogin(t.Context(), s.as(other, who), in)), "not_found")
	stranger := s.system()
	stranger.Contact = s.client("Otro", "B87654321", "")
	s.refused(second(s.ChangeLogin(t.Context(), stranger, in)), "not_found")
}

func TestAnAccountIsNeverWithoutAnAdministrator(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	add := func(email string, role account.StaffRole) id.ID {
		one, _, err := s.AddStaff(t.Context(), s.system(), commands.AddStaff{Email: email, Name: "X", Role: role, Password: ""})
		s.ok(err)
		return one
	}
	eva, leo := add("eva@example.com", account.StaffAdmin), add("leo@example.com", account.StaffEditor)
	remove := func(who id.ID) error {
		return second(s.RemoveStaff(t.Context(), s.system(), commands.RemoveStaff{Staff: who}))
	}
	role := func(who id.ID, role account.StaffRole) error {
		return second(s.ChangeStaffRole(t.Context(), s.system(), commands.ChangeStaffRole{Staff: who, Role: role}))
	}
	s.refused(remove(eva), "staff.last_admin")
	s.refused(role(eva, account.StaffReader), "staff.last_admin")
	s.refused(role(eva, "boss"), "role.unknown")
	s.ok(role(leo, account.StaffAdmin))
	s.ok(role(eva, account.StaffReader))
	s.refused(remove(leo), "staff.last_admin")
	s.ok(remove(eva))
	s.ok(remove(eva)) // again
	s.refused(role(eva, account.StaffAdmin), "not_found")
	s.refused(remove(leo), "staff.last_admin")
}

// Two administrators who remove each other at the same moment must not both be gone.
func TestAdministratorsWhoRemoveEachOther(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	var both [2]id.ID
	for i, email := range []string{"eva@example.com", "leo@example.com"} {
		one, _, err := s.AddStaff(t.Context(), s.system(), commands.AddStaff{Email: email, Name: "X", Role: account.StaffAdmin})
		s.ok(err)
		both[i] = one
	}
	var wg sync.WaitGroup
	refusals := make([]error, 2)
	for i := range both {
		req := s.system()
		req.Actor = event.Actor{Kind: event.ActorStaff, ID: string(both[i])}
		wg.Go(func() {
			refusals[i] = second(s.RemoveStaff(t.Context(), req, commands.RemoveStaff{Staff: both[1-i]}))
		})
	}
	wg.Wait()
	left := 0
	for _, one := range both {
		m, _, err := commands.State(t.Context(), s.Executor, account.StaffDecider(), string(one), commands.Request{Account: s.acc})
		s.ok(err)
		if m.Active() && m.Role == account.StaffAdmin {
			left++
		}
	}
	if left != 1 || (refusals[0] == nil) == (refusals[1] == nil) {
		t.Errorf("%d administrators are left; the answers were %v", left, refusals)
	}
}

func TestLogos(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	set := func(b []byte) error {
		return second(s.SetLogo(t.Context(), s.system(), commands.SetLogo{PNG: b}))
	}
	s.ok(set(nil))
	s.ok(set(logo(t)))
	s.ok(set(logo(t)))
	s.refused(set([]byte("<svg/>")), "logo.unreadable")
	s.ok(set(nil))
	if set, removed := s.events("logo.set"), s.events("logo.removed"); set != 1 || removed != 1 {
		t.Errorf("the logo was set %d and removed %d times", set, removed)
	}
	nowhere := s.system()
	nowhere.Account = "01J0000000000000000000000X"
	s.refused(second(s.SetLogo(t.Context(), nowhere, commands.SetLogo{PNG: logo(t)})), "not_found")
}

func TestViewsAreRecorded(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	who, stranger := s.client("Bar Manolo", "B12345674", ""), s.client("Otro", "B87654321", "")
	doc := s.invoice(who, "F-1", 12100)
	link, _, err := s.ShareLink(t.Context(), s.system(), commands.ShareLink{Document: doc, Kind: document.Invoice})
	s.ok(err)
	view := func(req commands.Request, form viewing.Form) error {
		return second(s.RecordView(t.Context(), req, commands.RecordView{Document: doc, Kind: document.Invoice, Form: form}))
	}
	count := func(want int, what string) {
		t.Helper()
		if n := s.events("document.viewed"); n != want {
			t.Errorf("%s: there are %d views, want %d", what, n, want)
		}
	}
	s.ok(view(s.by(link.ID, who), viewing.PDF))
	count(0, "a scanner of mails followed the link to the PDF")
	s.ok(view(s.by(link.ID, who), viewing.Page))
	s.ok(view(s.by(link.ID, who), viewing.PDF))
	count(2, "the holder of the link saw the page, then the PDF")

	login := s.login(who, "ana@example.com", access.Read, "")
	var wg sync.WaitGroup
	for range 8 {
		req := s.as(login, who)
		wg.Go(func() {
			if err := view(req, viewing.Page); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	count(3, "a person opened it eight times at the same moment")
	s.refused(view(s.as(s.login(stranger, "x@example.com", access.Full, ""), stranger), viewing.Page), "not_found")
	s.refused(view(s.as(login, who), "hologram"), "not_found")
	s.refused(view(s.system(), viewing.Page), "not_found")
	s.ok(second(s.RevokeLink(t.Context(), s.system(), commands.RevokeLink{Link: link.ID})))
	s.refused(view(s.by(link.ID, who), viewing.Data), "link.revoked")
	count(3, "nobody else")
}

func TestStaffLookAtAPortal(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	who, other := s.client("Bar Manolo", "B12345674", ""), s.client("Otro", "B87654321", "")
	login, theirs := s.login(who, "ana@example.com", access.Read, ""), s.login(other, "x@example.com", access.Full, "")
	eva, _, err := s.AddStaff(t.Context(), s.system(), commands.AddStaff{Email: "eva@example.com", Name: "Eva", Role: account.StaffReader})
	s.ok(err)
	by := func(a event.Actor) commands.Request {
		r := s.system()
		r.Actor = a
		return r
	}
	staff := func() commands.Request { return by(event.Actor{Kind: event.ActorStaff, ID: string(eva)}) }
	look := func(r commands.Request, as id.ID) error {
		return second(s.ShowPortal(t.Context(), r, commands.ShowPortal{Contact: who, Login: as}))
	}
	same := staff()
	for range 2 {
		s.ok(look(same, ""))
	}
	s.ok(look(staff(), login))
	if n := s.events("portal.shown"); n != 2 {
		t.Errorf("%d looks are told, want 2", n)
	}
	s.refused(look(staff(), theirs), "not_found")
	s.refused(look(by(event.Actor{Kind: event.ActorLogin, ID: string(login)}), ""), "not_found")
	s.refused(look(by(event.Actor{Kind: event.ActorAPIKey, ID: string(eva)}), ""), "not_found")
	s.refused(look(s.system(), ""), "not_found")
	s.ok(second(s.EraseContact(t.Context(), s.system(), commands.EraseContact{Contact: who})))
	s.refused(look(staff(), ""), "not_found")
	s.ok(second(s.RemoveStaff(t.Context(), s.system(), commands.RemoveStaff{Staff: eva})))
	if err := look(staff(), ""); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("who left looks: %v", err)
	}
}
