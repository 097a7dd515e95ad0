package readstore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/domain/event"
	"lonja/readmodels"
)

// loader loads a new generation in bulk: rows are appended without a journal, and
// found again through a map in memory of 128-bit hashes of their keys, so that no
// index is kept up and nothing is read to know that a row is new. Indexes are built
// at the end. The file's lock is held throughout.
type loader struct {
	gen  *generation
	conn *sqlite.Conn

	mu         sync.Mutex
	checkpoint event.Position
	epoch      int64
	broken     error // what ended it: without a journal nothing can be taken back
	finished   bool
	seeds      [2]maphash.Seed
	tables     map[*table]*loading
	erasures   int
}

type loading struct {
	rows   map[[2]uint64]int64 // rowid by hash of owner and row id
	last   int64               // highest rowid
	added  []int32             // by owner: rows, of a sifted table; those since removed count
	erased map[int64]int64     // by owner: its rows up to this rowid are gone
}

func newLoader(g *generation, conn *sqlite.Conn) (*loader, error) {
	for _, pragma := range []string{
		"PRAGMA locking_mode = exclusive",
		"PRAGMA journal_mode = off",
		"PRAGMA synchronous = off",
		"PRAGMA cache_size = -16384", // KiB
		"PRAGMA temp_store = file",   // of no name, in the store's own folder: only so does the sorter use threads
		"PRAGMA temp_store_directory = '" + strings.ReplaceAll(filepath.Dir(g.path), "'", "''") + "'",
		"PRAGMA threads = 1",
	} {
		if err := exec(conn, pragma); err != nil {
			return nil, describe(g.path, "load", err)
		}
	}
	// One transaction until the end: committed by batches, pages that are not full yet would
	// be written again and again. It takes the lock, which stays.
	if err := exec(conn, "BEGIN EXCLUSIVE"); err != nil {
		return nil, describe(g.path, "load", err)
	}
	l := &loader{gen: g, conn: conn, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, tables: map[*table]*loading{}}
	for _, t := range g.tables {
		l.tables[t] = &loading{rows: map[[2]uint64]int64{}, erased: map[int64]int64{}}
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

// with lends the connection to f.
func (l *loader) with(f func(*sqlite.Conn) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	return f(l.conn)
}

func (l *loader) usable() error {
	switch {
	case l.broken != nil:
		return fmt.Errorf("read store %s: loading it failed before: %w", l.gen.path, l.broken)
	case l.finished || l.conn == nil:
		return l.gen.gone()
	}
	return nil
}

func (l *loader) key(o int64, rowID string) [2]uint64 {
	var k [2]uint64
	for i := range k {
		var h maphash.Hash
		h.SetSeed(l.seeds[i])
		var b [8]byte
		for j := range b {
			b[j] = byte(o >> (8 * j))
		}
		h.Write(b[:])
		h.WriteString(rowID)
		k[i] = h.Sum64()
	}
	return k
}

// find returns the rowid of a key, 0 where there is no row.
func (l *loader) find(t *table, o int64, k [2]uint64) int64 {
	at := l.tables[t]
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
	if err := l.usable(); err != nil {
		return nil, err
	}
	stmt, err := l.conn.Prepare(t.load)
	if err != nil {
		return nil, describe(l.gen.path, "load rows", err)
	}
	var out []readmodels.Row
	for i := range keys {
		o, err := l.gen.owners.find(l.conn, owner{keys[i].Account, keys[i].Contact}, true)
		if err != nil {
			return nil, describe(l.gen.path, "load rows", err)
		}
		r := int64(0)
		if o != 0 {
			r = l.find(t, o, l.key(o, keys[i].ID))
		}
		if r == 0 {
			continue
		}
		stmt.BindInt64(1, r)
		stmt.BindInt64(2, o)
		found, err := stmt.Step()
		if err == nil && found {
			out = append(out, readRow(stmt, t, keys[i]))
		}
		stmt.Reset()
		if err != nil {
			return nil, describe(l.gen.path, "load rows", err)
		}
		if i%1024 == 1023 && ctx.Err() != nil {
			return nil, fmt.Errorf("read store %s: load rows: %w", l.gen.path, ctx.Err())
		}
	}
	return out, nil
}

func (l *loader) commit(ctx context.Context, b *readmodels.Batch) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("read store %s: commit: %w", l.gen.path, err)
	}
	if err := l.write(b); err != nil {
		return err
	}
	s := l.gen.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return readmodels.ErrClosed
	}
	err := sqlitex.Execute(s.registry, "UPDATE generations SET filled = ?1 WHERE number = ?2", &sqlitex.ExecOptions{Args: []any{int64(b.To), l.gen.number}})
	if err != nil {
		return describe(s.path, "note the progress", err)
	}
	if s.registry.Changes() == 0 {
		return fenced(b.Generation, "commit to")
	}
	return nil
}

