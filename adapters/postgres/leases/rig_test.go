package leases_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/oklog/ulid/v2"
	"go.uber.org/goleak"

	"lonja/adapters/memory"
	"lonja/adapters/messaging"
	"lonja/adapters/postgres/database"
	"lonja/adapters/postgres/leases"
	"lonja/adapters/postgres/postgrestest"
	"lonja/adapters/postgres/readstore"
	"lonja/adapters/postgres/vault"
	"lonja/commands/reactions"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/projections"
	"lonja/readmodels"
)

var tests postgrestest.Tests

func TestMain(m *testing.M) {
	if url := os.Getenv(childVariable); url != "" {
		child(url)
		return
	}
	code := tests.Run(m)
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "goroutines that nobody ended:", err)
		code = 1
	}
	os.Exit(code)
}

// life is how long the tests' leases last: long enough for a busy machine to renew them.
const life = 3 * time.Second

const house = id.Account("01J0000000000000000000H0SE")

type grew struct {
	By int `json:"by"`
}

func (grew) EventType() string { return "counter.grew" }

type counter struct {
	Sum  int              `json:"sum"`
	Seen []event.Position `json:"seen,omitempty"`
}

func counters(name string) *readmodels.Table[counter] {
	return &readmodels.Table[counter]{
		Schema: readmodels.Schema{Name: name, Columns: []readmodels.Column{{Name: "sum", Kind: readmodels.Int}}, Indexes: []readmodels.Index{{Name: "sum", Columns: []string{"sum"}}}},
		Values: func(c *counter, dst []readmodels.Value) []readmodels.Value { return append(dst, readmodels.N(c.Sum)) },
	}
}

// folds are a projection of sums, which depends on the order of events and can't fold a
// growth of 13, and one with a row an event.
func folds(version int) []*projections.Projection {
	sums := projections.New("sums", version)
	projections.On(sums, counters("sums"),
		func(rec *event.Recorded, _ grew) []readmodels.Key { return projections.OfContact(rec, "sum") },
		func(c *counter, _ bool, rec *event.Recorded, e grew) projections.Action {
			if e.By == 13 {
				panic("thirteen")
			}
			c.Sum = 3*c.Sum%1_000_003 + e.By*version
			c.Seen = append(c.Seen, rec.Position)
			c.Seen = c.Seen[max(0, len(c.Seen)-5):]
			return projections.Put
		})
	each := projections.New("each", 1)
	projections.On(each, counters("each"),
		func(rec *event.Recorded, _ grew) []readmodels.Key {
			return projections.OfContact(rec, readmodels.PositionID(rec.Position))
		},
		func(c *counter, found bool, _ *event.Recorded, e grew) projections.Action {
			c.Sum = e.By
			if found {
				c.Sum = -1 // folded twice
			}
			return projections.Put
		})
	return []*projections.Projection{sums, each}
}

type noKeys struct{}

func (noKeys) Key(context.Context, id.Account, string) (*event.Key, error) {
	return nil, event.ErrNoKey
}

func newCodec() *event.Codec {
	reg := event.NewRegistry()
	event.Register[grew](reg)
	return event.NewCodec(reg, noKeys{})
}

// cluster is a database and a log that nodes share.
type cluster struct {
	*testing.T
	ctx   context.Context
	url   string
	log   event.Store
	codec *event.Codec
	look  *pgx.Conn // of the test's goroutine

	mu       sync.Mutex
	n        int
	heads    map[string]event.Revision
	answered map[event.Position][]string // by which nodes
	refused  map[event.Position]bool     // what can't be answered
	tell     func(event.Position)        // what is answered, nil: nobody
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	return newClusterOn(t, tests.Database(t))
}

func newClusterOn(t *testing.T, url string) *cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	c := &cluster{
		T: t, ctx: ctx, url: url, log: memory.NewEventLog(time.Now), codec: newCodec(), heads: map[string]event.Revision{},
		answered: map[event.Position][]string{},
		refused:  map[event.Position]bool{},
	}
	t.Cleanup(c.noConnections)
	return c
}

// noConnections wants nodes that have ended to have ended their connections.
func (c *cluster) noConnections() {
	ctx := context.WithoutCancel(c.ctx)
	conn, err := pgx.Connect(ctx, c.url)
	if err != nil {
		c.Error(err)
		return
	}
	defer conn.Close(ctx)
	left := 0
	for range 200 { // the server notices the end of a connection a moment after it
		if err := conn.QueryRow(ctx, "SELECT count(*), pg_sleep(0.02) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lonja'").Scan(&left, nil); err != nil {
			c.Error(err)
			return
		}
		if left == 0 {
			return
		}
	}
	c.Errorf("%d connections of nodes that have ended", left)
}

func (c *cluster) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func contactOf(n int) id.Contact { return id.Contact(fmt.Sprintf("01J00000000000000000%06d", n)) }

// grow appends an event a contact.
func (c *cluster) grow(contact, by int) event.Position {
	c.Helper()
	p, err := c.tryGrow(contact, by)
	c.must(err)
	return p
}

