package commands_test

import (
	"encoding/base32"
	"strings"
	"sync"
	"testing"
	"time"

	"lonja/adapters/passkeys"
	"lonja/adapters/passkeys/passkeystest"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/factor"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// somebody is a person with a second factor, or about to have one: a contact's or staff.
type somebody struct {
	*scene
	actor    event.Actor
	contact  id.Contact
	password string
	email    string
	secret   []byte   // of the app
	codes    []string // for recovery
}

func (s *scene) somebodyOf(staff bool) *somebody {
	s.t.Helper()
	if staff {
		who, _, err := s.AddStaff(s.t.Context(), s.system(), commands.AddStaff{Email: "luis@example.com", Name: "Luis", Role: account.StaffEditor, Password: otherPassword})
		s.ok(err)
		return &somebody{scene: s, actor: clerk(who), password: otherPassword, email: "luis@example.com"}
	}
	who := s.client("Bar Manolo", "B12345674", "")
	return &somebody{scene: s, actor: login(s.login(who, "a@example.com", access.Full, goodPassword)), contact: who, password: goodPassword, email: "a@example.com"}
}

// req is the person's own.
func (p *somebody) req() commands.Request {
	r := p.system()
	r.Contact, r.Actor = p.contact, p.actor
	return r
}

func (p *somebody) start(shown commands.Shown, at event.Revision) (string, error) {
	return p.StartSession(p.t.Context(), commands.Session{
		Account: p.acc, Contact: p.contact, Actor: p.actor, Created: p.now, Seen: p.now, Expires: p.now.Add(24 * time.Hour),
	}, at, shown)
}

// typed signs in by the password, and returns what the sign-in found.
func (p *somebody) typed() (second bool, at event.Revision, err error) {
	p.t.Helper()
	if p.actor.Kind == event.ActorStaff {
		in, err := p.StaffSignIn(p.t.Context(), p.system(), commands.StaffSignIn{Email: p.email, Password: p.password})
		return in.Second, in.At, err
	}
	in, err := p.SignIn(p.t.Context(), p.system(), commands.SignIn{Email: p.email, Password: p.password})
	return in.Second, in.At, err
}

// waiting signs in by the password as far as the code is asked for.
func (p *somebody) waiting() string {
	p.t.Helper()
	second, at, err := p.typed()
	p.ok(err)
	if !second {
		p.t.Fatal("the password alone signs in")
	}
	step, err := p.BeginCode(p.t.Context(), p.system(), commands.BeginCode{Actor: p.actor, Contact: p.contact, At: at})
	p.ok(err)
	return step
}

func (p *somebody) enter(step, code string) (commands.Entry, error) {
	return p.EnterCode(p.t.Context(), p.system(), commands.EnterCode{Step: step, Code: code, Door: p.actor.Kind})
}

// code is what the app shows now.
func (p *somebody) code() string { return factor.Code(p.secret, factor.Step(p.now)) }

func (p *somebody) proof() commands.Proof { return commands.Proof{Password: p.password} }

// withApp sets an app up.
func (p *somebody) withApp() *somebody {
	p.t.Helper()
	step, err := p.BeginTOTP(p.t.Context(), p.req(), p.proof())
	p.ok(err)
	set, err := p.TOTPSetUp(p.t.Context(), p.req(), step)
	p.ok(err)
	p.secret, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(set.Secret)
	p.ok(err)
	codes, _, err := p.ConfirmTOTP(p.t.Context(), p.req(), commands.ConfirmTOTP{Step: step, Code: p.code()})
	p.ok(err)
	if len(codes) > 0 {
		p.codes = codes
	}
	p.now = p.now.Add(time.Minute) // the first code is used up
	return p
}

const portalSite = "https://portal.example.com"

// withSite lets people make passkeys.
func (s *scene) withSite() *passkeystest.Authenticator {
	s.t.Helper()
	site, _, err := passkeys.New(portalSite)
	s.ok(err)
	s.Authenticators = site
	return &passkeystest.Authenticator{Origin: portalSite, RPID: "portal.example.com"}
}

// withPasskey makes a passkey on the device.
func (p *somebody) withPasskey(d *passkeystest.Authenticator, name string) *somebody {
	p.t.Helper()
	begun, err := p.BeginPasskey(p.t.Context(), p.req(), p.proof())
	p.ok(err)
	codes, _, err := p.AddPasskey(p.t.Context(), p.req(), commands.AddPasskey{Step: begun.Step, Name: name, Answer: d.Create(p.t, begun.Options)})
	p.ok(err)
	if len(codes) > 0 {
		p.codes = codes
	}
	return p
}

// byPasskey signs in by the device; step is of a sign-in by the password, or "".
func (p *somebody) byPasskey(d *passkeystest.Authenticator, step string) (commands.Entry, error) {
	p.t.Helper()
	asked, err := p.AskPasskey(p.t.Context(), p.system(), commands.AskPasskey{Step: step, Door: p.actor.Kind})
	if err != nil {
		return commands.Entry{}, err
	}
	return p.EnterPasskey(p.t.Context(), p.system(), commands.EnterPasskey{Step: asked.Step, Answer: d.Get(p.t, asked.Options), Door: p.actor.Kind})
}

// both runs a test for a person of a contact and for one of staff.
func both(t *testing.T, test func(t *testing.T, p *somebody)) {
	t.Helper()
	for name, staff := range map[string]bool{"a contact's": false, "staff": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newScene(t).somebodyOf(staff))
		})
	}
}

