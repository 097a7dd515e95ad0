package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"lonja/commands"
	"lonja/domain/catalogue"
	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

// ProductsInput asks for products.
type ProductsInput struct {
	Auth
	Paging
	Category string `query:"category"`
	Search   string `query:"q" maxLength:"200"`
	Sort     string `query:"sort" enum:"name,category,sku,price" default:"name"`
	Order    string `query:"order" enum:"asc,desc" default:"asc"`
}

// CartInput asks for the cart.
type CartInput struct{ Auth }

// PricedCart is the cart with what it costs now.
type PricedCart struct {
	Lines  []readmodels.CartItem `json:"lines"`
	Totals *document.Totals      `json:"totals,omitempty" doc:"What the order would cost now; absent for an empty cart"`
	Taxes  []document.Tax        `json:"taxes,omitempty"`
}

// CartOutput is the cart as an answer.
type CartOutput struct{ Body PricedCart }

// CartLineInput sets how much of a product is in the cart.
type CartLineInput struct {
	Command
	Product string `path:"product"`
	Body    struct {
		Quantity money.Decimal `json:"quantity" doc:"Decimal; 0 takes it out"`
	}
}

// OrderInput orders what is in the cart.
type OrderInput struct {
	Command
	Body struct {
		ShownTotal  money.Money     `json:"shownTotal" doc:"The payable total that was shown; another one now is refused, with both"`
		Reference   string          `json:"reference,omitempty" maxLength:"100"`
		Note        string          `json:"note,omitempty" maxLength:"5000"`
		RequestedOn document.Date   `json:"requestedOn,omitempty"`
		DeliverTo   *document.Party `json:"deliverTo,omitempty"`
	}
}

// PublishInput puts a product into the catalogue.
type PublishInput struct {
	Command
	Body catalogue.Product
}

func (a *API) catalogue() {
	query(a, huma.Operation{OperationID: "list-products", Path: "/catalogue/products", Tags: []string{"catalogue"}, Summary: "The catalogue"},
		func(in *ProductsInput) Auth { return in.Auth },
		func(ctx context.Context, c caller, in *ProductsInput) (*ListOutput[readmodels.Product], error) {
			v, err := a.shop(ctx, c)
			if err != nil {
				return nil, err
			}
			return listOf(readmodels.ListProducts(ctx, v, readmodels.ProductQuery{
				Search: in.Search, Category: in.Category, Sort: in.Sort, Desc: in.Order == "desc", After: in.After, Limit: in.limit(),
			}))
		})
	query(a, huma.Operation{OperationID: "get-cart", Path: "/cart", Tags: []string{"catalogue"}, Summary: "What is in the cart, and what it costs now"},
		func(in *CartInput) Auth { return in.Auth },
		func(ctx context.Context, c caller, _ *CartInput) (*CartOutput, error) {
			v, err := a.shop(ctx, c)
			if err != nil {
				return nil, err
			}
			if v.Contact() == "" {
				return nil, fault.New(fault.NotFound, "not_found")
			}
			items, err := readmodels.GetCart(ctx, v)
			if err != nil {
				return nil, err
			}
			out := &CartOutput{Body: PricedCart{Lines: some(items)}}
			if len(items) == 0 {
				return out, nil
			}
			priced, err := a.Commands.PriceCart(ctx, a.plain(c))
			if err != nil {
				return nil, err
			}
			out.Body.Totals, out.Body.Taxes = &priced.Body.Totals, priced.Body.Taxes
			return out, nil
		})
	command(a, huma.Operation{OperationID: "set-cart-line", Method: http.MethodPut, Path: "/cart/{product}", Tags: []string{"catalogue"}, Summary: "Put a product into the cart, change how much, or take it out"},
		func(in *CartLineInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *CartLineInput) (string, commands.Receipt, error) {
			if err := known(in.Product); err != nil {
				return "", commands.Receipt{}, err
			}
			r, err := a.Commands.SetCartLine(ctx, req, commands.SetCartLine{Product: id.ID(in.Product), Quantity: in.Body.Quantity})
			return in.Product, r, err
		})
	command(a, post("place-order", "/orders", "catalogue", "Order what is in the cart"),
		func(in *OrderInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *OrderInput) (string, commands.Receipt, error) {
			made, r, err := a.Commands.PlaceOrder(ctx, req, commands.PlaceOrder{
				DeliverTo: in.Body.DeliverTo, RequestedOn: in.Body.RequestedOn, Reference: in.Body.Reference, Note: in.Body.Note, ShownTotal: in.Body.ShownTotal,
			})
			return string(made), r, err
		})
	command(a, post("publish-product", "/catalogue/products", "catalogue", "Put a product into the catalogue, or replace what it showed (staff and programs)"),
		func(in *PublishInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *PublishInput) (string, commands.Receipt, error) {
			made, r, err := a.Commands.PublishProduct(ctx, req, commands.PublishProduct{Product: in.Body})
			return string(made), r, err
		})
}

// shop returns the view of a caller who sees the catalogue. For a contact without the
// option there is none.
func (a *API) shop(ctx context.Context, c caller) (readmodels.View, error) {
	v, err := c.of(a.Commands.Read, "")
	if err != nil || c.Contact == "" {
		return v, err
	}
	who, err := readmodels.GetContact(ctx, v)
	if err == nil && !who.Catalogue {
		err = fault.New(fault.NotFound, "not_found")
	}
	return v, err
}
