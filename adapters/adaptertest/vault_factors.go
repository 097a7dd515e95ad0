package adaptertest

import (
	"errors"
	"slices"
	"time"

	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
)

// factorCases are the guarantees of commands.Factors and commands.Steps.
func factorCases() []struct {
	name string
	test func(*vault)
} {
	return []struct {
		name string
		test func(*vault)
	}{
		{"a secret of an app is kept, replaced and removed", totps},
		{"a code's step is used once, and none before it", totpSteps},
		{"of two uses of a step at the same moment one gets it", totpStepsAtTheSameMoment},
		{"a recovery code is used once", recoveryCodes},
		{"of two uses of a recovery code at the same moment one gets it", recoveryCodesAtTheSameMoment},
		{"passkeys are found by their credential and listed to their person", passkeys},
		{"typed codes are counted until they are forgotten", tries},
		{"cleared factors are gone, others' are not", clearedFactors},
		{"a step is found for its purpose until its last moment", stepsExpire},
		{"of two ends of a step at the same moment one gets it", stepsAtTheSameMoment},
		{"a session is ended by its mark, by its actor alone", sessionsEndByMark},
		{"factors and steps are there after a restart", factorsAfterRestart},
	}
}

func (v *vault) totp(acc id.Account, person id.ID) string {
	v.t.Helper()
	secret, err := v.v.TOTP(v.ctx, acc, person)
	v.must(err)
	return string(secret)
}

func (v *vault) useStep(acc id.Account, person id.ID, step int64) bool {
	v.t.Helper()
	ok, err := v.v.UseStep(v.ctx, acc, person, step)
	v.must(err)
	return ok
}

func totps(v *vault) {
	if secret, err := v.v.TOTP(v.ctx, one, "l1"); err != nil || secret != nil {
		v.t.Errorf("before it was set: %q, %v", secret, err)
	}
	v.must(v.v.RemoveTOTP(v.ctx, one, "l1"))
	v.must(v.v.SetTOTP(v.ctx, one, "l1", []byte("secret"), 10))
	v.must(v.v.SetTOTP(v.ctx, one, "l2", []byte("secret of l2"), 10))
	v.want("set", v.totp(one, "l1"), "secret")
	v.want("another's", v.totp(one, "l2"), "secret of l2")
	v.want("of another account", v.totp(two, "l1"), "")
	v.must(v.v.SetTOTP(v.ctx, one, "l1", []byte("another"), 5))
	v.want("replaced", v.totp(one, "l1"), "another")
	v.want("with its own steps", v.useStep(one, "l1", 6), true)
	v.must(v.v.RemoveTOTP(v.ctx, one, "l1"))
	v.must(v.v.RemoveTOTP(v.ctx, one, "l1"))
	v.want("removed", v.totp(one, "l1"), "")
	v.want("another's, still", v.totp(one, "l2"), "secret of l2")
}

func totpSteps(v *vault) {
	v.want("of nobody", v.useStep(one, "l1", 11), false)
	v.must(v.v.SetTOTP(v.ctx, one, "l1", []byte("secret"), 10))
	v.must(v.v.SetTOTP(v.ctx, one, "l2", []byte("secret"), 10))
	for _, s := range []struct {
		step int64
		want bool
	}{{9, false}, {10, false}, {12, true}, {12, false}, {11, false}, {13, true}} {
		if got := v.useStep(one, "l1", s.step); got != s.want {
			v.t.Errorf("step %d: %v, want %v", s.step, got, s.want)
		}
	}
	v.want("another's", v.useStep(one, "l2", 12), true)
	v.want("another account's", v.useStep(two, "l1", 20), false)
	v.must(v.v.RemoveTOTP(v.ctx, one, "l1"))
	v.want("once it is removed", v.useStep(one, "l1", 30), false)
}

// winners is how many of eight calls at the same moment got what they asked for.
func (v *vault) winners(call func() (bool, error)) int {
	got := make([]bool, 8)
	v.together(len(got), func(i int) {
		var err error
		if got[i], err = call(); err != nil {
			v.t.Error(err)
		}
	})
	n := 0
	for _, ok := range got {
		if ok {
			n++
		}
	}
	return n
}

func totpStepsAtTheSameMoment(v *vault) {
	v.must(v.v.SetTOTP(v.ctx, one, "l1", []byte("secret"), 10))
	v.want("who got the step", v.winners(func() (bool, error) { return v.v.UseStep(v.ctx, one, "l1", 11) }), 1)
}

