package readstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"lonja/adapters/postgres/database"
	"lonja/readmodels"
)

// fencedCode is what lonja.advance fails with.
const fencedCode = "LJ001"

// Commit implements readmodels.Store.
func (s *Store) Commit(ctx context.Context, b readmodels.Batch) error {
	g, err := s.find(ctx, b.Generation, "commit to")
	if err != nil {
		return err
	}
	doing := fmt.Sprintf("commit to generation %d of %s", g.number, g.projection)
	if b.To < b.From {
		return s.describe(doing, fmt.Errorf("from %d back to %d", b.From, b.To))
	}
	for i := range b.Changes {
		c := &b.Changes[i]
		t, ok := g.byName[c.Table]
		if !ok {
			return s.describe(doing, fmt.Errorf("table %s: %w", c.Table, readmodels.ErrNoTable))
		}
		if !c.Delete && !c.Erase && len(c.Row.Values) != len(t.schema.Columns) {
			return s.describe(doing, fmt.Errorf("table %s: a row of %d values for %d columns", c.Table, len(c.Row.Values), len(t.schema.Columns)))
		}
	}
	if err := within(&b); err != nil {
		return s.describe(doing, err)
	}
	if l := g.loader(); l != nil {
		return l.commit(ctx, &b)
	}
	return s.describe(doing, s.commit(ctx, g, &b))
}

// within is nil if all that the batch touches is of the partitions that it moves: another
// node may be moving the others.
func within(b *readmodels.Batch) error {
	g := &b.Generation
	if len(g.Parts) >= g.Of {
		return nil
	}
	mine := make([]bool, g.Of)
	for _, p := range g.Parts {
		mine[p.Part] = true
	}
	for i := range b.Changes {
		if k := &b.Changes[i].Row.Key; !mine[readmodels.PartOf(k.Account, k.Contact, g.Of)] {
			return fmt.Errorf("row %q of table %s is of no partition that the commit moves: its fold must keep to the rows of the event's own owner", k.ID, b.Changes[i].Table)
		}
	}
	for i := range b.Park {
		if p := &b.Park[i]; !mine[readmodels.PartOf(p.Account, p.Contact, g.Of)] {
			return fmt.Errorf("the parked event at position %d is of no partition that the commit moves", p.Position)
		}
	}
	return nil
}

// commit sends the whole of a batch at once. What is pipelined up to one synchronisation is
// one transaction.
func (s *Store) commit(ctx context.Context, g *generation, b *readmodels.Batch) error {
	sets := make(map[string]*changes, len(g.tables))
	var who []owner
	for i := range b.Changes {
		c := &b.Changes[i]
		of := sets[c.Table]
		if of == nil {
			of = &changes{puts: map[readmodels.Key]*readmodels.Row{}, deletes: map[readmodels.Key]bool{}, erased: map[owner]bool{}}
			sets[c.Table] = of
		}
		of.add(c)
		o := ownerOf(&c.Row.Key)
		if n := len(who); n == 0 || who[n-1] != o {
			who = append(who, o, owner{o.account, ""})
		}
	}
	known, err := s.assured(ctx, who)
	if err != nil {
		return err
	}
	numbers := make(map[owner]int32, len(who))
	for i, o := range who {
		numbers[o] = known[i]
	}
	batch := &pgx.Batch{}
	epochs := make([]int64, len(b.Generation.Parts))
	for i, p := range b.Generation.Parts {
		epochs[i] = p.Epoch
	}
	batch.Queue("SELECT lonja.advance($1, $2, $3, $4, $5)", g.number, parts(&b.Generation), epochs, int64(b.From), int64(b.To))
	erased := false
	for _, t := range g.tables {
		if of := sets[t.schema.Name]; of != nil {
			of.queue(batch, t, numbers)
			erased = erased || len(of.erased) > 0
		}
	}
	if erased {
		// Nothing follows the log into generations that are kept for a rollback: they go.
		batch.Queue("UPDATE lonja.generations SET state = 'gone' WHERE projection = $1 AND state = 'old' AND number <> $2", g.projection, g.number)
		batch.Queue("UPDATE lonja.generations SET erased = erased + 1 WHERE number = $1", g.number)
		var os []int32
		for _, of := range sets {
			for o := range of.erased {
				os = append(os, numbers[o])
			}
		}
		// Why an event could not be folded may quote it.
		batch.Queue(`UPDATE lonja.parked p SET reason = 'erased' FROM lonja.owners w
			WHERE w.number = ANY($2::integer[]) AND p.generation = $1 AND p.account = w.account AND p.contact = w.contact AND p.reason <> ''`, g.number, os)
	}
	park(batch, g.number, b)
	err = s.db.Writes.SendBatch(ctx, batch).Close()
	if database.Is(err, fencedCode) {
		return errors.Join(fenced(b.Generation, "commit to"), err)
	}
	if err == nil && erased {
		s.sweepSoon()
	}
	if err == nil && b.To > b.From {
		s.tellSoon()
	}
	return err
}

