package edge

import (
	"net/http"
	"slices"
	"time"

	"lonja/adapters/web/locale"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// How long a session lasts without another sign-in. A link's holder keeps theirs beyond
// the link's 48 hours, to be told that it has expired rather than that nothing is there.
const (
	sessionLife = 12 * time.Hour
	linkLife    = 7 * 24 * time.Hour
)

// StartSession signs the actor in, under a secret that nobody had before.
func (k *Kit) StartSession(w http.ResponseWriter, r *http.Request, cookie string, contact id.Contact, actor event.Actor) error {
	s := k.newSession(r, contact, actor)
	secret, err := k.Commands.Vault.StartSession(r.Context(), s)
	if err != nil {
		return err
	}
	k.SetCookie(w, cookie, secret, s.Expires.Sub(s.Created))
	return nil
}

// SignIn is StartSession for who showed what they sign in with, when the login or person
// of staff was at the revision. The browser's former session ends.
func (k *Kit) SignIn(w http.ResponseWriter, r *http.Request, cookie string, contact id.Contact, actor event.Actor, at event.Revision, shown commands.Shown) error {
	s := k.newSession(r, contact, actor)
	secret, err := k.Commands.StartSession(r.Context(), s, at, shown)
	if err != nil {
		return err
	}
	if old := k.Cookie(r, cookie); old != "" {
		if err := k.Commands.Vault.EndSession(r.Context(), old); err != nil {
			return err
		}
	}
	k.SetCookie(w, cookie, secret, s.Expires.Sub(s.Created))
	return nil
}

func (k *Kit) newSession(r *http.Request, contact id.Contact, actor event.Actor) commands.Session {
	now, life := k.Now(), sessionLife
	if actor.Kind == event.ActorLink {
		life = linkLife
	}
	return commands.Session{
		Account: k.Account, Contact: contact, Actor: actor, Created: now, Seen: now, Expires: now.Add(life), UserAgent: truncate(r.UserAgent(), 200),
	}
}

// Session returns the session of the cookie if it is of this account and of an actor of
// the kind; Unauthorized else.
func (k *Kit) Session(r *http.Request, cookie string, kind event.ActorKind) (commands.Session, error) {
	secret := k.Cookie(r, cookie)
	if secret == "" {
		return commands.Session{}, fault.New(fault.Unauthorized, "access.ended")
	}
	s, ok, err := k.Commands.Vault.FindSession(r.Context(), secret, k.Now())
	if err == nil && (!ok || s.Account != k.Account || s.Actor.Kind != kind) {
		err = fault.New(fault.Unauthorized, "access.ended")
	}
	return s, err
}

// SetLanguage keeps the language of the interface in the browser; one that there is not is ignored.
func (k *Kit) SetLanguage(w http.ResponseWriter, language string) {
	if slices.Contains(locale.Languages(), language) {
		k.SetCookie(w, languageCookie, language, 365*24*time.Hour)
	}
}

func truncate(s string, n int) string { return s[:min(n, len(s))] }