func (v *vault) useCode(acc id.Account, person id.ID, code string) (int, bool) {
	v.t.Helper()
	left, ok, err := v.v.UseRecoveryCode(v.ctx, acc, person, code)
	v.must(err)
	return left, ok
}

func recoveryCodes(v *vault) {
	_, ok := v.useCode(one, "l1", "a")
	v.want("before there are any", ok, false)
	v.must(v.v.SetRecoveryCodes(v.ctx, one, "l1", []string{"a", "b", "c"}))
	v.must(v.v.SetRecoveryCodes(v.ctx, one, "l2", []string{"d"}))
	for _, other := range []struct {
		acc    id.Account
		person id.ID
		code   string
	}{{one, "l1", "d"}, {one, "l1", ""}, {one, "l2", "a"}, {two, "l1", "a"}, {one, "l1", "A"}} {
		if _, ok := v.useCode(other.acc, other.person, other.code); ok {
			v.t.Errorf("%+v is taken", other)
		}
	}
	left, ok := v.useCode(one, "l1", "b")
	v.want("used", ok && left == 2, true)
	left, ok = v.useCode(one, "l1", "b")
	v.want("used twice", !ok && left == 2, true)
	v.must(v.v.SetRecoveryCodes(v.ctx, one, "l1", []string{"x", "y"}))
	_, ok = v.useCode(one, "l1", "a")
	v.want("one of before", ok, false)
	left, ok = v.useCode(one, "l1", "x")
	v.want("one of now", ok && left == 1, true)
	v.must(v.v.SetRecoveryCodes(v.ctx, one, "l1", nil))
	_, ok = v.useCode(one, "l1", "y")
	v.want("taken away", ok, false)
	_, ok = v.useCode(one, "l2", "d")
	v.want("another's", ok, true)
}

func recoveryCodesAtTheSameMoment(v *vault) {
	v.must(v.v.SetRecoveryCodes(v.ctx, one, "l1", []string{"a", "b"}))
	v.want("who got the code", v.winners(func() (bool, error) {
		_, ok, err := v.v.UseRecoveryCode(v.ctx, one, "l1", "a")
		return ok, err
	}), 1)
}

func passkeyOf(passkey id.ID, login, credential string, at time.Time) commands.Passkey {
	return commands.Passkey{
		ID: passkey, Person: event.Actor{Kind: event.ActorLogin, ID: login}, Contact: ann, Credential: []byte(credential), Record: []byte("record of " + credential), Created: at,
	}
}

// foundPasskey wants the credential to be the passkey's, or nobody's.
func (v *vault) foundPasskey(what string, acc id.Account, credential string, want *commands.Passkey) {
	v.t.Helper()
	p, ok, err := v.v.FindPasskey(v.ctx, acc, []byte(credential))
	v.must(err)
	switch {
	case want == nil && ok:
		v.t.Errorf("%s: found %+v", what, p)
	case want != nil && !ok:
		v.t.Errorf("%s: not found", what)
	case want != nil:
		v.want(what, p, *want)
	}
}

func passkeys(v *vault) {
	phone, laptop, other := passkeyOf("p1", "l1", "cred-1", vaultNow), passkeyOf("p2", "l1", "cred-2", vaultNow.Add(time.Minute)), passkeyOf("p3", "l2", "cred-3", vaultNow)
	staff := commands.Passkey{ID: "p4", Person: event.Actor{Kind: event.ActorStaff, ID: "s1"}, Credential: []byte("cred-4"), Record: []byte("r"), Created: vaultNow}
	for _, p := range []commands.Passkey{laptop, phone, other, staff} {
		v.must(v.v.AddPasskey(v.ctx, one, p))
	}
	for _, taken := range []commands.Passkey{passkeyOf("p9", "l2", "cred-1", vaultNow), passkeyOf("p1", "l2", "cred-9", vaultNow)} {
		if err := v.v.AddPasskey(v.ctx, one, taken); !errors.Is(err, commands.ErrPasskeyTaken) {
			v.t.Errorf("added twice: %v, want ErrPasskeyTaken", err)
		}
	}
	v.must(v.v.AddPasskey(v.ctx, two, passkeyOf("p1", "l1", "cred-1", vaultNow))) // another account's own
	list := func(person id.ID) []commands.Passkey {
		v.t.Helper()
		all, err := v.v.ListPasskeys(v.ctx, one, person)
		v.must(err)
		return all
	}
	v.want("the person's, oldest first", list("l1"), []commands.Passkey{phone, laptop})
	v.foundPasskey("by its credential", one, "cred-2", &laptop)
	v.foundPasskey("staff's", one, "cred-4", &staff)
	v.foundPasskey("an unknown one", one, "cred-9", nil)
	v.foundPasskey("none", one, "", nil)
	phone.Record, phone.Used = []byte("newer"), vaultNow.Add(time.Hour)
	v.must(v.v.UsePasskey(v.ctx, one, "p1", phone.Record, phone.Used))
	v.must(v.v.UsePasskey(v.ctx, one, "gone", phone.Record, phone.Used))
	v.foundPasskey("once it was used", one, "cred-1", &phone)
	v.must(v.v.RemovePasskey(v.ctx, one, "l2", "p1"))
	v.foundPasskey("after another took it away", one, "cred-1", &phone)
	v.must(v.v.RemovePasskey(v.ctx, one, "l1", "p1"))
	v.must(v.v.RemovePasskey(v.ctx, one, "l1", "p1"))
	v.foundPasskey("removed", one, "cred-1", nil)
	v.want("what is left", list("l1"), []commands.Passkey{laptop})
	v.must(v.v.AddPasskey(v.ctx, one, passkeyOf("p5", "l2", "cred-1", vaultNow)))
}

