// Package factor decides what a person shows besides a password, or instead of it: codes
// of an authenticator app (TOTP), passkeys, and recovery codes for the day that both are
// lost. Its events are in the stream of the person, a contact's login or somebody of
// staff, and say only that a factor came, went or was used up: secrets and public keys
// are in the vault.
package factor
