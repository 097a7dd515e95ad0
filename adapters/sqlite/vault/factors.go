package vault

import (
	"context"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/adapters/secrets"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
)

// unseal opens what the secrets sealed for the place.
func (v *Vault) unseal(sealed []byte, parts ...string) ([]byte, error) {
	plain, err := v.secrets.Open(sealed, parts...)
	if err != nil {
		return nil, fmt.Errorf("vault %s: %w", v.path, err)
	}
	return plain, nil
}

func (v *Vault) run(ctx context.Context, sql string, args ...any) error {
	return v.change(ctx, func(c *sqlite.Conn) error { return sqlitex.Execute(c, sql, &sqlitex.ExecOptions{Args: args}) })
}

// SetTOTP implements commands.Factors.
func (v *Vault) SetTOTP(ctx context.Context, account id.Account, person id.ID, secret []byte, step int64) error {
	return v.run(ctx, "INSERT INTO totps (account, person, secret, step) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET secret = excluded.secret, step = excluded.step",
		string(account), string(person), v.secrets.Seal(secret, "totp", string(account), string(person)), step)
}

// TOTP implements commands.Factors.
func (v *Vault) TOTP(ctx context.Context, account id.Account, person id.ID) ([]byte, error) {
	var sealed []byte
	if err := v.query(ctx, "SELECT secret FROM totps WHERE account = ? AND person = ?", []any{string(account), string(person)}, func(s *sqlite.Stmt) error {
		sealed = blob(s, 0)
		return nil
	}); err != nil || sealed == nil {
		return nil, err
	}
	return v.unseal(sealed, "totp", string(account), string(person))
}

// UseStep implements commands.Factors.
func (v *Vault) UseStep(ctx context.Context, account id.Account, person id.ID, step int64) (used bool, err error) {
	err = v.change(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, "UPDATE totps SET step = ?3 WHERE account = ?1 AND person = ?2 AND step < ?3 RETURNING 1", &sqlitex.ExecOptions{
			Args:       []any{string(account), string(person), step},
			ResultFunc: func(*sqlite.Stmt) error { used = true; return nil },
		})
	})
	return used && err == nil, err
}

// RemoveTOTP implements commands.Factors.
func (v *Vault) RemoveTOTP(ctx context.Context, account id.Account, person id.ID) error {
	return v.run(ctx, "DELETE FROM totps WHERE account = ? AND person = ?", string(account), string(person))
}