func (c *cluster) tryGrow(contact, by int) (event.Position, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stream := "counter-" + string(contactOf(contact))
	at, ok := c.heads[stream]
	if !ok {
		at = event.NoStream
	}
	c.n++
	raw, err := encode(c.ctx, c.codec, c.n, contact, by)
	if err != nil {
		return 0, err
	}
	r, err := c.log.Append(c.ctx, stream, at, []event.Raw{raw})
	if err == nil {
		c.heads[stream] = r.Revision
	}
	return r.Position, err
}

// spoil appends an event whose metadata can't be read.
func (c *cluster) spoil(contact int) {
	c.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	stream := "counter-" + string(contactOf(contact))
	c.n++
	raw, err := encode(c.ctx, c.codec, c.n, contact, 1)
	c.must(err)
	raw.Meta = []byte("{")
	r, err := c.log.Append(c.ctx, stream, c.heads[stream], []event.Raw{raw})
	c.must(err)
	c.heads[stream] = r.Revision
}

func encode(ctx context.Context, codec *event.Codec, n, contact, by int) (event.Raw, error) {
	return codec.Encode(ctx, id.Derive("test", fmt.Sprint(n)), event.Metadata{
		Account: house, Contact: contactOf(contact), Actor: event.Actor{Kind: event.ActorSystem, ID: "test"}, Command: ulid.ULID{1}, Correlation: ulid.ULID{1},
		OccurredAt: time.UnixMilli(int64(1_700_000_000_000 + n)),
	}, grew{by})
}

// settings are how a node of the tests differs from others.
type settings struct {
	version int
	now     func() time.Time
	bulk    int
	life    time.Duration
	log     event.Store
	batch   int
}

// node is one of the cluster.
type node struct {
	c      *cluster
	name   string
	db     *database.DB
	store  *readstore.Store
	vault  *vault.Vault
	runner *projections.Runner
	router *messaging.Router
	leases *leases.Leases
	lines  bytes.Buffer
	linesM sync.Mutex

	stopOnce sync.Once
	cancel   context.CancelFunc
	release  context.CancelFunc
	routed   chan error
	shared   chan error
	stopped  error
}

func (n *node) Write(b []byte) (int, error) {
	n.linesM.Lock()
	defer n.linesM.Unlock()
	return n.lines.Write(b)
}

func (n *node) said() string {
	n.linesM.Lock()
	defer n.linesM.Unlock()
	return n.lines.String()
}

func (c *cluster) node(name string, s settings) *node {
	c.Helper()
	n, err := c.open(name, s)
	c.must(err)
	n.run()
	c.Cleanup(func() {
		if err := n.stop(); err != nil {
			c.Errorf("node %s: %v", name, err)
		}
		if c.Failed() {
			c.Logf("node %s said:\n%s", name, n.said())
		}
	})
	return n
}

// open wires a node, as a server does.
func (c *cluster) open(name string, s settings) (_ *node, err error) {
	ctx := c.ctx
	n := &node{c: c, name: name}
	if s.version == 0 {
		s.version = 1
	}
	if s.life == 0 {
		s.life = life
	}
	if s.log == nil {
		s.log = c.log
	}
	logger := slog.New(slog.NewTextHandler(n, nil))
	if n.db, err = database.Open(ctx, c.url, database.Options{}); err != nil {
		return nil, err
	}
	if n.store, err = readstore.Open(ctx, n.db, readstore.Options{Logger: logger}); err != nil {
		return nil, err
	}
	if n.vault, err = vault.Open(ctx, n.db, vault.Options{MasterKey: make([]byte, 32), Logger: logger}); err != nil {
		return nil, err
	}
	if n.runner, err = projections.NewRunner(projections.Config{Projections: folds(s.version), Events: s.log, Codec: c.codec, Store: n.store, Logger: logger, Bulk: s.bulk, Batch: s.batch}); err != nil {
		return nil, err
	}
	n.leases = leases.New(n.db, leases.Options{Node: name, Partitions: n.store.Partitions(), Life: s.life, Able: n.runner.Ready, Logger: logger, Now: s.now})
	n.runner.Share(n.store, n.leases.Held)
	if n.router, err = messaging.New(messaging.Config{Store: s.log, Codec: c.codec, Progress: n.leases.Progress(n.vault), Log: logger, Times: messaging.Times{
		FirstWait: 10 * time.Millisecond, LastWait: 100 * time.Millisecond, Again: 50 * time.Millisecond, Grace: 500 * time.Millisecond, Close: 5 * time.Second,
	}}); err != nil {
		return nil, err
	}
	n.router.AddProjections("projections", n.leases.Follow(n.runner))
	n.router.AddReaction(reactions.Reaction{Name: "answers", Types: []string{"counter.grew"}, React: func(_ context.Context, rec *event.Recorded) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.refused[rec.Position] {
			return fault.New(fault.Conflict, "test")
		}
		c.answered[rec.Position] = append(c.answered[rec.Position], name)
		if c.tell != nil {
			c.tell(rec.Position)
		}
		return nil
	}})
	n.leases.Tell(n.runner, n.router)
	return n, nil
}

