// Package vault keeps secrets in SQLite: sealing keys wrapped by a master key,
// password hashes, tokens and sessions. It is a file of its own, so that a copy of the
// log or of the read models holds none of them.
package vault

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/adapters/secrets"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
)

const applicationID = 0x4c6f6e56 // "LonV"

// formats are the steps from an empty file to this program's format: the first makes
// version 1, and so on. What was released is never changed.
var formats = []string{`
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE keys (
	account TEXT NOT NULL,
	subject TEXT NOT NULL,
	wrapped BLOB,              -- NULL once erased
	PRIMARY KEY (account, subject)
) STRICT, WITHOUT ROWID;
CREATE TABLE passwords (
	account TEXT NOT NULL,
	login   TEXT NOT NULL,
	owner   TEXT NOT NULL,
	hash    TEXT NOT NULL,     -- Argon2id, salted per login
	tag     BLOB NOT NULL,     -- Argon2id, salted per account, under the master key: finds equal passwords
	PRIMARY KEY (account, login)
) STRICT, WITHOUT ROWID;
CREATE INDEX passwords_tag ON passwords (account, tag);
CREATE TABLE tokens (
	hash    BLOB PRIMARY KEY,
	account TEXT NOT NULL,
	purpose TEXT NOT NULL,
	subject TEXT NOT NULL,
	contact TEXT NOT NULL,
	expires INTEGER NOT NULL   -- milliseconds since 1970; 0 never
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_subject ON tokens (account, purpose, subject);
CREATE TABLE sessions (
	hash    BLOB PRIMARY KEY,
	account TEXT NOT NULL,
	contact TEXT NOT NULL,
	kind    TEXT NOT NULL,
	actor   TEXT NOT NULL,
	created INTEGER NOT NULL,
	seen    INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	agent   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_actor ON sessions (account, kind, actor);
CREATE TABLE checkpoints (name TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT;
`, `
CREATE TABLE parked (
	name     TEXT    NOT NULL, -- the reaction, as in checkpoints
	position INTEGER NOT NULL,
	account  TEXT    NOT NULL,
	contact  TEXT    NOT NULL,
	stream   TEXT    NOT NULL,
	revision INTEGER NOT NULL,
	type     TEXT    NOT NULL,
	reason   TEXT    NOT NULL, -- "" for those that wait behind another
	at       INTEGER NOT NULL, -- milliseconds since 1970
	skipped  INTEGER NOT NULL, -- 1: a record only
	PRIMARY KEY (name, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX parked_contact ON parked (account, contact);
`, `
CREATE TABLE requests (
	account     TEXT    NOT NULL,
	key         TEXT    NOT NULL, -- blinded
	fingerprint TEXT    NOT NULL, -- blinded: a request may hold a password
	expires     INTEGER NOT NULL, -- milliseconds since 1970
	PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_expires ON requests (expires);
`, `
CREATE TABLE totps (
	account TEXT    NOT NULL,
	person  TEXT    NOT NULL,
	secret  BLOB    NOT NULL,  -- sealed under the master key
	step    INTEGER NOT NULL,  -- the newest whose code was used
	PRIMARY KEY (account, person)
) STRICT, WITHOUT ROWID;
CREATE TABLE tries (
	account TEXT    NOT NULL,
	person  TEXT    NOT NULL,
	count   INTEGER NOT NULL,
	PRIMARY KEY (account, person)
) STRICT, WITHOUT ROWID;
CREATE TABLE recovery_codes (
	account TEXT NOT NULL,
	person  TEXT NOT NULL,
	hash    BLOB NOT NULL,     -- keyed by the master key
	PRIMARY KEY (account, person, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE passkeys (
	account    TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	kind       TEXT    NOT NULL,
	person     TEXT    NOT NULL,
	contact    TEXT    NOT NULL,
	credential BLOB    NOT NULL,
	record     BLOB    NOT NULL, -- sealed under the master key
	created    INTEGER NOT NULL, -- milliseconds since 1970
	used       INTEGER NOT NULL, -- 0 never
	PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX passkeys_credential ON passkeys (account, credential);
CREATE INDEX passkeys_person ON passkeys (account, person);
CREATE TABLE steps (
	hash     BLOB    PRIMARY KEY,
	account  TEXT    NOT NULL,
	purpose  TEXT    NOT NULL,
	kind     TEXT    NOT NULL,
	actor    TEXT    NOT NULL,
	contact  TEXT    NOT NULL,
	revision INTEGER NOT NULL,
	data     BLOB    NOT NULL, -- sealed under the master key
	expires  INTEGER NOT NULL  -- milliseconds since 1970
) STRICT, WITHOUT ROWID;
CREATE INDEX steps_expires ON steps (expires);
`}

