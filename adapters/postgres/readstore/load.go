package readstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lonja/adapters/postgres/database"
	"lonja/domain/event"
	"lonja/readmodels"
)

// loader loads a new generation in bulk: rows are appended by COPY to tables without index,
// and found again through a map in memory of 128-bit hashes of their keys, so that nothing
// is read to know that a row is new. A row that is written again is appended again; what it
// was before is removed when the indexes are built, at the end.
//
// Its connection holds a lock in the server that says that the generation is being loaded.
// With the connection the loading ends.
type loader struct {
	store *Store
	gen   *generation

	mu         sync.Mutex
	conn       *pgx.Conn
	checkpoint event.Position
	epoch      int64
	broken     error // what ended it
	finished   bool
	seeds      [2]maphash.Seed
	tables     map[*table]*loading
	owners     map[owner]int32
	buf        bytes.Buffer
}

type loading struct {
	rows   map[[2]uint64]int64 // r by hash of owner and row id
	last   int64               // highest r
	dead   []int64             // rows that others replaced, or that were deleted
	erased map[int32]int64     // by owner: its rows up to this r are gone
	found  bool                // there is an index to find rows by r
}

func newLoader(ctx context.Context, s *Store, g *generation) (_ *loader, err error) {
	conn, err := s.db.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, sql := range []string{
		fmt.Sprintf("SELECT pg_advisory_lock(%d, %d)", loadLock, int32(g.number)),
		"SET synchronous_commit = off", "SET maintenance_work_mem = '128MB'", "SET default_statistics_target = 10", "SET max_parallel_maintenance_workers = 0",
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			closeConn(conn)
			return nil, err
		}
	}
	l := &loader{
		store: s, gen: g, conn: conn, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		tables: map[*table]*loading{}, owners: map[owner]int32{},
	}
	for _, t := range g.tables {
		l.tables[t] = &loading{rows: map[[2]uint64]int64{}, erased: map[int32]int64{}}
	}
	return l, nil
}

func (l *loader) state() (event.Position, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.checkpoint, l.epoch
}

func (l *loader) fence() (event.Position, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch++
	return l.checkpoint, l.epoch
}

func (l *loader) doing(what string) string {
	return fmt.Sprintf("%s generation %d of %s", what, l.gen.number, l.gen.projection)
}

// usable is nil unless the loading has ended. The caller holds mu.
func (l *loader) usable(ctx context.Context, doing string) error {
	switch {
	case l.store.closed.Load():
		return readmodels.ErrClosed
	case l.broken != nil:
		return l.store.describe(l.doing(doing), fmt.Errorf("loading it failed before: %w", l.broken))
	case l.conn == nil:
		return fenced(readmodels.Generation{Number: l.gen.number, Projection: l.gen.projection}, doing)
	}
	return l.store.describe(l.doing(doing), ctx.Err())
}

func (l *loader) key(o int32, rowID string) [2]uint64 {
	var k [2]uint64
	for i := range k {
		var h maphash.Hash
		h.SetSeed(l.seeds[i])
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(o))
		h.Write(b[:])
		h.WriteString(rowID)
		k[i] = h.Sum64()
	}
	return k
}

// find returns the r of a key, 0 where there is no row.
func (at *loading) find(o int32, k [2]uint64) int64 {
	r := at.rows[k]
	if r <= at.erased[o] {
		return 0
	}
	return r
}

// rows is LoadRows.
func (l *loader) rows(ctx context.Context, t *table, keys []readmodels.Key) ([]readmodels.Row, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx, "load rows of"); err != nil {
		return nil, err
	}
	at := l.tables[t]
	var rs []int64
	byR := map[int64]int{}
	for i := range keys {
		o, ok := l.owners[ownerOf(&keys[i])]
		if !ok {
			continue
		}
		if r := at.find(o, l.key(o, keys[i].ID)); r != 0 {
			rs = append(rs, r)
			byR[r] = i
		}
	}
	if len(rs) == 0 {
		return nil, nil
	}
	out, err := l.load(ctx, t, at, rs, func(f *fields, n int) readmodels.Key { return keys[byR[f.number(n)]] })
	if err != nil {
		return nil, l.fail("load rows of", err)
	}
	return out, nil
}

