package readstore

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lonja/readmodels"
)

// Whatever numbers and texts there are, they come back, and sifting finds what a look at
// each value finds.
func TestVectors(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "a", "ab", "ba", "aab", "pedido", "\x00"}), rapid.StringN(0, 12, -1))
	rapid.Check(t, func(t *rapid.T) {
		var values []readmodels.Value
		kind := rapid.SampledFrom([]readmodels.ColumnKind{readmodels.Int, readmodels.Text}).Draw(t, "kind")
		var another *rapid.Generator[readmodels.Value]
		if kind == readmodels.Int {
			span := rapid.SampledFrom([]int64{1, 200, 60_000, 1 << 31, 1 << 62}).Draw(t, "span")
			another = rapid.Map(rapid.OneOf(rapid.Int64Range(-span, span), rapid.Int64()), readmodels.N[int64])
		} else {
			another = rapid.Map(text, readmodels.T[string])
		}
		values = rapid.SliceOfN(another, 0, 40).Draw(t, "values")
		v, err := parseVector(appendValues(nil, kind, values))
		if err != nil {
			t.Fatal(err)
		}
		if v.n != len(values) || v.kind != kind {
			t.Fatalf("%d values of kind %d came back as %d of kind %d", len(values), kind, v.n, v.kind)
		}
		for i := range values {
			if v.value(i) != values[i] {
				t.Fatalf("value %d came back as %v, want %v", i, v.value(i), values[i])
			}
		}
		c := readmodels.Cond{Op: readmodels.Op(rapid.IntRange(int(readmodels.Eq), int(readmodels.Contains)).Draw(t, "op")), Values: []readmodels.Value{another.Draw(t, "wanted")}}
		if kind == readmodels.Int && c.Op == readmodels.Contains {
			c.Op = readmodels.Eq
		}
		var among, want []int
		some := rapid.Bool().Draw(t, "some")
		for i, value := range values {
			if some && i%3 == 1 {
				continue
			}
			among = append(among, i)
			if plainlyMeets(value, &c) {
				want = append(want, i)
			}
		}
		if got := v.sift(&c, slices.Clone(among)); !slices.Equal(got, want) {
			t.Fatalf("condition %+v on %v among %v: found %v, want %v", c, values, among, got, want)
		}
	})
}

func plainlyMeets(v readmodels.Value, c *readmodels.Cond) bool {
	o := v.Compare(c.Values[0])
	return [...]bool{
		readmodels.Eq: o == 0, readmodels.Ne: o != 0, readmodels.Lt: o < 0, readmodels.Le: o <= 0, readmodels.Gt: o > 0, readmodels.Ge: o >= 0,
		readmodels.In: o == 0, readmodels.Contains: strings.Contains(v.Text(), c.Values[0].Text()),
	}[c.Op]
}

// A damaged vector is refused, or is one all of whose values can be read.
func FuzzVector(f *testing.F) {
	f.Add(appendNumbers(nil, []int64{1, 2, 300_000}))
	f.Add(appendTexts(nil, []string{"a", "", "bc"}))
	f.Add(appendTexts(nil, []string{"a", "a", "a", "a", "b"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parseVector(b)
		if err != nil {
			if !errors.Is(err, errChunk) {
				t.Fatal(err)
			}
			return
		}
		for i := range v.n {
			v.value(i)
		}
	})
}
