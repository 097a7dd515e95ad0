package migration

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Rows is a count and a hash of a set of rows, whatever order they come in.
type Rows struct {
	counts map[string]uint64
	sum    [4]uint64 // of the rows' hashes
}

// Add takes a row in. Texts and bytes are the same, and so are booleans and 0 and 1.
func (r *Rows) Add(table string, columns []string, values []any) error {
	var b []byte
	part := func(kind byte, p string) {
		b = binary.AppendUvarint(append(b, kind), uint64(len(p)))
		b = append(b, p...)
	}
	part('t', table)
	order := make([]int, len(columns))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int { return strings.Compare(columns[x], columns[y]) })
	for _, i := range order {
		part('c', columns[i])
		switch v := values[i].(type) {
		case nil:
			b = append(b, 'n')
		case string:
			part('b', v)
		case []byte:
			part('b', string(v))
		case int64:
			b = binary.AppendVarint(append(b, 'i'), v)
		case bool:
			n := int64(0)
			if v {
				n = 1
			}
			b = binary.AppendVarint(append(b, 'i'), n)
		default:
			return fmt.Errorf("migration: column %s of %s is a %T", columns[i], table, v)
		}
	}
	h := sha256.Sum256(b)
	for i := range r.sum {
		r.sum[i] += binary.LittleEndian.Uint64(h[8*i:])
	}
	if r.counts == nil {
		r.counts = map[string]uint64{}
	}
	r.counts[table]++
	return nil
}

// Count returns how many rows there are in all.
func (r *Rows) Count() (n uint64) {
	for _, c := range r.counts {
		n += c
	}
	return n
}

// Differ says where two sets are not the same, "" where they are.
func (r *Rows) Differ(o *Rows) string {
	for t, n := range r.counts {
		if o.counts[t] != n {
			return fmt.Sprintf("%s has %d rows and %d", t, n, o.counts[t])
		}
	}
	for t, n := range o.counts {
		if r.counts[t] != n {
			return fmt.Sprintf("%s has %d rows and %d", t, r.counts[t], n)
		}
	}
	if r.sum != o.sum {
		return "the rows are as many, and not the same"
	}
	return ""
}
