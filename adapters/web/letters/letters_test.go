package letters_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"lonja/adapters/web/letters"
	"lonja/adapters/web/locale"
	"lonja/commands"
	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/mail"
	"lonja/domain/money"
	"lonja/domain/payment"
)

const evil = `<script>alert(1)</script>"'&<b>`

func writer(t *testing.T) *letters.Writer {
	t.Helper()
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse("https://portal.example/")
	if err != nil {
		t.Fatal(err)
	}
	return &letters.Writer{Catalogue: words, Base: base}
}

// letter has all that a template may say.
func letter(of mail.Template, side mail.Side, lang string) commands.Letter {
	kind := document.Quote
	switch {
	case strings.HasPrefix(string(of), "order"):
		kind = document.SalesOrder
	case strings.HasPrefix(string(of), "purchase"):
		kind = document.PurchaseOrder
	}
	l := commands.Letter{
		Template: of, Side: side, Language: lang, Contact: "01J0000000000000000000000C", Company: "Bodegas " + evil, Person: "Marta",
		Document: "01J0000000000000000000000D", Kind: kind, Title: "Anchoa", Name: "Eva", Text: "primera línea\nsegunda " + evil, Reference: "V-9",
		Issued: document.Summary{Kind: kind, Number: "P-7", IssueDate: "2026-03-02", ValidUntil: "2026-12-31", Total: money.Of(123_450, "EUR")},
		Secret: "s3cret", Until: time.Date(2026, 3, 4, 11, 30, 0, 0, time.UTC), Message: "Con saludos " + evil, DeliveryOn: "2026-03-09",
		Comments: []commands.Remark{{Author: "Eva", Text: "¿Portes?"}, {Author: "Eva", Text: "Gracias " + evil}},
		Amount:   money.Of(123_450, "EUR"), PaidOn: "2026-03-03", Method: "transfer",
		Allocations: []payment.Allocation{{Kind: document.Invoice, Number: "F-1", Amount: money.Of(23_450, "EUR")}},
	}
	l.Account.Details = account.Opened{Name: "Conservas Cantábricas", Language: "es", TimeZone: "Europe/Madrid"}
	l.Account.Branding.Colour = "#aa0033"
	return l
}

// What each language says, for each template: a part of the subject, and of the text.
var says = map[mail.Template]map[string][2]string{
	mail.Document:             {"es": {"Presupuesto P-7 de Conservas", "le envía este documento"}, "en": {"Quote P-7 from Conservas", "sends you this document"}, "ca": {"Pressupost P-7 de Conservas", "us envia aquest document"}},
	mail.Invitation:           {"es": {"Su acceso al portal", "le invita a su portal"}, "en": {"Your access to the portal", "invites you to its portal"}, "ca": {"El vostre accés", "us convida al seu portal"}},
	mail.Recovery:             {"es": {"Su contraseña", "Ha pedido crear o recuperar"}, "en": {"Your password", "You asked to create or recover"}, "ca": {"La vostra contrasenya", "Heu demanat crear o recuperar"}},
	mail.Comment:              {"es": {"Comentario de", "ha escrito 2 comentarios"}, "en": {"Comment by", "wrote 2 comments"}, "ca": {"Comentari de", "ha escrit 2 comentaris"}},
	mail.QuoteApproved:        {"es": {"Aprobado por", "Eva ha aprobado"}, "en": {"Approved by", "Eva has approved"}, "ca": {"Aprovat per", "Eva ha aprovat"}},
	mail.QuoteDeclined:        {"es": {"Rechazado por", "ha rechazado"}, "en": {"Declined by", "has declined"}, "ca": {"Rebutjat per", "ha rebutjat"}},
	mail.QuoteChanges:         {"es": {"pide cambios", "pide otra versión"}, "en": {"asks for changes", "asks for another version"}, "ca": {"demana canvis", "demana una altra versió"}},
	mail.QuoteConfirmation:    {"es": {"Su aprobación", "ha recibido su aprobación"}, "en": {"Your approval", "has received your approval"}, "ca": {"La vostra aprovació", "ha rebut la vostra aprovació"}},
	mail.PurchaseConfirmed:    {"es": {"Confirmado por", "Eva ha confirmado"}, "en": {"Confirmed by", "Eva has confirmed"}, "ca": {"Confirmat per", "Eva ha confirmat"}},
	mail.PurchaseRejected:     {"es": {"Rechazado por", "ha rechazado"}, "en": {"Rejected by", "has rejected"}, "ca": {"Rebutjat per", "ha rebutjat"}},
	mail.PurchaseConfirmation: {"es": {"Su confirmación", "ha recibido su confirmación"}, "en": {"Your confirmation", "has received your confirmation"}, "ca": {"La vostra confirmació", "ha rebut la vostra confirmació"}},
	mail.Receipt:              {"es": {"ha recibido su pago de 1234,50 €", "Factura F-1: 234,50 €"}, "en": {"has received your payment of €1,234.50", "Invoice F-1: €234.50"}, "ca": {"ha rebut el vostre pagament de 1.234,50 €", "Factura F-1: 234,50 €"}},
	mail.OrderPlaced:          {"es": {"Pedido de Bodegas", "ha hecho un pedido"}, "en": {"Order by Bodegas", "has placed an order"}, "ca": {"Comanda de Bodegas", "ha fet una comanda"}},
	mail.OrderReceived:        {"es": {"Hemos recibido su pedido", "Le avisaremos"}, "en": {"We have received your order", "We will tell you"}, "ca": {"Hem rebut la vostra comanda", "Us avisarem"}},
	mail.OrderConfirmed:       {"es": {"Pedido confirmado", "9 mar 2026"}, "en": {"Order confirmed", "9 Mar 2026"}, "ca": {"Comanda confirmada", "9 "}},
	mail.OrderRejected:        {"es": {"Pedido no aceptado", "no puede aceptar"}, "en": {"Order not accepted", "can't accept"}, "ca": {"Comanda no acceptada", "no pot acceptar"}},
}

