package commands

import (
	"context"
	"fmt"

	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/factor"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// ClearFactors names a login whose person has lost what they sign in with.
type ClearFactors struct{ Login id.ID }

// ClearFactors takes a login's app, passkeys and recovery codes away, for staff, so that
// the password alone signs in again. Its sessions end.
func (c *Commands) ClearFactors(ctx context.Context, req Request, in ClearFactors) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ClearFactors", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	l, err := c.loginState(ctx, req, in.Login)
	if err != nil {
		return Receipt{}, err
	}
	return c.clearFactors(ctx, req, person{actor: event.Actor{Kind: event.ActorLogin, ID: string(in.Login)}, id: in.Login, contact: l.contact})
}

// ClearStaffFactors names somebody of staff who has lost what they sign in with.
type ClearStaffFactors struct{ Staff id.ID }

// ClearStaffFactors is ClearFactors for somebody of staff, by an administrator. Nobody
// clears their own: a session that was left open must not be enough for it.
func (c *Commands) ClearStaffFactors(ctx context.Context, req Request, in ClearStaffFactors) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ClearStaffFactors", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffAdmin); err != nil {
		return Receipt{}, err
	}
	who := event.Actor{Kind: event.ActorStaff, ID: string(in.Staff)}
	if req.Actor == who {
		return Receipt{}, fault.New(fault.Conflict, "factor.own")
	}
	p, err := c.personOf(ctx, req, who, "")
	if err != nil {
		return Receipt{}, err
	}
	return c.clearFactors(ctx, req, p)
}

func (c *Commands) clearFactors(ctx context.Context, req Request, p person) (Receipt, error) {
	rcpt, err := c.onFactors(ctx, req, p, factor.Clear)
	if err != nil {
		return rcpt, err
	}
	if err := c.Vault.ClearFactors(ctx, req.Account, p.id); err != nil {
		return rcpt, fmt.Errorf("forgetting the factors of %s: %w", p.id, err)
	}
	return rcpt, c.endOthers(ctx, req, p, "")
}

// RequireStaffFactor says whether staff have to sign in with more than a password.
type RequireStaffFactor struct{ Required bool }

// RequireStaffFactor sets it. Whoever has no second factor yet then comes as far as
// setting one up; an administrator without one would shut themselves out, and can't.
func (c *Commands) RequireStaffFactor(ctx context.Context, req Request, in RequireStaffFactor) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RequireStaffFactor", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffAdmin); err != nil {
		return Receipt{}, err
	}
	if in.Required && req.Actor.Kind == event.ActorStaff {
		p, err := c.personOf(ctx, req, req.Actor, "")
		if err != nil {
			return Receipt{}, err
		}
		if !p.factors.Second() {
			return Receipt{}, fault.New(fault.Conflict, "factor.own_first")
		}
	}
	return Execute(ctx, c.Executor, account.Decider(), string(req.Account), req.ofAccount(), func(s account.State) ([]event.Event, error) {
		return account.RequireStaffFactor(s, in.Required)
	})
}

// StaffFactorRequired reports whether staff have to sign in with more than a password.
func (c *Commands) StaffFactorRequired(ctx context.Context, acc id.Account) (bool, error) {
	s, err := c.accountState(ctx, Request{Account: acc})
	return s.StaffFactor, err
}
