package vault

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lonja/adapters/postgres/database"
	"lonja/adapters/secrets"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// Checkpoint returns how far a follower of the log is, 0 for one that never began.
func (v *Vault) Checkpoint(ctx context.Context, name string) (event.Position, error) {
	var p int64
	err := v.ask(ctx, "SELECT position FROM lonja_vault.checkpoints WHERE name = $1", []any{name}, func(r pgx.Rows) error { return r.Scan(&p) })
	return event.Position(p), err
}

// SetCheckpoint notes how far a follower is. It never moves backwards.
func (v *Vault) SetCheckpoint(ctx context.Context, name string, p event.Position) error {
	_, err := v.run(ctx, "INSERT INTO lonja_vault.checkpoints AS c (name, position) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET position = greatest(c.position, excluded.position)", name, int64(p))
	return err
}

// Parked returns what a follower has parked, skipped events too, oldest first.
func (v *Vault) Parked(ctx context.Context, name string) ([]readmodels.Parked, error) {
	var out []readmodels.Parked
	err := v.ask(ctx, "SELECT position, account, contact, stream, revision, type, reason, at, skipped FROM lonja_vault.parked WHERE name = $1 ORDER BY position", []any{name}, func(r pgx.Rows) error {
		var p readmodels.Parked
		var position, at int64
		err := r.Scan(&position, &p.Account, &p.Contact, &p.Stream, &p.Revision, &p.Type, &p.Reason, &at, &p.Skipped)
		p.Position, p.At = event.Position(position), secrets.Time(at)
		out = append(out, p)
		return err
	})
	return out, err
}

// Park keeps an event for a follower, in place of what was kept of its position.
func (v *Vault) Park(ctx context.Context, name string, p readmodels.Parked) error {
	_, err := v.run(ctx, park+parkOnce, parkArgs(name, &p)...)
	return err
}

// ParkUnder is Park for as long as a node holds a lease under an epoch, and reports whether
// it does: nobody can take the lease over before the event is parked.
func (v *Vault) ParkUnder(ctx context.Context, name string, p readmodels.Parked, lease, node string, epoch int64) (bool, error) {
	n, err := v.run(ctx, "WITH mine AS (SELECT FROM lonja.leases l WHERE l.name = $11 AND l.holder = $12 AND l.epoch = $13 FOR SHARE) "+park+" FROM mine"+parkOnce,
		append(parkArgs(name, &p), lease, node, epoch)...)
	return n > 0, err
}

const (
	park = `INSERT INTO lonja_vault.parked (name, position, account, contact, stream, revision, type, reason, at, skipped)
		SELECT $1, $2::bigint, $3, $4, $5, $6::bigint, $7, $8, $9::bigint, $10::boolean`
	parkOnce = ` ON CONFLICT (name, position) DO UPDATE SET account = excluded.account, contact = excluded.contact, stream = excluded.stream, revision = excluded.revision,
			type = excluded.type, reason = excluded.reason, at = excluded.at, skipped = excluded.skipped`
)

func parkArgs(name string, p *readmodels.Parked) []any {
	return []any{name, int64(p.Position), string(p.Account), string(p.Contact), p.Stream, int64(p.Revision), p.Type, database.Text(p.Reason), secrets.Millis(p.At), p.Skipped}
}

// Unpark forgets a parked event. One that is not there is no error.
func (v *Vault) Unpark(ctx context.Context, name string, p event.Position) error {
	_, err := v.run(ctx, "DELETE FROM lonja_vault.parked WHERE name = $1 AND position = $2", name, int64(p))
	return err
}

// BindRequest implements commands.Requests.
func (v *Vault) BindRequest(ctx context.Context, account id.Account, key, fingerprint string, now, until time.Time) (bound string, err error) {
	// Whoever binds a key clears away what has expired.
	if _, err := v.run(ctx, "DELETE FROM lonja_vault.requests WHERE expires <= $1", secrets.Millis(now)); err != nil {
		return "", err
	}
	if v.ended.Load() {
		return "", errClosed
	}
	// What is bound already is set to what it is, so that it is locked and returned.
	var is []byte
	err = v.db.Own.QueryRow(ctx, `INSERT INTO lonja_vault.requests AS r (account, key, fingerprint, expires) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, key) DO UPDATE SET fingerprint = CASE WHEN r.expires <= $5 THEN excluded.fingerprint ELSE r.fingerprint END,
			expires = CASE WHEN r.expires <= $5 THEN excluded.expires ELSE r.expires END
		RETURNING fingerprint`, b(account), b(key), b(fingerprint), secrets.Millis(until), secrets.Millis(now)).Scan(&is)
	return string(is), v.describe(err)
}
