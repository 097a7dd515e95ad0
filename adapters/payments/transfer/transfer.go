// Package transfer is payment by bank transfer: what the payer has to type, and the
// code that banking applications scan instead.
package transfer

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"rsc.io/qr"

	"lonja/domain/account"
	"lonja/domain/money"
)

// Instructions are what a transfer states.
type Instructions struct {
	IBAN        string
	BIC         string // may be empty
	Beneficiary string
	Amount      money.Money
	Reference   string
}

// ErrNoCode says that the transfer has no SEPA code: it is not in euro, not between
// 0.01 and 999,999,999.99, or its IBAN is wrong. The instructions in words still hold.
var ErrNoCode = errors.New("transfer: no SEPA code for this payment")

// maxMinor is the highest amount of a SEPA code, in cents.
const maxMinor = 99_999_999_999

// Group writes an IBAN in groups of four, as it is printed.
func Group(iban string) string {
	iban, _ = account.NormalIBAN(iban)
	var b strings.Builder
	for i, r := range iban {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Payload returns the text of the code: EPC069-12, version 002, one field a line. Names
// and reference are written in the letters of SEPA, without accents, since some readers
// guess the character set wrong.
func (i Instructions) Payload() (string, error) {
	iban, ok := account.NormalIBAN(i.IBAN)
	switch {
	case !ok:
		return "", fmt.Errorf("%w: the IBAN is not valid", ErrNoCode)
	case i.Amount.Currency != "EUR":
		return "", fmt.Errorf("%w: it is in %s", ErrNoCode, i.Amount.Currency)
	case i.Amount.Minor < 1 || i.Amount.Minor > maxMinor:
		return "", fmt.Errorf("%w: the amount is %s", ErrNoCode, i.Amount)
	}
	name := cut(plain(i.Beneficiary), 70)
	if name == "" {
		return "", fmt.Errorf("%w: there is no beneficiary", ErrNoCode)
	}
	bic, _ := account.NormalIBAN(i.BIC) // capitals, without spaces
	return strings.Join([]string{
		"BCD", "002", "1", "SCT", bic, name, iban, "EUR" + i.Amount.Decimal(),
		"", // purpose
		"", // structured reference: ours is not one of ISO 11649
		cut(plain(i.Reference), 140),
	}, "\n"), nil
}

// PNG returns the code as a picture of scale pixels a module, with its quiet zone.
func (i Instructions) PNG(scale int) ([]byte, error) {
	text, err := i.Payload()
	if err != nil {
		return nil, err
	}
	code, err := qr.Encode(text, qr.M) // the level that EPC069-12 names
	if err != nil {
		return nil, fmt.Errorf("transfer: drawing the code: %w", err)
	}
	code.Scale = min(max(scale, 1), 32)
	return code.PNG(), nil
}

// spelled are letters that do not come apart into a plain one and a mark.
var spelled = strings.NewReplacer("ß", "ss", "ẞ", "SS", "æ", "ae", "Æ", "AE", "œ", "oe", "Œ", "OE", "ø", "o", "Ø", "O",
	"ł", "l", "Ł", "L", "đ", "d", "Đ", "D", "ð", "d", "Ð", "D", "þ", "th", "Þ", "Th", "ı", "i", "ª", "a", "º", "o", "&", "+", "€", "EUR",
	"’", "'", "‘", "'", "–", "-", "—", "-", "·", ".")

// plain writes text in the letters that every SEPA bank takes; what has none becomes a space.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/-?:().,'+ ", r):
			return r
		}
		return ' '
	}, norm.NFD.String(spelled.Replace(s)))
	return strings.Join(strings.Fields(s), " ")
}

func cut(s string, n int) string { return strings.TrimSpace(s[:min(len(s), n)]) } // plain text is ASCII
