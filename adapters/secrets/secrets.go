// Package secrets is what every vault does alike, wherever it keeps its rows: sealing under
// the master key, blinding, hashes of passwords and of what people hold. So the rows of one
// vault are good in another of the same master key.
package secrets

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"time"

	"lonja/domain/event"
	"lonja/domain/id"
)

// ErrMasterKey says that the master key is not the one the vault was made with.
var ErrMasterKey = errors.New("the master key is not this vault's")

// Secrets seals, blinds and hashes under one master key. Safe for concurrent use.
type Secrets struct {
	wrap     cipher.AEAD
	blindKey []byte
	pepper   []byte
	hashing  chan struct{} // bounds how many Argon2id run at once
}

// New derives what is needed from a master key of 32 bytes.
func New(master []byte) (*Secrets, error) {
	if len(master) != 32 {
		return nil, fmt.Errorf("the master key has %d bytes, want 32", len(master))
	}
	s := &Secrets{hashing: make(chan struct{}, runtime.NumCPU())}
	var kek []byte
	for _, k := range []struct {
		to   *[]byte
		info string
	}{{&kek, "lonja vault wrap v1"}, {&s.blindKey, "lonja vault blind v1"}, {&s.pepper, "lonja vault pepper v1"}} {
		b, err := hkdf.Key(sha256.New, master, nil, k.info, 32)
		if err != nil {
			return nil, fmt.Errorf("deriving keys: %w", err)
		}
		*k.to = b
	}
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	s.wrap, err = cipher.NewGCM(block)
	return s, err
}

// Mark tells master keys apart, and nothing of them: a vault keeps the one it was made with.
func (s *Secrets) Mark() []byte {
	mac := hmac.New(sha256.New, s.pepper)
	mac.Write([]byte("lonja vault check"))
	return mac.Sum(nil)
}

// CheckMark compares the mark of a vault with this master key's: ErrMasterKey.
func (s *Secrets) CheckMark(mark []byte) error {
	if !hmac.Equal(mark, s.Mark()) {
		return ErrMasterKey
	}
	return nil
}

// NewKey makes a subject's key, and returns it wrapped.
func (s *Secrets) NewKey(account id.Account, subject string) []byte {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	return s.seal(secret, keyPlace(account, subject))
}

// OpenKey opens a subject's wrapped key.
func (s *Secrets) OpenKey(account id.Account, subject string, wrapped []byte) (*event.Key, error) {
	secret, err := s.open(wrapped, keyPlace(account, subject))
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", subject, err)
	}
	return event.NewKey(secret)
}

func keyPlace(account id.Account, subject string) []byte {
	return []byte(string(account) + "\x00" + subject)
}

// Seal seals a secret for its place, of which the parts name what it is and whose: moved
// to another, it does not open.
func (s *Secrets) Seal(plain []byte, parts ...string) []byte { return s.seal(plain, sealPlace(parts)) }

// Open opens what was sealed for the place.
func (s *Secrets) Open(sealed []byte, parts ...string) ([]byte, error) {
	plain, err := s.open(sealed, sealPlace(parts))
	if err != nil {
		return nil, fmt.Errorf("a %s: %w", parts[0], err)
	}
	return plain, nil
}

func (s *Secrets) seal(plain, place []byte) []byte {
	nonce := make([]byte, s.wrap.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return s.wrap.Seal(nonce, nonce, plain, place)
}

func (s *Secrets) open(sealed, place []byte) ([]byte, error) {
	n := s.wrap.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("it is cut short: the vault was altered; restore it from its backup")
	}
	plain, err := s.wrap.Open([]byte{}, sealed[:n], sealed[n:], place)
	if err != nil {
		return nil, errors.New("it does not open: the vault was altered; restore it from its backup")
	}
	return plain, nil
}

// sealPlace is unlike every place of a subject's key, which has one NUL.
func sealPlace(parts []string) []byte {
	b := []byte{0}
	for _, p := range parts {
		b = fmt.Appendf(b, "%d:%s\x00", len(p), p)
	}
	return b
}

// Blind returns 32 lower-case hexadecimal digits that only this master key makes of the
// arguments, the same for ever.
func (s *Secrets) Blind(account id.Account, purpose, value string) string {
	return hex.EncodeToString(keyed(s.blindKey, string(account), purpose, value)[:16])
}

// RecoveryHash is the hash of a recovery code. Its 80 random bits need no slow one.
func (s *Secrets) RecoveryHash(account id.Account, person id.ID, code string) []byte {
	return keyed(s.pepper, "recovery code", string(account), string(person), code)
}

func keyed(key []byte, parts ...string) []byte {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		fmt.Fprintf(mac, "%d:%s", len(p), p)
	}
	return mac.Sum(nil)
}

// Token returns a secret of 256 bits for people to hold, and the hash that is kept of it:
// random bits need no slow one.
func Token() (string, [32]byte) {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	s := base64.RawURLEncoding.EncodeToString(b)
	return s, Hash(s)
}

// Hash is what is kept of a token.
func Hash(token string) [32]byte { return sha256.Sum256([]byte(token)) }

// Mark names a token to its owner in a list, by the hash of it.
func Mark(hash []byte) string { return hex.EncodeToString(hash[:8]) }

// Millis are milliseconds since 1970, 0 for the zero time.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Time is the time of Millis.
func Time(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Clip bounds what is kept of a text that a browser sent.
func Clip(s string) string {
	if len(s) > 300 {
		return s[:300]
	}
	return s
}
