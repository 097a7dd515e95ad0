package staff

import (
	"net/http"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/fault"
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
	view := templates.StaffContacts{Search: q.Search, Access: asked.Get("access"), Next: list.Next, Later: q.After != "", May: m.may()}
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

func (s *Staff) showRegister(w http.ResponseWriter, r *http.Request) error {
	if !memberOf(r).may() {
		return fault.New(fault.Forbidden, "access.role", fault.A("need", "editor"))
	}
	return s.registerPage(w, r, s.NewForm(), http.StatusOK)
}

func (s *Staff) registerPage(w http.ResponseWriter, r *http.Request, f templates.Form, status int) error {
	m := memberOf(r)
	page, err := s.page(r, m, m.l.T("contact.new"))
	if err != nil {
		return err
	}
	page.Here = "/staff/contacts/new"
	return s.Show(w, r, status, templates.StaffRegisterPage(page, f))
}

// register starts a contact's record by hand.
func (s *Staff) register(w http.ResponseWriter, r *http.Request) error {
	f, err := s.ParseForm(w, r)
	if err != nil {
		return err
	}
	who, rcpt, err := s.Commands.RegisterContact(r.Context(), s.request(r, f, memberOf(r)), commands.RegisterContact{
		Details: detailsOf(f), Client: f.Value("client") != "", Supplier: f.Value("supplier") != "", Language: f.Value("language"),
	})
	if why, ok := fault.As(err); ok && (why.Kind == fault.Invalid || why.Kind == fault.Conflict) {
		f.Refused = why
		return s.registerPage(w, r, f, edge.Status(why.Kind))
	}
	if err != nil {
		return err
	}
	s.Redirect(w, r, "/staff/contacts/"+string(who), rcpt.Position, "created")
	return nil
}

// detailsOf is a contact's record as it was typed.
func detailsOf(f templates.Form) contact.Details {
	return contact.Details{
		Name: f.Value("name"), TradeName: f.Value("tradeName"), TaxID: f.Value("taxId"), Email: f.Value("email"), Phone: f.Value("phone"), Person: f.Value("person"),
		Address: addressOf(f),
	}
}

func addressOf(f templates.Form) document.Address {
	return document.Address{
		Street: f.Value("street"), Street2: f.Value("street2"), City: f.Value("city"), PostCode: f.Value("postCode"), Region: f.Value("region"), Country: f.Value("country"),
	}
}
