package edge

import (
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestEveryColourReadsWell(t *testing.T) {
	t.Parallel()
	property := regexp.MustCompile(`--([a-z-]+):(#[0-9a-f]{3,6})`)
	for n := 0; n < 1<<24; n += 0x10307 { // some 250 colours from all over the space
		colour := fmt.Sprintf("#%06x", n)
		w := httptest.NewRecorder()
		WriteBrand(w, colour, ":root")
		sheets := strings.Split(w.Body.String(), "\n")
		for i, surfaces := range [][]string{{"#f6f5f1", "#ffffff", "#efede7"}, {"#131719", "#1b2124", "#22292d"}} {
			got := map[string]rgb{}
			for _, m := range property.FindAllStringSubmatch(sheets[i+1], -1) {
				got[m[1]] = parseColour(m[2])
			}
			for _, s := range surfaces {
				for _, name := range []string{"accent", "accent-strong"} {
					if c := contrast(got[name], parseColour(s)); c < 4.5 {
						t.Errorf("%s: %s %s on %s has contrast %.2f", colour, name, got[name], s, c)
					}
				}
			}
			for _, pair := range [][2]string{{"accent", "accent-wash"}, {"accent-ink", "accent"}, {"accent-ink", "accent-strong"}} {
				if c := contrast(got[pair[0]], got[pair[1]]); c < 4.5 {
					t.Errorf("%s: %s %s on %s %s has contrast %.2f", colour, pair[0], got[pair[0]], pair[1], got[pair[1]], c)
				}
			}
		}
	}
}
