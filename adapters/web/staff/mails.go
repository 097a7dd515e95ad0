package staff

import (
	"context"
	"net/http"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// mailRoutes adds what was mailed, and invitations of many.
func (s *Staff) mailRoutes(r chi.Router) {
	r.Get("/staff/mails", s.Handle(s.listMails))
	r.Post("/staff/mails/{mail}/retry", s.Handle(s.retryMail))
	r.Post("/staff/mails/{mail}/give-up", s.Handle(s.giveUpMail))
	r.Get("/staff/invitations/new", s.Handle(s.askInvitations))
	r.Post("/staff/invitations", s.Handle(s.startInvitations))
	r.Get("/staff/invitations/{batch}", s.Handle(s.showInvitations))
}

// listMails is what was mailed, newest first, or what was tried in vain.
func (s *Staff) listMails(w http.ResponseWriter, r *http.Request) error {
	m := memberOf(r)
	asked := r.URL.Query()
	q := readmodels.MailQuery{Failing: asked.Get("failing") != "", After: asked.Get("after"), Limit: rowsPerPage}
	list, err := readmodels.ListMails(r.Context(), m.view, q)
	if err != nil {
		return err
	}
	v := templates.StaffMails{Only: q.Failing, Command: s.NewForm().Command, May: m.may(), Next: list.Next, Later: q.After != ""}
	if v.Failing, err = readmodels.CountFailingMails(r.Context(), m.view); err != nil {
		return err
	}
	if v.Rows, err = s.mails(r.Context(), m, list.Items); err != nil {
		return err
	}
	page, err := s.page(r, m, m.l.T("mails.title"))
	if err != nil {
		return err
	}
	return s.Show(w, r, http.StatusOK, templates.StaffMailsPage(page, v))
}

// mails completes mails with whose they are, and the numbers of their documents.
func (s *Staff) mails(ctx context.Context, m *member, items []readmodels.Item[readmodels.Mail]) ([]templates.StaffMail, error) {
	n := names{m: m, known: map[id.Contact]string{}}
	out := make([]templates.StaffMail, len(items))
	for i := range items {
		owner := items[i].Key.Contact
		one := templates.StaffMail{Mail: items[i].Row, Owner: owner}
		var err error
		if one.Contact, err = n.of(ctx, owner); err != nil {
			return nil, err
		}
		if one.Document != "" {
			d, _, err := readmodels.Get(ctx, m.view.Of(owner), readmodels.Documents, string(one.Document))
			if err != nil {
				return nil, err
			}
			one.Number = d.Number
		}
		out[i] = one
	}
	return out, nil
}

// shownMails is how many mails the page of what they are about shows.
const shownMails = 10

// mailsAbout returns the newest mails about a contact, or one of its documents.
func (s *Staff) mailsAbout(r *http.Request, view readmodels.View, doc id.ID, here string) (templates.MailList, error) {
	m := memberOf(r)
	v := templates.MailList{Command: s.NewForm().Command, Here: here, May: m.may()}
	list, err := readmodels.ListMails(r.Context(), view, readmodels.MailQuery{Document: doc, Limit: shownMails})
	if err != nil {
		return v, err
	}
	v.Rows, err = s.mails(r.Context(), m, list.Items)
	return v, err
}

func (s *Staff) retryMail(w http.ResponseWriter, r *http.Request) error {
	return s.onMail(w, r, "mail_retried", func(req commands.Request, name id.ID) (commands.Receipt, error) {
		return s.Commands.RetryMail(r.Context(), req, commands.RetryMail{Mail: name})
	})
}

func (s *Staff) giveUpMail(w http.ResponseWriter, r *http.Request) error {
	return s.onMail(w, r, "mail_given_up", func(req commands.Request, name id.ID) (commands.Receipt, error) {
		return s.Commands.GiveUpMail(r.Context(), req, commands.GiveUpMail{Mail: name})
	})
}

// onMail acts on a mail, and shows the page again on which it was listed.
func (s *Staff) onMail(w http.ResponseWriter, r *http.Request, notice string, do func(req commands.Request, name id.ID) (commands.Receipt, error)) error {
	f, err := s.ParseForm(w, r)
	if err != nil {
		return err
	}
	name := id.ID(chi.URLParam(r, "mail"))
	if !id.Valid(name) {
		return fault.New(fault.NotFound, "not_found")
	}
	rcpt, err := do(s.request(r, f, memberOf(r)), name)
	if err != nil {
		return err
	}
	s.Redirect(w, r, edge.OwnPath(f.Value("next"), "/staff/mails"), rcpt.Position, notice)
	return nil
}

// shareByMail makes a link to the document, and has it mailed.
func (s *Staff) shareByMail(w http.ResponseWriter, r *http.Request, at spot) error {
	return s.onDocument(w, r, at, "share-mail", "mailed", func(f templates.Form, req commands.Request) (commands.Receipt, error) {
		_, rcpt, err := s.Commands.ShareLink(r.Context(), req, commands.ShareLink{
			Document: at.doc, Kind: at.kind, SentTo: f.Value("sentTo"), Send: true, Message: f.Value("message"),
		})
		return rcpt, err
	})
}

// invite has one contact invited to the portal.
func (s *Staff) invite(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, "invite", "invited", func(_ templates.Form, req commands.Request, c readmodels.Contact) (commands.Receipt, error) {
		_, rcpt, err := s.Commands.InviteContact(r.Context(), req, commands.InviteContact{Contact: c.ID})
		if err == nil && !rcpt.Changed && !rcpt.Again {
			err = fault.New(fault.Conflict, "invitation.already")
		}
		return rcpt, err
	})
}
