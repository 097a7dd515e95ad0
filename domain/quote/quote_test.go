package quote_test

import (
	"strings"
	"testing"
	"time"

	"lonja/domain/decider/decidertest"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/quote"
)

const (
	lastDay  = document.Date("2026-02-15") // the quote's valid-until
	dayAfter = document.Date("2026-02-16")
)

func issued(t *testing.T) quote.Issued {
	t.Helper()
	return quote.Issued{Issued: documenttest.Issued(t, documenttest.Body(document.Quote, "P-1"))}
}

func given(t *testing.T, more ...event.Event) *decidertest.Case[quote.State] {
	t.Helper()
	return decidertest.Given(t, quote.Decider(), append([]event.Event{issued(t)}, more...)...)
}

func hash(t *testing.T) string {
	t.Helper()
	return issued(t).Hash
}

func approved(t *testing.T) quote.Approved {
	t.Helper()
	return quote.Approved{Name: event.Seal("Julia Lope"), Reference: event.Seal("PC-1"), Hash: hash(t)}
}

type decide = func(quote.State) ([]event.Event, error)

func approve(a quote.Approval, today document.Date) decide {
	return func(s quote.State) ([]event.Event, error) { return quote.Approve(s, a, today) }
}

func decline(name, reason string, today document.Date) decide {
	return func(s quote.State) ([]event.Event, error) { return quote.Decline(s, name, reason, today) }
}

func wish(text string, today document.Date) decide {
	return func(s quote.State) ([]event.Event, error) { return quote.RequestChanges(s, " Julia ", text, today) }
}

func expire(today document.Date) decide {
	return func(s quote.State) ([]event.Event, error) { return quote.Expire(s, today) }
}

func supersede(s quote.State) ([]event.Event, error) { return quote.Supersede(s, "P2") }

func issue(b document.Body, supersedes id.ID) decide {
	return func(s quote.State) ([]event.Event, error) { return quote.Issue(s, b, supersedes) }
}

func TestIssue(t *testing.T) {
	t.Parallel()
	body := documenttest.Body(document.Quote, "P-1")
	nothing := decidertest.Given(t, quote.Decider())
	nothing.When(issue(body, "")).Then(issued(t))
	revision := issued(t)
	revision.Supersedes = "P0"
	decidertest.Given(t, quote.Decider()).When(issue(body, "P0")).Then(revision)
	given(t).When(issue(body, "")).ThenNothing()
	given(t, approved(t)).When(issue(body, "")).ThenNothing()
	other := documenttest.Body(document.Quote, "P-1")
	other.Lines[0].Name = "Tinta magenta"
	given(t).When(issue(other, "")).ThenRefused(fault.Conflict, "document.changed")
	other.Lines = nil
	decidertest.Given(t, quote.Decider()).When(issue(other, "")).ThenRefused(fault.Invalid, "document.lines_missing")
}

