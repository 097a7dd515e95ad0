package browser_test

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"lonja/adapters/web/locale"
	"lonja/domain/document"
	"lonja/domain/money"
)

// withKeys approves a quote with the keyboard alone; on a phone's width, the menu opens, is
// gone through and closes by it too.
func (w *world) withKeys(t *testing.T) {
	p, passphrase := w.small(t)
	office := w.person(t, p, "with-keys-staff", desktop)
	office.signInStaff(smallStaff, passphrase)
	office.openContact(smallClient)
	office.giveAccess(smallEmail, "Julia Lope", "Cuatro-Barcas-Vuelven-Tarde")

	b := w.person(t, p, "with-keys", desktop)
	b.visit("/sign-in")
	b.focus("#email") // the sign-in page begins at its first field
	b.types(smallEmail)
	b.key(kb.Tab)
	b.types("Not-This-One-At-All")
	b.to(401, "pressing Enter", chromedp.KeyEvent(kb.Enter))
	b.focus("[role=alert]") // a refused form leads to what is wrong
	b.tabTo("#email")
	b.do("clearing", chromedp.KeyEvent("a", chromedp.KeyModifiers(input.ModifierCtrl)))
	b.types(smallEmail)
	b.tabTo("#password")
	b.types("Cuatro-Barcas-Vuelven-Tarde")
	b.enter()
	b.at("/")

	b.key(kb.Tab)
	if !b.focused("a.skip") {
		t.Error("the first Tab does not lead to the link past the navigation")
	}
	b.key(kb.Enter)
	b.focus("#content")
	b.tabTo(`#pending-actions a.button[href^="/quotes/"]`)
	b.enter()
	b.see("Presupuesto P-")
	b.tabTo("#approve-reference")
	b.types("PC-9")
	b.tabTo("#approve button[type=submit]")
	b.shot("about-to-approve")
	b.enter()
	b.see("Aprobado. Gracias.", "Aprobado por Julia Lope")

	b.as(phone, "light")
	b.visit("/")
	b.tabTo(`button[popovertarget="sections"]`)
	b.key(kb.Enter)
	if !script[bool](b, `document.getElementById("sections").matches(":popover-open")`) {
		t.Error("Enter does not open the menu")
	}
	b.tabTo(`nav.sections a[href="/invoices"]`)
	b.key(kb.Escape)
	if script[bool](b, `document.getElementById("sections").matches(":popover-open")`) || !b.focused(`button[popovertarget="sections"]`) {
		t.Error("Escape does not close the menu and lead back to its button")
	}
	b.key(kb.Enter)
	b.tabTo(`nav.sections a[href="/invoices"]`)
	b.enter()
	b.at("/invoices")
}

// key presses a key that stays on the page.
func (b *tab) key(key string) {
	b.t.Helper()
	b.do("pressing a key", chromedp.KeyEvent(key))
}

// types types a text where the focus is.
func (b *tab) types(text string) {
	b.t.Helper()
	b.do("typing "+text, chromedp.KeyEvent(text))
}

// enter presses Enter on what leads to another page.
func (b *tab) enter() {
	b.t.Helper()
	b.to(200, "pressing Enter", chromedp.KeyEvent(kb.Enter))
}

// focus wants the focus at an element. A page may have arrived before the browser moves it
// there: it looks for autofocus when it first draws, which comes after.
func (b *tab) focus(selector string) {
	b.t.Helper()
	b.until("the focus is at "+selector, func() bool { return b.focused(selector) })
}

func (b *tab) focused(selector string) bool {
	b.t.Helper()
	return script[bool](b, fmt.Sprintf("document.activeElement.matches(%q)", selector))
}

