package templates

import (
	"net/url"
	"slices"
	"strings"

	"lonja/adapters/web/locale"
	"lonja/domain/document"
	"lonja/readmodels"
)

// List is a list of documents.
type List struct {
	Kind     document.Kind // "" where it mixes kinds
	Path     string        // own path without query
	Query    url.Values    // as asked for, without cursor
	Rows     []readmodels.Document
	Total    int
	Sums     []readmodels.DocumentSum // of all that the filter lets through; none where that is much to add up
	Statuses []readmodels.Status      // that there can be
	Picked   []readmodels.Status      // that are shown; none: all
	Years    []int
	Sort     readmodels.DocumentSort
	Desc     bool
	Next     string // cursor of the page after
	Later    bool   // this is not the first page
	Today    document.Date
	Pay      bool // documents can be ticked and paid together
	Hidden   []Hidden
}

// listParts are what changes beside the list itself when it is filtered, sorted or paged.
const listParts = "#total:innerHTML,#clear,#export,#kept,#chips"

// Chip is a filter that came with a link, and the list without it.
type Chip struct{ Label, Path string }

// chips tell which filters are at work that no field of the form shows.
func (v List) chips(l *locale.Locale) []Chip {
	var out []Chip
	add := func(label string, names ...string) {
		q := url.Values{}
		for k, all := range v.Query {
			if !slices.Contains(names, k) {
				q[k] = all
			}
		}
		path := v.Path
		if len(q) > 0 {
			path += "?" + q.Encode()
		}
		out = append(out, Chip{label, path})
	}
	if all := v.Query["kind"]; len(all) > 0 && v.Kind == "" {
		var kinds []string
		for _, k := range all {
			if document.Kind(k).Known() {
				kinds = append(kinds, l.T("kinds."+k))
			}
		}
		if len(kinds) > 0 {
			add(strings.Join(kinds, ", "), "kind")
		}
	}
	if text := between(l, v.Query.Get("from"), v.Query.Get("to")); text != "" {
		add(l.T("list.date")+": "+text, "from", "to")
	}
	if text := between(l, v.Query.Get("due_from"), v.Query.Get("due_to")); text != "" {
		add(l.T(dueKey(v.Kind))+": "+text, "due_from", "due_to")
	}
	if v.Query.Get("owed") != "" {
		add(l.T("list.owed"), "owed")
	}
	if currency := v.Query.Get("currency"); currency != "" {
		add(currency, "currency")
	}
	return out
}

// several is the picked statuses, where they are more than one, as a choice of the form.
func (v List) several(l *locale.Locale) (value, label string) {
	if len(v.Picked) < 2 {
		return "", ""
	}
	var values, labels []string
	for _, s := range v.Picked {
		values, labels = append(values, string(s)), append(labels, StatusText(l, v.Kind, s))
	}
	return strings.Join(values, ","), strings.Join(labels, ", ")
}

// between is a span of days in words, "" where neither end is a day.
func between(l *locale.Locale, from, to string) string {
	first, last := document.Date(from), document.Date(to)
	switch {
	case first.Valid() && last.Valid():
		return l.Date(first) + " – " + l.Date(last)
	case first.Valid():
		return l.T("list.since", "date", l.Date(first))
	case last.Valid():
		return l.T("list.until", "date", l.Date(last))
	}
	return ""
}

// Hidden is a filter that came with a link and stays while others are changed.
type Hidden struct{ Name, Value string }

// sortPath is the list ordered by a column; by the current one, the other way round.
func (v List) sortPath(s readmodels.DocumentSort) string {
	q := v.with("sort", string(s))
	q.Del("desc")
	descending := s == readmodels.SortDate || s == readmodels.SortTotal // newest and largest first
	if s == v.Sort {
		descending = !v.Desc
	}
	if descending {
		q.Set("desc", "1")
	} else {
		q.Set("desc", "0")
	}
	return v.Path + "?" + q.Encode()
}

func (v List) nextPath() string { return v.Path + "?" + v.with("after", v.Next).Encode() }

