package commands_test

import (
	"context"
	"encoding/base32"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/catalogue"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/payment"
	"lonja/domain/viewing"
	"lonja/readmodels"
)

// who says for whom a command is.
type who int

const (
	contacts who = iota + 1 // people of the contact, by their role
	talk                    // people of the contact, whatever their role; its links; staff
	staffs                  // staff who may write
	admins                  // staff who may all
)

// victim is a contact with one of everything.
type victim struct {
	*shopfront
	docs    map[document.Kind]id.ID
	pay     id.ID
	product id.ID
	link    id.ID
	staff   id.ID
	key     id.ID
	made    id.ID // what an act's preparation made
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	v := &victim{shopfront: newShopfront(t), docs: map[document.Kind]id.ID{}}
	ctx := t.Context()
	for _, k := range document.Kinds() {
		made, err := v.IssueDocument(ctx, v.system(), commands.IssueDocument{Contact: v.who, Body: bodyOf(k)})
		v.ok(err)
		v.docs[k] = made.ID
	}
	var err error
	v.pay, err = v.start("transfer", whole(v.docs[document.Invoice]))
	v.ok(err)
	v.product = v.shopfront.product("A-1", 1000)
	v.ok(second(v.EnableCatalogue(ctx, v.system(), commands.EnableCatalogue{Contact: v.who})))
	v.ok(v.put(v.product, "1"))
	link, _, err := v.ShareLink(ctx, v.system(), commands.ShareLink{Document: v.docs[document.Proforma], Kind: document.Proforma})
	v.ok(err)
	v.link = link.ID
	v.staff, _, err = v.AddStaff(ctx, v.system(), commands.AddStaff{Email: "luis@example.com", Name: "Luis", Role: account.StaffAdmin})
	v.ok(err)
	v.key, _, _, err = v.CreateAPIKey(ctx, v.system(), commands.CreateAPIKey{Name: "erp"})
	v.ok(err)
	return v
}

// act is a command on what is the victim's.
type act struct {
	is   who
	role access.Role // of contacts
	run  func(v *victim, ctx context.Context, r commands.Request) error

	prepare func(v *victim) error // what has to be so first; it may leave a thing in v.made
}

// ofTheAccount are acts on what is of the account as a whole: other accounts' staff do the
// same to their own.
var ofTheAccount = []string{
	"ReconcilePayments", "ImportDocument", "RegisterContact", "FindOrRegisterContact", "PublishProduct", "SetPriceList", "ChangeAccount", "ChangeBranding", "ConfigureTransfer",
	"EnableGateway", "DisableGateway", "AddStaff", "CreateAPIKey", "SetLogo",
}

func bodyOf(k document.Kind) document.Body {
	b := documenttest.Body(k, "N-1")
	if k == document.Quote {
		b.ValidUntil = "2026-12-31"
	}
	return b
}

// hashOf is what an approval of the document has to show.
func (v *victim) hashOf(k document.Kind) string {
	v.t.Helper()
	b := bodyOf(k)
	h, err := b.ContentHash()
	v.ok(err)
	return h
}

func third[A, B any](_ A, _ B, err error) error { return err }

