package account

import (
	"slices"

	"lonja/domain/decider"
	"lonja/domain/event"
	"lonja/domain/factor"
)

// State is an account, folded.
type State struct {
	Exists   bool
	Details  Opened
	Transfer TransferConfigured // IBAN is empty where transfers are not offered
	Gateways []string           // enabled, in alphabetical order
	Branding BrandingChanged
	// StaffFactor says that staff sign in with more than a password.
	StaffFactor bool
}

// TransferMethod is the payment method "bank transfer".
const TransferMethod = "transfer"

// Offers reports whether the account takes payments by the method.
func (s State) Offers(method string) bool {
	if method == TransferMethod {
		return s.Transfer.IBAN != ""
	}
	return slices.Contains(s.Gateways, method)
}

// Methods lists the payment methods that the account offers, gateways first.
func (s State) Methods() []string {
	m := slices.Clone(s.Gateways)
	if s.Transfer.IBAN != "" {
		m = append(m, TransferMethod)
	}
	return m
}

// Decider folds "account-<id>".
func Decider() decider.Decider[State] {
	return decider.Decider[State]{
		Category: "account",
		Initial:  func() State { return State{} },
		Evolve: func(s State, e event.Event) State {
			switch e := e.(type) {
			case Opened:
				s.Exists, s.Details = true, e
			case DetailsChanged:
				s.Details = e.Opened
			case TransferConfigured:
				s.Transfer = e
			case GatewayEnabled:
				s.Gateways = append(slices.Clone(s.Gateways), e.Gateway)
				slices.Sort(s.Gateways)
				s.Gateways = slices.Compact(s.Gateways)
			case GatewayDisabled:
				s.Gateways = slices.DeleteFunc(slices.Clone(s.Gateways), func(g string) bool { return g == e.Gateway })
			case BrandingChanged:
				s.Branding = e
			case StaffFactorRequired:
				s.StaffFactor = e.Required
			}
			return s
		},
	}
}

// Member is a person of the account's staff, folded.
type Member struct {
	Exists      bool
	Removed     bool
	Email       string
	Name        string
	Role        StaffRole
	HasPassword bool
	Factors     factor.State
}

// Active reports whether the person may act at all.
func (m Member) Active() bool { return m.Exists && !m.Removed }

// StaffDecider folds "staff-<id>".
func StaffDecider() decider.Decider[Member] {
	return decider.Decider[Member]{
		Category: "staff",
		Initial:  func() Member { return Member{} },
		Evolve: func(s Member, e event.Event) Member {
			switch e := e.(type) {
			case StaffAdded:
				s.Exists, s.Role = true, e.Role
				s.Email, s.Name = e.Email.Or(""), e.Name.Or("")
			case StaffRoleChanged:
				s.Role = e.Role
			case StaffPasswordSet:
				s.HasPassword = true
			case StaffRemoved:
				s.Removed, s.HasPassword, s.Factors = true, false, factor.State{}
			default:
				s.Factors = factor.Evolve(s.Factors, e)
			}
			return s
		},
	}
}

// Key is a program's key, folded.
type Key struct {
	Exists, Revoked bool
	Name            string
}

// KeyDecider folds "apikey-<id>".
func KeyDecider() decider.Decider[Key] {
	return decider.Decider[Key]{
		Category: "apikey",
		Initial:  func() Key { return Key{} },
		Evolve: func(s Key, e event.Event) Key {
			switch e := e.(type) {
			case APIKeyCreated:
				s.Exists, s.Name = true, e.Name
			case APIKeyRevoked:
				s.Revoked = true
			}
			return s
		},
	}
}
