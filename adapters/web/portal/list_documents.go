package portal

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/domain/access"
	"lonja/domain/document"
	"lonja/domain/money"
	"lonja/readmodels"
)

// rowsPerPage is how many documents a page of a list has.
const rowsPerPage = 25

// summedRows is up to how many documents a list says what they add up to: it reads them all.
const summedRows = 500

// listDocuments shows the documents of a kind; of all, where kind is "".
func (p *Portal) listDocuments(kind document.Kind) edge.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v := viewerOf(r)
		asked := r.URL.Query()
		q := documentQuery(asked, kind, v.Settings.Currency)
		list, err := ReadList(r.Context(), v.View, kind, q)
		if err != nil {
			return err
		}
		list.Path, list.Query, list.Today = r.URL.Path, kept(asked), p.today(v)
		list.Pay = v.may(access.Pay) && (kind == "" || kind.Payable())
		for _, name := range []string{"kind", "from", "to", "due_from", "due_to", "currency", "owed"} {
			for _, value := range list.Query[name] {
				list.Hidden = append(list.Hidden, templates.Hidden{Name: name, Value: value})
			}
		}
		title := "kinds.all"
		if kind != "" {
			title = "kinds." + string(kind)
		}
		return p.Show(w, r, http.StatusOK, templates.ListPage(p.page(r, v, v.L.T(title)), list))
	}
}

// ReadList reads what the page of a list shows; bench/lists measures how long that takes.
func ReadList(ctx context.Context, v readmodels.View, kind document.Kind, q readmodels.DocumentQuery) (templates.List, error) {
	list := templates.List{Kind: kind, Sort: q.Sort, Desc: q.Desc, Later: q.After != "", Statuses: templates.StatusesOf(q.Kinds), Picked: q.Statuses}
	page, err := readmodels.ListDocuments(ctx, v, q)
	if err != nil {
		return list, err
	}
	list.Next = page.Next
	for i := range page.Items {
		list.Rows = append(list.Rows, page.Items[i].Row)
	}
	if list.Total, err = readmodels.CountDocuments(ctx, v, q.DocumentFilter); err != nil {
		return list, err
	}
	if list.Total > 0 && list.Total <= summedRows {
		if list.Sums, err = readmodels.SumDocuments(ctx, v, q.DocumentFilter); err != nil {
			return list, err
		}
	}
	list.Years, err = years(ctx, v, kind)
	return list, err
}

// documentQuery reads what a list is asked for. What makes no sense is left out rather
// than refused: a link with a filter outlives the filter.
func documentQuery(asked url.Values, kind document.Kind, currency string) readmodels.DocumentQuery {
	q := readmodels.DocumentQuery{
		DocumentFilter: readmodels.DocumentFilter{
			Search: first(asked.Get("q"), 100), Currency: asked.Get("currency"), Owed: asked.Get("owed") != "",
			From: day(asked.Get("from")), To: day(asked.Get("to")), DueFrom: day(asked.Get("due_from")), DueTo: day(asked.Get("due_to")),
		},
		Sort: readmodels.DocumentSort(asked.Get("sort")), Desc: asked.Get("desc") == "1", After: asked.Get("after"), Limit: rowsPerPage,
	}
	if !slices.Contains([]readmodels.DocumentSort{
		readmodels.SortDate, readmodels.SortDue, readmodels.SortKind, readmodels.SortStatus, readmodels.SortNumber, readmodels.SortTitle, readmodels.SortTotal,
	}, q.Sort) {
		q.Sort, q.Desc = readmodels.SortDate, true
	}
	if kind != "" {
		q.Kinds = []document.Kind{kind}
	} else {
		for _, k := range asked["kind"] {
			if document.Kind(k).Known() {
				q.Kinds = append(q.Kinds, document.Kind(k))
			}
		}
	}
	possible := templates.StatusesOf(q.Kinds)
	for _, s := range strings.Split(strings.Join(asked["status"], ","), ",") { // several in one field, as the form sends them
		if slices.Contains(possible, readmodels.Status(s)) && !slices.Contains(q.Statuses, readmodels.Status(s)) {
			q.Statuses = append(q.Statuses, readmodels.Status(s))
		}
	}
	if year, err := strconv.Atoi(asked.Get("year")); err == nil && year > 0 && year < 10000 {
		q.Year = year
	}
	if m, err := money.Parse(asked.Get("min"), currency); err == nil {
		q.MinTotal = &m.Minor
	}
	if m, err := money.Parse(asked.Get("max"), currency); err == nil {
		q.MaxTotal = &m.Minor
	}
	return q
}

// kept is what was asked for without the place in the list, empty fields left out.
func kept(asked url.Values) url.Values {
	out := url.Values{}
	for name, values := range asked {
		if name == "after" {
			continue
		}
		for _, v := range values {
			if v != "" {
				out.Add(name, v)
			}
		}
	}
	return out
}

// years are those that the contact has documents of, newest first.
func years(ctx context.Context, v readmodels.View, kind document.Kind) ([]int, error) {
	f := readmodels.DocumentQuery{Sort: readmodels.SortDate, Limit: 1}
	if kind != "" {
		f.Kinds = []document.Kind{kind}
	}
	oldest, err := readmodels.ListDocuments(ctx, v, f)
	if err != nil || len(oldest.Items) == 0 {
		return nil, err
	}
	f.Desc = true
	newest, err := readmodels.ListDocuments(ctx, v, f)
	if err != nil || len(newest.Items) == 0 {
		return nil, err
	}
	var years []int
	from, to := oldest.Items[0].Row.IssueDate.Year(), newest.Items[0].Row.IssueDate.Year()
	for y := to; y >= from && len(years) < 30; y-- {
		years = append(years, y)
	}
	return years, nil
}

func day(s string) document.Date {
	if d := document.Date(s); d.Valid() {
		return d
	}
	return ""
}

func first(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}
