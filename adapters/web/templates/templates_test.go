package templates

import (
	"slices"
	"strings"
	"testing"

	"lonja/adapters/web/locale"
	"lonja/domain/document"
	"lonja/domain/money"
	"lonja/domain/vocabulary"
	"lonja/readmodels"
)

func speak(t *testing.T, lang string) *locale.Locale {
	t.Helper()
	c, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c.Match(lang)
}

// Keys that pages put together from a prefix and a value: every value has its text.
func TestEveryValueHasItsText(t *testing.T) {
	t.Parallel()
	for _, lang := range locale.Languages() {
		l := speak(t, lang)
		var keys []string
		for _, k := range document.Kinds() {
			keys = append(keys, "kind."+string(k), "kinds."+string(k))
			for _, s := range readmodels.Statuses(k) {
				keys = append(keys, statusKey(k, s))
			}
		}
		for _, s := range readmodels.PaymentStates() {
			keys = append(keys, "payment_state."+string(s))
		}
		for _, g := range []readmodels.PendingName{readmodels.PendingOverdue, readmodels.PendingAnswer, readmodels.PendingPay, readmodels.PendingConfirm, readmodels.PendingRead} {
			keys = append(keys, "pending."+string(g))
		}
		for _, r := range []readmodels.Relation{readmodels.RelSupersedes, readmodels.RelSupersededBy, readmodels.RelOrder, readmodels.RelDeliveryNote, readmodels.RelCorrects, readmodels.RelCreditNote} {
			keys = append(keys, "relation."+string(r))
		}
		for _, r := range roles() {
			keys = append(keys, "role."+r)
		}
		for _, code := range locale.Languages() {
			keys = append(keys, "language."+code)
		}
		for _, e := range shown(t) {
			keys = append(keys, "event."+e)
		}
		keys = append(keys, mailKeys()...)
		for _, key := range keys {
			if l.T(key) == key {
				t.Errorf("%s lacks %s", lang, key)
			}
		}
	}
}

// shown are the types of event that timelines may hold.
func shown(t *testing.T) []string {
	t.Helper()
	silent := []string{"payment.checkout_opened", "comment.read", "link.revoked", "link.closed", "link.sending_requested"}
	var out []string
	for _, e := range vocabulary.Registry().Types() {
		category, _, _ := strings.Cut(e, ".")
		about := document.Kind(category).Known() || slices.Contains([]string{"payment", "comment", "link"}, category)
		if about && !slices.Contains(silent, e) {
			out = append(out, e)
		}
	}
	if len(out) < 30 {
		t.Fatalf("%d types of event only", len(out))
	}
	return out
}

func TestAFilterBecomesItsList(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		filter readmodels.DocumentFilter
		want   string
	}{
		{readmodels.DocumentFilter{}, "/documents"},
		{readmodels.DocumentFilter{Kinds: []document.Kind{document.Quote}, Statuses: []readmodels.Status{readmodels.StatusPending}, DueFrom: "2026-01-01"}, "/quotes?due_from=2026-01-01&status=pending"},
		{readmodels.DocumentFilter{Kinds: []document.Kind{document.Invoice, document.SalesOrder}, Owed: true, Year: 2026, Currency: "EUR"}, "/documents?currency=EUR&kind=invoice&kind=sales_order&owed=1&year=2026"},
	} {
		if got := FilterPath(&tt.filter); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.filter, got, tt.want)
		}
	}
}

func TestTheChartHoldsEveryBar(t *testing.T) {
	t.Parallel()
	l := speak(t, "es")
	for _, tt := range []struct {
		name   string
		values [12]int64
		ticks  int
	}{
		{"nothing", [12]int64{}, 2},
		{"ordinary", [12]int64{0, 10000, 250000, 999999}, 6},
		{"more credited than sold", [12]int64{-50000, 10000}, 5},
		{"huge", [12]int64{9e15}, 6},
	} {
		f := readmodels.Figures{Currency: "EUR"}
		for m, v := range tt.values {
			f.Months = append(f.Months, readmodels.MonthFigure{Month: m + 1, Sales: money.Of(v, "EUR"), Quotes: money.Of(0, "EUR")})
		}
		c := newChart(l, f)
		if len(c.Bars) != 12 || len(c.Ticks) > tt.ticks || len(c.Ticks) < 2 {
			t.Errorf("%s: %d bars, %d ticks", tt.name, len(c.Bars), len(c.Ticks))
		}
		for _, b := range c.Bars {
			if strings.HasPrefix(b.SalesHeight, "-") || strings.HasPrefix(b.SalesY, "-") {
				t.Errorf("%s: bar of %s from %s", tt.name, b.SalesHeight, b.SalesY)
			}
		}
	}
}

func TestACodeIsDrawnWithItsQuietZone(t *testing.T) {
	t.Parallel()
	m := [][]bool{{true, true, false}, {false, false, true}, {false, false, false}}
	if got, want := qrPath(m), "M4 4h2v1h-2zM6 5h1v1h-1z"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := qrBox(m); got != "0 0 11 11" {
		t.Errorf("box %s", got)
	}
}

func TestAnIBANIsReadInGroups(t *testing.T) {
	t.Parallel()
	if got := SpacedIBAN("ES9121000418450200051332"); got != "ES91 2100 0418 4502 0005 1332" {
		t.Error(got)
	}
}
