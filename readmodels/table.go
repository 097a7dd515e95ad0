// Package readmodels is what pages and the API read: typed tables, the port of the
// store that keeps them, and a view that is bound to one account and contact, so
// that a query cannot reach another's rows. One file a page or summary.
package readmodels

import (
	"encoding/json"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"

	"lonja/domain/id"
)

// Key names a row. Every table is keyed alike, so that no row is without its
// owner: Contact is empty for rows of the account itself (its catalogue, say).
type Key struct {
	Account id.Account
	Contact id.Contact
	ID      string
}

// ColumnKind is what an indexed column holds.
type ColumnKind uint8

// The kinds. Text compares bytewise; fold it before storing where that matters.
const (
	Text ColumnKind = iota + 1
	Int
)

// Value is one column's value.
type Value struct {
	kind ColumnKind
	text string
	num  int64
}

// T is a text value.
func T[S ~string](s S) Value { return Value{kind: Text, text: string(s)} }

// N is an integer value.
func N[I ~int | ~int64 | ~int32 | ~uint8 | ~uint64](n I) Value {
	return Value{kind: Int, num: int64(n)}
}

// Kind returns what the value is.
func (v Value) Kind() ColumnKind { return v.kind }

// Text returns a text value's text.
func (v Value) Text() string { return v.text }

// Int returns an integer value's number.
func (v Value) Int() int64 { return v.num }

// Compare orders values of one kind.
func (v Value) Compare(o Value) int {
	switch {
	case v.kind == Int && v.num != o.num:
		if v.num < o.num {
			return -1
		}
		return 1
	case v.kind == Text && v.text != o.text:
		if v.text < o.text {
			return -1
		}
		return 1
	}
	return 0
}

// Column is a value of a row that can be filtered, searched or sorted by.
type Column struct {
	Name string
	Kind ColumnKind
}

// Index orders the rows of one contact (or, for a query over the account, of all
// contacts) by its columns, then by the row's id.
type Index struct {
	Name    string
	Columns []string
	Wide    bool // ordered over the whole account, for staff's lists; else within the contact
}

// Schema is a table as a store knows it.
type Schema struct {
	Name    string // lower case, unique over all projections
	Columns []Column
	Indexes []Index
	ByID    bool // rows are asked for by id over the whole account too: FindRow
	// Sifted says that owners can have very many rows, that are asked for with conditions and
	// orders that no index serves. A store then has a way that does not read every row.
	Sifted bool
}

// Table is a typed table: R is the row, kept as JSON beside its columns.
type Table[R any] struct {
	Schema
	// Values appends the row's column values, in the order of Columns.
	Values func(r *R, dst []Value) []Value
	// Append and Parse write and read the stored form, which is JSON too, where that is
	// not what package json makes of R; both or none.
	Append func(b []byte, r *R) []byte
	Parse  func(data []byte, r *R) error
}

// Row is a row as a store keeps it.
type Row struct {
	Key    Key
	Values []Value
	Data   []byte // JSON of R
}

// Rows is memory for rows in stored form, which is used again after Reset. The zero value
// is ready.
type Rows struct {
	blocks [][]byte
	at     int // the block that is being filled
	values []Value
}

// rowsBlock is how much memory is got at once at most, rowsLeft at least. A row starts
// where rowsLeft is left.
const (
	rowsBlock = 256 << 10
	rowsLeft  = 4 << 10
)

// Reset forgets the rows, whose memory the next ones get.
func (r *Rows) Reset() {
	for i := range r.blocks {
		if r.blocks[i] = r.blocks[i][:0]; cap(r.blocks[i]) > rowsBlock {
			r.blocks[i] = make([]byte, 0, rowsBlock) // it had a row that is as large as few are
		}
	}
	clear(r.values) // texts
	r.at, r.values = 0, r.values[:0]
}

// room returns where the next row begins.
func (r *Rows) room() *[]byte {
	for ; r.at < len(r.blocks); r.at++ {
		if b := &r.blocks[r.at]; cap(*b)-len(*b) >= rowsLeft {
			return b
		}
	}
	size := rowsLeft
	if r.at > 0 {
		size = min(2*cap(r.blocks[r.at-1]), rowsBlock)
	}
	r.blocks = append(r.blocks, make([]byte, 0, size))
	return &r.blocks[r.at]
}

// Encode returns the row in stored form, in memory of its own.
func (t *Table[R]) Encode(k Key, r *R) (Row, error) {
	return t.EncodeTo(&Rows{}, k, r)
}

// EncodeTo returns the row in stored form, in the memory of to.
func (t *Table[R]) EncodeTo(to *Rows, k Key, r *R) (Row, error) {
	block := to.room()
	start := len(*block)
	data, err := t.appendStored(*block, r)
	if err != nil {
		return Row{}, fmt.Errorf("row %s of %s: %w", k.ID, t.Name, err)
	}
	*block = data
	first := len(to.values)
	to.values = t.Values(r, to.values)
	if got := len(to.values) - first; got != len(t.Columns) {
		return Row{}, fmt.Errorf("row %s of %s: %d values for %d columns", k.ID, t.Name, got, len(t.Columns))
	}
	return Row{Key: k, Values: to.values[first:len(to.values):len(to.values)], Data: data[start:len(data):len(data)]}, nil
}

// Decode reads a stored row.
func (t *Table[R]) Decode(data []byte) (*R, error) {
	r := new(R)
	if err := t.unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("row of %s: %w", t.Name, err)
	}
	return r, nil
}

// appendStored and unmarshal ask a row that knows its own JSON directly: the standard
// library would read it twice more to see that it is valid.
func (t *Table[R]) appendStored(b []byte, r *R) ([]byte, error) {
	if t.Append != nil {
		return t.Append(b, r), nil
	}
	var data []byte
	var err error
	if m, ok := any(r).(json.Marshaler); ok {
		data, err = m.MarshalJSON()
	} else {
		data, err = json.Marshal(r)
	}
	return append(b, data...), err
}

func (t *Table[R]) unmarshal(data []byte, r *R) error {
	if t.Parse != nil {
		return t.Parse(data, r)
	}
	if u, ok := any(r).(json.Unmarshaler); ok {
		return u.UnmarshalJSON(data)
	}
	return jsonv2.Unmarshal(data, r)
}
