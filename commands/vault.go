package commands

import (
	"context"
	"errors"
	"time"

	"lonja/domain/event"
	"lonja/domain/id"
)

// Vault keeps what must not be in the log: the keys of personal data, password
// hashes, tokens and sessions. Implementations pass adaptertest.Vault. Everything that
// a method returns is durable when it returns; secrets are stored as hashes only.
type Vault interface {
	Keys
	Blinder
	Passwords
	Tokens
	Sessions
	Factors
	Steps
	Requests
}

// Keys are the sealing keys of contacts and accounts.
type Keys interface {
	event.Keys
	// EnsureKey makes the subject's key where it has none. event.ErrErased where it was
	// thrown away: it is never made again.
	EnsureKey(ctx context.Context, account id.Account, subject string) error
	// EraseKey throws the subject's key away for good. Doing it again does nothing.
	EraseKey(ctx context.Context, account id.Account, subject string) error
}

// Blinder turns values that people could guess into identifiers that only this vault
// can make: an email's or a tax id's reservation stream.
type Blinder interface {
	// Blind returns 32 lower-case hexadecimal digits, the same for the same arguments for ever.
	Blind(ctx context.Context, account id.Account, purpose, value string) (string, error)
}

// ErrPasswordTaken says that somebody of another owner uses the password.
var ErrPasswordTaken = errors.New("vault: password is used by another")

// Passwords are hashes of logins' and staff's passwords. The owner is whom a login
// belongs to: logins of one owner may share a password, those of two may not.
type Passwords interface {
	// SetPassword replaces the login's password. ErrPasswordTaken changes nothing.
	SetPassword(ctx context.Context, account id.Account, owner string, login id.ID, password string) error
	// RemovePassword takes the login's password away; without one it does nothing.
	RemovePassword(ctx context.Context, account id.Account, login id.ID) error
	// HasPassword reports whether the login has one.
	HasPassword(ctx context.Context, account id.Account, login id.ID) (bool, error)
	// VerifyPassword reports whether it is the login's password. It takes the same time
	// for a login without password, or for none (login ""), as for a wrong password.
	VerifyPassword(ctx context.Context, account id.Account, login id.ID, password string) (bool, error)
}

// Token is what a secret that Lonja handed out stands for.
type Token struct {
	Account id.Account
	Purpose string // "recovery", "link", "apikey"
	Subject id.ID  // the login, link or key that it is about
	Contact id.Contact
	Expires time.Time // zero: never by itself
}

// Tokens are random secrets of 256 bits.
type Tokens interface {
	// IssueToken makes a new secret for the token.
	IssueToken(ctx context.Context, t Token) (secret string, err error)
	// FindToken returns what a secret stands for; false for an unknown, used, revoked or
	// (at the time now) expired one, and for one of another purpose.
	FindToken(ctx context.Context, purpose, secret string, now time.Time) (Token, bool, error)
	// UseToken is FindToken that uses the secret up, together with all others of the same
	// account, purpose and subject. Of two calls at the same moment one gets it.
	UseToken(ctx context.Context, purpose, secret string, now time.Time) (Token, bool, error)
	// RevokeTokens ends all secrets of the account, purpose and subject.
	RevokeTokens(ctx context.Context, account id.Account, purpose string, subject id.ID) error
}

// Session is somebody signed in.
type Session struct {
	Account   id.Account
	Contact   id.Contact // empty for staff
	Actor     event.Actor
	Created   time.Time
	Seen      time.Time // to the minute
	Expires   time.Time
	UserAgent string
	Mark      string // names the session to its owner in a list; not its secret
}

// Sessions are who is signed in where. A session that ended is refused from the next request on.
type Sessions interface {
	// StartSession makes a session and returns its secret.
	StartSession(ctx context.Context, s Session) (secret string, err error)
	// FindSession returns the session of a secret; false for an unknown, ended or (at the
	// time now) expired one. It notes that the session was seen.
	FindSession(ctx context.Context, secret string, now time.Time) (Session, bool, error)
	// ListSessions returns the actor's sessions that have not expired, newest first.
	ListSessions(ctx context.Context, account id.Account, actor event.Actor, now time.Time) ([]Session, error)
	// EndSession ends a session by its secret.
	EndSession(ctx context.Context, secret string) error
	// EndMarked ends the actor's session of the mark, and reports whether there was one.
	EndMarked(ctx context.Context, account id.Account, actor event.Actor, mark string) (bool, error)
	// EndSessions ends the actor's sessions, but for the one of the secret kept ("" keeps none).
	EndSessions(ctx context.Context, account id.Account, actor event.Actor, kept string) error
}

// Requests are the keys by which clients name requests, so that one that is repeated has
// one effect. Keys and fingerprints are blinded by the caller: requests may hold secrets.
type Requests interface {
	// BindRequest binds a key to the fingerprint of a request until a time, unless it is
	// bound at the time now, and returns the fingerprint that it is bound to. Of two
	// calls at the same moment one binds it.
	BindRequest(ctx context.Context, account id.Account, key, fingerprint string, now, until time.Time) (bound string, err error)
}
