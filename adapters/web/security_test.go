package web_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"lonja/domain/access"
	"lonja/domain/document"
	"lonja/domain/id"
)

func TestEveryAnswerIsPrivateAndBound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	w.settle()
	b := w.browser()
	b.signIn("marta@ibanez.example", passphrase)
	for _, path := range []string{"/", "/invoices", "/sign-in", "/recover", "/no-such-page", "/staff/sign-in", "/password", "/security", "/payments", "/panic"} {
		h := b.get(path).header
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Cross-Origin-Opener-Policy": "same-origin",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		policy := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: policy %q lacks %s", path, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if h.Get("X-Correlation-Id") == "" {
			t.Errorf("%s: no correlation id", path)
		}
	}
}

var (
	inlineCode = regexp.MustCompile(`(?i)<script(?:>|\s[^>]*>)[^<]|\sstyle=|<style|\son[a-z]+=|javascript:`)
	elsewhere  = regexp.MustCompile(`(?i)(?:src|href|action)="(?:https?:)?//`)
)

func TestPagesNeedNoInlineCodeAndNoThirdParty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	quote, invoice := w.issue(who, document.Quote, "P-1", ""), w.issue(who, document.Invoice, "F-1", "")
	w.settle()
	b := w.browser()
	b.signIn("marta@ibanez.example", passphrase)
	pay := b.submit(b.get("/invoices/"+string(invoice)+"/pay"), "pay-form", "method", "transfer")
	s := w.browser()
	s.signInStaff()
	pages := []page{pay, s.get("/staff/security"), s.get("/staff/contacts/" + string(who)), s.get("/staff/contacts/" + string(who) + "/invoices/" + string(invoice)), s.get("/staff/payments")}
	for _, path := range []string{"/", "/quotes", "/quotes/" + string(quote), "/invoices/" + string(invoice), "/password", "/security", "/documents"} {
		pages = append(pages, b.get(path).want(t, http.StatusOK, path))
	}
	for _, p := range pages {
		if found := inlineCode.FindString(p.body); found != "" {
			t.Errorf("%s has inline code or style: %s", p.path, found)
		}
		if found := elsewhere.FindString(p.body); found != "" {
			t.Errorf("%s points elsewhere: %s", p.path, found)
		}
	}
}

func TestAnotherContactsThingsAreNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	theirs := w.client("Redes del Norte", "ana@redes.example", otherPassphrase, access.Full)
	w.issue(mine, document.Invoice, "F-1", "")
	quote, invoice := w.issue(theirs, document.Quote, "P-9", "Secreto"), w.issue(theirs, document.Invoice, "F-9", "Secreto")
	order := w.issue(theirs, document.PurchaseOrder, "C-9", "Secreto")
	w.settle()
	owner, attacker := w.browser(), w.browser()
	owner.signIn("ana@redes.example", otherPassphrase).want(t, http.StatusOK, "/", "P-9")
	attacker.signIn("marta@ibanez.example", passphrase).want(t, http.StatusOK, "/")
	paid := owner.submit(owner.get("/invoices/"+string(invoice)+"/pay"), "pay-form", "method", "transfer").want(t, http.StatusOK, "")
	nothing := string(id.DeriveID("nothing"))
	missing := attacker.get("/quotes/"+nothing).want(t, http.StatusNotFound, "")
	command := func(more ...string) url.Values {
		v := url.Values{"command": {string(id.DeriveID("attack"))}, "name": {"Mallory"}, "text": {"x"}, "reason": {"x"}, "method": {"transfer"}, "hash": {strings.Repeat("0", 64)}}
		for i := 0; i+1 < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	same := func(what string, got page) {
		t.Helper()
		if got.status != http.StatusNotFound || got.body != missing.body {
			t.Errorf("%s: status %d at %s, want the same page as for what does not exist:\n%s", what, got.status, got.path, text(got.doc))
		}
	}
	for _, path := range []string{
		"/quotes/" + string(quote), "/quotes/" + string(quote) + "/pdf", "/invoices/" + string(invoice), "/invoices/" + string(invoice) + "/pdf", "/invoices/" + string(invoice) + "/ubl", "/invoices/" + string(invoice) + "/facturx",
		"/invoices/" + string(invoice) + "/pay", "/purchase-orders/" + string(order), "/pay?document=invoice." + string(invoice),
		"/pay?document=invoice." + nothing, paid.path, "/payments/" + nothing, "/invoices/not-an-id", "/invoices/" + string(quote), "/quotes/../invoices/" + string(invoice),
	} {
		same("GET "+path, attacker.get(path))
	}
	for _, path := range []string{
		"/quotes/" + string(quote) + "/approve", "/quotes/" + string(quote) + "/decline", "/quotes/" + string(quote) + "/changes",
		"/quotes/" + string(quote) + "/comments", "/quotes/" + string(quote) + "/seen", "/purchase-orders/" + string(order) + "/confirm",
		"/purchase-orders/" + string(order) + "/reject", paid.path + "/announce", paid.path + "/cancel", paid.path + "/checkout",
		"/quotes/" + nothing + "/approve", "/invoices/" + string(invoice) + "/approve",
	} {
		same("POST "+path, attacker.post(path, command()))
	}
	same("POST /pay", attacker.post("/pay", command("document", "invoice."+string(invoice))))
	attacker.get("/quotes?q=Secreto").want(t, http.StatusOK, "", "0 documents")
	attacker.get("/documents?q=P-9").want(t, http.StatusOK, "", "0 documents")
	attacker.get("/staff/contacts/"+string(theirs)).want(t, http.StatusOK, "/staff/sign-in")
	owner.get("/quotes/"+string(quote)).want(t, http.StatusOK, "", "To answer").wantNot(t, "Mallory")
	if w.lines.String() != "" {
		t.Errorf("refusals are no faults of the program, but were logged: %s", w.lines)
	}
}

