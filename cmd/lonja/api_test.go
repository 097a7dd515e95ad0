package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lonja/adapters/web/edge"
	"lonja/commands"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/id"
)

// problem is a refusal as the API writes it.
type problem struct {
	Type   string
	Title  string
	Status int
	Detail string
	Errors []struct{ Field, Type, Detail string }
}

// call sends a request of somebody with a token to the API; body is JSON as text, "" none.
func (w *sweep) call(token, method, path, body string, header ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, "http://portal.test/api/v1"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept-Language", "en")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "From" {
			r.RemoteAddr = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.served.ServeHTTP(rec, r)
	return rec
}

// refused checks that an answer is a problem of the status for the key.
func (w *sweep) refused(got *httptest.ResponseRecorder, status int, key string) problem {
	w.t.Helper()
	var p problem
	if err := json.Unmarshal(got.Body.Bytes(), &p); err != nil || got.Code != status || p.Status != status || p.Type != "urn:lonja:"+key ||
		got.Header().Get("Content-Type") != "application/problem+json" || p.Detail == "" || p.Title != http.StatusText(status) {
		w.t.Errorf("status %d, %s, %s; want %d as a problem of %s", got.Code, got.Header().Get("Content-Type"), got.Body, status, key)
	}
	return p
}

// fine checks that an answer is a success, and reads it into out, unless that is nil.
func (w *sweep) fine(got *httptest.ResponseRecorder, out any) {
	w.t.Helper()
	if got.Code/100 != 2 {
		w.t.Fatalf("status %d: %s", got.Code, got.Body)
	}
	if out != nil {
		w.must(json.Unmarshal(got.Body.Bytes(), out))
	}
}

// session starts one without a sign-in.
func (w *sweep) session(s commands.Session) string {
	w.t.Helper()
	now := time.Now()
	s.Account, s.Created, s.Seen, s.Expires = w.account, now, now, now.Add(time.Hour)
	token, err := w.app.vault.StartSession(w.t.Context(), s)
	w.must(err)
	return token
}

// TestATokenIsNoGoodAfterItsEnd ends what tokens were given for, in each way that there
// is: the next request is refused, also one with a token that outlived the end, as when a
// sign-in was under way.
func TestATokenIsNoGoodAfterItsEnd(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	type subject struct {
		session commands.Session
		login   id.ID
		key     id.ID
	}
	login := func(w *sweep) subject {
		_, s := w.contact(w.account, "Bodegas Ibáñez", "B26000015", "marta@ibanez.example", ownerPassword)
		return subject{session: s, login: id.ID(s.Actor.ID)}
	}
	staff := func(w *sweep) subject {
		s := w.clerk(w.account)
		// The last administrator could not leave.
		_, _, err := w.app.commands.AddStaff(ctx, w.req(w.account), commands.AddStaff{Email: "stays@cantabricas.example", Name: "Eva", Role: account.StaffAdmin})
		w.must(err)
		return subject{session: s, login: id.ID(s.Actor.ID)}
	}
	for _, tt := range []struct {
		name  string
		who   func(w *sweep) subject
		path  string
		end   func(w *sweep, x *commands.Commands, s subject) error
		again bool // a session that is started after it is good
	}{
		{"the login is removed", login, "/home", func(w *sweep, x *commands.Commands, s subject) error {
			_, err := x.RemoveLogin(ctx, w.req(w.account), commands.RemoveLogin{Login: s.login})
			return err
		}, false},
		{"the login's password is removed", login, "/home", func(w *sweep, x *commands.Commands, s subject) error {
			_, err := x.RemoveLoginPassword(ctx, w.req(w.account), commands.RemoveLoginPassword{Login: s.login})
			return err
		}, false},
		{"the contact is erased", login, "/home", func(w *sweep, x *commands.Commands, s subject) error {
			_, err := x.EraseContact(ctx, w.req(w.account), commands.EraseContact{Contact: s.session.Contact})
			return err
		}, false},
		{"the password is another", login, "/home", func(w *sweep, x *commands.Commands, s subject) error {
			_, err := x.SetLoginPassword(ctx, w.req(w.account), commands.SetLoginPassword{Login: s.login, Password: colleaguePassword})
			return err
		}, true},
		{"the person leaves the staff", staff, "/contacts", func(w *sweep, x *commands.Commands, s subject) error {
			_, err := x.RemoveStaff(ctx, w.req(w.account), commands.RemoveStaff{Staff: s.login})
			return err
		}, false},
		{"the staff password is another", staff, "/contacts", func(w *sweep, x *commands.Commands, s subject) error {
			_, err := x.SetStaffPassword(ctx, w.req(w.account), commands.SetStaffPassword{Staff: s.login, Password: colleaguePassword})
			return err
		}, true},
		{"the key is revoked", func(w *sweep) subject { return subject{} }, "/contacts", func(w *sweep, x *commands.Commands, s subject) error {
			_, err := x.RevokeAPIKey(ctx, w.req(w.account), commands.RevokeAPIKey{Key: s.key})
			return err
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := openSweep(t)
			s := tt.who(w)
			start := func() string {
				if s.session.Actor.Kind != "" {
					return w.session(s.session)
				}
				if s.key == "" {
					key, token, _, err := w.app.commands.CreateAPIKey(ctx, w.req(w.account), commands.CreateAPIKey{Name: "erp"})
					w.must(err)
					s.key = key
					return token
				}
				token, err := w.app.vault.IssueToken(ctx, commands.Token{Account: w.account, Purpose: commands.APIKeyPurpose, Subject: s.key})
				w.must(err)
				return token
			}
			token := start()
			w.settle()
			for range 2 { // the second is answered from what is kept
				w.fine(w.call(token, http.MethodGet, tt.path, ""), nil)
			}
			w.must(tt.end(w, w.app.commands, s))
			w.refused(w.call(token, http.MethodGet, tt.path, ""), http.StatusUnauthorized, "api.token_invalid")
			outlived := start()
			if tt.again {
				w.fine(w.call(outlived, http.MethodGet, tt.path, ""), nil)
				return
			}
			for range 2 {
				got := w.call(outlived, http.MethodGet, tt.path, "")
				w.refused(got, http.StatusUnauthorized, "access.ended")
				if got.Header().Get("WWW-Authenticate") != "Bearer" {
					t.Error("the refusal does not say how to come in")
				}
			}
			// Before anything of the body is looked at, as for who is nobody.
			w.refused(w.call(outlived, http.MethodPost, "/contacts", "{"), http.StatusUnauthorized, "access.ended")
		})
	}
}

