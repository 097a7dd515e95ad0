package portal

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/event"
	"lonja/domain/fault"
)

// anyone is the actor of acts by people who are not signed in.
func anyone(does string) event.Actor { return event.Actor{Kind: event.ActorSystem, ID: does} }

func (p *Portal) showRecover(w http.ResponseWriter, r *http.Request) error {
	return p.recoverPage(w, r, templates.Recover{Form: p.NewForm()}, http.StatusOK)
}

func (p *Portal) recoverPage(w http.ResponseWriter, r *http.Request, view templates.Recover, status int) error {
	l := p.Locale(r, "")
	page := p.Page(r, l, l.T("recover.title"))
	page.Here = "/recover"
	return p.Show(w, r, status, templates.RecoverPage(page, view))
}

// requestRecovery answers the same for an email that nobody has. The mail follows from what
// the command recorded: the page waits for none.
func (p *Portal) requestRecovery(w http.ResponseWriter, r *http.Request) error {
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	_, err = p.Commands.RequestRecovery(r.Context(), p.Request(r, f, anyone("recovery"), ""), commands.RequestRecovery{Email: f.Value("email")})
	if why, ok := fault.As(err); ok {
		f.Refused = why
		return p.recoverPage(w, r, templates.Recover{Form: f}, edge.Status(why.Kind))
	}
	if err != nil {
		return err
	}
	return p.recoverPage(w, r, templates.Recover{Sent: true}, http.StatusOK)
}

// openRecovery takes the token out of the address at once. Opening the link uses
// nothing up, since programs that scan mail open links too.
func (p *Portal) openRecovery(w http.ResponseWriter, r *http.Request) error {
	p.SetCookie(w, edge.RecoveryCookie, chi.URLParam(r, "token"), access.RecoveryLife)
	http.Redirect(w, r, "/new-password", http.StatusSeeOther)
	return nil
}

func (p *Portal) showNewPassword(w http.ResponseWriter, r *http.Request) error {
	if p.Cookie(r, edge.RecoveryCookie) == "" {
		http.Redirect(w, r, "/recover", http.StatusSeeOther)
		return nil
	}
	return p.newPasswordPage(w, r, p.NewForm(), http.StatusOK)
}

func (p *Portal) newPasswordPage(w http.ResponseWriter, r *http.Request, f templates.Form, status int) error {
	l := p.Locale(r, "")
	page := p.Page(r, l, l.T("new_password.title"))
	page.Here = "/new-password"
	return p.Show(w, r, status, templates.NewPasswordPage(page, templates.NewPassword{Form: f}))
}

func (p *Portal) recoverPassword(w http.ResponseWriter, r *http.Request) error {
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	done, rcpt, err := p.Commands.RecoverPassword(r.Context(), p.Request(r, f, anyone("recovery"), ""), commands.RecoverPassword{
		Token: p.Cookie(r, edge.RecoveryCookie), Password: f.Value("password"),
	})
	if why, ok := fault.As(err); ok && why.Kind == fault.Invalid {
		if done.Token != "" {
			p.SetCookie(w, edge.RecoveryCookie, done.Token, access.RecoveryLife)
		}
		f.Refused = why
		return p.newPasswordPage(w, r, f, edge.Status(why.Kind))
	}
	if err == nil || fault.Is(err, fault.Gone) {
		p.DropCookie(w, edge.RecoveryCookie)
	}
	if err != nil {
		return err
	}
	actor := event.Actor{Kind: event.ActorLogin, ID: string(done.Login)}
	if done.Second { // the link is worth no more than the password that it set
		return p.security().AskCode(w, r, f, commands.BeginCode{Actor: actor, Contact: done.Contact, At: done.At}, "/")
	}
	if err := p.SignIn(w, r, edge.SessionCookie, done.Contact, actor, done.At, commands.Password); err != nil {
		return err
	}
	p.Redirect(w, r, "/", rcpt.Position, "password_changed")
	return nil
}
