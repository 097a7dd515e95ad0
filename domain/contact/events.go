package contact

import (
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
)

// Details are a contact's record. All of it is personal data.
type Details struct {
	Name      string           `json:"name"`
	TradeName string           `json:"tradeName,omitempty"`
	TaxID     string           `json:"taxId,omitempty"`
	Email     string           `json:"email,omitempty"` // the main email
	Phone     string           `json:"phone,omitempty"`
	Person    string           `json:"person,omitempty"`
	Address   document.Address `json:"address,omitzero"`
}

// Registered starts a contact's record.
type Registered struct {
	Details  event.Personal[Details] `json:"details"`
	Client   bool                    `json:"client"`
	Supplier bool                    `json:"supplier"`
	Language string                  `json:"language,omitempty"` // BCP 47; empty: the account's
}

// DetailsChanged replaces the details.
type DetailsChanged struct {
	Details event.Personal[Details] `json:"details"`
}

// RolesChanged says what the contact is to the account.
type RolesChanged struct {
	Client   bool `json:"client"`
	Supplier bool `json:"supplier"`
}

// LanguageChanged sets the contact's language.
type LanguageChanged struct {
	Language string `json:"language"`
}

// CatalogueEnabled lets the contact see products and place orders.
type CatalogueEnabled struct {
	PriceList id.ID `json:"priceList,omitempty"` // empty: base prices
}

// CatalogueDisabled ends that.
type CatalogueDisabled struct{}

// PaymentMethodsSet names the methods the contact may pay by ("transfer", "sandbox"); nil means all of the account's.
type PaymentMethodsSet struct {
	Methods []string `json:"methods"`
}

// TaxesSet says which taxes Lonja applies where it prices an order for the contact.
type TaxesSet struct {
	Surcharge   bool          `json:"surcharge"`            // recargo de equivalencia
	Withholding money.Decimal `json:"withholding,omitzero"` // IRPF percent
}

// Erased says that the contact's personal data was erased: its key is gone.
type Erased struct{}

// IdentityClaimed reserves an identifier (a blinded tax id or email) for one contact:
// the stream "identity-<hash>" is the uniqueness.
type IdentityClaimed struct {
	Kind    string     `json:"kind"` // "taxid", "email"
	Contact id.Contact `json:"contact"`
}

// IdentityReleased frees it.
type IdentityReleased struct {
	Contact id.Contact `json:"contact"`
}

// EventType implements event.Event.
func (Registered) EventType() string        { return "contact.registered" }
func (DetailsChanged) EventType() string    { return "contact.details_changed" }
func (RolesChanged) EventType() string      { return "contact.roles_changed" }
func (LanguageChanged) EventType() string   { return "contact.language_changed" }
func (CatalogueEnabled) EventType() string  { return "contact.catalogue_enabled" }
func (CatalogueDisabled) EventType() string { return "contact.catalogue_disabled" }
func (PaymentMethodsSet) EventType() string { return "contact.payment_methods_set" }
func (TaxesSet) EventType() string          { return "contact.taxes_set" }
func (Erased) EventType() string            { return "contact.erased" }
func (IdentityClaimed) EventType() string   { return "identity.claimed" }
func (IdentityReleased) EventType() string  { return "identity.released" }

// Register adds the package's events to the registry.
func Register(r *event.Registry) {
	event.Register[Registered](r)
	event.Register[DetailsChanged](r)
	event.Register[RolesChanged](r)
	event.Register[LanguageChanged](r)
	event.Register[CatalogueEnabled](r)
	event.Register[CatalogueDisabled](r)
	event.Register[PaymentMethodsSet](r)
	event.Register[TaxesSet](r)
	event.Register[Erased](r)
	event.Register[IdentityClaimed](r)
	event.Register[IdentityReleased](r)
}
