package vault

import (
	"context"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/adapters/secrets"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// Checkpoint returns how far a follower of the log is, 0 for one that never began.
func (v *Vault) Checkpoint(ctx context.Context, name string) (event.Position, error) {
	var p event.Position
	err := v.query(ctx, "SELECT position FROM checkpoints WHERE name = ?", []any{name}, func(s *sqlite.Stmt) error {
		p = event.Position(s.ColumnInt64(0))
		return nil
	})
	return p, err
}

// SetCheckpoint notes how far a follower is. It never moves backwards.
func (v *Vault) SetCheckpoint(ctx context.Context, name string, p event.Position) error {
	return v.change(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, "INSERT INTO checkpoints (name, position) VALUES (?, ?) ON CONFLICT DO UPDATE SET position = max(position, excluded.position)",
			&sqlitex.ExecOptions{Args: []any{name, int64(p)}})
	})
}

// Parked returns what a follower has parked, skipped events too, oldest first.
func (v *Vault) Parked(ctx context.Context, name string) ([]readmodels.Parked, error) {
	var out []readmodels.Parked
	err := v.query(ctx, "SELECT position, account, contact, stream, revision, type, reason, at, skipped FROM parked WHERE name = ? ORDER BY position", []any{name}, func(s *sqlite.Stmt) error {
		out = append(out, readmodels.Parked{
			Position: event.Position(s.ColumnInt64(0)), Account: id.Account(s.ColumnText(1)), Contact: id.Contact(s.ColumnText(2)),
			Stream: s.ColumnText(3), Revision: event.Revision(s.ColumnInt64(4)), Type: s.ColumnText(5), Reason: s.ColumnText(6),
			At: secrets.Time(s.ColumnInt64(7)), Skipped: s.ColumnBool(8),
		})
		return nil
	})
	return out, err
}

// Park keeps an event for a follower, in place of what was kept of its position.
func (v *Vault) Park(ctx context.Context, name string, p readmodels.Parked) error {
	return v.change(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, "INSERT OR REPLACE INTO parked (name, position, account, contact, stream, revision, type, reason, at, skipped) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			&sqlitex.ExecOptions{Args: []any{
				name, int64(p.Position), string(p.Account), string(p.Contact), p.Stream, int64(p.Revision), p.Type, p.Reason, secrets.Millis(p.At), p.Skipped,
			}})
	})
}

// Unpark forgets a parked event. One that is not there is no error.
func (v *Vault) Unpark(ctx context.Context, name string, p event.Position) error {
	return v.change(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, "DELETE FROM parked WHERE name = ? AND position = ?", &sqlitex.ExecOptions{Args: []any{name, int64(p)}})
	})
}

// eraseReasons takes the reasons out of what is parked of a subject whose key is thrown
// away: they may quote its events.
func eraseReasons(c *sqlite.Conn, account id.Account, subject string) error {
	return sqlitex.Execute(c, "UPDATE parked SET reason = 'erased' WHERE account = ?1 AND (contact = ?2 OR contact = '' AND account = ?2) AND reason <> ''",
		&sqlitex.ExecOptions{Args: []any{string(account), subject}})
}
