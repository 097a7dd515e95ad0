// Package money holds exact amounts: integer minor units with an ISO 4217 code.
// There is no float in it and no rounding that the caller did not ask for.
package money

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/bojanz/currency"
	"github.com/govalues/decimal"
)

// Money is an amount in the minor unit of its currency (1234 EUR is €12.34).
// The zero Money has no currency and adds to any. Its text form, in JSON too,
// is "12.34 EUR".
type Money struct {
	Minor    int64
	Currency string
}

// Decimal is an exact decimal: a quantity, a unit price, a rate in percent.
type Decimal = decimal.Decimal

// ErrCurrency is returned where two currencies meet.
var ErrCurrency = errors.New("money: currencies differ")

// ErrOverflow is returned where a sum or product leaves the range of minor units.
var ErrOverflow = errors.New("money: amount out of range")

// Of returns an amount from minor units.
func Of(minor int64, cur string) Money { return Money{Minor: minor, Currency: cur} }

// Digits returns the number of decimals of a currency and whether it is an ISO 4217 one.
func Digits(cur string) (uint8, bool) {
	if cur == "EUR" {
		return 2, true
	}
	return currency.GetDigits(cur)
}

// Parse reads a decimal such as "-1234.5" as an amount of cur. More decimals
// than the currency has are refused unless they are zeros.
func Parse(s, cur string) (Money, error) { return parse(s, cur) }

func parse[S string | []byte](s S, cur string) (Money, error) {
	digits, ok := Digits(cur)
	if !ok {
		return Money{}, fmt.Errorf("money: %q is not an ISO 4217 currency code", cur)
	}
	i := 0
	neg := len(s) > 0 && s[0] == '-'
	if neg || len(s) > 0 && s[0] == '+' {
		i++
	}
	var n uint64
	read, decimals, dot := 0, 0, false // digits that were read, those behind the point among them
	for ; i < len(s); i++ {
		if s[i] == '.' && !dot {
			dot = true
			continue
		}
		d := s[i] - '0'
		if d > 9 {
			return Money{}, fmt.Errorf("money: %q is not an amount", string(s))
		}
		read++
		if dot {
			if decimals == int(digits) {
				if d != 0 {
					return Money{}, fmt.Errorf("money: %q has more than the %d decimals of %s", string(s), digits, cur)
				}
				continue
			}
			decimals++
		}
		if n > (math.MaxInt64-uint64(d))/10 {
			return Money{}, fmt.Errorf("money: %q: %w", string(s), ErrOverflow)
		}
		n = n*10 + uint64(d)
	}
	if read == 0 {
		return Money{}, fmt.Errorf("money: %q is not an amount", string(s))
	}
	for ; decimals < int(digits); decimals++ {
		if n > math.MaxInt64/10 {
			return Money{}, fmt.Errorf("money: %q: %w", string(s), ErrOverflow)
		}
		n *= 10
	}
	m := Money{Minor: int64(n), Currency: cur}
	if neg {
		m.Minor = -m.Minor
	}
	return m, nil
}

// Decimal returns the amount as decimal text without the currency: "12.34".
func (m Money) Decimal() string { return string(m.appendDecimal(make([]byte, 0, 20))) }

func (m Money) appendDecimal(b []byte) []byte {
	digits, _ := Digits(m.Currency)
	u := uint64(m.Minor)
	if m.Minor < 0 {
		b = append(b, '-')
		u = -u
	}
	if digits == 0 {
		return strconv.AppendUint(b, u, 10)
	}
	pow := uint64(math.Pow10(int(digits)))
	b = strconv.AppendUint(b, u/pow, 10)
	b = append(b, '.')
	frac := u % pow
	for p := pow / 10; p > 0; p /= 10 {
		b = append(b, byte('0'+frac/p%10))
	}
	return b
}

// String returns "12.34 EUR", or "" for the zero Money.
func (m Money) String() string {
	return string(m.Append(make([]byte, 0, 24)))
}

// Append appends the amount as String has it.
func (m Money) Append(b []byte) []byte {
	if m.Currency == "" {
		return b
	}
	return append(append(m.appendDecimal(b), ' '), m.Currency...)
}

