// Package database connects to the PostgreSQL that the stores of a scaled-out system share,
// and brings its schemas to this program's format: two nodes that start at once do so one
// after the other.
//
// Its user owns the schemas and needs no more than that: it is no superuser. Reads for
// people run as the role lonja_reader and what projections write as lonja_writer, both
// subject to row-level security, and neither may see the vault or the attachments.
package database

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// What can be wrong with a database. Every error of the stores wraps one of these where it
// applies, and names the database.
var (
	// ErrForeign says that the database has schemas of these names that are not Lonja's.
	ErrForeign = errors.New("not a database of Lonja")
	// ErrNewer says that a newer program has brought the database to its format.
	ErrNewer = errors.New("written by a newer program")
	// ErrRights says that the user lacks a right; the message says which to give.
	ErrRights = errors.New("the user of the connection lacks a right")
	// ErrAway says that the server can't be reached, or went away.
	ErrAway = errors.New("the server can't be reached")
	// ErrDiskFull says that the server has no space left; nothing was written.
	ErrDiskFull = errors.New("the server's disk is full")
	// ErrCorrupt says that the server found its own data damaged: restore its backup. Read
	// models alone can be rebuilt from the events.
	ErrCorrupt = errors.New("the server's data is damaged; restore it from its backup")
)

// The roles, which a server's databases share.
const (
	Reader = "lonja_reader"
	Writer = "lonja_writer"
)

// Options are the choices of a connection. The zero value is right for a server.
type Options struct {
	// Conns is the most connections of each of the three kinds. 0 means 10.
	Conns int
}

// DB is the database, with a pool of connections for each kind of work.
type DB struct {
	Own    *pgxpool.Pool // as the owner: schemas, vault, attachments
	Writes *pgxpool.Pool // as lonja_writer: what projections write
	Reads  *pgxpool.Pool // as lonja_reader: what people see

	name    string
	config  *pgx.ConnConfig
	binding []byte // the secret of lonja.binding
}

var errUnreadable = errors.New("postgres: the connection string can't be read: want postgres://user:password@host:port/database, " +
	"with what is no letter and no digit in the password as %XX ('/' is %2F, '@' is %40)")

// Open connects to the database of a connection string (postgres://user:password@host/database)
// and brings it to this program's format.
func Open(ctx context.Context, url string, o Options) (_ *DB, err error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errUnreadable // the parser's error may quote the password
	}
	if strings.Contains(c.ConnConfig.Host+c.ConnConfig.Database, "@") {
		return nil, errUnreadable // a password with a slash ends up in them, and would be told with every error
	}
	db := &DB{name: fmt.Sprintf("%s:%d/%s", c.ConnConfig.Host, c.ConnConfig.Port, c.ConnConfig.Database)}
	c.MaxConns = int32(o.Conns)
	if o.Conns <= 0 {
		c.MaxConns = 10
	}
	for name, value := range map[string]string{
		"application_name": "lonja", "timezone": "UTC", "default_transaction_isolation": "read committed", "jit": "off",
		// Pages look for no names but their own.
		"search_path": "pg_catalog",
	} {
		c.ConnConfig.RuntimeParams[name] = value
	}
	db.config = c.ConnConfig.Copy()
	if err := db.migrate(ctx); err != nil {
		return nil, db.Describe("bring it to this program's format", err)
	}
	defer func() {
		if err != nil {
			db.Close()
		}
	}()
	for _, p := range []struct {
		to    **pgxpool.Pool
		setup []string
	}{
		// Rows are looked for by their keys: a plan is as good for all values, and made once.
		{&db.Own, []string{"SET plan_cache_mode = force_generic_plan"}},
		// A commit that a crash of the server takes back took its checkpoint with it, and is folded again.
		// Rows are looked for by their keys, never by reading whole tables: however small they were
		// when a plan was made, they may have grown since.
		{&db.Writes, []string{"SET ROLE " + Writer, "SET synchronous_commit = off",
			"SET enable_seqscan = off", "SET enable_bitmapscan = off", "SET enable_hashjoin = off", "SET enable_mergejoin = off", "SET plan_cache_mode = force_generic_plan"}},
		// The order of rows comes from their indexes, whatever the values asked for.
		{&db.Reads, []string{"SET ROLE " + Reader, "SET enable_seqscan = off", "SET enable_bitmapscan = off", "SET enable_sort = off", "SET plan_cache_mode = force_generic_plan"}},
	} {
		of := c.Copy()
		of.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
			for _, sql := range p.setup {
				if _, err := conn.Exec(ctx, sql); err != nil {
					return err
				}
			}
			return nil
		}
		if *p.to, err = pgxpool.NewWithConfig(ctx, of); err != nil {
			return nil, db.Describe("connect", err)
		}
	}
	if err := db.Own.QueryRow(ctx, "SELECT secret FROM lonja.binding").Scan(&db.binding); err != nil {
		return nil, db.Describe("read how transactions are bound", err)
	}
	return db, nil
}

