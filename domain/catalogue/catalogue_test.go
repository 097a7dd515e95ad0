package catalogue_test

import (
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/govalues/decimal"
	"pgregory.net/rapid"

	"lonja/domain/catalogue"
	"lonja/domain/decider/decidertest"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
)

var (
	anchovy = id.ID("01J0000000000000000000000A")
	oil     = id.ID("01J0000000000000000000000B")
	placed  = id.ID("01J0000000000000000000000F")
)

func dec(s string) money.Decimal { return decimal.MustParse(s) }

func eur(minor int64) money.Money { return money.Of(minor, "EUR") }

func product() catalogue.Product {
	return catalogue.Product{
		SKU: "A-1", Name: "Anchoa", Price: eur(1250), TaxRate: dec("10"), MinQuantity: dec("6"), Step: dec("3"),
		Breaks: []catalogue.Break{{From: dec("12"), Price: eur(1100)}, {From: dec("24"), Price: eur(1000)}}, Availability: catalogue.InStock,
	}
}

func published(f func(*catalogue.Product)) catalogue.Published {
	p := product()
	if f != nil {
		f(&p)
	}
	return catalogue.Published{Product: p}
}

func item(f func(*catalogue.Product)) catalogue.Item {
	return catalogue.ProductDecider().Fold(published(f))
}

func TestPublish(t *testing.T) {
	t.Parallel()
	d := catalogue.ProductDecider()
	publish := func(f func(*catalogue.Product)) func(catalogue.Item) ([]event.Event, error) {
		return func(s catalogue.Item) ([]event.Event, error) {
			return catalogue.Publish(s, published(f).Product, "EUR")
		}
	}
	decidertest.Given(t, d).When(publish(func(p *catalogue.Product) {
		p.SKU, p.Availability = " A-1 ", ""
		p.Breaks[0], p.Breaks[1] = p.Breaks[1], p.Breaks[0]
	})).Then(published(nil))
	decidertest.Given(t, d, published(nil)).When(publish(nil)).ThenNothing()
	decidertest.Given(t, d, published(nil), catalogue.Withdrawn{}).When(publish(nil)).Then(published(nil))
	for key, f := range map[string]func(*catalogue.Product){
		"text.missing":                 func(p *catalogue.Product) { p.SKU = "" },
		"text.too_long":                func(p *catalogue.Product) { p.Name = strings.Repeat("a", 301) },
		"price.currency_differs":       func(p *catalogue.Product) { p.Price = money.Of(1, "USD") },
		"price.negative":               func(p *catalogue.Product) { p.Breaks[1].Price = eur(-1) },
		"price.too_high":               func(p *catalogue.Product) { p.Price = eur(1_000_000_000_001) },
		"percent.invalid":              func(p *catalogue.Product) { p.TaxRate = dec("101") },
		"quantity.invalid":             func(p *catalogue.Product) { p.Breaks[0].From = p.Breaks[1].From },
		"product.availability_unknown": func(p *catalogue.Product) { p.Availability = "soon" },
	} {
		decidertest.Given(t, d).When(publish(f)).ThenRefused(fault.Invalid, key)
	}
	decidertest.Given(t, d, published(nil)).When(catalogue.Withdraw).Then(catalogue.Withdrawn{})
	decidertest.Given(t, d).When(catalogue.Withdraw).ThenRefused(fault.NotFound, "not_found")
}

func TestSetPriceList(t *testing.T) {
	t.Parallel()
	d := catalogue.PriceListDecider()
	set := func(l catalogue.PriceListSet) func(catalogue.PriceList) ([]event.Event, error) {
		return func(s catalogue.PriceList) ([]event.Event, error) { return catalogue.SetPriceList(s, l, "EUR") }
	}
	good := catalogue.PriceListSet{Name: "Hostelería", Discount: dec("7.5"), Prices: []catalogue.ListPrice{{Product: anchovy, Price: eur(999)}}}
	with := func(f func(*catalogue.PriceListSet)) catalogue.PriceListSet {
		l := good
		l.Prices = append([]catalogue.ListPrice(nil), good.Prices...)
		f(&l)
		return l
	}
	decidertest.Given(t, d).When(set(good)).Then(good)
	for key, l := range map[string]catalogue.PriceListSet{
		"text.missing":           with(func(l *catalogue.PriceListSet) { l.Name = " " }),
		"percent.invalid":        with(func(l *catalogue.PriceListSet) { l.Discount = dec("100.01") }),
		"price.product_invalid":  with(func(l *catalogue.PriceListSet) { l.Prices = append(l.Prices, l.Prices[0]) }),
		"price.currency_differs": with(func(l *catalogue.PriceListSet) { l.Prices[0].Price = money.Of(1, "USD") }),
	} {
		decidertest.Given(t, d).When(set(l)).ThenRefused(fault.Invalid, key)
	}
	decidertest.Given(t, d).When(set(with(func(l *catalogue.PriceListSet) { l.Discount = dec("1.23456") }))).ThenRefused(fault.Invalid, "percent.invalid")
}

