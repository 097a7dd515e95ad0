package readmodels

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"lonja/domain/fault"
	"lonja/domain/id"
)

// Reader is the reading side of a store, resolving each table to the generation of
// its projection that is live. Use it through a View.
type Reader interface {
	// GetRow returns one row; false where there is none.
	GetRow(ctx context.Context, table string, key Key) (Row, bool, error)
	// FindRow returns the row with the id, whichever of the account's contacts has it
	// (the first, if several do); false where none has. The table's schema says ByID.
	FindRow(ctx context.Context, table string, account id.Account, rowID string) (Row, bool, error)
	// ScanRows returns rows in the order of the scan's index.
	ScanRows(ctx context.Context, s Scan) ([]Row, error)
	// CountRows returns how many rows a scan without cursor would return.
	CountRows(ctx context.Context, s Scan) (int, error)
	// SumRows adds up columns of numbers over the rows that a scan without cursor and
	// limit would return, and counts those. A sum beyond the range of int64 is an error.
	SumRows(ctx context.Context, s Scan, columns ...string) (n int, sums []int64, err error)
}

// Op compares a column with a value.
type Op uint8

// The comparisons.
const (
	Eq Op = iota + 1
	Ne
	Lt
	Le
	Gt
	Ge
	In       // any of Values
	Contains // Text column contains Values[0]
)

// Cond is one condition; all conditions of a scan must hold.
type Cond struct {
	Column string
	Op     Op
	Values []Value
}

// Where is short for a condition.
func Where(column string, op Op, values ...Value) Cond {
	return Cond{Column: column, Op: op, Values: values}
}

// Scan is a query of one table.
type Scan struct {
	Table       string
	Account     id.Account
	Contact     id.Contact
	AllContacts bool   // staff: any contact of the account; Contact is then empty
	Index       string // "" orders by row id
	// Order names columns to order by, then by contact and row id, where no index does:
	// all rows that meet the conditions are looked at. Only without Index.
	Order []string
	Where []Cond
	Desc  bool
	After *Cursor
	Limit int // 0: no limit
}

// Cursor is the last row seen: the columns of its index or of Order, and its key. Opaque to callers.
type Cursor struct {
	Values  []Value
	Contact id.Contact
	ID      string
}

// View reaches the rows of one contact, or of a whole account for staff.
type View struct {
	r       Reader
	account id.Account
	contact id.Contact
	all     bool
}

// For returns the view of one contact: the only rows that exist for it are the contact's.
func For(r Reader, account id.Account, contact id.Contact) View {
	return View{r: r, account: account, contact: contact}
}

// ForAccount returns the view on rows of the account itself: catalogue, settings.
func ForAccount(r Reader, account id.Account) View { return View{r: r, account: account} }

// ForStaff returns the view on the rows of all contacts of an account.
func ForStaff(r Reader, account id.Account) View { return View{r: r, account: account, all: true} }

// Account returns whose view it is.
func (v View) Account() id.Account { return v.account }

// Contact returns whose view it is; empty for the account's own and staff's.
func (v View) Contact() id.Contact { return v.contact }

// Of narrows staff's view to one contact.
func (v View) Of(contact id.Contact) View { return View{r: v.r, account: v.account, contact: contact} }

// OfAccount turns to the rows of the account itself.
func (v View) OfAccount() View { return View{r: v.r, account: v.account} }

// Get returns the row with the id, and false where the view has none. Staff's view
// has no ids of its own (they are per contact): narrow it with Of first.
func Get[R any](ctx context.Context, v View, t *Table[R], rowID string) (R, bool, error) {
	var zero R
	if v.all {
		return zero, false, fmt.Errorf("reading %s: a row is read through a contact's view", t.Name)
	}
	row, ok, err := v.r.GetRow(ctx, t.Name, Key{Account: v.account, Contact: v.contact, ID: rowID})
	if err != nil || !ok {
		return zero, false, err
	}
	r, err := t.Decode(row.Data)
	if err != nil {
		return zero, false, err
	}
	return *r, true, nil
}

// Must is Get with a NotFound fault for a missing row.
func Must[R any](ctx context.Context, v View, t *Table[R], rowID string) (R, error) {
	r, ok, err := Get(ctx, v, t, rowID)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "not_found")
	}
	return r, err
}

// Query is what a list asks for.
type Query struct {
	Index string
	Where []Cond
	Desc  bool
	After string // cursor token of the page before; "" for the first
	Limit int    // 0: all
}

// Item is a row with its key.
type Item[R any] struct {
	Key Key
	Row R
}

// Page is a part of a list; Next is the cursor of the page after, "" at the end.
type Page[R any] struct {
	Items []Item[R]
	Next  string
}

// List returns a page of the view's rows.
func List[R any](ctx context.Context, v View, t *Table[R], q Query) (Page[R], error) {
	s := v.scan(t.Name, q)
	at, err := columnsOf(&t.Schema, q.Index)
	if err != nil {
		return Page[R]{}, err
	}
	if s.After, err = cursorOf(&t.Schema, at, q.After); err != nil {
		return Page[R]{}, err
	}
	if q.Limit > 0 {
		s.Limit = q.Limit + 1 // one more tells whether there is a next page
	}
	rows, err := v.r.ScanRows(ctx, s)
	if err != nil {
		return Page[R]{}, fmt.Errorf("listing %s: %w", t.Name, err)
	}
	return pageOf(t, at, q.Limit, rows)
}

