package readmodels

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFold(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"  Peña & Ibáñez  S.L.": "pena & ibanez s.l.",
		"ABC":                   "abc",
		"a b":                   "a b",
		"a  b\tc ":              "a b c",
		"Straße, Æsop, Œuvre":   "strasse, aesop, oeuvre",
		"Łódź İzmir":            "lodz izmir",
		"ÇÜÏ":                   "cui",
		"№ １２":                  "no 12",
		"":                      "",
		" ":                     "",
	} {
		if got := Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if once := Fold(s); Fold(once) != once {
			t.Errorf("%q folds to %q, and that to %q", s, once, Fold(once))
		}
	})
}

// Text is folded the short way as it is the long one.
func TestFoldsAgree(t *testing.T) {
	t.Parallel()
	runes := rapid.OneOf(rapid.Rune(), rapid.RuneFrom([]rune("aZ 1\t\v\x1c\u0085\u00a0ñÑçßÆØđı\u0301\u0327ﬁ№")), rapid.Int32Range(0, 0x300))
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(runes).Draw(t, "s"))
		if got, want := Fold(s), string(appendFoldOther(nil, s)); got != want {
			t.Fatalf("%q folds to %q, the long way to %q", s, got, want)
		}
	})
	for r := range rune(0x300) {
		for _, s := range []string{string(r), " " + string(r), string(r) + "\u0301x", "A" + string(r) + " "} {
			if got, want := Fold(s), string(appendFoldOther(nil, s)); got != want {
				t.Errorf("%q folds to %q, the long way to %q", s, got, want)
			}
		}
	}
}

func TestSortKey(t *testing.T) {
	t.Parallel()
	want := []string{"2025/9", "2025/10", "F-2", "F-9A", "f-10", "F-010", "F-123456789012345678901234"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortStableFunc(got, func(a, b string) int { return strings.Compare(SortKey(a), SortKey(b)) })
	if slices.Index(got, "F-2") > slices.Index(got, "F-9A") || slices.Index(got, "F-9A") > slices.Index(got, "f-10") || got[0] != "2025/9" {
		t.Errorf("%v", got)
	}
	if SortKey("f-10") != SortKey("F-010") {
		t.Error("leading zeros make a difference")
	}
}
