package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What signs in to the demo account; 'make run' prints it.
const (
	clientEmail      = "admin@lamarjal.example"
	clientPassword   = "tranvia-azul-mochila-41"
	supplierEmail    = "admin@altocabriel.example"
	supplierPassword = "molino-ventana-cometa-57"
	staffEmail       = "equipo@almacenesturia.example"
	staffPassword    = "faro-libreta-pomelo-83"
)

// world is one browser, and the demo account, which takes a while to load.
type world struct {
	chromium context.Context
	bin      string
	demo     *portal
}

// newWorld builds the program, and starts what the stories share.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{chromium: launch(t)}
	var err error
	if w.bin, err = build(t.Context(), filepath.Join("..", ".."), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	w.demo = w.serve(t, "demo")
	return w
}

// serve starts a system, and ends it with the test, which fails where its log tells of
// something wrong.
func (w *world) serve(t *testing.T, subcommand string, flags ...string) *portal {
	t.Helper()
	// The context of a test ends before its clean-ups, in which the system is stopped.
	p, err := serve(context.WithoutCancel(t.Context()), w.bin, shortDir(t), subcommand, flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
		for _, line := range p.faults() {
			t.Errorf("the log of %s: %s", subcommand, line)
		}
	})
	return p
}

// shortDir is a folder whose path leaves room for a socket's.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lonja-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

var passphrase = regexp.MustCompile(`(?m)^(\S+-\S+)$`)

// small opens a system of one client, as the README does: account, staff, documents.
// It returns the passphrase of its staff.
func (w *world) small(t *testing.T) (p *portal, staffPassphrase string) {
	t.Helper()
	p = w.serve(t, "serve")
	return p, p.fill(t)
}

// fill opens the account of a new system, and returns the passphrase of its staff.
func (p *portal) fill(t *testing.T) (staffPassphrase string) {
	t.Helper()
	run := func(args ...string) string {
		t.Helper()
		said, err := p.run(t.Context(), args...)
		if err != nil {
			t.Fatal(err)
		}
		return said
	}
	run("account", "open", "--name", "Tintas del Ebro, S.L.", "--tax-id", "ESB99345674", "--email", "hola@tintas.example")
	m := passphrase.FindStringSubmatch(run("staff", "add", "--email", smallStaff, "--name", "Olga Mur"))
	if m == nil {
		t.Fatal("'lonja staff add' printed no passphrase")
	}
	file, err := json.Marshal([]any{paperwork("quote", "P-1"), paperwork("quote", "P-2"), paperwork("invoice", "F-1"), paperwork("invoice", "F-2")})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.data, "documents.json")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	run("import", path)
	return m[1]
}

const (
	smallStaff  = "oficina@tintas.example"
	smallClient = "Imprenta Moncayo, S.L."
	smallEmail  = "compras@moncayo.example"
)

// paperwork is a document of 1210,00 €, in Lonja's own JSON.
func paperwork(kind, number string) map[string]any {
	doc := map[string]any{
		"kind": kind, "number": number, "title": "Tinta de impresión", "issueDate": "2026-01-15", "currency": "EUR",
		"seller": map[string]any{"name": "Tintas del Ebro, S.L.", "taxId": "ESB99345674"},
		"buyer":  map[string]any{"name": smallClient, "taxId": "ESB50111113", "email": smallEmail},
		"lines":  []any{map[string]any{"name": "Tinta cian, bidón 20 l", "quantity": "10", "unitPrice": "100", "net": "1000.00", "taxCategory": "S", "taxRate": "21"}},
		"taxes":  []any{map[string]any{"kind": "vat", "category": "S", "rate": "21", "base": "1000.00", "amount": "210.00"}},
		"totals": map[string]any{"lines": "1000.00", "net": "1000.00", "tax": "210.00", "gross": "1210.00", "payable": "1210.00"},
	}
	if kind == "quote" {
		doc["validUntil"] = "2099-12-31"
	} else {
		doc["dueDate"] = "2099-12-31"
	}
	return doc
}

// signIn signs a person in, and wants to be at home.
func (b *tab) signIn(email, password string) {
	b.t.Helper()
	b.visit("/sign-in")
	b.fill("#email", email, "#password", password)
	b.press("#sign-in button[type=submit]")
	b.at("/")
}

// signInStaff signs a person of the account in.
func (b *tab) signInStaff(email, password string) {
	b.t.Helper()
	b.visit("/staff")
	b.at("/staff/sign-in")
	b.fill("#email", email, "#password", password)
	b.press("#sign-in button[type=submit]")
	b.at("/staff")
}

// openContact goes, as staff, to a contact's page.
func (b *tab) openContact(name string) {
	b.t.Helper()
	b.visit("/staff/contacts?q=" + url.QueryEscape(name))
	b.press("#list .rows > li:only-child a")
	b.see(name)
}

// giveAccess creates, as staff, a login of the contact whose page is open.
func (b *tab) giveAccess(email, name, password string) {
	b.t.Helper()
	b.click("#create-login-act summary")
	b.fill("#login-email", email, "#login-name", name, "#login-password", password)
	b.press("#create-login button[type=submit]")
	b.see("Creado.", email, "Con contraseña")
}

// cents reads an amount such as "1.234,56 €".
func (b *tab) cents(selector string) int64 {
	b.t.Helper()
	said := b.text(selector)
	var n int64
	digits := strings.NewReplacer(".", "", ",", "", "€", "", " ", "", "-", "").Replace(said)
	if _, err := fmt.Sscanf(digits, "%d", &n); err != nil || !strings.Contains(said, ",") {
		b.fail("%s says %q, which is no amount", selector, said)
	}
	return n
}

// figure is the selector of one of the year's figures.
func figure(n int) string { return fmt.Sprintf("#figures-EUR > div:nth-of-type(%d) dd", n) }

// The year's figures, in the order of home.
const (
	figureToPay  = 2
	figureQuotes = 3
)
