// Package vault keeps secrets in PostgreSQL, for any number of nodes: sealing keys wrapped by
// a master key, password hashes, tokens and sessions. Its schema is of the database's owner
// alone, and its rows tell nothing without the master key, which all nodes are given.
//
// Sessions, tokens and all else that ends are asked for each time, so that what one node
// ended the others refuse from the next request on. Keys are kept in memory; of one that is
// thrown away the nodes are told at once, and a node that can't be told keeps none.
package vault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"lonja/adapters/postgres/database"
	"lonja/adapters/secrets"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
)

// Options are the choices of a vault.
type Options struct {
	// MasterKey wraps the keys: 32 bytes, the same for every node and for ever.
	MasterKey []byte
	// CachedKeys bounds how many opened keys are kept, 0 is 20,000 (some 20 MB).
	CachedKeys int
	// Logger hears of what no caller can be told. nil means none.
	Logger *slog.Logger
}

// Vault implements commands.Vault.
type Vault struct {
	db      *database.DB
	secrets *secrets.Secrets
	logger  *slog.Logger
	ended   atomic.Bool
	asking  *asking

	mu   sync.Mutex
	keys *lru.Cache[keyName, *event.Key] // nil while this node would not hear of keys that are thrown away
	// generation counts keys that were thrown away, so that what was read before is not put
	// into the cache after.
	generation uint64
	cached     int

	ctx     context.Context // of what listens
	stop    context.CancelFunc
	workers sync.WaitGroup

	clearing   atomic.Bool // pages with keys that were thrown away are to be cleared, once nobody reads them
	clearAgain time.Duration
}

type keyName struct {
	account id.Account
	subject string
}

var _ commands.Vault = (*Vault)(nil)

var errClosed = errors.New("vault: closed")

// Open opens the vault of a database. It must stay open until the vault is closed.
func Open(ctx context.Context, db *database.DB, o Options) (*Vault, error) {
	if len(o.MasterKey) == 0 {
		return nil, errors.New("vault: there is no master key: give every node the same, 32 random bytes in base64, in LONJA_MASTER_KEY, and keep a copy apart from the database's backups")
	}
	v := &Vault{db: db, logger: o.Logger, cached: o.CachedKeys, clearAgain: clearAgain}
	if v.logger == nil {
		v.logger = slog.New(slog.DiscardHandler)
	}
	if v.cached <= 0 {
		v.cached = 20_000
	}
	var err error
	if v.secrets, err = secrets.New(o.MasterKey); err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	if err := v.checkMaster(ctx); err != nil {
		return nil, v.describe(err)
	}
	v.ctx, v.stop = context.WithCancel(context.WithoutCancel(ctx))
	v.asking = newAsking(v)
	v.workers.Go(v.listen)
	return v, nil
}

// checkMaster compares the master key with the mark that the vault was made with.
func (v *Vault) checkMaster(ctx context.Context) error {
	if _, err := v.db.Own.Exec(ctx, "INSERT INTO lonja_vault.meta (name, value) VALUES ('check', $1) ON CONFLICT DO NOTHING", v.secrets.Mark()); err != nil {
		return err
	}
	var mark []byte
	if err := v.db.Own.QueryRow(ctx, "SELECT value FROM lonja_vault.meta WHERE name = 'check'").Scan(&mark); err != nil {
		return err
	}
	return v.secrets.CheckMark(mark)
}

// Close ends the vault, not its database.
func (v *Vault) Close() error {
	if v.ended.Swap(true) {
		return nil
	}
	v.stop()
	v.workers.Wait()
	return nil
}

func (v *Vault) describe(err error) error {
	if err == nil {
		return nil
	}
	return v.db.Describe("vault", err)
}

