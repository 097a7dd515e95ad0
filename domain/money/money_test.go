package money_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/govalues/decimal"
	"pgregory.net/rapid"

	"lonja/domain/money"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		text, cur string
		minor     int64
	}{
		{"12.34", "EUR", 1234}, {"12", "EUR", 1200}, {"12.3", "EUR", 1230}, {"-0.01", "EUR", -1}, {"+5", "EUR", 500}, {"0", "EUR", 0}, {".5", "EUR", 50}, {"5.", "EUR", 500},
		{"1.2300", "EUR", 123}, {"7", "JPY", 7}, {"1.234", "TND", 1234}, {"92233720368547758.07", "EUR", math.MaxInt64}, {"-92233720368547758.07", "EUR", -math.MaxInt64},
	} {
		if m, err := money.Parse(one.text, one.cur); err != nil || m != money.Of(one.minor, one.cur) {
			t.Errorf("%s %s is %v, %v", one.text, one.cur, m, err)
		}
	}
	for _, bad := range []string{"", ".", "-", "+", "--1", "1,5", "1.5.0", "1e3", "1 000", "0x1", "١", "1.234", "NaN", "92233720368547758.08", "999999999999999999999999"} {
		if m, err := money.Parse(bad, "EUR"); err == nil {
			t.Errorf("%q is taken for %v", bad, m)
		}
	}
	for _, cur := range []string{"", "eur", "EURO", "PTS", "€"} {
		if m, err := money.Parse("1", cur); err == nil {
			t.Errorf("1 %q is taken for %v", cur, m)
		}
	}
}

func currencies() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"EUR", "USD", "JPY", "TND", "CLF"})
}

// amounts are all that there are: -2^63 is none, since it has no negative.
func amounts() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64Range(-math.MaxInt64, math.MaxInt64), rapid.Int64Range(-1000, 1000), rapid.SampledFrom([]int64{math.MaxInt64, -math.MaxInt64, math.MaxInt64 - 1}))
}

func TestTextRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := money.Of(amounts().Draw(t, "minor"), currencies().Draw(t, "currency"))
		b, err := m.MarshalText()
		if err != nil || string(b) != m.String() {
			t.Fatalf("%v is written %q, %v", m, b, err)
		}
		var back money.Money
		if err := back.UnmarshalText(b); err != nil || back != m {
			t.Fatalf("%s is read as %v, %v", b, back, err)
		}
	})
	var zero money.Money
	if b, err := zero.MarshalText(); err != nil || len(b) != 0 {
		t.Errorf("no money is written %q, %v", b, err)
	}
	if err := zero.UnmarshalText(nil); err != nil || zero != (money.Money{}) {
		t.Errorf("no money is read as %v, %v", zero, err)
	}
	if b, err := money.Of(5, "").MarshalText(); err == nil {
		t.Errorf("5 of no currency is written %q", b)
	}
	for _, bad := range []string{"12.34", "12.34EUR", "12.34  EUR", "EUR 12", " EUR", "12 eur", "1.005 EUR"} {
		if err := zero.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is read as %v", bad, zero)
		}
	}
}

// Sums and differences are those of the whole numbers, or refused: never wrapped around,
// never of two currencies.
func TestSums(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := amounts().Draw(t, "a"), amounts().Draw(t, "b")
		x, y := money.Of(a, "EUR"), money.Of(b, "EUR")
		sum, err := x.Add(y)
		agree(t, "+", new(big.Int).Add(big.NewInt(a), big.NewInt(b)), sum, err)
		other, otherErr := y.Add(x)
		if sum != other || (err == nil) != (otherErr == nil) {
			t.Fatalf("%v + %v is %v, the other way %v", x, y, sum, other)
		}
		left, err := x.Sub(y)
		agree(t, "-", new(big.Int).Sub(big.NewInt(a), big.NewInt(b)), left, err)
		if c, err := x.Cmp(y); err != nil || c != big.NewInt(a).Cmp(big.NewInt(b)) {
			t.Fatalf("%v compares to %v as %d, %v", x, y, c, err)
		}
		for _, op := range []func(money.Money) (money.Money, error){x.Add, x.Sub} {
			if got, err := op(money.Of(b, "USD")); !errors.Is(err, money.ErrCurrency) {
				t.Fatalf("%v with dollars is %v, %v", x, got, err)
			}
		}
		if _, err := x.Cmp(money.Of(b, "USD")); !errors.Is(err, money.ErrCurrency) {
			t.Fatalf("%v compares to dollars: %v", x, err)
		}
		if none, err := x.Add(money.Money{}); err != nil || none != x {
			t.Fatalf("%v and nothing is %v, %v", x, none, err)
		}
	})
}