func tries(v *vault) {
	count := func(acc id.Account, person id.ID) int {
		v.t.Helper()
		n, err := v.v.CountTry(v.ctx, acc, person)
		v.must(err)
		return n
	}
	v.want("counted", []int{count(one, "l1"), count(one, "l1"), count(one, "l2"), count(two, "l1")}, []int{1, 2, 1, 1})
	v.must(v.v.ForgetTries(v.ctx, one, "l1"))
	v.must(v.v.ForgetTries(v.ctx, one, "l1"))
	v.want("after they were forgotten", []int{count(one, "l1"), count(one, "l2")}, []int{1, 2})
	seen := make([]int, 8)
	v.together(len(seen), func(i int) {
		var err error
		if seen[i], err = v.v.CountTry(v.ctx, one, "l3"); err != nil {
			v.t.Error(err)
		}
	})
	slices.Sort(seen)
	v.want("counted at the same moment", seen, []int{1, 2, 3, 4, 5, 6, 7, 8})
}

func clearedFactors(v *vault) {
	for _, person := range []id.ID{"l1", "l2"} {
		v.must(v.v.SetTOTP(v.ctx, one, person, []byte("secret"), 1))
		v.must(v.v.SetRecoveryCodes(v.ctx, one, person, []string{"a"}))
		v.must(v.v.AddPasskey(v.ctx, one, passkeyOf("p of "+person, string(person), "cred of "+string(person), vaultNow)))
		_, err := v.v.CountTry(v.ctx, one, person)
		v.must(err)
	}
	v.must(v.v.ClearFactors(v.ctx, two, "l1"))
	v.want("after another account's were cleared", v.totp(one, "l1"), "secret")
	for range 2 {
		v.must(v.v.ClearFactors(v.ctx, one, "l1"))
	}
	for person, there := range map[id.ID]bool{"l1": false, "l2": true} {
		v.want("the secret of "+string(person), v.totp(one, person) != "", there)
		_, ok := v.useCode(one, person, "a")
		v.want("the code of "+string(person), ok, there)
		list, err := v.v.ListPasskeys(v.ctx, one, person)
		v.must(err)
		v.want("the passkeys of "+string(person), len(list) > 0, there)
		n, err := v.v.CountTry(v.ctx, one, person)
		v.must(err)
		v.want("the count of "+string(person), n == 2, there)
	}
}

func stepOf(purpose string) commands.Step {
	return commands.Step{
		Account: one, Purpose: purpose, Actor: event.Actor{Kind: event.ActorLogin, ID: "l1"}, Contact: ann, Revision: 7, Data: []byte("data"), Expires: vaultNow.Add(5 * time.Minute),
	}
}

func (v *vault) begin(s commands.Step) string {
	v.t.Helper()
	secret, err := v.v.BeginStep(v.ctx, s)
	v.must(err)
	return secret
}

