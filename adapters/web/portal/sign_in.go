package portal

import (
	"net/http"
	"net/url"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/fault"
)

func (p *Portal) showSignIn(w http.ResponseWriter, r *http.Request) error {
	next := edge.OwnPath(r.URL.Query().Get("next"), "/")
	if _, err := p.viewerOfSession(r); err == nil {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	return p.signInPage(w, r, templates.SignIn{Form: p.NewForm(), Next: next}, http.StatusOK)
}

func (p *Portal) signInPage(w http.ResponseWriter, r *http.Request, view templates.SignIn, status int) error {
	l := p.Locale(r, "")
	page := p.Page(r, l, l.T("sign_in.title"))
	page.Here = "/sign-in"
	if view.Next != "/" {
		page.Here += "?" + url.Values{"next": {view.Next}}.Encode()
	}
	view.Passkeys = p.Commands.Authenticators != nil
	return p.Show(w, r, status, templates.SignInPage(page, view))
}

// signIn starts a session of a new secret. The refusal is the same, and takes as long,
// for a wrong password and for an email that nobody has.
func (p *Portal) signIn(w http.ResponseWriter, r *http.Request) error {
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	next := edge.OwnPath(f.Value("next"), "/")
	who, err := p.Commands.SignIn(r.Context(), p.Request(r, f, event.Actor{Kind: event.ActorSystem, ID: "sign-in"}, ""),
		commands.SignIn{Email: f.Value("email"), Password: f.Value("password")})
	actor := event.Actor{Kind: event.ActorLogin, ID: string(who.Login)}
	if err == nil && who.Second {
		return p.security().AskCode(w, r, f, commands.BeginCode{Actor: actor, Contact: who.Contact, At: who.At}, next)
	}
	if err == nil {
		err = p.SignIn(w, r, edge.SessionCookie, who.Contact, actor, who.At, commands.Password)
	}
	if why, ok := fault.As(err); ok {
		f.Refused = why
		return p.signInPage(w, r, templates.SignIn{Form: f, Next: next}, edge.Status(why.Kind))
	}
	if err != nil {
		return err
	}
	p.DropCookie(w, edge.LinkCookie)
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

func (p *Portal) signOut(w http.ResponseWriter, r *http.Request) error {
	if token := p.Cookie(r, edge.SessionCookie); token != "" {
		if err := p.Commands.Vault.EndSession(r.Context(), token); err != nil {
			return err
		}
	}
	p.DropCookie(w, edge.SessionCookie)
	p.Redirect(w, r, "/sign-in", 0, "signed_out")
	return nil
}

// chooseLanguage keeps the language in the browser, since whoever asks may be nobody yet.
func (p *Portal) chooseLanguage(w http.ResponseWriter, r *http.Request) error {
	f, err := p.ParseBare(w, r)
	if err != nil {
		return err
	}
	p.SetLanguage(w, f.Get("language"))
	http.Redirect(w, r, edge.OwnPath(f.Get("next"), "/"), http.StatusSeeOther)
	return nil
}
