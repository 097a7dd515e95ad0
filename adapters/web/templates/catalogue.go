package templates

import (
	"net/url"

	"lonja/adapters/web/locale"
	"lonja/domain/document"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

// Catalogue is a page of products at the contact's own prices.
type Catalogue struct {
	Products   []Product
	Categories []readmodels.Category
	Category   string
	Search     string
	Total      int
	Next       string
	Later      bool
	May        bool // put into the cart
	Form       Form
	Failed     id.ID // the product whose form was refused
}

// Product is a product as the contact sees it.
type Product struct {
	readmodels.Product
	Price       ContactPrice
	Base        money.Money // the price for others, where the contact's list has an own one
	PriceBreaks []ContactBreak
	InCart      money.Decimal
}

// ContactPrice is a price per unit.
type ContactPrice struct {
	Net      money.Decimal // after the discount, in major units, exact
	Before   money.Money
	Discount money.Decimal // percent
}

// ContactBreak is the price from a quantity on.
type ContactBreak struct {
	From  money.Decimal
	Price ContactPrice
}

func unitAmount(l *locale.Locale, c ContactPrice) string {
	return l.UnitMoney(c.Net, c.Before.Currency)
}

func (v Catalogue) categoryPath(name string) string {
	if name == "" {
		return "/catalogue"
	}
	return "/catalogue?" + url.Values{"category": {name}}.Encode()
}

func (v Catalogue) pagePath(after string) string {
	q := url.Values{}
	for name, value := range map[string]string{"category": v.Category, "q": v.Search, "after": after} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return "/catalogue"
	}
	return "/catalogue?" + q.Encode()
}

// quantityStep is what a quantity field counts in.
func quantityStep(p readmodels.Product) string {
	if p.Step.IsZero() {
		return "any"
	}
	return p.Step.Trim(0).String()
}

func quantityMin(p readmodels.Product) string {
	switch {
	case !p.MinQuantity.IsZero():
		return p.MinQuantity.Trim(0).String()
	case !p.Step.IsZero():
		return p.Step.Trim(0).String()
	}
	return "1"
}

func availabilityClass(a string) string {
	switch a {
	case "in_stock":
		return "badge good"
	case "sold_out":
		return "badge bad"
	}
	return "badge"
}

// Cart is what is about to be ordered, at what it costs now.
type Cart struct {
	Lines []CartRow
	Body  *document.Body // nil where it can't be priced
	Form  Form           // of the order
	Line  Form           // of the lines
	Why   string
	May   bool
	Today document.Date
}

// CartRow is a product in the cart.
type CartRow struct {
	readmodels.CartItem
	Net *document.Line // as priced; nil where it can't be
}
