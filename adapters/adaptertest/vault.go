package adaptertest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// WholeVault is a vault with what followers of the log keep in it, as messaging asks of one.
type WholeVault interface {
	commands.Vault
	Accounts(ctx context.Context) ([]id.Account, error)
	Checkpoint(ctx context.Context, name string) (event.Position, error)
	SetCheckpoint(ctx context.Context, name string, p event.Position) error
	Parked(ctx context.Context, name string) ([]readmodels.Parked, error)
	Park(ctx context.Context, name string, p readmodels.Parked) error
	Unpark(ctx context.Context, name string, p event.Position) error
}

// OpenedVault is an empty vault and what it can do.
type OpenedVault struct {
	Vault WholeVault

	// Reopen ends the vault and opens its data again. nil for one that forgets.
	Reopen func() (WholeVault, error)
}

// Vault checks every guarantee of commands.Vault. open returns a fresh, empty vault each
// time, which it closes with the test; it may be called from several tests at once.
func Vault(t *testing.T, open func(t *testing.T) OpenedVault) {
	t.Helper()
	for _, c := range append([]struct {
		name string
		test func(*vault)
	}{
		{"keys are made once and are their subject's alone", keysAreTheirSubjects},
		{"a key that was thrown away is never made again", erasedKeysStayErased},
		{"of keys made at the same moment there is one", keysAtTheSameMoment},
		{"blinding is the same for ever, and for the same alone", blinding},
		{"a password is verified, replaced and removed", passwords},
		{"nobody uses another owner's password", passwordsAreTheirOwners},
		{"of two owners at the same moment one gets a password", passwordsAtTheSameMoment},
		{"a token is found for its purpose until its last moment", tokensExpire},
		{"a token is used once, with all of its subject", tokensAreUsedOnce},
		{"of two uses at the same moment one gets the token", tokensAtTheSameMoment},
		{"revoked tokens are gone, others are not", tokensAreRevoked},
		{"a session is found until its last moment", sessionsExpire},
		{"sessions are listed to their actor, newest first", sessionsAreListed},
		{"a session that was ended is refused at once", sessionsEnd},
		{"no other secret opens anything", otherSecrets},
		{"a key of a request is bound to the first", requestsAreBound},
		{"checkpoints never move backwards", checkpoints},
		{"parked events are kept, without what was erased", parkedEvents},
		{"everything is there after a restart", vaultAfterRestart},
	}, factorCases()...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			c.test(&vault{t: t, ctx: t.Context(), v: o.Vault, reopen: o.Reopen})
		})
	}
}

// vault is a test's view on the vault.
type vault struct {
	t      *testing.T
	ctx    context.Context
	v      WholeVault
	reopen func() (WholeVault, error)
}

func (v *vault) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *vault) want(what string, got, want any) {
	v.t.Helper()
	if !reflect.DeepEqual(got, want) {
		v.t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

// together runs n calls at the same moment.
func (v *vault) together(n int, call func(i int)) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() { <-begin; call(i) })
	}
	close(begin)
	wg.Wait()
}

var (
	vaultNow = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	one, two = id.Account(id.DeriveID("account one")), id.Account(id.DeriveID("account two"))
)

// sealed seals a text under the subject's key.
func (v *vault) sealed(acc id.Account, subject string) string {
	v.t.Helper()
	k, err := v.v.Key(v.ctx, acc, subject)
	v.must(err)
	return string(k.Seal([]byte("place"), []byte("text")))
}

