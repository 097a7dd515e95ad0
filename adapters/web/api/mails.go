package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"lonja/commands"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/invitation"
	"lonja/readmodels"
)

// MailsInput asks for mails.
type MailsInput struct {
	Auth
	Paging
	Contact  string `query:"contact" doc:"Those about one contact"`
	Document string `query:"document" doc:"Those about one document; with contact"`
	Status   string `query:"status" enum:"waiting,sent,refused,given_up,dropped"`
	Failing  bool   `query:"failing" doc:"Only those that were tried in vain and are not sent (yet)"`
}

// InvitationsInput names the contacts to invite.
type InvitationsInput struct {
	Command
	Body struct {
		Contacts []id.Contact `json:"contacts" minItems:"1" maxItems:"10000" doc:"Their ids; each is invited once"`
	}
}

// Invitations is how far an invitation of many has come.
type Invitations struct {
	ID       id.ID               `json:"id"`
	Total    int                 `json:"total"`
	Results  []invitation.Result `json:"results" doc:"What became of the first of them, in their order"`
	Sent     int                 `json:"sent" doc:"Mails that the mail server took"`
	Waiting  int                 `json:"waiting" doc:"Mails that are still to be sent"`
	Failed   int                 `json:"failed" doc:"Mails that were refused or given up"`
	Finished bool                `json:"finished"`
}

// InvitationsOutput is that as an answer.
type InvitationsOutput struct{ Body Invitations }

func (a *API) mails() {
	x := a.Commands
	query(a, huma.Operation{OperationID: "list-mails", Path: "/mails", Tags: []string{"mails"}, Summary: "What was mailed, to whom, and what became of it, newest first (staff and programs)"},
		func(in *MailsInput) Auth { return in.Auth },
		func(ctx context.Context, c caller, in *MailsInput) (*ListOutput[readmodels.Mail], error) {
			if err := staffOnly(c); err != nil {
				return nil, err
			}
			v := readmodels.ForStaff(a.Commands.Read, c.Account)
			switch {
			case in.Contact != "":
				var err error
				if v, err = a.recordOf(ctx, c, in.Contact); err != nil {
					return nil, err
				}
			case in.Document != "":
				return nil, fault.Field("contact", "text.missing")
			}
			return listOf(readmodels.ListMails(ctx, v, readmodels.MailQuery{
				Document: id.ID(in.Document), Status: readmodels.MailStatus(in.Status), Failing: in.Failing, After: in.After, Limit: in.limit(),
			}))
		})
	on(a, post("retry-mail", "/mails/{id}/retry", "mails", "Try a mail again that was refused or given up, or waits for its next try (staff and programs)"), itself,
		func(ctx context.Context, req commands.Request, thing id.ID, _ *NamedInput) (commands.Receipt, error) {
			return x.RetryMail(ctx, req, commands.RetryMail{Mail: thing})
		})
	on(a, post("give-up-mail", "/mails/{id}/give-up", "mails", "Keep a mail from being sent (staff and programs)"), itself,
		func(ctx context.Context, req commands.Request, thing id.ID, _ *NamedInput) (commands.Receipt, error) {
			return x.GiveUpMail(ctx, req, commands.GiveUpMail{Mail: thing})
		})
	on(a, post("invite-contact", "/contacts/{id}/invite", "mails", "Mail a contact an invitation to the portal; nothing changes where one went out a short time ago (staff and programs)"), itself,
		func(ctx context.Context, req commands.Request, thing id.ID, _ *NamedInput) (commands.Receipt, error) {
			_, rcpt, err := x.InviteContact(ctx, req, commands.InviteContact{Contact: id.Contact(thing)})
			return rcpt, err
		})
	command(a, post("start-invitations", "/invitations", "mails", "Mail many contacts an invitation to the portal (staff and programs)"),
		func(in *InvitationsInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *InvitationsInput) (string, commands.Receipt, error) {
			made, rcpt, err := x.StartInvitations(ctx, req, commands.StartInvitations{Contacts: in.Body.Contacts})
			return string(made), rcpt, err
		})
	query(a, huma.Operation{OperationID: "get-invitations", Path: "/invitations/{id}", Tags: []string{"mails"}, Summary: "How far an invitation of many has come (staff and programs)", Errors: []int{http.StatusNotFound}},
		func(in *ContactInput) Auth { return in.Auth }, a.invitations)
}

func (a *API) invitations(ctx context.Context, c caller, in *ContactInput) (*InvitationsOutput, error) {
	if err := staffOnly(c); err != nil {
		return nil, err
	}
	batch := id.ID(in.ID)
	s, err := a.Commands.Invitations(ctx, a.plain(c), batch)
	if err != nil {
		return nil, err
	}
	counts, err := readmodels.CountBatch(ctx, readmodels.ForStaff(a.Commands.Read, c.Account), batch)
	if err != nil {
		return nil, err
	}
	out := Invitations{ID: batch, Total: len(s.Contacts), Results: some(s.Results), Sent: counts[readmodels.MailSent]}
	out.Failed = counts[readmodels.MailRefused] + counts[readmodels.MailGivenUp]
	out.Waiting = max(0, s.Count(invitation.Invited)-out.Sent-out.Failed-counts[readmodels.MailDropped])
	out.Finished = len(s.Results) == len(s.Contacts) && out.Waiting == 0
	return &InvitationsOutput{Body: out}, nil
}
