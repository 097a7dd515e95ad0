package main

import (
	"encoding/base32"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/govalues/decimal"

	"lonja/adapters/web/edge"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/catalogue"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/factor"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

// need is what it takes to do what a route does. The zero value of either is that nobody
// of that side may: for a contact's people there is no such thing then, and staff are
// forbidden what binds the contact.
type need struct {
	login  access.Role
	staff  account.StaffRole
	people bool // what one signs in with, and where: programs have no such thing
}

// What most acts take.
var (
	ofAnyLogin   = need{login: access.Read}
	ofAnybody    = need{login: access.Read, staff: account.StaffReader}
	toTalk       = need{login: access.Read, staff: account.StaffEditor}
	toApprove    = need{login: access.Approve}
	toPay        = need{login: access.Pay}
	toOrder      = need{login: access.Order}
	ofAnEditor   = need{staff: account.StaffEditor}
	ofAnyMember  = need{staff: account.StaffReader}
	ofTheirAdmin = need{staff: account.StaffAdmin}
	ofOneself    = need{access.Read, account.StaffReader, true}
)

// needs is every act that there is on the sides of contacts, staff and programs, by its
// name in routes. A new one fails the sweep until somebody has said here what it takes.
var needs = map[string]need{
	"POST /password": ofAnyLogin, "POST /sessions/end": ofAnyLogin, "POST /{kind}/{id}/comments": ofAnyLogin, "POST /{kind}/{id}/seen": ofAnyLogin,
	"POST /{kind}/{id}/repeat": toOrder, "POST /{kind}/{id}/approve": toApprove, "POST /{kind}/{id}/decline": toApprove, "POST /{kind}/{id}/changes": toApprove,
	"POST /{kind}/{id}/confirm": toApprove, "POST /{kind}/{id}/reject": toApprove,
	"POST /pay": toPay, "POST /payments/{payment}/announce": toPay, "POST /payments/{payment}/cancel": toPay, "POST /payments/{payment}/checkout": toPay,
	"POST /cart": toOrder, "POST /cart/order": toOrder,

	"POST /staff/payments/{payment}/receipt": ofAnEditor, "POST /staff/contacts/{contact}/logins": ofAnEditor,
	"POST /staff/contacts/{contact}/logins/{login}/password": ofAnEditor, "POST /staff/contacts/{contact}/logins/{login}/remove-password": ofAnEditor,
	"POST /staff/contacts/{contact}/catalogue": ofAnEditor, "POST /staff/contacts/{contact}/methods": ofAnEditor, "POST /staff/contacts/{contact}/links/{link}/revoke": ofAnEditor,
	"POST /staff/contacts/{contact}/{kind}/{id}/comments": ofAnEditor, "POST /staff/contacts/{contact}/{kind}/{id}/seen": ofAnEditor,
	"POST /staff/contacts/{contact}/{kind}/{id}/share": ofAnEditor, "POST /staff/contacts/{contact}/{kind}/{id}/confirm": ofAnEditor,
	"POST /staff/contacts/{contact}/{kind}/{id}/reject": ofAnEditor, "POST /staff/contacts/{contact}/{kind}/{id}/receipt": ofAnEditor,

	"POST /staff/contacts": ofAnEditor, "POST /staff/contacts/{contact}/details": ofAnEditor, "POST /staff/contacts/{contact}/roles": ofAnEditor,
	"POST /staff/contacts/{contact}/taxes": ofAnEditor, "POST /staff/contacts/{contact}/erase": ofTheirAdmin,
	"POST /staff/contacts/{contact}/logins/{login}/details": ofAnEditor, "POST /staff/contacts/{contact}/logins/{login}/remove": ofAnEditor,
	"POST /staff/contacts/{contact}/{kind}/{id}/withdraw": ofAnEditor, "POST /staff/contacts/{contact}/{kind}/{id}/ship": ofAnEditor,
	"POST /staff/contacts/{contact}/{kind}/{id}/fulfil": ofAnEditor, "POST /staff/contacts/{contact}/look": ofAnyMember, "POST /staff/look/end": ofAnyMember,
	"POST /staff/settings/account": ofTheirAdmin, "POST /staff/settings/branding": ofTheirAdmin, "POST /staff/settings/gateways/{gateway}": ofTheirAdmin,
	"POST /staff/settings/logo": ofTheirAdmin, "POST /staff/settings/logo/remove": ofTheirAdmin, "POST /staff/settings/people": ofTheirAdmin,
	"POST /staff/settings/people/{staff}/password": ofTheirAdmin, "POST /staff/settings/people/{staff}/remove": ofTheirAdmin, "POST /staff/settings/people/{staff}/role": ofTheirAdmin,
	"POST /staff/settings/programs": ofTheirAdmin, "POST /staff/settings/programs/{key}/revoke": ofTheirAdmin, "POST /staff/settings/transfer": ofTheirAdmin,

	"POST /staff/contacts/{contact}/{kind}/{id}/share-mail": ofAnEditor, "POST /staff/contacts/{contact}/invite": ofAnEditor, "POST /staff/invitations": ofAnEditor,
	"POST /staff/mails/{mail}/give-up": ofAnEditor, "POST /staff/mails/{mail}/retry": ofAnEditor, "POST /api/v1/contacts/{id}/invite": ofAnEditor,
	"POST /api/v1/invitations": ofAnEditor, "POST /api/v1/mails/{id}/give-up": ofAnEditor, "POST /api/v1/mails/{id}/retry": ofAnEditor,
	"POST /api/v1/documents/{id}/attachments": toTalk,

	"PUT /api/v1/account/logo": ofTheirAdmin, "POST /api/v1/account/logo/remove": ofTheirAdmin, "PUT /api/v1/logins/{id}": ofAnEditor, "PUT /api/v1/staff/{id}/role": ofTheirAdmin,
	"DELETE /api/v1/session": ofAnybody, "PUT /api/v1/session/password": ofOneself,
	"POST /api/v1/documents": ofAnEditor, "POST /api/v1/documents/{id}/comments": toTalk, "POST /api/v1/documents/{id}/read": toTalk,
	"POST /api/v1/quotes/{id}/approve": toApprove, "POST /api/v1/quotes/{id}/decline": toApprove, "POST /api/v1/quotes/{id}/changes": toApprove,
	"POST /api/v1/purchase-orders/{id}/confirm": toApprove, "POST /api/v1/purchase-orders/{id}/reject": toApprove,
	"POST /api/v1/payments": toPay, "POST /api/v1/payments/{id}/announce": toPay, "POST /api/v1/payments/{id}/cancel": toPay, "POST /api/v1/payments/{id}/checkout": toPay,
	"PUT /api/v1/cart/{product}": toOrder, "POST /api/v1/orders": toOrder, "POST /api/v1/orders/{id}/repeat": toOrder,
	"POST /api/v1/transfers": ofAnEditor, "POST /api/v1/catalogue/products": ofAnEditor, "POST /api/v1/orders/{id}/state": ofAnEditor,
	"POST /api/v1/contacts": ofAnEditor, "PUT /api/v1/contacts/{id}/catalogue": ofAnEditor, "POST /api/v1/contacts/{id}/logins": ofAnEditor,
	"POST /api/v1/quotes/{id}/withdraw": ofAnEditor, "POST /api/v1/purchase-orders/{id}/cancel": ofAnEditor, "POST /api/v1/invoices/{id}/cancel": ofAnEditor,
	"POST /api/v1/documents/{id}/withdraw": ofAnEditor, "POST /api/v1/payments/{id}/refund": ofAnEditor, "POST /api/v1/documents/{id}/links": ofAnEditor,
	"POST /api/v1/links/{id}/revoke": ofAnEditor, "PUT /api/v1/contacts/{id}": ofAnEditor, "POST /api/v1/contacts/{id}/erase": ofTheirAdmin,
	"PUT /api/v1/contacts/{id}/language": toTalk, "PUT /api/v1/contacts/{id}/roles": ofAnEditor, "PUT /api/v1/contacts/{id}/taxes": ofAnEditor,
	"PUT /api/v1/contacts/{id}/payment-methods": ofAnEditor, "PUT /api/v1/logins/{id}/role": ofAnEditor, "PUT /api/v1/logins/{id}/password": ofAnEditor,
	"POST /api/v1/logins/{id}/remove-password": ofAnEditor, "POST /api/v1/logins/{id}/remove": ofAnEditor, "POST /api/v1/catalogue/products/{id}/withdraw": ofAnEditor,
	"POST /api/v1/price-lists": ofAnEditor, "PUT /api/v1/price-lists/{id}": ofAnEditor,
	"PUT /api/v1/account": ofTheirAdmin, "PUT /api/v1/account/branding": ofTheirAdmin, "PUT /api/v1/account/transfer": ofTheirAdmin,
	"PUT /api/v1/account/gateways": ofTheirAdmin, "POST /api/v1/staff": ofTheirAdmin, "POST /api/v1/staff/{id}/remove": ofTheirAdmin,
	"PUT /api/v1/staff/{id}/password": ofTheirAdmin, "POST /api/v1/api-keys": ofTheirAdmin, "POST /api/v1/api-keys/{id}/revoke": ofTheirAdmin,

	"POST /security/password": ofAnyLogin, "POST /security/app": ofAnyLogin, "POST /security/app/confirm": ofAnyLogin, "POST /security/app/remove": ofAnyLogin, "POST /security/codes": ofAnyLogin, "POST /security/passkeys": ofAnyLogin,
	"POST /security/passkeys/begin": ofAnyLogin, "POST /security/passkeys/{passkey}/remove": ofAnyLogin, "POST /security/sessions/{mark}/end": ofAnyLogin, "POST /security/sessions/end": ofAnyLogin, "POST /security/sessions/end-all": ofAnyLogin,
	"POST /staff/security/password": ofAnyMember, "POST /staff/security/app": ofAnyMember, "POST /staff/security/app/confirm": ofAnyMember, "POST /staff/security/app/remove": ofAnyMember, "POST /staff/security/codes": ofAnyMember, "POST /staff/security/passkeys": ofAnyMember,
	"POST /staff/security/passkeys/begin": ofAnyMember, "POST /staff/security/passkeys/{passkey}/remove": ofAnyMember, "POST /staff/security/sessions/{mark}/end": ofAnyMember, "POST /staff/security/sessions/end": ofAnyMember, "POST /staff/security/sessions/end-all": ofAnyMember,
	"POST /staff/security/required": ofTheirAdmin, "POST /staff/security/team/{staff}/clear": ofTheirAdmin,
	"POST /staff/contacts/{contact}/logins/{login}/clear-factors": ofAnEditor, "POST /staff/contacts/{contact}/logins/{login}/end-sessions": ofAnEditor,
	"POST /api/v1/session/app": ofOneself, "POST /api/v1/session/app/confirm": ofOneself, "POST /api/v1/session/app/remove": ofOneself, "POST /api/v1/session/recovery-codes": ofOneself,
	"POST /api/v1/session/passkeys/{id}/remove": ofOneself, "POST /api/v1/sessions/{mark}/end": ofOneself, "POST /api/v1/sessions/end-others": ofOneself,
	"POST /api/v1/logins/{id}/clear-factors": ofAnEditor, "POST /api/v1/logins/{id}/end-sessions": ofAnEditor, "POST /api/v1/staff/{id}/clear-factors": ofTheirAdmin,
	"PUT /api/v1/account/staff-factor": ofTheirAdmin,
}

// colleague is somebody of the victim's contact, or of the account, with a role.
type colleague struct {
	attacker
	login   access.Role
	staff   account.StaffRole
	program bool
}

// mayDo reports whether an act is theirs to do.
func (c colleague) mayDo(n need) bool {
	if c.program && n.people {
		return false
	}
	if c.staff != "" {
		return n.staff != "" && c.staff.Allows(n.staff)
	}
	return n.login != "" && c.login.Allows(n.login)
}

// colleagues gives the victim a person of each role, and the account one, and a program.
func (w *sweep) colleagues() []colleague {
	w.t.Helper()
	ctx, x := w.t.Context(), w.app.commands
	var out []colleague
	for _, role := range []access.Role{access.Full, access.Approve, access.Pay, access.Order, access.Read} {
		login, _, err := x.CreateLogin(ctx, w.req(w.account), commands.CreateLogin{Contact: w.victim.contact, Email: string(role) + "@ibanez.example", Role: role, Password: ownerPassword})
		w.must(err)
		who := w.person(w.served, "a colleague who may "+string(role), edge.SessionCookie, w.account,
			commands.Session{Contact: w.victim.contact, Actor: event.Actor{Kind: event.ActorLogin, ID: string(login)}}, map[side]bool{portalSide: true, apiSide: true})
		out = append(out, colleague{attacker: who, login: role})
	}
	for _, role := range []account.StaffRole{account.StaffReader, account.StaffEditor, account.StaffAdmin} {
		member, _, err := x.AddStaff(ctx, w.req(w.account), commands.AddStaff{Email: string(role) + "@cantabricas.example", Name: string(role), Role: role, Password: staffPassword + "-" + string(role)})
		w.must(err)
		who := w.person(w.served, "staff, "+string(role), edge.StaffCookie, w.account,
			commands.Session{Actor: event.Actor{Kind: event.ActorStaff, ID: string(member)}}, map[side]bool{staffSide: true, apiSide: true})
		out = append(out, colleague{attacker: who, staff: role})
	}
	_, key, _, err := x.CreateAPIKey(ctx, w.req(w.account), commands.CreateAPIKey{Name: "ERP"})
	w.must(err)
	return append(out, colleague{attacker: attacker{name: "a program", handler: w.served, token: key, may: map[side]bool{apiSide: true}}, staff: account.StaffEditor, program: true})
}

// newOffice is a system with the victim and its colleagues.
func newOffice(t testing.TB) (*sweep, []colleague) {
	t.Helper()
	w := openSweep(t)
	w.makeVictim()
	link, _, err := w.app.commands.ShareLink(t.Context(), w.req(w.account), commands.ShareLink{Document: w.victim.docs[document.Invoice], Kind: document.Invoice})
	w.must(err)
	w.victim.link = link.ID
	w.makeMails()
	all := w.colleagues()
	w.settle()
	return w, all
}

// acts are the routes that change something on the sides of contacts, staff and programs;
// those after which somebody is no longer there come last.
func (w *sweep) acts() []route {
	w.t.Helper()
	var first, last, erasing, leaving []route
	seen := map[string]bool{}
	for _, r := range w.walk() {
		whose := routes[r.named()]
		if r.method == http.MethodGet || whose != portalSide && whose != staffSide && whose != apiSide {
			continue
		}
		seen[r.named()] = true
		if _, known := needs[r.named()]; !known {
			w.t.Errorf("nobody has said what %s takes: add %q to needs", r.pattern, r.named())
			continue
		}
		switch {
		case r.leaves():
			leaving = append(leaving, r)
		case strings.HasSuffix(r.pattern, "/erase"):
			erasing = append(erasing, r)
		case undoes.MatchString(r.pattern):
			last = append(last, r)
		default:
			first = append(first, r)
		}
	}
	for name := range needs {
		if !seen[name] {
			w.t.Errorf("%s is in needs, but there is no such act", name)
		}
	}
	return slices.Concat(first, last, erasing, leaving)
}

// leaves reports whether whoever does it is signed out by it.
func (r route) leaves() bool {
	return r.method == http.MethodDelete || strings.HasSuffix(r.pattern, "/sessions/end-all")
}

// onePixel is a picture.
const onePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// whole are the bodies of what the sweep asks for with empty ones, lest the attackers do it in
// their own account.
var whole = map[string]any{
	"PUT /api/v1/account":             object{"name": "Conservas", "currency": "EUR", "language": "es", "timeZone": "Europe/Madrid"},
	"PUT /api/v1/account/logo":        object{"picture": onePixel},
	"PUT /api/v1/account/branding":    object{"colour": "#112233", "welcome": "x"},
	"PUT /api/v1/account/transfer":    object{"iban": "ES9121000418450200051332", "beneficiary": "x"},
	"PUT /api/v1/account/gateways":    object{"gateway": "sandbox", "enabled": true},
	"POST /api/v1/staff":              object{"email": "new@cantabricas.example", "name": "Nuria", "role": "reader"},
	"POST /api/v1/api-keys":           object{"name": "x"},
	"POST /api/v1/contacts":           object{"name": "Salinas", "client": true},
	"POST /api/v1/documents":          paper(document.Invoice, "S-1"),
	"POST /api/v1/catalogue/products": object{"sku": "X-1", "name": "Sal", "price": "1.00 EUR", "taxRate": "10", "availability": "in_stock"},
	"POST /api/v1/orders":             object{"shownTotal": "22.00 EUR"},
	"POST /api/v1/price-lists":        object{"name": "x", "discount": "1"},
	"PUT /api/v1/session/password":    object{"current": "x", "password": "Ocho-Redes-Secan-Al-Sol"},
}

// typed are what the sweep leaves out of forms for the same reason.
var typed = map[string]url.Values{
	"POST /staff/contacts":                     {"client": {"1"}, "name": {"Salinas"}, "email": {"hola@salinas.example"}},
	"POST /staff/contacts/{contact}/details":   {"name": {"Bodegas " + secret}, "phone": {"941000000"}},
	"POST /staff/contacts/{contact}/taxes":     {"surcharge": {"1"}},
	"POST /staff/contacts/{contact}/erase":     {"confirm": {"Bodegas " + secret}},
	"POST /staff/settings/account":             {"name": {"Conservas"}, "language": {"es"}, "timeZone": {"Europe/Madrid"}},
	"POST /staff/settings/branding":            {"colour": {"#223344"}, "welcome": {"y"}},
	"POST /staff/settings/people":              {"role": {"reader"}, "email": {"nora@cantabricas.example"}, "password": {"Once-Velas-Cruzan-La-Bahia"}},
	"POST /staff/settings/people/{staff}/role": {"role": {"reader"}},
}

// tries are hits that ask for something.
func (r route) tries(x things) []hit {
	hits := r.hits(x)
	for i := range hits {
		if body, ok := whole[r.named()]; ok {
			hits[i].json = body
		}
		maps.Copy(hits[i].form, typed[r.named()])
	}
	return hits
}

// undoes are acts that end a person's access.
var undoes = regexp.MustCompile(`/(remove|remove-password|revoke|sessions/end|logins/\{(id|login)\}/password|logins/\{id\}/role)$`)

// TestRolesAreEnforcedOnEveryRoute walks every act that there is as each colleague of the
// victim, as staff of each role and as a program, with the ids of what there is. An act that
// is not theirs is forbidden, or is not there, and records nothing; one that is theirs is
// not forbidden.
func TestRolesAreEnforcedOnEveryRoute(t *testing.T) {
	t.Parallel()
	w, all := newOffice(t)
	acts := w.acts()
	for _, act := range acts {
		n := needs[act.named()]
		for _, c := range all {
			if c.mayDo(n) || !c.may[routes[act.named()]] {
				continue
			}
			forbidden := 0
			for _, h := range act.tries(w.victim) {
				what := fmt.Sprintf("%s: %s %s", c.name, h.method, h.path)
				got := w.asked(what, c.attacker, h)
				switch {
				case got.Code == http.StatusForbidden:
					forbidden++
				case got.Code != http.StatusNotFound:
					t.Errorf("%s: answered %d, but it is not theirs to do:\n%.300s", what, got.Code, got.Body)
				}
			}
			// What others of one's own side may do is there: the reason is told.
			if others := c.staff != "" && n.staff != "" && !(c.program && n.people) || c.login != "" && n.login != ""; others && forbidden == 0 {
				t.Errorf("%s is never told that %s is forbidden", c.name, act.named())
			}
		}
	}
	for _, act := range acts {
		for _, c := range all {
			if !c.mayDo(needs[act.named()]) || !c.may[routes[act.named()]] {
				continue
			}
			for _, h := range act.tries(w.victim) {
				if got := w.ask(c.attacker, h); got.Code == http.StatusForbidden || got.Code >= http.StatusInternalServerError {
					t.Errorf("%s: %s %s: answered %d, but it is theirs to do:\n%.300s", c.name, h.method, h.path, got.Code, got.Body)
				}
			}
		}
	}
	if text := w.log.String(); strings.Contains(text, "level=ERROR") {
		t.Errorf("the program logged\n%s", text)
	}
}

// TestReadingChangesNothing opens every address that there is, as programs that scan mail
// open links: by GET and by HEAD, as nobody, as who holds a link, as the contact's people and
// as staff. Nothing is recorded, and what a link is good for, it still is.
func TestReadingChangesNothing(t *testing.T) {
	t.Parallel()
	w := openSweep(t)
	w.makeVictim()
	ctx, x := t.Context(), w.app.commands
	link, _, err := x.ShareLink(ctx, w.req(w.account), commands.ShareLink{Document: w.victim.docs[document.Quote], Kind: document.Quote})
	w.must(err)
	w.victim.link = link.ID
	recovery := w.recovery("marta@ibanez.example")
	guest := w.person(w.served, "the holder of the link", edge.LinkCookie, w.account,
		commands.Session{Contact: w.victim.contact, Actor: event.Actor{Kind: event.ActorLink, ID: string(link.ID)}}, nil)
	w.settle()
	read := func(who []attacker) {
		t.Helper()
		for _, r := range w.walk() {
			if r.method != http.MethodGet || routes[r.named()] == machines {
				continue
			}
			hits := r.hits(w.victim)
			for _, token := range []string{link.Token, recovery} {
				if strings.Contains(r.pattern, "{token}") {
					hits = append(hits, hit{path: strings.ReplaceAll(r.pattern, "{token}", token)})
				}
			}
			for _, h := range hits {
				for _, method := range []string{http.MethodGet, http.MethodHead} {
					for _, a := range who {
						h.method = method
						before := w.head()
						if got := w.ask(a, h); got.Code >= http.StatusInternalServerError {
							t.Errorf("%s: %s %s: %d", a.name, method, h.path, got.Code)
						}
						for _, e := range w.after(before) {
							if !noted(a, h, e) {
								t.Errorf("%s: %s %s recorded %q", a.name, method, h.path, e)
							}
						}
					}
				}
			}
		}
	}
	read([]attacker{{name: "nobody", handler: w.served}, guest})
	opened, err := x.OpenLink(ctx, w.req(w.account), commands.OpenLink{Token: link.Token})
	if w.must(err); opened.Decision != access.Open {
		t.Errorf("the link, which was only read, is %s", opened.Decision)
	}
	_, _, err = x.RecoverPassword(ctx, w.req(w.account), commands.RecoverPassword{Token: recovery, Password: ownerPassword})
	w.must(err)

	var people []attacker
	for _, c := range w.colleagues() {
		people = append(people, c.attacker)
	}
	w.settle()
	read(people)
}

// noted reports whether an event says no more than that a person saw a document: who has
// signed in, or who had a file of it fetched by the link's cookie. A page that is opened by
// a link's address alone says nothing.
func noted(a attacker, h hit, e string) bool {
	_, guest := a.cookies[edge.LinkCookie]
	return strings.HasPrefix(e, "document.viewed ") && h.method == http.MethodGet && (!guest || strings.HasPrefix(h.path, "/shared/"))
}

// TestEveryActTwiceIsOnce sends every act that there is twice, as a form that is sent
// again or a program that heard no answer does: the second time it has the same answer and
// no effect.
func TestEveryActTwiceIsOnce(t *testing.T) {
	t.Parallel()
	w, all := newOffice(t)
	took := map[string]bool{}
	for n, act := range w.acts() {
		if !act.leaves() { // the contact is erased by then
			w.afresh(n, strings.Contains(act.pattern, "/logins/"))
			if strings.HasSuffix(act.pattern, "}/clear-factors") && strings.Contains(act.pattern, "/logins/") {
				w.addApp(commands.Session{Contact: w.victim.contact, Actor: event.Actor{Kind: event.ActorLogin, ID: string(w.victim.login)}})
			}
		}
		for _, c := range all {
			if !c.may[routes[act.named()]] || c.login != access.Full && c.staff != account.StaffAdmin {
				continue
			}
			for i, h := range act.tries(w.victim) {
				if h.form != nil {
					h.form.Set("shown", "22.00 EUR")
					h.form.Set("command", id.Derive("twice", act.pattern, c.name, fmt.Sprint(i)).String())
				}
				h.key = fmt.Sprintf("%s %s %d", act.named(), c.name, i)
				what := fmt.Sprintf("%s: %s %s", c.name, h.method, h.path)
				before := w.head()
				first := w.ask(c.attacker, h)
				if len(w.after(before)) > 0 {
					took[act.named()] = true
				}
				w.settle()
				before = w.head()
				second := w.ask(c.attacker, h)
				if events := w.after(before); len(events) > 0 {
					t.Errorf("%s: the second time it recorded %q", what, events)
				}
				if act.leaves() {
					continue // the session is over
				}
				if first.Code != second.Code || first.Header().Get("Location") != second.Header().Get("Location") {
					t.Errorf("%s: %d %s the first time, %d %s the second:\n%.300s\n%.300s", what,
						first.Code, first.Header().Get("Location"), second.Code, second.Header().Get("Location"), first.Body, second.Body)
				}
			}
		}
	}
	// Passwords that are wrong, and what the sweep has no id of, are refused twice. What people
	// do about their own sign-in is not counted: it records nothing, or what they hold is
	// another from then on.
	counted := 0
	for name := range needs {
		if !strings.Contains(name, "/security/") && !strings.Contains(name, "/session/") && !strings.Contains(name, "/sessions/") {
			counted++
		}
	}
	if 3*len(took) < 2*counted {
		for name := range needs {
			if !took[name] {
				t.Errorf("%s had no effect", name)
			}
		}
	}
}

// afresh gives the victim new things that nothing was done with yet: documents, one of them an
// order that waits for its confirmation, a payment under way, a cart, a link, and a login where one is asked for.
func (w *sweep) afresh(n int, person bool) {
	w.t.Helper()
	ctx, x, v := w.t.Context(), w.app.commands, &w.victim
	for _, k := range document.Kinds() {
		v.docs[k] = w.issue(k, fmt.Sprintf("%s-%d", k, n), secret)
	}
	as := func() commands.Request {
		r := w.req(w.account)
		r.Contact = v.contact
		return r
	}
	var err error
	v.product, _, err = x.PublishProduct(ctx, w.req(w.account), commands.PublishProduct{Product: catalogue.Product{
		SKU: "AN-50", Name: "Anchoa", Unit: "BX", Price: money.Of(1000, "EUR"), TaxRate: decimal.MustParse("10"), Availability: catalogue.InStock,
	}})
	w.must(err)
	cart := commands.SetCartLine{Product: v.product, Quantity: decimal.MustParse("2")}
	_, err = x.SetContactTaxes(ctx, w.req(w.account), commands.SetContactTaxes{Contact: v.contact})
	w.must(err)
	_, err = x.EnableCatalogue(ctx, w.req(w.account), commands.EnableCatalogue{Contact: v.contact})
	w.must(err)
	_, err = x.SetCartLine(ctx, as(), cart)
	w.must(err)
	v.docs[document.SalesOrder], _, err = x.PlaceOrder(ctx, as(), commands.PlaceOrder{ShownTotal: money.Of(2200, "EUR")})
	w.must(err)
	_, err = x.SetCartLine(ctx, as(), cart)
	w.must(err)
	v.payment, _, err = x.StartPayment(ctx, as(), commands.StartPayment{Method: "transfer", Documents: []commands.PayDocument{{Kind: document.Invoice, ID: w.issue(document.Invoice, fmt.Sprintf("paid-%d", n), secret)}}})
	w.must(err)
	if person { // a password takes a while
		v.login, _, err = x.CreateLogin(ctx, w.req(w.account), commands.CreateLogin{Contact: v.contact, Email: fmt.Sprintf("n%d@ibanez.example", n), Role: access.Full, Password: ownerPassword})
		w.must(err)
	}
	link, _, err := x.ShareLink(ctx, w.req(w.account), commands.ShareLink{Document: v.docs[document.Invoice], Kind: document.Invoice})
	w.must(err)
	v.link = link.ID
	_, _, err = x.PostComment(ctx, w.req(w.account), commands.PostComment{Document: v.docs[document.Quote], Kind: document.Quote, Text: secret})
	w.must(err)
	_, _, err = x.PostComment(ctx, as(), commands.PostComment{Document: v.docs[document.Quote], Kind: document.Quote, Text: secret})
	w.must(err)
	w.settle()
	w.hashes()
}

// addApp gives a login an authenticator app, and recovery codes with it.
func (w *sweep) addApp(s commands.Session) {
	w.t.Helper()
	ctx, x := w.t.Context(), w.app.commands
	as := w.req(w.account)
	as.Contact, as.Actor = s.Contact, s.Actor
	step, err := x.BeginTOTP(ctx, as, commands.Proof{Password: ownerPassword})
	w.must(err)
	set, err := x.TOTPSetUp(ctx, as, step)
	w.must(err)
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(set.Secret, " ", ""))
	w.must(err)
	_, _, err = x.ConfirmTOTP(ctx, as, commands.ConfirmTOTP{Step: step, Code: factor.Code(secret, factor.Step(as.At))})
	w.must(err)
}

// hashes finds what the victim's documents say, as their pages do.
func (w *sweep) hashes() {
	w.t.Helper()
	w.victim.hash = map[document.Kind]string{}
	for k, doc := range w.victim.docs {
		d, err := readmodels.Must(w.t.Context(), readmodels.For(w.app.read, w.account, w.victim.contact), readmodels.Documents, string(doc))
		w.must(err)
		w.victim.hash[k] = d.Hash
	}
}
