package commands

import (
	"context"
	"fmt"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/id"
)

// What an email is reserved for. Staff and logins sign in at different doors.
const (
	loginEmail = "login email"
	staffEmail = "staff email"
)

// emailStream names the reservation of an email.
func (c *Commands) emailStream(ctx context.Context, acc id.Account, purpose, email string) (string, error) {
	clean, _ := access.CleanEmail(email)
	hash, err := c.Vault.Blind(ctx, acc, purpose, clean)
	if err != nil {
		return "", fmt.Errorf("blinding an email: %w", err)
	}
	return hash, nil
}

// emailOwner returns whose an email is; nobody's is the zero claim.
func (c *Commands) emailOwner(ctx context.Context, req Request, purpose, email string) (access.EmailClaim, error) {
	hash, err := c.emailStream(ctx, req.Account, purpose, email)
	if err != nil {
		return access.EmailClaim{}, err
	}
	s, _, err := State(ctx, c.Executor, access.EmailDecider(), hash, req.ofAccount())
	return s, err
}

// claimEmail reserves an email. One that is held by somebody who was removed or has
// another now, or whose creation never finished, is taken over.
func (c *Commands) claimEmail(ctx context.Context, req Request, purpose, email string, owner id.ID, who id.Contact) error {
	hash, err := c.emailStream(ctx, req.Account, purpose, email)
	if err != nil {
		return err
	}
	held, _, err := State(ctx, c.Executor, access.EmailDecider(), hash, req.ofAccount())
	if err != nil {
		return err
	}
	decide := func(s access.EmailClaim) ([]event.Event, error) { return access.ClaimEmail(s, owner, who) }
	if held.Owner != "" && held.Owner != owner {
		alive, err := c.emailInUse(ctx, req, purpose, email, held)
		if err != nil {
			return err
		}
		if !alive {
			decide = func(s access.EmailClaim) ([]event.Event, error) {
				return access.TakeEmailOver(s, held.Owner, owner, who)
			}
		}
	}
	_, err = Execute(ctx, c.Executor, access.EmailDecider(), hash, req.ofAccount().step("claim email "+string(owner)), decide)
	return err
}

// emailInUse reports whether the holder of an email still is there, and has it.
func (c *Commands) emailInUse(ctx context.Context, req Request, purpose, email string, held access.EmailClaim) (bool, error) {
	if purpose == staffEmail {
		m, _, err := State(ctx, c.Executor, account.StaffDecider(), string(held.Owner), req.ofAccount())
		return m.Active(), err
	}
	l, _, err := State(ctx, c.Executor, access.LoginDecider(), string(held.Owner), req.of(held.Contact))
	clean, _ := access.CleanEmail(email)
	return l.Active() && l.Email == clean, err
}

// releaseEmail frees an email of the owner.
func (c *Commands) releaseEmail(ctx context.Context, req Request, purpose, email string, owner id.ID) error {
	if email == "" {
		return nil // erased: nobody can name it any more
	}
	hash, err := c.emailStream(ctx, req.Account, purpose, email)
	if err != nil {
		return err
	}
	_, err = Execute(ctx, c.Executor, access.EmailDecider(), hash, req.ofAccount().step("release email "+string(owner)), func(s access.EmailClaim) ([]event.Event, error) {
		return access.ReleaseEmail(s, owner)
	})
	return err
}
