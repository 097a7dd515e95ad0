package vault_test

import (
	"path/filepath"
	"testing"
	"time"

	"lonja/adapters/sqlite/vault"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
)

// Whatever somebody sends in place of a secret opens nothing, unless it is the secret.
func FuzzToken(f *testing.F) {
	v, err := vault.Open(f.Context(), filepath.Join(f.TempDir(), "vault.db"), vault.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := v.Close(); err != nil {
			f.Error(err)
		}
	})
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	acc := id.Account(id.DeriveID("acc"))
	real := map[string]bool{}
	for _, purpose := range []string{"recovery", "link", "apikey"} {
		secret, err := v.IssueToken(f.Context(), commands.Token{Account: acc, Purpose: purpose, Subject: "s", Expires: now.Add(time.Hour)})
		if err != nil {
			f.Fatal(err)
		}
		real[purpose+" "+secret] = true
		f.Add(purpose, secret)
		f.Add("session", secret)
		f.Add(purpose, secret[:20])
	}
	session, err := v.StartSession(f.Context(), commands.Session{Account: acc, Actor: event.Actor{Kind: event.ActorLogin, ID: "l"}, Created: now, Expires: now.Add(time.Hour)})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{session, session + "=", "", "\x00", "' OR 1=1 --", "%", "ñ", "../../vault.db"} {
		f.Add("recovery", seed)
	}
	f.Fuzz(func(t *testing.T, purpose, secret string) {
		_, ok, err := v.FindToken(t.Context(), purpose, secret, now)
		if err != nil || ok != real[purpose+" "+secret] {
			t.Fatalf("%q for %q: found %v, %v", secret, purpose, ok, err)
		}
		if _, ok, err := v.FindSession(t.Context(), secret, now); err != nil || ok != (secret == session) {
			t.Fatalf("%q as a session: found %v, %v", secret, ok, err)
		}
		if _, ok, err := v.UseToken(t.Context(), purpose+"?", secret, now); err != nil || ok {
			t.Fatalf("%q is used for what it is not: %v", secret, err)
		}
	})
}
