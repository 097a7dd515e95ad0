package portal

import (
	"net/http"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/fault"
	"lonja/domain/id"
)

func (p *Portal) showChangePassword(w http.ResponseWriter, r *http.Request) error {
	return p.changePasswordPage(w, r, p.NewForm(), http.StatusOK)
}

func (p *Portal) changePasswordPage(w http.ResponseWriter, r *http.Request, f templates.Form, status int) error {
	v := viewerOf(r)
	return p.Show(w, r, status, templates.ChangePasswordPage(p.page(r, v, v.L.T("change_password.title")), templates.ChangePassword{Form: f}))
}

func (p *Portal) changePassword(w http.ResponseWriter, r *http.Request) error {
	v := viewerOf(r)
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	rcpt, err := p.Commands.ChangePassword(r.Context(), p.request(r, f, v), commands.ChangePassword{
		Login: id.ID(v.Actor.ID), Current: f.Value("current"), New: f.Value("password"),
	})
	if why, ok := fault.As(err); ok && why.Kind == fault.Invalid {
		f.Refused = why
		return p.changePasswordPage(w, r, f, edge.Status(why.Kind))
	}
	if err != nil {
		return err
	}
	// Every session ended with the old password; this browser goes on under a new one.
	if err := p.StartSession(w, r, edge.SessionCookie, v.Contact.ID, v.Actor); err != nil {
		return err
	}
	p.Redirect(w, r, "/password", rcpt.Position, "password_changed")
	return nil
}
