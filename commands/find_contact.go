package commands

import (
	"context"
	"fmt"

	"lonja/domain/contact"
	"lonja/domain/id"
)

// FindContact returns the contact with the tax id, else the one with the main email;
// false where there is none.
func (c *Commands) FindContact(ctx context.Context, acc id.Account, taxID, email string) (id.Contact, bool, error) {
	for _, by := range [2][2]string{{contact.KindTaxID, taxID}, {contact.KindEmail, email}} {
		if by[1] == "" {
			continue
		}
		held, err := c.identityHolder(ctx, Request{Account: acc}, by[0], by[1])
		if err != nil {
			return "", false, fmt.Errorf("finding a contact: %w", err)
		}
		if held.rightful {
			return held.contact, true, nil
		}
	}
	return "", false, nil
}