func keysAreTheirSubjects(v *vault) {
	if _, err := v.v.Key(v.ctx, one, string(ann)); !errors.Is(err, event.ErrNoKey) {
		v.t.Errorf("a subject without key has %v, want ErrNoKey", err)
	}
	seen := map[string]string{}
	for _, s := range []struct {
		acc     id.Account
		subject string
	}{{one, string(ann)}, {one, string(bob)}, {two, string(ann)}, {one, string(one)}} {
		v.must(v.v.EnsureKey(v.ctx, s.acc, s.subject))
		text := v.sealed(s.acc, s.subject)
		if other, there := seen[text]; there {
			v.t.Errorf("%s of %s has the key of %s", s.subject, s.acc, other)
		}
		seen[text] = s.subject
		v.must(v.v.EnsureKey(v.ctx, s.acc, s.subject))
		v.want("the key after it was asked for again", v.sealed(s.acc, s.subject), text)
	}
	got, err := v.v.Accounts(v.ctx)
	v.must(err)
	v.want("accounts with a key of their own", got, []id.Account{one})
}

func erasedKeysStayErased(v *vault) {
	v.must(v.v.EnsureKey(v.ctx, one, string(ann)))
	v.must(v.v.EnsureKey(v.ctx, one, string(bob)))
	v.must(v.v.EnsureKey(v.ctx, two, string(ann)))
	v.sealed(one, string(ann))
	for range 2 {
		v.must(v.v.EraseKey(v.ctx, one, string(ann)))
		if _, err := v.v.Key(v.ctx, one, string(ann)); !errors.Is(err, event.ErrErased) {
			v.t.Errorf("a key that was thrown away: %v, want ErrErased", err)
		}
		if err := v.v.EnsureKey(v.ctx, one, string(ann)); !errors.Is(err, event.ErrErased) {
			v.t.Errorf("making it again: %v, want ErrErased", err)
		}
	}
	v.sealed(one, string(bob))
	v.sealed(two, string(ann))
	v.must(v.v.EraseKey(v.ctx, one, "never had one"))
	if err := v.v.EnsureKey(v.ctx, one, "never had one"); !errors.Is(err, event.ErrErased) {
		v.t.Errorf("a subject that was erased before it had a key: %v, want ErrErased", err)
	}
}

func keysAtTheSameMoment(v *vault) {
	texts := make([]string, 8)
	v.together(len(texts), func(i int) {
		if err := v.v.EnsureKey(v.ctx, one, string(ann)); err != nil {
			v.t.Error(err)
			return
		}
		k, err := v.v.Key(v.ctx, one, string(ann))
		if err != nil {
			v.t.Error(err)
			return
		}
		texts[i] = string(k.Seal([]byte("place"), []byte("text")))
	})
	for _, text := range texts {
		if text != texts[0] {
			v.t.Error("there are two keys of one subject")
		}
	}
}

func blinding(v *vault) {
	seen := map[string]string{}
	for _, s := range [][3]string{{string(one), "email", "a@b.example"}, {string(two), "email", "a@b.example"}, {string(one), "taxid", "a@b.example"}, {string(one), "email", "b@b.example"}, {string(one), "email", ""}, {string(one), "ema", "ila@b.example"}} {
		b, err := v.v.Blind(v.ctx, id.Account(s[0]), s[1], s[2])
		v.must(err)
		again, err := v.v.Blind(v.ctx, id.Account(s[0]), s[1], s[2])
		v.must(err)
		v.want("blinded again", again, b)
		if len(b) != 32 || strings.Trim(b, "0123456789abcdef") != "" {
			v.t.Errorf("%v is blinded to %q, want 32 hexadecimal digits", s, b)
		}
		if other, there := seen[b]; there {
			v.t.Errorf("%v is blinded as %s", s, other)
		}
		seen[b] = fmt.Sprint(s)
	}
}

const goodPassword = "tranvía-azul-mochila-41"

// verified reports whether it is the password of the login.
func (v *vault) verified(acc id.Account, login id.ID, password string) bool {
	v.t.Helper()
	ok, err := v.v.VerifyPassword(v.ctx, acc, login, password)
	v.must(err)
	return ok
}

