package sandbox

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/domain/document"
	"lonja/domain/id"
)

// store is the sandbox's own memory: a few rows, one connection.
type store struct {
	mu   sync.Mutex
	conn *sqlite.Conn
}

// delivery is one sending of a notice.
type delivery struct {
	ID       int64
	Notice   string
	Body     []byte
	Due      time.Time
	Attempts int
}

const schema = `
CREATE TABLE IF NOT EXISTS sandbox (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
	ref TEXT PRIMARY KEY, token TEXT NOT NULL UNIQUE, account TEXT NOT NULL, payment TEXT NOT NULL,
	amount TEXT NOT NULL, reference TEXT NOT NULL, shop TEXT NOT NULL, language TEXT NOT NULL, return_url TEXT NOT NULL,
	until INTEGER NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, on_day TEXT NOT NULL, refunded TEXT NOT NULL,
	UNIQUE (account, payment)
);
CREATE INDEX IF NOT EXISTS open_sessions ON sessions (until) WHERE status = 'open';
CREATE TABLE IF NOT EXISTS deliveries (
	id INTEGER PRIMARY KEY, notice TEXT NOT NULL, body BLOB NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS due_deliveries ON deliveries (due, id);
`

func openStore(ctx context.Context, path string, random io.Reader) (*store, []byte, error) {
	// SQLite gives the files that it makes beside it the same mode.
	switch f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); {
	case errors.Is(err, fs.ErrExist):
	case err != nil:
		return nil, nil, fmt.Errorf("sandbox: %w", err)
	default:
		if err := f.Close(); err != nil {
			return nil, nil, fmt.Errorf("sandbox: %w", err)
		}
	}
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenWAL)
	if err != nil {
		return nil, nil, fmt.Errorf("sandbox: opening %s: %w", path, err)
	}
	s := &store{conn: conn}
	var secret []byte
	err = s.use(ctx, func(conn *sqlite.Conn) error {
		if err := sqlitex.ExecuteTransient(conn, "PRAGMA synchronous = FULL", nil); err != nil {
			return err
		}
		if err := sqlitex.ExecuteScript(conn, schema, nil); err != nil {
			return err
		}
		var raw [32]byte
		if _, err := io.ReadFull(random, raw[:]); err != nil {
			return err
		}
		if err := sqlitex.Execute(conn, "INSERT INTO sandbox (key, value) VALUES ('secret', ?) ON CONFLICT DO NOTHING",
			&sqlitex.ExecOptions{Args: []any{hex.EncodeToString(raw[:])}}); err != nil {
			return err
		}
		return sqlitex.Execute(conn, "SELECT value FROM sandbox WHERE key = 'secret'", &sqlitex.ExecOptions{
			ResultFunc: func(row *sqlite.Stmt) (err error) {
				secret, err = hex.DecodeString(row.ColumnText(0))
				return err
			},
		})
	})
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("sandbox: preparing %s: %w", path, err), conn.Close())
	}
	return s, secret, nil
}

func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn.Close()
}

// use lends the connection; a context that ends interrupts what it does.
func (s *store) use(ctx context.Context, f func(*sqlite.Conn) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn.SetInterrupt(ctx.Done())
	defer s.conn.SetInterrupt(nil)
	return f(s.conn)
}

const columns = "ref, token, account, payment, amount, reference, shop, language, return_url, until, status, reason, on_day, refunded"

func scan(row *sqlite.Stmt) (session, error) {
	s := session{
		Ref: row.ColumnText(0), Token: row.ColumnText(1), Account: id.Account(row.ColumnText(2)), Payment: id.ID(row.ColumnText(3)),
		Reference: row.ColumnText(5), Shop: row.ColumnText(6), Language: row.ColumnText(7), ReturnURL: row.ColumnText(8),
		Until: time.UnixMilli(row.ColumnInt64(9)).UTC(), Status: status(row.ColumnText(10)), Reason: row.ColumnText(11),
		On: document.Date(row.ColumnText(12)),
	}
	return s, errors.Join(s.Amount.UnmarshalText([]byte(row.ColumnText(4))), s.Refunded.UnmarshalText([]byte(row.ColumnText(13))))
}

func find(conn *sqlite.Conn, where string, args ...any) (found session, err error) {
	n := 0
	err = sqlitex.Execute(conn, "SELECT "+columns+" FROM sessions WHERE "+where, &sqlitex.ExecOptions{
		Args: args,
		ResultFunc: func(row *sqlite.Stmt) (err error) {
			n++
			found, err = scan(row)
			return err
		},
	})
	if err == nil && n == 0 {
		err = ErrUnknownSession
	}
	return found, err
}