func TestARoleCountsFromTheNextActOn(t *testing.T) {
	t.Parallel()
	w := openSweep(t)
	w.makeVictim()
	_, err := w.app.commands.SetLoginPassword(t.Context(), w.req(w.account), commands.SetLoginPassword{Login: w.victim.login, Password: ownerPassword})
	w.must(err)
	token := w.session(commands.Session{Contact: w.victim.contact, Actor: event.Actor{Kind: event.ActorLogin, ID: string(w.victim.login)}})
	quote := "/quotes/" + string(w.victim.docs["quote"])
	w.fine(w.call(token, http.MethodPost, quote+"/changes", `{"text":"cheaper"}`), nil)
	_, err = w.app.commands.ChangeLoginRole(t.Context(), w.req(w.account), commands.ChangeLoginRole{Login: w.victim.login, Role: "read"})
	w.must(err)
	// What the sessions were allowed they are no longer: they end, and a new one is of the new role.
	w.refused(w.call(token, http.MethodPost, quote+"/decline", `{"reason":"x"}`), http.StatusUnauthorized, "api.token_invalid")
	token = w.session(commands.Session{Contact: w.victim.contact, Actor: event.Actor{Kind: event.ActorLogin, ID: string(w.victim.login)}})
	w.refused(w.call(token, http.MethodPost, quote+"/decline", `{"reason":"x"}`), http.StatusForbidden, "access.role")
	w.fine(w.call(token, http.MethodGet, "/documents", ""), nil)
}

func signInBody(email, password string, staff bool) string {
	b, err := json.Marshal(map[string]any{"email": email, "password": password, "staff": staff})
	if err != nil {
		panic(err) // text and a truth
	}
	return string(b)
}