func passwords(v *vault) {
	has := func() bool {
		v.t.Helper()
		ok, err := v.v.HasPassword(v.ctx, one, "l1")
		v.must(err)
		return ok
	}
	v.want("before it was set", has() || v.verified(one, "l1", goodPassword) || v.verified(one, "l1", ""), false)
	v.must(v.v.RemovePassword(v.ctx, one, "l1"))
	v.must(v.v.SetPassword(v.ctx, one, "ana", "l1", goodPassword))
	v.want("set", has() && v.verified(one, "l1", goodPassword), true)
	for _, wrong := range []string{"", goodPassword + " ", strings.ToUpper(goodPassword), goodPassword[:len(goodPassword)-1], "tranvia-azul-mochila-41"} {
		v.want("verifying "+wrong, v.verified(one, "l1", wrong), false)
	}
	v.want("of another login", v.verified(one, "l2", goodPassword), false)
	v.want("of nobody", v.verified(one, "", goodPassword), false)
	v.want("of another account", v.verified(two, "l1", goodPassword), false)
	v.must(v.v.SetPassword(v.ctx, one, "ana", "l1", "molino-ventana-cometa-57"))
	v.want("the former one", v.verified(one, "l1", goodPassword), false)
	v.want("the new one", v.verified(one, "l1", "molino-ventana-cometa-57"), true)
	v.must(v.v.RemovePassword(v.ctx, one, "l1"))
	v.want("removed", has() || v.verified(one, "l1", "molino-ventana-cometa-57"), false)
}

func passwordsAreTheirOwners(v *vault) {
	v.must(v.v.SetPassword(v.ctx, one, "ana", "l1", goodPassword))
	v.must(v.v.SetPassword(v.ctx, one, "bob", "l2", "molino-ventana-cometa-57"))
	if err := v.v.SetPassword(v.ctx, one, "bob", "l2", goodPassword); !errors.Is(err, commands.ErrPasswordTaken) {
		v.t.Errorf("another owner's password: %v, want ErrPasswordTaken", err)
	}
	v.want("the refused one", v.verified(one, "l2", goodPassword), false)
	v.want("the one of before", v.verified(one, "l2", "molino-ventana-cometa-57"), true)
	v.must(v.v.SetPassword(v.ctx, one, "ana", "l3", goodPassword)) // the same owner's other login
	v.must(v.v.SetPassword(v.ctx, one, "ana", "l1", goodPassword)) // its own again
	v.must(v.v.SetPassword(v.ctx, two, "bob", "l2", goodPassword)) // another account
	v.must(v.v.RemovePassword(v.ctx, one, "l1"))
	if err := v.v.SetPassword(v.ctx, one, "bob", "l2", goodPassword); !errors.Is(err, commands.ErrPasswordTaken) {
		v.t.Errorf("a password that a login of another owner still has: %v, want ErrPasswordTaken", err)
	}
	v.must(v.v.RemovePassword(v.ctx, one, "l3"))
	v.must(v.v.SetPassword(v.ctx, one, "bob", "l2", goodPassword))
}

func passwordsAtTheSameMoment(v *vault) {
	errs := make([]error, 4)
	v.together(len(errs), func(i int) {
		errs[i] = v.v.SetPassword(v.ctx, one, fmt.Sprint("owner ", i), id.ID(fmt.Sprint("l", i)), goodPassword)
	})
	set := 0
	for i, err := range errs {
		switch {
		case err == nil:
			set++
		case !errors.Is(err, commands.ErrPasswordTaken):
			v.t.Errorf("owner %d: %v", i, err)
		}
		v.want(fmt.Sprintf("the password of owner %d", i), v.verified(one, id.ID(fmt.Sprint("l", i)), goodPassword), err == nil)
	}
	v.want("owners of one password", set, 1)
}

func (v *vault) issue(t commands.Token) string {
	v.t.Helper()
	secret, err := v.v.IssueToken(v.ctx, t)
	v.must(err)
	raw, err := base64.RawURLEncoding.DecodeString(secret)
	if err != nil || len(raw) < 32 {
		v.t.Fatalf("the secret %q is not of 256 bits that fit into an address", secret)
	}
	return secret
}

