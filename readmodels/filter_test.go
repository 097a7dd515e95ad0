package readmodels

import (
	"slices"
	"testing"

	"lonja/domain/document"
)

// A filter's kinds and states are said in two conditions, of which each is about all kinds:
// for every document they say what the filter says of its kind.
func TestOneConditionSaysWhatEachKindNeeds(t *testing.T) {
	t.Parallel()
	var filters []DocumentFilter
	for _, owed := range []bool{false, true} {
		filters = append(filters, DocumentFilter{Owed: owed})
		for _, k := range document.Kinds() {
			filters = append(filters, DocumentFilter{Owed: owed, Kinds: []document.Kind{k}})
			for _, s := range Statuses(k) {
				filters = append(filters, DocumentFilter{Owed: owed, Statuses: []Status{s}}, DocumentFilter{Owed: owed, Statuses: []Status{s, StatusCancelled}})
			}
		}
	}
	for _, f := range filters {
		kinds, err := f.kinds()
		if err != nil {
			t.Fatal(err)
		}
		where, ok := f.oneOf(kinds)
		for _, k := range document.Kinds() {
			for _, s := range Statuses(k) {
				want := slices.Contains(kinds, k) && slices.Contains(f.statusesOf(k), s)
				got := ok
				for _, c := range where {
					value := kindValue(k)
					if c.Column == "status" {
						value = statusValue(s)
					}
					got = got && slices.Contains(c.Values, value)
				}
				if got != want {
					t.Errorf("%+v lets through a %s that is %s: %v, want %v", f, k, s, got, want)
				}
			}
		}
	}
}
