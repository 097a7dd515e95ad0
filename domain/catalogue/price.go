package catalogue

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"

	"github.com/govalues/decimal"

	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
)

var hundred = decimal.MustNew(100, 0)

// SurchargeRate returns the recargo de equivalencia that goes with a rate of IVA: 5.2
// with 21, 1.4 with 10, 0.5 with 4, none with others (Ley 37/1992, artículo 161).
func SurchargeRate(vat money.Decimal) money.Decimal {
	switch vat.Trim(0).String() {
	case "21":
		return decimal.MustNew(52, 1)
	case "10":
		return decimal.MustNew(14, 1)
	case "4":
		return decimal.MustNew(5, 1)
	}
	return money.Decimal{}
}

// UnitPrice is what a contact pays for one unit, net.
type UnitPrice struct {
	Price    money.Money   // before the discount
	Discount money.Decimal // percent off
}

// less reports whether u is lower than o, after the discounts.
func (u UnitPrice) less(o UnitPrice) bool {
	return scaled(u.Price.Minor, rest(u.Discount)).Cmp(scaled(o.Price.Minor, rest(o.Discount))) < 0
}

// rest is what a discount leaves, in percent. Publishing bounds a discount to 0 to 100
// with four decimals, so that the difference is exact.
func rest(discount money.Decimal) money.Decimal {
	r, err := hundred.Sub(discount)
	if err != nil {
		return hundred
	}
	return r
}

// scaled returns the product of an amount and the factors, exact: decimals of 19 digits
// would round it in the middle.
func scaled(minor int64, factors ...money.Decimal) *big.Rat {
	r := new(big.Rat).SetInt64(minor)
	for _, f := range factors {
		n := new(big.Int).SetUint64(f.Coef())
		if f.IsNeg() {
			n.Neg(n)
		}
		r.Mul(r, new(big.Rat).SetFrac(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(f.Scale())), nil)))
	}
	return r
}

// rounded returns a number of minor units rounded half up (away from nought).
func rounded(r *big.Rat, cur string) (money.Money, error) {
	twice := new(big.Int).Mul(new(big.Int).Abs(r.Num()), big.NewInt(2))
	twice.Add(twice, r.Denom())
	q := twice.Quo(twice, new(big.Int).Mul(r.Denom(), big.NewInt(2)))
	if r.Sign() < 0 {
		q.Neg(q)
	}
	if !q.IsInt64() {
		return money.Money{}, money.ErrOverflow
	}
	return money.Of(q.Int64(), cur), nil
}

// PriceOf returns the lowest price that applies to a quantity of a product: the list's
// own price, or else the base price less the list's discount, or a quantity break that
// the quantity reaches.
func PriceOf(product id.ID, p Product, list PriceList, quantity money.Decimal) UnitPrice {
	best := UnitPrice{Price: p.Price, Discount: list.Discount}
	if own, ok := list.Prices[product]; ok {
		best = UnitPrice{Price: own}
	}
	for _, b := range p.Breaks {
		if u := (UnitPrice{Price: b.Price}); !quantity.Less(b.From) && u.less(best) {
			best = u
		}
	}
	return best
}

// Wanted is a product with its quantity.
type Wanted struct {
	Product  id.ID
	Item     Item
	Quantity money.Decimal
}

// Basket is all that an order's price depends on.
type Basket struct {
	Currency    string
	Lines       []Wanted
	List        PriceList
	Surcharge   bool          // recargo de equivalencia
	Withholding money.Decimal // IRPF percent
}

