package commands

import (
	"context"
	"fmt"

	"lonja/domain/access"
	"lonja/domain/event"
	"lonja/domain/fault"
)

// RecoverPassword is a new password with the secret of a recovery link.
type RecoverPassword struct{ Token, Password string }

// Recovered is who has a password now. Where the password was refused after the link was
// used up (somebody else has it), Token is a fresh link to try again with.
type Recovered struct {
	SignedIn
	Token string
}

// RecoverPassword sets a password by a recovery link, once. All other recovery links of
// the login are void then, and its sessions end.
func (c *Commands) RecoverPassword(ctx context.Context, req Request, in RecoverPassword) (_ Recovered, _ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RecoverPassword", req.TraceParent)
	defer func() { end(failed) }()
	gone := fault.New(fault.Gone, "recovery.expired")
	t, ok, err := c.Vault.FindToken(ctx, PurposeRecovery, in.Token, req.At)
	if err != nil {
		return Recovered{}, Receipt{}, fmt.Errorf("finding a recovery link: %w", err)
	}
	if !ok || t.Account != req.Account {
		return Recovered{}, Receipt{}, gone
	}
	req.Contact, req.Actor = t.Contact, event.Actor{Kind: event.ActorLogin, ID: string(t.Subject)}
	l, err := c.loginState(ctx, req, t.Subject)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Recovered{}, Receipt{}, err
	}
	if !access.CanRecover(l.Login, req.At) {
		return Recovered{}, Receipt{}, gone
	}
	if err := c.checkLoginPassword(ctx, req, "password", in.Password, l); err != nil {
		return Recovered{Token: in.Token}, Receipt{}, err
	}
	if _, ok, err = c.Vault.UseToken(ctx, PurposeRecovery, in.Token, req.At); err != nil {
		return Recovered{}, Receipt{}, fmt.Errorf("using a recovery link: %w", err)
	}
	if !ok {
		return Recovered{}, Receipt{}, gone
	}
	rcpt, err := c.setPassword(ctx, req, l, in.Password, access.ByRecovery, "")
	if f, refused := fault.As(err); refused && f.Key == "password.taken" {
		fresh, ferr := c.Vault.IssueToken(ctx, t)
		if ferr != nil {
			return Recovered{}, Receipt{}, fmt.Errorf("issuing a recovery link for login %s: %w", l.id, ferr)
		}
		return Recovered{Token: fresh}, Receipt{}, err
	}
	return Recovered{SignedIn: SignedIn{Login: l.id, Contact: l.contact, Name: l.Name, Role: l.Role, Second: l.Factors.Second(), At: rcpt.Revision}}, rcpt, err
}