func TestSignInWithAnApp(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, p *somebody) {
		p.withApp()
		if len(p.codes) != factor.Codes {
			t.Fatalf("%d recovery codes", len(p.codes))
		}
		_, at, err := p.typed()
		p.ok(err)
		_, err = p.start(commands.Password, at)
		p.refused(err, "signin.code_needed")
		step := p.waiting()
		_, err = p.enter(step, "000000")
		p.refused(err, "factor.code_wrong")
		e, err := p.enter(step, p.code())
		p.ok(err)
		if e.Actor != p.actor || e.Contact != p.contact || e.CodesLeft != -1 || e.Name == "" || e.Role == "" {
			t.Errorf("entered %+v", e)
		}
		_, err = p.start(commands.Second, e.At)
		p.ok(err)
	})
}

func TestACodeIsGoodOnce(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, p *somebody) {
		p.withApp()
		code, first := p.code(), p.waiting()
		_, err := p.enter(first, code)
		p.ok(err)
		_, err = p.enter(p.waiting(), code)
		p.refused(err, "factor.code_used")
		// A step goes on to one session.
		p.now = p.now.Add(time.Minute)
		_, err = p.enter(first, p.code())
		p.refused(err, "signin.step_over")
		// Nor does the code that set the app up sign in.
		q := *p
		q.ok(second(q.RemoveTOTP(t.Context(), q.req(), q.proof())))
		at := q.now
		q.withApp()
		q.now = at
		_, err = q.enter(q.waiting(), q.code())
		q.refused(err, "factor.code_used")
	})
}

