package staff

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

const rowsPerPage = 25

func (s *Staff) listContacts(w http.ResponseWriter, r *http.Request) error {
	m := memberOf(r)
	asked := r.URL.Query()
	q := readmodels.ContactQuery{Search: asked.Get("q"), After: asked.Get("after"), Limit: rowsPerPage}
	if has := asked.Get("access"); has == "0" || has == "1" {
		is := has == "1"
		q.Access = &is
	}
	list, err := readmodels.ListContacts(r.Context(), m.view, q)
	if err != nil {
		return err
	}
	view := templates.StaffContacts{Search: q.Search, Access: asked.Get("access"), Next: list.Next, Later: q.After != ""}
	if view.Total, err = readmodels.CountContacts(r.Context(), m.view, q); err != nil {
		return err
	}
	for i := range list.Items {
		view.Rows = append(view.Rows, list.Items[i].Row)
	}
	page, err := s.page(r, m, m.l.T("staff.contacts"))
	if err != nil {
		return err
	}
	return s.Show(w, r, http.StatusOK, templates.StaffContactsPage(page, view))
}

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
		Form: f, Open: open, May: m.may() && c.ErasedAt == nil,
	}
	if v.Logins, err = readmodels.ListLogins(r.Context(), view); err != nil {
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

// createLogin makes a login, with its password where one was typed.
func (s *Staff) createLogin(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, "login", "created", func(f templates.Form, req commands.Request, c readmodels.Contact) (commands.Receipt, error) {
		_, rcpt, err := s.Commands.CreateLogin(r.Context(), req, commands.CreateLogin{
			Contact: c.ID, Email: f.Value("email"), Name: f.Value("name"), Role: access.Role(f.Value("role")), Main: len(c.Access) == 0, Password: f.Value("password"),
		})
		return rcpt, err
	})
}

// loginOf returns the login that the path names, if it is the contact's.
func loginOf(r *http.Request, c readmodels.Contact) (id.ID, error) {
	for _, l := range c.Access {
		if string(l.ID) == chi.URLParam(r, "login") {
			return l.ID, nil
		}
	}
	return "", fault.New(fault.NotFound, "not_found")
}

func (s *Staff) setPassword(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, "password-"+chi.URLParam(r, "login"), "saved", func(f templates.Form, req commands.Request, c readmodels.Contact) (commands.Receipt, error) {
		login, err := loginOf(r, c)
		if err != nil {
			return commands.Receipt{}, err
		}
		return s.Commands.SetLoginPassword(r.Context(), req, commands.SetLoginPassword{Login: login, Password: f.Value("password")})
	})
}

func (s *Staff) removePassword(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, "", "removed", func(_ templates.Form, req commands.Request, c readmodels.Contact) (commands.Receipt, error) {
		login, err := loginOf(r, c)
		if err != nil {
			return commands.Receipt{}, err
		}
		return s.Commands.RemoveLoginPassword(r.Context(), req, commands.RemoveLoginPassword{Login: login})
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