// acts are all commands that somebody asks for. A new one fails the test until it is here,
// in ofItself, or in notAsked with where it is tested instead.
var acts = map[string]act{
	"ApproveQuote": {is: contacts, role: access.Approve, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.ApproveQuote(ctx, r, commands.ApproveQuote{Quote: v.docs[document.Quote], Name: "Ana", Hash: v.hashOf(document.Quote)}))
	}},
	"DeclineQuote": {is: contacts, role: access.Approve, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.DeclineQuote(ctx, r, commands.DeclineQuote{Quote: v.docs[document.Quote]}))
	}},
	"RequestQuoteChanges": {is: contacts, role: access.Approve, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.RequestQuoteChanges(ctx, r, commands.RequestQuoteChanges{Quote: v.docs[document.Quote], Name: "Ana", Text: "En rojo"}))
	}},
	"ConfirmPurchase": {is: contacts, role: access.Approve, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.ConfirmPurchase(ctx, r, commands.ConfirmPurchase{PurchaseOrder: v.docs[document.PurchaseOrder], Name: "Ana", Hash: v.hashOf(document.PurchaseOrder)}))
	}},
	"RejectPurchase": {is: contacts, role: access.Approve, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.RejectPurchase(ctx, r, commands.RejectPurchase{PurchaseOrder: v.docs[document.PurchaseOrder]}))
	}},
	"StartPayment": {is: contacts, role: access.Pay, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return third(v.StartPayment(ctx, r, commands.StartPayment{Documents: []commands.PayDocument{{Kind: document.SalesOrder, ID: v.docs[document.SalesOrder]}}, Method: "transfer"}))
	}},
	"AnnounceTransfer": {is: contacts, role: access.Pay, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.AnnounceTransfer(ctx, r, commands.AnnounceTransfer{Payment: v.pay}))
	}},
	"CancelPayment": {is: contacts, role: access.Pay, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.CancelPayment(ctx, r, commands.CancelPayment{Payment: v.pay}))
	}},
	"SetCartLine": {is: contacts, role: access.Order, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.SetCartLine(ctx, r, commands.SetCartLine{Product: v.product, Quantity: decimal.MustParse("3")}))
	}},
	"PlaceOrder": {is: contacts, role: access.Order, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return third(v.PlaceOrder(ctx, r, commands.PlaceOrder{ShownTotal: money.Of(1210, "EUR")}))
	}},
	"OpenCheckout": {is: contacts, role: access.Pay, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return third(v.OpenCheckout(ctx, r, commands.OpenCheckout{Payment: v.made}))
	}, prepare: func(v *victim) (err error) {
		v.made, err = v.start("sandbox", commands.PayDocument{Kind: document.SalesOrder, ID: v.docs[document.SalesOrder]})
		return err
	}},
	"RepeatOrder": {is: contacts, role: access.Order, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return third(v.RepeatOrder(ctx, r, commands.RepeatOrder{Order: v.made}))
	}, prepare: func(v *victim) (err error) {
		v.made, err = v.place(v.me(), 1210)
		return err
	}},
	"MarkRead": {is: talk, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.MarkRead(ctx, r, commands.MarkRead{Document: v.docs[document.Invoice], Kind: document.Invoice}))
	}, prepare: func(v *victim) error {
		return third(v.PostComment(v.t.Context(), v.system(), commands.PostComment{Document: v.docs[document.Invoice], Kind: document.Invoice, Text: "¿Llegó?"}))
	}},
	"ShipOrder": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.ShipOrder(ctx, r, commands.ShipOrder{Order: v.docs[document.SalesOrder], DeliveryNote: v.docs[document.DeliveryNote], Complete: true}))
	}, prepare: confirmed},
	"FulfilOrder": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.FulfilOrder(ctx, r, commands.FulfilOrder{Order: v.docs[document.SalesOrder]}))
	}, prepare: confirmed},
	"RefundPayment": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.RefundPayment(ctx, r, commands.RefundPayment{Payment: v.pay, Total: money.Of(100, "EUR")}))
	}, prepare: func(v *victim) error {
		return third(v.RecordTransfer(v.t.Context(), v.system(), commands.RecordTransfer{Payment: v.pay, Amount: money.Of(121_000, "EUR"), On: "2026-03-02"}))
	}},
	"RemoveLoginPassword": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.RemoveLoginPassword(ctx, r, commands.RemoveLoginPassword{Login: v.login}))
	}, prepare: func(v *victim) error {
		return second(v.SetLoginPassword(v.t.Context(), v.system(), commands.SetLoginPassword{Login: v.login, Password: goodPassword}))
	}},
	"ReconcilePayment": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.ReconcilePayment(ctx, r, v.made, r.At.Add(-payment.ReservationLife)))
	}, prepare: forgotten},
	"ReconcilePayments": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		_, err := v.ReconcilePayments(ctx, r, r.At)
		return err
	}, prepare: forgotten},
	"PostComment": {is: talk, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return third(v.PostComment(ctx, r, commands.PostComment{Document: v.docs[document.Invoice], Kind: document.Invoice, Text: "¿?", AuthorName: "Ana"}))
	}},
	"AttachFile": {is: talk, run: func(v *victim, ctx context.Context, r commands.Request) error {
		file, err := v.AttachFile(ctx, r, commands.AttachFile{Document: v.docs[document.Invoice], Kind: document.Invoice, Name: "x.pdf", Content: strings.NewReader("%PDF-1.7")})
		if err != nil {
			return err
		}
		return third(v.PostComment(ctx, r, commands.PostComment{
			Document: v.docs[document.Invoice], Kind: document.Invoice, AuthorName: "Ana", Files: []commands.FileRef{{Blob: file.Blob, Name: file.Name}},
		}))
	}},
	"IssueDocument": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		_, err := v.IssueDocument(ctx, r, commands.IssueDocument{Contact: v.who, Body: documenttest.Body(document.Invoice, "N-2")})
		return err
	}},
	"ImportDocument": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		_, err := v.ImportDocument(ctx, r, commands.ImportDocument{Body: documenttest.Body(document.Invoice, "N-3")})
		return err
	}},
	"WithdrawQuote": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.WithdrawQuote(ctx, r, commands.WithdrawQuote{Quote: v.docs[document.Quote]}))
	}},
	"CancelPurchase": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.CancelPurchase(ctx, r, commands.CancelPurchase{PurchaseOrder: v.docs[document.PurchaseOrder]}))
	}},
	"ConfirmOrder": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.ConfirmOrder(ctx, r, commands.ConfirmOrder{Order: v.docs[document.SalesOrder]}))
	}},
	"RejectOrder": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.RejectOrder(ctx, r, commands.RejectOrder{Order: v.docs[document.SalesOrder]}))
	}},
	"CancelOrder": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.CancelOrder(ctx, r, commands.CancelOrder{Order: v.docs[document.SalesOrder]}))
	}},
	"CancelInvoice": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.CancelInvoice(ctx, r, commands.CancelInvoice{Invoice: v.docs[document.Invoice]}))
	}},
	"WithdrawDocument": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.WithdrawDocument(ctx, r, commands.WithdrawDocument{Kind: document.Proforma, Document: v.docs[document.Proforma]}))
	}},
	"RecordTransfer": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return third(v.RecordTransfer(ctx, r, commands.RecordTransfer{Payment: v.pay, Amount: money.Of(121_000, "EUR"), On: "2026-03-02"}))
	}},
	"ShareLink": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return third(v.ShareLink(ctx, r, commands.ShareLink{Document: v.docs[document.Quote], Kind: document.Quote}))
	}},
	"InviteContact": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return third(v.InviteContact(ctx, r, commands.InviteContact{Contact: v.who}))
	}},
	"StartInvitations": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return third(v.StartInvitations(ctx, r, commands.StartInvitations{Contacts: []id.Contact{v.who}}))
	}},
	"RetryMail": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.RetryMail(ctx, r, commands.RetryMail{Mail: v.made}))
	}, prepare: bounced},
	"GiveUpMail": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.GiveUpMail(ctx, r, commands.GiveUpMail{Mail: v.made}))
	}, prepare: waiting},
	"RevokeLink": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.RevokeLink(ctx, r, commands.RevokeLink{Link: v.link}))
	}},
	"CreateLogin": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return third(v.CreateLogin(ctx, r, commands.CreateLogin{Contact: v.who, Email: "new@example.com", Name: "New", Role: access.Full}))
	}},
	"ChangeLoginRole": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.ChangeLoginRole(ctx, r, commands.ChangeLoginRole{Login: v.login, Role: access.Read}))
	}},
	"SetLoginPassword": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.SetLoginPassword(ctx, r, commands.SetLoginPassword{Login: v.login, Password: otherPassword}))
	}},
	"ClearFactors": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.ClearFactors(ctx, r, commands.ClearFactors{Login: v.login}))
	}, prepare: func(v *victim) error { return v.app(login(v.login), v.who) }},
	"ClearStaffFactors": {is: admins, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.ClearStaffFactors(ctx, r, commands.ClearStaffFactors{Staff: v.staff}))
	}, prepare: func(v *victim) error { return v.app(clerk(v.staff), "") }},
	"RemoveLogin": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.RemoveLogin(ctx, r, commands.RemoveLogin{Login: v.login}))
	}},
	"RegisterContact": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return third(v.RegisterContact(ctx, r, commands.RegisterContact{Details: contact.Details{Name: "Otro", TaxID: "B87654321"}, Client: true}))
	}},
	"FindOrRegisterContact": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		_, _, _, err := v.FindOrRegisterContact(ctx, r, commands.RegisterContact{Details: contact.Details{Name: "Otro", TaxID: "B87654321"}, Client: true})
		return err
	}},
	"ChangeContact": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.ChangeContact(ctx, r, commands.ChangeContact{Contact: v.who, Details: contact.Details{Name: "Bar Pepe", TaxID: "B12345674"}}))
	}},
	"EraseContact": {is: admins, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.EraseContact(ctx, r, commands.EraseContact{Contact: v.who}))
	}},
	"SetContactLanguage": {is: talk, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.SetContactLanguage(ctx, r, commands.SetContactLanguage{Contact: v.who, Language: "en"}))
	}},
	"SetContactRoles": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.SetContactRoles(ctx, r, commands.SetContactRoles{Contact: v.who, Client: true, Supplier: true}))
	}},
	"SetContactTaxes": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.SetContactTaxes(ctx, r, commands.SetContactTaxes{Contact: v.who, Surcharge: true}))
	}},
	"SetPaymentMethods": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.SetPaymentMethods(ctx, r, commands.SetPaymentMethods{Contact: v.who, Methods: []string{"transfer"}}))
	}},
	"EnableCatalogue": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.EnableCatalogue(ctx, r, commands.EnableCatalogue{Contact: v.who}))
	}, prepare: func(v *victim) error {
		return second(v.DisableCatalogue(v.t.Context(), v.system(), commands.DisableCatalogue{Contact: v.who}))
	}},
	"DisableCatalogue": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.DisableCatalogue(ctx, r, commands.DisableCatalogue{Contact: v.who}))
	}},
	"PublishProduct": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return third(v.PublishProduct(ctx, r, commands.PublishProduct{Product: catalogue.Product{SKU: "B-1", Name: "Otro", Price: money.Of(5, "EUR"), TaxRate: decimal.MustParse("21")}}))
	}},
	"WithdrawProduct": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.WithdrawProduct(ctx, r, commands.WithdrawProduct{Product: v.product}))
	}},
	"SetPriceList": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return third(v.SetPriceList(ctx, r, commands.SetPriceList{Name: "Otra", Discount: decimal.MustParse("1")}))
	}},
	"ChangeAccount": {is: admins, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.ChangeAccount(ctx, r, commands.ChangeAccount{Details: account.Opened{Name: "Otra", TaxID: "B11111119", Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid"}}))
	}},
	"ChangeBranding": {is: admins, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.ChangeBranding(ctx, r, commands.ChangeBranding{Colour: "#112233"}))
	}},
	"ConfigureTransfer": {is: admins, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.ConfigureTransfer(ctx, r, commands.ConfigureTransfer{IBAN: "DE89370400440532013000"}))
	}},
	"EnableGateway": {is: admins, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.EnableGateway(ctx, r, commands.EnableGateway{Gateway: "sandbox"}))
	}, prepare: func(v *victim) error {
		return second(v.DisableGateway(v.t.Context(), v.system(), commands.DisableGateway{Gateway: "sandbox"}))
	}},
	"DisableGateway": {is: admins, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.DisableGateway(ctx, r, commands.DisableGateway{Gateway: "sandbox"}))
	}},
	"AddStaff": {is: admins, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return third(v.AddStaff(ctx, r, commands.AddStaff{Email: "new@example.com", Name: "New", Role: account.StaffAdmin}))
	}},
	"RemoveStaff": {is: admins, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.RemoveStaff(ctx, r, commands.RemoveStaff{Staff: v.staff}))
	}},
	"SetStaffPassword": {is: admins, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.SetStaffPassword(ctx, r, commands.SetStaffPassword{Staff: v.staff, Password: otherPassword}))
	}},
	"ChangeLogin": {is: staffs, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.ChangeLogin(ctx, r, commands.ChangeLogin{Login: v.login, Email: "mallory@example.com", Name: "Mallory"}))
	}},
	"ChangeStaffRole": {is: admins, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.ChangeStaffRole(ctx, r, commands.ChangeStaffRole{Staff: v.staff, Role: account.StaffReader}))
	}},
	"SetLogo": {is: admins, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.SetLogo(ctx, r, commands.SetLogo{PNG: logo(v.t)}))
	}},
	"RecordView": {is: contacts, role: access.Read, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.RecordView(ctx, r, commands.RecordView{Document: v.docs[document.Invoice], Kind: document.Invoice, Form: viewing.Page}))
	}},
	"CreateAPIKey": {is: admins, run: func(v *victim, ctx context.Context, r commands.Request) error {
		_, _, _, err := v.CreateAPIKey(ctx, r, commands.CreateAPIKey{Name: "otra"})
		return err
	}},
	"RevokeAPIKey": {is: admins, run: func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.RevokeAPIKey(ctx, r, commands.RevokeAPIKey{Key: v.key}))
	}},
}

