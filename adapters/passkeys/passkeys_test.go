package passkeys_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"lonja/adapters/passkeys"
	"lonja/adapters/passkeys/passkeystest"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
)

const site = "https://portal.example.com"

var ana = commands.PasskeyOwner{ID: id.DeriveID("login ana"), Email: "ana@example.com", Name: "Ana", Site: "Conservas"}

func open(t *testing.T) *passkeys.Authenticators {
	t.Helper()
	a, ok, err := passkeys.New(site)
	if err != nil || !ok {
		t.Fatalf("%v, %v", ok, err)
	}
	return a
}

func device() *passkeystest.Authenticator {
	return &passkeystest.Authenticator{Origin: site, RPID: "portal.example.com"}
}

// registered makes a passkey of Ana's.
func registered(t *testing.T, a *passkeys.Authenticators, d *passkeystest.Authenticator) commands.Passkey {
	t.Helper()
	options, state, err := a.BeginRegistration(ana, nil)
	if err != nil {
		t.Fatal(err)
	}
	credential, record, err := a.FinishRegistration(ana, state, d.Create(t, options))
	if err != nil {
		t.Fatal(err)
	}
	return commands.Passkey{ID: "p1", Person: event.Actor{Kind: event.ActorLogin, ID: string(ana.ID)}, Credential: credential, Record: record}
}

// finder finds one passkey.
func finder(k commands.Passkey) func([]byte) (commands.Passkey, bool, error) {
	return func(credential []byte) (commands.Passkey, bool, error) {
		return k, bytes.Equal(credential, k.Credential), nil
	}
}

func TestAPasskeySignsIn(t *testing.T) {
	t.Parallel()
	a, d := open(t), device()
	k := registered(t, a, d)
	for _, known := range [][]commands.Passkey{nil, {k}} {
		who := id.ID("")
		if known != nil {
			who = ana.ID
		}
		options, state, err := a.BeginAssertion(who, known)
		if err != nil {
			t.Fatal(err)
		}
		got, err := a.FinishAssertion(state, d.Get(t, options), finder(k))
		if err != nil || got.ID != k.ID || len(got.Record) == 0 {
			t.Errorf("%d known: %+v, %v", len(known), got, err)
		}
	}
}

// What is asked is asked with the person verified, kept on the device, and not where
// there is a passkey already.
func TestWhatIsAsked(t *testing.T) {
	t.Parallel()
	a := open(t)
	k := registered(t, a, device())
	options, _, err := a.BeginRegistration(ana, []commands.Passkey{k})
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		RP                     struct{ ID, Name string }
		User                   struct{ Name, DisplayName string }
		ExcludeCredentials     []struct{ ID string }
		AuthenticatorSelection struct{ ResidentKey, UserVerification string }
	}
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	if o.RP.ID != "portal.example.com" || o.RP.Name != "Conservas" || o.User.Name != ana.Email || o.User.DisplayName != ana.Name ||
		len(o.ExcludeCredentials) != 1 || o.AuthenticatorSelection.ResidentKey != "required" || o.AuthenticatorSelection.UserVerification != "required" {
		t.Errorf("asked for %s", options)
	}
	options, _, err = a.BeginAssertion("", nil)
	if err != nil || !strings.Contains(string(options), `"userVerification":"required"`) || strings.Contains(string(options), "allowCredentials") {
		t.Errorf("asked for %s, %v", options, err)
	}
}

