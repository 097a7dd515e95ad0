package readmodels

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold is the form in which texts are searched and sorted: lower case, without
// accents, white space collapsed. "  Peña & Ibáñez  S.L." folds to "pena & ibanez s.l.".
func Fold(s string) string {
	if folded(s) {
		return s
	}
	var room [foldRoom]byte
	return string(appendFold(room[:0], s))
}

// foldRoom is enough for most texts, so that they are folded without memory of their own.
const foldRoom = 128

// folded reports whether a text surely is in the form that Fold makes.
func folded(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf || c >= 'A' && c <= 'Z' || c < ' ' || c == ' ' && (i == 0 || i == len(s)-1 || s[i+1] == ' ') {
			return false
		}
	}
	return true
}

func appendFold(b []byte, s string) []byte {
	start := len(b)
	space := false
	for i, r := range s {
		if r >= rune(len(foldedRunes)) {
			return appendFoldOther(b[:start], s)
		}
		if r < utf8.RuneSelf {
			switch c := s[i]; {
			case c == ' ', c >= '\t' && c <= '\r':
				space = len(b) > start
			default:
				if space {
					b, space = append(b, ' '), false
				}
				if c >= 'A' && c <= 'Z' {
					c += 'a' - 'A'
				}
				b = append(b, c)
			}
			continue
		}
		f := foldedRunes[r]
		if f == "" { // white space, or what needs its neighbours to be looked at
			return appendFoldOther(b[:start], s)
		}
		if space {
			b, space = append(b, ' '), false
		}
		b = append(b, f...)
	}
	return b
}

// foldedRunes are the folded forms of letters that languages of Latin script have, and of
// what else is among them: "" where that is no text that stands for itself.
var foldedRunes = func() (f [0x250]string) {
	for r := rune(utf8.RuneSelf); r < rune(len(f)); r++ {
		if one := string(appendFoldOther(nil, string(r))); one != "" && !strings.Contains(one, " ") && norm.NFKD.PropertiesString(string(r)).CCC() == 0 &&
			string(appendFoldOther(nil, "a"+string(r)+"a")) == "a"+one+"a" {
			f[r] = one
		}
	}
	return f
}()

// appendFoldOther is appendFold for any text.
func appendFoldOther(b []byte, s string) []byte {
	start := len(b)
	space := false
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r):
			continue
		case unicode.IsSpace(r):
			space = len(b) > start
			continue
		}
		if space {
			b, space = append(b, ' '), false
		}
		switch r = unicode.ToLower(r); r { // letters that do not decompose
		case 'ß':
			b = append(b, "ss"...)
		case 'æ':
			b = append(b, "ae"...)
		case 'œ':
			b = append(b, "oe"...)
		case 'ø':
			b = append(b, 'o')
		case 'đ', 'ð':
			b = append(b, 'd')
		case 'ł':
			b = append(b, 'l')
		case 'þ':
			b = append(b, "th"...)
		case 'ı':
			b = append(b, 'i')
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

// digitsWidth is how wide SortKey makes a run of digits.
const digitsWidth = 12

// SortKey is Fold with runs of digits padded, so that "F-9" comes before "F-10".
func SortKey(s string) string {
	var room, padded [foldRoom]byte
	b := padded[:0]
	text := appendFold(room[:0], s)
	for i := 0; i < len(text); {
		if !isDigit(text[i]) {
			b = append(b, text[i])
			i++
			continue
		}
		end := i
		for end < len(text) && isDigit(text[end]) {
			end++
		}
		for range digitsWidth - (end - i) {
			b = append(b, '0')
		}
		b = append(b, text[i:end]...)
		i = end
	}
	return string(b)
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
