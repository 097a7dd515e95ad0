// Package letters puts mails into words: one content in the reader's language, written as
// HTML for mail programs and as plain text. It fetches nothing and refers to nothing on the
// net but the portal's own pages.
package letters

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/locale"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/mail"
)

// Writer is a commands.Writer.
type Writer struct {
	Catalogue *locale.Catalogue
	Base      *url.URL // the portal's address as configured
}

var _ commands.Writer = (*Writer)(nil)

// Write implements commands.Writer.
func (w *Writer) Write(ctx context.Context, l commands.Letter) (subject, text, html string, err error) {
	words := w.Catalogue.Match(l.Language, l.Account.Details.Language)
	if zone, err := time.LoadLocation(l.Account.Details.TimeZone); err == nil {
		words = words.In(zone)
	}
	c, err := w.content(words, &l)
	if err != nil {
		return "", "", "", err
	}
	var page bytes.Buffer
	if err := letter(c).Render(ctx, &page); err != nil {
		return "", "", "", fmt.Errorf("writing a letter (%s): %w", l.Template, err)
	}
	return c.Subject, c.text(), page.String(), nil
}

// content is what a letter says, whatever form it takes.
type content struct {
	Lang     string
	Brand    brand
	Subject  string
	Greeting string
	Says     []string
	Quotes   []quote
	Facts    []fact
	Button   button
	Notes    []string // below the button
	Footer   []string
}

// brand is whose letter it is.
type brand struct {
	Name        string
	Colour, Ink string
	Logo        bool
	Width       int // of the logo, as it is shown
}

// logoHeight is how high a logo is shown, in pixels.
const logoHeight = 40

// quote is what somebody wrote.
type quote struct{ By, Text string }

type fact struct{ Label, Value string }

type button struct{ Label, URL string }

// accent is the colour of an account that has none: the portal's own.
const accent = "#0f5c63"

var isColour = regexp.MustCompile(`^#[0-9a-f]{6}$`)

func brandOf(l *commands.Letter) brand {
	b := brand{Name: l.Account.Details.Name, Colour: l.Account.Branding.Colour, Logo: len(l.Logo.PNG) > 0}
	if b.Logo {
		b.Width = max(1, l.Logo.Width*logoHeight/max(1, l.Logo.Height))
	}
	if !isColour.MatchString(b.Colour) {
		b.Colour = accent
	}
	b.Ink = edge.Ink(b.Colour)
	return b
}

func (b brand) initial() string { return templates.Account{Name: b.Name}.Initial() }

// url is an address of the portal's pages.
func (w *Writer) url(path string) string { return strings.TrimSuffix(w.Base.String(), "/") + path }

// page is the document's page, on the side of whoever reads.
func (w *Writer) page(l *commands.Letter) string {
	if l.Side == mail.ToAccount {
		return w.url(templates.StaffDocumentPath(l.Contact, l.Kind, l.Document))
	}
	return w.url(templates.DocumentPath(l.Kind, string(l.Document)))
}

func (c *content) fact(label, value string) {
	if value != "" {
		c.Facts = append(c.Facts, fact{label, value})
	}
}

func (c *content) quoted(by, text string) {
	if text != "" {
		c.Quotes = append(c.Quotes, quote{by, strings.TrimRight(lineEnds.Replace(text), "\n")})
	}
}

// lineEnds makes all that some mail program shows as a new line the one that is marked.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// oneLine is what somebody typed without lines of their own, which would pass for the portal's.
func oneLine(s string) string { return strings.ReplaceAll(lineEnds.Replace(s), "\n", " ") }

// width is where lines of the plain text end, at the latest, unless one word is longer.
const width = 76

// text is the letter without HTML.
func (c *content) text() string {
	var b strings.Builder
	part := func(lines ...string) {
		for _, l := range lines {
			b.WriteString(l + "\n")
		}
		b.WriteString("\n")
	}
	part(oneLine(c.Greeting))
	for _, s := range c.Says {
		part(wrap(s, "")...)
	}
	for _, q := range c.Quotes {
		var lines []string
		if q.By != "" {
			lines = append(lines, oneLine(q.By)+":")
		}
		for line := range strings.SplitSeq(q.Text, "\n") {
			lines = append(lines, wrap(line, "> ")...)
		}
		part(lines...)
	}
	if len(c.Facts) > 0 {
		var lines []string
		for _, f := range c.Facts {
			lines = append(lines, oneLine(f.Label+": "+f.Value))
		}
		part(lines...)
	}
	part(c.Button.Label+":", c.Button.URL)
	for _, n := range c.Notes {
		part(wrap(n, "")...)
	}
	lines := []string{"--"}
	for _, f := range c.Footer {
		lines = append(lines, oneLine(f))
	}
	part(lines...)
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// wrap breaks a line between words; an amount stays with its currency.
func wrap(line, prefix string) []string {
	var out []string
	at := prefix
	for _, word := range strings.FieldsFunc(oneLine(line), func(r rune) bool { return r == ' ' || r == '\t' }) {
		if len([]rune(at))+len([]rune(word)) >= width && at != prefix {
			out = append(out, strings.TrimRight(at, " "))
			at = prefix
		}
		at += word + " "
	}
	return append(out, strings.TrimRight(at, " "))
}
