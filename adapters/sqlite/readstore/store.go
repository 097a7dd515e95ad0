// Package readstore keeps read models in SQLite files: the embedded default, that
// needs no server. It implements readmodels.Store.
//
// One small file is the registry of generations. Each generation is a file of its
// own, beside it: tables, checkpoint and parked events. So a rebuild writes at full
// speed, without a journal, and never holds up the live projections or another
// rebuild; a switch is one small transaction of the registry; and what is dropped is
// a file removed. Several processes may have the store open: the registry's write
// lock orders what they do to generations, and epochs fence their commits.
package readstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/domain/event"
	"lonja/readmodels"
)

const (
	busyTimeout = 10 * time.Second
	// housekeeping is how often the store looks for what other processes did, and at the
	// size of write-ahead logs.
	housekeeping = 250 * time.Millisecond
)

// Options of a store. The zero value is the right one for a server.
type Options struct {
	// Readers is the number of reads of one generation that run at once, others wait for
	// their turn. 0 means 8.
	Readers int
	// Many is from how many rows of an owner on the columns of sifted tables are kept apart:
	// it changes what queries cost, not what they find. 0 means 512.
	Many int
	// Logger hears of what no caller can be told. nil means none.
	Logger *slog.Logger
}

// Store is a read store in files. Safe for concurrent use.
type Store struct {
	path    string
	readers int
	many    int
	logger  *slog.Logger

	mu       sync.Mutex // guards all below; the registry's transactions run under it
	registry *sqlite.Conn
	version  int64 // data_version of the registry when routes were made
	gens     map[int64]*generation
	closed   bool

	routes  atomic.Pointer[map[string]route] // by name of the table
	done    chan struct{}
	workers sync.WaitGroup
}

// route leads from a table's name to where its rows are.
type route struct {
	gen   *generation
	table *table
}

var _ readmodels.Store = (*Store)(nil)

// Open opens the store whose registry is at path (readmodels.db, say), or creates it.
// The folder must exist. ctx bounds the opening only.
func Open(ctx context.Context, path string, opts Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read store %s: %w", path, err)
	}
	s := &Store{path: path, readers: opts.Readers, many: opts.Many, logger: opts.Logger, gens: map[int64]*generation{}, done: make(chan struct{})}
	if s.readers <= 0 {
		s.readers = 8
	}
	if s.many <= 0 {
		s.many = defaultMany
	}
	s.many = min(s.many, mostMany)
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	s.routes.Store(&map[string]route{})
	var err error
	if s.registry, err = s.openFile(path, registryID, registrySchema); err != nil {
		return nil, err
	}
	for _, pragma := range []string{"PRAGMA journal_mode = wal", "PRAGMA synchronous = full"} {
		if err := exec(s.registry, pragma); err != nil {
			s.registry.Close()
			return nil, describe(path, "open", err)
		}
	}
	if err := s.refresh(); err != nil {
		_ = s.closeAll()
		return nil, err
	}
	s.workers.Go(s.keepHouse)
	return s, nil
}

// Path returns the registry's path.
func (s *Store) Path() string { return s.path }

func (s *Store) generationPath(number int64) string {
	ext := filepath.Ext(s.path)
	return fmt.Sprintf("%s-%06d%s", strings.TrimSuffix(s.path, ext), number, ext)
}

// keepHouse turns readers to generations that another process has switched to, and
// moves write-ahead logs into their files.
func (s *Store) keepHouse() {
	tick := time.NewTicker(housekeeping)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-tick.C:
		}
		s.mu.Lock()
		v, err := pragmaInt(s.registry, "data_version")
		if err == nil && v != s.version {
			err = s.refresh()
		}
		open := make([]*generation, 0, len(s.gens))
		for _, g := range s.gens {
			open = append(open, g)
		}
		s.mu.Unlock()
		if err != nil {
			s.logger.Error("read store: looking for changed generations", "file", s.path, "error", err)
		}
		for _, g := range open {
			if err := g.checkpointLog(); err != nil {
				s.logger.Error("read store: moving the write-ahead log into the file", "file", g.path, "error", err)
			}
		}
	}
}

// record is a generation as the registry has it.
type record struct {
	readmodels.Generation
	filled event.Position
}

