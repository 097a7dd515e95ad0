package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/govalues/decimal"

	"lonja/adapters/telemetry"
	"lonja/adapters/web/edge"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/catalogue"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

// side says whose a route is: what someone else is told there.
type side int

const (
	anyones    side = iota + 1 // everybody's: nobody is asked who they are
	portalSide                 // a contact's people's: others are sent to sign in
	sharedSide                 // the holder's of a link: others are sent to sign in
	staffSide                  // staff's: others are sent to sign in there
	apiSide                    // the API's: others get 401
	machines                   // a gateway's, with proofs of its own
)

// routes is every route that there is, "{kind}" being each kind of document's section. A
// new route fails the sweep until somebody has said here whose it is. What is put into its
// path, query, form and JSON is in hits.
var routes = map[string]side{
	"GET /healthz": anyones, "GET /readyz": anyones, "GET /brand.css": anyones, "GET /logo/{file}": anyones, "GET /static/*": anyones, "POST /language": anyones, "POST /theme": anyones,
	"GET /sign-in": anyones, "POST /sign-in": anyones, "POST /sign-out": anyones, "GET /recover": anyones, "POST /recover": anyones, "GET /recover/{token}": anyones,
	"GET /new-password": anyones, "POST /new-password": anyones, "GET /d/{token}": anyones, "GET /staff/sign-in": anyones, "POST /staff/sign-in": anyones, "POST /staff/sign-out": anyones,
	"GET /sandbox/*": machines, "POST /sandbox/*": machines, "POST /webhooks/sandbox": machines,

	"GET /": portalSide, "GET /password": portalSide, "POST /password": portalSide, "POST /sessions/end": portalSide,
	"GET /documents": portalSide, "GET /{kind}": portalSide, "GET /{kind}/{id}": portalSide, "GET /{kind}/{id}/pdf": portalSide, "GET /{kind}/{id}/ubl": portalSide, "GET /{kind}/{id}/facturx": portalSide, "GET /{kind}/{id}/pay": portalSide,
	"POST /{kind}/{id}/comments": portalSide, "POST /{kind}/{id}/seen": portalSide, "POST /{kind}/{id}/repeat": portalSide,
	"POST /{kind}/{id}/approve": portalSide, "POST /{kind}/{id}/decline": portalSide, "POST /{kind}/{id}/changes": portalSide,
	"POST /{kind}/{id}/confirm": portalSide, "POST /{kind}/{id}/reject": portalSide,
	"GET /{kind}/{id}/attachments/{comment}/{attachment}": portalSide, "GET /{kind}/{id}/certificate": portalSide,
	"GET /documents.csv": portalSide, "GET /documents.xlsx": portalSide,
	"GET /statement": portalSide, "GET /statement.csv": portalSide, "GET /statement.xlsx": portalSide, "GET /statement.pdf": portalSide,
	"GET /pay": portalSide, "POST /pay": portalSide, "GET /payments": portalSide, "GET /payments/{payment}": portalSide,
	"POST /payments/{payment}/announce": portalSide, "POST /payments/{payment}/cancel": portalSide, "POST /payments/{payment}/checkout": portalSide,
	"GET /catalogue": portalSide, "GET /cart": portalSide, "POST /cart": portalSide, "POST /cart/order": portalSide,

	"GET /shared": sharedSide, "GET /shared/pdf": sharedSide, "GET /shared/ubl": sharedSide, "GET /shared/facturx": sharedSide, "GET /shared/pay": sharedSide, "POST /shared/pay": sharedSide,
	"POST /shared/viewed": sharedSide, "POST /shared/comments": sharedSide, "POST /shared/seen": sharedSide, "POST /shared/approve": sharedSide, "POST /shared/decline": sharedSide,
	"POST /shared/changes": sharedSide, "POST /shared/confirm": sharedSide, "POST /shared/reject": sharedSide, "GET /shared/payments/{payment}": sharedSide,
	"GET /shared/attachments/{comment}/{attachment}": sharedSide, "GET /shared/certificate": sharedSide,
	"POST /shared/payments/{payment}/announce": sharedSide, "POST /shared/payments/{payment}/cancel": sharedSide, "POST /shared/payments/{payment}/checkout": sharedSide,

	"GET /staff": staffSide, "GET /staff/contacts": staffSide, "GET /staff/orders": staffSide, "GET /staff/comments": staffSide, "GET /staff/payments": staffSide,
	"POST /staff/payments/{payment}/receipt": staffSide, "GET /staff/contacts/{contact}": staffSide, "POST /staff/contacts/{contact}/logins": staffSide,
	"POST /staff/contacts/{contact}/logins/{login}/password": staffSide, "POST /staff/contacts/{contact}/logins/{login}/remove-password": staffSide,
	"POST /staff/contacts/{contact}/catalogue": staffSide, "POST /staff/contacts/{contact}/methods": staffSide, "POST /staff/contacts/{contact}/links/{link}/revoke": staffSide,
	"GET /staff/contacts/{contact}/statement": staffSide, "GET /staff/contacts/{contact}/statement.csv": staffSide,
	"GET /staff/contacts/{contact}/statement.xlsx": staffSide, "GET /staff/contacts/{contact}/statement.pdf": staffSide,
	"GET /staff/contacts/{contact}/{kind}/{id}": staffSide, "GET /staff/contacts/{contact}/{kind}/{id}/pdf": staffSide, "GET /staff/contacts/{contact}/{kind}/{id}/ubl": staffSide, "GET /staff/contacts/{contact}/{kind}/{id}/facturx": staffSide,
	"POST /staff/contacts/{contact}/{kind}/{id}/comments": staffSide, "POST /staff/contacts/{contact}/{kind}/{id}/seen": staffSide, "POST /staff/contacts/{contact}/{kind}/{id}/share": staffSide,
	"GET /staff/contacts/{contact}/{kind}/{id}/attachments/{comment}/{attachment}": staffSide, "GET /staff/contacts/{contact}/{kind}/{id}/certificate": staffSide,
	"POST /staff/contacts/{contact}/{kind}/{id}/confirm": staffSide, "POST /staff/contacts/{contact}/{kind}/{id}/reject": staffSide, "POST /staff/contacts/{contact}/{kind}/{id}/receipt": staffSide,

	"POST /staff/contacts/{contact}/{kind}/{id}/withdraw": staffSide, "POST /staff/contacts/{contact}/{kind}/{id}/ship": staffSide, "POST /staff/contacts/{contact}/{kind}/{id}/fulfil": staffSide,
	"GET /staff/documents": staffSide, "GET /staff/contacts/new": staffSide, "POST /staff/contacts": staffSide, "POST /staff/look/end": staffSide, "POST /staff/contacts/{contact}/look": staffSide,
	"POST /staff/contacts/{contact}/details": staffSide, "POST /staff/contacts/{contact}/roles": staffSide, "POST /staff/contacts/{contact}/taxes": staffSide, "POST /staff/contacts/{contact}/erase": staffSide,
	"POST /staff/contacts/{contact}/logins/{login}/details": staffSide, "POST /staff/contacts/{contact}/logins/{login}/remove": staffSide,
	"GET /staff/settings": staffSide, "POST /staff/settings/account": staffSide, "GET /staff/settings/payments": staffSide, "POST /staff/settings/transfer": staffSide, "POST /staff/settings/gateways/{gateway}": staffSide,
	"GET /staff/settings/branding": staffSide, "POST /staff/settings/branding": staffSide, "GET /staff/settings/preview.css": staffSide, "POST /staff/settings/logo": staffSide, "POST /staff/settings/logo/remove": staffSide,
	"GET /staff/settings/people": staffSide, "POST /staff/settings/people": staffSide, "POST /staff/settings/people/{staff}/role": staffSide, "POST /staff/settings/people/{staff}/password": staffSide,
	"POST /staff/settings/people/{staff}/remove": staffSide, "GET /staff/settings/programs": staffSide, "POST /staff/settings/programs": staffSide, "POST /staff/settings/programs/{key}/revoke": staffSide,
	"GET /staff/mails": staffSide, "POST /staff/mails/{mail}/retry": staffSide, "POST /staff/mails/{mail}/give-up": staffSide,
	"GET /staff/invitations/new": staffSide, "POST /staff/invitations": staffSide, "GET /staff/invitations/{batch}": staffSide,
	"POST /staff/contacts/{contact}/invite": staffSide, "POST /staff/contacts/{contact}/{kind}/{id}/share-mail": staffSide,
	"GET /api/v1/mails": apiSide, "POST /api/v1/mails/{id}/retry": apiSide, "POST /api/v1/mails/{id}/give-up": apiSide,
	"POST /api/v1/contacts/{id}/invite": apiSide, "POST /api/v1/invitations": apiSide, "GET /api/v1/invitations/{id}": apiSide,

	"GET /api/v1/openapi.json": anyones, "GET /api/v1/openapi.yaml": anyones, "GET /api/v1/openapi-3.0.json": anyones, "GET /api/v1/openapi-3.0.yaml": anyones,
	"POST /api/v1/session": anyones, "DELETE /api/v1/session": apiSide,
	"GET /api/v1/home": apiSide, "GET /api/v1/activity": apiSide, "GET /api/v1/documents": apiSide, "POST /api/v1/documents": apiSide,
	"GET /api/v1/documents/{id}": apiSide, "GET /api/v1/documents/{id}/pdf": apiSide, "GET /api/v1/documents/{id}/ubl": apiSide, "GET /api/v1/documents/{id}/facturx": apiSide, "GET /api/v1/documents/{id}/comments": apiSide,
	"POST /api/v1/documents/{id}/attachments": apiSide, "GET /api/v1/documents/{id}/attachments/{comment}/{attachment}": apiSide, "GET /api/v1/quotes/{id}/certificate": apiSide,
	"POST /api/v1/documents/{id}/comments": apiSide, "POST /api/v1/documents/{id}/read": apiSide,
	"POST /api/v1/quotes/{id}/approve": apiSide, "POST /api/v1/quotes/{id}/decline": apiSide, "POST /api/v1/quotes/{id}/changes": apiSide,
	"POST /api/v1/purchase-orders/{id}/confirm": apiSide, "POST /api/v1/purchase-orders/{id}/reject": apiSide,
	"GET /api/v1/documents.csv": apiSide, "GET /api/v1/documents.xlsx": apiSide,
	"GET /api/v1/statement": apiSide, "GET /api/v1/statement.csv": apiSide, "GET /api/v1/statement.xlsx": apiSide, "GET /api/v1/statement.pdf": apiSide,
	"GET /api/v1/payments": apiSide, "POST /api/v1/payments": apiSide, "GET /api/v1/payments/{id}": apiSide, "POST /api/v1/payments/{id}/announce": apiSide,
	"POST /api/v1/payments/{id}/cancel": apiSide, "POST /api/v1/transfers": apiSide,
	"GET /api/v1/catalogue/products": apiSide, "POST /api/v1/catalogue/products": apiSide, "GET /api/v1/cart": apiSide, "PUT /api/v1/cart/{product}": apiSide,
	"POST /api/v1/orders": apiSide, "POST /api/v1/orders/{id}/state": apiSide,
	"GET /api/v1/contacts": apiSide, "POST /api/v1/contacts": apiSide, "GET /api/v1/contacts/{id}": apiSide, "PUT /api/v1/contacts/{id}/catalogue": apiSide,
	"POST /api/v1/contacts/{id}/logins": apiSide,
	"POST /api/v1/quotes/{id}/withdraw": apiSide, "POST /api/v1/purchase-orders/{id}/cancel": apiSide, "POST /api/v1/invoices/{id}/cancel": apiSide, "POST /api/v1/documents/{id}/withdraw": apiSide,
	"POST /api/v1/orders/{id}/repeat": apiSide, "POST /api/v1/payments/{id}/refund": apiSide, "POST /api/v1/payments/{id}/checkout": apiSide, "POST /api/v1/documents/{id}/links": apiSide,
	"GET /api/v1/contacts/{id}/links": apiSide, "POST /api/v1/links/{id}/revoke": apiSide, "GET /api/v1/contacts/{id}/logins": apiSide, "PUT /api/v1/contacts/{id}": apiSide,
	"POST /api/v1/contacts/{id}/erase": apiSide, "PUT /api/v1/contacts/{id}/language": apiSide, "PUT /api/v1/contacts/{id}/roles": apiSide, "PUT /api/v1/contacts/{id}/taxes": apiSide,
	"PUT /api/v1/contacts/{id}/payment-methods": apiSide, "PUT /api/v1/logins/{id}/role": apiSide, "PUT /api/v1/logins/{id}/password": apiSide, "POST /api/v1/logins/{id}/remove-password": apiSide,
	"POST /api/v1/logins/{id}/remove": apiSide, "PUT /api/v1/session/password": apiSide, "POST /api/v1/catalogue/products/{id}/withdraw": apiSide, "GET /api/v1/price-lists": apiSide,
	"POST /api/v1/price-lists": apiSide, "PUT /api/v1/price-lists/{id}": apiSide, "GET /api/v1/account": apiSide, "PUT /api/v1/account": apiSide,
	"PUT /api/v1/account/branding": apiSide, "PUT /api/v1/account/transfer": apiSide, "PUT /api/v1/account/gateways": apiSide, "GET /api/v1/staff": apiSide,
	"POST /api/v1/staff": apiSide, "POST /api/v1/staff/{id}/remove": apiSide, "PUT /api/v1/staff/{id}/password": apiSide, "POST /api/v1/api-keys": apiSide,
	"POST /api/v1/api-keys/{id}/revoke": apiSide, "GET /api/v1/api-keys": apiSide, "GET /api/v1/contacts/{id}/sights": apiSide, "PUT /api/v1/logins/{id}": apiSide,
	"PUT /api/v1/staff/{id}/role": apiSide, "PUT /api/v1/account/logo": apiSide, "POST /api/v1/account/logo/remove": apiSide,

	"GET /sign-in/code": anyones, "POST /sign-in/code": anyones, "POST /sign-in/passkey": anyones, "POST /sign-in/passkey/begin": anyones,
	"GET /staff/sign-in/code": anyones, "POST /staff/sign-in/code": anyones, "POST /staff/sign-in/passkey": anyones, "POST /staff/sign-in/passkey/begin": anyones,
	"GET /security": portalSide, "POST /security/password": portalSide, "GET /security/app": portalSide, "POST /security/app": portalSide, "POST /security/app/confirm": portalSide,
	"POST /security/app/remove": portalSide, "POST /security/codes": portalSide, "POST /security/passkeys": portalSide, "POST /security/passkeys/begin": portalSide,
	"POST /security/passkeys/{passkey}/remove": portalSide, "POST /security/sessions/{mark}/end": portalSide, "POST /security/sessions/end": portalSide, "POST /security/sessions/end-all": portalSide,
	"GET /staff/security": staffSide, "POST /staff/security/password": staffSide, "GET /staff/security/app": staffSide, "POST /staff/security/app": staffSide, "POST /staff/security/app/confirm": staffSide,
	"POST /staff/security/app/remove": staffSide, "POST /staff/security/codes": staffSide, "POST /staff/security/passkeys": staffSide, "POST /staff/security/passkeys/begin": staffSide,
	"POST /staff/security/passkeys/{passkey}/remove": staffSide, "POST /staff/security/sessions/{mark}/end": staffSide, "POST /staff/security/sessions/end": staffSide,
	"POST /staff/security/sessions/end-all": staffSide, "POST /staff/security/required": staffSide, "POST /staff/security/team/{staff}/clear": staffSide,
	"GET /staff/contacts/{contact}/logins/{login}":                staffSide,
	"POST /staff/contacts/{contact}/logins/{login}/clear-factors": staffSide, "POST /staff/contacts/{contact}/logins/{login}/end-sessions": staffSide,
	"GET /api/v1/session/factors": apiSide, "POST /api/v1/session/app": apiSide, "POST /api/v1/session/app/confirm": apiSide, "POST /api/v1/session/app/remove": apiSide,
	"POST /api/v1/session/recovery-codes": apiSide, "POST /api/v1/session/passkeys/{id}/remove": apiSide, "GET /api/v1/sessions": apiSide, "POST /api/v1/sessions/{mark}/end": apiSide,
	"POST /api/v1/sessions/end-others": apiSide, "POST /api/v1/logins/{id}/clear-factors": apiSide, "POST /api/v1/logins/{id}/end-sessions": apiSide,
	"POST /api/v1/staff/{id}/clear-factors": apiSide, "PUT /api/v1/account/staff-factor": apiSide,
}

