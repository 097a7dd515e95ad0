package vault

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/jackc/pgx/v5"

	"lonja/adapters/secrets"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
)

// IssueToken implements commands.Tokens.
func (v *Vault) IssueToken(ctx context.Context, t commands.Token) (string, error) {
	secret, hash := secrets.Token()
	_, err := v.run(ctx, "INSERT INTO lonja_vault.tokens (hash, account, purpose, subject, contact, expires) VALUES ($1, $2, $3, $4, $5, $6)",
		hash[:], b(t.Account), b(t.Purpose), b(t.Subject), b(t.Contact), secrets.Millis(t.Expires))
	return secret, err
}

const ofToken = " WHERE hash = $1 AND purpose = $2 AND (expires = 0 OR expires > $3)"

func tokenOf(r pgx.Row) (t commands.Token, err error) {
	var account, purpose, subject, contact []byte
	var expires int64
	err = r.Scan(&account, &purpose, &subject, &contact, &expires)
	return commands.Token{
		Account: id.Account(account), Purpose: string(purpose), Subject: id.ID(subject), Contact: id.Contact(contact), Expires: secrets.Time(expires),
	}, err
}

// FindToken implements commands.Tokens.
func (v *Vault) FindToken(ctx context.Context, purpose, secret string, now time.Time) (t commands.Token, ok bool, err error) {
	hash := secrets.Hash(secret)
	err = v.ask(ctx, "SELECT account, purpose, subject, contact, expires FROM lonja_vault.tokens"+ofToken, []any{hash[:], b(purpose), now.UnixMilli()}, func(r pgx.Rows) (err error) {
		t, err = tokenOf(r)
		ok = err == nil
		return err
	})
	return t, ok, err
}

// UseToken implements commands.Tokens.
func (v *Vault) UseToken(ctx context.Context, purpose, secret string, now time.Time) (t commands.Token, ok bool, err error) {
	hash := secrets.Hash(secret)
	err = v.change(ctx, "tokens "+hex.EncodeToString(hash[:]), func(tx pgx.Tx) error {
		var err error
		t, err = tokenOf(tx.QueryRow(ctx, "DELETE FROM lonja_vault.tokens"+ofToken+" RETURNING account, purpose, subject, contact, expires", hash[:], b(purpose), now.UnixMilli()))
		if err == pgx.ErrNoRows { //nolint:errorlint // Scan returns it as it is
			return nil
		}
		if err != nil {
			return err
		}
		ok = true
		_, err = tx.Exec(ctx, deleteTokens, b(t.Account), b(t.Purpose), b(t.Subject))
		return err
	})
	if err != nil || !ok {
		return commands.Token{}, false, err
	}
	return t, true, nil
}

const deleteTokens = "DELETE FROM lonja_vault.tokens WHERE account = $1 AND purpose = $2 AND subject = $3"

// RevokeTokens implements commands.Tokens.
func (v *Vault) RevokeTokens(ctx context.Context, account id.Account, purpose string, subject id.ID) error {
	_, err := v.run(ctx, deleteTokens, b(account), b(purpose), b(subject))
	return err
}

// seenStep is how precisely it is noted when a session was last seen.
const seenStep = time.Minute

// StartSession implements commands.Sessions.
func (v *Vault) StartSession(ctx context.Context, s commands.Session) (string, error) {
	secret, hash := secrets.Token()
	// Whoever signs in clears away what has expired.
	if _, err := v.run(ctx, "DELETE FROM lonja_vault.sessions WHERE expires <= $1", secrets.Millis(s.Created)); err != nil {
		return "", err
	}
	_, err := v.run(ctx, "INSERT INTO lonja_vault.sessions (hash, account, contact, kind, actor, created, seen, expires, agent) VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)",
		hash[:], b(s.Account), b(s.Contact), b(s.Actor.Kind), b(s.Actor.ID), secrets.Millis(s.Created), secrets.Millis(s.Expires), b(secrets.Clip(s.UserAgent)))
	return secret, err
}

