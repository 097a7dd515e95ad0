// Package portal is the pages of a contact's people: home, documents, payments,
// catalogue, and a single document by its link. One file an action: fetch, parse,
// authorise, act, redirect.
package portal

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/sheets"
	"lonja/adapters/web/templates"
	"lonja/domain/document"
	"lonja/domain/money"
	"lonja/readmodels"
)

// Portal serves the pages. All fields are required but those that say otherwise.
type Portal struct {
	*edge.Kit
	Limits *edge.Limits
	PDF    edge.WriteSheet
	// StatementPDF writes a statement of account.
	StatementPDF edge.WriteStatement
	// CertificatePDF writes a certificate of approval.
	CertificatePDF edge.WriteCertificate
	// UBL writes an invoice or a credit note as data.
	UBL edge.WriteInvoice
	// TransferCode returns what the SEPA code of a transfer says, "" where there can be none.
	TransferCode func(s *readmodels.Settings, amount money.Money, reference string) string
}

// Routes adds the portal's routes.
func (p *Portal) Routes(r chi.Router) {
	r.Get("/sign-in", p.Handle(p.showSignIn))
	r.With(p.Limits.SignIn(p.Kit)).Post("/sign-in", p.Handle(p.signIn))
	p.security().Doors(r)
	r.Post("/sign-out", p.Handle(p.signOut))
	r.Post("/language", p.Handle(p.chooseLanguage))
	r.Post("/theme", p.Handle(p.ChooseTheme))
	r.Get("/recover", p.Handle(p.showRecover))
	r.With(p.Limits.SignIn(p.Kit)).Post("/recover", p.Handle(p.requestRecovery))
	r.Get("/recover/{token}", p.Handle(p.openRecovery))
	r.Get("/new-password", p.Handle(p.showNewPassword))
	r.With(p.Limits.SignIn(p.Kit)).Post("/new-password", p.Handle(p.recoverPassword))
	r.With(p.Limits.Tokens(p.Kit)).Get("/d/{token}", p.Handle(p.openLink))

	r.Group(func(r chi.Router) {
		r.Use(p.signedIn)
		r.Get("/", p.Handle(p.home))
		p.security().Routes(r)
		r.Get("/password", p.Handle(p.security().Show)) // addresses of before
		r.Post("/password", p.Handle(p.security().ChangeOwn))
		r.Post("/sessions/end", p.Handle(p.security().EndOthers))
		r.Get("/documents", p.Handle(p.listDocuments("")))
		for _, f := range sheets.Formats() {
			r.Get("/documents."+string(f), p.Handle(p.exportDocuments(f)))
			r.Get("/statement."+string(f), p.Handle(p.downloadStatement(string(f))))
		}
		r.Get("/statement", p.Handle(p.showStatement))
		r.Get("/statement."+edge.PDFFormat, p.Handle(p.downloadStatement(edge.PDFFormat)))
		for _, k := range document.Kinds() {
			section := "/" + templates.Section(k)
			r.Get(section, p.Handle(p.listDocuments(k)))
			r.Route(section+"/{id}", func(r chi.Router) { p.documentRoutes(r, p.ofKind(k), k) })
		}
		r.Get("/pay", p.Handle(p.choosePayment(p.ticked)))
		r.Post("/pay", p.Handle(p.startPayment(p.ofViewer)))
		r.Get("/payments", p.Handle(p.listPayments))
		r.Route("/payments/{payment}", func(r chi.Router) { p.paymentRoutes(r, p.ofViewer) })
		r.Get("/catalogue", p.Handle(p.shopping(p.showCatalogue)))
		r.Get("/cart", p.Handle(p.shopping(p.showCart)))
		r.Post("/cart", p.Handle(p.shopping(p.setCartLine)))
		r.Post("/cart/order", p.Handle(p.shopping(p.placeOrder)))
	})

	r.Route("/shared", func(r chi.Router) {
		r.Use(p.linked)
		p.documentRoutes(r, p.shared, "")
		r.Post("/viewed", p.on(p.shared, p.markViewed))
		r.Post("/pay", p.Handle(p.startPayment(p.shared)))
		r.Route("/payments/{payment}", func(r chi.Router) { p.paymentRoutes(r, p.shared) })
	})
}

// place finds which document a request is about, and as whom it is asked for.
type place func(r *http.Request) (spot, error)

// action is an act on one document.
type action func(w http.ResponseWriter, r *http.Request, s spot) error

func (p *Portal) on(at place, act action) http.HandlerFunc {
	return p.Handle(func(w http.ResponseWriter, r *http.Request) error {
		s, err := at(r)
		if err != nil {
			return err
		}
		return act(w, r, s)
	})
}

// documentRoutes adds a document's page and acts; kind "" is any.
func (p *Portal) documentRoutes(r chi.Router, at place, kind document.Kind) {
	is := func(k document.Kind) bool { return kind == k || kind == "" }
	r.Get("/", p.on(at, p.showDocument))
	r.Get("/pdf", p.on(at, p.downloadPDF))
	if is(document.Invoice) || is(document.CreditNote) {
		r.Get("/ubl", p.on(at, p.downloadUBL))
		r.Get("/facturx", p.on(at, p.downloadFacturX))
	}
	r.Post("/comments", p.on(at, p.postComment))
	r.Get("/attachments/{comment}/{attachment}", p.on(at, p.downloadAttachment))
	r.Post("/seen", p.on(at, p.markRead))
	if is(document.Quote) {
		r.Post("/approve", p.on(at, p.approveQuote))
		r.Post("/decline", p.on(at, p.declineQuote))
		r.Post("/changes", p.on(at, p.requestChanges))
		r.Get("/certificate", p.on(at, p.downloadCertificate))
	}
	if is(document.PurchaseOrder) {
		r.Post("/confirm", p.on(at, p.confirmPurchase))
		r.Post("/reject", p.on(at, p.rejectPurchase))
	}
	if is(document.Invoice) || is(document.SalesOrder) {
		r.Get("/pay", p.Handle(p.choosePayment(func(r *http.Request) (spot, []readmodels.Document, error) { return p.single(r, at) })))
	}
	if kind == document.SalesOrder {
		r.Post("/repeat", p.on(at, p.repeatOrder))
	}
}

func (p *Portal) paymentRoutes(r chi.Router, at place) {
	r.Get("/", p.on(at, p.showPayment))
	r.Post("/announce", p.on(at, p.announceTransfer))
	r.Post("/cancel", p.on(at, p.cancelPayment))
	r.Post("/checkout", p.on(at, p.goOnToPay))
}