// secret is in all that the victim has: nobody else may be told it. Who searches knows a
// part of it.
const (
	secret = "Secreto"
	hint   = "Secre"
)

// things are ids of one contact's things, or of nothing.
type things struct {
	contact                             id.Contact
	login, link, payment, product, list id.ID
	comment                             id.ID // with a file
	mail, batch                         id.ID
	none                                id.ID
	docs                                map[document.Kind]id.ID
	hash                                map[document.Kind]string // of what the documents say, where it is known
}

// hashOf is the hash of a document, or one of nothing.
func (x things) hashOf(k document.Kind) string {
	if h := x.hash[k]; h != "" {
		return h
	}
	return strings.Repeat("0", 64)
}

// nothings are ids that nothing has.
func nothings() things {
	x := things{contact: id.Contact(id.DeriveID("no contact")), login: id.DeriveID("no login"), link: id.DeriveID("no link"),
		payment: id.DeriveID("no payment"), product: id.DeriveID("no product"), list: id.DeriveID("no list"), comment: id.DeriveID("no comment"),
		mail: id.DeriveID("no mail"), batch: id.DeriveID("no batch"), docs: map[document.Kind]id.ID{}}
	for _, k := range document.Kinds() {
		x.docs[k] = id.DeriveID("no document", string(k))
	}
	return x
}

