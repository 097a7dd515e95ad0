package readstore

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lonja/adapters/postgres/database"
	"lonja/domain/event"
	"lonja/readmodels"
)

// loader loads a new generation in bulk: rows are appended by COPY to tables without index,
// and found again through a table in memory of 128-bit hashes of their keys, so that nothing
// is read to know that a row is new. A row that is written again is appended again; what it
// was before is removed when the indexes are built, at the end.
//
// Rows wait in memory until there are many of a table, since to begin a COPY costs as much
// as some hundred rows. What becomes of them then is told by whatever is asked for next; all
// are written before the generation moves on or is sealed.
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
	tables     []*loading // as the generation has them
	places     map[owner]int32
	owners     []owner // by place
	numbers    []int32 // by place, of the first of them: the others' are not asked for yet
}

type loading struct {
	table  *table
	rows   places          // r by hash of owner and row id
	last   int64           // highest r
	copied int64           // highest r that is in the server
	dead   []int64         // rows that others replaced, or that were deleted
	erased map[int32]int64 // by place of the owner: its rows up to this r are gone
	found  bool            // there is an index to find rows by r

	waiting []byte // rows as COPY has them, with places instead of owners' numbers,
	owners  []int  // which are here
}

// enough is how many bytes of a table's rows are copied at once.
const enough = 2 << 20

func newLoader(ctx context.Context, s *Store, g *generation) (_ *loader, err error) {
	conn, err := s.loading(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, fmt.Sprintf("SELECT pg_advisory_lock(%d, %d)", loadLock, int32(g.number))); err != nil {
		closeConn(conn)
		return nil, err
	}
	l := &loader{store: s, gen: g, conn: conn, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, places: map[owner]int32{}}
	for _, t := range g.tables {
		l.tables = append(l.tables, &loading{table: t, erased: map[int32]int64{}})
	}
	return l, nil
}

// loading makes a connection of those that load.
func (s *Store) loading(ctx context.Context) (*pgx.Conn, error) {
	conn, err := s.db.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "SET synchronous_commit = off; SET maintenance_work_mem = '128MB'; SET default_statistics_target = 10; SET max_parallel_maintenance_workers = 0"); err != nil {
		closeConn(conn)
		return nil, err
	}
	return conn, nil
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

// key hashes the key of a row of the owner at a place.
func (l *loader) key(place int32, rowID string) [2]uint64 {
	return [2]uint64{
		maphash.String(l.seeds[0], rowID) + uint64(place)*0x9e3779b97f4a7c15, // odd numbers keep places apart
		maphash.String(l.seeds[1], rowID) ^ uint64(place)*0xd6e8feb86659fd93,
	}
}

// find returns the r of a row, 0 where there is none.
func (at *loading) find(place int32, row *int64) int64 {
	if row == nil || *row == gone || len(at.erased) > 0 && *row <= at.erased[place] {
		return 0
	}
	return *row
}

func (l *loader) of(t *table) *loading {
	return l.tables[slices.Index(l.gen.tables, t)]
}

