package web_test

import (
	"bytes"
	"fmt"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/conversation"
	"lonja/domain/document"
	"lonja/domain/id"
)

// file is what somebody chooses to attach.
type file struct{ name, content string }

// attach fills a comment's form in and sends it with files, as browsers do: an empty part
// where none was chosen.
func (b *browser) attach(p page, text string, files ...file) page {
	b.t.Helper()
	action, values := p.form(b.t, "comment-form")
	values.Set("text", text)
	values.Del("file")
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, all := range values {
		for _, v := range all {
			b.w.ok(w.WriteField(name, v))
		}
	}
	if len(files) == 0 {
		files = []file{{}}
	}
	for _, f := range files {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", fmt.Sprintf(`form-data; name="file"; filename="%s"`, f.name))
		h.Set("Content-Type", "application/octet-stream")
		part, err := w.CreatePart(h)
		b.w.ok(err)
		_, err = part.Write([]byte(f.content))
		b.w.ok(err)
	}
	b.w.ok(w.Close())
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.w.server.URL+action, &body)
	b.w.ok(err)
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

// files are where the files of a page's comments lead.
func (p page) files(t *testing.T) []string {
	t.Helper()
	var out []string
	each(p.doc, func(n *node) {
		if n.Data == "a" && strings.Contains(attr(n, "href"), "/attachments/") {
			out = append(out, attr(n, "href"))
		}
	})
	return out
}

func TestAttachmentsGoBothWays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	quote := w.issue(who, document.Quote, "P-1", "")
	w.settle()
	b, s := w.browser(), w.browser()
	b.signIn("marta@ibanez.example", passphrase)
	s.signInStaff()
	at, staffAt := "/quotes/"+string(quote), "/staff/contacts/"+string(who)+"/quotes/"+string(quote)

	const drawing = "%PDF-1.7 <script>alert(1)</script>"
	sent := b.attach(b.get(at), "¿Así?", file{"plano <ñ>.pdf", drawing}, file{"medidas.csv", "alto;ancho\n1;2\n"}).
		want(t, http.StatusOK, at, "Your comment was sent", "¿Así?", "plano _ñ_.pdf", "medidas.csv", "1 KB")
	paths := sent.files(t)
	if len(paths) != 2 {
		t.Fatalf("the page leads to the files %q", paths)
	}
	back := s.get(s.get(staffAt).want(t, http.StatusOK, "", "¿Así?", "medidas.csv").files(t)[0])
	_, disposition, err := mime.ParseMediaType(back.header.Get("Content-Disposition"))
	if back.status != http.StatusOK || back.body != drawing || err != nil || disposition["filename"] != "plano _ñ_.pdf" || !strings.HasPrefix(back.header.Get("Content-Disposition"), "attachment;") {
		t.Errorf("staff get %d %q %q", back.status, back.header, back.body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/pdf", "Content-Length": fmt.Sprint(len(drawing)), "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'", "Cache-Control": "no-store",
	} {
		if got := back.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}

	// An answer with a file alone, which the client reads.
	s.attach(s.get(staffAt), "", file{"oferta.docx", "PK\x03\x04" + strings.Repeat("\x00", 22) + "\x0b\x00\x00\x00_rels/.rels"}).want(t, http.StatusOK, staffAt, "oferta.docx")
	s.get("/staff/comments?all=1").want(t, http.StatusOK, "", "oferta.docx")
	b.get("/").want(t, http.StatusOK, "", "Unread comments", "Luis Prado: oferta.docx")
	if got := b.get(b.get(at).files(t)[2]); got.status != http.StatusOK || !strings.HasPrefix(got.body, "PK") {
		t.Errorf("the client gets %d", got.status)
	}
	b.attach(b.get(at), "Gracias").want(t, http.StatusOK, at, "Gracias") // without a file
	b.submit(b.get(at), "comment-form", "text", "Sin archivos").want(t, http.StatusOK, at, "Sin archivos")
}

func TestAnAttachmentThatIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	at := "/quotes/" + string(w.issue(who, document.Quote, "P-1", ""))
	w.settle()
	b := w.browser()
	b.signIn("marta@ibanez.example", passphrase)
	for _, c := range []struct {
		file file
		want string
	}{
		{file{"página.html", "<html>"}, "página.html is of a kind that can't be attached"}, {file{"foto.svg", "<svg onload=alert(1)>"}, "of a kind that can't be attached"},
		{file{"foto.png", "<svg onload=alert(1)>"}, "foto.png is not what its name says"}, {file{"vacío.pdf", ""}, "vacío.pdf is empty"},
		{file{"grande.pdf", "%PDF-" + strings.Repeat("x", conversation.MaxFileSize)}, "grande.pdf is larger than 10 MB"},
	} {
		p := b.attach(b.get(at), "Lo que escribí", c.file).want(t, http.StatusUnprocessableEntity, at+"/comments", c.want, "Lo que escribí")
		if len(p.files(t)) != 0 {
			t.Errorf("%s is attached", c.file.name)
		}
	}
	six := make([]file, 6)
	for i := range six {
		six[i] = file{fmt.Sprintf("%d.pdf", i), fmt.Sprintf("%%PDF-%d", i)}
	}
	b.attach(b.get(at), "x", six...).want(t, http.StatusUnprocessableEntity, "", "At most 5 files")
	b.attach(b.get(at), strings.Repeat("x", 200<<10)).want(t, http.StatusRequestEntityTooLarge, "", "too large to send")
	huge := make([]file, 5)
	for i := range huge {
		huge[i] = file{"x.pdf", strings.Repeat("x", 11<<20)}
	}
	b.attach(b.get(at), "x", huge...).want(t, http.StatusUnprocessableEntity, "", "not what its name says") // heard to the end, though far too much

	// What was kept before the refusal stays with the form.
	again := b.attach(b.get(at), "Los dos", file{"plano.pdf", "%PDF-1.7"}, file{"mal.png", "x"}).want(t, http.StatusUnprocessableEntity, "", "mal.png is not what", "plano.pdf")
	done := b.attach(again, "Los dos").want(t, http.StatusOK, at, "Los dos", "plano.pdf")
	if got := b.get(done.files(t)[0]); got.body != "%PDF-1.7" {
		t.Errorf("the file that was kept is %q", got.body)
	}
	if n := strings.Count(text(done.doc), "Los dos"); n != 2 { // comment and timeline
		t.Errorf("%d times it is said", n)
	}
	w.logged("Lo que escribí", "plano.pdf")
	if strings.Contains(w.lines.String(), "level=ERROR") {
		t.Errorf("refusals are no faults of the program:\n%s", w.lines)
	}
}

// Another's file is not there, byte for byte, whoever asks.
func TestAnothersAttachmentIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	theirs := w.client("Redes del Norte", "ana@redes.example", otherPassphrase, access.Full)
	own, quote := w.issue(mine, document.Quote, "P-1", ""), w.issue(theirs, document.Quote, "P-9", "Secreto")
	silent := w.issue(theirs, document.Quote, "P-10", "")
	w.settle()
	owner, attacker := w.browser(), w.browser()
	owner.signIn("ana@redes.example", otherPassphrase)
	attacker.signIn("marta@ibanez.example", passphrase)
	path := owner.attach(owner.get("/quotes/"+string(quote)), "", file{"secreto.pdf", "%PDF-secreto"}).files(t)[0]
	owner.get(path).want(t, http.StatusOK, path)
	missing := attacker.get("/quotes/"+string(id.DeriveID("nothing"))+"/attachments/"+string(id.DeriveID("no comment"))+"/0").want(t, http.StatusNotFound, "")
	for _, p := range []string{
		path, strings.Replace(path, string(quote), string(own), 1), strings.TrimSuffix(path, "0") + "1", "/quotes/" + string(quote) + "/certificate", "/staff" + path,
	} {
		got := attacker.get(p)
		if strings.HasPrefix(p, "/staff") {
			if got.path != "/staff/sign-in" && got.status != http.StatusNotFound {
				t.Errorf("%s: %d at %s", p, got.status, got.path)
			}
			continue
		}
		if got.status != http.StatusNotFound || got.body != missing.body {
			t.Errorf("%s: %d, other than for what is not there", p, got.status)
		}
	}
	for _, p := range []string{strings.Replace(path, string(quote), string(silent), 1), strings.Replace(path, "/quotes/", "/invoices/", 1), strings.TrimSuffix(path, "0") + "00", strings.TrimSuffix(path, "0") + "-1", strings.TrimSuffix(path, "0") + "x"} {
		owner.get(p).want(t, http.StatusNotFound, "")
	}
	if got := attacker.attach(attacker.get("/quotes/"+string(own)), "x", file{"x.pdf", "%PDF-secreto"}); got.status != http.StatusOK {
		t.Errorf("the same file as another's: %d", got.status)
	}
}