func TestAPageOfAnotherSiteCanNotAct(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	quote := w.issue(who, document.Quote, "P-1", "")
	w.settle()
	b := w.browser()
	b.signIn("marta@ibanez.example", passphrase)
	action, fields := b.get("/quotes/"+string(quote)).form(t, "approve")
	fields.Set("name", "Marta")
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+action, strings.NewReader(fields.Encode()))
		w.ok(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(name, value)
		b.do(r).want(t, http.StatusForbidden, action, "another site")
	}
	b.get("/quotes/"+string(quote)).want(t, http.StatusOK, "", "To answer")
}

func TestSignInLeadsToOwnPathsOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	w.settle()
	for _, next := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "\t//evil.example", "/%5cevil.example/..//x", "http:evil.example"} {
		b := w.browser()
		form := b.get("/sign-in?next=" + url.QueryEscape(next))
		got := b.submit(form, "sign-in", "email", "marta@ibanez.example", "password", passphrase)
		if got.path != "/" {
			t.Errorf("next %q led to %s", next, got.path)
		}
		again := w.browser()
		if got := again.submit(again.get("/sign-in"), "sign-in", "email", "marta@ibanez.example", "password", passphrase, "next", next); got.path != "/" {
			t.Errorf("a form's next %q led to %s", next, got.path)
		}
	}
	b := w.browser()
	b.submit(b.get("/invoices?q=x"), "sign-in", "email", "marta@ibanez.example", "password", passphrase).want(t, http.StatusOK, "/invoices?q=x")
}

func TestASessionHasAFreshSecretOnlyItsBrowserHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	w.settle()
	b := w.browser()
	b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	form := b.get("/sign-in")
	r := b.submit(form, "sign-in", "email", "marta@ibanez.example", "password", passphrase)
	first := r.header.Get("Set-Cookie")
	if !strings.Contains(first, "HttpOnly") || !strings.Contains(first, "SameSite=Lax") || !strings.Contains(first, "Path=/") || strings.Contains(first, "Domain") {
		t.Errorf("cookie %q", first)
	}
	if second := b.submit(form, "sign-in", "email", "marta@ibanez.example", "password", passphrase).header.Get("Set-Cookie"); second == first {
		t.Error("two sign-ins have one secret")
	}
	w.logged(strings.TrimPrefix(strings.Split(first, ";")[0], "lonja="))
}

func TestGuessingIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	w.settle()
	b := w.browser()
	form := b.get("/sign-in")
	refused := 0
	for range 12 {
		if b.submit(form, "sign-in", "email", "marta@ibanez.example", "password", "wrong").status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 2 {
		t.Errorf("%d of 12 attempts were refused, want the 2 beyond 10", refused)
	}
}

// Neither a made-up field nor another browser makes another's count of it.
func TestGuessingOnesOwnPasswordIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	w.settle()
	here, there := w.browser(), w.browser()
	here.signIn("marta@ibanez.example", passphrase)
	there.signIn("marta@ibanez.example", passphrase)
	for i, b := range []*browser{here, there} {
		form := b.get("/password")
		for n := range 5 {
			b.submit(form, "change-password", "current", "wrong", "password", otherPassphrase, "email", fmt.Sprintf("%d-%d@example.com", i, n)).want(t, http.StatusUnprocessableEntity, "/security/password")
		}
	}
	form := there.get("/password")
	refused := there.submit(form, "change-password", "current", passphrase, "password", otherPassphrase).want(t, http.StatusTooManyRequests, "")
	if refused.header.Get("Retry-After") == "" {
		t.Error("it is not said when to come again")
	}
	w.browser().signIn("marta@ibanez.example", passphrase).want(t, http.StatusOK, "/")
}