func TestApprove(t *testing.T) {
	t.Parallel()
	yes := quote.Approval{Name: " Julia Lope ", Reference: "PC-1\n", Hash: hash(t)}
	given(t).When(approve(yes, lastDay)).Then(approved(t))
	given(t, quote.ChangesRequested{Text: event.Seal("En rojo")}).When(approve(yes, lastDay)).Then(approved(t))
	signed := yes
	signed.Signature = "M10 20L30.5 40"
	with := approved(t)
	with.Signature = event.Seal(signed.Signature)
	given(t).When(approve(signed, lastDay)).Then(with)

	// The same yes again is nothing; another one is too late.
	given(t, approved(t)).When(approve(yes, lastDay)).ThenNothing()
	given(t, approved(t)).When(approve(yes, dayAfter)).ThenNothing()
	another := yes
	another.Name = "Otra"
	given(t, approved(t)).When(approve(another, lastDay)).ThenRefused(fault.Conflict, "quote.approved")

	// Its valid-until day is over.
	given(t).When(approve(yes, dayAfter)).ThenRefused(fault.Conflict, "quote.expired")
	given(t, quote.Expired{}).When(approve(yes, lastDay)).ThenRefused(fault.Conflict, "quote.expired")
	endless := documenttest.Body(document.Quote, "P-1")
	endless.ValidUntil = ""
	offer := documenttest.Issued(t, endless)
	decidertest.Given(t, quote.Decider(), quote.Issued{Issued: offer}).When(approve(quote.Approval{Name: "Julia Lope", Reference: "PC-1", Hash: offer.Hash}, "2099-01-01")).
		Then(quote.Approved{Name: event.Seal("Julia Lope"), Reference: event.Seal("PC-1"), Hash: offer.Hash})

	// What was shown is not what is offered.
	stale := yes
	stale.Hash = strings.Repeat("0", 64)
	given(t).When(approve(stale, lastDay)).ThenRefused(fault.Conflict, "quote.stale")
	stale.Hash = ""
	given(t).When(approve(stale, lastDay)).ThenRefused(fault.Conflict, "quote.stale")

	for name, one := range map[string]struct {
		change     func(*quote.Approval)
		field, key string
	}{
		"no name":        {func(a *quote.Approval) { a.Name = "  " }, "name", "text.missing"},
		"a long name":    {func(a *quote.Approval) { a.Name = strings.Repeat("ñ", 201) }, "name", "text.too_long"},
		"no text":        {func(a *quote.Approval) { a.Name = "\xff" }, "name", "text.not_utf8"},
		"long reference": {func(a *quote.Approval) { a.Reference = strings.Repeat("x", 101) }, "reference", "text.too_long"},
		"markup":         {func(a *quote.Approval) { a.Signature = `M1 1"/><script>` }, "signature", "quote.signature_invalid"},
		"a huge drawing": {func(a *quote.Approval) { a.Signature = strings.Repeat("L1 1", 20_000) }, "signature", "quote.signature_invalid"},
	} {
		bad := yes
		one.change(&bad)
		c := given(t).When(approve(bad, lastDay))
		c.ThenRefused(fault.Invalid, one.key)
		if field := c.Fault().Field; field != one.field {
			t.Errorf("%s: the field is %q, want %q", name, field, one.field)
		}
	}
	both := quote.Approval{Reference: strings.Repeat("x", 101), Hash: hash(t)}
	if c := given(t).When(approve(both, lastDay)); len(c.Fault().Causes) != 2 {
		t.Errorf("of two wrong fields %d are named", len(c.Fault().Causes))
	}
}

// The last moment to answer is the last of the valid-until day where the account is,
// not in UTC: an hour earlier in Madrid in winter, hours later in New York.
func TestTheLastMoment(t *testing.T) {
	t.Parallel()
	for zone, last := range map[string]time.Time{
		"Europe/Madrid":      time.Date(2026, 2, 15, 22, 59, 59, 999_999_999, time.UTC),
		"Atlantic/Canary":    time.Date(2026, 2, 15, 23, 59, 59, 999_999_999, time.UTC),
		"America/New_York":   time.Date(2026, 2, 16, 4, 59, 59, 999_999_999, time.UTC),
		"Pacific/Kiritimati": time.Date(2026, 2, 15, 9, 59, 59, 999_999_999, time.UTC),
	} {
		there, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		day := func(at time.Time) document.Date { return document.DateOf(at.In(there)) }
		yes := quote.Approval{Name: "Julia Lope", Reference: "PC-1", Hash: hash(t)}
		given(t).When(approve(yes, day(last))).Then(approved(t))
		given(t).When(expire(day(last))).ThenNothing()
		given(t).When(approve(yes, day(last.Add(1)))).ThenRefused(fault.Conflict, "quote.expired")
		given(t).When(expire(day(last.Add(1)))).Then(quote.Expired{})
	}
}

func TestDecline(t *testing.T) {
	t.Parallel()
	no := quote.Declined{Name: event.Seal("Julia Lope"), Reason: event.Seal("Muy caro")}
	given(t).When(decline(" Julia Lope", "Muy caro ", lastDay)).Then(no)
	given(t).When(decline("", "", lastDay)).Then(quote.Declined{})
	given(t, quote.ChangesRequested{Text: event.Seal("x")}).When(decline("", "", lastDay)).Then(quote.Declined{})
	given(t, no).When(decline("Otra", "Otra cosa", lastDay)).ThenNothing()
	given(t).When(decline("", "", dayAfter)).ThenRefused(fault.Conflict, "quote.expired")
	given(t, approved(t)).When(decline("", "", lastDay)).ThenRefused(fault.Conflict, "quote.approved")
	given(t).When(decline("", strings.Repeat("x", 5001), lastDay)).ThenRefused(fault.Invalid, "text.too_long")
	given(t).When(decline(strings.Repeat("x", 201), "", lastDay)).ThenRefused(fault.Invalid, "text.too_long")
}

