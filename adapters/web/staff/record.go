package staff

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/govalues/decimal"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// contact returns the contact that the path names.
func (s *Staff) contact(r *http.Request) (readmodels.Contact, readmodels.View, error) {
	contact := id.Contact(chi.URLParam(r, "contact"))
	if !id.Valid(contact) {
		return readmodels.Contact{}, readmodels.View{}, fault.New(fault.NotFound, "not_found")
	}
	view := memberOf(r).view.Of(contact)
	c, err := readmodels.GetContact(r.Context(), view)
	return c, view, err
}

// recordRoutes adds the page of a contact's record and its acts, below the contact's path.
func (s *Staff) recordRoutes(r chi.Router) {
	r.Post("/details", s.Handle(s.changeDetails))
	r.Post("/roles", s.Handle(s.setRoles))
	r.Post("/taxes", s.Handle(s.setTaxes))
	r.Post("/catalogue", s.Handle(s.setCatalogue))
	r.Post("/methods", s.Handle(s.setMethods))
	r.Post("/erase", s.Handle(s.erase))
	r.Post("/look", s.Handle(s.startLook))
	r.Post("/links/{link}/revoke", s.Handle(s.revokeLink))
	r.Post("/invite", s.Handle(s.invite))
	r.Post("/logins", s.Handle(s.createLogin))
	r.Post("/logins/{login}/details", s.Handle(s.changeLogin))
	r.Post("/logins/{login}/remove", s.Handle(s.removeLogin))
	r.Post("/logins/{login}/password", s.Handle(s.setPassword))
	r.Post("/logins/{login}/remove-password", s.Handle(s.removePassword))
}

func (s *Staff) showContact(w http.ResponseWriter, r *http.Request) error {
	return s.contactPage(w, r, s.NewForm(), "", http.StatusOK)
}

// contactPage shows a contact's record; f is the form of the act open, where it was refused.
func (s *Staff) contactPage(w http.ResponseWriter, r *http.Request, f templates.Form, open string, status int) error {
	m := memberOf(r)
	c, view, err := s.contact(r)
	if err != nil {
		return err
	}
	v := templates.StaffContact{
		Contact: c, Base: "/staff/contacts/" + string(c.ID), Methods: m.settings.Methods(), Today: m.settings.Today(s.Now()),
		Form: f, Open: open, May: m.may() && c.ErasedAt == nil, Governs: m.governs() && c.ErasedAt == nil,
	}
	if v.People, err = s.people(r, view); err != nil {
		return err
	}
	if v.Sights, err = s.sights(r, m, view); err != nil {
		return err
	}
	links, err := readmodels.ListLinks(r.Context(), view, "", "", rowsPerPage)
	if err != nil {
		return err
	}
	for i := range links.Items {
		one := links.Items[i].Row
		v.Links = append(v.Links, templates.StaffLink{Link: one, Ended: !s.Now().Before(one.ExpiresAt())})
	}
	docs, err := readmodels.ListDocuments(r.Context(), view, readmodels.DocumentQuery{Sort: readmodels.SortDate, Desc: true, Limit: rowsPerPage})
	if err != nil {
		return err
	}
	for i := range docs.Items {
		v.Documents = append(v.Documents, docs.Items[i].Row)
	}
	if v.Mails, err = s.mailsAbout(r, view, "", v.Base); err != nil {
		return err
	}
	if v.Lists, err = readmodels.ListPriceLists(r.Context(), view); err != nil {
		return err
	}
	if v.Passphrase, err = access.GeneratePassphrase(s.Random); err != nil {
		return err
	}
	title := c.Name
	if title == "" {
		title = m.l.T("comment.erased")
	}
	page, err := s.page(r, m, title)
	if err != nil {
		return err
	}
	page.Here = v.Base
	return s.Show(w, r, status, templates.StaffContactPage(page, v))
}

// act runs an act on a contact's record and shows the record again.
func (s *Staff) act(w http.ResponseWriter, r *http.Request, open, notice string,
	do func(f templates.Form, req commands.Request, c readmodels.Contact) (commands.Receipt, error),
) error {
	f, err := s.ParseForm(w, r)
	if err != nil {
		return err
	}
	c, _, err := s.contact(r)
	if err != nil {
		return err
	}
	rcpt, err := do(f, s.request(r, f, memberOf(r)), c)
	if why, ok := fault.As(err); ok && (why.Kind == fault.Invalid || why.Kind == fault.Conflict) {
		f.Refused = why
		return s.contactPage(w, r, f, open, edge.Status(why.Kind))
	}
	if err != nil {
		return err
	}
	s.Redirect(w, r, "/staff/contacts/"+string(c.ID), rcpt.Position, notice)
	return nil
}

// people are who signs in for a contact, and when each was last there: by a session that
// goes on, or by a document that they saw.
func (s *Staff) people(r *http.Request, view readmodels.View) ([]templates.StaffPerson, error) {
	logins, err := readmodels.ListLogins(r.Context(), view)
	if err != nil {
		return nil, err
	}
	people := make([]templates.StaffPerson, len(logins))
	for i, l := range logins {
		people[i] = templates.StaffPerson{Login: l, SeenAt: l.ViewedAt}
		sessions, err := s.Commands.Vault.ListSessions(r.Context(), s.Account, event.Actor{Kind: event.ActorLogin, ID: string(l.ID)}, s.Now())
		if err != nil {
			return nil, err
		}
		for _, one := range sessions {
			if people[i].SeenAt == nil || one.Seen.After(*people[i].SeenAt) {
				people[i].SeenAt = &one.Seen
			}
		}
	}
	return people, nil
}

