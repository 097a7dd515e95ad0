package main

import (
	"context"
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"

	"lonja/adapters/demo"
	"lonja/adapters/einvoice"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/purchase"
	"lonja/domain/quote"
)

// demoCmd serves a folder with the demo account in it.
type demoCmd struct{ serveFlags }

// The demo's passwords are no secret: it is served on loopback, with invented data.
const (
	demoClientPassword   = "tranvia-azul-mochila-41"
	demoSupplierPassword = "molino-ventana-cometa-57"
	demoStaffPassword    = "faro-libreta-pomelo-83"
)

// Run loads the demo where the folder has no account yet, and serves.
func (c *demoCmd) Run(ctx context.Context, sys system) error {
	c.catch = c.SMTP == ""
	return c.serve(ctx, sys, func(ctx context.Context, a *app, base string) error {
		all, err := a.vault.Accounts(ctx)
		if err != nil {
			return err
		}
		plan := demo.Generate(sys.Now())
		if len(all) == 0 {
			l := &loader{app: a, plan: &plan, docs: map[string]id.ID{}}
			if err := l.load(ctx); err != nil {
				return fmt.Errorf("loading the demo account: %w; remove the folder %s to begin again", err, a.cfg.Data)
			}
		}
		mails := ""
		if a.cfg.Catch {
			mails = fmt.Sprintf("\n  Mails go nowhere: read them at %s/demo/mails\n", base)
		}
		client, supplier := plan.Contacts[plan.Account.Client].Details, plan.Contacts[plan.Account.Supplier].Details
		_, err = fmt.Fprintf(sys.Out, `
  The portal of %s is at %s

    a client     %-38s %s
    a supplier   %-38s %s
    staff        %-38s %s   (at %s/staff)
%s
  Its data is in %s. Stop it with Ctrl-C; run it again to go on.

`, plan.Account.Party.Name, base, client.Email, demoClientPassword, supplier.Email, demoSupplierPassword,
			plan.Account.StaffEmail, demoStaffPassword, base, mails, a.cfg.Data)
		return err
	})
}

// loader plays the demo's plan through the commands and the importer.
type loader struct {
	app      *app
	plan     *demo.Plan
	account  id.Account
	contacts []id.Contact
	logins   []id.ID
	docs     map[string]id.ID // by kind and number
}

// request is the operator's at a time of the plan.
func (l *loader) request(at time.Time) commands.Request {
	r := l.app.request(l.account, "demo")
	r.At = at
	return r
}

// asContact is a request of the contact's own login.
func (l *loader) asContact(i int, at time.Time) commands.Request {
	r := l.request(at)
	r.Contact, r.Actor = l.contacts[i], event.Actor{Kind: event.ActorLogin, ID: string(l.logins[i])}
	return r
}

