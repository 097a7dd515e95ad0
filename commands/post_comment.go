package commands

import (
	"context"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/conversation"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
)

// PostComment is what somebody says on a document. AuthorName is for the holder of a
// link, who has no name of their own; a login's and staff's name is the server's.
type PostComment struct {
	Document   id.ID
	Kind       document.Kind
	Text       string
	AuthorName string
	Files      []FileRef // that were attached before, by AttachFile
	Shown      id.ID     // optional: the newest comment that was shown, which is read by answering
}

// PostComment adds a comment to a document's thread and returns its id.
func (c *Commands) PostComment(ctx context.Context, req Request, in PostComment) (_ id.ID, _ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "PostComment", req.TraceParent)
	defer func() { end(failed) }()
	owner, err := c.ownerOf(ctx, req, in.Kind, in.Document)
	if err != nil {
		return "", Receipt{}, err
	}
	if err := c.authorise(ctx, req, in.Document, access.Read); err != nil {
		return "", Receipt{}, err
	}
	author, err := c.authorOf(ctx, req, owner, in.AuthorName)
	if err != nil {
		return "", Receipt{}, err
	}
	files, err := c.attached(ctx, Thread{Account: req.Account, Contact: owner, Document: in.Document}, in.Files, req)
	if err != nil {
		return "", Receipt{}, err
	}
	comment := conversation.Comment{
		Posted: conversation.Posted{
			Comment: id.DeriveID("comment", req.Command.String(), string(req.Actor.Kind), req.Actor.ID), Document: in.Document, Kind: in.Kind, Side: sideOf(req),
		},
		Author: author, Text: in.Text, Attached: files, Shown: in.Shown,
	}
	rcpt, err := ExecuteFor(ctx, c.Executor, conversation.Decider(), string(in.Document), req, owner, func(s conversation.State) ([]event.Event, error) {
		return conversation.Post(s, comment)
	})
	return comment.Comment, rcpt, err
}

func sideOf(req Request) conversation.Side {
	if req.Actor.Kind == event.ActorLogin || req.Actor.Kind == event.ActorLink {
		return conversation.Contact
	}
	return conversation.Staff
}

// authorOf returns the name under which the actor speaks.
func (c *Commands) authorOf(ctx context.Context, req Request, owner id.Contact, given string) (string, error) {
	switch req.Actor.Kind {
	case event.ActorLogin:
		login, _, err := State(ctx, c.Executor, access.LoginDecider(), req.Actor.ID, req)
		if err != nil {
			return "", err
		}
		if login.Name != "" {
			return login.Name, nil
		}
	case event.ActorStaff:
		member, _, err := State(ctx, c.Executor, account.StaffDecider(), req.Actor.ID, req.ofAccount())
		if err != nil {
			return "", err
		}
		return member.Name, nil
	case event.ActorAPIKey, event.ActorSystem:
		if given == "" {
			acc, err := c.accountState(ctx, req)
			return acc.Details.Name, err
		}
	}
	if given != "" {
		return given, nil
	}
	who, err := c.contactState(ctx, req, owner)
	return who.Details.Name, err
}
