package access_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"

	"lonja/domain/access"
)

func TestPasswords(t *testing.T) {
	t.Parallel()
	about := []string{"Amparo Ferrer Climent", "amparo@lamarjal.example", "Restaurante La Marjal, S.L."}
	for _, c := range []struct{ password, want string }{
		{"corto1!", "password.too_short"},
		{strings.Repeat("largo-", 40), "password.too_long"},
		{"contraseña123", "password.common"},
		{"C0ntr4señ4-2026", "password.common"},
		{"Barcelona2026!", "password.common"},
		{"estrellita", "password.common"},
		{"correcthorsebatterystaple", "password.common"},
		// As lists of breached passwords have them.
		{"1qaz2wsx3edc", "password.too_weak"},
		{"1q2w3e4r5t6y", "password.too_weak"},
		{"password123456", "password.common"},
		{"tequieromucho1", "password.common"},
		{"passwordpassword", "password.common"},
		{"qwertyuiop", "password.common"},
		{"unbelievable", "password.too_weak"},
		{"AmparoFerrer99", "password.self_derived"},
		{"4mp4r0-2026-!!", "password.self_derived"},
		{"lamarjal.2026", "password.self_derived"},
		{"aaaaaaaaaaaa", "password.too_weak"},
		{"1234567890123", "password.too_weak"},
		{"mochila verde tarda jueves", ""},
		{"vG7#qpL2x!zR", ""},
		{"amparo y el tranvía azul 7", ""},
	} {
		got := ""
		if f := access.CheckPassword(c.password, about...); f != nil {
			got = f.Key
			if f.Field != "password" {
				t.Errorf("%q: field %q", c.password, f.Field)
			}
		}
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.password, got, c.want)
		}
	}
}

func TestAGeneratedPassphraseIsTaken(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 200 {
		p, err := access.GeneratePassphrase(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if seen[p] {
			t.Fatalf("%q twice", p)
		}
		seen[p] = true
		if f := access.CheckPassword(p); f != nil {
			t.Errorf("%q: %v", p, f)
		}
	}
}

func TestAPassphraseNeedsRandomness(t *testing.T) {
	t.Parallel()
	if p, err := access.GeneratePassphrase(bytes.NewReader(make([]byte, 5))); err == nil {
		t.Fatalf("made %q of five bytes", p)
	}
}

func FuzzCheckPassword(f *testing.F) {
	f.Add("contraseña123", "Amparo")
	f.Add("\xff\xfe", "")
	f.Fuzz(func(_ *testing.T, password, about string) { _ = access.CheckPassword(password, about) })
}