func (n *node) run() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(n.c.ctx))
	shared, release := context.WithCancel(context.WithoutCancel(n.c.ctx))
	n.cancel, n.release, n.routed, n.shared = cancel, release, make(chan error, 1), make(chan error, 1)
	go func() { n.routed <- n.router.Run(ctx) }()
	go func() { n.shared <- n.leases.Run(shared) }()
}

// stop ends the node as a server is ended: what follows the log first, then its leases.
func (n *node) stop() error {
	n.stopOnce.Do(func() {
		n.cancel()
		err := <-n.routed
		n.release()
		n.stopped = errors.Join(err, <-n.shared, n.vault.Close(), n.store.Close())
		n.db.Close()
	})
	return n.stopped
}

// until waits for a condition that other goroutines bring about.
func (c *cluster) until(what string, ok func() bool) {
	c.Helper()
	t := time.NewTicker(10 * time.Millisecond)
	defer t.Stop()
	for !ok() {
		select {
		case <-t.C:
		case <-c.ctx.Done():
			c.Fatalf("never: %s", what)
		}
	}
}

func (n *node) holds() []int {
	parts, err := n.leases.Held(n.c.ctx)
	if err != nil {
		n.c.Error(err)
	}
	return parts
}

// wait waits until all read models show the position, as a page after a command does.
func (n *node) wait(p event.Position) {
	n.c.Helper()
	ctx, cancel := context.WithTimeout(n.c.ctx, time.Minute)
	defer cancel()
	n.c.must(n.runner.Wait(ctx, p))
}

// shows wants the node to show the row that an event has made.
func (n *node) shows(contact int, p event.Position) {
	n.c.Helper()
	_, found, err := readmodels.Get(n.c.ctx, readmodels.For(n.store, house, contactOf(contact)), counters("each"), readmodels.PositionID(p))
	n.c.must(err)
	if !found {
		n.c.Fatalf("node %s does not show the event at position %d, which it waited for", n.name, p)
	}
}

// same wants the shared rows to be those of a single runner on the same log.
func (c *cluster) same(n *node, version int) {
	c.Helper()
	alone := memory.NewReadStore()
	single, err := projections.NewRunner(projections.Config{Projections: folds(version), Events: c.log, Codec: c.codec, Store: alone, Bulk: 1 << 30})
	c.must(err)
	c.must(single.CatchUp(c.ctx))
	for _, p := range folds(version) {
		want, err := projections.Hash(c.ctx, alone, p.Name)
		c.must(err)
		got, err := projections.Hash(c.ctx, n.store, p.Name)
		c.must(err)
		if got != want {
			c.Errorf("rows of %s are not those of a single node", p.Name)
		}
	}
}

// allAnswered waits until the reaction has answered every event of the log, and returns how
// many it answered more than once.
func (c *cluster) allAnswered() (again int) {
	c.Helper()
	c.until("every event is answered", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.answered) >= c.n
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, by := range c.answered {
		if len(by) > 1 {
			again++
		}
	}
	return again
}

// connect makes a connection of the test's own, which nodes do not count.
func (c *cluster) connect() *pgx.Conn {
	c.Helper()
	conn, err := pgx.Connect(c.ctx, c.url)
	c.must(err)
	c.Cleanup(func() { _ = conn.Close(context.WithoutCancel(c.ctx)) }) // nothing depends on it any more
	return conn
}

// lock begins a transaction that locks something, and returns what commits it.
func (c *cluster) lock(sql string) (out func()) {
	c.Helper()
	conn := c.connect()
	tx, err := conn.Begin(c.ctx)
	c.must(err)
	_, err = tx.Exec(c.ctx, sql)
	c.must(err)
	return func() {
		c.Helper()
		c.must(tx.Commit(c.ctx))
	}
}

// waiting reports whether a statement of a node waits for a lock.
func (c *cluster) waiting(like string) (yes bool) {
	c.Helper()
	if c.look == nil {
		c.look = c.connect()
	}
	c.must(c.look.QueryRow(c.ctx, `SELECT EXISTS (SELECT FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'lonja' AND wait_event_type = 'Lock' AND query LIKE $1)`, like).Scan(&yes))
	return yes
}

// round has every node make a round of renewals.
func (c *cluster) round() {
	c.Helper()
	if c.look == nil {
		c.look = c.connect()
	}
	_, err := c.look.Exec(c.ctx, "NOTIFY lonja_leases")
	c.must(err)
}

func sorted(parts ...[]int) []int {
	all := slices.Concat(parts...)
	slices.Sort(all)
	return all
}

// ownServer starts a server for the test alone. Where the environment names one, the test is
// skipped for the reason: that server is somebody else's.
func ownServer(t *testing.T, why string) *postgrestest.Server {
	t.Helper()
	if os.Getenv(postgrestest.Variable) != "" {
		t.Skip(why)
	}
	server, err := postgrestest.Start(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}
