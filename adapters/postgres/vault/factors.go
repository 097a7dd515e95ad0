package vault

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lonja/adapters/postgres/database"
	"lonja/adapters/secrets"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
)

// SetTOTP implements commands.Factors.
func (v *Vault) SetTOTP(ctx context.Context, account id.Account, person id.ID, secret []byte, step int64) error {
	_, err := v.run(ctx, "INSERT INTO lonja_vault.totps (account, person, secret, step) VALUES ($1, $2, $3, $4) ON CONFLICT (account, person) DO UPDATE SET secret = excluded.secret, step = excluded.step",
		b(account), b(person), v.secrets.Seal(secret, "totp", string(account), string(person)), step)
	return err
}

// TOTP implements commands.Factors.
func (v *Vault) TOTP(ctx context.Context, account id.Account, person id.ID) ([]byte, error) {
	var sealed []byte
	if err := v.ask(ctx, "SELECT secret FROM lonja_vault.totps WHERE account = $1 AND person = $2", []any{b(account), b(person)}, func(r pgx.Rows) error { return r.Scan(&sealed) }); err != nil || sealed == nil {
		return nil, err
	}
	plain, err := v.secrets.Open(sealed, "totp", string(account), string(person))
	return plain, v.describe(err)
}

// UseStep implements commands.Factors.
func (v *Vault) UseStep(ctx context.Context, account id.Account, person id.ID, step int64) (bool, error) {
	n, err := v.run(ctx, "UPDATE lonja_vault.totps SET step = $3 WHERE account = $1 AND person = $2 AND step < $3", b(account), b(person), step)
	return n > 0, err
}

// RemoveTOTP implements commands.Factors.
func (v *Vault) RemoveTOTP(ctx context.Context, account id.Account, person id.ID) error {
	_, err := v.run(ctx, "DELETE FROM lonja_vault.totps WHERE account = $1 AND person = $2", b(account), b(person))
	return err
}

// codesLock orders who sets and uses recovery codes of a person.
func codesLock(person id.ID) string { return "codes " + database.Text(string(person)) }

// SetRecoveryCodes implements commands.Factors.
func (v *Vault) SetRecoveryCodes(ctx context.Context, account id.Account, person id.ID, codes []string) error {
	hashes := make([][]byte, len(codes))
	for i, code := range codes {
		hashes[i] = v.secrets.RecoveryHash(account, person, code)
	}
	return v.change(ctx, codesLock(person), func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM lonja_vault.recovery_codes WHERE account = $1 AND person = $2", b(account), b(person)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO lonja_vault.recovery_codes (account, person, hash) SELECT $1, $2, h FROM unnest($3::bytea[]) h ON CONFLICT DO NOTHING", b(account), b(person), hashes)
		return err
	})
}

// UseRecoveryCode implements commands.Factors.
func (v *Vault) UseRecoveryCode(ctx context.Context, account id.Account, person id.ID, code string) (left int, ok bool, err error) {
	err = v.change(ctx, codesLock(person), func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "DELETE FROM lonja_vault.recovery_codes WHERE account = $1 AND person = $2 AND hash = $3", b(account), b(person), v.secrets.RecoveryHash(account, person, code))
		if err != nil {
			return err
		}
		ok = tag.RowsAffected() > 0
		return tx.QueryRow(ctx, "SELECT count(*) FROM lonja_vault.recovery_codes WHERE account = $1 AND person = $2", b(account), b(person)).Scan(&left)
	})
	if err != nil {
		return 0, false, err
	}
	return left, ok, nil
}

