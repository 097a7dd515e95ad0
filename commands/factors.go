package commands

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/factor"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// The purposes of the vault's steps.
const (
	stepCode    = "sign-in code"
	stepPasskey = "sign-in passkey"
	stepTOTP    = "set up app"
	stepKey     = "set up passkey"
)

// How long a step waits for the next one.
const (
	signInStepLife = 10 * time.Minute
	setUpStepLife  = 30 * time.Minute
)

// FreshSignIn is how long after a sign-in nobody is asked for the password once more.
const FreshSignIn = 10 * time.Minute

// MaxTries is how many codes of an app may be typed wrongly in a row: 3 of a million are
// right at any moment. After that recovery codes and passkeys go on, and a new password
// that staff set or the person who is signed in: not one by the mailbox, which may be what
// whoever guesses has.
const MaxTries = 100

// Proof is what somebody who is signed in shows before what signs them in is changed:
// the password, or that they have only just signed in.
type Proof struct {
	Password string
	Session  string // secret of the session that asks; the one that goes on where others end
}

// person is a contact's login or somebody of staff.
type person struct {
	actor       event.Actor
	id          id.ID
	contact     id.Contact // of a login
	name, email string
	role        string
	hasPassword bool
	factors     factor.State
	revision    event.Revision
}

// personOf returns who an actor is; one who is nobody any more is not found.
func (c *Commands) personOf(ctx context.Context, req Request, who event.Actor, contact id.Contact) (person, error) {
	p := person{actor: who, id: id.ID(who.ID), contact: contact}
	switch who.Kind {
	case event.ActorLogin:
		if contact == "" {
			return p, fault.New(fault.NotFound, "not_found")
		}
		l, err := c.loginState(ctx, req.of(contact), p.id)
		p.name, p.email, p.role, p.hasPassword, p.factors, p.revision = l.Name, l.Email, string(l.Role), l.HasPassword, l.Factors, l.revision
		return p, err
	case event.ActorStaff:
		m, at, err := StateAt(ctx, c.Executor, account.StaffDecider(), who.ID, req.ofAccount())
		if err == nil && !m.Active() {
			err = fault.New(fault.NotFound, "not_found")
		}
		p.name, p.email, p.role, p.hasPassword, p.factors, p.revision = m.Name, m.Email, string(m.Role), m.HasPassword, m.Factors, at
		return p, err
	}
	return p, fault.New(fault.NotFound, "not_found")
}

// self returns whoever asks, if it is a person.
func (c *Commands) self(ctx context.Context, req Request) (person, error) {
	p, err := c.personOf(ctx, req, req.Actor, req.Contact)
	people := req.Actor.Kind == event.ActorLogin || req.Actor.Kind == event.ActorStaff
	if people && fault.Is(err, fault.NotFound) {
		err = fault.New(fault.Unauthorized, "access.ended")
	}
	return p, err
}

// onFactors decides on a person's factors, in the person's stream.
func (c *Commands) onFactors(ctx context.Context, req Request, p person, decide func(factor.State) ([]event.Event, error)) (Receipt, error) {
	gone := fault.New(fault.NotFound, "not_found")
	if p.actor.Kind == event.ActorStaff {
		return Execute(ctx, c.Executor, account.StaffDecider(), p.actor.ID, req.ofAccount(), func(m account.Member) ([]event.Event, error) {
			if !m.Active() {
				return nil, gone
			}
			return decide(m.Factors)
		})
	}
	return Execute(ctx, c.Executor, access.LoginDecider(), p.actor.ID, req.of(p.contact), func(l access.Login) ([]event.Event, error) {
		if !l.Active() {
			return nil, gone
		}
		return decide(l.Factors)
	})
}

// prove wants the person's password, or a session that has only just been started.
func (c *Commands) prove(ctx context.Context, req Request, p person, with Proof) error {
	fresh, err := c.Fresh(ctx, req, with.Session)
	if err != nil || fresh {
		return err
	}
	if with.Password == "" {
		return fault.Field("current", "factor.prove")
	}
	right, err := c.Vault.VerifyPassword(ctx, req.Account, p.id, with.Password)
	if err != nil {
		return fmt.Errorf("verifying the password of %s %s: %w", p.actor.Kind, p.id, err)
	}
	if !right {
		return fault.Field("current", "password.wrong")
	}
	return nil
}

// Fresh reports whether a session is the requester's and only just started, so that
// nobody is asked to prove who they are once more.
func (c *Commands) Fresh(ctx context.Context, req Request, session string) (bool, error) {
	s, ok, err := c.Vault.FindSession(ctx, session, req.At)
	if err != nil {
		return false, fmt.Errorf("finding a session: %w", err)
	}
	return ok && s.Account == req.Account && s.Actor == req.Actor && req.At.Before(s.Created.Add(FreshSignIn)), nil
}

