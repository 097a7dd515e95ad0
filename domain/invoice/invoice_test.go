package invoice_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lonja/domain/decider/decidertest"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/invoice"
	"lonja/domain/money"
)

const day = document.Date("2026-02-01")

func eur(minor int64) money.Money { return money.Of(minor, "EUR") }

// issued is an invoice of 1210,00 €.
func issued(t testing.TB) invoice.Issued {
	t.Helper()
	return invoice.Issued{Issued: documenttest.Issued(t, documenttest.Body(document.Invoice, "F-1"))}
}

func given(t *testing.T, more ...event.Event) *decidertest.Case[invoice.State] {
	t.Helper()
	return decidertest.Given(t, invoice.Decider(), append([]event.Event{issued(t)}, more...)...)
}

type decide = func(invoice.State) ([]event.Event, error)

func pay(p id.ID, amount money.Money) decide {
	return func(s invoice.State) ([]event.Event, error) {
		return invoice.RecordPayment(s, invoice.Payment{ID: p, Amount: amount, Method: "transfer", On: day})
	}
}

func reverse(p id.ID, total money.Money) decide {
	return func(s invoice.State) ([]event.Event, error) { return invoice.ReversePayment(s, p, total) }
}

func credit(note id.ID, amount money.Money) decide {
	return func(s invoice.State) ([]event.Event, error) { return invoice.Credit(s, note, amount, true) }
}

// creditUpTo is credit of an invoice that is not the last that the note corrects.
func creditUpTo(note id.ID, amount money.Money) decide {
	return func(s invoice.State) ([]event.Event, error) { return invoice.Credit(s, note, amount, false) }
}

func cancel(reason string) decide {
	return func(s invoice.State) ([]event.Event, error) { return invoice.Cancel(s, reason) }
}

func recorded(p id.ID, minor, left int64) invoice.PaymentRecorded {
	return invoice.PaymentRecorded{Payment: p, Amount: eur(minor), Outstanding: eur(left), Method: "transfer", On: day}
}

func reversed(p id.ID, minor, left int64) invoice.PaymentReversed {
	return invoice.PaymentReversed{Payment: p, Amount: eur(minor), Outstanding: eur(left)}
}

func credited(note id.ID, minor, left int64) invoice.Credited {
	return invoice.Credited{CreditNote: note, Amount: eur(minor), Outstanding: eur(left)}
}

func TestIssue(t *testing.T) {
	t.Parallel()
	issue := func(b document.Body) decide {
		return func(s invoice.State) ([]event.Event, error) { return invoice.Issue(s, b) }
	}
	body := documenttest.Body(document.Invoice, "F-1")
	decidertest.Given(t, invoice.Decider()).When(issue(body)).Then(issued(t))
	given(t).When(issue(body)).ThenNothing()
	given(t, invoice.Cancelled{}).When(issue(body)).ThenNothing()
	other := body
	other.Totals.Payable = eur(120_999)
	given(t).When(issue(other)).ThenRefused(fault.Conflict, "document.changed")
	other.IssueDate = "2026-02-30"
	decidertest.Given(t, invoice.Decider()).When(issue(other)).ThenRefused(fault.Invalid, "document.date_invalid")
}

func TestIssueNote(t *testing.T) {
	t.Parallel()
	body := documenttest.Body(document.CreditNote, "R-1")
	note := invoice.CreditNoteIssued{Issued: documenttest.Issued(t, body), Corrects: []id.ID{"F1"}}
	issue := func(b document.Body) func(invoice.Note) ([]event.Event, error) {
		return func(s invoice.Note) ([]event.Event, error) { return invoice.IssueNote(s, b, []id.ID{"F1"}) }
	}
	decidertest.Given(t, invoice.NoteDecider()).When(issue(body)).Then(note)
	decidertest.Given(t, invoice.NoteDecider(), note).When(issue(body)).ThenNothing()
	body.Title = "Otra"
	decidertest.Given(t, invoice.NoteDecider(), note).When(issue(body)).ThenRefused(fault.Conflict, "document.changed")
}

