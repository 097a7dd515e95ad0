package readstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// The write-ahead log is moved into the file from walBytes on, beside the writer; from
// walPause on the writer waits for that.
const (
	walBytes = 4 << 20
	walPause = 64 << 20
)

// generation is one generation's file, with its connections.
type generation struct {
	store      *Store
	number     int64
	projection string
	path       string
	schemas    []readmodels.Schema
	tables     []*table
	byName     map[string]*table
	owners     owners
	pool       pool

	wmu    sync.Mutex // guards all below
	conn   *sqlite.Conn
	load   *loader // while it is loaded in bulk by this process
	seal   bool
	closed bool

	dirty  atomic.Bool // committed to since the write-ahead log was looked at
	erased atomic.Bool // rows were erased that the write-ahead log still holds
}

func newGeneration(s *Store, r *readmodels.Generation) *generation {
	g := &generation{
		store: s, number: r.Number, projection: r.Projection, path: s.generationPath(r.Number),
		schemas: r.Tables, seal: r.Sealed, byName: map[string]*table{},
	}
	for i := range g.schemas {
		t := newTable(i, &g.schemas[i])
		g.tables = append(g.tables, t)
		g.byName[t.schema.Name] = t
	}
	g.owners.ids = map[owner]int64{}
	g.pool.init(g, s.readers)
	return g
}

// createFile makes the file: with its indexes where it is sealed from the start, else
// ready to be loaded.
func (g *generation) createFile() error {
	script := generationSchema
	if g.seal {
		script += ownersIndex + ";\n"
	}
	for _, t := range g.tables {
		script += t.create + ";\n"
		for _, create := range t.createColumns {
			script += create + ";\n"
		}
		if g.seal {
			for _, ix := range t.indexes {
				script += ix + ";\n"
			}
		}
	}
	conn, err := g.store.openFile(g.path, generationID, script)
	if err != nil {
		return err
	}
	if g.seal {
		if err := g.prepareWriter(conn); err != nil {
			conn.Close()
			return err
		}
		return nil
	}
	l, err := newLoader(g, conn)
	if err != nil {
		conn.Close()
		return err
	}
	g.load = l
	return nil
}

func (g *generation) prepareWriter(conn *sqlite.Conn) error {
	for _, pragma := range []string{
		"PRAGMA journal_mode = wal",
		"PRAGMA synchronous = normal", // a lost tail is folded again: the checkpoint is lost with it
		"PRAGMA wal_autocheckpoint = 0",
		"PRAGMA secure_delete = on",
		"PRAGMA cache_size = -8192", // KiB
		"PRAGMA temp_store = memory",
	} {
		if err := exec(conn, pragma); err != nil {
			return describe(g.path, "open", err)
		}
	}
	err := sqlitex.Execute(conn, "SELECT erased FROM state", &sqlitex.ExecOptions{ResultFunc: func(stmt *sqlite.Stmt) error {
		if stmt.ColumnInt64(0) != 0 {
			g.erased.Store(true) // by a process that ended before it had cleared them
		}
		return nil
	}})
	if err != nil {
		return describe(g.path, "open", err)
	}
	g.conn = conn
	return nil
}