// FactorsOf returns what the requester signs in with, and what is known of their passkeys.
func (c *Commands) FactorsOf(ctx context.Context, req Request) (factor.State, []Passkey, error) {
	p, err := c.self(ctx, req)
	if err != nil {
		return factor.State{}, nil, err
	}
	keys, err := c.knownPasskeys(ctx, req, p)
	return p.factors, keys, err
}

// knownPasskeys are those that both the log and the vault have.
func (c *Commands) knownPasskeys(ctx context.Context, req Request, p person) ([]Passkey, error) {
	keys, err := c.Vault.ListPasskeys(ctx, req.Account, p.id)
	if err != nil {
		return nil, fmt.Errorf("listing passkeys of %s: %w", p.id, err)
	}
	return slices.DeleteFunc(keys, func(k Passkey) bool { return k.Person != p.actor || !p.factors.Has(k.ID) }), nil
}

// BeginTOTP starts to set an authenticator app up. It returns the secret of the step.
func (c *Commands) BeginTOTP(ctx context.Context, req Request, with Proof) (_ string, failed error) {
	ctx, end, failed := c.begin(ctx, "BeginTOTP", req.TraceParent)
	defer func() { end(failed) }()
	p, err := c.self(ctx, req)
	if err != nil {
		return "", err
	}
	if err := c.prove(ctx, req, p, with); err != nil {
		return "", err
	}
	if _, err := factor.AddTOTP(p.factors); err != nil {
		return "", err
	}
	secret := make([]byte, factor.SecretSize)
	_, _ = rand.Read(secret) // never fails
	return c.beginStep(ctx, req, p, stepTOTP, secret, setUpStepLife)
}

func (c *Commands) beginStep(ctx context.Context, req Request, p person, purpose string, data []byte, life time.Duration) (string, error) {
	step, err := c.Vault.BeginStep(ctx, Step{
		Account: req.Account, Purpose: purpose, Actor: p.actor, Contact: p.contact, Revision: p.revision, Data: data, Expires: req.At.Add(life),
	})
	if err != nil {
		return "", fmt.Errorf("beginning a step of %s: %w", p.id, err)
	}
	return step, nil
}

// stepOf returns a step of the purpose that is the requester's.
func (c *Commands) stepOf(ctx context.Context, req Request, purpose, step string) (Step, error) {
	s, ok, err := c.Vault.FindStep(ctx, purpose, step, req.At)
	if err != nil {
		return Step{}, fmt.Errorf("finding a step: %w", err)
	}
	if !ok || s.Account != req.Account || s.Actor != req.Actor {
		return Step{}, fault.New(fault.Gone, "factor.step_over")
	}
	return s, nil
}

// endStep ends a step; one that somebody else ended meanwhile is over.
func (c *Commands) endStep(ctx context.Context, req Request, purpose, step string) error {
	_, ok, err := c.Vault.EndStep(ctx, purpose, step, req.At)
	if err != nil {
		return fmt.Errorf("ending a step: %w", err)
	}
	if !ok {
		return fault.New(fault.Gone, "factor.step_over")
	}
	return nil
}

// AppSetUp is what an authenticator app has to know.
type AppSetUp struct {
	Secret string // to be typed
	URI    string // to be scanned
}

// TOTPSetUp returns what the app that is being set up has to know.
func (c *Commands) TOTPSetUp(ctx context.Context, req Request, step string) (AppSetUp, error) {
	s, err := c.stepOf(ctx, req, stepTOTP, step)
	if err != nil {
		return AppSetUp{}, err
	}
	p, err := c.self(ctx, req)
	if err != nil {
		return AppSetUp{}, err
	}
	acc, err := c.accountState(ctx, req)
	if err != nil {
		return AppSetUp{}, err
	}
	return AppSetUp{Secret: factor.SecretText(s.Data), URI: factor.URI(s.Data, acc.Details.Name, p.email)}, nil
}

// ConfirmTOTP is the first code of an app that is being set up.
type ConfirmTOTP struct {
	Step, Code string
	Kept       string // secret of the session that goes on; the others end
}

// ConfirmTOTP adds the app whose code it is. With the person's first factor it returns
// recovery codes, which are shown this once.
func (c *Commands) ConfirmTOTP(ctx context.Context, req Request, in ConfirmTOTP) (codes []string, rcpt Receipt, err error) {
	ctx, end, err := c.begin(ctx, "ConfirmTOTP", req.TraceParent)
	defer func() { end(err) }()
	s, err := c.stepOf(ctx, req, stepTOTP, in.Step)
	if err != nil {
		return nil, Receipt{}, err
	}
	p, err := c.self(ctx, req)
	if err != nil {
		return nil, Receipt{}, err
	}
	decided, err := factor.AddTOTP(p.factors)
	if err != nil {
		return nil, Receipt{}, err
	}
	used, right := factor.Match(s.Data, in.Code, req.At)
	if !right {
		return nil, Receipt{}, fault.Field("code", "factor.code_wrong")
	}
	if err := c.endStep(ctx, req, stepTOTP, in.Step); err != nil {
		return nil, Receipt{}, err
	}
	// The vault first: what the log has and the vault has not would let nobody in.
	if err := c.Vault.SetTOTP(ctx, req.Account, p.id, s.Data, used); err != nil {
		return nil, Receipt{}, fmt.Errorf("keeping the app of %s: %w", p.id, err)
	}
	return c.added(ctx, req, p, decided, in.Kept, factor.AddTOTP)
}

