// Package leases shares work among the nodes of a scaled-out system: the partitions that
// projections and reactions are run by, and duties that one node at a time does (sending
// mails, say). Who has what is a table in PostgreSQL, whose clock alone counts; a node
// measures only how long ago it asked, so that no two clocks are ever compared.
//
// A node renews its leases at a third of their life, and lets go of those that it could not
// renew before they end. One that was paused meanwhile and goes on as if nothing had
// happened is refused by what it writes to: each lease has an epoch, which grows with every
// new holder. Nodes take their fair share, give back what is above it, and on a graceful
// stop everything, so that another goes on at once.
package leases

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"lonja/adapters/postgres/database"
	"lonja/readmodels"
)

// news is the channel on which nodes tell each other that there is something to take.
const news = "lonja_leases"

// Holder moves partitions. Hold says which from now on, and returns when it has let go of
// all others.
type Holder interface {
	Hold(ctx context.Context, parts []int) error
}

// Options are what a node is.
type Options struct {
	// Node names the node, for people who read of it; a name that no other has is made of it.
	Node string
	// Partitions is how many there are: what the read store says.
	Partitions int
	// Life is how long a lease lasts that is not renewed. 0 means 15 seconds.
	Life time.Duration
	// Able reports whether this node may hold partitions now. nil: always.
	Able func() bool
	// Logger hears of what no caller can be told. nil means none.
	Logger *slog.Logger
	// Now is this node's clock, of which only differences count. nil means time.Now.
	Now func() time.Time
}

// Leases are those of one node. Safe for concurrent use.
type Leases struct {
	db   *database.DB
	opt  Options
	node string

	duties    []duty
	holders   []Holder
	followers []Follower

	mu      sync.Mutex
	held    map[string]*lease
	want    []int       // partitions that the holders are to move
	version int         // grows whenever want changes
	settled int         // the version that the holders have let go for
	giving  map[int]int // partitions to be given back, by the version from which they are let go
	joined  bool        // the others know of this node
	ended   bool        // nothing is taken any more
	alone   int         // how many are in Alone
	changed chan struct{}
	push    chan struct{} // the holders are to be told
	kick    chan struct{} // a round is to be made soon
	ending  chan struct{} // closed with ended
}

// lease is one that this node holds.
type lease struct {
	epoch int64
	sent  time.Time // of this node's clock: when it was asked for or renewed
	until time.Time // when it counts as lost
	lost  chan struct{}
}

type duty struct {
	name string
	run  func(context.Context)
}

// The parts of a lease's life.
const (
	defaultLife = 15 * time.Second
	renewals    = 3 // in a life
	margin      = 6 // the last of so many parts of a life does not count
	lookAble    = 50 * time.Millisecond
)

// New returns the leases of a node that has none. The database must stay open until Run
// has ended.
func New(db *database.DB, o Options) *Leases {
	if o.Life <= 0 {
		o.Life = defaultLife
	}
	if o.Able == nil {
		o.Able = func() bool { return true }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Leases{
		db: db, opt: o, node: strings.TrimPrefix(o.Node+"/"+rand.Text(), "/"), held: map[string]*lease{}, giving: map[int]int{},
		changed: make(chan struct{}), push: make(chan struct{}, 1), kick: make(chan struct{}, 1), ending: make(chan struct{}),
	}
}

// Node returns the node's name, which no other has.
func (l *Leases) Node() string { return l.node }

// Tell adds who is told which partitions are this node's. Add them before Run.
func (l *Leases) Tell(holders ...Holder) { l.holders = append(l.holders, holders...) }

// Follower is a set of projections.
type Follower interface {
	CatchUp(ctx context.Context) error
	Renew(ctx context.Context) error
}

// Follow returns the follower as one of several nodes has it: it catches up as soon as
// there are new partitions, and what has to be rebuilt, one node rebuilds. Call it before Run.
func (l *Leases) Follow(f Follower) Follower {
	l.followers = append(l.followers, f)
	return &follower{f, l}
}

type follower struct {
	Follower
	leases *Leases
}

// Renew implements Follower.
func (f *follower) Renew(ctx context.Context) error {
	if f.leases.opt.Able() {
		return nil // there is nothing to rebuild
	}
	_, err := f.leases.Alone(ctx, "rebuild", func(ctx context.Context) error {
		if err := f.CatchUp(ctx); err != nil { // another node may just have done it
			return err
		}
		return f.Follower.Renew(ctx)
	})
	select {
	case <-f.leases.ending:
		return nil // it was given up, for another node
	default:
		return err
	}
}

// Duty adds what one node at a time does: run is called while this node is the one, with a
// context that ends when it is no more, and again when it returns before. Add duties
// before Run.
func (l *Leases) Duty(name string, run func(context.Context)) {
	l.duties = append(l.duties, duty{name, run})
}

const (
	partPrefix = "part/"
	dutyPrefix = "duty/"
)

func partName(part int) string { return fmt.Sprintf("%s%04d", partPrefix, part) }

func partOf(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, partPrefix)
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil
}