func TestWrongAnswersToRegister(t *testing.T) {
	t.Parallel()
	a := open(t)
	for name, spoil := range map[string]func(d *passkeystest.Authenticator){
		"of another site's page":   func(d *passkeystest.Authenticator) { d.Origin = "https://portal.example.com.evil.example" },
		"of a page in plain HTTP":  func(d *passkeystest.Authenticator) { d.Origin = "http://portal.example.com" },
		"of another relying party": func(d *passkeystest.Authenticator) { d.RPID = "evil.example" },
		"without verification":     func(d *passkeystest.Authenticator) { d.Unverified = true },
	} {
		d := device()
		spoil(d)
		options, state, err := a.BeginRegistration(ana, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := a.FinishRegistration(ana, state, d.Create(t, options)); !errors.Is(err, commands.ErrAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	options, _, _ := a.BeginRegistration(ana, nil)
	_, another, err := a.BeginRegistration(ana, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.FinishRegistration(ana, another, device().Create(t, options)); !errors.Is(err, commands.ErrAnswer) {
		t.Errorf("to another question: %v", err)
	}
	for _, answer := range []string{"", "{}", "null", `{"id":"x"}`, "\xff"} {
		if _, _, err := a.FinishRegistration(ana, another, []byte(answer)); !errors.Is(err, commands.ErrAnswer) {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

func TestWrongAnswersToSignIn(t *testing.T) {
	t.Parallel()
	a := open(t)
	for name, spoil := range map[string]func(d *passkeystest.Authenticator){
		"of another site's page":   func(d *passkeystest.Authenticator) { d.Origin = "https://evil.example" },
		"of another relying party": func(d *passkeystest.Authenticator) { d.RPID = "evil.example" },
		"without verification":     func(d *passkeystest.Authenticator) { d.Unverified = true },
	} {
		d := device()
		k := registered(t, a, d)
		spoil(d)
		options, state, err := a.BeginAssertion("", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.FinishAssertion(state, d.Get(t, options), finder(k)); !errors.Is(err, commands.ErrAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := device()
	k := registered(t, a, d)
	options, _, _ := a.BeginAssertion("", nil)
	answer := d.Get(t, options)
	_, another, err := a.BeginAssertion("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.FinishAssertion(another, answer, finder(k)); !errors.Is(err, commands.ErrAnswer) {
		t.Errorf("to another question: %v", err)
	}
	// By somebody else's passkey, where one person's was asked for.
	other := device()
	theirs := registered(t, a, other)
	theirs.Person.ID = string(id.DeriveID("login bob"))
	_, state, err := a.BeginAssertion(ana.ID, []commands.Passkey{k})
	if err != nil {
		t.Fatal(err)
	}
	var asked struct{ Challenge string }
	if err := json.Unmarshal(state, &asked); err != nil {
		t.Fatal(err)
	}
	open, err := json.Marshal(map[string]any{"challenge": asked.Challenge})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.FinishAssertion(state, other.Get(t, open), finder(theirs)); !errors.Is(err, commands.ErrAnswer) {
		t.Errorf("by another's: %v", err)
	}
	if _, err := a.FinishAssertion(state, answer, func([]byte) (commands.Passkey, bool, error) { return commands.Passkey{}, false, nil }); !errors.Is(err, commands.ErrAnswer) {
		t.Errorf("by nobody's: %v", err)
	}
	failing := errors.New("the vault is shut")
	if _, err := a.FinishAssertion(state, answer, func([]byte) (commands.Passkey, bool, error) { return commands.Passkey{}, false, failing }); !errors.Is(err, failing) || errors.Is(err, commands.ErrAnswer) {
		t.Errorf("a failure of the vault: %v", err)
	}
}

// A copy of a passkey is noticed where its signatures are counted.
func TestACopiedPasskeyIsRefused(t *testing.T) {
	t.Parallel()
	a, d := open(t), device()
	d.Counts = true
	k := registered(t, a, d)
	sign := func() error {
		options, state, err := a.BeginAssertion("", nil)
		if err != nil {
			t.Fatal(err)
		}
		used, err := a.FinishAssertion(state, d.Get(t, options), finder(k))
		if err == nil {
			k = used
		}
		return err
	}
	for range 3 {
		if err := sign(); err != nil {
			t.Fatal(err)
		}
	}
	d.Rewind(2)
	if err := sign(); !errors.Is(err, commands.ErrAnswer) {
		t.Errorf("with a count of before: %v", err)
	}
}

func TestAddressesThatTakePasskeys(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		site: true, "http://localhost:8080": true, "https://portal.example.com:8443": true, "http://127.0.0.1:8080": false, "http://[::1]:8080": false,
	} {
		if _, ok, err := passkeys.New(address); err != nil || ok != want {
			t.Errorf("%s: %v, %v", address, ok, err)
		}
	}
	if _, _, err := passkeys.New("nowhere"); err == nil {
		t.Error("an address without a host is taken")
	}
}

func FuzzFinishAssertion(f *testing.F) {
	a, _, err := passkeys.New(site)
	if err != nil {
		f.Fatal(err)
	}
	_, state, err := a.BeginAssertion("", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA","userHandle":"AA"}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if _, err := a.FinishAssertion(state, answer, finder(commands.Passkey{})); err == nil {
			t.Fatalf("%q signs in", answer)
		}
	})
}
