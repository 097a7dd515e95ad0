package web_test

import (
	"encoding/base32"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"lonja/adapters/passkeys"
	"lonja/adapters/passkeys/passkeystest"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/factor"
	"lonja/domain/id"
)

const (
	marta = "marta@ibanez.example"
	boss  = "jefa@cantabricas.example"

	bossPassphrase = "Cinco-Faros-Alumbran-La-Bahia"
)

// app is somebody's authenticator app.
type app struct {
	w      *world
	secret []byte
	codes  []string // for recovery
}

func (a *app) code() string { return factor.Code(a.secret, factor.Step(a.w.now())) }

// cookie is the value of one that the browser holds.
func (b *browser) cookie(name string) string {
	b.t.Helper()
	at, err := url.Parse(b.w.server.URL)
	b.w.ok(err)
	for _, c := range b.http.Jar.Cookies(at) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// setCookie puts a cookie into the browser, as who has stolen it does.
func (b *browser) setCookie(name, value string) {
	b.t.Helper()
	at, err := url.Parse(b.w.server.URL)
	b.w.ok(err)
	b.http.Jar.SetCookies(at, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// addApp sets an app up, on the page at base, and returns it.
func (b *browser) addApp(base, password string) *app {
	b.t.Helper()
	page := b.get(base)
	fields := []string{}
	if page.has("app-current") {
		fields = append(fields, "current", password)
	}
	set := b.submit(page, "add-app", fields...).want(b.t, http.StatusOK, base+"/app")
	a := &app{w: b.w}
	var err error
	a.secret, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(set.textOf(b.t, "app-secret"), " ", ""))
	b.w.ok(err)
	b.submit(set, "confirm-app", "code", "000000").want(b.t, http.StatusUnprocessableEntity, base+"/app/confirm", "not right")
	done := b.submit(set, "confirm-app", "code", a.code()).want(b.t, http.StatusOK, base+"/app/confirm", "Keep these codes")
	a.codes = regexp.MustCompile(`[0-9a-z]{4}(?:-[0-9a-z]{4}){3}`).FindAllString(done.textOf(b.t, "recovery-codes"), -1)
	if len(a.codes) != factor.Codes {
		b.t.Fatalf("recovery codes %q", a.codes)
	}
	b.w.later(time.Minute)
	return a
}

func TestSignInWithAnApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", marta, passphrase, access.Full)
	invoice := w.issue(who, document.Invoice, "F-1", "")
	w.settle()
	here, there := w.browser(), w.browser()
	here.signIn(marta, passphrase)
	there.signIn(marta, passphrase)
	first := here.cookie("lonja")
	a := here.addApp("/security", passphrase)
	if now := here.cookie("lonja"); now == first || now == "" {
		t.Error("the session goes on under the secret of before")
	}
	there.get("/").want(t, http.StatusOK, "/sign-in")
	here.get("/security").want(t, http.StatusOK, "", "You have 10 codes left", "Remove the app")

	b := w.browser()
	at := "/invoices/" + string(invoice)
	ask := b.submit(b.get(at), "sign-in", "email", marta, "password", passphrase).want(t, http.StatusOK, "/sign-in/code?next="+url.QueryEscape(at), "One more step")
	b.get("/").want(t, http.StatusOK, "/sign-in") // the password alone opens nothing
	step, code := b.cookie("lonja-code"), a.code()
	b.submit(ask, "enter-code", "code", "000000").want(t, http.StatusUnauthorized, "/sign-in/code", "not right")
	b.submit(ask, "enter-code", "code", code).want(t, http.StatusOK, at, "F-1")
	// The same code, and the same step, are used up.
	other := w.browser()
	again := other.submit(other.get("/sign-in"), "sign-in", "email", marta, "password", passphrase)
	other.submit(again, "enter-code", "code", code).want(t, http.StatusUnauthorized, "/sign-in/code", "already used")
	w.later(time.Minute)
	thief := w.browser()
	thief.setCookie("lonja-code", step)
	thief.submit(ask, "enter-code", "code", a.code()).want(t, http.StatusOK, "/sign-in", "took too long")
	thief.get("/").want(t, http.StatusOK, "/sign-in")
	// A recovery code, and where it leads.
	other.submit(again, "enter-code", "code", a.codes[0]).want(t, http.StatusOK, "/", "now used up")
	other.get("/security").want(t, http.StatusOK, "", "You have 9 codes left")
	w.logged(append(a.codes, factor.SecretText(a.secret), code)...)

	b.submit(b.get("/security"), "remove-app").want(t, http.StatusOK, "/security", "Removed", "Add an app").wantNot(t, "Recovery codes")
	other.get("/").want(t, http.StatusOK, "/sign-in")
	w.browser().signIn(marta, passphrase).want(t, http.StatusOK, "/")
}

// Who signed in a while ago is asked for the password before anything of it changes.
func TestChangesOfWhatSignsInAskOnceMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client("Bodegas Ibáñez, S.L.", marta, passphrase, access.Full)
	w.settle()
	b := w.browser()
	b.signIn(marta, passphrase)
	w.later(commands.FreshSignIn)
	page := b.get("/security")
	b.submit(page, "add-app").want(t, http.StatusUnprocessableEntity, "/security/app", "Type your password")
	for range 9 {
		b.submit(page, "add-app", "current", "wrong").want(t, http.StatusUnprocessableEntity, "/security/app", "not your current password")
	}
	b.submit(page, "add-app", "current", passphrase).want(t, http.StatusOK, "/security/app", "six digits")
	b.submit(page, "add-app", "current", "wrong").want(t, http.StatusUnprocessableEntity, "")
	b.submit(page, "add-app", "current", passphrase).want(t, http.StatusTooManyRequests, "")
}

