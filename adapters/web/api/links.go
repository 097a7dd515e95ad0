package api

import (
	"context"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"lonja/commands"
	"lonja/domain/id"
	"lonja/readmodels"
)

// ShareInput shares a document by a link.
type ShareInput struct {
	NamedInput
	Body struct {
		SentTo  string `json:"sentTo,omitempty" doc:"To whom it is sent: by Lonja's own mail with send, else by you, if you do" maxLength:"300"`
		Send    bool   `json:"send,omitempty" doc:"Have Lonja mail the link to sentTo"`
		Message string `json:"message,omitempty" doc:"With send: what the mail says besides" maxLength:"2000"`
	}
}

// ShareOutput is a link and its address.
type ShareOutput struct {
	Body struct {
		Done
		URL   string    `json:"url" doc:"Told this once: asked again by the same key, it is the same link with another address"`
		Until time.Time `json:"until" doc:"When it stops to open the document by itself"`
	}
}

// LinksInput asks for a contact's links.
type LinksInput struct {
	ContactInput
	Paging
	Document string `query:"document" doc:"Those of one document"`
}

// url is an address of the portal's pages.
func (a *API) url(path string) string { return strings.TrimSuffix(a.BaseURL, "/") + path }

func (a *API) links() {
	telling(a, post("share-link", "/documents/{id}/links", "documents", "Share a document by a link (staff and programs)"),
		func(in *ShareInput) Command { return in.Command }, a.shareLink)
	query(a, huma.Operation{OperationID: "list-links", Path: "/contacts/{id}/links", Tags: []string{"documents"}, Summary: "A contact's document links, newest first (staff and programs)"},
		func(in *LinksInput) Auth { return in.Auth },
		func(ctx context.Context, c caller, in *LinksInput) (*ListOutput[readmodels.Link], error) {
			v, err := a.recordOf(ctx, c, in.ID)
			if err != nil {
				return nil, err
			}
			return listOf(readmodels.ListLinks(ctx, v, id.ID(in.Document), in.After, in.limit()))
		})
	on(a, post("revoke-link", "/links/{id}/revoke", "documents", "End a document link (staff and programs)"), itself,
		func(ctx context.Context, req commands.Request, thing id.ID, _ *NamedInput) (commands.Receipt, error) {
			return a.Commands.RevokeLink(ctx, req, commands.RevokeLink{Link: thing})
		})
}

func (a *API) shareLink(ctx context.Context, req commands.Request, in *ShareInput) (*ShareOutput, error) {
	kind, err := a.kindOf(ctx, req, in.ID)
	if err != nil {
		return nil, err
	}
	link, rcpt, err := a.Commands.ShareLink(ctx, req, commands.ShareLink{Document: id.ID(in.ID), Kind: kind, SentTo: in.Body.SentTo, Send: in.Body.Send, Message: in.Body.Message})
	if err != nil {
		return nil, err
	}
	out := &ShareOutput{}
	out.Body.Done, out.Body.URL, out.Body.Until = a.done(ctx, string(link.ID), rcpt).Body, a.url("/d/"+link.Token), link.Until
	return out, nil
}

// recordOf returns staff's view of a contact that there is.
func (a *API) recordOf(ctx context.Context, c caller, contact string) (readmodels.View, error) {
	v := readmodels.For(a.Commands.Read, c.Account, id.Contact(contact))
	if err := staffOnly(c); err != nil {
		return v, err
	}
	_, err := readmodels.GetContact(ctx, v)
	return v, err
}
