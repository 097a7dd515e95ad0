package browser_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// spoken is every message of every language, read from the files that translators write.
type spoken struct {
	whole    map[string]map[string]bool  // by language: what has no arguments
	patterns map[string][]*regexp.Regexp // what has
	keys     map[string]bool
	judged   map[string]string // by language and text: what is wrong with it
}

var languages = []string{"es", "en", "ca"}

var action = regexp.MustCompile(`\{\{[^}]*\}\}`)

func loadSpoken(t *testing.T) *spoken {
	t.Helper()
	s := &spoken{whole: map[string]map[string]bool{}, patterns: map[string][]*regexp.Regexp{}, keys: map[string]bool{}, judged: map[string]string{}}
	for _, language := range languages {
		s.whole[language] = map[string]bool{}
		files, err := filepath.Glob(filepath.Join("..", "..", "adapters", "web", "locale", "*", "*."+language+".json"))
		if err != nil || len(files) < 10 {
			t.Fatalf("%d files of messages in %s (%v)", len(files), language, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var messages map[string]any
			if err := json.Unmarshal(b, &messages); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for key, m := range messages {
				s.keys[key] = true
				switch m := m.(type) {
				case string:
					s.add(language, m)
				case map[string]any:
					for _, form := range m {
						if text, ok := form.(string); ok {
							s.add(language, text)
						}
					}
				}
			}
		}
	}
	return s
}

// add keeps a message. One that is little more than its arguments proves no language.
func (s *spoken) add(language, message string) {
	parts := action.Split(message, -1)
	if len(parts) == 1 {
		s.whole[language][plain(message)] = true
		return
	}
	letters := 0
	for i, part := range parts {
		letters += len(strings.Join(strings.FieldsFunc(part, func(r rune) bool { return r < 'A' }), ""))
		parts[i] = regexp.QuoteMeta(part)
	}
	if letters < 8 {
		return
	}
	s.patterns[language] = append(s.patterns[language], regexp.MustCompile(`^(?s:`+strings.Join(parts, ".*")+`)$`))
}

func (s *spoken) says(language, text string) bool {
	if s.whole[language][text] {
		return true
	}
	for _, p := range s.patterns[language] {
		if p.MatchString(text) {
			return true
		}
	}
	return false
}

// fault says what is wrong with a text of a page in a language, "" if nothing is: it is a
// message's key, or another language's message and none of this one's.
func (s *spoken) fault(language, text string) string {
	if s.keys[text] {
		return "is a message's key"
	}
	known, done := s.judged[language+" "+text]
	if done {
		return known
	}
	if !s.says(language, text) {
		for _, other := range languages {
			if other != language && s.says(other, text) {
				known = "is said in " + other
			}
		}
	}
	s.judged[language+" "+text] = known
	return known
}

// texts is all that a page says to those who see and to those who do not, in its own
// language: not the names of languages, each of which is in its own.
const texts = `(() => {
	const out = new Set([document.title.split(" · ")[0]]), all = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
	const own = e => e && !e.closest("[lang]:not(html), script, style");
	for (let n = all.currentNode; n; n = all.nextNode()) {
		if (n.nodeType === Node.TEXT_NODE) { if (own(n.parentElement)) out.add(n.data); continue; }
		if (own(n)) for (const a of ["aria-label", "title", "placeholder", "alt", "data-label", "data-copied"]) if (n.hasAttribute(a)) out.add(n.getAttribute(a));
	}
	return [...out].map(s => s.trim().replace(/\s+/g, " ")).filter(s => s);
})()`

// check wants all that the page says to be in a language.
func (s *spoken) check(b *tab, name, language string) {
	b.t.Helper()
	if lang := b.attribute("html", "lang"); lang != language {
		b.t.Errorf("%s is in %s, want %s", name, lang, language)
		return
	}
	said := script[[]string](b, texts)
	own := 0
	for _, text := range said {
		if why := s.fault(language, text); why != "" {
			b.t.Errorf("%s in %s: %q %s", name, language, text, why)
		}
		if s.whole[language][text] {
			own++
		}
	}
	if own < 3 {
		b.t.Errorf("%s in %s says %d messages only: %q", name, language, own, said)
	}
}
