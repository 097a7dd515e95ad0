package readmodels

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func TestSummaryReadsWhatItWrote(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var want Summary
		want.SeenAt = rapid.Int64().Draw(t, "seen")
		for range rapid.IntRange(0, 40).Draw(t, "n") {
			c := want.In(rapid.StringMatching("[A-Z]{3}").Draw(t, "currency"))
			c.Pending = rapid.Int64().Draw(t, "pending")
			m := c.InMonth(rapid.IntRange(0, 202612).Draw(t, "month"))
			m.Owed, m.Return = rapid.Int64().Draw(t, "owed"), rapid.Int64().Draw(t, "return")
			y := c.In(rapid.IntRange(1990, 2040).Draw(t, "year"))
			y.Invoiced, y.Days, y.Settled = rapid.Int64().Draw(t, "invoiced"), rapid.Int().Draw(t, "days"), 3
			y.Sales[11], y.Quotes[0] = math.MinInt64, rapid.Int64().Draw(t, "quotes")
		}
		j, err := json.Marshal(&want)
		if err != nil {
			t.Fatal(err)
		}
		var got Summary
		if err := json.Unmarshal(j, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nread as %+v, %v", j, got, err)
		}
	})
}

func FuzzSummary(f *testing.F) {
	f.Add([]byte(`[1,2,["EUR",3,[202601,5,0],[2026,1,1,1,1,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]]]`))
	f.Add([]byte(`[1`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Summary
		if s.UnmarshalJSON(b) != nil {
			return
		}
		if _, err := s.MarshalJSON(); err != nil {
			t.Error(err)
		}
	})
}
