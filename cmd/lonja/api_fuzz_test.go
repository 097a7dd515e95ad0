package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lonja/commands"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
)

// hostile is an API that anything is sent to, by people who may use it.
type hostile struct {
	*sweep
	operations []string // "GET /documents/{id}", without those that end sessions
	callers    []hostileCaller
	ids        []string // what "@a", "@b" … in paths, queries and bodies stand for
}

type hostileCaller struct {
	token string
	actor event.Actor
}

// ends are the operations after which one of the callers is nobody any more.
var ends = regexp.MustCompile("/(erase|remove|remove-password)$")

func newHostile(t testing.TB) *hostile {
	t.Helper()
	w := &hostile{sweep: openSweep(t)}
	w.makeVictim()
	for name, whose := range routes {
		if ends.MatchString(name) {
			continue
		}
		if method, path, _ := strings.Cut(name, " "); strings.HasPrefix(path, "/api/v1/") && (whose == apiSide && method != http.MethodDelete || path == "/api/v1/session" && method == http.MethodPost) {
			w.operations = append(w.operations, method+" "+strings.TrimPrefix(path, "/api/v1"))
		}
	}
	slices.Sort(w.operations)
	if _, err := w.app.commands.SetLoginPassword(t.Context(), w.req(w.account), commands.SetLoginPassword{Login: w.victim.login, Password: ownerPassword}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []commands.Session{
		{Contact: w.victim.contact, Actor: event.Actor{Kind: event.ActorLogin, ID: string(w.victim.login)}}, w.clerk(w.account),
	} {
		w.callers = append(w.callers, hostileCaller{w.session(s), s.Actor})
	}
	w.app.commands.Vault = &countingVault{Vault: w.app.vault, wrong: true}
	w.ids = []string{string(w.victim.contact), string(w.victim.login), string(w.victim.payment), string(w.victim.product), string(id.DeriveID("nothing"))}
	for _, k := range document.Kinds() {
		w.ids = append(w.ids, string(w.victim.docs[k]))
	}
	w.settle()
	return w
}

// named puts ids where "@a", "@b" … stand.
func (w *hostile) named(s string) string {
	if !strings.Contains(s, "@") {
		return s
	}
	for i, one := range w.ids {
		s = strings.ReplaceAll(s, "@"+string(rune('a'+i)), one)
	}
	return s
}

// send sends a request and checks what must hold of every answer: no fault of the program,
// refusals that are problems with a key, and nothing recorded for what is refused. It
// returns nil where no client could send such a request.
func (w *hostile) send(t testing.TB, who, op int, param, query, key, kind string, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	c := w.callers[who%len(w.callers)]
	method, path, _ := strings.Cut(w.operations[op%len(w.operations)], " ")
	param = url.PathEscape(w.named(param))
	to := "http://portal.test/api/v1" + strings.NewReplacer("{id}", param, "{product}", param).Replace(path)
	if query != "" {
		to += "?" + w.named(query)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, to, bytes.NewReader([]byte(w.named(string(body)))))
	if err != nil || strings.ContainsFunc(key+kind, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return nil
	}
	r.RemoteAddr = "192.0.2.1:1"
	r.Header.Set("Authorization", "Bearer "+c.token)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	before, err := w.app.events.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := httptest.NewRecorder()
	w.served.ServeHTTP(got, r)
	what := method + " " + to
	if got.Code >= http.StatusInternalServerError {
		t.Fatalf("%s: %d %s\n%s", what, got.Code, got.Body, w.log)
	}
	if got.Code < http.StatusBadRequest {
		if kind := got.Header().Get("Content-Type"); kind == "application/json" && !json.Valid(got.Body.Bytes()) {
			t.Fatalf("%s: %d is no JSON: %s", what, got.Code, got.Body)
		}
		return got
	}
	var p problem
	if err := json.Unmarshal(got.Body.Bytes(), &p); err != nil || got.Header().Get("Content-Type") != "application/problem+json" || p.Status != got.Code || p.Title == "" {
		t.Fatalf("%s: %d is no problem: %s", what, got.Code, got.Body)
	}
	for _, one := range append([]struct{ Field, Type, Detail string }{{Type: p.Type, Detail: p.Detail}}, p.Errors...) {
		key, ok := strings.CutPrefix(one.Type, "urn:lonja:")
		if !ok || key == "" || one.Detail == "" || one.Detail == key {
			t.Fatalf("%s: a refusal without reason: %s", what, got.Body)
		}
	}
	events, err := w.app.events.ReadFeed(t.Context(), before, 1000, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range events { // reactions may answer what was before
		m, err := event.ParseMetadata(events[i].Meta)
		if err != nil {
			t.Fatal(err)
		}
		if m.Actor == c.actor {
			t.Fatalf("%s %s: refused with %s, but there is %s", what, body, got.Body, events[i].Type)
		}
	}
	return got
}

// sound are bodies that operations take.
var sound = map[string]string{
	"POST /session":                      `{"email":"marta@ibanez.example","password":"x"}`,
	"POST /documents":                    `{"kind":"invoice","number":"F-1","issueDate":"2026-11-20","currency":"EUR","seller":{"name":"Conservas","taxId":"A39000013"},"buyer":{"name":"Bar","taxId":"B12345674"},"lines":[{"name":"Anchoa","quantity":"1","unitPrice":"1","net":"1.00"}],"totals":{"lines":"1.00","net":"1.00","tax":"0.00","gross":"1.00","payable":"1.00"}}`,
	"POST /documents/{id}/comments":      `{"text":"Hello"}`,
	"POST /quotes/{id}/approve":          `{"name":"Marta","hash":"0"}`,
	"POST /quotes/{id}/decline":          `{"reason":"x"}`,
	"POST /quotes/{id}/changes":          `{"text":"x"}`,
	"POST /purchase-orders/{id}/confirm": `{"name":"Marta","hash":"0","deliveryDate":"2026-12-01"}`,
	"POST /purchase-orders/{id}/reject":  `{"reason":"x"}`,
	"POST /payments":                     `{"method":"transfer","documents":[{"kind":"invoice","id":"@f","amount":"1.00 EUR"}]}`,
	"POST /transfers":                    `{"documents":[{"kind":"invoice","id":"@f"}],"amount":"1.00 EUR","on":"2026-11-23"}`,
	"POST /catalogue/products":           `{"sku":"X","name":"X","price":"1.00 EUR","taxRate":"10","availability":"in_stock","breaks":[{"from":"10","price":"0.90 EUR"}]}`,
	"PUT /cart/{product}":                `{"quantity":"1"}`,
	"POST /orders":                       `{"shownTotal":"22.00 EUR","requestedOn":"2026-12-01","deliverTo":{"name":"x"}}`,
	"POST /orders/{id}/state":            `{"to":"shipped","deliveryNote":"@f","part":true}`,
	"POST /contacts":                     `{"name":"Bar Manolo","client":true,"taxId":"B12345674","email":"manolo@bar.example","language":"es","address":{"country":"ES"}}`,
	"POST /contacts/{id}/logins":         `{"email":"eva@ibanez.example","name":"Eva","role":"read"}`,
	"PUT /contacts/{id}/catalogue":       `{"enabled":true,"priceList":"@e"}`,
	"POST /documents/{id}/links":         `{"sentTo":"eva@ibanez.example"}`,
	"POST /payments/{id}/refund":         `{"total":"1.00 EUR"}`,
	"PUT /contacts/{id}":                 `{"name":"Bodegas","taxId":"B26000015","email":"b@ibanez.example","address":{"country":"ES"}}`,
	"PUT /contacts/{id}/language":        `{"language":"en"}`,
	"PUT /contacts/{id}/roles":           `{"client":true,"supplier":true}`,
	"PUT /contacts/{id}/taxes":           `{"surcharge":true,"withholding":"15"}`,
	"PUT /contacts/{id}/payment-methods": `{"methods":["transfer"]}`,
	"PUT /logins/{id}/role":              `{"role":"full"}`,
	"PUT /logins/{id}/password":          `{"password":"short"}`,
	"PUT /staff/{id}/password":           `{"password":"short"}`,
	"PUT /session/password":              `{"current":"x","password":"short"}`,
	"POST /price-lists":                  `{"name":"x","discount":"5","prices":[{"product":"@d","price":"1.00 EUR"}]}`,
	"PUT /price-lists/{id}":              `{"name":"x","discount":"5"}`,
	"PUT /account":                       `{"name":"Conservas","taxId":"A39000013","currency":"EUR","language":"es","timeZone":"Europe/Madrid"}`,
	"PUT /account/branding":              `{"colour":"#112233","welcome":"x"}`,
	"PUT /account/transfer":              `{"iban":"DE89370400440532013000","bic":"","beneficiary":"x"}`,
	"PUT /account/gateways":              `{"gateway":"sandbox","enabled":true}`,
	"POST /staff":                        `{"email":"eva@conservas.example","name":"Eva","role":"reader"}`,
	"POST /api-keys":                     `{"name":"erp"}`,
	"POST /session/app":                  `{"password":"x"}`,
	"POST /session/app/confirm":          `{"step":"x","code":"000000"}`,
	"POST /session/recovery-codes":       `{"password":"x"}`,
	"PUT /account/staff-factor":          `{"required":true}`,
}

const searched = "limit=10&kind=invoice&status=pending&year=2026&from=2026-01-01&to=2026-12-31&currency=EUR&minTotal=1&maxTotal=2&owed=true&q=x&sort=total&order=asc"

func FuzzAPI(f *testing.F) {
	w := newHostile(f)
	for i, op := range w.operations {
		for _, param := range []string{"@a", "@f", "@h", "@c", "@d", "x", "../home", "\x00"} {
			f.Add(0, i, param, "", "", "application/json", []byte(sound[op]))
			f.Add(1, i, param, "contact=@a", "k", "", []byte(sound[op]))
		}
		f.Add(0, i, "@a", searched, "", "application/json", []byte(`{}`))
		f.Add(1, i, "@a", searched+"&contact=@a&after=e30", "", "application/xml", []byte(`<Invoice/>`))
	}
	f.Fuzz(func(t *testing.T, who, op int, param, query, key, kind string, body []byte) {
		if who < 0 || op < 0 {
			return
		}
		w.send(t, who, op, param, query, key, kind, body)
	})
}
