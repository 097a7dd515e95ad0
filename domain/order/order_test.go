package order_test

import (
	"strings"
	"testing"

	"lonja/domain/decider/decidertest"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/order"
)

func eur(minor int64) money.Money { return money.Of(minor, "EUR") }

// issued is an order of 1210,00 €.
func issued(t *testing.T) order.Issued {
	t.Helper()
	return order.Issued{Issued: documenttest.Issued(t, documenttest.Body(document.SalesOrder, "S-1"))}
}

func given(t *testing.T, more ...event.Event) *decidertest.Case[order.State] {
	t.Helper()
	return decidertest.Given(t, order.Decider(), append([]event.Event{issued(t)}, more...)...)
}

type decide = func(order.State) ([]event.Event, error)

func confirm(delivery document.Date) decide {
	return func(s order.State) ([]event.Event, error) { return order.Confirm(s, delivery) }
}

func reject(reason string) decide {
	return func(s order.State) ([]event.Event, error) { return order.Reject(s, reason) }
}

func ship(note id.ID, complete bool) decide {
	return func(s order.State) ([]event.Event, error) { return order.Ship(s, note, complete) }
}

func cancel(reason string) decide {
	return func(s order.State) ([]event.Event, error) { return order.Cancel(s, reason) }
}

func pay(p id.ID, amount money.Money) decide {
	return func(s order.State) ([]event.Event, error) {
		return order.RecordPayment(s, order.Payment{ID: p, Amount: amount, Method: "sandbox", On: "2026-02-01"})
	}
}

func reverse(p id.ID, total money.Money) decide {
	return func(s order.State) ([]event.Event, error) { return order.ReversePayment(s, p, total) }
}

func recorded(p id.ID, minor, left int64) order.PaymentRecorded {
	return order.PaymentRecorded{Payment: p, Amount: eur(minor), Outstanding: eur(left), Method: "sandbox", On: "2026-02-01"}
}

func TestIssue(t *testing.T) {
	t.Parallel()
	body := documenttest.Body(document.SalesOrder, "S-1")
	issue := func(s order.State) ([]event.Event, error) { return order.Issue(s, body) }
	decidertest.Given(t, order.Decider()).When(issue).Then(issued(t))
	given(t).When(issue).ThenNothing()
	given(t, order.Cancelled{}).When(issue).ThenNothing()
	body.Number = " "
	decidertest.Given(t, order.Decider()).When(issue).ThenRefused(fault.Invalid, "document.number_missing")
}