// attacker is somebody who is not the victim.
type attacker struct {
	name    string
	handler http.Handler
	cookies map[string]string
	token   string
	may     map[side]bool // sides on which they are somebody
	ended   bool          // what they hold is a link that opens nothing any more: they are told so
}

// TestNobodyReachesWhatIsAnothers walks every route that there is, as each kind of person,
// with the ids of what the victim has, and with ids that nothing has. The answers are the
// same to the byte, tell nothing of the victim's, and change nothing of it; one that is a
// refusal has recorded nothing at all.
func TestNobodyReachesWhatIsAnothers(t *testing.T) {
	t.Parallel()
	w := newSweep(t)
	before := w.victimsEvents()
	asked := 0
	for _, route := range w.walk() {
		whose, known := routes[route.named()]
		if !known {
			t.Errorf("nobody has said whose %s is: add %q to routes, and where it is an act, what it takes to needs", route.pattern, route.named())
			continue
		}
		for _, a := range w.attackers {
			theirs, nobodys := route.hits(w.victim), route.hits(nothings())
			for i := range theirs {
				asked++
				what := fmt.Sprintf("%s: %s %s", a.name, theirs[i].method, theirs[i].path)
				got, none := w.asked(what, a, theirs[i]), w.asked(what, a, nobodys[i])
				w.same(what, got, none)
				if text := plain(t, got.Body.Bytes()); strings.Contains(text, secret) {
					t.Errorf("%s tells of the victim:\n%.3000s", what, text)
				}
				w.expect(what, a, whose, theirs[i], got)
			}
		}
	}
	t.Logf("%d requests with each of both ids", asked)
	if after := w.victimsEvents(); !slices.Equal(before, after) {
		t.Errorf("the victim's events were\n%q, and are\n%q", before, after)
	}
	if text := w.log.String(); strings.Contains(text, "level=ERROR") {
		t.Errorf("refusals are no faults of the program, but it logged\n%s", text)
	}
}

// asked is ask, and checks that a refusal has recorded nothing.
func (w *sweep) asked(what string, a attacker, h hit) *httptest.ResponseRecorder {
	w.t.Helper()
	before := w.head()
	got := w.ask(a, h)
	to := got.Header().Get("Location")
	if got.Code < http.StatusBadRequest && !strings.HasPrefix(to, "/sign-in") && to != "/staff/sign-in" {
		return got
	}
	if events := w.after(before); len(events) > 0 {
		w.t.Errorf("%s: answered %d, and recorded %q", what, got.Code, events)
	}
	return got
}

func (w *sweep) head() event.Position {
	w.t.Helper()
	head, err := w.app.events.Head(w.t.Context())
	w.must(err)
	return head
}

