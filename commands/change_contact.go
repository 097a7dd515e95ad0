package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// ChangeContact replaces a contact's details.
type ChangeContact struct {
	Contact id.Contact
	Details contact.Details
}

// ChangeContact replaces a contact's details. The new tax id is reserved before, the
// old identifiers are freed after; a repeated act finishes what a broken-off one left. The
// main login follows the main email.
func (c *Commands) ChangeContact(ctx context.Context, req Request, in ChangeContact) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ChangeContact", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	details, err := contact.Clean(in.Details)
	if err != nil {
		return Receipt{}, err
	}
	if _, err := c.contactState(ctx, req, in.Contact); err != nil {
		return Receipt{}, err
	}
	for _, by := range [2][2]string{{contact.KindTaxID, details.TaxID}, {contact.KindEmail, details.Email}} {
		if by[1] == "" {
			continue
		}
		held, err := c.claimIdentity(ctx, req, by[0], by[1], in.Contact)
		if err != nil {
			return Receipt{}, err
		}
		if by[0] == contact.KindTaxID && held.contact != in.Contact {
			return Receipt{}, &fault.Fault{Kind: fault.Conflict, Key: "contact.tax_id_taken", Field: "taxId", Args: []fault.Arg{fault.A("taxId", details.TaxID)}}
		}
	}
	rcpt, err := c.onContact(ctx, req, in.Contact, func(s contact.State) ([]event.Event, error) { return contact.Change(s, details) })
	if err != nil {
		return rcpt, err
	}
	now, err := c.contactState(ctx, req, in.Contact)
	if err != nil {
		return rcpt, err
	}
	for kind, past := range map[string][]string{contact.KindTaxID: now.TaxIDs, contact.KindEmail: now.Emails} {
		for _, value := range past {
			if sameIdentity(now, kind, value) {
				continue
			}
			if err := c.releaseIdentity(ctx, req, kind, value, in.Contact); err != nil {
				return rcpt, err
			}
		}
	}
	followed, err := c.followEmail(ctx, req, in.Contact, now)
	rcpt.Position = max(rcpt.Position, followed) // who waits for it is shown the login's too
	return rcpt, err
}

// onContact runs a decision of staff on a contact's record.
func (c *Commands) onContact(ctx context.Context, req Request, who id.Contact, decide func(contact.State) ([]event.Event, error)) (Receipt, error) {
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	if who == "" {
		return Receipt{}, fault.New(fault.NotFound, "not_found")
	}
	return Execute(ctx, c.Executor, contact.Decider(), string(who), req, decide)
}
