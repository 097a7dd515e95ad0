package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/document"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/payment"
)

func TestAClientSeesTheHistoryAndApprovesAQuote(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	quote := w.issue(who, document.Quote, "P-1", "Oferta de <b>Navidad</b>")
	w.issue(who, document.Invoice, "F-1", "Suministro de noviembre")
	w.settle()
	b := w.browser()

	b.get("/").want(t, http.StatusOK, "/sign-in", "Sign in")
	b.signIn("marta@ibanez.example", "Otra-Clave-Que-No-Vale").want(t, http.StatusUnauthorized, "/sign-in", "not right").wantNot(t, "Otra-Clave")
	home := b.signIn(" Marta@Ibanez.example ", passphrase).want(t, http.StatusOK, "/",
		"Hello, Marta Soto", "Quote P-1", "Oferta de <b>Navidad</b>", "Invoice F-1", "Quotes to answer", "€121.00", "Sales")
	if strings.Contains(home.body, "<b>Navidad") {
		t.Error("a title is not escaped")
	}
	b.get("/quotes?q=navidad&status=pending&year=2026").want(t, http.StatusOK, "", "1 document", "P-1")
	b.get("/quotes?q=nothing").want(t, http.StatusOK, "", "0 documents", "No document matches")

	at := "/quotes/" + string(quote)
	doc := b.get(at).want(t, http.StatusOK, "", "Quote P-1", "Anchoa de <Santoña>", "VAT 21%", "€121.00", "Approve for €121.00")
	b.submit(doc, "approve", "name", "").want(t, http.StatusUnprocessableEntity, at+"/approve", "Fill this in")
	b.submit(doc, "approve", "name", "Marta Soto", "reference", "PED-77").want(t, http.StatusOK, at,
		"Approved. Thank you.", "Approved by Marta Soto").wantNot(t, "Approve for")
	again := b.submit(doc, "approve", "name", "Marta Soto", "reference", "PED-77").want(t, http.StatusOK, at, "Approved")
	if n := strings.Count(again.textOf(t, "timeline"), "Approved by"); n != 1 {
		t.Errorf("%d approvals in the timeline, want 1", n)
	}
	b.submit(doc, "decline", "name", "Marta Soto", "reason", "No").want(t, http.StatusConflict, at+"/decline")
}

func TestAStaleHashIsNotApproved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	quote := w.issue(who, document.Quote, "P-1", "")
	w.settle()
	b := w.browser()
	b.signIn("marta@ibanez.example", passphrase)
	doc := b.get("/quotes/" + string(quote))
	b.submit(doc, "approve", "name", "Marta", "hash", strings.Repeat("0", 64)).want(t, http.StatusConflict, "")
	b.get("/quotes/"+string(quote)).want(t, http.StatusOK, "", "To answer")
}

func TestAClientAsksForChangesAndComments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	quote := w.issue(who, document.Quote, "P-1", "")
	w.settle()
	b, s := w.browser(), w.browser()
	b.signIn("marta@ibanez.example", passphrase)
	at := "/quotes/" + string(quote)
	b.submit(b.get(at), "changes", "text", "Menos cajas").want(t, http.StatusOK, at, "Your request was sent", "Menos cajas")
	b.submit(b.get(at), "comment-form", "text", "<script>alert(1)</script>").want(t, http.StatusOK, at, "Your comment was sent", "<script>alert(1)</script>")
	if strings.Contains(b.get(at).body, "<script>alert") {
		t.Error("a comment is not escaped")
	}

	s.signInStaff().want(t, http.StatusOK, "/staff", "Bodegas Ibáñez, S.L.")
	s.get("/staff/comments").want(t, http.StatusOK, "", "Quote P-1", "alert(1)")
	staffAt := "/staff/contacts/" + string(who) + "/quotes/" + string(quote)
	s.submit(s.get(staffAt), "comment-form", "text", "Ahora la cambiamos").want(t, http.StatusOK, staffAt, "Ahora la cambiamos", "Luis Prado")
	if s.get(staffAt).has("seen") {
		t.Error("who answers has not read what was asked")
	}
	s.get("/staff/comments").want(t, http.StatusOK, "", "Nothing is waiting")

	b.get("/").want(t, http.StatusOK, "", "Unread comments", "Ahora la cambiamos")
	b.submit(b.get(at), "seen").want(t, http.StatusOK, at).wantNot(t, "1 new comment")
}

