package readmodels

import (
	"context"
	"slices"
	"time"

	"lonja/domain/document"
	"lonja/domain/id"
)

// Settings are an account's own: who it is, how it is paid, what its portal looks like.
type Settings struct {
	Name     string           `json:"name"`
	TaxID    string           `json:"taxId,omitempty"`
	Address  document.Address `json:"address,omitzero"`
	Email    string           `json:"email,omitempty"`
	Phone    string           `json:"phone,omitempty"`
	Currency string           `json:"currency"`
	Language string           `json:"language"`
	TimeZone string           `json:"timeZone"`

	IBAN        string   `json:"iban,omitempty"` // empty: no payment by transfer
	BIC         string   `json:"bic,omitempty"`
	Beneficiary string   `json:"beneficiary,omitempty"`
	Gateways    []string `json:"gateways,omitempty"`

	Colour  string `json:"colour,omitempty"` // #rrggbb
	Welcome string `json:"welcome,omitempty"`
	Footer  string `json:"footer,omitempty"` // below pages, mails and documents
	Help    string `json:"help,omitempty"`   // how to reach the account, in its own words
	Logo    *Logo  `json:"logo,omitempty"`
}

// Logo names the account's logo, whose picture GetLogo returns.
type Logo struct {
	Hash   string `json:"hash"` // SHA-256 of the picture, in hexadecimal digits
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

// Path is where the portal serves the picture: for whoever knows it, and for ever, since
// another picture is at another path.
func (l *Logo) Path() string { return "/logo/" + l.Hash + ".png" }

// Transfer is the name of the payment method that is no gateway.
const Transfer = "transfer"

// Methods returns the account's payment methods, transfer first.
func (s *Settings) Methods() []string {
	var m []string
	if s.IBAN != "" {
		m = append(m, Transfer)
	}
	return append(m, s.Gateways...)
}

// MethodsFor returns the methods that a contact may pay by.
func (s *Settings) MethodsFor(c *Contact) []string {
	all := s.Methods()
	if c.Methods == nil {
		return all
	}
	return slices.DeleteFunc(all, func(m string) bool { return !slices.Contains(*c.Methods, m) })
}

// Today is the account's calendar day at a moment; UTC's where the time zone is unknown.
func (s *Settings) Today(now time.Time) document.Date {
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	return document.DateOf(now.In(zone))
}

// SettingsID is the id of the one row of AccountSettings.
const SettingsID = "settings"

// AccountSettings holds one row an account.
var AccountSettings = &Table[Settings]{
	Schema: Schema{Name: "account_settings"},
	Values: func(_ *Settings, dst []Value) []Value { return dst },
}

// GetSettings returns the settings of the view's account; NotFound before it was opened.
func GetSettings(ctx context.Context, v View) (Settings, error) {
	return Must(ctx, v.OfAccount(), AccountSettings, SettingsID)
}

// LogoPicture is the picture of a logo: a PNG.
type LogoPicture struct {
	Logo
	PNG []byte `json:"png"`
}

// LogoPictures holds the account's logo, under SettingsID, where it has one.
var LogoPictures = &Table[LogoPicture]{
	Schema: Schema{Name: "logo_pictures"},
	Values: func(_ *LogoPicture, dst []Value) []Value { return dst },
}

// GetLogo returns the logo of the view's account; NotFound where it has none.
func GetLogo(ctx context.Context, v View) (LogoPicture, error) {
	return Must(ctx, v.OfAccount(), LogoPictures, SettingsID)
}

// APIKey is a program's key. Its secret was told once, and is nowhere.
type APIKey struct {
	ID        id.ID      `json:"id"`
	Name      string     `json:"name"`
	CreatedAt time.Time  `json:"createdAt"`
	RevokedAt *time.Time `json:"revokedAt,omitempty"`
}

// APIKeys holds one row a key, by id; rows of the account.
var APIKeys = &Table[APIKey]{
	Schema: Schema{
		Name:    "api_keys",
		Columns: []Column{{"name", Text}},
		Indexes: []Index{{Name: "name", Columns: []string{"name"}}},
	},
	Values: func(k *APIKey, dst []Value) []Value { return append(dst, T(Fold(k.Name))) },
}

// ListAPIKeys returns the keys of the account by name, revoked ones too.
func ListAPIKeys(ctx context.Context, v View) ([]APIKey, error) {
	return all(List(ctx, v.OfAccount(), APIKeys, Query{Index: "name"}))
}

// StaffMember is a person of the account.
type StaffMember struct {
	ID          id.ID     `json:"id"`
	Email       string    `json:"email"`
	Name        string    `json:"name"`
	Role        string    `json:"role"` // admin, editor, reader
	HasPassword bool      `json:"hasPassword"`
	AddedAt     time.Time `json:"addedAt"`
}

// Staff holds one row a staff member, by id; rows of the account. Who was removed is gone.
var Staff = &Table[StaffMember]{
	Schema: Schema{
		Name:    "staff",
		Columns: []Column{{"name", Text}},
		Indexes: []Index{{Name: "name", Columns: []string{"name"}}},
	},
	Values: func(s *StaffMember, dst []Value) []Value { return append(dst, T(Fold(s.Name))) },
}

// ListStaff returns all staff of the account by name.
func ListStaff(ctx context.Context, v View) ([]StaffMember, error) {
	return all(List(ctx, v.OfAccount(), Staff, Query{Index: "name"}))
}

// all returns the rows of a whole list.
func all[R any](p Page[R], err error) ([]R, error) {
	if err != nil {
		return nil, err
	}
	out := make([]R, len(p.Items))
	for i := range p.Items {
		out[i] = p.Items[i].Row
	}
	return out, nil
}
