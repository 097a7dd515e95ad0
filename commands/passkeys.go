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

// errNoPasskeys says that this portal's address takes none.
func errNoPasskeys() error { return fault.New(fault.NotFound, "passkey.unavailable") }

// BegunPasskey is a question for the browser, and the step that its answer goes on with.
type BegunPasskey struct {
	Options []byte // JSON for navigator.credentials
	Step    string
}

// BeginPasskey starts to make a passkey for the requester.
func (c *Commands) BeginPasskey(ctx context.Context, req Request, with Proof) (_ BegunPasskey, failed error) {
	ctx, end, failed := c.begin(ctx, "BeginPasskey", req.TraceParent)
	defer func() { end(failed) }()
	if c.Authenticators == nil {
		return BegunPasskey{}, errNoPasskeys()
	}
	p, err := c.self(ctx, req)
	if err != nil {
		return BegunPasskey{}, err
	}
	if err := c.prove(ctx, req, p, with); err != nil {
		return BegunPasskey{}, err
	}
	owner, err := c.passkeyOwner(ctx, req, p)
	if err != nil {
		return BegunPasskey{}, err
	}
	known, err := c.knownPasskeys(ctx, req, p)
	if err != nil {
		return BegunPasskey{}, err
	}
	options, state, err := c.Authenticators.BeginRegistration(owner, known)
	if err != nil {
		return BegunPasskey{}, fmt.Errorf("asking for a passkey of %s: %w", p.id, err)
	}
	step, err := c.beginStep(ctx, req, p, stepKey, state, setUpStepLife)
	return BegunPasskey{Options: options, Step: step}, err
}

func (c *Commands) passkeyOwner(ctx context.Context, req Request, p person) (PasskeyOwner, error) {
	acc, err := c.accountState(ctx, req)
	return PasskeyOwner{ID: p.id, Email: p.email, Name: p.name, Site: acc.Details.Name}, err
}

// AddPasskey is the browser's answer, and what the person calls the passkey.
type AddPasskey struct {
	Step, Name string
	Answer     []byte
	Kept       string // secret of the session that goes on; the others end
}

// AddPasskey adds the passkey that the browser made. With the person's first factor it
// returns recovery codes, which are shown this once.
func (c *Commands) AddPasskey(ctx context.Context, req Request, in AddPasskey) (codes []string, rcpt Receipt, err error) {
	ctx, end, err := c.begin(ctx, "AddPasskey", req.TraceParent)
	defer func() { end(err) }()
	if c.Authenticators == nil {
		return nil, Receipt{}, errNoPasskeys()
	}
	s, err := c.stepOf(ctx, req, stepKey, in.Step)
	if err != nil {
		return nil, Receipt{}, err
	}
	p, err := c.self(ctx, req)
	if err != nil {
		return nil, Receipt{}, err
	}
	key := id.DeriveID("passkey", string(req.Account), req.Command.String(), string(req.Actor.Kind), req.Actor.ID)
	add := func(f factor.State) ([]event.Event, error) { return factor.AddPasskey(f, key, in.Name) }
	decided, err := add(p.factors)
	if err != nil {
		return nil, Receipt{}, err
	}
	if err := c.endStep(ctx, req, stepKey, in.Step); err != nil {
		return nil, Receipt{}, err
	}
	owner, err := c.passkeyOwner(ctx, req, p)
	if err != nil {
		return nil, Receipt{}, err
	}
	credential, record, err := c.Authenticators.FinishRegistration(owner, s.Data, in.Answer)
	if errors.Is(err, ErrAnswer) {
		return nil, Receipt{}, fault.New(fault.Invalid, "passkey.failed")
	}
	if err != nil {
		return nil, Receipt{}, fmt.Errorf("adding a passkey of %s: %w", p.id, err)
	}
	err = c.Vault.AddPasskey(ctx, req.Account, Passkey{ID: key, Person: p.actor, Contact: p.contact, Credential: credential, Record: record, Created: req.At})
	if errors.Is(err, ErrPasskeyTaken) {
		return nil, Receipt{}, fault.New(fault.Invalid, "passkey.failed")
	}
	if err != nil {
		return nil, Receipt{}, fmt.Errorf("keeping a passkey of %s: %w", p.id, err)
	}
	return c.added(ctx, req, p, decided, in.Kept, add)
}

// RemovePasskey names a passkey of the requester's.
type RemovePasskey struct {
	Passkey id.ID
	Proof
}

// RemovePasskey takes a passkey away. The person's other sessions end.
func (c *Commands) RemovePasskey(ctx context.Context, req Request, in RemovePasskey) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RemovePasskey", req.TraceParent)
	defer func() { end(failed) }()
	p, err := c.self(ctx, req)
	if err != nil {
		return Receipt{}, err
	}
	if err := c.prove(ctx, req, p, in.Proof); err != nil {
		return Receipt{}, err
	}
	rcpt, err := c.onFactors(ctx, req, p, func(f factor.State) ([]event.Event, error) { return factor.RemovePasskey(f, in.Passkey) })
	if err != nil {
		return rcpt, err
	}
	if err := c.Vault.RemovePasskey(ctx, req.Account, p.id, in.Passkey); err != nil {
		return rcpt, fmt.Errorf("forgetting passkey %s: %w", in.Passkey, err)
	}
	return rcpt, c.removed(ctx, req, p, in.Session)
}

// dropPasskeys takes all passkeys of a person away, for staff who took the password:
// they sign in without it. What is asked for besides a password stays.
func (c *Commands) dropPasskeys(ctx context.Context, req Request, p person) error {
	if _, err := c.onFactors(ctx, req.step("drop passkeys"), p, func(f factor.State) ([]event.Event, error) { return factor.RemovePasskeys(f), nil }); err != nil {
		return err
	}
	keys, err := c.Vault.ListPasskeys(ctx, req.Account, p.id)
	if err != nil {
		return fmt.Errorf("listing passkeys of %s: %w", p.id, err)
	}
	for _, k := range keys {
		if err := c.Vault.RemovePasskey(ctx, req.Account, p.id, k.ID); err != nil {
			return fmt.Errorf("forgetting passkey %s: %w", k.ID, err)
		}
	}
	return c.removed(ctx, req, p, "")
}