func confirmed(v *victim) error {
	return second(v.ConfirmOrder(v.t.Context(), v.system(), commands.ConfirmOrder{Order: v.docs[document.SalesOrder]}))
}

// forgotten starts a payment that never reached its gateway, and is shown as one of long ago.
func forgotten(v *victim) (err error) {
	v.made, err = v.start("sandbox", commands.PayDocument{Kind: document.SalesOrder, ID: v.docs[document.SalesOrder]})
	shown(v.scene, "payments", readmodels.Payments, []readmodels.Key{{Account: v.acc, Contact: v.who, ID: string(v.made)}}, []readmodels.Payment{
		{ID: v.made, Method: "sandbox", State: readmodels.PaymentStarted, StartedAt: v.now.Add(-payment.ReservationLife)},
	})
	return err
}

// notAsked are the other methods, and where they are tested instead.
var notAsked = map[string]string{
	"Bodies": "reads", "OpenAttachment": "reads: TestAFileIsItsThreadsAlone", "QuoteApproval": "reads: TestTheProofOfAnApproval", "FindContact": "reads", "PriceCart": "reads: TestCatalogueIsForThoseWhoHaveIt",
	"LinkStatus": "reads: TestLinks", "OpenLink": "by its token: TestLinks", "SignIn": "by password: TestSignIn", "StaffSignIn": "by password: TestRolesAreEnforced",
	"StartSession": "after a sign-in: TestASignInUnderWayDoesNotOutliveItsPassword", "RequestRecovery": "anybody's: TestRecovery", "RecoverPassword": "by its token: TestRecovery",
	"ShowPortal":     "staff's, of every role: TestStaffLookAtAPortal",
	"ChangePassword": "by password: TestSessionsEndWithThePassword", "ChangeStaffPassword": "by password: TestStaffChangeTheirOwnPassword",
	"BeginCode": "after a sign-in: TestAStepOfASignInIsItsPersonsAndShort", "Entering": "reads, by its step", "EnterCode": "by its step: TestAStepOfASignInIsItsPersonsAndShort",
	"AskPasskey": "anybody's: TestPasskeysThatDoNotSignIn", "EnterPasskey": "by its step: TestPasskeysThatDoNotSignIn",
	"BeginTOTP": "one's own, by password: TestSetUpNeedsThePasswordOnceMore", "TOTPSetUp": "by its step: TestASetUpIsItsPersons", "ConfirmTOTP": "by its step: TestASetUpIsItsPersons",
	"RemoveTOTP": "one's own, by password: TestSetUpNeedsThePasswordOnceMore", "MakeRecoveryCodes": "one's own, by password: TestSetUpNeedsThePasswordOnceMore",
	"BeginPasskey": "one's own, by password: TestSetUpNeedsThePasswordOnceMore", "AddPasskey": "by its step: TestPasskeysThatDoNotSignIn",
	"RemovePasskey": "one's own, by password: TestSetUpNeedsThePasswordOnceMore", "Fresh": "reads", "FactorsOf": "reads one's own: TestASetUpIsItsPersons",
	"StaffFactorRequired": "reads", "RequireStaffFactor": "needs an administrator with a second factor: TestStaffMustHaveASecondFactor",
	"EndLoginSessions": "records nothing: TestStaffEndALoginsSessions",
	"Invitations":    "reads: TestInvitationsOfMany",
}

