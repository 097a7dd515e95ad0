package commands

import (
	"context"
	"slices"

	"lonja/domain/access"
	"lonja/domain/contact"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// followEmail lets the main login of a contact follow the main email of its record: it
// signs in with what the record says, unless staff gave it an email of its own. Where
// another login has the new email, it keeps the old one.
func (c *Commands) followEmail(ctx context.Context, req Request, who id.Contact, record contact.State) error {
	now, ok := access.CleanEmail(record.Details.Email)
	if !ok {
		return nil
	}
	req = req.of(who)
	roster, _, err := State(ctx, c.Executor, access.RosterDecider(), string(who), req)
	if err != nil {
		return err
	}
	for _, login := range roster.Logins {
		l, err := c.loginState(ctx, req, login)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		was := slices.ContainsFunc(record.Emails, func(e string) bool { e, _ = access.CleanEmail(e); return e == l.Email })
		if !l.Main || l.Email == now || !was {
			continue
		}
		if _, err := c.changeLogin(ctx, req.step("follow "+string(login)), ChangeLogin{Login: login, Email: now, Name: l.Name}); err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	return nil
}
