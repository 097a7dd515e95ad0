// Package blobs keeps the sealed bytes of attachments in SQLite: in parts, so that
// neither storing nor sending a file needs it whole in memory. It is a file of its own,
// since it grows as neither the log nor the vault do.
package blobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/commands"
	"lonja/domain/id"
)

const applicationID = 0x4c6f6e42 // "LonB"

// formats are the steps from an empty file to this program's format: the first makes
// version 1, and so on. What was released is never changed.
var formats = []string{`
CREATE TABLE blobs (
	number   INTEGER PRIMARY KEY,
	account  TEXT NOT NULL,
	contact  TEXT NOT NULL,
	document TEXT NOT NULL,
	name     TEXT,             -- NULL until it is committed
	size     INTEGER NOT NULL,
	note     BLOB NOT NULL,
	kept     INTEGER NOT NULL, -- milliseconds since 1970
	settled  INTEGER NOT NULL, -- 1: an event names it
	UNIQUE (account, contact, document, name)
) STRICT;
CREATE INDEX blobs_loose ON blobs (account, kept) WHERE settled = 0;
CREATE TABLE parts (
	blob INTEGER NOT NULL,
	n    INTEGER NOT NULL,
	data BLOB NOT NULL,
	UNIQUE (blob, n)
) STRICT;
`}

// Store implements commands.Blobs.
type Store struct {
	path string
	read *sqlitex.Pool

	mu    sync.Mutex // one writer
	write *sqlite.Conn
	last  int64 // number of the newest blob that was begun: none is given twice while somebody may write to it
	ended bool
}

// What can be wrong with a file.
var (
	// ErrForeign says that the file is not of this program or of one older.
	ErrForeign = errors.New("not a store of attachments of this program")
	errClosed  = errors.New("closed")
	errErased  = errors.New("the file that was being attached was erased with its contact")
)

// Open opens the store's file, making it where it is missing. What was not committed
// when the process ended is removed.
func Open(ctx context.Context, path string) (*Store, error) {
	s, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("attachments %s: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string) (_ *Store, err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	s := &Store{path: path}
	if s.write, err = sqlite.OpenConn(path, sqlite.OpenReadWrite); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.write.Close())
		}
	}()
	s.write.SetInterrupt(ctx.Done())
	if err := s.prepare(); err != nil {
		return nil, err
	}
	s.write.SetInterrupt(nil)
	s.read, err = sqlitex.NewPool(path, sqlitex.PoolOptions{Flags: sqlite.OpenReadWrite, PoolSize: 2 * runtime.NumCPU(), PrepareConn: func(c *sqlite.Conn) error {
		return sqlitex.ExecuteTransient(c, "PRAGMA query_only = 1", nil)
	}})
	return s, err
}

func (s *Store) prepare() error {
	var app, version, tables int
	for query, to := range map[string]*int{"PRAGMA application_id": &app, "PRAGMA user_version": &version, "SELECT count(*) FROM sqlite_schema": &tables} {
		if err := sqlitex.ExecuteTransient(s.write, query, &sqlitex.ExecOptions{ResultFunc: func(st *sqlite.Stmt) error {
			*to = st.ColumnInt(0)
			return nil
		}}); err != nil {
			return err
		}
	}
	switch fresh := app == 0 && version == 0 && tables == 0; {
	case fresh:
	case app != applicationID:
		return fmt.Errorf("%w: application id %#x; nothing was changed", ErrForeign, app)
	case version > len(formats):
		return fmt.Errorf("%w: format %d, this program knows up to %d; nothing was changed", ErrForeign, version, len(formats))
	}
	for _, step := range formats[version:] {
		version++
		// A script is one transaction: the file is of one version or of the other.
		if err := sqlitex.ExecuteScript(s.write, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; %s", applicationID, version, step), nil); err != nil {
			return fmt.Errorf("bringing it to format %d: %w", version, err)
		}
	}
	for _, p := range []string{"journal_mode = WAL", "secure_delete = ON", "busy_timeout = 5000"} {
		if err := sqlitex.ExecuteTransient(s.write, "PRAGMA "+p, nil); err != nil {
			return err
		}
	}
	return sqlitex.ExecuteScript(s.write, "DELETE FROM parts WHERE blob IN (SELECT number FROM blobs WHERE name IS NULL); DELETE FROM blobs WHERE name IS NULL;", nil)
}

// Close ends the store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	s.ended = true
	return errors.Join(s.read.Close(), s.write.Close())
}