// open keeps a new session, or returns the one that its payment already has.
func (s *store) open(ctx context.Context, n session) (out session, err error) {
	err = s.use(ctx, func(conn *sqlite.Conn) error {
		if err := sqlitex.Execute(conn, "INSERT INTO sessions ("+columns+") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (account, payment) DO NOTHING",
			&sqlitex.ExecOptions{Args: []any{
				n.Ref, n.Token, string(n.Account), string(n.Payment), n.Amount.String(), n.Reference, n.Shop, n.Language, n.ReturnURL,
				n.Until.UnixMilli(), string(n.Status), n.Reason, string(n.On), n.Refunded.String(),
			}}); err != nil {
			return fmt.Errorf("sandbox: keeping a session: %w", err)
		}
		out, err = find(conn, "account = ? AND payment = ?", string(n.Account), string(n.Payment))
		return err
	})
	return out, err
}

// session finds one by its "ref" or "token".
func (s *store) session(ctx context.Context, by, value string) (out session, err error) {
	err = s.use(ctx, func(conn *sqlite.Conn) error {
		out, err = find(conn, by+" = ?", value)
		return err
	})
	return out, err
}

// change lets f turn a session into another and keeps it together with the deliveries that tell of it.
func (s *store) change(ctx context.Context, ref string, f func(session) (session, []delivery, error)) (out session, err error) {
	err = s.use(ctx, func(conn *sqlite.Conn) (err error) {
		end, err := sqlitex.ImmediateTransaction(conn)
		if err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
		defer end(&err)
		if out, err = find(conn, "ref = ?", ref); err != nil {
			return err
		}
		var due []delivery
		if out, due, err = f(out); err != nil || len(due) == 0 {
			return err
		}
		if err = sqlitex.Execute(conn, "UPDATE sessions SET status = ?, reason = ?, on_day = ?, refunded = ? WHERE ref = ?", &sqlitex.ExecOptions{
			Args: []any{string(out.Status), out.Reason, string(out.On), out.Refunded.String(), ref},
		}); err != nil {
			return fmt.Errorf("sandbox: changing session %s: %w", ref, err)
		}
		for _, d := range due {
			if err = sqlitex.Execute(conn, "INSERT INTO deliveries (notice, body, due) VALUES (?,?,?)", &sqlitex.ExecOptions{
				Args: []any{d.Notice, d.Body, d.Due.UnixMilli()},
			}); err != nil {
				return fmt.Errorf("sandbox: queueing notice %s: %w", d.Notice, err)
			}
		}
		return nil
	})
	return out, err
}

// next returns the delivery and the open session that are due first, where there are any.
func (s *store) next(ctx context.Context) (d *delivery, ends *session, err error) {
	err = s.use(ctx, func(conn *sqlite.Conn) error {
		if err := sqlitex.Execute(conn, "SELECT id, notice, body, due, attempts FROM deliveries ORDER BY due, id LIMIT 1", &sqlitex.ExecOptions{
			ResultFunc: func(row *sqlite.Stmt) error {
				d = &delivery{ID: row.ColumnInt64(0), Notice: row.ColumnText(1), Due: time.UnixMilli(row.ColumnInt64(3)).UTC(), Attempts: row.ColumnInt(4)}
				d.Body = make([]byte, row.ColumnLen(2))
				row.ColumnBytes(2, d.Body)
				return nil
			},
		}); err != nil {
			return err
		}
		open, err := find(conn, "status = 'open' ORDER BY until LIMIT 1")
		if errors.Is(err, ErrUnknownSession) {
			return nil
		}
		ends = &open
		return err
	})
	return d, ends, err
}

// settle forgets a delivery that was taken or given up, or puts it off.
func (s *store) settle(ctx context.Context, d *delivery, again time.Time) error {
	return s.use(ctx, func(conn *sqlite.Conn) error {
		if again.IsZero() {
			return sqlitex.Execute(conn, "DELETE FROM deliveries WHERE id = ?", &sqlitex.ExecOptions{Args: []any{d.ID}})
		}
		return sqlitex.Execute(conn, "UPDATE deliveries SET due = ?, attempts = attempts + 1 WHERE id = ?", &sqlitex.ExecOptions{Args: []any{again.UnixMilli(), d.ID}})
	})
}
