package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// tables are all that another vault of the same master key needs; meta has the mark of that.
var tables = []string{"keys", "passwords", "tokens", "sessions", "checkpoints", "parked", "requests", "totps", "tries", "recovery_codes", "passkeys", "steps"}

// ErrNotEmpty says that the vault holds something already.
var ErrNotEmpty = errors.New("the vault in PostgreSQL is not empty: it is of a running system, or of a move that has ended. Give an empty database; nothing was changed")

// restoreRows is how many rows of a table go to the server at once.
const restoreRows = 5000

// Restore fills an empty vault with the rows of another of the same master key, all or
// nothing. dump calls its argument for each.
func (v *Vault) Restore(ctx context.Context, dump func(row func(table string, columns []string, values []any) error) error) error {
	tx, err := v.db.Own.Begin(ctx)
	if err != nil {
		return v.describe(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // after Commit it does nothing
	for _, t := range tables {
		// The lock keeps a node from writing what the rows would be beside.
		if _, err := tx.Exec(ctx, "LOCK TABLE lonja_vault."+t+" IN EXCLUSIVE MODE"); err != nil {
			return v.describe(err)
		}
		var any bool
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM lonja_vault."+t+")").Scan(&any); err != nil {
			return v.describe(err)
		}
		if any {
			return ErrNotEmpty
		}
	}
	r := &restoring{ctx: ctx, tx: tx}
	if err := dump(r.row); err != nil {
		return err
	}
	if err := r.flush(); err != nil {
		return v.describe(err)
	}
	return v.describe(tx.Commit(ctx))
}

// restoring copies rows, those of one table together.
type restoring struct {
	ctx     context.Context
	tx      pgx.Tx
	table   string
	columns []string
	types   []string
	rows    [][]any
}

func (r *restoring) row(table string, columns []string, values []any) error {
	if table != r.table {
		if err := r.flush(); err != nil {
			return err
		}
		if err := r.begin(table, columns); err != nil {
			return err
		}
	}
	out := make([]any, len(values))
	for i, value := range values {
		out[i] = value
		switch x := value.(type) {
		case string:
			if r.types[i] == "bytea" {
				out[i] = []byte(x)
			}
		case int64:
			if r.types[i] == "boolean" {
				out[i] = x != 0
			}
		}
	}
	if r.rows = append(r.rows, out); len(r.rows) >= restoreRows {
		return r.flush()
	}
	return nil
}

func (r *restoring) begin(table string, columns []string) error {
	if !slices.Contains(tables, table) {
		return fmt.Errorf("vault: this program knows no table %s: it is older than the one that wrote the vault", table)
	}
	r.table, r.columns, r.types = table, columns, nil
	for _, c := range columns {
		var kind string
		err := r.tx.QueryRow(r.ctx, "SELECT data_type FROM information_schema.columns WHERE table_schema = 'lonja_vault' AND table_name = $1 AND column_name = $2", table, c).Scan(&kind)
		if err != nil {
			return fmt.Errorf("vault: column %s of %s: %w", c, table, err)
		}
		r.types = append(r.types, kind)
	}
	return nil
}

func (r *restoring) flush() error {
	if len(r.rows) == 0 {
		return nil
	}
	_, err := r.tx.CopyFrom(r.ctx, pgx.Identifier{"lonja_vault", r.table}, r.columns, pgx.CopyFromRows(r.rows))
	r.rows = r.rows[:0]
	return err
}

// Dump calls row for every row of the vault, as it was at one moment: the values are texts,
// int64s, booleans, bytes or nil. Nothing in them is open: keys are wrapped, secrets sealed or
// hashed.
func (v *Vault) Dump(ctx context.Context, row func(table string, columns []string, values []any) error) error {
	tx, err := v.db.Own.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return v.describe(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // it has only read
	for _, t := range tables {
		rows, err := tx.Query(ctx, "SELECT * FROM lonja_vault."+t)
		if err != nil {
			return v.describe(err)
		}
		var columns []string
		for _, f := range rows.FieldDescriptions() {
			columns = append(columns, f.Name)
		}
		for rows.Next() && err == nil {
			var values []any
			if values, err = rows.Values(); err == nil {
				err = row(t, columns, values)
			}
		}
		rows.Close()
		if err = errors.Join(err, rows.Err()); err != nil {
			return v.describe(err)
		}
	}
	return nil
}