// added records a factor that the vault has, with recovery codes where they come with it,
// and ends the person's other sessions.
func (c *Commands) added(ctx context.Context, req Request, p person, decided []event.Event, kept string, decide func(factor.State) ([]event.Event, error)) (codes []string, rcpt Receipt, err error) {
	if slices.ContainsFunc(decided, func(e event.Event) bool { _, ok := e.(factor.CodesMade); return ok }) {
		if codes, err = c.newCodes(ctx, req, p); err != nil {
			return nil, Receipt{}, err
		}
	}
	rcpt, err = c.onFactors(ctx, req, p, decide)
	if err != nil {
		return nil, rcpt, err
	}
	return codes, rcpt, c.endOthers(ctx, req, p, kept)
}

// newCodes gives the person recovery codes in place of those of before.
func (c *Commands) newCodes(ctx context.Context, req Request, p person) ([]string, error) {
	codes, normal := make([]string, factor.Codes), make([]string, factor.Codes)
	for i := range codes {
		var random [factor.RecoverySize]byte
		_, _ = rand.Read(random[:]) // never fails
		codes[i] = factor.RecoveryCode(random)
		normal[i] = factor.NormalRecoveryCode(codes[i])
	}
	if err := c.Vault.SetRecoveryCodes(ctx, req.Account, p.id, normal); err != nil {
		return nil, fmt.Errorf("keeping recovery codes of %s: %w", p.id, err)
	}
	return codes, nil
}

func (c *Commands) endOthers(ctx context.Context, req Request, p person, kept string) error {
	if err := c.Vault.EndSessions(ctx, req.Account, p.actor, kept); err != nil {
		return fmt.Errorf("ending sessions of %s %s: %w", p.actor.Kind, p.id, err)
	}
	return nil
}

// RemoveTOTP takes the requester's authenticator app away. Their other sessions end.
func (c *Commands) RemoveTOTP(ctx context.Context, req Request, with Proof) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RemoveTOTP", req.TraceParent)
	defer func() { end(failed) }()
	p, err := c.self(ctx, req)
	if err != nil {
		return Receipt{}, err
	}
	if err := c.prove(ctx, req, p, with); err != nil {
		return Receipt{}, err
	}
	// The log first: what the vault has no longer must not be asked for.
	rcpt, err := c.onFactors(ctx, req, p, factor.RemoveTOTP)
	if err != nil {
		return rcpt, err
	}
	if err := c.Vault.RemoveTOTP(ctx, req.Account, p.id); err != nil {
		return rcpt, fmt.Errorf("forgetting the app of %s: %w", p.id, err)
	}
	if !p.factors.TOTP && !rcpt.Again {
		return rcpt, nil // there was none: nobody's session ends for it
	}
	return rcpt, c.removed(ctx, req, p, with.Session)
}

// removed takes the recovery codes away with the last factor, and ends sessions.
func (c *Commands) removed(ctx context.Context, req Request, p person, kept string) error {
	now, err := c.personOf(ctx, req, p.actor, p.contact)
	if err != nil {
		return err
	}
	if !now.factors.Second() {
		if err := c.Vault.SetRecoveryCodes(ctx, req.Account, p.id, nil); err != nil {
			return fmt.Errorf("forgetting the recovery codes of %s: %w", p.id, err)
		}
	}
	return c.endOthers(ctx, req, p, kept)
}

// MakeRecoveryCodes gives the requester other recovery codes, which are shown this once.
func (c *Commands) MakeRecoveryCodes(ctx context.Context, req Request, with Proof) (_ []string, _ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "MakeRecoveryCodes", req.TraceParent)
	defer func() { end(failed) }()
	p, err := c.self(ctx, req)
	if err != nil {
		return nil, Receipt{}, err
	}
	if err := c.prove(ctx, req, p, with); err != nil {
		return nil, Receipt{}, err
	}
	if _, err := factor.MakeCodes(p.factors); err != nil {
		return nil, Receipt{}, err
	}
	codes, err := c.newCodes(ctx, req, p)
	if err != nil {
		return nil, Receipt{}, err
	}
	rcpt, err := c.onFactors(ctx, req, p, factor.MakeCodes)
	return codes, rcpt, err
}