func (l *loader) load(ctx context.Context, t *table, at *loading, rs []int64, key func(*fields, int) readmodels.Key) ([]readmodels.Row, error) {
	if !at.found {
		// Most rebuilds never look back at most of their tables.
		if _, err := l.conn.Exec(ctx, "CREATE INDEX "+t.byR+" ON "+t.name+" (r)"); err != nil {
			return nil, err
		}
		at.found = true
	}
	rows, err := l.conn.Query(ctx, t.loaded, rs)
	if err != nil {
		return nil, err
	}
	return collect(rows, t, key)
}

// fail notes what ended the loading: where the connection is lost, so is what was loaded.
// The caller holds mu.
func (l *loader) fail(doing string, err error) error {
	l.broken = err
	if database.Is(err, undefinedTable) {
		return fenced(readmodels.Generation{Number: l.gen.number, Projection: l.gen.projection}, doing)
	}
	return l.store.describe(l.doing(doing), err)
}

func (l *loader) commit(ctx context.Context, b *readmodels.Batch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx, "commit to"); err != nil {
		return err
	}
	if l.finished || l.epoch != b.Generation.Epoch || l.checkpoint != b.From {
		return fenced(b.Generation, "commit to")
	}
	if err := l.write(ctx, b); err != nil {
		return l.fail("commit to", err)
	}
	l.checkpoint = b.To
	return nil
}

func (l *loader) write(ctx context.Context, b *readmodels.Batch) error {
	var unknown []owner
	for i := range b.Changes {
		for _, o := range [2]owner{ownerOf(&b.Changes[i].Row.Key), {b.Changes[i].Row.Key.Account, ""}} {
			if _, ok := l.owners[o]; !ok {
				l.owners[o] = 0
				unknown = append(unknown, o)
			}
		}
	}
	if len(unknown) > 0 {
		if err := l.learn(ctx, unknown); err != nil {
			return err
		}
	}
	byTable := map[string][]*readmodels.Change{}
	for i := range b.Changes {
		c := &b.Changes[i]
		byTable[c.Table] = append(byTable[c.Table], c)
	}
	for _, t := range l.gen.tables {
		if cs := byTable[t.schema.Name]; len(cs) > 0 {
			if err := l.append(ctx, t, cs); err != nil {
				return err
			}
		}
	}
	if b.To == b.From && len(b.Park) == 0 && len(b.Unpark) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	park(batch, l.gen.number, b)
	batch.Queue("UPDATE lonja.partitions SET checkpoint = $2 WHERE generation = $1 AND EXISTS (SELECT FROM lonja.generations WHERE number = $1 AND state <> 'gone' AND NOT sealed)", l.gen.number, int64(b.To)).Exec(func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() == 0 {
			return fenced(b.Generation, "commit to")
		}
		return nil
	})
	return l.conn.SendBatch(ctx, batch).Close()
}

// learn has owners numbered. Nothing of it need be durable before the generation is: what
// ends the server ends the loading.
func (l *loader) learn(ctx context.Context, unknown []owner) error {
	accounts, contacts, err := names(unknown)
	if err != nil {
		return err
	}
	if _, err := l.store.db.Writes.Exec(ctx, addOwners+"NOTHING", accounts, contacts); err != nil {
		return err
	}
	numbers, err := l.store.numbers(ctx, unknown)
	for o, n := range numbers {
		l.owners[o] = n
	}
	return err
}

