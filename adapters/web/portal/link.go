package portal

import (
	"context"
	"net/http"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// openLink takes a document link's token out of the address at once: it goes into a
// cookie, and the browser on to an address without it. Opening changes nothing, since
// programs that scan mail open links too; acts need a POST.
func (p *Portal) openLink(w http.ResponseWriter, r *http.Request) error {
	request := p.Request(r, p.NewForm(), anyone("link"), "")
	link, err := p.Commands.OpenLink(r.Context(), request, commands.OpenLink{Token: chi.URLParam(r, "token")})
	if err != nil {
		return err
	}
	if link.Decision == access.SignIn {
		// Who is signed in already lands on the document; others are asked first.
		http.Redirect(w, r, templates.DocumentPath(link.Kind, string(link.Document)), http.StatusSeeOther)
		return nil
	}
	if link.Decision != access.Open {
		p.linkEnded(w, r, link.Decision == access.Revoked)
		return nil
	}
	holder := event.Actor{Kind: event.ActorLink, ID: string(link.Link)}
	if s, err := p.Session(r, edge.LinkCookie, event.ActorLink); err != nil || s.Actor != holder {
		if err := p.StartSession(w, r, edge.LinkCookie, link.Contact, holder); err != nil {
			return err
		}
	}
	http.Redirect(w, r, "/shared", http.StatusSeeOther)
	return nil
}

// linked lets the holder of an open link through to its one document. What the link is
// good for is asked anew at each request.
func (p *Portal) linked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := p.Session(r, edge.LinkCookie, event.ActorLink)
		if fault.Is(err, fault.Unauthorized) {
			http.Redirect(w, r, "/sign-in", http.StatusSeeOther) // the link was revoked, or a password set meanwhile
			return
		}
		if err != nil {
			p.Refuse(w, r, err)
			return
		}
		link, err := p.Commands.LinkStatus(r.Context(), p.Request(r, p.NewForm(), s.Actor, s.Contact), id.ID(s.Actor.ID))
		if err != nil {
			p.Refuse(w, r, err)
			return
		}
		switch link.Decision {
		case access.Open:
		case access.SignIn:
			p.DropCookie(w, edge.LinkCookie)
			http.Redirect(w, r, templates.DocumentPath(link.Kind, string(link.Document)), http.StatusSeeOther)
			return
		default:
			p.linkEnded(w, r, link.Decision == access.Revoked)
			return
		}
		v := &viewer{Actor: s.Actor, Document: link.Document, Kind: link.Kind}
		if err := p.complete(r, v, link.Contact); err != nil {
			p.Refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), viewerKey{}, v)))
	})
}

// linkEnded tells that the link opens nothing (any more), and what to do instead.
func (p *Portal) linkEnded(w http.ResponseWriter, r *http.Request, revoked bool) {
	l := p.Locale(r, "")
	title := "link.title_expired"
	if revoked {
		title = "link.title_revoked"
	}
	page := p.Page(r, l, l.T(title))
	page.Here = "/"
	if err := p.Show(w, r, edge.Status(fault.Gone), templates.LinkEndedPage(page, templates.LinkEnded{Revoked: revoked})); err != nil {
		p.Refuse(w, r, err)
	}
}