// query runs one statement on a connection of the pool.
func (s *Store) query(ctx context.Context, sql string, args []any, row func(*sqlite.Stmt) error) error {
	conn, err := s.read.Take(ctx)
	if err != nil {
		return fmt.Errorf("attachments: %w", err)
	}
	defer s.read.Put(conn)
	if err := sqlitex.Execute(conn, sql, &sqlitex.ExecOptions{Args: args, ResultFunc: row}); err != nil {
		return fmt.Errorf("attachments %s: %w", s.path, err)
	}
	return nil
}

// How long a change is waited for. Parts are not: the commit of their blob comes after
// them in the same write-ahead log, and is waited for together with all before it.
const (
	durably  = "PRAGMA synchronous = FULL"
	sometime = "PRAGMA synchronous = NORMAL"
)

// change runs f in one transaction of the writer.
func (s *Store) change(ctx context.Context, how string, f func(*sqlite.Conn) error) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if err != nil {
			err = fmt.Errorf("attachments %s: %w", s.path, err)
		}
	}()
	if s.ended {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := sqlitex.ExecuteTransient(s.write, how, nil); err != nil {
		return err
	}
	end, err := sqlitex.ImmediateTransaction(s.write)
	if err != nil {
		return err
	}
	defer end(&err)
	return f(s.write)
}

// execute is one statement of a change.
func (s *Store) execute(ctx context.Context, sql string, args ...any) (changed int, err error) {
	err = s.change(ctx, durably, func(c *sqlite.Conn) error {
		err := sqlitex.Execute(c, sql, &sqlitex.ExecOptions{Args: args})
		changed = c.Changes()
		return err
	})
	return changed, err
}

const ofName = " WHERE account = ? AND contact = ? AND document = ? AND name = ?"

func named(of commands.Thread, name string) []any {
	return []any{string(of.Account), string(of.Contact), string(of.Document), name}
}

// NewBlob implements commands.Blobs.
func (s *Store) NewBlob(ctx context.Context, of commands.Thread) (commands.BlobWriter, error) {
	w := &writer{store: s, of: of}
	err := s.change(ctx, sometime, func(c *sqlite.Conn) error {
		err := sqlitex.Execute(c, "INSERT INTO blobs (number, account, contact, document, size, note, kept, settled) SELECT 1 + max(?, coalesce(max(number), 0)), ?, ?, ?, 0, x'', 0, 0 FROM blobs",
			&sqlitex.ExecOptions{Args: []any{s.last, string(of.Account), string(of.Contact), string(of.Document)}})
		if err == nil {
			w.number = c.LastInsertRowID()
			s.last = w.number
		}
		return err
	})
	return w, err
}

// writer is a blob that is not there yet.
type writer struct {
	store  *Store
	of     commands.Thread
	number int64
	parts  int
	ended  bool
}

// Append implements commands.BlobWriter.
func (w *writer) Append(ctx context.Context, part []byte) error {
	err := w.store.change(ctx, sometime, func(c *sqlite.Conn) error {
		return stillThere(c, sqlitex.Execute(c, "INSERT INTO parts (blob, n, data) SELECT number, ?, ? FROM blobs WHERE number = ?", &sqlitex.ExecOptions{Args: []any{w.parts, part, w.number}}))
	})
	w.parts++
	return err
}

// Commit implements commands.BlobWriter.
func (w *writer) Commit(ctx context.Context, b commands.Blob, at time.Time) error {
	err := w.store.change(ctx, durably, func(c *sqlite.Conn) error {
		there, err := keep(c, w.of, b.Name, at)
		if err != nil {
			return err
		}
		if there {
			return remove(c, w.number)
		}
		return stillThere(c, sqlitex.Execute(c, "UPDATE blobs SET name = ?, size = ?, note = ?, kept = ? WHERE number = ?",
			&sqlitex.ExecOptions{Args: []any{b.Name, b.Size, b.Note, at.UnixMilli(), w.number}}))
	})
	w.ended = w.ended || err == nil
	return err
}

// Abort implements commands.BlobWriter.
func (w *writer) Abort(ctx context.Context) error {
	if w.ended {
		return nil
	}
	w.ended = true
	return w.store.change(ctx, sometime, func(c *sqlite.Conn) error { return remove(c, w.number) })
}

// stillThere is the error of a statement that writes to a blob, which may have been erased.
func stillThere(c *sqlite.Conn, err error) error {
	if err == nil && c.Changes() == 0 {
		err = errErased
	}
	return err
}

func remove(c *sqlite.Conn, number int64) error {
	for _, sql := range []string{"DELETE FROM parts WHERE blob = ?", "DELETE FROM blobs WHERE number = ?"} {
		if err := sqlitex.Execute(c, sql, &sqlitex.ExecOptions{Args: []any{number}}); err != nil {
			return err
		}
	}
	return nil
}