// changes are what a batch does to a table in the end: its rows are written once each.
type changes struct {
	erased  map[owner]bool // first
	deletes map[readmodels.Key]bool
	puts    map[readmodels.Key]*readmodels.Row
	order   []readmodels.Key // of puts, with some that are there no more
}

func (cs *changes) add(c *readmodels.Change) {
	k := c.Row.Key
	switch {
	case c.Erase:
		o := ownerOf(&k)
		cs.erased[o] = true
		for put := range cs.puts {
			if ownerOf(&put) == o {
				delete(cs.puts, put)
			}
		}
	case c.Delete:
		delete(cs.puts, k)
		cs.deletes[k] = true
	default:
		if _, twice := cs.puts[k]; !twice {
			cs.order = append(cs.order, k)
		}
		cs.puts[k] = &c.Row
	}
}

func (cs *changes) queue(batch *pgx.Batch, t *table, numbers map[owner]int32) {
	if len(cs.erased) > 0 {
		var os []int32
		for o := range cs.erased {
			os = append(os, numbers[o])
		}
		batch.Queue(t.erase, os)
	}
	if len(cs.deletes) > 0 {
		var os []int32
		var ids [][]byte
		for k := range cs.deletes {
			if cs.puts[k] == nil {
				os, ids = append(os, numbers[ownerOf(&k)]), append(ids, []byte(k.ID))
			}
		}
		batch.Queue(t.delete, os, ids)
	}
	if n := len(cs.puts); n > 0 {
		batch.Queue(t.upsert, cs.columns(t, numbers, n)...)
	}
}

// columns turns the rows into an array a column.
func (cs *changes) columns(t *table, numbers map[owner]int32, n int) []any {
	os, as, contacts, ids, data := make([]int32, 0, n), make([]int32, 0, n), make([]string, 0, n), make([][]byte, 0, n), make([][]byte, 0, n)
	ints, texts := make([][]int64, len(t.schema.Columns)), make([][][]byte, len(t.schema.Columns))
	for i, c := range t.schema.Columns {
		if c.Kind == readmodels.Int {
			ints[i] = make([]int64, 0, n)
		} else {
			texts[i] = make([][]byte, 0, n)
		}
	}
	for _, k := range cs.order {
		row := cs.puts[k]
		if row == nil {
			continue
		}
		delete(cs.puts, k) // it may be in the order twice
		os, as = append(os, numbers[ownerOf(&k)]), append(as, numbers[owner{k.Account, ""}])
		contacts, ids = append(contacts, string(k.Contact)), append(ids, []byte(k.ID))
		for i, c := range t.schema.Columns {
			if c.Kind == readmodels.Int {
				ints[i] = append(ints[i], row.Values[i].Int())
			} else {
				texts[i] = append(texts[i], []byte(row.Values[i].Text()))
			}
		}
		if row.Data == nil {
			data = append(data, []byte{})
		} else {
			data = append(data, row.Data)
		}
	}
	args := []any{os, as, contacts, ids}
	for i := range t.schema.Columns {
		if ints[i] != nil {
			args = append(args, ints[i])
		} else {
			args = append(args, texts[i])
		}
	}
	return append(args, data)
}

func park(batch *pgx.Batch, generation int64, b *readmodels.Batch) {
	if len(b.Unpark) > 0 {
		var at []int64
		for _, p := range b.Unpark {
			at = append(at, int64(p))
		}
		batch.Queue("DELETE FROM lonja.parked WHERE generation = $1 AND position = ANY($2::bigint[])", generation, at)
	}
	for i := range b.Park {
		p := &b.Park[i]
		batch.Queue(`INSERT INTO lonja.parked (generation, position, account, contact, stream, revision, type, reason, at, skipped) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
			ON CONFLICT (generation, position) DO UPDATE SET account = excluded.account, contact = excluded.contact, stream = excluded.stream, revision = excluded.revision,
				type = excluded.type, reason = excluded.reason, at = excluded.at, skipped = excluded.skipped`,
			generation, int64(p.Position), string(p.Account), string(p.Contact), p.Stream, int64(p.Revision), p.Type, database.Text(p.Reason), p.At.UnixMilli(), p.Skipped)
	}
}
