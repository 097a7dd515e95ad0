package commands

import (
	"context"
	"fmt"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// EraseContact names a contact whose personal data is to go.
type EraseContact struct{ Contact id.Contact }

// EraseContact erases a contact's personal data everywhere, by throwing its key away. Its
// people's access ends, its links are revoked, its identifiers are free. Amounts, dates
// and the proof of what happened stay.
func (c *Commands) EraseContact(ctx context.Context, req Request, in EraseContact) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "EraseContact", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffAdmin); err != nil {
		return Receipt{}, err
	}
	req = req.of(in.Contact)
	who, ok, err := State(ctx, c.Executor, contact.Decider(), string(in.Contact), req)
	if err != nil {
		return Receipt{}, err
	}
	if !ok || in.Contact == "" {
		return Receipt{}, fault.New(fault.NotFound, "not_found")
	}
	roster, _, err := State(ctx, c.Executor, access.RosterDecider(), string(in.Contact), req)
	if err != nil {
		return Receipt{}, err
	}
	for link := range roster.Links {
		if _, err := c.RevokeLink(ctx, req, RevokeLink{Link: link}); err != nil {
			return Receipt{}, err
		}
	}
	for _, login := range roster.Logins {
		if _, err := c.removeLogin(ctx, req, login); err != nil && !fault.Is(err, fault.NotFound) {
			return Receipt{}, err
		}
	}
	for kind, values := range map[string][]string{contact.KindTaxID: who.TaxIDs, contact.KindEmail: who.Emails} {
		for _, value := range values {
			if err := c.releaseIdentity(ctx, req, kind, value, in.Contact); err != nil {
				return Receipt{}, err
			}
		}
	}
	rcpt, err := Execute(ctx, c.Executor, contact.Decider(), string(in.Contact), req, contact.Erase)
	if err != nil {
		return rcpt, err
	}
	return rcpt, c.finishErasure(ctx, req.Account, in.Contact)
}

// FinishErasure does what an erasure that is in the log does outside it, which may be done
// already. Only the system does.
func (c *Commands) FinishErasure(ctx context.Context, req Request) (failed error) {
	ctx, end, failed := c.begin(ctx, "FinishErasure", req.TraceParent)
	defer func() { end(failed) }()
	if err := systemOnly(req); err != nil {
		return err
	}
	s, _, err := State(ctx, c.Executor, contact.Decider(), string(req.Contact), req)
	if err != nil || !s.Erased {
		return err
	}
	return c.finishErasure(ctx, req.Account, req.Contact)
}

func (c *Commands) finishErasure(ctx context.Context, acc id.Account, who id.Contact) error {
	if err := c.Vault.EraseKey(ctx, acc, string(who)); err != nil {
		return fmt.Errorf("erasing contact %s: %w", who, err)
	}
	if err := c.Blobs.EraseBlobs(ctx, acc, who); err != nil { // nobody can open them any more; nor need they be there
		return fmt.Errorf("erasing the files of contact %s: %w", who, err)
	}
	return nil
}
