package factor_test

import (
	"crypto/rand"
	"net/url"
	"strings"
	"testing"
	"time"

	"lonja/domain/decider"
	"lonja/domain/decider/decidertest"
	"lonja/domain/event"
	"lonja/domain/factor"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// person folds factors alone, as logins and staff fold them with the rest.
func person() decider.Decider[factor.State] {
	return decider.Decider[factor.State]{Category: "person", Initial: func() factor.State { return factor.State{} }, Evolve: factor.Evolve}
}

var (
	phone  = id.ID("01J0000000000000000000000P")
	laptop = id.ID("01J0000000000000000000000Q")
	codes  = factor.CodesMade{Count: factor.Codes}
)

func key(passkey id.ID, name string) factor.PasskeyAdded {
	return factor.PasskeyAdded{Passkey: passkey, Name: event.Seal(name)}
}

func TestAnAppIsAddedAndRemoved(t *testing.T) {
	t.Parallel()
	decidertest.Given(t, person()).When(factor.AddTOTP).Then(factor.TOTPAdded{}, codes)
	decidertest.Given(t, person(), factor.TOTPAdded{}, codes).When(factor.AddTOTP).ThenRefused(fault.Conflict, "factor.totp_there")
	decidertest.Given(t, person(), key(phone, "Móvil"), codes).When(factor.AddTOTP).Then(factor.TOTPAdded{})
	decidertest.Given(t, person(), key(phone, "Móvil"), codes, factor.CodeUsed{Left: 0}).When(factor.AddTOTP).Then(factor.TOTPAdded{}, codes)
	decidertest.Given(t, person(), factor.TOTPAdded{}, codes, factor.TOTPRemoved{}).When(factor.AddTOTP).Then(factor.TOTPAdded{}, codes)
	decidertest.Given(t, person(), factor.TOTPAdded{}, codes).When(factor.RemoveTOTP).Then(factor.TOTPRemoved{})
	decidertest.Given(t, person()).When(factor.RemoveTOTP).ThenNothing()
}

func TestPasskeysAreAddedAndRemoved(t *testing.T) {
	t.Parallel()
	add := func(passkey id.ID, name string) func(factor.State) ([]event.Event, error) {
		return func(s factor.State) ([]event.Event, error) { return factor.AddPasskey(s, passkey, name) }
	}
	remove := func(passkey id.ID) func(factor.State) ([]event.Event, error) {
		return func(s factor.State) ([]event.Event, error) { return factor.RemovePasskey(s, passkey) }
	}
	decidertest.Given(t, person()).When(add(phone, "  Móvil  de Ana ")).Then(key(phone, "Móvil de Ana"), codes)
	decidertest.Given(t, person(), key(phone, "Móvil"), codes).When(add(laptop, "Portátil")).Then(key(laptop, "Portátil"))
	decidertest.Given(t, person(), factor.TOTPAdded{}, codes).When(add(phone, "Móvil")).Then(key(phone, "Móvil"))
	decidertest.Given(t, person()).When(add(phone, " ")).ThenRefused(fault.Invalid, "text.missing")
	decidertest.Given(t, person()).When(add(phone, strings.Repeat("ñ", 61))).ThenRefused(fault.Invalid, "text.too_long")
	var many []event.Event
	for i := range factor.MaxPasskeys {
		many = append(many, key(id.DeriveID("passkey", string(rune('a'+i))), "x"))
	}
	decidertest.Given(t, person(), many...).When(add(phone, "Móvil")).ThenRefused(fault.Conflict, "factor.too_many_passkeys")
	decidertest.Given(t, person(), key(phone, "Móvil"), key(laptop, "Portátil")).When(remove(phone)).Then(factor.PasskeyRemoved{Passkey: phone})
	decidertest.Given(t, person(), key(laptop, "Portátil")).When(remove(phone)).ThenRefused(fault.NotFound, "not_found")
	decidertest.Given(t, person(), key(phone, "Móvil"), key(laptop, "Portátil")).
		When(func(s factor.State) ([]event.Event, error) { return factor.RemovePasskeys(s), nil }).
		Then(factor.PasskeyRemoved{Passkey: phone}, factor.PasskeyRemoved{Passkey: laptop})
}

func TestRecoveryCodesAreMadeAndUsedUp(t *testing.T) {
	t.Parallel()
	use := func(left int) func(factor.State) ([]event.Event, error) {
		return func(s factor.State) ([]event.Event, error) { return factor.UseCode(s, left) }
	}
	decidertest.Given(t, person(), factor.TOTPAdded{}, codes).When(use(9)).Then(factor.CodeUsed{Left: 9})
	decidertest.Given(t, person(), factor.TOTPAdded{}, codes, factor.CodeUsed{Left: 7}).When(use(8)).ThenNothing() // told late
	decidertest.Given(t, person(), factor.TOTPAdded{}, codes, factor.CodeUsed{Left: 3}).When(factor.MakeCodes).Repeatable("each time they are others").Then(codes)
	decidertest.Given(t, person()).When(factor.MakeCodes).ThenRefused(fault.Conflict, "factor.none")
}

func TestFactorsAreCleared(t *testing.T) {
	t.Parallel()
	decidertest.Given(t, person(), factor.TOTPAdded{}, codes, key(phone, "Móvil")).When(factor.Clear).Then(factor.Cleared{})
	decidertest.Given(t, person()).When(factor.Clear).ThenNothing()
}

func TestWithTheLastFactorItsCodesGo(t *testing.T) {
	t.Parallel()
	s := person().Fold(factor.TOTPAdded{}, codes, key(phone, "Móvil"), factor.TOTPRemoved{})
	if !s.Second() || s.Codes != factor.Codes || s.Passkeys[0].Name != "Móvil" || !s.Has(phone) || s.Has(laptop) {
		t.Errorf("with a passkey left: %+v", s)
	}
	if s = factor.Evolve(s, factor.PasskeyRemoved{Passkey: phone}); s.Second() || s.Codes != 0 {
		t.Errorf("with none left: %+v", s)
	}
}

// The vectors of RFC 6238, appendix B, for SHA-1, cut to six digits as RFC 4226 cuts them.
func TestCodesAreThoseOfTheRFC(t *testing.T) {
	t.Parallel()
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		if got := factor.Code(secret, factor.Step(time.Unix(at, 0))); got != want[2:] {
			t.Errorf("at %d: %s, want %s", at, got, want[2:])
		}
	}
	for counter, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} { // RFC 4226, appendix D
		if got := factor.Code(secret, int64(counter)); got != want {
			t.Errorf("counter %d: %s, want %s", counter, got, want)
		}
	}
}

