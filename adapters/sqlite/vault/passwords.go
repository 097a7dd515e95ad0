package vault

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/alexedwards/argon2id"
	"golang.org/x/crypto/argon2"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/commands"
	"lonja/domain/id"
)

// argon are the parameters of every hash: 19 MiB, two passes, one lane, as OWASP has it.
func argon() *argon2id.Params {
	return &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

// nobody is a hash that no password is looked for in, so that a login without one
// takes as long to refuse as a wrong password.
const nobody = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXRoaW5nIHN0YWxl$RdescudvJCsgt3ub+b4dWRWJTmaasdmdZ5rBmLVPhoE"

// busy waits for one of the places to hash in, of which there are as many as cores.
func (v *Vault) busy(ctx context.Context) (func(), error) {
	select {
	case v.hashing <- struct{}{}:
		return func() { <-v.hashing }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("vault: waiting to hash: %w", ctx.Err())
	}
}

// tag is equal for equal passwords of an account. It is Argon2id as slow as the hash
// itself, salted per account, and then keyed by the master key: a thief of the file
// learns nothing of it, a thief of file and master key guesses no faster than at a hash.
func (v *Vault) tag(account id.Account, password string) []byte {
	salt := hmac.New(sha256.New, v.pepper)
	salt.Write([]byte("salt\x00" + string(account)))
	p := argon()
	slow := argon2.IDKey([]byte(password), salt.Sum(nil)[:16], p.Iterations, p.Memory, p.Parallelism, p.KeyLength)
	mac := hmac.New(sha256.New, v.pepper)
	mac.Write([]byte("tag\x00"))
	mac.Write(slow)
	return mac.Sum(nil)
}

// SetPassword implements commands.Passwords.
func (v *Vault) SetPassword(ctx context.Context, account id.Account, owner string, login id.ID, password string) error {
	done, err := v.busy(ctx)
	if err != nil {
		return err
	}
	tag := v.tag(account, password)
	hash, err := argon2id.CreateHash(password, argon())
	done()
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
	hash, known, err := v.hash(ctx, account, login)
	if err != nil {
		return false, err
	}
	if !known {
		hash = nobody
	}
	done, err := v.busy(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	match, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return false, fmt.Errorf("vault: hash of login %s: %w", login, err)
	}
	return match && known, nil
}