func stepsExpire(v *vault) {
	s := stepOf("code")
	bare := commands.Step{Account: one, Purpose: "passkey", Data: []byte{}, Revision: event.NoStream, Expires: vaultNow.Add(time.Hour)}
	secret, anybodys := v.begin(s), v.begin(bare)
	v.want("two secrets", secret != anybodys && len(secret) > 40, true)
	find := func(purpose, secret string, at time.Time) (commands.Step, bool) {
		v.t.Helper()
		got, ok, err := v.v.FindStep(v.ctx, purpose, secret, at)
		v.must(err)
		return got, ok
	}
	for range 2 {
		got, ok := find("code", secret, vaultNow)
		v.want("found", ok, true)
		v.want("the step", got, s)
	}
	got, _ := find("passkey", anybodys, vaultNow)
	v.want("a step of nobody yet", got, bare)
	_, ok := find("code", secret, s.Expires.Add(-time.Millisecond))
	v.want("a millisecond before its end", ok, true)
	for what, of := range map[string]struct {
		purpose, secret string
		at              time.Time
	}{
		"at its end": {"code", secret, s.Expires}, "for another purpose": {"passkey", secret, vaultNow}, "another secret": {"code", secret + "A", vaultNow}, "none": {"code", "", vaultNow},
	} {
		_, ok := find(of.purpose, of.secret, of.at)
		v.want("found "+what, ok, false)
		_, ok, err := v.v.EndStep(v.ctx, of.purpose, of.secret, of.at)
		v.must(err)
		v.want("ended "+what, ok, false)
	}
	secret = v.begin(s)
	ended, ok, err := v.v.EndStep(v.ctx, "code", secret, vaultNow)
	v.must(err)
	v.want("ended", ok, true)
	v.want("what was ended", ended, s)
	_, ok = find("code", secret, vaultNow)
	v.want("after its end", ok, false)
}

func stepsAtTheSameMoment(v *vault) {
	secret := v.begin(stepOf("code"))
	v.want("who ended the step", v.winners(func() (bool, error) {
		_, ok, err := v.v.EndStep(v.ctx, "code", secret, vaultNow)
		return ok, err
	}), 1)
}

func sessionsEndByMark(v *vault) {
	actor := event.Actor{Kind: event.ActorLogin, ID: "l1"}
	a, b := v.start(sessionOf(one, "l1", vaultNow)), v.start(sessionOf(one, "l1", vaultNow))
	s, ok, err := v.v.FindSession(v.ctx, a, vaultNow)
	v.must(err)
	v.want("there", ok, true)
	end := func(acc id.Account, who event.Actor, mark string) bool {
		v.t.Helper()
		ended, err := v.v.EndMarked(v.ctx, acc, who, mark)
		v.must(err)
		return ended
	}
	v.want("by another", end(one, event.Actor{Kind: event.ActorLogin, ID: "l2"}, s.Mark), false)
	v.want("by staff of the same id", end(one, event.Actor{Kind: event.ActorStaff, ID: "l1"}, s.Mark), false)
	v.want("in another account", end(two, actor, s.Mark), false)
	v.want("without a mark", end(one, actor, ""), false)
	v.want("open still", v.open(a, vaultNow), true)
	v.want("by its own", end(one, actor, s.Mark), true)
	v.want("again", end(one, actor, s.Mark), false)
	v.want("ended", v.open(a, vaultNow), false)
	v.want("the other", v.open(b, vaultNow), true)
}

func factorsAfterRestart(v *vault) {
	if v.reopen == nil {
		return // it forgets
	}
	p := passkeyOf("p1", "l1", "cred-1", vaultNow)
	v.must(v.v.SetTOTP(v.ctx, one, "l1", []byte("secret"), 10))
	v.want("used", v.useStep(one, "l1", 11), true)
	v.must(v.v.SetRecoveryCodes(v.ctx, one, "l1", []string{"a", "b"}))
	v.useCode(one, "l1", "a")
	v.must(v.v.AddPasskey(v.ctx, one, p))
	_, err := v.v.CountTry(v.ctx, one, "l1")
	v.must(err)
	step := v.begin(stepOf("code"))

	v.v, err = v.reopen()
	v.must(err)
	v.want("the secret", v.totp(one, "l1"), "secret")
	v.want("a used step", v.useStep(one, "l1", 11), false)
	_, ok := v.useCode(one, "l1", "a")
	v.want("a used code", ok, false)
	_, ok = v.useCode(one, "l1", "b")
	v.want("another code", ok, true)
	v.foundPasskey("the passkey", one, "cred-1", &p)
	n, err := v.v.CountTry(v.ctx, one, "l1")
	v.must(err)
	v.want("the count", n, 2)
	got, ok, err := v.v.FindStep(v.ctx, "code", step, vaultNow)
	v.must(err)
	v.want("the step", ok, true)
	v.want("what it is", got, stepOf("code"))
}