func TestRecordPayment(t *testing.T) {
	t.Parallel()
	given(t).When(pay("A", eur(121_000))).Then(recorded("A", 121_000, 0))
	given(t).When(pay("A", eur(1))).Then(recorded("A", 1, 120_999))
	given(t, recorded("A", 1, 120_999)).When(pay("B", eur(120_999))).Then(recorded("B", 120_999, 0))

	// A payment counts once, whatever is said of it later.
	given(t, recorded("A", 1, 120_999)).When(pay("A", eur(1))).ThenNothing()
	given(t, recorded("A", 1, 120_999)).When(pay("A", eur(5000))).ThenNothing()
	given(t, recorded("A", 5, 120_995), reversed("A", 5, 121_000)).When(pay("A", eur(5))).ThenNothing()

	for name, amount := range map[string]money.Money{"payment.amount_not_positive": eur(0), "payment.more_than_outstanding": eur(121_001), "payment.currency_differs": money.Of(121_000, "USD")} {
		given(t).When(pay("A", amount)).ThenRefused(fault.Invalid, name)
	}
	given(t).When(pay("A", eur(-1))).ThenRefused(fault.Invalid, "payment.amount_not_positive")
	given(t).When(pay("A", money.Of(5, ""))).ThenRefused(fault.Invalid, "payment.currency_differs")
	given(t, recorded("A", 121_000, 0)).When(pay("B", eur(1))).ThenRefused(fault.Invalid, "payment.more_than_outstanding")
	given(t, credited("R", 121_000, 0)).When(pay("B", eur(1))).ThenRefused(fault.Invalid, "payment.more_than_outstanding")
	given(t, invoice.Cancelled{}).When(pay("A", eur(1))).ThenRefused(fault.Conflict, "invoice.cancelled")
	decidertest.Given(t, invoice.Decider()).When(pay("A", eur(1))).ThenRefused(fault.NotFound, "not_found")
}

func TestReversePayment(t *testing.T) {
	t.Parallel()
	paid := recorded("A", 1000, 120_000)
	given(t, paid).When(reverse("A", eur(1000))).Then(reversed("A", 1000, 121_000))
	given(t, paid).When(reverse("A", eur(300))).Then(reversed("A", 300, 120_300))
	given(t, paid, reversed("A", 300, 120_300)).When(reverse("A", eur(1000))).Then(reversed("A", 700, 121_000))

	// The total is what counts: told again, or late, it is nothing.
	given(t, paid, reversed("A", 300, 120_300)).When(reverse("A", eur(300))).ThenNothing()
	given(t, paid, reversed("A", 300, 120_300)).When(reverse("A", eur(200))).ThenNothing()
	given(t, paid).When(reverse("A", eur(0))).ThenNothing()

	given(t, paid).When(reverse("A", eur(1001))).ThenRefused(fault.Invalid, "payment.more_than_paid")
	given(t, paid).When(reverse("A", money.Of(1000, "USD"))).ThenRefused(fault.Invalid, "payment.currency_differs")
	given(t, paid).When(reverse("B", eur(1))).ThenRefused(fault.NotFound, "not_found")
	decidertest.Given(t, invoice.Decider()).When(reverse("A", eur(1))).ThenRefused(fault.NotFound, "not_found")
}

func TestCredit(t *testing.T) {
	t.Parallel()
	given(t).When(credit("R", eur(21_000))).Then(credited("R", 21_000, 100_000))
	given(t, credited("R", 21_000, 100_000)).When(credit("R", eur(21_000))).ThenNothing()
	given(t, credited("R", 21_000, 100_000)).When(credit("S", eur(100_000))).Then(credited("S", 100_000, 0))
	given(t, recorded("A", 120_000, 1000)).When(creditUpTo("R", eur(21_000))).Then(credited("R", 1000, 0))
	given(t, recorded("A", 121_000, 0)).When(creditUpTo("R", eur(21_000))).ThenNothing()
	given(t).When(credit("R", eur(0))).ThenNothing()
	less := issued(t)
	less.Payable = eur(-500)
	decidertest.Given(t, invoice.Decider(), less).When(credit("R", eur(100))).ThenNothing()
	given(t).When(credit("R", eur(-5))).ThenNothing()
	given(t, invoice.Cancelled{}).When(credit("R", eur(5))).ThenNothing()
	given(t).When(credit("R", money.Of(5, "USD"))).ThenRefused(fault.Conflict, "payment.currency_differs")
	decidertest.Given(t, invoice.Decider()).When(credit("R", eur(5))).ThenRefused(fault.NotFound, "not_found")
}