// writer returns the connection that writes. The caller holds wmu.
func (g *generation) writer() (*sqlite.Conn, error) {
	switch {
	case g.closed:
		return nil, g.gone()
	case g.load != nil || !g.seal:
		return nil, fmt.Errorf("read store %s: it is being loaded: %w", g.path, readmodels.ErrFenced)
	case g.conn != nil:
		return g.conn, nil
	}
	conn, err := g.store.openFile(g.path, generationID, "")
	if err != nil {
		return nil, err
	}
	if err := g.prepareWriter(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// gone is the error for who still uses a generation that was dropped, or a closed store.
func (g *generation) gone() error {
	select {
	case <-g.store.done:
		return readmodels.ErrClosed
	default:
		return fmt.Errorf("generation %d of %s: %w", g.number, g.projection, readmodels.ErrFenced)
	}
}

func (g *generation) loader() *loader {
	g.wmu.Lock()
	defer g.wmu.Unlock()
	return g.load
}

func (g *generation) sealed() bool {
	g.wmu.Lock()
	defer g.wmu.Unlock()
	return g.seal
}

func (g *generation) setSealed() {
	g.wmu.Lock()
	defer g.wmu.Unlock()
	g.seal, g.load = true, nil
}

// state returns checkpoint and epoch.
func (g *generation) state(ctx context.Context) (checkpoint event.Position, epoch int64, err error) {
	if l := g.loader(); l != nil {
		checkpoint, epoch = l.state()
		return checkpoint, epoch, nil
	}
	if !g.sealed() {
		return 0, 0, nil // somebody else loads it
	}
	err = g.pool.with(ctx, func(r *reader) error {
		stmt, err := r.conn.Prepare("SELECT checkpoint, epoch FROM state")
		if err != nil {
			return describe(g.path, "read the checkpoint", err)
		}
		defer stmt.Reset()
		row, err := stmt.Step()
		if err != nil || !row {
			return describe(g.path, "read the checkpoint", err)
		}
		checkpoint, epoch = event.Position(stmt.ColumnInt64(0)), stmt.ColumnInt64(1)
		return nil
	})
	return checkpoint, epoch, err
}

// fence raises the epoch.
func (g *generation) fence(ctx context.Context) (checkpoint event.Position, epoch int64, err error) {
	if l := g.loader(); l != nil {
		checkpoint, epoch = l.fence()
		return checkpoint, epoch, nil
	}
	err = g.write(ctx, "take over", func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, "UPDATE state SET epoch = epoch + 1 RETURNING checkpoint, epoch", &sqlitex.ExecOptions{
			ResultFunc: func(stmt *sqlite.Stmt) error {
				checkpoint, epoch = event.Position(stmt.ColumnInt64(0)), stmt.ColumnInt64(1)
				return nil
			}})
	})
	return checkpoint, epoch, err
}

// write runs f in a transaction, all or nothing.
func (g *generation) write(ctx context.Context, doing string, f func(*sqlite.Conn) error) (err error) {
	g.wmu.Lock()
	defer g.wmu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("read store %s: %s: %w", g.path, doing, err)
	}
	conn, err := g.writer()
	if err != nil {
		return err
	}
	if err := step(conn, "BEGIN IMMEDIATE"); err != nil {
		return describe(g.path, doing, err)
	}
	done := false
	defer func() {
		if !done {
			_ = step(conn, "ROLLBACK") // the first error counts; SQLite may have rolled back itself
		}
	}()
	if err := f(conn); err != nil {
		return describe(g.path, doing, err)
	}
	if err := step(conn, "COMMIT"); err != nil {
		return describe(g.path, doing, err)
	}
	done = true
	g.dirty.Store(true)
	return nil
}

// Commit implements readmodels.Store.
func (s *Store) Commit(ctx context.Context, b readmodels.Batch) error {
	g, err := s.find(ctx, b.Generation, "commit to")
	if err != nil {
		return err
	}
	if b.To < b.From {
		return fmt.Errorf("read store %s: commit from %d back to %d", g.path, b.From, b.To)
	}
	for i := range b.Changes {
		c := &b.Changes[i]
		t, ok := g.byName[c.Table]
		if !ok {
			return fmt.Errorf("read store %s: commit to %s: %w", g.path, c.Table, readmodels.ErrNoTable)
		}
		if !c.Delete && !c.Erase && len(c.Row.Values) != len(t.schema.Columns) {
			return fmt.Errorf("read store %s: commit to %s: a row of %d values for %d columns", g.path, c.Table, len(c.Row.Values), len(t.schema.Columns))
		}
	}
	if l := g.loader(); l != nil {
		return l.commit(ctx, &b)
	}
	var fresh map[owner]int64
	erased := false
	err = g.write(ctx, "commit", func(conn *sqlite.Conn) error {
		w := writing{g: g, conn: conn}
		if err := w.checkpoint(&b); err != nil {
			return err
		}
		for i := range b.Changes {
			if err := w.change(&b.Changes[i]); err != nil {
				return err
			}
			erased = erased || b.Changes[i].Erase
		}
		if err := w.chunks(); err != nil {
			return err
		}
		fresh = w.fresh
		if erased {
			if err := step(conn, "UPDATE state SET erased = 1"); err != nil {
				return err
			}
		}
		return w.park(&b)
	})
	if err != nil {
		return err
	}
	g.owners.add(fresh)
	if erased {
		g.erased.Store(true)
	}
	return nil
}

