// Package blobs keeps the sealed bytes of attachments in PostgreSQL, so that every node
// has them: in parts, so that neither storing nor sending a file needs it whole in memory.
package blobs

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"lonja/adapters/postgres/database"
	"lonja/commands"
	"lonja/domain/id"
)

// unfinished is how long a blob may get no part before its node is taken for gone.
const unfinished = "1 hour"

// Store implements commands.Blobs.
type Store struct {
	db    *database.DB
	ended atomic.Bool
}

var _ commands.Blobs = (*Store)(nil)

var (
	errClosed = errors.New("attachments: closed")
	errErased = errors.New("the file that was being attached was erased with its contact: attach it again")
)

// Open opens the attachments of a database, which must stay open until the store is closed.
// What nodes that are gone did not commit is removed.
func Open(ctx context.Context, db *database.DB) (*Store, error) {
	s := &Store{db: db}
	_, err := s.execute(ctx, "DELETE FROM lonja_blobs.blobs WHERE name IS NULL AND begun < now() - interval '"+unfinished+"'")
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close ends the store, not its database.
func (s *Store) Close() error {
	s.ended.Store(true)
	return nil
}

func (s *Store) describe(err error) error { return s.db.Describe("attachments", err) }

// ask runs a query of at most one row, which changes nothing.
func (s *Store) ask(ctx context.Context, to []any, sql string, args ...any) (found bool, err error) {
	err = s.db.Again(ctx, s.db.Own, func() error {
		if s.ended.Load() {
			return errClosed
		}
		return s.db.Own.QueryRow(ctx, sql, args...).Scan(to...)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, s.describe(err)
}

// execute is one statement.
func (s *Store) execute(ctx context.Context, sql string, args ...any) (changed int64, err error) {
	if s.ended.Load() {
		return 0, errClosed
	}
	tag, err := s.db.Own.Exec(ctx, sql, args...)
	return tag.RowsAffected(), s.describe(err)
}

// sometime has a transaction not wait for the disk: the commit of a blob, after it in the
// same write-ahead log, waits for all before it.
const sometime = "SELECT set_config('synchronous_commit', 'off', true)"

const ofName = " WHERE account = $1 AND contact = $2 AND document = $3 AND name = $4"

func named(of commands.Thread, name string) []any {
	return []any{[]byte(of.Account), []byte(of.Contact), []byte(of.Document), []byte(name)}
}

// NewBlob implements commands.Blobs.
func (s *Store) NewBlob(ctx context.Context, of commands.Thread) (commands.BlobWriter, error) {
	if s.ended.Load() {
		return nil, errClosed
	}
	w := &writer{store: s, of: of}
	batch := &pgx.Batch{}
	batch.Queue(sometime)
	batch.Queue("INSERT INTO lonja_blobs.blobs (account, contact, document, size, note, kept, settled) VALUES ($1, $2, $3, 0, '', 0, false) RETURNING number", named(of, "")[:3]...).
		QueryRow(func(row pgx.Row) error { return row.Scan(&w.number) })
	if err := s.db.Own.SendBatch(ctx, batch).Close(); err != nil {
		return nil, s.describe(err)
	}
	return w, nil
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
	if w.store.ended.Load() {
		return errClosed
	}
	if part == nil {
		part = []byte{}
	}
	batch := &pgx.Batch{}
	batch.Queue(sometime)
	batch.Queue("INSERT INTO lonja_blobs.parts (blob, n, data) VALUES ($1, $2, $3)", w.number, w.parts, part)
	batch.Queue("UPDATE lonja_blobs.blobs SET begun = now() WHERE number = $1 AND begun < now() - interval '1 minute'", w.number)
	err := w.store.db.Own.SendBatch(ctx, batch).Close()
	if database.Is(err, "23503") { // there is no such blob
		err = errErased
	}
	w.parts++
	return w.store.describe(err)
}

// Commit implements commands.BlobWriter.
func (w *writer) Commit(ctx context.Context, b commands.Blob, at time.Time) error {
	if w.store.ended.Load() {
		return errClosed
	}
	note := b.Note
	if note == nil {
		note = []byte{}
	}
	err := pgx.BeginFunc(ctx, w.store.db.Own, func(tx pgx.Tx) error {
		// Of two of the same name in the same thread the first stays.
		lock := fmt.Sprintf("lonja blob %x %x %x %x", w.of.Account, w.of.Contact, w.of.Document, b.Name)
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", lock); err != nil {
			return err
		}
		there, err := tx.Exec(ctx, keep, append(named(w.of, b.Name), at.UnixMilli())...)
		if err != nil {
			return err
		}
		if there.RowsAffected() > 0 {
			_, err := tx.Exec(ctx, remove, w.number)
			return err
		}
		tag, err := tx.Exec(ctx, "UPDATE lonja_blobs.blobs SET name = $2, size = $3, note = $4, kept = $5 WHERE number = $1", w.number, []byte(b.Name), b.Size, note, at.UnixMilli())
		if err == nil && tag.RowsAffected() == 0 {
			err = errErased
		}
		return err
	})
	w.ended = w.ended || err == nil
	return w.store.describe(err)
}

// Abort implements commands.BlobWriter.
func (w *writer) Abort(ctx context.Context) error {
	if w.ended {
		return nil
	}
	w.ended = true
	_, err := w.store.execute(ctx, remove+" AND name IS NULL", w.number)
	return err
}

const (
	keep   = "UPDATE lonja_blobs.blobs SET kept = greatest(kept, $5)" + ofName
	remove = "DELETE FROM lonja_blobs.blobs WHERE number = $1" // its parts go with it
)

// FindBlob implements commands.Blobs.
func (s *Store) FindBlob(ctx context.Context, of commands.Thread, name string) (b commands.Blob, found bool, err error) {
	found, err = s.ask(ctx, []any{&b.Size, &b.Note}, "SELECT size, note FROM lonja_blobs.blobs"+ofName, named(of, name)...)
	if err != nil || !found {
		return commands.Blob{}, false, err
	}
	b.Name = name
	return b, true, nil
}

// BlobPart implements commands.Blobs.
func (s *Store) BlobPart(ctx context.Context, of commands.Thread, name string, n int) (part []byte, found bool, err error) {
	found, err = s.ask(ctx, []any{&part}, "SELECT data FROM lonja_blobs.parts WHERE blob = (SELECT number FROM lonja_blobs.blobs"+ofName+") AND n = $5", append(named(of, name), n)...)
	return part, found, err
}

// BlobBytes implements commands.Blobs.
func (s *Store) BlobBytes(ctx context.Context, of commands.Thread) (sum int64, err error) {
	_, err = s.ask(ctx, []any{&sum}, "SELECT coalesce(sum(size), 0)::bigint FROM lonja_blobs.blobs WHERE account = $1 AND contact = $2 AND document = $3", named(of, "")[:3]...)
	return sum, err
}

// KeepBlob implements commands.Blobs.
func (s *Store) KeepBlob(ctx context.Context, of commands.Thread, name string, at time.Time) (bool, error) {
	n, err := s.execute(ctx, keep, append(named(of, name), at.UnixMilli())...)
	return n > 0, err
}

// SettleBlob implements commands.Blobs.
func (s *Store) SettleBlob(ctx context.Context, of commands.Thread, name string) error {
	_, err := s.execute(ctx, "UPDATE lonja_blobs.blobs SET settled = true"+ofName, named(of, name)...)
	return err
}

// LooseBlobs implements commands.Blobs.
func (s *Store) LooseBlobs(ctx context.Context, account id.Account, before time.Time, limit int) ([]commands.LooseBlob, error) {
	if s.ended.Load() {
		return nil, errClosed
	}
	rows, err := s.db.Own.Query(ctx, "SELECT contact, document, name FROM lonja_blobs.blobs WHERE account = $1 AND NOT settled AND kept < $2 AND name IS NOT NULL ORDER BY kept, number LIMIT $3",
		[]byte(account), before.UnixMilli(), limit)
	if err != nil {
		return nil, s.describe(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (commands.LooseBlob, error) {
		var contact, document, name []byte
		err := row.Scan(&contact, &document, &name)
		return commands.LooseBlob{Thread: commands.Thread{Account: account, Contact: id.Contact(contact), Document: id.ID(document)}, Name: string(name)}, err
	})
	return out, s.describe(err)
}

// DropBlob implements commands.Blobs.
func (s *Store) DropBlob(ctx context.Context, of commands.Thread, name string, before time.Time) error {
	_, err := s.execute(ctx, "DELETE FROM lonja_blobs.blobs"+ofName+" AND NOT settled AND kept < $5", append(named(of, name), before.UnixMilli())...)
	return err
}

// EraseBlobs implements commands.Blobs.
func (s *Store) EraseBlobs(ctx context.Context, account id.Account, contact id.Contact) error {
	_, err := s.execute(ctx, "DELETE FROM lonja_blobs.blobs WHERE account = $1 AND contact = $2", []byte(account), []byte(contact))
	return err
}