// Options are the choices of a vault. The zero value is right for a server.
type Options struct {
	// MasterKey wraps the keys. Empty: it is read from the file master.key beside the
	// vault, which is made where neither exists.
	MasterKey []byte
	// CachedKeys bounds how many opened keys are kept, 0 is 20,000 (some 20 MB).
	CachedKeys int
}

// Vault implements commands.Vault.
type Vault struct {
	path     string
	secrets  *secrets.Secrets
	read     *sqlitex.Pool
	keys     *lru.Cache[keyName, *event.Key]
	sessions *lru.Cache[[32]byte, commands.Session]

	mu    sync.Mutex // one writer
	write *sqlite.Conn
	ended bool
	// generation counts ended sessions and erased keys, so that what was read before is
	// not put into a cache after.
	generation uint64
}

type keyName struct {
	account id.Account
	subject string
}

// What can be wrong with a vault.
var (
	// ErrForeign says that the file is not a vault of this program or of one older.
	ErrForeign = errors.New("not a vault of this program")
)

// Open opens the vault's file, making it where it is missing.
func Open(ctx context.Context, path string, o Options) (*Vault, error) {
	v, err := open(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("vault %s: %w", path, err)
	}
	return v, nil
}

func open(ctx context.Context, path string, o Options) (_ *Vault, err error) {
	_, statErr := os.Stat(path)
	fresh := errors.Is(statErr, fs.ErrNotExist)
	master, err := masterKey(filepath.Join(filepath.Dir(path), "master.key"), o.MasterKey, fresh)
	if err != nil {
		return nil, err
	}
	v := &Vault{path: path}
	if v.secrets, err = secrets.New(master); err != nil {
		return nil, err
	}
	if o.CachedKeys == 0 {
		o.CachedKeys = 20_000
	}
	if v.keys, err = lru.New[keyName, *event.Key](o.CachedKeys); err != nil {
		return nil, err
	}
	if v.sessions, err = lru.New[[32]byte, commands.Session](10_000); err != nil {
		return nil, err
	}
	if fresh {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	if v.write, err = sqlite.OpenConn(path, sqlite.OpenReadWrite); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, v.write.Close())
		}
	}()
	v.write.SetInterrupt(ctx.Done())
	if err := v.prepare(fresh); err != nil {
		return nil, err
	}
	v.write.SetInterrupt(nil)
	v.read, err = sqlitex.NewPool(path, sqlitex.PoolOptions{Flags: sqlite.OpenReadWrite, PoolSize: 2 * runtime.NumCPU(), PrepareConn: func(c *sqlite.Conn) error {
		return sqlitex.ExecuteTransient(c, "PRAGMA query_only = 1", nil)
	}})
	return v, err
}

func (v *Vault) prepare(fresh bool) error {
	var app, version int
	for name, to := range map[string]*int{"application_id": &app, "user_version": &version} {
		if err := sqlitex.ExecuteTransient(v.write, "PRAGMA "+name, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
			*to = s.ColumnInt(0)
			return nil
		}}); err != nil {
			return err
		}
	}
	if !fresh && app == 0 && version == 0 { // creation was cut short
		tables := 0
		if err := sqlitex.ExecuteTransient(v.write, "SELECT count(*) FROM sqlite_schema", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
			tables = s.ColumnInt(0)
			return nil
		}}); err != nil {
			return err
		}
		fresh = tables == 0
	}
	switch {
	case fresh:
		version = 0
	case app != applicationID:
		return fmt.Errorf("%w: application id %#x; nothing was changed", ErrForeign, app)
	case version > len(formats):
		return fmt.Errorf("%w: format %d, this program knows up to %d; nothing was changed", ErrForeign, version, len(formats))
	}
	for _, step := range formats[version:] {
		version++
		// A script is one transaction: the file is of one version or of the other.
		if err := sqlitex.ExecuteScript(v.write, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; %s", applicationID, version, step), nil); err != nil {
			return fmt.Errorf("bringing it to format %d: %w", version, err)
		}
	}
	for _, p := range []string{"journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "busy_timeout = 5000"} {
		if err := sqlitex.ExecuteTransient(v.write, "PRAGMA "+p, nil); err != nil {
			return err
		}
	}
	return v.checkMaster()
}

// checkMaster compares the master key with the mark that the vault was made with.
func (v *Vault) checkMaster() error {
	var have []byte
	if err := sqlitex.Execute(v.write, "SELECT value FROM meta WHERE name = 'check'", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		have = blob(s, 0)
		return nil
	}}); err != nil {
		return err
	}
	if have == nil {
		return sqlitex.Execute(v.write, "INSERT INTO meta (name, value) VALUES ('check', ?)", &sqlitex.ExecOptions{Args: []any{v.secrets.Mark()}})
	}
	return v.secrets.CheckMark(have)
}

