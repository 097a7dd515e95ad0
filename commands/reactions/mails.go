package reactions

import (
	"context"
	"time"

	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/contact"
	"lonja/domain/conversation"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/mail"
	"lonja/domain/order"
	"lonja/domain/payment"
	"lonja/domain/purchase"
	"lonja/domain/quote"
)

// oldMoney is how many days ago money may have come that a receipt goes out for: an
// accounting system that is brought up to date tells of much older.
const oldMoney = 14

// Mails queues the mails that tell people what happened. Queueing is all that it does: a
// mail server that is slow or away holds nobody up.
func Mails(c *commands.Commands) Reaction {
	const name = "mails"
	answered := types(
		access.LinkSendingRequested{}, access.Invited{}, access.RecoveryRequested{}, conversation.Posted{},
		quote.Approved{}, quote.Declined{}, quote.ChangesRequested{}, purchase.Confirmed{}, purchase.Rejected{},
		payment.Succeeded{}, order.Placed{}, order.Confirmed{}, order.Rejected{},
	)
	return Reaction{Name: name, Types: answered, React: func(ctx context.Context, rec *event.Recorded) error {
		subject, err := docID(rec.Stream)
		if err != nil {
			return err
		}
		for _, m := range mailsOf(rec, subject) {
			m.Event = rec
			if err := c.QueueMail(ctx, request(rec, name), m); err != nil {
				return err
			}
		}
		return nil
	}}
}

// mailsOf returns the mails that an event asks for; subject is the id of its stream.
func mailsOf(rec *event.Recorded, subject id.ID) []commands.QueueMail {
	about := func(k document.Kind, t mail.Template, to commands.Audience) commands.QueueMail {
		return commands.QueueMail{Template: t, To: to, Document: subject, Kind: k}
	}
	switch e := rec.Data.(type) {
	case access.LinkSendingRequested:
		return []commands.QueueMail{{Template: mail.Document, To: commands.TheAddress, Link: subject, Address: e.To.Or(""), Message: e.Message.Or("")}}
	case access.Invited:
		return []commands.QueueMail{{Template: mail.Invitation, To: commands.TheLogin, Login: subject}}
	case access.RecoveryRequested:
		return []commands.QueueMail{{Template: mail.Recovery, To: commands.TheLogin, Login: subject}}
	case conversation.Posted:
		to := commands.TheContact
		if e.Side == conversation.Contact {
			to = commands.TheAccount
		}
		return []commands.QueueMail{{Template: mail.Comment, To: to, Document: e.Document, Kind: e.Kind}}
	case quote.Approved:
		return []commands.QueueMail{about(document.Quote, mail.QuoteApproved, commands.TheAccount), about(document.Quote, mail.QuoteConfirmation, commands.TheActor)}
	case quote.Declined:
		return []commands.QueueMail{about(document.Quote, mail.QuoteDeclined, commands.TheAccount)}
	case quote.ChangesRequested:
		return []commands.QueueMail{about(document.Quote, mail.QuoteChanges, commands.TheAccount)}
	case purchase.Confirmed:
		return []commands.QueueMail{
			about(document.PurchaseOrder, mail.PurchaseConfirmed, commands.TheAccount), about(document.PurchaseOrder, mail.PurchaseConfirmation, commands.TheActor),
		}
	case purchase.Rejected:
		return []commands.QueueMail{about(document.PurchaseOrder, mail.PurchaseRejected, commands.TheAccount)}
	case payment.Succeeded:
		if e.On.Valid() && e.On.AddDays(oldMoney) < document.DateOf(rec.At().In(time.UTC)) {
			return nil
		}
		return []commands.QueueMail{{Template: mail.Receipt, To: commands.ThePayers, Payment: subject, Need: access.Pay}}
	case order.Placed:
		return []commands.QueueMail{about(document.SalesOrder, mail.OrderPlaced, commands.TheAccount), about(document.SalesOrder, mail.OrderReceived, commands.TheActor)}
	case order.Confirmed:
		m := about(document.SalesOrder, mail.OrderConfirmed, commands.TheContact)
		m.Need = access.Order
		return []commands.QueueMail{m}
	case order.Rejected:
		m := about(document.SalesOrder, mail.OrderRejected, commands.TheContact)
		m.Need = access.Order
		return []commands.QueueMail{m}
	}
	return nil
}

// ForgetMails has the mails about a contact that was erased forgotten, wherever they lie.
func ForgetMails(forget func(ctx context.Context, who id.Contact) error) Reaction {
	return Reaction{Name: "forget-mails", Types: types(contact.Erased{}), React: func(ctx context.Context, rec *event.Recorded) error {
		return forget(ctx, rec.Meta.Contact)
	}}
}