const sessionColumns = "hash, account, contact, kind, actor, created, seen, expires, agent"

func sessionOf(r pgx.Rows) (hash [32]byte, s commands.Session, err error) {
	var h, account, contact, kind, actor, agent []byte
	var created, seen, expires int64
	if err := r.Scan(&h, &account, &contact, &kind, &actor, &created, &seen, &expires, &agent); err != nil {
		return hash, s, err
	}
	return [32]byte(h), commands.Session{
		Mark: secrets.Mark(h), Account: id.Account(account), Contact: id.Contact(contact), Actor: event.Actor{Kind: event.ActorKind(kind), ID: string(actor)},
		Created: secrets.Time(created), Seen: secrets.Time(seen), Expires: secrets.Time(expires), UserAgent: string(agent),
	}, nil
}

// FindSession implements commands.Sessions.
func (v *Vault) FindSession(ctx context.Context, secret string, now time.Time) (commands.Session, bool, error) {
	hash := secrets.Hash(secret)
	s, ok, err := v.asking.session(ctx, hash)
	if err != nil || !ok || !now.Before(s.Expires) {
		return commands.Session{}, false, err
	}
	if now.Sub(s.Seen) < seenStep {
		return s, true, nil
	}
	ok = false
	err = v.ask(ctx, "UPDATE lonja_vault.sessions SET seen = greatest(seen, $2) WHERE hash = $1 RETURNING "+sessionColumns, []any{hash[:], now.UnixMilli()}, func(r pgx.Rows) (err error) {
		_, s, err = sessionOf(r)
		ok = err == nil
		return err
	})
	if err != nil || !ok {
		return commands.Session{}, false, err
	}
	return s, true, nil
}

// ListSessions implements commands.Sessions.
func (v *Vault) ListSessions(ctx context.Context, account id.Account, actor event.Actor, now time.Time) ([]commands.Session, error) {
	var out []commands.Session
	err := v.ask(ctx, "SELECT "+sessionColumns+" FROM lonja_vault.sessions WHERE account = $1 AND kind = $2 AND actor = $3 AND expires > $4 ORDER BY created DESC",
		[]any{b(account), b(actor.Kind), b(actor.ID), now.UnixMilli()}, func(r pgx.Rows) error {
			_, s, err := sessionOf(r)
			out = append(out, s)
			return err
		})
	return out, err
}

// EndSession implements commands.Sessions.
func (v *Vault) EndSession(ctx context.Context, secret string) error {
	hash := secrets.Hash(secret)
	_, err := v.run(ctx, "DELETE FROM lonja_vault.sessions WHERE hash = $1", hash[:])
	return err
}

// EndMarked implements commands.Sessions.
func (v *Vault) EndMarked(ctx context.Context, account id.Account, actor event.Actor, mark string) (bool, error) {
	prefix, err := hex.DecodeString(mark)
	if err != nil || len(prefix) != 8 || mark != hex.EncodeToString(prefix) {
		return false, nil //nolint:nilerr // it is no mark, so that there is no session of it
	}
	n, err := v.run(ctx, "DELETE FROM lonja_vault.sessions WHERE account = $1 AND kind = $2 AND actor = $3 AND substr(hash, 1, 8) = $4",
		b(account), b(actor.Kind), b(actor.ID), prefix)
	return n > 0, err
}

// EndSessions implements commands.Sessions.
func (v *Vault) EndSessions(ctx context.Context, account id.Account, actor event.Actor, kept string) error {
	hash := secrets.Hash(kept)
	_, err := v.run(ctx, "DELETE FROM lonja_vault.sessions WHERE account = $1 AND kind = $2 AND actor = $3 AND hash <> $4",
		b(account), b(actor.Kind), b(actor.ID), hash[:])
	return err
}