func recovery(login id.ID) commands.Token {
	return commands.Token{Account: one, Purpose: "recovery", Subject: login, Contact: ann, Expires: vaultNow.Add(time.Hour)}
}

// found wants FindToken to find the token, or nothing.
func (v *vault) found(what, purpose, secret string, at time.Time, want *commands.Token) {
	v.t.Helper()
	t, ok, err := v.v.FindToken(v.ctx, purpose, secret, at)
	v.must(err)
	switch {
	case want == nil && (ok || t != commands.Token{}):
		v.t.Errorf("%s: found %+v", what, t)
	case want != nil && (!ok || t != *want):
		v.t.Errorf("%s: found %v %+v, want %+v", what, ok, t, *want)
	}
}

func tokensExpire(v *vault) {
	t, forever := recovery("l1"), commands.Token{Account: one, Purpose: "apikey", Subject: "k1"}
	secret, key := v.issue(t), v.issue(forever)
	v.found("at once", "recovery", secret, vaultNow, &t)
	v.found("twice", "recovery", secret, vaultNow, &t)
	v.found("a millisecond before the end", "recovery", secret, t.Expires.Add(-time.Millisecond), &t)
	v.found("at its end", "recovery", secret, t.Expires, nil)
	v.found("after its end", "recovery", secret, t.Expires.Add(time.Hour), nil)
	v.found("for another purpose", "link", secret, vaultNow, nil)
	v.found("in a hundred years", "apikey", key, vaultNow.AddDate(100, 0, 0), &forever)
	if _, ok, err := v.v.UseToken(v.ctx, "recovery", secret, t.Expires); ok || err != nil {
		v.t.Errorf("used at its end: %v, %v", ok, err)
	}
	if got, ok, err := v.v.UseToken(v.ctx, "recovery", secret, t.Expires.Add(-time.Millisecond)); !ok || err != nil || got != t {
		v.t.Errorf("used before its end: %v, %v", ok, err)
	}
}

func tokensAreUsedOnce(v *vault) {
	first, again, other := v.issue(recovery("l1")), v.issue(recovery("l1")), v.issue(recovery("l2"))
	if first == again {
		v.t.Error("two secrets are the same")
	}
	elsewhere := recovery("l1")
	elsewhere.Account = two
	theirs := v.issue(elsewhere)
	if _, ok, err := v.v.UseToken(v.ctx, "link", first, vaultNow); ok || err != nil {
		v.t.Errorf("used for another purpose: %v, %v", ok, err)
	}
	t, ok, err := v.v.UseToken(v.ctx, "recovery", first, vaultNow)
	v.must(err)
	v.want("used", ok && t == recovery("l1"), true)
	v.found("after its use", "recovery", first, vaultNow, nil)
	v.found("with it", "recovery", again, vaultNow, nil)
	if _, ok, err := v.v.UseToken(v.ctx, "recovery", first, vaultNow); ok || err != nil {
		v.t.Errorf("used twice: %v, %v", ok, err)
	}
	l2 := recovery("l2")
	v.found("another subject's", "recovery", other, vaultNow, &l2)
	v.found("another account's", "recovery", theirs, vaultNow, &elsewhere)
}

func tokensAtTheSameMoment(v *vault) {
	secret := v.issue(recovery("l1"))
	got := make([]bool, 8)
	v.together(len(got), func(i int) {
		var err error
		if _, got[i], err = v.v.UseToken(v.ctx, "recovery", secret, vaultNow); err != nil {
			v.t.Error(err)
		}
	})
	n := 0
	for _, ok := range got {
		if ok {
			n++
		}
	}
	v.want("who got the token", n, 1)
}