// after names the events behind a position, but for those that follow from others by
// themselves.
func (w *sweep) after(p event.Position) []string {
	w.t.Helper()
	var out []string
	events, err := w.app.events.ReadFeed(w.t.Context(), p, 1000, nil)
	w.must(err)
	for i := range events {
		m, err := event.ParseMetadata(events[i].Meta)
		w.must(err)
		if m.Causation.IsZero() {
			out = append(out, events[i].Type+" "+events[i].Stream)
		}
	}
	return out
}

// plain is what an answer says: of a packed file, a spreadsheet say, what is in it.
func plain(t testing.TB, body []byte) string {
	t.Helper()
	if !bytes.HasPrefix(body, []byte("PK")) {
		return string(body)
	}
	file, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range file.File {
		part, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, part); err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// expect checks what somebody is told on a side that is not theirs, and that what is another's
// is not found where it is.
func (w *sweep) expect(what string, a attacker, whose side, h hit, got *httptest.ResponseRecorder) {
	w.t.Helper()
	to, status := got.Header().Get("Location"), got.Code
	ok := true
	switch {
	case status >= http.StatusInternalServerError:
		ok = false
	case whose == anyones, whose == machines:
	case a.ended && whose == sharedSide:
		ok = status == http.StatusGone
	case !a.may[whose] && whose == portalSide, !a.may[whose] && whose == sharedSide:
		ok = status == http.StatusSeeOther && strings.HasPrefix(to, "/sign-in")
	case !a.may[whose] && whose == staffSide:
		ok = status == http.StatusSeeOther && to == "/staff/sign-in"
	case !a.may[whose] && whose == apiSide:
		ok = status == http.StatusUnauthorized && got.Header().Get("Content-Type") == "application/problem+json"
	case h.names:
		// An act may be forbidden to the account's side whatever it is about.
		ok = status == http.StatusNotFound || status == http.StatusForbidden && a.may[apiSide] && !a.may[portalSide]
	}
	if !ok {
		w.t.Errorf("%s: status %d, location %q, %s:\n%.300s", what, status, to, got.Header().Get("Content-Type"), got.Body)
	}
}

// chance is what pages show that is another each time: offered passphrases, new secrets, questions of passkeys.
var (
	chance = regexp.MustCompile(`(?:(?:[bdfglmnprstv][aeiou]){2}-){5}\d\d|[0-9A-Za-z_-]{43}`)
	// appSecret is an authenticator app's. One in twenty has what could be an id in it.
	appSecret = regexp.MustCompile(`^[A-Z2-7]{32}$`)
)

var (
	anyID   = regexp.MustCompile(`[0-7][0-9A-HJKMNP-TV-Z]{25}`)
	ownOnly = []string{"X-Correlation-Id", "Date", "Set-Cookie"}
)

// eachToken replaces what is long enough to be an id or a secret, of letters, digits, "-" and
// "_". Nothing else can match, and to look for it everywhere takes most of a sweep's time.
func eachToken(s string, replace func(token string) string) string {
	var out strings.Builder
	done, start := 0, 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z' || s[i] >= '0' && s[i] <= '9' || s[i] == '-' || s[i] == '_') {
			continue
		}
		if i-start >= 26 {
			out.WriteString(s[done:start])
			out.WriteString(replace(s[start:i]))
			done = i
		}
		start = i + 1
	}
	out.WriteString(s[done:])
	return out.String()
}

// same compares two answers: to the byte where nothing is found; where pages show forms,
// or lead on, but for the ids in them.
func (w *sweep) same(what string, a, b *httptest.ResponseRecorder) {
	w.t.Helper()
	exact := a.Code == http.StatusNotFound
	blind := func(s string) string {
		if exact {
			return s
		}
		return eachToken(w.ids.Replace(s), func(token string) string {
			if appSecret.MatchString(token) {
				return "CHANCE"
			}
			return chance.ReplaceAllString(anyID.ReplaceAllString(token, "ID"), "CHANCE")
		})
	}
	if a.Code != b.Code || blind(a.Body.String()) != blind(b.Body.String()) {
		w.t.Errorf("%s: %d, but %d for what is not there:\n%.300s\n%.300s", what, a.Code, b.Code, a.Body, b.Body)
		return
	}
	headers := func(h http.Header) string {
		h = h.Clone()
		for _, name := range ownOnly {
			h.Del(name)
		}
		var text strings.Builder
		w.must(h.Write(&text))
		return blind(text.String())
	}
	if x, y := headers(a.Header()), headers(b.Header()); x != y {
		w.t.Errorf("%s: headers\n%s, but for what is not there\n%s", what, x, y)
	}
}

// all returns every id.
func (x things) all() []string {
	out := []string{string(x.contact), string(x.login), string(x.link), string(x.payment), string(x.product), string(x.list), string(x.comment), string(x.mail), string(x.batch)}
	for _, d := range x.docs {
		out = append(out, string(d))
	}
	return out
}

// route is one of the router's.
type route struct {
	method, pattern string
	kind            document.Kind // whose section is in the pattern, "" none
}

var sections = map[string]document.Kind{
	"quotes": document.Quote, "orders": document.SalesOrder, "proformas": document.Proforma, "delivery-notes": document.DeliveryNote,
	"invoices": document.Invoice, "credit-notes": document.CreditNote, "purchase-orders": document.PurchaseOrder,
}

// named is the route's name in routes.
func (r route) named() string {
	path := r.pattern
	if path != "/" {
		path = strings.TrimSuffix(path, "/")
	}
	if r.kind != "" && !strings.HasPrefix(path, "/api/") && path != "/staff/orders" {
		for s, k := range sections {
			if k == r.kind {
				path = strings.Replace(path, "/"+s, "/{kind}", 1)
			}
		}
	}
	return r.method + " " + path
}

// hit is a request that names things.
type hit struct {
	method, path string
	query        url.Values
	form         url.Values
	json         any
	names        bool   // it names something by its id
	key          string // an Idempotency-Key
}

// hits returns the requests by which somebody would try the route.
func (r route) hits(x things) []hit {
	path := strings.NewReplacer("{contact}", string(x.contact), "{login}", string(x.login), "{link}", string(x.link),
		"{payment}", string(x.payment), "{mail}", string(x.mail), "{batch}", string(x.batch), "{product}", string(x.product), "{staff}", string(x.login), "{key}", string(x.login), "{gateway}", string(x.login),
		"{comment}", string(x.comment), "{attachment}", "0", "{passkey}", string(x.login), "{mark}", strings.ToLower(string(x.login)), "{file}", "0000.png", "{token}", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "/*", "/x").Replace(r.pattern)
	if path != "/" {
		path = strings.TrimSuffix(path, "/")
	}
	h := hit{method: r.method, path: path, names: strings.Contains(strings.ReplaceAll(r.pattern, "{token}", ""), "{")}
	if strings.HasPrefix(path, "/api/") {
		return r.apiHits(h, x)
	}
	if left := strings.ReplaceAll(path, "{id}", ""); strings.Contains(left, "{") {
		panic("hits does not know what to put into " + r.pattern)
	}
	if r.method != http.MethodGet {
		h.form = formOf(x, r.kind)
		h.names = h.names || strings.HasSuffix(path, "/pay") || path == "/staff/invitations" // the form names what to pay, and whom to invite
	}
	if !strings.Contains(path, "{id}") {
		switch out := []hit{h}; {
		case path == "/pay" && r.method == http.MethodGet:
			h.query, h.names = url.Values{"document": {"invoice." + string(x.docs[document.Invoice])}}, true
			return append(out, h)
		case path == "/staff/invitations/new":
			h.query, h.names = url.Values{"contact": {string(x.contact)}}, true
			return append(out, h)
		case path == "/cart" && r.method == http.MethodPost, path == "/cart/order":
			return out
		case r.method == http.MethodGet && h.query == nil && !h.names: // lists and searches
			h.query = url.Values{"q": {hint}, "search": {hint}, "contact": {string(x.contact)}}
			return append(out, h)
		default:
			return out
		}
	}
	// A document by its own kind's page, and by that of another.
	own, other := h, h
	own.path = strings.Replace(path, "{id}", string(x.docs[r.kind]), 1)
	wrong := document.Invoice
	if r.kind == document.Invoice {
		wrong = document.Quote
	}
	other.path = strings.Replace(path, "{id}", string(x.docs[wrong]), 1)
	return []hit{own, other}
}