// Every act in every state: what it records, nothing ("-"), or what refuses it.
func TestWhatMayHappenWhen(t *testing.T) {
	t.Parallel()
	why := event.Seal("Agotado")
	states := []struct {
		name    string
		history []event.Event
		key     string // of refusals
	}{
		{"waiting", nil, "order.not_confirmed"},
		{"placed", []event.Event{order.Placed{Issued: issued(t).Issued}}, "order.not_confirmed"},
		{"confirmed", []event.Event{order.Confirmed{DeliveryOn: "2026-03-01"}}, "order.confirmed"},
		{"part shipped", []event.Event{order.Confirmed{}, order.Shipped{DeliveryNote: "N1"}}, "order.shipped"},
		{"shipped", []event.Event{order.Confirmed{}, order.Shipped{DeliveryNote: "N1", Complete: true}}, "order.shipped"},
		{"fulfilled", []event.Event{order.Confirmed{}, order.Fulfilled{}}, "order.fulfilled"},
		{"rejected", []event.Event{order.Rejected{}}, "order.rejected"},
		{"cancelled", []event.Event{order.Cancelled{}}, "order.cancelled"},
	}
	acts := []struct {
		name    string
		act     decide
		records event.Event
		in      map[string]string // state: "yes", or "-" where it is so already; left out: refused
	}{
		{"confirm", confirm("2026-03-01"), order.Confirmed{DeliveryOn: "2026-03-01"}, map[string]string{"waiting": "yes", "placed": "yes", "confirmed": "-"}},
		{"reject", reject(" Agotado "), order.Rejected{Reason: why}, map[string]string{"waiting": "yes", "placed": "yes", "rejected": "-"}},
		{"ship a part", ship("N2", false), order.Shipped{DeliveryNote: "N2"}, map[string]string{"confirmed": "yes", "part shipped": "yes"}},
		{"ship the same part", ship("N1", false), order.Shipped{DeliveryNote: "N1"}, map[string]string{"confirmed": "yes", "part shipped": "-", "shipped": "-"}},
		{"ship all", ship("N2", true), order.Shipped{DeliveryNote: "N2", Complete: true}, map[string]string{"confirmed": "yes", "part shipped": "yes", "shipped": "-"}},
		{"fulfil", order.Fulfil, order.Fulfilled{}, map[string]string{"confirmed": "yes", "part shipped": "yes", "shipped": "yes", "fulfilled": "-"}},
		{"cancel", cancel("Agotado"), order.Cancelled{Reason: why}, map[string]string{"waiting": "yes", "placed": "yes", "confirmed": "yes", "cancelled": "-"}},
	}
	for _, a := range acts {
		for _, s := range states {
			t.Run(a.name+" when "+s.name, func(t *testing.T) {
				t.Parallel()
				c := given(t, s.history...).When(a.act)
				switch a.in[s.name] {
				case "yes":
					c.Then(a.records)
				case "-":
					c.ThenNothing()
				default:
					c.ThenRefused(fault.Conflict, s.key)
				}
			})
		}
		decidertest.Given(t, order.Decider()).When(a.act).ThenRefused(fault.NotFound, "not_found")
	}
	given(t).When(reject("  ")).Then(order.Rejected{})
	given(t).When(cancel("")).Then(order.Cancelled{})
	given(t).When(confirm("")).Then(order.Confirmed{})
	given(t, order.Confirmed{DeliveryOn: "2026-03-01"}).When(confirm("2026-03-02")).ThenRefused(fault.Conflict, "order.confirmed")
	for _, act := range []decide{reject(strings.Repeat("x", 5001)), cancel(strings.Repeat("x", 5001))} {
		given(t).When(act).ThenRefused(fault.Invalid, "text.too_long")
	}
	for _, act := range []decide{reject("\x1b[2J"), cancel("\xff")} {
		given(t).When(act).ThenRefused(fault.Invalid, "text.not_utf8")
	}
	given(t).When(cancel("No queda.\n\tLo siento.")).Then(order.Cancelled{Reason: event.Seal("No queda.\n\tLo siento.")})
	given(t).When(confirm("2026-02-30")).ThenRefused(fault.Invalid, "document.date_invalid")
}

func TestPayments(t *testing.T) {
	t.Parallel()
	given(t).When(pay("A", eur(121_000))).Then(recorded("A", 121_000, 0))
	given(t, recorded("A", 1000, 120_000)).When(pay("A", eur(500))).ThenNothing()
	given(t, recorded("A", 1000, 120_000)).When(pay("B", eur(120_001))).ThenRefused(fault.Invalid, "payment.more_than_outstanding")
	given(t).When(pay("A", eur(0))).ThenRefused(fault.Invalid, "payment.amount_not_positive")
	given(t).When(pay("A", money.Of(5, "USD"))).ThenRefused(fault.Invalid, "payment.currency_differs")
	given(t, order.Confirmed{}, order.Fulfilled{}).When(pay("A", eur(1))).Then(recorded("A", 1, 120_999))
	given(t, order.Rejected{}).When(pay("A", eur(1))).ThenRefused(fault.Conflict, "order.rejected")
	given(t, order.Cancelled{}).When(pay("A", eur(1))).ThenRefused(fault.Conflict, "order.cancelled")
	decidertest.Given(t, order.Decider()).When(pay("A", eur(1))).ThenRefused(fault.NotFound, "not_found")

	paid := recorded("A", 1000, 120_000)
	given(t, paid).When(reverse("A", eur(400))).Then(order.PaymentReversed{Payment: "A", Amount: eur(400), Outstanding: eur(120_400)})
	given(t, paid, order.PaymentReversed{Payment: "A", Amount: eur(400), Outstanding: eur(120_400)}).When(reverse("A", eur(1000))).
		Then(order.PaymentReversed{Payment: "A", Amount: eur(600), Outstanding: eur(121_000)})
	given(t, paid, order.PaymentReversed{Payment: "A", Amount: eur(400), Outstanding: eur(120_400)}).When(reverse("A", eur(400))).ThenNothing()
	given(t, paid).When(reverse("A", eur(1001))).ThenRefused(fault.Invalid, "payment.more_than_paid")
	given(t, paid).When(reverse("B", eur(1))).ThenRefused(fault.NotFound, "not_found")
	given(t, paid, order.Cancelled{}).When(reverse("A", eur(1000))).Then(order.PaymentReversed{Payment: "A", Amount: eur(1000), Outstanding: eur(121_000)})
}
