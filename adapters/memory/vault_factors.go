package memory

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
)

// factors is what the vault has of people's second factors, and of sign-ins under way.
type factors struct {
	totps    map[loginName]totp
	tries    map[loginName]int
	codes    map[loginName]map[[32]byte]bool
	passkeys map[loginName]commands.Passkey // by their own id
	steps    map[[32]byte]commands.Step
}

type totp struct {
	secret []byte
	step   int64
}

func newFactors() factors {
	return factors{map[loginName]totp{}, map[loginName]int{}, map[loginName]map[[32]byte]bool{}, map[loginName]commands.Passkey{}, map[[32]byte]commands.Step{}}
}

// SetTOTP implements commands.Factors.
func (v *Vault) SetTOTP(_ context.Context, account id.Account, person id.ID, secret []byte, step int64) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.totps[loginName{account, person}] = totp{slices.Clone(secret), step}
	return nil
}

// TOTP implements commands.Factors.
func (v *Vault) TOTP(_ context.Context, account id.Account, person id.ID) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.totps[loginName{account, person}].secret), nil
}

// UseStep implements commands.Factors.
func (v *Vault) UseStep(_ context.Context, account id.Account, person id.ID, step int64) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	name := loginName{account, person}
	t, ok := v.totps[name]
	if !ok || step <= t.step {
		return false, nil
	}
	t.step = step
	v.totps[name] = t
	return true, nil
}

// RemoveTOTP implements commands.Factors.
func (v *Vault) RemoveTOTP(_ context.Context, account id.Account, person id.ID) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.totps, loginName{account, person})
	return nil
}

// SetRecoveryCodes implements commands.Factors.
func (v *Vault) SetRecoveryCodes(_ context.Context, account id.Account, person id.ID, codes []string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	kept := map[[32]byte]bool{}
	for _, code := range codes {
		kept[v.keyed("recovery code", string(account), string(person), code)] = true
	}
	v.codes[loginName{account, person}] = kept
	return nil
}

// UseRecoveryCode implements commands.Factors.
func (v *Vault) UseRecoveryCode(_ context.Context, account id.Account, person id.ID, code string) (left int, ok bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	kept, hash := v.codes[loginName{account, person}], v.keyed("recovery code", string(account), string(person), code)
	ok = kept[hash]
	delete(kept, hash)
	return len(kept), ok, nil
}

// AddPasskey implements commands.Factors.
func (v *Vault) AddPasskey(_ context.Context, account id.Account, p commands.Passkey) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, other := range v.passkeys {
		if name.account == account && (other.ID == p.ID || bytes.Equal(other.Credential, p.Credential)) {
			return commands.ErrPasskeyTaken
		}
	}
	p.Created, p.Used = milli(p.Created), milli(p.Used)
	p.Credential, p.Record = slices.Clone(p.Credential), slices.Clone(p.Record)
	v.passkeys[loginName{account, p.ID}] = p
	return nil
}

// ListPasskeys implements commands.Factors.
func (v *Vault) ListPasskeys(_ context.Context, account id.Account, person id.ID) ([]commands.Passkey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []commands.Passkey
	for name, p := range v.passkeys {
		if name.account == account && p.Person.ID == string(person) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b commands.Passkey) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// FindPasskey implements commands.Factors.
func (v *Vault) FindPasskey(_ context.Context, account id.Account, credential []byte) (commands.Passkey, bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, p := range v.passkeys {
		if name.account == account && bytes.Equal(p.Credential, credential) {
			return p, true, nil
		}
	}
	return commands.Passkey{}, false, nil
}

// UsePasskey implements commands.Factors.
func (v *Vault) UsePasskey(_ context.Context, account id.Account, passkey id.ID, record []byte, at time.Time) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	name := loginName{account, passkey}
	if p, ok := v.passkeys[name]; ok {
		p.Record, p.Used = slices.Clone(record), milli(at)
		v.passkeys[name] = p
	}
	return nil
}

// RemovePasskey implements commands.Factors.
func (v *Vault) RemovePasskey(_ context.Context, account id.Account, person, passkey id.ID) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if name := (loginName{account, passkey}); v.passkeys[name].Person.ID == string(person) {
		delete(v.passkeys, name)
	}
	return nil
}

// CountTry implements commands.Factors.
func (v *Vault) CountTry(_ context.Context, account id.Account, person id.ID) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tries[loginName{account, person}]++
	return v.tries[loginName{account, person}], nil
}

// ForgetTries implements commands.Factors.
func (v *Vault) ForgetTries(_ context.Context, account id.Account, person id.ID) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.tries, loginName{account, person})
	return nil
}

// ClearFactors implements commands.Factors.
func (v *Vault) ClearFactors(_ context.Context, account id.Account, person id.ID) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	name := loginName{account, person}
	delete(v.totps, name)
	delete(v.tries, name)
	delete(v.codes, name)
	maps.DeleteFunc(v.passkeys, func(n loginName, p commands.Passkey) bool {
		return n.account == account && p.Person.ID == string(person)
	})
	return nil
}

// BeginStep implements commands.Steps.
func (v *Vault) BeginStep(_ context.Context, s commands.Step) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	secret, hash := newSecret()
	s.Expires, s.Data = milli(s.Expires), append([]byte{}, s.Data...)
	v.steps[hash] = s
	return secret, nil
}

// FindStep implements commands.Steps.
func (v *Vault) FindStep(_ context.Context, purpose, secret string, now time.Time) (commands.Step, bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s, ok := v.step(purpose, sha256.Sum256([]byte(secret)), now)
	return s, ok, nil
}

func (v *Vault) step(purpose string, hash [32]byte, now time.Time) (commands.Step, bool) {
	s, ok := v.steps[hash]
	if !ok || s.Purpose != purpose || !now.Before(s.Expires) {
		return commands.Step{}, false
	}
	return s, true
}

// EndStep implements commands.Steps.
func (v *Vault) EndStep(_ context.Context, purpose, secret string, now time.Time) (commands.Step, bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	hash := sha256.Sum256([]byte(secret))
	s, ok := v.step(purpose, hash, now)
	if ok {
		delete(v.steps, hash)
	}
	return s, ok, nil
}

// EndMarked implements commands.Sessions.
func (v *Vault) EndMarked(_ context.Context, account id.Account, actor event.Actor, mark string) (ended bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	maps.DeleteFunc(v.sessions, func(hash [32]byte, s commands.Session) bool {
		is := s.Account == account && s.Actor == actor && hex.EncodeToString(hash[:8]) == mark
		ended = ended || is
		return is
	})
	return ended, nil
}