func TestACodeIsGoodAStepBeforeAndAfter(t *testing.T) {
	t.Parallel()
	secret := []byte("12345678901234567890")
	at := time.Unix(1111111109, 0) // the last second of its step
	code := factor.Code(secret, factor.Step(at))
	for _, c := range []struct {
		typed string
		after time.Duration
		want  bool
	}{
		{code, 0, true}, {code[:3] + " " + code[3:], 0, true}, {code, 30 * time.Second, true}, {code, 31 * time.Second, false},
		{code, -59 * time.Second, true}, {code, -60 * time.Second, false}, {"", 0, false}, {code[:5], 0, false}, {code + "0", 0, false}, {"081805", 0, false},
	} {
		step, ok := factor.Match(secret, c.typed, at.Add(c.after))
		if ok != c.want || ok && step != factor.Step(at) {
			t.Errorf("%q after %v: %v (step %d), want %v", c.typed, c.after, ok, step, c.want)
		}
	}
}

func TestWhatAppsScan(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(factor.URI([]byte("12345678901234567890"), "Conservas & Cía", "ana+1@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Conservas & Cía:ana+1@example.com" ||
		u.Query().Get("secret") != "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" || u.Query().Get("issuer") != "Conservas & Cía" {
		t.Errorf("%s", u)
	}
	if strings.Contains(u.RawQuery, "+") {
		t.Errorf("apps show the plus sign of %s", u.RawQuery)
	}
}

func TestRecoveryCodesAreReadAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		var random [factor.RecoverySize]byte
		_, _ = rand.Read(random[:])
		code := factor.RecoveryCode(random)
		if len(code) != 19 || seen[code] || factor.IsCode(code) {
			t.Fatalf("%q", code)
		}
		seen[code] = true
		want := strings.ReplaceAll(code, "-", "")
		look := strings.NewReplacer("0", "O", "1", "l")
		for _, typed := range []string{code, strings.ToUpper(code), " " + strings.ReplaceAll(code, "-", " ") + "\n", look.Replace(code)} {
			if got := factor.NormalRecoveryCode(typed); got != want {
				t.Fatalf("%q is read as %q, want %q", typed, got, want)
			}
		}
	}
}
