package commands

import (
	"context"
	"fmt"

	"lonja/domain/access"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/id"
)

// identityStream names the reservation of a contact's tax id or main email.
func (c *Commands) identityStream(ctx context.Context, acc id.Account, kind, value string) (string, error) {
	if kind == contact.KindTaxID {
		value = contact.FoldTaxID(value)
	} else {
		value, _ = access.CleanEmail(value)
	}
	hash, err := c.Vault.Blind(ctx, acc, "contact "+kind, value)
	if err != nil {
		return "", fmt.Errorf("blinding a contact's %s: %w", kind, err)
	}
	return hash, nil
}

// sameIdentity reports whether the contact's record has the identifier.
func sameIdentity(s contact.State, kind, value string) bool {
	if kind == contact.KindTaxID {
		return s.Details.TaxID != "" && contact.FoldTaxID(s.Details.TaxID) == contact.FoldTaxID(value)
	}
	have, _ := access.CleanEmail(s.Details.Email)
	want, _ := access.CleanEmail(value)
	return have != "" && have == want
}

// holder is who holds an identifier, and whether by right: as the identifier of a
// record, and not as the trace of one that was erased, changed or never finished.
type holder struct {
	contact  id.Contact
	finished bool // the contact is registered
	rightful bool
}

func (c *Commands) identityHolder(ctx context.Context, req Request, kind, value string) (holder, error) {
	hash, err := c.identityStream(ctx, req.Account, kind, value)
	if err != nil {
		return holder{}, err
	}
	claim, _, err := State(ctx, c.Executor, contact.ClaimDecider(), hash, req.ofAccount())
	if err != nil || claim.Contact == "" {
		return holder{}, err
	}
	s, ok, err := State(ctx, c.Executor, contact.Decider(), string(claim.Contact), req.of(claim.Contact))
	return holder{contact: claim.Contact, finished: ok, rightful: s.Active() && sameIdentity(s, kind, value)}, err
}

// claimIdentity reserves an identifier for a contact, where nobody holds it by right,
// and returns who holds it then. Where a registration never finished, its contact is
// returned: whoever needs the identifier next goes on with that one.
func (c *Commands) claimIdentity(ctx context.Context, req Request, kind, value string, who id.Contact) (holder, error) {
	held, err := c.identityHolder(ctx, req, kind, value)
	if err != nil || held.rightful || held.contact != "" && !held.finished {
		return held, err
	}
	hash, err := c.identityStream(ctx, req.Account, kind, value)
	if err != nil {
		return held, err
	}
	if _, err := Execute(ctx, c.Executor, contact.ClaimDecider(), hash, req.ofAccount().step("claim "+kind+" "+string(who)), func(s contact.Claim) ([]event.Event, error) {
		if held.contact != "" && held.contact != who {
			return contact.TakeIdentityOver(s, kind, held.contact, who)
		}
		return contact.ClaimIdentity(s, kind, who)
	}); err != nil {
		return held, err
	}
	return c.identityHolder(ctx, req, kind, value)
}

func (c *Commands) releaseIdentity(ctx context.Context, req Request, kind, value string, who id.Contact) error {
	if value == "" {
		return nil
	}
	hash, err := c.identityStream(ctx, req.Account, kind, value)
	if err != nil {
		return err
	}
	_, err = Execute(ctx, c.Executor, contact.ClaimDecider(), hash, req.ofAccount().step("release "+kind+" "+string(who)), func(s contact.Claim) ([]event.Event, error) {
		return contact.ReleaseIdentity(s, who)
	})
	return err
}
