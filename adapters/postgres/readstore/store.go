// Package readstore keeps read models in PostgreSQL, for any number of nodes. It implements
// readmodels.Store.
//
// Each generation of a projection is a set of tables of its own; the registry of
// generations is a table beside them, and another has the checkpoints and epochs of their
// partitions, which nodes share. A commit is one
// pipelined transaction that moves the checkpoint by compare-and-set and writes the rows by
// one statement a table. A rebuild fills tables without index by COPY, beside the live
// ones, and switches in a transaction of the registry, of which nodes are told by NOTIFY.
//
// Whoever reads for people binds account and contact in the transaction: row-level security
// hides all other rows, whatever the query says.
//
// The texts of rows may hold any byte, NUL too, and compare bytewise. Ids of accounts and
// contacts may not hold NUL or what is no UTF-8: there are no such owners, and no rows can
// be written for them. Nor may names of streams and types of parked events.
package readstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"lonja/adapters/postgres/database"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

const (
	// registryLock orders what nodes do to generations: "Lonr".
	registryLock = 0x4c6f6e72
	// loadLock, with a generation's number, is held by the session that loads it: "Lonl".
	loadLock = 0x4c6f6e6c
	// news is the channel on which nodes tell each other of changed generations.
	news = "lonja_generations"
	// housekeeping is how often the store looks for what it was not told.
	housekeeping = 15 * time.Second
	// dropPatience is how long the end of readers of a dropped table is waited for, before
	// others wait behind.
	dropPatience = "500ms"
)

// Options of a store. The zero value is the right one for a server.
type Options struct {
	// Logger hears of what no caller can be told. nil means none.
	Logger *slog.Logger
	// Partitions is how many partitions a new database's generations get, which as many
	// nodes can share. 0 means 16, or what the database has. It can't be changed later.
	Partitions int
}

// Store is a read store in PostgreSQL. Safe for concurrent use.
type Store struct {
	db     *database.DB
	logger *slog.Logger
	// Who reads remembers what it found, who writes what is durable.
	readers, writers owners
	learning         chan struct{}                    // has one caller at a time learn of owners
	parts            int                              // of every generation
	routes           atomic.Pointer[map[string]route] // by name of the table
	closed           atomic.Bool
	helpers          chan struct{} // has one for each connection that helps loaders to index

	mu   sync.Mutex
	gens map[int64]*generation

	movedMu sync.Mutex
	moved   chan struct{} // closed by the next commit
	tell    chan struct{} // has other nodes told of commits

	ctx     context.Context // of the workers
	stop    context.CancelFunc
	sweeps  chan struct{}
	wanted  chan *wanted
	workers sync.WaitGroup
}

// route leads from a table's name to where its rows are.
type route struct {
	gen   *generation
	table *table
}

// generation is what a node knows of one: its tables, which never change, and its loader
// where this node loads it.
type generation struct {
	number     int64
	projection string
	tables     []*table
	byName     map[string]*table

	mu   sync.Mutex
	load *loader
}

func newGeneration(r *readmodels.Generation) (*generation, error) {
	g := &generation{number: r.Number, projection: r.Projection, byName: map[string]*table{}}
	for i := range r.Tables {
		t, err := newTable(r.Number, &r.Tables[i])
		if err != nil {
			return nil, err
		}
		g.tables = append(g.tables, t)
		g.byName[t.schema.Name] = t
	}
	return g, nil
}

func (g *generation) loader() *loader {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.load
}

func (g *generation) setLoader(l *loader) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.load = l
}

var _ readmodels.Store = (*Store)(nil)