func TestCart(t *testing.T) {
	t.Parallel()
	d := catalogue.CartDecider()
	set := func(quantity string, f func(*catalogue.Product)) func(catalogue.Cart) ([]event.Event, error) {
		return func(s catalogue.Cart) ([]event.Event, error) {
			return catalogue.SetLine(s, anchovy, item(f), dec(quantity))
		}
	}
	line := func(quantity string) catalogue.CartLineSet {
		return catalogue.CartLineSet{Product: anchovy, Quantity: dec(quantity)}
	}
	decidertest.Given(t, d).When(set("6.00", nil)).Then(line("6"))
	decidertest.Given(t, d, line("6")).When(set("9", nil)).Then(line("9"))
	decidertest.Given(t, d, line("6")).When(set("0", nil)).Then(line("0"))
	decidertest.Given(t, d).When(set("0", nil)).ThenNothing()
	decidertest.Given(t, d).When(set("3", nil)).ThenRefused(fault.Invalid, "quantity.below_minimum")
	decidertest.Given(t, d).When(set("7", nil)).ThenRefused(fault.Invalid, "quantity.not_a_multiple")
	decidertest.Given(t, d).When(set("-6", nil)).ThenRefused(fault.Invalid, "quantity.invalid")
	decidertest.Given(t, d).When(set("1000001", nil)).ThenRefused(fault.Invalid, "quantity.invalid")
	decidertest.Given(t, d).When(set("6.00001", nil)).ThenRefused(fault.Invalid, "quantity.invalid")
	decidertest.Given(t, d).When(set("6", func(p *catalogue.Product) { p.Availability = catalogue.SoldOut })).ThenRefused(fault.Conflict, "product.sold_out")
	gone := func(s catalogue.Cart) ([]event.Event, error) {
		return catalogue.SetLine(s, anchovy, catalogue.ProductDecider().Fold(published(nil), catalogue.Withdrawn{}), dec("6"))
	}
	decidertest.Given(t, d).When(gone).ThenRefused(fault.NotFound, "not_found")

	other := catalogue.CartLineSet{Product: oil, Quantity: dec("1")}
	ordered := func(s catalogue.Cart) ([]event.Event, error) {
		return catalogue.Ordered(s, 0, placed, []catalogue.CartLineSet{line("6")})
	}
	done := catalogue.CartOrdered{Order: placed}
	decidertest.Given(t, d, line("6")).When(ordered).Then(done)
	decidertest.Given(t, d, line("6"), done).When(ordered).ThenNothing()
	decidertest.Given(t, d, line("6"), other).When(ordered).Then(done, other)
	decidertest.Given(t, d, line("9")).When(ordered).Then(done, line("9"))

	fill := func(s catalogue.Cart) ([]event.Event, error) {
		return catalogue.Fill(s, []catalogue.CartLineSet{line("6"), other})
	}
	decidertest.Given(t, d, line("6")).When(fill).Then(other)
	decidertest.Given(t, d, line("9")).When(fill).Then(line("6"), other)

	numbers := catalogue.NumbersDecider()
	take := func(s catalogue.Numbers) ([]event.Event, error) { return catalogue.TakeNumber(s, placed) }
	decidertest.Given(t, numbers, catalogue.OrderNumberTaken{Order: oil}).When(take).Then(catalogue.OrderNumberTaken{Order: placed})
	if n := numbers.Fold(catalogue.OrderNumberTaken{Order: oil}, catalogue.OrderNumberTaken{Order: placed}).Of[placed]; n != 2 {
		t.Errorf("number is %d, want 2", n)
	}
}

