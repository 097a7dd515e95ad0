package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	validation "github.com/pb33f/libopenapi-validator/errors"

	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
)

// described drives the API and holds each request that succeeds, and each answer, to the
// description that the API serves.
type described struct {
	*sweep
	validator  validator.Validator
	operations map[string]string // by "GET /documents/{id}", their ids
	succeeded  map[string]bool
	refusals   map[string][]int // statuses that were seen
}

func newDescribed(t *testing.T) *described {
	t.Helper()
	d := &described{sweep: openSweep(t), operations: map[string]string{}, succeeded: map[string]bool{}, refusals: map[string][]int{}}
	served := d.sweep.call("", http.MethodGet, "/openapi.json", "")
	d.fine(served, nil)
	doc, err := libopenapi.NewDocument(served.Body.Bytes())
	d.must(err)
	var errs []error
	if d.validator, errs = validator.NewValidator(doc); len(errs) > 0 {
		t.Fatal(errs)
	}
	if ok, errs := d.validator.ValidateDocument(); !ok {
		t.Fatalf("the description is no OpenAPI document: %v", reasons(errs))
	}
	var text struct {
		OpenAPI string
		Paths   map[string]map[string]struct{ OperationID string }
	}
	d.fine(served, &text)
	if !strings.HasPrefix(text.OpenAPI, "3.1.") {
		t.Errorf("the description is of OpenAPI %s", text.OpenAPI)
	}
	for path, methods := range text.Paths {
		for method, op := range methods {
			d.operations[strings.ToUpper(method)+" "+path] = op.OperationID
		}
	}
	return d
}

func reasons(errs []*validation.ValidationError) string {
	var b strings.Builder
	for _, e := range errs {
		b.WriteString("\n" + e.Message + ": " + e.Reason)
		for _, s := range e.SchemaValidationErrors {
			b.WriteString("\n  " + s.FieldPath + ": " + s.Reason)
		}
	}
	return b.String()
}

var inBraces = regexp.MustCompile(`\\\{\w+\\\}`)

// operation returns the id of the operation that a request is to.
func (d *described) operation(method, path string) string {
	path, _, _ = strings.Cut(path, "?")
	for named, op := range d.operations {
		m, pattern, _ := strings.Cut(named, " ")
		if m == method && regexp.MustCompile("^"+inBraces.ReplaceAllString(regexp.QuoteMeta(pattern), "[^/]+")+"$").MatchString(path) {
			return op
		}
	}
	d.t.Fatalf("%s %s is of no operation of the description", method, path)
	return ""
}

