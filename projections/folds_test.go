package projections

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

const (
	acme    = id.Account("01ACME")
	client  = id.Contact("01CLIENT")
	another = id.Contact("01ANOTHER")
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// history is a log in the making.
type history struct {
	recs      []*event.Recorded
	revisions map[string]event.Revision
}

func (h *history) add(contact id.Contact, stream string, events ...event.Event) *history {
	return h.by(event.Actor{Kind: event.ActorStaff, ID: "01STAFF"}, contact, stream, events...)
}

func (h *history) by(actor event.Actor, contact id.Contact, stream string, events ...event.Event) *history {
	if h.revisions == nil {
		h.revisions = map[string]event.Revision{}
	}
	for _, e := range events {
		n := len(h.recs) + 1
		at := noon.Add(time.Duration(n) * time.Minute)
		h.recs = append(h.recs, &event.Recorded{
			ID: id.Derive("test", fmt.Sprint(n)), Type: e.EventType(), Position: event.Position(n * 10), Stream: stream,
			Revision: h.revisions[stream], RecordedAt: at, Data: e,
			Meta: event.Metadata{Account: acme, Contact: contact, Actor: actor, Command: ulid.ULID(id.Derive("c", fmt.Sprint(n))), OccurredAt: at, Schema: 1},
		})
		h.revisions[stream]++
	}
	return h
}

// rows is a read store that folds events by itself, n at a time, as the runner does:
// rows are decoded once a batch, changed in memory, and written at its end.
type rows struct {
	tables map[string]map[readmodels.Key]readmodels.Row
	schema map[string]readmodels.Schema
}

type cached struct {
	row   any
	found bool
	dirty bool
	codec rowCodec
}

type cacheKey struct {
	table string
	key   readmodels.Key
}

func folded(t *testing.T, batch int, recs []*event.Recorded, ps ...*Projection) *rows {
	t.Helper()
	r := &rows{tables: map[string]map[readmodels.Key]readmodels.Row{}, schema: map[string]readmodels.Schema{}}
	for _, p := range ps {
		for _, s := range p.Tables() {
			r.tables[s.Name], r.schema[s.Name] = map[readmodels.Key]readmodels.Row{}, s
		}
		for part := range slices.Chunk(recs, batch) {
			r.foldBatch(t, p, part)
		}
	}
	return r
}

func (r *rows) foldBatch(t *testing.T, p *Projection, part []*event.Recorded) {
	t.Helper()
	cache := map[cacheKey]*cached{}
	get := func(table int, codec rowCodec, k readmodels.Key) *cached {
		ck := cacheKey{p.tables[table].Name, k}
		if c, ok := cache[ck]; ok {
			return c
		}
		c := &cached{row: codec.fresh(), codec: codec}
		if row, ok := r.tables[ck.table][k]; ok {
			v, err := codec.decode(row.Data)
			if err != nil {
				t.Fatal(err)
			}
			c.row, c.found = v, true
		}
		cache[ck] = c
		return c
	}
	for _, rec := range part {
		if p.erases(rec.Type) {
			for name, table := range r.tables {
				if !slices.ContainsFunc(p.tables, func(s readmodels.Schema) bool { return s.Name == name }) {
					continue
				}
				for k := range table {
					if k.Account == rec.Meta.Account && k.Contact == rec.Meta.Contact {
						delete(table, k)
					}
				}
			}
			for ck := range cache {
				if ck.key.Account == rec.Meta.Account && ck.key.Contact == rec.Meta.Contact {
					delete(cache, ck)
				}
			}
		}
		for _, f := range append(slices.Clone(p.folds[rec.Type]), p.anyFolds...) {
			for _, k := range f.keys(rec) {
				var other any
				if f.with != nil {
					if wk := f.with.key(rec); wk != (readmodels.Key{}) {
						if c := get(f.with.table, f.with.codec, wk); c.found {
							other = c.row
						}
					}
				}
				c := get(f.table, f.codec, k)
				switch f.apply(c.row, c.found, other, rec) {
				case Put:
					c.found, c.dirty = true, true
				case Delete:
					c.row, c.found, c.dirty = c.codec.fresh(), false, true
				case Skip:
				}
			}
		}
	}
	for ck, c := range cache {
		switch {
		case !c.dirty:
		case !c.found:
			delete(r.tables[ck.table], ck.key)
		default:
			row, err := c.codec.encode(ck.key, c.row)
			if err != nil {
				t.Fatal(err)
			}
			r.tables[ck.table][ck.key] = row
		}
	}
}

func (r *rows) GetRow(_ context.Context, table string, key readmodels.Key) (readmodels.Row, bool, error) {
	row, ok := r.tables[table][key]
	return row, ok, nil
}

func (r *rows) CountRows(ctx context.Context, s readmodels.Scan) (int, error) {
	s.After, s.Limit = nil, 0
	found, err := r.ScanRows(ctx, s)
	return len(found), err
}

func (r *rows) ScanRows(_ context.Context, s readmodels.Scan) ([]readmodels.Row, error) {
	schema, ok := r.schema[s.Table]
	if !ok {
		return nil, fmt.Errorf("%w: %s", readmodels.ErrNoTable, s.Table)
	}
	at := func(name string) int {
		return slices.IndexFunc(schema.Columns, func(c readmodels.Column) bool { return c.Name == name })
	}
	var columns []int
	if s.Index != "" {
		i := slices.IndexFunc(schema.Indexes, func(x readmodels.Index) bool { return x.Name == s.Index })
		if i < 0 || schema.Indexes[i].Wide != s.AllContacts {
			return nil, fmt.Errorf("table %s: index %q for all contacts: %v", s.Table, s.Index, s.AllContacts)
		}
		for _, c := range schema.Indexes[i].Columns {
			columns = append(columns, at(c))
		}
	}
	compare := func(row readmodels.Row, values []readmodels.Value, contact id.Contact, rowID string) int {
		for i, c := range columns {
			if d := row.Values[c].Compare(values[i]); d != 0 {
				return d
			}
		}
		return cmp.Or(cmp.Compare(row.Key.Contact, contact), cmp.Compare(row.Key.ID, rowID))
	}
	valuesOf := func(row readmodels.Row) []readmodels.Value {
		var v []readmodels.Value
		for _, c := range columns {
			v = append(v, row.Values[c])
		}
		return v
	}
	sign := 1
	if s.Desc {
		sign = -1
	}
	var out []readmodels.Row
	for k, row := range r.tables[s.Table] {
		if k.Account != s.Account || !s.AllContacts && k.Contact != s.Contact {
			continue
		}
		if s.After != nil && sign*compare(row, s.After.Values, s.After.Contact, s.After.ID) <= 0 {
			continue
		}
		if !slices.ContainsFunc(s.Where, func(c readmodels.Cond) bool { return !meets(row.Values[at(c.Column)], c) }) {
			out = append(out, row)
		}
	}
	slices.SortFunc(out, func(a, b readmodels.Row) int { return sign * compare(a, valuesOf(b), b.Key.Contact, b.Key.ID) })
	if s.Limit > 0 && len(out) > s.Limit {
		out = out[:s.Limit]
	}
	return out, nil
}

func meets(v readmodels.Value, c readmodels.Cond) bool {
	switch c.Op {
	case readmodels.In:
		return slices.ContainsFunc(c.Values, func(o readmodels.Value) bool { return v.Compare(o) == 0 })
	case readmodels.Contains:
		return strings.Contains(v.Text(), c.Values[0].Text())
	}
	d := v.Compare(c.Values[0])
	return map[readmodels.Op]bool{
		readmodels.Eq: d == 0, readmodels.Ne: d != 0, readmodels.Lt: d < 0, readmodels.Le: d <= 0, readmodels.Gt: d > 0, readmodels.Ge: d >= 0,
	}[c.Op]
}

func (r *rows) view(c id.Contact) readmodels.View { return readmodels.For(r, acme, c) }
func (r *rows) staff() readmodels.View            { return readmodels.ForStaff(r, acme) }

// same fails unless both hold the same rows, byte for byte.
func (r *rows) same(t *testing.T, o *rows) {
	t.Helper()
	for name := range r.tables {
		if len(r.tables[name]) != len(o.tables[name]) {
			t.Errorf("table %s: %d rows and %d", name, len(r.tables[name]), len(o.tables[name]))
		}
		for k, row := range r.tables[name] {
			if other := o.tables[name][k]; !bytes.Equal(row.Data, other.Data) {
				t.Errorf("table %s, row %s: %s\nand %s", name, k.ID, row.Data, other.Data)
			}
		}
	}
}

func eur(minor int64) money.Money { return money.Of(minor, "EUR") }

// body is a document of one total; change says what else.
func body(k document.Kind, number string, on document.Date, total int64, change ...func(*document.Body)) document.Issued {
	b := document.Body{
		Kind: k, Number: number, Title: "Pedido de " + number, IssueDate: on, Currency: "EUR",
		Seller: document.Party{Name: "Lonja SL"}, Buyer: document.Party{Name: "Peña e Hijos", TaxID: "B12345678"},
		Lines:  []document.Line{{Name: "Merluza"}, {Name: "Bonito"}},
		Totals: document.Totals{Net: eur(total), Gross: eur(total), Payable: eur(total)},
	}
	for _, c := range change {
		c(&b)
	}
	i, err := document.NewIssued(b)
	if err != nil {
		panic(err)
	}
	return i
}

func due(on document.Date) func(*document.Body) { return func(b *document.Body) { b.DueDate = on } }
func valid(on document.Date) func(*document.Body) {
	return func(b *document.Body) { b.ValidUntil = on }
}
