package staff

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/security"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// personRoutes adds the page of one of a contact's people, below the contact's record.
func (s *Staff) personRoutes(r chi.Router) {
	r.Get("/logins/{login}", s.Handle(s.showPerson))
	r.Post("/logins/{login}/clear-factors", s.Handle(s.clearFactors))
	r.Post("/logins/{login}/end-sessions", s.Handle(s.endTheirSessions))
}

// person returns the login that the path names, of the contact that it names.
func (s *Staff) person(r *http.Request) (readmodels.Contact, readmodels.Login, error) {
	c, view, err := s.contact(r)
	if err != nil {
		return c, readmodels.Login{}, err
	}
	want, err := loginOf(r)
	if err != nil {
		return c, readmodels.Login{}, err
	}
	l, err := readmodels.Must(r.Context(), view, readmodels.Logins, string(want))
	return c, l, err
}

func (s *Staff) showPerson(w http.ResponseWriter, r *http.Request) error {
	m := memberOf(r)
	c, l, err := s.person(r)
	if err != nil {
		return err
	}
	state, _, err := commands.State(r.Context(), s.Commands.Executor, access.LoginDecider(), string(l.ID), commands.Request{Account: s.Account, Contact: c.ID})
	if err != nil {
		return err
	}
	v := templates.LoginSecurity{
		Login: l, Contact: c, Base: "/staff/contacts/" + string(c.ID) + "/logins/" + string(l.ID), Form: s.NewForm(), May: m.may() && c.ErasedAt == nil,
		App: state.Factors.TOTP, Passkeys: len(state.Factors.Passkeys), Codes: state.Factors.Codes,
	}
	if v.Sessions, err = security.Sessions(r, s.Kit, m.l, event.Actor{Kind: event.ActorLogin, ID: string(l.ID)}, ""); err != nil {
		return err
	}
	title := l.Name
	if title == "" {
		title = l.Email
	}
	page, err := s.page(r, m, title)
	if err != nil {
		return err
	}
	page.Here = v.Base
	return s.Show(w, r, http.StatusOK, templates.LoginSecurityPage(page, v))
}

// onPerson runs an act on the login that the path names, and shows its page again.
func (s *Staff) onPerson(w http.ResponseWriter, r *http.Request, notice string, do func(req commands.Request, login id.ID) (commands.Receipt, error)) error {
	f, err := s.ParseForm(w, r)
	if err != nil {
		return err
	}
	c, l, err := s.person(r)
	if err != nil {
		return err
	}
	req := s.request(r, f, memberOf(r))
	req.Contact = c.ID // a login of another contact than the page's is not found
	rcpt, err := do(req, l.ID)
	if err != nil {
		return err
	}
	s.Redirect(w, r, "/staff/contacts/"+string(c.ID)+"/logins/"+string(l.ID), rcpt.Position, notice)
	return nil
}

func (s *Staff) clearFactors(w http.ResponseWriter, r *http.Request) error {
	return s.onPerson(w, r, "factor_removed", func(req commands.Request, login id.ID) (commands.Receipt, error) {
		return s.Commands.ClearFactors(r.Context(), req, commands.ClearFactors{Login: login})
	})
}

func (s *Staff) endTheirSessions(w http.ResponseWriter, r *http.Request) error {
	return s.onPerson(w, r, "session_ended", func(req commands.Request, login id.ID) (commands.Receipt, error) {
		return s.Commands.EndLoginSessions(r.Context(), req, commands.EndLoginSessions{Login: login})
	})
}
