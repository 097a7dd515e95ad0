package event

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/oklog/ulid/v2"

	"lonja/domain/id"
)

// Keys finds the key that seals a subject's personal data.
type Keys interface {
	// Key returns the subject's key. ErrErased says that it was thrown away on purpose,
	// ErrNoKey that it never was made; any other error is a fault of the vault.
	Key(ctx context.Context, account id.Account, subject string) (*Key, error)
}

// ErrErased says that a subject's key was thrown away, and its personal data with it.
var ErrErased = errors.New("personal data was erased")

// ErrNoKey says that a subject has no key.
var ErrNoKey = errors.New("subject has no key")

// Key seals and opens personal data of one subject. Safe for concurrent use.
type Key struct {
	aead  cipher.AEAD
	nonce func() []byte // key of the nonce function, derived where something is sealed
	name  func() []byte // key of names, derived where something is named
}

// NewKey derives a sealing key from a subject's secret of 32 bytes.
func NewKey(secret []byte) (*Key, error) {
	if len(secret) != 32 {
		return nil, fmt.Errorf("sealing key: secret of %d bytes, want 32", len(secret))
	}
	enc, err := hkdf.Key(sha256.New, secret, nil, "lonja seal v1", 32)
	if err != nil {
		return nil, fmt.Errorf("sealing key: %w", err)
	}
	block, err := aes.NewCipher(enc)
	if err != nil {
		return nil, fmt.Errorf("sealing key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("sealing key: %w", err)
	}
	secret = bytes.Clone(secret)
	derive := func(info string) func() []byte {
		return sync.OnceValue(func() []byte {
			k, err := hkdf.Key(sha256.New, secret, nil, info, 32)
			if err != nil {
				panic("event: " + err.Error()) // not for this length and hash
			}
			return k
		})
	}
	return &Key{aead: aead, nonce: derive("lonja nonce v1"), name: derive("lonja name v1")}, nil
}

// Name returns 32 bytes that name content within a place, for things that are found by
// what they hold: the same content at the same place has the same name, and without the
// key nobody can tell what it is the name of, nor that two places hold the same.
func (k *Key) Name(place, content []byte) []byte {
	mac := hmac.New(sha256.New, k.name())
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(place)))
	mac.Write(n[:])
	mac.Write(place)
	mac.Write(content)
	return mac.Sum(nil)
}

// Seal encrypts plain, bound to its place. The nonce is a keyed hash of place and
// plain text (as in SIV modes), so that sealing needs no randomness, the same event
// seals to the same bytes on a retry, and two texts never share a nonce.
func (k *Key) Seal(place, plain []byte) []byte {
	mac := hmac.New(sha256.New, k.nonce())
	var n [8]byte
	for i, l := 0, uint64(len(place)); i < 8; i++ {
		n[i] = byte(l >> (8 * i))
	}
	mac.Write(n[:])
	mac.Write(place)
	mac.Write(plain)
	nonce := mac.Sum(nil)[:nonceSize]
	return k.aead.Seal(append(make([]byte, 0, nonceSize+len(plain)+tagSize), nonce...), nonce, plain, place)
}

// What sealing adds to a text: the nonce before it, the tag behind it.
const (
	nonceSize = 12
	tagSize   = 16
)

var errCutShort = errors.New("sealed data is cut short")

// Open decrypts what Seal made for the same place.
func (k *Key) Open(place, sealed []byte) ([]byte, error) {
	if len(sealed) < nonceSize+tagSize {
		return nil, errCutShort
	}
	return k.openInto(nil, place, sealed)
}

// openInto is Open that appends to dst, which may begin where the sealed text does.
func (k *Key) openInto(dst, place, sealed []byte) ([]byte, error) {
	plain, err := k.aead.Open(dst, sealed[:nonceSize], sealed[nonceSize:], place)
	if err != nil {
		return nil, errors.New("sealed data was altered or is not of this key and place")
	}
	return plain, nil
}

// Personal is a value that is stored encrypted under its subject's key. Decisions
// make it with Seal; folds read it with Open. In JSON it is a base64 string.
type Personal[T any] struct {
	value  *T     // the plain value, where it was given: events are copied about, and what is sealed may be large
	sealed []byte // ciphertext in base64, as an event has it
	key    *Key   // nil once erased
	place  ulid.ULID
	field  string
	reveal bool // MarshalJSON writes the plain value: for auditors' eyes, never for a store
}

// Seal marks v as personal.
func Seal[T any](v T) Personal[T] { return Personal[T]{value: &v} }

// Open returns the value, and false where it was erased (the zero value then) or never set.
func (p *Personal[T]) Open() (T, bool) {
	if p.value != nil {
		return *p.value, true
	}
	var v T
	if p.key == nil || len(p.sealed) == 0 {
		return v, false
	}
	o := borrowOpening()
	defer o.done()
	plain, err := p.open(o)
	if err != nil {
		return v, false // bind verified the key; an altered byte reads as lost, and the audit finds it
	}
	if text, ok := any(&v).(*string); ok {
		if s, next, ok := plainString(plain, 0); ok && next == len(plain) {
			*text = string(s)
			return v, true
		}
	}
	return unmarshal[T](plain)
}

// unmarshal has a value of its own, which reading moves to the heap.
func unmarshal[T any](plain []byte) (v T, ok bool) {
	if jsonv2.Unmarshal(plain, &v) != nil {
		var zero T
		return zero, false
	}
	return v, true
}