// writing is a transaction under way.
type writing struct {
	g     *generation
	conn  *sqlite.Conn
	fresh map[owner]int64 // owners that the transaction has added

	loading bool // all owners that the file has are known

	sifted map[chunkKey]*chunkChange // what has changed of sifted tables

	// Rows come contact by contact, and the account's own number goes with each.
	last, wide   owner
	lastN, wideN int64
}

// checkpoint moves it by compare-and-set.
func (w *writing) checkpoint(b *readmodels.Batch) error {
	stmt, err := w.conn.Prepare("UPDATE state SET checkpoint = ?1 WHERE checkpoint = +?2 AND epoch = +?3")
	if err != nil {
		return err
	}
	stmt.BindInt64(1, int64(b.To))
	stmt.BindInt64(2, int64(b.From))
	stmt.BindInt64(3, b.Generation.Epoch)
	if err := run(stmt); err != nil {
		return err
	}
	if w.conn.Changes() == 0 {
		return fenced(b.Generation, "commit to")
	}
	return nil
}

func (w *writing) change(c *readmodels.Change) error {
	t := w.g.byName[c.Table]
	key := &c.Row.Key
	if c.Delete || c.Erase {
		o, err := w.owner(owner{key.Account, key.Contact}, false)
		if err != nil || o == 0 {
			return err
		}
		query := t.deleteKey
		if c.Erase {
			query = t.erase
		}
		stmt, err := w.conn.Prepare(query)
		if err != nil {
			return err
		}
		stmt.BindInt64(1, o)
		if !c.Erase {
			stmt.BindText(2, key.ID)
			return w.row(stmt, t, o, true)
		}
		if t.schema.Sifted {
			s := &sifting{conn: w.conn, t: t, o: o}
			if err := s.drop(); err != nil {
				return err
			}
		}
		// Why an event could not be folded may quote it.
		if err := sqlitex.Execute(w.conn, "UPDATE parked SET reason = 'erased' WHERE account = ?1 AND contact = ?2 AND reason <> ''",
			&sqlitex.ExecOptions{Args: []any{string(key.Account), string(key.Contact)}}); err != nil {
			return err
		}
		return run(stmt)
	}
	stmt, err := w.conn.Prepare(t.upsert)
	if err != nil {
		return err
	}
	o, _, err := w.bind(stmt, t, &c.Row)
	if err != nil {
		return err
	}
	return w.row(stmt, t, o, false)
}

// row executes a statement that writes or deletes one row, and remembers which where the
// table is sifted.
func (w *writing) row(stmt *sqlite.Stmt, t *table, o int64, gone bool) error {
	some, err := stmt.Step()
	if err == nil && some {
		w.note(t, o, stmt.ColumnInt64(0), gone)
		_, err = stmt.Step() // to its end: only then it is done
	}
	if e := stmt.Reset(); err == nil {
		err = e
	}
	return err
}

// bind binds the row for insertion, and returns its owner and the number of the next parameter.
func (w *writing) bind(stmt *sqlite.Stmt, t *table, row *readmodels.Row) (o int64, n int, err error) {
	if o, err = w.owner(owner{row.Key.Account, row.Key.Contact}, true); err != nil {
		return 0, 0, err
	}
	stmt.BindInt64(1, o)
	stmt.BindText(2, row.Key.ID)
	n = 3
	if t.wide {
		a := o
		if row.Key.Contact != "" {
			if a, err = w.owner(owner{row.Key.Account, ""}, true); err != nil {
				return 0, 0, err
			}
		}
		stmt.BindInt64(3, a)
		stmt.BindText(4, string(row.Key.Contact))
		n = 5
	}
	return o, bindValues(stmt, n, row), nil
}

func bindValues(stmt *sqlite.Stmt, n int, row *readmodels.Row) int {
	for _, v := range row.Values {
		bindValue(stmt, n, v)
		n++
	}
	stmt.BindBytes(n, row.Data)
	return n + 1
}

