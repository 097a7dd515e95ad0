package portal

import (
	"net/http"
	"slices"

	"github.com/govalues/decimal"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/domain/access"
	"lonja/domain/catalogue"
	"lonja/domain/fault"
	"lonja/domain/money"
	"lonja/readmodels"
)

// productsPerPage is how many products a page of the catalogue has.
const productsPerPage = 24

// shopping is an action that there is only for contacts with the option Catalogue.
func (p *Portal) shopping(h func(w http.ResponseWriter, r *http.Request, v *viewer) error) edge.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v := viewerOf(r)
		if !v.Contact.Catalogue {
			return fault.New(fault.NotFound, "not_found")
		}
		return h(w, r, v)
	}
}

func (p *Portal) showCatalogue(w http.ResponseWriter, r *http.Request, v *viewer) error {
	asked := r.URL.Query()
	view, err := p.catalogueView(r, v, readmodels.ProductQuery{
		Search: first(asked.Get("q"), 100), Category: asked.Get("category"), After: asked.Get("after"), Limit: productsPerPage,
	})
	if err != nil {
		return err
	}
	return p.Show(w, r, http.StatusOK, templates.CataloguePage(p.page(r, v, v.L.T("nav.catalogue")), view))
}

func (p *Portal) catalogueView(r *http.Request, v *viewer, q readmodels.ProductQuery) (templates.Catalogue, error) {
	ctx := r.Context()
	view := templates.Catalogue{Category: q.Category, Search: q.Search, Later: q.After != "", May: v.may(access.Order), Form: p.NewForm()}
	page, err := readmodels.ListProducts(ctx, v.View, q)
	if err != nil {
		return view, err
	}
	view.Next = page.Next
	if view.Total, err = readmodels.CountProducts(ctx, v.View, q); err != nil {
		return view, err
	}
	if view.Categories, err = readmodels.Categories(ctx, v.View); err != nil {
		return view, err
	}
	list, _, err := readmodels.GetPriceList(ctx, v.View, v.Contact.PriceList)
	if err != nil {
		return view, err
	}
	cart, err := readmodels.GetCart(ctx, v.View)
	if err != nil {
		return view, err
	}
	for i := range page.Items {
		one := page.Items[i].Row
		product, err := priced(one, list)
		if err != nil {
			return view, err
		}
		if at := slices.IndexFunc(cart, func(c readmodels.CartItem) bool { return c.Product == one.ID }); at >= 0 {
			product.InCart = cart[at].Quantity
		}
		view.Products = append(view.Products, product)
	}
	return view, nil
}

// priced adds the contact's own prices to a product, by the rule that orders are priced by.
func priced(one readmodels.Product, list readmodels.PriceList) (templates.Product, error) {
	own := catalogue.PriceList{Discount: list.Discount, Prices: list.Prices}
	item := catalogue.Product{Price: one.Price}
	for _, b := range one.Breaks {
		item.Breaks = append(item.Breaks, catalogue.Break{From: b.From, Price: b.Price})
	}
	out := templates.Product{Product: one}
	start := one.MinQuantity
	var err error
	if out.Price, err = unitPrice(catalogue.PriceOf(one.ID, item, own, start)); err != nil {
		return out, err
	}
	if out.Price.Discount.IsZero() && out.Price.Before != one.Price {
		out.Base = one.Price
	}
	for _, b := range one.Breaks {
		at, err := unitPrice(catalogue.PriceOf(one.ID, item, own, b.From))
		if err != nil {
			return out, err
		}
		if start.Less(b.From) && at.Net.Less(out.Price.Net) {
			out.PriceBreaks = append(out.PriceBreaks, templates.ContactBreak{From: b.From, Price: at})
		}
	}
	return out, nil
}

// unitPrice is a price per unit after its discount, exact: an order rounds its lines, not its prices.
func unitPrice(u catalogue.UnitPrice) (templates.ContactPrice, error) {
	out := templates.ContactPrice{Before: u.Price, Discount: u.Discount}
	digits, _ := money.Digits(u.Price.Currency)
	amount, err := decimal.New(u.Price.Minor, int(digits))
	if err != nil {
		return out, err
	}
	rest, err := decimal.Hundred.Sub(u.Discount)
	if err != nil {
		return out, err
	}
	if out.Net, err = amount.Mul(rest); err != nil {
		return out, err
	}
	out.Net, err = out.Net.Quo(decimal.Hundred)
	return out, err
}
