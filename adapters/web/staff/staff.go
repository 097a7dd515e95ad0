// Package staff is the pages of the account's people: contacts and what controls their
// portal, the orders, payments and comments that wait for an answer.
package staff

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/locale"
	"lonja/adapters/web/sheets"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// Staff serves the pages. All fields are required.
type Staff struct {
	*edge.Kit
	Limits *edge.Limits
	PDF    edge.WriteSheet
	// UBL writes an invoice or a credit note as data.
	UBL edge.WriteInvoice
	// CertificatePDF writes a certificate of approval.
	CertificatePDF edge.WriteCertificate
	// StatementPDF writes a statement of account.
	StatementPDF edge.WriteStatement
	Random       io.Reader // of the passphrases that are offered
}

// Routes adds staff's routes.
func (s *Staff) Routes(r chi.Router) {
	r.Get("/staff/sign-in", s.Handle(s.showSignIn))
	r.With(s.Limits.SignIn(s.Kit)).Post("/staff/sign-in", s.Handle(s.signIn))
	s.security().Doors(r)
	r.Post("/staff/sign-out", s.Handle(s.signOut))
	r.Group(func(r chi.Router) {
		r.Use(s.signedIn)
		s.security().Routes(r)
		r.Get("/staff", s.Handle(s.overview))
		r.Get("/staff/documents", s.Handle(s.listDocuments))
		s.settingsRoutes(r)
		r.Post("/staff/look/end", s.Handle(s.endLook))
		r.Get("/staff/contacts", s.Handle(s.listContacts))
		r.Get("/staff/contacts/new", s.Handle(s.showRegister))
		r.Post("/staff/contacts", s.Handle(s.register))
		r.Get("/staff/orders", s.Handle(s.listOrders))
		r.Get("/staff/comments", s.Handle(s.listThreads))
		r.Get("/staff/payments", s.Handle(s.listPayments))
		r.Post("/staff/payments/{payment}/receipt", s.Handle(s.receivePayment))
		s.mailRoutes(r)
		r.Route("/staff/contacts/{contact}", func(r chi.Router) {
			r.Get("/", s.Handle(s.showContact))
			r.Get("/statement", s.Handle(s.showStatement))
			for _, f := range []string{string(sheets.CSV), string(sheets.XLSX), edge.PDFFormat} {
				r.Get("/statement."+f, s.Handle(s.downloadStatement(f)))
			}
			s.recordRoutes(r)
			s.personRoutes(r)
			for _, k := range document.Kinds() {
				r.Route("/"+templates.Section(k)+"/{id}", func(r chi.Router) { s.documentRoutes(r, k) })
			}
		})
	})
}

func (s *Staff) documentRoutes(r chi.Router, k document.Kind) {
	on := func(act func(w http.ResponseWriter, r *http.Request, at spot) error) http.HandlerFunc {
		return s.Handle(func(w http.ResponseWriter, r *http.Request) error {
			at, err := s.spot(r, k)
			if err != nil {
				return err
			}
			return act(w, r, at)
		})
	}
	r.Get("/", on(s.showDocument))
	r.Get("/pdf", on(s.downloadPDF))
	r.Get("/ubl", on(s.downloadUBL))
	r.Get("/facturx", on(s.downloadFacturX))
	r.Post("/comments", on(s.reply))
	r.Get("/attachments/{comment}/{attachment}", on(s.downloadAttachment))
	if k == document.Quote {
		r.Get("/certificate", on(s.downloadCertificate))
	}
	r.Post("/seen", on(s.markRead))
	r.Post("/share", on(s.shareLink))
	r.Post("/share-mail", on(s.shareByMail))
	r.Post("/withdraw", on(s.withdraw))
	if k == document.SalesOrder {
		r.Post("/confirm", on(s.confirmOrder))
		r.Post("/reject", on(s.rejectOrder))
		r.Post("/ship", on(s.shipOrder))
		r.Post("/fulfil", on(s.fulfilOrder))
	}
	if k.Payable() {
		r.Post("/receipt", on(s.receiveFor))
	}
}

