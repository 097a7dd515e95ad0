package commands

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"lonja/domain/catalogue"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/order"
)

// PlaceOrder orders what is in the cart. ShownTotal is the payable total that the
// person saw: what is ordered costs that, or they are told before it counts.
type PlaceOrder struct {
	DeliverTo   *document.Party // nil: the contact's own address
	RequestedOn document.Date
	Reference   string
	Note        string
	ShownTotal  money.Money
}

// PlaceOrder turns the contact's cart into a sales order. One cart becomes one order,
// however often and from however many tabs it is sent.
func (c *Commands) PlaceOrder(ctx context.Context, req Request, in PlaceOrder) (_ id.ID, _ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "PlaceOrder", req.TraceParent)
	defer func() { end(failed) }()
	who, err := c.shopper(ctx, req)
	if err != nil {
		return "", Receipt{}, err
	}
	cart, _, err := State(ctx, c.Executor, catalogue.CartDecider(), string(req.Contact), req)
	if err != nil {
		return "", Receipt{}, err
	}
	if cart.LastOrder != "" {
		// The same act again, after the cart was emptied by it.
		last, err := load(ctx, c.Executor, placedItems(), placedItems().Stream(string(cart.LastOrder)), req)
		if err != nil {
			return "", Receipt{}, err
		}
		if last.done != nil {
			return cart.LastOrder, Receipt{Receipt: *last.done}, nil
		}
	}
	placing := orderOf(req.Contact, cart.Epoch)
	body, err := c.priceCart(ctx, req, who, cart)
	if err != nil {
		return "", Receipt{}, err
	}
	if body.Totals.Payable != in.ShownTotal {
		return "", Receipt{}, fault.New(fault.Conflict, "order.price_changed", fault.A("shown", in.ShownTotal), fault.A("now", body.Totals.Payable))
	}
	if err := c.completeOrder(ctx, req, &body, placing, who, in); err != nil {
		return "", Receipt{}, err
	}
	issued, err := document.NewIssued(body)
	if err != nil {
		return "", Receipt{}, fmt.Errorf("placing order %s: %w", placing, err)
	}
	placed := order.Placed{Issued: issued}
	if note := strings.TrimSpace(in.Note); note != "" {
		placed.Note = event.Seal(note)
	}
	for _, l := range cart.Lines {
		placed.Products = append(placed.Products, order.Item{Product: l.Product, Quantity: l.Quantity})
	}
	rcpt, err := Execute(ctx, c.Executor, presence(string(document.SalesOrder)), string(placing), req, func(exists bool) ([]event.Event, error) {
		if exists {
			return nil, nil
		}
		return []event.Event{placed}, nil
	})
	if err != nil {
		return "", Receipt{}, err
	}
	if err := c.emptyCart(ctx, req, cart.Epoch, placing, placed.Products); err != nil {
		return "", Receipt{}, err
	}
	return placing, rcpt, nil
}

// orderOf names the order that a cart becomes.
func orderOf(who id.Contact, epoch int) id.ID {
	return id.DeriveID("order", string(who), strconv.Itoa(epoch))
}

// completeOrder adds to a priced body its number, days, parties and references.
func (c *Commands) completeOrder(ctx context.Context, req Request, body *document.Body, placing id.ID, who contact.State, in PlaceOrder) error {
	acc, err := c.accountState(ctx, req)
	if err != nil {
		return err
	}
	day, err := today(acc, req)
	if err != nil {
		return err
	}
	var bad []*fault.Fault
	if in.RequestedOn != "" && (!in.RequestedOn.Valid() || in.RequestedOn < day) {
		bad = append(bad, fault.Field("requestedOn", "order.date_invalid", fault.A("date", in.RequestedOn)))
	}
	if len([]rune(in.Reference)) > 100 {
		bad = append(bad, fault.Field("reference", "text.too_long", fault.A("max", 100)))
	}
	if len([]rune(in.Note)) > 5000 {
		bad = append(bad, fault.Field("note", "text.too_long", fault.A("max", 5000)))
	}
	if f := fault.Join(bad...); f != nil {
		return f
	}
	numbers := catalogue.NumbersDecider()
	sequence := string(req.Account) + "." + string(day)
	if _, err := Execute(ctx, c.Executor, numbers, sequence, req.ofAccount(), func(s catalogue.Numbers) ([]event.Event, error) {
		return catalogue.TakeNumber(s, placing)
	}); err != nil {
		return err
	}
	taken, _, err := State(ctx, c.Executor, numbers, sequence, req.ofAccount())
	if err != nil {
		return err
	}
	body.Number = fmt.Sprintf("PW%s-%02d", strings.ReplaceAll(string(day), "-", "")[2:], taken.Of[placing])
	body.IssueDate, body.DeliveryOn, body.BuyerReference = day, in.RequestedOn, strings.TrimSpace(in.Reference)
	body.Seller = document.Party{
		Name: acc.Details.Name, TaxID: acc.Details.TaxID, Address: acc.Details.Address, Email: acc.Details.Email, Phone: acc.Details.Phone,
	}
	d := who.Details
	body.Buyer = document.Party{
		Name: d.Name, TradeName: d.TradeName, TaxID: d.TaxID, Address: d.Address, Person: d.Person, Email: d.Email, Phone: d.Phone,
	}
	if in.DeliverTo != nil {
		to := *in.DeliverTo
		body.DeliverTo = &to
	}
	if f := body.Check(); f != nil {
		return f
	}
	return nil
}

// priceCart prices what is in the cart for the contact, from the catalogue as of now.
func (c *Commands) priceCart(ctx context.Context, req Request, who contact.State, cart catalogue.Cart) (document.Body, error) {
	acc, err := c.accountState(ctx, req)
	if err != nil {
		return document.Body{}, err
	}
	b := catalogue.Basket{Currency: acc.Details.Currency, Surcharge: who.Surcharge, Withholding: who.Withholding}
	if who.PriceList != "" {
		if b.List, _, err = State(ctx, c.Executor, catalogue.PriceListDecider(), string(who.PriceList), req.ofAccount()); err != nil {
			return document.Body{}, err
		}
	}
	for _, l := range cart.Lines {
		item, _, err := State(ctx, c.Executor, catalogue.ProductDecider(), string(l.Product), req.ofAccount())
		if err != nil {
			return document.Body{}, err
		}
		b.Lines = append(b.Lines, catalogue.Wanted{Product: l.Product, Item: item, Quantity: l.Quantity})
	}
	return catalogue.Price(b)
}

// finishOrder empties a cart whose order was placed, where that second step was lost.
func (c *Commands) finishOrder(ctx context.Context, req Request) error {
	cart, _, err := State(ctx, c.Executor, catalogue.CartDecider(), string(req.Contact), req)
	if err != nil {
		return err
	}
	placing := orderOf(req.Contact, cart.Epoch)
	items, exists, err := State(ctx, c.Executor, placedItems(), string(placing), req)
	if err != nil || !exists {
		return err
	}
	return c.emptyCart(ctx, req, cart.Epoch, placing, items)
}

func (c *Commands) emptyCart(ctx context.Context, req Request, epoch int, placed id.ID, items []order.Item) error {
	lines := make([]catalogue.CartLineSet, len(items))
	for i, it := range items {
		lines[i] = catalogue.CartLineSet(it)
	}
	_, err := Execute(ctx, c.Executor, catalogue.CartDecider(), string(req.Contact), req.step("empty cart"), func(s catalogue.Cart) ([]event.Event, error) {
		return catalogue.Ordered(s, epoch, placed, lines)
	})
	return err
}
