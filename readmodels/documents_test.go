package readmodels_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lonja/adapters/memory"
	"lonja/domain/document"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

const account = id.Account("01ACME")

// A page after another, in any order and through any filter, is what sorting and
// filtering all rows gives: nothing twice, nothing left out.
func TestPagesOfDocuments(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		pick := func(of ...string) string { return rapid.SampledFrom(of).Draw(rt, "of") }
		rows := map[readmodels.Key]readmodels.Document{}
		for i := range rapid.IntRange(0, 40).Draw(rt, "rows") {
			k := rapid.SampledFrom(document.Kinds()).Draw(rt, "kind")
			d := readmodels.Document{
				ID: id.ID(fmt.Sprintf("d%02d", i)), Kind: k, Number: pick("F-1", "F-2", "F-10", "A-1"), Title: pick("Caña", "canas", "Red"),
				IssueDate: document.Date(pick("2025-12-31", "2026-01-01", "2026-06-01")), DueDate: document.Date(pick("", "2026-02-01", "2026-03-01")),
				Total: money.Of(rapid.Int64Range(-1, 2).Draw(rt, "total"), pick("EUR", "USD")), Outstanding: money.Of(rapid.Int64Range(0, 1).Draw(rt, "owed"), "EUR"),
				Status: rapid.SampledFrom(readmodels.Statuses(k)).Draw(rt, "status"),
			}
			if k == document.Invoice {
				d.Outstanding.Minor = 0
				if d.Status == readmodels.StatusOpen || d.Status == readmodels.StatusPartPaid {
					d.Outstanding.Minor = 1
				}
			}
			rows[readmodels.Key{Account: account, Contact: id.Contact(pick("c1", "c2")), ID: string(d.ID)}] = d
		}
		store := filled(t, rows)

		q := readmodels.DocumentQuery{Desc: rapid.Bool().Draw(rt, "desc"), Limit: rapid.IntRange(1, 5).Draw(rt, "limit")}
		q.Kinds = rapid.SliceOfN(rapid.SampledFrom(document.Kinds()), 0, 3).Draw(rt, "kinds")
		q.Statuses = rapid.SliceOfN(rapid.SampledFrom(readmodels.Statuses(document.Invoice)), 0, 2).Draw(rt, "statuses")
		q.Search, q.Currency = pick("", "", "cana", "f 1", "RED"), pick("", "", "EUR")
		q.Year = rapid.SampledFrom([]int{0, 0, 2025, 2026}).Draw(rt, "year")
		q.Owed, q.DueTo = rapid.Bool().Draw(rt, "owed"), document.Date(pick("", "", "2026-02-01"))
		staff := rapid.Bool().Draw(rt, "staff")
		view, sorts := readmodels.For(store, account, "c1"), []readmodels.DocumentSort{"date", "due", "kind", "status", "number", "title", "total"}
		if staff {
			view, sorts = readmodels.ForStaff(store, account), []readmodels.DocumentSort{"date", "kind", "status"}
		}
		q.Sort = rapid.SampledFrom(sorts).Draw(rt, "sort")

		var want []readmodels.Key
		for k, d := range rows {
			if (staff || k.Contact == "c1") && passes(&q, &d) {
				want = append(want, k)
			}
		}
		slices.SortFunc(want, func(a, b readmodels.Key) int {
			x, y := rows[a], rows[b]
			c := cmp.Or(compare(q.Sort, &x, &y), cmp.Compare(a.Contact, b.Contact), cmp.Compare(a.ID, b.ID))
			if q.Desc {
				return -c
			}
			return c
		})
		var got []readmodels.Key
		for {
			p, err := readmodels.ListDocuments(t.Context(), view, q)
			if err != nil {
				rt.Fatal(err)
			}
			for _, i := range p.Items {
				got = append(got, i.Key)
			}
			if q.After = p.Next; p.Next == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("%v\nwant %v", got, want)
		}
		if n, err := readmodels.CountDocuments(t.Context(), view, q.DocumentFilter); err != nil || n != len(want) {
			rt.Fatalf("%d counted (%v), %d listed", n, err, len(want))
		}
	})
}

func filled(t *testing.T, rows map[readmodels.Key]readmodels.Document) *memory.ReadStore {
	t.Helper()
	store := memory.NewReadStore()
	g, err := store.Open(t.Context(), "documents", 1, []readmodels.Schema{readmodels.Documents.Schema})
	if err != nil {
		t.Fatal(err)
	}
	b := readmodels.Batch{Generation: g, To: 1}
	for k, d := range rows {
		row, err := readmodels.Documents.Encode(k, &d)
		if err != nil {
			t.Fatal(err)
		}
		b.Changes = append(b.Changes, readmodels.Change{Table: readmodels.Documents.Name, Row: row})
	}
	if err := store.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return store
}

func passes(q *readmodels.DocumentQuery, d *readmodels.Document) bool {
	for _, word := range strings.Fields(readmodels.Fold(q.Search)) {
		if !strings.Contains(readmodels.Fold(d.Number+" "+d.Title), word) {
			return false
		}
	}
	return (len(q.Kinds) == 0 || slices.Contains(q.Kinds, d.Kind)) &&
		(len(q.Statuses) == 0 || slices.Contains(q.Statuses, d.Status)) &&
		(q.Year == 0 || d.IssueDate.Year() == q.Year) &&
		(q.Currency == "" || d.Currency() == q.Currency) &&
		(q.DueTo == "" || d.Due() <= q.DueTo) &&
		(!q.Owed || d.Owed())
}

func compare(by readmodels.DocumentSort, x, y *readmodels.Document) int {
	switch by {
	case readmodels.SortDue:
		return cmp.Compare(x.Due(), y.Due())
	case readmodels.SortKind:
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.IssueDate, y.IssueDate))
	case readmodels.SortStatus:
		return cmp.Or(cmp.Compare(x.Status, y.Status), cmp.Compare(x.IssueDate, y.IssueDate))
	case readmodels.SortNumber:
		return cmp.Compare(readmodels.SortKey(x.Number), readmodels.SortKey(y.Number))
	case readmodels.SortTitle:
		return cmp.Compare(readmodels.Fold(x.Title), readmodels.Fold(y.Title))
	case readmodels.SortTotal:
		return cmp.Compare(x.Total.Minor, y.Total.Minor)
	default:
		return cmp.Compare(x.IssueDate, y.IssueDate)
	}
}
