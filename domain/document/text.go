package document

import (
	"unicode/utf8"

	"lonja/domain/fault"
)

// CheckText refuses what people write beyond a number of characters, nothing where
// something is needed, and what is not text at all.
func CheckText(field, s string, limit int, need bool) *fault.Fault {
	switch {
	case !utf8.ValidString(s):
		return fault.Field(field, "text.not_utf8")
	case need && s == "":
		return fault.Field(field, "text.missing")
	case utf8.RuneCountInString(s) > limit:
		return fault.Field(field, "text.too_long", fault.A("max", limit))
	}
	return nil
}