func TestEveryCommandIsOnTheList(t *testing.T) {
	t.Parallel()
	c := reflect.TypeFor[*commands.Commands]()
	there := map[string]bool{}
	for i := range c.NumMethod() {
		name := c.Method(i).Name
		there[name] = true
		_, asked := acts[name]
		_, itself := ofItself[name]
		if _, not := notAsked[name]; !asked && !itself && !not {
			t.Errorf("%s is neither in acts nor in ofItself nor in notAsked", name)
		}
	}
	for name := range acts {
		if !there[name] {
			t.Errorf("there is no %s", name)
		}
	}
	for name := range ofItself {
		if !there[name] {
			t.Errorf("there is no %s", name)
		}
	}
	for name := range notAsked {
		if !there[name] {
			t.Errorf("there is no %s", name)
		}
	}
}

// Each command, by everybody whose it is not: it is refused and records nothing. Then by
// whose it is: it is done.
func TestNobodyElseMay(t *testing.T) {
	t.Parallel()
	names := make([]string, 0, len(acts))
	for name := range acts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, a := newVictim(t), acts[name]
			by := newOthers(v)
			if a.prepare != nil {
				v.ok(a.prepare(v))
			}
			refused := by.refused(a)
			if slices.Contains(ofTheAccount, name) {
				delete(refused, "the same, from there")
				delete(refused, "the same program, from there")
			}
			for who, r := range refused {
				before := v.head()
				err := a.run(v, t.Context(), r.req(v))
				f, ok := fault.As(err)
				if !ok || !slices.Contains(r.kinds, f.Kind) {
					t.Errorf("%s by %s: %v, want %v", name, who, err, r.kinds)
				}
				if after := v.head(); after != before {
					t.Errorf("%s: %d events were recorded", who, after-before)
				}
			}
			before := v.head()
			if err := a.run(v, t.Context(), by.mayDo(a)); err != nil {
				t.Errorf("%s: whose it is may not: %v", name, err)
			}
			if v.head() == before {
				t.Errorf("%s: whose it is did nothing by it: the test shows nothing", name)
			}
		})
	}
}

