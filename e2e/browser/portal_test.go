package browser_test

import (
	"testing"
)

// TestPortal is what people do with the portal, in a browser, on the program as it is
// shipped. Each story has a browser of its own; they share Chromium and the two systems.
func TestPortal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	t.Run("stories", func(t *testing.T) {
		for name, story := range map[string]func(*testing.T){
			"client": w.client, "supplier": w.supplier, "both": w.both, "link": w.link, "talk": w.talk, "record": w.record, "phone": w.phone, "without script": w.withoutScript,
			"security": w.security, "others": w.others, "mail": w.mail,
			"with keys": w.withKeys, "appearance": w.appearance, "lightness": w.lightness, "formats": w.formats, "figures": w.figures, "in parts": w.inParts,
			"shopping without script": w.shoppingWithoutScript, "paper": w.paper,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				story(t)
			})
		}
	})
	t.Run("pages", w.everyPage)
}
