package staff

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// createLogin makes a login, with its password where one was typed.
func (s *Staff) createLogin(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, "login", "created", func(f templates.Form, req commands.Request, c readmodels.Contact) (commands.Receipt, error) {
		_, rcpt, err := s.Commands.CreateLogin(r.Context(), req, commands.CreateLogin{
			Contact: c.ID, Email: f.Value("email"), Name: f.Value("name"), Role: access.Role(f.Value("role")), Main: len(c.Access) == 0, Password: f.Value("password"),
		})
		return rcpt, err
	})
}

// loginOf returns the login that the path names. Whether it is the contact's is the
// commands' to say, which know those that were removed, too: an act that is sent twice is
// answered twice alike.
func loginOf(r *http.Request) (id.ID, error) {
	login := id.ID(chi.URLParam(r, "login"))
	if !id.Valid(login) {
		return "", fault.New(fault.NotFound, "not_found")
	}
	return login, nil
}

func (s *Staff) setPassword(w http.ResponseWriter, r *http.Request) error {
	return s.onLogin(w, r, "password-"+chi.URLParam(r, "login"), "saved", func(f templates.Form, req commands.Request, login id.ID) (commands.Receipt, error) {
		return s.Commands.SetLoginPassword(r.Context(), req, commands.SetLoginPassword{Login: login, Password: f.Value("password")})
	})
}

func (s *Staff) removePassword(w http.ResponseWriter, r *http.Request) error {
	return s.onLogin(w, r, "", "removed", func(_ templates.Form, req commands.Request, login id.ID) (commands.Receipt, error) {
		return s.Commands.RemoveLoginPassword(r.Context(), req, commands.RemoveLoginPassword{Login: login})
	})
}

// onLogin runs an act on the login that the path names.
func (s *Staff) onLogin(w http.ResponseWriter, r *http.Request, open, notice string,
	do func(f templates.Form, req commands.Request, login id.ID) (commands.Receipt, error),
) error {
	return s.act(w, r, open, notice, func(f templates.Form, req commands.Request, c readmodels.Contact) (commands.Receipt, error) {
		login, err := loginOf(r)
		if err != nil {
			return commands.Receipt{}, err
		}
		req.Contact = c.ID // a login of another contact than the page's is not found
		return do(f, req, login)
	})
}

// changeLogin sets a login's email, name and role.
func (s *Staff) changeLogin(w http.ResponseWriter, r *http.Request) error {
	return s.onLogin(w, r, "login-"+chi.URLParam(r, "login"), "saved", func(f templates.Form, req commands.Request, login id.ID) (commands.Receipt, error) {
		rcpt, err := s.Commands.ChangeLogin(r.Context(), part(req, "details"), commands.ChangeLogin{Login: login, Email: f.Value("email"), Name: f.Value("name")})
		if err != nil {
			return rcpt, err
		}
		role := access.Role(f.Value("role"))
		now, _, err := commands.State(r.Context(), s.Commands.Executor, access.LoginDecider(), string(login), commands.Request{Account: s.Account})
		if err != nil || now.Role == role { // setting the same would end the person's sessions
			return rcpt, err
		}
		return s.Commands.ChangeLoginRole(r.Context(), part(req, "role"), commands.ChangeLoginRole{Login: login, Role: role})
	})
}

func (s *Staff) removeLogin(w http.ResponseWriter, r *http.Request) error {
	return s.onLogin(w, r, "", "removed", func(_ templates.Form, req commands.Request, login id.ID) (commands.Receipt, error) {
		return s.Commands.RemoveLogin(r.Context(), req, commands.RemoveLogin{Login: login})
	})
}
