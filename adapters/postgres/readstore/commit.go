package readstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

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
	var t *table
	for i := range b.Changes {
		c := &b.Changes[i]
		if t == nil || t.schema.Name != c.Table {
			if t = g.byName[c.Table]; t == nil {
				return s.describe(doing, fmt.Errorf("table %s: %w", c.Table, readmodels.ErrNoTable))
			}
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
	sets, err := s.sort(ctx, g, b)
	if err != nil {
		return err
	}
	conn, err := s.db.Writes.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	batch := &pgx.Batch{}
	epochs := make([]int64, len(b.Generation.Parts))
	for i, p := range b.Generation.Parts {
		epochs[i] = p.Epoch
	}
	batch.Queue("SELECT lonja.advance($1, $2, $3, $4, $5)", g.number, parts(&b.Generation), epochs, int64(b.From), int64(b.To))
	var erased []int32
	for _, of := range sets {
		if len(of.puts) > 0 {
			if known, err := of.table.register(ctx, conn.Conn()); err != nil {
				return err
			} else if !known {
				return fenced(b.Generation, "commit to")
			}
		}
		of.queue(batch)
		erased = append(erased, of.erased...)
	}
	if len(erased) > 0 {
		// Nothing follows the log into generations that are kept for a rollback: they go.
		batch.Queue("UPDATE lonja.generations SET state = 'gone' WHERE projection = $1 AND state = 'old' AND number <> $2", g.projection, g.number)
		batch.Queue("UPDATE lonja.generations SET erased = erased + 1 WHERE number = $1", g.number)
		// Why an event could not be folded may quote it.
		batch.Queue(`UPDATE lonja.parked p SET reason = 'erased' FROM lonja.owners w
			WHERE w.number = ANY($2::integer[]) AND p.generation = $1 AND p.account = w.account AND p.contact = w.contact AND p.reason <> ''`, g.number, erased)
	}
	park(batch, g.number, b)
	err = conn.SendBatch(ctx, batch).Close()
	// Statements that are new to a connection are prepared before any is run: those that name a
	// table that is gone fail before lonja.advance says that the generation is.
	if database.Is(err, fencedCode, undefinedTable) {
		return errors.Join(fenced(b.Generation, "commit to"), err)
	}
	if err == nil && len(erased) > 0 {
		s.sweepSoon()
	}
	if err == nil && b.To > b.From {
		s.tellSoon()
	}
	return err
}

// sort puts the changes of a batch in order, by table.
func (s *Store) sort(ctx context.Context, g *generation, b *readmodels.Batch) ([]*changes, error) {
	// Rows of one owner follow each other: each is asked for once, behind its account.
	var who []owner
	places := make([][2]int, len(b.Changes))
	for i := range b.Changes {
		o := ownerOf(&b.Changes[i].Row.Key)
		if i > 0 {
			places[i] = places[i-1]
		}
		if i == 0 || who[places[i][0]].account != o.account {
			places[i][0] = len(who)
			who = append(who, owner{o.account, ""})
			places[i][1] = len(who)
			who = append(who, o)
		} else if who[places[i][1]] != o {
			places[i][1] = len(who)
			who = append(who, o)
		}
	}
	numbers, err := s.assured(ctx, who)
	if err != nil {
		return nil, err
	}
	sets := make([]*changes, len(g.tables))
	for i, t := range g.tables {
		sets[i] = &changes{table: t}
	}
	var of *changes
	for i := range b.Changes {
		c := &b.Changes[i]
		if of == nil || of.table.schema.Name != c.Table {
			of = sets[slices.Index(g.tables, g.byName[c.Table])]
		}
		of.add(c, numbers[places[i][1]], numbers[places[i][0]])
	}
	for _, of := range sets {
		of.settle()
	}
	return sets, nil
}

// changes are what a batch does to a table in the end: its rows are written once each.
type changes struct {
	table  *table
	erased []int32 // owners, before anything else
	rows   []changed
	places map[rowOf]int // of rows
	// of rows, which is what remains
	puts    rowArray
	deletes []changed
}

// rowOf is a row of an owner.
type rowOf struct {
	owner int32
	id    string
}

// changed is the last that becomes of a row.
type changed struct {
	rowOf
	account int32
	row     *readmodels.Row // nil where it is deleted
	erased  bool            // by what comes after
}

func (cs *changes) add(c *readmodels.Change, o, account int32) {
	if c.Erase {
		cs.erased = append(cs.erased, o)
		for i := range cs.rows {
			if cs.rows[i].owner == o {
				cs.rows[i].erased = true
			}
		}
		return
	}
	now := changed{rowOf: rowOf{o, c.Row.Key.ID}, account: account}
	if !c.Delete {
		now.row = &c.Row
	}
	if cs.places == nil {
		cs.places = map[rowOf]int{}
	}
	if at, twice := cs.places[now.rowOf]; twice {
		cs.rows[at] = now
		return
	}
	cs.places[now.rowOf] = len(cs.rows)
	cs.rows = append(cs.rows, now)
}

// settle tells apart what is to be written and what is to be deleted.
func (cs *changes) settle() {
	cs.puts = make(rowArray, 0, len(cs.rows))
	for i := range cs.rows {
		switch r := &cs.rows[i]; {
		case r.erased:
		case r.row == nil:
			cs.deletes = append(cs.deletes, *r)
		default:
			cs.puts = append(cs.puts, r)
		}
	}
	// By owner, as most indexes are: the server finds the places of one where those of the last were.
	slices.SortStableFunc(cs.puts, func(a, b *changed) int { return cmp.Compare(a.owner, b.owner) })
}

func (cs *changes) queue(batch *pgx.Batch) {
	if len(cs.erased) > 0 {
		batch.Queue(cs.table.erase, cs.erased)
	}
	if len(cs.deletes) > 0 {
		var os []int32
		var ids [][]byte
		for i := range cs.deletes {
			os, ids = append(os, cs.deletes[i].owner), append(ids, []byte(cs.deletes[i].id))
		}
		batch.Queue(cs.table.delete, os, ids)
	}
	if len(cs.puts) > 0 {
		batch.Queue(cs.table.upsert, cs.puts)
	}
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
