package edge

import (
	"net/http"
	"time"

	"lonja/adapters/web/templates"
)

// chosenTheme is the appearance that the browser keeps.
func (k *Kit) chosenTheme(r *http.Request) templates.Theme {
	switch t := templates.Theme(k.Cookie(r, themeCookie)); t {
	case templates.ThemeLight, templates.ThemeDark:
		return t
	}
	return templates.ThemeAuto
}

// ChooseTheme keeps an appearance in the browser, since whoever asks may be nobody yet;
// whatever is none is the automatic one.
func (k *Kit) ChooseTheme(w http.ResponseWriter, r *http.Request) error {
	f, err := k.ParseBare(w, r)
	if err != nil {
		return err
	}
	switch t := templates.Theme(f.Get("theme")); t {
	case templates.ThemeLight, templates.ThemeDark:
		k.SetCookie(w, themeCookie, string(t), 365*24*time.Hour)
	default:
		k.DropCookie(w, themeCookie)
	}
	http.Redirect(w, r, OwnPath(f.Get("next"), "/"), http.StatusSeeOther)
	return nil
}
