package document

import (
	"strings"
	"unicode/utf8"

	"lonja/domain/fault"
)

// MaxText bounds what people write at length: a comment, a reason.
const MaxText = 5000

// hasControl reports whether s has characters that are orders to whatever shows them,
// lines and tabs aside.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f })
}

// CheckText refuses what people write beyond a number of characters, nothing where
// something is needed, and what is not text at all.
func CheckText(field, s string, limit int, need bool) *fault.Fault {
	switch {
	case !utf8.ValidString(s) || hasControl(s):
		return fault.Field(field, "text.not_utf8")
	case need && s == "":
		return fault.Field(field, "text.missing")
	case utf8.RuneCountInString(s) > limit:
		return fault.Field(field, "text.too_long", fault.A("max", limit))
	}
	return nil
}