// member is who looks: a person of the account.
type member struct {
	actor    event.Actor
	name     string
	role     account.StaffRole
	view     readmodels.View
	settings readmodels.Settings
	l        *locale.Locale
	must     bool // set a second factor up before anything else
}

type memberKey struct{}

func memberOf(r *http.Request) *member {
	m, _ := r.Context().Value(memberKey{}).(*member)
	return m
}

// may reports whether the person may change things; commands check it again.
func (m *member) may() bool { return m.role.Allows(account.StaffEditor) }

// governs reports whether the person may change the account itself.
func (m *member) governs() bool { return m.role.Allows(account.StaffAdmin) }

func (s *Staff) signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, err := s.memberOfSession(r)
		switch {
		case fault.Is(err, fault.Unauthorized):
			s.DropCookie(w, edge.StaffCookie)
			http.Redirect(w, r, "/staff/sign-in", http.StatusSeeOther)
			return
		case err != nil:
			s.Refuse(w, r, err)
			return
		}
		if m.must && r.URL.Path != "/staff/security" && !strings.HasPrefix(r.URL.Path, "/staff/security/") {
			s.Redirect(w, r, "/staff/security", 0, "required")
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), memberKey{}, m)))
	})
}

func (s *Staff) memberOfSession(r *http.Request) (*member, error) {
	who, err := s.StaffMember(r)
	if err != nil {
		return nil, err
	}
	m := &member{actor: who.Actor, name: who.Name, role: who.Role, view: readmodels.ForStaff(s.Commands.Read, s.Account), l: s.Locale(r, ""), must: who.Must}
	m.settings, err = s.Settings(r)
	return m, err
}

func (s *Staff) page(r *http.Request, m *member, title string) (templates.Page, error) {
	page := s.Page(r, m.l, title)
	page.Home = "/staff"
	page.Account.Footer, page.Account.Help = "", "" // these are said to contacts
	page.Person = &templates.Person{Name: m.name, Of: m.settings.Name, Security: "/staff/security", SignOut: "/staff/sign-out"}
	placed, err := readmodels.CountDocuments(r.Context(), m.view, placedOrders())
	if err != nil {
		return page, err
	}
	unread, err := readmodels.CountUnreadThreads(r.Context(), m.view)
	if err != nil {
		return page, err
	}
	failing, err := readmodels.CountFailingMails(r.Context(), m.view)
	if err != nil {
		return page, err
	}
	page.Nav = []templates.NavItem{
		{Href: "/staff", Label: m.l.T("staff.overview"), Icon: "home"},
		{Href: "/staff/contacts", Label: m.l.T("staff.contacts"), Icon: "contacts"},
		{Href: "/staff/documents", Label: m.l.T("kinds.all"), Icon: "documents"},
		{Href: "/staff/orders", Label: m.l.T("staff.orders"), Icon: "sales_order", Count: placed},
		{Href: "/staff/payments", Label: m.l.T("nav.payments"), Icon: "payment"},
		{Href: "/staff/comments", Label: m.l.T("staff.comments"), Icon: "comments", Count: unread},
		{Href: "/staff/mails", Label: m.l.T("mails.title"), Icon: "mail", Count: failing},
	}
	if m.governs() {
		page.Nav = append(page.Nav, templates.NavItem{Href: "/staff/settings", Label: m.l.T("settings.title"), Icon: "settings"})
	}
	for i := range page.Nav {
		here := page.Nav[i].Href
		page.Nav[i].Current = r.URL.Path == here || here != "/staff" && strings.HasPrefix(r.URL.Path, here+"/")
	}
	return page, nil
}

func (s *Staff) request(r *http.Request, f templates.Form, m *member) commands.Request {
	return s.Request(r, f, m.actor, "")
}

// names finds contacts' names, each once.
type names struct {
	m     *member
	known map[id.Contact]string
}

func (n *names) of(ctx context.Context, contact id.Contact) (string, error) {
	if name, ok := n.known[contact]; ok {
		return name, nil
	}
	c, err := readmodels.GetContact(ctx, n.m.view.Of(contact))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", err
	}
	if c.Name == "" {
		c.Name = n.m.l.T("comment.erased")
	}
	n.known[contact] = c.Name
	return c.Name, nil
}
