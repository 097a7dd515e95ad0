package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"lonja/adapters/web/edge"
	"lonja/commands"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
)

// TestATokenLeavesTheAddressAtOnce opens links with tokens: the answer leads to an address
// without, by which alone pages are shown; no page or header has the token but the one
// cookie that holds it.
func TestATokenLeavesTheAddressAtOnce(t *testing.T) {
	t.Parallel()
	w := openSweep(t)
	w.makeVictim()
	ctx, x := t.Context(), w.app.commands
	link, _, err := x.ShareLink(ctx, w.req(w.account), commands.ShareLink{Document: w.victim.docs[document.Invoice], Kind: document.Invoice})
	w.must(err)
	recovery := w.recovery("marta@ibanez.example")
	w.settle()
	for _, tt := range []struct{ path, token, to, cookie string }{
		{"/d/", link.Token, "/shared", edge.LinkCookie},
		{"/recover/", recovery, "/new-password", edge.RecoveryCookie},
	} {
		if tt.token == "" {
			t.Fatalf("%s: there is no token", tt.path)
		}
		a := attacker{name: "whoever opens the link", handler: w.served}
		got := w.ask(a, hit{method: http.MethodGet, path: tt.path + tt.token})
		if got.Code != http.StatusSeeOther || got.Header().Get("Location") != tt.to {
			t.Errorf("%s: %d to %q, want %s", tt.path, got.Code, got.Header().Get("Location"), tt.to)
		}
		if h := got.Header(); h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: referrer policy %q, cache control %q", tt.path, h.Get("Referrer-Policy"), h.Get("Cache-Control"))
		}
		a.cookies = map[string]string{}
		for _, c := range got.Result().Cookies() {
			if c.MaxAge >= 0 {
				a.cookies[c.Name] = c.Value
			}
			if c.Name == tt.cookie && (!c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/") {
				t.Errorf("%s: cookie %v", tt.path, c)
			}
		}
		if strings.Contains(got.Body.String(), tt.token) {
			t.Errorf("%s: the answer has the token", tt.path)
		}
		page := w.ask(a, hit{method: http.MethodGet, path: tt.to})
		if page.Code != http.StatusOK || strings.Contains(page.Body.String(), tt.token) || strings.Contains(fmt.Sprint(page.Header()), tt.token) {
			t.Errorf("%s: %d, or it has the token:\n%.300s", tt.to, page.Code, page.Body)
		}
	}
}

// TestALinkIsBuiltOfTheConfiguredAddress asks for a new password by another host's name:
// the link that is mailed leads where the operator said the portal is.
func TestALinkIsBuiltOfTheConfiguredAddress(t *testing.T) {
	t.Parallel()
	w := openSweep(t)
	w.contact(w.account, "Bodegas Ibáñez", "B26000015", "marta@ibanez.example", ownerPassword)
	sent := w.mailedTo(func() {
		form := url.Values{"command": {id.Derive("recover").String()}, "email": {"marta@ibanez.example"}}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://evil.example/recover", strings.NewReader(form.Encode()))
		r.Host = "evil.example"
		for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Server", "X-Original-Host", "Forwarded", "X-Host"} {
			r.Header.Set(name, "host=evil.example")
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		rec := httptest.NewRecorder()
		w.served.ServeHTTP(rec, r)
		if rec.Code != http.StatusOK {
			t.Fatalf("%d\n%.300s", rec.Code, rec.Body)
		}
	})
	if strings.Count(sent, "http://portal.test/recover/") < 2 || strings.Contains(sent, "evil") { // as text and as HTML
		t.Errorf("the mail says\n%s", sent)
	}
}

