package projections

import (
	"slices"

	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/readmodels"
)

// Account keeps the account's settings and its staff.
func Account() *Projection {
	p := New("account", 1)
	onSettings(p, func(s *readmodels.Settings, e account.Opened) { setDetails(s, e) })
	onSettings(p, func(s *readmodels.Settings, e account.DetailsChanged) { setDetails(s, e.Opened) })
	onSettings(p, func(s *readmodels.Settings, e account.TransferConfigured) {
		s.IBAN, s.BIC, s.Beneficiary = e.IBAN, e.BIC, e.Beneficiary
	})
	onSettings(p, func(s *readmodels.Settings, e account.GatewayEnabled) {
		if !slices.Contains(s.Gateways, e.Gateway) {
			s.Gateways = append(s.Gateways, e.Gateway)
			slices.Sort(s.Gateways)
		}
	})
	onSettings(p, func(s *readmodels.Settings, e account.GatewayDisabled) {
		s.Gateways = slices.DeleteFunc(s.Gateways, func(g string) bool { return g == e.Gateway })
	})
	onSettings(p, func(s *readmodels.Settings, e account.BrandingChanged) {
		s.Colour, s.Welcome = e.Colour, e.Welcome
	})

	On(p, readmodels.Staff, ofAccountStream[account.StaffAdded],
		func(s *readmodels.StaffMember, _ bool, rec *event.Recorded, e account.StaffAdded) Action {
			*s = readmodels.StaffMember{
				ID: streamID(rec), Email: e.Email.Or(""), Name: e.Name.Or(""), Role: string(e.Role), AddedAt: rec.At(),
			}
			return Put
		})
	onFound(p, readmodels.Staff, ofAccountStream, func(s *readmodels.StaffMember, _ *event.Recorded, _ account.StaffPasswordSet) {
		s.HasPassword = true
	})
	remove(p, readmodels.Staff, ofAccountStream[account.StaffRemoved])
	return p
}

func onSettings[E event.Event](p *Projection, set func(*readmodels.Settings, E)) {
	On(p, readmodels.AccountSettings,
		func(rec *event.Recorded, _ E) []readmodels.Key { return OfAccount(rec, readmodels.SettingsID) },
		func(s *readmodels.Settings, _ bool, _ *event.Recorded, e E) Action {
			set(s, e)
			return Put
		})
}

func setDetails(s *readmodels.Settings, e account.Opened) {
	s.Name, s.TaxID, s.Address, s.Email, s.Phone = e.Name, e.TaxID, e.Address, e.Email, e.Phone
	s.Currency, s.Language, s.TimeZone = e.Currency, e.Language, e.TimeZone
}
