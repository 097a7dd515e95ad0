package portal

import (
	"context"
	"net/http"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/security"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
)

// security is the pages about what the person signs in with.
func (p *Portal) security() *security.Pages {
	return &security.Pages{
		Kit: p.Kit, Limits: p.Limits, Kind: event.ActorLogin, Cookie: edge.SessionCookie, Prefix: "", Home: "/",
		Who: func(r *http.Request) security.Person {
			v := viewerOf(r)
			return security.Person{Actor: v.Actor, Contact: v.Contact.ID, L: v.L}
		},
		Frame: func(r *http.Request, title string) (templates.Page, error) { return p.page(r, viewerOf(r), title), nil },
		ChangePassword: func(ctx context.Context, req commands.Request, current, fresh string) (commands.Receipt, error) {
			return p.Commands.ChangePassword(ctx, req, commands.ChangePassword{Login: id.ID(req.Actor.ID), Current: current, New: fresh})
		},
	}
}
