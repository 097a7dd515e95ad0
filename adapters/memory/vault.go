package memory

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// Vault implements commands.Vault, and what followers of a log keep in it. It keeps what
// it is told as the durable vaults do, hashed and sealed, but without their cost: a
// password's hash is quick to make, and so to guess. It is for tests, and forgets.
type Vault struct {
	mu        sync.Mutex
	secret    [32]byte
	keys      map[keyName]*event.Key // nil: thrown away
	passwords map[loginName]password
	tokens    map[[32]byte]commands.Token
	sessions  map[[32]byte]commands.Session
	requests  map[requestName]request
	positions map[string]event.Position
	parked    map[string]map[event.Position]readmodels.Parked
	factors
}

type keyName struct {
	account id.Account
	subject string
}

type loginName struct {
	account id.Account
	login   id.ID
}

type password struct {
	owner string
	hash  [32]byte
}

type requestName struct {
	account id.Account
	key     string
}

type request struct {
	fingerprint string
	until       time.Time
}

// NewVault returns an empty vault.
func NewVault() *Vault {
	v := &Vault{
		keys: map[keyName]*event.Key{}, passwords: map[loginName]password{}, tokens: map[[32]byte]commands.Token{}, sessions: map[[32]byte]commands.Session{},
		requests: map[requestName]request{}, positions: map[string]event.Position{}, parked: map[string]map[event.Position]readmodels.Parked{}, factors: newFactors(),
	}
	_, _ = rand.Read(v.secret[:]) // never fails
	return v
}

// keyed is a hash of parts that only this vault makes.
func (v *Vault) keyed(parts ...string) (out [32]byte) {
	mac := hmac.New(sha256.New, v.secret[:])
	for _, p := range parts {
		fmt.Fprintf(mac, "%d:%s", len(p), p)
	}
	return [32]byte(mac.Sum(nil))
}

// Key implements event.Keys.
func (v *Vault) Key(_ context.Context, account id.Account, subject string) (*event.Key, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	k, ok := v.keys[keyName{account, subject}]
	switch {
	case !ok:
		return nil, event.ErrNoKey
	case k == nil:
		return nil, event.ErrErased
	}
	return k, nil
}

// EnsureKey implements commands.Keys.
func (v *Vault) EnsureKey(_ context.Context, account id.Account, subject string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	name := keyName{account, subject}
	if k, ok := v.keys[name]; ok {
		if k == nil {
			return event.ErrErased
		}
		return nil
	}
	secret := v.keyed("key", string(account), subject)
	k, err := event.NewKey(secret[:])
	if err != nil {
		return err
	}
	v.keys[name] = k
	return nil
}

// EraseKey implements commands.Keys.
func (v *Vault) EraseKey(_ context.Context, account id.Account, subject string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys[keyName{account, subject}] = nil
	for _, parked := range v.parked {
		for at, p := range parked {
			if p.Account == account && (string(p.Contact) == subject || p.Contact == "" && subject == string(account)) && p.Reason != "" {
				p.Reason = "erased"
				parked[at] = p
			}
		}
	}
	return nil
}

// Accounts returns the accounts that have a key of their own.
func (v *Vault) Accounts(context.Context) ([]id.Account, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []id.Account
	for name := range v.keys {
		if string(name.account) == name.subject {
			out = append(out, name.account)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Blind implements commands.Blinder.
func (v *Vault) Blind(_ context.Context, account id.Account, purpose, value string) (string, error) {
	b := v.keyed("blind", string(account), purpose, value)
	return hex.EncodeToString(b[:16]), nil
}

// SetPassword implements commands.Passwords.
func (v *Vault) SetPassword(_ context.Context, account id.Account, owner string, login id.ID, text string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	hash := v.keyed("password", string(account), text)
	for name, p := range v.passwords {
		if name.account == account && p.owner != owner && p.hash == hash {
			return commands.ErrPasswordTaken
		}
	}
	v.passwords[loginName{account, login}] = password{owner, hash}
	return nil
}

// RemovePassword implements commands.Passwords.
func (v *Vault) RemovePassword(_ context.Context, account id.Account, login id.ID) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.passwords, loginName{account, login})
	return nil
}

// HasPassword implements commands.Passwords.
func (v *Vault) HasPassword(_ context.Context, account id.Account, login id.ID) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.passwords[loginName{account, login}]
	return ok, nil
}

// VerifyPassword implements commands.Passwords.
func (v *Vault) VerifyPassword(_ context.Context, account id.Account, login id.ID, text string) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p, ok := v.passwords[loginName{account, login}]
	hash := v.keyed("password", string(account), text)
	return hmac.Equal(p.hash[:], hash[:]) && ok, nil
}

func newSecret() (string, [32]byte) {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	s := base64.RawURLEncoding.EncodeToString(b)
	return s, sha256.Sum256([]byte(s))
}

// milli is a time as precise as vaults keep it.
func milli(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}