// That a password was taken tells that no other contact has it, and that it was refused
// tells that one has: whoever changes theirs from guess to guess is bounded as others are.
func TestGuessingOthersPasswordsByChangingOnesOwnIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	w.settle()
	b := w.browser()
	b.signIn("marta@ibanez.example", passphrase)
	have := passphrase
	for i := range 10 {
		next := fmt.Sprintf("Ocho-Redes-Secan-Al-Sol-%d", i)
		b.submit(b.get("/password"), "change-password", "current", have, "password", next).want(t, http.StatusOK, "/security", "has changed")
		have = next
	}
	b.submit(b.get("/password"), "change-password", "current", have, "password", passphrase).want(t, http.StatusTooManyRequests, "")
	w.browser().signIn("marta@ibanez.example", have).want(t, http.StatusOK, "/")
}

func TestAFailureIsACleanPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.browser().get("/panic").want(t, http.StatusInternalServerError, "", "Something went wrong", "reference").wantNot(t, "secret detail", "goroutine")
	if ref := p.header.Get("X-Correlation-Id"); !strings.Contains(p.body, ref) || !strings.Contains(w.lines.String(), ref) || strings.Count(w.lines.String(), "level=ERROR") != 1 {
		t.Errorf("the page and the log do not share the reference %s:\n%s", ref, w.lines)
	}
}

func TestAFormThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	b.post("/sign-in", url.Values{"email": {"a@b.example"}, "password": {"x"}}).want(t, http.StatusUnprocessableEntity, "", "not complete")
	b.post("/sign-in", url.Values{"command": {string(id.DeriveID("x"))}, "email": {strings.Repeat("x", 200<<10)}}).want(t, http.StatusRequestEntityTooLarge, "", "too large")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+"/sign-in", strings.NewReader(`{"email":"a"}`))
	w.ok(err)
	r.Header.Set("Content-Type", "application/json")
	b.do(r).want(t, http.StatusUnprocessableEntity, "", "could not be read")
}

func TestAPageSaysThatItIsStillUpdating(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	quote := w.issue(who, document.Quote, "P-1", "")
	w.settle()
	b := w.browser()
	b.signIn("marta@ibanez.example", passphrase)
	at := "/quotes/" + string(quote)
	doc := b.get(at)
	w.mu.Lock()
	w.stuck = true
	w.mu.Unlock()
	b.submit(doc, "approve", "name", "Marta").want(t, http.StatusOK, at, "still being updated", "Approved. Thank you.")
	w.mu.Lock()
	w.stuck = false
	w.mu.Unlock()
	b.get(at).want(t, http.StatusOK, at, "Approved by Marta").wantNot(t, "still being updated")
	b.get(at).wantNot(t, "Approved. Thank you.")
}

func TestTheFirstPageIsSmall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	for _, n := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"} {
		w.issue(who, document.Invoice, "F-"+n, "Suministro del mes "+n)
	}
	w.settle()
	b := w.browser()
	b.signIn("marta@ibanez.example", passphrase)
	home := b.get("/")
	total := 0
	for _, path := range append(assets(home), "/") {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+path, nil)
		w.ok(err)
		r.Header.Set("Accept-Encoding", "gzip")
		resp, err := b.http.Do(r)
		w.ok(err)
		body, err := io.ReadAll(resp.Body)
		w.ok(err)
		w.ok(resp.Body.Close())
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: status %d, encoding %q", path, resp.StatusCode, resp.Header.Get("Content-Encoding"))
		}
		z, err := gzip.NewReader(strings.NewReader(string(body)))
		w.ok(err)
		if _, err := io.Copy(io.Discard, z); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if path != "/" && !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s can't be kept: %s", path, resp.Header.Get("Cache-Control"))
		}
		total += len(body)
	}
	t.Logf("first page: %d bytes", total)
	if total > 100<<10 {
		t.Errorf("the first page is %d bytes, want at most %d", total, 100<<10)
	}
}

func assets(p page) []string {
	var out []string
	each(p.doc, func(n *node) {
		for _, name := range []string{"src", "href"} {
			if a := attr(n, name); strings.HasPrefix(a, "/static/") {
				out = append(out, a)
			}
		}
	})
	return out
}
