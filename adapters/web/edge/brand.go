package edge

import (
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"lonja/readmodels"
)

var hexColour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

func brandColour(s string) string {
	if hexColour.MatchString(s) {
		return strings.ToLower(s)
	}
	return ""
}

// Brand serves the account's colour as a style sheet of its own.
func (k *Kit) Brand(w http.ResponseWriter, r *http.Request) {
	s, _ := r.Context().Value(settingsKey).(*readmodels.Settings)
	colour := ""
	if s != nil {
		colour = brandColour(s.Colour)
	}
	if colour == "" {
		k.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "private, max-age=300")
	WriteBrand(w, colour, ":root")
}

// WriteBrand writes the style sheet of a colour, "#rrggbb", for what the selector
// chooses. The colour itself is the account's mark, with the letter on it black or white,
// whichever reads better. Text, links and buttons get it as dark, or in dark mode as light,
// as it takes to read well (WCAG 2.2, 4.5 to 1) on every surface of the pages.
func WriteBrand(w http.ResponseWriter, colour, selector string) {
	mark, ink := parseColour(colour), Ink(colour)
	light, lightWash := mark.readable(black, []rgb{{0xff, 0xff, 0xff}, {0xef, 0xed, 0xe7}}, white, 0.9)
	dark, darkWash := mark.readable(white, []rgb{{0x13, 0x17, 0x19}, {0x22, 0x29, 0x2d}}, rgb{0x1b, 0x21, 0x24}, 0.85)
	accent := func(a, strong, on, wash rgb) string {
		return fmt.Sprintf("--accent:%s;--accent-strong:%s;--accent-ink:%s;--accent-wash:%s", a, strong, on, wash)
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	under := func(root string) string { // as specific as the rules that these replace
		if selector == ":root" {
			return ":root" + root
		}
		return ":root" + root + " " + selector
	}
	lightAccent, darkAccent := accent(light, light.mix(black, 0.25), white, lightWash), accent(dark, dark.mix(white, 0.3), black, darkWash)
	_, _ = fmt.Fprintf(w, "%s{--brand:%s;--brand-ink:%s}\n%s{%s}\n@media screen and (prefers-color-scheme:dark){%s{%s}}\n@media screen{%s{%s}}\n",
		selector, mark, ink, under(":root"), lightAccent, under(":root:not([data-theme])"), darkAccent, under(":root[data-theme=dark]"), darkAccent)
}

// Ink is black or white, whichever reads better on a colour, "#rrggbb".
func Ink(colour string) string {
	if parseColour(colour).luminance() > 0.179 { // where black and white contrast alike
		return "#000"
	}
	return "#fff"
}

// rgb is a colour of the sRGB space.
type rgb [3]uint8

var (
	black = rgb{}
	white = rgb{0xff, 0xff, 0xff}
)

func parseColour(hex string) rgb {
	n, err := strconv.ParseUint(strings.TrimPrefix(hex, "#"), 16, 24)
	if err != nil {
		return black
	}
	return rgb{uint8(n >> 16), uint8(n >> 8), uint8(n)}
}

func (c rgb) String() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

// mix moves the colour towards another by a share of 0 to 1.
func (c rgb) mix(o rgb, share float64) rgb {
	for i := range c {
		c[i] = uint8(math.Round(float64(c[i])*(1-share) + float64(o[i])*share))
	}
	return c
}

// luminance is the relative luminance of WCAG 2.2.
func (c rgb) luminance() float64 {
	sum := 0.0
	for i, weight := range [3]float64{0.2126, 0.7152, 0.0722} {
		v := float64(c[i]) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}

// contrast is the contrast ratio of WCAG 2.2, 1 to 21.
func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// readable moves the colour towards another until it reads on all surfaces, and on its own
// wash: the surface with a share 1-much of the colour in it, which is returned too.
func (c rgb) readable(towards rgb, surfaces []rgb, surface rgb, much float64) (readable, wash rgb) {
	const steps = 50
	for step := 0; ; step++ {
		r := c.mix(towards, float64(step)/steps)
		wash = r.mix(surface, much)
		good := contrast(r, wash) >= 4.5
		for _, s := range surfaces {
			good = good && contrast(r, s) >= 4.5
		}
		if good || step == steps {
			return r, wash
		}
	}
}