func tokensAreRevoked(v *vault) {
	a, b, c := v.issue(recovery("l1")), v.issue(recovery("l1")), v.issue(recovery("l2"))
	v.must(v.v.RevokeTokens(v.ctx, one, "link", "l1"))
	v.must(v.v.RevokeTokens(v.ctx, two, "recovery", "l1"))
	l1, l2 := recovery("l1"), recovery("l2")
	v.found("of another purpose", "recovery", a, vaultNow, &l1)
	v.must(v.v.RevokeTokens(v.ctx, one, "recovery", "l1"))
	v.must(v.v.RevokeTokens(v.ctx, one, "recovery", "l1"))
	v.found("revoked", "recovery", a, vaultNow, nil)
	v.found("revoked too", "recovery", b, vaultNow, nil)
	v.found("of another subject", "recovery", c, vaultNow, &l2)
}

func sessionOf(acc id.Account, login string, at time.Time) commands.Session {
	return commands.Session{
		Account: acc, Contact: ann, Actor: event.Actor{Kind: event.ActorLogin, ID: login}, Created: at, Seen: at, Expires: vaultNow.Add(12 * time.Hour), UserAgent: "Firefox",
	}
}

func (v *vault) start(s commands.Session) string {
	v.t.Helper()
	secret, err := v.v.StartSession(v.ctx, s)
	v.must(err)
	return secret
}

func (v *vault) open(secret string, at time.Time) bool {
	v.t.Helper()
	_, ok, err := v.v.FindSession(v.ctx, secret, at)
	v.must(err)
	return ok
}

func sessionsExpire(v *vault) {
	s := sessionOf(one, "l1", vaultNow)
	secret := v.start(s)
	got, ok, err := v.v.FindSession(v.ctx, secret, vaultNow)
	v.must(err)
	if got.Mark == "" || strings.Contains(secret, got.Mark) {
		v.t.Errorf("the mark is %q of the secret %q", got.Mark, secret)
	}
	got.Mark = ""
	v.want("found at once", ok, true)
	v.want("the session", got, s)
	later := vaultNow.Add(10 * time.Minute)
	got, ok, err = v.v.FindSession(v.ctx, secret, later)
	v.must(err)
	v.want("found later", ok && got.Seen.Equal(later), true)
	v.want("a millisecond before the end", v.open(secret, s.Expires.Add(-time.Millisecond)), true)
	v.want("at its end", v.open(secret, s.Expires), false)
	v.want("after its end", v.open(secret, s.Expires.Add(time.Hour)), false)
}

func sessionsAreListed(v *vault) {
	actor := event.Actor{Kind: event.ActorLogin, ID: "l1"}
	v.start(sessionOf(one, "l1", vaultNow))
	v.start(sessionOf(one, "l1", vaultNow.Add(time.Minute)))
	v.start(sessionOf(one, "l2", vaultNow))
	v.start(sessionOf(two, "l1", vaultNow))
	short := sessionOf(one, "l1", vaultNow.Add(2*time.Minute))
	short.Expires = vaultNow.Add(time.Hour)
	v.start(short)
	staff := sessionOf(one, "l1", vaultNow)
	staff.Actor.Kind, staff.Contact = event.ActorStaff, ""
	v.start(staff)
	created := func(at time.Time) (out []time.Duration) {
		v.t.Helper()
		list, err := v.v.ListSessions(v.ctx, one, actor, at)
		v.must(err)
		marks := map[string]bool{}
		for _, s := range list {
			marks[s.Mark] = true
			out = append(out, s.Created.Sub(vaultNow))
		}
		v.want("marks", len(marks), len(list))
		return out
	}
	v.want("the actor's", created(vaultNow.Add(3*time.Minute)), []time.Duration{2 * time.Minute, time.Minute, 0})
	v.want("once one has expired", created(short.Expires), []time.Duration{time.Minute, 0})
}