// Open opens the read models of a database. ctx bounds the opening only. The database must
// stay open until the store is closed.
func Open(ctx context.Context, db *database.DB, o Options) (*Store, error) {
	s := &Store{
		db: db, logger: o.Logger, gens: map[int64]*generation{}, sweeps: make(chan struct{}, 1), wanted: make(chan *wanted, together),
		moved: make(chan struct{}), tell: make(chan struct{}, 1), learning: make(chan struct{}, 1), helpers: make(chan struct{}, helpers),
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	s.routes.Store(&map[string]route{})
	if err := s.settle(ctx, o.Partitions); err != nil {
		return nil, s.describe("settle the number of partitions", err)
	}
	if err := s.refresh(ctx); err != nil {
		return nil, err
	}
	s.ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	listening := make(chan struct{})
	s.workers.Go(func() { s.listen(listening) })
	s.workers.Go(s.sweepUp)
	s.workers.Go(s.tellOthers)
	for range getters {
		s.workers.Go(s.getAll)
	}
	select {
	case <-listening: // nothing that other nodes do from now on is missed
	case <-ctx.Done():
		return nil, errors.Join(s.describe("open", ctx.Err()), s.Close())
	}
	s.sweepSoon()
	return s, nil
}

// defaultPartitions is how many partitions there are, where nobody says.
const defaultPartitions = 16

// settle finds how many partitions there are, which the first node says.
func (s *Store) settle(ctx context.Context, want int) error {
	first := want
	if first == 0 {
		first = defaultPartitions
	}
	if _, err := s.db.Own.Exec(ctx, "INSERT INTO lonja.partitioning (parts) VALUES ($1) ON CONFLICT DO NOTHING", first); err != nil {
		return err
	}
	if err := s.db.Own.QueryRow(ctx, "SELECT parts FROM lonja.partitioning").Scan(&s.parts); err != nil {
		return err
	}
	if want != 0 && want != s.parts {
		return fmt.Errorf("this node is to have %d, but the database was made with %d: say %d, or nothing, on every node", want, s.parts, s.parts)
	}
	return nil
}

func (s *Store) describe(doing string, err error) error {
	if err == nil {
		return nil
	}
	if s.closed.Load() {
		return readmodels.ErrClosed
	}
	return s.db.Describe("read models: "+doing, err)
}

// usable is nil unless the store or the context has ended.
func (s *Store) usable(ctx context.Context, doing string) error {
	if s.closed.Load() {
		return readmodels.ErrClosed
	}
	return s.describe(doing, ctx.Err())
}

const selectGenerations = `SELECT number, projection, version, state, sealed, tables, (SELECT array_agg(p.part ORDER BY p.part) FROM lonja.partitions p WHERE p.generation = number),
	(SELECT array_agg(p.checkpoint ORDER BY p.part) FROM lonja.partitions p WHERE p.generation = number),
	(SELECT array_agg(p.epoch ORDER BY p.part) FROM lonja.partitions p WHERE p.generation = number) FROM lonja.generations WHERE state <> 'gone' `

// querier is a connection, a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func generations(ctx context.Context, q querier, where string, args ...any) ([]readmodels.Generation, error) {
	rows, err := q.Query(ctx, selectGenerations+where, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (g readmodels.Generation, err error) {
		var state string
		var tables []byte
		var parts []int
		var checkpoints, epochs []int64
		if err := row.Scan(&g.Number, &g.Projection, &g.Version, &state, &g.Sealed, &tables, &parts, &checkpoints, &epochs); err != nil {
			return g, err
		}
		g.State, g.Of = readmodels.GenerationState(state), len(parts)
		for i, p := range parts {
			g.Parts = append(g.Parts, readmodels.Part{Part: p, Checkpoint: event.Position(checkpoints[i]), Epoch: epochs[i]})
		}
		g = g.Only(func(int) bool { return true })
		if err := json.Unmarshal(tables, &g.Tables); err != nil {
			return g, fmt.Errorf("tables of generation %d: %w", g.Number, err)
		}
		return g, nil
	})
}

// refresh makes the routes as the registry says now, and lets go of generations that are gone.
func (s *Store) refresh(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []readmodels.Generation
	if err := s.db.Again(ctx, s.db.Own, func() (err error) {
		all, err = generations(ctx, s.db.Own, "")
		return err
	}); err != nil {
		return s.describe("read the registry", err)
	}
	routes, present := map[string]route{}, map[int64]bool{}
	for i := range all {
		present[all[i].Number] = true
		if all[i].State != readmodels.Live {
			continue
		}
		g, err := s.generation(&all[i])
		if err != nil {
			return s.describe("read the registry", err)
		}
		for _, t := range g.tables {
			routes[t.schema.Name] = route{g, t}
		}
	}
	s.routes.Store(&routes)
	for n, g := range s.gens {
		if !present[n] {
			delete(s.gens, n)
			g.loader().close()
		}
	}
	return nil
}

// generation returns what this node knows of one. The caller holds mu.
func (s *Store) generation(r *readmodels.Generation) (*generation, error) {
	g, ok := s.gens[r.Number]
	if ok {
		return g, nil
	}
	g, err := newGeneration(r)
	if err == nil {
		s.gens[r.Number] = g
	}
	return g, err
}

