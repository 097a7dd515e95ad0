package locale

import (
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Country returns a country's name for its ISO 3166-1 code, or the code where it is none.
func (l *Locale) Country(code string) string {
	region, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	tag, err := language.Parse(l.Code)
	if err != nil {
		return code
	}
	if name := display.Regions(tag).Name(region); name != "" {
		return name
	}
	return code
}
