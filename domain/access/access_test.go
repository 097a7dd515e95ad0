package access_test

import (
	"testing"
	"time"

	"lonja/domain/access"
	"lonja/domain/decider/decidertest"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

var (
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	login = id.ID("01J0000000000000000000000L")
	other = id.ID("01J0000000000000000000000M")
	link  = id.ID("01J0000000000000000000000K")
	doc   = id.ID("01J0000000000000000000000D")
	who   = id.Contact("01J0000000000000000000000C")
)

func created() access.LoginCreated {
	return access.LoginCreated{Email: event.Seal("ana@example.com"), Name: event.Seal("Ana"), Role: access.Full, Main: true}
}

func shared() access.LinkShared {
	return access.LinkShared{Document: doc, Kind: document.Invoice, At: noon}
}

func TestLinkDecision(t *testing.T) {
	t.Parallel()
	open := access.LinkDecider().Fold(shared())
	closed := access.LinkDecider().Fold(shared(), access.LinkClosed{})
	revoked := access.LinkDecider().Fold(shared(), access.LinkRevoked{})
	for _, c := range []struct {
		name        string
		link        access.Link
		credentials bool
		after       time.Duration
		want        access.Decision
	}{
		{"at once", open, false, 0, access.Open},
		{"a second before 48 hours", open, false, 47*time.Hour + 59*time.Minute + 59*time.Second, access.Open},
		{"a nanosecond before 48 hours", open, false, 48*time.Hour - 1, access.Open},
		{"at 48 hours", open, false, 48 * time.Hour, access.Expired},
		{"a year later", open, false, 365 * 24 * time.Hour, access.Expired},
		{"with credentials", open, true, time.Hour, access.SignIn},
		{"with credentials, a year later", open, true, 365 * 24 * time.Hour, access.SignIn},
		{"closed, and the password removed again", closed, false, time.Hour, access.SignIn},
		{"closed, a year later", closed, false, 365 * 24 * time.Hour, access.SignIn},
		{"revoked", revoked, false, time.Hour, access.Revoked},
		{"revoked, with credentials", revoked, true, time.Hour, access.Revoked},
		{"unknown", access.Link{}, false, 0, access.Revoked},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := access.LinkDecision(c.link, c.credentials, noon.Add(c.after)); got != c.want {
				t.Errorf("decided %s, want %s", got, c.want)
			}
		})
	}
}

func TestRolesAllow(t *testing.T) {
	t.Parallel()
	all := []access.Role{access.Full, access.Approve, access.Pay, access.Order, access.Read}
	for _, have := range all {
		for _, need := range all {
			want := have == access.Full || have == need || need == access.Read
			if got := have.Allows(need); got != want {
				t.Errorf("%s allows %s: %v", have, need, got)
			}
		}
	}
	for _, have := range []access.Role{"", "admin", "FULL"} {
		for _, need := range all {
			if have.Allows(need) {
				t.Errorf("unknown role %q allows %s", have, need)
			}
		}
	}
}

