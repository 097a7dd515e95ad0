package readmodels

import (
	"context"
	"slices"
	"time"

	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
)

// Product is what the catalogue shows, at the base price.
type Product struct {
	ID           id.ID         `json:"id"`
	SKU          string        `json:"sku"`
	Name         string        `json:"name"`
	Description  string        `json:"description,omitempty"`
	Category     string        `json:"category,omitempty"`
	Unit         string        `json:"unit,omitempty"`
	Price        money.Money   `json:"price"` // net, per unit
	TaxRate      money.Decimal `json:"taxRate"`
	MinQuantity  money.Decimal `json:"minQuantity,omitzero"`
	Step         money.Decimal `json:"step,omitzero"`
	Breaks       []PriceBreak  `json:"breaks,omitempty"`
	Availability string        `json:"availability"` // in_stock, on_request, sold_out
	ChangedAt    time.Time     `json:"changedAt"`
}

// PriceBreak is the price from a quantity on.
type PriceBreak struct {
	From  money.Decimal `json:"from"`
	Price money.Money   `json:"price"`
}

// Products holds one row a product, by id; rows of the account. A withdrawn one is gone.
var Products = &Table[Product]{
	Schema: Schema{
		Name: "products",
		Columns: []Column{
			{"category", Text},
			{"name", Text},
			{"sku", Text},
			{"price", Int},
			{"availability", Text},
			{"search", Text},
		},
		Indexes: []Index{
			{Name: "category", Columns: []string{"category", "name"}},
			{Name: "name", Columns: []string{"name"}},
			{Name: "sku", Columns: []string{"sku"}},
			{Name: "price", Columns: []string{"price"}},
		},
	},
	Values: func(p *Product, dst []Value) []Value {
		category, name := Fold(p.Category), Fold(p.Name)
		return append(dst, T(category), T(name), T(SortKey(p.SKU)), N(p.Price.Minor), T(p.Availability),
			T(Fold(p.SKU)+" "+name+" "+category+" "+Fold(p.Description)))
	},
}

// ProductQuery asks for a page of the catalogue.
type ProductQuery struct {
	Search   string
	Category string // "" is all
	Sort     string // "name" (default), "category", "sku", "price"
	Desc     bool
	After    string
	Limit    int
}

// ListProducts returns a page of the account's catalogue. Whether the contact may see
// it (Contact.Catalogue) is for the caller to ask first.
func ListProducts(ctx context.Context, v View, q ProductQuery) (Page[Product], error) {
	l := Query{Index: q.Sort, Where: q.where(), Desc: q.Desc, After: q.After, Limit: q.Limit}
	switch {
	case q.Sort != "" && !slices.Contains([]string{"name", "category", "sku", "price"}, q.Sort):
		return Page[Product]{}, fault.Field("sort", "query.sort_unknown", fault.A("sort", q.Sort))
	case q.Sort == "" && q.Category != "":
		l.Index = "category" // then by name
	case q.Sort == "":
		l.Index = "name"
	}
	return List(ctx, v.OfAccount(), Products, l)
}

// CountProducts returns how many products the query is about.
func CountProducts(ctx context.Context, v View, q ProductQuery) (int, error) {
	return Count(ctx, v.OfAccount(), Products, q.where()...)
}

func (q *ProductQuery) where() []Cond {
	var w []Cond
	if q.Category != "" {
		w = append(w, Where("category", Eq, T(Fold(q.Category))))
	}
	w = append(w, searching("search", q.Search)...)
	return w
}

// GetProduct returns a product; NotFound where the catalogue has none.
func GetProduct(ctx context.Context, v View, product id.ID) (Product, error) {
	return Must(ctx, v.OfAccount(), Products, string(product))
}

// Category is a category with how many products it has.
type Category struct {
	Name     string `json:"name"` // as its first product writes it; "" where products have none
	Products int    `json:"products"`
}

// Categories returns the categories in order.
func Categories(ctx context.Context, v View) ([]Category, error) {
	var out []Category
	q := Query{Index: "category", Limit: 1}
	for {
		p, err := List(ctx, v.OfAccount(), Products, q)
		if err != nil || len(p.Items) == 0 {
			return out, err
		}
		c := Category{Name: p.Items[0].Row.Category}
		key := T(Fold(c.Name))
		if c.Products, err = Count(ctx, v.OfAccount(), Products, Where("category", Eq, key)); err != nil {
			return nil, err
		}
		out = append(out, c)
		q.Where = []Cond{Where("category", Gt, key)}
	}
}

// PriceList is the prices and the discount of a group of contacts.
type PriceList struct {
	ID       id.ID                 `json:"id"`
	Name     string                `json:"name"`
	Discount money.Decimal         `json:"discount,omitzero"` // percent off base prices
	Prices   map[id.ID]money.Money `json:"prices,omitempty"`  // by product, instead of base price and discount
}

// PriceLists holds one row a price list, by id; rows of the account.
var PriceLists = &Table[PriceList]{
	Schema: Schema{
		Name:    "price_lists",
		Columns: []Column{{"name", Text}},
		Indexes: []Index{{Name: "name", Columns: []string{"name"}}},
	},
	Values: func(l *PriceList, dst []Value) []Value { return append(dst, T(Fold(l.Name))) },
}

// ListPriceLists returns the account's price lists by name.
func ListPriceLists(ctx context.Context, v View) ([]PriceList, error) {
	return all(List(ctx, v.OfAccount(), PriceLists, Query{Index: "name"}))
}

// GetPriceList returns a price list; false where there is none of the id ("" is none).
func GetPriceList(ctx context.Context, v View, list id.ID) (PriceList, bool, error) {
	if list == "" {
		return PriceList{}, false, nil
	}
	return Get(ctx, v.OfAccount(), PriceLists, string(list))
}

// Cart is what a contact is about to order.
type Cart struct {
	Lines     []CartLine `json:"lines"`
	ChangedAt time.Time  `json:"changedAt"`
}

// CartLine is a product in the cart.
type CartLine struct {
	Product  id.ID         `json:"product"`
	Quantity money.Decimal `json:"quantity"`
}

// CartID is the id of a contact's one row of Carts.
const CartID = "cart"

// Carts holds one row a contact that ever had something in its cart.
var Carts = &Table[Cart]{
	Schema: Schema{Name: "carts"},
	Values: func(_ *Cart, dst []Value) []Value { return dst },
}

// CartItem is a cart's line with its product; Details is nil where the catalogue has it no more.
type CartItem struct {
	CartLine
	Details *Product `json:"details,omitempty"`
}

// GetCart returns what is in the contact's cart, in the order in which it came in.
func GetCart(ctx context.Context, v View) ([]CartItem, error) {
	c, _, err := Get(ctx, v, Carts, CartID)
	if err != nil {
		return nil, err
	}
	out := make([]CartItem, len(c.Lines))
	for i, l := range c.Lines {
		out[i].CartLine = l
		p, ok, err := Get(ctx, v.OfAccount(), Products, string(l.Product))
		if err != nil {
			return nil, err
		}
		if ok {
			out[i].Details = &p
		}
	}
	return out, nil
}