// records returns the registry's generations by number, of one projection where it is named.
func (s *Store) records(projection string) ([]record, error) {
	var out []record
	err := sqlitex.Execute(s.registry,
		"SELECT number, projection, version, state, sealed, filled, tables FROM generations WHERE ?1 IN ('', projection) ORDER BY number",
		&sqlitex.ExecOptions{Args: []any{projection}, ResultFunc: func(stmt *sqlite.Stmt) error {
			r := record{Generation: readmodels.Generation{
				Number: stmt.ColumnInt64(0), Projection: stmt.ColumnText(1), Version: stmt.ColumnInt(2),
				State: readmodels.GenerationState(stmt.ColumnText(3)), Sealed: stmt.ColumnInt64(4) != 0,
			}, filled: event.Position(stmt.ColumnInt64(5))}
			if err := json.Unmarshal([]byte(stmt.ColumnText(6)), &r.Tables); err != nil {
				return fmt.Errorf("tables of generation %d: %w", r.Number, err)
			}
			out = append(out, r)
			return nil
		}})
	return out, err
}

// refresh makes the routes as the registry says now, and lets go of generations that
// are gone. The caller holds mu.
func (s *Store) refresh() error {
	v, err := pragmaInt(s.registry, "data_version")
	if err != nil {
		return describe(s.path, "read the registry", err)
	}
	all, err := s.records("")
	if err != nil {
		return describe(s.path, "read the registry", err)
	}
	routes, present := map[string]route{}, map[int64]bool{}
	for i := range all {
		present[all[i].Number] = true
		if all[i].State != readmodels.Live {
			continue
		}
		g := s.generation(&all[i].Generation)
		for _, t := range g.tables {
			routes[t.schema.Name] = route{g, t}
		}
	}
	s.routes.Store(&routes)
	s.version = v
	for n, g := range s.gens {
		if !present[n] {
			delete(s.gens, n)
			_ = g.close() // its tables are gone
		}
	}
	return nil
}

// generation returns the open generation, which opens its connections when they are
// needed. The caller holds mu.
func (s *Store) generation(r *readmodels.Generation) *generation {
	g, ok := s.gens[r.Number]
	if !ok {
		g = newGeneration(s, r)
		s.gens[r.Number] = g
	}
	return g
}

// change runs f in a transaction of the registry, which no other process has one
// beside, and makes the routes anew.
func (s *Store) change(ctx context.Context, doing string, f func() error) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, doing); err != nil {
		return err
	}
	if err := exec(s.registry, "BEGIN IMMEDIATE"); err != nil {
		return describe(s.path, doing, err)
	}
	if err := f(); err != nil {
		_ = exec(s.registry, "ROLLBACK") // the first error counts
		return fmt.Errorf("read store: %s: %w", doing, err)
	}
	if err := exec(s.registry, "COMMIT"); err != nil {
		_ = exec(s.registry, "ROLLBACK")
		return describe(s.path, doing, err)
	}
	return s.refresh()
}

// Open implements readmodels.Store.
func (s *Store) Open(ctx context.Context, projection string, version int, tables []readmodels.Schema) (g readmodels.Generation, err error) {
	var gone []int64
	err = s.change(ctx, "open projection "+projection, func() error {
		all, err := s.records(projection)
		if err != nil {
			return err
		}
		state := readmodels.Live
		var found, empty *readmodels.Generation
		for i := range all {
			r := &all[i].Generation
			same := r.Version == version && readmodels.SameTables(r.Tables, tables)
			if r.State == readmodels.Live {
				state = readmodels.Building
				if same {
					found = r
				}
			}
		}
		for i := range all {
			r := &all[i].Generation
			if found == nil && r.Sealed && r.Version == version && readmodels.SameTables(r.Tables, tables) {
				found = r // the newest is last, but a building one ends where one is live
			}
			switch {
			case r.Sealed:
			case s.abandoned(r):
				gone = append(gone, r.Number)
			case r.Version == version && readmodels.SameTables(r.Tables, tables) && s.untouched(r):
				empty = r
			}
		}
		for _, n := range gone {
			if err := s.remove(n); err != nil {
				return err
			}
		}
		if found == nil {
			found = empty
		}
		if found != nil {
			g = *found
			g.Checkpoint, g.Epoch, err = s.generation(found).state(ctx)
			return err
		}
		g, err = s.begin(projection, version, tables, state)
		return err
	})
	if err == nil {
		s.removeFiles(gone)
	}
	return g, err
}

// abandoned reports whether nobody loads the generation any more, since its process
// ended. Whoever loads one holds its file's lock.
func (s *Store) abandoned(r *readmodels.Generation) bool {
	if g, ok := s.gens[r.Number]; ok && g.loader() != nil {
		return false
	}
	conn, err := sqlite.OpenConn(s.generationPath(r.Number), sqlite.OpenReadWrite)
	if err != nil {
		return true // there is no file
	}
	defer conn.Close()
	conn.SetBusyTimeout(0)
	err = exec(conn, "BEGIN EXCLUSIVE")
	return sqlite.ErrCode(err).ToPrimary() != sqlite.ResultBusy
}

