package vault

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

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
	// One after the other of an account, or two could set the same password side by side.
	err = v.change(ctx, "passwords "+fmt.Sprintf("%x", string(account)), func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM lonja_vault.passwords WHERE account = $1 AND tag = $2 AND owner <> $3)", b(account), tag, b(owner)).Scan(&taken); err != nil || taken {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO lonja_vault.passwords (account, login, owner, hash, tag) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (account, login) DO UPDATE SET owner = excluded.owner, hash = excluded.hash, tag = excluded.tag`, b(account), b(login), b(owner), hash, tag)
		return err
	})
	if err == nil && taken {
		err = commands.ErrPasswordTaken
	}
	return err
}

// RemovePassword implements commands.Passwords.
func (v *Vault) RemovePassword(ctx context.Context, account id.Account, login id.ID) error {
	_, err := v.run(ctx, "DELETE FROM lonja_vault.passwords WHERE account = $1 AND login = $2", b(account), b(login))
	return err
}

// HasPassword implements commands.Passwords.
func (v *Vault) HasPassword(ctx context.Context, account id.Account, login id.ID) (bool, error) {
	hash, err := v.hash(ctx, account, login)
	return hash != "", err
}

// hash returns "" where there is none.
func (v *Vault) hash(ctx context.Context, account id.Account, login id.ID) (hash string, err error) {
	err = v.ask(ctx, "SELECT hash FROM lonja_vault.passwords WHERE account = $1 AND login = $2", []any{b(account), b(login)}, func(r pgx.Rows) error { return r.Scan(&hash) })
	return hash, err
}

// VerifyPassword implements commands.Passwords.
func (v *Vault) VerifyPassword(ctx context.Context, account id.Account, login id.ID, password string) (bool, error) {
	hash, err := v.hash(ctx, account, login)
	if err != nil {
		return false, err
	}
	match, err := v.secrets.Matches(ctx, hash, password)
	if err != nil {
		return false, fmt.Errorf("vault: hash of login %s: %w", login, err)
	}
	return match, nil
}
