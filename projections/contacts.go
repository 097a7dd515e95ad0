package projections

import (
	"slices"

	"lonja/domain/access"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/readmodels"
)

// Contacts keeps contacts' records, logins and document links. Of an erased contact
// remains that it was.
func Contacts() *Projection {
	p := New("contacts", 2)
	EraseOn[contact.Erased](p)
	contactFolds(p)
	loginFolds(p)
	linkFolds(p)
	sightFolds(p)
	return p
}

func contactFolds(p *Projection) {
	On(p, readmodels.Contacts, contactRow[contact.Registered],
		func(c *readmodels.Contact, _ bool, rec *event.Recorded, e contact.Registered) Action {
			*c = readmodels.Contact{
				ID: rec.Meta.Contact, Client: e.Client, Supplier: e.Supplier, Language: e.Language, RegisteredAt: rec.At(),
			}
			setContact(c, e.Details.Or(contact.Details{}))
			return Put
		})
	On(p, readmodels.Contacts, contactRow[contact.Erased],
		func(c *readmodels.Contact, _ bool, rec *event.Recorded, _ contact.Erased) Action {
			at := rec.At()
			*c = readmodels.Contact{ID: rec.Meta.Contact, ErasedAt: &at}
			return Put
		})
	onContact(p, func(c *readmodels.Contact, e contact.DetailsChanged) { setContact(c, e.Details.Or(contact.Details{})) })
	onContact(p, func(c *readmodels.Contact, e contact.RolesChanged) { c.Client, c.Supplier = e.Client, e.Supplier })
	onContact(p, func(c *readmodels.Contact, e contact.LanguageChanged) { c.Language = e.Language })
	onContact(p, func(c *readmodels.Contact, e contact.CatalogueEnabled) { c.Catalogue, c.PriceList = true, e.PriceList })
	onContact(p, func(c *readmodels.Contact, _ contact.CatalogueDisabled) { c.Catalogue, c.PriceList = false, "" })
	onContact(p, func(c *readmodels.Contact, e contact.PaymentMethodsSet) {
		c.Methods = nil
		if e.Methods != nil {
			c.Methods = &e.Methods
		}
	})
	onContact(p, func(c *readmodels.Contact, e contact.TaxesSet) {
		c.Surcharge, c.Withholding = e.Surcharge, e.Withholding
	})
}

// onContact adds a fold of a contact's record that is there and not erased.
func onContact[E event.Event](p *Projection, set func(*readmodels.Contact, E)) {
	On(p, readmodels.Contacts, contactRow[E],
		func(c *readmodels.Contact, found bool, _ *event.Recorded, e E) Action {
			if !found || c.ErasedAt != nil {
				return Skip
			}
			set(c, e)
			return Put
		})
}

func contactRow[E event.Event](rec *event.Recorded, _ E) []readmodels.Key {
	return OfContact(rec, string(rec.Meta.Contact))
}

func setContact(c *readmodels.Contact, d contact.Details) {
	c.Name, c.TradeName, c.TaxID, c.Email = d.Name, d.TradeName, d.TaxID, d.Email
	c.Phone, c.Person, c.Address = d.Phone, d.Person, d.Address
}

func loginFolds(p *Projection) {
	On(p, readmodels.Logins, ofStream[access.LoginCreated],
		func(l *readmodels.Login, _ bool, rec *event.Recorded, e access.LoginCreated) Action {
			*l = readmodels.Login{
				ID: streamID(rec), Email: e.Email.Or(""), Name: e.Name.Or(""), Role: string(e.Role), Main: e.Main, CreatedAt: rec.At(),
			}
			return Put
		})
	onFound(p, readmodels.Logins, ofStream, func(l *readmodels.Login, rec *event.Recorded, _ access.PasswordSet) {
		at := rec.At()
		l.HasPassword, l.PasswordAt = true, &at
	})
	onFound(p, readmodels.Logins, ofStream, func(l *readmodels.Login, _ *event.Recorded, _ access.PasswordRemoved) {
		l.HasPassword, l.PasswordAt = false, nil
	})
	onFound(p, readmodels.Logins, ofStream, func(l *readmodels.Login, _ *event.Recorded, e access.RoleChanged) {
		l.Role = string(e.Role)
	})
	onFound(p, readmodels.Logins, ofStream, func(l *readmodels.Login, _ *event.Recorded, e access.LoginChanged) {
		l.Email, l.Name = e.Email.Or(""), e.Name.Or("")
	})
	remove(p, readmodels.Logins, ofStream[access.LoginRemoved])

	onAccess(p, func(list []readmodels.ContactLogin, rec *event.Recorded, e access.LoginCreated) []readmodels.ContactLogin {
		return append(list, readmodels.ContactLogin{ID: streamID(rec), Main: e.Main})
	})
	onAccess(p, setPassword[access.PasswordSet](true))
	onAccess(p, setPassword[access.PasswordRemoved](false))
	onAccess(p, func(list []readmodels.ContactLogin, rec *event.Recorded, _ access.LoginRemoved) []readmodels.ContactLogin {
		return slices.DeleteFunc(list, func(l readmodels.ContactLogin) bool { return l.ID == streamID(rec) })
	})
}

// onAccess adds a fold of the logins that a contact's record shows.
func onAccess[E event.Event](p *Projection, change func([]readmodels.ContactLogin, *event.Recorded, E) []readmodels.ContactLogin) {
	On(p, readmodels.Contacts, contactRow[E],
		func(c *readmodels.Contact, found bool, rec *event.Recorded, e E) Action {
			if !found || c.ErasedAt != nil {
				return Skip
			}
			c.Access = change(c.Access, rec, e)
			return Put
		})
}

func setPassword[E event.Event](has bool) func([]readmodels.ContactLogin, *event.Recorded, E) []readmodels.ContactLogin {
	return func(list []readmodels.ContactLogin, rec *event.Recorded, _ E) []readmodels.ContactLogin {
		for i := range list {
			if list[i].ID == streamID(rec) {
				list[i].HasPassword = has
			}
		}
		return list
	}
}

func linkFolds(p *Projection) {
	On(p, readmodels.Links, ofStream[access.LinkShared],
		func(l *readmodels.Link, _ bool, rec *event.Recorded, e access.LinkShared) Action {
			*l = readmodels.Link{
				ID: streamID(rec), Document: e.Document, Kind: e.Kind, SentTo: e.SentTo.Or(""), SharedAt: rec.At(),
				By: rec.Meta.Actor.Kind, ByID: rec.Meta.Actor.ID,
			}
			return Put
		})
	onFound(p, readmodels.Links, ofStream, func(l *readmodels.Link, rec *event.Recorded, _ access.LinkRevoked) {
		at := rec.At()
		l.RevokedAt = &at
	})
	onFound(p, readmodels.Links, ofStream, func(l *readmodels.Link, rec *event.Recorded, _ access.LinkClosed) {
		at := rec.At()
		l.ClosedAt = &at
	})
}