// unseenFocus says what keeps the element with the focus from being seen: WCAG 2.2, 2.4.7 and
// 2.4.11.
const unseenFocus = `(() => {
	const e = document.activeElement;
	if (!e || e === document.body || e.id === "content") return "";
	const box = e.getClientRects()[0], s = getComputedStyle(e), name = e.outerHTML.slice(0, 80);
	if (!box || box.width === 0) return name + " has no place";
	if (box.bottom <= 0 || box.top >= innerHeight || box.right <= 0 || box.left >= innerWidth) return name + " is out of sight";
	const over = document.elementFromPoint(Math.max(1, Math.min(innerWidth - 2, box.left + box.width / 2)), Math.max(1, Math.min(innerHeight - 2, box.top + box.height / 2)));
	if (over && over !== e && !e.contains(over) && !over.contains(e) && !(e.labels && [...e.labels].some(l => l.contains(over)))) return name + " is under " + over.outerHTML.slice(0, 80);
	if ((s.outlineStyle === "none" || parseFloat(s.outlineWidth) === 0) && s.boxShadow === "none") return name + " does not show that it has the focus";
	return "";
})()`

// tabTo presses Tab until an element has the focus, and wants to see every one on the way.
func (b *tab) tabTo(selector string) {
	b.t.Helper()
	for range 120 {
		if b.focused(selector) {
			return
		}
		b.key(kb.Tab)
		if why := script[string](b, unseenFocus); why != "" {
			b.t.Errorf("%s: %s", b.path(), why)
		}
	}
	b.fail("Tab does not lead to %s", selector)
}

// appearance chooses the dark one, whatever the browser prefers, and leaves it to the browser
// again. Paper stays white.
func (w *world) appearance(t *testing.T) {
	b := w.person(t, w.demo, "appearance", desktop)
	dark := func() bool {
		t.Helper()
		var r, g, bl int
		said := script[string](b, "getComputedStyle(document.body).backgroundColor")
		if _, err := fmt.Sscanf(said, "rgb(%d, %d, %d)", &r, &g, &bl); err != nil {
			t.Fatalf("the background is %q", said)
		}
		return r+g+bl < 3*128
	}
	b.as(desktop, "light")
	b.visit("/sign-in")
	if dark() {
		t.Error("it is dark without anybody's wish")
	}
	b.press(`.themes button[value=dark]`)
	b.at("/sign-in")
	if !dark() {
		t.Error("the dark appearance is light")
	}
	b.shot("dark")
	b.do("printing", emulation.SetEmulatedMedia().WithMedia("print"))
	if dark() {
		t.Error("paper is dark")
	}
	b.as(desktop, "dark")
	b.press(`.themes button[value=light]`)
	if dark() {
		t.Error("the light appearance is dark where the browser prefers dark")
	}
	b.press(`.themes button[value=auto]`)
	if !dark() {
		t.Error("left to the browser, it is light where that prefers dark")
	}
	b.as(desktop, "light")
	if dark() {
		t.Error("left to the browser, it is dark where that prefers light")
	}
}

// lightness loads the first pages with an empty cache: no more than 100 KB in all, none of it
// from elsewhere (each tab complains about a request to anybody else).
func (w *world) lightness(t *testing.T) {
	const most = 100_000
	b := w.person(t, w.demo, "lightness", desktop)
	var mu sync.Mutex
	var bytes float64
	files := 0
	chromedp.ListenTarget(b.ctx, func(ev any) {
		if e, ok := ev.(*network.EventLoadingFinished); ok {
			mu.Lock()
			defer mu.Unlock()
			bytes += e.EncodedDataLength
			files++
		}
	})
	weigh := func(name, path string) {
		t.Helper()
		b.do("forgetting what was kept", network.ClearBrowserCache())
		mu.Lock()
		bytes, files = 0, 0
		mu.Unlock()
		b.visit(path)
		b.until("everything has arrived", func() bool {
			return script[bool](b, `document.readyState === "complete" && performance.getEntriesByType("resource").every(e => e.responseEnd > 0)`)
		})
		asked := 1 + script[int](b, `performance.getEntriesByType("resource").length`)
		b.until("the browser has told of all files", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return files >= asked
		})
		mu.Lock()
		defer mu.Unlock()
		t.Logf("%s: %.0f bytes in %d files", name, bytes, files)
		if bytes > most || bytes < 10_000 {
			t.Errorf("%s weighs %.0f bytes in %d files, want at most %d", name, bytes, files, most)
		}
	}
	weigh("sign-in", "/sign-in")
	b.signIn(clientEmail, clientPassword)
	weigh("home", "/")
	weigh("invoices", "/invoices")
	weigh("catalogue", "/catalogue")
}