// pageOf makes a page of rows in the order of columns, of which there is one more than the
// limit where there is a next page.
func pageOf[R any](t *Table[R], at []int, limit int, rows []Row) (p Page[R], err error) {
	if limit > 0 && len(rows) > limit {
		rows = rows[:limit]
		if p.Next, err = encodeCursor(&t.Schema, at, rows[len(rows)-1]); err != nil {
			return Page[R]{}, err
		}
	}
	p.Items = make([]Item[R], len(rows))
	for i := range rows {
		r, err := t.Decode(rows[i].Data)
		if err != nil {
			return Page[R]{}, err
		}
		p.Items[i] = Item[R]{Key: rows[i].Key, Row: *r}
	}
	return p, nil
}

// sortedList returns a page of the view's rows that meet the conditions, in the order of
// columns that no index has.
func sortedList[R any](ctx context.Context, v View, t *Table[R], order []string, where []Cond, desc bool, after string, limit int) (Page[R], error) {
	at := make([]int, len(order))
	for i, name := range order {
		at[i] = t.Column(name)
	}
	s := v.scan(t.Name, Query{Where: where, Desc: desc})
	s.Order = order
	var err error
	if s.After, err = cursorOf(&t.Schema, at, after); err != nil {
		return Page[R]{}, err
	}
	if limit > 0 {
		s.Limit = limit + 1 // one more tells whether there is a next page
	}
	rows, err := v.r.ScanRows(ctx, s)
	if err != nil {
		return Page[R]{}, fmt.Errorf("listing %s: %w", t.Name, err)
	}
	return pageOf(t, at, limit, rows)
}

// Count returns how many rows of the view meet the conditions.
func Count[R any](ctx context.Context, v View, t *Table[R], where ...Cond) (int, error) {
	return v.r.CountRows(ctx, v.scan(t.Name, Query{Where: where}))
}

// Sum adds up columns of the rows of the view that meet the conditions, and counts those.
func Sum[R any](ctx context.Context, v View, t *Table[R], columns []string, where ...Cond) (int, []int64, error) {
	return v.r.SumRows(ctx, v.scan(t.Name, Query{Where: where}), columns...)
}

func (v View) scan(table string, q Query) Scan {
	return Scan{
		Table: table, Account: v.account, Contact: v.contact, AllContacts: v.all,
		Index: q.Index, Where: q.Where, Desc: q.Desc, Limit: q.Limit,
	}
}

type wireCursor struct {
	Texts   []string   `json:"t,omitempty"`
	Nums    []int64    `json:"n,omitempty"`
	Kinds   string     `json:"k,omitempty"` // a 't' or 'n' per value
	Contact id.Contact `json:"c,omitempty"`
	ID      string     `json:"i"`
}

// encodeCursor is the token of a page that ends with the row, in the order of columns.
func encodeCursor(s *Schema, at []int, last Row) (string, error) {
	w := wireCursor{Contact: last.Key.Contact, ID: last.Key.ID}
	for _, i := range at {
		if s.Columns[i].Kind == Int {
			w.Kinds, w.Nums = w.Kinds+"n", append(w.Nums, last.Values[i].num)
		} else {
			w.Kinds, w.Texts = w.Kinds+"t", append(w.Texts, last.Values[i].text)
		}
	}
	j, err := json.Marshal(w)
	if err != nil {
		return "", fmt.Errorf("cursor of %s: %w", s.Name, err)
	}
	return base64.RawURLEncoding.EncodeToString(j), nil
}

// cursorOf reads a token, which comes from outside, in the order of columns; nil for "".
func cursorOf(s *Schema, at []int, token string) (*Cursor, error) {
	if token == "" {
		return nil, nil
	}
	c, err := decodeCursor(token)
	if err != nil || !fits(c, s, at) {
		return nil, fault.Field("after", "query.cursor_invalid")
	}
	return c, nil
}

func decodeCursor(token string) (*Cursor, error) {
	j, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, fmt.Errorf("cursor: %w", err)
	}
	var w wireCursor
	if err := json.Unmarshal(j, &w); err != nil {
		return nil, fmt.Errorf("cursor: %w", err)
	}
	c := &Cursor{Contact: w.Contact, ID: w.ID}
	for _, k := range w.Kinds {
		switch {
		case k == 'n' && len(w.Nums) > 0:
			c.Values, w.Nums = append(c.Values, N(w.Nums[0])), w.Nums[1:]
		case k == 't' && len(w.Texts) > 0:
			c.Values, w.Texts = append(c.Values, T(w.Texts[0])), w.Texts[1:]
		default:
			return nil, fmt.Errorf("cursor: kinds %q do not match its values", w.Kinds)
		}
	}
	return c, nil
}