// rows is LoadRows.
func (l *loader) rows(ctx context.Context, t *table, keys []readmodels.Key) ([]readmodels.Row, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx, "load rows of"); err != nil {
		return nil, err
	}
	at := l.of(t)
	var rs []int64
	byR := map[int64]int{}
	waiting := false
	for i := range keys {
		place, ok := l.places[ownerOf(&keys[i])]
		if !ok {
			continue
		}
		if r := at.find(place, at.rows.get(l.key(place, keys[i].ID))); r != 0 {
			rs = append(rs, r)
			byR[r] = i
			waiting = waiting || r > at.copied
		}
	}
	if len(rs) == 0 {
		return nil, nil
	}
	if waiting {
		if err := l.copy(ctx, at); err != nil {
			return nil, l.fail("load rows of", err)
		}
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
	// Rows of one owner and of one table follow each other.
	var at *loading
	var who owner
	var place, whole int32
	for i := range b.Changes {
		c := &b.Changes[i]
		if at == nil || at.table.schema.Name != c.Table {
			at = l.of(l.gen.byName[c.Table])
		}
		if o := ownerOf(&c.Row.Key); i == 0 || o != who {
			var err error
			if place, err = l.place(o); err != nil {
				return err
			}
			if whole, err = l.place(owner{o.account, ""}); err != nil {
				return err
			}
			who = o
		}
		l.add(at, c, place, whole)
		if len(at.waiting) >= enough {
			if err := l.copy(ctx, at); err != nil {
				return err
			}
		}
	}
	if b.To == b.From && len(b.Park) == 0 && len(b.Unpark) == 0 {
		return nil
	}
	if err := l.copyAll(ctx); err != nil {
		return err
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

// place returns where an owner's number is, or will be once it is needed.
func (l *loader) place(o owner) (int32, error) {
	if at, ok := l.places[o]; ok {
		return at, nil
	}
	if _, _, err := names([]owner{o}); err != nil {
		return 0, err
	}
	at := int32(len(l.owners))
	l.places[o], l.owners = at, append(l.owners, o)
	return at, nil
}

// learn finds the numbers of the owners that have come since it did so last.
func (l *loader) learn(ctx context.Context) error {
	if len(l.numbers) == len(l.owners) {
		return nil
	}
	numbers, err := l.store.assured(ctx, l.owners[len(l.numbers):])
	if err != nil {
		return err
	}
	l.numbers = append(l.numbers, numbers...)
	return nil
}

// add takes a change of the owner at a place, and of its account at another.
func (l *loader) add(at *loading, c *readmodels.Change, place, whole int32) {
	if c.Erase {
		at.erased[place] = at.last
		return
	}
	k := l.key(place, c.Row.Key.ID)
	row := at.rows.get(k)
	if r := at.find(place, row); r != 0 {
		at.dead = append(at.dead, r)
	}
	if c.Delete {
		if row != nil {
			*row = gone
		}
		return
	}
	at.last++
	if row != nil {
		*row = at.last
	} else {
		at.rows.add(k, at.last)
	}
	if len(at.waiting) == 0 {
		at.waiting = append(at.waiting, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...) // no flags, no more header
	}
	at.encode(&c.Row, place, whole)
}

// encode writes a row as COPY's binary format has it.
func (at *loading) encode(row *readmodels.Row, place, whole int32) {
	b := binary.BigEndian.AppendUint16(at.waiting, uint16(6+len(row.Values)))
	b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(at.last))
	at.owners = append(at.owners, len(b)+4, len(b)+12)
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, 4), uint32(place))
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, 4), uint32(whole))
	b = appendField(b, row.Key.Contact)
	b = appendField(b, row.Key.ID)
	for i, c := range at.table.schema.Columns {
		if c.Kind == readmodels.Int {
			b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(row.Values[i].Int()))
		} else {
			b = appendField(b, row.Values[i].Text())
		}
	}
	at.waiting = appendField(b, row.Data)
}

// copy writes the rows of a table that wait for it.
func (l *loader) copy(ctx context.Context, at *loading) error {
	if len(at.waiting) == 0 {
		return nil
	}
	if err := l.learn(ctx); err != nil {
		return err
	}
	for _, i := range at.owners {
		field := at.waiting[i : i+4]
		binary.BigEndian.PutUint32(field, uint32(l.numbers[binary.BigEndian.Uint32(field)]))
	}
	at.waiting = append(at.waiting, 0xff, 0xff)
	_, err := l.conn.PgConn().CopyFrom(ctx, bytes.NewReader(at.waiting), at.table.copy)
	at.waiting, at.owners, at.copied = at.waiting[:0], at.owners[:0], at.last
	return err
}

func (l *loader) copyAll(ctx context.Context) error {
	for _, at := range l.tables {
		if err := l.copy(ctx, at); err != nil {
			return err
		}
	}
	return nil
}