func keep(c *sqlite.Conn, of commands.Thread, name string, at time.Time) (bool, error) {
	err := sqlitex.Execute(c, "UPDATE blobs SET kept = max(kept, ?)"+ofName, &sqlitex.ExecOptions{Args: append([]any{at.UnixMilli()}, named(of, name)...)})
	return c.Changes() > 0, err
}

// FindBlob implements commands.Blobs.
func (s *Store) FindBlob(ctx context.Context, of commands.Thread, name string) (b commands.Blob, found bool, err error) {
	err = s.query(ctx, "SELECT size, note FROM blobs"+ofName, named(of, name), func(st *sqlite.Stmt) error {
		b, found = commands.Blob{Name: name, Size: st.ColumnInt64(0), Note: bytes(st, 1)}, true
		return nil
	})
	return b, found, err
}

// BlobPart implements commands.Blobs.
func (s *Store) BlobPart(ctx context.Context, of commands.Thread, name string, n int) (part []byte, found bool, err error) {
	err = s.query(ctx, "SELECT data FROM parts WHERE blob = (SELECT number FROM blobs"+ofName+") AND n = ?", append(named(of, name), n), func(st *sqlite.Stmt) error {
		part, found = bytes(st, 0), true
		return nil
	})
	return part, found, err
}

func bytes(st *sqlite.Stmt, col int) []byte {
	b := make([]byte, st.ColumnLen(col))
	st.ColumnBytes(col, b)
	return b
}

// BlobBytes implements commands.Blobs.
func (s *Store) BlobBytes(ctx context.Context, of commands.Thread) (sum int64, err error) {
	err = s.query(ctx, "SELECT coalesce(sum(size), 0) FROM blobs WHERE account = ? AND contact = ? AND document = ?", named(of, "")[:3], func(st *sqlite.Stmt) error {
		sum = st.ColumnInt64(0)
		return nil
	})
	return sum, err
}

// KeepBlob implements commands.Blobs.
func (s *Store) KeepBlob(ctx context.Context, of commands.Thread, name string, at time.Time) (kept bool, err error) {
	err = s.change(ctx, durably, func(c *sqlite.Conn) (err error) {
		kept, err = keep(c, of, name, at)
		return err
	})
	return kept, err
}

// SettleBlob implements commands.Blobs.
func (s *Store) SettleBlob(ctx context.Context, of commands.Thread, name string) error {
	_, err := s.execute(ctx, "UPDATE blobs SET settled = 1"+ofName, named(of, name)...)
	return err
}

// LooseBlobs implements commands.Blobs.
func (s *Store) LooseBlobs(ctx context.Context, account id.Account, before time.Time, limit int) (out []commands.LooseBlob, err error) {
	err = s.query(ctx, "SELECT contact, document, name FROM blobs WHERE account = ? AND settled = 0 AND kept < ? AND name IS NOT NULL ORDER BY kept, number LIMIT ?",
		[]any{string(account), before.UnixMilli(), limit}, func(st *sqlite.Stmt) error {
			of := commands.Thread{Account: account, Contact: id.Contact(st.ColumnText(0)), Document: id.ID(st.ColumnText(1))}
			out = append(out, commands.LooseBlob{Thread: of, Name: st.ColumnText(2)})
			return nil
		})
	return out, err
}

// DropBlob implements commands.Blobs.
func (s *Store) DropBlob(ctx context.Context, of commands.Thread, name string, before time.Time) error {
	return s.change(ctx, durably, func(c *sqlite.Conn) error {
		number := int64(-1)
		if err := sqlitex.Execute(c, "SELECT number FROM blobs"+ofName+" AND settled = 0 AND kept < ?", &sqlitex.ExecOptions{
			Args: append(named(of, name), before.UnixMilli()), ResultFunc: func(st *sqlite.Stmt) error {
				number = st.ColumnInt64(0)
				return nil
			},
		}); err != nil || number < 0 {
			return err
		}
		return remove(c, number)
	})
}

// EraseBlobs implements commands.Blobs.
func (s *Store) EraseBlobs(ctx context.Context, account id.Account, contact id.Contact) error {
	return s.change(ctx, durably, func(c *sqlite.Conn) error {
		const of = " WHERE account = ? AND contact = ?"
		for _, sql := range []string{"DELETE FROM parts WHERE blob IN (SELECT number FROM blobs" + of + ")", "DELETE FROM blobs" + of} {
			if err := sqlitex.Execute(c, sql, &sqlitex.ExecOptions{Args: []any{string(account), string(contact)}}); err != nil {
				return err
			}
		}
		return nil
	})
}