func TestOfTwoWithOneCodeOneComesIn(t *testing.T) {
	t.Parallel()
	p := newScene(t).somebodyOf(false).withApp()
	steps, code := []string{p.waiting(), p.waiting(), p.waiting(), p.waiting()}, p.code()
	reqs := []commands.Request{p.system(), p.system(), p.system(), p.system()}
	var wg sync.WaitGroup
	var mu sync.Mutex
	in := 0
	for i, step := range steps {
		wg.Go(func() {
			_, err := p.EnterCode(t.Context(), reqs[i], commands.EnterCode{Step: step, Code: code, Door: event.ActorLogin})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				in++
			} else if f, ok := fault.As(err); !ok || f.Key != "factor.code_used" {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	if in != 1 {
		t.Errorf("%d came in with one code", in)
	}
}

func TestAStepOfASignInIsItsPersonsAndShort(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p, luis := s.somebodyOf(false).withApp(), s.somebodyOf(true)
	luis.withApp()
	step := p.waiting()
	// At the other door, or with another's code, it leads nowhere.
	_, err := p.EnterCode(t.Context(), p.system(), commands.EnterCode{Step: step, Code: p.code(), Door: event.ActorStaff})
	p.refused(err, "signin.step_over")
	_, err = p.enter(step, luis.code())
	p.refused(err, "factor.code_wrong")
	for _, other := range []string{"", "x", step + "x"} {
		_, err = p.enter(other, p.code())
		p.refused(err, "signin.step_over")
	}
	// Neither a step of a set-up, nor of a sign-in by passkey.
	p.ok(second(p.RemoveTOTP(t.Context(), p.req(), p.proof())))
	setUp, err := p.BeginTOTP(t.Context(), p.req(), p.proof())
	p.ok(err)
	_, err = p.enter(setUp, p.code())
	p.refused(err, "signin.step_over")
	p.withApp()
	step = p.waiting()
	p.now = p.now.Add(10 * time.Minute)
	_, err = p.enter(step, p.code())
	p.refused(err, "signin.step_over")
}

// What ends sessions ends sign-ins that are between password and code.
func TestASignInUnderWayDoesNotOutliveWhatItShowed(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(p *somebody) error{
		"the password is set": func(p *somebody) error {
			return second(p.SetLoginPassword(p.t.Context(), p.system(), commands.SetLoginPassword{Login: id.ID(p.actor.ID), Password: otherPassword}))
		},
		"the role is changed": func(p *somebody) error {
			return second(p.ChangeLoginRole(p.t.Context(), p.system(), commands.ChangeLoginRole{Login: id.ID(p.actor.ID), Role: access.Read}))
		},
		"the email is changed": func(p *somebody) error {
			return second(p.ChangeLogin(p.t.Context(), p.system(), commands.ChangeLogin{Login: id.ID(p.actor.ID), Email: "b@example.com"}))
		},
		"the password is removed": func(p *somebody) error {
			return second(p.RemoveLoginPassword(p.t.Context(), p.system(), commands.RemoveLoginPassword{Login: id.ID(p.actor.ID)}))
		},
		"the login is removed": func(p *somebody) error {
			return second(p.RemoveLogin(p.t.Context(), p.system(), commands.RemoveLogin{Login: id.ID(p.actor.ID)}))
		},
		"the contact is erased": func(p *somebody) error {
			return second(p.EraseContact(p.t.Context(), p.system(), commands.EraseContact{Contact: p.contact}))
		},
		"another factor is set up": func(p *somebody) error {
			p.withPasskey(p.withSite(), "Móvil")
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newScene(t).somebodyOf(false).withApp()
			step, code := p.waiting(), p.code()
			p.ok(act(p))
			e, err := p.enter(step, code)
			if err == nil {
				_, err = p.start(commands.Second, e.At)
			}
			if !fault.Is(err, fault.Unauthorized) && !fault.Is(err, fault.Gone) {
				t.Errorf("it goes on: %v", err)
			}
			if list, err := p.Vault.ListSessions(t.Context(), p.acc, p.actor, p.now); err != nil || len(list) > 0 {
				t.Errorf("%d sessions, %v", len(list), err)
			}
		})
	}
}

func TestRecoveryCodesSignInOnce(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, p *somebody) {
		p.withApp()
		code := p.codes[3]
		e, err := p.enter(p.waiting(), strings.ToUpper(strings.ReplaceAll(code, "-", " ")))
		p.ok(err)
		if e.CodesLeft != factor.Codes-1 {
			t.Errorf("%d left", e.CodesLeft)
		}
		_, err = p.start(commands.Second, e.At)
		p.ok(err)
		_, err = p.enter(p.waiting(), code)
		p.refused(err, "factor.code_wrong")
		f, _, err := p.FactorsOf(t.Context(), p.req())
		p.ok(err)
		if f.Codes != factor.Codes-1 || p.events("factor.code_used") != 1 {
			t.Errorf("%+v, %d events", f, p.events("factor.code_used"))
		}
		// Others void those of before.
		fresh, _, err := p.MakeRecoveryCodes(t.Context(), p.req(), p.proof())
		p.ok(err)
		_, err = p.enter(p.waiting(), p.codes[4])
		p.refused(err, "factor.code_wrong")
		_, err = p.enter(p.waiting(), fresh[0])
		p.ok(err)
		// With the last factor they are void too.
		p.ok(second(p.RemoveTOTP(t.Context(), p.req(), p.proof())))
		if second, at, err := p.typed(); err != nil || second {
			t.Errorf("without a factor: %v, %v", second, err)
		} else if _, err := p.start(commands.Password, at); err != nil {
			t.Error(err)
		}
		if _, ok, err := p.Vault.UseRecoveryCode(t.Context(), p.acc, id.ID(p.actor.ID), factor.NormalRecoveryCode(fresh[1])); err != nil || ok {
			t.Errorf("the vault keeps codes of no factor: %v, %v", ok, err)
		}
	})
}