func TestPayByTransfer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	one, two := w.issue(who, document.Invoice, "F-1", ""), w.issue(who, document.Invoice, "F-2", "")
	w.settle()
	b, s := w.browser(), w.browser()
	b.signIn("marta@ibanez.example", passphrase)

	pay := b.get("/pay?document=invoice."+string(one)+"&document=invoice."+string(two)).want(t, http.StatusOK, "", "€242.00", "Bank transfer", "Card (test)")
	paid := b.submit(pay, "pay-form", "method", "transfer").want(t, http.StatusOK, "",
		"ES91 2100 0418 4502 0005 1332", "CAIXESBBXXX", "Conservas Cantábricas, S.A.", "€242.00", "Started")
	if !strings.HasPrefix(paid.path, "/payments/") || !paid.has("sepa-qr") {
		t.Errorf("at %s without instructions", paid.path)
	}
	again := b.submit(pay, "pay-form", "method", "transfer")
	if again.path != paid.path {
		t.Errorf("the same form twice: %s and %s", paid.path, again.path)
	}
	b.submit(paid, "announce").want(t, http.StatusOK, paid.path, "On its way", "We will watch for the transfer")
	b.get("/").want(t, http.StatusOK, "", "Payment on its way")

	s.signInStaff()
	inbox := s.get("/staff/payments").want(t, http.StatusOK, "", "Bodegas Ibáñez", "F-1 F-2")
	action := "/staff" + paid.path + "/receipt"
	s.submit(inbox, action, "amount", "rubbish").want(t, http.StatusUnprocessableEntity, "", "This is not an amount")
	s.submit(inbox, action, "amount", "242.00", "on", "2026-11-23").want(t, http.StatusOK, "/staff/payments", "The payment was recorded", "Nothing is waiting")

	b.get(paid.path).want(t, http.StatusOK, "", "Paid", "received on 23 Nov 2026")
	b.get("/invoices/"+string(one)).want(t, http.StatusOK, "", "Paid", "€121.00 paid").wantNot(t, "left to pay")
	b.get("/pay?document=invoice."+string(one)).want(t, http.StatusConflict, "", "nothing left to pay")
}

func TestPayByGateway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	invoice := w.issue(who, document.Invoice, "F-1", "")
	w.settle()
	b := w.browser()
	b.signIn("marta@ibanez.example", passphrase)
	form := b.get("/invoices/"+string(invoice)+"/pay").want(t, http.StatusOK, "", "Test mode")
	b.submit(form, "pay-form", "method", "sandbox", "amount", "1000").want(t, http.StatusUnprocessableEntity, "", "only €121.00 is left")
	hosted := b.submit(form, "pay-form", "method", "sandbox", "amount", "100.00")
	if !strings.HasPrefix(hosted.path, "/hosted/ref-") {
		t.Fatalf("led to %s", hosted.path)
	}
	pay := id.ID(strings.TrimPrefix(hosted.path, "/hosted/ref-"))
	if got := w.gateway.sessions["ref-"+string(pay)]; got.Amount != money.Of(10000, "EUR") || got.ReturnURL != "http://portal.test/payments/"+string(pay) {
		t.Errorf("the gateway was told %+v", got)
	}
	at := "/payments/" + string(pay)
	b.get(at+"?status=paid").want(t, http.StatusOK, "", "Started", "has not been completed")
	w.notify(pay, payment.NoticeProcessing, money.Money{})
	w.settle()
	b.get(at).want(t, http.StatusOK, "", "On its way")
	for range 3 {
		w.notify(pay, payment.NoticeSucceeded, money.Of(10000, "EUR"))
	}
	w.settle()
	b.get(at).want(t, http.StatusOK, "", "Paid", "€100.00 received")
	if due := b.get("/invoices/"+string(invoice)).textOf(t, "outstanding"); due != "€21.00" {
		t.Errorf("%s is left, want €21.00", due)
	}
}

func TestASupplierConfirmsAPurchaseOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Redes del Norte", "ana@redes.example", passphrase, access.Approve)
	yes, no := w.issue(who, document.PurchaseOrder, "C-1", ""), w.issue(who, document.PurchaseOrder, "C-2", "")
	w.settle()
	b := w.browser()
	b.signIn("ana@redes.example", passphrase).want(t, http.StatusOK, "/", "Purchase orders to confirm", "C-1", "C-2")
	at := "/purchase-orders/" + string(yes)
	b.submit(b.get(at), "confirm", "name", "Ana Ruiz", "deliveryOn", "2026-12-01", "reference", "N-9").want(t, http.StatusOK, at, "Confirmed", "delivery 1 Dec 2026")
	at = "/purchase-orders/" + string(no)
	b.submit(b.get(at), "reject", "name", "Ana Ruiz", "reason", "Sin existencias").want(t, http.StatusOK, at, "Rejected", "Sin existencias")
}

