package vault

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/adapters/secrets"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
)

// IssueToken implements commands.Tokens.
func (v *Vault) IssueToken(ctx context.Context, t commands.Token) (string, error) {
	secret, hash := secrets.Token()
	return secret, v.change(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, "INSERT INTO tokens (hash, account, purpose, subject, contact, expires) VALUES (?, ?, ?, ?, ?, ?)",
			&sqlitex.ExecOptions{Args: []any{hash[:], string(t.Account), t.Purpose, string(t.Subject), string(t.Contact), secrets.Millis(t.Expires)}})
	})
}

const selectToken = "SELECT account, purpose, subject, contact, expires FROM tokens WHERE hash = ? AND purpose = ? AND (expires = 0 OR expires > ?)"

func tokenOf(s *sqlite.Stmt) commands.Token {
	return commands.Token{
		Account: id.Account(s.ColumnText(0)), Purpose: s.ColumnText(1), Subject: id.ID(s.ColumnText(2)),
		Contact: id.Contact(s.ColumnText(3)), Expires: secrets.Time(s.ColumnInt64(4)),
	}
}

// FindToken implements commands.Tokens.
func (v *Vault) FindToken(ctx context.Context, purpose, secret string, now time.Time) (t commands.Token, ok bool, err error) {
	hash := secrets.Hash(secret)
	err = v.query(ctx, selectToken, []any{hash[:], purpose, now.UnixMilli()}, func(s *sqlite.Stmt) error {
		t, ok = tokenOf(s), true
		return nil
	})
	return t, ok, err
}

// UseToken implements commands.Tokens.
func (v *Vault) UseToken(ctx context.Context, purpose, secret string, now time.Time) (t commands.Token, ok bool, err error) {
	hash := secrets.Hash(secret)
	err = v.change(ctx, func(c *sqlite.Conn) error {
		if err := sqlitex.Execute(c, selectToken, &sqlitex.ExecOptions{Args: []any{hash[:], purpose, now.UnixMilli()}, ResultFunc: func(s *sqlite.Stmt) error {
			t, ok = tokenOf(s), true
			return nil
		}}); err != nil || !ok {
			return err
		}
		return deleteTokens(c, t.Account, t.Purpose, t.Subject)
	})
	if err != nil {
		return commands.Token{}, false, err
	}
	return t, ok, nil
}

// RevokeTokens implements commands.Tokens.
func (v *Vault) RevokeTokens(ctx context.Context, account id.Account, purpose string, subject id.ID) error {
	return v.change(ctx, func(c *sqlite.Conn) error { return deleteTokens(c, account, purpose, subject) })
}

func deleteTokens(c *sqlite.Conn, account id.Account, purpose string, subject id.ID) error {
	return sqlitex.Execute(c, "DELETE FROM tokens WHERE account = ? AND purpose = ? AND subject = ?",
		&sqlitex.ExecOptions{Args: []any{string(account), purpose, string(subject)}})
}

// seenStep is how precisely it is noted when a session was last seen.
const seenStep = time.Minute

// StartSession implements commands.Sessions.
func (v *Vault) StartSession(ctx context.Context, s commands.Session) (string, error) {
	secret, hash := secrets.Token()
	return secret, v.change(ctx, func(c *sqlite.Conn) error {
		// Whoever signs in clears away what has expired.
		if err := sqlitex.Execute(c, "DELETE FROM sessions WHERE expires <= ?", &sqlitex.ExecOptions{Args: []any{secrets.Millis(s.Created)}}); err != nil {
			return err
		}
		return sqlitex.Execute(c, "INSERT INTO sessions (hash, account, contact, kind, actor, created, seen, expires, agent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			&sqlitex.ExecOptions{Args: []any{
				hash[:], string(s.Account), string(s.Contact), string(s.Actor.Kind), s.Actor.ID, secrets.Millis(s.Created), secrets.Millis(s.Created), secrets.Millis(s.Expires), secrets.Clip(s.UserAgent),
			}})
	})
}

const sessionColumns = "hash, account, contact, kind, actor, created, seen, expires, agent"

func sessionOf(s *sqlite.Stmt) commands.Session {
	return commands.Session{
		Mark: secrets.Mark(blob(s, 0)), Account: id.Account(s.ColumnText(1)), Contact: id.Contact(s.ColumnText(2)),
		Actor:   event.Actor{Kind: event.ActorKind(s.ColumnText(3)), ID: s.ColumnText(4)},
		Created: secrets.Time(s.ColumnInt64(5)), Seen: secrets.Time(s.ColumnInt64(6)), Expires: secrets.Time(s.ColumnInt64(7)), UserAgent: s.ColumnText(8),
	}
}

