package account

import (
	"lonja/domain/document"
	"lonja/domain/event"
)

// Opened starts an account.
type Opened struct {
	Name     string           `json:"name"`
	TaxID    string           `json:"taxId,omitempty"`
	Address  document.Address `json:"address,omitzero"`
	Email    string           `json:"email,omitempty"`
	Phone    string           `json:"phone,omitempty"`
	Currency string           `json:"currency"`
	Language string           `json:"language"` // BCP 47, of the portal unless a contact has another
	TimeZone string           `json:"timeZone"` // IANA name: what "today" and "this year" mean
}

// DetailsChanged replaces the account's details.
type DetailsChanged struct {
	Opened
}

// TransferConfigured sets the bank account for payments by transfer.
type TransferConfigured struct {
	IBAN        string `json:"iban"`
	BIC         string `json:"bic,omitempty"`
	Beneficiary string `json:"beneficiary"`
}

// GatewayEnabled lets contacts pay through a gateway ("sandbox").
type GatewayEnabled struct {
	Gateway string `json:"gateway"`
}

// GatewayDisabled ends that.
type GatewayDisabled struct {
	Gateway string `json:"gateway"`
}

// BrandingChanged sets what the portal looks like.
type BrandingChanged struct {
	Colour  string `json:"colour,omitempty"`  // #rrggbb
	Welcome string `json:"welcome,omitempty"` // text on the sign-in page
	Footer  string `json:"footer,omitempty"`  // text below pages, mails and documents
	Help    string `json:"help,omitempty"`    // how to reach the account, in its own words
}

// StaffFactorRequired says whether everybody of staff has to sign in with more than a password.
type StaffFactorRequired struct {
	Required bool `json:"required"`
}

// StaffAdded gives a person of the account access to the staff side. The stream is
// the staff member's own ("staff-<id>"), the subject of its personal data the account.
type StaffAdded struct {
	Email event.Personal[string] `json:"email"`
	Name  event.Personal[string] `json:"name"`
	Role  StaffRole              `json:"role"`
}

// StaffRole says what staff may do.
type StaffRole string

// The staff roles.
const (
	StaffAdmin  StaffRole = "admin"  // everything
	StaffEditor StaffRole = "editor" // documents, contacts, comments, orders, payments
	StaffReader StaffRole = "reader" // look, not touch
)

// StaffRoleChanged sets what the person may do.
type StaffRoleChanged struct {
	Role StaffRole `json:"role"`
}

// StaffPasswordSet says that a staff password changed; the hash is in the vault.
type StaffPasswordSet struct{}

// StaffRemoved ends a person's access.
type StaffRemoved struct{}

// EventType implements event.Event.
func (Opened) EventType() string              { return "account.opened" }
func (DetailsChanged) EventType() string      { return "account.details_changed" }
func (TransferConfigured) EventType() string  { return "account.transfer_configured" }
func (GatewayEnabled) EventType() string      { return "account.gateway_enabled" }
func (GatewayDisabled) EventType() string     { return "account.gateway_disabled" }
func (BrandingChanged) EventType() string     { return "account.branding_changed" }
func (StaffFactorRequired) EventType() string { return "account.staff_factor_required" }
func (StaffAdded) EventType() string          { return "staff.added" }
func (StaffRoleChanged) EventType() string    { return "staff.role_changed" }
func (StaffPasswordSet) EventType() string    { return "staff.password_set" }
func (StaffRemoved) EventType() string        { return "staff.removed" }

// Register adds the package's events to the registry.
func Register(r *event.Registry) {
	event.Register[Opened](r)
	event.Register[DetailsChanged](r)
	event.Register[TransferConfigured](r)
	event.Register[GatewayEnabled](r)
	event.Register[GatewayDisabled](r)
	event.Register[BrandingChanged](r, same) // version 2 has more texts
	event.Register[StaffFactorRequired](r)
	event.Register[StaffAdded](r)
	event.Register[StaffRoleChanged](r)
	event.Register[StaffPasswordSet](r)
	event.Register[StaffRemoved](r)
	event.Register[APIKeyCreated](r)
	event.Register[APIKeyRevoked](r)
	event.Register[LogoSet](r)
	event.Register[LogoRemoved](r)
	event.Register[AdminListed](r)
	event.Register[AdminDelisted](r)
}

// same is the upcast to a version that only has more.
func same(data []byte) ([]byte, error) { return data, nil }

// APIKeyCreated gives a program of the account a key. Stream "apikey-<id>".
type APIKeyCreated struct {
	Name string `json:"name"`
}

// APIKeyRevoked ends the key.
type APIKeyRevoked struct{}

// EventType implements event.Event.
func (APIKeyCreated) EventType() string { return "apikey.created" }
func (APIKeyRevoked) EventType() string { return "apikey.revoked" }
