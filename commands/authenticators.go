package commands

import (
	"errors"

	"lonja/domain/id"
)

// ErrAnswer says that what a browser answered is not what was asked for: of another
// site, of another challenge, without the person's consent, not signed by the passkey,
// or no answer at all.
var ErrAnswer = errors.New("the authenticator's answer is not what was asked for")

// PasskeyOwner is whom a passkey is made for, as their authenticator shows it.
type PasskeyOwner struct {
	ID          id.ID
	Email, Name string
	Site        string // the account's name
}

// Authenticators are people's passkeys, as WebAuthn speaks with them: a question goes to
// the browser (options, as JSON), its answer comes back, and what has to be known of the
// question for that (state) is kept where the browser does not reach. Each asks for the
// person to be verified, by what unlocks the device.
type Authenticators interface {
	// BeginRegistration asks for a new passkey, on none of the authenticators of those known.
	BeginRegistration(owner PasskeyOwner, known []Passkey) (options, state []byte, err error)
	// FinishRegistration returns the new credential and what checks its signatures.
	// ErrAnswer for another's answer.
	FinishRegistration(owner PasskeyOwner, state, answer []byte) (credential, record []byte, err error)
	// BeginAssertion asks for a signature by one of the known passkeys of a person; with
	// none, by whichever the person chooses.
	BeginAssertion(person id.ID, known []Passkey) (options, state []byte, err error)
	// FinishAssertion returns the passkey that signed, with its record as it is now.
	// ErrAnswer where none did. find finds one by its credential.
	FinishAssertion(state, answer []byte, find func(credential []byte) (Passkey, bool, error)) (Passkey, error)
}