// formOf is a form of every page's fields.
func formOf(x things, k document.Kind) url.Values {
	return url.Values{
		"command": {id.Derive("a form").String()}, "name": {"Mallory"}, "text": {"x"}, "reason": {"x"}, "hash": {x.hashOf(k)}, "reference": {"x"},
		"document": {"invoice." + string(x.docs[document.Invoice])}, "method": {"transfer"}, "amount": {"1.00"}, "on": {"2026-11-23"},
		"email": {"mallory@evil.example"}, "password": {"Ocho-Redes-Secan-Al-Sol"}, "role": {"full"}, "current": {"x"},
		"contact": {string(x.contact)}, "sentTo": {"mallory@evil.example"}, "message": {"x"}, "product": {string(x.product)}, "quantity": {"1"}, "shown": {"1.00 EUR"}, "enabled": {"1"}, "deliveryOn": {"2026-12-01"},
		"iban": {"ES9121000418450200051332"}, "confirm": {secret}, "login": {string(x.login)}, "client": {"1"},
	}
}

// apiHits returns the requests to a route of the API: each document's id where it takes
// one, and the bodies that its description asks for.
func (r route) apiHits(h hit, x things) []hit {
	x.none = x.docs[document.Invoice]
	bodies := map[string]any{
		"/quotes/{id}/approve": map[string]any{"name": "Mallory", "hash": x.hashOf(document.Quote)}, "/quotes/{id}/decline": map[string]any{"reason": "x"},
		"/quotes/{id}/changes": map[string]any{"text": "x"}, "/purchase-orders/{id}/confirm": map[string]any{"name": "Mallory", "hash": x.hashOf(document.PurchaseOrder)},
		"/purchase-orders/{id}/reject": map[string]any{"reason": "x"}, "/documents/{id}/comments": map[string]any{"text": "x"},
		"/payments":  map[string]any{"method": "transfer", "documents": []any{map[string]any{"kind": "invoice", "id": x.none}}},
		"/transfers": map[string]any{"documents": []any{map[string]any{"kind": "invoice", "id": x.none}}, "amount": "1.00 EUR", "on": "2026-11-23"},
		"/cart":      map[string]any{"quantity": "1"}, "/orders": map[string]any{"shownTotal": "1.00 EUR"},
		"/orders/{id}/state": map[string]any{"to": "confirmed"}, "/contacts/{id}/catalogue": map[string]any{"enabled": true},
		"/contacts/{id}/logins": map[string]any{"email": "mallory@evil.example", "role": "full"}, "/session": map[string]any{"email": "a@b.example", "password": "x"},
		"/contacts": map[string]any{}, "/documents": map[string]any{}, "/catalogue/products": map[string]any{},
		"/cart/{product}":              map[string]any{"quantity": "1"},
		"/purchase-orders/{id}/cancel": map[string]any{"reason": "x"}, "/invoices/{id}/cancel": map[string]any{"reason": "x"}, "/payments/{id}/refund": map[string]any{"total": "1.00 EUR"},
		"/documents/{id}/links": map[string]any{"sentTo": "mallory@evil.example", "send": true}, "/invitations": map[string]any{"contacts": []any{x.contact}}, "/contacts/{id}": map[string]any{"name": "Mallory"},
		"/contacts/{id}/language": map[string]any{"language": "en"}, "/contacts/{id}/roles": map[string]any{"client": true, "supplier": false},
		"/contacts/{id}/taxes": map[string]any{"surcharge": true, "withholding": "15"}, "/contacts/{id}/payment-methods": map[string]any{"methods": []any{"transfer"}},
		"/logins/{id}/role": map[string]any{"role": "read"}, "/logins/{id}": map[string]any{"email": "mallory@evil.example"},
		"/staff/{id}/role": map[string]any{"role": "reader"}, "/account/logo": map[string]any{}, "/logins/{id}/password": map[string]any{"password": "Ocho-Redes-Secan-Al-Sol"},
		"/staff/{id}/password": map[string]any{"password": "Ocho-Redes-Secan-Al-Sol"}, "/price-lists/{id}": map[string]any{"name": "x", "discount": "1"},
		// What is the account's own, its staff may: here they ask for nothing that there is.
		"/session/password": map[string]any{}, "/price-lists": map[string]any{}, "/account": map[string]any{}, "/account/branding": map[string]any{},
		"/session/app": map[string]any{}, "/session/app/confirm": map[string]any{"step": "x", "code": "000000"}, "/session/app/remove": map[string]any{}, "/session/recovery-codes": map[string]any{},
		"/session/passkeys/{id}/remove": map[string]any{}, "/account/staff-factor": map[string]any{"required": false},
		"/account/transfer": map[string]any{}, "/account/gateways": map[string]any{}, "/staff": map[string]any{}, "/api-keys": map[string]any{},
	}
	at := strings.TrimPrefix(r.pattern, "/api/v1")
	if r.method == http.MethodPost || r.method == http.MethodPut {
		h.json = bodies[at]
	}
	h.names = h.names || r.method == http.MethodPost && (at == "/payments" || at == "/transfers" || at == "/invitations")
	ids := []id.ID{""}
	switch {
	case !strings.Contains(at, "{id}"):
	case strings.HasPrefix(at, "/documents/"):
		ids = nil
		for _, k := range document.Kinds() {
			ids = append(ids, x.docs[k])
		}
	case strings.HasPrefix(at, "/quotes/"):
		ids = []id.ID{x.docs[document.Quote], x.none}
	case strings.HasPrefix(at, "/purchase-orders/"):
		ids = []id.ID{x.docs[document.PurchaseOrder], x.none}
	case strings.HasPrefix(at, "/orders/"):
		ids = []id.ID{x.docs[document.SalesOrder], x.none}
	case strings.HasPrefix(at, "/payments/"):
		ids = []id.ID{x.payment}
	case strings.HasPrefix(at, "/contacts/"):
		ids = []id.ID{id.ID(x.contact)}
	case strings.HasPrefix(at, "/invoices/"):
		ids = []id.ID{x.docs[document.Invoice], x.docs[document.Quote]}
	case strings.HasPrefix(at, "/mails/"):
		ids = []id.ID{x.mail}
	case strings.HasPrefix(at, "/invitations/"):
		ids = []id.ID{x.batch}
	case strings.HasPrefix(at, "/links/"):
		ids = []id.ID{x.link}
	case strings.HasPrefix(at, "/catalogue/"):
		ids = []id.ID{x.product}
	case strings.HasPrefix(at, "/price-lists/"):
		ids = []id.ID{x.list}
	default: // people, and programs
		ids = []id.ID{x.login}
	}
	var out []hit
	for _, one := range ids {
		h := h
		h.path = strings.Replace(h.path, "{id}", string(one), 1)
		out = append(out, h)
		if r.method == http.MethodGet {
			h.query = url.Values{"contact": {string(x.contact)}, "q": {hint}} // as if it were one's own
			out = append(out, h)
		}
	}
	return out
}