// FindSession implements commands.Sessions.
func (v *Vault) FindSession(ctx context.Context, secret string, now time.Time) (commands.Session, bool, error) {
	hash := secrets.Hash(secret)
	s, ok := v.sessions.Get(hash)
	if !ok {
		v.mu.Lock()
		before := v.generation
		v.mu.Unlock()
		if err := v.query(ctx, "SELECT "+sessionColumns+" FROM sessions WHERE hash = ?", []any{hash[:]}, func(st *sqlite.Stmt) error {
			s, ok = sessionOf(st), true
			return nil
		}); err != nil {
			return commands.Session{}, false, err
		}
		if !ok {
			return commands.Session{}, false, nil
		}
		v.mu.Lock()
		if v.generation == before {
			v.sessions.Add(hash, s)
		}
		v.mu.Unlock()
	}
	if !now.Before(s.Expires) {
		return commands.Session{}, false, nil
	}
	if now.Sub(s.Seen) >= seenStep {
		return v.seen(ctx, hash, now)
	}
	return s, true, nil
}

func (v *Vault) seen(ctx context.Context, hash [32]byte, now time.Time) (s commands.Session, ok bool, err error) {
	err = v.change(ctx, func(c *sqlite.Conn) error {
		err := sqlitex.Execute(c, "UPDATE sessions SET seen = ? WHERE hash = ? RETURNING "+sessionColumns, &sqlitex.ExecOptions{
			Args: []any{now.UnixMilli(), hash[:]},
			ResultFunc: func(st *sqlite.Stmt) error {
				s, ok = sessionOf(st), true
				return nil
			},
		})
		// Under the writer's lock, which whoever ends the session needs too.
		if err == nil && ok {
			v.sessions.Add(hash, s)
		}
		return err
	})
	return s, ok, err
}

// ListSessions implements commands.Sessions.
func (v *Vault) ListSessions(ctx context.Context, account id.Account, actor event.Actor, now time.Time) ([]commands.Session, error) {
	var out []commands.Session
	err := v.query(ctx, "SELECT "+sessionColumns+" FROM sessions WHERE account = ? AND kind = ? AND actor = ? AND expires > ? ORDER BY created DESC",
		[]any{string(account), string(actor.Kind), actor.ID, now.UnixMilli()}, func(s *sqlite.Stmt) error {
			out = append(out, sessionOf(s))
			return nil
		})
	return out, err
}

// EndSession implements commands.Sessions.
func (v *Vault) EndSession(ctx context.Context, secret string) error {
	hash := secrets.Hash(secret)
	_, err := v.end(ctx, "DELETE FROM sessions WHERE hash = ? RETURNING hash", hash[:])
	return err
}

// EndMarked implements commands.Sessions.
func (v *Vault) EndMarked(ctx context.Context, account id.Account, actor event.Actor, mark string) (bool, error) {
	gone, err := v.end(ctx, "DELETE FROM sessions WHERE account = ? AND kind = ? AND actor = ? AND lower(hex(substr(hash, 1, 8))) = ? RETURNING hash",
		string(account), string(actor.Kind), actor.ID, mark)
	return gone > 0, err
}

// EndSessions implements commands.Sessions.
func (v *Vault) EndSessions(ctx context.Context, account id.Account, actor event.Actor, kept string) error {
	hash := secrets.Hash(kept)
	_, err := v.end(ctx, "DELETE FROM sessions WHERE account = ? AND kind = ? AND actor = ? AND hash <> ? RETURNING hash",
		string(account), string(actor.Kind), actor.ID, hash[:])
	return err
}

// end runs what deletes sessions, and returns how many went.
func (v *Vault) end(ctx context.Context, sql string, args ...any) (int, error) {
	var gone [][32]byte
	err := v.change(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, sql, &sqlitex.ExecOptions{Args: args, ResultFunc: func(s *sqlite.Stmt) error {
			gone = append(gone, [32]byte(blob(s, 0)))
			return nil
		}})
	})
	v.mu.Lock()
	defer v.mu.Unlock()
	v.generation++
	for _, h := range gone {
		v.sessions.Remove(h)
	}
	return len(gone), err
}
