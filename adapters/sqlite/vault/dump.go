package vault

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// tables are all that another vault of the same master key needs; meta has the mark of that.
var tables = []string{"keys", "passwords", "tokens", "sessions", "checkpoints", "parked", "requests", "totps", "tries", "recovery_codes", "passkeys", "steps"}

// Dump calls row for every row of the vault, as it was at one moment: the values are texts,
// int64s, bytes or nil. Nothing in them is open: keys are wrapped, secrets sealed or hashed.
func (v *Vault) Dump(ctx context.Context, row func(table string, columns []string, values []any) error) (err error) {
	conn, err := v.read.Take(ctx)
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	defer v.read.Put(conn)
	defer sqlitex.Transaction(conn)(&err)
	for _, t := range tables {
		var columns []string
		err := sqlitex.ExecuteTransient(conn, "SELECT * FROM "+t, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
			if columns == nil {
				for i := range s.ColumnCount() {
					columns = append(columns, strings.Clone(s.ColumnName(i)))
				}
			}
			values := make([]any, len(columns))
			for i := range values {
				switch s.ColumnType(i) {
				case sqlite.TypeInteger:
					values[i] = s.ColumnInt64(i)
				case sqlite.TypeText:
					values[i] = s.ColumnText(i)
				case sqlite.TypeBlob:
					b := make([]byte, s.ColumnLen(i))
					s.ColumnBytes(i, b)
					values[i] = b
				}
			}
			return row(t, columns, values)
		}})
		if err != nil {
			return fmt.Errorf("vault %s: %s: %w", v.path, t, err)
		}
	}
	return nil
}

// FolderKey returns the master key that lies beside a vault, where none was given to it.
func FolderKey(path string) ([]byte, error) {
	return masterKey(filepath.Join(filepath.Dir(path), "master.key"), nil, false)
}