// Whoever has the password guesses at codes a hundred times, and no more, whatever the
// process does in between; the owner still comes in.
func TestGuessingAtCodesEnds(t *testing.T) {
	t.Parallel()
	p := newScene(t).somebodyOf(false).withApp()
	step := p.waiting()
	for range commands.MaxTries {
		_, err := p.enter(step, "000000")
		p.refused(err, "factor.code_wrong")
	}
	_, err := p.enter(step, p.code())
	p.refused(err, "factor.blocked")
	_, err = p.enter(p.waiting(), p.codes[0]) // the owner's other way in
	p.ok(err)
	_, err = p.enter(p.waiting(), p.code())
	p.ok(err)
	// Whoever guesses may have got at the password by the mailbox: another one by the same
	// way is no hundred guesses more.
	step = p.waiting()
	for range commands.MaxTries {
		_, err := p.enter(step, "000000")
		p.refused(err, "factor.code_wrong")
	}
	mails := newPost(p.scene)
	_, err = p.RequestRecovery(t.Context(), p.system(), commands.RequestRecovery{Email: p.email})
	p.ok(err)
	done, _, err := p.RecoverPassword(t.Context(), p.system(), commands.RecoverPassword{Token: mails.secret(), Password: otherPassword})
	p.ok(err)
	p.password, p.now = otherPassword, p.now.Add(time.Minute)
	step, err = p.BeginCode(t.Context(), p.system(), commands.BeginCode{Actor: p.actor, Contact: p.contact, At: done.At})
	p.ok(err)
	_, err = p.enter(step, p.code())
	p.refused(err, "factor.blocked")
	_, err = p.enter(p.waiting(), p.codes[1])
	p.ok(err)
	// A new password that staff set, or the owner who is signed in, goes on.
	step = p.waiting()
	for range commands.MaxTries {
		_, err := p.enter(step, "000000")
		p.refused(err, "factor.code_wrong")
	}
	p.ok(second(p.SetLoginPassword(t.Context(), p.system(), commands.SetLoginPassword{Login: id.ID(p.actor.ID), Password: goodPassword})))
	p.password, p.now = goodPassword, p.now.Add(time.Minute)
	_, err = p.enter(p.waiting(), p.code())
	p.ok(err)
}

func TestSetUpNeedsThePasswordOnceMore(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, p *somebody) {
		d := p.withSite()
		_, at, err := p.typed()
		p.ok(err)
		session, err := p.start(commands.Password, at)
		p.ok(err)
		acts := map[string]func(with commands.Proof) error{
			"add app":     func(with commands.Proof) error { _, err := p.BeginTOTP(t.Context(), p.req(), with); return err },
			"add passkey": func(with commands.Proof) error { _, err := p.BeginPasskey(t.Context(), p.req(), with); return err },
			"make codes": func(with commands.Proof) error {
				_, _, err := p.MakeRecoveryCodes(t.Context(), p.req(), with)
				return err
			},
			"remove app": func(with commands.Proof) error { return second(p.RemoveTOTP(t.Context(), p.req(), with)) },
			"remove a key": func(with commands.Proof) error {
				return second(p.RemovePasskey(t.Context(), p.req(), commands.RemovePasskey{Passkey: "x", Proof: with}))
			},
		}
		for name, act := range acts {
			for _, wrong := range []struct {
				with commands.Proof
				key  string
			}{{commands.Proof{}, "factor.prove"}, {commands.Proof{Password: "wrong"}, "password.wrong"}, {commands.Proof{Session: "none"}, "factor.prove"}} {
				err := act(wrong.with)
				if f, ok := fault.As(err); !ok || f.Key != wrong.key {
					t.Errorf("%s with %+v: %v, want %s", name, wrong.with, err, wrong.key)
				}
			}
		}
		// Who has just signed in is not asked again; ten minutes later they are.
		p.ok(acts["add app"](commands.Proof{Session: session}))
		p.now = p.now.Add(commands.FreshSignIn - time.Second)
		p.ok(acts["add app"](commands.Proof{Session: session}))
		p.now = p.now.Add(time.Second)
		p.refused(acts["add app"](commands.Proof{Session: session}), "factor.prove")
		p.withPasskey(d, "Móvil")
		if n := p.events("factor.passkey_added"); n != 1 {
			t.Errorf("%d passkeys", n)
		}
	})
}