// TestGuessingAtTheAPIIsBounded guesses at one login from one address: the API refuses and
// says when to come again, the pages refuse with it, and nobody elsewhere is locked out.
func TestGuessingAtTheAPIIsBounded(t *testing.T) {
	t.Parallel()
	w := openSweep(t)
	w.contact(w.account, "Bodegas Ibáñez", "B26000015", "marta@ibanez.example", ownerPassword)
	const evil, home = "192.0.2.66:4000", "192.0.2.1:4000"
	guess := signInBody("marta@ibanez.example", "wrong", false)
	w.app.commands.Vault = &countingVault{Vault: w.app.vault, wrong: true}
	for range 10 {
		w.refused(w.call("", http.MethodPost, "/session", guess, "From", evil), http.StatusUnauthorized, "signin.failed")
	}
	got := w.call("", http.MethodPost, "/session", guess, "From", evil)
	w.refused(got, http.StatusTooManyRequests, "signin.too_many")
	if wait, err := strconv.Atoi(got.Header().Get("Retry-After")); err != nil || wait < 1 || wait > 60 {
		t.Errorf("Retry-After is %q, want up to a minute", got.Header().Get("Retry-After"))
	}
	right := signInBody(" Marta@Ibanez.example", ownerPassword, false)
	w.refused(w.call("", http.MethodPost, "/session", right, "From", evil), http.StatusTooManyRequests, "signin.too_many")
	w.app.commands.Vault = &countingVault{Vault: w.app.vault, right: true}
	page := func(from, cookie string) *httptest.ResponseRecorder {
		form := url.Values{"command": {w.app.newID().String()}, "email": {"marta@ibanez.example"}, "password": {ownerPassword}}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://portal.test/sign-in", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = from
		r.AddCookie(&http.Cookie{Name: edge.SessionCookie, Value: cookie})
		rec := httptest.NewRecorder()
		w.served.ServeHTTP(rec, r)
		return rec
	}
	if got := page(evil, "a cookie made up"); got.Code != http.StatusTooManyRequests || got.Header().Get("Retry-After") == "" {
		t.Errorf("the pages answer %d to who is refused at the API, and Retry-After %q", got.Code, got.Header().Get("Retry-After"))
	}
	w.fine(w.call("", http.MethodPost, "/session", right, "From", home), nil)
	if got := page(home, ""); got.Code != http.StatusSeeOther {
		t.Errorf("the owner, at home, is answered %d", got.Code)
	}
	for range 30 { // who signs in often is not refused for it
		w.fine(w.call("", http.MethodPost, "/session", right, "From", home), nil)
	}
}

// TestGuessingOnesOwnPasswordAtTheAPIIsBounded guesses with a session that somebody else
// might have got hold of, from address to address.
func TestGuessingOnesOwnPasswordAtTheAPIIsBounded(t *testing.T) {
	t.Parallel()
	w := openSweep(t)
	_, marta := w.contact(w.account, "Bodegas Ibáñez", "B26000015", "marta@ibanez.example", ownerPassword)
	_, ana := w.contact(w.account, "Redes del Norte", "A48000012", "ana@redes.example", attackerPassword)
	sessions := []string{w.session(marta), w.session(marta)}
	w.app.commands.Vault = &countingVault{Vault: w.app.vault, wrong: true}
	const guess = `{"current":"wrong","password":"Nueve-Faros-Alumbran-La-Costa"}`
	for i := range 10 {
		w.refused(w.call(sessions[i%2], http.MethodPut, "/session/password", guess, "From", fmt.Sprintf("192.0.2.%d:4000", i+1)), http.StatusUnprocessableEntity, "password.wrong")
	}
	got := w.call(sessions[0], http.MethodPut, "/session/password", guess, "From", "192.0.2.99:4000")
	w.refused(got, http.StatusTooManyRequests, "signin.too_many")
	if got.Header().Get("Retry-After") == "" {
		t.Error("it is not said when to come again")
	}
	w.refused(w.call(w.session(ana), http.MethodPut, "/session/password", guess, "From", "192.0.2.1:4000"), http.StatusUnprocessableEntity, "password.wrong")
	w.app.commands.Vault = w.app.vault
	w.fine(w.call("", http.MethodPost, "/session", signInBody("marta@ibanez.example", ownerPassword, false), "From", "192.0.2.1:4000"), nil)
}

// countingVault counts how often a password is verified, as what is the work of a sign-in.
type countingVault struct {
	commands.Vault
	right, wrong bool // it says so at once

	mu       sync.Mutex
	verified int
}

func (v *countingVault) VerifyPassword(ctx context.Context, account id.Account, login id.ID, password string) (bool, error) {
	v.mu.Lock()
	v.verified++
	v.mu.Unlock()
	if v.right || v.wrong {
		return v.right, nil
	}
	return v.Vault.VerifyPassword(ctx, account, login, password)
}

