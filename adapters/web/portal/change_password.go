package portal

import (
	"net/http"
	"strings"

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
	current, err := p.Session(r, edge.SessionCookie, v.Actor.Kind)
	if err != nil {
		return err
	}
	sessions, err := p.Commands.Vault.ListSessions(r.Context(), p.Account, v.Actor, p.Now())
	if err != nil {
		return err
	}
	view := templates.ChangePassword{Form: f, End: p.NewForm()}
	for _, s := range sessions {
		name := browserName(s.UserAgent)
		if name == "" {
			name = v.L.T("sessions.unknown")
		}
		view.Sessions = append(view.Sessions, templates.Session{Browser: name, Since: s.Created, Seen: s.Seen, This: s.Mark == current.Mark})
	}
	return p.Show(w, r, status, templates.ChangePasswordPage(p.page(r, v, v.L.T("change_password.title")), view))
}

// browserName is the browser and system that a user agent names, as far as people would
// recognise them; "" else.
func browserName(agent string) string {
	pick := func(names ...string) string {
		for i := 0; i+1 < len(names); i += 2 {
			if strings.Contains(agent, names[i]) {
				return names[i+1]
			}
		}
		return ""
	}
	browser := pick("Edg/", "Edge", "OPR/", "Opera", "Firefox/", "Firefox", "Chrome/", "Chrome", "Safari/", "Safari")
	system := pick("Android", "Android", "iPhone", "iPhone", "iPad", "iPad", "Windows", "Windows", "Mac OS X", "macOS", "Linux", "Linux")
	return strings.Trim(browser+" · "+system, " ·")
}

// endSessions ends the person's sessions in other browsers.
func (p *Portal) endSessions(w http.ResponseWriter, r *http.Request) error {
	if _, err := p.ParseForm(w, r); err != nil {
		return err
	}
	if err := p.Commands.Vault.EndSessions(r.Context(), p.Account, viewerOf(r).Actor, p.Cookie(r, edge.SessionCookie)); err != nil {
		return err
	}
	p.Redirect(w, r, "/password", 0, "sessions_ended")
	return nil
}

func (p *Portal) changePassword(w http.ResponseWriter, r *http.Request) error {
	v := viewerOf(r)
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	attempt := p.Limits.TryOwn(r, v.Actor)
	if attempt.Wait > 0 {
		return edge.TooMany(w, attempt.Wait)
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
	// That it was taken says that no other contact uses it: whoever changes theirs from guess
	// to guess must not try everybody's without bound.
	attempt.Spent()
	// Every session ended with the old password; this browser goes on under a new one, unless
	// access was taken away meanwhile.
	if err := p.SignIn(w, r, edge.SessionCookie, v.Contact.ID, v.Actor, rcpt.Revision); err != nil {
		return err
	}
	p.Redirect(w, r, "/password", rcpt.Position, "password_changed")
	return nil
}
