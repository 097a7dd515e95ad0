// Package decidertest writes decisions as given / when / then. Every decision is
// run a second time on its own result and must then record nothing, or refuse.
package decidertest

import (
	"reflect"
	"testing"

	"lonja/domain/decider"
	"lonja/domain/event"
	"lonja/domain/fault"
)

// Case is a history and a decision over it.
type Case[S any] struct {
	t      *testing.T
	d      decider.Decider[S]
	given  []event.Event
	events []event.Event
	err    error
	decide func(S) ([]event.Event, error)
	twice  bool
}

// Given starts a case with what has happened.
func Given[S any](t *testing.T, d decider.Decider[S], events ...event.Event) *Case[S] {
	t.Helper()
	return &Case[S]{t: t, d: d, given: events, twice: true}
}

// Repeatable opts out of the second run, for a decision that means something new
// each time. The reason is for the reader.
func (c *Case[S]) Repeatable(reason string) *Case[S] {
	c.t.Helper()
	if reason == "" {
		c.t.Fatal("a repeatable decision needs its reason in words")
	}
	c.twice = false
	return c
}

// When decides.
func (c *Case[S]) When(decide func(S) ([]event.Event, error)) *Case[S] {
	c.t.Helper()
	c.decide = decide
	c.events, c.err = decide(c.d.Fold(c.given...))
	return c
}

// Then wants exactly these events, and none from deciding again.
func (c *Case[S]) Then(want ...event.Event) {
	c.t.Helper()
	if c.err != nil {
		c.t.Fatalf("refused: %v", c.err)
	}
	if len(c.events) != len(want) {
		c.t.Fatalf("recorded %d events, want %d:\n got %#v\nwant %#v", len(c.events), len(want), c.events, want)
	}
	for i := range want {
		if !reflect.DeepEqual(c.events[i], want[i]) {
			c.t.Errorf("event %d:\n got %#v\nwant %#v", i, c.events[i], want[i])
		}
	}
	if !c.twice || len(want) == 0 {
		return
	}
	again, err := c.decide(c.d.Fold(append(append([]event.Event(nil), c.given...), c.events...)...))
	if err == nil && len(again) > 0 {
		c.t.Errorf("deciding twice recorded %#v", again)
	}
}

// ThenNothing wants success without events: it was already so.
func (c *Case[S]) ThenNothing() {
	c.t.Helper()
	c.Then()
}

// ThenRefused wants a fault of the kind and key.
func (c *Case[S]) ThenRefused(kind fault.Kind, key string) {
	c.t.Helper()
	f, ok := fault.As(c.err)
	if !ok {
		c.t.Fatalf("err is %v, want a %s fault %q; recorded %#v", c.err, kind, key, c.events)
	}
	if f.Kind != kind || f.Key != key {
		c.t.Fatalf("refused with %v, want %s %q", f, kind, key)
	}
	if len(c.events) > 0 {
		c.t.Errorf("refused and still recorded %#v", c.events)
	}
}

// Fault returns the refusal, for what else a test wants of it.
func (c *Case[S]) Fault() *fault.Fault {
	c.t.Helper()
	f, ok := fault.As(c.err)
	if !ok {
		c.t.Fatalf("err is %v, want a fault", c.err)
	}
	return f
}