// IssueToken implements commands.Tokens.
func (v *Vault) IssueToken(_ context.Context, t commands.Token) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	secret, hash := newSecret()
	t.Expires = milli(t.Expires)
	v.tokens[hash] = t
	return secret, nil
}

// FindToken implements commands.Tokens.
func (v *Vault) FindToken(_ context.Context, purpose, secret string, now time.Time) (commands.Token, bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t, ok := v.token(purpose, secret, now)
	return t, ok, nil
}

func (v *Vault) token(purpose, secret string, now time.Time) (commands.Token, bool) {
	t, ok := v.tokens[sha256.Sum256([]byte(secret))]
	if !ok || t.Purpose != purpose || !t.Expires.IsZero() && !now.Before(t.Expires) {
		return commands.Token{}, false
	}
	return t, true
}

// UseToken implements commands.Tokens.
func (v *Vault) UseToken(_ context.Context, purpose, secret string, now time.Time) (commands.Token, bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t, ok := v.token(purpose, secret, now)
	if ok {
		v.revoke(t.Account, t.Purpose, t.Subject)
	}
	return t, ok, nil
}

// RevokeTokens implements commands.Tokens.
func (v *Vault) RevokeTokens(_ context.Context, account id.Account, purpose string, subject id.ID) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.revoke(account, purpose, subject)
	return nil
}

func (v *Vault) revoke(account id.Account, purpose string, subject id.ID) {
	maps.DeleteFunc(v.tokens, func(_ [32]byte, t commands.Token) bool {
		return t.Account == account && t.Purpose == purpose && t.Subject == subject
	})
}

// StartSession implements commands.Sessions.
func (v *Vault) StartSession(_ context.Context, s commands.Session) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	secret, hash := newSecret()
	s.Created, s.Expires = milli(s.Created), milli(s.Expires)
	s.Seen, s.Mark = s.Created, hex.EncodeToString(hash[:8])
	v.sessions[hash] = s
	return secret, nil
}

// FindSession implements commands.Sessions.
func (v *Vault) FindSession(_ context.Context, secret string, now time.Time) (commands.Session, bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	hash := sha256.Sum256([]byte(secret))
	s, ok := v.sessions[hash]
	if !ok || !now.Before(s.Expires) {
		return commands.Session{}, false, nil
	}
	if now.Sub(s.Seen) >= time.Minute {
		s.Seen = milli(now)
		v.sessions[hash] = s
	}
	return s, true, nil
}

// ListSessions implements commands.Sessions.
func (v *Vault) ListSessions(_ context.Context, account id.Account, actor event.Actor, now time.Time) ([]commands.Session, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []commands.Session
	for _, s := range v.sessions {
		if s.Account == account && s.Actor == actor && now.Before(s.Expires) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b commands.Session) int { return b.Created.Compare(a.Created) })
	return out, nil
}

// EndSession implements commands.Sessions.
func (v *Vault) EndSession(_ context.Context, secret string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.sessions, sha256.Sum256([]byte(secret)))
	return nil
}

// EndSessions implements commands.Sessions.
func (v *Vault) EndSessions(_ context.Context, account id.Account, actor event.Actor, kept string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	keep := sha256.Sum256([]byte(kept))
	maps.DeleteFunc(v.sessions, func(hash [32]byte, s commands.Session) bool {
		return s.Account == account && s.Actor == actor && hash != keep
	})
	return nil
}

// BindRequest implements commands.Requests.
func (v *Vault) BindRequest(_ context.Context, account id.Account, key, fingerprint string, now, until time.Time) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	name := requestName{account, key}
	if r, ok := v.requests[name]; ok && now.Before(r.until) {
		return r.fingerprint, nil
	}
	v.requests[name] = request{fingerprint, milli(until)}
	return fingerprint, nil
}

// Checkpoint returns how far a follower of the log is, 0 for one that never began.
func (v *Vault) Checkpoint(_ context.Context, name string) (event.Position, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.positions[name], nil
}

// SetCheckpoint notes how far a follower is. It never moves backwards.
func (v *Vault) SetCheckpoint(_ context.Context, name string, p event.Position) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.positions[name] = max(v.positions[name], p)
	return nil
}

// Parked returns what a follower has parked, skipped events too, oldest first.
func (v *Vault) Parked(_ context.Context, name string) ([]readmodels.Parked, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []readmodels.Parked
	for _, at := range slices.Sorted(maps.Keys(v.parked[name])) {
		out = append(out, v.parked[name][at])
	}
	return out, nil
}

// Park keeps an event for a follower, in place of what was kept of its position.
func (v *Vault) Park(_ context.Context, name string, p readmodels.Parked) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.parked[name] == nil {
		v.parked[name] = map[event.Position]readmodels.Parked{}
	}
	p.At = milli(p.At)
	v.parked[name][p.Position] = p
	return nil
}

// Unpark forgets a parked event. One that is not there is no error.
func (v *Vault) Unpark(_ context.Context, name string, p event.Position) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.parked[name], p)
	return nil
}