func TestCleanEmail(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"  Ana@Example.COM ": "ana@example.com", "a+b@x.es": "a+b@x.es"} {
		if got, ok := access.CleanEmail(in); !ok || got != want {
			t.Errorf("%q is %q, %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "ana", "ana@", "@x.es", "ana@local", "Ana <ana@x.es>", "a@x.es, b@x.es", "a@x.es\nBcc: b@x.es", "\"a b\"@x.es"} {
		if got, ok := access.CleanEmail(in); ok {
			t.Errorf("%q is taken as %q", in, got)
		}
	}
}

func TestLoginDecisions(t *testing.T) {
	t.Parallel()
	d := access.LoginDecider()
	create := func(email string, role access.Role) func(access.Login) ([]event.Event, error) {
		return func(s access.Login) ([]event.Event, error) { return access.CreateLogin(s, email, " Ana ", role, true) }
	}
	decidertest.Given(t, d).When(create("ANA@example.com", access.Full)).Then(created())
	decidertest.Given(t, d, created()).When(create("ana@example.com", access.Full)).ThenNothing()
	decidertest.Given(t, d, created(), access.LoginRemoved{}).When(create("ana@example.com", access.Full)).ThenRefused(fault.NotFound, "not_found")
	decidertest.Given(t, d).When(create("ana", access.Full)).ThenRefused(fault.Invalid, "email.invalid")
	decidertest.Given(t, d).When(create("ana@example.com", "boss")).ThenRefused(fault.Invalid, "role.unknown")

	set := func(s access.Login) ([]event.Event, error) { return access.SetPassword(s, access.ByStaff) }
	decidertest.Given(t, d, created()).Repeatable("every password is a new one").When(set).Then(access.PasswordSet{By: access.ByStaff})
	decidertest.Given(t, d).When(set).ThenRefused(fault.NotFound, "not_found")
	decidertest.Given(t, d, created(), access.LoginRemoved{}).When(set).ThenRefused(fault.NotFound, "not_found")

	decidertest.Given(t, d, created(), access.PasswordSet{}).When(access.RemovePassword).Then(access.PasswordRemoved{})
	decidertest.Given(t, d, created()).When(access.RemovePassword).ThenNothing()
	decidertest.Given(t, d).When(access.RemovePassword).ThenRefused(fault.NotFound, "not_found")

	role := func(r access.Role) func(access.Login) ([]event.Event, error) {
		return func(s access.Login) ([]event.Event, error) { return access.ChangeRole(s, r) }
	}
	decidertest.Given(t, d, created()).When(role(access.Pay)).Then(access.RoleChanged{Role: access.Pay})
	decidertest.Given(t, d, created()).When(role(access.Full)).ThenNothing()
	decidertest.Given(t, d, created()).When(role("")).ThenRefused(fault.Invalid, "role.unknown")
	decidertest.Given(t, d).When(role(access.Pay)).ThenRefused(fault.NotFound, "not_found")

	decidertest.Given(t, d, created()).When(access.RemoveLogin).Then(access.LoginRemoved{})
	decidertest.Given(t, d).When(access.RemoveLogin).ThenRefused(fault.NotFound, "not_found")
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	d := access.LoginDecider()
	request := func(at time.Time) func(access.Login) ([]event.Event, error) {
		return func(s access.Login) ([]event.Event, error) { return access.RequestRecovery(s, at) }
	}
	asked := access.RecoveryRequested{Until: noon.Add(30 * time.Minute)}
	decidertest.Given(t, d, created()).When(request(noon)).Then(asked)
	decidertest.Given(t, d, created(), asked).When(request(noon.Add(59 * time.Second))).ThenNothing()
	decidertest.Given(t, d, created(), asked).When(request(noon.Add(time.Minute))).Then(access.RecoveryRequested{Until: noon.Add(31 * time.Minute)})
	decidertest.Given(t, d).When(request(noon)).ThenRefused(fault.NotFound, "not_found")
	decidertest.Given(t, d, created(), access.LoginRemoved{}).When(request(noon)).ThenRefused(fault.NotFound, "not_found")

	for name, c := range map[string]struct {
		events []event.Event
		at     time.Duration
		want   bool
	}{
		"at once":                      {[]event.Event{created(), asked}, 0, true},
		"a second before its end":      {[]event.Event{created(), asked}, 30*time.Minute - time.Second, true},
		"at its end":                   {[]event.Event{created(), asked}, 30 * time.Minute, false},
		"after a password was set":     {[]event.Event{created(), asked, access.PasswordSet{}}, 0, false},
		"after a password was removed": {[]event.Event{created(), access.PasswordSet{}, asked, access.PasswordRemoved{}}, 0, false},
		"of a removed login":           {[]event.Event{created(), asked, access.LoginRemoved{}}, 0, false},
		"never asked for":              {[]event.Event{created()}, 0, false},
	} {
		if got := access.CanRecover(d.Fold(c.events...), noon.Add(c.at)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestLinkDecisionsRecorded(t *testing.T) {
	t.Parallel()
	d := access.LinkDecider()
	share := func(to string) func(access.Link) ([]event.Event, error) {
		return func(s access.Link) ([]event.Event, error) {
			return access.ShareLink(s, doc, document.Invoice, to, noon.Add(400))
		}
	}
	sent := shared()
	sent.SentTo = event.Seal("ana@example.com")
	decidertest.Given(t, d).When(share("")).Then(shared())
	decidertest.Given(t, d).When(share("Ana@example.com")).Then(sent)
	decidertest.Given(t, d).When(share("ana")).ThenRefused(fault.Invalid, "email.invalid")
	decidertest.Given(t, d, shared()).When(share("")).ThenNothing()
	decidertest.Given(t, d, shared()).When(access.RevokeLink).Then(access.LinkRevoked{})
	decidertest.Given(t, d).When(access.RevokeLink).ThenRefused(fault.NotFound, "not_found")
	decidertest.Given(t, d, shared()).When(access.CloseLink).Then(access.LinkClosed{})
	decidertest.Given(t, d, shared(), access.LinkRevoked{}).When(access.CloseLink).ThenNothing()
	decidertest.Given(t, d).When(access.CloseLink).ThenNothing()
}

func TestRoster(t *testing.T) {
	t.Parallel()
	d := access.RosterDecider()
	listed := access.LinkListed{Link: link, Until: noon.Add(48 * time.Hour)}
	secure := func(l id.ID, at time.Time) func(access.Roster) ([]event.Event, error) {
		return func(s access.Roster) ([]event.Event, error) { return access.Secure(s, l, at) }
	}
	decidertest.Given(t, d).When(func(s access.Roster) ([]event.Event, error) { return access.ListLink(s, link, noon) }).Then(listed)
	decidertest.Given(t, d).When(func(s access.Roster) ([]event.Event, error) { return access.ListLogin(s, login) }).Then(access.LoginListed{Login: login})
	decidertest.Given(t, d, access.LoginListed{Login: login}).When(func(s access.Roster) ([]event.Event, error) { return access.DelistLogin(s, login) }).Then(access.LoginDelisted{Login: login})
	decidertest.Given(t, d).When(func(s access.Roster) ([]event.Event, error) { return access.DelistLogin(s, login) }).ThenNothing()
	decidertest.Given(t, d).When(secure(login, noon)).Then(access.LoginSecured{Login: login, At: noon})
	decidertest.Given(t, d, access.LoginSecured{Login: login}).When(func(s access.Roster) ([]event.Event, error) { return access.Unsecure(s, login) }).Then(access.LoginUnsecured{Login: login})
	decidertest.Given(t, d).When(func(s access.Roster) ([]event.Event, error) { return access.Unsecure(s, login) }).ThenNothing()

	for name, c := range map[string]struct {
		events      []event.Event
		credentials bool
		closed      int
	}{
		"open when the first password came":    {[]event.Event{listed, access.LoginSecured{Login: login, At: noon.Add(47 * time.Hour)}}, true, 1},
		"expired when it came":                 {[]event.Event{listed, access.LoginSecured{Login: login, At: noon.Add(48 * time.Hour)}}, true, 0},
		"shared to a contact with credentials": {[]event.Event{access.LoginSecured{Login: login, At: noon}, listed, access.LoginSecured{Login: other, At: noon}}, true, 0},
		"one of two passwords removed":         {[]event.Event{access.LoginSecured{Login: login, At: noon}, access.LoginSecured{Login: other, At: noon}, access.LoginUnsecured{Login: login}}, true, 0},
		"all removed":                          {[]event.Event{access.LoginSecured{Login: login, At: noon}, access.LoginUnsecured{Login: login}}, false, 0},
		"its only login removed":               {[]event.Event{access.LoginListed{Login: login}, access.LoginSecured{Login: login, At: noon}, access.LoginDelisted{Login: login}}, false, 0},
	} {
		s := d.Fold(c.events...)
		if s.HasCredentials() != c.credentials || len(s.Closed) != c.closed {
			t.Errorf("%s: credentials %v, closed %v", name, s.HasCredentials(), s.Closed)
		}
	}
}

func TestEmailClaims(t *testing.T) {
	t.Parallel()
	d := access.EmailDecider()
	claim := func(s access.EmailClaim) ([]event.Event, error) { return access.ClaimEmail(s, login, who) }
	mine, theirs := access.EmailClaimed{Owner: login, Contact: who}, access.EmailClaimed{Owner: other, Contact: who}
	decidertest.Given(t, d).When(claim).Then(mine)
	decidertest.Given(t, d, theirs).When(claim).ThenRefused(fault.Conflict, "email.taken")
	decidertest.Given(t, d, theirs, access.EmailReleased{Owner: other}).When(claim).Then(mine)
	release := func(s access.EmailClaim) ([]event.Event, error) { return access.ReleaseEmail(s, login) }
	decidertest.Given(t, d, mine).When(release).Then(access.EmailReleased{Owner: login})
	decidertest.Given(t, d, theirs).When(release).ThenNothing()
	over := func(s access.EmailClaim) ([]event.Event, error) { return access.TakeEmailOver(s, other, login, who) }
	decidertest.Given(t, d, theirs).When(over).Then(access.EmailReleased{Owner: other}, mine)
	third := access.EmailClaimed{Owner: link}
	decidertest.Given(t, d, third).When(over).ThenRefused(fault.Conflict, "email.taken")
}

func TestChangeLogin(t *testing.T) {
	t.Parallel()
	d := access.LoginDecider()
	change := func(email, name string) func(access.Login) ([]event.Event, error) {
		return func(s access.Login) ([]event.Event, error) { return access.ChangeLogin(s, email, name) }
	}
	changed := access.LoginChanged{Email: event.Seal("eva@example.com"), Name: event.Seal("Eva")}
	decidertest.Given(t, d, created()).When(change(" EVA@example.com ", " Eva ")).Then(changed)
	decidertest.Given(t, d, created()).When(change("ana@example.com", "Ana")).ThenNothing()
	decidertest.Given(t, d, created()).When(change("ana", "Ana")).ThenRefused(fault.Invalid, "email.invalid")
	decidertest.Given(t, d).When(change("eva@example.com", "Eva")).ThenRefused(fault.NotFound, "not_found")
	decidertest.Given(t, d, created(), access.LoginRemoved{}).When(change("eva@example.com", "Eva")).ThenRefused(fault.NotFound, "not_found")

	asked := access.RecoveryRequested{Until: noon.Add(access.RecoveryLife)}
	if access.CanRecover(d.Fold(created(), asked, changed), noon) {
		t.Error("a recovery link that went to the old email is good after a change of the email")
	}
	renamed := access.LoginChanged{Email: event.Seal("ana@example.com"), Name: event.Seal("Ana María")}
	if !access.CanRecover(d.Fold(created(), asked, renamed), noon) {
		t.Error("a recovery link is void after a change of the name")
	}
}