// Run takes part in the sharing until ctx ends, and then gives everything back. Holders
// must still answer then, and nobody else moves what they held after it returns.
func (l *Leases) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	var workers, doing sync.WaitGroup
	workers.Go(func() { l.listen(work) })
	workers.Go(func() { l.tell(work) })
	for _, d := range l.duties {
		doing.Go(func() { l.attend(ctx, d) })
	}
	for ctx.Err() == nil {
		err := l.round(ctx)
		if err != nil && ctx.Err() == nil {
			l.opt.Logger.ErrorContext(ctx, "leases could not be renewed: trying again", "node", l.node, "error", err)
		}
		l.expire()
		l.rest(ctx, err != nil)
	}
	l.mu.Lock()
	l.ended = true
	close(l.ending)
	l.mu.Unlock()
	doing.Wait()
	err := l.giveAllBack(work)
	stop()
	workers.Wait()
	return err
}

// rest waits for the next round: until a third of a life has passed, something is to be
// taken or given back, or a lease counts as lost.
func (l *Leases) rest(ctx context.Context, failed bool) {
	l.mu.Lock()
	most := l.opt.Life / renewals
	if failed {
		most = l.opt.Life / 30
	}
	for _, h := range l.held {
		most = max(0, min(most, h.until.Sub(l.opt.Now())))
	}
	l.mu.Unlock()
	able := l.opt.Able()
	for most > 0 {
		step := most
		if !able {
			step = min(step, lookAble)
		}
		t := time.NewTimer(step)
		select {
		case <-t.C:
		case <-l.kick:
			most = 0
		case <-ctx.Done():
			most = 0
		}
		t.Stop()
		if most -= step; !able && l.opt.Able() {
			return
		}
	}
}

// soon has a round made.
func (l *Leases) soon() {
	select {
	case l.kick <- struct{}{}:
	default: // it is asked for already
	}
}

const renew = `WITH mine AS (
		SELECT l.name FROM lonja.leases l WHERE l.holder = $1 AND (l.name LIKE 'part/%' OR l.name = ANY($3)) ORDER BY l.name FOR UPDATE
	)
	UPDATE lonja.leases l SET until = clock_timestamp() + $2 FROM mine WHERE l.name = mine.name RETURNING l.name, l.epoch`

const give = `WITH mine AS (SELECT l.name FROM lonja.leases l WHERE l.holder = $1 AND l.name = ANY($2) ORDER BY l.name FOR UPDATE)
	UPDATE lonja.leases l SET holder = '', until = '-infinity' FROM mine WHERE l.name = mine.name`

const takeParts = `WITH free AS (
		SELECT l.name FROM lonja.leases l WHERE l.name = ANY($3) AND l.until <= clock_timestamp() ORDER BY l.name LIMIT $4 FOR UPDATE SKIP LOCKED
	)
	UPDATE lonja.leases l SET holder = $1, epoch = l.epoch + 1, until = clock_timestamp() + $2 FROM free WHERE l.name = free.name RETURNING l.name, l.epoch`