func TestPriceOf(t *testing.T) {
	t.Parallel()
	own := map[id.ID]money.Money{anchovy: eur(1050)}
	for name, c := range map[string]struct {
		list     catalogue.PriceList
		quantity string
		want     catalogue.UnitPrice
	}{
		"base":                        {catalogue.PriceList{}, "6", catalogue.UnitPrice{Price: eur(1250)}},
		"discount":                    {catalogue.PriceList{Discount: dec("10")}, "6", catalogue.UnitPrice{Price: eur(1250), Discount: dec("10")}},
		"own price, without discount": {catalogue.PriceList{Discount: dec("50"), Prices: own}, "6", catalogue.UnitPrice{Price: eur(1050)}},
		"just below a break":          {catalogue.PriceList{}, "11.9999", catalogue.UnitPrice{Price: eur(1250)}},
		"at a break":                  {catalogue.PriceList{}, "12", catalogue.UnitPrice{Price: eur(1100)}},
		"at the next":                 {catalogue.PriceList{}, "24", catalogue.UnitPrice{Price: eur(1000)}},
		"discount below the break":    {catalogue.PriceList{Discount: dec("12.5")}, "12", catalogue.UnitPrice{Price: eur(1250), Discount: dec("12.5")}},
		"break below the discount":    {catalogue.PriceList{Discount: dec("11.9")}, "12", catalogue.UnitPrice{Price: eur(1100)}},
		"own price below the break":   {catalogue.PriceList{Prices: own}, "12", catalogue.UnitPrice{Price: eur(1050)}},
		"a break below the own price": {catalogue.PriceList{Prices: own}, "24", catalogue.UnitPrice{Price: eur(1000)}},
	} {
		got := catalogue.PriceOf(anchovy, product(), c.list, dec(c.quantity))
		if got.Price != c.want.Price || !got.Discount.Equal(c.want.Discount) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// Worked by hand: 12 × 11.00 = 132.00 at 10 %; 7 × 3.33 less 7.5 % = 21.56175 → 21.56 at 21 %.
// IVA 13.20 + 4.5276 → 4.53; surcharge 1.4 % of 132.00 = 1.848 → 1.85, 5.2 % of 21.56 =
// 1.12112 → 1.12; IRPF 15 % of 153.56 = 23.034 → 23.03.
func TestPrice(t *testing.T) {
	t.Parallel()
	oilItem := catalogue.ProductDecider().Fold(catalogue.Published{Product: catalogue.Product{
		SKU: "B-1", Name: "Aceite", Unit: "L", Price: eur(333), TaxRate: dec("21.0"), Availability: catalogue.OnRequest,
	}})
	body, err := catalogue.Price(catalogue.Basket{
		Currency: "EUR", Surcharge: true, Withholding: dec("15"),
		List:  catalogue.PriceList{Discount: dec("7.5")},
		Lines: []catalogue.Wanted{{Product: anchovy, Item: item(nil), Quantity: dec("12")}, {Product: oil, Item: oilItem, Quantity: dec("7")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if body.Lines[0].Net != eur(13200) || body.Lines[1].Net != eur(2156) || body.Lines[1].UnitPrice.String() != "3.33" || body.Lines[1].Discount.String() != "7.5" {
		t.Errorf("lines are %+v", body.Lines)
	}
	want := document.Totals{Lines: eur(15356), Net: eur(15356), Tax: eur(1320 + 453 + 185 + 112), Gross: eur(17426), Withheld: eur(2303), Payable: eur(15123)}
	if body.Totals != want {
		t.Errorf("totals are %+v, want %+v", body.Totals, want)
	}
	var rows []string
	for _, x := range body.Taxes {
		rows = append(rows, string(x.Kind)+" "+x.Rate.String()+" "+x.Base.Decimal()+" "+x.Amount.Decimal())
	}
	if got := strings.Join(rows, "; "); got != "vat 21 21.56 4.53; vat 10 132.00 13.20; surcharge 5.2 21.56 1.12; surcharge 1.4 132.00 1.85; withholding 15 153.56 -23.03" {
		t.Errorf("taxes are %s", got)
	}
}

func TestPriceRefuses(t *testing.T) {
	t.Parallel()
	basket := func(w ...catalogue.Wanted) catalogue.Basket { return catalogue.Basket{Currency: "EUR", Lines: w} }
	for key, b := range map[string]catalogue.Basket{
		"cart.empty":             basket(),
		"product.withdrawn":      basket(catalogue.Wanted{Item: catalogue.ProductDecider().Fold(published(nil), catalogue.Withdrawn{}), Quantity: dec("6")}),
		"product.sold_out":       basket(catalogue.Wanted{Item: item(func(p *catalogue.Product) { p.Availability = catalogue.SoldOut }), Quantity: dec("6")}),
		"quantity.below_minimum": basket(catalogue.Wanted{Item: item(nil), Quantity: dec("3")}),
		"fault.several":          basket(catalogue.Wanted{Item: item(nil), Quantity: dec("3")}, catalogue.Wanted{Item: item(nil), Quantity: dec("7")}),
	} {
		_, err := catalogue.Price(b)
		if f, ok := fault.As(err); !ok || f.Key != key {
			t.Errorf("%v, want %s", err, key)
		}
	}
}

func TestPriceRefusesMoreThanMoneyHolds(t *testing.T) {
	t.Parallel()
	big := catalogue.ProductDecider().Fold(catalogue.Published{Product: catalogue.Product{SKU: "x", Name: "x", Price: eur(1_000_000_000_000), TaxRate: dec("21"), Availability: catalogue.InStock}})
	for _, lines := range []int{8, 10} {
		b := catalogue.Basket{Currency: "EUR"}
		for range lines {
			b.Lines = append(b.Lines, catalogue.Wanted{Item: big, Quantity: dec("1000000")})
		}
		_, err := catalogue.Price(b)
		if f, ok := fault.As(err); !ok || f.Key != "order.total_too_high" {
			t.Errorf("%d lines: %v", lines, err)
		}
	}
}

func TestSurchargeRate(t *testing.T) {
	t.Parallel()
	for vat, want := range map[string]string{"21": "5.2", "21.00": "5.2", "10": "1.4", "4": "0.5", "0": "0", "20": "0"} {
		if got := catalogue.SurchargeRate(dec(vat)); !got.Equal(dec(want)) {
			t.Errorf("with %s: %s, want %s", vat, got, want)
		}
	}
}

// Every figure equals the exact rational one rounded once, and the totals add up, at the
// largest prices and quantities too.
func TestPriceIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := catalogue.Basket{Currency: "EUR", Surcharge: rapid.Bool().Draw(t, "surcharge"), Withholding: decimal.MustNew(rapid.Int64Range(0, 2400).Draw(t, "withholding"), 2)}
		b.List.Discount = decimal.MustNew(rapid.Int64Range(0, 1_000_000).Draw(t, "discount"), 4)
		for i := range rapid.IntRange(1, 5).Draw(t, "lines") {
			p := catalogue.Product{
				SKU: strconv.Itoa(i), Name: "x", Price: eur(rapid.OneOf(rapid.Int64Range(0, 100_000), rapid.Int64Range(0, 1_000_000_000_000)).Draw(t, "price")),
				TaxRate: dec(rapid.SampledFrom([]string{"0", "4", "10", "21"}).Draw(t, "rate")), Availability: catalogue.InStock,
			}
			q := decimal.MustNew(rapid.Int64Range(1, 10_000_000_000).Draw(t, "quantity"), rapid.IntRange(0, 4).Draw(t, "scale"))
			if q.Cmp(decimal.MustNew(1_000_000, 0)) > 0 {
				q = decimal.MustNew(1_000_000, 0)
			}
			b.Lines = append(b.Lines, catalogue.Wanted{Product: id.ID(p.SKU), Item: catalogue.ProductDecider().Fold(catalogue.Published{Product: p}), Quantity: q})
		}
		body, err := catalogue.Price(b)
		if err != nil {
			t.Fatal(err)
		}
		var net, tax, withheld int64
		for i, l := range body.Lines {
			w := b.Lines[i]
			exact := rat(t, decimal.MustNew(w.Item.Product.Price.Minor, 0).String(), w.Quantity.String())
			exact.Mul(exact, new(big.Rat).Sub(big.NewRat(1, 1), rat(t, b.List.Discount.String(), "0.01")))
			if l.Net.Minor != nearest(exact) {
				t.Fatalf("line %d is %v, exactly %s", i, l.Net, exact.FloatString(6))
			}
			net += l.Net.Minor
		}
		bases := map[document.TaxKind]int64{}
		for _, x := range body.Taxes {
			amount := x.Amount.Minor
			if x.Kind == document.Withholding {
				amount, withheld = -amount, -amount
			} else {
				tax += amount
			}
			bases[x.Kind] += x.Base.Minor
			if want := nearest(rat(t, decimal.MustNew(x.Base.Minor, 0).String(), x.Rate.String(), "0.01")); amount != want {
				t.Fatalf("%s %s of %v is %d, want %d", x.Kind, x.Rate, x.Base, amount, want)
			}
		}
		if bases[document.VAT] != net {
			t.Fatalf("taxed %d of %d", bases[document.VAT], net)
		}
		s := body.Totals
		if s.Net.Minor != net || s.Tax.Minor != tax || s.Gross.Minor != net+tax || s.Withheld.Minor != withheld || s.Payable.Minor != net+tax-withheld {
			t.Fatalf("totals are %+v; net %d, tax %d, withheld %d", s, net, tax, withheld)
		}
	})
}

func rat(t *rapid.T, factors ...string) *big.Rat {
	out := big.NewRat(1, 1)
	for _, f := range factors {
		r, ok := new(big.Rat).SetString(f)
		if !ok {
			t.Fatalf("%q is not a number", f)
		}
		out.Mul(out, r)
	}
	return out
}

// nearest rounds half up; the figures here are not negative.
func nearest(r *big.Rat) int64 {
	r = new(big.Rat).Add(r, big.NewRat(1, 2))
	return new(big.Int).Quo(r.Num(), r.Denom()).Int64()
}
