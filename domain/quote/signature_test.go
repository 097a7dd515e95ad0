package quote_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/quote"
)

func TestParseSignature(t *testing.T) {
	t.Parallel()
	write := func(path string) string {
		all, ok := quote.ParseSignature(path)
		if !ok {
			return "none"
		}
		var b strings.Builder
		for _, s := range all {
			b.WriteByte(s.Op)
			for _, p := range s.Points {
				fmt.Fprintf(&b, " %v,%v", p.X, p.Y)
			}
		}
		return b.String()
	}
	for path, want := range map[string]string{
		"M10 20L30.5 40":           "M 10,20L 30.5,40",
		"M10,20 30,40 50,60":       "M 10,20L 30,40L 50,60",
		"m10 20l5 5 5-5":           "M 10,20L 15,25L 20,20",
		"M1 1Q2 2 3 3C4 4 5 5 6 6": "M 1,1Q 2,2 3,3C 4,4 5,5 6,6",
		"M1 1L9 1ZL5 5":            "M 1,1L 9,1ZL 5,5",
		"M1 1l4 4zl1 1":            "M 1,1L 5,5ZL 2,2",
		"M.5.5L1.5.5":              "M 0.5,0.5L 1.5,0.5",
		"":                         "none", " ": "none", "L1 1": "none", "1 1": "none", "M1": "none", "M1 1L2": "none", "M1 1L2 x": "none", "M1 1Z2 2": "none",
		"M1 1A1 1 0 0 0 2 2": "none", `M1 1"/><script>`: "none", "M1e5 1": "none", "M--1 1": "none", "M1 1L- -": "none",
	} {
		if got := write(path); got != want {
			t.Errorf("%q is %s, want %s", path, got, want)
		}
	}
}

func TestASignatureIsDrawnInItsBox(t *testing.T) {
	t.Parallel()
	yes := quote.Approval{Name: "Julia Lope", Reference: "PC-1", Hash: hash(t)}
	for path, fine := range map[string]bool{
		"": true, "M0 0L400 120": true, "m200 60l-200-60": true, "M1 1L401 1": false, "M1 1L1 121": false, "M1 1L-1 1": false, "M5 5": false, "M5 5M6 6": false, "hola": false,
		"M1 1" + strings.Repeat("L1 1", 14_900): true, "M1 1" + strings.Repeat("L1 1", 15_000): false,
	} {
		yes.Signature = path
		if !fine {
			c := given(t).When(approve(yes, lastDay))
			c.ThenRefused(fault.Invalid, "quote.signature_invalid")
			if field := c.Fault().Field; field != "signature" {
				t.Errorf("%.30q: the field is %q", path, field)
			}
			continue
		}
		with := approved(t)
		if path != "" {
			with.Signature = event.Seal(path)
		}
		given(t).When(approve(yes, lastDay)).Then(with)
	}
}

func FuzzParseSignature(f *testing.F) {
	for _, s := range []string{"M10 20L30.5 40", "m1 1q2 2 3 3zc1 1 2 2 3 3", "M.5.5-1-1", "M1 1Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		all, ok := quote.ParseSignature(path)
		if !ok {
			return
		}
		if strings.Trim(path, "MLQCZmlqcz0123456789 ,.-\t\r\n") != "" || len(all) == 0 || all[0].Op != 'M' {
			t.Fatalf("%q is taken for a drawing", path)
		}
		for _, s := range all {
			if want := map[byte]int{'M': 1, 'L': 1, 'Q': 2, 'C': 3, 'Z': 0}[s.Op]; len(s.Points) != want {
				t.Fatalf("%q: %c has %d points", path, s.Op, len(s.Points))
			}
			for _, p := range s.Points {
				if math.IsNaN(p.X) || math.IsNaN(p.Y) {
					t.Fatalf("%q: a point is nowhere", path)
				}
			}
		}
	})
}
