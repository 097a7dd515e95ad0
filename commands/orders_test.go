package commands_test

import (
	"sync"
	"testing"

	"github.com/govalues/decimal"

	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/catalogue"
	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/order"
)

func (s *shopfront) product(sku string, cents int64) id.ID {
	s.t.Helper()
	p, _, err := s.PublishProduct(s.t.Context(), s.system(), commands.PublishProduct{Product: catalogue.Product{
		SKU: sku, Name: "Producto " + sku, Price: money.Of(cents, "EUR"), TaxRate: decimal.MustParse("21"),
	}})
	s.ok(err)
	return p
}

func (s *shopfront) put(p id.ID, quantity string) error {
	_, err := s.SetCartLine(s.t.Context(), s.me(), commands.SetCartLine{Product: p, Quantity: decimal.MustParse(quantity)})
	return err
}

func (s *shopfront) place(req commands.Request, cents int64) (id.ID, error) {
	o, _, err := s.PlaceOrder(s.t.Context(), req, commands.PlaceOrder{Reference: "P-77", RequestedOn: "2026-03-05", Note: "Por la mañana", ShownTotal: money.Of(cents, "EUR")})
	return o, err
}

func TestCatalogueIsForThoseWhoHaveIt(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	p := s.product("A-1", 1000)
	s.refused(s.put(p, "1"), "not_found")
	_, err := s.place(s.me(), 1210)
	s.refused(err, "not_found")
	_, err = s.PriceCart(t.Context(), s.me())
	s.refused(err, "not_found")
	s.ok(second(s.EnableCatalogue(t.Context(), s.system(), commands.EnableCatalogue{Contact: s.who})))
	s.ok(s.put(p, "1"))
	_, err = s.EnableCatalogue(t.Context(), s.system(), commands.EnableCatalogue{Contact: s.who, PriceList: "01J0000000000000000000000X"})
	s.refused(err, "price_list.unknown")
	reader := s.as(s.scene.login(s.who, "read@example.com", access.Read, ""), s.who)
	_, err = s.place(reader, 1210)
	s.refused(err, "access.role")
	_, err = s.SetCartLine(t.Context(), s.me(), commands.SetCartLine{Product: "01J0000000000000000000000X", Quantity: decimal.MustParse("1")})
	s.refused(err, "not_found")
	s.ok(second(s.DisableCatalogue(t.Context(), s.system(), commands.DisableCatalogue{Contact: s.who})))
	s.refused(s.put(p, "2"), "not_found")
}

func TestPlaceOrder(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	s.ok(second(s.EnableCatalogue(t.Context(), s.system(), commands.EnableCatalogue{Contact: s.who})))
	a, b := s.product("A-1", 1000), s.product("B-1", 500)
	_, err := s.place(s.me(), 0)
	s.refused(err, "cart.empty")
	s.ok(s.put(a, "3"))
	s.ok(s.put(b, "2"))
	cart, err := s.PriceCart(t.Context(), s.me())
	s.ok(err)
	if cart.Body.Totals.Payable != money.Of(4840, "EUR") {
		t.Fatalf("the cart costs %s", cart.Body.Totals.Payable)
	}
	s.product("A-1", 1100) // the price goes up while they look
	req := s.me()
	_, err = s.place(req, 4840)
	s.refused(err, "order.price_changed")
	if f, _ := fault.As(err); len(f.Args) != 2 || f.Args[0].Value != "48.40 EUR" || f.Args[1].Value != "52.03 EUR" {
		t.Errorf("told %v", f)
	}
	placed, err := s.place(req, 5203)
	s.ok(err)
	again, err := s.place(req, 5203)
	s.ok(err)
	if again != placed || s.events("sales_order.placed") != 1 || s.events("cart.ordered") != 1 {
		t.Errorf("one act placed %s and %s", placed, again)
	}
	_, err = s.place(s.me(), 5203) // the other tab
	s.refused(err, "cart.empty")

	issued := fold(s.scene, order.Decider(), string(placed)).Issued
	body, _ := issued.Body.Open()
	if issued.Number != "PW260302-01" || body.Buyer.Name != "Bar Manolo" || body.Seller.TaxID != "B11111119" || body.BuyerReference != "P-77" || body.DeliveryOn != "2026-03-05" || issued.Payable != money.Of(5203, "EUR") {
		t.Errorf("placed %+v", body)
	}
	skipped, _, err := s.RepeatOrder(t.Context(), s.me(), commands.RepeatOrder{Order: placed})
	s.ok(err)
	if len(skipped) != 0 {
		t.Errorf("skipped %v", skipped)
	}
	s.ok(second(s.WithdrawProduct(t.Context(), s.system(), commands.WithdrawProduct{Product: b})))
	_, err = s.place(s.me(), 5203)
	s.refused(err, "product.withdrawn")
	skipped, _, err = s.RepeatOrder(t.Context(), s.me(), commands.RepeatOrder{Order: placed})
	s.ok(err)
	if len(skipped) != 1 || skipped[0] != b {
		t.Errorf("skipped %v", skipped)
	}
	s.ok(s.put(b, "0"))
	next, err := s.place(s.me(), 3993)
	s.ok(err)
	if n := fold(s.scene, order.Decider(), string(next)).Issued.Number; n != "PW260302-02" {
		t.Errorf("the next is %s", n)
	}
	// The order can be paid.
	_, err = s.start("sandbox", commands.PayDocument{Kind: document.SalesOrder, ID: placed})
	s.ok(err)
	stranger := s.client("Otro", "B87654321", "")
	s.ok(second(s.EnableCatalogue(t.Context(), s.system(), commands.EnableCatalogue{Contact: stranger})))
	_, _, err = s.RepeatOrder(t.Context(), s.as(s.scene.login(stranger, "x@example.com", access.Full, ""), stranger), commands.RepeatOrder{Order: placed})
	s.refused(err, "not_found")
}

func TestOneCartIsOneOrder(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	s.ok(second(s.EnableCatalogue(t.Context(), s.system(), commands.EnableCatalogue{Contact: s.who})))
	s.ok(s.put(s.product("A-1", 1000), "1"))
	var wg sync.WaitGroup
	for range 6 {
		req := s.me()
		wg.Go(func() {
			if _, err := s.place(req, 1210); err != nil {
				if f, ok := fault.As(err); !ok || f.Key != "cart.empty" {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := s.events("sales_order.placed"); n != 1 {
		t.Errorf("%d orders", n)
	}
}

func TestPriceListAndTaxesOfTheContact(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	p := s.product("A-1", 1000)
	list, _, err := s.SetPriceList(t.Context(), s.system(), commands.SetPriceList{Name: "Hostelería", Discount: decimal.MustParse("10")})
	s.ok(err)
	s.ok(second(s.EnableCatalogue(t.Context(), s.system(), commands.EnableCatalogue{Contact: s.who, PriceList: list})))
	s.ok(second(s.SetContactTaxes(t.Context(), s.system(), commands.SetContactTaxes{Contact: s.who, Surcharge: true})))
	s.ok(s.put(p, "10"))
	cart, err := s.PriceCart(t.Context(), s.me())
	s.ok(err)
	if got := cart.Body.Totals; got.Net != money.Of(9000, "EUR") || got.Payable != money.Of(9000+1890+468, "EUR") {
		t.Errorf("costs %+v", got)
	}
}