// Only who has the password can use the guesses at codes up; and those are bounded.
func TestGuessingAtCodesIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client("Bodegas Ibáñez, S.L.", marta, passphrase, access.Full)
	w.settle()
	b := w.browser()
	b.signIn(marta, passphrase)
	a := b.addApp("/security", passphrase)
	stranger := w.browser()
	w.browser().get("/sign-in/code").want(t, http.StatusOK, "/sign-in", "took too long")
	for range 30 {
		stranger.post("/sign-in/code", url.Values{"command": {string(id.DeriveID("x"))}, "code": {"000000"}}).want(t, http.StatusOK, "/sign-in")
	}
	thief := w.browser()
	ask := thief.signIn(marta, passphrase)
	refused := 0
	for range 12 {
		if thief.submit(ask, "enter-code", "code", "000000").status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 2 {
		t.Errorf("%d of 12 were refused, want the 2 beyond 10", refused)
	}
	w.later(10 * time.Minute)
	owner := w.browser()
	owner.submit(owner.signIn(marta, passphrase), "enter-code", "code", a.code()).want(t, http.StatusOK, "/")
}

// Where links lead is configured, and never what a request says.
func TestRecoveryLinksLeadToTheConfiguredAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client("Bodegas Ibáñez, S.L.", marta, passphrase, access.Full)
	w.settle()
	action, fields := w.browser().get("/recover").form(t, "recover")
	fields.Set("email", marta)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+action, strings.NewReader(fields.Encode()))
	w.ok(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Host = "evil.example"
	for _, name := range []string{"X-Forwarded-Host", "X-Original-Host", "Forwarded", "X-Forwarded-Server"} {
		r.Header.Set(name, "host=evil.example")
	}
	w.browser().do(r)
	for _, m := range w.mailed() {
		if strings.Contains(m.Text, "evil.example") || !strings.Contains(m.Text, "http://portal.test/recover/") {
			t.Errorf("sent: %s", m.Text)
		}
	}
	if n := len(w.mailed()); n != 1 {
		t.Errorf("%d mails", n)
	}
}

// A recovery link sets the password, and does not get round the code.
func TestRecoveryAsksForTheCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client("Bodegas Ibáñez, S.L.", marta, passphrase, access.Full)
	w.settle()
	b := w.browser()
	b.signIn(marta, passphrase)
	a := b.addApp("/security", passphrase)
	thief := w.browser()
	thief.submit(thief.get("/recover"), "recover", "email", marta)
	path := linkIn(w.mailed()[0])
	ask := thief.submit(thief.get(path), "new-password", "password", otherPassphrase).want(t, http.StatusOK, "/sign-in/code", "One more step")
	thief.get("/").want(t, http.StatusOK, "/sign-in")
	thief.submit(ask, "enter-code", "code", a.code()).want(t, http.StatusOK, "/")
}

