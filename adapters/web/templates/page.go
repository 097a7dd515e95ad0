// Package templates is the pages: typed views, and how they are written as HTML. A
// template looks nothing up and decides nothing beyond what to show; texts come from
// the locale, and every value is escaped.
package templates

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"lonja/adapters/web/locale"
	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/readmodels"
)

// Assets finds the address of a static file.
type Assets interface{ URL(name string) string }

// Page is what every page has around its own content.
type Page struct {
	L        *locale.Locale
	Assets   Assets
	Title    string // translated
	Account  Account
	Person   *Person // nil where nobody is signed in
	Nav      []NavItem
	Home     string // where the account's name leads
	Here     string // own path of this page, for the language switch
	Notice   *Notice
	Updating bool // what the last act changed is not all shown yet
	Refresh  int  // seconds after which the page asks again by itself; 0: never
	Test     bool // a gateway in test mode is enabled
	Looking  *Looking
	Theme    Theme
}

// Looking says that staff look at a contact's portal: nothing can be done there.
type Looking struct {
	Contact string
	As      string // the person's name, "" for nobody in particular
	End     string // where the way out posts to
}

// Theme is the appearance that was chosen.
type Theme string

// The appearances. Automatic is whatever the browser prefers.
const (
	ThemeAuto  Theme = ""
	ThemeLight Theme = "light"
	ThemeDark  Theme = "dark"
)

// Themes are the appearances that can be chosen.
func Themes() []Theme { return []Theme{ThemeAuto, ThemeLight, ThemeDark} }

// key is the name of a theme in messages and forms.
func (t Theme) key() string {
	if t == ThemeAuto {
		return "auto"
	}
	return string(t)
}

func pressed(is bool) string { return strconv.FormatBool(is) }

// schemes are the colour schemes that a page is made for.
func (t Theme) schemes() string {
	if t == ThemeAuto {
		return "light dark"
	}
	return string(t)
}

// attributes are the root element's: none where the browser decides.
func (t Theme) attributes() templ.Attributes {
	if t == ThemeAuto {
		return nil
	}
	return templ.Attributes{"data-theme": string(t)}
}

// darkMedia is where the dark style sheet counts: never on paper.
func (t Theme) darkMedia() string {
	if t == ThemeDark {
		return "screen"
	}
	return "screen and (prefers-color-scheme: dark)"
}

// Account is whose portal it is.
type Account struct {
	Name    string
	Welcome string
	Footer  string
	Help    string // how to reach the account
	Logo    *Logo  // nil: its initial stands for it
	Branded bool   // it has a colour, in its own style sheet
}

// Logo is a picture that stands for the account.
type Logo struct {
	Path          string
	Width, Height int
}

// Initial is the letter of the account's mark.
func (a Account) Initial() string {
	for _, r := range a.Name {
		return strings.ToUpper(string(r))
	}
	return "L"
}

// Person is who is signed in.
type Person struct {
	Name     string // the person's, or the email
	Of       string // the contact's name
	Security string // path of the page about what they sign in with
	SignOut  string
}

// NavItem is a section of the navigation bar.
type NavItem struct {
	Href    string
	Label   string
	Icon    string
	Current bool
	Count   int // what waits there
}

// Notice tells what has just happened.
type Notice struct {
	Class string // good, warn, bad, or "" for information
	Text  string
}

// Form is one form of a page: its command id, what was typed and what is wrong with it.
type Form struct {
	Command string // ULID; the same one twice has one effect
	Values  url.Values
	Refused *fault.Fault
}

// Value returns what was typed.
func (f Form) Value(name string) string { return f.Values.Get(name) }

// Or returns what was typed, or other where the form was not sent yet.
func (f Form) Or(name, other string) string {
	if f.Values == nil {
		return other
	}
	return f.Values.Get(name)
}

// ticked reports whether a box is ticked: as it was sent, else as it is.
func (f Form) ticked(name string, is bool) bool {
	if f.Values == nil {
		return is
	}
	return f.Values.Get(name) != ""
}

// Wrong returns the refusal of the field, "" where there is none.
func (f Form) Wrong(l *locale.Locale, field string) string {
	for _, c := range f.refusals() {
		if c.Field == field {
			return l.Fault(c)
		}
	}
	return ""
}

// General returns the refusals that are about none of the fields, as one text.
func (f Form) General(l *locale.Locale, fields ...string) string {
	var out []string
next:
	for _, c := range f.refusals() {
		for _, field := range fields {
			if c.Field == field {
				continue next
			}
		}
		out = append(out, l.Fault(c))
	}
	return strings.Join(out, " ")
}

// firstWrong is the name of the first field that was refused, "" where none was.
func (f Form) firstWrong() string {
	for _, c := range f.refusals() {
		if c.Field != "" {
			return c.Field
		}
	}
	return ""
}

func (f Form) refusals() []*fault.Fault {
	switch {
	case f.Refused == nil:
		return nil
	case len(f.Refused.Causes) > 0:
		return f.Refused.Causes
	}
	return []*fault.Fault{f.Refused}
}

// Sections are the path segments of the kinds' lists.
var sections = map[document.Kind]string{
	document.Invoice: "invoices", document.Quote: "quotes", document.SalesOrder: "orders",
	document.DeliveryNote: "delivery-notes", document.Proforma: "proformas",
	document.CreditNote: "credit-notes", document.PurchaseOrder: "purchase-orders",
}

// Section returns the path segment of a kind: "delivery-notes".
func Section(k document.Kind) string { return sections[k] }

// KindOf returns the kind whose path segment it is.
func KindOf(section string) (document.Kind, bool) {
	for k, s := range sections {
		if s == section {
			return k, true
		}
	}
	return "", false
}

// DocumentPath is a document's page: "/invoices/01J…".
func DocumentPath(k document.Kind, documentID string) string {
	return "/" + sections[k] + "/" + url.PathEscape(documentID)
}

// dotted joins what there is of several facts: "ESB96274600 · Serra".
func dotted(facts ...string) string {
	return strings.Join(slices.DeleteFunc(facts, func(s string) bool { return s == "" }), " · ")
}

// StatusClass is the colour of a status.
func StatusClass(s readmodels.Status) string {
	switch s {
	case readmodels.StatusApproved, readmodels.StatusPaid, readmodels.StatusConfirmed, readmodels.StatusShipped, readmodels.StatusFulfilled:
		return "badge good"
	case readmodels.StatusPending, readmodels.StatusChangesRequested, readmodels.StatusOpen, readmodels.StatusPartPaid, readmodels.StatusSent, readmodels.StatusPlaced, readmodels.StatusPartShipped:
		return "badge warn"
	case readmodels.StatusDeclined, readmodels.StatusRejected, readmodels.StatusExpired:
		return "badge bad"
	default:
		return "badge"
	}
}

// htmxConfig keeps htmx within the content security policy: no eval, no inline styles.
func htmxConfig() string {
	j, err := json.Marshal(map[string]any{
		"allowEval": false, "includeIndicatorStyles": false, "selfRequestsOnly": true, "historyCacheSize": 0, "allowScriptTags": false,
	})
	if err != nil {
		return "{}"
	}
	return string(j)
}

func itoa(n int) string { return strconv.Itoa(n) }