// SetRecoveryCodes implements commands.Factors.
func (v *Vault) SetRecoveryCodes(ctx context.Context, account id.Account, person id.ID, codes []string) error {
	return v.change(ctx, func(c *sqlite.Conn) error {
		if err := sqlitex.Execute(c, "DELETE FROM recovery_codes WHERE account = ? AND person = ?", &sqlitex.ExecOptions{Args: []any{string(account), string(person)}}); err != nil {
			return err
		}
		for _, code := range codes {
			if err := sqlitex.Execute(c, "INSERT INTO recovery_codes (account, person, hash) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
				&sqlitex.ExecOptions{Args: []any{string(account), string(person), v.secrets.RecoveryHash(account, person, code)}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// UseRecoveryCode implements commands.Factors.
func (v *Vault) UseRecoveryCode(ctx context.Context, account id.Account, person id.ID, code string) (left int, ok bool, err error) {
	err = v.change(ctx, func(c *sqlite.Conn) error {
		if err := sqlitex.Execute(c, "DELETE FROM recovery_codes WHERE account = ? AND person = ? AND hash = ? RETURNING 1", &sqlitex.ExecOptions{
			Args:       []any{string(account), string(person), v.secrets.RecoveryHash(account, person, code)},
			ResultFunc: func(*sqlite.Stmt) error { ok = true; return nil },
		}); err != nil {
			return err
		}
		return sqlitex.Execute(c, "SELECT count(*) FROM recovery_codes WHERE account = ? AND person = ?", &sqlitex.ExecOptions{
			Args:       []any{string(account), string(person)},
			ResultFunc: func(s *sqlite.Stmt) error { left = s.ColumnInt(0); return nil },
		})
	})
	if err != nil {
		return 0, false, err
	}
	return left, ok, nil
}

// AddPasskey implements commands.Factors.
func (v *Vault) AddPasskey(ctx context.Context, account id.Account, p commands.Passkey) error {
	err := v.run(ctx, "INSERT INTO passkeys (account, id, kind, person, contact, credential, record, created, used) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		string(account), string(p.ID), string(p.Person.Kind), p.Person.ID, string(p.Contact), p.Credential, v.secrets.Seal(p.Record, "passkey", string(account), string(p.ID)), secrets.Millis(p.Created), secrets.Millis(p.Used))
	if code := sqlite.ErrCode(err); code == sqlite.ResultConstraintUnique || code == sqlite.ResultConstraintPrimaryKey {
		return commands.ErrPasskeyTaken
	}
	return err
}

const selectPasskey = "SELECT id, kind, person, contact, credential, record, created, used FROM passkeys WHERE account = ? AND "

func (v *Vault) passkeyOf(account id.Account, s *sqlite.Stmt) (commands.Passkey, error) {
	p := commands.Passkey{
		ID: id.ID(s.ColumnText(0)), Person: event.Actor{Kind: event.ActorKind(s.ColumnText(1)), ID: s.ColumnText(2)}, Contact: id.Contact(s.ColumnText(3)),
		Credential: blob(s, 4), Created: secrets.Time(s.ColumnInt64(6)), Used: secrets.Time(s.ColumnInt64(7)),
	}
	var err error
	p.Record, err = v.unseal(blob(s, 5), "passkey", string(account), string(p.ID))
	return p, err
}

// ListPasskeys implements commands.Factors.
func (v *Vault) ListPasskeys(ctx context.Context, account id.Account, person id.ID) ([]commands.Passkey, error) {
	var out []commands.Passkey
	err := v.query(ctx, selectPasskey+"person = ? ORDER BY created, id", []any{string(account), string(person)}, func(s *sqlite.Stmt) error {
		p, err := v.passkeyOf(account, s)
		out = append(out, p)
		return err
	})
	return out, err
}

// FindPasskey implements commands.Factors.
func (v *Vault) FindPasskey(ctx context.Context, account id.Account, credential []byte) (p commands.Passkey, ok bool, err error) {
	err = v.query(ctx, selectPasskey+"credential = ?", []any{string(account), credential}, func(s *sqlite.Stmt) error {
		ok = true
		p, err = v.passkeyOf(account, s)
		return err
	})
	return p, ok && err == nil, err
}

// UsePasskey implements commands.Factors.
func (v *Vault) UsePasskey(ctx context.Context, account id.Account, passkey id.ID, record []byte, at time.Time) error {
	return v.run(ctx, "UPDATE passkeys SET record = ?, used = ? WHERE account = ? AND id = ?",
		v.secrets.Seal(record, "passkey", string(account), string(passkey)), secrets.Millis(at), string(account), string(passkey))
}

// RemovePasskey implements commands.Factors.
func (v *Vault) RemovePasskey(ctx context.Context, account id.Account, person, passkey id.ID) error {
	return v.run(ctx, "DELETE FROM passkeys WHERE account = ? AND person = ? AND id = ?", string(account), string(person), string(passkey))
}

// CountTry implements commands.Factors.
func (v *Vault) CountTry(ctx context.Context, account id.Account, person id.ID) (n int, err error) {
	err = v.change(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, "INSERT INTO tries (account, person, count) VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count", &sqlitex.ExecOptions{
			Args:       []any{string(account), string(person)},
			ResultFunc: func(s *sqlite.Stmt) error { n = s.ColumnInt(0); return nil },
		})
	})
	return n, err
}

// ForgetTries implements commands.Factors.
func (v *Vault) ForgetTries(ctx context.Context, account id.Account, person id.ID) error {
	return v.run(ctx, "DELETE FROM tries WHERE account = ? AND person = ?", string(account), string(person))
}

// ClearFactors implements commands.Factors.
func (v *Vault) ClearFactors(ctx context.Context, account id.Account, person id.ID) error {
	return v.change(ctx, func(c *sqlite.Conn) error {
		for _, table := range []string{"totps", "tries", "recovery_codes", "passkeys"} {
			if err := sqlitex.Execute(c, "DELETE FROM "+table+" WHERE account = ? AND person = ?", &sqlitex.ExecOptions{Args: []any{string(account), string(person)}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// BeginStep implements commands.Steps.
func (v *Vault) BeginStep(ctx context.Context, s commands.Step) (string, error) {
	secret, hash := secrets.Token()
	return secret, v.change(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, "INSERT INTO steps (hash, account, purpose, kind, actor, contact, revision, data, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			&sqlitex.ExecOptions{Args: []any{
				hash[:], string(s.Account), s.Purpose, string(s.Actor.Kind), s.Actor.ID, string(s.Contact), int64(s.Revision), v.secrets.Seal(s.Data, "step", string(hash[:])), secrets.Millis(s.Expires),
			}})
	})
}

const stepColumns = "account, purpose, kind, actor, contact, revision, data, expires"

func (v *Vault) stepOf(hash [32]byte, s *sqlite.Stmt) (commands.Step, error) {
	out := commands.Step{
		Account: id.Account(s.ColumnText(0)), Purpose: s.ColumnText(1), Actor: event.Actor{Kind: event.ActorKind(s.ColumnText(2)), ID: s.ColumnText(3)},
		Contact: id.Contact(s.ColumnText(4)), Revision: event.Revision(s.ColumnInt64(5)), Expires: secrets.Time(s.ColumnInt64(7)),
	}
	var err error
	out.Data, err = v.unseal(blob(s, 6), "step", string(hash[:]))
	return out, err
}

// FindStep implements commands.Steps.
func (v *Vault) FindStep(ctx context.Context, purpose, secret string, now time.Time) (out commands.Step, ok bool, err error) {
	hash := secrets.Hash(secret)
	err = v.query(ctx, "SELECT "+stepColumns+" FROM steps WHERE hash = ? AND purpose = ? AND expires > ?", []any{hash[:], purpose, now.UnixMilli()}, func(s *sqlite.Stmt) error {
		ok = true
		out, err = v.stepOf(hash, s)
		return err
	})
	return out, ok && err == nil, err
}

// EndStep implements commands.Steps.
func (v *Vault) EndStep(ctx context.Context, purpose, secret string, now time.Time) (out commands.Step, ok bool, err error) {
	hash := secrets.Hash(secret)
	err = v.change(ctx, func(c *sqlite.Conn) error {
		if err := sqlitex.Execute(c, "DELETE FROM steps WHERE hash = ? AND purpose = ? AND expires > ? RETURNING "+stepColumns, &sqlitex.ExecOptions{
			Args: []any{hash[:], purpose, now.UnixMilli()},
			ResultFunc: func(s *sqlite.Stmt) (err error) {
				ok = true
				out, err = v.stepOf(hash, s)
				return err
			},
		}); err != nil {
			return err
		}
		// Whoever ends one clears away what has expired.
		return sqlitex.Execute(c, "DELETE FROM steps WHERE expires <= ?", &sqlitex.ExecOptions{Args: []any{now.UnixMilli()}})
	})
	if err != nil {
		return commands.Step{}, false, err
	}
	return out, ok, nil
}