// find returns the generation as this node knows it, ErrFenced where it is gone.
func (s *Store) find(ctx context.Context, g readmodels.Generation, doing string) (*generation, error) {
	if err := s.usable(ctx, doing); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if gen, ok := s.gens[g.Number]; ok {
		return gen, nil
	}
	all, err := generations(ctx, s.db.Own, "AND number = $1", g.Number)
	if err != nil {
		return nil, s.describe(doing, err)
	}
	if len(all) == 0 {
		return nil, fenced(g, doing)
	}
	return s.generation(&all[0])
}

func fenced(g readmodels.Generation, doing string) error {
	return fmt.Errorf("%s generation %d of %s: %w", doing, g.Number, g.Projection, readmodels.ErrFenced)
}

// change runs f in a transaction of the registry, which no other node has one beside, tells
// the nodes, and makes the routes anew.
func (s *Store) change(ctx context.Context, doing string, f func(pgx.Tx) error) error {
	if err := s.usable(ctx, doing); err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, s.db.Own, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", registryLock); err != nil {
			return err
		}
		if err := f(tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "SELECT pg_notify($1, '')", news)
		return err
	})
	if err != nil {
		return s.describe(doing, err)
	}
	s.sweepSoon()
	return s.refresh(ctx)
}

// Open implements readmodels.Store.
func (s *Store) Open(ctx context.Context, projection string, version int, tables []readmodels.Schema) (g readmodels.Generation, err error) {
	var begun *generation
	err = s.change(ctx, "open projection "+projection, func(tx pgx.Tx) error {
		begun = nil
		all, err := generations(ctx, tx, "AND projection = $1 ORDER BY number", projection)
		if err != nil {
			return err
		}
		state := readmodels.Live
		var found, empty *readmodels.Generation
		for i := range all {
			r := &all[i]
			if r.State == readmodels.Live {
				state = readmodels.Building
				if r.Version == version && readmodels.SameTables(r.Tables, tables) {
					found = r
				}
			}
		}
		for i := range all {
			r := &all[i]
			if found == nil && r.Sealed && r.Version == version && readmodels.SameTables(r.Tables, tables) {
				found = r // the newest is last, but a building one ends where one is live
			}
			if r.Sealed {
				continue
			}
			lost, err := abandoned(ctx, tx, r.Number)
			switch {
			case err != nil:
				return err
			case lost:
				if _, err := tx.Exec(ctx, "UPDATE lonja.generations SET state = 'gone' WHERE number = $1", r.Number); err != nil {
					return err
				}
			case r.Version == version && readmodels.SameTables(r.Tables, tables) && s.untouched(r):
				empty = r
			}
		}
		if found == nil {
			found = empty
		}
		if found != nil {
			g = *found
			return nil
		}
		g, begun, err = s.begin(ctx, tx, projection, version, tables, state)
		return err
	})
	return g, s.begun(begun, err)
}

// abandoned reports whether nobody loads the generation any more, since the connection
// that did has ended.
func abandoned(ctx context.Context, tx pgx.Tx, number int64) (lost bool, err error) {
	err = tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock($1, $2)", loadLock, int32(number)).Scan(&lost)
	return lost, err
}

// untouched reports whether the generation is this store's to load, and empty.
func (s *Store) untouched(r *readmodels.Generation) bool {
	s.mu.Lock()
	g, ok := s.gens[r.Number]
	s.mu.Unlock()
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
	var begun *generation
	err = s.change(ctx, "begin a generation of "+projection, func(tx pgx.Tx) error {
		g, begun, err = s.begin(ctx, tx, projection, version, tables, readmodels.Building)
		return err
	})
	return g, s.begun(begun, err)
}

