package purchase_test

import (
	"strings"
	"testing"

	"lonja/domain/decider/decidertest"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/purchase"
)

func issued(t *testing.T) purchase.Issued {
	t.Helper()
	return purchase.Issued{Issued: documenttest.Issued(t, documenttest.Body(document.PurchaseOrder, "C-1"))}
}

func given(t *testing.T, more ...event.Event) *decidertest.Case[purchase.State] {
	t.Helper()
	return decidertest.Given(t, purchase.Decider(), append([]event.Event{issued(t)}, more...)...)
}

type decide = func(purchase.State) ([]event.Event, error)

func confirm(c purchase.Confirmation) decide {
	return func(s purchase.State) ([]event.Event, error) { return purchase.Confirm(s, c) }
}

func reject(name, reason string) decide {
	return func(s purchase.State) ([]event.Event, error) { return purchase.Reject(s, name, reason) }
}

func cancel(reason string) decide {
	return func(s purchase.State) ([]event.Event, error) { return purchase.Cancel(s, reason) }
}

func yes(t *testing.T) (purchase.Confirmation, purchase.Confirmed) {
	t.Helper()
	hash := issued(t).Hash
	return purchase.Confirmation{Name: " Rosa Iranzo", Reference: "V-1 ", DeliveryOn: "2026-03-01", Hash: hash},
		purchase.Confirmed{Name: event.Seal("Rosa Iranzo"), Reference: event.Seal("V-1"), DeliveryOn: "2026-03-01", Hash: hash}
}

func TestIssue(t *testing.T) {
	t.Parallel()
	body := documenttest.Body(document.PurchaseOrder, "C-1")
	issue := func(s purchase.State) ([]event.Event, error) { return purchase.Issue(s, body) }
	decidertest.Given(t, purchase.Decider()).When(issue).Then(issued(t))
	given(t).When(issue).ThenNothing()
	body.Title = "Otra"
	given(t).When(issue).ThenRefused(fault.Conflict, "document.changed")
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	c, e := yes(t)
	given(t).When(confirm(c)).Then(e)
	given(t, e).When(confirm(c)).ThenNothing()
	other := c
	other.DeliveryOn = "2026-03-02"
	given(t, e).When(confirm(other)).ThenRefused(fault.Conflict, "purchase.confirmed")
	stale := c
	stale.Hash = "0"
	given(t).When(confirm(stale)).ThenRefused(fault.Conflict, "purchase.stale")
	given(t, purchase.Rejected{}).When(confirm(c)).ThenRefused(fault.Conflict, "purchase.rejected")
	given(t, purchase.Cancelled{}).When(confirm(c)).ThenRefused(fault.Conflict, "purchase.cancelled")
	decidertest.Given(t, purchase.Decider()).When(confirm(c)).ThenRefused(fault.NotFound, "not_found")
	for field, change := range map[string]func(*purchase.Confirmation){
		"name":         func(c *purchase.Confirmation) { c.Name = "" },
		"reference":    func(c *purchase.Confirmation) { c.Reference = strings.Repeat("x", 101) },
		"deliveryDate": func(c *purchase.Confirmation) { c.DeliveryOn = "mañana" },
	} {
		bad := c
		change(&bad)
		if got := given(t).When(confirm(bad)).Fault(); got.Kind != fault.Invalid || got.Field != field {
			t.Errorf("a wrong %s is refused with %v of %q", field, got, got.Field)
		}
	}
}

func TestReject(t *testing.T) {
	t.Parallel()
	_, e := yes(t)
	given(t).When(reject(" Rosa ", " Sin género ")).Then(purchase.Rejected{Name: event.Seal("Rosa"), Reason: event.Seal("Sin género")})
	given(t).When(reject("", "")).Then(purchase.Rejected{})
	given(t, purchase.Rejected{}).When(reject("x", "y")).ThenNothing()
	given(t, e).When(reject("", "")).ThenRefused(fault.Conflict, "purchase.confirmed")
	given(t, purchase.Cancelled{}).When(reject("", "")).ThenRefused(fault.Conflict, "purchase.cancelled")
	given(t).When(reject("", strings.Repeat("x", 5001))).ThenRefused(fault.Invalid, "text.too_long")
	decidertest.Given(t, purchase.Decider()).When(reject("", "")).ThenRefused(fault.NotFound, "not_found")
}

func TestCancel(t *testing.T) {
	t.Parallel()
	_, e := yes(t)
	given(t).When(cancel(" Ya no ")).Then(purchase.Cancelled{Reason: event.Seal("Ya no")})
	given(t, e).When(cancel("")).Then(purchase.Cancelled{})
	given(t, purchase.Cancelled{}).When(cancel("x")).ThenNothing()
	c := given(t).When(cancel(strings.Repeat("x", 5001)))
	c.ThenRefused(fault.Invalid, "text.too_long")
	if field := c.Fault().Field; field != "reason" {
		t.Errorf("the field is %q", field)
	}
	given(t, purchase.Rejected{}).When(cancel("")).ThenRefused(fault.Conflict, "purchase.rejected")
	decidertest.Given(t, purchase.Decider()).When(cancel("")).ThenRefused(fault.NotFound, "not_found")
}