func sessionsEnd(v *vault) {
	actor := event.Actor{Kind: event.ActorLogin, ID: "l1"}
	a, b, c := v.start(sessionOf(one, "l1", vaultNow)), v.start(sessionOf(one, "l1", vaultNow)), v.start(sessionOf(one, "l1", vaultNow))
	others := v.start(sessionOf(one, "l2", vaultNow))
	v.open(a, vaultNow) // known from before
	v.must(v.v.EndSession(v.ctx, a))
	v.must(v.v.EndSession(v.ctx, a))
	v.must(v.v.EndSession(v.ctx, "no such secret"))
	v.want("ended", v.open(a, vaultNow), false)
	v.want("after it was ended, to be seen", v.open(a, vaultNow.Add(5*time.Minute)), false)
	v.want("another of the same actor", v.open(b, vaultNow) && v.open(c, vaultNow), true)
	v.must(v.v.EndSessions(v.ctx, one, actor, b))
	v.want("the one that was kept", v.open(b, vaultNow), true)
	v.want("one that was not", v.open(c, vaultNow), false)
	v.want("another actor's", v.open(others, vaultNow), true)
	v.must(v.v.EndSessions(v.ctx, two, actor, ""))
	v.want("after another account's were ended", v.open(b, vaultNow), true)
	v.must(v.v.EndSessions(v.ctx, one, actor, ""))
	v.want("all ended", v.open(b, vaultNow), false)
}

func otherSecrets(v *vault) {
	s, t := v.start(sessionOf(one, "l1", vaultNow)), v.issue(recovery("l1"))
	for _, real := range []string{s, t} {
		tries := []string{"", " ", real + " ", " " + real, real[:len(real)-1], real + "A", strings.ToUpper(real), strings.Repeat("A", len(real)), real + "\x00", strings.Repeat(real, 1000)}
		for i := range real {
			changed := []byte(real)
			changed[i] = map[bool]byte{true: 'B', false: 'A'}[changed[i] == 'A']
			tries = append(tries, string(changed))
		}
		for _, secret := range tries {
			if v.open(secret, vaultNow) {
				v.t.Errorf("%q opens a session", secret)
			}
			v.found(secret, "recovery", secret, vaultNow, nil)
		}
	}
	v.want("a token as a session", v.open(t, vaultNow), false)
	v.found("a session as a token", "recovery", s, vaultNow, nil)
}

func requestsAreBound(v *vault) {
	bind := func(acc id.Account, key, print string, at time.Time) string {
		v.t.Helper()
		bound, err := v.v.BindRequest(v.ctx, acc, key, print, at, at.Add(time.Hour))
		v.must(err)
		return bound
	}
	v.want("the first", bind(one, "k", "a", vaultNow), "a")
	v.want("the same again", bind(one, "k", "a", vaultNow), "a")
	v.want("another under the key", bind(one, "k", "b", vaultNow.Add(time.Hour-time.Millisecond)), "a")
	v.want("of another account", bind(two, "k", "b", vaultNow), "b")
	v.want("under another key", bind(one, "l", "b", vaultNow), "b")
	v.want("once it has expired", bind(one, "k", "b", vaultNow.Add(time.Hour)), "b")
	bounds := make([]string, 8)
	v.together(len(bounds), func(i int) {
		var err error
		if bounds[i], err = v.v.BindRequest(v.ctx, one, "m", fmt.Sprint(i), vaultNow, vaultNow.Add(time.Hour)); err != nil {
			v.t.Error(err)
		}
	})
	for _, b := range bounds {
		v.want("bound at the same moment", b, bounds[0])
	}
}

func checkpoints(v *vault) {
	at := func(name string) event.Position {
		v.t.Helper()
		p, err := v.v.Checkpoint(v.ctx, name)
		v.must(err)
		return p
	}
	v.want("of one that never began", at("mail"), event.Position(0))
	v.must(v.v.SetCheckpoint(v.ctx, "mail", 7))
	v.want("set", at("mail"), event.Position(7))
	v.must(v.v.SetCheckpoint(v.ctx, "mail", 5))
	v.want("set backwards", at("mail"), event.Position(7))
	v.want("of another", at("payments"), event.Position(0))
}

