package id_test

import (
	"testing"

	"pgregory.net/rapid"

	"lonja/domain/id"
)

func TestValid(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"01J0000000000000000000000A": true, "": false, "01J000000000000000000000A": false, "01J0000000000000000000000AA": false,
		"01j0000000000000000000000a": false, "01J0000000000000000000000U": false, "81J0000000000000000000000A": false, "../../../etc/passwd/././/./": false,
	} {
		if got := id.Valid(text); got != want {
			t.Errorf("%q is valid: %v, want %v", text, got, want)
		}
	}
}

// What is derived is the same from the same parts alone.
func TestDerive(t *testing.T) {
	t.Parallel()
	if id.DeriveID("a", "bc") == id.DeriveID("ab", "c") || id.DeriveID("a", "") == id.DeriveID("a") || id.DeriveID("a", "b") == id.DeriveID("b", "a") {
		t.Error("parts run together")
	}
	parts := rapid.SliceOfN(rapid.String(), 0, 4)
	rapid.Check(t, func(t *rapid.T) {
		a, b := parts.Draw(t, "a"), parts.Draw(t, "b")
		same := len(a) == len(b)
		for i := range a {
			same = same && a[i] == b[i]
		}
		if got := id.DeriveID(a...) == id.DeriveID(b...); got != same {
			t.Fatalf("%q and %q derive the same: %v", a, b, got)
		}
		if one := id.DeriveID(a...); !id.Valid(one) {
			t.Fatalf("%q derives %q", a, one)
		}
	})
}

func TestFold(t *testing.T) {
	t.Parallel()
	for _, same := range [][2]string{{" esb-96000005 ", "ESB96000005"}, {"B 96.000.005", "B96000005"}, {"A\r-", "A"}, {"ES\nB1\u2009", "ESB1"}} {
		if a, b := id.Fold(same[0]), id.Fold(same[1]); a != b {
			t.Errorf("%q folds to %q, %q to %q", same[0], a, same[1], b)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if once := id.Fold(s); id.Fold(once) != once {
			t.Fatalf("%q folds to %q, then to %q", s, once, id.Fold(once))
		}
	})
}