// ask runs a query that changes nothing, or nothing more when it is run again.
func (v *Vault) ask(ctx context.Context, sql string, args []any, row func(pgx.Rows) error) error {
	return v.describe(v.db.Again(ctx, v.db.Own, func() error {
		if v.ended.Load() {
			return errClosed
		}
		rows, err := v.db.Own.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := row(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	}))
}

// run executes one statement, and returns how many rows it changed.
func (v *Vault) run(ctx context.Context, sql string, args ...any) (int64, error) {
	if v.ended.Load() {
		return 0, errClosed
	}
	tag, err := v.db.Own.Exec(ctx, sql, args...)
	return tag.RowsAffected(), v.describe(err)
}

// change runs f in one transaction, after all others of the same lock.
func (v *Vault) change(ctx context.Context, lock string, f func(pgx.Tx) error) error {
	if v.ended.Load() {
		return errClosed
	}
	return v.describe(pgx.BeginFunc(ctx, v.db.Own, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "lonja vault "+lock); err != nil {
			return err
		}
		return f(tx)
	}))
}

// b is a text as the columns have it.
func b[S ~string](s S) []byte { return []byte(s) }

// Key implements event.Keys.
func (v *Vault) Key(ctx context.Context, account id.Account, subject string) (*event.Key, error) {
	name := keyName{account, subject}
	v.mu.Lock()
	before, cache := v.generation, v.keys
	v.mu.Unlock()
	if cache != nil {
		if k, ok := cache.Get(name); ok {
			return k, nil
		}
	}
	found := false
	var wrapped []byte
	if err := v.ask(ctx, "SELECT wrapped FROM lonja_vault.keys WHERE account = $1 AND subject = $2", []any{b(account), b(subject)}, func(r pgx.Rows) error {
		found = true
		return r.Scan(&wrapped)
	}); err != nil {
		return nil, err
	}
	switch {
	case !found:
		return nil, event.ErrNoKey
	case wrapped == nil:
		return nil, event.ErrErased
	}
	k, err := v.secrets.OpenKey(account, subject, wrapped)
	if err != nil {
		return nil, v.describe(err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.generation == before && v.keys != nil {
		v.keys.Add(name, k)
	}
	return k, nil
}

// EnsureKey implements commands.Keys.
func (v *Vault) EnsureKey(ctx context.Context, account id.Account, subject string) error {
	_, err := v.Key(ctx, account, subject)
	if err == nil || !errors.Is(err, event.ErrNoKey) {
		return err
	}
	if _, err := v.run(ctx, "INSERT INTO lonja_vault.keys (account, subject, wrapped) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		b(account), b(subject), v.secrets.NewKey(account, subject)); err != nil {
		return err
	}
	_, err = v.Key(ctx, account, subject)
	return err
}

// EraseKey implements commands.Keys.
func (v *Vault) EraseKey(ctx context.Context, account id.Account, subject string) error {
	err := v.change(ctx, "keys", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO lonja_vault.keys (account, subject, wrapped) VALUES ($1, $2, NULL) ON CONFLICT (account, subject) DO UPDATE SET wrapped = NULL", b(account), b(subject)); err != nil {
			return err
		}
		// Reasons may quote events of the subject.
		if _, err := tx.Exec(ctx, "UPDATE lonja_vault.parked SET reason = 'erased' WHERE account = $1 AND (contact = $2 OR contact = '' AND account = $2) AND reason <> ''",
			database.Text(string(account)), database.Text(subject)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "SELECT pg_notify($1, '')", erasures)
		return err
	})
	if err != nil {
		return err
	}
	v.forget()
	v.clearKeys(ctx)
	return nil
}

// clearKeys writes the table of keys anew: what was overwritten is in its pages until then.
// It is a small table. Who reads it is waited for a moment only, since everybody else would
// wait behind that (a backup reads for long): then it is tried again, later and beside.
func (v *Vault) clearKeys(ctx context.Context) {
	if err := v.rewriteKeys(ctx); err == nil || v.clearing.Swap(true) {
		return
	}
	v.workers.Go(func() {
		t := time.NewTicker(v.clearAgain)
		defer t.Stop()
		for {
			select {
			case <-t.C:
			case <-v.ctx.Done():
				return
			}
			// What is thrown away from here on, this may not clear: that has a try of its own then.
			v.clearing.Store(false)
			err := v.rewriteKeys(v.ctx)
			if err == nil || v.clearing.Swap(true) {
				return
			}
			v.logger.Warn("the pages with keys that were thrown away could not be cleared: trying again", "error", err)
		}
	})
}

