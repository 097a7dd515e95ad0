package commands

import (
	"context"
	"errors"
	"time"

	"lonja/domain/event"
	"lonja/domain/id"
)

// ErrPasskeyTaken says that the credential is kept already: an authenticator makes a new
// one each time, so that it was copied.
var ErrPasskeyTaken = errors.New("vault: the passkey is there already")

// Factors are what people sign in with besides a password, or instead of it. A person is
// a contact's login or somebody of staff. Secrets of authenticator apps are sealed, of
// recovery codes only hashes are kept.
type Factors interface {
	// SetTOTP keeps the secret of the person's authenticator app in place of any of
	// before; the codes up to the given time step count as used.
	SetTOTP(ctx context.Context, account id.Account, person id.ID, secret []byte, step int64) error
	// TOTP returns the secret; nil where there is none.
	TOTP(ctx context.Context, account id.Account, person id.ID) ([]byte, error)
	// UseStep notes that the code of a time step was used. It reports false, and notes
	// nothing, where that step's or a later one's was used before, and where there is no
	// secret. Of two calls at the same moment one gets it.
	UseStep(ctx context.Context, account id.Account, person id.ID, step int64) (bool, error)
	// RemoveTOTP takes the secret away; without one it does nothing.
	RemoveTOTP(ctx context.Context, account id.Account, person id.ID) error

	// SetRecoveryCodes keeps the codes in place of any of before; none takes them away.
	SetRecoveryCodes(ctx context.Context, account id.Account, person id.ID, codes []string) error
	// UseRecoveryCode uses a code up and returns how many are left; false for one that is
	// none. Of two calls at the same moment one gets it.
	UseRecoveryCode(ctx context.Context, account id.Account, person id.ID, code string) (left int, ok bool, err error)

	// AddPasskey keeps a passkey. ErrPasskeyTaken where the account has the credential already.
	AddPasskey(ctx context.Context, account id.Account, p Passkey) error
	// ListPasskeys returns the person's, oldest first.
	ListPasskeys(ctx context.Context, account id.Account, person id.ID) ([]Passkey, error)
	// FindPasskey returns whose passkey a credential of the account is.
	FindPasskey(ctx context.Context, account id.Account, credential []byte) (Passkey, bool, error)
	// UsePasskey keeps the passkey's record as it is after it was used at the time; of one
	// that is gone it keeps nothing.
	UsePasskey(ctx context.Context, account id.Account, passkey id.ID, record []byte, at time.Time) error
	// RemovePasskey takes a passkey of the person's away; without it, it does nothing.
	RemovePasskey(ctx context.Context, account id.Account, person, passkey id.ID) error

	// CountTry counts a code that the person typed, and returns how many there have been
	// since ForgetTries.
	CountTry(ctx context.Context, account id.Account, person id.ID) (int, error)
	// ForgetTries sets that count to none.
	ForgetTries(ctx context.Context, account id.Account, person id.ID) error

	// ClearFactors takes everything of the person's away.
	ClearFactors(ctx context.Context, account id.Account, person id.ID) error
}

// Passkey is a person's WebAuthn credential.
type Passkey struct {
	ID         id.ID
	Person     event.Actor
	Contact    id.Contact // of a login
	Credential []byte     // the authenticator's id of it
	Record     []byte     // what checks its signatures; the Authenticators' own
	Created    time.Time
	Used       time.Time // zero: never
}

// Step is where a sign-in or a set-up that takes several requests has got to. Whoever
// goes on with it shows its secret; all that counts is here, and nothing in a form.
type Step struct {
	Account  id.Account
	Purpose  string
	Actor    event.Actor // who it is about; zero where that is not known yet
	Contact  id.Contact
	Revision event.Revision // of the actor's stream, when it began
	Data     []byte         // kept sealed
	Expires  time.Time
}

// Steps are kept under random secrets of 256 bits, of which the vault has the hashes.
type Steps interface {
	// BeginStep keeps a step and returns its secret.
	BeginStep(ctx context.Context, s Step) (secret string, err error)
	// FindStep returns the step of a secret; false for an unknown, ended or (at the time
	// now) expired one, and for one of another purpose.
	FindStep(ctx context.Context, purpose, secret string, now time.Time) (Step, bool, error)
	// EndStep is FindStep that ends the step. Of two calls at the same moment one gets it.
	EndStep(ctx context.Context, purpose, secret string, now time.Time) (Step, bool, error)
}