// Whatever is added first, a sum that stays in range at every step is the same.
func TestSumsAssociate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cur, part := currencies().Draw(t, "currency"), rapid.Int64Range(-math.MaxInt64/3, math.MaxInt64/3)
		a, b, c := money.Of(part.Draw(t, "a"), cur), money.Of(part.Draw(t, "b"), cur), money.Of(part.Draw(t, "c"), cur)
		add := func(x, y money.Money) money.Money {
			sum, err := x.Add(y)
			if err != nil {
				t.Fatalf("%v + %v: %v", x, y, err)
			}
			return sum
		}
		if left, right := add(add(a, b), c), add(a, add(b, c)); left != right {
			t.Fatalf("(a+b)+c is %v, a+(b+c) is %v", left, right)
		}
	})
	least := money.Of(-math.MaxInt64, "EUR")
	if sum, err := least.Add(money.Of(-1, "EUR")); !errors.Is(err, money.ErrOverflow) {
		t.Errorf("a cent less than the least is %v, %v", sum, err)
	}
	if left, err := least.Sub(money.Of(1, "EUR")); !errors.Is(err, money.ErrOverflow) {
		t.Errorf("the least without a cent is %v, %v", left, err)
	}
}

func agree(t *rapid.T, op string, want *big.Int, got money.Money, err error) {
	fits := want.CmpAbs(big.NewInt(math.MaxInt64)) <= 0
	switch {
	case fits && (err != nil || got.Minor != want.Int64() || got.Currency != "EUR"):
		t.Fatalf("%s gives %v, %v, want %s minor units", op, got, err, want)
	case !fits && !errors.Is(err, money.ErrOverflow):
		t.Fatalf("%s gives %v, %v, where the result is out of range", op, got, err)
	}
}

// Products are rounded half away from nought, once.
func TestMul(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		minor  int64
		factor string
		want   int64
	}{{1000, "0.21", 210}, {5, "0.1", 1}, {-5, "0.1", -1}, {4, "0.1", 0}, {-4, "0.1", 0}, {333, "0.5", 167}, {-333, "0.5", -167}, {100, "0.005", 1}, {100, "0.00499", 0}, {1, "0", 0}} {
		if got, err := money.Of(one.minor, "EUR").Mul(decimal.MustParse(one.factor)); err != nil || got != money.Of(one.want, "EUR") {
			t.Errorf("%d × %s is %v, %v, want %d", one.minor, one.factor, got, err, one.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		minor, thousandths := rapid.Int64Range(-1_000_000_000, 1_000_000_000).Draw(t, "minor"), rapid.Int64Range(-1_000_000, 1_000_000).Draw(t, "thousandths")
		got, err := money.Of(minor, "EUR").Mul(decimal.MustNew(thousandths, 3))
		exact := minor * thousandths
		want := (exact + 500) / 1000
		if exact < 0 {
			want = (exact - 500) / 1000
		}
		if err != nil || got.Minor != want {
			t.Fatalf("%d × %d/1000 is %v, %v, want %d", minor, thousandths, got, err, want)
		}
	})
	if got, err := money.Of(math.MaxInt64, "EUR").Mul(decimal.MustParse("2")); !errors.Is(err, money.ErrOverflow) {
		t.Errorf("twice the most is %v, %v", got, err)
	}
	if got, err := money.FromDecimal(decimal.MustParse("12.345"), "EUR"); err != nil || got != money.Of(1235, "EUR") {
		t.Errorf("12.345 is %v, %v", got, err)
	}
	if got, err := money.FromDecimal(decimal.MustParse("9999999999999999999"), "EUR"); !errors.Is(err, money.ErrOverflow) {
		t.Errorf("10^19 is %v, %v", got, err)
	}
	if got, err := money.FromDecimal(decimal.MustParse("1"), "PTS"); err == nil {
		t.Errorf("a peseta is %v", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"12.34", "-0.01", "92233720368547758.07", ".", "1e5", "00000000000000000000000.10000000"} {
		f.Add(seed, "EUR")
	}
	f.Add("5", "JPY")
	f.Fuzz(func(t *testing.T, text, cur string) {
		m, err := money.Parse(text, cur)
		if err != nil {
			return
		}
		if back, err := money.Parse(m.Decimal(), cur); err != nil || back != m {
			t.Fatalf("%q is %v, and read again %v, %v", text, m, back, err)
		}
	})
}