// formats are those of CLDR, as the browser has it.
func (w *world) formats(t *testing.T) {
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	b := w.person(t, w.demo, "formats", desktop)
	b.visit("/sign-in")
	for code, region := range map[string]string{"es": "es-ES", "en": "en-GB", "ca": "ca-ES"} {
		l := words.Match(code)
		for month := 1; month <= 12; month++ {
			day := document.Date(fmt.Sprintf("2026-%02d-%02d", month, 2*month))
			want := script[string](b, fmt.Sprintf(`new Intl.DateTimeFormat(%q, {dateStyle: "medium", timeZone: "UTC"}).format(new Date(%q))`, region, string(day)))
			if got := l.Date(day); plain(got) != plain(want) {
				t.Errorf("%s: %s is %q, CLDR has %q", code, day, got, want)
			}
			want = script[string](b, fmt.Sprintf(`new Intl.DateTimeFormat(%q, {month: "long", timeZone: "UTC"}).format(new Date(%q))`, region, string(day)))
			if got := l.Month(month); got != want {
				t.Errorf("%s: month %d is %q, CLDR has %q", code, month, got, want)
			}
		}
		for _, minor := range []int64{0, 5, 123450, 123456789, -4200} {
			amount := money.Of(minor, "EUR")
			want := script[string](b, fmt.Sprintf(`new Intl.NumberFormat(%q, {style: "currency", currency: "EUR"}).format(%s)`, region, amount.Decimal()))
			if got := l.Money(amount); plain(got) != plain(want) {
				t.Errorf("%s: %s is %q, CLDR has %q", code, amount, got, want)
			}
		}
		for _, n := range []int{7, 1234, 98765} {
			want := script[string](b, fmt.Sprintf(`new Intl.NumberFormat(%q).format(%d)`, region, n))
			if got := l.Int(n); got != want {
				t.Errorf("%s: %d is %q, CLDR has %q", code, n, got, want)
			}
		}
	}
}

// listed is what a figure's link shows: how many documents the list says it has, the sum it
// states, and its documents as the list's file has them.
type listed struct {
	Total string   `json:"total"`
	Sum   string   `json:"sum"`
	CSV   string   `json:"csv"`
	Links []string `json:"links"`
	rows  [][]string
}

// The columns of a list's file.
const (
	columnKind        = 0
	columnDate        = 3
	columnTotal       = 6
	columnOutstanding = 7
)

// follow asks for the list behind a figure.
func (b *tab) follow(href string) listed {
	b.t.Helper()
	l := script[listed](b, fmt.Sprintf(`(async () => {
		const page = async path => new DOMParser().parseFromString(await (await fetch(path)).text(), "text/html");
		let doc = await page(%q);
		const out = {total: doc.querySelector("#total").textContent, sum: doc.querySelector("#sums dd")?.textContent ?? "", csv: "", links: []};
		const file = doc.querySelector('#export a[href*=".csv"]');
		if (file) out.csv = await (await fetch(file.getAttribute("href"))).text();
		for (;;) {
			out.links.push(...[...doc.querySelectorAll("#list td.main a")].map(a => a.getAttribute("href")));
			const next = doc.querySelector("#next-page");
			if (!next) return out;
			doc = await page(next.getAttribute("href"));
		}
	})()`, href))
	if l.CSV != "" {
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(l.CSV, "\ufeff"))).ReadAll()
		if err != nil {
			b.fail("the file of %s: %v", href, err)
		}
		l.rows = rows[1:]
	}
	if n := l.count(b); n != len(l.rows) || n != len(l.Links) {
		b.t.Errorf("%s says that it has %d documents, its file has %d, its pages have %d", href, n, len(l.rows), len(l.Links))
	}
	return l
}

var digits = regexp.MustCompile(`\d+`)

func (l listed) count(b *tab) int {
	b.t.Helper()
	n, err := strconv.Atoi(digits.FindString(strings.ReplaceAll(l.Total, ".", "")))
	if err != nil {
		b.fail("the list says %q", l.Total)
	}
	return n
}

