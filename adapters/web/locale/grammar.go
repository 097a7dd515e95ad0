package locale

import (
	"strings"
	texttemplate "text/template"

	"github.com/nicksnyder/go-i18n/v2/i18n/template"
)

// grammar parses messages. Catalan's "de" and "el" change with the word after them, which
// only the filled-in message knows: {{de .account}}, {{el .date}}, {{al .date}}, {{del .date}}.
var grammar template.Parser = &messageParser{template.TextParser{Funcs: texttemplate.FuncMap{"de": de, "el": el, "al": al, "del": del}}}

// messageParser lets a message be parsed once: its functions are always the same ones.
type messageParser struct{ template.TextParser }

func (*messageParser) Cacheable() bool { return true }

// de is "d'Almacenes Turia", "de Tintas del Ebro".
func de(name string) string {
	first := strings.TrimPrefix(strings.ToLower(name), "h")
	for _, vowel := range []string{"a", "à", "á", "e", "è", "é", "i", "í", "ï", "o", "ò", "ó", "u", "ú", "ü"} {
		if strings.HasPrefix(first, vowel) {
			return "d'" + name
		}
	}
	return "de " + name
}

// el is a day with its article: "l'1 de gen. 2026", "el 2 de gen. 2026".
func el(date string) string { return article("", "el ", date) }

// al is "a l'11 de nov. 2026", "al 2 de gen. 2026".
func al(date string) string { return article("a ", "al ", date) }

// del is "de l'11 de nov. 2026", "del 2 de gen. 2026".
func del(date string) string { return article("de ", "del ", date) }

// article chooses by the day: "u" and "onze" begin with a vowel.
func article(elided, whole, date string) string {
	if day, _, _ := strings.Cut(date, " "); day == "1" || day == "11" {
		return elided + "l'" + date
	}
	return whole + date
}