// round renews what this node holds, gives back what is above its share, and takes what is
// free up to it.
func (l *Leases) round(ctx context.Context) error {
	able := l.opt.Able()
	sent, back := l.opt.Now(), l.letGo()
	ctx, cancel := context.WithTimeout(ctx, l.patience())
	defer cancel()
	duties := l.renewable()
	mine, nodes, err := l.renewAll(ctx, able, back, duties)
	if err != nil {
		return l.db.Describe("leases: renew", err)
	}
	share := 0
	if able && nodes > 0 {
		share = (l.opt.Partitions + nodes - 1) / nodes
	}
	lacking := l.renewed(sent, mine, back, duties, share)
	if lacking <= 0 {
		return nil
	}
	names := make([]string, l.opt.Partitions)
	for p := range names {
		names[p] = partName(p)
	}
	sent = l.opt.Now()
	taken, err := l.leases(ctx, takeParts, l.node, l.opt.Life, names, lacking)
	if err != nil {
		return l.db.Describe("leases: take partitions", err)
	}
	l.took(sent, taken)
	return nil
}

// patience is how long a round may take: less than until the first lease counts as lost.
func (l *Leases) patience() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	most := l.opt.Life / 4
	for _, h := range l.held {
		if left := h.until.Sub(l.opt.Now()); left > 0 {
			most = min(most, left)
		}
	}
	return most
}

// letGo returns the partitions to give back that the holders have let go of.
func (l *Leases) letGo() (names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for part, version := range l.giving {
		if l.settled >= version {
			names = append(names, partName(part))
		}
	}
	slices.Sort(names)
	return names
}

// renewable returns the duties to renew: what counts as lost and is done no more, is not kept
// from others.
func (l *Leases) renewable() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	names := []string{}
	for name := range l.held {
		if strings.HasPrefix(name, dutyPrefix) {
			names = append(names, name)
		}
	}
	return names
}

func (l *Leases) renewAll(ctx context.Context, able bool, back, duties []string) (mine map[string]int64, nodes int, err error) {
	l.mu.Lock()
	joined := l.joined
	l.mu.Unlock()
	mine = map[string]int64{}
	batch := &pgx.Batch{}
	batch.Queue("INSERT INTO lonja.nodes (node, able, until) VALUES ($1, $2, clock_timestamp() + $3) ON CONFLICT (node) DO UPDATE SET able = excluded.able, until = excluded.until", l.node, able, l.opt.Life)
	if len(back) > 0 {
		batch.Queue(give, l.node, back)
	}
	batch.Queue(renew, l.node, l.opt.Life, duties).Query(func(rows pgx.Rows) (err error) {
		mine, err = collect(rows)
		return err
	})
	batch.Queue("DELETE FROM lonja.nodes WHERE until < clock_timestamp() - interval '1 hour'")
	batch.Queue("SELECT count(*) FROM lonja.nodes WHERE able AND until > clock_timestamp()").QueryRow(func(row pgx.Row) error { return row.Scan(&nodes) })
	if !joined {
		batch.Queue("INSERT INTO lonja.leases (name) SELECT 'part/' || to_char(p, 'FM0000') FROM generate_series(0, $1 - 1) p ON CONFLICT DO NOTHING", l.opt.Partitions)
	}
	if !joined || len(back) > 0 {
		batch.Queue("SELECT pg_notify($1, '')", news)
	}
	if err := l.db.Own.SendBatch(ctx, batch).Close(); err != nil {
		return nil, 0, err
	}
	l.mu.Lock()
	l.joined = true
	l.mu.Unlock()
	return mine, nodes, nil
}

func (l *Leases) leases(ctx context.Context, sql string, args ...any) (map[string]int64, error) {
	rows, err := l.db.Own.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows)
}

func collect(rows pgx.Rows) (map[string]int64, error) {
	out := map[string]int64{}
	var name string
	var epoch int64
	_, err := pgx.ForEachRow(rows, []any{&name, &epoch}, func() error {
		out[name] = epoch
		return nil
	})
	return out, err
}

