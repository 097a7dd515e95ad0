package staff

import (
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/invitation"
	"lonja/readmodels"
)

// What the pages list by name at most.
const (
	namedInvited = 12
	namedLeftOut = 100
)

// chosen returns the contacts that staff ticked, or all that match what they asked for.
func (s *Staff) chosen(r *http.Request, asked url.Values) ([]readmodels.Contact, error) {
	m := memberOf(r)
	if asked.Get("all") == "" {
		var out []readmodels.Contact
		for _, one := range asked["contact"] {
			c, err := readmodels.GetContact(r.Context(), m.view.Of(id.Contact(one)))
			if err != nil {
				return nil, err
			}
			out = append(out, c)
		}
		return out, nil
	}
	q := readmodels.ContactQuery{Search: asked.Get("q"), Limit: 500}
	if has := asked.Get("access"); has == "0" || has == "1" {
		is := has == "1"
		q.Access = &is
	}
	var out []readmodels.Contact
	for {
		list, err := readmodels.ListContacts(r.Context(), m.view, q)
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			if c := list.Items[i].Row; c.ErasedAt == nil {
				out = append(out, c)
			}
		}
		if q.After = list.Next; q.After == "" || len(out) > invitation.Most {
			return out, nil
		}
	}
}

// askInvitations is the question before many are invited.
func (s *Staff) askInvitations(w http.ResponseWriter, r *http.Request) error {
	return s.invitePage(w, r, r.URL.Query(), s.NewForm(), http.StatusOK)
}

func (s *Staff) invitePage(w http.ResponseWriter, r *http.Request, asked url.Values, f templates.Form, status int) error {
	m := memberOf(r)
	if !m.may() {
		return fault.New(fault.Forbidden, "access.role", fault.A("need", "editor"))
	}
	all, err := s.chosen(r, asked)
	if err != nil {
		return err
	}
	v := templates.StaffInvite{Form: f, All: asked.Get("all") != "", Search: asked.Get("q"), Access: asked.Get("access"), Total: len(all)}
	for _, c := range all {
		if !v.All {
			v.Contacts = append(v.Contacts, c.ID)
		}
		if len(v.Names) < namedInvited && c.Name != "" {
			v.Names = append(v.Names, c.Name)
		}
		if c.Email == "" && len(c.Access) == 0 {
			v.Missing++
			if len(v.Without) < namedInvited {
				v.Without = append(v.Without, c)
			}
		}
	}
	v.More = len(all) - len(v.Names)
	page, err := s.page(r, m, m.l.T("invite.title"))
	if err != nil {
		return err
	}
	page.Here = "/staff/contacts"
	return s.Show(w, r, status, templates.StaffInvitePage(page, v))
}

func (s *Staff) startInvitations(w http.ResponseWriter, r *http.Request) error {
	f, err := s.ParseForm(w, r)
	if err != nil {
		return err
	}
	all, err := s.chosen(r, f.Values)
	if err != nil {
		return err
	}
	var ids []id.Contact
	for _, c := range all {
		ids = append(ids, c.ID)
	}
	batch, rcpt, err := s.Commands.StartInvitations(r.Context(), s.request(r, f, memberOf(r)), commands.StartInvitations{Contacts: ids})
	if why, ok := fault.As(err); ok && why.Kind == fault.Invalid {
		f.Refused = why
		return s.invitePage(w, r, f.Values, f, edge.Status(why.Kind))
	}
	if err != nil {
		return err
	}
	s.Redirect(w, r, "/staff/invitations/"+string(batch), rcpt.Position, "")
	return nil
}

// showInvitations is how far an invitation of many has come. The page asks again by
// itself until all is done.
func (s *Staff) showInvitations(w http.ResponseWriter, r *http.Request) error {
	m := memberOf(r)
	batch := id.ID(chi.URLParam(r, "batch"))
	state, err := s.Commands.Invitations(r.Context(), s.request(r, s.NewForm(), m), batch)
	if err != nil {
		return err
	}
	v := templates.StaffInvitations{Batch: batch, Total: len(state.Contacts), Looked: len(state.Results)}
	if v.Mails, err = readmodels.CountBatch(r.Context(), m.view, batch); err != nil {
		return err
	}
	n := names{m: m, known: map[id.Contact]string{}}
	for _, one := range state.Results {
		if one.Outcome == invitation.Invited {
			continue
		}
		if len(v.LeftOut) == namedLeftOut {
			v.More++
			continue
		}
		name, err := n.of(r.Context(), one.Contact)
		if err != nil {
			return err
		}
		v.LeftOut = append(v.LeftOut, templates.LeftOut{Contact: one.Contact, Name: name, Outcome: one.Outcome})
	}
	v.Invited = state.Count(invitation.Invited)
	page, err := s.page(r, m, m.l.T("invite.title"))
	if err != nil {
		return err
	}
	if !v.Finished() {
		page.Refresh = 2
	}
	return s.Show(w, r, http.StatusOK, templates.StaffInvitationsPage(page, v))
}
