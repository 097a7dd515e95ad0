package secrets

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/alexedwards/argon2id"
	"golang.org/x/crypto/argon2"

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
func (s *Secrets) busy(ctx context.Context) (func(), error) {
	select {
	case s.hashing <- struct{}{}:
		return func() { <-s.hashing }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to hash: %w", ctx.Err())
	}
}

// HashPassword returns the hash of a password, salted for itself, and its tag, which is
// equal for equal passwords of an account.
func (s *Secrets) HashPassword(ctx context.Context, account id.Account, password string) (hash string, tag []byte, err error) {
	done, err := s.busy(ctx)
	if err != nil {
		return "", nil, err
	}
	defer done()
	tag = s.tag(account, password)
	hash, err = argon2id.CreateHash(password, argon())
	return hash, tag, err
}

// tag is Argon2id as slow as the hash itself, salted per account, and then keyed by the
// master key: a thief of the vault learns nothing of it, a thief of vault and master key
// guesses no faster than at a hash.
func (s *Secrets) tag(account id.Account, password string) []byte {
	salt := hmac.New(sha256.New, s.pepper)
	salt.Write([]byte("salt\x00" + string(account)))
	p := argon()
	slow := argon2.IDKey([]byte(password), salt.Sum(nil)[:16], p.Iterations, p.Memory, p.Parallelism, p.KeyLength)
	mac := hmac.New(sha256.New, s.pepper)
	mac.Write([]byte("tag\x00"))
	mac.Write(slow)
	return mac.Sum(nil)
}

// Matches reports whether the hash is of the password. Without hash ("") it takes as long
// to say no.
func (s *Secrets) Matches(ctx context.Context, hash, password string) (bool, error) {
	known := hash != ""
	if !known {
		hash = nobody
	}
	done, err := s.busy(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	match, err := argon2id.ComparePasswordAndHash(password, hash)
	return match && known, err
}
