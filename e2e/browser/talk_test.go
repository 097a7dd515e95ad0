package browser_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// comment posts what was filled in, and waits until it is there: on the same page, where
// scripts run.
func (b *tab) comment(text string) {
	b.t.Helper()
	b.fill("#comment-text", text)
	b.send(text)
}

// send sends the comment's form, and wants its comment to appear without a new page.
func (b *tab) send(want string) {
	b.t.Helper()
	before := b.count("#comments .talk > li")
	script[bool](b, "(window.samePage = true)")
	b.click("#comment-send")
	b.until("the comment is there", func() bool { return b.count("#comments .talk > li") == before+1 })
	if !script[bool](b, "window.samePage === true") {
		b.t.Error("a comment asked for a new page")
	}
	if said := b.text("#comments .talk > li:last-child"); !strings.Contains(said, want) {
		b.fail("the last comment says %q, want %q", said, want)
	}
	if said := script[string](b, `document.getElementById("comment-text").value`); said != "" {
		b.t.Errorf("what was sent is still in the field: %q", said)
	}
	b.see("Comentario enviado.")
}

// file makes a file to be chosen.
func (b *tab) file(name, content string) string {
	b.t.Helper()
	path := filepath.Join(b.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// attach chooses files for the next comment.
func (b *tab) attach(files ...string) {
	b.t.Helper()
	b.do("choosing files", chromedp.SetUploadFiles("#comment-files", files, chromedp.ByQuery))
}

// talk approves a quote with a drawn signature and reads its certificate, then sends files to
// staff and gets one back.
func (w *world) talk(t *testing.T) {
	p, passphrase := w.small(t)
	staff, b := w.person(t, p, "talk-staff", desktop), w.person(t, p, "talk", desktop)
	staff.signInStaff(smallStaff, passphrase)
	staff.openContact(smallClient)
	staff.giveAccess(smallEmail, "Julia Lope", "Cuatro-Barcas-Vuelven-Tarde")
	b.signIn(smallEmail, "Cuatro-Barcas-Vuelven-Tarde")
	b.press(`//section[@id="pending-actions"]//li[contains(., "P-1")]//a[contains(@class, "button")]`)
	b.fill("#approve-name", "Julia Lope Sanz", "#approve-reference", "PC-118")
	b.draw("#signature-pad")
	b.click("[data-clear-signature]")
	if d := script[string](b, `document.getElementById("signature").value`); d != "" {
		b.t.Errorf("what was cleared is %q", d)
	}
	b.draw("#signature-pad")
	b.press("#approve button[type=submit]")
	b.see("Aprobado. Gracias.", "Aprobado por Julia Lope Sanz", "PC-118", "Certificado de aprobación", "ya tiene su aprobación")
	if !b.has("#drawn-signature path") {
		b.t.Error("the signature is not shown")
	}
	hash := b.text("#content-hash")
	b.shot("approved")
	certificate := b.download("#download-certificate")
	b.keepFile("certificate.pdf", certificate)
	said := pdfText(t, certificate)
	for _, want := range []string{"Certificado de aprobación", "Julia Lope Sanz aprobó el presupuesto P-1", "PC-118", hash, "1210,00", smallEmail, "quote.approved"} {
		if !strings.Contains(said, want) {
			t.Errorf("the certificate does not say %q, but:\n%s", want, said)
		}
	}
	checked, err := p.run(t.Context(), "audit", "document", "quote/P-1", "--hash", hash)
	if err != nil || !strings.Contains(checked, "the content is what was stated") {
		t.Errorf("the log says of the certificate: %s, %v", checked, err)
	}

	// Files to staff, some of which may not be sent.
	b.attach(b.file("grande.pdf", "%PDF-"+strings.Repeat("x", 11<<20)))
	if script[bool](b, `document.getElementById("comment-files").checkValidity()`) {
		b.t.Error("a file that is too large may be sent")
	}
	b.see("grande.pdf", "11 MB")
	b.shot("too-large")
	b.attach(b.file("dibujo.svg", "<svg onload=alert(1)>"))
	b.fill("#comment-text", "Mire el plano")
	b.click("#comment-send")
	b.waitFor("#comment-files-error")
	b.expect(422, b.base+strings.Split(b.path(), "#")[0]+"/comments")
	b.see("dibujo.svg es de un tipo que no se puede adjuntar")
	if said := script[string](b, `document.getElementById("comment-text").value`); said != "Mire el plano" {
		b.t.Errorf("what was typed is %q after the refusal", said)
	}
	b.shot("refused")
	const plan = "%PDF-1.7 el plano"
	b.attach(b.file("plano ñ.pdf", plan), b.file("medidas.csv", "alto;ancho\n1;2\n"))
	b.see("plano ñ.pdf 1 KB", "medidas.csv 1 KB")
	b.shot("chosen")
	b.send("plano ñ.pdf")
	b.shot("sent")

	staff.visit("/staff/comments")
	staff.see("Mire el plano")
	staff.press(`//li[contains(., "Mire el plano")]//a`)
	staff.shot("received")
	if got := staff.download(`a[href$="/0"][download]`); string(got) != plan {
		t.Errorf("staff get %q", got)
	}
	staff.attach(staff.file("oferta.txt", "Buenos días"))
	staff.send("oferta.txt") // without a word
	staff.shot("answered")

	b.visit("/")
	b.see("Comentarios sin leer", "oferta.txt")
	b.press(`//section[@id="pending-actions"]//li[contains(., "oferta.txt")]//a[contains(@class, "button")]`)
	if got := b.download("#comments .talk > li:last-child a[download]"); string(got) != "Buenos días" {
		t.Errorf("the client gets %q", got)
	}
	b.until("the answer is read", func() bool { return !b.has("#seen") || b.read() })
	b.shot("answer")
	d := w.person(t, p, "talk-phone", phone)
	d.signIn(smallEmail, "Cuatro-Barcas-Vuelven-Tarde")
	d.visit(strings.Split(b.path(), "#")[0])
	d.shot("approved")
}

// read reports whether home tells of no unread comments.
func (b *tab) read() bool {
	return script[bool](b, `fetch("/").then(r => r.text()).then(t => !t.includes("Comentarios sin leer"))`)
}

// keepFile keeps a file beside the pictures.
func (b *tab) keepFile(name string, content []byte) {
	b.t.Helper()
	b.write(filepath.Join("browser", b.story+"-"+name), content)
}