// append writes the changes of one table.
func (l *loader) append(ctx context.Context, t *table, cs []*readmodels.Change) error {
	at := l.tables[t]
	l.buf.Reset()
	l.buf.WriteString("PGCOPY\n\xff\r\n\x00")
	l.buf.Write(make([]byte, 8)) // no flags, no more header
	rows := 0
	for _, c := range cs {
		o := l.owners[ownerOf(&c.Row.Key)]
		if c.Erase {
			at.erased[o] = at.last
			continue
		}
		k := l.key(o, c.Row.Key.ID)
		if r := at.find(o, k); r != 0 {
			at.dead = append(at.dead, r)
		}
		if c.Delete {
			delete(at.rows, k)
			continue
		}
		at.last++
		at.rows[k] = at.last
		rows++
		encodeRow(&l.buf, t, at.last, o, l.owners[owner{c.Row.Key.Account, ""}], &c.Row)
	}
	if rows == 0 {
		return nil
	}
	l.buf.WriteString("\xff\xff")
	_, err := l.conn.PgConn().CopyFrom(ctx, &l.buf, t.copy)
	return err
}

// encodeRow writes a row as COPY's binary format has it.
func encodeRow(buf *bytes.Buffer, t *table, r int64, o, a int32, row *readmodels.Row) {
	b := buf.AvailableBuffer()
	b = binary.BigEndian.AppendUint16(b, uint16(6+len(row.Values)))
	b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(r))
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, 4), uint32(o))
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, 4), uint32(a))
	b = appendField(b, string(row.Key.Contact))
	b = appendField(b, row.Key.ID)
	for i, c := range t.schema.Columns {
		if c.Kind == readmodels.Int {
			b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(row.Values[i].Int()))
		} else {
			b = appendField(b, row.Values[i].Text())
		}
	}
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(row.Data))), row.Data...)
	buf.Write(b)
}

func appendField(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// finish removes what was replaced, deleted and erased, builds the indexes, has the rows
// protected, and makes the generation durable.
func (l *loader) finish(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.finished {
		return nil
	}
	if err := l.usable(ctx, "seal"); err != nil {
		return err
	}
	if err := l.seal(ctx); err != nil {
		if errors.Is(err, readmodels.ErrFenced) {
			l.broken = err
			return err
		}
		return l.fail("seal", err)
	}
	l.finished = true
	closeConn(l.conn)
	l.conn = nil
	l.gen.setLoader(nil)
	return nil
}

func (l *loader) seal(ctx context.Context) error {
	return pgx.BeginFunc(ctx, l.conn, func(tx pgx.Tx) error {
		for _, t := range l.gen.tables {
			at := l.tables[t]
			at.rows = nil
			if len(at.dead) > 0 {
				if _, err := tx.Exec(ctx, "DELETE FROM "+t.name+" t USING unnest($1::bigint[]) k (r) WHERE t.r = k.r", at.dead); err != nil {
					return err
				}
			}
			if len(at.erased) > 0 {
				var os []int32
				var upTo []int64
				for o, r := range at.erased {
					os, upTo = append(os, o), append(upTo, r)
				}
				if _, err := tx.Exec(ctx, "DELETE FROM "+t.name+" t USING unnest($1::integer[], $2::bigint[]) k (o, r) WHERE t.o = k.o AND t.r <= k.r", os, upTo); err != nil {
					return err
				}
			}
			sql := t.finish + "; ANALYZE " + t.name
			if at.found {
				sql = "DROP INDEX lonja." + t.byR + "; " + sql
			}
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		erasures := 0
		for _, at := range l.tables {
			erasures += len(at.erased)
		}
		tag, err := tx.Exec(ctx, "UPDATE lonja.generations SET sealed = true, erased = erased + $2 WHERE number = $1 AND state <> 'gone' AND NOT sealed", l.gen.number, erasures)
		if err == nil && tag.RowsAffected() == 0 {
			return fenced(readmodels.Generation{Number: l.gen.number, Projection: l.gen.projection}, "seal")
		}
		if err == nil {
			_, err = tx.Exec(ctx, "UPDATE lonja.partitions SET checkpoint = $2, epoch = $3 WHERE generation = $1", l.gen.number, int64(l.checkpoint), l.epoch)
		}
		if err == nil {
			_, err = tx.Exec(ctx, "SET LOCAL synchronous_commit = on") // with it, all that was written before
		}
		return err
	})
}

// close ends a loading that was not finished. nil does nothing.
func (l *loader) close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		closeConn(l.conn)
		l.conn = nil
	}
}
