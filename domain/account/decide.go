package account

import (
	"strings"
	"time"

	"github.com/jbub/banking/iban"
	"github.com/jbub/banking/swift"
	"golang.org/x/text/language"

	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
)

// Gateways lists the payment gateways that this build can speak to.
func Gateways() []string { return []string{"sandbox"} }

// Known reports whether r is one of the staff roles.
func (r StaffRole) Known() bool { return r == StaffAdmin || r == StaffEditor || r == StaffReader }

// Allows reports whether staff of role r may do what needs role need.
func (r StaffRole) Allows(need StaffRole) bool {
	rank := map[StaffRole]int{StaffReader: 1, StaffEditor: 2, StaffAdmin: 3}
	return rank[r] > 0 && rank[r] >= rank[need]
}

// Open decides a new account.
func Open(s State, d Opened) ([]event.Event, error) {
	if s.Exists {
		return nil, nil
	}
	d, err := checked(d)
	if err != nil {
		return nil, err
	}
	return []event.Event{d}, nil
}

// Change decides other details. The currency stays: amounts of two currencies in one catalogue never add up.
func Change(s State, d Opened) ([]event.Event, error) {
	if !s.Exists {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	if d.Currency == "" {
		d.Currency = s.Details.Currency
	}
	d, err := checked(d)
	if err != nil {
		return nil, err
	}
	if d.Currency != s.Details.Currency {
		return nil, fault.Field("currency", "account.currency_fixed", fault.A("currency", s.Details.Currency))
	}
	if d == s.Details {
		return nil, nil
	}
	return []event.Event{DetailsChanged{Opened: d}}, nil
}

func checked(d Opened) (Opened, error) {
	d.Name, d.TaxID, d.Email = strings.TrimSpace(d.Name), strings.TrimSpace(d.TaxID), strings.TrimSpace(d.Email)
	var bad []*fault.Fault
	if d.Name == "" {
		bad = append(bad, fault.Field("name", "text.missing"))
	}
	if _, ok := money.Digits(d.Currency); !ok {
		bad = append(bad, fault.Field("currency", "account.currency_unknown", fault.A("currency", d.Currency)))
	}
	if _, err := language.Parse(d.Language); err != nil || d.Language == "" {
		bad = append(bad, fault.Field("language", "language.unknown", fault.A("language", d.Language)))
	}
	if _, err := time.LoadLocation(d.TimeZone); err != nil || d.TimeZone == "" || d.TimeZone == "Local" {
		bad = append(bad, fault.Field("timeZone", "account.time_zone_unknown", fault.A("timeZone", d.TimeZone)))
	}
	if f := fault.Join(bad...); f != nil {
		return d, f
	}
	return d, nil
}

// NormalIBAN returns the IBAN in capitals without spaces, and whether its country,
// length and check digits are right.
func NormalIBAN(s string) (string, bool) {
	s = id.Fold(s)
	return s, iban.Validate(s) == nil
}

// ConfigureTransfer decides the bank account for transfers; all empty ends them.
func ConfigureTransfer(s State, t TransferConfigured) ([]event.Event, error) {
	if !s.Exists {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	t.BIC, t.Beneficiary = id.Fold(t.BIC), strings.TrimSpace(t.Beneficiary)
	if strings.TrimSpace(t.IBAN) == "" {
		t = TransferConfigured{}
	} else {
		var bad []*fault.Fault
		var ok bool
		if t.IBAN, ok = NormalIBAN(t.IBAN); !ok {
			bad = append(bad, fault.Field("iban", "iban.invalid"))
		}
		if t.BIC != "" && swift.Validate(t.BIC) != nil {
			bad = append(bad, fault.Field("bic", "bic.invalid"))
		}
		if t.Beneficiary == "" {
			t.Beneficiary = s.Details.Name
		}
		if f := fault.Join(bad...); f != nil {
			return nil, f
		}
	}
	if t == s.Transfer {
		return nil, nil
	}
	return []event.Event{t}, nil
}

// EnableGateway decides that contacts may pay through a gateway.
func EnableGateway(s State, gateway string) ([]event.Event, error) {
	if !s.Exists {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	known := false
	for _, g := range Gateways() {
		known = known || g == gateway
	}
	switch {
	case !known:
		return nil, fault.Field("gateway", "gateway.unknown", fault.A("gateway", gateway))
	case s.Offers(gateway):
		return nil, nil
	}
	return []event.Event{GatewayEnabled{Gateway: gateway}}, nil
}

// DisableGateway decides that they no longer may. Payments under way still end.
func DisableGateway(s State, gateway string) ([]event.Event, error) {
	if !s.Exists {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	if gateway == TransferMethod || !s.Offers(gateway) {
		return nil, nil
	}
	return []event.Event{GatewayDisabled{Gateway: gateway}}, nil
}

// ChangeBranding decides what the portal looks like.
func ChangeBranding(s State, b BrandingChanged) ([]event.Event, error) {
	if !s.Exists {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	b.Colour, b.Welcome = strings.ToLower(strings.TrimSpace(b.Colour)), strings.TrimSpace(b.Welcome)
	b.Footer, b.Help = strings.TrimSpace(b.Footer), strings.TrimSpace(b.Help)
	var bad []*fault.Fault
	if b.Colour != "" && !isColour(b.Colour) {
		bad = append(bad, fault.Field("colour", "colour.invalid"))
	}
	for _, t := range []struct {
		field, text string
		max         int
	}{{"welcome", b.Welcome, 1000}, {"footer", b.Footer, 500}, {"help", b.Help, 500}} {
		if len([]rune(t.text)) > t.max {
			bad = append(bad, fault.Field(t.field, "text.too_long", fault.A("max", t.max)))
		}
	}
	if f := fault.Join(bad...); f != nil {
		return nil, f
	}
	if b == s.Branding {
		return nil, nil
	}
	return []event.Event{b}, nil
}

// RequireStaffFactor decides whether everybody of staff has to sign in with more than a password.
func RequireStaffFactor(s State, required bool) ([]event.Event, error) {
	if !s.Exists {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	if s.StaffFactor == required {
		return nil, nil
	}
	return []event.Event{StaffFactorRequired{Required: required}}, nil
}

func isColour(s string) bool {
	if len(s) != 7 || s[0] != '#' {
		return false
	}
	return strings.Trim(s[1:], "0123456789abcdef") == ""
}

// AddStaff decides a new person of the account. The email is already claimed and clean.
func AddStaff(s Member, email, name string, role StaffRole) ([]event.Event, error) {
	if s.Removed {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	if s.Exists {
		return nil, nil
	}
	name = strings.TrimSpace(name)
	var bad []*fault.Fault
	if email == "" {
		bad = append(bad, fault.Field("email", "email.invalid"))
	}
	if name == "" {
		bad = append(bad, fault.Field("name", "text.missing"))
	}
	if !role.Known() {
		bad = append(bad, fault.Field("role", "role.unknown"))
	}
	if f := fault.Join(bad...); f != nil {
		return nil, f
	}
	return []event.Event{StaffAdded{Email: event.Seal(email), Name: event.Seal(name), Role: role}}, nil
}

// SetStaffPassword decides that the person has a (new) password.
func SetStaffPassword(s Member) ([]event.Event, error) {
	if !s.Active() {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	return []event.Event{StaffPasswordSet{}}, nil
}

// ChangeStaffRole decides what the person may do.
func ChangeStaffRole(s Member, role StaffRole) ([]event.Event, error) {
	switch {
	case !s.Active():
		return nil, fault.New(fault.NotFound, "not_found")
	case !role.Known():
		return nil, fault.Field("role", "role.unknown")
	case s.Role == role:
		return nil, nil
	}
	return []event.Event{StaffRoleChanged{Role: role}}, nil
}

// RemoveStaff decides the end of the person's access.
func RemoveStaff(s Member) ([]event.Event, error) {
	if !s.Exists {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	if s.Removed {
		return nil, nil
	}
	return []event.Event{StaffRemoved{}}, nil
}

// CreateKey decides a program's key.
func CreateKey(s Key, name string) ([]event.Event, error) {
	name = strings.TrimSpace(name)
	switch {
	case s.Exists:
		return nil, nil
	case name == "":
		return nil, fault.Field("name", "text.missing")
	case len(name) > 200:
		return nil, fault.Field("name", "text.too_long", fault.A("max", 200))
	}
	return []event.Event{APIKeyCreated{Name: name}}, nil
}

// RevokeKey decides the end of a program's key.
func RevokeKey(s Key) ([]event.Event, error) {
	switch {
	case !s.Exists:
		return nil, fault.New(fault.NotFound, "not_found")
	case s.Revoked:
		return nil, nil
	}
	return []event.Event{APIKeyRevoked{}}, nil
}