// Proof proves that whoever binds a transaction to an account's contact is this program:
// see lonja.bound.
func (db *DB) Proof(scope, account, contact string) string {
	inner := sha256.New()
	inner.Write(db.binding)
	inner.Write([]byte(scope + "\x00" + account + "\x00" + contact))
	outer := sha256.Sum256(inner.Sum(append([]byte{}, db.binding...)))
	return hex.EncodeToString(outer[:])
}

// Close ends the connections, after those that are lent out came back.
func (db *DB) Close() {
	for _, p := range []*pgxpool.Pool{db.Own, db.Writes, db.Reads} {
		if p != nil {
			p.Close()
		}
	}
}

// Connect makes a connection of no pool, as the owner.
func (db *DB) Connect(ctx context.Context) (*pgx.Conn, error) {
	return pgx.ConnectConfig(ctx, db.config.Copy())
}

// Name names the database in errors, without user and password.
func (db *DB) Name() string { return db.name }

// Describe puts the database and what was being done before an error, and one of the
// sentinels above where the error is such.
func (db *DB) Describe(doing string, err error) error {
	if err == nil {
		return nil
	}
	if kind := kindOf(err); kind != nil && !errors.Is(err, kind) {
		return fmt.Errorf("postgres %s: %s: %w: %w", db.name, doing, kind, err)
	}
	return fmt.Errorf("postgres %s: %s: %w", db.name, doing, err)
}

func kindOf(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case pg.Code == "53100":
			return ErrDiskFull
		case pg.Code == "XX001", pg.Code == "XX002":
			return ErrCorrupt
		case pg.Code == "42501":
			return ErrRights
		case Away(err):
			return ErrAway
		}
		return nil
	}
	if Away(err) {
		return ErrAway
	}
	return nil
}

// Away reports whether an error says that the connection was lost or that there is none:
// what was asked for may be asked again.
func Away(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code[:2] {
		case "08", "57": // connection exceptions; shutting down, crashed, starting up
			return pg.Code != "57014" // a statement that was cancelled
		}
		return false
	}
	var connect *pgconn.ConnectError
	return errors.As(err, &connect) || pgconn.SafeToRetry(err) || lost(err)
}

// tries is how often something that changes nothing is asked for.
const tries = 3

// Again runs f, which asks a pool and changes nothing, again where a connection was lost:
// it may have been so for long, and so may be the others that lie idle.
func (db *DB) Again(ctx context.Context, pool *pgxpool.Pool, f func() error) error {
	for try := 1; ; try++ {
		err := f()
		if err == nil || try == tries || ctx.Err() != nil || !Away(err) {
			return err
		}
		pool.Reset()
	}
}

// Is reports whether the server answered with the code of an error.
func Is(err error, codes ...string) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	for _, c := range codes {
		if pg.Code == c {
			return true
		}
	}
	return false
}

