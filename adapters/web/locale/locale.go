// Package locale holds every text that people read, and writes amounts, numbers and
// dates as their language does. Pages contain no prose of their own, so that a test
// can prove that each language says everything.
package locale

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/bojanz/currency"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/money"
)

// Files are `messages/<area>.<language>.json`, the pages' texts, and
// `faults/<aggregate>.<language>.json`, the refusals'.
//
//go:embed messages/*.json faults/*.json
var files embed.FS

// Catalogue is the messages of all languages.
type Catalogue struct {
	bundle  *i18n.Bundle
	matcher language.Matcher
	locales []*Locale // in the order of the matcher; the first is the fallback
}

// Languages are those that the interface speaks, the fallback first.
func Languages() []string { return []string{"es", "en", "ca"} }

// region says whose conventions a language follows here: Lonja is European, so its
// English writes 31 Jan 2026 and 1,234.56.
func region(lang string) currency.Locale {
	if lang == "en" {
		return currency.NewLocale("en-GB")
	}
	return currency.NewLocale(lang)
}

// Load reads the catalogue that is built into the program.
func Load() (*Catalogue, error) {
	c := &Catalogue{bundle: i18n.NewBundle(language.Spanish)}
	c.bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		if _, err := c.bundle.ParseMessageFileBytes(b, path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("loading messages: %w", err)
	}
	var tags []language.Tag
	for _, code := range Languages() {
		tag, err := language.Parse(code)
		if err != nil {
			return nil, fmt.Errorf("loading messages: %w", err)
		}
		tags = append(tags, tag)
		c.locales = append(c.locales, &Locale{
			Code: code, zone: time.UTC, region: region(code),
			localizer: i18n.NewLocalizer(c.bundle, code),
		})
	}
	c.matcher = language.NewMatcher(tags)
	return c, nil
}

// Match returns the locale that serves the preferences best, the first non-empty one
// deciding. Each is a BCP 47 tag or an Accept-Language header.
func (c *Catalogue) Match(preferences ...string) *Locale {
	for _, p := range preferences {
		if p == "" {
			continue
		}
		tags, _, err := language.ParseAcceptLanguage(p)
		if err != nil || len(tags) == 0 {
			continue
		}
		if _, i, conf := c.matcher.Match(tags...); conf > language.No {
			return c.locales[i]
		}
	}
	return c.locales[0]
}

// Locale speaks one language in one time zone.
type Locale struct {
	Code      string // BCP 47, for the page's lang attribute
	zone      *time.Location
	region    currency.Locale
	localizer *i18n.Localizer
}

// In returns the locale with the time zone, in which moments are written.
func (l *Locale) In(zone *time.Location) *Locale {
	c := *l
	c.zone = zone
	return &c
}

// Zone returns the time zone.
func (l *Locale) Zone() *time.Location { return l.zone }

// T returns the message. args are names and values in turn; one named "count", an
// int, chooses the plural form. A key that is nowhere comes back as itself, which
// the tests of the catalogue prevent.
func (l *Locale) T(key string, args ...any) string {
	cfg := &i18n.LocalizeConfig{MessageID: key, TemplateParser: grammar}
	if len(args) > 0 {
		data := make(map[string]any, len(args)/2)
		for i := 0; i+1 < len(args); i += 2 {
			name := fmt.Sprint(args[i])
			data[name] = args[i+1]
			if n, ok := args[i+1].(int); ok && name == "count" {
				cfg.PluralCount = n
				data[name] = l.Int(n)
			}
		}
		cfg.TemplateData = data
	}
	s, err := l.localizer.Localize(cfg)
	if err != nil && s == "" {
		return key
	}
	return s
}

var (
	isDate  = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	isMoney = regexp.MustCompile(`^-?\d+(\.\d+)? [A-Z]{3}$`)
)

// Fault returns the refusal as a sentence; dates and amounts among its arguments are
// written as the language does.
func (l *Locale) Fault(f *fault.Fault) string {
	if len(f.Causes) > 0 {
		var all []string
		for _, c := range f.Causes {
			all = append(all, l.Fault(c))
		}
		return strings.Join(all, " ")
	}
	args := make([]any, 0, 2*len(f.Args)+2)
	for _, a := range f.Args {
		args = append(args, a.Name, l.argument(a.Value))
	}
	if f.Field != "" {
		args = append(args, "field", f.Field)
	}
	return l.T(f.Key, args...)
}

func (l *Locale) argument(v string) string {
	switch {
	case isDate.MatchString(v):
		return l.Date(document.Date(v))
	case isMoney.MatchString(v):
		var m money.Money
		if m.UnmarshalText([]byte(v)) == nil {
			return l.Money(m)
		}
	}
	return v
}