func TestSetUpEndsOtherSessions(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, p *somebody) {
		_, at, err := p.typed()
		p.ok(err)
		here, err := p.start(commands.Password, at)
		p.ok(err)
		there, err := p.start(commands.Password, at)
		p.ok(err)
		step, err := p.BeginTOTP(t.Context(), p.req(), p.proof())
		p.ok(err)
		set, err := p.TOTPSetUp(t.Context(), p.req(), step)
		p.ok(err)
		if !strings.HasPrefix(set.URI, "otpauth://totp/Conservas%20del%20Norte:") {
			t.Errorf("scanned as %s", set.URI)
		}
		p.secret, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(set.Secret)
		p.ok(err)
		_, _, err = p.ConfirmTOTP(t.Context(), p.req(), commands.ConfirmTOTP{Step: step, Code: "000000", Kept: here})
		p.refused(err, "factor.code_wrong")
		_, _, err = p.ConfirmTOTP(t.Context(), p.req(), commands.ConfirmTOTP{Step: step, Code: p.code(), Kept: here})
		p.ok(err)
		if !p.alive(here) || p.alive(there) {
			t.Errorf("here %v, there %v", p.alive(here), p.alive(there))
		}
		_, _, err = p.ConfirmTOTP(t.Context(), p.req(), commands.ConfirmTOTP{Step: step, Code: p.code(), Kept: here})
		p.refused(err, "factor.step_over")
		_, err = p.BeginTOTP(t.Context(), p.req(), p.proof())
		p.refused(err, "factor.totp_there")
	})
}

// Somebody else's set-up can't be finished, nor looked at.
func TestASetUpIsItsPersons(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.somebodyOf(false)
	step, err := p.BeginTOTP(t.Context(), p.req(), p.proof())
	p.ok(err)
	stranger := s.client("Otro", "B87654321", "")
	mallory := s.as(s.login(stranger, "m@example.com", access.Full, otherPassword), stranger)
	_, err = s.TOTPSetUp(t.Context(), mallory, step)
	s.refused(err, "factor.step_over")
	_, _, err = s.ConfirmTOTP(t.Context(), mallory, commands.ConfirmTOTP{Step: step, Code: "000000"})
	s.refused(err, "factor.step_over")
	for name, req := range map[string]commands.Request{"the system": s.system(), "a link": s.by("01J0000000000000000000000X", p.contact)} {
		if _, _, err := s.FactorsOf(t.Context(), req); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSignInByPasskey(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, p *somebody) {
		d := p.withSite()
		p.withPasskey(d, "Móvil de Ana")
		if len(p.codes) != factor.Codes {
			t.Errorf("%d recovery codes", len(p.codes))
		}
		p.now = p.now.Add(time.Hour)
		e, err := p.byPasskey(d, "") // instead of the password
		p.ok(err)
		if e.Actor != p.actor || e.Contact != p.contact {
			t.Errorf("entered %+v", e)
		}
		_, err = p.start(commands.Second, e.At)
		p.ok(err)
		e, err = p.byPasskey(d, p.waiting()) // besides it
		p.ok(err)
		_, err = p.start(commands.Second, e.At)
		p.ok(err)
		f, keys, err := p.FactorsOf(t.Context(), p.req())
		p.ok(err)
		if len(f.Passkeys) != 1 || f.Passkeys[0].Name != "Móvil de Ana" || len(keys) != 1 || !keys[0].Used.Equal(p.now) {
			t.Errorf("%+v, %+v", f, keys)
		}
		for i := range p.events("factor.passkey_added") {
			if i > 0 {
				t.Error("a sign-in added a passkey")
			}
		}
	})
}

