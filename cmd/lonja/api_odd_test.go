package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lonja/readmodels"
)

// TestOddRequestsAreRefusedClearly sends what no sound client sends: each is refused with
// the key and the field, in whatever language, or does no harm.
func TestOddRequestsAreRefusedClearly(t *testing.T) {
	t.Parallel()
	w := newHostile(t)
	op := func(named string) int {
		for i, o := range w.operations {
			if o == named {
				return i
			}
		}
		t.Fatalf("there is no operation %s", named)
		return 0
	}
	const client, staff = 0, 1
	deep := func(n int) string { return strings.Repeat(`{"text":`, n) + "1" + strings.Repeat("}", n) }
	unknown := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"x%d":1,`, i)
		}
		return "{" + b.String() + `"text":"a"}`
	}
	comment, login, product, pay := "POST /documents/{id}/comments", "POST /contacts/{id}/logins", "POST /catalogue/products", "POST /payments"
	for _, tt := range []struct {
		name, op, param, query, kind, body string
		who, status                        int
		key, field                         string // of the first field that is wrong
	}{
		{"a name twice", comment, "@h", "", "", `{"text":"a","text":"b"}`, client, 400, "request.json_invalid", "text"},
		{"a name twice, in another case", comment, "@h", "", "", `{"text":"a","Text":"b"}`, client, 422, "request.json_invalid", "Text"},
		{"an unknown name", comment, "@h", "", "", `{"text":"a","amount":"1"}`, client, 422, "request.unexpected", "amount"},
		{"a name that the client may not say", pay, "", "", "", `{"method":"transfer","contact":"@a","documents":[{"kind":"invoice","id":"@f"}]}`, client, 422, "request.unexpected", "contact"},
		{"no UTF-8", comment, "@h", "", "", "{\"text\":\"\xff\xfe\"}", client, 400, "request.json_invalid", "text"},
		{"half a surrogate", comment, "@h", "", "", `{"text":"\ud800"}`, client, 400, "request.json_invalid", "text"},
		{"nothing", comment, "@h", "", "", "", client, 400, "request.body_unreadable", ""},
		{"null", comment, "@h", "", "", "null", client, 422, "request.not_object", ""},
		{"a list", comment, "@h", "", "", "[]", client, 422, "request.not_object", ""},
		{"two bodies", comment, "@h", "", "", `{"text":"a"}{"text":"b"}`, client, 400, "request.json_invalid", ""},
		{"half a body", comment, "@h", "", "", `{"text":"a`, client, 400, "request.json_invalid", "text"},
		{"deep", comment, "@h", "", "", deep(9_000), client, 422, "request.not_text", "text"},
		{"deeper than is read", comment, "@h", "", "", deep(50_000), client, 400, "request.json_invalid", ""},
		{"ten megabytes", comment, "@h", "", "", `{"text":"` + strings.Repeat("x", 10<<20) + `"}`, client, 413, "request.too_large", ""},
		{"a form", comment, "@h", "", "application/x-www-form-urlencoded", "text=a", client, 415, "request.content_type", ""},
		{"prose", comment, "@h", "", "text/plain", `{"text":"a"}`, client, 415, "request.content_type", ""},
		{"a long text", comment, "@h", "", "", `{"text":"` + strings.Repeat("x", 5001) + `"}`, client, 422, "request.too_long", "text"},
		{"a text of nothing", comment, "@h", "", "", `{"text":" \n\t\u00a0"}`, client, 422, "comment.empty", "text"},
		{"orders to a terminal", comment, "@h", "", "", `{"text":"Hello \u001b[2J"}`, client, 400, "request.control_characters", "text"},
		{"a NUL, deep in it", pay, "", "", "", `{"method":"transfer","documents":[{"kind":"invoice","id":"@f"},{"kind":"invoice","id":"x\u0000"}]}`, client, 400, "request.control_characters", "documents[1].id"},
		{"a long name", comment, "@h", "", "", `{"text":"a","` + strings.Repeat("é", 9000) + `":1}`, client, 422, "request.unexpected", ""},
		{"many unknown names", comment, "@h", "", "", unknown(2000), client, 422, "request.unexpected", ""},
		{"a name of nothing", comment, "@h", "", "", `{"text":"a","\u0000":1,"\u0000":2}`, client, 400, "request.json_invalid", "\uFFFD"},
		{"a huge number", product, "", "", "", `{"sku":"X","name":"X","price":"1e999 EUR","taxRate":"10","availability":"in_stock"}`, staff, 422, "", "price"},
		{"a number for an amount", product, "", "", "", `{"sku":"X","name":"X","price":1,"taxRate":"10","availability":"in_stock"}`, staff, 422, "request.not_text", "price"},
		{"more money than there is", product, "", "", "", `{"sku":"X","name":"X","price":"99999999999999999999.00 EUR","taxRate":"10","availability":"in_stock"}`, staff, 422, "", "price"},
		{"a fraction of a cent", pay, "", "", "", `{"method":"transfer","documents":[{"kind":"invoice","id":"@f","amount":"0.001 EUR"}]}`, client, 422, "", ""},
		{"a negative amount", pay, "", "", "", `{"method":"transfer","documents":[{"kind":"invoice","id":"@f","amount":"-1.00 EUR"}]}`, client, 422, "", ""},
		{"another currency", pay, "", "", "", `{"method":"transfer","documents":[{"kind":"invoice","id":"@f","amount":"1.00 USD"}]}`, client, 422, "", ""},
		{"the same document twice", pay, "", "", "", `{"method":"transfer","documents":[{"kind":"invoice","id":"@f"},{"kind":"invoice","id":"@f"}]}`, client, 422, "", ""},
		{"too many documents", pay, "", "", "", `{"method":"transfer","documents":[` + strings.Repeat(`{"kind":"invoice","id":"x"},`, 100) + `{"kind":"invoice","id":"x"}]}`, client, 422, "request.too_many", "documents"},
		{"a role that there is not", login, "@a", "", "", `{"email":"x@y.example","role":"owner"}`, staff, 422, "request.not_one_of", "role"},
		{"an email with a line in it", login, "@a", "", "", `{"email":"x@y.example\r\nBcc: z@y.example","role":"read"}`, staff, 422, "email.invalid", "email"},

		{"a limit of 0", "GET /documents", "", "limit=0", "", "", client, 422, "request.too_small", "limit"},
		{"a negative limit", "GET /payments", "", "limit=-1", "", "", client, 422, "request.too_small", "limit"},
		{"an enormous limit", "GET /documents", "", "limit=1000000000", "", "", client, 422, "request.too_great", "limit"},
		{"a limit beyond numbers", "GET /documents", "", "limit=99999999999999999999", "", "", client, 422, "request.not_number", "limit"},
		{"a limit that is none", "GET /documents", "", "limit=ten", "", "", client, 422, "request.not_number", "limit"},
		{"a longer feed than there is", "GET /activity", "", fmt.Sprintf("limit=%d", readmodels.FeedLength+1), "", "", client, 422, "request.too_great", "limit"},
		{"an order that there is not", "GET /documents", "", "sort=secret", "", "", client, 422, "request.not_one_of", "sort"},
		{"a cursor that is none", "GET /documents", "", "after=!!!", "", "", client, 422, "query.cursor_invalid", "after"},
		{"a cursor of nothing", "GET /documents", "", "after=" + base64.RawURLEncoding.EncodeToString([]byte(`{}`)), "", "", client, 422, "query.cursor_invalid", "after"},
		{"a cursor of another list", "GET /payments", "", "after=" + base64.RawURLEncoding.EncodeToString([]byte(`{"t":["x"],"k":"t","i":"x"}`)), "", "", client, 422, "query.cursor_invalid", "after"},
		{"an amount without currency", "GET /documents", "", "minTotal=1", "", "", client, 422, "query.amount_invalid", "minTotal"},
		{"a day that there is not", "GET /documents", "", "from=2026-02-30", "", "", client, 422, "document.date_invalid", "from"},
		{"a long search", "GET /documents", "", "q=" + strings.Repeat("x", 201), "", "", client, 422, "request.too_long", "q"},
		{"somebody else's", "GET /documents", "", "contact=@e", "", "", client, 404, "not_found", ""},
		{"an id that is a path", "GET /documents/{id}", "../contacts", "", "", "", staff, 404, "not_found", ""},
		{"an id of nothing", "GET /documents/{id}", "\x00", "", "", "", staff, 404, "not_found", ""},
		{"a file of nothing", "POST /documents", "", "", "", "", staff, 400, "request.body_unreadable", ""},
		{"a file of no form", "POST /documents", "", "", "", "\x00\x01\x02", staff, 422, "einvoice.unknown_form", ""},
		{"orders to a terminal in a file", "POST /documents", "", "", "", strings.Replace(sound["POST /documents"], "Anchoa", `An\u001b[2Jchoa`, 1), staff, 422, "document.control_characters", "lines[0].name"},
		{"a document that no event can hold", "POST /documents", "", "", "", strings.Replace(sound["POST /documents"], "Anchoa", strings.Repeat("Anchoa", 150_000), 1), staff, 413, "command.too_large", ""},
		{"an XML bomb", "POST /documents", "", "", "application/xml", `<!DOCTYPE x [<!ENTITY a "a"><!ENTITY b "&a;&a;">]><Invoice>&b;</Invoice>`, staff, 422, "einvoice.doctype", ""},
		{"another XML", "POST /documents", "", "", "text/xml; charset=utf-8", `<html/>`, staff, 422, "einvoice.unknown_root", ""},
		{"a PDF without invoice", "POST /documents", "", "", "application/pdf", "%PDF-1.7\n", staff, 422, "einvoice.pdf_without_invoice", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			kind := tt.kind
			if kind == "" && tt.body != "" {
				kind = "application/json"
			}
			got := w.send(t, tt.who, op(tt.op), tt.param, tt.query, "", kind, []byte(tt.body))
			if got == nil {
				t.Fatal("no client can send this")
			}
			var p problem
			if err := json.Unmarshal(got.Body.Bytes(), &p); err != nil || got.Code != tt.status {
				t.Fatalf("%d %.500s, want %d", got.Code, got.Body, tt.status)
			}
			field, key := "", p.Type
			if len(p.Errors) > 0 {
				field, key = p.Errors[0].Field, p.Errors[0].Type
			}
			if field != tt.field && tt.field != "" || key != "urn:lonja:"+tt.key && tt.key != "" {
				t.Errorf("%s of %q: %.500s; want %s of %q", key, field, got.Body, tt.key, tt.field)
			}
			if got.Body.Len() > 10_000 {
				t.Errorf("the refusal has %d bytes: it repeats what was sent", got.Body.Len())
			}
		})
	}
}

