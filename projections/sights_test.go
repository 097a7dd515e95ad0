package projections_test

import (
	"strings"
	"testing"
	"time"

	"lonja/adapters/memory"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/viewing"
	"lonja/domain/vocabulary"
	"lonja/projections"
	"lonja/projections/projectiontest"
	"lonja/readmodels"
)

const (
	acme = id.Account("01J000000000000000000ACME0")
	ann  = id.Contact("01J0000000000000000000ANN0")
)

func stores() projectiontest.Stores {
	return projectiontest.Stores{
		Events: func() event.Store { return memory.NewEventLog(time.Now) },
		Reads:  func() readmodels.Store { return memory.NewReadStore() },
	}
}

// given a contact whose people and links saw documents
// then each sight is kept, with when the login was last and the link first used for one;
// and with the contact's data all of it is gone.
func TestWhatAContactSaw(t *testing.T) {
	t.Parallel()
	seen := func(viewer id.ID, link bool, form viewing.Form) viewing.DocumentViewed {
		return viewing.DocumentViewed{Document: "d", Kind: document.Invoice, Form: form, Viewer: viewer, Link: link}
	}
	happened := [][]projectiontest.Happened{
		projectiontest.In(acme, ann, "contact-"+string(ann), contact.Registered{Details: event.Seal(contact.Details{Name: "Ann"}), Client: true}),
		projectiontest.In(acme, ann, "login-l", access.LoginCreated{Email: event.Seal("ann@example.com"), Role: access.Full, Main: true},
			access.LoginChanged{Email: event.Seal("anna@example.com"), Name: event.Seal("Anna")}),
		projectiontest.In(acme, ann, "link-k", access.LinkShared{Document: "d", Kind: document.Invoice}),
		projectiontest.In(acme, ann, "viewing-d", seen("l", false, viewing.Page), seen("k", true, viewing.Page), seen("l", false, viewing.PDF), seen("gone", false, viewing.PDF)),
	}
	o := projectiontest.Given(t, stores(), vocabulary.Registry(), happened...).When(projections.Contacts)
	view := readmodels.For(o.Reads, acme, ann)
	sights := func(doc id.ID) []string {
		page, err := readmodels.ListSights(t.Context(), view, doc, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, i := range page.Items {
			out = append(out, string(i.Row.Viewer)+" "+i.Row.Form)
		}
		return out
	}
	if got := strings.Join(sights(""), ", "); got != "gone pdf, l pdf, k page, l page" {
		t.Errorf("the sights are %s", got)
	}
	if got := sights("d"); len(got) != 4 || len(sights("other")) != 0 {
		t.Errorf("of the document they are %v, of another %v", got, sights("other"))
	}
	l, _, err := readmodels.Get(t.Context(), view, readmodels.Logins, "l")
	if err != nil || l.ViewedAt == nil || l.Email != "anna@example.com" || l.Name != "Anna" {
		t.Errorf("the login is %+v, %v", l, err)
	}
	k, _, err := readmodels.Get(t.Context(), view, readmodels.Links, "k")
	if err != nil || k.ViewedAt == nil {
		t.Errorf("the link is %+v, %v", k, err)
	}

	gone := projectiontest.Given(t, stores(), vocabulary.Registry(), append(happened, projectiontest.In(acme, ann, "contact-"+string(ann), contact.Erased{}))...).When(projections.Contacts)
	page, err := readmodels.ListSights(t.Context(), readmodels.For(gone.Reads, acme, ann), "", "", 10)
	if err != nil || len(page.Items) != 0 {
		t.Errorf("after the erasure there are %d sights, %v", len(page.Items), err)
	}
}

// given an account with a logo, people and programs
// then its settings, and what is listed of it, are as they were set last.
func TestAnAccountsOwn(t *testing.T) {
	t.Parallel()
	logo := account.LogoSet{Hash: strings.Repeat("0", 64), Width: 3, Height: 2, PNG: []byte("png")}
	o := projectiontest.Given(t, stores(), vocabulary.Registry(),
		projectiontest.In(acme, "", "account-"+string(acme), account.Opened{Name: "Acme", Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid"},
			account.BrandingChanged{Colour: "#112233", Welcome: "Hola", Footer: "Pie", Help: "De 9 a 14"}),
		projectiontest.In(acme, "", "logo-"+string(acme), logo),
		projectiontest.In(acme, "", "staff-s", account.StaffAdded{Email: event.Seal("s@example.com"), Name: event.Seal("S"), Role: account.StaffReader}, account.StaffRoleChanged{Role: account.StaffAdmin}),
		projectiontest.In(acme, "", "apikey-a", account.APIKeyCreated{Name: "erp"}, account.APIKeyRevoked{}),
		projectiontest.In(acme, "", "apikey-b", account.APIKeyCreated{Name: "Botiga"}),
	).When(projections.Account)
	view := readmodels.ForStaff(o.Reads, acme)
	s, err := readmodels.GetSettings(t.Context(), view)
	if err != nil || s.Footer != "Pie" || s.Help != "De 9 a 14" || s.Logo == nil || s.Logo.Width != 3 {
		t.Errorf("the settings are %+v, %v", s, err)
	}
	picture, err := readmodels.GetLogo(t.Context(), view)
	if err != nil || string(picture.PNG) != "png" {
		t.Errorf("the logo is %+v, %v", picture, err)
	}
	people, err := readmodels.ListStaff(t.Context(), view)
	if err != nil || len(people) != 1 || people[0].Role != "admin" {
		t.Errorf("the people are %+v, %v", people, err)
	}
	keys, err := readmodels.ListAPIKeys(t.Context(), view)
	if err != nil || len(keys) != 2 || keys[0].Name != "Botiga" || keys[0].RevokedAt != nil || keys[1].RevokedAt == nil {
		t.Errorf("the keys are %+v, %v", keys, err)
	}
	gone := projectiontest.Given(t, stores(), vocabulary.Registry(), projectiontest.In(acme, "", "logo-"+string(acme), logo, account.LogoRemoved{})).When(projections.Account)
	projectiontest.ThenNone(gone, readmodels.LogoPictures, acme, "", readmodels.SettingsID)
}