// masterKey returns the given key, or that of the file, which is made for a fresh vault only:
// a vault whose key is missing is an accident that a new key would make final.
func masterKey(file string, given []byte, fresh bool) ([]byte, error) {
	if len(given) > 0 {
		if len(given) != 32 {
			return nil, fmt.Errorf("the master key has %d bytes, want 32", len(given))
		}
		return given, nil
	}
	text, err := os.ReadFile(file)
	switch {
	case err == nil:
		key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
		if err != nil || len(key) != 32 {
			return nil, fmt.Errorf("%s is not a master key of 32 bytes in base64", file)
		}
		return key, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case !fresh:
		return nil, fmt.Errorf("%s is missing: without it the personal data of this folder can't be read; put it back from your backup", file)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key, writeDurably(file, []byte(base64.StdEncoding.EncodeToString(key)+"\n"))
}

func writeDurably(file string, content []byte) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Close ends the vault.
func (v *Vault) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ended {
		return nil
	}
	v.ended = true
	return errors.Join(v.read.Close(), v.write.Close())
}

// query runs one statement on a connection of the pool.
func (v *Vault) query(ctx context.Context, sql string, args []any, row func(*sqlite.Stmt) error) error {
	conn, err := v.read.Take(ctx)
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	defer v.read.Put(conn)
	if err := sqlitex.Execute(conn, sql, &sqlitex.ExecOptions{Args: args, ResultFunc: row}); err != nil {
		return fmt.Errorf("vault %s: %w", v.path, err)
	}
	return nil
}

// change runs f in one transaction of the writer.
func (v *Vault) change(ctx context.Context, f func(*sqlite.Conn) error) (err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ended {
		return errors.New("vault: closed")
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	end, err := sqlitex.ImmediateTransaction(v.write)
	if err != nil {
		return fmt.Errorf("vault %s: %w", v.path, err)
	}
	func() {
		defer end(&err)
		err = f(v.write)
	}()
	if err != nil {
		return fmt.Errorf("vault %s: %w", v.path, err)
	}
	return nil
}

func blob(s *sqlite.Stmt, col int) []byte {
	b := make([]byte, s.ColumnLen(col))
	s.ColumnBytes(col, b)
	return b
}

// Key implements event.Keys.
func (v *Vault) Key(ctx context.Context, account id.Account, subject string) (*event.Key, error) {
	name := keyName{account, subject}
	if k, ok := v.keys.Get(name); ok {
		return k, nil
	}
	v.mu.Lock()
	before := v.generation
	v.mu.Unlock()
	found, erased := false, false
	var wrapped []byte
	if err := v.query(ctx, "SELECT wrapped FROM keys WHERE account = ? AND subject = ?", []any{string(account), subject}, func(s *sqlite.Stmt) error {
		found, erased = true, s.ColumnIsNull(0)
		wrapped = blob(s, 0)
		return nil
	}); err != nil {
		return nil, err
	}
	switch {
	case !found:
		return nil, event.ErrNoKey
	case erased:
		return nil, event.ErrErased
	}
	k, err := v.secrets.OpenKey(account, subject, wrapped)
	if err != nil {
		return nil, fmt.Errorf("vault %s: %w", v.path, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.generation == before {
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
	if err := v.change(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, "INSERT INTO keys (account, subject, wrapped) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
			&sqlitex.ExecOptions{Args: []any{string(account), subject, v.secrets.NewKey(account, subject)}})
	}); err != nil {
		return err
	}
	_, err = v.Key(ctx, account, subject)
	return err
}

// EraseKey implements commands.Keys.
func (v *Vault) EraseKey(ctx context.Context, account id.Account, subject string) error {
	err := v.change(ctx, func(c *sqlite.Conn) error {
		if err := sqlitex.Execute(c, "INSERT INTO keys (account, subject, wrapped) VALUES (?, ?, NULL) ON CONFLICT DO UPDATE SET wrapped = NULL",
			&sqlitex.ExecOptions{Args: []any{string(account), subject}}); err != nil {
			return err
		}
		return eraseReasons(c, account, subject)
	})
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.generation++
	v.keys.Remove(keyName{account, subject})
	// What was overwritten may still be in the write-ahead log: move it out and empty that.
	if err := sqlitex.ExecuteTransient(v.write, "PRAGMA wal_checkpoint(TRUNCATE)", nil); err != nil {
		return fmt.Errorf("vault %s: %w", v.path, err)
	}
	return nil
}

// Blind implements commands.Blinder.
func (v *Vault) Blind(_ context.Context, account id.Account, purpose, value string) (string, error) {
	return v.secrets.Blind(account, purpose, value), nil
}

// Accounts returns the accounts that have a key of their own, which each has from its opening on.
func (v *Vault) Accounts(ctx context.Context) ([]id.Account, error) {
	var out []id.Account
	err := v.query(ctx, "SELECT account FROM keys WHERE account = subject ORDER BY account", nil, func(s *sqlite.Stmt) error {
		out = append(out, id.Account(s.ColumnText(0)))
		return nil
	})
	return out, err
}