// TestABodyThatBreaksOffIsTheClients sends bodies over a real connection that end in the
// middle: they have no effect, and are no fault of the program.
func TestABodyThatBreaksOffIsTheClients(t *testing.T) {
	t.Parallel()
	w := newHostile(t)
	server := httptest.NewServer(w.served)
	defer server.Close()
	at := "/api/v1/documents/" + w.named("@h") + "/comments"
	_, before := w.typed("comment.posted")
	for _, body := range []string{
		"Content-Length: 100\r\n\r\n{\"text\":\"a\"}",
		"Transfer-Encoding: chunked\r\n\r\nc\r\n{\"text\":\"a\"}\r\n",
		"Transfer-Encoding: chunked\r\n\r\nzz\r\n{\"text\":\"a\"}\r\n0\r\n\r\n",
	} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		w.must(err)
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: portal.test\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%s", at, w.callers[0].token, body)
		w.must(err)
		w.must(conn.(*net.TCPConn).CloseWrite())
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		w.must(err)
		text, err := io.ReadAll(res.Body)
		w.must(err)
		w.must(res.Body.Close())
		w.must(conn.Close())
		if res.StatusCode != http.StatusRequestTimeout || !strings.Contains(string(text), "urn:lonja:request.too_slow") {
			t.Errorf("%q: %d %s", body, res.StatusCode, text)
		}
	}
	if _, after := w.typed("comment.posted"); after != before {
		t.Errorf("%d events, then %d", before, after)
	}
	if text := w.log.String(); strings.Contains(text, "level=ERROR") {
		t.Errorf("the program logged\n%s", text)
	}
}