// sum adds up a column in cents; credit notes take off.
func (l listed) sum(b *tab, column int) int64 {
	b.t.Helper()
	var sum int64
	for _, row := range l.rows {
		if row[column] == "" {
			continue
		}
		m, err := money.Parse(row[column], "EUR")
		if err != nil {
			b.fail("%v", err)
		}
		if row[columnKind] == "Factura rectificativa" {
			m.Minor = -max(m.Minor, -m.Minor)
		}
		sum += m.Minor
	}
	return sum
}

// figures follows every figure of home, and every bar of its chart, to the documents that it
// counts, and counts them.
func (w *world) figures(t *testing.T) {
	office, b := w.person(t, w.demo, "figures-staff", desktop), w.person(t, w.demo, "figures", desktop)
	office.signInStaff(staffEmail, staffPassword)
	office.openContact("Hoteles Malvarrosa")
	office.giveAccess("jordi@malvarrosa.example", "Jordi Esteve", "Seis-Molinos-Cantan-Lejos")
	b.signIn("jordi@malvarrosa.example", "Seis-Molinos-Cantan-Lejos")
	years := script[[]string](b, `[...document.querySelectorAll("#year .tabs a")].map(a => a.textContent)`)
	if len(years) < 2 {
		t.Fatalf("there are the years %q to choose from, want several", years)
	}
	for _, year := range years[:2] {
		b.click("#year-" + year)
		b.waitFor(`#year-` + year + `[aria-current]`)
		b.see("El año " + year)
		b.everyFigure(year)
		b.everyBar(year)
	}
	b.visit("/?year=" + years[1])
	b.see("El año " + years[1])
	b.shot("another-year")
}

// everyFigure compares the figures of a year with the documents behind them.
func (b *tab) everyFigure(year string) {
	b.t.Helper()
	said := map[string]string{}
	behind := map[string]listed{}
	for n, name := range []string{"sales", "to pay", "quotes", "invoices", "average", "products", "days"} {
		selector := figure(n + 1)
		said[name] = b.text(selector)
		if b.has(selector + " a") {
			behind[name] = b.follow(b.attribute(selector+" a", "href"))
		} else if said[name] != "–" {
			b.t.Errorf("%s: the figure %s, %q, leads nowhere", year, name, said[name])
		}
	}
	expect := func(name string, want string) {
		b.t.Helper()
		if said[name] != want {
			b.t.Errorf("%s: home says %s for %s, the documents behind it make %s", year, said[name], name, want)
		}
	}
	invoices := behind["average"]
	expect("sales", euros(behind["sales"].sum(b, columnTotal)))
	expect("to pay", euros(behind["to pay"].sum(b, columnOutstanding)))
	expect("quotes", strconv.Itoa(len(behind["quotes"].rows)))
	expect("invoices", strconv.Itoa(len(behind["invoices"].rows)))
	if n := int64(len(invoices.rows)); n > 0 {
		expect("average", euros((2*invoices.sum(b, columnTotal)+n)/(2*n)))
		lines := 0
		for _, one := range b.details(behind["products"]) {
			lines += one.Lines
		}
		expect("products", tenth(lines, len(behind["products"].rows)))
	}
	if paid := behind["days"]; len(paid.rows) > 0 {
		days := 0
		for i, one := range b.details(paid) {
			issued, err := time.Parse(time.DateOnly, paid.rows[i][columnDate])
			if err != nil {
				b.fail("%v", err)
			}
			days += int(spanishDay(b, one.Paid).Sub(issued).Hours() / 24)
		}
		expect("days", tenth(days, len(paid.rows)))
	}
	if sum := behind["sales"].Sum; len(behind["sales"].rows) > 0 && plain(sum) != said["sales"] {
		b.t.Errorf("%s: the list behind the sales of %s states a sum of %s", year, said["sales"], sum)
	}
}

// everyBar compares the chart's months with the documents behind them.
func (b *tab) everyBar(year string) {
	b.t.Helper()
	type bar struct{ Name, Said, Href string }
	bars := script[[]bar](b, `[...document.querySelectorAll("#months-EUR tbody a")].map((a, i) => ({Name: a.closest("tr").querySelector("th").textContent + " " + i % 2, Said: a.textContent, Href: a.getAttribute("href")}))`)
	if len(bars) != 24 {
		b.t.Errorf("%s: the chart's table has %d figures, want two a month", year, len(bars))
	}
	some := 0
	for _, one := range bars {
		list := b.follow(one.Href)
		if want := euros(list.sum(b, columnTotal)); plain(one.Said) != want {
			b.t.Errorf("%s: the chart says %s for %s, the documents behind it make %s", year, one.Said, one.Name, want)
		}
		some += len(list.rows)
	}
	if some == 0 {
		b.t.Errorf("%s: there is no document behind the chart", year)
	}
}