// TestSignInTellsNothing signs in in vain in each way that there is: the answers are the
// same to the byte, after the same work.
func TestSignInTellsNothing(t *testing.T) {
	t.Parallel()
	w := openSweep(t)
	w.contact(w.account, "Bodegas Ibáñez", "B26000015", "marta@ibanez.example", ownerPassword)
	w.contact(w.account, "Redes del Norte", "A48000012", "ana@redes.example", "")
	_, gone := w.contact(w.account, "Salinas", "A11000017", "pepe@salinas.example", attackerPassword)
	_, err := w.app.commands.RemoveLogin(t.Context(), w.req(w.account), commands.RemoveLogin{Login: id.ID(gone.Actor.ID)})
	w.must(err)
	w.clerk(w.account)
	vault := &countingVault{Vault: w.app.vault}
	w.app.commands.Vault = vault
	var first *httptest.ResponseRecorder
	for i, tt := range []struct {
		name, email, password string
		staff                 bool
	}{
		{"a wrong password", "marta@ibanez.example", attackerPassword, false},
		{"an email that nobody has", "nobody@ibanez.example", ownerPassword, false},
		{"a login without password", "ana@redes.example", ownerPassword, false},
		{"a login that was removed, by its password", "pepe@salinas.example", attackerPassword, false},
		{"another's password", "ana@redes.example", ownerPassword, false},
		{"staff as a contact", staffEmail, staffPassword, false},
		{"a contact as staff", "marta@ibanez.example", ownerPassword, true},
		{"a wrong password of staff", staffEmail, ownerPassword, true},
		{"staff that there is not", "nobody@cantabricas.example", staffPassword, true},
		{"no email", "", "", false},
		{"what is no email", "%s' OR 1=1 --", "x", false},
		{"a long one", strings.Repeat("x", 290) + "@x.example", "x", false},
	} {
		vault.verified = 0
		got := w.call("", http.MethodPost, "/session", signInBody(tt.email, tt.password, tt.staff), "From", "192.0.2."+strconv.Itoa(i)+":1")
		w.refused(got, http.StatusUnauthorized, "signin.failed")
		if vault.verified != 1 {
			t.Errorf("%s: %d passwords were verified, want 1", tt.name, vault.verified)
		}
		got.Header().Del("X-Correlation-Id")
		if first == nil {
			first = got
			continue
		}
		var a, b bytes.Buffer
		w.must(first.Header().Write(&a))
		w.must(got.Header().Write(&b))
		if first.Body.String() != got.Body.String() || a.String() != b.String() {
			t.Errorf("%s is told\n%s%s\nwhere a wrong password is told\n%s%s", tt.name, &b, got.Body, &a, first.Body)
		}
	}
}

// typed counts the events of a type, and all of them.
func (w *sweep) typed(kind string) (of, all int) {
	w.t.Helper()
	events, err := w.app.events.ReadFeed(w.t.Context(), 0, 100_000, nil)
	w.must(err)
	for i := range events {
		if events[i].Type == kind {
			of++
		}
	}
	return of, len(events)
}