// device is a browser's authenticator, at the portal's address.
func (w *world) device() *passkeystest.Authenticator {
	w.t.Helper()
	site, _, err := passkeys.New("http://portal.test")
	w.ok(err)
	w.commands.Authenticators = site
	return &passkeystest.Authenticator{Origin: "http://portal.test", RPID: "portal.test"}
}

// asked sends a form as passkeys.js does, and returns what to ask the authenticator.
func (b *browser) asked(p page, formID string, fields ...string) (status int, options []byte, said string) {
	b.t.Helper()
	form := find(p.doc, func(n *node) bool { return attr(n, "id") == formID })
	if form == nil {
		b.t.Fatalf("%s has no form %s", p.path, formID)
	}
	_, values := p.form(b.t, formID)
	for i := 0; i+1 < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	got := b.post(attr(form, "data-begin"), values)
	var q struct {
		Options json.RawMessage
		Text    string
	}
	if err := json.Unmarshal([]byte(got.body), &q); err != nil {
		b.t.Fatalf("%v: %s", err, got.body)
	}
	return got.status, q.Options, q.Text
}

func TestSignInByPasskey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client("Bodegas Ibáñez, S.L.", marta, passphrase, access.Full)
	d := w.device()
	w.settle()
	b := w.browser()
	b.signIn(marta, passphrase)
	w.later(commands.FreshSignIn)
	page := b.get("/security").want(t, http.StatusOK, "", "Passkeys need JavaScript")
	if status, options, said := b.asked(page, "add-passkey", "name", "Móvil"); status != http.StatusUnprocessableEntity || options != nil || !strings.Contains(said, "Type your password") {
		t.Errorf("without the password: %d %s %q", status, options, said)
	}
	_, options, _ := b.asked(page, "add-passkey", "name", "Móvil", "current", passphrase)
	answer := string(d.Create(t, options))
	b.submit(page, "add-passkey", "name", " ", "answer", answer).want(t, http.StatusUnprocessableEntity, "/security/passkeys")
	b.submit(page, "add-passkey", "name", "Móvil", "answer", answer).want(t, http.StatusOK, "/security/passkeys", "Keep these codes")
	b.get("/security").want(t, http.StatusOK, "", "Móvil", "not used yet")

	// Instead of the password.
	other := w.browser()
	signIn := other.get("/invoices")
	_, options, _ = other.asked(signIn, "sign-in-passkey")
	other.submit(signIn, "sign-in-passkey", "answer", string(d.Get(t, options))).want(t, http.StatusOK, "/invoices")
	other.get("/security").want(t, http.StatusOK, "", "last used")
	// Besides it.
	third := w.browser()
	ask := third.signIn(marta, passphrase).want(t, http.StatusOK, "/sign-in/code", "Use your passkey", "Recovery code")
	_, options, _ = third.asked(ask, "sign-in-passkey")
	if !strings.Contains(string(options), "allowCredentials") {
		t.Errorf("any passkey would do: %s", options)
	}
	third.submit(ask, "sign-in-passkey", "answer", string(d.Get(t, options))).want(t, http.StatusOK, "/")
	// An answer is good once, and of this site's page.
	thief := w.browser()
	form := thief.get("/sign-in")
	_, options, _ = thief.asked(form, "sign-in-passkey")
	evil := *d
	evil.Origin = "https://evil.example"
	thief.submit(form, "sign-in-passkey", "answer", string(evil.Get(t, options))).want(t, http.StatusUnauthorized, "/sign-in/passkey", "did not work")
	thief.submit(form, "sign-in-passkey", "answer", string(d.Get(t, options))).want(t, http.StatusOK, "/sign-in", "took too long")
	thief.submit(form, "sign-in-passkey", "answer", "{}").want(t, http.StatusOK, "/sign-in")
	// A page of another site can't ask.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+"/security/passkeys/begin", strings.NewReader("command=x"))
	w.ok(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	b.do(r).want(t, http.StatusForbidden, "", "another site")

	remove := find(b.get("/security").doc, func(n *node) bool { return strings.HasSuffix(attr(n, "action"), "/remove") })
	b.submit(b.get("/security"), attr(remove, "action")).want(t, http.StatusOK, "/security", "Removed")
	third.get("/").want(t, http.StatusOK, "/sign-in")
}

func TestSessionsAreEndedOneByOneAndAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client("Bodegas Ibáñez, S.L.", marta, passphrase, access.Full)
	w.client("Redes del Norte", "ana@redes.example", otherPassphrase, access.Full)
	w.settle()
	here, there, other := w.browser(), w.browser(), w.browser()
	there.signIn(marta, passphrase)
	here.signIn(marta, passphrase)
	other.signIn("ana@redes.example", otherPassphrase)
	page := here.get("/security")
	end := find(page.doc, func(n *node) bool {
		return regexp.MustCompile(`/sessions/[0-9a-f]+/end$`).MatchString(attr(n, "action"))
	})
	if end == nil {
		t.Fatal("no session can be ended")
	}
	action, fields := page.form(t, attr(end, "action"))
	other.post(action, fields).want(t, http.StatusNotFound, "")
	there.get("/").want(t, http.StatusOK, "/")
	here.post(action, fields).want(t, http.StatusOK, "/security", "The session has ended")
	there.get("/").want(t, http.StatusOK, "/sign-in")
	here.get("/").want(t, http.StatusOK, "/")
	there.signIn(marta, passphrase).want(t, http.StatusOK, "/")
	here.submit(here.get("/security"), "end-all").want(t, http.StatusOK, "/sign-in", "You are signed out")
	there.get("/").want(t, http.StatusOK, "/sign-in")
	here.get("/").want(t, http.StatusOK, "/sign-in")
	other.get("/").want(t, http.StatusOK, "/")
}

func TestStaffSignInWithAnAppAndMayBeAskedTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", marta, passphrase, access.Full)
	_, _, err := w.commands.AddStaff(t.Context(), w.request(""), commands.AddStaff{Email: boss, Name: "Pilar Jefa", Role: account.StaffAdmin, Password: bossPassphrase})
	w.ok(err)
	w.settle()
	admin, clerk := w.browser(), w.browser()
	staffIn := func(b *browser, email, password string) page {
		return b.submit(b.get("/staff/sign-in"), "sign-in", "email", email, "password", password)
	}
	staffIn(admin, boss, bossPassphrase)
	clerk.signInStaff()
	admin.submit(admin.get("/staff/security"), "require-factor").want(t, http.StatusConflict, "", "Add your own first")
	a := admin.addApp("/staff/security", bossPassphrase)
	admin.submit(admin.get("/staff/security"), "require-factor").want(t, http.StatusOK, "/staff/security", "All staff sign in with a second factor", "Luis Prado", "Password only")
	clerk.get("/staff/contacts/"+string(who)).want(t, http.StatusOK, "/staff/security", "Your business asks for more")
	clerk.post("/staff/contacts/"+string(who)+"/methods", url.Values{"command": {string(id.DeriveID("x"))}}).want(t, http.StatusOK, "/staff/security")
	clerk.addApp("/staff/security", staffPassphrase)
	clerk.get("/staff/contacts/"+string(who)).want(t, http.StatusOK, "", "Bodegas")

	again := w.browser()
	ask := staffIn(again, boss, bossPassphrase).want(t, http.StatusOK, "/staff/sign-in/code")
	// The step of staff is none of a contact's.
	again.post("/sign-in/code", url.Values{"command": {string(id.DeriveID("x"))}, "code": {a.code()}}).want(t, http.StatusOK, "/sign-in")
	again.submit(ask, "enter-code", "code", a.code()).want(t, http.StatusOK, "/staff")
	// Luis has lost his phone.
	clear := find(again.get("/staff/security").doc, func(n *node) bool { return strings.HasSuffix(attr(n, "action"), "/clear") })
	again.submit(again.get("/staff/security"), attr(clear, "action")).want(t, http.StatusOK, "/staff/security", "Removed")
	clerk.get("/staff/contacts").want(t, http.StatusOK, "/staff/sign-in")
	// Their own password, by the current one.
	pw := again.get("/staff/security")
	again.submit(pw, "change-password", "current", "wrong", "password", otherPassphrase).want(t, http.StatusUnprocessableEntity, "", "not your current password")
	again.submit(pw, "change-password", "current", bossPassphrase, "password", otherPassphrase).want(t, http.StatusOK, "/staff/security", "Your password has changed")
	admin.get("/staff/contacts").want(t, http.StatusOK, "/staff/sign-in")
}

func TestStaffManageAPersonsAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", marta, passphrase, access.Full)
	other := w.client("Redes del Norte", "ana@redes.example", otherPassphrase, access.Full)
	w.settle()
	b, s := w.browser(), w.browser()
	b.signIn(marta, passphrase)
	b.addApp("/security", passphrase)
	s.signInStaff()
	record := s.get("/staff/contacts/" + string(who))
	link := attr(find(record.doc, func(n *node) bool { return n.Data == "a" && strings.Contains(attr(n, "href"), "/logins/") }), "href")
	s.get(link).want(t, http.StatusOK, link, "Marta Soto", "Authenticator app", "Unknown browser")
	s.get(strings.Replace(link, string(who), string(other), 1)).want(t, http.StatusNotFound, "")
	record = s.submit(record, link+"/details", "email", "m.soto@ibanez.example", "role", "read").want(t, http.StatusOK, "/staff/contacts/"+string(who), "Saved", "m.soto@ibanez.example")
	b.get("/").want(t, http.StatusOK, "/sign-in")
	w.browser().signIn(marta, passphrase).want(t, http.StatusUnauthorized, "/sign-in")
	b.signIn("m.soto@ibanez.example", passphrase).want(t, http.StatusOK, "/sign-in/code")
	s.submit(s.get(link), "clear-factors").want(t, http.StatusOK, link, "Removed").wantNot(t, "Authenticator app")
	b.signIn("m.soto@ibanez.example", passphrase).want(t, http.StatusOK, "/")
	s.submit(s.get(link), "end-sessions").want(t, http.StatusOK, link, "not signed in anywhere")
	b.get("/").want(t, http.StatusOK, "/sign-in")
	s.submit(record, link+"/remove").want(t, http.StatusOK, "/staff/contacts/"+string(who), "Removed")
	s.get(link).want(t, http.StatusNotFound, "")
	w.browser().signIn("m.soto@ibanez.example", passphrase).want(t, http.StatusUnauthorized, "/sign-in")
}

// The 48 hours of a link, to the second, and what passwords do to it.
func TestTheHoursOfALinkAreExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", marta, "", access.Full)
	quote := w.issue(who, document.Quote, "P-1", "")
	w.settle()
	s := w.browser()
	s.signInStaff()
	share := func() string {
		t.Helper()
		link, _, err := w.commands.ShareLink(t.Context(), w.request(""), commands.ShareLink{Document: quote, Kind: document.Quote})
		w.ok(err)
		return "/d/" + link.Token
	}
	opens := func(when, path string, want bool) {
		t.Helper()
		got := w.browser().get(path)
		if opened := got.status == http.StatusOK && got.path == "/shared"; opened != want {
			t.Errorf("%s: status %d at %s, want it open: %v", when, got.status, got.path, want)
		}
	}
	asksToSignIn := func(when, path string) {
		t.Helper()
		w.browser().get(path).want(t, http.StatusOK, "/sign-in?next=%2Fquotes%2F"+string(quote))
	}
	early := share()
	holder := w.browser()
	holder.get(early).want(t, http.StatusOK, "/shared")
	opens("at once", early, true)
	w.later(48*time.Hour - time.Second)
	opens("after 47:59:59", early, true)
	holder.get("/shared").want(t, http.StatusOK, "/shared", "P-1")
	w.later(time.Second)
	opens("after 48:00:00", early, false)
	holder.get("/shared").want(t, http.StatusGone, "")

	late := share()
	login := w.login(who, marta, passphrase, access.Full)
	asksToSignIn("with a password, the expired one", early)
	asksToSignIn("with a password, the open one", late)
	_, err := w.commands.RemoveLoginPassword(t.Context(), w.request(""), commands.RemoveLoginPassword{Login: login})
	w.ok(err)
	opens("once it is removed, the expired one", early, false)
	asksToSignIn("once it is removed, the one that it closed", late)
	fresh := share()
	opens("shared after that", fresh, true)
	w.later(47*time.Hour + 59*time.Minute + 59*time.Second)
	opens("47:59:59 later", fresh, true)
	_, err = w.commands.SetLoginPassword(t.Context(), w.request(""), commands.SetLoginPassword{Login: login, Password: otherPassphrase})
	w.ok(err)
	asksToSignIn("set again", fresh)
	w.later(365 * 24 * time.Hour)
	asksToSignIn("a year later, without limit of time", fresh)
}