func (l *loader) load(ctx context.Context) error {
	if err := l.open(ctx); err != nil {
		return err
	}
	if err := l.people(ctx); err != nil {
		return err
	}
	bar := progressbar.NewOptions(len(l.plan.Steps), progressbar.OptionSetWriter(l.app.sys.Err), progressbar.OptionSetDescription("loading the demo account"),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	for i := range l.plan.Steps {
		s := &l.plan.Steps[i]
		if err := l.step(ctx, s); err != nil {
			return fmt.Errorf("step %d of %s: %w", i, s.At.Format(time.DateOnly), err)
		}
		_ = bar.Add(1) // a progress bar that can't be drawn is no reason to stop
	}
	_ = bar.Finish()
	head, err := l.app.events.Head(ctx)
	if err != nil {
		return err
	}
	return l.app.wait(ctx, head)
}

func (l *loader) open(ctx context.Context) (err error) {
	x, p, at := l.app.commands, l.plan.Account, l.plan.Account.OpenedAt
	if l.account, _, err = x.OpenAccount(ctx, l.request(at), commands.OpenAccount{Details: account.Opened{
		Name: p.Party.Name, TaxID: p.Party.TaxID, Address: p.Party.Address, Email: p.Party.Email, Phone: p.Party.Phone,
		Currency: "EUR", Language: p.Language, TimeZone: p.TimeZone,
	}}); err != nil {
		return err
	}
	if _, err := x.ConfigureTransfer(ctx, l.request(at), commands.ConfigureTransfer{IBAN: p.IBAN, BIC: p.BIC, Beneficiary: p.Party.Name}); err != nil {
		return err
	}
	if _, err := x.EnableGateway(ctx, l.request(at), commands.EnableGateway{Gateway: "sandbox"}); err != nil {
		return err
	}
	if _, err := x.ChangeBranding(ctx, l.request(at), commands.ChangeBranding{Colour: p.Colour, Welcome: p.Welcome}); err != nil {
		return err
	}
	_, _, err = x.AddStaff(ctx, l.request(at), commands.AddStaff{Email: p.StaffEmail, Name: p.StaffName, Role: account.StaffAdmin, Password: demoStaffPassword})
	return err
}

// people registers contacts and catalogue.
func (l *loader) people(ctx context.Context) error {
	x, at := l.app.commands, l.plan.Account.OpenedAt
	for _, p := range l.plan.Products {
		if _, _, err := x.PublishProduct(ctx, l.request(at), commands.PublishProduct{Product: p}); err != nil {
			return fmt.Errorf("product %s: %w", p.SKU, err)
		}
	}
	tariff, _, err := x.SetPriceList(ctx, l.request(at), commands.SetPriceList{Name: l.plan.Tariff.Name, Discount: l.plan.Tariff.Discount})
	if err != nil {
		return err
	}
	for i, c := range l.plan.Contacts {
		if err := l.person(ctx, i, c, tariff); err != nil {
			return fmt.Errorf("contact %s: %w", c.Details.Name, err)
		}
	}
	return nil
}

func (l *loader) person(ctx context.Context, i int, c demo.Contact, tariff id.ID) error {
	x := l.app.commands
	who, _, err := x.RegisterContact(ctx, l.request(c.At), commands.RegisterContact{Details: c.Details, Client: c.Client, Supplier: c.Supplier, Language: c.Language})
	if err != nil {
		return err
	}
	l.contacts = append(l.contacts, who)
	if c.Surcharge {
		if _, err := x.SetContactTaxes(ctx, l.request(c.At), commands.SetContactTaxes{Contact: who, Surcharge: true}); err != nil {
			return err
		}
	}
	if c.Catalogue {
		in := commands.EnableCatalogue{Contact: who}
		if c.Tariff {
			in.PriceList = tariff
		}
		if _, err := x.EnableCatalogue(ctx, l.request(c.At), in); err != nil {
			return err
		}
	}
	login, _, err := x.CreateLogin(ctx, l.request(c.At), commands.CreateLogin{Contact: who, Email: c.Details.Email, Name: c.Details.Person, Role: access.Full, Main: true})
	if err != nil {
		return err
	}
	l.logins = append(l.logins, login)
	password := map[int]string{l.plan.Account.Client: demoClientPassword, l.plan.Account.Supplier: demoSupplierPassword}[i]
	if password == "" {
		return nil
	}
	_, err = x.SetLoginPassword(ctx, l.request(c.At), commands.SetLoginPassword{Login: login, Password: password})
	return err
}

func key(kind document.Kind, number string) string { return string(kind) + " " + number }

func (l *loader) step(ctx context.Context, s *demo.Step) error {
	switch {
	case s.Issue != nil:
		return l.issue(ctx, s)
	case s.Approve != nil, s.Decline != nil, s.Confirm != nil:
		return l.answer(ctx, s)
	case s.Pay != nil:
		_, _, err := l.app.commands.RecordTransfer(ctx, l.request(s.At), commands.RecordTransfer{
			Documents: []commands.PayDocument{{Kind: document.Invoice, ID: l.docs[key(document.Invoice, s.Pay.Number)], Amount: &s.Pay.Amount}}, Amount: s.Pay.Amount, On: s.Pay.On,
		})
		return err
	case s.Order != nil:
		return l.move(ctx, s)
	case s.Comment != nil:
		return l.comment(ctx, s)
	}
	return nil
}

// comment posts a comment. Who answers has read what was asked.
func (l *loader) comment(ctx context.Context, s *demo.Step) error {
	x, doc := l.app.commands, l.docs[key(s.Comment.Kind, s.Comment.Number)]
	own, other := l.asContact(s.Contact, s.At), l.request(s.At)
	if s.Comment.ByStaff {
		own, other = other, own
	}
	seen := commands.MarkRead{Document: doc, Kind: s.Comment.Kind}
	if _, err := x.MarkRead(ctx, own, seen); err != nil {
		return err
	}
	own.Command = l.app.newID()
	if _, _, err := x.PostComment(ctx, own, commands.PostComment{Document: doc, Kind: s.Comment.Kind, Text: s.Comment.Text, AuthorName: s.Comment.Author}); err != nil {
		return err
	}
	if !s.Comment.Seen {
		return nil
	}
	_, err := x.MarkRead(ctx, other, seen)
	return err
}

func (l *loader) issue(ctx context.Context, s *demo.Step) error {
	file, err := einvoice.WriteJSON(&s.Issue.Body)
	if err != nil {
		return err
	}
	done, err := l.app.importFile(ctx, l.request(s.At), file)
	if err != nil {
		return err
	}
	l.docs[key(s.Issue.Body.Kind, s.Issue.Body.Number)] = done[0].ID
	return nil
}

func (l *loader) answer(ctx context.Context, s *demo.Step) error {
	x, req := l.app.commands, l.asContact(s.Contact, s.At)
	switch {
	case s.Confirm != nil:
		doc := l.docs[key(document.PurchaseOrder, s.Confirm.Number)]
		state, _, err := commands.State(ctx, x.Executor, purchase.Decider(), string(doc), req)
		if err != nil {
			return err
		}
		_, err = x.ConfirmPurchase(ctx, req, commands.ConfirmPurchase{PurchaseOrder: doc, Name: s.Confirm.Name, Reference: s.Confirm.Reference, Hash: state.Issued.Hash})
		return err
	case s.Decline != nil:
		_, err := x.DeclineQuote(ctx, req, commands.DeclineQuote{Quote: l.docs[key(document.Quote, s.Decline.Number)], Name: s.Decline.Name, Reason: s.Decline.Reason})
		return err
	}
	doc := l.docs[key(document.Quote, s.Approve.Number)]
	state, _, err := commands.State(ctx, x.Executor, quote.Decider(), string(doc), req)
	if err != nil {
		return err
	}
	_, err = x.ApproveQuote(ctx, req, commands.ApproveQuote{Quote: doc, Name: s.Approve.Name, Reference: s.Approve.Reference, Hash: state.Issued.Hash})
	return err
}

func (l *loader) move(ctx context.Context, s *demo.Step) error {
	x, req, doc := l.app.commands, l.request(s.At), l.docs[key(document.SalesOrder, s.Order.Number)]
	var err error
	switch s.Order.To {
	case "confirmed":
		_, err = x.ConfirmOrder(ctx, req, commands.ConfirmOrder{Order: doc})
	case "shipped":
		_, err = x.ShipOrder(ctx, req, commands.ShipOrder{Order: doc, Complete: true})
	case "fulfilled":
		_, err = x.FulfilOrder(ctx, req, commands.FulfilOrder{Order: doc})
	}
	return err
}
