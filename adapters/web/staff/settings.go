package staff

import (
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// settingsRoutes adds the pages of the account itself, which are for administrators.
func (s *Staff) settingsRoutes(r chi.Router) {
	r.Route("/staff/settings", func(r chi.Router) {
		r.Use(s.governing)
		r.Get("/", s.Handle(s.showAccount))
		r.Post("/account", s.Handle(s.changeAccount))
		r.Get("/payments", s.Handle(s.showMethods))
		r.Post("/transfer", s.Handle(s.configureTransfer))
		r.Post("/gateways/{gateway}", s.Handle(s.setGateway))
		r.Get("/people", s.Handle(s.showPeople))
		r.Post("/people", s.Handle(s.addStaff))
		r.Post("/people/{staff}/role", s.Handle(s.changeStaffRole))
		r.Post("/people/{staff}/password", s.Handle(s.setStaffPassword))
		r.Post("/people/{staff}/remove", s.Handle(s.removeStaff))
		r.Get("/programs", s.Handle(s.showKeys))
		r.Post("/programs", s.Handle(s.createKey))
		r.Post("/programs/{key}/revoke", s.Handle(s.revokeKey))
		s.brandingRoutes(r)
	})
}

// governing lets administrators through. What is done is asked again by the commands.
func (s *Staff) governing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !memberOf(r).governs() {
			s.Refuse(w, r, fault.New(fault.Forbidden, "access.role", fault.A("need", account.StaffAdmin)))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// settingsPage starts one of the settings' pages.
func (s *Staff) settingsPage(r *http.Request, tab string) (templates.Page, error) {
	m := memberOf(r)
	page, err := s.page(r, m, m.l.T("settings."+tab))
	page.Here = templates.SettingsPath(tab)
	return page, err
}

// govern runs an act on the account and leads back to a tab; refused says how to show the
// tab with a form that was refused.
func (s *Staff) govern(w http.ResponseWriter, r *http.Request, tab, notice string,
	do func(f templates.Form, req commands.Request) (commands.Receipt, error),
	refused func(w http.ResponseWriter, r *http.Request, f templates.Form, status int) error,
) error {
	f, err := s.ParseForm(w, r)
	if err != nil {
		return err
	}
	rcpt, err := do(f, s.request(r, f, memberOf(r)))
	if why, ok := fault.As(err); ok && (why.Kind == fault.Invalid || why.Kind == fault.Conflict) {
		f.Refused = why
		return refused(w, r, f, edge.Status(why.Kind))
	}
	if err != nil {
		return err
	}
	s.Redirect(w, r, templates.SettingsPath(tab), rcpt.Position, notice)
	return nil
}

func (s *Staff) showAccount(w http.ResponseWriter, r *http.Request) error {
	return s.accountPage(w, r, s.NewForm(), http.StatusOK)
}

func (s *Staff) accountPage(w http.ResponseWriter, r *http.Request, f templates.Form, status int) error {
	page, err := s.settingsPage(r, "account")
	if err != nil {
		return err
	}
	return s.Show(w, r, status, templates.SettingsAccountPage(page, templates.SettingsAccount{Settings: memberOf(r).settings, Form: f}))
}

func (s *Staff) changeAccount(w http.ResponseWriter, r *http.Request) error {
	return s.govern(w, r, "account", "saved", func(f templates.Form, req commands.Request) (commands.Receipt, error) {
		return s.Commands.ChangeAccount(r.Context(), req, commands.ChangeAccount{Details: account.Opened{
			Name: f.Value("name"), TaxID: f.Value("taxId"), Address: addressOf(f), Email: f.Value("email"), Phone: f.Value("phone"),
			Language: f.Value("language"), TimeZone: f.Value("timeZone"),
		}})
	}, s.accountPage)
}

func (s *Staff) showMethods(w http.ResponseWriter, r *http.Request) error {
	return s.methodsPage(w, r, s.NewForm(), http.StatusOK)
}

func (s *Staff) methodsPage(w http.ResponseWriter, r *http.Request, f templates.Form, status int) error {
	page, err := s.settingsPage(r, "payments")
	if err != nil {
		return err
	}
	v := templates.SettingsPayments{Settings: memberOf(r).settings, Form: f}
	for _, g := range account.Gateways() {
		v.Gateways = append(v.Gateways, templates.SettingsGateway{Name: g, On: slices.Contains(v.Settings.Gateways, g)})
	}
	return s.Show(w, r, status, templates.SettingsPaymentsPage(page, v))
}

func (s *Staff) configureTransfer(w http.ResponseWriter, r *http.Request) error {
	return s.govern(w, r, "payments", "saved", func(f templates.Form, req commands.Request) (commands.Receipt, error) {
		return s.Commands.ConfigureTransfer(r.Context(), req, commands.ConfigureTransfer{IBAN: f.Value("iban"), BIC: f.Value("bic"), Beneficiary: f.Value("beneficiary")})
	}, s.methodsPage)
}

func (s *Staff) setGateway(w http.ResponseWriter, r *http.Request) error {
	return s.govern(w, r, "payments", "saved", func(f templates.Form, req commands.Request) (commands.Receipt, error) {
		gateway := chi.URLParam(r, "gateway")
		if !slices.Contains(account.Gateways(), gateway) {
			return commands.Receipt{}, fault.New(fault.NotFound, "not_found")
		}
		if f.Value("enabled") == "1" {
			return s.Commands.EnableGateway(r.Context(), req, commands.EnableGateway{Gateway: gateway})
		}
		return s.Commands.DisableGateway(r.Context(), req, commands.DisableGateway{Gateway: gateway})
	}, s.methodsPage)
}

func (s *Staff) showPeople(w http.ResponseWriter, r *http.Request) error {
	return s.peoplePage(w, r, s.NewForm(), "", http.StatusOK)
}

// peoplePage shows the account's people; open names the form that was refused: "add", or
// an act and whose.
func (s *Staff) peoplePage(w http.ResponseWriter, r *http.Request, f templates.Form, open string, status int) error {
	m := memberOf(r)
	page, err := s.settingsPage(r, "people")
	if err != nil {
		return err
	}
	v := templates.SettingsPeople{Form: f, Open: open, Self: id.ID(m.actor.ID)}
	if v.People, err = readmodels.ListStaff(r.Context(), m.view); err != nil {
		return err
	}
	if v.Passphrase, err = access.GeneratePassphrase(s.Random); err != nil {
		return err
	}
	return s.Show(w, r, status, templates.SettingsPeoplePage(page, v))
}

func (s *Staff) onPeople(w http.ResponseWriter, r *http.Request, open, notice string, do func(f templates.Form, req commands.Request) (commands.Receipt, error)) error {
	return s.govern(w, r, "people", notice, do, func(w http.ResponseWriter, r *http.Request, f templates.Form, status int) error {
		return s.peoplePage(w, r, f, open, status)
	})
}

func (s *Staff) addStaff(w http.ResponseWriter, r *http.Request) error {
	return s.onPeople(w, r, "add", "created", func(f templates.Form, req commands.Request) (commands.Receipt, error) {
		_, rcpt, err := s.Commands.AddStaff(r.Context(), req, commands.AddStaff{
			Email: f.Value("email"), Name: f.Value("name"), Role: account.StaffRole(f.Value("role")), Password: f.Value("password"),
		})
		return rcpt, err
	})
}

func (s *Staff) changeStaffRole(w http.ResponseWriter, r *http.Request) error {
	staff := chi.URLParam(r, "staff")
	return s.onPeople(w, r, "role-"+staff, "saved", func(f templates.Form, req commands.Request) (commands.Receipt, error) {
		return s.Commands.ChangeStaffRole(r.Context(), req, commands.ChangeStaffRole{Staff: id.ID(staff), Role: account.StaffRole(f.Value("role"))})
	})
}

func (s *Staff) setStaffPassword(w http.ResponseWriter, r *http.Request) error {
	staff := chi.URLParam(r, "staff")
	return s.onPeople(w, r, "password-"+staff, "saved", func(f templates.Form, req commands.Request) (commands.Receipt, error) {
		return s.Commands.SetStaffPassword(r.Context(), req, commands.SetStaffPassword{Staff: id.ID(staff), Password: f.Value("password")})
	})
}

func (s *Staff) removeStaff(w http.ResponseWriter, r *http.Request) error {
	staff := chi.URLParam(r, "staff")
	return s.onPeople(w, r, "remove-"+staff, "removed", func(_ templates.Form, req commands.Request) (commands.Receipt, error) {
		return s.Commands.RemoveStaff(r.Context(), req, commands.RemoveStaff{Staff: id.ID(staff)})
	})
}

func (s *Staff) showKeys(w http.ResponseWriter, r *http.Request) error {
	return s.keysPage(w, r, templates.SettingsKeys{Form: s.NewForm()}, http.StatusOK)
}

func (s *Staff) keysPage(w http.ResponseWriter, r *http.Request, v templates.SettingsKeys, status int) error {
	page, err := s.settingsPage(r, "programs")
	if err != nil {
		return err
	}
	if v.Keys, err = readmodels.ListAPIKeys(r.Context(), memberOf(r).view); err != nil {
		return err
	}
	return s.Show(w, r, status, templates.SettingsKeysPage(page, v))
}

// createKey makes a key and shows its secret, which is told this once: there is no page
// to redirect to.
func (s *Staff) createKey(w http.ResponseWriter, r *http.Request) error {
	f, err := s.ParseForm(w, r)
	if err != nil {
		return err
	}
	_, secret, rcpt, err := s.Commands.CreateAPIKey(r.Context(), s.request(r, f, memberOf(r)), commands.CreateAPIKey{Name: f.Value("name")})
	if why, ok := fault.As(err); ok && why.Kind == fault.Invalid {
		f.Refused = why
		return s.keysPage(w, r, templates.SettingsKeys{Form: f}, edge.Status(why.Kind))
	}
	if err != nil {
		return err
	}
	s.Reach(r, rcpt.Position)
	return s.keysPage(w, r, templates.SettingsKeys{Form: s.NewForm(), Secret: secret, Made: f.Value("name")}, http.StatusOK)
}

func (s *Staff) revokeKey(w http.ResponseWriter, r *http.Request) error {
	return s.govern(w, r, "programs", "key_revoked", func(_ templates.Form, req commands.Request) (commands.Receipt, error) {
		return s.Commands.RevokeAPIKey(r.Context(), req, commands.RevokeAPIKey{Key: id.ID(chi.URLParam(r, "key"))})
	}, func(w http.ResponseWriter, r *http.Request, f templates.Form, status int) error {
		return s.keysPage(w, r, templates.SettingsKeys{Form: f}, status)
	})
}
