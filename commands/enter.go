package commands

import (
	"context"
	"errors"
	"fmt"

	"lonja/domain/event"
	"lonja/domain/factor"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// Entry is somebody who has shown all that they sign in with.
type Entry struct {
	Actor   event.Actor
	Contact id.Contact // of a login
	Name    string
	Role    string
	// At is the revision of the person that was found, for StartSession.
	At event.Revision
	// CodesLeft is how many recovery codes are left, where one was used; -1 else.
	CodesLeft int
}

// BeginCode is who has shown the password, and at which revision of theirs.
type BeginCode struct {
	Actor   event.Actor
	Contact id.Contact
	At      event.Revision
}

// BeginCode starts the step of a sign-in that is between the password and what comes
// besides. It returns the step's secret. The caller has seen the password.
func (c *Commands) BeginCode(ctx context.Context, req Request, in BeginCode) (_ string, failed error) {
	ctx, end, failed := c.begin(ctx, "BeginCode", req.TraceParent)
	defer func() { end(failed) }()
	return c.beginStep(ctx, req, person{actor: in.Actor, id: id.ID(in.Actor.ID), contact: in.Contact, revision: in.At}, stepCode, nil, signInStepLife)
}

// entering returns the step of a sign-in, and the person that it is about. A step of
// other people than those of the door is over.
func (c *Commands) entering(ctx context.Context, req Request, step string, door event.ActorKind) (Step, person, error) {
	over := fault.New(fault.Gone, "signin.step_over")
	s, ok, err := c.Vault.FindStep(ctx, stepCode, step, req.At)
	if err != nil {
		return s, person{}, fmt.Errorf("finding a step: %w", err)
	}
	if !ok || s.Account != req.Account || s.Actor.Kind != door {
		return s, person{}, over
	}
	p, err := c.mayEnter(ctx, req, s.Actor, s.Contact)
	if fault.Is(err, fault.NotFound) {
		err = over
	}
	return s, p, err
}

// mayEnter returns the person, if they and their contact still have access at all.
func (c *Commands) mayEnter(ctx context.Context, req Request, who event.Actor, contact id.Contact) (person, error) {
	p, err := c.personOf(ctx, req, who, contact)
	if err == nil && !p.hasPassword {
		err = fault.New(fault.NotFound, "not_found")
	}
	if err == nil && who.Kind == event.ActorLogin {
		_, err = c.contactState(ctx, req.of(contact), contact)
	}
	return p, err
}

// Entering is what somebody between the password and what comes besides can show.
type Entering struct {
	Actor    event.Actor
	App      bool // a code of an authenticator app
	Passkeys bool
}

// Entering returns what the step of a sign-in asks for.
func (c *Commands) Entering(ctx context.Context, req Request, step string, door event.ActorKind) (Entering, error) {
	s, p, err := c.entering(ctx, req, step, door)
	return Entering{Actor: s.Actor, App: p.factors.TOTP, Passkeys: c.Authenticators != nil && len(p.factors.Passkeys) > 0}, err
}

// EnterCode is a code of an app, or a recovery code.
type EnterCode struct {
	Step, Code string
	Door       event.ActorKind // whose door it is: login or staff
}

// EnterCode goes on with a sign-in by a code. One of an app is good once; a recovery
// code is used up.
func (c *Commands) EnterCode(ctx context.Context, req Request, in EnterCode) (_ Entry, failed error) {
	ctx, end, failed := c.begin(ctx, "EnterCode", req.TraceParent)
	defer func() { end(failed) }()
	s, p, err := c.entering(ctx, req, in.Step, in.Door)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Actor: p.actor, Contact: p.contact, Name: p.name, Role: p.role, At: s.Revision, CodesLeft: -1}
	if factor.IsCode(in.Code) {
		err = c.useAppCode(ctx, req, p, in.Code)
	} else {
		e.CodesLeft, err = c.useRecoveryCode(ctx, req, p, in.Code)
	}
	if err != nil {
		return Entry{}, err
	}
	_, ok, err := c.Vault.EndStep(ctx, stepCode, in.Step, req.At)
	if err != nil {
		return Entry{}, fmt.Errorf("ending a step: %w", err)
	}
	if !ok {
		return Entry{}, fault.New(fault.Gone, "signin.step_over")
	}
	if err := c.Vault.ForgetTries(ctx, req.Account, p.id); err != nil {
		return Entry{}, fmt.Errorf("forgetting the tries of %s: %w", p.id, err)
	}
	return e, nil
}

func (c *Commands) useAppCode(ctx context.Context, req Request, p person, code string) error {
	// Counted before it is looked at, so that many at once are no way around the bound.
	n, err := c.Vault.CountTry(ctx, req.Account, p.id)
	if err != nil {
		return fmt.Errorf("counting a try of %s: %w", p.id, err)
	}
	if n > MaxTries {
		return fault.New(fault.Forbidden, "factor.blocked")
	}
	wrong := &fault.Fault{Kind: fault.Unauthorized, Key: "factor.code_wrong", Field: "code"}
	if !p.factors.TOTP {
		return wrong
	}
	secret, err := c.Vault.TOTP(ctx, req.Account, p.id)
	if err != nil {
		return fmt.Errorf("reading the app of %s: %w", p.id, err)
	}
	at, right := factor.Match(secret, code, req.At)
	if secret == nil || !right {
		return wrong
	}
	fresh, err := c.Vault.UseStep(ctx, req.Account, p.id, at)
	if err != nil {
		return fmt.Errorf("using a code of %s: %w", p.id, err)
	}
	if !fresh {
		return &fault.Fault{Kind: fault.Unauthorized, Key: "factor.code_used", Field: "code"}
	}
	return nil
}

