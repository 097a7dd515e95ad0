package commands

import (
	"context"
	"slices"

	"lonja/domain/access"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// followEmail lets the main login of a contact follow the main email of its record: it
// signs in with what the record says, unless staff gave it an email of its own. Where
// another login has the new email, it keeps the old one. It returns where in the log that is, 0 where nothing follows.
func (c *Commands) followEmail(ctx context.Context, req Request, who id.Contact, record contact.State) (at event.Position, err error) {
	now, ok := access.CleanEmail(record.Details.Email)
	if !ok {
		return 0, nil
	}
	req = req.of(who)
	roster, _, err := State(ctx, c.Executor, access.RosterDecider(), string(who), req)
	if err != nil {
		return 0, err
	}
	for _, login := range roster.Logins {
		l, err := c.loginState(ctx, req, login)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return at, err
		}
		was := slices.ContainsFunc(record.Emails, func(e string) bool { e, _ = access.CleanEmail(e); return e == l.Email })
		if !l.Main || l.Email == now || !was {
			continue
		}
		changed, err := c.changeLogin(ctx, req.step("follow "+string(login)), ChangeLogin{Login: login, Email: now, Name: l.Name})
		if err != nil && !fault.Is(err, fault.Conflict) {
			return at, err
		}
		at = max(at, changed.Position)
	}
	return at, nil
}
