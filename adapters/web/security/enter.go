package security

import (
	"encoding/json"
	"net/http"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/fault"
)

// AskCode goes on, after the right password, to what comes besides it. That it was right
// is known by the step that the browser gets the secret of, and by nothing in a form.
func (p *Pages) AskCode(w http.ResponseWriter, r *http.Request, f templates.Form, who commands.BeginCode, next string) error {
	step, err := p.Commands.BeginCode(r.Context(), p.Request(r, f, nobody(), ""), who)
	if err != nil {
		return err
	}
	p.SetCookie(w, p.codeCookie(), step, stepLife)
	http.Redirect(w, r, p.codePath(next), http.StatusSeeOther)
	return nil
}

func (p *Pages) showCode(w http.ResponseWriter, r *http.Request) error {
	return p.codeForm(w, r, p.NewForm(), edge.OwnPath(r.URL.Query().Get("next"), p.Home), http.StatusOK)
}

// codeForm asks for a code; where there is no sign-in under way, that begins anew.
func (p *Pages) codeForm(w http.ResponseWriter, r *http.Request, f templates.Form, next string, status int) error {
	asked, err := p.Commands.Entering(r.Context(), p.Request(r, p.NewForm(), nobody(), ""), p.Kit.Cookie(r, p.codeCookie()), p.Kind)
	if fault.Is(err, fault.Gone) {
		return p.startOver(w, r)
	}
	if err != nil {
		return err
	}
	l := p.Locale(r, "")
	page := p.Page(r, l, l.T("security.enter"))
	page.Here = p.codePath(next)
	return p.Kit.Show(w, r, status, templates.EnterCodePage(page, templates.EnterCode{Form: f, Base: p.Prefix, Next: next, App: asked.App, Passkeys: asked.Passkeys}))
}

func (p *Pages) startOver(w http.ResponseWriter, r *http.Request) error {
	p.DropCookie(w, p.codeCookie())
	p.Redirect(w, r, p.Prefix+"/sign-in", 0, "start_over")
	return nil
}

// enterCode counts the attempt by the person, since only who has the password gets here.
func (p *Pages) enterCode(w http.ResponseWriter, r *http.Request) error {
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	req, step := p.Request(r, f, nobody(), ""), p.Kit.Cookie(r, p.codeCookie())
	asked, err := p.Commands.Entering(r.Context(), req, step, p.Kind)
	if fault.Is(err, fault.Gone) {
		return p.startOver(w, r)
	}
	if err != nil {
		return err
	}
	attempt := p.Limits.TryOwn(r, asked.Actor)
	if attempt.Wait > 0 {
		return edge.TooMany(w, attempt.Wait)
	}
	next := edge.OwnPath(f.Value("next"), p.Home)
	e, err := p.Commands.EnterCode(r.Context(), req, commands.EnterCode{Step: step, Code: f.Value("code"), Door: p.Kind})
	if why, ok := fault.As(err); ok {
		if why.Kind == fault.Gone {
			return p.startOver(w, r)
		}
		f.Refused = why
		return p.codeForm(w, r, f, next, edge.Status(why.Kind))
	}
	if err != nil {
		return err
	}
	attempt.Succeeded()
	return p.enter(w, r, e, next)
}

// enter signs in who has shown everything.
func (p *Pages) enter(w http.ResponseWriter, r *http.Request, e commands.Entry, next string) error {
	p.DropCookie(w, p.codeCookie())
	p.DropCookie(w, p.passkeyCookie())
	err := p.SignIn(w, r, p.Cookie, e.Contact, e.Actor, e.At, commands.Second)
	if fault.Is(err, fault.Unauthorized) { // the password changed meanwhile
		return p.startOver(w, r)
	}
	if err != nil {
		return err
	}
	p.DropCookie(w, edge.LinkCookie)
	switch {
	case e.CodesLeft < 0:
		http.Redirect(w, r, next, http.StatusSeeOther)
	case e.CodesLeft == 0:
		p.Redirect(w, r, p.base(), 0, "code_last")
	default:
		p.Redirect(w, r, next, 0, "code_used")
	}
	return nil
}

// askPasskey asks for a passkey of whoever has shown the password, else of anybody.
func (p *Pages) askPasskey(w http.ResponseWriter, r *http.Request) (json.RawMessage, error) {
	f, err := p.ParseForm(w, r)
	if err != nil {
		return nil, err
	}
	req := p.Request(r, f, nobody(), "")
	ask := commands.AskPasskey{Door: p.Kind}
	begun, err := commands.BegunPasskey{}, error(fault.New(fault.Gone, "signin.step_over"))
	if f.Value("after") == "" {
		begun, err = p.Commands.AskPasskey(r.Context(), req, ask)
	} else if ask.Step = p.Kit.Cookie(r, p.codeCookie()); ask.Step != "" {
		begun, err = p.Commands.AskPasskey(r.Context(), req, ask)
	}
	if err != nil {
		return nil, err
	}
	p.SetCookie(w, p.passkeyCookie(), begun.Step, stepLife)
	return begun.Options, nil
}

func (p *Pages) enterPasskey(w http.ResponseWriter, r *http.Request) error {
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	e, err := p.Commands.EnterPasskey(r.Context(), p.Request(r, f, nobody(), ""), commands.EnterPasskey{
		Step: p.Kit.Cookie(r, p.passkeyCookie()), Answer: []byte(f.Value("answer")), Door: p.Kind,
	})
	if fault.Is(err, fault.Gone) {
		return p.startOver(w, r)
	}
	if err != nil {
		return err
	}
	return p.enter(w, r, e, edge.OwnPath(f.Value("next"), p.Home))
}