// exportPath is the whole list, with its filter and order, as a file.
func (v List) exportPath(format string) string {
	q := v.with("sort", string(v.Sort))
	q.Set("desc", flag(v.Desc))
	if v.Kind != "" {
		q.Set("kind", string(v.Kind))
	}
	return "/documents." + format + "?" + q.Encode()
}

func (v List) firstPath() string {
	if len(v.Query) == 0 {
		return v.Path
	}
	return v.Path + "?" + v.Query.Encode()
}

func (v List) with(name, value string) url.Values {
	q := url.Values{}
	for k, all := range v.Query {
		q[k] = all
	}
	q.Set(name, value)
	return q
}

func (v List) ariaSort(s readmodels.DocumentSort) string {
	switch {
	case s != v.Sort:
		return ""
	case v.Desc:
		return "descending"
	}
	return "ascending"
}

func (v List) filtered() bool { return len(v.Query) > 0 }

// ticks reports whether any row can be ticked.
func (v List) ticks() bool {
	return v.Pay && slices.ContainsFunc(v.Rows, func(d readmodels.Document) bool { return d.Owed() })
}

// dated reports whether the column of due days has anything to say.
func (v List) dated() bool {
	return slices.ContainsFunc(v.Rows, func(d readmodels.Document) bool { return due(&d) != "" }) || v.Sort == readmodels.SortDue
}

// due is the day of a row that matters to its reader.
func due(d *readmodels.Document) document.Date {
	if d.Kind == document.Quote {
		return d.ValidUntil
	}
	return d.DueDate
}

func dueClass(daysLeft int) string {
	switch {
	case daysLeft < 0:
		return "badge bad"
	case daysLeft <= 7:
		return "badge warn"
	}
	return "badge"
}

func dueText(l *locale.Locale, i readmodels.PendingItem) string {
	days := *i.DaysLeft
	switch {
	case days < 0:
		return l.T("due.overdue", "count", -days)
	case days == 0:
		return l.T("due.today")
	case days <= 30:
		return l.T("due.in", "count", days)
	}
	return l.T("due.on", "date", l.Date(i.Due))
}

// StatusText is the status of a kind of document in words.
func StatusText(l *locale.Locale, k document.Kind, s readmodels.Status) string {
	return l.T(statusKey(k, s))
}

// statusKey is a status's message. In Spanish a proforma is "emitida", a quote "emitido":
// the statuses of both sorts of word have a message each.
func statusKey(k document.Kind, s readmodels.Status) string {
	key := "status." + string(s)
	switch k {
	case document.Invoice, document.Proforma, document.CreditNote:
		switch s {
		case readmodels.StatusCancelled, readmodels.StatusIssued, readmodels.StatusWithdrawn:
			key += "_f"
		}
	}
	return key
}

// happened is an activity in words.
func happened(l *locale.Locale, i FeedItem) string {
	if i.Type == "document.viewed" {
		return sightText(l, i.Method)
	}
	reason := i.Reason
	if strings.HasPrefix(i.Type, "payment.failed") {
		reason = l.T("payment_reason." + paymentReason(reason))
	}
	key := "event." + i.Type
	if i.Name != "" && (i.Type == "quote.declined" || i.Type == "quote.changes_requested") {
		key += "_by"
	}
	return l.T(key, "amount", l.Money(i.Amount), "name", i.Name, "date", l.Date(i.Date), "reason", reason,
		"reference", i.Reference, "text", i.Text, "method", MethodName(l, i.Method))
}

func paymentReason(code string) string {
	switch code {
	case "declined", "expired", "cancelled":
		return code
	}
	return "error"
}

// MethodName is a payment method in words; a gateway's own name where there are none.
func MethodName(l *locale.Locale, method string) string {
	switch method {
	case readmodels.Transfer:
		return l.T("method.transfer")
	case "sandbox":
		return l.T("method.sandbox")
	}
	return method
}

func dueKey(k document.Kind) string {
	switch k {
	case document.Quote:
		return "list.valid_until"
	case document.SalesOrder, document.Invoice:
		return "list.due"
	}
	return "list.due_or_valid"
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
