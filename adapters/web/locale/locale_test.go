package locale

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/money"
)

const root = "../../.."

// messages reads all messages of a language by key, and fails on a key that is there twice.
func messages(t *testing.T, lang string) map[string]any {
	t.Helper()
	all := map[string]any{}
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.TrimSuffix(path, "."+lang+".json") == path {
			return err
		}
		b, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for key, text := range m {
			if _, twice := all[key]; twice {
				t.Errorf("%s: %s is in another file too", path, key)
			}
			all[key] = text
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryLanguageSaysEverything(t *testing.T) {
	t.Parallel()
	first := messages(t, Languages()[0])
	if len(first) < 200 {
		t.Fatalf("%d messages only", len(first))
	}
	for _, lang := range Languages()[1:] {
		other := messages(t, lang)
		for key, text := range first {
			said, ok := other[key]
			switch {
			case !ok:
				t.Errorf("%s lacks %s", lang, key)
			case !slices.Equal(arguments(text), arguments(said)):
				t.Errorf("%s: %s has arguments %v, another language %v", lang, key, arguments(said), arguments(text))
			case !slices.Equal(forms(text), forms(said)):
				t.Errorf("%s: %s has the plural forms %v, another language %v", lang, key, forms(said), forms(text))
			}
		}
		for key := range other {
			if _, ok := first[key]; !ok {
				t.Errorf("%s lacks %s", Languages()[0], key)
			}
		}
	}
}

// forms are the plural forms that a message distinguishes.
func forms(text any) []string {
	if m, ok := text.(map[string]any); ok {
		return slices.Sorted(maps.Keys(m))
	}
	return nil
}

var argument = regexp.MustCompile(`\{\{(?:with |de |el |al |del )?\.(\w+)\}\}`)

func arguments(text any) []string {
	var out []string
	for _, s := range texts(text) {
		for _, m := range argument.FindAllStringSubmatch(s, -1) {
			out = append(out, m[1])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func texts(text any) []string {
	switch text := text.(type) {
	case string:
		return []string{text}
	case map[string]any:
		var out []string
		for _, form := range slices.Sorted(maps.Keys(text)) {
			out = append(out, texts(text[form])...)
		}
		return out
	}
	return nil
}

// families are the keys that pages put together from a prefix and a value.
var families = []string{
	"kind.", "kinds.", "status.", "event.", "pending.", "relation.", "payment_state.", "payment_reason.", "availability.",
	"notice.", "movement.", "age.", "role.", "tax.", "language.", "theme.", "error.title_",
	"mail_template.", "mail_cause.", "mail_status.", "invitation_outcome.",
}

func TestNoMessageIsMissingAndNoneIsUnused(t *testing.T) {
	t.Parallel()
	known := messages(t, "en")
	used := map[string]bool{}
	source, keyed := sources(t)
	for _, literal := range source {
		used[literal] = true
	}
	for _, key := range keyed {
		if _, ok := known[key]; !ok {
			t.Errorf("there is no message %s", key)
		}
		used[key] = true
	}
	for key := range known {
		if used[key] || slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(key, f) }) {
			continue
		}
		t.Errorf("nothing uses the message %s", key)
	}
}

var (
	translated = regexp.MustCompile(`\.T\("([a-z_.]+)"`)
	quoted     = regexp.MustCompile(`"([a-z_0-9]+(?:\.[a-z_0-9]+)+)"`)
)

// sources returns the strings of the program that look like keys, and those that are:
// arguments of T in a page, keys of a fault anywhere.
func sources(t *testing.T) (literals, keys []string) {
	t.Helper()
	for _, folder := range []string{"domain", "commands", "readmodels", "adapters/web", "adapters/pdf", "adapters/einvoice", "cmd/lonja"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			isGo, isTempl := strings.HasSuffix(path, ".go"), strings.HasSuffix(path, ".templ")
			if err != nil || d.IsDir() || !isGo && !isTempl || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "_templ.go") {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range quoted.FindAllStringSubmatch(string(b), -1) {
				literals = append(literals, m[1])
			}
			if strings.Contains(path, "adapters/web/") || strings.Contains(path, "adapters/pdf/") || strings.Contains(path, "cmd/lonja/") {
				for _, m := range translated.FindAllStringSubmatch(string(b), -1) {
					if !strings.HasSuffix(m[1], ".") && !strings.HasSuffix(m[1], "_") {
						keys = append(keys, m[1])
					}
				}
			}
			if isGo {
				keys = append(keys, faultKeys(t, path, b)...)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(keys) < 100 {
		t.Fatalf("found %d keys only", len(keys))
	}
	return literals, keys
}

// faultKeys are the keys of the refusals that a file makes: the second argument of
// fault.New and fault.Field, and the Key of a fault.Fault.
func faultKeys(t *testing.T, path string, source []byte) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	literal := func(e ast.Expr) {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if s, err := strconv.Unquote(l.Value); err == nil {
				keys = append(keys, s)
			}
		}
	}
	ofFault := func(e ast.Expr, names ...string) bool {
		s, ok := e.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		x, ok := s.X.(*ast.Ident)
		return ok && x.Name == "fault" && slices.Contains(names, s.Sel.Name)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if ofFault(n.Fun, "New", "Field") && len(n.Args) > 1 {
				literal(n.Args[1])
			}
		case *ast.CompositeLit:
			if !ofFault(n.Type, "Fault") {
				break
			}
			for _, e := range n.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					if name, ok := kv.Key.(*ast.Ident); ok && name.Name == "Key" {
						literal(kv.Value)
					}
				}
			}
		}
		return true
	})
	return keys
}