// detail is what a document's own page says.
type detail struct {
	Lines int    `json:"lines"`
	Paid  string `json:"paid"`
}

// details opens every document of a list.
func (b *tab) details(l listed) []detail {
	b.t.Helper()
	var all []detail
	for _, path := range l.Links {
		all = append(all, script[detail](b, fmt.Sprintf(`(async () => {
			const doc = new DOMParser().parseFromString(await (await fetch(%q)).text(), "text/html");
			return {lines: doc.querySelectorAll("table.lines tbody tr").length, paid: doc.querySelector("#acts").textContent.match(/Pago completo el (\d+ \S+ \d+)/)?.[1] ?? ""};
		})()`, path)))
	}
	return all
}

// spanishDay reads a day such as "31 ene 2026".
func spanishDay(b *tab, s string) time.Time {
	b.t.Helper()
	part := strings.Fields(s)
	months := strings.Fields("ene feb mar abr may jun jul ago sept oct nov dic")
	for i, m := range months {
		if len(part) == 3 && part[1] == m {
			day, err := time.Parse("2 1 2006", fmt.Sprintf("%s %d %s", part[0], i+1, part[2]))
			if err != nil {
				b.fail("%v", err)
			}
			return day
		}
	}
	b.fail("%q is no day", s)
	return time.Time{}
}

// euros writes cents as pages do: "1234,50 €", "12.345,00 €".
func euros(cents int64) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	whole := strconv.FormatInt(cents/100, 10)
	if len(whole) > 4 {
		for i := len(whole) - 3; i > 0; i -= 3 {
			whole = whole[:i] + "." + whole[i:]
		}
	}
	return fmt.Sprintf("%s%s,%02d €", sign, whole, cents%100)
}

// tenth writes a / n with one decimal, rounded half up: "2", "2,5".
func tenth(a, n int) string {
	t := (2*10*a + n) / (2 * n)
	if t%10 == 0 {
		return strconv.Itoa(t / 10)
	}
	return fmt.Sprintf("%d,%d", t/10, t%10)
}

// inParts works through a list and home without a new page: what is asked for changes its
// part, the address follows, and the focus stays where it was.
func (w *world) inParts(t *testing.T) {
	office, b := w.person(t, w.demo, "in-parts-staff", desktop), w.person(t, w.demo, "in-parts", desktop)
	office.signInStaff(staffEmail, staffPassword)
	office.openContact("Camping Devesa Azul")
	office.giveAccess("sonia@devesa.example", "Sonia Pastor", "Ocho-Faroles-Giran-Bajo")
	b.signIn("sonia@devesa.example", "Ocho-Faroles-Giran-Bajo")
	b.visit("/documents")
	script[bool](b, "window.same = true")
	same := func(what string) {
		t.Helper()
		if !script[bool](b, "window.same === true") {
			t.Fatalf("%s loads a whole page", what)
		}
	}
	b.click("#sort-total")
	b.waitFor("th[aria-sort=descending] #sort-total")
	same("sorting")
	b.focus("#sort-total") // sorting keeps it
	if q := b.query(); q.Get("sort") != "total" || q.Get("desc") != "1" {
		t.Errorf("sorted by total, the address says %v", q)
	}
	b.set("#status", "paid")
	b.until("only paid documents are shown", func() bool {
		return script[bool](b, `[...document.querySelectorAll("#list tbody tr")].every(r => r.textContent.includes("Pagada"))`)
	})
	same("filtering")
	if q := b.query(); q.Get("sort") != "total" || q.Get("status") != "paid" {
		t.Errorf("filtered after sorting, the address says %v", q)
	}
	if b.has("#next-page") {
		top := func() string {
			return script[string](b, `document.querySelector("#list tbody td.main a").textContent`)
		}
		first := top()
		b.click("#next-page")
		b.until("the next page is shown", func() bool { return top() != first })
		same("going on")
		b.click("#first-page")
		b.until("the first page is shown", func() bool { return top() == first })
	}
	if !strings.Contains(b.text("#total"), "document") {
		t.Errorf("the list says %q", b.text("#total"))
	}

	// What is refused is told by a whole page: the form is sent again with the same command.
	b.visit("/catalogue?q=bomba")
	script[bool](b, `document.querySelector("#products form").noValidate = true`)
	b.fill("#products li:first-child input[type=number]", "0.5")
	b.pressRefused(422, "#products form button[type=submit]")
	b.see("El pedido mínimo de Arroz bomba")
	b.expect(422, b.base+"/cart")

	b.visit("/")
	script[bool](b, "window.same = true")
	other := w.person(t, w.demo, "in-parts-elsewhere", desktop)
	other.signIn("sonia@devesa.example", "Ocho-Faroles-Giran-Bajo")
	other.press(`#pending-actions .group .what a`)
	other.fill("#comment-text", "Escrito en otra pestaña.")
	other.do("sending", chromedp.Click("#comment-form button[type=submit]", chromedp.ByQuery))
	other.until("the comment is there", func() bool {
		return script[bool](other, `!!document.getElementById("comments")?.textContent.includes("Escrito en otra pestaña.")`)
	})
	script[bool](b, `document.body.dispatchEvent(new CustomEvent("again"))`)
	b.until("home shows what happened meanwhile", func() bool {
		return script[bool](b, `document.getElementById("now").textContent.includes("Escrito en otra pestaña.")`)
	})
	same("coming back to home")
}