// sweep is a system with two accounts, a victim in one, and everybody else.
type sweep struct {
	t         testing.TB
	app       *app
	account   id.Account
	victim    things
	attackers []attacker
	served    http.Handler
	log       *said
	ids       *strings.Replacer // makes the ids of victim and nobody alike
	serial    int
}

// openSweep is a system with an account and nobody in it yet.
func openSweep(t testing.TB) *sweep {
	t.Helper()
	w := openSweepWith(t, "WARN", nil)
	t.Cleanup(w.app.observe(t.Context(), nil))
	w.app.watch.Look(t.Context())
	return w
}

// openSweepWith is openSweep with a log of the level, of a system that shows itself from
// outside, and that nobody observes yet.
func openSweepWith(t testing.TB, level string, shown *telemetry.Telemetry) *sweep {
	t.Helper()
	w := &sweep{t: t, log: &said{url: make(chan string, 1)}}
	sys := testSystem(io.Discard, w.log)
	sys.Getenv = func(name string) string {
		return map[string]string{"LONJA_LOG_LEVEL": level}[name]
	}
	a, err := openApp(t.Context(), sys, appConfig{Data: t.TempDir(), BaseURL: "http://portal.test", Fast: true, Telemetry: shown})
	w.must(err)
	stop, err := a.start(t.Context())
	w.must(err)
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	w.app = a
	w.account = w.open("Conservas Cantábricas", "A39000013")
	w.served, err = a.handler(w.account)
	w.must(err)
	return w
}

func newSweep(t testing.TB) *sweep {
	t.Helper()
	w := openSweep(t)
	elsewhere := w.open("Salazones del Sur", "A21000018")
	there, err := w.app.handler(elsewhere)
	w.must(err)
	w.makeVictim()
	w.makeMails()

	nobody := attacker{name: "nobody", handler: w.served}
	_, other := w.contact(w.account, "Redes del Norte", "A48000012", "ana@redes.example", attackerPassword)
	neighbour := w.person(w.served, "a login of another contact", edge.SessionCookie, w.account, other, map[side]bool{portalSide: true, apiSide: true})
	_, foreign := w.contact(elsewhere, "Bodegas del Sur", "A48000012", "pepe@sur.example", ownerPassword)
	abroad := w.person(there, "a login of another account", edge.SessionCookie, elsewhere, foreign, map[side]bool{portalSide: true, apiSide: true})
	abroadHere := abroad
	abroadHere.name, abroadHere.handler, abroadHere.may = "a login of another account, with its session here", w.served, nil
	clerk := w.person(there, "staff of another account", edge.StaffCookie, elsewhere, w.clerk(elsewhere), map[side]bool{staffSide: true, apiSide: true})
	clerkHere := clerk
	clerkHere.name, clerkHere.handler, clerkHere.may = "staff of another account, with its session here", w.served, nil
	w.attackers = append([]attacker{nobody, neighbour, abroad, abroadHere, clerk, clerkHere}, w.guests()...)
	w.attackers = append(w.attackers, w.programs(elsewhere, there)...)
	w.attackers = append(w.attackers, w.formers(other.Contact)...)
	var pairs []string
	for _, one := range append(w.victim.all(), nothings().all()...) {
		pairs = append(pairs, one, "ID")
	}
	w.ids = strings.NewReplacer(pairs...)
	w.settle()
	return w
}

func (w *sweep) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *sweep) req(acc id.Account) commands.Request { return w.app.request(acc, "test") }