// AddPasskey implements commands.Factors.
func (v *Vault) AddPasskey(ctx context.Context, account id.Account, p commands.Passkey) error {
	_, err := v.run(ctx, "INSERT INTO lonja_vault.passkeys (account, id, kind, person, contact, credential, record, created, used) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		b(account), b(p.ID), b(p.Person.Kind), b(p.Person.ID), b(p.Contact), b(string(p.Credential)), v.secrets.Seal(p.Record, "passkey", string(account), string(p.ID)), secrets.Millis(p.Created), secrets.Millis(p.Used))
	if database.Is(err, "23505") {
		return commands.ErrPasskeyTaken
	}
	return err
}

const selectPasskey = "SELECT id, kind, person, contact, credential, record, created, used FROM lonja_vault.passkeys WHERE account = $1 AND "

func (v *Vault) passkeyOf(account id.Account, r pgx.Rows) (p commands.Passkey, err error) {
	var name, kind, person, contact, record []byte
	var created, used int64
	if err := r.Scan(&name, &kind, &person, &contact, &p.Credential, &record, &created, &used); err != nil {
		return p, err
	}
	p.ID, p.Person, p.Contact = id.ID(name), event.Actor{Kind: event.ActorKind(kind), ID: string(person)}, id.Contact(contact)
	p.Created, p.Used = secrets.Time(created), secrets.Time(used)
	p.Record, err = v.secrets.Open(record, "passkey", string(account), string(p.ID))
	return p, err
}

// ListPasskeys implements commands.Factors.
func (v *Vault) ListPasskeys(ctx context.Context, account id.Account, person id.ID) ([]commands.Passkey, error) {
	var out []commands.Passkey
	err := v.ask(ctx, selectPasskey+"person = $2 ORDER BY created, id", []any{b(account), b(person)}, func(r pgx.Rows) error {
		p, err := v.passkeyOf(account, r)
		out = append(out, p)
		return err
	})
	return out, err
}

// FindPasskey implements commands.Factors.
func (v *Vault) FindPasskey(ctx context.Context, account id.Account, credential []byte) (p commands.Passkey, ok bool, err error) {
	err = v.ask(ctx, selectPasskey+"credential = $2", []any{b(account), b(string(credential))}, func(r pgx.Rows) (err error) {
		p, err = v.passkeyOf(account, r)
		ok = err == nil
		return err
	})
	return p, ok, err
}

// UsePasskey implements commands.Factors.
func (v *Vault) UsePasskey(ctx context.Context, account id.Account, passkey id.ID, record []byte, at time.Time) error {
	_, err := v.run(ctx, "UPDATE lonja_vault.passkeys SET record = $1, used = $2 WHERE account = $3 AND id = $4",
		v.secrets.Seal(record, "passkey", string(account), string(passkey)), secrets.Millis(at), b(account), b(passkey))
	return err
}

// RemovePasskey implements commands.Factors.
func (v *Vault) RemovePasskey(ctx context.Context, account id.Account, person, passkey id.ID) error {
	_, err := v.run(ctx, "DELETE FROM lonja_vault.passkeys WHERE account = $1 AND person = $2 AND id = $3", b(account), b(person), b(passkey))
	return err
}

// CountTry implements commands.Factors.
func (v *Vault) CountTry(ctx context.Context, account id.Account, person id.ID) (n int, err error) {
	if v.ended.Load() {
		return 0, errClosed
	}
	err = v.db.Own.QueryRow(ctx, "INSERT INTO lonja_vault.tries AS t (account, person, count) VALUES ($1, $2, 1) ON CONFLICT (account, person) DO UPDATE SET count = t.count + 1 RETURNING count", b(account), b(person)).Scan(&n)
	return n, v.describe(err)
}

// ForgetTries implements commands.Factors.
func (v *Vault) ForgetTries(ctx context.Context, account id.Account, person id.ID) error {
	_, err := v.run(ctx, "DELETE FROM lonja_vault.tries WHERE account = $1 AND person = $2", b(account), b(person))
	return err
}

// ClearFactors implements commands.Factors.
func (v *Vault) ClearFactors(ctx context.Context, account id.Account, person id.ID) error {
	return v.change(ctx, codesLock(person), func(tx pgx.Tx) error {
		for _, table := range []string{"totps", "tries", "recovery_codes", "passkeys"} {
			if _, err := tx.Exec(ctx, "DELETE FROM lonja_vault."+table+" WHERE account = $1 AND person = $2", b(account), b(person)); err != nil {
				return err
			}
		}
		return nil
	})
}

// BeginStep implements commands.Steps.
func (v *Vault) BeginStep(ctx context.Context, s commands.Step) (string, error) {
	secret, hash := secrets.Token()
	_, err := v.run(ctx, "INSERT INTO lonja_vault.steps (hash, account, purpose, kind, actor, contact, revision, data, expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		hash[:], b(s.Account), b(s.Purpose), b(s.Actor.Kind), b(s.Actor.ID), b(s.Contact), int64(s.Revision), v.secrets.Seal(s.Data, "step", string(hash[:])), secrets.Millis(s.Expires))
	return secret, err
}

const (
	stepColumns = "account, purpose, kind, actor, contact, revision, data, expires"
	ofStep      = " WHERE hash = $1 AND purpose = $2 AND expires > $3"
)

func (v *Vault) stepOf(hash [32]byte, r pgx.Rows) (s commands.Step, err error) {
	var account, purpose, kind, actor, contact, data []byte
	var revision, expires int64
	if err := r.Scan(&account, &purpose, &kind, &actor, &contact, &revision, &data, &expires); err != nil {
		return s, err
	}
	s = commands.Step{
		Account: id.Account(account), Purpose: string(purpose), Actor: event.Actor{Kind: event.ActorKind(kind), ID: string(actor)}, Contact: id.Contact(contact),
		Revision: event.Revision(revision), Expires: secrets.Time(expires),
	}
	s.Data, err = v.secrets.Open(data, "step", string(hash[:]))
	return s, err
}

// FindStep implements commands.Steps.
func (v *Vault) FindStep(ctx context.Context, purpose, secret string, now time.Time) (out commands.Step, ok bool, err error) {
	hash := secrets.Hash(secret)
	err = v.ask(ctx, "SELECT "+stepColumns+" FROM lonja_vault.steps"+ofStep, []any{hash[:], b(purpose), now.UnixMilli()}, func(r pgx.Rows) (err error) {
		out, err = v.stepOf(hash, r)
		ok = err == nil
		return err
	})
	return out, ok, err
}

// EndStep implements commands.Steps.
func (v *Vault) EndStep(ctx context.Context, purpose, secret string, now time.Time) (out commands.Step, ok bool, err error) {
	hash := secrets.Hash(secret)
	if v.ended.Load() {
		return out, false, errClosed
	}
	rows, err := v.db.Own.Query(ctx, "DELETE FROM lonja_vault.steps"+ofStep+" RETURNING "+stepColumns, hash[:], b(purpose), now.UnixMilli())
	if err != nil {
		return out, false, v.describe(err)
	}
	for rows.Next() {
		ok = true
		if out, err = v.stepOf(hash, rows); err != nil {
			break
		}
	}
	rows.Close()
	if err == nil {
		err = rows.Err()
	}
	if err != nil {
		return commands.Step{}, false, v.describe(err)
	}
	// Whoever ends one clears away what has expired.
	if _, err := v.run(ctx, "DELETE FROM lonja_vault.steps WHERE expires <= $1", now.UnixMilli()); err != nil {
		v.logger.Warn("vault: clearing expired steps away", "error", err)
	}
	return out, ok, nil
}
