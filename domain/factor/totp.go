package factor

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238 as every authenticator app has it; HMAC-SHA-1 is not broken by collisions
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// What an authenticator app has to know, as RFC 6238 has it by default, and as the apps
// take it without asking: SHA-1, six digits, steps of 30 seconds.
const (
	totpStep   = 30 * time.Second
	totpDigits = 6
	// SecretSize is the length of a secret in bytes: of HMAC-SHA-1's output, as RFC 4226, section 4, recommends.
	SecretSize = 20
)

// Step is the number of the time step that a moment is in.
func Step(at time.Time) int64 { return at.Unix() / int64(totpStep/time.Second) }

// Code is the code of a time step: RFC 6238 on HOTP, RFC 4226, section 5.3.
func Code(secret []byte, step int64) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	mac := hmac.New(sha1.New, secret)
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	n := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
	return fmt.Sprintf("%0*d", totpDigits, n%1_000_000)
}

// Match returns the step whose code was typed at a moment: the current one, or the one
// before or after it, for clocks that differ and people who type slowly.
func Match(secret []byte, typed string, at time.Time) (step int64, ok bool) {
	typed = strings.Join(strings.Fields(typed), "")
	now := Step(at)
	for s := now - 1; s <= now+1; s++ {
		if subtle.ConstantTimeCompare([]byte(Code(secret, s)), []byte(typed)) == 1 {
			step, ok = s, true
		}
	}
	return step, ok
}

// IsCode reports whether what was typed looks like an app's code, and not like a recovery code.
func IsCode(typed string) bool {
	typed = strings.Join(strings.Fields(typed), "")
	return len(typed) == totpDigits && strings.Trim(typed, "0123456789") == ""
}

// SecretText is a secret as people type it into their app.
func SecretText(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// URI is a secret as an app scans it, in the form that Google Authenticator introduced
// (otpauth, "Key Uri Format").
func URI(secret []byte, issuer, person string) string {
	v := url.Values{"secret": {SecretText(secret)}, "issuer": {issuer}}
	label := url.PathEscape(issuer) + ":" + url.PathEscape(person)
	// Apps read a plus sign as such.
	return "otpauth://totp/" + label + "?" + strings.ReplaceAll(v.Encode(), "+", "%20")
}

// recoveryAlphabet has no letter that is taken for another: the 32 of Crockford's base 32.
const recoveryAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// recoveryGroups and recoveryGroup make 16 characters of 5 bits: 80 bits, too many to
// try out even with the vault and its master key in hand.
const (
	recoveryGroups = 4
	recoveryGroup  = 4
)

// RecoverySize is how many random bytes a recovery code is made of.
const RecoverySize = recoveryGroups * recoveryGroup

// RecoveryCode writes a recovery code of random bytes.
func RecoveryCode(random [RecoverySize]byte) string {
	var b strings.Builder
	for i, r := range random {
		if i > 0 && i%recoveryGroup == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(recoveryAlphabet[int(r)%len(recoveryAlphabet)]) // 32 divides 256: even
	}
	return b.String()
}

// NormalRecoveryCode is how a recovery code is compared: without what people add, and
// with the letters that are not in the alphabet read as the digits that they look like.
func NormalRecoveryCode(typed string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == 'o':
			return '0'
		case r == 'i' || r == 'l':
			return '1'
		case strings.ContainsRune(recoveryAlphabet, r):
			return r
		}
		return -1
	}, strings.ToLower(typed))
}
