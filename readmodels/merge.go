package readmodels

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"lonja/domain/fault"
	"lonja/domain/id"
)

// merge is a list over several stretches of one index, in one order. It is what keeps
// a list flat with a hundred thousand rows while only one index serves it: invoices by
// date are four stretches of (kind, status, date), one a status.
type merge struct {
	Index string
	Parts [][]Value // what each stretch fixes of the index's first columns
	Order []int     // positions of index columns to order by; then contact and row id
	Where []Cond
	Desc  bool
	After string
	Limit int
	// Sift are conditions that say the same as Parts. Where Where asks for what is not in the
	// index, a list of one contact then is one scan with all conditions, in the same order.
	Sift  []Cond
	Sifts bool // there are such conditions
}

type mergeRow struct {
	row  Row
	keys []Value // the index's columns
}

func mergeList[R any](ctx context.Context, v View, t *Table[R], m merge) (Page[R], error) {
	at, err := columnsOf(&t.Schema, m.Index)
	if err != nil {
		return Page[R]{}, err
	}
	last, err := cursorOf(&t.Schema, at, m.After)
	if err != nil {
		return Page[R]{}, err
	}
	if m.sifts(v, &t.Schema, at) {
		return siftList(ctx, v, t, m, at, last)
	}
	var rows []mergeRow
	for _, lead := range m.Parts {
		cursor, any := m.resume(lead, last)
		if !any {
			continue
		}
		s := v.scan(t.Name, Query{Index: m.Index, Desc: m.Desc})
		s.After = cursor
		for i, val := range lead {
			s.Where = append(s.Where, Where(t.Columns[at[i]].Name, Eq, val))
		}
		s.Where = append(s.Where, m.Where...)
		if m.Limit > 0 {
			s.Limit = m.Limit + 1 // one more tells whether there is a next page
		}
		found, err := v.r.ScanRows(ctx, s)
		if err != nil {
			return Page[R]{}, fmt.Errorf("listing %s: %w", t.Name, err)
		}
		for _, r := range found {
			keys := make([]Value, len(at))
			for i, c := range at {
				keys[i] = r.Values[c]
			}
			rows = append(rows, mergeRow{r, keys})
		}
	}
	slices.SortFunc(rows, func(a, b mergeRow) int {
		c := m.compare(a.keys, b.keys, a.row.Key, b.row.Key)
		if m.Desc {
			return -c
		}
		return c
	})
	found := make([]Row, len(rows))
	for i := range rows {
		found[i] = rows[i].row
	}
	return pageOf(t, at, m.Limit, found)
}

// sifts reports whether the list is one scan.
func (m *merge) sifts(v View, s *Schema, at []int) bool {
	return m.Sifts && !v.all && slices.ContainsFunc(m.Where, func(c Cond) bool { return !slices.Contains(at, s.Column(c.Column)) })
}

// siftList is mergeList in one scan.
func siftList[R any](ctx context.Context, v View, t *Table[R], m merge, at []int, last *Cursor) (Page[R], error) {
	s := v.scan(t.Name, Query{Where: append(slices.Clone(m.Sift), m.Where...), Desc: m.Desc})
	if m.Limit > 0 {
		s.Limit = m.Limit + 1
	}
	if last != nil {
		s.After = &Cursor{Contact: last.Contact, ID: last.ID}
	}
	for _, o := range m.Order {
		s.Order = append(s.Order, t.Columns[at[o]].Name)
		if last != nil {
			s.After.Values = append(s.After.Values, last.Values[o])
		}
	}
	rows, err := v.r.ScanRows(ctx, s)
	if err != nil {
		return Page[R]{}, fmt.Errorf("listing %s: %w", t.Name, err)
	}
	return pageOf(t, at, m.Limit, rows)
}

func (m *merge) compare(a, b []Value, ka, kb Key) int {
	for _, o := range m.Order {
		if c := a[o].Compare(b[o]); c != 0 {
			return c
		}
	}
	if c := cmp.Compare(ka.Contact, kb.Contact); c != 0 {
		return c
	}
	return cmp.Compare(ka.ID, kb.ID)
}

// resume returns where a stretch goes on after the last row seen: false where all of
// it was passed, and no cursor where none of it was.
func (m *merge) resume(lead []Value, last *Cursor) (*Cursor, bool) {
	if last == nil {
		return nil, true
	}
	for _, o := range m.Order {
		if o >= len(lead) {
			break
		}
		c := lead[o].Compare(last.Values[o])
		if m.Desc {
			c = -c
		}
		switch {
		case c < 0:
			return nil, false
		case c > 0:
			return nil, true
		}
	}
	values := append(slices.Clone(lead), last.Values[len(lead):]...)
	return &Cursor{Values: values, Contact: last.Contact, ID: last.ID}, true
}

// columnsOf returns the positions of the index's columns; none of "", the order of row ids.
func columnsOf(s *Schema, index string) ([]int, error) {
	if index == "" {
		return nil, nil
	}
	for _, ix := range s.Indexes {
		if ix.Name != index {
			continue
		}
		at := make([]int, len(ix.Columns))
		for i, name := range ix.Columns {
			at[i] = slices.IndexFunc(s.Columns, func(c Column) bool { return c.Name == name })
			if at[i] < 0 {
				return nil, fmt.Errorf("index %s of %s: no column %s", index, s.Name, name)
			}
		}
		return at, nil
	}
	return nil, fmt.Errorf("%s has no index %s", s.Name, index)
}

// fits reports whether a cursor, which comes from outside, is one of the index.
func fits(c *Cursor, s *Schema, at []int) bool {
	if c == nil || len(c.Values) != len(at) {
		return false
	}
	for i, col := range at {
		if c.Values[i].kind != s.Columns[col].Kind {
			return false
		}
	}
	return true
}

// findWide returns the one row of the view with the id, the contact's or, for staff,
// whosever it is.
func findWide[R any](ctx context.Context, v View, t *Table[R], rowID string) (R, id.Contact, error) {
	if !v.all {
		r, err := Must(ctx, v, t, rowID)
		return r, v.contact, err
	}
	var zero R
	row, ok, err := v.r.FindRow(ctx, t.Name, v.account, rowID)
	switch {
	case err != nil:
		return zero, "", err
	case !ok:
		return zero, "", fault.New(fault.NotFound, "not_found")
	}
	r, err := t.Decode(row.Data)
	if err != nil {
		return zero, "", err
	}
	return *r, row.Key.Contact, nil
}