// Price returns the lines, taxes and totals of an order of the basket, as a document
// body without parties, number and dates. Each line is rounded to the minor unit, each
// tax on the sum of its lines; nothing else is rounded. What can't be ordered is
// refused line by line.
func Price(b Basket) (document.Body, error) {
	body := document.Body{Kind: document.SalesOrder, Currency: b.Currency}
	if len(b.Lines) == 0 {
		return body, fault.New(fault.Conflict, "cart.empty")
	}
	if len(b.Lines) > MaxCartLines {
		return body, fault.New(fault.Conflict, "cart.full", fault.A("max", MaxCartLines))
	}
	var refusals []*fault.Fault
	net := money.Of(0, b.Currency)
	bases := map[string]*document.Tax{}
	for i, w := range b.Lines {
		at := "lines[" + strconv.Itoa(i) + "]"
		p := w.Item.Product
		if !w.Item.Shown() {
			refusals = append(refusals, &fault.Fault{Kind: fault.Conflict, Key: "product.withdrawn", Field: at + ".product", Args: []fault.Arg{fault.A("name", p.Name)}})
			continue
		}
		if f := CheckQuantity(at+".quantity", p, w.Quantity); f != nil {
			refusals = append(refusals, f)
			continue
		}
		line, err := priceLine(b, w, strconv.Itoa(i+1))
		if err != nil {
			if errors.Is(err, money.ErrOverflow) || errors.Is(err, money.ErrCurrency) {
				refusals = append(refusals, fault.Field(at+".quantity", "quantity.invalid"))
				continue
			}
			return body, err
		}
		body.Lines = append(body.Lines, line)
		rate := line.TaxRate.String()
		t := bases[rate]
		if t == nil {
			t = &document.Tax{Kind: document.VAT, Category: line.TaxCategory, Rate: line.TaxRate, Base: money.Of(0, b.Currency)}
			bases[rate] = t
		}
		if net, err = net.Add(line.Net); err != nil {
			return body, fault.Field("lines", "order.total_too_high")
		}
		if t.Base, err = t.Base.Add(line.Net); err != nil { // no more than net
			return body, fault.Field("lines", "order.total_too_high")
		}
	}
	if f := fault.Join(refusals...); f != nil {
		return body, f
	}
	return body, addTotals(&body, b, net, bases)
}

func priceLine(b Basket, w Wanted, number string) (document.Line, error) {
	p := w.Item.Product
	u := PriceOf(w.Product, p, b.List, w.Quantity)
	if u.Price.Currency != b.Currency {
		return document.Line{}, money.ErrCurrency
	}
	net, err := rounded(scaled(u.Price.Minor, rest(u.Discount), decimal.MustNew(1, 2), w.Quantity), b.Currency)
	if err != nil {
		return document.Line{}, err
	}
	digits, _ := money.Digits(b.Currency)
	unit, err := decimal.New(u.Price.Minor, int(digits))
	if err != nil {
		return document.Line{}, fmt.Errorf("pricing product %s: %w", w.Product, err)
	}
	category := "S"
	if p.TaxRate.IsZero() {
		category = "Z"
	}
	return document.Line{
		ID: number, SKU: p.SKU, Name: p.Name, Quantity: w.Quantity.Trim(0), Unit: p.Unit, UnitPrice: unit,
		Discount: u.Discount.Trim(0), Net: net, TaxCategory: category, TaxRate: p.TaxRate.Trim(0),
	}, nil
}

func addTotals(body *document.Body, b Basket, net money.Money, bases map[string]*document.Tax) error {
	rates := make([]*document.Tax, 0, len(bases))
	for _, t := range bases {
		rates = append(rates, t)
	}
	slices.SortFunc(rates, func(x, y *document.Tax) int { return cmp.Or(-x.Rate.Cmp(y.Rate), cmp.Compare(x.Category, y.Category)) })
	var sums totals
	tax := money.Of(0, b.Currency)
	for _, t := range rates {
		t.Amount = sums.percent(t.Base, t.Rate)
		tax = sums.add(tax, t.Amount)
		body.Taxes = append(body.Taxes, *t)
	}
	if b.Surcharge {
		for _, t := range rates {
			rate := SurchargeRate(t.Rate)
			if rate.IsZero() {
				continue
			}
			s := document.Tax{Kind: document.Surcharge, Rate: rate, Base: t.Base, Amount: sums.percent(t.Base, rate)}
			tax = sums.add(tax, s.Amount)
			body.Taxes = append(body.Taxes, s)
		}
	}
	body.Totals = document.Totals{Lines: net, Net: net, Tax: tax, Gross: sums.add(net, tax)}
	body.Totals.Payable = body.Totals.Gross
	if b.Withholding.IsPos() {
		withheld := sums.percent(net, b.Withholding)
		body.Taxes = append(body.Taxes, document.Tax{Kind: document.Withholding, Rate: b.Withholding.Trim(0), Base: net, Amount: withheld.Neg()})
		body.Totals.Withheld = withheld
		body.Totals.Payable = sums.add(body.Totals.Gross, withheld.Neg())
	}
	if sums.err != nil {
		return fault.Field("lines", "order.total_too_high")
	}
	return nil
}

// totals keeps the first error of a chain of sums.
type totals struct{ err error }

func (t *totals) add(a, b money.Money) money.Money {
	s, err := a.Add(b)
	t.keep(err)
	return s
}

func (t *totals) percent(base money.Money, rate money.Decimal) money.Money {
	m, err := rounded(scaled(base.Minor, rate, decimal.MustNew(1, 2)), base.Currency)
	t.keep(err)
	return m
}

func (t *totals) keep(err error) {
	if t.err == nil {
		t.err = err
	}
}
