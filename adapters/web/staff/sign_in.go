package staff

import (
	"net/http"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/fault"
)

func (s *Staff) showSignIn(w http.ResponseWriter, r *http.Request) error {
	return s.signInPage(w, r, s.NewForm(), http.StatusOK)
}

func (s *Staff) signInPage(w http.ResponseWriter, r *http.Request, f templates.Form, status int) error {
	l := s.Locale(r, "")
	page := s.Page(r, l, l.T("sign_in.title_staff"))
	page.Here = "/staff/sign-in"
	return s.Show(w, r, status, templates.SignInPage(page, templates.SignIn{Form: f, Next: "/staff", Staff: true, Passkeys: s.Commands.Authenticators != nil}))
}

func (s *Staff) signIn(w http.ResponseWriter, r *http.Request) error {
	f, err := s.ParseForm(w, r)
	if err != nil {
		return err
	}
	who, err := s.Commands.StaffSignIn(r.Context(), s.Request(r, f, event.Actor{Kind: event.ActorSystem, ID: "sign-in"}, ""),
		commands.StaffSignIn{Email: f.Value("email"), Password: f.Value("password")})
	actor := event.Actor{Kind: event.ActorStaff, ID: string(who.Staff)}
	if err == nil && who.Second {
		return s.security().AskCode(w, r, f, commands.BeginCode{Actor: actor, At: who.At}, "/staff")
	}
	if err == nil {
		err = s.SignIn(w, r, edge.StaffCookie, "", actor, who.At, commands.Password)
	}
	if why, ok := fault.As(err); ok {
		f.Refused = why
		return s.signInPage(w, r, f, edge.Status(why.Kind))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/staff", http.StatusSeeOther)
	return nil
}

func (s *Staff) signOut(w http.ResponseWriter, r *http.Request) error {
	if token := s.Cookie(r, edge.StaffCookie); token != "" {
		if err := s.Commands.Vault.EndSession(r.Context(), token); err != nil {
			return err
		}
	}
	s.DropCookie(w, edge.StaffCookie)
	s.DropCookie(w, edge.LookCookie)
	s.Redirect(w, r, "/staff/sign-in", 0, "signed_out")
	return nil
}