// begun takes note of a generation once others see it too, or else refresh would take it for
// one that is gone. It lets go of the connection that was to load one whose beginning failed.
func (s *Store) begun(g *generation, err error) error {
	if g == nil {
		return err
	}
	if err != nil {
		g.loader().close()
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gens[g.number] = g
	return nil
}

// begin makes a generation and its tables, within a transaction of the registry.
func (s *Store) begin(ctx context.Context, tx pgx.Tx, projection string, version int, tables []readmodels.Schema, state readmodels.GenerationState) (g readmodels.Generation, gen *generation, err error) {
	g = readmodels.Generation{
		Projection: projection, Version: version, State: state, Sealed: state == readmodels.Live, Tables: append([]readmodels.Schema{}, tables...), Of: s.parts,
	}
	all, err := generations(ctx, tx, "AND projection <> $1", projection)
	if err != nil {
		return g, nil, err
	}
	for i := range tables {
		if err := tables[i].Check(); err != nil {
			return g, nil, err
		}
		for j := range all {
			for k := range all[j].Tables {
				if all[j].Tables[k].Name == tables[i].Name {
					return g, nil, fmt.Errorf("table %s is of projection %s", tables[i].Name, all[j].Projection)
				}
			}
		}
	}
	described, err := json.Marshal(tables)
	if err != nil {
		return g, nil, fmt.Errorf("tables: %w", err)
	}
	if err := tx.QueryRow(ctx, "INSERT INTO lonja.generations (projection, version, state, sealed, tables) VALUES ($1, $2, $3, $4, $5) RETURNING number",
		projection, version, string(state), g.Sealed, described).Scan(&g.Number); err != nil {
		return g, nil, err
	}
	if _, err := tx.Exec(ctx, "INSERT INTO lonja.partitions SELECT $1, p, 0, 0 FROM generate_series(0, $2 - 1) p", g.Number, s.parts); err != nil {
		return g, nil, err
	}
	for p := range s.parts {
		g.Parts = append(g.Parts, readmodels.Part{Part: p})
	}
	if gen, err = newGeneration(&g); err != nil {
		return g, nil, err
	}
	for _, t := range gen.tables {
		sql := t.create
		if g.Sealed {
			sql += "; " + strings.Join(t.indexes, "; ") + "; " + t.protect
		}
		if _, err := tx.Exec(ctx, sql); err != nil {
			return g, nil, err
		}
	}
	if !g.Sealed {
		// Locked before others see it.
		if gen.load, err = newLoader(ctx, s, gen); err != nil {
			return g, nil, err
		}
	}
	return g, gen, nil
}

// Seal implements readmodels.Store.
func (s *Store) Seal(ctx context.Context, g readmodels.Generation) error {
	doing := fmt.Sprintf("seal generation %d of %s", g.Number, g.Projection)
	gen, err := s.find(ctx, g, "seal")
	if err != nil {
		return err
	}
	if l := gen.loader(); l != nil {
		return l.finish(ctx)
	}
	all, err := generations(ctx, s.db.Own, "AND number = $1 AND sealed", g.Number)
	if err == nil && len(all) == 0 {
		return fenced(g, "seal")
	}
	return s.describe(doing, err)
}

// Switch implements readmodels.Store.
func (s *Store) Switch(ctx context.Context, g readmodels.Generation) error {
	return s.change(ctx, fmt.Sprintf("switch %s to generation %d", g.Projection, g.Number), func(tx pgx.Tx) error {
		// Commits to them wait for the end of this, and are then fenced off.
		if _, err := tx.Exec(ctx, `SELECT FROM lonja.partitions p WHERE p.generation IN (SELECT g.number FROM lonja.generations g WHERE g.projection = $1 AND g.state <> 'gone')
			ORDER BY p.generation, p.part FOR UPDATE OF p`, g.Projection); err != nil {
			return err
		}
		all, err := generations(ctx, tx, "AND projection = $1 ORDER BY number FOR UPDATE", g.Projection)
		if err != nil {
			return err
		}
		var to, live *readmodels.Generation
		for i := range all {
			switch {
			case all[i].Number == g.Number:
				to = &all[i]
			case all[i].State == readmodels.Live:
				live = &all[i]
			}
		}
		switch {
		case to == nil:
			return fenced(g, "switch to")
		case !to.Sealed:
			return errors.New("it is not sealed")
		case !slices.Equal(to.Parts, g.Moved(g.Checkpoint).Parts):
			return fenced(g, "switch to")
		case to.State == readmodels.Live:
			return nil
		case live != nil && slices.ContainsFunc(live.Parts, func(p readmodels.Part) bool { return p.Checkpoint > to.Checkpoint }):
			return readmodels.ErrBehind
		}
		if live != nil {
			if _, err := tx.Exec(ctx, "UPDATE lonja.partitions SET epoch = epoch + 1 WHERE generation = $1", live.Number); err != nil {
				return err
			}
		}
		for _, sql := range []string{
			"UPDATE lonja.generations SET state = 'gone' WHERE projection = $1 AND state IN ('building', 'old') AND number <> $2",
			"UPDATE lonja.generations SET state = 'old' WHERE projection = $1 AND state = 'live' AND number <> $2",
			"UPDATE lonja.generations SET state = 'live' WHERE projection = $1 AND number = $2",
		} {
			if _, err := tx.Exec(ctx, sql, g.Projection, g.Number); err != nil {
				return err
			}
		}
		return nil
	})
}

// Drop implements readmodels.Store.
func (s *Store) Drop(ctx context.Context, g readmodels.Generation) error {
	return s.change(ctx, fmt.Sprintf("drop generation %d of %s", g.Number, g.Projection), func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "UPDATE lonja.generations SET state = 'gone' WHERE number = $1 AND state IN ('building', 'old')", g.Number)
		if err == nil && tag.RowsAffected() == 0 {
			err = errors.New("it is live, or gone")
		}
		return err
	})
}