func TestPasskeysThatDoNotSignIn(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	d := s.withSite()
	p := s.somebodyOf(false).withPasskey(d, "Móvil")
	luis := s.somebodyOf(true)
	theirs := &passkeystest.Authenticator{Origin: portalSite, RPID: "portal.example.com"}
	luis.withPasskey(theirs, "Llave")

	// At the other door.
	asked, err := s.AskPasskey(t.Context(), s.system(), commands.AskPasskey{Door: event.ActorStaff})
	s.ok(err)
	_, err = s.EnterPasskey(t.Context(), s.system(), commands.EnterPasskey{Step: asked.Step, Answer: d.Get(t, asked.Options), Door: event.ActorStaff})
	s.refused(err, "passkey.failed")
	// An answer is good once, also a right one.
	asked, err = s.AskPasskey(t.Context(), s.system(), commands.AskPasskey{Door: event.ActorLogin})
	s.ok(err)
	answer := d.Get(t, asked.Options)
	enter := commands.EnterPasskey{Step: asked.Step, Answer: answer, Door: event.ActorLogin}
	_, err = s.EnterPasskey(t.Context(), s.system(), enter)
	s.ok(err)
	_, err = s.EnterPasskey(t.Context(), s.system(), enter)
	s.refused(err, "signin.step_over")
	// Nor for another question.
	asked, err = s.AskPasskey(t.Context(), s.system(), commands.AskPasskey{Door: event.ActorLogin})
	s.ok(err)
	_, err = s.EnterPasskey(t.Context(), s.system(), commands.EnterPasskey{Step: asked.Step, Answer: answer, Door: event.ActorLogin})
	s.refused(err, "passkey.failed")
	// Another person's passkey does not go on with a sign-in of this one.
	stranger := s.client("Otro", "B87654321", "")
	mallory := &somebody{scene: s, contact: stranger, actor: login(s.login(stranger, "m@example.com", access.Full, "otro-molino-sin-agua-44")), password: "otro-molino-sin-agua-44", email: "m@example.com"}
	mallorys := &passkeystest.Authenticator{Origin: portalSite, RPID: "portal.example.com"}
	mallory.withPasskey(mallorys, "Mía")
	asked, err = s.AskPasskey(t.Context(), s.system(), commands.AskPasskey{Step: p.waiting(), Door: event.ActorLogin})
	s.ok(err)
	if got := mallorys.Get(t, asked.Options); got != nil {
		t.Error("another's passkey was asked for")
	}
	// A removed one, by its person, by staff, and with the password.
	for name, act := range map[string]func() error{
		"by its person": func() error {
			mallory.withPasskey(mallorys, "Otra")
			f, _, err := mallory.FactorsOf(t.Context(), mallory.req())
			s.ok(err)
			for _, key := range f.Passkeys {
				s.ok(second(mallory.RemovePasskey(t.Context(), mallory.req(), commands.RemovePasskey{Passkey: key.ID, Proof: mallory.proof()})))
			}
			return nil
		},
		"by staff": func() error {
			mallory.withPasskey(mallorys, "Otra")
			return second(s.ClearFactors(t.Context(), s.system(), commands.ClearFactors{Login: id.ID(mallory.actor.ID)}))
		},
		"with the password": func() error {
			mallory.withPasskey(mallorys, "Otra")
			s.ok(second(s.RemoveLoginPassword(t.Context(), s.system(), commands.RemoveLoginPassword{Login: id.ID(mallory.actor.ID)})))
			return second(s.SetLoginPassword(t.Context(), s.system(), commands.SetLoginPassword{Login: id.ID(mallory.actor.ID), Password: mallory.password}))
		},
	} {
		s.ok(act())
		if _, err := mallory.byPasskey(mallorys, ""); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("a passkey that was removed %s: %v", name, err)
		}
		if list, err := s.Vault.ListPasskeys(t.Context(), s.acc, id.ID(mallory.actor.ID)); err != nil || len(list) != 0 {
			t.Errorf("removed %s, the vault has %d, %v", name, len(list), err)
		}
	}
	// One of somebody without a password: staff took the access away.
	mallory.withPasskey(mallorys, "Otra")
	s.ok(s.Vault.RemovePassword(t.Context(), s.acc, id.ID(mallory.actor.ID)))
	if _, err := s.AskPasskey(t.Context(), s.system(), commands.AskPasskey{Step: "x", Door: event.ActorLogin}); !fault.Is(err, fault.Gone) {
		t.Errorf("without a step: %v", err)
	}
	s.Authenticators = nil
	_, err = s.AskPasskey(t.Context(), s.system(), commands.AskPasskey{Door: event.ActorLogin})
	s.refused(err, "passkey.unavailable")
}

// Taking the password away takes what replaces it; what is asked for besides stays.
func TestRemovingThePasswordKeepsTheApp(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.somebodyOf(false).withApp().withPasskey(s.withSite(), "Móvil")
	s.ok(second(s.RemoveLoginPassword(t.Context(), s.system(), commands.RemoveLoginPassword{Login: id.ID(p.actor.ID)})))
	s.ok(second(s.SetLoginPassword(t.Context(), s.system(), commands.SetLoginPassword{Login: id.ID(p.actor.ID), Password: p.password})))
	f, keys, err := p.FactorsOf(t.Context(), p.req())
	s.ok(err)
	if !f.TOTP || len(f.Passkeys) != 0 || len(keys) != 0 || f.Codes != factor.Codes {
		t.Errorf("%+v, %d passkeys in the vault", f, len(keys))
	}
	_, err = p.enter(p.waiting(), p.code())
	s.ok(err)
}

