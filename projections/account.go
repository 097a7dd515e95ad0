package projections

import (
	"slices"

	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/readmodels"
)

// Account keeps the account's settings and its staff.
func Account() *Projection {
	p := New("account", 2)
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
		s.Colour, s.Welcome, s.Footer, s.Help = e.Colour, e.Welcome, e.Footer, e.Help
	})
	logoFolds(p)

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
	onFound(p, readmodels.Staff, ofAccountStream, func(s *readmodels.StaffMember, _ *event.Recorded, e account.StaffRoleChanged) {
		s.Role = string(e.Role)
	})
	remove(p, readmodels.Staff, ofAccountStream[account.StaffRemoved])

	On(p, readmodels.APIKeys, ofAccountStream[account.APIKeyCreated],
		func(k *readmodels.APIKey, _ bool, rec *event.Recorded, e account.APIKeyCreated) Action {
			*k = readmodels.APIKey{ID: streamID(rec), Name: e.Name, CreatedAt: rec.At()}
			return Put
		})
	onFound(p, readmodels.APIKeys, ofAccountStream, func(k *readmodels.APIKey, rec *event.Recorded, _ account.APIKeyRevoked) {
		at := rec.At()
		k.RevokedAt = &at
	})
	return p
}

func logoFolds(p *Projection) {
	onSettings(p, func(s *readmodels.Settings, e account.LogoSet) { s.Logo = logoOf(&e) })
	onSettings(p, func(s *readmodels.Settings, _ account.LogoRemoved) { s.Logo = nil })
	picture := func(rec *event.Recorded, _ account.LogoSet) []readmodels.Key {
		return OfAccount(rec, readmodels.SettingsID)
	}
	On(p, readmodels.LogoPictures, picture,
		func(l *readmodels.LogoPicture, _ bool, _ *event.Recorded, e account.LogoSet) Action {
			*l = readmodels.LogoPicture{Logo: *logoOf(&e), PNG: e.PNG}
			return Put
		})
	remove(p, readmodels.LogoPictures, func(rec *event.Recorded, _ account.LogoRemoved) []readmodels.Key {
		return OfAccount(rec, readmodels.SettingsID)
	})
}

func logoOf(e *account.LogoSet) *readmodels.Logo {
	return &readmodels.Logo{Hash: e.Hash, Width: e.Width, Height: e.Height}
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