// TestNothingSecretIsLogged logs everything that can be logged while people and programs use
// tokens, passwords and addresses rightly, wrongly and while the vault fails: what they hold
// and who they are is in no line, and in no figure and no span either, which hold no id at all.
func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	shown := watchEverything(t)
	w := openSweepWith(t, "DEBUG", shown.Telemetry)
	w.makeVictim()
	ctx, x := t.Context(), w.app.commands
	link, _, err := x.ShareLink(ctx, w.req(w.account), commands.ShareLink{Document: w.victim.docs[document.Invoice], Kind: document.Invoice})
	w.must(err)
	recovery := w.recovery("marta@ibanez.example")
	_, key, _, err := x.CreateAPIKey(ctx, w.req(w.account), commands.CreateAPIKey{Name: "ERP"})
	w.must(err)
	_, ana := w.contact(w.account, "Redes del Norte", "A48000012", "ana@redes.example", attackerPassword)
	person := w.person(w.served, "ana", edge.SessionCookie, w.account, ana, nil)
	clerk := w.person(w.served, "staff", edge.StaffCookie, w.account, w.clerk(w.account), nil)
	guest := w.person(w.served, "guest", edge.LinkCookie, w.account,
		commands.Session{Contact: w.victim.contact, Actor: event.Actor{Kind: event.ActorLink, ID: string(link.ID)}}, nil)
	program := attacker{name: "program", handler: w.served, token: key}
	secrets := []string{
		link.Token, recovery, key, person.token, clerk.token, guest.token, "typed-Passwort-91", attackerPassword, ownerPassword,
		"marta@ibanez.example", "ana@redes.example", "typed@x.example", staffEmail, secret, "typed-query", "typed-body", "B26000015",
	}
	w.settle()
	use := func(served http.Handler) {
		for _, r := range w.walk() {
			if strings.HasSuffix(r.pattern, "/sign-out") || r.method == http.MethodDelete {
				continue
			}
			for _, h := range r.hits(w.victim) {
				h.path = strings.Replace(h.path, strings.Repeat("A", 32), link.Token, 1)
				if h.query == nil {
					h.query = url.Values{}
				}
				h.query.Set("q", "typed-query")
				h.query.Set("token", recovery)
				if h.form != nil {
					for name, value := range map[string]string{"password": "typed-Passwort-91", "email": "typed@x.example", "text": "typed-body", "reason": "typed-body", "name": "typed-body"} {
						h.form.Set(name, value)
					}
				}
				for _, a := range []attacker{person, clerk, guest, program} {
					a.handler = served
					w.ask(a, h)
				}
			}
		}
	}
	use(w.served)
	use(w.servedWith(func(x *commands.Commands) { x.Vault = &brokenVault{Vault: x.Vault} }))
	w.app.tasks.Wait()
	text := w.log.String()
	if strings.Count(text, "level=ERROR") < 10 {
		t.Fatalf("a vault that fails is hardly told of:\n%.2000s", text)
	}
	for _, s := range secrets {
		if at := strings.Index(text, s); at >= 0 {
			t.Errorf("the log has %q: %.400s", s, text[max(0, at-200):])
		}
	}
	shown.tellsNothing(t, secrets)
}

// brokenVault fails where sessions and tokens are looked up.
type brokenVault struct{ commands.Vault }

var errBroken = errors.New("the disk is gone")

func (v *brokenVault) FindSession(context.Context, string, time.Time) (commands.Session, bool, error) {
	return commands.Session{}, false, errBroken
}

func (v *brokenVault) FindToken(context.Context, string, string, time.Time) (commands.Token, bool, error) {
	return commands.Token{}, false, errBroken
}

func (v *brokenVault) VerifyPassword(context.Context, id.Account, id.ID, string) (bool, error) {
	return false, errBroken
}

// TestASessionDoesNotOutliveAPasswordThatIsSetMeanwhile changes a password, or recovers it,
// while staff set another: the session that the browser goes on with has ended with the
// password that it hangs on.
func TestASessionDoesNotOutliveAPasswordThatIsSetMeanwhile(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, tt := range map[string]func(w *sweep, s commands.Session) (attacker, hit){
		"changed": func(w *sweep, s commands.Session) (attacker, hit) {
			return w.person(w.served, "marta", edge.SessionCookie, w.account, s, nil),
				hit{method: http.MethodPost, path: "/password", form: url.Values{"current": {ownerPassword}, "password": {colleaguePassword}}}
		},
		"recovered": func(w *sweep, _ commands.Session) (attacker, hit) {
			return attacker{name: "marta", cookies: map[string]string{edge.RecoveryCookie: w.recovery("marta@ibanez.example")}},
				hit{method: http.MethodPost, path: "/new-password", form: url.Values{"password": {colleaguePassword}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := openSweep(t)
			_, s := w.contact(w.account, "Bodegas Ibáñez", "B26000015", "marta@ibanez.example", ownerPassword)
			w.settle()
			who, act := tt(w, s)
			act.form.Set("command", w.app.newID().String())
			who.handler = w.servedWith(func(x *commands.Commands) {
				x.Vault = &meanwhileVault{Vault: x.Vault, act: func() error {
					_, err := w.app.commands.SetLoginPassword(ctx, w.req(w.account), commands.SetLoginPassword{Login: id.ID(s.Actor.ID), Password: attackerPassword})
					return err
				}}
			})
			got := w.ask(who, act)
			for _, c := range got.Result().Cookies() {
				if c.Name == edge.SessionCookie && c.MaxAge >= 0 {
					who.cookies[c.Name] = c.Value
				}
			}
			if home := w.ask(who, hit{method: http.MethodGet, path: "/invoices"}); home.Code != http.StatusSeeOther {
				t.Errorf("the act is answered %d, and the next page %d", got.Code, home.Code)
			}
		})
	}
}

// meanwhileVault lets something happen just before a session starts.
type meanwhileVault struct {
	commands.Vault
	act func() error
}

func (v *meanwhileVault) StartSession(ctx context.Context, s commands.Session) (string, error) {
	if err := v.act(); err != nil {
		return "", err
	}
	return v.Vault.StartSession(ctx, s)
}