// call sends a request and wants the status; body is text, or what becomes JSON, or nil.
func (d *described) call(token, method, path string, body any, status int, header ...string) *httptest.ResponseRecorder {
	d.t.Helper()
	var text []byte
	switch b := body.(type) {
	case nil:
	case string:
		text = []byte(b)
	default:
		var err error
		text, err = json.Marshal(b)
		d.must(err)
	}
	request := func() *http.Request {
		r := httptest.NewRequestWithContext(d.t.Context(), method, "http://portal.test/api/v1"+path, bytes.NewReader(text))
		r.Header.Set("Accept-Language", "en")
		if text != nil {
			r.Header.Set("Content-Type", "application/json")
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return r
	}
	op := d.operation(method, path)
	got := httptest.NewRecorder()
	d.served.ServeHTTP(got, request())
	what := op + ": " + method + " " + path
	if got.Code != status {
		d.t.Fatalf("%s: status %d, want %d: %s", what, got.Code, status, got.Body)
	}
	if status < 400 {
		d.succeeded[op] = true
		if ok, errs := d.validator.ValidateHttpRequest(request()); !ok {
			d.t.Errorf("%s succeeded with a request that is not as the description says:%s\n%s", what, reasons(errs), text)
		}
	} else {
		d.refusals[op] = append(d.refusals[op], status)
	}
	answer := got.Result()
	answer.Body = io.NopCloser(bytes.NewReader(got.Body.Bytes()))
	if ok, errs := d.validator.ValidateHttpResponse(request(), answer); !ok {
		d.t.Errorf("%s: the answer, %d, is not as the description says:%s\n%s", what, status, reasons(errs), got.Body)
	}
	return got
}

// twice makes a request twice by the same key: it has one effect, and the same answer.
func (d *described) twice(token, method, path string, body any) *httptest.ResponseRecorder {
	d.t.Helper()
	key := d.app.newID().String()
	first := d.call(token, method, path, body, http.StatusOK, "Idempotency-Key", key)
	head, err := d.app.events.Head(d.t.Context())
	d.must(err)
	again := d.call(token, method, path, body, http.StatusOK, "Idempotency-Key", key)
	events, err := d.app.events.ReadFeed(d.t.Context(), head, 100, nil)
	d.must(err)
	for i := range events {
		m, err := event.ParseMetadata(events[i].Meta)
		d.must(err)
		if m.Actor.Kind != event.ActorSystem { // a reaction may just come to what was first
			d.t.Errorf("%s %s once more: %s", method, path, events[i].Type)
		}
	}
	if first.Body.String() != again.Body.String() {
		d.t.Errorf("%s %s once more: %s and then %s", method, path, first.Body, again.Body)
	}
	return first
}

// made is twice for what makes something, whose id it returns.
func (d *described) made(token, method, path string, body any) string {
	d.t.Helper()
	var done struct {
		ID      string
		Visible bool
	}
	d.fine(d.twice(token, method, path, body), &done)
	if !done.Visible {
		d.t.Errorf("%s %s: its effect is not visible", method, path)
	}
	return done.ID
}

type object = map[string]any

// TestTheAPIIsAsItsDescriptionSays goes through every operation, as a client, a supplier,
// a colleague with a lesser role, staff, a program, another contact and nobody.
func TestTheAPIIsAsItsDescriptionSays(t *testing.T) {
	t.Parallel()
	d := newDescribed(t)
	_, err := d.app.commands.StartMailing(t.Context(), d.req(d.account))
	d.must(err)
	erp := d.key()
	who := d.made(erp, http.MethodPost, "/contacts", object{"name": "Bodegas Ibáñez, S.L.", "taxId": "B26000015", "client": true, "supplier": true, "address": object{"city": "Logroño", "country": "ES"}})
	owner, reader := d.signedIn(erp, who, "marta@ibanez.example", "full", ownerPassword), d.signedIn(erp, who, "eva@ibanez.example", "read", colleaguePassword)
	other := d.signedIn(erp, d.made(erp, http.MethodPost, "/contacts", object{"name": "Redes del Norte", "client": true}), "ana@redes.example", "full", attackerPassword)
	clerk := d.clerk(d.account)
	staff := d.token(staffEmail, staffPassword, true)
	if clerk.Actor.Kind != event.ActorStaff {
		t.Fatal("there is no staff")
	}
	assistant := d.assistant()

	t.Run("session", func(*testing.T) { d.sessions(owner) })
	t.Run("contacts", func(*testing.T) { d.contacts(erp, staff, assistant, owner, who) })
	t.Run("documents", func(*testing.T) { d.documents(erp, owner, reader, other, who) })
	t.Run("quotes", func(*testing.T) { d.quotes(erp, owner, reader, other) })
	t.Run("purchases", func(*testing.T) { d.purchases(erp, owner, reader, other) })
	t.Run("payments", func(*testing.T) { d.payments(erp, staff, owner, reader, other) })
	t.Run("catalogue", func(*testing.T) { d.catalogue(erp, staff, owner, reader, other, who) })
	t.Run("home", func(*testing.T) { d.home(staff, owner, other, who) })
	t.Run("withdrawals", func(*testing.T) { d.withdrawals(erp, assistant, owner) })
	t.Run("links", func(*testing.T) { d.links(erp, assistant, owner, who) })
	t.Run("mails", func(*testing.T) { d.mails(erp, assistant, owner, who) })
	t.Run("people", func(*testing.T) { d.people(erp, staff, assistant, owner, other, who) })
	t.Run("security", func(*testing.T) { d.security(erp, staff, assistant, owner, who) })
	t.Run("settings", func(*testing.T) { d.settings(erp, staff, assistant, owner) })
	t.Run("gateway", func(*testing.T) { d.gateway(erp, staff, owner, other) })
	t.Run("prices", func(*testing.T) { d.prices(erp, owner) })
	d.call(reader, http.MethodDelete, "/session", nil, http.StatusNoContent)
	d.call(reader, http.MethodDelete, "/session", nil, http.StatusUnauthorized)

	for named, op := range d.operations {
		if !d.succeeded[op] {
			t.Errorf("%s (%s) never succeeded here: a new operation belongs into this test", op, named)
		}
		if op != "sign-in" && !slices.Contains(d.refusals[op], http.StatusUnauthorized) {
			method, path, _ := strings.Cut(named, " ")
			var body any
			if method != http.MethodGet {
				body = object{}
			}
			d.call("", method, strings.NewReplacer("{id}", who, "{product}", who).Replace(path), body, http.StatusUnauthorized)
		}
		if !slices.ContainsFunc(d.refusals[op], func(status int) bool { return status != http.StatusUnauthorized }) && op != "sign-out" {
			t.Errorf("%s (%s) was never refused here but for want of a token", op, named)
		}
	}
	if text := d.log.String(); strings.Contains(text, "level=ERROR") {
		t.Errorf("the program logged\n%s", text)
	}
}

// key is a program's.
func (d *described) key() string {
	d.t.Helper()
	_, token, _, err := d.app.commands.CreateAPIKey(d.t.Context(), d.req(d.account), commands.CreateAPIKey{Name: "erp"})
	d.must(err)
	return token
}

// assistant is staff who may look only.
func (d *described) assistant() string {
	d.t.Helper()
	who, _, err := d.app.commands.AddStaff(d.t.Context(), d.req(d.account), commands.AddStaff{Email: "pia@cantabricas.example", Name: "Pía", Role: account.StaffReader, Password: "Once-Redes-Cuelgan-Del-Muelle"})
	d.must(err)
	return d.session(commands.Session{Actor: event.Actor{Kind: event.ActorStaff, ID: string(who)}})
}

func (d *described) token(email, password string, staff bool) string {
	d.t.Helper()
	var in struct{ Token string }
	d.fine(d.call("", http.MethodPost, "/session", object{"email": email, "password": password, "staff": staff}, http.StatusOK), &in)
	return in.Token
}

func (d *described) signedIn(erp, contact, email string, role access.Role, password string) string {
	d.t.Helper()
	d.made(erp, http.MethodPost, "/contacts/"+contact+"/logins", object{"email": email, "name": "Marta", "role": role, "password": password})
	return d.token(email, password, false)
}

func (d *described) sessions(owner string) {
	d.call("", http.MethodPost, "/session", object{"email": "marta@ibanez.example", "password": "wrong"}, http.StatusUnauthorized)
	d.call("", http.MethodPost, "/session", object{"email": "marta@ibanez.example"}, http.StatusUnprocessableEntity)
	d.call("", http.MethodPost, "/session", `{"email":`, http.StatusBadRequest)
	d.call("", http.MethodPost, "/session", "", http.StatusBadRequest)
	d.call("", http.MethodPost, "/session", "a=b", http.StatusUnsupportedMediaType, "Content-Type", "application/x-www-form-urlencoded")
	d.call("", http.MethodPost, "/session", object{"email": strings.Repeat("x", 20_000), "password": "x"}, http.StatusRequestEntityTooLarge)
	d.app.commands.Vault = &countingVault{Vault: d.app.vault, wrong: true}
	for range 9 {
		d.call("", http.MethodPost, "/session", object{"email": "marta@ibanez.example", "password": "wrong"}, http.StatusUnauthorized)
	}
	d.call("", http.MethodPost, "/session", object{"email": "marta@ibanez.example", "password": "wrong"}, http.StatusTooManyRequests)
	d.app.commands.Vault = d.app.vault
	d.call(owner, http.MethodGet, "/payments", nil, http.StatusOK)
}

func (d *described) contacts(erp, staff, assistant, owner, who string) {
	d.call(staff, http.MethodGet, "/contacts?q=ibanez&limit=1", nil, http.StatusOK)
	d.call(assistant, http.MethodGet, "/contacts/"+who, nil, http.StatusOK)
	d.call(owner, http.MethodGet, "/contacts", nil, http.StatusNotFound)
	d.call(owner, http.MethodGet, "/contacts/"+who, nil, http.StatusNotFound)
	d.call(erp, http.MethodGet, "/contacts/nothing", nil, http.StatusNotFound)
	d.call(erp, http.MethodGet, "/contacts?limit=0", nil, http.StatusUnprocessableEntity)
	d.call(owner, http.MethodPost, "/contacts", object{"name": "Mine"}, http.StatusNotFound)
	d.call(assistant, http.MethodPost, "/contacts", object{"name": "Mine"}, http.StatusForbidden)
	d.call(erp, http.MethodPost, "/contacts", object{"name": ""}, http.StatusUnprocessableEntity)
	logins := "/contacts/" + who + "/logins"
	d.call(owner, http.MethodPost, logins, object{"email": "x@ibanez.example", "role": "full"}, http.StatusNotFound)
	d.call(erp, http.MethodPost, logins, object{"email": "x@ibanez.example", "role": "king"}, http.StatusUnprocessableEntity)
	d.call(erp, http.MethodPost, logins, object{"email": "no email", "role": "full"}, http.StatusUnprocessableEntity)
	d.call(erp, http.MethodPost, "/contacts/nothing/logins", object{"email": "x@ibanez.example", "role": "full"}, http.StatusNotFound)
	d.made(erp, http.MethodPost, logins, object{"email": "nuria@ibanez.example", "role": "order"})
	d.call(owner, http.MethodPut, "/contacts/"+who+"/catalogue", object{"enabled": true}, http.StatusNotFound)
	d.call(assistant, http.MethodPut, "/contacts/"+who+"/catalogue", object{"enabled": true}, http.StatusForbidden)
	d.made(erp, http.MethodPut, "/contacts/"+who+"/catalogue", object{"enabled": false})
}

// paper is Lonja's own JSON of a document of 121 euros.
func paper(k document.Kind, number string) object {
	account, contact := object{"name": "Conservas Cantábricas", "taxId": "A39000013"}, object{"name": "Bodegas Ibáñez, S.L.", "taxId": "B26000015"}
	b := object{
		"kind": k, "number": number, "title": "Anchoas", "issueDate": "2026-11-20", "currency": "EUR", "seller": account, "buyer": contact,
		"lines":  []any{object{"name": "Anchoa de Santoña", "quantity": "10", "unitPrice": "10", "net": "100.00", "taxCategory": "S", "taxRate": "21"}},
		"taxes":  []any{object{"kind": "vat", "category": "S", "rate": "21", "base": "100.00", "amount": "21.00"}},
		"totals": object{"lines": "100.00", "net": "100.00", "tax": "21.00", "gross": "121.00", "payable": "121.00"},
	}
	switch k {
	case document.Quote:
		b["validUntil"] = "2099-12-31"
	case document.Invoice:
		b["dueDate"] = "2099-12-31"
	case document.PurchaseOrder:
		b["seller"], b["buyer"] = contact, account
	}
	return b
}

// ubl is an electronic invoice over 121 euros.
const ubl = `<?xml version="1.0"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2" xmlns:cac="a" xmlns:cbc="b">
 <cbc:ID>F-UBL</cbc:ID><cbc:IssueDate>2026-11-20</cbc:IssueDate><cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode><cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
 <cac:AccountingSupplierParty><cac:Party><cac:PartyName><cbc:Name>Conservas Cantábricas</cbc:Name></cac:PartyName></cac:Party></cac:AccountingSupplierParty>
 <cac:AccountingCustomerParty><cac:Party><cac:PartyName><cbc:Name>Bar Manolo</cbc:Name></cac:PartyName></cac:Party></cac:AccountingCustomerParty>
 <cac:TaxTotal><cbc:TaxAmount currencyID="EUR">21</cbc:TaxAmount>
  <cac:TaxSubtotal><cbc:TaxableAmount currencyID="EUR">100</cbc:TaxableAmount><cbc:TaxAmount currencyID="EUR">21</cbc:TaxAmount>
   <cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>21</cbc:Percent></cac:TaxCategory></cac:TaxSubtotal></cac:TaxTotal>
 <cac:LegalMonetaryTotal><cbc:LineExtensionAmount currencyID="EUR">100</cbc:LineExtensionAmount><cbc:TaxExclusiveAmount currencyID="EUR">100</cbc:TaxExclusiveAmount>
  <cbc:TaxInclusiveAmount currencyID="EUR">121</cbc:TaxInclusiveAmount><cbc:PayableAmount currencyID="EUR">121</cbc:PayableAmount></cac:LegalMonetaryTotal>
 <cac:InvoiceLine><cbc:ID>1</cbc:ID><cbc:InvoicedQuantity unitCode="C62">1</cbc:InvoicedQuantity><cbc:LineExtensionAmount currencyID="EUR">100</cbc:LineExtensionAmount>
  <cac:Item><cbc:Name>Anchoa</cbc:Name></cac:Item><cac:Price><cbc:PriceAmount currencyID="EUR">100</cbc:PriceAmount></cac:Price></cac:InvoiceLine>
</Invoice>`

// issued imports a document and returns its id.
func (d *described) issued(erp string, k document.Kind, number string) string {
	d.t.Helper()
	var out struct{ Documents []struct{ ID string } }
	d.fine(d.twice(erp, http.MethodPost, "/documents", paper(k, number)), &out)
	return out.Documents[0].ID
}

func (d *described) hash(token, doc string) string {
	d.t.Helper()
	var out struct{ Document struct{ Hash string } }
	d.fine(d.call(token, http.MethodGet, "/documents/"+doc, nil, http.StatusOK), &out)
	return out.Document.Hash
}

func (d *described) documents(erp, owner, reader, other, who string) {
	one := ""
	for _, k := range document.Kinds() {
		one = d.issued(erp, k, "A-"+string(k))
		data := http.StatusConflict
		if k == document.Invoice || k == document.CreditNote {
			data = http.StatusOK
		}
		for _, form := range []string{"/ubl", "/facturx"} {
			if data == http.StatusOK {
				d.call(other, http.MethodGet, "/documents/"+one+form, nil, http.StatusNotFound)
				d.call(erp, http.MethodGet, "/documents/"+one+form+"?contact="+who, nil, data)
			}
			d.call(reader, http.MethodGet, "/documents/"+one+form, nil, data)
		}
		d.hash(owner, one)
		d.call(owner, http.MethodGet, "/documents?kind="+string(k), nil, http.StatusOK)
	}
	d.call(erp, http.MethodPost, "/documents", paper(document.Invoice, "A-invoice"), http.StatusOK) // the same once more
	changed := paper(document.Invoice, "A-invoice")
	changed["title"] = "Sardinas"
	d.call(erp, http.MethodPost, "/documents", changed, http.StatusConflict)
	d.call(erp, http.MethodPost, "/documents", object{"kind": "invoice"}, http.StatusUnprocessableEntity)
	d.call(owner, http.MethodPost, "/documents", paper(document.Invoice, "MINE"), http.StatusNotFound)
	d.call(erp, http.MethodPost, "/documents", strings.Repeat(" ", 21<<20), http.StatusRequestEntityTooLarge)

	for _, kind := range []string{"application/xml", "text/xml", "application/octet-stream"} {
		d.call(erp, http.MethodPost, "/documents", strings.Replace(ubl, "F-UBL", "F-"+kind, 1), http.StatusOK, "Content-Type", kind)
	}
	d.call(erp, http.MethodPost, "/documents", "%PDF-1.7", http.StatusUnprocessableEntity, "Content-Type", "application/pdf")

	d.call(owner, http.MethodGet, "/documents?status=pending&year=2026&from=2026-01-01&to=2026-12-31&currency=EUR&minTotal=1&maxTotal=1000.50&owed=true&q=anchoas&sort=total&order=asc&limit=500", nil, http.StatusOK)
	var page struct{ Next string }
	d.fine(d.call(erp, http.MethodGet, "/documents?contact="+who+"&limit=2", nil, http.StatusOK), &page)
	d.call(erp, http.MethodGet, "/documents?contact="+who+"&limit=2&after="+page.Next, nil, http.StatusOK)
	d.call(owner, http.MethodGet, "/documents?from=yesterday", nil, http.StatusUnprocessableEntity)
	d.call(owner, http.MethodGet, "/documents?limit=501", nil, http.StatusUnprocessableEntity)
	d.call(other, http.MethodGet, "/documents?contact="+who, nil, http.StatusNotFound)
	d.call(other, http.MethodGet, "/documents/"+one, nil, http.StatusNotFound)

	for _, format := range []string{"csv", "xlsx"} {
		d.call(reader, http.MethodGet, "/documents."+format+"?kind=invoice&status=open&year=2026&q=anchoas&sort=total&order=asc", nil, http.StatusOK)
		d.call(erp, http.MethodGet, "/documents."+format+"?contact="+who, nil, http.StatusOK)
		d.call(owner, http.MethodGet, "/documents."+format+"?year=last", nil, http.StatusUnprocessableEntity)
		d.call(owner, http.MethodGet, "/documents."+format+"?from=yesterday", nil, http.StatusUnprocessableEntity)
		d.call(other, http.MethodGet, "/documents."+format+"?contact="+who, nil, http.StatusNotFound)
	}
	for _, format := range []string{"", ".csv", ".xlsx", ".pdf"} {
		d.call(reader, http.MethodGet, "/statement"+format, nil, http.StatusOK)
		d.call(erp, http.MethodGet, "/statement"+format+"?contact="+who+"&from=2026-01-01&to=2026-12-31", nil, http.StatusOK)
		d.call(owner, http.MethodGet, "/statement"+format+"?from=2026-02-01&to=2026-01-01", nil, http.StatusUnprocessableEntity)
		d.call(erp, http.MethodGet, "/statement"+format, nil, http.StatusUnprocessableEntity)
		d.call(other, http.MethodGet, "/statement"+format+"?contact="+who, nil, http.StatusNotFound)
	}
	d.call(reader, http.MethodGet, "/documents/"+one+"/pdf", nil, http.StatusOK)
	d.call(other, http.MethodGet, "/documents/"+one+"/pdf", nil, http.StatusNotFound)

	d.made(reader, http.MethodPost, "/documents/"+one+"/comments", object{"text": "¿Cuándo llega?"})
	d.made(erp, http.MethodPost, "/documents/"+one+"/comments", object{"text": "Mañana."})
	d.attachments(erp, owner, reader, other, one, who)
	d.call(reader, http.MethodPost, "/documents/"+one+"/comments", object{"text": "  "}, http.StatusUnprocessableEntity)
	d.call(reader, http.MethodPost, "/documents/"+one+"/comments", object{}, http.StatusUnprocessableEntity)
	d.call(reader, http.MethodPost, "/documents/"+one+"/comments", object{"text": 1}, http.StatusUnprocessableEntity)
	d.call(other, http.MethodPost, "/documents/"+one+"/comments", object{"text": "x"}, http.StatusNotFound)
	d.call(owner, http.MethodGet, "/documents/"+one+"/comments", nil, http.StatusOK)
	d.call(other, http.MethodGet, "/documents/"+one+"/comments", nil, http.StatusNotFound)
	d.made(reader, http.MethodPost, "/documents/"+one+"/read", nil)
	d.call(other, http.MethodPost, "/documents/"+one+"/read", nil, http.StatusNotFound)
	d.call(owner, http.MethodGet, "/documents/"+one, nil, http.StatusOK)
}

// attachments sends files with comments, and gets them back.
func (d *described) attachments(erp, owner, reader, other, doc, who string) {
	at := "/documents/" + doc + "/attachments"
	const file = "%PDF-1.7 plano"
	send := func(token, name, content string, status int) *httptest.ResponseRecorder {
		return d.call(token, http.MethodPost, at+"?name="+url.QueryEscape(name), content, status, "Content-Type", "application/octet-stream")
	}
	var kept, again struct {
		ID, Name, Type, SHA256 string
		Size                   int
	}
	d.fine(send(reader, "../plano.pdf", file, http.StatusOK), &kept)
	if d.fine(send(reader, "otro.pdf", file, http.StatusOK), &again); again.ID != kept.ID || kept.Name != "plano.pdf" || kept.Type != "application/pdf" || kept.Size != len(file) {
		d.t.Errorf("the same file is kept as %+v and as %+v", kept, again)
	}
	send(other, "plano.pdf", file, http.StatusNotFound)
	send(reader, "plano.html", file, http.StatusUnprocessableEntity)
	send(reader, "plano.png", file, http.StatusUnprocessableEntity)
	send(reader, "", file, http.StatusUnprocessableEntity)
	send(reader, "plano.pdf", "%PDF-"+strings.Repeat("x", 10<<20), http.StatusUnprocessableEntity)
	named := []any{object{"id": kept.ID, "name": "plano.pdf"}}
	comment := d.made(reader, http.MethodPost, "/documents/"+doc+"/comments", object{"text": "", "attachments": named})
	byStaff := d.made(erp, http.MethodPost, "/documents/"+doc+"/comments", object{"text": "El suyo", "attachments": named})
	d.call(reader, http.MethodPost, "/documents/"+doc+"/comments", object{"attachments": []any{object{"id": strings.Repeat("0", 64), "name": "x.pdf"}}}, http.StatusUnprocessableEntity)
	d.call(reader, http.MethodPost, "/documents/"+doc+"/comments", object{"attachments": []any{object{"id": kept.ID}}}, http.StatusUnprocessableEntity)
	for _, token := range []string{reader, owner, erp} {
		for _, c := range []string{comment, byStaff} {
			got := d.call(token, http.MethodGet, at+"/"+c+"/0", nil, http.StatusOK)
			if got.Body.String() != file || got.Header().Get("Content-Type") != "application/pdf" || !strings.HasPrefix(got.Header().Get("Content-Disposition"), "attachment") || got.Header().Get("X-Content-Type-Options") != "nosniff" {
				d.t.Errorf("the file comes back as %q with %v", got.Body, got.Header())
			}
		}
	}
	d.call(erp, http.MethodGet, at+"/"+comment+"/0?contact="+who, nil, http.StatusOK)
	d.call(other, http.MethodGet, at+"/"+comment+"/0", nil, http.StatusNotFound)
	d.call(reader, http.MethodGet, at+"/"+comment+"/1", nil, http.StatusNotFound)
	d.call(reader, http.MethodGet, at+"/"+doc+"/0", nil, http.StatusNotFound)
	var list struct {
		Items []struct {
			Files []struct{ Name, SHA256 string }
		}
	}
	if d.fine(d.call(owner, http.MethodGet, "/documents/"+doc+"/comments?limit=500", nil, http.StatusOK), &list); len(list.Items) == 0 || len(list.Items[len(list.Items)-1].Files) != 1 || list.Items[len(list.Items)-1].Files[0].SHA256 != kept.SHA256 {
		d.t.Errorf("the comments are %+v", list)
	}
}

func (d *described) quotes(erp, owner, reader, other string) {
	approve, decline, change := d.issued(erp, document.Quote, "P-1"), d.issued(erp, document.Quote, "P-2"), d.issued(erp, document.Quote, "P-3")
	yes := object{"name": "Marta Soto", "hash": d.hash(owner, approve), "reference": "PO-77"}
	at := "/quotes/" + approve + "/approve"
	d.call(reader, http.MethodPost, at, yes, http.StatusForbidden)
	d.call(erp, http.MethodPost, at, yes, http.StatusForbidden)
	d.call(other, http.MethodPost, at, yes, http.StatusNotFound)
	d.call(owner, http.MethodPost, at, object{"name": "Marta"}, http.StatusUnprocessableEntity)
	d.call(owner, http.MethodPost, at, object{"name": "Marta", "hash": strings.Repeat("0", 64)}, http.StatusConflict)
	certificate := "/quotes/" + approve + "/certificate"
	d.call(owner, http.MethodGet, certificate, nil, http.StatusConflict)
	d.call(owner, http.MethodPost, at, object{"name": "Marta", "hash": yes["hash"], "signature": "hola"}, http.StatusUnprocessableEntity)
	d.made(owner, http.MethodPost, at, yes)
	for _, token := range []string{owner, reader, erp} {
		if got := d.call(token, http.MethodGet, certificate, nil, http.StatusOK); !strings.HasPrefix(got.Body.String(), "%PDF-") {
			d.t.Errorf("the certificate is %.40q", got.Body)
		}
	}
	d.call(other, http.MethodGet, certificate, nil, http.StatusNotFound)
	d.call(owner, http.MethodPost, "/quotes/"+approve+"/decline", object{"reason": "x"}, http.StatusConflict)
	d.made(owner, http.MethodPost, "/quotes/"+decline+"/decline", object{"name": "Marta", "reason": "Too dear"})
	d.made(owner, http.MethodPost, "/quotes/"+change+"/changes", object{"text": "Twice as much"})
	d.call(reader, http.MethodPost, "/quotes/"+change+"/changes", object{"text": "x"}, http.StatusForbidden)
	d.call(owner, http.MethodPost, "/quotes/"+approve+"/changes", object{"text": "x"}, http.StatusConflict)
	d.call(owner, http.MethodGet, "/documents/"+approve, nil, http.StatusOK)
}

func (d *described) purchases(erp, owner, reader, other string) {
	confirm, reject := d.issued(erp, document.PurchaseOrder, "PC-1"), d.issued(erp, document.PurchaseOrder, "PC-2")
	yes := object{"name": "Marta Soto", "hash": d.hash(owner, confirm), "deliveryDate": "2026-12-24"}
	at := "/purchase-orders/" + confirm + "/confirm"
	d.call(reader, http.MethodPost, at, yes, http.StatusForbidden)
	d.call(other, http.MethodPost, at, yes, http.StatusNotFound)
	d.call(owner, http.MethodPost, at, object{"name": "Marta", "hash": yes["hash"], "deliveryDate": "tomorrow"}, http.StatusUnprocessableEntity)
	d.made(owner, http.MethodPost, at, yes)
	d.made(owner, http.MethodPost, "/purchase-orders/"+reject+"/reject", object{"reason": "Out of stock"})
	d.call(owner, http.MethodPost, "/purchase-orders/"+confirm+"/reject", object{"reason": "x"}, http.StatusConflict)
	d.call(owner, http.MethodGet, "/documents/"+confirm, nil, http.StatusOK)
}

func (d *described) payments(erp, staff, owner, reader, other string) {
	first, second, third := d.issued(erp, document.Invoice, "F-1"), d.issued(erp, document.Invoice, "F-2"), d.issued(erp, document.Invoice, "F-3")
	pay := func(doc string) object {
		return object{"method": "transfer", "documents": []any{object{"kind": "invoice", "id": doc}}}
	}
	d.call(reader, http.MethodPost, "/payments", pay(first), http.StatusForbidden)
	d.call(other, http.MethodPost, "/payments", pay(first), http.StatusNotFound)
	d.call(owner, http.MethodPost, "/payments", object{"method": "transfer", "documents": []any{}}, http.StatusUnprocessableEntity)
	d.call(owner, http.MethodPost, "/payments", object{"method": "transfer", "documents": []any{object{"kind": "invoice", "id": first, "amount": "0.001 EUR"}}}, http.StatusUnprocessableEntity)
	one := d.made(owner, http.MethodPost, "/payments", pay(first))
	part := pay(second)
	part["documents"].([]any)[0].(object)["amount"] = "21.00 EUR"
	two := d.made(owner, http.MethodPost, "/payments", part)
	d.call(owner, http.MethodGet, "/payments?state=started&limit=1", nil, http.StatusOK)
	d.call(owner, http.MethodGet, "/payments?limit=-1", nil, http.StatusUnprocessableEntity)
	d.call(owner, http.MethodGet, "/payments/"+one, nil, http.StatusOK)
	d.call(other, http.MethodGet, "/payments/"+one, nil, http.StatusNotFound)
	d.call(other, http.MethodPost, "/payments/"+one+"/announce", nil, http.StatusNotFound)
	d.made(owner, http.MethodPost, "/payments/"+one+"/announce", nil)
	d.call(other, http.MethodPost, "/payments/"+two+"/cancel", nil, http.StatusNotFound)
	d.made(owner, http.MethodPost, "/payments/"+two+"/cancel", nil)
	d.call(owner, http.MethodPost, "/transfers", object{"payment": one, "amount": "121.00 EUR", "on": "2026-11-23"}, http.StatusNotFound)
	d.call(staff, http.MethodPost, "/transfers", object{"payment": one, "amount": "a lot", "on": "2026-11-23"}, http.StatusUnprocessableEntity)
	d.made(staff, http.MethodPost, "/transfers", object{"payment": one, "amount": "121.00 EUR", "on": "2026-11-23"})
	d.made(erp, http.MethodPost, "/transfers", object{"documents": []any{object{"kind": "invoice", "id": third}}, "amount": "121.00 EUR", "on": "2026-11-23"})
	d.call(owner, http.MethodPost, "/payments/"+one+"/cancel", nil, http.StatusConflict)
	d.call(owner, http.MethodGet, "/documents/"+first, nil, http.StatusOK)
	d.call(erp, http.MethodGet, "/payments", nil, http.StatusOK)
}

func (d *described) catalogue(erp, staff, owner, reader, other, who string) {
	product := object{"sku": "AN-50", "name": "Anchoa en aceite", "unit": "BX", "price": "10.00 EUR", "taxRate": "10", "availability": "in_stock", "category": "Anchoas", "minQuantity": "2"}
	made := d.made(erp, http.MethodPost, "/catalogue/products", product)
	d.call(owner, http.MethodPost, "/catalogue/products", product, http.StatusNotFound)
	d.call(erp, http.MethodPost, "/catalogue/products", object{"sku": "X", "name": "X", "price": "-1.00 EUR", "taxRate": "10", "availability": "in_stock"}, http.StatusUnprocessableEntity)
	d.call(owner, http.MethodGet, "/catalogue/products", nil, http.StatusNotFound) // not yet for them
	d.call(owner, http.MethodGet, "/cart", nil, http.StatusNotFound)
	d.made(erp, http.MethodPut, "/contacts/"+who+"/catalogue", object{"enabled": true})
	d.call(owner, http.MethodGet, "/catalogue/products?q=aceite&category=Anchoas&sort=price&order=desc&limit=10", nil, http.StatusOK)
	d.call(staff, http.MethodGet, "/catalogue/products", nil, http.StatusOK)
	d.call(owner, http.MethodGet, "/cart", nil, http.StatusOK) // empty
	d.call(reader, http.MethodPut, "/cart/"+made, object{"quantity": "4"}, http.StatusForbidden)
	d.call(other, http.MethodPut, "/cart/"+made, object{"quantity": "4"}, http.StatusNotFound)
	d.call(owner, http.MethodPut, "/cart/"+made, object{"quantity": "many"}, http.StatusUnprocessableEntity)
	d.made(owner, http.MethodPut, "/cart/"+made, object{"quantity": "4"})
	d.call(owner, http.MethodGet, "/cart", nil, http.StatusOK)
	d.call(owner, http.MethodPost, "/orders", object{"shownTotal": "1.00 EUR"}, http.StatusConflict)
	order := d.made(owner, http.MethodPost, "/orders", object{"shownTotal": "44.00 EUR", "reference": "PO-1", "note": "Por la mañana", "requestedOn": "2099-12-01", "deliverTo": object{"name": "Almacén", "address": object{"city": "Haro", "country": "ES"}}})
	state := "/orders/" + order + "/state"
	d.call(owner, http.MethodPost, state, object{"to": "confirmed"}, http.StatusNotFound)
	d.call(erp, http.MethodPost, state, object{"to": "lost"}, http.StatusUnprocessableEntity)
	d.made(erp, http.MethodPost, state, object{"to": "confirmed", "deliveryDate": "2099-12-02"})
	d.made(staff, http.MethodPost, state, object{"to": "shipped", "part": true})
	d.made(erp, http.MethodPost, state, object{"to": "fulfilled"})
	d.call(erp, http.MethodPost, state, object{"to": "rejected", "reason": "x"}, http.StatusConflict)
	d.call(owner, http.MethodGet, "/documents/"+order, nil, http.StatusOK)
	d.call(other, http.MethodPost, "/orders/"+order+"/repeat", nil, http.StatusNotFound)
	d.call(reader, http.MethodPost, "/orders/"+order+"/repeat", nil, http.StatusForbidden)
	d.made(owner, http.MethodPost, "/orders/"+order+"/repeat", nil)
}

func (d *described) home(staff, owner, other, who string) {
	got := d.call(owner, http.MethodGet, "/home", nil, http.StatusOK)
	d.call(owner, http.MethodGet, "/home", nil, http.StatusNotModified, "If-None-Match", got.Header().Get("Etag"))
	d.call(staff, http.MethodGet, "/home?contact="+who, nil, http.StatusOK)
	d.call(staff, http.MethodGet, "/home", nil, http.StatusUnprocessableEntity)
	d.call(other, http.MethodGet, "/home?contact="+who, nil, http.StatusNotFound)
	d.call(staff, http.MethodGet, "/home?contact="+string(id.DeriveID("nobody")), nil, http.StatusNotFound)
	d.call(owner, http.MethodGet, "/activity?limit="+strconv.Itoa(10), nil, http.StatusOK)
	d.call(staff, http.MethodGet, "/activity?contact="+who, nil, http.StatusOK)
	d.call(staff, http.MethodGet, "/activity", nil, http.StatusUnprocessableEntity)
	d.call(other, http.MethodGet, "/activity?contact="+who, nil, http.StatusNotFound)
}