func TestEveryMessageCanBeSaid(t *testing.T) {
	t.Parallel()
	c := load(t)
	for _, lang := range Languages() {
		l := c.Match(lang)
		for key, text := range messages(t, lang) {
			args := []any{"count", 2}
			for _, name := range arguments(text) {
				if name != "count" {
					args = append(args, name, "VALUE")
				}
			}
			if said := l.T(key, args...); said == key || strings.Contains(said, "{{") || strings.Contains(said, "<no value>") {
				t.Errorf("%s: %s says %q", lang, key, said)
			}
		}
	}
}

func TestFiguresAreWrittenAsTheLanguageDoes(t *testing.T) {
	t.Parallel()
	c := load(t)
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	es, en, ca := c.Match("es-ES").In(madrid), c.Match("en-GB,en;q=0.9").In(madrid), c.Match("ca-ES").In(madrid)
	amount := money.Of(123456789, "EUR")
	for _, tt := range []struct{ what, got, want string }{
		{"amount, es", es.Money(amount), "1.234.567,89\u00a0€"},
		{"amount, en", en.Money(amount), "€1,234,567.89"},
		{"four digits, es", es.Money(money.Of(123450, "EUR")), "1234,50\u00a0€"},
		{"negative, es", es.Money(money.Of(-5, "EUR")), "-0,05\u00a0€"},
		{"no currency", es.Money(money.Money{}), ""},
		{"no decimals", es.Money(money.Of(1500, "JPY")), "1500\u00a0¥"},
		{"compact", es.Compact(money.Of(1200000, "EUR")), "12.000\u00a0€"},
		{"number, es", es.Number(decimal.MustParse("12345.5000")), "12.345,5"},
		{"number, en", en.Number(decimal.MustParse("12345.5000")), "12,345.5"},
		{"unit price", es.Price(decimal.MustParse("0.1250")), "0,125"},
		{"unit price, whole", es.Price(decimal.MustParse("3")), "3,00"},
		{"unit amount", es.UnitMoney(decimal.MustParse("0.12345"), "EUR"), "0,12345\u00a0€"},
		{"percent, es", es.Percent(decimal.MustParse("21.00")), "21\u00a0%"},
		{"percent, en", en.Percent(decimal.MustParse("5.2")), "5.2%"},
		{"date, es", es.Date("2026-01-31"), "31 ene 2026"},
		{"date, en", en.Date("2026-09-01"), "1 Sept 2026"},
		{"no date", es.Date("soon"), "soon"},
		{"amount, ca", ca.Money(amount), "1.234.567,89\u00a0€"},
		{"four digits, ca", ca.Money(money.Of(123450, "EUR")), "1.234,50\u00a0€"},
		{"compact, ca", ca.Compact(money.Of(1200000, "EUR")), "12.000\u00a0€"},
		{"number, ca", ca.Number(decimal.MustParse("12345.5000")), "12.345,5"},
		{"percent, ca", ca.Percent(decimal.MustParse("21.00")), "21\u00a0%"},
		{"date, ca", ca.Date("2026-01-31"), "31 de\u00a0gen. 2026"},
		{"date with an elided month, ca", ca.Date("2026-04-01"), "1 d’abr. 2026"},
		{"month by itself, ca", ca.MonthShort(4), "abr."},
		{"time, ca", ca.Time(time.Date(2026, 7, 1, 22, 30, 0, 0, time.UTC)), "2 de\u00a0jul. 2026, 00:30"},
		{"time", es.Time(time.Date(2026, 7, 1, 22, 30, 0, 0, time.UTC)), "2 jul 2026, 00:30"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.what, tt.got, tt.want)
		}
	}
}