func (c *Commands) useRecoveryCode(ctx context.Context, req Request, p person, code string) (int, error) {
	left, right, err := c.Vault.UseRecoveryCode(ctx, req.Account, p.id, factor.NormalRecoveryCode(code))
	if err != nil {
		return 0, fmt.Errorf("using a recovery code of %s: %w", p.id, err)
	}
	if !right || p.factors.Codes == 0 {
		return 0, &fault.Fault{Kind: fault.Unauthorized, Key: "factor.code_wrong", Field: "code"}
	}
	req.Actor = p.actor
	_, err = c.onFactors(ctx, req.step("recovery code"), p, func(f factor.State) ([]event.Event, error) { return factor.UseCode(f, left) })
	return left, err
}

// AskPasskey is a sign-in by a passkey: of the person whose sign-in a step is, or of
// whoever has one here.
type AskPasskey struct {
	Step string // "": instead of the password
	Door event.ActorKind
}

// AskPasskey asks the browser for a passkey's signature.
func (c *Commands) AskPasskey(ctx context.Context, req Request, in AskPasskey) (_ BegunPasskey, failed error) {
	ctx, end, failed := c.begin(ctx, "AskPasskey", req.TraceParent)
	defer func() { end(failed) }()
	if c.Authenticators == nil {
		return BegunPasskey{}, errNoPasskeys()
	}
	var p person
	var known []Passkey
	p.revision = event.NoStream
	if in.Step != "" {
		s, found, err := c.entering(ctx, req, in.Step, in.Door)
		if err != nil {
			return BegunPasskey{}, err
		}
		p = found
		p.revision = s.Revision
		if known, err = c.knownPasskeys(ctx, req, p); err != nil {
			return BegunPasskey{}, err
		}
		if len(known) == 0 {
			return BegunPasskey{}, errNoPasskeys()
		}
	}
	options, state, err := c.Authenticators.BeginAssertion(p.id, known)
	if err != nil {
		return BegunPasskey{}, fmt.Errorf("asking for a passkey: %w", err)
	}
	step, err := c.beginStep(ctx, req, p, stepPasskey, state, signInStepLife)
	return BegunPasskey{Options: options, Step: step}, err
}

// EnterPasskey is the browser's answer.
type EnterPasskey struct {
	Step   string
	Answer []byte
	Door   event.ActorKind // whose door it is: login or staff
}

// EnterPasskey signs in by a passkey. It says the same whatever is wrong.
func (c *Commands) EnterPasskey(ctx context.Context, req Request, in EnterPasskey) (_ Entry, failed error) {
	ctx, end, failed := c.begin(ctx, "EnterPasskey", req.TraceParent)
	defer func() { end(failed) }()
	refused := fault.New(fault.Unauthorized, "passkey.failed")
	if c.Authenticators == nil {
		return Entry{}, errNoPasskeys()
	}
	// An answer is good once, right or wrong.
	s, ok, err := c.Vault.EndStep(ctx, stepPasskey, in.Step, req.At)
	if err != nil {
		return Entry{}, fmt.Errorf("ending a step: %w", err)
	}
	if !ok || s.Account != req.Account {
		return Entry{}, fault.New(fault.Gone, "signin.step_over")
	}
	k, err := c.Authenticators.FinishAssertion(s.Data, in.Answer, func(credential []byte) (Passkey, bool, error) {
		return c.Vault.FindPasskey(ctx, req.Account, credential)
	})
	if errors.Is(err, ErrAnswer) {
		return Entry{}, refused
	}
	if err != nil {
		return Entry{}, fmt.Errorf("checking a passkey: %w", err)
	}
	if k.Person.Kind != in.Door || s.Actor != (event.Actor{}) && s.Actor != k.Person {
		return Entry{}, refused
	}
	p, err := c.mayEnter(ctx, req, k.Person, k.Contact)
	if fault.Is(err, fault.NotFound) || err == nil && !p.factors.Has(k.ID) {
		return Entry{}, refused
	}
	if err != nil {
		return Entry{}, err
	}
	if err := c.Vault.UsePasskey(ctx, req.Account, k.ID, k.Record, req.At); err != nil {
		return Entry{}, fmt.Errorf("keeping passkey %s: %w", k.ID, err)
	}
	if err := c.Vault.ForgetTries(ctx, req.Account, p.id); err != nil {
		return Entry{}, fmt.Errorf("forgetting the tries of %s: %w", p.id, err)
	}
	e := Entry{Actor: p.actor, Contact: p.contact, Name: p.name, Role: p.role, At: p.revision, CodesLeft: -1}
	if s.Actor != (event.Actor{}) {
		e.At = s.Revision
	}
	return e, nil
}