func bindValue(stmt *sqlite.Stmt, n int, v readmodels.Value) {
	if v.Kind() == readmodels.Int {
		stmt.BindInt64(n, v.Int())
	} else {
		stmt.BindText(n, v.Text())
	}
}

// owner returns the number of an owner, 0 where there is none yet and add is not set.
func (w *writing) owner(o owner, add bool) (n int64, err error) {
	last, lastN := &w.last, &w.lastN
	if o.contact == "" {
		last, lastN = &w.wide, &w.wideN
	}
	if *lastN != 0 && *last == o {
		return *lastN, nil
	}
	defer func() {
		if err == nil && n != 0 {
			*last, *lastN = o, n
		}
	}()
	if n, ok := w.fresh[o]; ok {
		return n, nil
	}
	if n, err = w.g.owners.find(w.conn, o, w.loading); err != nil || n != 0 || !add {
		return n, err
	}
	stmt, err := w.conn.Prepare("INSERT INTO owners (account, contact) VALUES (?1, ?2)")
	if err != nil {
		return 0, err
	}
	stmt.BindText(1, string(o.account))
	stmt.BindText(2, string(o.contact))
	if err := run(stmt); err != nil {
		return 0, err
	}
	n = w.conn.LastInsertRowID()
	if w.fresh == nil {
		w.fresh = map[owner]int64{}
	}
	w.fresh[o] = n
	return n, nil
}

func (w *writing) park(b *readmodels.Batch) error {
	for _, p := range b.Unpark {
		err := sqlitex.Execute(w.conn, "DELETE FROM parked WHERE position = ?1", &sqlitex.ExecOptions{Args: []any{int64(p)}})
		if err != nil {
			return err
		}
	}
	for i := range b.Park {
		p := &b.Park[i]
		err := sqlitex.Execute(w.conn, "INSERT OR REPLACE INTO parked (position, account, contact, stream, revision, type, reason, at, skipped) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
			&sqlitex.ExecOptions{Args: []any{
				int64(p.Position), string(p.Account), string(p.Contact), p.Stream, int64(p.Revision), p.Type, p.Reason, p.At.UnixMilli(), p.Skipped,
			}})
		if err != nil {
			return err
		}
	}
	return nil
}

// Parked implements readmodels.Store.
func (s *Store) Parked(ctx context.Context, gen readmodels.Generation, contact id.Contact) ([]readmodels.Parked, error) {
	g, err := s.find(ctx, gen, "read the parked events of")
	if err != nil {
		return nil, err
	}
	var out []readmodels.Parked
	read := func(conn *sqlite.Conn) error {
		out = nil
		return sqlitex.Execute(conn, "SELECT position, account, contact, stream, revision, type, reason, at, skipped FROM parked WHERE ?1 IN ('', contact) ORDER BY position",
			&sqlitex.ExecOptions{Args: []any{string(contact)}, ResultFunc: func(stmt *sqlite.Stmt) error {
				out = append(out, readmodels.Parked{
					Position: event.Position(stmt.ColumnInt64(0)), Account: id.Account(stmt.ColumnText(1)), Contact: id.Contact(stmt.ColumnText(2)),
					Stream: stmt.ColumnText(3), Revision: event.Revision(stmt.ColumnInt64(4)), Type: stmt.ColumnText(5), Reason: stmt.ColumnText(6),
					At: time.UnixMilli(stmt.ColumnInt64(7)).UTC(), Skipped: stmt.ColumnInt64(8) != 0,
				})
				return nil
			}})
	}
	if l := g.loader(); l != nil {
		err = l.with(read)
	} else {
		err = g.pool.with(ctx, func(r *reader) error { return read(r.conn) })
	}
	if err != nil {
		return nil, describe(g.path, "read parked events", err)
	}
	return out, nil
}