func (l *loader) write(b *readmodels.Batch) (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if l.epoch != b.Generation.Epoch || l.checkpoint != b.From {
		return fenced(b.Generation, "commit to")
	}
	defer func() {
		if err != nil {
			l.broken = err
		}
	}()
	w := writing{g: l.gen, conn: l.conn, loading: true}
	for i := range b.Changes {
		if err := l.change(&w, &b.Changes[i]); err != nil {
			return describe(l.gen.path, "load", err)
		}
	}
	if err := w.park(b); err != nil {
		return describe(l.gen.path, "load", err)
	}
	l.gen.owners.add(w.fresh)
	l.checkpoint = b.To
	return nil
}

func (l *loader) change(w *writing, c *readmodels.Change) error {
	t := l.gen.byName[c.Table]
	at := l.tables[t]
	key := &c.Row.Key
	o, err := w.owner(owner{key.Account, key.Contact}, true)
	if err != nil {
		return err
	}
	if c.Erase {
		at.erased[o] = at.last
		l.erasures++
		return nil
	}
	k := l.key(o, key.ID)
	r := l.find(t, o, k)
	switch {
	case c.Delete && r == 0:
		return nil
	case c.Delete:
		delete(at.rows, k)
		stmt, err := w.conn.Prepare(t.deleteRow)
		if err != nil {
			return err
		}
		stmt.BindInt64(1, r)
		return run(stmt)
	case r != 0:
		stmt, err := w.conn.Prepare(t.update)
		if err != nil {
			return err
		}
		stmt.BindInt64(bindValues(stmt, 1, &c.Row), r)
		return run(stmt)
	}
	stmt, err := w.conn.Prepare(t.insert)
	if err != nil {
		return err
	}
	_, n, err := w.bind(stmt, t, &c.Row)
	if err != nil {
		return err
	}
	if t.schema.Sifted {
		at.added = append(at.added, make([]int32, max(0, int(o)+1-len(at.added)))...)
		at.added[o]++
	}
	at.last++
	at.rows[k] = at.last
	stmt.BindInt64(n, at.last)
	return run(stmt)
}

// finish removes what was erased, builds the indexes, and makes the file durable and
// one with a journal.
func (l *loader) finish(ctx context.Context) (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.finished {
		return nil
	}
	if err := l.usable(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			l.broken = err
		}
	}()
	if err := l.removeErased(); err != nil {
		return describe(l.gen.path, "seal", err)
	}
	for _, t := range l.gen.tables {
		l.tables[t].rows = nil
	}
	// A small cache has the sorter work in small pieces, in a second thread beside the scan.
	if err := exec(l.conn, "PRAGMA cache_size = -1024"); err != nil {
		return describe(l.gen.path, "seal", err)
	}
	indexes := []string{ownersIndex}
	for _, t := range l.gen.tables {
		indexes = append(indexes, t.indexes...)
	}
	for _, ix := range indexes {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("read store %s: seal: %w", l.gen.path, err)
		}
		if err := exec(l.conn, ix); err != nil {
			return describe(l.gen.path, "seal", err)
		}
	}
	if err := l.chunks(ctx); err != nil {
		return describe(l.gen.path, "seal", err)
	}
	err = sqlitex.Execute(l.conn, "UPDATE state SET checkpoint = ?1, epoch = ?2", &sqlitex.ExecOptions{Args: []any{int64(l.checkpoint), l.epoch}})
	if err != nil {
		return describe(l.gen.path, "seal", err)
	}
	if err := step(l.conn, "COMMIT"); err != nil {
		return describe(l.gen.path, "seal", err)
	}
	if err := l.conn.Close(); err != nil {
		return describe(l.gen.path, "seal", err)
	}
	l.conn = nil
	// There is no connection of this process to the file, whose locks closing it could drop.
	f, err := os.OpenFile(l.gen.path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("read store %s: seal: %w", l.gen.path, err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("read store %s: seal: %w", l.gen.path, err)
	}
	l.finished = true
	return nil
}

// chunks keeps the columns apart of owners with many rows.
func (l *loader) chunks(ctx context.Context) error {
	for _, t := range l.gen.tables {
		for o, added := range l.tables[t].added {
			if int(added) < l.gen.store.many {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			s := &sifting{conn: l.conn, t: t, o: int64(o), many: l.gen.store.many}
			if err := s.build(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *loader) removeErased() error {
	if l.erasures == 0 {
		return nil
	}
	if err := exec(l.conn, "PRAGMA secure_delete = on"); err != nil {
		return err
	}
	if err := exec(l.conn, "CREATE TEMP TABLE erased (t TEXT, o INTEGER, upto INTEGER, PRIMARY KEY (t, o)) WITHOUT ROWID"); err != nil {
		return err
	}
	for _, t := range l.gen.tables {
		if len(l.tables[t].erased) == 0 {
			continue
		}
		for o, upto := range l.tables[t].erased {
			err := sqlitex.Execute(l.conn, "INSERT INTO temp.erased (t, o, upto) VALUES (?1, ?2, ?3)", &sqlitex.ExecOptions{Args: []any{t.name, o, upto}})
			if err != nil {
				return err
			}
		}
		if err := sqlitex.Execute(l.conn, t.deleteErased, &sqlitex.ExecOptions{Args: []any{t.name}}); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return nil
	}
	err := l.conn.Close()
	l.conn = nil
	return describe(l.gen.path, "close", err)
}
