package vault

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/adapters/secrets"
	"lonja/domain/id"
)

// BindRequest implements commands.Requests.
func (v *Vault) BindRequest(ctx context.Context, account id.Account, key, fingerprint string, now, until time.Time) (bound string, err error) {
	err = v.change(ctx, func(c *sqlite.Conn) error {
		// Whoever binds a key clears away what has expired.
		if err := sqlitex.Execute(c, "DELETE FROM requests WHERE expires <= ?", &sqlitex.ExecOptions{Args: []any{secrets.Millis(now)}}); err != nil {
			return err
		}
		if err := sqlitex.Execute(c, "INSERT INTO requests (account, key, fingerprint, expires) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
			&sqlitex.ExecOptions{Args: []any{string(account), key, fingerprint, secrets.Millis(until)}}); err != nil {
			return err
		}
		return sqlitex.Execute(c, "SELECT fingerprint FROM requests WHERE account = ? AND key = ?", &sqlitex.ExecOptions{
			Args: []any{string(account), key}, ResultFunc: func(s *sqlite.Stmt) error { bound = s.ColumnText(0); return nil },
		})
	})
	return bound, err
}
