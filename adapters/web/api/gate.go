package api

import (
	"context"

	lru "github.com/hashicorp/golang-lru/v2"

	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/decider"
	"lonja/domain/event"
	"lonja/domain/fault"
)

// gate tells at each request whether whoever holds a token may still come in: what a
// token was given for (a login, a person of staff, a key) and its contact may have ended
// since. It asks the log itself, not a read model, so that the next request after the end
// is refused; what it found is good for as long as the log does not grow, and where it
// grew for as long as those two streams did not.
type gate struct {
	*commands.Executor
	known *lru.Cache[caller, passed]
}

// cachedCallers bounds what the gate keeps: some hundred bytes each, nothing personal.
const cachedCallers = 10_000

// passed is what the gate found out about a caller.
type passed struct {
	at         event.Position // the log's head before anything was read
	who, whose event.Revision // of the caller's own stream, and of its contact's or account's
	open       bool
	wants      bool // a second factor, before anything else
}

func newGate(x *commands.Executor) *gate {
	c, err := lru.New[caller, passed](cachedCallers)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return &gate{x, c}
}

// pass returns Unauthorized for a caller whose access has ended.
func (g *gate) pass(ctx context.Context, c caller) error {
	head, err := g.Store.Head(ctx)
	if err != nil {
		return err
	}
	p, ok := g.known.Get(c)
	if !ok || p.at != head {
		if p, err = g.look(ctx, c, p, ok); err != nil {
			return err
		}
		p.at = head
		g.known.Add(c, p)
	}
	if !p.open {
		return fault.New(fault.Unauthorized, "access.ended")
	}
	if p.wants {
		return fault.New(fault.Forbidden, "factor.required")
	}
	return nil
}

// look reads whether the caller may come in, unless neither stream grew since before.
func (g *gate) look(ctx context.Context, c caller, before passed, known bool) (passed, error) {
	if known {
		grew, err := g.grew(ctx, c.stream(), before.who)
		if err == nil && !grew {
			grew, err = g.grew(ctx, c.whose(), before.whose)
		}
		if err != nil || !grew {
			return before, err
		}
	}
	var p passed
	var err error
	switch c.Actor.Kind {
	case event.ActorLogin:
		p.who, p.open, err = fold(ctx, g, access.LoginDecider(), c.Actor.ID, c, func(l access.Login) bool { return l.Active() && l.HasPassword })
	case event.ActorStaff:
		return g.lookStaff(ctx, c)
	case event.ActorAPIKey:
		p.who, p.open, err = fold(ctx, g, account.KeyDecider(), c.Actor.ID, c, func(k account.Key) bool { return k.Exists && !k.Revoked })
	}
	if err != nil || c.Contact == "" {
		return p, err
	}
	of, open, err := fold(ctx, g, contact.Decider(), string(c.Contact), c, contact.State.Active)
	p.whose, p.open = of, p.open && open
	return p, err
}

// lookStaff is look for somebody of staff, who must have a second factor where the account
// wants one: they set it up on their pages.
func (g *gate) lookStaff(ctx context.Context, c caller) (p passed, err error) {
	second := false
	p.who, p.open, err = fold(ctx, g, account.StaffDecider(), c.Actor.ID, c, func(m account.Member) bool {
		second = m.Factors.Second()
		return m.Active() && m.HasPassword
	})
	if err != nil {
		return p, err
	}
	var enough bool
	p.whose, enough, err = fold(ctx, g, account.Decider(), string(c.Account), c, func(s account.State) bool { return second || !s.StaffFactor })
	p.wants = p.open && !enough
	return p, err
}

// grew reports whether a stream has events after the revision.
func (g *gate) grew(ctx context.Context, stream string, after event.Revision) (bool, error) {
	newer, err := g.Store.ReadStream(ctx, stream, after+1, 1, nil)
	return len(newer) > 0, err
}

// stream is the caller's own.
func (c caller) stream() string {
	switch c.Actor.Kind {
	case event.ActorLogin:
		return access.LoginDecider().Stream(c.Actor.ID)
	case event.ActorStaff:
		return account.StaffDecider().Stream(c.Actor.ID)
	default:
		return account.KeyDecider().Stream(c.Actor.ID)
	}
}

// whose is the stream of whom the caller belongs to.
func (c caller) whose() string {
	if c.Contact == "" {
		return account.Decider().Stream(string(c.Account))
	}
	return contact.Decider().Stream(string(c.Contact))
}

// fold returns an aggregate's revision and whether it is open; one of another account or
// contact is not.
func fold[S any](ctx context.Context, g *gate, d decider.Decider[S], aggregate string, c caller, open func(S) bool) (event.Revision, bool, error) {
	s, rev, err := commands.StateAt(ctx, g.Executor, d, aggregate, commands.Request{Account: c.Account, Contact: c.Contact})
	if fault.Is(err, fault.NotFound) {
		return event.NoStream, false, nil
	}
	return rev, err == nil && open(s), err
}
