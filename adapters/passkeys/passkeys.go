// Package passkeys speaks WebAuthn (W3C, level 3) with people's browsers, for
// commands.Authenticators: what is asked, and whether the answer is of this portal, of
// this question, of a person whom the device verified, and signed by the passkey.
package passkeys

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"lonja/commands"
	"lonja/domain/id"
)

// Authenticators implements commands.Authenticators for one portal.
type Authenticators struct{ site *webauthn.WebAuthn }

// New returns the authenticators of the portal at an address; false where its host is an
// IP address, for which browsers make no passkeys.
func New(baseURL string) (_ *Authenticators, ok bool, err error) {
	u, err := url.Parse(baseURL)
	if err != nil || u.Hostname() == "" {
		return nil, false, fmt.Errorf("passkeys: the address %q has no host", baseURL)
	}
	if net.ParseIP(u.Hostname()) != nil {
		return nil, false, nil
	}
	site, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: u.Hostname(), RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.VerificationRequired,
		},
	})
	if err != nil {
		return nil, false, fmt.Errorf("passkeys: %w", err)
	}
	return &Authenticators{site}, true, nil
}

// person is who has passkeys, as the library asks.
type person struct {
	id          id.ID
	name, shown string
	credentials []webauthn.Credential
}

func (p *person) WebAuthnID() []byte                         { return []byte(p.id) }
func (p *person) WebAuthnName() string                       { return p.name }
func (p *person) WebAuthnDisplayName() string                { return p.shown }
func (p *person) WebAuthnCredentials() []webauthn.Credential { return p.credentials }

func ownerOf(o commands.PasskeyOwner) *person {
	p := &person{id: o.ID, name: o.Email, shown: o.Name}
	if p.shown == "" {
		p.shown = p.name
	}
	return p
}

// with adds the passkeys' credentials.
func (p *person) with(keys ...commands.Passkey) error {
	for _, k := range keys {
		var c webauthn.Credential
		if err := json.Unmarshal(k.Record, &c); err != nil {
			return fmt.Errorf("passkeys: record of %s: %w", k.ID, err)
		}
		p.credentials = append(p.credentials, c)
	}
	return nil
}

// BeginRegistration implements commands.Authenticators.
func (a *Authenticators) BeginRegistration(owner commands.PasskeyOwner, known []commands.Passkey) (options, state []byte, err error) {
	p := ownerOf(owner)
	if err := p.with(known...); err != nil {
		return nil, nil, err
	}
	asked := []webauthn.RegistrationOption{webauthn.WithExclusions(webauthn.Credentials(p.credentials).CredentialDescriptors())}
	if owner.Site != "" {
		asked = append(asked, webauthn.WithRegistrationRelyingPartyName(owner.Site))
	}
	question, session, err := a.site.BeginRegistration(p, asked...)
	if err != nil {
		return nil, nil, fmt.Errorf("passkeys: %w", err)
	}
	return written(question.Response, session)
}

// written is a question and its state as JSON.
func written(question any, session *webauthn.SessionData) (options, state []byte, err error) {
	if options, err = json.Marshal(question); err != nil {
		return nil, nil, fmt.Errorf("passkeys: %w", err)
	}
	if state, err = json.Marshal(session); err != nil {
		return nil, nil, fmt.Errorf("passkeys: %w", err)
	}
	return options, state, nil
}

func read(state []byte) (webauthn.SessionData, error) {
	var s webauthn.SessionData
	if err := json.Unmarshal(state, &s); err != nil {
		return s, fmt.Errorf("passkeys: state: %w", err)
	}
	return s, nil
}

// FinishRegistration implements commands.Authenticators.
func (a *Authenticators) FinishRegistration(owner commands.PasskeyOwner, state, answer []byte) (credential, record []byte, err error) {
	session, err := read(state)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, nil, wrong(err)
	}
	c, err := a.site.CreateCredential(ownerOf(owner), session, parsed)
	if err != nil {
		return nil, nil, wrong(err)
	}
	record, err = json.Marshal(c)
	if err != nil {
		return nil, nil, fmt.Errorf("passkeys: %w", err)
	}
	return c.ID, record, nil
}

// wrong is an answer that the library does not take. Its error tells developers why, and
// nothing of the person.
func wrong(err error) error { return fmt.Errorf("%w: %w", commands.ErrAnswer, err) }

// BeginAssertion implements commands.Authenticators.
func (a *Authenticators) BeginAssertion(who id.ID, known []commands.Passkey) (options, state []byte, err error) {
	var question *protocol.CredentialAssertion
	var session *webauthn.SessionData
	if len(known) == 0 {
		question, session, err = a.site.BeginDiscoverableLogin()
	} else {
		p := &person{id: who}
		if err := p.with(known...); err != nil {
			return nil, nil, err
		}
		question, session, err = a.site.BeginLogin(p)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("passkeys: %w", err)
	}
	return written(question.Response, session)
}

// FinishAssertion implements commands.Authenticators.
func (a *Authenticators) FinishAssertion(state, answer []byte, find func(credential []byte) (commands.Passkey, bool, error)) (commands.Passkey, error) {
	session, err := read(state)
	if err != nil {
		return commands.Passkey{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return commands.Passkey{}, wrong(err)
	}
	k, ok, err := find(parsed.RawID)
	if err != nil {
		return commands.Passkey{}, err
	}
	if !ok {
		return commands.Passkey{}, fmt.Errorf("%w: nobody's passkey", commands.ErrAnswer)
	}
	p := &person{id: id.ID(k.Person.ID)}
	if err := p.with(k); err != nil {
		return commands.Passkey{}, err
	}
	c, err := a.validate(p, session, parsed)
	if err != nil {
		return commands.Passkey{}, wrong(err)
	}
	if c.Authenticator.CloneWarning {
		return commands.Passkey{}, fmt.Errorf("%w: its count of signatures went back, as a copy's does", commands.ErrAnswer)
	}
	if k.Record, err = json.Marshal(c); err != nil {
		return commands.Passkey{}, fmt.Errorf("passkeys: %w", err)
	}
	return k, nil
}

func (a *Authenticators) validate(p *person, session webauthn.SessionData, parsed *protocol.ParsedCredentialAssertionData) (*webauthn.Credential, error) {
	if len(session.UserID) > 0 {
		// The library wants all that were allowed to be the person's; who else's are asked
		// for was decided when the question was made.
		session.AllowedCredentialIDs = nil
		return a.site.ValidateLogin(p, session, parsed)
	}
	_, c, err := a.site.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return p, nil }, session, parsed)
	return c, err
}