func TestTheFirstPreferenceThatIsSpokenDecides(t *testing.T) {
	t.Parallel()
	c := load(t)
	for _, tt := range []struct {
		preferences []string
		want        string
	}{
		{nil, "es"},
		{[]string{"", "en-US,en;q=0.8"}, "en"},
		{[]string{"es", "en"}, "es"},
		{[]string{"ja", "en"}, "en"},
		{[]string{"not a tag!", "es-MX"}, "es"},
		{[]string{"", "ca-ES,ca;q=0.9,es;q=0.8,en;q=0.7"}, "ca"},
		{[]string{"", "fr-FR,ca;q=0.5"}, "ca"},
		{[]string{"", "ca-ES-valencia"}, "ca"},
		{[]string{"ca", "es"}, "ca"},
		{[]string{"", "gl,eu;q=0.9"}, "es"},
	} {
		if got := c.Match(tt.preferences...).Code; got != tt.want {
			t.Errorf("%q: %s, want %s", tt.preferences, got, tt.want)
		}
	}
}

func TestARefusalWritesItsFiguresAsTheLanguageDoes(t *testing.T) {
	t.Parallel()
	es := load(t).Match("es")
	f := fault.New(fault.Conflict, "order.price_changed", fault.A("now", money.Of(123456, "EUR")), fault.A("shown", money.Of(100, "EUR")))
	if got := es.Fault(f); !strings.Contains(got, "1234,56\u00a0€") || !strings.Contains(got, "1,00\u00a0€") {
		t.Errorf("%q", got)
	}
	if got := es.argument(string(document.Date("2026-02-03"))); got != "3 feb 2026" {
		t.Errorf("%q", got)
	}
}

func load(t *testing.T) *Catalogue {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestQuantitiesHaveTheirUnitInWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ language, quantity, unit, want string }{
		{"es", "1", "caja", "1 caja"}, {"es", "24", "caja", "24 cajas"}, {"es", "1.5", "bote", "1,5 botes"}, {"es", "3", "pack", "3 pack"},
		{"es", "2", "ud.", "2 ud."}, {"es", "2", "m²", "2 m²"}, {"es", "2", "BX", "2 cajas"}, {"es", "1", "BX", "1 caja"}, {"es", "4", "KGM", "4 kg"},
		{"ca", "2", "BX", "2 caixes"}, {"ca", "1", "BX", "1 caixa"}, {"ca", "2", "", "2 u."},
		{"en", "24", "caja", "24 caja"}, {"en", "2", "BX", "2 boxes"}, {"es", "2", "", "2 ud."},
	} {
		if got := load(t).Match(c.language).Quantity(decimal.MustParse(c.quantity), c.unit); got != c.want {
			t.Errorf("%s %s in %s is %q, want %q", c.quantity, c.unit, c.language, got, c.want)
		}
	}
}

func TestCatalanArticlesFollowTheWordAfterThem(t *testing.T) {
	t.Parallel()
	ca := load(t).Match("ca")
	for _, tt := range []struct{ got, want string }{
		{ca.T("letter.recovery_subject", "account", "Almacenes Turia"), "La vostra contrasenya al portal d'Almacenes Turia"},
		{ca.T("letter.recovery_subject", "account", "Tintas del Ebro"), "La vostra contrasenya al portal de Tintas del Ebro"},
		{ca.T("payment.already_paid", "number", "A-5"), "No queda res per pagar d'A-5."},
		{ca.T("payment.already_paid", "number", "F-5"), "No queda res per pagar de F-5."},
		{de("Hostal Òrient"), "d'Hostal Òrient"}, {de("Àngel"), "d'Àngel"}, {de("ESADE"), "d'ESADE"}, {de("3M"), "de 3M"}, {de(""), "de "},
		{ca.T("due.on", "date", ca.Date("2026-03-01")), "Venç l'1 de\u00a0març 2026"},
		{ca.T("due.on", "date", ca.Date("2026-03-10")), "Venç el 10 de\u00a0març 2026"},
		{ca.T("document.valid_until", "date", ca.Date("2026-10-11")), "Vàlid fins a l'11 d’oct. 2026"},
		{ca.T("document.valid_until", "date", ca.Date("2026-10-12")), "Vàlid fins al 12 d’oct. 2026"},
		{ca.T("staff.password_since", "date", ca.Date("2026-01-01")), "contrasenya des de l'1 de\u00a0gen. 2026"},
		{ca.T("staff.password_since", "date", ca.Date("2026-01-21")), "contrasenya des del 21 de\u00a0gen. 2026"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

// A million takes a plural form of its own in Spanish and Catalan, which no message has: it
// is said as others are.
func TestPluralsOfEveryNumberAreSaid(t *testing.T) {
	t.Parallel()
	c := load(t)
	for _, lang := range Languages() {
		for key, text := range messages(t, lang) {
			if forms(text) == nil {
				continue
			}
			for _, n := range []int{0, 1, 2, 5, 11, 21, 100, 1_000_000} {
				args := []any{"count", n}
				for _, name := range arguments(text) {
					if name != "count" {
						args = append(args, name, "VALUE")
					}
				}
				if said := c.Match(lang).T(key, args...); said == key || strings.Contains(said, "{{") || strings.Contains(said, "no value") {
					t.Errorf("%s: %d of %s is %q", lang, n, key, said)
				}
			}
		}
	}
}
