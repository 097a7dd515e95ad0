package catalogue

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/govalues/decimal"

	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
)

// MaxCartLines bounds a cart, and thereby an order.
const MaxCartLines = 500

// maxQuantity keeps products of price and quantity exact.
var maxQuantity = decimal.MustNew(1_000_000, 0)

// maxPrice is the highest unit price, in minor units.
const maxPrice = 1_000_000_000_000

// Known reports whether a is one of the availabilities.
func (a Availability) Known() bool { return a == InStock || a == OnRequest || a == SoldOut }

// Publish decides what the catalogue shows of a product, priced in the account's currency.
func Publish(s Item, p Product, currency string) ([]event.Event, error) {
	p.SKU, p.Name, p.Category = strings.TrimSpace(p.SKU), strings.TrimSpace(p.Name), strings.TrimSpace(p.Category)
	p.Description, p.Unit = strings.TrimSpace(p.Description), strings.TrimSpace(p.Unit)
	if p.Availability == "" {
		p.Availability = InStock
	}
	p.Breaks = slices.Clone(p.Breaks)
	slices.SortFunc(p.Breaks, func(a, b Break) int { return a.From.Cmp(b.From) })
	if f := checkProduct(p, currency); f != nil {
		return nil, f
	}
	if s.Shown() && reflect.DeepEqual(s.Product, p) {
		return nil, nil
	}
	return []event.Event{Published{Product: p}}, nil
}

func checkProduct(p Product, currency string) *fault.Fault {
	var bad []*fault.Fault
	for _, f := range []struct {
		name, text string
		max        int
		need       bool
	}{{"sku", p.SKU, 100, true}, {"name", p.Name, 300, true}, {"description", p.Description, 10_000, false}, {"category", p.Category, 200, false}, {"unit", p.Unit, 50, false}} {
		switch {
		case f.need && f.text == "":
			bad = append(bad, fault.Field(f.name, "text.missing"))
		case len([]rune(f.text)) > f.max:
			bad = append(bad, fault.Field(f.name, "text.too_long", fault.A("max", f.max)))
		}
	}
	if f := checkPrice("price", p.Price, currency); f != nil {
		bad = append(bad, f)
	}
	if p.TaxRate.IsNeg() || p.TaxRate.Cmp(hundred) > 0 {
		bad = append(bad, fault.Field("taxRate", "percent.invalid"))
	}
	if p.MinQuantity.IsNeg() || p.MinQuantity.Cmp(maxQuantity) > 0 {
		bad = append(bad, fault.Field("minQuantity", "quantity.invalid"))
	}
	if p.Step.IsNeg() || p.Step.Cmp(maxQuantity) > 0 {
		bad = append(bad, fault.Field("step", "quantity.invalid"))
	}
	if !p.Availability.Known() {
		bad = append(bad, fault.Field("availability", "product.availability_unknown"))
	}
	for i, b := range p.Breaks {
		at := "breaks[" + strconv.Itoa(i) + "]."
		if !b.From.IsPos() || b.From.Cmp(maxQuantity) > 0 || i > 0 && b.From.Equal(p.Breaks[i-1].From) {
			bad = append(bad, fault.Field(at+"from", "quantity.invalid"))
		}
		if f := checkPrice(at+"price", b.Price, currency); f != nil {
			bad = append(bad, f)
		}
	}
	return fault.Join(bad...)
}

func checkPrice(field string, m money.Money, currency string) *fault.Fault {
	switch {
	case m.Currency != currency:
		return fault.Field(field, "price.currency_differs", fault.A("currency", currency))
	case m.Minor < 0:
		return fault.Field(field, "price.negative")
	case m.Minor > maxPrice:
		return fault.Field(field, "price.too_high")
	}
	return nil
}

