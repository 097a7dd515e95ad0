package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// who is whose browser a page is looked at in.
type who string

const (
	visitor  who = "visitor" // nobody yet
	client   who = "client"
	supplier who = "supplier"
	staff    who = "staff"
	guest    who = "guest" // the holder of a document link
)

// lookedAt is a page of the portal: whose it is, and how its browser gets to it, in
// whatever language that speaks.
type lookedAt struct {
	name string
	who  who
	open func(b *tab)
}

// demos are pages of the demo alone, whose words are not the portal's.
const demos = "demo-"

// pages is every page that there is. A new page gets a line here, and with it its pictures
// in docs/screenshots, its search for barriers, and the proof that it says all it says in
// every language, and fits every window.
func (w *walk) pages() []lookedAt {
	return []lookedAt{
		{"sign-in", visitor, at("/sign-in")},
		{"sign-in-refused", visitor, func(b *tab) {
			b.visit("/sign-in")
			b.fill("#email", clientEmail, "#password", "not-the-password")
			b.pressRefused(401, "#sign-in button[type=submit]")
		}},
		{"recover", visitor, at("/recover")},
		{"recover-sent", visitor, func(b *tab) {
			b.visit("/recover")
			b.fill("#email", "nobody@example.com")
			b.press("#recover button[type=submit]")
		}},
		{"link-revoked", visitor, func(b *tab) { b.refused(410, w.revoked) }},
		{"not-found", visitor, refusal(404, "/nothing-here")},
		{"staff-sign-in", visitor, at("/staff/sign-in")},
		{"sign-in-code", visitor, func(b *tab) {
			b.visit("/sign-in")
			b.fill("#email", supplierEmail, "#password", supplierPassword)
			b.press("#sign-in button[type=submit]")
			b.at("/sign-in/code")
		}},

		{"home", client, at("/")},
		{"menu", client, func(b *tab) {
			b.visit("/")
			script[bool](b, `document.getElementById("sections").showPopover(), true`)
		}},
		{"invoices", client, at("/invoices")},
		{"quotes", client, at("/quotes")},
		{"sales-orders", client, at("/orders")},
		{"delivery-notes", client, at("/delivery-notes")},
		{"proformas", client, at("/proformas")},
		{"credit-notes", client, at("/credit-notes")},
		{"documents", client, at("/documents?owed=1&due_to=2099-12-31&kind=invoice&kind=sales_order")},
		{"list-empty", client, at("/invoices?q=there+is+no+such+invoice")},
		{"invoice", client, first("/invoices?status=open")},
		{"quote", client, first("/quotes")},
		{"quote-approved", client, first("/quotes?status=approved")},
		{"sales-order", client, first("/orders")},
		{"delivery-note", client, first("/delivery-notes")},
		{"proforma", client, first("/proformas")},
		{"credit-note", client, first("/credit-notes")},
		{"statement", client, at("/statement")},
		{"payments", client, at("/payments")},
		{"pay", client, after("/invoices?status=open", func(b *tab) { b.press("#pay") })},
		{"transfer", client, after("/invoices?status=open", func(b *tab) {
			b.press("#pay")
			b.click("#method-transfer")
			b.press("#pay-form button[type=submit]")
		})},
		{"catalogue", client, at("/catalogue")},
		{"cart", client, func(b *tab) {
			b.visit("/catalogue?q=aceite")
			b.putInCart("#products li:first-child", "2")
			b.visit("/cart")
		}},
		{"security", client, at("/security")},
		{"password-refused", client, func(b *tab) {
			b.visit("/security")
			b.fill("#current", "not-the-password", "#password", "12345678")
			b.pressRefused(422, "#change-password button[type=submit]")
		}},

		{"security-app", client, func(b *tab) {
			b.visit("/security")
			b.proven(clientPassword, "#add-app", "#app-current")
			b.at("/security/app")
		}},

		{"security-on", supplier, at("/security")},
		{"security-codes", supplier, func(b *tab) {
			b.visit("/security")
			b.proven(supplierPassword, "#make-codes", "#codes-current")
		}},
		{"supplier-home", supplier, at("/")},
		{"purchase-orders", supplier, at("/purchase-orders")},
		{"purchase-order", supplier, first("/purchase-orders?status=sent")},

		{"staff-overview", staff, at("/staff")},
		{"staff-contacts", staff, at("/staff/contacts")},
		{"staff-contact-new", staff, at("/staff/contacts/new")},
		{"staff-contact", staff, ofContact("")},
		{"staff-contact-statement", staff, ofContact("/statement")},
		{"staff-person", staff, func(b *tab) {
			ofContact("")(b)
			b.press(`//section[@id="access-card"]//a[starts-with(@href, "/staff/contacts/")]`)
		}},
		{"staff-document", staff, func(b *tab) {
			ofContact("")(b)
			b.press(`section[aria-labelledby=documents-title] .what a`)
		}},
		{"staff-look", staff, func(b *tab) {
			ofContact("")(b)
			b.press("#look button[type=submit]")
		}},
		{"staff-security", staff, at("/staff/security")},
		{"staff-documents", staff, at("/staff/documents")},
		{"staff-orders", staff, at("/staff/orders")},
		{"staff-payments", staff, at("/staff/payments")},
		{"staff-comments", staff, at("/staff/comments")},
		{"staff-comments-all", staff, at("/staff/comments?all=1")},
		{"staff-mails", staff, at("/staff/mails")},
		{"staff-invitations", staff, at("/staff/contacts?access=0")},
		{"staff-invite-all", staff, at("/staff/invitations/new?access=0&all=1")},
		{"staff-invite", staff, invite},
		{"staff-invitation", staff, once(func(b *tab) {
			invite(b)
			b.press("#start-invitations button[type=submit]")
			b.until("the invitations are sent", func() bool { return b.has(`progress[value="2"]`) })
		})},
		{"settings-account", staff, at("/staff/settings")},
		{"settings-branding", staff, at("/staff/settings/branding")},
		{"settings-payments", staff, at("/staff/settings/payments")},
		{"settings-people", staff, at("/staff/settings/people")},
		{"settings-programs", staff, at("/staff/settings/programs")},

		{"shared-quote", guest, at("/shared")},

		{demos + "mails", visitor, at("/demo/mails")},
		{demos + "mail", visitor, func(b *tab) {
			b.visit("/demo/mails")
			b.press("#mails li:first-child a")
		}},
	}
}