func (w *sweep) open(name, tax string) id.Account {
	w.t.Helper()
	acc, _, err := w.app.commands.OpenAccount(w.t.Context(), w.req(""), commands.OpenAccount{Details: account.Opened{Name: name, TaxID: tax, Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid"}})
	w.must(err)
	_, err = w.app.commands.ConfigureTransfer(w.t.Context(), w.req(acc), commands.ConfigureTransfer{IBAN: "ES9121000418450200051332", BIC: "CAIXESBBXXX", Beneficiary: name})
	w.must(err)
	return acc
}

// contact registers a contact with a login; without password, nobody of it can sign in.
func (w *sweep) contact(acc id.Account, name, tax, email, password string) (id.Contact, commands.Session) {
	w.t.Helper()
	ctx, x := w.t.Context(), w.app.commands
	who, _, err := x.RegisterContact(ctx, w.req(acc), commands.RegisterContact{Details: contact.Details{Name: name, TaxID: tax, Email: email}, Client: true, Supplier: true})
	w.must(err)
	login, _, err := x.CreateLogin(ctx, w.req(acc), commands.CreateLogin{Contact: who, Email: email, Name: name, Role: access.Full})
	w.must(err)
	if password != "" {
		_, err = x.SetLoginPassword(ctx, w.req(acc), commands.SetLoginPassword{Login: login, Password: password})
		w.must(err)
	}
	return who, commands.Session{Contact: who, Actor: event.Actor{Kind: event.ActorLogin, ID: string(login)}}
}

func (w *sweep) clerk(acc id.Account) commands.Session {
	w.t.Helper()
	who, _, err := w.app.commands.AddStaff(w.t.Context(), w.req(acc), commands.AddStaff{Email: staffEmail, Name: "Luis", Role: account.StaffAdmin, Password: staffPassword})
	w.must(err)
	return commands.Session{Actor: event.Actor{Kind: event.ActorStaff, ID: string(who)}}
}

// person is somebody who has signed in, by the pages and for the API.
func (w *sweep) person(h http.Handler, name, cookie string, acc id.Account, s commands.Session, may map[side]bool) attacker {
	w.t.Helper()
	s.Account, s.Created, s.Seen, s.Expires = acc, time.Now(), time.Now(), time.Now().Add(time.Hour)
	token, err := w.app.vault.StartSession(w.t.Context(), s)
	w.must(err)
	a := attacker{name: name, handler: h, cookies: map[string]string{cookie: token}, token: token, may: may}
	if s.Actor.Kind == event.ActorLink {
		a.token = token // the API takes none of a link's
	}
	return a
}

// guests hold links to a document of the victim's that has nothing secret in it: one that
// is open, and one each that ran out and was revoked. The last two hold sessions that should
// have ended with their links.
func (w *sweep) guests() []attacker {
	w.t.Helper()
	ctx, x := w.t.Context(), w.app.commands
	doc := w.issue(document.Proforma, "PRO-OPEN", "Muestras")
	share := func(ago time.Duration) id.ID {
		req := w.req(w.account)
		req.At = req.At.Add(-ago)
		link, _, err := x.ShareLink(ctx, req, commands.ShareLink{Document: doc, Kind: document.Proforma})
		w.must(err)
		return link.ID
	}
	hold := func(name string, link id.ID) attacker {
		return w.person(w.served, name, edge.LinkCookie, w.account,
			commands.Session{Contact: w.victim.contact, Actor: event.Actor{Kind: event.ActorLink, ID: string(link)}}, map[side]bool{sharedSide: true})
	}
	w.victim.link = share(0)
	revoked := share(0)
	_, err := x.RevokeLink(ctx, w.req(w.account), commands.RevokeLink{Link: revoked})
	w.must(err)
	guests := []attacker{
		hold("the holder of a link to another document", w.victim.link),
		hold("the holder of a link that ran out", share(access.LinkLife+time.Hour)),
		hold("the holder of a link that was revoked", revoked),
	}
	for i := range guests[1:] {
		guests[i+1].may, guests[i+1].ended = nil, true
	}
	return guests
}

// programs hold keys: one of the account that was revoked, one of another account.
func (w *sweep) programs(elsewhere id.Account, there http.Handler) []attacker {
	w.t.Helper()
	ctx, x := w.t.Context(), w.app.commands
	key, revoked, _, err := x.CreateAPIKey(ctx, w.req(w.account), commands.CreateAPIKey{Name: "Old ERP"})
	w.must(err)
	_, err = x.RevokeAPIKey(ctx, w.req(w.account), commands.RevokeAPIKey{Key: key})
	w.must(err)
	_, foreign, _, err := x.CreateAPIKey(ctx, w.req(elsewhere), commands.CreateAPIKey{Name: "ERP"})
	w.must(err)
	program := func(name, token string, h http.Handler, may map[side]bool) attacker {
		// A key is none for the pages, whatever cookie it comes in.
		return attacker{name: name, handler: h, token: token, cookies: map[string]string{edge.SessionCookie: token, edge.StaffCookie: token, edge.LinkCookie: token}, may: may}
	}
	return []attacker{
		program("a program whose key was revoked", revoked, w.served, nil),
		program("a program of another account", foreign, there, map[side]bool{apiSide: true}),
		program("a program of another account, with its key here", foreign, w.served, nil),
	}
}

// formers had access, and hold sessions that should have ended with it.
func (w *sweep) formers(other id.Contact) []attacker {
	w.t.Helper()
	ctx, x := w.t.Context(), w.app.commands
	login := func(email string) id.ID {
		made, _, err := x.CreateLogin(ctx, w.req(w.account), commands.CreateLogin{Contact: other, Email: email, Role: access.Full, Password: attackerPassword})
		w.must(err)
		return made
	}
	removed, without := login("gone@redes.example"), login("without@redes.example")
	_, err := x.RemoveLogin(ctx, w.req(w.account), commands.RemoveLogin{Login: removed})
	w.must(err)
	_, err = x.RemoveLoginPassword(ctx, w.req(w.account), commands.RemoveLoginPassword{Login: without})
	w.must(err)
	clerk, _, err := x.AddStaff(ctx, w.req(w.account), commands.AddStaff{Email: "gone@cantabricas.example", Name: "Eva", Role: account.StaffEditor, Password: staffPassword + "-Eva"})
	w.must(err)
	_, err = x.RemoveStaff(ctx, w.req(w.account), commands.RemoveStaff{Staff: clerk})
	w.must(err)
	of := func(l id.ID) commands.Session {
		return commands.Session{Contact: other, Actor: event.Actor{Kind: event.ActorLogin, ID: string(l)}}
	}
	return []attacker{
		w.person(w.served, "a login that was removed", edge.SessionCookie, w.account, of(removed), nil),
		w.person(w.served, "a login whose password was removed", edge.SessionCookie, w.account, of(without), nil),
		w.person(w.served, "staff who were removed", edge.StaffCookie, w.account, commands.Session{Actor: event.Actor{Kind: event.ActorStaff, ID: string(clerk)}}, nil),
	}
}

// makeVictim makes a contact that has one of everything.
func (w *sweep) makeVictim() {
	w.t.Helper()
	ctx, x := w.t.Context(), w.app.commands
	who, session := w.contact(w.account, "Bodegas "+secret, "B26000015", "marta@ibanez.example", "")
	w.victim = things{contact: who, login: id.ID(session.Actor.ID), docs: map[document.Kind]id.ID{}}
	for _, k := range document.Kinds() {
		w.victim.docs[k] = w.issue(k, strings.ToUpper(string(k))+"-1", secret)
	}
	as := w.req(w.account)
	as.Contact, as.Actor = who, session.Actor
	file, err := x.AttachFile(ctx, as, commands.AttachFile{Document: w.victim.docs[document.Quote], Kind: document.Quote, Name: secret + ".txt", Content: strings.NewReader(secret)})
	w.must(err)
	w.victim.comment, _, err = x.PostComment(ctx, as, commands.PostComment{
		Document: w.victim.docs[document.Quote], Kind: document.Quote, Text: secret, Files: []commands.FileRef{{Blob: file.Blob, Name: file.Name}},
	})
	w.must(err)
	as.Command = w.app.newID()
	w.victim.payment, _, err = x.StartPayment(ctx, as, commands.StartPayment{Method: "transfer", Documents: []commands.PayDocument{{Kind: document.Invoice, ID: w.victim.docs[document.Invoice]}}})
	w.must(err)
	w.victim.product, _, err = x.PublishProduct(ctx, w.req(w.account), commands.PublishProduct{Product: catalogue.Product{
		SKU: "AN-50", Name: "Anchoa", Unit: "BX", Price: money.Of(1000, "EUR"), TaxRate: decimal.MustParse("10"), Availability: catalogue.InStock,
	}})
	w.must(err)
	w.victim.list, _, err = x.SetPriceList(ctx, w.req(w.account), commands.SetPriceList{Name: secret})
	w.must(err)
	as.Command = w.app.newID()
	_, err = x.EnableCatalogue(ctx, w.req(w.account), commands.EnableCatalogue{Contact: who})
	w.must(err)
	_, err = x.SetCartLine(ctx, as, commands.SetCartLine{Product: w.victim.product, Quantity: decimal.MustParse("2")})
	w.must(err)
}

// makeMails leaves the victim a mail that waits, and an invitation that named it.
func (w *sweep) makeMails() {
	w.t.Helper()
	ctx, x := w.t.Context(), w.app.commands
	_, err := x.StartMailing(ctx, w.req(w.account))
	w.must(err)
	w.victim.batch, _, err = x.StartInvitations(ctx, w.req(w.account), commands.StartInvitations{Contacts: []id.Contact{w.victim.contact}})
	w.must(err)
	deadline, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		head, err := w.app.events.Head(ctx)
		w.must(err)
		w.settle()
		mails, err := readmodels.ListMails(ctx, readmodels.For(w.app.read, w.account, w.victim.contact), readmodels.MailQuery{})
		w.must(err)
		if len(mails.Items) > 0 {
			w.victim.mail = mails.Items[0].Row.ID
			return
		}
		_, err = w.app.events.Wait(deadline, head)
		w.must(err)
	}
}

func (w *sweep) issue(k document.Kind, number, title string) id.ID {
	w.t.Helper()
	eur := func(n int64) money.Money { return money.Of(n, "EUR") }
	b := document.Body{
		Kind: k, Number: number, Title: title, IssueDate: "2026-11-20", Currency: "EUR",
		Seller: document.Party{Name: "Conservas Cantábricas", TaxID: "A39000013"}, Buyer: document.Party{Name: "Bodegas"},
		Lines: []document.Line{{
			Name: title, Quantity: decimal.MustParse("10"), UnitPrice: decimal.MustParse("10"), Net: eur(10000), TaxCategory: "S", TaxRate: decimal.MustParse("21"),
		}},
		Taxes:  []document.Tax{{Kind: document.VAT, Category: "S", Rate: decimal.MustParse("21"), Base: eur(10000), Amount: eur(2100)}},
		Totals: document.Totals{Lines: eur(10000), Net: eur(10000), Tax: eur(2100), Gross: eur(12100), Payable: eur(12100)},
	}
	switch k {
	case document.Quote:
		b.ValidUntil = "2099-12-31"
	case document.Invoice:
		b.DueDate = "2099-12-31"
	case document.PurchaseOrder:
		b.Seller, b.Buyer = b.Buyer, b.Seller
	}
	made, err := w.app.commands.IssueDocument(w.t.Context(), w.req(w.account), commands.IssueDocument{Contact: w.victim.contact, Body: b})
	w.must(err)
	return made.ID
}

func (w *sweep) settle() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	head, err := w.app.events.Head(ctx)
	w.must(err)
	w.must(w.app.wait(ctx, head))
}

// walk returns every route of the pages and of the API.
func (w *sweep) walk() []route {
	w.t.Helper()
	var out []route
	pages, ok := w.served.(chi.Routes)
	if !ok {
		w.t.Fatalf("what is served is a %T, which can't be walked", w.served)
	}
	for _, r := range []chi.Routes{pages, w.app.api(w.account, edge.NewLimits(edge.PeerAddress, time.Now))} {
		w.must(chi.Walk(r, func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
			if pattern == "/api/*" {
				return nil // the API's own routes are walked by themselves
			}
			one := route{method: method, pattern: pattern}
			probe := pattern == "/healthz" || pattern == "/readyz"
			hosted := strings.HasSuffix(pattern, "/*") || probe || strings.HasPrefix(pattern, "/webhooks/")
			if hosted && method != http.MethodGet && (method != http.MethodPost || probe || pattern == "/static/*") || pattern == "/webhooks/sandbox" && method != http.MethodPost {
				return nil // handlers that answer whatever method
			}
			for s, k := range sections {
				if strings.Contains(pattern+"/", "/"+s+"/") {
					one.kind = k
				}
			}
			out = append(out, one)
			return nil
		}))
	}
	if len(out) < 150 {
		w.t.Fatalf("only %d routes were walked", len(out))
	}
	// Those that end the attackers' own sessions come last.
	ends := func(r route) bool {
		return strings.HasSuffix(r.pattern, "/sign-out") || strings.HasSuffix(r.pattern, "/sessions/end") || strings.HasSuffix(r.pattern, "/end-all") || strings.HasSuffix(r.pattern, "/end-others") || r.method == http.MethodDelete
	}
	slices.SortStableFunc(out, func(a, b route) int {
		switch {
		case ends(a) == ends(b):
			return 0
		case ends(a):
			return 1
		}
		return -1
	})
	seen := map[string]bool{}
	for _, r := range out {
		seen[r.named()] = true
	}
	for name := range routes {
		if !seen[name] {
			w.t.Errorf("%s is in routes, but there is no such route", name)
		}
	}
	return out
}

