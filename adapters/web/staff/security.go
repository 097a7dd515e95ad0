package staff

import (
	"context"
	"net/http"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/security"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/account"
	"lonja/domain/event"
)

// security is the pages about what the person of staff signs in with.
func (s *Staff) security() *security.Pages {
	return &security.Pages{
		Kit: s.Kit, Limits: s.Limits, Kind: event.ActorStaff, Cookie: edge.StaffCookie, Prefix: "/staff", Home: "/staff",
		Who: func(r *http.Request) security.Person {
			m := memberOf(r)
			return security.Person{Actor: m.actor, L: m.l, Admin: m.role == account.StaffAdmin, Must: m.must}
		},
		Frame: func(r *http.Request, title string) (templates.Page, error) { return s.page(r, memberOf(r), title) },
		ChangePassword: func(ctx context.Context, req commands.Request, current, fresh string) (commands.Receipt, error) {
			return s.Commands.ChangeStaffPassword(ctx, req, commands.ChangeStaffPassword{Current: current, New: fresh})
		},
	}
}
