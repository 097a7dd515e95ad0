package readmodels

import (
	"fmt"
	"slices"
)

// Column returns the place of the column, -1 where there is none.
func (s *Schema) Column(name string) int {
	return slices.IndexFunc(s.Columns, func(c Column) bool { return c.Name == name })
}

// Index returns the place of the index, -1 where there is none.
func (s *Schema) Index(name string) int {
	return slices.IndexFunc(s.Indexes, func(ix Index) bool { return ix.Name == name })
}

// Numbers returns the places of columns that hold numbers.
func (s *Schema) Numbers(columns []string) ([]int, error) {
	at := make([]int, len(columns))
	for i, name := range columns {
		if at[i] = s.Column(name); at[i] < 0 || s.Columns[at[i]].Kind != Int {
			return nil, fmt.Errorf("sum over %s: %q is no column of numbers", s.Name, name)
		}
	}
	return at, nil
}

// MaxColumns is how many columns a table can have.
const MaxColumns = 60

// Check reports what is wrong with a schema that a store is asked to keep.
func (s *Schema) Check() error {
	if s.Name == "" {
		return fmt.Errorf("a table has no name")
	}
	if len(s.Columns) > MaxColumns {
		return fmt.Errorf("table %s has %d columns, at most %d can be kept", s.Name, len(s.Columns), MaxColumns)
	}
	for i, c := range s.Columns {
		if c.Kind != Text && c.Kind != Int || s.Column(c.Name) != i {
			return fmt.Errorf("table %s: column %q has no kind or is there twice", s.Name, c.Name)
		}
	}
	for i, ix := range s.Indexes {
		if ix.Name == "" || s.Index(ix.Name) != i {
			return fmt.Errorf("table %s: index %q has no name or is there twice", s.Name, ix.Name)
		}
		for _, c := range ix.Columns {
			if s.Column(c) < 0 {
				return fmt.Errorf("table %s: index %s is over %q, which is no column", s.Name, ix.Name, c)
			}
		}
	}
	return nil
}

// Resolved is a scan with its names looked up, as a store executes it: rows that meet
// every condition, in the order of the columns of Order, then contact, then row id,
// and where After is set beyond After.
type Resolved struct {
	Index int     // place of the index, -1 for the order of row ids
	Where []int   // column of each condition of the scan
	Order []int   // columns to order by: those of the index, or of the scan's Order, that no condition fixes
	After []Value // values of Order where the scan goes on, with After's contact and id; used if Resume
	// Resume says that only rows beyond the cursor are wanted; Empty that there can be none.
	Resume, Empty bool
}

// Resolve looks up the names of the scan in its table. It takes columns that a
// condition fixes out of order and cursor, so that a store can seek to where it goes on.
func (s *Scan) Resolve(t *Schema) (Resolved, error) {
	r := Resolved{Index: -1}
	if s.Account == "" {
		return r, fmt.Errorf("scan of %s: no account", t.Name)
	}
	if s.AllContacts && s.Contact != "" {
		return r, fmt.Errorf("scan of %s: of all contacts and of one", t.Name)
	}
	fixed := make([]*Value, len(t.Columns))
	for i := range s.Where {
		c := &s.Where[i]
		at := t.Column(c.Column)
		if at < 0 {
			return r, fmt.Errorf("scan of %s: no column %q", t.Name, c.Column)
		}
		if c.Op < Eq || c.Op > Contains || c.Op != In && len(c.Values) != 1 || c.Op == Contains && t.Columns[at].Kind != Text {
			return r, fmt.Errorf("scan of %s: condition on %s with comparison %d of %d values", t.Name, c.Column, c.Op, len(c.Values))
		}
		for _, v := range c.Values {
			if v.kind != t.Columns[at].Kind {
				return r, fmt.Errorf("scan of %s: condition on %s with a value of another kind", t.Name, c.Column)
			}
		}
		if c.Op == In && len(c.Values) == 0 {
			r.Empty = true
		}
		if c.Op == Eq {
			fixed[at] = &c.Values[0]
		}
		r.Where = append(r.Where, at)
	}
	var columns []int
	if s.Index != "" {
		if r.Index = t.Index(s.Index); r.Index < 0 {
			return r, fmt.Errorf("scan of %s: no index %q", t.Name, s.Index)
		}
		for _, name := range t.Indexes[r.Index].Columns {
			columns = append(columns, t.Column(name))
		}
		if len(s.Order) > 0 {
			return r, fmt.Errorf("scan of %s: ordered by index %s and by columns", t.Name, s.Index)
		}
	}
	for i, name := range s.Order {
		if columns = append(columns, t.Column(name)); columns[i] < 0 || slices.Contains(s.Order[:i], name) {
			return r, fmt.Errorf("scan of %s: ordered by %q, which is no column or named twice", t.Name, name)
		}
	}
	if s.After != nil {
		if len(s.After.Values) != len(columns) {
			return r, fmt.Errorf("scan of %s: the cursor has %d values for %d columns", t.Name, len(s.After.Values), len(columns))
		}
		r.Resume = true
	}
	for i, at := range columns {
		if s.After != nil && s.After.Values[i].kind != t.Columns[at].Kind {
			return r, fmt.Errorf("scan of %s: the cursor's %s is of another kind", t.Name, t.Columns[at].Name)
		}
		if fixed[at] == nil {
			r.Order = append(r.Order, at)
			if r.Resume {
				r.After = append(r.After, s.After.Values[i])
			}
			continue
		}
		if !r.Resume {
			continue
		}
		c := fixed[at].Compare(s.After.Values[i])
		if s.Desc {
			c = -c
		}
		// Beyond the cursor in this column: what follows counts only after equal columns
		// before it, which then are a cursor of their own.
		if c > 0 && len(r.Order) == 0 {
			r.Resume, r.After = false, nil
		} else if c != 0 {
			r.Order, r.After = columns, s.After.Values // compare all columns, then
			return r, nil
		}
	}
	return r, nil
}

// SameTables reports whether tables are kept alike. Of columns and indexes, none and an empty
// list are the same, since a store may keep schemas as JSON.
func SameTables(a, b []Schema) bool {
	return slices.EqualFunc(a, b, func(x, y Schema) bool {
		return x.Name == y.Name && x.ByID == y.ByID && x.Sifted == y.Sifted && slices.Equal(x.Columns, y.Columns) &&
			slices.EqualFunc(x.Indexes, y.Indexes, func(i, j Index) bool {
				return i.Name == j.Name && i.Wide == j.Wide && slices.Equal(i.Columns, j.Columns)
			})
	})
}