// renewed notes what the table says that this node holds, and returns how many partitions
// it lacks of its share. Of duties the table was asked for some only: one that was taken
// meanwhile is not among them, and is not lost.
func (l *Leases) renewed(sent time.Time, mine map[string]int64, back, duties []string, share int) (lacking int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range back {
		part, _ := partOf(name)
		delete(l.giving, part)
	}
	for name, h := range l.held {
		asked := !strings.HasPrefix(name, dutyPrefix) || slices.Contains(duties, name)
		if epoch, ok := mine[name]; asked && h.sent.Before(sent) && (!ok || epoch != h.epoch) {
			l.lose(name)
		}
	}
	var parts []int
	for name, epoch := range mine {
		h := l.held[name]
		if h == nil {
			if strings.HasPrefix(name, dutyPrefix) {
				continue // it has just been given back
			}
			h = l.lease(epoch, sent)
			l.held[name] = h
		}
		if h.sent.Before(sent) {
			h.sent, h.until = sent, l.end(sent)
		}
		if part, ok := partOf(name); ok {
			parts = append(parts, part)
		}
	}
	slices.Sort(parts)
	parts = slices.DeleteFunc(parts, func(p int) bool { _, going := l.giving[p]; return going })
	lacking = share - len(parts) - len(l.giving)
	for len(parts) > share {
		last := parts[len(parts)-1]
		if l.giving[last] = l.version; slices.Contains(l.want, last) {
			l.giving[last]++ // the holders have yet to let go of it
		}
		parts = parts[:len(parts)-1]
	}
	l.wanting(parts)
	return lacking
}

// end is when a lease that was asked for at the moment counts as lost.
func (l *Leases) end(sent time.Time) time.Time { return sent.Add(l.opt.Life - l.opt.Life/margin) }

func (l *Leases) lease(epoch int64, sent time.Time) *lease {
	return &lease{epoch: epoch, sent: sent, until: l.end(sent), lost: make(chan struct{})}
}

func (l *Leases) took(sent time.Time, taken map[string]int64) {
	if len(taken) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	parts := slices.Clone(l.want)
	for name, epoch := range taken {
		l.held[name] = l.lease(epoch, sent)
		if part, ok := partOf(name); ok {
			delete(l.giving, part)
			parts = append(parts, part)
		}
	}
	slices.Sort(parts)
	l.wanting(slices.Compact(parts))
}

// wanting has the holders told which partitions they move. The caller holds mu.
func (l *Leases) wanting(parts []int) {
	if slices.Equal(parts, l.want) {
		return
	}
	l.opt.Logger.Info("partitions of this node", "node", l.node, "partitions", parts)
	l.want, l.version = parts, l.version+1
	select {
	case l.push <- struct{}{}:
	default:
	}
}

// lose notes that a lease is not this node's any more. The caller holds mu.
func (l *Leases) lose(name string) {
	close(l.held[name].lost)
	delete(l.held, name)
	if part, ok := partOf(name); ok {
		delete(l.giving, part)
		l.wanting(slices.DeleteFunc(slices.Clone(l.want), func(p int) bool { return p == part }))
	}
}

// expire loses the leases that were not renewed in time.
func (l *Leases) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, h := range l.held {
		if !l.opt.Now().Before(h.until) {
			l.opt.Logger.Warn("a lease could not be renewed in time: leaving it to others", "node", l.node, "lease", name)
			l.lose(name)
		}
	}
}

// tell tells the holders which partitions are theirs, and notes when they have let go of
// the others. What is newer counts at once.
func (l *Leases) tell(ctx context.Context) {
	for {
		select {
		case <-l.push:
		case <-ctx.Done():
			return
		}
		for again := true; again; {
			again = l.tellOnce(ctx)
		}
	}
}

