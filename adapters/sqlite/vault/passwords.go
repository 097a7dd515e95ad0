package vault

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/commands"
	"lonja/domain/id"
)

// SetPassword implements commands.Passwords.
func (v *Vault) SetPassword(ctx context.Context, account id.Account, owner string, login id.ID, password string) error {
	hash, tag, err := v.secrets.HashPassword(ctx, account, password)
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	taken := false
	err = v.change(ctx, func(c *sqlite.Conn) error {
		if err := sqlitex.Execute(c, "SELECT 1 FROM passwords WHERE account = ? AND tag = ? AND owner <> ? LIMIT 1", &sqlitex.ExecOptions{
			Args:       []any{string(account), tag, owner},
			ResultFunc: func(*sqlite.Stmt) error { taken = true; return nil },
		}); err != nil || taken {
			return err
		}
		return sqlitex.Execute(c, `INSERT INTO passwords (account, login, owner, hash, tag) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET owner = excluded.owner, hash = excluded.hash, tag = excluded.tag`,
			&sqlitex.ExecOptions{Args: []any{string(account), string(login), owner, hash, tag}})
	})
	if err == nil && taken {
		err = commands.ErrPasswordTaken
	}
	return err
}

// RemovePassword implements commands.Passwords.
func (v *Vault) RemovePassword(ctx context.Context, account id.Account, login id.ID) error {
	return v.change(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, "DELETE FROM passwords WHERE account = ? AND login = ?", &sqlitex.ExecOptions{Args: []any{string(account), string(login)}})
	})
}

// HasPassword implements commands.Passwords.
func (v *Vault) HasPassword(ctx context.Context, account id.Account, login id.ID) (bool, error) {
	_, ok, err := v.hash(ctx, account, login)
	return ok, err
}

func (v *Vault) hash(ctx context.Context, account id.Account, login id.ID) (hash string, ok bool, err error) {
	err = v.query(ctx, "SELECT hash FROM passwords WHERE account = ? AND login = ?", []any{string(account), string(login)}, func(s *sqlite.Stmt) error {
		hash, ok = s.ColumnText(0), true
		return nil
	})
	return hash, ok, err
}

// VerifyPassword implements commands.Passwords.
func (v *Vault) VerifyPassword(ctx context.Context, account id.Account, login id.ID, password string) (bool, error) {
	hash, _, err := v.hash(ctx, account, login)
	if err != nil {
		return false, err
	}
	match, err := v.secrets.Matches(ctx, hash, password)
	if err != nil {
		return false, fmt.Errorf("vault: hash of login %s: %w", login, err)
	}
	return match, nil
}