//go:embed migrations/*.sql
var files embed.FS

// migrationLock is held while a node looks at the format and changes it: "Lonj".
const migrationLock = 0x4c6f6e6a

func (db *DB) migrate(ctx context.Context) (err error) {
	steps, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return err
	}
	conn, err := db.Connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, conn.Close(ctx))
	}()
	var encoding string
	if err := conn.QueryRow(ctx, "SELECT current_setting('server_encoding')").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("its encoding is %s: make a database with ENCODING 'UTF8' and name that", encoding)
	}
	if err := ensureRoles(ctx, conn); err != nil {
		return err
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback(context.WithoutCancel(ctx)) // the first error counts
		}
	}()
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", migrationLock); err != nil {
		return err
	}
	at, err := format(ctx, tx)
	if err != nil {
		return err
	}
	if at > len(steps) {
		return fmt.Errorf("%w: it has format %d, this program knows up to %d; nothing was changed", ErrNewer, at, len(steps))
	}
	for _, file := range steps[at:] {
		sql, err := files.ReadFile(file)
		if err != nil {
			return err
		}
		at++
		if _, err := tx.Exec(ctx, string(sql)); err != nil {
			return fmt.Errorf("format %d: %w", at, err)
		}
		if _, err := tx.Exec(ctx, "INSERT INTO lonja.formats (format) VALUES ($1)", at); err != nil {
			return fmt.Errorf("format %d: %w", at, err)
		}
	}
	return tx.Commit(ctx)
}

// format returns the format of the database, 0 for one that was made just now.
func format(ctx context.Context, tx pgx.Tx) (int, error) {
	var schemas, marked bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname LIKE 'lonja%'), to_regclass('lonja.formats') IS NOT NULL`).Scan(&schemas, &marked)
	if err != nil {
		return 0, err
	}
	if !marked {
		if schemas {
			return 0, fmt.Errorf("%w: it has a schema lonja without a table of formats; nothing was changed", ErrForeign)
		}
		_, err := tx.Exec(ctx, `CREATE SCHEMA lonja; CREATE TABLE lonja.formats (format integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())`)
		return 0, err
	}
	at := 0
	err = tx.QueryRow(ctx, "SELECT coalesce(max(format), 0) FROM lonja.formats").Scan(&at)
	return at, err
}

// ensureRoles makes the roles that the server lacks, and sees to it that the user may
// become them. Roles are the server's: nodes of other databases may make them at the same moment.
func ensureRoles(ctx context.Context, conn *pgx.Conn) error {
	for _, role := range []string{Reader, Writer} {
		var err error
		for range 10 {
			var exists, member, super, bypasses bool
			if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1),
				coalesce((SELECT pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = $1), false),
				coalesce((SELECT rolsuper FROM pg_roles WHERE rolname = $1), false),
				coalesce((SELECT rolbypassrls FROM pg_roles WHERE rolname = $1), false)`, role).Scan(&exists, &member, &super, &bypasses); err != nil {
				return err
			}
			if super || bypasses {
				return fmt.Errorf("%w: the role %s is not bound by row-level security: ALTER ROLE %s NOSUPERUSER NOBYPASSRLS", ErrForeign, role, role)
			}
			if exists && member {
				err = nil
				break
			}
			sql := "GRANT " + role + " TO CURRENT_USER"
			if !exists {
				sql = "CREATE ROLE " + role + " NOLOGIN"
			}
			if _, err = conn.Exec(ctx, sql); err == nil || Is(err, "42710", "23505", "XX000") {
				continue // made by another at the same moment: look again
			}
			break
		}
		if Is(err, "42501") {
			return fmt.Errorf("%w: it may not make the role %s or become it; as a superuser: CREATE ROLE %s NOLOGIN; GRANT %s TO %s: %w", ErrRights, role, role, role, conn.Config().User, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Text returns a text as PostgreSQL takes it, for what people read only: without NUL
// bytes, and valid.
func Text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
