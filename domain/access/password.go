package access

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nbutton23/zxcvbn-go"
	"golang.org/x/text/unicode/norm"

	"lonja/domain/fault"
)

// The length of a password: in characters at least, in bytes at most.
const (
	MinPassword = 10
	MaxPassword = 200
)

// minStrength is the least of zxcvbn's 0 to 4 that is taken.
const minStrength = 3

// rated bounds what the estimator looks at: its work grows faster than the length.
const rated = 64

// common are words that passwords are made of around here, folded. The estimator's own
// lists are English: it takes contraseña123 for a good one.
const common = "contrasena contrasenya password passwort clave claveacceso acceso secreto secreta segura seguro usuario " +
	"administrador admin administracion bienvenido bienvenida benvingut benvinguda hola holamundo hello welcome letmein " +
	"qwerty qwertyuiop asdfgh asdfghjkl zxcvbn abcdef abcdefgh abecedario espana barcelona madrid valencia sevilla zaragoza " +
	"bilbao malaga murcia alicante catalunya cataluna andalucia galicia euskadi realmadrid atleticomadrid fcbarcelona barca " +
	"betis athletic futbol football pelota campeon campeones princesa princess tequiero tequieromucho teamo teamomucho " +
	"amor amormio miamor corazon vida mivida cielo estrella mariposa sunshine dragon monkey superman batman pokemon " +
	"jesus jesucristo mariajose josemaria juancarlos francisco manuel antonio alejandro alejandra cristina carmen dolores " +
	"enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre lunes martes miercoles " +
	"jueves viernes sabado domingo verano invierno otono primavera january february march april june july august " +
	"september october november december summer winter autumn spring empresa negocio cliente proveedor factura facturas " +
	"estrellita princesita mariposita angelito chiquita chiquitita hermosa preciosa bonita gatito perrito correcthorsebatterystaple " +
	"portal lonja internet iloveyou trustno computer ordenador telefono mobile samsung iphone"

// CheckPassword refuses a password that is too short or long, easy to guess, common in
// these countries, or made from what is known about its person: name, email, business.
func CheckPassword(password string, about ...string) *fault.Fault {
	password = NormalPassword(password)
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return fault.Field("password", "password.invalid")
	case n < MinPassword:
		return fault.Field("password", "password.too_short", fault.A("min", MinPassword))
	case len(password) > MaxPassword:
		return fault.Field("password", "password.too_long", fault.A("max", MaxPassword))
	}
	var own []string
	for _, a := range about {
		own = append(own, words(a)...)
	}
	switch {
	case made(password, own):
		return fault.Field("password", "password.self_derived")
	case made(password, append(own, strings.Fields(common)...)):
		return fault.Field("password", "password.common")
	}
	guess := password
	for i := range guess { // at a character's border
		if i >= rated {
			guess = guess[:i]
			break
		}
	}
	if zxcvbn.PasswordStrength(guess, about).Score < minStrength {
		return fault.Field("password", "password.too_weak")
	}
	return nil
}

// NormalPassword is how a password is hashed: composed (NFC), so that every keyboard
// types the same.
func NormalPassword(password string) string { return norm.NFC.String(password) }

// remainder is how many characters a password must have besides a known word.
const remainder = 7

// made reports whether the password is made of the words with little else.
func made(password string, words []string) bool {
	plain := letters(password)
	besides := plain
	slices.SortFunc(words, func(a, b string) int { return len(b) - len(a) })
	for _, w := range words {
		if len(w) >= 4 {
			besides = strings.ReplaceAll(besides, w, "")
		}
	}
	if besides == plain {
		return false
	}
	others := 0
	for _, r := range password {
		if !unicode.IsLetter(r) && !isLeet(r) {
			others++
		}
	}
	// A tail of digits and signs adds little, however long: it counts half.
	return utf8.RuneCountInString(besides)+others/2 < remainder
}

// letters folds what is written to plain lower-case letters, reading 4 as a and so on.
func letters(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(s)) {
		if l, ok := leet(r); ok {
			r = l
		}
		if unicode.IsLetter(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isLeet(r rune) bool { _, ok := leet(r); return ok }

func leet(r rune) (rune, bool) {
	switch r {
	case '4', '@':
		return 'a', true
	case '3', '€':
		return 'e', true
	case '1', '!':
		return 'i', true
	case '0':
		return 'o', true
	case '5', '$':
		return 's', true
	case '7':
		return 't', true
	}
	return r, false
}

// words returns the folded words of a name or email, and all of it as one.
func words(s string) []string {
	fields := strings.FieldsFunc(norm.NFD.String(strings.ToLower(s)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) })
	var out []string
	whole := ""
	for _, f := range fields {
		w := letters(f)
		whole += w
		out = append(out, w)
	}
	return append(out, whole)
}

// GeneratePassphrase returns a passphrase of some 65 bits that people can say and type:
// five words of two syllables and a number. Randomness is the caller's.
func GeneratePassphrase(random io.Reader) (string, error) {
	const consonants, vowels = "bdfglmnprstv", "aeiou"
	var b strings.Builder
	for range 5 {
		for range 2 {
			c, err := below(random, len(consonants))
			if err != nil {
				return "", err
			}
			v, err := below(random, len(vowels))
			if err != nil {
				return "", err
			}
			b.WriteByte(consonants[c])
			b.WriteByte(vowels[v])
		}
		b.WriteByte('-')
	}
	for range 2 {
		d, err := below(random, 10)
		if err != nil {
			return "", err
		}
		b.WriteByte(byte('0' + d))
	}
	return b.String(), nil
}

// below draws evenly from 0 to n-1.
func below(random io.Reader, n int) (int, error) {
	var b [1]byte
	limit := 256 - 256%n
	for {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return 0, fmt.Errorf("drawing a passphrase: %w", err)
		}
		if int(b[0]) < limit {
			return int(b[0]) % n, nil
		}
	}
}
