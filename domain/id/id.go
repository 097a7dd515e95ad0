// Package id names the identities that cross Lonja's rooms. Account and Contact
// have types of their own, since confusing them is how one contact's data ends
// up before another; everything else is a plain ID. All are ULIDs in their
// 26-character text form.
package id

import (
	"crypto/sha256"
	"strings"
	"unicode"

	"github.com/oklog/ulid/v2"
)

// Account identifies the business that runs the portal.
type Account string

// Contact identifies a client or supplier of an account.
type Contact string

// ID identifies any other aggregate: a document, a login, a payment.
type ID string

// Valid reports whether s is a canonical ULID: 26 characters, upper case.
func Valid[T ~string](s T) bool {
	u, err := ulid.ParseStrict(string(s))
	return err == nil && u.String() == string(s)
}

// Derive returns the ULID-formed identity that the given parts name. The same
// parts give the same identity on every node and at every time, which is what
// makes a document number, an email or the nth event of a command unique
// without asking anyone.
func Derive(parts ...string) ulid.ULID {
	h := sha256.New()
	var n [4]byte
	for _, p := range parts {
		// Length-prefixed, so that ("ab","c") and ("a","bc") differ.
		n[0], n[1], n[2], n[3] = byte(len(p)>>24), byte(len(p)>>16), byte(len(p)>>8), byte(len(p))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	var u ulid.ULID
	copy(u[:], h.Sum(nil))
	u[0] &= 0x7f // keep clear of the top bit, so that every derived id parses as a ULID timestamp
	return u
}

// DeriveID is Derive as an ID.
func DeriveID(parts ...string) ID { return ID(Derive(parts...).String()) }

// Fold normalises an identifier that people type in several ways (a tax id, an
// IBAN, a document number): upper case, without white space, dots, dashes or slashes.
func Fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || r == '.' || r == '-' || r == '/':
			return -1
		default:
			return r
		}
	}, strings.ToUpper(s))
}