// untouched reports whether the generation is this store's to load, and empty.
func (s *Store) untouched(r *readmodels.Generation) bool {
	g, ok := s.gens[r.Number]
	if !ok {
		return false
	}
	l := g.loader()
	if l == nil {
		return false
	}
	checkpoint, _ := l.state()
	return checkpoint == 0
}

// Begin implements readmodels.Store.
func (s *Store) Begin(ctx context.Context, projection string, version int, tables []readmodels.Schema) (g readmodels.Generation, err error) {
	err = s.change(ctx, "begin a generation of "+projection, func() error {
		g, err = s.begin(projection, version, tables, readmodels.Building)
		return err
	})
	return g, err
}

// begin makes a generation and its file, within a transaction of the registry.
func (s *Store) begin(projection string, version int, tables []readmodels.Schema, state readmodels.GenerationState) (readmodels.Generation, error) {
	g := readmodels.Generation{
		Projection: projection, Version: version, State: state, Sealed: state == readmodels.Live, Tables: append([]readmodels.Schema{}, tables...),
	}
	all, err := s.records("")
	if err != nil {
		return g, err
	}
	for i := range tables {
		if err := tables[i].Check(); err != nil {
			return g, err
		}
		for j := range all {
			for k := range all[j].Tables {
				if all[j].Tables[k].Name == tables[i].Name && all[j].Projection != projection {
					return g, fmt.Errorf("table %s is of projection %s", tables[i].Name, all[j].Projection)
				}
			}
		}
	}
	described, err := json.Marshal(tables)
	if err != nil {
		return g, fmt.Errorf("tables: %w", err)
	}
	err = sqlitex.Execute(s.registry, "INSERT INTO generations (projection, version, state, sealed, filled, tables) VALUES (?1, ?2, ?3, ?4, 0, ?5)",
		&sqlitex.ExecOptions{Args: []any{projection, version, string(state), g.Sealed, string(described)}})
	if err != nil {
		return g, err
	}
	g.Number = s.registry.LastInsertRowID()
	s.removeFiles([]int64{g.Number}) // of a process that ended before it had told the registry
	gen := newGeneration(s, &g)
	if err := gen.createFile(); err != nil {
		return g, err
	}
	s.gens[g.Number] = gen
	return g, nil
}

func (s *Store) remove(number int64) error {
	return sqlitex.Execute(s.registry, "DELETE FROM generations WHERE number = ?1", &sqlitex.ExecOptions{Args: []any{number}})
}

// removeFiles removes the files of generations that the registry does not have.
func (s *Store) removeFiles(numbers []int64) {
	for _, n := range numbers {
		for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
			if err := os.Remove(s.generationPath(n) + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
				s.logger.Warn("read store: removing a dropped generation", "file", s.generationPath(n)+suffix, "error", err)
			}
		}
	}
}

// Seal implements readmodels.Store.
func (s *Store) Seal(ctx context.Context, g readmodels.Generation) error {
	gen, err := s.find(ctx, g, "seal")
	if err != nil {
		return err
	}
	l := gen.loader()
	if l == nil {
		if gen.sealed() {
			return nil
		}
		return fenced(g, "seal")
	}
	if err := l.finish(ctx); err != nil {
		return err
	}
	return s.change(ctx, fmt.Sprintf("seal generation %d of %s", g.Number, g.Projection), func() error {
		if err := sqlitex.Execute(s.registry, "UPDATE generations SET sealed = 1 WHERE number = ?1", &sqlitex.ExecOptions{Args: []any{g.Number}}); err != nil {
			return err
		}
		if s.registry.Changes() == 0 {
			return fenced(g, "seal")
		}
		gen.setSealed()
		return nil
	})
}