func TestRequestChanges(t *testing.T) {
	t.Parallel()
	wanted := quote.ChangesRequested{Name: event.Seal("Julia"), Text: event.Seal("En rojo")}
	given(t).When(wish(" En rojo ", lastDay)).Then(wanted)
	given(t, wanted).When(wish("En rojo", lastDay)).ThenNothing()
	given(t, wanted).When(wish("En azul", lastDay)).Then(quote.ChangesRequested{Name: event.Seal("Julia"), Text: event.Seal("En azul")})
	given(t).When(func(s quote.State) ([]event.Event, error) { return quote.RequestChanges(s, "", "En rojo", lastDay) }).Then(quote.ChangesRequested{Text: event.Seal("En rojo")})
	given(t).When(func(s quote.State) ([]event.Event, error) {
		return quote.RequestChanges(s, strings.Repeat("x", 201), "En rojo", lastDay)
	}).ThenRefused(fault.Invalid, "text.too_long")
	given(t).When(wish("", lastDay)).ThenRefused(fault.Invalid, "text.missing")
	given(t).When(wish(strings.Repeat("x", 5001), lastDay)).ThenRefused(fault.Invalid, "text.too_long")
	given(t).When(wish("En rojo", dayAfter)).ThenRefused(fault.Conflict, "quote.expired")
	given(t, approved(t)).When(wish("En rojo", lastDay)).ThenRefused(fault.Conflict, "quote.approved")
}

// What has ended a quote, and what every answer to it is refused with.
func TestAnswersThatComeTooLate(t *testing.T) {
	t.Parallel()
	for key, end := range map[string]event.Event{
		"quote.declined": quote.Declined{}, "quote.superseded": quote.Superseded{By: "P2"}, "quote.expired": quote.Expired{}, "quote.withdrawn": quote.Withdrawn{},
	} {
		answers := map[string]decide{"approve": approve(quote.Approval{Name: "J", Hash: hash(t)}, lastDay), "wish": wish("x", lastDay)}
		if key != "quote.declined" {
			answers["decline"] = decline("", "", lastDay)
		}
		for _, answer := range answers {
			given(t, end).When(answer).ThenRefused(fault.Conflict, key)
		}
		given(t, end).When(expire(dayAfter)).ThenNothing()
	}
	for _, answer := range []decide{approve(quote.Approval{Name: "J"}, lastDay), decline("", "", lastDay), wish("x", lastDay), supersede, quote.Withdraw} {
		decidertest.Given(t, quote.Decider()).When(answer).ThenRefused(fault.NotFound, "not_found")
	}
	decidertest.Given(t, quote.Decider()).When(expire(dayAfter)).ThenNothing()
}

func TestWhatEndsAQuote(t *testing.T) {
	t.Parallel()
	given(t).When(expire(lastDay)).ThenNothing()
	given(t).When(expire(dayAfter)).Then(quote.Expired{})
	given(t, quote.ChangesRequested{Text: event.Seal("x")}).When(expire(dayAfter)).Then(quote.Expired{})
	given(t, approved(t)).When(expire(dayAfter)).ThenNothing()

	given(t).When(supersede).Then(quote.Superseded{By: "P2"})
	given(t, quote.Expired{}).When(supersede).Then(quote.Superseded{By: "P2"})
	given(t, quote.Superseded{By: "P2"}).When(supersede).ThenNothing()
	given(t, quote.Withdrawn{}).When(supersede).ThenNothing()
	given(t, approved(t)).When(supersede).ThenRefused(fault.Conflict, "quote.approved")

	given(t).When(quote.Withdraw).Then(quote.Withdrawn{})
	given(t, quote.Declined{}).When(quote.Withdraw).Then(quote.Withdrawn{})
	given(t, quote.Withdrawn{}).When(quote.Withdraw).ThenNothing()
	given(t, approved(t)).When(quote.Withdraw).ThenRefused(fault.Conflict, "quote.approved")
}
