package portal

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/locale"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// viewer is who looks, and all that is theirs to see.
type viewer struct {
	Actor    event.Actor
	Name     string // the person's name, else the email; "" for the holder of a link
	Role     access.Role
	Contact  readmodels.Contact
	View     readmodels.View
	Settings readmodels.Settings
	L        *locale.Locale
	Document id.ID // the only one that a link opens
	Kind     document.Kind
	Looking  bool // staff look at what the contact sees, and do nothing
}

func (v *viewer) guest() bool { return v.Actor.Kind == event.ActorLink }

// may reports whether the person may do what needs a role; commands check it again. The
// holder of a link may do on its document whatever the contact may.
func (v *viewer) may(need access.Role) bool { return v.guest() || v.Role.Allows(need) }

type viewerKey struct{}

func viewerOf(r *http.Request) *viewer {
	v, _ := r.Context().Value(viewerKey{}).(*viewer)
	return v
}

// signedIn lets people with a session through, and sends others to sign in. Whether
// the session's login still has access is read from its own events at each request.
func (p *Portal) signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := p.lookingViewer(r)
		if v == nil && err == nil {
			v, err = p.viewerOfSession(r)
		}
		switch {
		case err == nil && v.Looking && !lookable(r):
			p.Refuse(w, r, fault.New(fault.Forbidden, "look.read_only"))
			return
		case fault.Is(err, fault.Unauthorized):
			p.DropCookie(w, edge.SessionCookie)
			p.toSignIn(w, r)
			return
		case err != nil:
			p.Refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), viewerKey{}, v)))
	})
}

func (p *Portal) toSignIn(w http.ResponseWriter, r *http.Request) {
	to := "/sign-in"
	if here := edge.Here(r); r.Method == http.MethodGet && here != "/" {
		to += "?" + url.Values{"next": {here}}.Encode()
	}
	if r.Header.Get("HX-Request") == "true" {
		w.Header().Set("HX-Redirect", to)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (p *Portal) viewerOfSession(r *http.Request) (*viewer, error) {
	s, err := p.Session(r, edge.SessionCookie, event.ActorLogin)
	if err != nil {
		return nil, err
	}
	login, _, err := commands.State(r.Context(), p.Commands.Executor, access.LoginDecider(), s.Actor.ID,
		commands.Request{Account: p.Account, Contact: s.Contact})
	switch {
	case fault.Is(err, fault.NotFound) || err == nil && (!login.Active() || !login.HasPassword):
		return nil, fault.New(fault.Unauthorized, "access.ended")
	case err != nil:
		return nil, err
	}
	v := &viewer{Actor: s.Actor, Name: login.Name, Role: login.Role}
	if v.Name == "" {
		v.Name = login.Email
	}
	return v, p.complete(r, v, s.Contact)
}

// complete adds what the viewer's contact is and speaks.
func (p *Portal) complete(r *http.Request, v *viewer, contact id.Contact) error {
	v.View = readmodels.For(p.Commands.Read, p.Account, contact)
	var err error
	if v.Contact, err = readmodels.GetContact(r.Context(), v.View); err != nil {
		return err
	}
	if v.Contact.ErasedAt != nil {
		return fault.New(fault.Unauthorized, "access.ended")
	}
	if v.Settings, err = p.Settings(r); err != nil {
		return err
	}
	v.L = p.Locale(r, v.Contact.Language)
	return nil
}

// today is the account's day.
func (p *Portal) today(v *viewer) document.Date { return v.Settings.Today(p.Now()) }

// page starts a page of the viewer.
func (p *Portal) page(r *http.Request, v *viewer, title string) templates.Page {
	page := p.Page(r, v.L, title)
	if v.guest() {
		page.Home = "/shared"
		return page
	}
	page.Person = &templates.Person{Name: v.Name, Of: v.Contact.Name, Security: "/security", SignOut: "/sign-out"}
	page.Nav = p.nav(r, v)
	page.Looking = v.looking()
	return page
}

// nav is the sections that there are for the contact.
func (p *Portal) nav(r *http.Request, v *viewer) []templates.NavItem {
	items := []templates.NavItem{{Href: "/", Label: v.L.T("nav.home"), Icon: "home"}}
	for _, k := range document.Kinds() {
		if k == document.PurchaseOrder && !v.Contact.Supplier || k != document.PurchaseOrder && !v.Contact.Client {
			continue
		}
		items = append(items, templates.NavItem{Href: "/" + templates.Section(k), Label: v.L.T("kinds." + string(k)), Icon: string(k)})
	}
	items = append(items, templates.NavItem{Href: "/documents", Label: v.L.T("nav.documents"), Icon: "documents"})
	if v.Contact.Client {
		items = append(items, templates.NavItem{Href: "/statement", Label: v.L.T("statement.title"), Icon: "statement"})
		items = append(items, templates.NavItem{Href: "/payments", Label: v.L.T("nav.payments"), Icon: "payment"})
	}
	if v.Contact.Catalogue {
		items = append(items, templates.NavItem{Href: "/catalogue", Label: v.L.T("nav.catalogue"), Icon: "catalogue"},
			templates.NavItem{Href: "/cart", Label: v.L.T("nav.cart"), Icon: "cart"})
	}
	current := slices.IndexFunc(items, func(i templates.NavItem) bool {
		return i.Href == r.URL.Path || i.Href != "/" && strings.HasPrefix(r.URL.Path, i.Href+"/")
	})
	if current >= 0 {
		items[current].Current = true
	}
	return items
}

// spot is one document, and who looks at it. Base is where its page is.
type spot struct {
	v    *viewer
	kind document.Kind
	doc  id.ID
	base string // the document's page; of the viewer's pages where there is no document
	root string // what payments' pages are below: "" or "/shared"
}

func (p *Portal) ofViewer(r *http.Request) (spot, error) { return spot{v: viewerOf(r)}, nil }

func (p *Portal) ofKind(k document.Kind) place {
	return func(r *http.Request) (spot, error) {
		doc := id.ID(chi.URLParam(r, "id"))
		if !id.Valid(doc) {
			return spot{}, fault.New(fault.NotFound, "not_found")
		}
		return spot{v: viewerOf(r), kind: k, doc: doc, base: templates.DocumentPath(k, string(doc))}, nil
	}
}

func (p *Portal) shared(r *http.Request) (spot, error) {
	v := viewerOf(r)
	return spot{v: v, kind: v.Kind, doc: v.Document, base: "/shared", root: "/shared"}, nil
}

// document returns the spot's document; another contact's, or one of another kind, is not found.
func (p *Portal) document(ctx context.Context, s spot) (readmodels.Document, error) {
	d, err := readmodels.Must(ctx, s.v.View, readmodels.Documents, string(s.doc))
	if err == nil && d.Kind != s.kind {
		err = fault.New(fault.NotFound, "not_found")
	}
	return d, err
}

func (p *Portal) request(r *http.Request, f templates.Form, v *viewer) commands.Request {
	return p.Request(r, f, v.Actor, v.Contact.ID)
}
