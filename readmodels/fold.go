package readmodels

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Fold is the form in which texts are searched and sorted: lower case, without
// accents, white space collapsed. "  Peña & Ibáñez  S.L." folds to "pena & ibanez s.l.".
func Fold(s string) string {
	if folded, ok := foldASCII(s); ok {
		return folded
	}
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r):
			continue
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		switch r = unicode.ToLower(r); r { // letters that do not decompose
		case 'ß':
			b.WriteString("ss")
		case 'æ':
			b.WriteString("ae")
		case 'œ':
			b.WriteString("oe")
		case 'ø':
			b.WriteByte('o')
		case 'đ', 'ð':
			b.WriteByte('d')
		case 'ł':
			b.WriteByte('l')
		case 'þ':
			b.WriteString("th")
		case 'ı':
			b.WriteByte('i')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// foldASCII is Fold for text of plain ASCII, the common case.
func foldASCII(s string) (string, bool) {
	changes := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 0x80:
			return "", false
		case c >= 'A' && c <= 'Z', c < ' ', c == ' ' && (i == 0 || i == len(s)-1 || s[i+1] == ' '):
			changes = true
		}
	}
	if !changes {
		return s, true
	}
	return strings.Join(strings.Fields(strings.ToLower(s)), " "), true
}

// digitsWidth is how wide SortKey makes a run of digits.
const digitsWidth = 12

// SortKey is Fold with runs of digits padded, so that "F-9" comes before "F-10".
func SortKey(s string) string {
	s = Fold(s)
	var b strings.Builder
	b.Grow(len(s) + digitsWidth)
	for i := 0; i < len(s); {
		if !isDigit(s[i]) {
			b.WriteByte(s[i])
			i++
			continue
		}
		end := i
		for end < len(s) && isDigit(s[end]) {
			end++
		}
		for range digitsWidth - (end - i) {
			b.WriteByte('0')
		}
		b.WriteString(s[i:end])
		i = end
	}
	return b.String()
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// maxWords bounds how many words of a search count.
const maxWords = 8

// searching returns the conditions that each word of what a person typed is in the column.
func searching(column, typed string) []Cond {
	var w []Cond
	for i, word := range strings.Fields(Fold(typed)) {
		if i == maxWords {
			break
		}
		w = append(w, Where(column, Contains, T(word)))
	}
	return w
}