// Withdraw decides that a product is no longer shown.
func Withdraw(s Item) ([]event.Event, error) {
	if !s.Exists {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	if s.Withdrawn {
		return nil, nil
	}
	return []event.Event{Withdrawn{}}, nil
}

// SetPriceList decides a price list, in the account's currency.
func SetPriceList(s PriceList, l PriceListSet, currency string) ([]event.Event, error) {
	l.Name = strings.TrimSpace(l.Name)
	var bad []*fault.Fault
	if l.Name == "" {
		bad = append(bad, fault.Field("name", "text.missing"))
	}
	if l.Discount.IsNeg() || l.Discount.Cmp(hundred) > 0 || l.Discount.MinScale() > 4 {
		bad = append(bad, fault.Field("discount", "percent.invalid"))
	}
	prices := map[id.ID]money.Money{}
	for i, p := range l.Prices {
		at := "prices[" + strconv.Itoa(i) + "]."
		if _, twice := prices[p.Product]; twice || !id.Valid(p.Product) {
			bad = append(bad, fault.Field(at+"product", "price.product_invalid"))
		}
		if f := checkPrice(at+"price", p.Price, currency); f != nil {
			bad = append(bad, f)
		}
		prices[p.Product] = p.Price
	}
	if f := fault.Join(bad...); f != nil {
		return nil, f
	}
	if s.Exists && s.Name == l.Name && s.Discount.Equal(l.Discount) && reflect.DeepEqual(s.Prices, prices) {
		return nil, nil
	}
	return []event.Event{l}, nil
}

// SetLine decides how much of a product is in the cart; zero takes it out.
func SetLine(s Cart, product id.ID, item Item, quantity money.Decimal) ([]event.Event, error) {
	quantity = quantity.Trim(0)
	at := slices.IndexFunc(s.Lines, func(l CartLineSet) bool { return l.Product == product })
	if quantity.IsZero() {
		if at < 0 {
			return nil, nil
		}
		return []event.Event{CartLineSet{Product: product, Quantity: quantity}}, nil
	}
	if !item.Shown() {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	if f := CheckQuantity("quantity", item.Product, quantity); f != nil {
		return nil, f
	}
	switch {
	case at >= 0 && s.Lines[at].Quantity.Equal(quantity):
		return nil, nil
	case at < 0 && len(s.Lines) >= MaxCartLines:
		return nil, fault.New(fault.Conflict, "cart.full", fault.A("max", MaxCartLines))
	}
	return []event.Event{CartLineSet{Product: product, Quantity: quantity}}, nil
}

// CheckQuantity returns what keeps a quantity of a product from being ordered, or nil.
func CheckQuantity(field string, p Product, quantity money.Decimal) *fault.Fault {
	switch {
	case !quantity.IsPos() || quantity.Cmp(maxQuantity) > 0 || quantity.MinScale() > 4:
		return fault.Field(field, "quantity.invalid")
	case p.Availability == SoldOut:
		return &fault.Fault{Kind: fault.Conflict, Key: "product.sold_out", Field: field, Args: []fault.Arg{fault.A("name", p.Name)}}
	case quantity.Less(p.MinQuantity):
		return fault.Field(field, "quantity.below_minimum", fault.A("min", p.MinQuantity.Trim(0)), fault.A("name", p.Name))
	case p.Step.IsPos():
		if _, rest, err := quantity.QuoRem(p.Step); err != nil || !rest.IsZero() {
			return fault.Field(field, "quantity.not_a_multiple", fault.A("step", p.Step.Trim(0)), fault.A("name", p.Name))
		}
	}
	return nil
}

// Ordered decides that the cart of an epoch became an order of the given lines. What
// was put in or changed meanwhile stays in the cart.
func Ordered(s Cart, epoch int, order id.ID, lines []CartLineSet) ([]event.Event, error) {
	if s.Epoch != epoch {
		return nil, nil
	}
	out := []event.Event{CartOrdered{Order: order}}
	for _, l := range s.Lines {
		if !slices.ContainsFunc(lines, func(o CartLineSet) bool { return o.Product == l.Product && o.Quantity.Equal(l.Quantity) }) {
			out = append(out, l)
		}
	}
	return out, nil
}

// Fill decides the cart lines that repeat an order; quantities already in the cart are
// replaced, all else stays.
func Fill(s Cart, lines []CartLineSet) ([]event.Event, error) {
	var out []event.Event
	count := len(s.Lines)
	for _, l := range lines {
		at := slices.IndexFunc(s.Lines, func(have CartLineSet) bool { return have.Product == l.Product })
		if at >= 0 && s.Lines[at].Quantity.Equal(l.Quantity) {
			continue
		}
		if at < 0 {
			count++
		}
		out = append(out, l)
	}
	if count > MaxCartLines {
		return nil, fault.New(fault.Conflict, "cart.full", fault.A("max", MaxCartLines))
	}
	return out, nil
}

// TakeNumber decides that an order gets the day's next number.
func TakeNumber(s Numbers, order id.ID) ([]event.Event, error) {
	if _, ok := s.Of[order]; ok {
		return nil, nil
	}
	return []event.Event{OrderNumberTaken{Order: order}}, nil
}