func (w *sweep) ask(a attacker, h hit) *httptest.ResponseRecorder {
	w.t.Helper()
	to := h.path
	if h.query != nil {
		to += "?" + h.query.Encode()
	}
	var body io.Reader
	kind := ""
	switch {
	case h.form != nil:
		body, kind = strings.NewReader(h.form.Encode()), "application/x-www-form-urlencoded"
	case h.json != nil:
		j, err := json.Marshal(h.json)
		w.must(err)
		body, kind = bytes.NewReader(j), "application/json"
	}
	r := httptest.NewRequestWithContext(w.t.Context(), h.method, "http://portal.test"+to, body)
	w.serial++
	r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1000", w.serial>>16&255, w.serial>>8&255, w.serial&255) // each from elsewhere: guessing is bounded by address
	r.Header.Set("Accept-Language", "en")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	if h.key != "" {
		r.Header.Set("Idempotency-Key", h.key)
	}
	for name, value := range a.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	rec := httptest.NewRecorder()
	a.handler.ServeHTTP(rec, r)
	return rec
}

// victimsEvents names every event of the victim's but those about the document that the
// guest's link opens.
func (w *sweep) victimsEvents() []string {
	w.t.Helper()
	open := document.Identity(w.account, "", document.Proforma, "PRO-OPEN")
	var out []string
	events, err := w.app.events.ReadFeed(w.t.Context(), 0, 100_000, nil)
	w.must(err)
	for i := range events {
		m, err := event.ParseMetadata(events[i].Meta)
		w.must(err)
		if m.Contact == w.victim.contact && !strings.HasSuffix(events[i].Stream, string(open)) {
			out = append(out, events[i].Type+" "+events[i].Stream)
		}
	}
	return out
}

// recovery returns the secret of a recovery link of whoever has the email. It is one of its
// own: the one that is sent is known to the mail alone.
func (w *sweep) recovery(email string) string {
	w.t.Helper()
	ctx := w.t.Context()
	asked, err := w.app.commands.RequestRecovery(ctx, w.req(w.account), commands.RequestRecovery{Email: email})
	if w.must(err); !asked.Send {
		w.t.Fatalf("nobody with the email %s can recover a password", email)
	}
	secret, err := w.app.vault.IssueToken(ctx, commands.Token{
		Account: w.account, Purpose: commands.PurposeRecovery, Subject: asked.Login, Contact: asked.Contact, Expires: asked.Until,
	})
	w.must(err)
	return secret
}
