package readmodels_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

// Whatever is added comes out as it was, across any number of reads and writes of the
// stored form.
func TestEntriesKeepWhatTheyGot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var e readmodels.Entries
		want := rapid.SliceOf(rapid.Custom(activity)).Draw(rt, "activities")
		for i := range want {
			j, err := e.MarshalJSON()
			if err != nil {
				rt.Fatal(err)
			}
			if err := e.UnmarshalJSON(j); err != nil {
				rt.Fatalf("%v: %s", err, j)
			}
			e.Add(&want[i])
			if e.Last() != want[i].Position {
				rt.Fatalf("last is %d, want %d", e.Last(), want[i].Position)
			}
		}
		keep := rapid.IntRange(0, 10).Draw(rt, "keep")
		got, err := e.Activities(keep)
		if err != nil {
			rt.Fatal(err)
		}
		want = want[max(0, len(want)-keep):]
		if len(got) != len(want) {
			rt.Fatalf("%d entries, want %d", len(got), len(want))
		}
		for i := range got {
			if !reflect.DeepEqual(got[i], want[i]) {
				rt.Fatalf("%+v\nwant %+v", got[i], want[i])
			}
		}
	})
}

func activity(rt *rapid.T) readmodels.Activity {
	text := func(label string) string {
		s := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "Peña", "a\"b\\c", ",\n", "[\n]", "\r\n", "\u2028", "\u007f\u0085<&>"})).Draw(rt, label)
		return strings.ToValidUTF8(s, "")
	}
	few := func(label string) string { return rapid.SampledFrom([]string{"", "one", "two"}).Draw(rt, label) }
	a := readmodels.Activity{
		Position: event.Position(rapid.Uint64().Draw(rt, "position")), Type: few("type"),
		At:    time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(rt, "at")).UTC(),
		Actor: event.ActorKind(few("actor")), ActorID: few("actor id"), Document: id.ID(few("document")), Kind: document.Kind(few("kind")),
		Number: text("number"), Payment: id.ID(few("payment")), Method: few("method"), Reference: text("reference"),
		Date: document.Date(few("date")), Reason: text("reason"), Name: text("name"), Text: text("text"),
		Signature: text("signature"), Hash: few("hash"), Other: id.ID(few("other")),
	}
	if rapid.Bool().Draw(rt, "amount") {
		a.Amount = money.Of(rapid.Int64Range(-1<<62, 1<<62).Draw(rt, "minor"), rapid.SampledFrom([]string{"EUR", "JPY", "KWD"}).Draw(rt, "currency"))
	}
	if rapid.Bool().Draw(rt, "outstanding") {
		m := money.Of(rapid.Int64Range(-1<<62, 1<<62).Draw(rt, "owed"), "EUR")
		a.Outstanding = &m
	}
	return a
}