func (l *Leases) tellOnce(ctx context.Context) (again bool) {
	l.mu.Lock()
	parts, version := slices.Clone(l.want), l.version
	l.mu.Unlock()
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		errs := make([]error, len(l.holders))
		var all sync.WaitGroup
		for i, h := range l.holders {
			all.Go(func() { errs[i] = h.Hold(own, parts) })
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			done <- fmt.Errorf("letting go of partitions: %w", err)
			return
		}
		l.mu.Lock()
		l.settled = version
		l.mu.Unlock()
		l.ring()
		l.soon()
		for _, f := range l.followers {
			if err := f.CatchUp(own); err != nil {
				done <- fmt.Errorf("catching up with new partitions, which is tried again: %w", err)
				return
			}
		}
		done <- nil
	}()
	select {
	case err := <-done:
		if err != nil && ctx.Err() == nil {
			l.opt.Logger.Error("leases", "node", l.node, "error", err)
		}
		return false
	case <-l.push:
		cancel()
		<-done
		return true
	}
}

// ring tells those who wait that something has changed.
func (l *Leases) ring() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
}

// giveAllBack ends this node's part: after its holders have let go, and what it did alone
// has ended, others go on at once.
func (l *Leases) giveAllBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.opt.Life)
	defer cancel()
	l.mu.Lock()
	l.wanting(nil)
	version := l.version
	l.mu.Unlock()
	for {
		l.mu.Lock()
		let, changed := l.settled >= version && l.alone == 0, l.changed
		l.mu.Unlock()
		if let {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("leases: waiting for partitions to be let go and duties to end; other nodes have them when their leases end: %w", ctx.Err())
		}
	}
	batch := &pgx.Batch{}
	batch.Queue(`WITH mine AS (SELECT l.name FROM lonja.leases l WHERE l.holder = $1 ORDER BY l.name FOR UPDATE)
		UPDATE lonja.leases l SET holder = '', until = '-infinity' FROM mine WHERE l.name = mine.name`, l.node)
	batch.Queue("DELETE FROM lonja.nodes WHERE node = $1", l.node)
	batch.Queue("SELECT pg_notify($1, '')", news)
	return l.db.Describe("leases: give everything back", l.db.Own.SendBatch(ctx, batch).Close())
}

// listen hears of what others gave back, or of who joined.
func (l *Leases) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := l.hear(ctx)
		if ctx.Err() == nil {
			l.opt.Logger.Warn("leases: listening for what other nodes give back; again soon", "node", l.node, "error", err)
			pause(ctx, l.opt.Life/renewals)
		}
	}
}