// sights are what the contact saw last.
func (s *Staff) sights(r *http.Request, m *member, view readmodels.View) ([]templates.StaffSight, error) {
	page, err := readmodels.ListSights(r.Context(), view, "", "", rowsPerPage)
	if err != nil {
		return nil, err
	}
	seen := make([]readmodels.Activity, len(page.Items))
	for i := range page.Items {
		seen[i] = page.Items[i].Row.Activity()
	}
	names, err := readmodels.ActorNames(r.Context(), view, seen)
	if err != nil {
		return nil, err
	}
	out := make([]templates.StaffSight, len(seen))
	for i := range seen {
		out[i] = templates.StaffSight{Sight: page.Items[i].Row, Who: names[seen[i].ActorID]}
		if seen[i].Actor == event.ActorLink {
			out[i].Who = m.l.T("actor.link")
		}
		d, _, err := readmodels.Get(r.Context(), view, readmodels.Documents, string(seen[i].Document))
		if err != nil {
			return nil, err
		}
		out[i].Number = d.Number
	}
	return out, nil
}

// part is the request of one of several commands that a form stands for.
func part(req commands.Request, name string) commands.Request {
	req.Command = id.Derive("part", req.Command.String(), name)
	return req
}

func (s *Staff) changeDetails(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, "details", "saved", func(f templates.Form, req commands.Request, c readmodels.Contact) (commands.Receipt, error) {
		return s.Commands.ChangeContact(r.Context(), req, commands.ChangeContact{Contact: c.ID, Details: detailsOf(f)})
	})
}

// setRoles sets what the contact is to the account, and its language.
func (s *Staff) setRoles(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, "roles", "saved", func(f templates.Form, req commands.Request, c readmodels.Contact) (commands.Receipt, error) {
		rcpt, err := s.Commands.SetContactRoles(r.Context(), part(req, "roles"), commands.SetContactRoles{
			Contact: c.ID, Client: f.Value("client") != "", Supplier: f.Value("supplier") != "",
		})
		if err != nil {
			return rcpt, err
		}
		return s.Commands.SetContactLanguage(r.Context(), part(req, "language"), commands.SetContactLanguage{Contact: c.ID, Language: f.Value("language")})
	})
}

// setTaxes sets which taxes an order of the contact bears.
func (s *Staff) setTaxes(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, "taxes", "saved", func(f templates.Form, req commands.Request, c readmodels.Contact) (commands.Receipt, error) {
		percent := strings.Replace(cmp.Or(strings.TrimSpace(f.Value("withholding")), "0"), ",", ".", 1)
		withholding, err := decimal.Parse(percent)
		if err != nil {
			return commands.Receipt{}, fault.Field("withholding", "percent.invalid")
		}
		return s.Commands.SetContactTaxes(r.Context(), req, commands.SetContactTaxes{Contact: c.ID, Surcharge: f.Value("surcharge") != "", Withholding: withholding})
	})
}

// erase erases the contact for good, once its name was typed.
func (s *Staff) erase(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, "erase", "erased", func(f templates.Form, req commands.Request, c readmodels.Contact) (commands.Receipt, error) {
		if c.Name == "" || strings.TrimSpace(f.Value("confirm")) != c.Name {
			return commands.Receipt{}, fault.Field("confirm", "erase.name_differs")
		}
		return s.Commands.EraseContact(r.Context(), req, commands.EraseContact{Contact: c.ID})
	})
}

func (s *Staff) setCatalogue(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, "catalogue", "saved", func(f templates.Form, req commands.Request, c readmodels.Contact) (commands.Receipt, error) {
		if f.Value("enabled") == "0" {
			return s.Commands.DisableCatalogue(r.Context(), req, commands.DisableCatalogue{Contact: c.ID})
		}
		return s.Commands.EnableCatalogue(r.Context(), req, commands.EnableCatalogue{Contact: c.ID, PriceList: id.ID(f.Value("list"))})
	})
}

// setMethods keeps "all" as all: a method that the account offers later is offered too.
func (s *Staff) setMethods(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, "methods", "saved", func(f templates.Form, req commands.Request, c readmodels.Contact) (commands.Receipt, error) {
		methods := append([]string{}, f.Values["method"]...)
		if len(methods) == len(memberOf(r).settings.Methods()) {
			methods = nil
		}
		return s.Commands.SetPaymentMethods(r.Context(), req, commands.SetPaymentMethods{Contact: c.ID, Methods: methods})
	})
}

func (s *Staff) revokeLink(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, "", "revoked", func(_ templates.Form, req commands.Request, c readmodels.Contact) (commands.Receipt, error) {
		req.Contact = c.ID // a link of another contact than the page's is not found
		return s.Commands.RevokeLink(r.Context(), req, commands.RevokeLink{Link: id.ID(chi.URLParam(r, "link"))})
	})
}