// The holder of a link attaches and downloads on the one document, so often and no more.
func TestTheHolderOfALinkAttaches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Sin acceso", "", "", "")
	quote, other := w.issue(who, document.Quote, "P-1", ""), w.issue(who, document.Quote, "P-2", "")
	link, _, err := w.commands.ShareLink(t.Context(), w.request(who), commands.ShareLink{Document: quote, Kind: document.Quote})
	w.ok(err)
	_, _, err = w.commands.ShareLink(t.Context(), w.request(who), commands.ShareLink{Document: other, Kind: document.Quote})
	w.ok(err)
	w.settle()
	b, s := w.browser(), w.browser()
	b.get("/d/"+link.Token).want(t, http.StatusOK, "/shared")
	sent := b.attach(b.get("/shared"), "Aquí", file{"x.pdf", "%PDF-1.7"}).want(t, http.StatusOK, "/shared", "x.pdf", "Aquí")
	if got := b.get(sent.files(t)[0]); got.body != "%PDF-1.7" || !strings.HasPrefix(got.path, "/shared/attachments/") {
		t.Errorf("the holder gets %q at %s", got.body, got.path)
	}
	s.signInStaff()
	elsewhere := s.attach(s.get("/staff/contacts/"+string(who)+"/quotes/"+string(other)), "", file{"y.pdf", "%PDF-1.7"}).files(t)[0]
	comment := strings.Split(elsewhere, "/attachments/")[1]
	b.get("/shared/attachments/"+comment).want(t, http.StatusNotFound, "")
	refused := 0
	for range 40 {
		if got := b.submit(sent, "comment-form", "text", "otra vez"); got.status == http.StatusTooManyRequests {
			refused++
			if got.header.Get("Retry-After") == "" {
				t.Error("nobody says when to come again")
			}
		}
	}
	if refused != 11 {
		t.Errorf("%d of 41 comments in a moment were refused, want 11", refused)
	}
	w.later(time.Minute)
	b.submit(b.get("/shared"), "comment-form", "text", "ahora sí").want(t, http.StatusOK, "/shared", "ahora sí")
}

func TestTheCertificateOfAnApproval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	quote := w.issue(who, document.Quote, "P-1", "")
	w.settle()
	b, s := w.browser(), w.browser()
	b.signIn("marta@ibanez.example", passphrase)
	s.signInStaff()
	at, staffAt := "/quotes/"+string(quote), "/staff/contacts/"+string(who)+"/quotes/"+string(quote)
	b.get(at+"/certificate").want(t, http.StatusConflict, "", "P-1 is not approved")
	const drawn = "M10 20L30.5 40"
	refused := b.submit(b.get(at), "approve", "name", "Marta Soto", "signature", "M10 20L900 40").want(t, http.StatusUnprocessableEntity, "", "The signature can't be read")
	if _, values := refused.form(t, "approve"); values.Get("signature") != "M10 20L900 40" || values.Get("name") != "Marta Soto" {
		t.Errorf("what was drawn and typed is not there any more: %v", values)
	}
	done := b.submit(b.get(at), "approve", "name", "Marta Soto", "reference", "PED-77", "signature", drawn).
		want(t, http.StatusOK, at, "Approved. Thank you.", "Approved by Marta Soto", "PED-77", "Certificate of approval", "goes on from here", "admin@cantabricas.example")
	hash := done.textOf(t, "content-hash")
	path := find(done.doc, func(n *node) bool { return n.Data == "path" && attr(n, "d") == drawn })
	if len(hash) != 64 || path == nil || strings.Count(done.textOf(t, "timeline"), "Certificate of approval") != 1 {
		t.Errorf("the hash is %q, the signature %v, the timeline %s", hash, path, done.textOf(t, "timeline"))
	}
	s.get(staffAt).want(t, http.StatusOK, "", "Approved by Marta Soto", "PED-77", hash).wantNot(t, "goes on from here")
	for who, get := range map[string]func() page{"the contact": func() page { return b.get(at + "/certificate") }, "staff": func() page { return s.get(staffAt + "/certificate") }} {
		got := get()
		language := "en"
		if who == "staff" {
			language = "es" // the contact's: none is set, so the account's
		}
		if want := "%PDF-1.7 P-1 approved by Marta Soto " + hash + " " + language; got.status != http.StatusOK || got.body != want || !strings.Contains(got.header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %d %q, want %q", who, got.status, got.body, want)
		}
	}
	b.get("/invoices/"+string(w.issue(who, document.Invoice, "F-1", ""))+"/certificate").want(t, http.StatusNotFound, "")
}

// The page of a quote that was replaced leads to the one that took its place, and its form
// approves nothing any more.
func TestAReplacedQuoteLeadsOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Full)
	old := w.issue(who, document.Quote, "P-1", "")
	w.settle()
	b := w.browser()
	b.signIn("marta@ibanez.example", passphrase)
	stale := b.get("/quotes/" + string(old))
	revised := w.revise(who, old, "P-1b")
	w.settle()
	b.submit(stale, "approve", "name", "Marta").want(t, http.StatusConflict, "", "replaced by a newer quote", "Quote P-1b").wantNot(t, "Approve for")
	page := b.get("/quotes/"+string(old)).want(t, http.StatusOK, "", "Replaced", "Quote P-1b")
	link := find(find(page.doc, func(n *node) bool { return attr(n, "id") == "superseded" }), func(n *node) bool { return n.Data == "a" })
	if link == nil || attr(link, "href") != "/quotes/"+string(revised) {
		t.Errorf("the notice leads to %v", link)
	}
	b.get("/quotes/"+string(revised)).want(t, http.StatusOK, "", "Approve for", "Previous version")
}
