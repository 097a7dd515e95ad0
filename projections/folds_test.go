package projections

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"lonja/adapters/memory"
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
			Meta: event.Metadata{Account: acme, Contact: contact, Actor: actor, Command: id.Derive("c", fmt.Sprint(n)), OccurredAt: at, Schema: 1},
		})
		h.revisions[stream]++
	}
	return h
}

// rows are what folding leaves, n events at a time: rows are decoded once a batch,
// changed in memory, and written at its end. What is read goes through a real store.
type rows struct {
	tables map[string]map[readmodels.Key]readmodels.Row
	store  *memory.ReadStore
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
	r := &rows{tables: map[string]map[readmodels.Key]readmodels.Row{}, store: memory.NewReadStore()}
	for _, p := range ps {
		for _, s := range p.Tables() {
			r.tables[s.Name] = map[readmodels.Key]readmodels.Row{}
		}
		for part := range slices.Chunk(recs, batch) {
			r.foldBatch(t, p, part)
		}
		g, err := r.store.Open(t.Context(), p.Name, p.Version, p.Tables())
		if err != nil {
			t.Fatal(err)
		}
		b := readmodels.Batch{Generation: g, To: event.Position(len(recs) * 10)}
		for _, s := range p.Tables() {
			for _, row := range r.tables[s.Name] {
				b.Changes = append(b.Changes, readmodels.Change{Table: s.Name, Row: row})
			}
		}
		if err := r.store.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
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
		if p.types[rec.Type].erasesFor(rec) {
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
		for _, f := range append(slices.Clone(p.foldsOf(rec.Type)), p.anyFolds...) {
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
			row, err := c.codec.encode(&readmodels.Rows{}, ck.key, c.row)
			if err != nil {
				t.Fatal(err)
			}
			r.tables[ck.table][ck.key] = row
		}
	}
}

func (r *rows) view(c id.Contact) readmodels.View { return readmodels.For(r.store, acme, c) }
func (r *rows) staff() readmodels.View            { return readmodels.ForStaff(r.store, acme) }

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