// OpenRaw returns the value's JSON, and false where it was erased or never set. It
// is for folds that pass the value on without looking into it.
func (p *Personal[T]) OpenRaw() (json.RawMessage, bool) {
	if p.value != nil {
		j, err := json.Marshal(p.value)
		return j, err == nil
	}
	if p.key == nil || len(p.sealed) == 0 {
		return nil, false
	}
	o := borrowOpening()
	defer o.done()
	plain, err := p.open(o)
	return bytes.Clone(plain), err == nil
}

// opening is where personal data is decrypted. Nobody keeps what lies there, nor does it stay.
type opening struct{ place, sealed []byte }

func (o *opening) done() {
	if clear(o.sealed); cap(o.sealed) <= openingKept {
		openings.Put(o)
	}
}

// openingKept is as large as most of what is sealed.
const openingKept = 64 << 10

var openings sync.Pool // of *opening

func borrowOpening() *opening {
	if o, ok := openings.Get().(*opening); ok {
		return o
	}
	return new(opening)
}

// open decrypts only when it is asked for: most events are read for less. What it
// returns lies in o.
func (p *Personal[T]) open(o *opening) (_ []byte, err error) {
	o.place = append(append(o.place[:0], p.place[:]...), p.field...)
	if o.sealed, err = base64.RawStdEncoding.AppendDecode(o.sealed[:0], p.sealed); err != nil {
		return nil, fmt.Errorf("sealed data: %w", err)
	}
	if len(o.sealed) < nonceSize+tagSize {
		return nil, errCutShort
	}
	return p.key.openInto(o.sealed[nonceSize:nonceSize], o.place, o.sealed)
}

// Or returns the value, or other where it was erased or never set.
func (p *Personal[T]) Or(other T) T {
	if v, ok := p.Open(); ok {
		return v
	}
	return other
}

// IsZero lets `omitzero` leave out what was never set.
func (p Personal[T]) IsZero() bool { return p.value == nil && len(p.sealed) == 0 }

// MarshalJSON writes the sealed form; the codec seals first.
func (p Personal[T]) MarshalJSON() ([]byte, error) {
	if p.reveal {
		if raw, ok := p.OpenRaw(); ok {
			return raw, nil
		}
		if p.IsZero() {
			return []byte("null"), nil
		}
		return []byte(`{"erased":true}`), nil
	}
	if len(p.sealed) == 0 {
		if p.value != nil {
			return nil, errors.New("personal data must be sealed before it is written: encode through event.Codec")
		}
		return []byte("null"), nil
	}
	b := append(make([]byte, 0, len(p.sealed)+2), '"')
	return append(append(b, p.sealed...), '"'), nil
}

// UnmarshalJSON reads the sealed form.
func (p *Personal[T]) UnmarshalJSON(b []byte) error {
	*p = Personal[T]{}
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		return errors.New("sealed data is not a string")
	}
	return p.take(b[1:len(b)-1], false)
}

func (p *Personal[T]) take(sealed []byte, borrow bool) error {
	if len(sealed)%4 == 1 {
		return errNotBase64
	}
	other := byte(0)
	for s := sealed; ; s = s[8:] { // in steps, since bodies are long
		if len(s) < 8 {
			for _, c := range s {
				other |= notBase64[c]
			}
			break
		}
		other |= notBase64[s[0]] | notBase64[s[1]] | notBase64[s[2]] | notBase64[s[3]] |
			notBase64[s[4]] | notBase64[s[5]] | notBase64[s[6]] | notBase64[s[7]]
	}
	if other != 0 {
		return errNotBase64
	}
	if borrow {
		*p = Personal[T]{sealed: sealed[:len(sealed):len(sealed)]}
	} else {
		*p = Personal[T]{sealed: bytes.Clone(sealed)}
	}
	return nil
}

var errNotBase64 = errors.New("sealed data is not base64")

// notBase64 is 1 for what is no digit of base64.
var notBase64 = func() (is [256]byte) {
	for i := range is {
		if !bytes.ContainsRune([]byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"), rune(i)) {
			is[i] = 1
		}
	}
	return is
}()

func placeOf(event ulid.ULID, field string) []byte {
	b := make([]byte, 0, 16+len(field))
	return append(append(b, event[:]...), field...)
}

// sealable is what the codec does to each Personal field of an event.
type sealable interface {
	sealWith(k *Key, event ulid.ULID, field string) error
	take(sealed []byte, borrow bool) error // as JSON has it
	bind(k *Key, event ulid.ULID, field string)
	show()
}

func (p *Personal[T]) sealWith(k *Key, event ulid.ULID, field string) error {
	if p.value == nil {
		return nil
	}
	plain, err := json.Marshal(p.value)
	if err != nil {
		return fmt.Errorf("sealing %s: %w", field, err)
	}
	sealed := k.Seal(placeOf(event, field), plain)
	*p = Personal[T]{sealed: base64.RawStdEncoding.AppendEncode(make([]byte, 0, base64.RawStdEncoding.EncodedLen(len(sealed))), sealed)}
	return nil
}

func (p *Personal[T]) bind(k *Key, event ulid.ULID, field string) {
	p.key, p.place, p.field = k, event, field
}

func (p *Personal[T]) show() { p.reveal = true }