// A recovery link is worth no more than the password that it sets.
func TestRecoveryDoesNotGetRoundTheSecondFactor(t *testing.T) {
	t.Parallel()
	p := newScene(t).somebodyOf(false).withApp()
	mails := newPost(p.scene)
	_, err := p.RequestRecovery(t.Context(), p.system(), commands.RequestRecovery{Email: p.email})
	p.ok(err)
	done, _, err := p.RecoverPassword(t.Context(), p.system(), commands.RecoverPassword{Token: mails.secret(), Password: otherPassword})
	p.ok(err)
	if !done.Second {
		t.Error("it says that the password is enough")
	}
	_, err = p.start(commands.Password, done.At)
	p.refused(err, "signin.code_needed")
	step, err := p.BeginCode(t.Context(), p.system(), commands.BeginCode{Actor: p.actor, Contact: p.contact, At: done.At})
	p.ok(err)
	e, err := p.enter(step, p.code())
	p.ok(err)
	_, err = p.start(commands.Second, e.At)
	p.ok(err)
}

func TestStaffClearFactors(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p, luis := s.somebodyOf(false).withApp(), s.somebodyOf(true)
	e, err := p.enter(p.waiting(), p.code())
	s.ok(err)
	session, err := p.start(commands.Second, e.At)
	s.ok(err)
	req := luis.req()
	for range 2 {
		s.ok(second(s.ClearFactors(t.Context(), req, commands.ClearFactors{Login: id.ID(p.actor.ID)})))
	}
	if p.alive(session) || s.events("factor.cleared") != 1 {
		t.Errorf("alive %v, %d events", p.alive(session), s.events("factor.cleared"))
	}
	if second, _, err := p.typed(); err != nil || second {
		t.Errorf("still asked for more: %v, %v", second, err)
	}
	boss, _, err := s.AddStaff(t.Context(), s.system(), commands.AddStaff{Email: "boss@example.com", Name: "Boss", Role: account.StaffAdmin})
	s.ok(err)
	admin := s.system()
	admin.Actor = clerk(boss)
	_, err = s.ClearStaffFactors(t.Context(), admin, commands.ClearStaffFactors{Staff: boss})
	s.refused(err, "factor.own")
}

func TestStaffMustHaveASecondFactor(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	luis := s.somebodyOf(true)
	boss, _, err := s.AddStaff(t.Context(), s.system(), commands.AddStaff{Email: "boss@example.com", Name: "Boss", Role: account.StaffAdmin, Password: "otro-molino-sin-agua-44"})
	s.ok(err)
	admin := &somebody{scene: s, actor: clerk(boss), password: "otro-molino-sin-agua-44", email: "boss@example.com"}
	require := func(req commands.Request, required bool) error {
		return second(s.RequireStaffFactor(t.Context(), req, commands.RequireStaffFactor{Required: required}))
	}
	s.refused(require(luis.req(), true), "access.role")
	stranger := s.client("Otro", "B87654321", "")
	s.refused(require(s.as(s.login(stranger, "m@example.com", access.Full, ""), stranger), true), "not_found")
	s.refused(require(admin.req(), true), "factor.own_first")
	admin.withApp()
	s.ok(require(admin.req(), true))
	s.ok(require(admin.req(), true))
	if n := s.events("account.staff_factor_required"); n != 1 {
		t.Errorf("%d events", n)
	}
	change := func(p *somebody) error {
		return second(s.ChangeContact(t.Context(), p.req(), commands.ChangeContact{Contact: stranger, Details: contact.Details{Name: "Otro más"}}))
	}
	s.refused(change(luis), "factor.required")
	s.ok(change(admin))
	luis.withApp() // as far as that they come
	s.ok(change(luis))
	s.ok(require(admin.req(), false))
}

