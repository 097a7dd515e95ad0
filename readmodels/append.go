package readmodels

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"lonja/domain/id"
	"lonja/domain/money"
)

// plainASCII returns how many bytes, of those at the start of s and in steps of eight,
// are ASCII that JSON writes as it is; eight are looked at together. With markup, nor is
// there anything that package json escapes for HTML.
func plainASCII(s string, markup bool) int {
	const high = ones << 7
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		// The high bit of a byte says: it is DEL or beyond ASCII, or a control, or, where a
		// difference is nought, one of the characters. Behind such a one a bit may be set in vain.
		other := (x + ones) | x | (x-' '*ones)&^x
		other |= same(x, '"') | same(x, '\\')
		if markup {
			other |= same(x, '<') | same(x, '>') | same(x, '&')
		}
		if other&high != 0 {
			break
		}
	}
	return i
}

const ones = 0x0101010101010101

// same sets the high bit of each byte of x that is c.
func same(x, c uint64) uint64 {
	d := x ^ c*ones
	return (d - ones) &^ d
}

// appendText appends a JSON string.
func appendText(b []byte, s string) []byte {
	for i := plainASCII(s, false); i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			if c >= 0x80 && plainRunes(s[i:]) {
				break
			}
			return appendQuoted(b, s)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// appendEscaped appends a JSON string as package json has it, which escapes what HTML
// would take for markup.
func appendEscaped(b []byte, s string) []byte {
	for i := plainASCII(s, true); i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f || c == '<' || c == '>' || c == '&' {
			if c >= 0x80 && plainRunes(s[i:]) && !strings.ContainsAny(s[i:], "<>&") {
				break
			}
			return appendQuoted(b, s)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// appendQuoted appends a JSON string as package json writes it.
func appendQuoted(b []byte, s string) []byte {
	quoted, _ := json.Marshal(s) // a string can always be written
	return append(b, quoted...)
}

// plainRunes reports whether the text needs no escape: it is valid, without control
// characters, quotes, and line separators that JSON forbids to JavaScript.
func plainRunes(s string) bool {
	for _, r := range s {
		switch {
		case r < ' ', r == '"', r == '\\', r == utf8.RuneError, r >= 0x7f && r < 0xa0, r == '\u2028', r == '\u2029':
			return false
		}
	}
	return true
}

// appendMoney appends an amount as its MarshalText has it.
func appendMoney(b []byte, m money.Money) []byte {
	return append(m.Append(append(b, '"')), '"')
}

// appendTime appends a time as package json writes it. It panics, as that fails, for a
// year that JSON does not have: the row's event is at fault.
func appendTime(b []byte, t time.Time) []byte {
	if y := t.Year(); y < 0 || y > 9999 {
		panic(fmt.Sprintf("the year %d is beyond what can be stored", y))
	}
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

// appendField appends a text member that is left out where it is empty.
func appendField(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendText(appendName(b, name), value)
}

// appendEscapedField is appendField with appendEscaped.
func appendEscapedField(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendEscaped(appendName(b, name), value)
}

// appendMoment appends a time that is left out where there is none.
func appendMoment(b []byte, name string, t *time.Time) []byte {
	if t == nil {
		return b
	}
	return appendTime(appendName(b, name), *t)
}

// appendFlag appends a truth value.
func appendFlag(b []byte, name string, yes bool) []byte {
	return strconv.AppendBool(appendName(b, name), yes)
}

// appendOther appends what is rare enough for package json; of a kind that it can write.
func appendOther(b []byte, name string, v any) []byte {
	j, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return append(appendName(b, name), j...)
}

// appendCount appends a number that is left out where it is nought.
func appendCount(b []byte, name string, n int) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendInt(appendName(b, name), int64(n), 10)
}

// appendIDs appends a list that is left out where it is empty.
func appendIDs(b []byte, name string, ids []id.ID) []byte {
	if len(ids) == 0 {
		return b
	}
	b = append(appendName(b, name), '[')
	for i, v := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, string(v))
	}
	return append(b, ']')
}

func appendName(b []byte, name string) []byte {
	return append(append(append(b, ',', '"'), name...), '"', ':')
}
