package commands

import (
	"context"
	"fmt"

	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// RegisterContact is a company or person that the account trades with.
type RegisterContact struct {
	Details          contact.Details
	Client, Supplier bool
	Language         string // BCP 47; empty: the account's
}

// RegisterContact starts a contact's record. A tax id belongs to one contact; an email
// may be on several records, and finds the first.
func (c *Commands) RegisterContact(ctx context.Context, req Request, in RegisterContact) (_ id.Contact, _ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RegisterContact", req.TraceParent)
	defer func() { end(failed) }()
	return c.registerContact(ctx, req, in, false)
}

// registerContact registers a contact; alone refuses one without tax id whose email is
// another's main email already.
func (c *Commands) registerContact(ctx context.Context, req Request, in RegisterContact, alone bool) (id.Contact, Receipt, error) {
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return "", Receipt{}, err
	}
	details, err := contact.Clean(in.Details)
	if err != nil {
		return "", Receipt{}, err
	}
	register := func(s contact.State) ([]event.Event, error) {
		return contact.RegisterContact(s, details, in.Client, in.Supplier, in.Language)
	}
	if _, err := register(contact.State{}); err != nil {
		return "", Receipt{}, err
	}
	req = req.ofAccount()
	who := newContact(req)
	taken := fault.Field("taxId", "contact.tax_id_taken", fault.A("taxId", details.TaxID))
	taken.Kind = fault.Conflict
	if details.TaxID != "" {
		held, err := c.claimIdentity(ctx, req, contact.KindTaxID, details.TaxID, who)
		if err != nil {
			return "", Receipt{}, err
		}
		if held.contact != who {
			if held.finished {
				return "", Receipt{}, taken
			}
			who = held.contact
		}
	}
	if details.Email != "" {
		held, err := c.claimIdentity(ctx, req, contact.KindEmail, details.Email, who)
		if err != nil {
			return "", Receipt{}, err
		}
		if details.TaxID == "" && held.contact != who {
			switch {
			case !held.finished:
				who = held.contact
			case alone:
				return "", Receipt{}, taken
			}
		}
	}
	if err := c.Vault.EnsureKey(ctx, req.Account, string(who)); err != nil {
		return "", Receipt{}, fmt.Errorf("registering contact %s: %w", who, err)
	}
	rcpt, err := ExecuteFor(ctx, c.Executor, contact.Decider(), string(who), req, who, register)
	if err == nil && !rcpt.Changed && !rcpt.Again {
		err = taken // somebody else finished it first
	}
	return who, rcpt, err
}

// newContact is the contact that a request registers.
func newContact(req Request) id.Contact {
	return id.Contact(id.Derive("contact", string(req.Account), req.Command.String(), string(req.Actor.Kind), req.Actor.ID).String())
}

// FindOrRegisterContact returns the contact with the details' tax id, else email, and
// registers it where there is none; created says which. Two callers at the same moment
// get the same contact.
func (c *Commands) FindOrRegisterContact(ctx context.Context, req Request, in RegisterContact) (who id.Contact, created bool, rcpt Receipt, err error) {
	ctx, end, err := c.begin(ctx, "FindOrRegisterContact", req.TraceParent)
	defer func() { end(err) }()
	for range 3 {
		who, found, err := c.FindContact(ctx, req.Account, in.Details.TaxID, in.Details.Email)
		if err != nil || found {
			return who, false, Receipt{}, err
		}
		who, rcpt, err = c.registerContact(ctx, req, in, true)
		if f, ok := fault.As(err); !ok || f.Key != "contact.tax_id_taken" {
			return who, rcpt.Changed, rcpt, err
		}
	}
	return "", false, Receipt{}, fault.New(fault.Unavailable, "command.busy")
}