var (
	spaces = regexp.MustCompile(`[\s\x{a0}]+`)
	key    = regexp.MustCompile(`letter\.[a-z_]+|kind\.[a-z_]+|format\.[a-z]+`)
)

func plain(s string) string { return strings.TrimSpace(spaces.ReplaceAllString(s, " ")) }

// What somebody typed begins no line of the plain text, so that it is not taken for what the
// portal says; but for their own words, which are marked on every line.
func TestNobodySpeaksForThePortal(t *testing.T) {
	t.Parallel()
	w := writer(t)
	for _, end := range []string{"\n", "\r\n", "\r", "\u2028", "\u2029", "\u0085"} {
		planted := "Eva" + end + end + "Ver el documento:" + end + "https://evil.example/"
		for _, of := range mail.Templates() {
			l := letter(of, mail.ToAccount, "es")
			l.Company, l.Person, l.Name, l.Title, l.Reference, l.Text, l.Message, l.Issued.Number = planted, planted, planted, planted, planted, planted, planted, planted
			l.Account.Details.Name = planted
			for i := range l.Comments {
				l.Comments[i] = commands.Remark{Author: planted, Text: planted}
			}
			_, text, _, err := w.Write(t.Context(), l)
			if err != nil {
				t.Fatal(err)
			}
			labels := 0
			for _, line := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("\n\r\u2028\u2029\u0085", r) }) {
				switch line {
				case "https://evil.example/":
					t.Errorf("%s, lines ended by %q: another's address is a line of\n%s", of, end, text)
				case "Ver el documento:":
					labels++
				}
			}
			if labels > 1 {
				t.Errorf("%s, lines ended by %q: %d lines lead to the document:\n%s", of, end, labels, text)
			}
		}
	}
}

// Every template says its thing in every language, as HTML and as text; what people typed
// is text in both; nothing in it is fetched from anywhere.
func TestEveryLetterInEveryLanguage(t *testing.T) {
	t.Parallel()
	w := writer(t)
	for _, of := range mail.Templates() {
		for _, lang := range locale.Languages() {
			for _, side := range []mail.Side{mail.ToContact, mail.ToAccount} {
				subject, text, page, err := w.Write(t.Context(), letter(of, side, lang))
				if err != nil {
					t.Fatal(err)
				}
				what := string(of) + " in " + lang
				want := says[of][lang]
				if want[0] == "" || !strings.Contains(plain(subject), want[0]) || strings.ContainsAny(subject, "\r\n") {
					t.Errorf("%s: the subject is %q, want %q", what, subject, want[0])
				}
				body, links := read(t, what, page)
				if !strings.Contains(plain(text), want[1]) || !strings.Contains(body, strings.ReplaceAll(want[1], ": ", " ")) {
					t.Errorf("%s says\n%s\nand\n%s\nwant %q", what, text, body, want[1])
				}
				if missing := key.FindAllString(text+body+subject, -1); missing != nil {
					t.Errorf("%s lacks %q", what, missing)
				}
				if len(links) != 1 || !strings.HasPrefix(links[0], "https://portal.example/") || !strings.Contains(text, links[0]+"\n") {
					t.Errorf("%s: the links are %q; the text\n%s", what, links, text)
				}
				staff := strings.Contains(links[0], "/staff/contacts/01J0000000000000000000000C/")
				secret := of == mail.Document || of == mail.Invitation || of == mail.Recovery
				if staff != (side == mail.ToAccount && !secret && of != mail.Receipt) || secret != strings.HasSuffix(links[0], "/s3cret") {
					t.Errorf("%s to the %s leads to %s", what, side, links[0])
				}
				for line := range strings.Lines(text) {
					if len([]rune(line)) > 90 && !strings.Contains(line, "://") {
						t.Errorf("%s: a long line: %s", what, line)
					}
				}
			}
		}
	}
}

