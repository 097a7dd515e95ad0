package templates

import (
	"net/url"
	"slices"
	"strconv"

	"lonja/adapters/web/locale"
	"lonja/domain/document"
	"lonja/domain/money"
	"lonja/readmodels"
)

// Home is a contact's first page.
type Home struct {
	readmodels.HomePage
	Feed []FeedItem
	May  May
}

// May is what the person may do, by the role of the login.
type May struct {
	Approve bool
	Pay     bool
	Order   bool
}

// FeedItem is an activity with the name of who did it.
type FeedItem struct {
	readmodels.Activity
	Who  string
	Path string // of its document, "" where it has none
	File string // what there is to download of it, "" where there is nothing
}

// FilterPath is the list that shows the documents of a filter.
func FilterPath(f *readmodels.DocumentFilter) string {
	q := url.Values{}
	path := "/documents"
	if len(f.Kinds) == 1 {
		path = "/" + Section(f.Kinds[0])
	} else {
		for _, k := range f.Kinds {
			q.Add("kind", string(k))
		}
	}
	for _, s := range f.Statuses {
		q.Add("status", string(s))
	}
	for name, value := range map[string]string{
		"from": string(f.From), "to": string(f.To), "due_from": string(f.DueFrom), "due_to": string(f.DueTo), "currency": f.Currency,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.Year > 0 {
		q.Set("year", strconv.Itoa(f.Year))
	}
	if f.Owed {
		q.Set("owed", "1")
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// feedShown is how much of the activity shows at once; the rest unfolds.
const feedShown = 6

// yearPath is home with the figures of a year.
func (h Home) yearPath(year int) string {
	if year == h.Date.Year() {
		return "/"
	}
	return "/?year=" + itoa(year)
}

// waiting reports whether anything is pending.
func (h Home) waiting() bool {
	return slices.ContainsFunc(h.Pending, func(g readmodels.PendingGroup) bool { return g.Count > 0 })
}

// chart is the geometry of a year's bars: a view box of 720 by 240.
type chart struct {
	Ticks []tick
	Bars  []bar
	Zero  string // y of nought
}

type tick struct {
	Y, TextY string
	Label    string
}

type bar struct {
	X, TextX            string
	SalesY, SalesHeight string
	QuoteX              string
	QuoteY, QuoteHeight string
	Label               string
	Sales, Quotes       string
}

const (
	chartLeft, chartTop, chartBottom = 64.0, 12.0, 212.0
	chartRight                       = 720.0
)

// newChart lays out a year. Bars of a month in which credit notes outweigh invoices hang below nought.
func newChart(l *locale.Locale, f readmodels.Figures) chart {
	var high, low int64
	for _, m := range f.Months {
		high, low = max(high, m.Sales.Minor, m.Quotes.Minor), min(low, m.Sales.Minor, m.Quotes.Minor)
	}
	step := niceStep(high - low)
	top := (high + step - 1) / step * step
	bottom := -((-low + step - 1) / step * step)
	if top == bottom {
		top = step
	}
	y := func(v int64) float64 {
		return chartBottom - (chartBottom-chartTop)*float64(v-bottom)/float64(top-bottom)
	}
	px := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	c := chart{Zero: px(y(0))}
	for v := bottom; v <= top; v += step {
		c.Ticks = append(c.Ticks, tick{Y: px(y(v)), TextY: px(y(v) + 4), Label: l.Compact(money.Of(v, f.Currency))})
	}
	slot := (chartRight - chartLeft) / 12
	for i, m := range f.Months {
		x := chartLeft + slot*float64(i)
		b := bar{
			X: px(x + slot*0.14), QuoteX: px(x + slot*0.52), TextX: px(x + slot/2),
			Label: l.MonthShort(m.Month), Sales: l.Money(m.Sales), Quotes: l.Money(m.Quotes),
		}
		b.SalesY, b.SalesHeight = px(min(y(m.Sales.Minor), y(0))), px(abs(y(m.Sales.Minor)-y(0)))
		b.QuoteY, b.QuoteHeight = px(min(y(m.Quotes.Minor), y(0))), px(abs(y(m.Quotes.Minor)-y(0)))
		c.Bars = append(c.Bars, b)
	}
	return c
}

func abs(v float64) float64 { return max(v, -v) }

// niceStep is a round number of minor units of which some four span the range.
func niceStep(span int64) int64 {
	step := int64(100)
	for {
		for _, factor := range []int64{1, 2, 5} {
			if span <= step*factor*4 || step > 1e17 {
				return step * factor
			}
		}
		step *= 10
	}
}

func kindLabel(l *locale.Locale, k document.Kind) string { return l.T("kind." + string(k)) }