func appendField[T ~string | ~[]byte](b []byte, s T) []byte {
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
	if err := l.copyAll(ctx); err != nil {
		return err
	}
	erasures := 0
	for _, at := range l.tables {
		at.rows, at.waiting, at.owners = places{}, nil, nil
		erasures += len(at.erased)
		if err := l.clear(ctx, at); err != nil {
			return err
		}
	}
	if err := l.index(ctx); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, l.conn, func(tx pgx.Tx) error {
		for _, at := range l.tables {
			if _, err := tx.Exec(ctx, at.table.protect); err != nil {
				return err
			}
		}
		tag, err := tx.Exec(ctx, "UPDATE lonja.generations SET sealed = true, erased = erased + $2 WHERE number = $1 AND state <> 'gone' AND NOT sealed", l.gen.number, erasures)
		if err == nil && tag.RowsAffected() == 0 {
			return fenced(readmodels.Generation{Number: l.gen.number, Projection: l.gen.projection}, "seal")
		}
		if err == nil {
			_, err = tx.Exec(ctx, "UPDATE lonja.partitions SET checkpoint = $2, epoch = $3 WHERE generation = $1", l.gen.number, int64(l.checkpoint), l.epoch)
		}
		if err == nil {
			_, err = tx.Exec(ctx, "SET LOCAL synchronous_commit = on") // with it, all that was written before, by whichever connection
		}
		return err
	})
}

// clear removes what was replaced, deleted and erased of a table.
func (l *loader) clear(ctx context.Context, at *loading) error {
	if len(at.dead) > 0 {
		if _, err := l.conn.Exec(ctx, "DELETE FROM "+at.table.name+" t USING unnest($1::bigint[]) k (r) WHERE t.r = k.r", at.dead); err != nil {
			return err
		}
	}
	if len(at.erased) > 0 {
		if err := l.learn(ctx); err != nil {
			return err
		}
		var os []int32
		var upTo []int64
		for place, r := range at.erased {
			os, upTo = append(os, l.numbers[place]), append(upTo, r)
		}
		if _, err := l.conn.Exec(ctx, "DELETE FROM "+at.table.name+" t USING unnest($1::integer[], $2::bigint[]) k (o, r) WHERE t.o = k.o AND t.r <= k.r", os, upTo); err != nil {
			return err
		}
	}
	if !at.found {
		return nil
	}
	_, err := l.conn.Exec(ctx, "DROP INDEX lonja."+at.table.byR)
	return err
}

// helpers is how many connections build indexes beside those of the loaders: of a node, since
// the generations of a rebuild are sealed beside each other, and the server gives each
// connection memory for the index that it builds.
const helpers = 2

// index builds the indexes, of one table too beside each other, and has the tables analysed.
// What ends it leaves a generation that is not sealed, of which nobody takes any notice.
func (l *loader) index(ctx context.Context) error {
	type job struct {
		at  *loading
		sql string
	}
	var jobs []job
	left := map[*loading]int{}
	// The largest tables take the longest.
	for _, at := range slices.SortedStableFunc(slices.Values(l.tables), func(a, b *loading) int { return cmp.Compare(b.last, a.last) }) {
		for _, sql := range at.table.indexes {
			jobs = append(jobs, job{at, sql})
		}
		left[at] = len(at.table.indexes)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var failed error
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if failed == nil {
			failed = err
		}
		cancel() // the others'
	}
	work := func(conn *pgx.Conn) {
		for {
			mu.Lock()
			if len(jobs) == 0 || failed != nil {
				mu.Unlock()
				return
			}
			j := jobs[0]
			jobs = jobs[1:]
			mu.Unlock()
			if _, err := conn.Exec(ctx, j.sql); err != nil {
				fail(err)
				return
			}
			mu.Lock()
			left[j.at]--
			done := left[j.at] == 0
			mu.Unlock()
			if !done {
				continue
			}
			if _, err := conn.Exec(ctx, "ANALYZE "+j.at.table.name); err != nil {
				fail(err)
				return
			}
		}
	}
	waits := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(jobs) > 0 && failed == nil
	}
	over := make(chan struct{}) // nothing waits any more
	var others sync.WaitGroup
	for range min(helpers, len(jobs)-1) {
		others.Go(func() {
			// Who comes first is helped first: mostly the largest, for which all others wait in the end.
			select {
			case l.store.helpers <- struct{}{}:
			case <-over:
				return
			}
			defer func() { <-l.store.helpers }()
			if !waits() {
				return
			}
			conn, err := l.store.loading(ctx)
			if err != nil {
				if ctx.Err() == nil { // the server may have no more of them: it takes longer then
					l.store.logger.Warn("read models: indexing on fewer connections", "database", l.store.db.Name(), "generation", l.gen.number, "error", err)
				}
				return
			}
			defer closeConn(conn)
			work(conn)
		})
	}
	work(l.conn)
	close(over)
	others.Wait()
	return failed
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
