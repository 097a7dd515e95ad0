package portal

import (
	"net/http"
	"strings"

	"github.com/govalues/decimal"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

func (p *Portal) showCart(w http.ResponseWriter, r *http.Request, v *viewer) error {
	return p.cartPage(w, r, v, p.NewForm(), http.StatusOK)
}

// cartPage shows the cart at what it costs now. f is the order's form, shown again
// where it was refused.
func (p *Portal) cartPage(w http.ResponseWriter, r *http.Request, v *viewer, f templates.Form, status int) error {
	items, err := readmodels.GetCart(r.Context(), v.View)
	if err != nil {
		return err
	}
	view := templates.Cart{Form: f, Line: p.NewForm(), May: v.may(access.Order), Today: p.today(v)}
	for _, i := range items {
		view.Lines = append(view.Lines, templates.CartRow{CartItem: i})
	}
	if len(items) > 0 && view.May {
		cart, err := p.Commands.PriceCart(r.Context(), p.request(r, p.NewForm(), v))
		why, refused := fault.As(err)
		switch {
		case refused && why.Kind != fault.Invalid && why.Kind != fault.Conflict || err != nil && !refused:
			return err
		case refused:
			view.Why = v.L.Fault(why)
		default:
			view.Body = &cart.Body
			for n := range view.Lines {
				if n < len(cart.Body.Lines) && n < len(cart.Lines) && cart.Lines[n].Product == view.Lines[n].Product {
					view.Lines[n].Net = &cart.Body.Lines[n]
				}
			}
		}
	}
	return p.Show(w, r, status, templates.CartPage(p.page(r, v, v.L.T("nav.cart")), view))
}

func (p *Portal) setCartLine(w http.ResponseWriter, r *http.Request, v *viewer) error {
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	quantity, err := parseQuantity(f.Value("quantity"))
	product := id.ID(f.Value("product"))
	next := edge.OwnPath(f.Value("next"), "/cart")
	if err == nil && !id.Valid(product) {
		err = fault.New(fault.NotFound, "not_found")
	}
	var rcpt commands.Receipt
	if err == nil {
		rcpt, err = p.Commands.SetCartLine(r.Context(), p.request(r, f, v), commands.SetCartLine{Product: product, Quantity: quantity})
	}
	why, ok := fault.As(err)
	switch {
	case ok && (why.Kind == fault.Invalid || why.Kind == fault.Conflict):
		return p.cartRefused(w, r, v, f, product, why)
	case err != nil:
		return err
	}
	p.Redirect(w, r, next, rcpt.Position, "cart")
	return nil
}

// cartRefused shows the product, or the cart, again with the reason.
func (p *Portal) cartRefused(w http.ResponseWriter, r *http.Request, v *viewer, f templates.Form, product id.ID, why *fault.Fault) error {
	f.Refused = why
	if strings.HasPrefix(f.Value("next"), "/cart") {
		again := p.NewForm()
		again.Refused = why
		return p.cartPage(w, r, v, again, statusOf(why))
	}
	one, err := readmodels.GetProduct(r.Context(), v.View, product)
	if err != nil {
		return err
	}
	view, err := p.catalogueView(r, v, readmodels.ProductQuery{Search: one.SKU, Limit: productsPerPage})
	if err != nil {
		return err
	}
	view.Form, view.Failed = f, product
	return p.Show(w, r, statusOf(why), templates.CataloguePage(p.page(r, v, v.L.T("nav.catalogue")), view))
}

func parseQuantity(s string) (money.Decimal, error) {
	d, err := decimal.Parse(strings.Replace(strings.TrimSpace(s), ",", ".", 1))
	if err != nil {
		return d, fault.Field("quantity", "number.invalid")
	}
	return d, nil
}

func (p *Portal) placeOrder(w http.ResponseWriter, r *http.Request, v *viewer) error {
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	in := commands.PlaceOrder{
		RequestedOn: document.Date(f.Value("requestedOn")), Reference: f.Value("reference"), Note: f.Value("note"),
	}
	if err := in.ShownTotal.UnmarshalText([]byte(f.Value("shown"))); err != nil {
		return fault.New(fault.Invalid, "form.unreadable")
	}
	if name := strings.TrimSpace(f.Value("to_name")); name != "" || f.Value("to_street") != "" {
		if name == "" {
			name = v.Contact.Name
		}
		in.DeliverTo = &document.Party{Name: name, Address: document.Address{
			Street: f.Value("to_street"), PostCode: f.Value("to_postcode"), City: f.Value("to_city"), Country: v.Contact.Address.Country,
		}}
	}
	placed, rcpt, err := p.Commands.PlaceOrder(r.Context(), p.request(r, f, v), in)
	if why, ok := fault.As(err); ok && (why.Kind == fault.Invalid || why.Kind == fault.Conflict) {
		f.Refused = why
		f.Command = p.NewID().String() // what is ordered next is another order: its total is shown anew
		return p.cartPage(w, r, v, f, statusOf(why))
	}
	if err != nil {
		return err
	}
	p.Redirect(w, r, templates.DocumentPath(document.SalesOrder, string(placed)), rcpt.Position, "ordered")
	return nil
}

func (p *Portal) repeatOrder(w http.ResponseWriter, r *http.Request, s spot) error {
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	skipped, rcpt, err := p.Commands.RepeatOrder(r.Context(), p.request(r, f, s.v), commands.RepeatOrder{Order: s.doc})
	if err != nil {
		return err
	}
	notice := "repeated"
	if len(skipped) > 0 {
		notice = "repeated_in_part"
	}
	p.Redirect(w, r, "/cart", rcpt.Position, notice)
	return nil
}