// Money returns an amount with its currency: "1.234,50 €". The zero Money is "".
func (l *Locale) Money(m money.Money) string {
	if m.Currency == "" {
		return ""
	}
	a, err := currency.NewAmount(m.Decimal(), m.Currency)
	if err != nil {
		return m.String()
	}
	return currency.NewFormatter(l.region).Format(a)
}

// UnitMoney returns a price per unit in major units, with as many decimals as it has
// but no fewer than the currency: "1,234 €".
func (l *Locale) UnitMoney(d money.Decimal, cur string) string {
	a, err := currency.NewAmount(d.Trim(0).String(), cur)
	if err != nil {
		return d.String() + " " + cur
	}
	f := currency.NewFormatter(l.region)
	digits, _ := money.Digits(cur)
	f.MaxDigits = max(digits, decimals(a.Number()))
	return f.Format(a)
}

// decimals is how many decimals a number has, so that none is rounded away.
func decimals(s string) uint8 {
	_, after, _ := strings.Cut(s, ".")
	return uint8(min(len(after), 18))
}

// Compact returns an amount in whole major units, for the axis of a chart: "12.000 €".
func (l *Locale) Compact(m money.Money) string {
	a, err := currency.NewAmount(m.Decimal(), m.Currency)
	if err != nil {
		return m.String()
	}
	f := currency.NewFormatter(l.region)
	f.MinDigits, f.MaxDigits = 0, 0
	return f.Format(a)
}

// Number returns an exact decimal, trailing noughts left out: "1.234,5".
func (l *Locale) Number(d money.Decimal) string { return l.number(d.Trim(0).String(), 0) }

// Price returns a unit price with at least two decimals and no currency: "0,125".
func (l *Locale) Price(d money.Decimal) string { return l.number(d.Trim(0).String(), 2) }

// Int returns a whole number.
func (l *Locale) Int(n int) string { return l.number(strconv.Itoa(n), 0) }

func (l *Locale) number(s string, minDigits uint8) string {
	a, err := currency.NewAmount(s, "EUR")
	if err != nil {
		return s
	}
	f := currency.NewFormatter(l.region)
	f.CurrencyDisplay = currency.DisplayNone
	f.MinDigits, f.MaxDigits = minDigits, max(minDigits, decimals(s))
	return f.Format(a)
}

// Quantity returns how many of a unit: "24 cajas".
func (l *Locale) Quantity(q money.Decimal, unit string) string {
	return l.Number(q) + " " + l.Unit(unit, q.IsOne())
}

var word = regexp.MustCompile(`^\p{Ll}{3,}$`)

// Unit returns a unit of measure in words, of one or of several. The common codes of
// UN/ECE Recommendation 20 have words; plain text comes as it is, but that Spanish words
// which end in a vowel take the plural's "s": "caja", "cajas".
func (l *Locale) Unit(unit string, one bool) string {
	count := 2
	if one {
		count = 1
	}
	switch unit {
	case "", "C62", "EA", "H87", "NAR", "XPP":
		return l.T("unit.piece")
	case "KGM":
		return "kg"
	case "GRM":
		return "g"
	case "TNE":
		return "t"
	case "LTR":
		return "l"
	case "MTR":
		return "m"
	case "MTK":
		return "m²"
	case "MTQ":
		return "m³"
	case "KWH":
		return "kWh"
	case "HUR":
		return l.T("unit.hour")
	case "DAY":
		return l.T("unit.day", "count", count)
	case "MON":
		return l.T("unit.month", "count", count)
	case "BX", "XBX":
		return l.T("unit.box", "count", count)
	}
	if !one && l.Code == "es" && word.MatchString(unit) && strings.ContainsAny(unit[len(unit)-1:], "aeo") {
		return unit + "s"
	}
	return unit
}

// Percent returns a rate: "21 %".
func (l *Locale) Percent(d money.Decimal) string {
	return l.T("format.percent", "number", l.Number(d))
}

// Date returns a day: "31 ene 2026". An invalid day comes back as it is.
func (l *Locale) Date(d document.Date) string {
	if !d.Valid() {
		return string(d)
	}
	return l.day(d.Time())
}

// Time returns a moment in the locale's zone: "31 ene 2026, 18:05".
func (l *Locale) Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(l.zone)
	return l.T("format.datetime", "date", l.day(t), "time", t.Format("15:04"))
}

func (l *Locale) day(t time.Time) string {
	months := strings.Split(l.T("format.months_in_date"), " ")
	return l.T("format.date", "day", strconv.Itoa(t.Day()), "month", months[t.Month()-1], "year", strconv.Itoa(t.Year()))
}

// MonthShort returns a month's short name as it stands by itself, 1 to 12.
func (l *Locale) MonthShort(m int) string {
	return strings.Split(l.T("format.months_short"), " ")[m-1]
}

// Month returns a month's name, 1 to 12.
func (l *Locale) Month(m int) string { return strings.Split(l.T("format.months"), " ")[m-1] }
