package contact

import (
	"slices"
	"strings"

	"github.com/govalues/decimal"
	"golang.org/x/text/language"

	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
)

// The kinds of identifier that IdentityClaimed names.
const (
	KindTaxID = "taxid"
	KindEmail = "email"
)

// FoldTaxID writes a tax id as it is compared: folded, and a Spanish one without the
// prefix that makes it a VAT identifier (ESB12345678 is B12345678).
func FoldTaxID(s string) string {
	s = id.Fold(s)
	if rest, ok := strings.CutPrefix(s, "ES"); ok && len(rest) == 9 {
		return rest
	}
	return s
}

// Clean returns the details trimmed, the email in lower case, and what is wrong with them.
func Clean(d Details) (Details, error) {
	for _, f := range []*string{&d.Name, &d.TradeName, &d.TaxID, &d.Email, &d.Phone, &d.Person} {
		*f = strings.TrimSpace(*f)
	}
	d.Email = strings.ToLower(d.Email)
	var bad []*fault.Fault
	if d.Name == "" {
		bad = append(bad, fault.Field("name", "text.missing"))
	}
	for _, f := range []struct {
		name, text string
		max        int
	}{{"name", d.Name, 300}, {"tradeName", d.TradeName, 300}, {"taxId", d.TaxID, 50}, {"email", d.Email, 254}, {"phone", d.Phone, 50}, {"person", d.Person, 200}} {
		if len([]rune(f.text)) > f.max {
			bad = append(bad, fault.Field(f.name, "text.too_long", fault.A("max", f.max)))
		}
	}
	if d.Email != "" && !strings.Contains(d.Email, "@") {
		bad = append(bad, fault.Field("email", "email.invalid"))
	}
	if f := fault.Join(bad...); f != nil {
		return d, f
	}
	return d, nil
}

// RegisterContact decides a new contact; d is Clean.
func RegisterContact(s State, d Details, client, supplier bool, lang string) ([]event.Event, error) {
	if s.Exists {
		return nil, nil
	}
	if err := checkLanguage(lang); err != nil {
		return nil, err
	}
	if !client && !supplier {
		return nil, fault.Field("client", "contact.role_missing")
	}
	return []event.Event{Registered{Details: event.Seal(d), Client: client, Supplier: supplier, Language: lang}}, nil
}

func active(s State) error {
	if !s.Active() {
		return fault.New(fault.NotFound, "not_found")
	}
	return nil
}

func checkLanguage(lang string) error {
	if lang == "" {
		return nil
	}
	if _, err := language.Parse(lang); err != nil {
		return fault.Field("language", "language.unknown", fault.A("language", lang))
	}
	return nil
}

// Change decides other details; d is Clean.
func Change(s State, d Details) ([]event.Event, error) {
	if err := active(s); err != nil {
		return nil, err
	}
	if d == s.Details {
		return nil, nil
	}
	return []event.Event{DetailsChanged{Details: event.Seal(d)}}, nil
}

// SetRoles decides what the contact is to the account.
func SetRoles(s State, client, supplier bool) ([]event.Event, error) {
	if err := active(s); err != nil {
		return nil, err
	}
	if !client && !supplier {
		return nil, fault.Field("client", "contact.role_missing")
	}
	if s.Client == client && s.Supplier == supplier {
		return nil, nil
	}
	return []event.Event{RolesChanged{Client: client, Supplier: supplier}}, nil
}

// SetLanguage decides the contact's language; empty is the account's.
func SetLanguage(s State, lang string) ([]event.Event, error) {
	if err := active(s); err != nil {
		return nil, err
	}
	if err := checkLanguage(lang); err != nil {
		return nil, err
	}
	if s.Language == lang {
		return nil, nil
	}
	return []event.Event{LanguageChanged{Language: lang}}, nil
}

// EnableCatalogue decides that the contact sees products, at a list's prices.
func EnableCatalogue(s State, list id.ID) ([]event.Event, error) {
	if err := active(s); err != nil {
		return nil, err
	}
	if s.Catalogue && s.PriceList == list {
		return nil, nil
	}
	return []event.Event{CatalogueEnabled{PriceList: list}}, nil
}

// DisableCatalogue decides that it no longer does.
func DisableCatalogue(s State) ([]event.Event, error) {
	if err := active(s); err != nil {
		return nil, err
	}
	if !s.Catalogue {
		return nil, nil
	}
	return []event.Event{CatalogueDisabled{}}, nil
}

// SetPaymentMethods decides by which of the known methods the contact may pay; nil is all.
func SetPaymentMethods(s State, methods, known []string) ([]event.Event, error) {
	if err := active(s); err != nil {
		return nil, err
	}
	if methods != nil {
		methods = slices.Compact(slices.Sorted(slices.Values(methods)))
		if methods == nil {
			methods = []string{}
		}
	}
	for _, m := range methods {
		if !slices.Contains(known, m) {
			return nil, fault.Field("methods", "payment.method_unknown", fault.A("method", m))
		}
	}
	if (s.Methods == nil) == (methods == nil) && slices.Equal(s.Methods, methods) {
		return nil, nil
	}
	return []event.Event{PaymentMethodsSet{Methods: methods}}, nil
}

// SetTaxes decides which taxes an order of the contact bears; withholding is a percent of 0 to 100.
func SetTaxes(s State, surcharge bool, withholding money.Decimal) ([]event.Event, error) {
	if err := active(s); err != nil {
		return nil, err
	}
	if withholding.IsNeg() || withholding.Cmp(decimal.MustNew(100, 0)) > 0 {
		return nil, fault.Field("withholding", "percent.invalid")
	}
	if s.Surcharge == surcharge && s.Withholding.Equal(withholding) {
		return nil, nil
	}
	return []event.Event{TaxesSet{Surcharge: surcharge, Withholding: withholding}}, nil
}

// Erase decides that the contact's personal data goes.
func Erase(s State) ([]event.Event, error) {
	if !s.Exists {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	if s.Erased {
		return nil, nil
	}
	return []event.Event{Erased{}}, nil
}

// ClaimIdentity decides that an identifier is the contact's, where it is free.
func ClaimIdentity(s Claim, kind string, contact id.Contact) ([]event.Event, error) {
	if s.Contact != "" {
		return nil, nil
	}
	return []event.Event{IdentityClaimed{Kind: kind, Contact: contact}}, nil
}

// TakeIdentityOver decides that an identifier goes from a contact that no longer has it to another.
func TakeIdentityOver(s Claim, kind string, from, to id.Contact) ([]event.Event, error) {
	if s.Contact != from {
		return ClaimIdentity(s, kind, to)
	}
	return []event.Event{IdentityReleased{Contact: from}, IdentityClaimed{Kind: kind, Contact: to}}, nil
}

// ReleaseIdentity decides that it is the contact's no longer.
func ReleaseIdentity(s Claim, contact id.Contact) ([]event.Event, error) {
	if s.Contact != contact {
		return nil, nil
	}
	return []event.Event{IdentityReleased{Contact: contact}}, nil
}