// How long clearing waits for readers, and until it is tried again.
const (
	clearPatience = "500ms"
	clearAgain    = 30 * time.Second
)

func (v *Vault) rewriteKeys(ctx context.Context) error {
	if v.ended.Load() {
		return errClosed
	}
	return v.describe(v.db.Own.AcquireFunc(ctx, func(c *pgxpool.Conn) (err error) {
		if _, err := c.Exec(ctx, "SET lock_timeout = '"+clearPatience+"'"); err != nil {
			return err
		}
		defer func() {
			_, reset := c.Exec(context.WithoutCancel(ctx), "RESET lock_timeout")
			err = errors.Join(err, reset)
		}()
		_, err = c.Exec(ctx, "VACUUM (FULL) lonja_vault.keys")
		return err
	}))
}

// forget empties the cache. Erasures are rare, and keys are quick to open again.
func (v *Vault) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.generation++
	if v.keys != nil {
		v.keys.Purge()
	}
}

// Blind implements commands.Blinder.
func (v *Vault) Blind(_ context.Context, account id.Account, purpose, value string) (string, error) {
	return v.secrets.Blind(account, purpose, value), nil
}

// Accounts returns the accounts that have a key of their own, which each has from its opening on.
func (v *Vault) Accounts(ctx context.Context) ([]id.Account, error) {
	var out []id.Account
	err := v.ask(ctx, "SELECT account FROM lonja_vault.keys WHERE account = subject ORDER BY account", nil, func(r pgx.Rows) error {
		var account []byte
		err := r.Scan(&account)
		out = append(out, id.Account(account))
		return err
	})
	return out, err
}

// erasures is the channel on which nodes tell each other that a key was thrown away.
const erasures = "lonja_erasures"

// pingEvery is how often a node that hears nothing asks whether it still would. A node that
// is cut off without a word keeps keys for no longer than this and pingPatience.
const (
	pingEvery    = 3 * time.Second
	pingPatience = 2 * time.Second
)

// listen keeps the cache of keys: there is one only while this node hears of erasures.
func (v *Vault) listen() {
	backoff := 50 * time.Millisecond
	for v.ctx.Err() == nil {
		err := v.hear(func() { backoff = 50 * time.Millisecond })
		v.cache(false)
		if v.ctx.Err() != nil {
			return
		}
		v.logger.Warn("vault: listening for keys that are thrown away; again soon", "database", v.db.Name(), "error", err)
		ctx, cancel := context.WithTimeout(v.ctx, backoff)
		<-ctx.Done()
		cancel()
		backoff = min(2*backoff, 2*time.Second)
	}
}

func (v *Vault) cache(on bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.generation++
	v.keys = nil
	if on {
		v.keys, _ = lru.New[keyName, *event.Key](v.cached) // fails for no size that is positive
	}
}

func (v *Vault) hear(listening func()) error {
	conn, err := v.db.Connect(v.ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), pingPatience)
		defer cancel()
		_ = conn.Close(ctx) // it is closed in any case
	}()
	if _, err := conn.Exec(v.ctx, "LISTEN "+erasures); err != nil {
		return err
	}
	v.cache(true)
	listening()
	for {
		ctx, cancel := context.WithTimeout(v.ctx, pingEvery)
		_, err := conn.WaitForNotification(ctx)
		cancel()
		switch {
		case err == nil:
			v.forget()
		case v.ctx.Err() != nil:
			return v.ctx.Err()
		case !errors.Is(err, context.DeadlineExceeded) || conn.IsClosed():
			return err
		default:
			ctx, cancel := context.WithTimeout(v.ctx, pingPatience)
			err := conn.Ping(ctx)
			cancel()
			if err != nil {
				return err
			}
		}
	}
}