func (v *victim) head() event.Position {
	v.t.Helper()
	head, err := v.Store.Head(v.t.Context())
	v.ok(err)
	return head
}

// others are everybody besides the victim.
type others struct {
	v                    *victim
	roles                map[access.Role]id.ID
	gone                 id.ID // a login of the victim's contact that was removed
	stranger             id.Contact
	attacker             id.ID
	reader, editor, left id.ID // staff
	elsewhere            id.Account
	foreign, clerk       id.ID // a login and staff of another account
	foreigner            id.Contact
	revoked, theirs      id.ID // keys of programs: one that ended, one of another account
}

func newOthers(v *victim) *others {
	v.t.Helper()
	ctx := v.t.Context()
	o := &others{v: v, roles: map[access.Role]id.ID{access.Full: v.login}}
	for _, role := range []access.Role{access.Approve, access.Pay, access.Order, access.Read} {
		o.roles[role] = v.scene.login(v.who, string(role)+"@example.com", role, "")
	}
	o.gone = v.scene.login(v.who, "gone@example.com", access.Full, "")
	v.ok(second(v.RemoveLogin(ctx, v.system(), commands.RemoveLogin{Login: o.gone})))
	o.stranger = v.client("Otro", "B44444444", "")
	o.attacker = v.scene.login(o.stranger, "attacker@example.com", access.Full, "")
	v.ok(second(v.EnableCatalogue(ctx, v.system(), commands.EnableCatalogue{Contact: o.stranger})))
	staff := func(email string, role account.StaffRole) id.ID {
		one, _, err := v.AddStaff(ctx, v.system(), commands.AddStaff{Email: email, Name: email, Role: role})
		v.ok(err)
		return one
	}
	o.reader, o.editor, o.left = staff("reader@example.com", account.StaffReader), staff("editor@example.com", account.StaffEditor), staff("left@example.com", account.StaffAdmin)
	v.ok(second(v.RemoveStaff(ctx, v.system(), commands.RemoveStaff{Staff: o.left})))

	key := func() id.ID {
		one, _, _, err := v.CreateAPIKey(ctx, v.system(), commands.CreateAPIKey{Name: "erp"})
		v.ok(err)
		return one
	}
	o.revoked = key()
	v.ok(second(v.RevokeAPIKey(ctx, v.system(), commands.RevokeAPIKey{Key: o.revoked})))

	own := v.acc
	v.acc = ""
	acc, _, err := v.OpenAccount(ctx, v.system(), commands.OpenAccount{Details: account.Opened{Name: "Otra", TaxID: "B99999999", Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid"}})
	v.ok(err)
	v.acc, o.elsewhere = acc, acc
	o.foreigner = v.client("Ajeno", "B12345674", "")
	o.foreign = v.scene.login(o.foreigner, "foreign@example.com", access.Full, "")
	o.clerk, o.theirs = staff("clerk@example.com", account.StaffAdmin), key()
	v.acc = own
	return o
}

// attempt is a request by somebody, and how it may be refused.
type attempt struct {
	kinds   []fault.Kind
	account id.Account // "": the victim's
	contact id.Contact
	actor   event.Actor
}

func (a attempt) req(v *victim) commands.Request {
	r := v.system()
	r.Contact, r.Actor = a.contact, a.actor
	if a.account != "" {
		r.Account = a.account
	}
	return r
}

func login(l id.ID) event.Actor { return event.Actor{Kind: event.ActorLogin, ID: string(l)} }
func clerk(s id.ID) event.Actor { return event.Actor{Kind: event.ActorStaff, ID: string(s)} }
func erp(k id.ID) event.Actor   { return event.Actor{Kind: event.ActorAPIKey, ID: string(k)} }

func (o *others) refused(a act) map[string]attempt {
	notFound, out := []fault.Kind{fault.NotFound}, []fault.Kind{fault.NotFound, fault.Unauthorized}
	v := o.v
	m := map[string]attempt{
		"nobody":                        {out, "", v.who, event.Actor{Kind: "nobody"}},
		"a removed login":               {out, "", v.who, login(o.gone)},
		"a login of another contact":    {notFound, "", o.stranger, login(o.attacker)},
		"the same, as the victim":       {out, "", v.who, login(o.attacker)},
		"a login of another account":    {out, "", o.foreigner, login(o.foreign)},
		"the same, as the victim here":  {out, "", v.who, login(o.foreign)},
		"the same, from their account":  {out, o.elsewhere, v.who, login(o.foreign)},
		"staff of another account":      {out, "", "", clerk(o.clerk)},
		"the same, from there":          {out, o.elsewhere, v.who, clerk(o.clerk)},
		"staff who left":                {out, "", "", clerk(o.left)},
		"a program whose key was ended": {out, "", "", erp(o.revoked)},
		"a program of another account":  {out, "", "", erp(o.theirs)},
		"the same program, from there":  {out, o.elsewhere, v.who, erp(o.theirs)},
		"a link to another document":    {notFound, "", v.who, event.Actor{Kind: event.ActorLink, ID: string(v.link)}},
		"a link that there is not":      {notFound, "", v.who, event.Actor{Kind: event.ActorLink, ID: "01J0000000000000000000000X"}},
		"the victim's login as a link":  {notFound, "", v.who, event.Actor{Kind: event.ActorLink, ID: string(v.login)}},
	}
	if strings.HasPrefix(string(a.role), "order") { // the attacker has a cart of their own, which is not the victim's
		delete(m, "a login of another contact")
	}
	forbidden := []fault.Kind{fault.Forbidden}
	switch a.is {
	case contacts:
		for _, name := range []string{
			"staff of another account", "staff who left", "the same, from there",
			"a program whose key was ended", "a program of another account", "the same program, from there",
		} { // for staff there is no such act, whoever they are
			one := m[name]
			one.kinds = append(forbidden, out...)
			m[name] = one
		}
		for role, l := range o.roles {
			if !role.Allows(a.role) {
				m["a colleague who may "+string(role)] = attempt{forbidden, "", v.who, login(l)}
			}
		}
		m["staff"] = attempt{forbidden, "", v.who, clerk(v.staff)}
		m["a program of the account"] = attempt{forbidden, "", v.who, erp(v.key)}
	case talk:
		m["staff who may look"] = attempt{forbidden, "", v.who, clerk(o.reader)}
	case staffs, admins:
		m["the victim"] = attempt{notFound, "", v.who, login(v.login)}
		m["staff who may look"] = attempt{forbidden, "", "", clerk(o.reader)}
		if a.is == admins {
			m["staff who may write"] = attempt{forbidden, "", "", clerk(o.editor)}
			m["a program of the account"] = attempt{forbidden, "", "", erp(v.key)}
			m["the same program, from there"] = attempt{forbidden, o.elsewhere, v.who, erp(o.theirs)} // no program is an admin
		}
	}
	return m
}

// mayDo is the request of the least that may.
func (o *others) mayDo(a act) commands.Request {
	r := o.v.system()
	switch a.is {
	case contacts:
		r.Contact, r.Actor = o.v.who, login(o.roles[a.role])
	case talk:
		r.Contact, r.Actor = o.v.who, login(o.roles[access.Read])
	case staffs:
		r.Actor = clerk(o.editor)
	case admins:
		boss, _, err := o.v.AddStaff(o.v.t.Context(), o.v.system(), commands.AddStaff{Email: "boss@example.com", Name: "Boss", Role: account.StaffAdmin})
		o.v.ok(err)
		r.Actor = clerk(boss)
	}
	return r
}

// app gives somebody who has just signed in an authenticator app.
func (v *victim) app(who event.Actor, contact id.Contact) error {
	session, err := v.Vault.StartSession(v.t.Context(), commands.Session{Account: v.acc, Contact: contact, Actor: who, Created: v.now, Expires: v.now.Add(time.Hour)})
	if err != nil {
		return err
	}
	p := &somebody{scene: v.scene, actor: who, contact: contact}
	step, err := v.BeginTOTP(v.t.Context(), p.req(), commands.Proof{Session: session})
	if err != nil {
		return err
	}
	set, err := v.TOTPSetUp(v.t.Context(), p.req(), step)
	if err != nil {
		return err
	}
	if p.secret, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(set.Secret); err != nil {
		return err
	}
	return third(v.ConfirmTOTP(v.t.Context(), p.req(), commands.ConfirmTOTP{Step: step, Code: p.code()}))
}