// TestWhatIsNotThereIsAProblemToo asks for paths and methods that the API does not have.
func TestWhatIsNotThereIsAProblemToo(t *testing.T) {
	t.Parallel()
	w := newHostile(t)
	for _, at := range []string{"GET /nothing", "GET /", "DELETE /documents", "PATCH /home", "POST /home", "GET /documents/a/b/c", "OPTIONS /home", "GET /schemas/x", "GET /docs"} {
		method, path, _ := strings.Cut(at, " ")
		w.refused(w.call(w.callers[0].token, method, path, ""), http.StatusNotFound, "not_found")
	}
	got := w.call(w.callers[0].token, http.MethodGet, "/home", "")
	w.fine(got, nil)
	for tag, status := range map[string]int{got.Header().Get("Etag"): 304, `"other"`: 200, "W/" + got.Header().Get("Etag"): 304, "*": 304, `"x", ` + got.Header().Get("Etag"): 304, "\"": 200} {
		if again := w.call(w.callers[0].token, http.MethodGet, "/home", "", "If-None-Match", tag); again.Code != status || status == 304 && again.Body.Len() > 0 {
			t.Errorf("If-None-Match %s: %d with %d bytes, want %d", tag, again.Code, again.Body.Len(), status)
		}
	}
	// One's home under another's tag: the tag names no contact.
	other, _ := w.contact(w.account, "Redes del Norte", "A48000012", "ana@redes.example", "")
	if got := w.call(w.callers[1].token, http.MethodGet, "/home?contact="+string(other), "", "If-None-Match", got.Header().Get("Etag")); got.Code != http.StatusOK && got.Code != http.StatusNotFound {
		t.Errorf("another contact's home under this one's tag: %d", got.Code)
	}
	for _, path := range []string{"/home", "/documents", "/openapi.json"} {
		if head := w.call(w.callers[0].token, http.MethodHead, path, ""); head.Code != http.StatusOK {
			t.Errorf("HEAD %s: %d", path, head.Code)
		}
	}
}
