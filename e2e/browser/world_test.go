package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
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

// world is one browser, the demo account, and a small system whose clock can be stopped.
type world struct {
	chromium context.Context
	demo     *portal
	small    *portal
	// staffPassphrase is what 'lonja staff add' made on the small system.
	staffPassphrase string
}

const smallStaff = "oficina@tintas.example"

// newWorld builds and starts everything, both systems at once.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{chromium: launch(t)}
	// The context of a test ends before its clean-ups, in which the systems are stopped.
	ctx := context.WithoutCancel(t.Context())
	bin, err := build(ctx, filepath.Join("..", ".."), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var start sync.WaitGroup
	var demoErr, smallErr error
	start.Go(func() { w.demo, demoErr = serve(ctx, bin, filepath.Join(shortDir(t), "demo"), "demo") })
	start.Go(func() { smallErr = w.startSmall(ctx, bin, filepath.Join(shortDir(t), "small")) })
	start.Wait()
	for name, p := range map[string]*portal{"demo": w.demo, "small": w.small} {
		if p == nil {
			continue
		}
		t.Cleanup(func() {
			if err := p.stop(); err != nil {
				t.Error(err)
			}
			for _, line := range p.faults() {
				t.Errorf("the %s portal's log: %s", name, line)
			}
		})
	}
	if demoErr != nil || smallErr != nil {
		t.Fatal(demoErr, smallErr)
	}
	return w
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

// startSmall opens a system as the README does: account, staff, documents.
func (w *world) startSmall(ctx context.Context, bin, data string) error {
	p, err := serve(ctx, bin, data, "serve")
	if err != nil {
		return err
	}
	w.small = p
	if _, err := p.run(ctx, "account", "open", "--name", "Tintas del Ebro, S.L.", "--tax-id", "ESB99345674", "--email", "hola@tintas.example"); err != nil {
		return err
	}
	said, err := p.run(ctx, "staff", "add", "--email", smallStaff, "--name", "Olga Mur")
	if err != nil {
		return err
	}
	m := passphrase.FindStringSubmatch(said)
	if m == nil {
		return fmt.Errorf("'lonja staff add' printed no passphrase, but %q", said)
	}
	w.staffPassphrase = m[1]
	var docs []any
	for _, c := range smallContacts() {
		for i, kind := range []string{"quote", "quote", "invoice", "invoice"} {
			docs = append(docs, paperwork(kind, fmt.Sprintf("%s-%s%d", strings.ToUpper(kind[:1]), c.series, i+1), c))
		}
	}
	file, err := json.Marshal(docs)
	if err != nil {
		return err
	}
	path := filepath.Join(filepath.Dir(data), "documents.json")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		return err
	}
	_, err = p.run(ctx, "import", path)
	return err
}

// smallContact is a client of the small system: two quotes and two invoices.
type smallContact struct{ series, name, taxID, email string }

func smallContacts() []smallContact {
	return []smallContact{
		{"A", "Imprenta Moncayo, S.L.", "ESB50111113", "compras@moncayo.example"},
		{"B", "Taller Gráfico Ródenas", "ESB50222227", "rodenas@grafico.example"},
		{"C", "Editorial Cierzo, S.L.", "ESB50333332", "pedidos@cierzo.example"},
	}
}

// paperwork is a document of 1.210,00 €, in Lonja's own JSON.
func paperwork(kind, number string, c smallContact) map[string]any {
	doc := map[string]any{
		"kind": kind, "number": number, "title": "Tinta de impresión", "issueDate": "2026-01-15", "currency": "EUR",
		"seller": map[string]any{"name": "Tintas del Ebro, S.L.", "taxId": "ESB99345674"},
		"buyer":  map[string]any{"name": c.name, "taxId": c.taxID, "email": c.email},
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
	b.at("/staff/contacts")
}

// openContact goes, as staff, to a contact's page.
func (b *tab) openContact(name string) {
	b.t.Helper()
	b.visit("/staff/contacts")
	b.fill("#q", name)
	b.press("search button[type=submit]")
	b.press("#list .rows a")
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