// The main login signs in with what the record says, unless staff gave it another email.
func TestTheMainLoginFollowsTheRecord(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	who := s.client("Bar Manolo", "B12345674", "old@example.com")
	main, _, err := s.CreateLogin(t.Context(), s.system(), commands.CreateLogin{Contact: who, Role: access.Full, Password: goodPassword})
	s.ok(err)
	other := s.login(who, "colleague@example.com", access.Read, "")
	session := s.session(main, who)
	mails := newPost(s)
	_, err = s.RequestRecovery(t.Context(), s.system(), commands.RequestRecovery{Email: "old@example.com"})
	s.ok(err)
	recovery := mails.secret()
	change := func(email string) {
		t.Helper()
		s.ok(second(s.ChangeContact(t.Context(), s.system(), commands.ChangeContact{Contact: who, Details: contact.Details{Name: "Bar Manolo", TaxID: "B12345674", Email: email}})))
	}
	emails := func(want, wantOther string) {
		t.Helper()
		if l := fold(s, access.LoginDecider(), string(main)); l.Email != want {
			t.Errorf("the main login has %s, want %s", l.Email, want)
		}
		if l := fold(s, access.LoginDecider(), string(other)); l.Email != wantOther {
			t.Errorf("the other login has %s", l.Email)
		}
	}
	signIn := func(email, key string) {
		t.Helper()
		_, err := s.SignIn(t.Context(), s.system(), commands.SignIn{Email: email, Password: goodPassword})
		if key == "" {
			s.ok(err)
			return
		}
		s.refused(err, key)
	}
	change("New@example.com")
	emails("new@example.com", "colleague@example.com")
	signIn("new@example.com", "")
	signIn("old@example.com", "signin.failed")
	if s.alive(session) {
		t.Error("a session outlived its email")
	}
	_, _, err = s.RecoverPassword(t.Context(), s.system(), commands.RecoverPassword{Token: recovery, Password: otherPassword})
	s.refused(err, "recovery.expired")
	s.login(s.client("Otro", "B87654321", ""), "old@example.com", access.Full, "") // it is free again

	change("colleague@example.com") // another login has it: the main one keeps its own
	emails("new@example.com", "colleague@example.com")
	s.ok(second(s.ChangeLogin(t.Context(), s.system(), commands.ChangeLogin{Login: main, Email: "own@example.com"})))
	change("third@example.com")
	emails("own@example.com", "colleague@example.com")
	signIn("own@example.com", "")
	change("")
	emails("own@example.com", "colleague@example.com")
}

func TestStaffEndALoginsSessions(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p, luis := s.somebodyOf(false), s.somebodyOf(true)
	session := s.session(id.ID(p.actor.ID), p.contact)
	end := func(req commands.Request) error {
		return second(s.EndLoginSessions(t.Context(), req, commands.EndLoginSessions{Login: id.ID(p.actor.ID)}))
	}
	eva, _, err := s.AddStaff(t.Context(), s.system(), commands.AddStaff{Email: "eva@example.com", Name: "Eva", Role: account.StaffReader})
	s.ok(err)
	reader := s.system()
	reader.Actor = clerk(eva)
	s.refused(end(reader), "access.role")
	s.refused(end(p.req()), "not_found")
	if !s.alive(session) {
		t.Fatal("ended by who may not")
	}
	s.ok(end(luis.req()))
	if s.alive(session) {
		t.Error("it goes on")
	}
}

func TestStaffChangeTheirOwnPassword(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	luis := s.somebodyOf(true)
	_, at, err := luis.typed()
	s.ok(err)
	here, err := luis.start(commands.Password, at)
	s.ok(err)
	there, err := luis.start(commands.Password, at)
	s.ok(err)
	change := func(current, fresh string) error {
		return second(s.ChangeStaffPassword(t.Context(), luis.req(), commands.ChangeStaffPassword{Current: current, New: fresh, Kept: here}))
	}
	s.refused(change("wrong", goodPassword), "password.wrong")
	s.refused(change(otherPassword, "luisluisluis"), "password.self_derived")
	s.refused(second(s.SetStaffPassword(t.Context(), luis.req(), commands.SetStaffPassword{Staff: id.ID(luis.actor.ID), Password: goodPassword})), "access.role")
	s.ok(change(otherPassword, goodPassword))
	if !luis.alive(here) || luis.alive(there) {
		t.Errorf("here %v, there %v", luis.alive(here), luis.alive(there))
	}
	luis.password = goodPassword
	_, _, err = luis.typed()
	s.ok(err)
}

// Of factors the log says that they are there, and no more.
func TestTheLogHasNoSecretsOfFactors(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.somebodyOf(false).withApp().withPasskey(s.withSite(), "Móvil de Ana")
	stored, err := s.Store.ReadFeed(t.Context(), 0, 10_000, nil)
	s.ok(err)
	for i := range stored {
		data := string(stored[i].Data)
		for _, secret := range append([]string{string(p.secret), factor.SecretText(p.secret), "Móvil de Ana"}, p.codes...) {
			if strings.Contains(data, secret) {
				t.Errorf("%s has %q", stored[i].Type, secret)
			}
		}
	}
}
