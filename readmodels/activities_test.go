package readmodels_test

import (
	"bytes"
	"encoding/json"
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
		d := &readmodels.Document{ID: "d", Number: "F-1"}
		want := rapid.SliceOf(rapid.Custom(activity)).Draw(rt, "activities")
		for i := range want {
			row, err := readmodels.Documents.Encode(readmodels.Key{}, d)
			if err != nil {
				rt.Fatal(err)
			}
			if !json.Valid(row.Data) {
				rt.Fatalf("stored as %s", row.Data)
			}
			if d, err = readmodels.Documents.Decode(row.Data); err != nil {
				rt.Fatalf("%v: %s", err, row.Data)
			}
			again, err := readmodels.Documents.Encode(readmodels.Key{}, d)
			if err != nil || !bytes.Equal(again.Data, row.Data) {
				rt.Fatalf("read and written again (%v): %s, was %s", err, again.Data, row.Data)
			}
			d.Timeline.Add(&want[i])
			if d.Timeline.Last() != want[i].Position {
				rt.Fatalf("last is %d, want %d", d.Timeline.Last(), want[i].Position)
			}
		}
		keep := rapid.IntRange(0, 10).Draw(rt, "keep")
		got, err := d.Timeline.Activities(keep)
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
		Hash: few("hash"), Other: id.ID(few("other")),
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

// The stored form of a document is what package json makes of it.
func TestDocumentsAreStoredAsJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text := func(label string) string {
			return strings.ToValidUTF8(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "Peña & <Cía>", "\u2029\"\\"})).Draw(rt, label), "")
		}
		amount := func(label string) money.Money {
			return money.Of(rapid.Int64Range(-1<<62, 1<<62).Draw(rt, label), rapid.SampledFrom([]string{"EUR", "JPY"}).Draw(rt, label))
		}
		ids := func(label string) []id.ID {
			return rapid.SliceOfN(rapid.SampledFrom([]id.ID{"a", "b"}), 0, 2).Draw(rt, label)
		}
		few := func(label string) string { return rapid.SampledFrom([]string{"", "one"}).Draw(rt, label) }
		d := readmodels.Document{
			ID: id.ID(text("id")), Kind: document.Kind(few("kind")), Number: text("number"), Title: text("title"), IssueDate: document.Date(few("issued")),
			DueDate: document.Date(few("due")), ValidUntil: document.Date(few("valid")), DeliveryOn: document.Date(few("delivery")),
			Net: amount("net"), Total: amount("total"), Payable: amount("payable"), Outstanding: amount("outstanding"),
			Lines: rapid.Int().Draw(rt, "lines"), Status: readmodels.Status(few("status")), Hash: few("hash"), Placed: rapid.Bool().Draw(rt, "placed"),
			PaidOn: document.Date(few("paid")), Position: event.Position(rapid.Uint64().Draw(rt, "position")),
			Comments: rapid.IntRange(0, 2).Draw(rt, "comments"), UnreadContact: rapid.IntRange(0, 2).Draw(rt, "contact"), UnreadStaff: rapid.IntRange(0, 2).Draw(rt, "staff"),
			Supersedes: id.ID(few("supersedes")), SupersededBy: id.ID(few("by")), Order: id.ID(few("order")), DeliveryNotes: ids("notes"),
			Corrects: ids("corrects"), CreditNotes: ids("credit"), Payments: ids("payments"),
		}
		if rapid.Bool().Draw(rt, "free") {
			d.Outstanding = money.Money{}
		}
		row, err := readmodels.Documents.Encode(readmodels.Key{}, &d)
		if err != nil {
			rt.Fatal(err)
		}
		var stored struct {
			Row      json.RawMessage   `json:"row"`
			Timeline []json.RawMessage `json:"timeline"`
		}
		if err := json.Unmarshal(row.Data, &stored); err != nil {
			rt.Fatalf("%v: %s", err, row.Data)
		}
		var got, want any
		plain, err := json.Marshal(d)
		if err != nil {
			rt.Fatal(err)
		}
		for j, to := range map[string]*any{string(stored.Row): &got, string(plain): &want} {
			dec := json.NewDecoder(strings.NewReader(j))
			dec.UseNumber()
			if err := dec.Decode(to); err != nil {
				rt.Fatal(err)
			}
		}
		if string(stored.Row) != string(plain) && !reflect.DeepEqual(got, want) {
			rt.Fatalf("%s\nwant %s", stored.Row, plain)
		}
	})
}