func TestAClientOrdersFromTheCatalogue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	w.product("AN-50", "Anchoa de Santoña", 1000)
	w.settle()
	b, s := w.browser(), w.browser()
	b.signIn("marta@ibanez.example", passphrase).wantNot(t, "Catalogue")
	for _, path := range []string{"/catalogue", "/cart"} {
		if got := b.get(path); got.status != http.StatusNotFound || got.body != b.get("/no-such-page").body {
			t.Errorf("%s: %d, want the page of what is not there", path, got.status)
		}
	}
	s.signInStaff()
	contact := s.get("/staff/contacts/" + string(who))
	s.submit(contact, "catalogue-option", "enabled", "1").want(t, http.StatusOK, "/staff/contacts/"+string(who), "Saved", "On")

	list := b.get("/catalogue").want(t, http.StatusOK, "", "Anchoa de Santoña", "€10.00", "box", "1 product")
	_, fields := list.form(t, "/cart")
	fields.Set("quantity", "3")
	b.post("/cart", fields).want(t, http.StatusOK, "/catalogue", "The cart has changed", "3 in the cart")
	fields.Set("quantity", "three")
	b.post("/cart", fields).want(t, http.StatusUnprocessableEntity, "/cart", "not a number")
	cart := b.get("/cart").want(t, http.StatusOK, "", "Anchoa de Santoña", "€30.00", "VAT 10%", "€33.00")
	placed := b.submit(cart, "place-order", "note", "Por la mañana", "requestedOn", "2026-12-01").want(t, http.StatusOK, "", "Your order was placed", "€33.00", "Por la mañana")
	if !strings.HasPrefix(placed.path, "/orders/") {
		t.Fatalf("landed at %s", placed.path)
	}
	if again := b.submit(cart, "place-order", "note", "Por la mañana", "requestedOn", "2026-12-01"); again.path != placed.path {
		t.Errorf("the same form twice: %s and %s", placed.path, again.path)
	}
	b.get("/cart").want(t, http.StatusOK, "", "The cart is empty")
	b.get("/orders").want(t, http.StatusOK, "", "1 document")

	s.get("/staff/orders").want(t, http.StatusOK, "", "Bodegas Ibáñez")
	staffAt := "/staff/contacts/" + string(who) + placed.path
	s.submit(s.get(staffAt), "confirm-order", "deliveryOn", "2026-12-02").want(t, http.StatusOK, staffAt, "Confirmed")
	b.get(placed.path).want(t, http.StatusOK, "", "Confirmed, delivery 2 Dec 2026")
	b.submit(b.get(placed.path), placed.path+"/repeat").want(t, http.StatusOK, "/cart", "in the cart again", "€33.00")
}

func TestPricesThatChangedAreToldBeforeTheOrderCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	_, err := w.commands.EnableCatalogue(t.Context(), w.request(""), commands.EnableCatalogue{Contact: who})
	w.ok(err)
	w.product("AN-50", "Anchoa de Santoña", 1000)
	w.settle()
	b := w.browser()
	b.signIn("marta@ibanez.example", passphrase)
	_, fields := b.get("/catalogue").form(t, "/cart")
	b.post("/cart", fields)
	cart := b.get("/cart").want(t, http.StatusOK, "", "€11.00")
	w.product("AN-50", "Anchoa de Santoña", 1100)
	w.settle()
	b.submit(cart, "place-order").want(t, http.StatusConflict, "/cart/order", "Prices have changed", "€12.10")
	b.get("/orders").want(t, http.StatusOK, "", "0 documents")
	b.submit(b.get("/cart"), "place-order", "shown", "0.01 EUR").want(t, http.StatusConflict, "/cart/order", "Prices have changed")
}

func TestChangingThePasswordEndsOtherSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	w.settle()
	here, there := w.browser(), w.browser()
	here.signIn("marta@ibanez.example", passphrase)
	there.signIn("marta@ibanez.example", passphrase).want(t, http.StatusOK, "/")
	form := here.get("/password")
	here.submit(form, "change-password", "current", "no", "password", otherPassphrase).want(t, http.StatusUnprocessableEntity, "/security/password").wantNot(t, otherPassphrase)
	here.submit(form, "change-password", "current", passphrase, "password", "short").want(t, http.StatusUnprocessableEntity, "/security/password", "At least")
	here.submit(form, "change-password", "current", passphrase, "password", otherPassphrase).want(t, http.StatusOK, "/security", "Your password has changed")
	here.get("/").want(t, http.StatusOK, "/")
	there.get("/").want(t, http.StatusOK, "/sign-in")
	w.browser().signIn("marta@ibanez.example", passphrase).want(t, http.StatusUnauthorized, "/sign-in")
	here.submit(here.get("/"), "/sign-out").want(t, http.StatusOK, "/sign-in", "You are signed out")
	here.get("/").want(t, http.StatusOK, "/sign-in")
	w.logged(passphrase, otherPassphrase)
}

func TestOtherSessionsCanBeEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	w.settle()
	here, there := w.browser(), w.browser()
	here.signIn("marta@ibanez.example", passphrase)
	there.signIn("marta@ibanez.example", passphrase)
	form := here.get("/password").want(t, http.StatusOK, "", "Where you are signed in", "This browser", "Sign out everywhere else")
	here.submit(form, "end-sessions").want(t, http.StatusOK, "/security", "signed out everywhere else").wantNot(t, "Sign out everywhere else")
	here.get("/").want(t, http.StatusOK, "/")
	there.get("/").want(t, http.StatusOK, "/sign-in")
}

func TestAPasswordIsCreatedThroughALink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", "", access.Full)
	w.settle()
	b := w.browser()
	unknown := b.submit(b.get("/recover"), "recover", "email", "nobody@nowhere.example").want(t, http.StatusOK, "/recover")
	known := b.submit(b.get("/recover"), "recover", "email", "marta@ibanez.example").want(t, http.StatusOK, "/recover")
	if unknown.body != known.body {
		t.Error("the answer tells whether an email is known")
	}
	sent := w.mailed()
	if len(sent) != 1 || sent[0].To.Address != "marta@ibanez.example" || !strings.HasPrefix(linkIn(sent[0]), "/recover/") {
		t.Fatalf("sent: %+v", sent)
	}
	path := linkIn(sent[0])
	form := b.get(path).want(t, http.StatusOK, "/new-password")
	if strings.Contains(form.body, strings.TrimPrefix(path, "/recover/")) {
		t.Error("the page contains the token")
	}
	b.submit(form, "new-password", "password", "12345").want(t, http.StatusUnprocessableEntity, "/new-password", "At least")
	b.submit(form, "new-password", "password", passphrase).want(t, http.StatusOK, "/", "Hello")
	other := w.browser()
	other.submit(other.get(path), "new-password", "password", otherPassphrase).want(t, http.StatusGone, "", "expired or was already used")
	w.logged(strings.TrimPrefix(path, "/recover/"), passphrase)
}

func TestRolesBoundWhatPeopleDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	w.login(who, "eva@ibanez.example", passphrase, access.Read)
	quote, invoice := w.issue(who, document.Quote, "P-1", ""), w.issue(who, document.Invoice, "F-1", "")
	w.settle()
	full, read := w.browser(), w.browser()
	full.signIn("marta@ibanez.example", passphrase)
	read.signIn("eva@ibanez.example", passphrase).want(t, http.StatusOK, "/", "P-1")
	at := "/quotes/" + string(quote)
	read.get(at).want(t, http.StatusOK, "").wantNot(t, "Approve")
	action, fields := full.get(at).form(t, "approve")
	fields.Set("name", "Eva")
	read.post(action, fields).want(t, http.StatusForbidden, action, "role does not allow")
	read.get("/invoices/"+string(invoice)+"/pay").want(t, http.StatusForbidden, "")
	action, fields = full.get("/invoices/"+string(invoice)+"/pay").form(t, "pay-form")
	fields.Set("method", "transfer")
	read.post(action, fields).want(t, http.StatusForbidden, "/pay")
	full.get(at).want(t, http.StatusOK, "", "To answer")
}

