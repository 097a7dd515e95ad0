package staff

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/picture"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/fault"
)

func (s *Staff) brandingRoutes(r chi.Router) {
	r.Get("/branding", s.Handle(s.showBranding))
	r.Post("/branding", s.Handle(s.changeBranding))
	r.Get("/preview.css", s.Handle(s.previewColours))
	r.Post("/logo", s.Handle(s.setLogo))
	r.Post("/logo/remove", s.Handle(s.removeLogo))
}

func (s *Staff) showBranding(w http.ResponseWriter, r *http.Request) error {
	return s.brandingPage(w, r, s.NewForm(), http.StatusOK)
}

func (s *Staff) brandingPage(w http.ResponseWriter, r *http.Request, f templates.Form, status int) error {
	page, err := s.settingsPage(r, "branding")
	if err != nil {
		return err
	}
	return s.Show(w, r, status, templates.SettingsBrandingPage(page, templates.SettingsBranding{Settings: memberOf(r).settings, Form: f}))
}

// changeBranding sets what the portal looks like; asked for a preview, it shows what it
// would look like and changes nothing.
func (s *Staff) changeBranding(w http.ResponseWriter, r *http.Request) error {
	f, err := s.ParseForm(w, r)
	if err != nil {
		return err
	}
	if f.Value("preview") != "" {
		return s.brandingPage(w, r, f, http.StatusOK)
	}
	rcpt, err := s.Commands.ChangeBranding(r.Context(), s.request(r, f, memberOf(r)), commands.ChangeBranding{
		Colour: f.Value("colour"), Welcome: f.Value("welcome"), Footer: f.Value("footer"), Help: f.Value("help"),
	})
	if why, ok := fault.As(err); ok && why.Kind == fault.Invalid {
		f.Refused = why
		return s.brandingPage(w, r, f, edge.Status(why.Kind))
	}
	if err != nil {
		return err
	}
	s.Redirect(w, r, templates.SettingsPath("branding"), rcpt.Position, "saved")
	return nil
}

// previewColours is the style sheet of the preview, whose colour is in the address since
// pages have no styles of their own.
func (s *Staff) previewColours(w http.ResponseWriter, r *http.Request) error {
	colour := templates.Colour(r.URL.Query().Get("colour"))
	if colour == "" {
		return fault.New(fault.NotFound, "not_found")
	}
	edge.WriteBrand(w, colour, ".preview")
	return nil
}

func (s *Staff) setLogo(w http.ResponseWriter, r *http.Request) error {
	f, file, err := s.ParseFileForm(w, r, "logo", picture.MaxFile)
	if err != nil {
		return err
	}
	if len(file) == 0 {
		err = fault.Field("logo", "logo.missing")
	}
	var png []byte
	if err == nil {
		png, err = picture.Logo(file)
	}
	var rcpt commands.Receipt
	if err == nil {
		rcpt, err = s.Commands.SetLogo(r.Context(), s.request(r, f, memberOf(r)), commands.SetLogo{PNG: png})
	}
	if why, ok := fault.As(err); ok && why.Kind == fault.Invalid {
		f.Refused, f.Values = why, nil
		return s.brandingPage(w, r, f, edge.Status(why.Kind))
	}
	if err != nil {
		return err
	}
	s.Redirect(w, r, templates.SettingsPath("branding"), rcpt.Position, "saved")
	return nil
}

func (s *Staff) removeLogo(w http.ResponseWriter, r *http.Request) error {
	return s.govern(w, r, "branding", "removed", func(_ templates.Form, req commands.Request) (commands.Receipt, error) {
		return s.Commands.SetLogo(r.Context(), req, commands.SetLogo{})
	}, s.brandingPage)
}