func parkedEvents(v *vault) {
	parked := func(name string) []readmodels.Parked {
		v.t.Helper()
		all, err := v.v.Parked(v.ctx, name)
		v.must(err)
		return all
	}
	p := func(at event.Position, who id.Contact, reason string) readmodels.Parked {
		return readmodels.Parked{Account: one, Contact: who, Position: at, Stream: "s-1", Revision: 2, Type: "t", Reason: reason, At: vaultNow}
	}
	v.must(v.v.Unpark(v.ctx, "mail", 1))
	late, early, other := p(9, ann, ""), p(3, ann, "no such address: ana@b.example"), p(5, bob, "full")
	for _, one := range []readmodels.Parked{late, early, other} {
		v.must(v.v.Park(v.ctx, "mail", one))
	}
	v.must(v.v.Park(v.ctx, "payments", early))
	v.want("parked, oldest first", parked("mail"), []readmodels.Parked{early, other, late})
	other.Skipped, other.Reason = true, "decided"
	v.must(v.v.Park(v.ctx, "mail", other))
	v.must(v.v.Unpark(v.ctx, "mail", 9))
	v.want("parked again, and unparked", parked("mail"), []readmodels.Parked{early, other})
	v.must(v.v.EnsureKey(v.ctx, one, string(ann)))
	v.must(v.v.EraseKey(v.ctx, one, string(ann)))
	early.Reason = "erased"
	v.want("once the contact is erased", parked("mail"), []readmodels.Parked{early, other})
	v.want("and for another follower", parked("payments"), []readmodels.Parked{early})
}

func vaultAfterRestart(v *vault) {
	if v.reopen == nil {
		return // it forgets
	}
	v.must(v.v.EnsureKey(v.ctx, one, string(ann)))
	v.must(v.v.EnsureKey(v.ctx, one, string(bob)))
	v.must(v.v.EraseKey(v.ctx, one, string(bob)))
	text := v.sealed(one, string(ann))
	blind, err := v.v.Blind(v.ctx, one, "email", "a@b.example")
	v.must(err)
	v.must(v.v.SetPassword(v.ctx, one, "ana", "l1", goodPassword))
	t := recovery("l1")
	token, used, session, ended := v.issue(t), v.issue(recovery("l2")), v.start(sessionOf(one, "l1", vaultNow)), v.start(sessionOf(one, "l2", vaultNow))
	_, _, err = v.v.UseToken(v.ctx, "recovery", used, vaultNow)
	v.must(err)
	v.must(v.v.EndSession(v.ctx, ended))
	_, err = v.v.BindRequest(v.ctx, one, "k", "a", vaultNow, vaultNow.Add(time.Hour))
	v.must(err)
	v.must(v.v.SetCheckpoint(v.ctx, "mail", 7))

	v.v, err = v.reopen()
	v.must(err)
	v.want("the key", v.sealed(one, string(ann)), text)
	if _, err := v.v.Key(v.ctx, one, string(bob)); !errors.Is(err, event.ErrErased) {
		v.t.Errorf("the key that was thrown away: %v", err)
	}
	again, err := v.v.Blind(v.ctx, one, "email", "a@b.example")
	v.must(err)
	v.want("blinded", again, blind)
	v.want("the password", v.verified(one, "l1", goodPassword), true)
	if err := v.v.SetPassword(v.ctx, one, "bob", "l9", goodPassword); !errors.Is(err, commands.ErrPasswordTaken) {
		v.t.Errorf("another owner's password: %v", err)
	}
	v.found("the token", "recovery", token, vaultNow, &t)
	v.found("the used token", "recovery", used, vaultNow, nil)
	v.want("the session", v.open(session, vaultNow), true)
	v.want("the ended session", v.open(ended, vaultNow), false)
	bound, err := v.v.BindRequest(v.ctx, one, "k", "b", vaultNow, vaultNow.Add(time.Hour))
	v.must(err)
	v.want("the request's key", bound, "a")
	at, err := v.v.Checkpoint(v.ctx, "mail")
	v.must(err)
	v.want("the checkpoint", at, event.Position(7))
}