func TestALinkOpensItsDocumentFor48Hours(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", "", access.Full)
	quote := w.issue(who, document.Quote, "P-1", "")
	invoice := w.issue(who, document.Invoice, "F-1", "")
	w.settle()
	s := w.browser()
	s.signInStaff()
	staffAt := "/staff/contacts/" + string(who) + "/quotes/" + string(quote)
	link := s.submit(s.get(staffAt), "share").want(t, http.StatusOK, "").textOf(t, "shared-link")
	path := strings.TrimPrefix(link, "http://portal.test")
	token := strings.TrimPrefix(path, "/d/")
	if token == path || len(token) < 20 {
		t.Fatalf("link %q", link)
	}
	before, err := w.log.Head(t.Context())
	w.ok(err)

	guest := w.browser()
	doc := guest.get(path).want(t, http.StatusOK, "/shared", "Quote P-1", "Approve for").wantNot(t, "Hello")
	if strings.Contains(doc.body, token) || doc.header.Get("Referrer-Policy") != "no-referrer" {
		t.Error("the page gives the token away")
	}
	if after, err := w.log.Head(t.Context()); err != nil || after != before {
		t.Errorf("opening a link recorded something: %d, then %d (%v)", before, after, err)
	}
	guest.get("/shared/pdf").want(t, http.StatusOK, "")
	guest.get("/").want(t, http.StatusOK, "/sign-in")
	guest.get("/quotes/"+string(quote)).want(t, http.StatusOK, "")
	pay := guest.post("/shared/pay", url.Values{"command": {"01J00000000000000000000000"}, "document": {"invoice." + string(invoice)}, "method": {"transfer"}})
	pay.want(t, http.StatusNotFound, "/shared/pay")
	guest.submit(doc, "comment-form", "name", "Marta", "text", "¿Incluye portes?").want(t, http.StatusOK, "/shared", "¿Incluye portes?")

	w.later(48 * time.Hour)
	expired := guest.get("/shared").want(t, http.StatusGone, "", "This link has expired", "Create your password").wantNot(t, "P-1")
	if got := w.browser().get(path); got.status != expired.status {
		t.Errorf("the link itself: %d", got.status)
	}
	guest.submit(doc, "approve", "name", "Marta").want(t, http.StatusGone, "/shared/approve")
	w.logged(token)
}

func TestALinkActsAndEndsWithAPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", "", access.Full)
	quote := w.issue(who, document.Quote, "P-1", "")
	w.settle()
	s, guest := w.browser(), w.browser()
	s.signInStaff()
	staffAt := "/staff/contacts/" + string(who) + "/quotes/" + string(quote)
	path := strings.TrimPrefix(s.submit(s.get(staffAt), "share").textOf(t, "shared-link"), "http://portal.test")
	doc := guest.get(path)
	guest.submit(doc, "approve", "name", "Marta Soto").want(t, http.StatusOK, "/shared", "Approved by Marta Soto", "Holder of the link")

	contact := s.get("/staff/contacts/" + string(who))
	s.submit(contact, "create-login", "email", "marta@ibanez.example", "role", "full", "password", passphrase).want(t, http.StatusOK, "/staff/contacts/"+string(who), "Created", "Has a password")
	guest.get("/shared").want(t, http.StatusOK, "", "Sign in")
	w.browser().get(path).want(t, http.StatusOK, "/sign-in?next=%2Fquotes%2F"+string(quote))
	signed := guest.get(path)
	guest.submit(signed, "sign-in", "email", "marta@ibanez.example", "password", passphrase).want(t, http.StatusOK, "/quotes/"+string(quote), "Quote P-1")

	login := find(s.get("/staff/contacts/"+string(who)).doc, func(n *node) bool { return n.Data == "li" && strings.HasPrefix(attr(n, "id"), "login-") })
	s.submit(s.get("/staff/contacts/"+string(who)), "/staff/contacts/"+string(who)+"/logins/"+strings.TrimPrefix(attr(login, "id"), "login-")+"/remove-password").
		want(t, http.StatusOK, "", "Removed", "No password")
	guest.get("/").want(t, http.StatusOK, "/sign-in")
}

func TestARevokedLinkOpensNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", "", access.Full)
	quote := w.issue(who, document.Quote, "P-1", "")
	w.settle()
	s, guest := w.browser(), w.browser()
	s.signInStaff()
	staffAt := "/staff/contacts/" + string(who) + "/quotes/" + string(quote)
	path := strings.TrimPrefix(s.submit(s.get(staffAt), "share").textOf(t, "shared-link"), "http://portal.test")
	guest.get(path).want(t, http.StatusOK, "/shared", "P-1")
	w.settle()
	contact := s.get("/staff/contacts/" + string(who))
	form := find(contact.doc, func(n *node) bool { return strings.HasSuffix(attr(n, "action"), "/revoke") })
	s.submit(contact, attr(form, "action")).want(t, http.StatusOK, "", "no longer works", "Revoked")
	guest.get("/shared").wantNot(t, "P-1")
	guest.get(path).want(t, http.StatusGone, "", "not valid").wantNot(t, "P-1")
}
