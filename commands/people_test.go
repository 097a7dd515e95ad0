package commands_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

func TestRegisterContactIsOnePerTaxID(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	req := s.system()
	in := commands.RegisterContact{Details: contact.Details{Name: "Bar Manolo", TaxID: "ES-B12345674", Email: "manolo@example.com"}, Client: true}
	who, _, err := s.RegisterContact(t.Context(), req, in)
	s.ok(err)
	again, _, err := s.RegisterContact(t.Context(), req, in)
	s.ok(err)
	if again != who || s.events("contact.registered") != 1 {
		t.Errorf("the same act registered %s and %s", who, again)
	}
	_, _, err = s.RegisterContact(t.Context(), s.system(), commands.RegisterContact{Details: contact.Details{Name: "Otro", TaxID: "B 12345674"}, Client: true})
	s.refused(err, "contact.tax_id_taken")

	// An email may be on two records; it finds the first.
	twin := s.client("Bar Manolo II", "B87654321", "manolo@example.com")
	for name, c := range map[string]struct {
		taxID, email string
		want         id.Contact
	}{
		"by tax id": {"b12345674", "", who}, "by email": {"", " MANOLO@example.com", who}, "tax id first": {"B87654321", "manolo@example.com", twin},
		"unknown tax id, known email": {"B00000000", "manolo@example.com", who}, "unknown": {"B00000000", "x@example.com", ""},
	} {
		got, found, err := s.FindContact(t.Context(), s.acc, c.taxID, c.email)
		s.ok(err)
		if got != c.want || found != (c.want != "") {
			t.Errorf("%s: found %q, want %q", name, got, c.want)
		}
	}
	if got, _, err := s.FindContact(t.Context(), "01J0000000000000000000000X", "B12345674", ""); err != nil || got != "" {
		t.Errorf("another account finds %q, %v", got, err)
	}
}

func TestRegisterContactAtTheSameMoment(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]contact.Details{
		"with a tax id": {Name: "Bar Manolo", TaxID: "B12345674", Email: "manolo@example.com"}, "by email": {Name: "Bar Manolo", Email: "manolo@example.com"},
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); registerAtTheSameMoment(t, d) })
	}
}

func registerAtTheSameMoment(t *testing.T, details contact.Details) {
	t.Helper()
	s := newScene(t)
	const racers = 8
	got := make([]id.Contact, racers)
	var wg sync.WaitGroup
	for i := range racers {
		req := s.system()
		wg.Go(func() {
			who, _, _, err := s.FindOrRegisterContact(t.Context(), req, commands.RegisterContact{
				Details: details, Client: true,
			})
			if err != nil {
				t.Error(err)
			}
			got[i] = who
		})
	}
	wg.Wait()
	for _, who := range got {
		if who != got[0] || who == "" {
			t.Fatalf("registered %v", got)
		}
	}
	if n := s.events("contact.registered"); n != 1 {
		t.Errorf("%d contacts", n)
	}
}

func TestRegistrationThatBrokeOffIsTakenUp(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	// The claim was made, then the process died: the contact was never registered.
	hash, err := s.Vault.Blind(t.Context(), s.acc, "contact taxid", "B12345674")
	s.ok(err)
	ghost := id.Contact("01J0000000000000000000000G")
	_, err = commands.Execute(t.Context(), s.Executor, contact.ClaimDecider(), hash, s.system(), func(c contact.Claim) ([]event.Event, error) {
		return contact.ClaimIdentity(c, contact.KindTaxID, ghost)
	})
	s.ok(err)
	if _, found, err := s.FindContact(t.Context(), s.acc, "B12345674", ""); err != nil || found {
		t.Errorf("found %v, %v", found, err)
	}
	if who := s.client("Bar Manolo", "B12345674", ""); who != ghost {
		t.Errorf("registered %s, want the one that the tax id waits for", who)
	}
}

