package pdf_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"lonja/adapters/pdf"
	"lonja/adapters/web/locale"
	"lonja/adapters/web/templates"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/document/paper"
)

// shown is the text of the preview in its order, without its spaces and without what only
// those hear who don't see.
func shown(t fataler, b *document.Body, l *locale.Locale, note string) string {
	t.Helper()
	var page bytes.Buffer
	if err := templates.PaperSheet(templates.Page{L: l}, paper.Of(b, l, note)).Render(context.Background(), &page); err != nil {
		t.Fatalf("the preview: %v", err)
	}
	root, err := html.Parse(&page)
	if err != nil {
		t.Fatalf("the preview: %v", err)
	}
	var out strings.Builder
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			out.WriteString(n.Data)
		}
		for _, a := range n.Attr {
			if a.Key == "class" && strings.Contains(a.Val, "visually-hidden") {
				return
			}
		}
		for k := n.FirstChild; k != nil; k = k.NextSibling {
			walk(k)
		}
	}
	walk(root)
	return dense(out.String())
}

// Whatever a document states, the preview and the PDF say the same, in the same order.
func TestThePDFSaysWhatThePreviewSays(t *testing.T) {
	t.Parallel()
	c, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(document.Kinds()).Draw(t, "kind")
		b := documenttest.Draw(t, kind, false)
		note := rapid.SampledFrom([]string{"", "Entregar por detrás, <gracias>"}).Draw(t, "note")
		l := c.Match(rapid.SampledFrom(locale.Languages()).Draw(t, "language"))
		var file bytes.Buffer
		if err := pdf.Render(&file, &b, l, pdf.Options{Note: note, Lang: l.Code}); err != nil {
			t.Fatal(err)
		}
		seen, said := shown(t, &b, l, note), heard(t, file.Bytes())
		if seen != said {
			i := 0
			for i < min(len(seen), len(said)) && seen[i] == said[i] {
				i++
			}
			t.Fatalf("from %d on the preview says %q and the PDF %q", i, seen[i:min(len(seen), i+80)], said[i:min(len(said), i+80)])
		}
	})
}