// invite is the page on which staff say that two contacts are to be invited.
func invite(b *tab) {
	b.visit("/staff/contacts?access=0")
	for _, n := range []string{"1", "2"} {
		b.click(`//li[` + n + `]//input[@form="invite-many"]`)
	}
	b.press("#invite-many button[type=submit]")
}

// proven sends a form that asks for the password too, where the sign-in is a while ago.
func (b *tab) proven(password, form, field string) {
	b.t.Helper()
	if b.has(field) {
		b.fill(field, password)
	}
	b.press(form + " button[type=submit]")
}

// at is a page by its address.
func at(path string) func(b *tab) { return func(b *tab) { b.visit(path) } }

// refusal is a page that says no.
func refusal(status int64, path string) func(b *tab) {
	return func(b *tab) { b.refused(status, path) }
}

// walk goes through all pages, with a browser for each person.
type walk struct {
	*world
	t    *testing.T
	tabs map[who]*tab
	said *spoken

	revoked string // path of a document link that was revoked
}

// first is the page of the first document of a list: the same one in every language.
func first(list string) func(b *tab) { return after(list, func(*tab) {}) }

// after is the page that acts lead to from the first document of a list.
func after(list string, acts func(b *tab)) func(b *tab) {
	return once(func(b *tab) {
		b.visit(list)
		b.press("#list tbody tr:first-child td.main a")
		acts(b)
	})
}

// once is the page that acts lead to. They are done once: the page is known by its address
// from then on.
func once(acts func(b *tab)) func(b *tab) {
	path := ""
	return func(b *tab) {
		if path != "" {
			b.visit(path)
			return
		}
		acts(b)
		path = b.path()
	}
}

// ofContact is staff's page of the demo's client, or one below it.
func ofContact(below string) func(b *tab) {
	return func(b *tab) {
		b.openContact("Restaurante La Marjal")
		if below != "" {
			b.visit(b.path() + below)
		}
	}
}

