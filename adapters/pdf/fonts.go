package pdf

import (
	_ "embed" // for the wide font
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/norm"
)

// DejaVu Sans Condensed: where a text has letters that the Go fonts lack.
//
//go:embed fonts/DejaVuSansCondensed.ttf
var wideRegular []byte

//go:embed fonts/DejaVuSansCondensed-Bold.ttf
var wideBold []byte

// family is a font in its two weights.
type family struct {
	name          string // in the file
	regular, bold []byte
}

// families are the fonts in the order of preference. The first has Latin, Greek and
// Cyrillic; the second some 5,000 letters more. What neither has shows as a box, and is
// copied as what it is.
func families() []family {
	return []family{{"Go", goregular.TTF, gobold.TTF}, {"DejaVuSansCondensed", wideRegular, wideBold}}
}

// coverage tells which letters a font has.
type coverage struct {
	font  *sfnt.Font
	buf   sfnt.Buffer
	known map[rune]bool
}

func newCoverage(f family) (*coverage, error) {
	font, err := sfnt.Parse(f.regular)
	if err != nil {
		return nil, fmt.Errorf("reading the font %s: %w", f.name, err)
	}
	return &coverage{font: font, known: map[rune]bool{'\n': true}}, nil
}

func (c *coverage) has(r rune) bool {
	known, seen := c.known[r]
	if !seen {
		i, err := c.font.GlyphIndex(&c.buf, r)
		known = err == nil && i != 0
		c.known[r] = known
	}
	return known
}

// clean returns text as it can be drawn: letters and their marks as one, where there is
// such a letter; no order to whatever shows it, such as one to write from right to left;
// a box for what a file of this kind can't hold.
func clean(text string) string {
	plain := true
	for i := range len(text) {
		if b := text[i]; b >= 0x80 || b < ' ' && b != '\n' || b == 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return text
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\u2028' || r == '\u2029':
			return '\n'
		case r == '\t' || r != '\u00a0' && unicode.Is(unicode.Zs, r):
			return ' '
		case r > 0xffff || r == unicode.ReplacementChar:
			return '\u25a1'
		case unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\u25a1"))
	return norm.NFC.String(text)
}

// lacks reports whether the text has a letter that the font has not.
func (c *coverage) lacks(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return !c.has(r) })
}