func TestChangeContactMovesItsIdentifiers(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	who, other := s.client("Bar Manolo", "B12345674", "manolo@example.com"), s.client("Otro", "B87654321", "")
	change := func(d contact.Details) error {
		_, err := s.ChangeContact(t.Context(), s.system(), commands.ChangeContact{Contact: who, Details: d})
		return err
	}
	s.refused(change(contact.Details{Name: "Bar Manolo", TaxID: "B87654321"}), "contact.tax_id_taken")
	s.ok(change(contact.Details{Name: "Bar Manolo", TaxID: "B55555555", Email: "nuevo@example.com"}))
	for taxID, want := range map[string]id.Contact{"B12345674": "", "B55555555": who, "B87654321": other} {
		if got, _, err := s.FindContact(t.Context(), s.acc, taxID, ""); err != nil || got != want {
			t.Errorf("%s finds %q, %v; want %q", taxID, got, err, want)
		}
	}
	if got := s.client("Heredero", "B12345674", "manolo@example.com"); got == who {
		t.Error("the freed tax id leads to its old contact")
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	who := s.client("Bar Manolo", "B12345674", "manolo@example.com")
	login := s.login(who, "", access.Full, goodPassword)
	in, err := s.SignIn(t.Context(), s.system(), commands.SignIn{Email: "Manolo@Example.com", Password: goodPassword})
	s.ok(err)
	if in.Login != login || in.Contact != who || in.Role != access.Full {
		t.Errorf("signed in as %+v", in)
	}
	for _, c := range []commands.SignIn{
		{Email: "manolo@example.com", Password: otherPassword}, {Email: "nobody@example.com", Password: goodPassword}, {Email: "", Password: ""},
	} {
		_, err := s.SignIn(t.Context(), s.system(), c)
		s.refused(err, "signin.failed")
	}
	_, err = s.StaffSignIn(t.Context(), s.system(), commands.StaffSignIn{Email: "manolo@example.com", Password: goodPassword})
	s.refused(err, "signin.failed")

	_, _, err = s.CreateLogin(t.Context(), s.system(), commands.CreateLogin{Contact: s.client("Otro", "", ""), Email: "manolo@example.com", Role: access.Read})
	s.refused(err, "email.taken")
}

func TestPasswordsArePersonal(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	one, two := s.client("Bar Manolo", "B12345674", ""), s.client("Otro", "B87654321", "")
	s.login(one, "a@example.com", access.Full, goodPassword)
	s.login(one, "colleague@example.com", access.Full, goodPassword) // the same contact may
	login := s.login(two, "b@example.com", access.Full, "")
	for password, key := range map[string]string{goodPassword: "password.taken", "corta": "password.too_short", "barmanolo-otro-otro": "", "Otro2026Otro2026": "password.self_derived"} {
		if key == "" {
			continue
		}
		_, err := s.SetLoginPassword(t.Context(), s.system(), commands.SetLoginPassword{Login: login, Password: password})
		s.refused(err, key)
		if f, ok := fault.As(err); ok && (f.Field != "password" || strings.Contains(f.Error(), "a@example.com") || strings.Contains(f.Error(), string(one))) {
			t.Errorf("refusal says %v", f)
		}
	}
	if _, err := s.SignIn(t.Context(), s.system(), commands.SignIn{Email: "b@example.com", Password: goodPassword}); err == nil {
		t.Error("a refused password lets in")
	}
	if n := s.events("login.password_set"); n != 2 {
		t.Errorf("%d passwords were recorded, want 2", n)
	}
}

// session starts one for a login and returns its secret.
func (s *scene) session(login id.ID, who id.Contact) string {
	s.t.Helper()
	secret, err := s.Vault.StartSession(s.t.Context(), commands.Session{
		Account: s.acc, Contact: who, Actor: event.Actor{Kind: event.ActorLogin, ID: string(login)}, Created: s.now, Seen: s.now, Expires: s.now.Add(24 * time.Hour),
	})
	s.ok(err)
	return secret
}

func (s *scene) alive(secret string) bool {
	s.t.Helper()
	_, ok, err := s.Vault.FindSession(s.t.Context(), secret, s.now)
	s.ok(err)
	return ok
}

func TestSessionsEndWithThePassword(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	who := s.client("Bar Manolo", "B12345674", "")
	login := s.login(who, "a@example.com", access.Full, goodPassword)
	here, there := s.session(login, who), s.session(login, who)

	_, err := s.ChangePassword(t.Context(), s.as(login, who), commands.ChangePassword{Login: login, Current: "wrong", New: otherPassword, Kept: here})
	s.refused(err, "password.wrong")
	_, err = s.ChangePassword(t.Context(), s.as(login, who), commands.ChangePassword{Login: login, Current: goodPassword, New: otherPassword, Kept: here})
	s.ok(err)
	if !s.alive(here) || s.alive(there) {
		t.Errorf("here %v, there %v; want the other session only to end", s.alive(here), s.alive(there))
	}
	if _, err := s.SignIn(t.Context(), s.system(), commands.SignIn{Email: "a@example.com", Password: goodPassword}); err == nil {
		t.Error("the old password lets in")
	}
	_, err = s.RemoveLoginPassword(t.Context(), s.system(), commands.RemoveLoginPassword{Login: login})
	s.ok(err)
	if s.alive(here) {
		t.Error("a session outlived its password")
	}
	_, err = s.SignIn(t.Context(), s.system(), commands.SignIn{Email: "a@example.com", Password: otherPassword})
	s.refused(err, "signin.failed")

	// Another's login does not exist.
	stranger := s.client("Otro", "", "")
	_, err = s.ChangePassword(t.Context(), s.as(login, stranger), commands.ChangePassword{Login: login, Current: otherPassword, New: goodPassword})
	s.refused(err, "access.ended")

	_, err = s.RemoveLogin(t.Context(), s.system(), commands.RemoveLogin{Login: login})
	s.ok(err)
	_, err = s.ChangePassword(t.Context(), s.as(login, who), commands.ChangePassword{Login: login, Current: otherPassword, New: goodPassword})
	s.refused(err, "access.ended")
	s.login(who, "a@example.com", access.Read, goodPassword) // the email is free again
}

func TestSetPasswordOnceMoreAfterABreak(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	who := s.client("Bar Manolo", "B12345674", "")
	login := s.login(who, "a@example.com", access.Full, "")
	// The vault has the password, then the process died: nobody is let in by what the log does not say.
	s.ok(s.Vault.SetPassword(t.Context(), s.acc, string(who), login, goodPassword))
	_, err := s.SignIn(t.Context(), s.system(), commands.SignIn{Email: "a@example.com", Password: goodPassword})
	s.refused(err, "signin.failed")
	req := s.system()
	for range 2 {
		_, err = s.SetLoginPassword(t.Context(), req, commands.SetLoginPassword{Login: login, Password: goodPassword})
		s.ok(err)
	}
	_, err = s.SignIn(t.Context(), s.system(), commands.SignIn{Email: "a@example.com", Password: goodPassword})
	s.ok(err)
	if n := s.events("login.password_set"); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	who := s.client("Bar Manolo", "B12345674", "manolo@example.com")
	doc, other := s.invoice(who, "F-1", 12100), s.invoice(who, "F-2", 100)
	share := func() commands.SharedLink {
		l, _, err := s.ShareLink(t.Context(), s.system(), commands.ShareLink{Document: doc, Kind: document.Invoice})
		s.ok(err)
		return l
	}
	decision := func(l commands.SharedLink) access.Decision {
		o, err := s.OpenLink(t.Context(), s.system(), commands.OpenLink{Token: l.Token})
		s.ok(err)
		if o.Document != doc || o.Contact != who {
			t.Errorf("opens %+v", o)
		}
		return o.Decision
	}
	comment := func(l commands.SharedLink, doc id.ID) error {
		_, _, err := s.PostComment(t.Context(), s.by(l.ID, who), commands.PostComment{Document: doc, Kind: document.Invoice, Text: "Hola"})
		return err
	}
	shared := s.now
	early := share()
	s.ok(comment(early, doc))
	s.refused(comment(early, other), "not_found")
	s.now = shared.Add(48*time.Hour - time.Second)
	if d := decision(early); d != access.Open {
		t.Errorf("a second before: %s", d)
	}
	s.ok(comment(early, doc))
	s.now = shared.Add(48 * time.Hour)
	if d := decision(early); d != access.Expired {
		t.Errorf("at 48 hours: %s", d)
	}
	s.refused(comment(early, doc), "link.expired")

	late := share()
	login := s.login(who, "", access.Full, goodPassword)
	for name, l := range map[string]commands.SharedLink{"expired before": early, "open then": late} {
		if d := decision(l); d != access.SignIn {
			t.Errorf("%s, with credentials: %s", name, d)
		}
	}
	s.refused(comment(late, doc), "link.sign_in")
	_, err := s.RemoveLoginPassword(t.Context(), s.system(), commands.RemoveLoginPassword{Login: login})
	s.ok(err)
	if d := decision(late); d != access.SignIn {
		t.Errorf("closed for good, it is %s", d)
	}
	if d := decision(early); d != access.Expired {
		t.Errorf("expired before, it is %s", d)
	}
	fresh := share()
	if d := decision(fresh); d != access.Open {
		t.Errorf("a fresh one is %s", d)
	}
	s.ok(comment(fresh, doc))
	_, err = s.SetLoginPassword(t.Context(), s.system(), commands.SetLoginPassword{Login: login, Password: otherPassword})
	s.ok(err)
	for name, l := range map[string]commands.SharedLink{"expired before": early, "closed by the first": late, "open until then": fresh} {
		if d := decision(l); d != access.SignIn {
			t.Errorf("%s, with a password set again: %s", name, d)
		}
	}
	s.refused(comment(fresh, doc), "link.sign_in")
	_, err = s.RevokeLink(t.Context(), s.system(), commands.RevokeLink{Link: fresh.ID})
	s.ok(err)
	if d := decision(fresh); d != access.Revoked {
		t.Errorf("revoked, it is %s", d)
	}
	s.refused(comment(fresh, doc), "link.revoked")

	_, err = s.OpenLink(t.Context(), s.system(), commands.OpenLink{Token: "nonsense"})
	s.refused(err, "not_found")
	_, _, err = s.ShareLink(t.Context(), s.as(login, who), commands.ShareLink{Document: doc, Kind: document.Invoice})
	s.refused(err, "not_found")
	_, _, err = s.ShareLink(t.Context(), s.system(), commands.ShareLink{Document: doc, Kind: document.Quote})
	s.refused(err, "not_found")
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	who := s.client("Bar Manolo", "B12345674", "manolo@example.com")
	p := newPost(s)
	ask := func(email string) commands.Recovery {
		r, err := s.RequestRecovery(t.Context(), s.system(), commands.RequestRecovery{Email: email})
		s.ok(err)
		return r
	}
	use := func(token, password string) (commands.Recovered, error) {
		r, _, err := s.RecoverPassword(t.Context(), s.system(), commands.RecoverPassword{Token: token, Password: password})
		return r, err
	}
	if r := ask("nobody@example.com"); r.Send {
		t.Errorf("an unknown email gets %+v", r)
	}

	// The main email of the record gets the first login.
	r := ask("MANOLO@example.com")
	if !r.Send || r.Contact != who || !r.Until.Equal(s.now.Add(30*time.Minute)) {
		t.Fatalf("recovery is %+v", r)
	}
	token := p.secret()
	if to := p.taken[0].To.Address; to != "manolo@example.com" {
		t.Errorf("the mail went to %s", to)
	}
	if again := ask("manolo@example.com"); again.Send {
		t.Error("a second link within a minute")
	}
	s.now = s.now.Add(30*time.Minute - time.Second)
	_, err := use(token, "corta")
	s.refused(err, "password.too_short")
	done, err := use(token, goodPassword)
	s.ok(err)
	if done.Contact != who || done.Role != access.Full {
		t.Errorf("recovered %+v", done)
	}
	_, err = use(token, otherPassword)
	s.refused(err, "recovery.expired")
	_, err = s.SignIn(t.Context(), s.system(), commands.SignIn{Email: "manolo@example.com", Password: goodPassword})
	s.ok(err)

	// At its end it is gone; and a change of the password voids it.
	ask("manolo@example.com")
	token = p.secret()
	s.now = s.now.Add(30 * time.Minute)
	_, err = use(token, otherPassword)
	s.refused(err, "recovery.expired")
	ask("manolo@example.com")
	token = p.secret()
	_, err = s.ChangePassword(t.Context(), s.as(done.Login, who), commands.ChangePassword{Login: done.Login, Current: goodPassword, New: otherPassword})
	s.ok(err)
	_, err = use(token, goodPassword)
	s.refused(err, "recovery.expired")

	// Somebody else's password is refused, and the person can try again.
	stranger := s.client("Otro", "B87654321", "otro@example.com")
	ask("otro@example.com")
	token = p.secret()
	refused, err := use(token, otherPassword)
	s.refused(err, "password.taken")
	if _, err := use(refused.Token, goodPassword); err != nil {
		t.Errorf("trying again: %v", err)
	}

	// What staff removed does not come back by itself.
	for _, l := range fold(s, access.RosterDecider(), string(stranger)).Logins {
		_, err := s.RemoveLogin(t.Context(), s.system(), commands.RemoveLogin{Login: l})
		s.ok(err)
	}
	s.now = s.now.Add(time.Hour)
	if r := ask("otro@example.com"); r.Send {
		t.Error("a removed login came back by recovery")
	}
}

func TestRolesAreEnforced(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.ok(second(s.EnableGateway(t.Context(), s.system(), commands.EnableGateway{Gateway: "sandbox"})))
	who, stranger := s.client("Bar Manolo", "B12345674", ""), s.client("Otro", "B87654321", "")
	doc := s.invoice(who, "F-1", 12100)
	pay := func(req commands.Request) error {
		_, _, err := s.StartPayment(t.Context(), req, commands.StartPayment{Documents: []commands.PayDocument{{Kind: document.Invoice, ID: doc}}, Method: "sandbox"})
		return err
	}
	for _, role := range []access.Role{access.Approve, access.Order, access.Read} {
		s.refused(pay(s.as(s.login(who, string(role)+"@example.com", role, ""), who)), "access.role")
	}
	attacker := s.login(stranger, "attacker@example.com", access.Full, "")
	s.refused(pay(s.as(attacker, stranger)), "not_found")
	s.refused(pay(s.as(attacker, who)), "access.ended")
	staff := s.system()
	staff.Contact = who
	eva, _, err := s.AddStaff(t.Context(), s.system(), commands.AddStaff{Email: "eva@example.com", Name: "Eva", Role: account.StaffReader, Password: goodPassword})
	s.ok(err)
	staff.Actor = event.Actor{Kind: event.ActorStaff, ID: string(eva)}
	s.refused(pay(staff), "access.contact_only")
	s.ok(pay(s.as(s.login(who, "pay@example.com", access.Pay, ""), who)))

	_, err = s.ChangeContact(t.Context(), staff, commands.ChangeContact{Contact: who, Details: contact.Details{Name: "X"}})
	s.refused(err, "access.role")
	_, err = s.ChangeContact(t.Context(), s.as(attacker, stranger), commands.ChangeContact{Contact: stranger, Details: contact.Details{Name: "X"}})
	s.refused(err, "not_found")
	signed, err := s.StaffSignIn(t.Context(), s.system(), commands.StaffSignIn{Email: "EVA@example.com", Password: goodPassword})
	s.ok(err)
	if signed.Staff != eva || signed.Name != "Eva" {
		t.Errorf("signed in as %+v", signed)
	}
	s.ok(second(s.RemoveStaff(t.Context(), s.system(), commands.RemoveStaff{Staff: eva})))
	_, err = s.StaffSignIn(t.Context(), s.system(), commands.StaffSignIn{Email: "eva@example.com", Password: goodPassword})
	s.refused(err, "signin.failed")
	_, err = s.ChangeContact(t.Context(), staff, commands.ChangeContact{Contact: who, Details: contact.Details{Name: "X"}})
	s.refused(err, "access.ended")
}

// second drops a receipt.
func second(_ commands.Receipt, err error) error { return err }

func TestErasure(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	who := s.client("Bar Manolo", "B12345674", "manolo@example.com")
	login := s.login(who, "", access.Full, goodPassword)
	session := s.session(login, who)
	s.invoice(who, "F-1", 12100)
	req := s.system()
	for range 2 {
		_, err := s.EraseContact(t.Context(), req, commands.EraseContact{Contact: who})
		s.ok(err)
	}
	if s.alive(session) {
		t.Error("a session outlived its contact")
	}
	if state := fold(s, contact.Decider(), string(who)); state.Details != (contact.Details{}) || state.Active() {
		t.Errorf("still reads %+v", state)
	}
	_, err := s.SignIn(t.Context(), s.system(), commands.SignIn{Email: "manolo@example.com", Password: goodPassword})
	s.refused(err, "signin.failed")
	if heir := s.client("Otro", "B12345674", "manolo@example.com"); heir == who {
		t.Error("an erased contact came back")
	}
}

// given a contact whose main login follows its record
// when the record's email changes
// then whoever waits for the position that the answer says is shown the login's too.
func TestALoginThatFollowsIsShownWithTheRecord(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	who := s.client("Bar Manolo", "B44444444", "before@example.com")
	_, _, err := s.CreateLogin(t.Context(), s.system(), commands.CreateLogin{Contact: who, Email: "before@example.com", Name: "Ana", Role: access.Full, Main: true})
	s.ok(err)
	rcpt, err := s.ChangeContact(t.Context(), s.system(), commands.ChangeContact{Contact: who, Details: contact.Details{Name: "Bar Manolo", TaxID: "B44444444", Email: "after@example.com"}})
	s.ok(err)
	stored, err := s.Store.ReadFeed(t.Context(), 0, 10_000, nil)
	s.ok(err)
	changed := event.Position(0)
	for i := range stored {
		if stored[i].Type == "login.changed" {
			changed = stored[i].Position
		}
	}
	if changed == 0 || rcpt.Position < changed {
		t.Errorf("the answer says %d, the login changed at %d", rcpt.Position, changed)
	}
}