// MarshalText implements encoding.TextMarshaler.
func (m Money) MarshalText() ([]byte, error) {
	if m.Currency == "" {
		if m.Minor != 0 {
			return nil, fmt.Errorf("money: %d minor units without a currency", m.Minor)
		}
		return nil, nil
	}
	return m.Append(make([]byte, 0, 24)), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Money) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*m = Money{}
		return nil
	}
	amount, cur, ok := bytes.Cut(b, []byte{' '})
	if !ok {
		return fmt.Errorf("money: %q is not an amount and a currency code", b)
	}
	code := "EUR" // of most
	if string(cur) != code {
		code = string(cur)
	}
	v, err := parse(amount, code)
	if err != nil {
		return err
	}
	*m = v
	return nil
}

// IsZero reports whether the amount is nought, in whatever currency.
func (m Money) IsZero() bool { return m.Minor == 0 }

// Neg returns the amount with its sign turned.
func (m Money) Neg() Money { return Money{Minor: -m.Minor, Currency: m.Currency} }

// Add returns m + o.
func (m Money) Add(o Money) (Money, error) {
	cur, err := common(m, o)
	if err != nil {
		return Money{}, err
	}
	sum := m.Minor + o.Minor
	if (o.Minor > 0 && sum < m.Minor) || (o.Minor < 0 && sum > m.Minor) {
		return Money{}, ErrOverflow
	}
	return inRange(sum, cur)
}

// Sub returns m - o.
func (m Money) Sub(o Money) (Money, error) {
	cur, err := common(m, o)
	if err != nil {
		return Money{}, err
	}
	left := m.Minor - o.Minor
	if (o.Minor > 0 && left > m.Minor) || (o.Minor < 0 && left < m.Minor) {
		return Money{}, ErrOverflow
	}
	return inRange(left, cur)
}

// common returns the currency of two amounts.
func common(m, o Money) (string, error) {
	if m.Currency != "" && o.Currency != "" && m.Currency != o.Currency {
		return "", fmt.Errorf("%w: %s and %s", ErrCurrency, m.Currency, o.Currency)
	}
	return cmp.Or(m.Currency, o.Currency), nil
}

// inRange refuses the one amount that has no negative.
func inRange(minor int64, cur string) (Money, error) {
	if minor == math.MinInt64 {
		return Money{}, ErrOverflow
	}
	return Money{Minor: minor, Currency: cur}, nil
}

// Cmp compares two amounts of one currency.
func (m Money) Cmp(o Money) (int, error) {
	if _, err := common(m, o); err != nil {
		return 0, err
	}
	return cmp.Compare(m.Minor, o.Minor), nil
}

// Mul returns the product of a factor and the amount, rounded half up (away from
// nought) to the minor unit, as EN 16931 and Spanish practice round a line.
func (m Money) Mul(factor Decimal) (Money, error) {
	amount, err := decimal.New(m.Minor, 0)
	if err != nil {
		return Money{}, err
	}
	p, err := amount.Mul(factor)
	if err != nil {
		return Money{}, fmt.Errorf("%w: %w", ErrOverflow, err)
	}
	return FromMinor(p, m.Currency)
}

// FromDecimal rounds an amount in major units half up (away from nought) to the minor unit of cur.
func FromDecimal(d Decimal, cur string) (Money, error) {
	digits, ok := Digits(cur)
	if !ok {
		return Money{}, fmt.Errorf("money: %q is not an ISO 4217 currency code", cur)
	}
	scaled, err := d.Mul(decimal.MustNew(int64(math.Pow10(int(digits))), 0))
	if err != nil {
		return Money{}, fmt.Errorf("%w: %w", ErrOverflow, err)
	}
	return FromMinor(scaled, cur)
}

// FromMinor rounds a decimal count of minor units half up (away from nought).
func FromMinor(d Decimal, cur string) (Money, error) {
	half := decimal.MustNew(5, 1)
	if d.IsNeg() {
		half = half.Neg()
	}
	moved, err := d.Add(half)
	if err != nil {
		return Money{}, fmt.Errorf("%w: %w", ErrOverflow, err)
	}
	whole, _, ok := moved.Trunc(0).Int64(0)
	if !ok {
		return Money{}, ErrOverflow
	}
	return inRange(whole, cur)
}
