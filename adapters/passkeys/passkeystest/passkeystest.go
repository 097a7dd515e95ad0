// Package passkeystest is an authenticator made of software, with the browser before it,
// for tests: it answers what passkeys.Authenticators ask as WebAuthn (level 3) has it, and
// can be told to do it wrongly.
package passkeystest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// Authenticator holds passkeys. The zero value of what can go wrong is as it should be.
type Authenticator struct {
	Origin string // of the page that asks, as the browser sees it
	RPID   string

	Unverified bool // the person was not verified: somebody took the device
	Counts     bool // signatures are counted

	keys []*passkey
}

type passkey struct {
	id, user []byte
	secret   *ecdsa.PrivateKey
	count    uint32
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func unb64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	must(t, err)
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (a *Authenticator) clientData(t testing.TB, kind, challenge string) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": false})
	must(t, err)
	return b
}

// The flags of authenticator data.
const (
	userPresent  = 1 << 0
	userVerified = 1 << 2
	attested     = 1 << 6
)

func (a *Authenticator) data(flags byte, count uint32) []byte {
	sum := sha256.Sum256([]byte(a.RPID))
	flags |= userPresent
	if !a.Unverified {
		flags |= userVerified
	}
	return binary.BigEndian.AppendUint32(append(sum[:], flags), count)
}

// Create makes a passkey as the options ask, and returns the answer.
func (a *Authenticator) Create(t testing.TB, options []byte) []byte {
	t.Helper()
	var o struct {
		Challenge string `json:"challenge"`
		User      struct{ ID string }
	}
	must(t, json.Unmarshal(options, &o))
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	k := &passkey{id: make([]byte, 32), user: unb64(t, o.User.ID), secret: secret}
	_, _ = rand.Read(k.id)
	a.keys = append(a.keys, k)
	point, err := secret.PublicKey.Bytes()
	must(t, err)
	// COSE: EC2, ES256, P-256, x, y.
	public, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	must(t, err)
	data := a.data(attested, 0)
	data = append(data, make([]byte, 16)...) // no AAGUID
	data = binary.BigEndian.AppendUint16(data, uint16(len(k.id)))
	data = append(append(data, k.id...), public...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	must(t, err)
	return answer(t, k, map[string]any{
		"clientDataJSON": b64(a.clientData(t, "webauthn.create", o.Challenge)), "attestationObject": b64(object), "transports": []string{"internal"},
	})
}

func answer(t testing.TB, k *passkey, response map[string]any) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"id": b64(k.id), "rawId": b64(k.id), "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response})
	must(t, err)
	return b
}

// Get signs with the newest passkey that the options allow, and returns the answer; nil
// where there is none.
func (a *Authenticator) Get(t testing.TB, options []byte) []byte {
	t.Helper()
	var o struct {
		Challenge        string `json:"challenge"`
		AllowCredentials []struct{ ID string }
	}
	must(t, json.Unmarshal(options, &o))
	for _, k := range slices.Backward(a.keys) {
		allowed := len(o.AllowCredentials) == 0
		for _, c := range o.AllowCredentials {
			allowed = allowed || c.ID == b64(k.id)
		}
		if allowed {
			return a.sign(t, k, o.Challenge)
		}
	}
	return nil
}

func (a *Authenticator) sign(t testing.TB, k *passkey, challenge string) []byte {
	t.Helper()
	if a.Counts {
		k.count++
	}
	client, data := a.clientData(t, "webauthn.get", challenge), a.data(0, k.count)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(slices.Clone(data), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.secret, digest[:])
	must(t, err)
	return answer(t, k, map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature), "userHandle": b64(k.user),
	})
}

// Rewind makes the count of the newest passkey's signatures what it was so many ago, as a copy's is.
func (a *Authenticator) Rewind(n uint32) { a.keys[len(a.keys)-1].count -= n }