// Switch implements readmodels.Store.
func (s *Store) Switch(ctx context.Context, g readmodels.Generation) error {
	var gone []int64
	err := s.change(ctx, fmt.Sprintf("switch %s to generation %d", g.Projection, g.Number), func() error {
		all, err := s.records(g.Projection)
		if err != nil {
			return err
		}
		var to, live *readmodels.Generation
		for i := range all {
			r := &all[i].Generation
			switch {
			case r.Number == g.Number:
				to = r
			case r.State == readmodels.Live:
				live = r
			default:
				gone = append(gone, r.Number)
			}
		}
		if to == nil {
			return fenced(g, "switch to")
		}
		if !to.Sealed {
			return errors.New("it is not sealed")
		}
		checkpoint, epoch, err := s.generation(to).state(ctx)
		if err != nil {
			return err
		}
		if checkpoint != g.Checkpoint || epoch != g.Epoch {
			return fenced(g, "switch to")
		}
		if to.State == readmodels.Live {
			gone = nil
			return nil
		}
		if live != nil {
			// First without disturbing whoever commits to it, then with its commits fenced off.
			from := s.generation(live)
			at, _, err := from.state(ctx)
			if err == nil && at <= checkpoint {
				at, _, err = from.fence(ctx)
			}
			if err != nil {
				return err
			}
			if at > checkpoint {
				return readmodels.ErrBehind
			}
		}
		for _, n := range gone {
			if err := s.remove(n); err != nil {
				return err
			}
		}
		return sqlitex.Execute(s.registry, "UPDATE generations SET state = iif(number = ?1, 'live', 'old') WHERE projection = ?2",
			&sqlitex.ExecOptions{Args: []any{g.Number, g.Projection}})
	})
	if err == nil {
		s.removeFiles(gone)
	}
	return err
}

// Drop implements readmodels.Store.
func (s *Store) Drop(ctx context.Context, g readmodels.Generation) error {
	err := s.change(ctx, fmt.Sprintf("drop generation %d of %s", g.Number, g.Projection), func() error {
		err := sqlitex.Execute(s.registry, "DELETE FROM generations WHERE number = ?1 AND state <> 'live'", &sqlitex.ExecOptions{Args: []any{g.Number}})
		if err == nil && s.registry.Changes() == 0 {
			err = errors.New("it is live, or gone")
		}
		return err
	})
	if err == nil {
		s.removeFiles([]int64{g.Number})
	}
	return err
}

// dropOld drops the generations of a projection that are kept for a rollback: nothing
// follows the log into them, an erasure neither.
func (s *Store) dropOld(projection string) error {
	var gone []int64
	err := s.change(context.Background(), "drop what an erasure does not reach of "+projection, func() error {
		all, err := s.records(projection)
		for i := range all {
			if err == nil && all[i].State == readmodels.Old {
				gone = append(gone, all[i].Number)
				err = s.remove(all[i].Number)
			}
		}
		return err
	})
	if err == nil {
		s.removeFiles(gone)
	}
	return err
}

// Generations implements readmodels.Store.
func (s *Store) Generations(ctx context.Context) ([]readmodels.Generation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "list generations"); err != nil {
		return nil, err
	}
	all, err := s.records("")
	if err != nil {
		return nil, describe(s.path, "list generations", err)
	}
	out := make([]readmodels.Generation, len(all))
	for i := range all {
		out[i] = all[i].Generation
		if !out[i].Sealed {
			out[i].Checkpoint = all[i].filled
			continue
		}
		if out[i].Checkpoint, out[i].Epoch, err = s.generation(&all[i].Generation).state(ctx); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Fence implements readmodels.Store.
func (s *Store) Fence(ctx context.Context, g readmodels.Generation) (readmodels.Generation, error) {
	err := s.change(ctx, fmt.Sprintf("take over generation %d of %s", g.Number, g.Projection), func() error {
		all, err := s.records(g.Projection)
		if err != nil {
			return err
		}
		for i := range all {
			r := &all[i].Generation
			if r.Number != g.Number || r.State != g.State {
				continue
			}
			g = *r
			g.Checkpoint, g.Epoch, err = s.generation(r).fence(ctx)
			return err
		}
		return fenced(g, "take over")
	})
	return g, err
}

// find returns the generation as this process knows it, for what needs no turn in the registry.
func (s *Store) find(ctx context.Context, g readmodels.Generation, doing string) (*generation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, doing); err != nil {
		return nil, err
	}
	if gen, ok := s.gens[g.Number]; ok {
		return gen, nil
	}
	all, err := s.records(g.Projection)
	if err != nil {
		return nil, describe(s.path, doing, err)
	}
	for i := range all {
		if all[i].Number == g.Number {
			return s.generation(&all[i].Generation), nil
		}
	}
	return nil, fenced(g, doing)
}

func fenced(g readmodels.Generation, doing string) error {
	return fmt.Errorf("%s generation %d of %s: %w", doing, g.Number, g.Projection, readmodels.ErrFenced)
}

func (s *Store) usable(ctx context.Context, doing string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("read store %s: %s: %w", s.path, doing, err)
	}
	if s.closed {
		return readmodels.ErrClosed
	}
	return nil
}

// Close ends the store. Calls under way finish; later ones get ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.done)
	s.mu.Unlock()
	s.workers.Wait()
	return s.closeAll()
}

func (s *Store) closeAll() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, g := range s.gens {
		errs = append(errs, g.close())
	}
	return errors.Join(append(errs, s.registry.Close())...)
}
