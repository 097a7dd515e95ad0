package readstore

import (
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// Places are as a map is, whatever parts of hashes keys have in common.
func TestPlacesAreAsAMapIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		half := rapid.SampledFrom([]uint64{0, 1, 15, 16, 17, 1 << 56, 1<<56 + 16, 255 << 56, 1<<64 - 1})
		any64 := rapid.OneOf(half, rapid.Uint64())
		var ps places
		want := map[[2]uint64]int64{}
		for n := range rapid.IntRange(1, 300).Draw(t, "steps") {
			key := [2]uint64{half.Draw(t, "first"), any64.Draw(t, "second")}
			r := int64(n + 1)
			if rapid.Bool().Draw(t, "goes") {
				r = gone
			}
			if at := ps.get(key); at != nil {
				*at = r
			} else {
				ps.add(key, r)
			}
			want[key] = r
		}
		got := map[[2]uint64]int64{}
		for i := range ps.parts {
			for _, e := range ps.parts[i].entries {
				if e.r != 0 {
					got[e.key] = e.r
				}
			}
		}
		if !maps.Equal(got, want) {
			t.Fatalf("there are %v, want %v", got, want)
		}
		for key, r := range want {
			if at := ps.get(key); at == nil || *at != r {
				t.Fatalf("%v has %v, want %d", key, at, r)
			}
		}
	})
}
