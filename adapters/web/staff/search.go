package staff

import (
	"net/http"
	"net/url"
	"slices"

	"lonja/adapters/web/templates"
	"lonja/domain/document"
	"lonja/domain/id"
	"lonja/readmodels"
)

// contactsFound is how many contacts a search of documents offers by their names.
const contactsFound = 5

// listDocuments finds documents of all contacts, or of one, by number, title, kind,
// status and day, the newest first. What is searched for finds contacts by name too.
func (s *Staff) listDocuments(w http.ResponseWriter, r *http.Request) error {
	m := memberOf(r)
	asked := r.URL.Query()
	v := templates.StaffDocuments{Query: url.Values{}, Today: m.settings.Today(s.Now()), Later: asked.Get("after") != ""}
	for _, name := range []string{"q", "kind", "status", "from", "to", "contact", "owed", "overdue"} {
		if value := asked.Get(name); value != "" {
			v.Query.Set(name, value)
		}
	}
	q := documentQuery(asked, v.Today)
	view := m.view
	if contact := id.Contact(asked.Get("contact")); id.Valid(contact) {
		c, err := readmodels.GetContact(r.Context(), m.view.Of(contact))
		if err != nil {
			return err
		}
		v.Contact, view = &c, m.view.Of(contact)
	}
	list, err := readmodels.ListDocuments(r.Context(), view, q)
	if err != nil {
		return err
	}
	v.Next = list.Next
	if v.Total, err = readmodels.CountDocuments(r.Context(), view, q.DocumentFilter); err != nil {
		return err
	}
	if v.Rows, err = s.rows(r, names{m: m, known: map[id.Contact]string{}}, list); err != nil {
		return err
	}
	if q.Search != "" && v.Contact == nil && !v.Later {
		found, err := readmodels.ListContacts(r.Context(), m.view, readmodels.ContactQuery{Search: q.Search, Limit: contactsFound})
		if err != nil {
			return err
		}
		for i := range found.Items {
			v.Contacts = append(v.Contacts, found.Items[i].Row)
		}
	}
	page, err := s.page(r, m, m.l.T("kinds.all"))
	if err != nil {
		return err
	}
	return s.Show(w, r, http.StatusOK, templates.StaffDocumentsPage(page, v))
}

// documentQuery reads what a list of documents is asked for; what makes no sense is left out.
func documentQuery(asked url.Values, today document.Date) readmodels.DocumentQuery {
	day := func(name string) document.Date {
		if d := document.Date(asked.Get(name)); d.Valid() {
			return d
		}
		return ""
	}
	search := []rune(asked.Get("q"))
	q := readmodels.DocumentQuery{
		DocumentFilter: readmodels.DocumentFilter{
			Search: string(search[:min(len(search), 100)]), From: day("from"), To: day("to"), Owed: asked.Get("owed") != "",
		},
		Sort: readmodels.SortDate, Desc: true, After: asked.Get("after"), Limit: rowsPerPage,
	}
	if k := document.Kind(asked.Get("kind")); k.Known() {
		q.Kinds = []document.Kind{k}
	}
	if status := readmodels.Status(asked.Get("status")); slices.Contains(templates.StatusesOf(q.Kinds), status) {
		q.Statuses = []readmodels.Status{status}
	}
	if asked.Get("overdue") != "" {
		q.Owed, q.DueTo = true, today.AddDays(-1)
	}
	return q
}