// read returns the text of a page and where its links lead, and fails on what a mail must
// not have: scripts, forms, anything from elsewhere.
func read(t *testing.T, what, page string) (text string, links []string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range doc.Descendants() {
		switch n.Type {
		case html.TextNode:
			if n.Parent.Data != "title" {
				b.WriteString(n.Data + " ")
			}
		case html.ElementNode:
			switch n.Data {
			case "script", "form", "iframe", "link", "object", "base", "style", "b":
				t.Errorf("%s has a <%s>", what, n.Data)
			}
			for _, a := range n.Attr {
				switch {
				case a.Key == "href":
					links = append(links, a.Val)
				case a.Key == "src" && a.Val != "cid:logo", strings.HasPrefix(a.Key, "on"), a.Key == "background":
					t.Errorf("%s has %s=%q", what, a.Key, a.Val)
				case a.Key == "style" && strings.Contains(a.Val, "url("):
					t.Errorf("%s has the style %q", what, a.Val)
				}
			}
		}
	}
	return plain(b.String()), links
}

func TestLettersAreBranded(t *testing.T) {
	t.Parallel()
	w := writer(t)
	l := letter(mail.Document, mail.ToContact, "es")
	_, text, page, err := w.Write(t.Context(), l)
	if err != nil || !strings.Contains(page, "background-color:#aa0033") || strings.Contains(page, "cid:logo") || !strings.Contains(text, "Conservas Cantábricas") {
		t.Errorf("%v\n%s", err, page)
	}
	if !strings.Contains(text, "hasta el 4 mar 2026, 12:30") { // in the account's own time
		t.Errorf("the text is\n%s", text)
	}
	l.Logo = account.LogoSet{Width: 300, Height: 100, PNG: []byte("png")}
	l.Account.Branding.Colour = `#fff;background:url(//evil.example)`
	_, _, page, err = w.Write(t.Context(), l)
	if err != nil || !strings.Contains(page, `src="cid:logo" alt="Conservas Cantábricas" width="120" height="40"`) || strings.Contains(page, "evil.example") {
		t.Errorf("%v\n%s", err, page)
	}
	l.Known, l.Until = true, time.Time{}
	if _, text, _, err = w.Write(t.Context(), l); err != nil || !strings.Contains(text, "inicie sesión") || strings.Contains(text, "hasta el") {
		t.Errorf("%v\n%s", err, text)
	}
	if _, _, _, err := w.Write(t.Context(), commands.Letter{Template: "nonsense"}); err == nil {
		t.Error("there is a letter for a template that there is not")
	}
}

func TestUnknownLanguagesGetTheAccounts(t *testing.T) {
	t.Parallel()
	l := letter(mail.Recovery, mail.ToContact, "ja")
	l.Account.Details.Language = "en"
	if subject, _, _, err := writer(t).Write(t.Context(), l); err != nil || !strings.HasPrefix(subject, "Your password") {
		t.Errorf("%q, %v", subject, err)
	}
}

// given a comment that is files alone, and one with a text and a file
// when it is mailed
// then the mail names the files, in HTML and as text, as text.
func TestACommentOfFilesAlone(t *testing.T) {
	t.Parallel()
	w := writer(t)
	for lang, want := range map[string]string{"es": "Adjunto", "en": "Attached", "ca": "Adjunt"} {
		l := letter(mail.Comment, mail.ToAccount, lang)
		l.Comments = []commands.Remark{{Author: "Eva", Files: []string{"plano.pdf", "<b>.txt"}}, {Author: "Marta", Text: "Mire", Files: []string{"foto.png"}}}
		_, text, page, err := w.Write(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := read(t, lang, page)
		for _, said := range []string{plain(text), body} {
			for _, part := range []string{"Eva", want + ": plano.pdf, <b>.txt", "Mire", want + ": foto.png"} {
				if !strings.Contains(said, part) {
					t.Errorf("%s: no %q in %s", lang, part, said)
				}
			}
		}
	}
}