func (l *Leases) hear(ctx context.Context) error {
	conn, err := l.db.Connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = conn.Close(late) // it is closed in any case
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+news); err != nil {
		return err
	}
	for {
		l.ring()
		l.soon()
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

// attend does a duty whenever it is this node's.
func (l *Leases) attend(ctx context.Context, d duty) {
	for ctx.Err() == nil {
		l.mu.Lock()
		changed := l.changed
		l.mu.Unlock()
		done, err := l.Alone(ctx, d.name, func(ctx context.Context) error {
			d.run(ctx)
			return nil
		})
		if err != nil && ctx.Err() == nil {
			l.opt.Logger.ErrorContext(ctx, "a duty could not be taken: trying again", "node", l.node, "duty", d.name, "error", err)
		}
		if done && err == nil {
			pause(ctx, min(time.Second, l.opt.Life/renewals)) // it ended by itself, or was lost
			continue
		}
		soon, cancel := context.WithTimeout(ctx, l.opt.Life/renewals)
		select {
		case <-changed:
		case <-soon.Done():
		}
		cancel()
	}
}

// Alone calls f if no other node does what has the name, with a context that ends when
// another may, or when Run is about to, which waits for f. It reports whether it did. Run has
// to run meanwhile.
func (l *Leases) Alone(ctx context.Context, name string, f func(context.Context) error) (bool, error) {
	full := dutyPrefix + name
	l.mu.Lock()
	busy := l.ended || l.held[full] != nil
	if !busy {
		l.alone++
	}
	l.mu.Unlock()
	if busy {
		return false, nil
	}
	defer l.noLongerAlone()
	ctx, cancel := until(ctx, l.ending)
	defer cancel()
	if _, err := l.db.Own.Exec(ctx, "INSERT INTO lonja.leases (name) VALUES ($1) ON CONFLICT DO NOTHING", full); err != nil {
		return false, l.db.Describe("leases: take "+name, err)
	}
	sent := l.opt.Now()
	taken, err := l.leases(ctx, takeParts, l.node, l.opt.Life, []string{full}, 1)
	if err != nil || len(taken) == 0 {
		return false, l.db.Describe("leases: take "+name, err)
	}
	h := l.lease(taken[full], sent)
	l.mu.Lock()
	l.held[full] = h
	l.mu.Unlock()
	own, lost := until(ctx, h.lost)
	err = f(own)
	lost()
	return true, errors.Join(err, l.endAlone(ctx, full, h))
}

// until returns a context that ends when the channel is closed, too. The function that it
// returns has to be called.
func until(ctx context.Context, closed <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		select {
		case <-closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel()
		<-over
	}
}

// noLongerAlone tells Run, which may wait for it, that what was done alone has ended.
func (l *Leases) noLongerAlone() {
	l.mu.Lock()
	l.alone--
	ended := l.ended
	l.mu.Unlock()
	if ended { // else whoever waits for a duty to be free would ask again and again
		l.ring()
	}
}

// endAlone gives a duty back, if it is still this node's.
func (l *Leases) endAlone(ctx context.Context, full string, h *lease) error {
	l.mu.Lock()
	mine := l.held[full] == h
	if mine {
		delete(l.held, full)
	}
	l.mu.Unlock()
	if !mine {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.opt.Life/renewals)
	defer cancel()
	batch := &pgx.Batch{}
	batch.Queue("UPDATE lonja.leases SET holder = '', until = '-infinity' WHERE name = $1 AND holder = $2 AND epoch = $3", full, l.node, h.epoch)
	batch.Queue("SELECT pg_notify($1, '')", news)
	return l.db.Describe("leases: give back "+full, l.db.Own.SendBatch(ctx, batch).Close())
}

// Held returns the partitions that are this node's at the moment, by the table.
func (l *Leases) Held(ctx context.Context) ([]int, error) {
	mine, err := l.leases(ctx, "SELECT name, epoch FROM lonja.leases WHERE holder = $1 AND until > clock_timestamp()", l.node)
	if err != nil {
		return nil, l.db.Describe("leases: see what is this node's", err)
	}
	var parts []int
	for name := range mine {
		if part, ok := partOf(name); ok {
			parts = append(parts, part)
		}
	}
	slices.Sort(parts)
	return parts, nil
}

// epoch returns under which epoch this node holds a partition; ErrFenced where it does not.
func (l *Leases) epoch(part int) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.held[partName(part)]; h != nil && l.opt.Now().Before(h.until) {
		return h.epoch, nil
	}
	return 0, fmt.Errorf("partition %d: %w", part, readmodels.ErrFenced)
}

// Node is one that takes part.
type Node struct {
	Name       string
	Able       bool
	Partitions []int
	Duties     []string
}

// Nodes returns who takes part and what each holds, by name.
func (l *Leases) Nodes(ctx context.Context) ([]Node, error) {
	rows, err := l.db.Own.Query(ctx, `SELECT n.node, n.able, coalesce((SELECT array_agg(l.name ORDER BY l.name) FROM lonja.leases l WHERE l.holder = n.node AND l.until > clock_timestamp()), '{}')
		FROM lonja.nodes n WHERE n.until > clock_timestamp()`)
	if err != nil {
		return nil, l.db.Describe("leases: list nodes", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n Node, err error) {
		var names []string
		err = row.Scan(&n.Name, &n.Able, &names)
		for _, name := range names {
			if part, ok := partOf(name); ok {
				n.Partitions = append(n.Partitions, part)
			} else {
				n.Duties = append(n.Duties, strings.TrimPrefix(name, dutyPrefix))
			}
		}
		return n, err
	})
	slices.SortFunc(out, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	return out, l.db.Describe("leases: list nodes", err)
}
