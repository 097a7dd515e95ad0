package templates

import (
	"net/url"
	"strings"

	"lonja/adapters/web/locale"
	"lonja/domain/id"
	"lonja/readmodels"
)

// settingsTab is one of the account's settings, and its page's title.
type settingsTab struct{ name, title string }

func settingsTabs() []settingsTab {
	return []settingsTab{
		{"account", "settings.account"}, {"branding", "settings.branding"}, {"payments", "settings.payments"},
		{"people", "settings.people"}, {"programs", "settings.programs"},
	}
}

// SettingsPath is the page of one of the account's settings: account, branding, payments,
// people, programs.
func SettingsPath(tab string) string {
	if tab == "account" {
		return "/staff/settings"
	}
	return "/staff/settings/" + tab
}

// SettingsAccount is who the account is.
type SettingsAccount struct {
	readmodels.Settings
	Form Form
}

// SettingsPayments is how contacts pay.
type SettingsPayments struct {
	readmodels.Settings
	Gateways []SettingsGateway
	Form     Form
}

// SettingsGateway is a gateway that the program can speak to.
type SettingsGateway struct {
	Name string
	On   bool
}

// SettingsPeople is the account's people.
type SettingsPeople struct {
	People     []readmodels.StaffMember
	Self       id.ID // who looks
	Passphrase string
	Form       Form
	Open       string // which form was refused
}

func (v SettingsPeople) formOf(act string) Form {
	if v.Open == act {
		return v.Form
	}
	return Form{Command: v.Form.Command}
}

// SettingsKeys is the keys of programs.
type SettingsKeys struct {
	Keys   []readmodels.APIKey
	Secret string // of a key that was just made, "" else: it is shown this once
	Made   string // its name
	Form   Form
}

// SettingsBranding is what the portal looks like; the form's values are those of a preview,
// or were refused.
type SettingsBranding struct {
	readmodels.Settings
	Form Form
}

// preview is the account as its portal would show it.
func (v SettingsBranding) preview(p Page) Account {
	a := p.Account
	a.Welcome, a.Footer, a.Help = v.Form.Or("welcome", v.Welcome), v.Form.Or("footer", v.Footer), v.Form.Or("help", v.Help)
	return a
}

// previewSheet is the style sheet of the preview, "" for a colour that is none.
func (v SettingsBranding) previewSheet() string {
	c := Colour(v.Form.Or("colour", v.Colour))
	if c == "" {
		return ""
	}
	return "/staff/settings/preview.css?" + url.Values{"colour": {c}}.Encode()
}

// Colour returns the colour in lower case if it is one, "#rrggbb", and "" else.
func Colour(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if len(s) != 7 || s[0] != '#' || strings.Trim(s[1:], "0123456789abcdef") != "" {
		return ""
	}
	return s
}

func staffRoles() []string { return []string{"admin", "editor", "reader"} }

func staffRoleName(l *locale.Locale, role string) string { return l.T("role.staff_" + role) }