// seat opens everybody's browser.
func (w *walk) seat() {
	w.t.Helper()
	for _, p := range []who{visitor, client, supplier, staff, guest} {
		w.tabs[p] = w.person(w.t, w.demo, "pages-"+string(p), desktop)
	}
	w.tabs[client].signIn(clientEmail, clientPassword)
	w.tabs[supplier].signIn(supplierEmail, supplierPassword)
	w.tabs[supplier].visit("/security")
	w.tabs[supplier].addApp()
	b := w.tabs[staff]
	b.signInStaff(staffEmail, staffPassword)
	share := func() string {
		w.t.Helper()
		b.openContact("Club Náutico Port Saplaya")
		b.press(`//section[@aria-labelledby="documents-title"]//a[starts-with(., "Presupuesto")]`)
		b.click(`//summary[contains(., "Compartir un enlace")]`)
		b.press("#share button[type=submit]")
		return strings.TrimPrefix(b.text("#shared-link"), b.base)
	}
	w.revoked = share()
	b.openContact("Club Náutico Port Saplaya")
	b.press(`form[action$="/revoke"] button`)
	w.tabs[guest].visit(share())
}

// The windows and appearances that each page is looked at in.
var (
	schemes = []string{"light", "dark"}
	windows = []struct {
		name string
		device
		scale float64 // of the picture
	}{
		{"desktop", desktop, .66},
		{"phone", device{width: 390, height: 844, phone: true}, 1},
	}
	narrow = device{width: 320, height: 256} // 1280 by 1024 at 400 %: WCAG 2.2, 1.4.10
)

// everyPage looks at every page: in both windows and appearances, for barriers and for what
// does not fit; and in every language, for what it does not say in it.
func (w *world) everyPage(t *testing.T) {
	v := &walk{world: w, t: t, tabs: map[who]*tab{}, said: loadSpoken(t)}
	v.seat()
	all := v.pages()
	for _, p := range all {
		if slices.ContainsFunc(all, func(o lookedAt) bool { return o.name == p.name && o.who != p.who }) {
			t.Errorf("two pages are named %s", p.name)
		}
		t.Run(p.name, func(t *testing.T) { v.look(t, p) })
	}
	index(t, all)
}

// look looks at one page.
func (w *walk) look(t *testing.T, p lookedAt) {
	b := w.tabs[p.who]
	b.t, b.story = t, "pages-"+p.name
	defer func() { b.t = w.t }()
	b.speak("es")
	p.open(b)
	b.wellFormed(p.name)
	w.speaks(b, p.name, "es")
	b.pictures(p.name)
	b.unfold()
	for _, window := range windows {
		for _, scheme := range schemes {
			b.as(window.device, scheme)
			b.fits(p.name + " on a " + window.name)
			b.axe(p.name + " on a " + window.name + ", " + scheme)
		}
	}
	b.as(narrow, "light")
	b.fits(p.name + " at 400 %")
	b.as(desktop, "light")
	for _, language := range []string{"en", "ca"} {
		b.speak(language)
		p.open(b)
		if b.has(".looking") {
			language = "es" // staff look at a portal in its contact's language
		}
		w.speaks(b, p.name, language)
		b.fits(p.name + " in " + language)
	}
}

// speaks wants a page to say all in a language.
func (w *walk) speaks(b *tab, name, language string) {
	b.t.Helper()
	if !strings.HasPrefix(name, demos) {
		w.said.check(b, name, language)
	} else if lang := b.attribute("html", "lang"); lang != language {
		b.t.Errorf("%s is in %s, want %s", name, lang, language)
	}
}

// speak chooses the language of the pages that follow.
func (b *tab) speak(language string) {
	b.t.Helper()
	b.do("choosing a language", network.SetCookie("lonja-language", language).WithURL(b.base), prefers(language))
}

// as makes the window that of a device, and the browser prefer an appearance.
func (b *tab) as(d device, scheme string) {
	b.t.Helper()
	size := chromedp.EmulateViewport(d.width, d.height)
	if d.phone {
		size = chromedp.EmulateViewport(d.width, d.height, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	b.do("becoming another window", size,
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}))
}

// wellFormed wants a page that says what it is.
func (b *tab) wellFormed(name string) {
	b.t.Helper()
	b.wellMade(name)
	for what, n := range script[map[string]int](b, `({
		"h1": document.querySelectorAll("h1").length,
		"main": document.querySelectorAll("main").length,
		"a title of its own": document.title.split(" · ")[0].trim() ? 1 : 0,
		"a language": document.documentElement.lang === "es" ? 1 : 0,
		"a first link that leads past the navigation": !document.querySelector("nav") || document.querySelector("body a").matches("a.skip[href='#content']") && document.querySelector("#content") ? 1 : 0,
	})`) {
		if n != 1 {
			b.t.Errorf("%s: there is %d times %s, want once", name, n, what)
		}
	}
}

