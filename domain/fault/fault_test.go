package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"lonja/domain/fault"
)

func TestJoin(t *testing.T) {
	t.Parallel()
	name, date := fault.Field("name", "text.missing"), fault.Field("date", "document.date_invalid")
	if f := fault.Join(nil, nil); f != nil {
		t.Errorf("of nothing %v is made", f)
	}
	if f := fault.Join(nil, name, nil); f != name {
		t.Errorf("of one %v is made", f)
	}
	f := fault.Join(name, nil, date)
	if f.Kind != fault.Invalid || f.Key != "fault.several" || f.Field != "" || len(f.Causes) != 2 || f.Causes[0] != name || f.Causes[1] != date {
		t.Errorf("of two %#v is made", f)
	}
}

// A refusal is found however deep it is wrapped; what is none is of no kind.
func TestIs(t *testing.T) {
	t.Parallel()
	wrapped := fmt.Errorf("approving: %w", fmt.Errorf("quote 1: %w", fault.New(fault.Conflict, "quote.expired", fault.A("date", 7))))
	f, ok := fault.As(wrapped)
	if !ok || f.Key != "quote.expired" || len(f.Args) != 1 || f.Args[0] != (fault.Arg{Name: "date", Value: "7"}) {
		t.Errorf("found %v, %v", f, ok)
	}
	if !fault.Is(wrapped, fault.Conflict) || fault.Is(wrapped, fault.Invalid) {
		t.Error("a wrapped conflict is taken for something else")
	}
	for _, err := range []error{nil, errors.New("disk full")} {
		if f, ok := fault.As(err); ok || fault.Is(err, 0) || fault.Is(err, fault.Invalid) {
			t.Errorf("%v is taken for the refusal %v", err, f)
		}
	}
}

// Logs tell one kind from another, and say everything that was refused.
func TestText(t *testing.T) {
	t.Parallel()
	seen := map[string]fault.Kind{}
	for k := fault.Invalid; k <= fault.Unavailable; k++ {
		if other, twice := seen[k.String()]; twice || k.String() == "internal" {
			t.Errorf("kind %d is written %q, as %d", k, k, other)
		}
		seen[k.String()] = k
	}
	if got := fault.Kind(0).String(); got != "internal" {
		t.Errorf("no kind is written %q", got)
	}
	f := fault.Join(fault.Field("name", "text.too_long", fault.A("max", 200)), fault.Field("date", "document.date_invalid"))
	if got, want := f.Error(), `invalid: fault.several; invalid: text.too_long (name) max="200"; invalid: document.date_invalid (date)`; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}