// checkpointLog moves the write-ahead log into the file where it has grown. Where rows
// were erased it clears what else holds them: older generations, free space, the log.
// Readers go on.
func (g *generation) checkpointLog() error {
	erased := g.erased.Load()
	if !erased && !g.dirty.Swap(false) {
		return nil
	}
	info, err := os.Stat(g.path + "-wal")
	if err != nil {
		return nil // there is none: the generation has just been dropped
	}
	if !erased && info.Size() < walBytes {
		return nil
	}
	if !erased && info.Size() < walPause {
		return g.pool.with(context.Background(), func(r *reader) error {
			return describe(g.path, "move the log", exec(r.conn, "PRAGMA wal_checkpoint(PASSIVE)"))
		})
	}
	if erased {
		if err := g.store.dropOld(g.projection); errors.Is(err, readmodels.ErrClosed) {
			return nil // whoever opens the store next goes on here
		} else if err != nil {
			return err
		}
	}
	g.wmu.Lock()
	defer g.wmu.Unlock()
	if g.conn == nil || g.closed {
		return nil
	}
	if erased {
		if err := g.vacuum(); err != nil {
			return err
		}
	}
	busy := int64(1)
	err = sqlitex.ExecuteTransient(g.conn, "PRAGMA wal_checkpoint(TRUNCATE)", &sqlitex.ExecOptions{ResultFunc: func(stmt *sqlite.Stmt) error {
		busy = stmt.ColumnInt64(0)
		return nil
	}})
	if err != nil {
		return describe(g.path, "empty the log", err)
	}
	if erased && busy == 0 {
		if err := step(g.conn, "UPDATE state SET erased = 0"); err != nil {
			return describe(g.path, "empty the log", err)
		}
		g.erased.Store(false)
	}
	return nil
}

// vacuum writes the file anew. secure_delete overwrites what is deleted, but not the
// copies that balancing its trees has left between the cells of a page. It takes some
// seconds a gigabyte, for which commits to the generation wait; erasures are rare.
func (g *generation) vacuum() error {
	// A connection of its own, whose temporary file is not in memory.
	conn, err := g.store.openFile(g.path, generationID, "")
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, query := range []string{"PRAGMA wal_autocheckpoint = 0", "PRAGMA synchronous = normal", "VACUUM"} {
		if err := exec(conn, query); err != nil {
			return describe(g.path, "clear erased rows", err)
		}
	}
	return nil
}

// close ends the generation's connections; the file stays.
func (g *generation) close() error {
	g.pool.close()
	g.wmu.Lock()
	defer g.wmu.Unlock()
	g.closed = true
	var err error
	if g.load != nil {
		err = g.load.close()
	}
	if g.conn != nil {
		// The last connection to go moves the write-ahead log into the file.
		if e := g.conn.Close(); e != nil && err == nil {
			err = describe(g.path, "close", e)
		}
		g.conn = nil
	}
	return err
}

// owner is whose rows are: a contact's, or the account's own.
type owner struct {
	account id.Account
	contact id.Contact
}

// owners knows the numbers of owners, which never change.
type owners struct {
	mu  sync.RWMutex
	ids map[owner]int64
}

// find returns the number, 0 for an unknown owner. The file is asked unless all that it
// has are in memory.
func (o *owners) find(conn *sqlite.Conn, who owner, all bool) (int64, error) {
	o.mu.RLock()
	n, ok := o.ids[who]
	o.mu.RUnlock()
	if ok || all {
		return n, nil
	}
	stmt, err := conn.Prepare("SELECT id FROM owners WHERE account = +?1 AND contact = +?2")
	if err != nil {
		return 0, err
	}
	defer stmt.Reset()
	stmt.BindText(1, string(who.account))
	stmt.BindText(2, string(who.contact))
	row, err := stmt.Step()
	if err != nil || !row {
		return 0, err
	}
	n = stmt.ColumnInt64(0)
	o.add(map[owner]int64{who: n})
	return n, nil
}

func (o *owners) add(fresh map[owner]int64) {
	if len(fresh) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for who, n := range fresh {
		o.ids[who] = n
	}
}

// run executes a statement that returns nothing.
func run(stmt *sqlite.Stmt) error {
	_, err := stmt.Step()
	if e := stmt.Reset(); err == nil {
		err = e
	}
	return err
}

// step is exec with a statement that the connection keeps.
func step(conn *sqlite.Conn, query string) error {
	stmt, err := conn.Prepare(query)
	if err != nil {
		return err
	}
	return run(stmt)
}

// data copies a blob column.
func data(stmt *sqlite.Stmt, col int) []byte {
	b := make([]byte, stmt.ColumnLen(col))
	stmt.ColumnBytes(col, b)
	return b
}