// fits wants nothing to be wider than the window.
func (b *tab) fits(name string) {
	b.t.Helper()
	if over := script[[]string](b, tooWide); len(over) > 0 {
		b.t.Errorf("%s: wider than the window of %d pixels: %s", name, script[int](b, "innerWidth"), strings.Join(over, ", "))
	}
}

// unfold opens all that is folded, so that it is looked at too.
func (b *tab) unfold() {
	b.t.Helper()
	script[bool](b, `document.querySelectorAll("details").forEach(d => { d.removeAttribute("name"); d.open = true }), true`)
}

// tallest is how much of a page a picture shows.
const tallest = 1400

// pictures takes the pictures of docs/screenshots.
func (b *tab) pictures(name string) {
	b.t.Helper()
	for _, window := range windows {
		for _, scheme := range schemes {
			b.as(window.device, scheme)
			var picture []byte
			b.do("taking a picture", chromedp.ActionFunc(func(ctx context.Context) error {
				_, _, _, _, _, content, err := page.GetLayoutMetrics().Do(ctx)
				if err != nil {
					return err
				}
				picture, err = page.CaptureScreenshot().WithFormat(page.CaptureScreenshotFormatWebp).WithQuality(40).WithCaptureBeyondViewport(true).
					WithClip(&page.Viewport{Width: float64(window.width), Height: min(max(content.Height, float64(window.height)), tallest), Scale: window.scale}).Do(ctx)
				return err
			}))
			b.write(filepath.Join("screenshots", pictureName(name, window.name, scheme)), picture)
		}
	}
	b.as(desktop, "light")
}

func pictureName(page, window, scheme string) string {
	return page + "-" + window + "-" + scheme + ".webp"
}

// index writes the page that shows the pictures.
func index(t *testing.T, pages []lookedAt) {
	t.Helper()
	var md strings.Builder
	md.WriteString("# Every page\n\nAs `make screenshots` found them, with the demo account: on a desktop and on a phone, light and dark. A new page is one line of the table in e2e/browser/pages_test.go.\n")
	for _, p := range []who{visitor, client, supplier, staff, guest} {
		fmt.Fprintf(&md, "\n## %s\n", map[who]string{
			visitor: "Nobody yet", client: "A client", supplier: "A supplier", staff: "Staff", guest: "The holder of a document link",
		}[p])
		for _, one := range pages {
			if one.who != p {
				continue
			}
			fmt.Fprintf(&md, "\n### %s\n\n", strings.ReplaceAll(one.name, "-", " "))
			for _, window := range windows {
				for _, scheme := range schemes {
					file := pictureName(one.name, window.name, scheme)
					fmt.Fprintf(&md, "<a href=\"%s\"><img alt=\"%s, %s, %s\" src=\"%s\" height=\"320\"></a>\n", file, one.name, window.name, scheme, file)
				}
			}
		}
	}
	path := filepath.Join("..", "..", "artefacts", "screenshots", "README.md")
	if err := os.WriteFile(path, []byte(md.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// barrier is a finding of axe-core.
type barrier struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// axe wants the page to keep every rule of WCAG 2.2, levels A and AA, that can be looked up by
// a program: that of axe-core, which is not of the portal's making.
func (b *tab) axe(name string) {
	b.t.Helper()
	if !script[bool](b, "typeof axe === 'object'") {
		source, err := os.ReadFile(filepath.Join("testdata", "axe.min.js"))
		if err != nil {
			b.fail("%v", err)
		}
		b.do("loading axe-core", chromedp.Evaluate(string(source), nil))
	}
	found := script[string](b, `axe.run(document, {runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}, resultTypes: ["violations"]}).then(r => JSON.stringify({violations: r.violations, passes: r.passes.length}))`)
	var result struct {
		Violations []barrier `json:"violations"`
		Passes     int       `json:"passes"`
	}
	if err := json.Unmarshal([]byte(found), &result); err != nil {
		b.fail("axe-core: %v", err)
	}
	if result.Passes < 8 {
		b.t.Errorf("%s: axe-core found only %d rules to look at", name, result.Passes)
	}
	for _, v := range result.Violations {
		var where []string
		for _, n := range v.Nodes[:min(4, len(v.Nodes))] {
			where = append(where, n.HTML+"\n    "+strings.ReplaceAll(n.Summary, "\n", " "))
		}
		b.t.Errorf("%s: %s (%s), %d times:\n  %s", name, v.Help, v.ID, len(v.Nodes), strings.Join(where, "\n  "))
	}
}
