package commands

import (
	"context"
	"fmt"
	"time"
	_ "time/tzdata" // an account's calendar day must not depend on what the machine has installed

	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/decider"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// step returns the request of a part of an act that touches a stream more than once,
// or that another part must not be mistaken for: a repeated act repeats its steps under
// the same ids.
func (r Request) step(name string) Request {
	s := r
	if s.Correlation.IsZero() {
		s.Correlation = r.Command
	}
	s.Command = id.Derive("step", r.Command.String(), name)
	return s
}

// ofAccount returns the request on a stream of the account itself.
func (r Request) ofAccount() Request {
	r.Contact = ""
	return r
}

// of returns the request on streams of one contact.
func (r Request) of(contact id.Contact) Request {
	r.Contact = contact
	return r
}

// presence tells whether a stream of the category has events, whatever they say.
func presence(category string) decider.Decider[bool] {
	return decider.Decider[bool]{
		Category: category,
		Initial:  func() bool { return false },
		Evolve:   func(bool, event.Event) bool { return true },
	}
}

// ownerOf returns the contact whose document it is; a document that the request may
// not see is not found.
func (c *Commands) ownerOf(ctx context.Context, req Request, kind document.Kind, doc id.ID) (id.Contact, error) {
	if !kind.Known() || !id.Valid(doc) {
		return "", fault.New(fault.NotFound, "not_found")
	}
	l, err := load(ctx, c.Executor, presence(string(kind)), string(kind)+"-"+string(doc), Request{Account: req.Account, Contact: req.Contact})
	if err != nil {
		return "", err
	}
	if !l.exists || l.owner == "" {
		return "", fault.New(fault.NotFound, "not_found")
	}
	return l.owner, nil
}

// accountState returns the account as of now.
func (c *Commands) accountState(ctx context.Context, req Request) (account.State, error) {
	s, ok, err := State(ctx, c.Executor, account.Decider(), string(req.Account), req.ofAccount())
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "not_found")
	}
	return s, err
}

// contactState returns a contact as of now, if it is there and not erased.
func (c *Commands) contactState(ctx context.Context, req Request, who id.Contact) (contact.State, error) {
	if who == "" {
		return contact.State{}, fault.New(fault.NotFound, "not_found")
	}
	s, _, err := State(ctx, c.Executor, contact.Decider(), string(who), req)
	if err == nil && !s.Active() {
		err = fault.New(fault.NotFound, "not_found")
	}
	return s, err
}

// today returns the account's calendar day at the request's time.
func today(a account.State, req Request) (document.Date, error) {
	zone, err := time.LoadLocation(a.Details.TimeZone)
	if err != nil {
		return "", fmt.Errorf("time zone of account %s: %w", req.Account, err)
	}
	return document.DateOf(req.At.In(zone)), nil
}