// Generations implements readmodels.Store.
func (s *Store) Generations(ctx context.Context) ([]readmodels.Generation, error) {
	if err := s.usable(ctx, "list generations"); err != nil {
		return nil, err
	}
	var all []readmodels.Generation
	err := s.db.Again(ctx, s.db.Own, func() (err error) {
		all, err = generations(ctx, s.db.Own, "ORDER BY number")
		return err
	})
	return all, s.describe("list generations", err)
}

// Fence implements readmodels.Store.
func (s *Store) Fence(ctx context.Context, g readmodels.Generation) (readmodels.Generation, error) {
	gen, err := s.find(ctx, g, "take over")
	if err != nil {
		return g, err
	}
	if l := gen.loader(); l != nil && g.State == readmodels.Building {
		checkpoint, epoch := l.fence()
		g = g.Moved(checkpoint)
		g.Epoch = epoch
		for i := range g.Parts {
			g.Parts[i].Epoch = epoch
		}
		return g, nil
	}
	// Locked in the order in which commits do it.
	rows, err := s.db.Own.Query(ctx, `WITH mine AS (
			SELECT p.part FROM lonja.partitions p WHERE p.generation = $1 AND p.part = ANY($3) ORDER BY p.part FOR UPDATE
		)
		UPDATE lonja.partitions p SET epoch = epoch + 1 FROM mine WHERE p.generation = $1 AND p.part = mine.part
			AND EXISTS (SELECT FROM lonja.generations g WHERE g.number = $1 AND g.state = $2 AND g.sealed)
		RETURNING p.part, p.checkpoint, p.epoch`, g.Number, string(g.State), parts(&g))
	if err != nil {
		return g, s.describe("take over", err)
	}
	taken, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p readmodels.Part, err error) {
		var checkpoint int64
		err = row.Scan(&p.Part, &checkpoint, &p.Epoch)
		p.Checkpoint = event.Position(checkpoint)
		return p, err
	})
	if err == nil && (len(taken) == 0 || len(taken) != len(g.Parts)) {
		return g, fenced(g, "take over")
	}
	g.Parts = nil
	return g.Join(readmodels.Generation{Parts: taken}), s.describe("take over", err)
}

// parts returns the partitions that a view of a generation shows.
func parts(g *readmodels.Generation) []int32 {
	out := make([]int32, len(g.Parts))
	for i := range g.Parts {
		out[i] = int32(g.Parts[i].Part)
	}
	return out
}

// Parked implements readmodels.Store.
func (s *Store) Parked(ctx context.Context, g readmodels.Generation, contact id.Contact) ([]readmodels.Parked, error) {
	if err := s.usable(ctx, "read parked events"); err != nil {
		return nil, err
	}
	var out []readmodels.Parked
	err := s.db.Again(ctx, s.db.Writes, func() error {
		rows, err := s.db.Writes.Query(ctx, `SELECT position, account, contact, stream, revision, type, reason, at, skipped FROM lonja.parked
			WHERE generation = $1 AND $2 IN ('', contact) ORDER BY position`, g.Number, string(contact))
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (p readmodels.Parked, err error) {
			var position, at int64
			err = row.Scan(&position, &p.Account, &p.Contact, &p.Stream, &p.Revision, &p.Type, &p.Reason, &at, &p.Skipped)
			p.Position, p.At = event.Position(position), time.UnixMilli(at).UTC()
			return p, err
		})
		return err
	})
	if len(out) == 0 {
		out = nil
	}
	return out, s.describe("read parked events", err)
}

// Close ends the store, not its database. Calls under way finish; later ones get ErrClosed.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.stop()
	s.workers.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.gens {
		g.loader().close()
	}
	return nil
}