// TestAKeyNamesOneRequest sends requests by the same key: the same one has one effect,
// another one is refused and has none.
func TestAKeyNamesOneRequest(t *testing.T) {
	t.Parallel()
	w := openSweep(t)
	w.makeVictim()
	_, token, _, err := w.app.commands.CreateAPIKey(t.Context(), w.req(w.account), commands.CreateAPIKey{Name: "erp"})
	w.must(err)
	_, second, _, err := w.app.commands.CreateAPIKey(t.Context(), w.req(w.account), commands.CreateAPIKey{Name: "shop"})
	w.must(err)
	w.settle()
	invoice, quote := "/documents/"+string(w.victim.docs["invoice"])+"/comments", "/documents/"+string(w.victim.docs["quote"])+"/comments"
	const key = "Idempotency-Key"
	first := w.call(token, http.MethodPost, invoice, `{"text":"Hello"}`, key, "k1")
	w.fine(first, nil)
	comments, all := w.typed("comment.posted")

	for name, got := range map[string]*httptest.ResponseRecorder{
		"the same":                           w.call(token, http.MethodPost, invoice, `{"text":"Hello"}`, key, "k1"),
		"written in another way":             w.call(token, http.MethodPost, invoice, "{\n \"text\": \"H\\u0065llo\"\n}", key, "k1"),
		"asked for in another language":      w.call(token, http.MethodPost, invoice, `{"text":"Hello"}`, key, "k1", "Accept-Language", "es"),
		"by another spelling of the content": w.call(token, http.MethodPost, invoice, `{"text":"Hello"}`, key, "k1", "Content-Type", "application/json; charset=utf-8"),
	} {
		if got.Code != http.StatusOK || got.Body.String() != first.Body.String() {
			t.Errorf("%s: %d %s, want the first answer %s", name, got.Code, got.Body, first.Body)
		}
	}
	for name, got := range map[string]*httptest.ResponseRecorder{
		"another text":           w.call(token, http.MethodPost, invoice, `{"text":"Hello!"}`, key, "k1"),
		"another document":       w.call(token, http.MethodPost, quote, `{"text":"Hello"}`, key, "k1"),
		"another operation":      w.call(token, http.MethodPost, "/contacts", `{"name":"Hello"}`, key, "k1"),
		"an operation of a file": w.call(token, http.MethodPost, "/documents", `{"text":"Hello"}`, key, "k1"),
	} {
		p := w.refused(got, http.StatusConflict, "api.key_reused")
		if len(p.Errors) != 1 || p.Errors[0].Field != key {
			t.Errorf("%s: the refusal names %v", name, p.Errors)
		}
	}
	if of, now := w.typed("comment.posted"); of != comments || now != all {
		t.Errorf("%d comments and %d events, then %d and %d", comments, all, of, now)
	}

	// A key is its caller's: others have no part in it, and learn nothing of it.
	other := w.call(second, http.MethodPost, invoice, `{"text":"Hello!"}`, key, "k1")
	w.fine(other, nil)
	if of, _ := w.typed("comment.posted"); of != comments+1 {
		t.Errorf("%d comments after another program's, want %d", of, comments+1)
	}
	// Without a key each request is one of its own.
	w.fine(w.call(token, http.MethodPost, invoice, `{"text":"Hello"}`), nil)
	w.fine(w.call(token, http.MethodPost, invoice, `{"text":"Hello"}`), nil)
	if of, _ := w.typed("comment.posted"); of != comments+3 {
		t.Errorf("%d comments after two without key, want %d", of, comments+3)
	}
	// What is refused has no effect, and is refused again.
	for range 2 {
		w.refused(w.call(token, http.MethodPost, invoice, `{"text":" "}`, key, "k2"), http.StatusUnprocessableEntity, "comment.empty")
	}
	w.refused(w.call(token, http.MethodPost, invoice, `{"text":"x"}`, key, strings.Repeat("k", 201)), http.StatusUnprocessableEntity, "request.invalid")
}

// TestAKeyAtTheSameMoment sends the same request many times at once.
func TestAKeyAtTheSameMoment(t *testing.T) {
	t.Parallel()
	w := openSweep(t)
	w.makeVictim()
	_, token, _, err := w.app.commands.CreateAPIKey(t.Context(), w.req(w.account), commands.CreateAPIKey{Name: "erp"})
	w.must(err)
	w.settle()
	for _, tt := range []struct{ path, body, kind string }{
		{"/documents/" + string(w.victim.docs["quote"]) + "/comments", `{"text":"Hello"}`, "comment.posted"},
		{"/contacts", `{"name":"Redes del Norte","taxId":"A48000012","email":"ana@redes.example","client":true}`, "contact.registered"},
		{"/contacts/" + string(w.victim.contact) + "/logins", `{"email":"eva@ibanez.example","name":"Eva","role":"read"}`, "login.created"},
		{"/transfers", `{"documents":[{"kind":"sales_order","id":"` + string(w.victim.docs["sales_order"]) + `"}],"amount":"121.00 EUR","on":"2026-11-23"}`, "payment.started"},
	} {
		before, _ := w.typed(tt.kind)
		var wg sync.WaitGroup
		answers := make([]*httptest.ResponseRecorder, 16)
		for i := range answers {
			wg.Go(func() { answers[i] = w.call(token, http.MethodPost, tt.path, tt.body, "Idempotency-Key", tt.kind) })
		}
		wg.Wait()
		for _, got := range answers {
			if got.Code != http.StatusOK || got.Body.String() != answers[0].Body.String() {
				t.Errorf("%s: %d %s, where another is answered %s", tt.path, got.Code, got.Body, answers[0].Body)
			}
		}
		if after, _ := w.typed(tt.kind); after != before+1 {
			t.Errorf("%s: %d effects", tt.path, after-before)
		}
	}
}