// A credit note on an invoice that was paid: what is paid back for it is not owed again.
func TestCreditBeyondWhatIsOwed(t *testing.T) {
	t.Parallel()
	beyond := func(minor, more int64) invoice.Credited {
		e := credited("R", minor, 0)
		e.Beyond = eur(more)
		return e
	}
	all, most := recorded("A", 121_000, 0), recorded("A", 120_000, 1000)
	given(t, all).When(credit("R", eur(21_000))).Then(beyond(0, 21_000))
	given(t, most).When(credit("R", eur(21_000))).Then(beyond(1000, 20_000))
	given(t, all, beyond(0, 21_000)).When(credit("R", eur(21_000))).ThenNothing()
	given(t, all, beyond(0, 21_000)).When(reverse("A", eur(21_000))).Then(reversed("A", 21_000, 0))
	given(t, all, beyond(0, 21_000)).When(reverse("A", eur(30_000))).Then(reversed("A", 30_000, 9000))
	given(t, all, beyond(0, 21_000), reversed("A", 5000, 0)).When(reverse("A", eur(30_000))).Then(reversed("A", 25_000, 9000))
	given(t, all, beyond(0, 21_000), reversed("A", 30_000, 9000)).When(reverse("A", eur(31_000))).Then(reversed("A", 1000, 10_000))
	given(t, all, beyond(0, 21_000), reversed("A", 30_000, 9000)).When(pay("B", eur(9000))).Then(recorded("B", 9000, 0))
}

func TestCancel(t *testing.T) {
	t.Parallel()
	given(t).When(cancel(" Duplicada ")).Then(invoice.Cancelled{Reason: event.Seal("Duplicada")})
	given(t).When(cancel("  ")).Then(invoice.Cancelled{})
	given(t, invoice.Cancelled{}).When(cancel("x")).ThenNothing()
	c := given(t).When(cancel(strings.Repeat("x", 5001)))
	c.ThenRefused(fault.Invalid, "text.too_long")
	if field := c.Fault().Field; field != "reason" {
		t.Errorf("the field is %q", field)
	}
	given(t, credited("R", 5, 120_995)).When(cancel("")).Then(invoice.Cancelled{})
	given(t, recorded("A", 5, 120_995)).When(cancel("")).ThenRefused(fault.Conflict, "invoice.has_payments")
	given(t, recorded("A", 5, 120_995), reversed("A", 4, 120_999)).When(cancel("")).ThenRefused(fault.Conflict, "invoice.has_payments")
	given(t, recorded("A", 5, 120_995), reversed("A", 5, 121_000)).When(cancel("")).Then(invoice.Cancelled{})
	decidertest.Given(t, invoice.Decider()).When(cancel("")).ThenRefused(fault.NotFound, "not_found")
}

// Whatever is asked of an invoice, in whatever order and how often: what is owed is what
// was to be paid, less what was paid, less what was credited, more what went back, and
// never less than nothing nor more than was to be paid; what is refused records nothing,
// and what was decided once is nothing the second time.
func TestWhatIsOwedIsExact(t *testing.T) {
	t.Parallel()
	first := issued(t)
	rapid.Check(t, func(t *rapid.T) {
		history := []event.Event{first}
		var paid, back, credits int64
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			who := id.ID(fmt.Sprintf("P%d", rapid.IntRange(1, 4).Draw(t, "who")))
			amount := money.Of(rapid.OneOf(rapid.Int64Range(-5, 130_000), rapid.Int64Range(1, 40_000)).Draw(t, "amount"), rapid.SampledFrom([]string{"EUR", "EUR", "EUR", "USD", ""}).Draw(t, "currency"))
			act := rapid.SampledFrom([]decide{pay(who, amount), pay(who, amount), reverse(who, amount), credit(who, amount), creditUpTo(who, amount), cancel("")}).Draw(t, "act")
			events, err := act(invoice.Decider().Fold(history...))
			if err != nil && len(events) > 0 {
				t.Fatalf("refused with %v, and recorded %v", err, events)
			}
			if len(events) > 1 {
				t.Fatalf("one decision recorded %v", events)
			}
			history = append(history, events...)
			for _, e := range events {
				switch e := e.(type) {
				case invoice.PaymentRecorded:
					paid += e.Amount.Minor
				case invoice.PaymentReversed:
					back += e.Amount.Minor
				case invoice.Credited:
					credits += e.Amount.Minor + e.Beyond.Minor
				}
			}
			s := invoice.Decider().Fold(history...)
			if want := eur(max(0, 121_000-paid+back-credits)); s.Outstanding != want {
				t.Fatalf("%v is owed, want %v, after %v", s.Outstanding, want, history[1:])
			}
			if s.Outstanding.Minor < 0 || s.Outstanding.Minor > 121_000 {
				t.Fatalf("%v is owed of 1210,00 €", s.Outstanding)
			}
			if again, err := act(s); err == nil && len(events) > 0 && len(again) > 0 {
				t.Fatalf("decided again it recorded %v", again)
			}
		}
	})
}
