package contact

import (
	"slices"

	"lonja/domain/decider"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
)

// State is a contact, folded.
type State struct {
	Exists      bool
	Erased      bool
	Details     Details  // zero once erased
	TaxIDs      []string // every tax id it ever had, the present one last
	Emails      []string // every main email it ever had, the present one last
	Client      bool
	Supplier    bool
	Language    string
	Catalogue   bool
	PriceList   id.ID
	Methods     []string // nil: all of the account's
	Surcharge   bool
	Withholding money.Decimal
}

// Active reports whether the contact can be dealt with.
func (s State) Active() bool { return s.Exists && !s.Erased }

// MayPayBy reports whether the contact is allowed a method that the account offers.
func (s State) MayPayBy(method string) bool {
	return s.Methods == nil || slices.Contains(s.Methods, method)
}

// Decider folds "contact-<id>".
func Decider() decider.Decider[State] {
	return decider.Decider[State]{
		Category: "contact",
		Initial:  func() State { return State{} },
		Evolve: func(s State, e event.Event) State {
			switch e := e.(type) {
			case Registered:
				s.Exists, s.Client, s.Supplier, s.Language = true, e.Client, e.Supplier, e.Language
				s = s.withDetails(e.Details)
			case DetailsChanged:
				s = s.withDetails(e.Details)
			case RolesChanged:
				s.Client, s.Supplier = e.Client, e.Supplier
			case LanguageChanged:
				s.Language = e.Language
			case CatalogueEnabled:
				s.Catalogue, s.PriceList = true, e.PriceList
			case CatalogueDisabled:
				s.Catalogue, s.PriceList = false, ""
			case PaymentMethodsSet:
				s.Methods = e.Methods
			case TaxesSet:
				s.Surcharge, s.Withholding = e.Surcharge, e.Withholding
			case Erased:
				s.Erased, s.Details, s.TaxIDs, s.Emails = true, Details{}, nil, nil
			}
			return s
		},
	}
}

func (s State) withDetails(p event.Personal[Details]) State {
	s.Details = p.Or(Details{})
	s.TaxIDs = latest(s.TaxIDs, s.Details.TaxID)
	s.Emails = latest(s.Emails, s.Details.Email)
	return s
}

// latest returns the list with the value at its end, once.
func latest(list []string, v string) []string {
	out := slices.DeleteFunc(slices.Clone(list), func(x string) bool { return x == v })
	return append(out, v)
}

// Claim is whose an identifier is, folded.
type Claim struct {
	Contact id.Contact // empty: nobody's
}

// ClaimDecider folds "identity-<hash>".
func ClaimDecider() decider.Decider[Claim] {
	return decider.Decider[Claim]{
		Category: "identity",
		Initial:  func() Claim { return Claim{} },
		Evolve: func(s Claim, e event.Event) Claim {
			switch e := e.(type) {
			case IdentityClaimed:
				s.Contact = e.Contact
			case IdentityReleased:
				s.Contact = ""
			}
			return s
		},
	}
}