// putInCart puts so many of a product into the cart: the product changes in its place.
func (b *tab) putInCart(product, quantity string) {
	b.t.Helper()
	b.fill(product+" input[type=number]", quantity)
	script[bool](b, "window.same = true")
	b.click(product + " form button[type=submit]")
	b.until("it is in the cart", func() bool {
		return script[bool](b, fmt.Sprintf(`[...document.querySelectorAll(%q)].some(a => a.textContent.trim().startsWith(%q))`, product+` a[href="/cart"]`, quantity+" "))
	})
	if !script[bool](b, "window.same === true") {
		b.fail("putting a product into the cart loads a whole page")
	}
}

// query is what the address asks for.
func (b *tab) query() url.Values {
	b.t.Helper()
	u, err := url.Parse(b.path())
	if err != nil {
		b.fail("%v", err)
	}
	return u.Query()
}

// shoppingWithoutScript comments, pays by transfer and orders in a browser that runs no scripts.
func (w *world) shoppingWithoutScript(t *testing.T) {
	office := w.person(t, w.demo, "shopping-without-script-staff", desktop)
	office.signInStaff(staffEmail, staffPassword)
	office.openContact("Catering Les Germanies")
	office.giveAccess("pau@germanies.example", "Pau Sanchis", "Diez-Cestas-Pesan-Mucho")

	d := desktop
	d.noScript = true
	b := w.person(t, w.demo, "shopping-without-script", d)
	b.signIn("pau@germanies.example", "Diez-Cestas-Pesan-Mucho")
	b.visit("/invoices?status=open")
	b.press("#list tbody tr:first-child td.main a")
	b.fill("#comment-text", "¿Pueden cambiar la fecha?")
	b.press("#comment-form button[type=submit]")
	b.see("Comentario enviado.", "¿Pueden cambiar la fecha?")
	b.press("#pay")
	b.click("#method-transfer")
	b.press("#pay-form button[type=submit]")
	b.see("Datos de la transferencia", "ES91 2100 0418 4502 0005 1332")
	b.shot("transfer")
	b.press("#announce button[type=submit]")
	b.see("En camino")

	b.visit("/catalogue?q=bomba")
	b.press("#products form button[type=submit]")
	b.see("1 en el carrito")
	b.visit("/cart")
	b.fill("#reference", "SIN-JS")
	b.press("#place-order button[type=submit]")
	b.see("Pedido realizado.", "SIN-JS")
	b.press(`nav.sections a[href="/orders"]`)
	b.press("#list thead th.num a")
	b.press("#sort-number")
	b.shot("orders")
}
