package projections

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/catalogue"
	"lonja/domain/contact"
	"lonja/domain/conversation"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/invoice"
	"lonja/domain/money"
	"lonja/domain/order"
	"lonja/domain/paper"
	"lonja/domain/payment"
	"lonja/domain/purchase"
	"lonja/domain/quote"
	"lonja/domain/vocabulary"
	"lonja/readmodels"
)

// story is a contact's history with every kind of event that Documents folds.
func story() *history {
	h := &history{}
	login := event.Actor{Kind: event.ActorLogin, ID: "01LOGIN"}
	h.add("", "account-01ACME", account.Opened{Name: "Lonja SL", Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid"},
		account.TransferConfigured{IBAN: "ES9121000418450200051332", Beneficiary: "Lonja SL"}, account.GatewayEnabled{Gateway: "sandbox"})
	h.add("", "staff-01STAFF", account.StaffAdded{Email: event.Seal("ana@lonja.example"), Name: event.Seal("Ana"), Role: account.StaffAdmin}, account.StaffPasswordSet{})
	for _, c := range []id.Contact{client, another} {
		h.add(c, "contact-"+string(c),
			contact.Registered{Details: event.Seal(contact.Details{Name: "Peña " + string(c), TaxID: "B-12.345.678", Email: "p@" + string(c)}), Client: true},
			contact.CatalogueEnabled{PriceList: "01LIST"}, contact.PaymentMethodsSet{Methods: []string{"transfer"}})
		h.add(c, "login-"+string(c), access.LoginCreated{Email: event.Seal("p@x"), Name: event.Seal("Pepa"), Role: access.Full, Main: true}, access.PasswordSet{By: access.ByStaff})
		p := string(c)
		h.add(c, "quote-q1"+p, quote.Issued{Issued: body(document.Quote, "P-9", "2026-01-10", 100_00, valid("2026-04-01"))})
		h.by(login, c, "quote-q1"+p, quote.ChangesRequested{Text: event.Seal("Menos hielo")})
		h.add(c, "quote-q2"+p, quote.Issued{Issued: body(document.Quote, "P-10", "2026-02-01", 90_00, valid("2026-04-01")), Supersedes: id.ID("q1" + p)})
		h.add(c, "quote-q1"+p, quote.Superseded{By: id.ID("q2" + p)})
		h.by(login, c, "quote-q2"+p, quote.Approved{Name: event.Seal("Pepa"), Signature: event.Seal("M0 0L1 1"), Hash: "h"})
		h.add(c, "quote-q3"+p, quote.Issued{Issued: body(document.Quote, "P-11", "2026-02-02", 10_00, valid("2026-03-15"))})
		h.add(c, "quote-q4"+p, quote.Issued{Issued: body(document.Quote, "P-12", "2026-02-02", 20_00, valid("2026-02-15"))}, quote.Expired{})
		h.add(c, "quote-q5"+p, quote.Issued{Issued: body(document.Quote, "P-13", "2026-02-02", 40_00)}, quote.Withdrawn{})
		h.add(c, "quote-q6"+p, quote.Issued{Issued: body(document.Quote, "P-14", "2026-02-02", 80_00)}, quote.Declined{Reason: event.Seal("Caro")})

		h.add(c, "invoice-i1"+p, invoice.Issued{Issued: body(document.Invoice, "F-1", "2026-01-05", 121_00, due("2026-02-05"))},
			invoice.PaymentRecorded{Payment: "01PAY0", Amount: eur(21_00), Outstanding: eur(100_00), Method: "transfer", On: "2026-01-15"},
			invoice.PaymentRecorded{Payment: "01PAY1", Amount: eur(100_00), Outstanding: eur(0), Method: "transfer", On: "2026-01-25"})
		h.add(c, "invoice-i2"+p, invoice.Issued{Issued: body(document.Invoice, "F-2", "2026-02-05", 50_01, due("2026-03-05"))})
		h.add(c, "invoice-i3"+p, invoice.Issued{Issued: body(document.Invoice, "F-3", "2026-03-05", 30_00, due("2026-04-05"))},
			invoice.PaymentRecorded{Payment: "01PAY2", Amount: eur(30_00), Outstanding: eur(0), Method: "transfer", On: "2026-03-06"},
			invoice.PaymentReversed{Payment: "01PAY2", Amount: eur(30_00), Outstanding: eur(30_00)})
		h.add(c, "invoice-i4"+p, invoice.Issued{Issued: body(document.Invoice, "F-4", "2026-03-06", 77_00)},
			invoice.PaymentRecorded{Payment: "01PAY3", Amount: eur(77_00), Outstanding: eur(0), Method: "transfer", On: "2026-03-06"},
			invoice.Cancelled{Reason: event.Seal("Error")})
		h.add(c, "invoice-i5"+p, invoice.Issued{Issued: body(document.Invoice, "A-5", "2025-12-31", 60_00, due("2026-01-31"))})
		h.add(c, "credit_note-c1"+p, invoice.CreditNoteIssued{Issued: body(document.CreditNote, "R-1", "2026-03-07", 20_00), Corrects: []id.ID{id.ID("i5" + p), ""}})
		h.add(c, "invoice-i5"+p, invoice.Credited{CreditNote: id.ID("c1" + p), Amount: eur(20_00), Outstanding: eur(40_00)})

		h.by(login, c, "sales_order-o1"+p, order.Placed{
			Issued: body(document.SalesOrder, "V-1", "2026-03-01", 200_00), Note: event.Seal("Por la mañana"),
			Products: []order.Item{{Product: "01MERLUZA", Quantity: money.Decimal{}}},
		})
		h.add(c, "sales_order-o1"+p, order.Confirmed{DeliveryOn: "2026-03-12"})
		h.add(c, "delivery_note-d1"+p, paper.DeliveryNoteIssued{Issued: body(document.DeliveryNote, "AL-1", "2026-03-09", 200_00), Order: id.ID("o1" + p)})
		h.add(c, "sales_order-o1"+p, order.Shipped{DeliveryNote: id.ID("d1" + p)},
			order.PaymentRecorded{Payment: "01PAY4", Amount: eur(50_00), Outstanding: eur(150_00), Method: "sandbox", On: "2026-03-09"},
			order.PaymentReversed{Payment: "01PAY4", Amount: eur(50_00), Outstanding: eur(200_00)})
		h.add(c, "sales_order-o2"+p, order.Issued{Issued: body(document.SalesOrder, "V-2", "2026-03-02", 1_00)}, order.Fulfilled{})
		h.add(c, "sales_order-o3"+p, order.Issued{Issued: body(document.SalesOrder, "V-3", "2026-03-02", 2_00)}, order.Rejected{Reason: event.Seal("No hay")})
		h.add(c, "sales_order-o4"+p, order.Issued{Issued: body(document.SalesOrder, "V-4", "2026-03-02", 2_00)}, order.Cancelled{Reason: event.Seal("Ya no")})
		h.add(c, "proforma-f1"+p, paper.ProformaIssued{Issued: body(document.Proforma, "PF-1", "2026-03-02", 5_00)}, paper.ProformaWithdrawn{})
		h.add(c, "delivery_note-d2"+p, paper.DeliveryNoteIssued{Issued: body(document.DeliveryNote, "AL-2", "2026-03-09", 1_00)}, paper.DeliveryNoteWithdrawn{})
		h.add(c, "purchase_order-u1"+p, purchase.Issued{Issued: body(document.PurchaseOrder, "C-1", "2026-03-03", 15_00)})
		h.add(c, "purchase_order-u2"+p, purchase.Issued{Issued: body(document.PurchaseOrder, "C-2", "2026-03-03", 15_00)}, purchase.Confirmed{Name: event.Seal("Pepa"), DeliveryOn: "2026-03-20", Hash: "h"})
		h.add(c, "purchase_order-u3"+p, purchase.Issued{Issued: body(document.PurchaseOrder, "C-3", "2026-03-03", 15_00)}, purchase.Rejected{Name: event.Seal("Pepa")})
		h.add(c, "purchase_order-u4"+p, purchase.Issued{Issued: body(document.PurchaseOrder, "C-4", "2026-03-03", 15_00)}, purchase.Cancelled{})

		h.by(login, c, "payment-p1"+p, payment.Started{Method: "sandbox", Amount: eur(90_01), Reference: "REF", Allocations: []payment.Allocation{
			{Document: id.ID("i2" + p), Kind: document.Invoice, Number: "F-2", Amount: eur(50_01)},
			{Document: id.ID("i5" + p), Kind: document.Invoice, Number: "A-5", Amount: eur(40_00)},
		}}, payment.CheckoutOpened{GatewayRef: "g1", Until: noon}, payment.Processing{GatewayRef: "g1"})
		h.by(login, c, "payment-p2"+p, payment.Started{Method: "transfer", Amount: eur(30_00), Allocations: []payment.Allocation{
			{Document: id.ID("i3" + p), Kind: document.Invoice, Number: "F-3", Amount: eur(30_00)},
		}}, payment.Failed{Reason: "declined"})
		h.add(c, "payment-p3"+p, payment.Started{Method: "transfer", Amount: eur(77_00), Allocations: []payment.Allocation{
			{Document: id.ID("i4" + p), Kind: document.Invoice, Number: "F-4", Amount: eur(77_00)},
		}}, payment.Succeeded{Amount: eur(77_00), On: "2026-03-06"}, payment.Overpaid{Document: id.ID("i4" + p), Amount: eur(7_00)},
			payment.Refunded{Amount: eur(5_00), Total: eur(5_00)}, payment.Disputed{GatewayRef: "x", Reported: eur(1), Expected: eur(0)})

		h.add(c, "conversation-i2"+p,
			conversation.Posted{Comment: "k1", Document: id.ID("i2" + p), Kind: document.Invoice, Side: conversation.Staff, Author: event.Seal("Ana"), Text: event.Seal("¿La recibió?")},
			conversation.Posted{Comment: "k3", Document: id.ID("i2" + p), Kind: document.Invoice, Side: conversation.Contact, Author: event.Seal("Pepa"), Text: event.Seal("Sí")},
			conversation.Read{Document: id.ID("i2" + p), Side: conversation.Contact, Comment: "k3"},
			conversation.Posted{Comment: "k2", Document: id.ID("i2" + p), Kind: document.Invoice, Side: conversation.Staff, Author: event.Seal("Ana"), Text: event.Seal("¿Hola?")})
		h.add(c, "link-l1"+p, access.LinkShared{Document: id.ID("i2" + p), Kind: document.Invoice, SentTo: event.Seal("p@x")}, access.LinkRevoked{})
		h.by(login, c, "cart-"+p, catalogue.CartLineSet{Product: "01MERLUZA", Quantity: quantity("2.5")}, catalogue.CartLineSet{Product: "01BONITO", Quantity: quantity("1")},
			catalogue.CartLineSet{Product: "01MERLUZA", Quantity: quantity("3")}, catalogue.CartLineSet{Product: "01BONITO", Quantity: quantity("0")})
	}
	h.add("", "product-01MERLUZA", catalogue.Published{Product: catalogue.Product{SKU: "M-1", Name: "Merluza", Category: "Pescado", Price: eur(12_00), Availability: catalogue.InStock}})
	h.add("", "product-01NÉCORA", catalogue.Published{Product: catalogue.Product{SKU: "N-1", Name: "Nécora", Category: "Marisco", Price: eur(22_00), Availability: catalogue.InStock}})
	h.add("", "product-01BONITO", catalogue.Published{Product: catalogue.Product{SKU: "B-1", Name: "Bonito", Category: "Pescado", Price: eur(9_00)}}, catalogue.Withdrawn{})
	h.add("", "price_list-01LIST", catalogue.PriceListSet{Name: "Mayoristas", Discount: quantity("5"), Prices: []catalogue.ListPrice{{Product: "01MERLUZA", Price: eur(11_00)}}})
	return h
}

func quantity(s string) money.Decimal {
	var d money.Decimal
	if err := d.UnmarshalText([]byte(s)); err != nil {
		panic(err)
	}
	return d
}

func TestTheBatchMakesNoDifference(t *testing.T) {
	t.Parallel()
	want := folded(t, 1, story().recs, All()...)
	for _, n := range []int{2, 3, 7, 50, 100_000} {
		want.same(t, folded(t, n, story().recs, All()...))
	}
}

func TestEachContactsRowsDependOnItsOwnEventsAlone(t *testing.T) {
	t.Parallel()
	h := story()
	whole := folded(t, 10, h.recs, Documents(), Contacts())
	own := slices.DeleteFunc(slices.Clone(h.recs), func(r *event.Recorded) bool { return r.Meta.Contact != client })
	alone := folded(t, 10, own, Documents(), Contacts())
	for _, table := range whole.tables {
		for k := range table {
			if k.Contact != client {
				delete(table, k)
			}
		}
	}
	whole.same(t, alone)
}

func TestHome(t *testing.T) {
	t.Parallel()
	r := folded(t, 10, story().recs, All()...)

	h, err := readmodels.Home(t.Context(), r.view(client), "2026-03-10")
	if err != nil {
		t.Fatal(err)
	}

	want := map[readmodels.PendingName][]string{
		readmodels.PendingOverdue: {"A-5", "F-2"},
		readmodels.PendingAnswer:  {"P-11"},
		readmodels.PendingPay:     {"F-3", "V-1"},
		readmodels.PendingConfirm: {"C-1"},
		readmodels.PendingRead:    {"F-2"},
	}
	for _, g := range h.Pending {
		var numbers []string
		for _, i := range g.Items {
			numbers = append(numbers, i.Number)
		}
		if !slices.Equal(numbers, want[g.Name]) || g.Count != len(numbers) {
			t.Errorf("%s: %v (%d), want %v", g.Name, numbers, g.Count, want[g.Name])
		}
		if g.Filter != nil {
			if n, err := readmodels.CountDocuments(t.Context(), r.view(client), *g.Filter); err != nil || n != g.Count {
				t.Errorf("%s: its filter counts %d (%v), not %d", g.Name, n, err, g.Count)
			}
		}
	}
	order := make([]readmodels.PendingName, 0, len(h.Pending))
	for _, g := range h.Pending {
		order = append(order, g.Name)
	}
	if want := []readmodels.PendingName{readmodels.PendingAnswer, readmodels.PendingOverdue, readmodels.PendingPay, readmodels.PendingConfirm, readmodels.PendingRead}; !slices.Equal(order, want) {
		t.Errorf("pending in the order %v, want %v", order, want)
	}
	first := h.Pending[1].Items[0]
	if !first.PaymentSent || first.Amount != eur(40_00) || *first.DaysLeft != -38 {
		t.Errorf("first item: %+v", first)
	}
	if len(h.Figures) != 1 {
		t.Fatalf("figures: %+v", h.Figures)
	}
	f := h.Figures[0]
	got := fmt.Sprint(f.Sales.Amount, f.Pending.Amount, f.Invoices.Count, f.AverageInvoice.Amount, f.ProductsPerInvoice.Value, f.AverageDaysToPay.Value, h.QuotesPending.Count)
	// F-1 121.00 + F-2 50.01 + F-3 30.00 - R-1 20.00; owed 50.01 + 30.00 + 40.00; F-1 took 20 days.
	if want := "181.01 EUR 120.01 EUR 3 67.00 EUR 2.0 20.0 1"; got != want {
		t.Errorf("figures %s, want %s", got, want)
	}
	if m := f.Months[1]; m.Sales != eur(50_01) || m.Quotes != eur(90_00+10_00+20_00+80_00) {
		t.Errorf("February: %+v", m)
	}
	if m := f.Months[0]; m.Quotes != eur(0) {
		t.Errorf("January counts a superseded quote: %+v", m)
	}
	checkFigureFilters(t, r.view(client), f)
	if len(h.Activity) != readmodels.HomeActivity || h.Activity[0].Type != "link.shared" {
		t.Errorf("activity: %+v", h.Activity)
	}
	rev, err := readmodels.HomeRev(t.Context(), r.view(client))
	if err != nil || rev != h.Rev || rev != h.Activity[0].Position {
		t.Errorf("rev %d (%v), want that of the newest activity %d", rev, err, h.Activity[0].Position)
	}
	if _, err := json.Marshal(h); err != nil {
		t.Error(err)
	}
}

// checkFigureFilters adds up what each figure links to.
func checkFigureFilters(t *testing.T, v readmodels.View, f readmodels.Figures) {
	t.Helper()
	sum := func(filter readmodels.DocumentFilter, amount func(*readmodels.Document) money.Money) (total money.Money) {
		p, err := readmodels.ListDocuments(t.Context(), v, readmodels.DocumentQuery{DocumentFilter: filter})
		if err != nil {
			t.Fatal(err)
		}
		total = money.Of(0, f.Currency)
		for _, i := range p.Items {
			m := amount(&i.Row)
			if i.Row.Kind == document.CreditNote {
				m.Minor = -max(m.Minor, -m.Minor) // it takes off, whichever sign it is written with
			}
			if total, err = total.Add(m); err != nil {
				t.Fatal(err)
			}
		}
		return total
	}
	gross := func(d *readmodels.Document) money.Money { return d.Total }
	if got := sum(f.Sales.Filter, gross); got != f.Sales.Amount {
		t.Errorf("sales link to %s, not %s", got, f.Sales.Amount)
	}
	if got := sum(f.Pending.Filter, func(d *readmodels.Document) money.Money { return d.Outstanding }); got != f.Pending.Amount {
		t.Errorf("pending links to %s, not %s", got, f.Pending.Amount)
	}
	if n, err := readmodels.CountDocuments(t.Context(), v, f.Invoices.Filter); err != nil || n != f.Invoices.Count {
		t.Errorf("invoices link to %d (%v), not %d", n, err, f.Invoices.Count)
	}
	for _, m := range f.Months {
		if got := sum(m.SalesFilter, gross); got != m.Sales {
			t.Errorf("month %d: sales link to %s, not %s", m.Month, got, m.Sales)
		}
		if got := sum(m.QuotesFilter, gross); got != m.Quotes {
			t.Errorf("month %d: quotes link to %s, not %s", m.Month, got, m.Quotes)
		}
	}
}

func TestHomeOfNobody(t *testing.T) {
	t.Parallel()
	r := folded(t, 10, nil, All()...)
	h, err := readmodels.Home(t.Context(), r.view(client), "2026-03-10")
	if err != nil || h.Rev != 0 || len(h.Pending) != 5 || len(h.Figures) != 0 {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	r := folded(t, 10, story().recs, Documents())
	want := map[string]readmodels.Status{
		"P-9": "superseded", "P-10": "approved", "P-11": "pending", "P-12": "expired", "P-13": "withdrawn", "P-14": "declined",
		"F-1": "paid", "F-2": "open", "F-3": "open", "F-4": "cancelled", "A-5": "part_paid", "R-1": "issued",
		"V-1": "part_shipped", "V-2": "fulfilled", "V-3": "rejected", "V-4": "cancelled", "PF-1": "withdrawn",
		"AL-1": "issued", "AL-2": "withdrawn", "C-1": "sent", "C-2": "confirmed", "C-3": "rejected", "C-4": "cancelled",
	}
	p, err := readmodels.ListDocuments(t.Context(), r.view(client), readmodels.DocumentQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Items) != len(want) {
		t.Errorf("%d documents, want %d", len(p.Items), len(want))
	}
	for _, i := range p.Items {
		d := i.Row
		if d.Status != want[d.Number] {
			t.Errorf("%s is %s, want %s", d.Number, d.Status, want[d.Number])
		}
		if !slices.Contains(readmodels.Statuses(d.Kind), d.Status) {
			t.Errorf("%s: lists do not know that a %s can be %s", d.Number, d.Kind, d.Status)
		}
	}
	d, _, err := readmodels.FindDocument(t.Context(), r.view(client), "q301CLIENT")
	if err != nil || d.StatusOn("2026-03-15") != "pending" || !d.Answerable("2026-03-15") || d.StatusOn("2026-03-16") != "expired" || d.Answerable("2026-03-16") {
		t.Errorf("quote %+v, %v", d, err)
	}
}

func TestListDocuments(t *testing.T) {
	t.Parallel()
	r := folded(t, 10, story().recs, Documents())
	ten := int64(100_00)
	tests := map[string]struct {
		q    readmodels.DocumentQuery
		want []string
	}{
		"quotes by number, as people count": {
			readmodels.DocumentQuery{DocumentFilter: filterOf(document.Quote), Sort: readmodels.SortNumber},
			[]string{"P-9", "P-10", "P-11", "P-12", "P-13", "P-14"},
		},
		"invoices, newest first": {
			readmodels.DocumentQuery{DocumentFilter: filterOf(document.Invoice), Desc: true},
			[]string{"F-4", "F-3", "F-2", "F-1", "A-5"},
		},
		"invoices by total": {
			readmodels.DocumentQuery{DocumentFilter: filterOf(document.Invoice), Sort: readmodels.SortTotal},
			[]string{"F-3", "F-2", "A-5", "F-4", "F-1"},
		},
		"invoices by status, then date": {
			readmodels.DocumentQuery{DocumentFilter: filterOf(document.Invoice), Sort: readmodels.SortStatus},
			[]string{"F-4", "F-2", "F-3", "F-1", "A-5"},
		},
		"two kinds by kind, descending": {
			readmodels.DocumentQuery{DocumentFilter: filterOf(document.CreditNote, document.Invoice), Sort: readmodels.SortKind, Desc: true},
			[]string{"F-4", "F-3", "F-2", "F-1", "A-5", "R-1"},
		},
		"of a year": {
			readmodels.DocumentQuery{DocumentFilter: readmodels.DocumentFilter{Kinds: []document.Kind{document.Invoice}, Year: 2025}},
			[]string{"A-5"},
		},
		"of an amount": {
			readmodels.DocumentQuery{DocumentFilter: readmodels.DocumentFilter{MinTotal: &ten, Kinds: []document.Kind{document.Invoice, document.Quote}}},
			[]string{"F-1", "P-9"},
		},
		"searched without regard to case and accents": {
			readmodels.DocumentQuery{DocumentFilter: readmodels.DocumentFilter{Search: " PÉDIDO  de f-2"}},
			[]string{"F-2"},
		},
		"by status, sorted by number": {
			readmodels.DocumentQuery{DocumentFilter: readmodels.DocumentFilter{Statuses: []readmodels.Status{"paid", "part_paid", "sent"}}, Sort: readmodels.SortNumber},
			[]string{"A-5", "C-1", "F-1"},
		},
		"a state that the kind has not": {
			readmodels.DocumentQuery{DocumentFilter: readmodels.DocumentFilter{Kinds: []document.Kind{document.CreditNote}, Statuses: []readmodels.Status{"paid"}}},
			nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, limit := range []int{0, 1, 2, 100} {
				tt.q.Limit, tt.q.After = limit, ""
				var got []string
				for {
					p, err := readmodels.ListDocuments(t.Context(), r.view(client), tt.q)
					if err != nil {
						t.Fatal(err)
					}
					for _, i := range p.Items {
						got = append(got, i.Row.Number)
					}
					if p.Next == "" {
						break
					}
					tt.q.After = p.Next
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("pages of %d: %v, want %v", limit, got, tt.want)
				}
			}
			if n, err := readmodels.CountDocuments(t.Context(), r.view(client), tt.q.DocumentFilter); err != nil || n != len(tt.want) {
				t.Errorf("count %d (%v), want %d", n, err, len(tt.want))
			}
		})
	}
}

func filterOf(kinds ...document.Kind) readmodels.DocumentFilter {
	return readmodels.DocumentFilter{Kinds: kinds}
}

func TestListDocumentsRefuses(t *testing.T) {
	t.Parallel()
	r := folded(t, 10, story().recs, Documents())
	p, err := readmodels.ListDocuments(t.Context(), r.view(client), readmodels.DocumentQuery{Limit: 1, Sort: readmodels.SortNumber})
	if err != nil || p.Next == "" {
		t.Fatal(p, err)
	}
	for name, tt := range map[string]struct {
		view  readmodels.View
		q     readmodels.DocumentQuery
		field string
	}{
		"an unknown order":       {r.view(client), readmodels.DocumentQuery{Sort: "colour"}, "sort"},
		"staff by title":         {r.staff(), readmodels.DocumentQuery{Sort: readmodels.SortTitle}, "sort"},
		"an unknown kind":        {r.view(client), readmodels.DocumentQuery{DocumentFilter: filterOf("cheque")}, "kind"},
		"a cursor of another":    {r.view(client), readmodels.DocumentQuery{After: p.Next, Sort: readmodels.SortTotal}, "after"},
		"a cursor that is none":  {r.view(client), readmodels.DocumentQuery{After: "%%"}, "after"},
		"a cursor without value": {r.view(client), readmodels.DocumentQuery{After: "e30"}, "after"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := readmodels.ListDocuments(t.Context(), tt.view, tt.q)
			if f, ok := fault.As(err); !ok || f.Field != tt.field {
				t.Errorf("%v, want a fault of %s", err, tt.field)
			}
		})
	}
}

func TestStaffSeeAllContacts(t *testing.T) {
	t.Parallel()
	r := folded(t, 10, story().recs, All()...)
	var got []string
	q := readmodels.DocumentQuery{DocumentFilter: filterOf(document.Invoice), Desc: true, Limit: 3}
	for {
		p, err := readmodels.ListDocuments(t.Context(), r.staff(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range p.Items {
			got = append(got, i.Row.Number)
		}
		if q.After = p.Next; p.Next == "" {
			break
		}
	}
	if want := []string{"F-4", "F-4", "F-3", "F-3", "F-2", "F-2", "F-1", "F-1", "A-5", "A-5"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	d, whose, err := readmodels.FindDocument(t.Context(), r.staff(), "i201ANOTHER")
	if err != nil || whose != another || d.Number != "F-2" {
		t.Errorf("%+v of %s, %v", d, whose, err)
	}
	if n, err := readmodels.CountUnreadThreads(t.Context(), r.staff()); err != nil || n != 2 {
		t.Errorf("%d threads wait for staff (%v), want 2", n, err)
	}
	p, err := readmodels.PaymentsForAttention(t.Context(), r.staff(), "", 10)
	if err != nil || len(p.Items) != 2 {
		t.Errorf("%+v, %v", p, err)
	}
	c, err := readmodels.ListContacts(t.Context(), r.staff(), readmodels.ContactQuery{Search: "PENA 01cli"})
	if err != nil || len(c.Items) != 1 || c.Items[0].Row.ID != client || !c.Items[0].Row.HasPassword() {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestAnothersDocumentIsNotFound(t *testing.T) {
	t.Parallel()
	r := folded(t, 10, story().recs, All()...)
	for _, doc := range []id.ID{"i201ANOTHER", "none"} {
		if _, _, err := readmodels.FindDocument(t.Context(), r.view(client), doc); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", doc, err)
		}
		if l, err := readmodels.Timeline(t.Context(), r.view(client), doc); err != nil || len(l) != 0 {
			t.Errorf("timeline of %s: %v, %v", doc, l, err)
		}
		if p, err := readmodels.PaymentsOf(t.Context(), r.view(client), doc); err != nil || len(p) != 0 {
			t.Errorf("payments of %s: %v, %v", doc, p, err)
		}
		if c, err := readmodels.ListComments(t.Context(), r.view(client), doc, "", 0); err != nil || len(c.Items) != 0 {
			t.Errorf("comments of %s: %v, %v", doc, c, err)
		}
	}
}

func TestDocumentPage(t *testing.T) {
	t.Parallel()
	r := folded(t, 10, story().recs, All()...)
	v := r.view(client)

	d, _, err := readmodels.FindDocument(t.Context(), v, "o101CLIENT")
	if err != nil {
		t.Fatal(err)
	}
	rel, err := readmodels.RelatedDocuments(t.Context(), v, &d)
	if err != nil || len(rel) != 1 || rel[0].Relation != readmodels.RelDeliveryNote || rel[0].Document.Number != "AL-1" {
		t.Errorf("related to the order: %+v, %v", rel, err)
	}
	inv, _, err := readmodels.FindDocument(t.Context(), v, "i501CLIENT")
	if err != nil {
		t.Fatal(err)
	}
	if rel, err = readmodels.RelatedDocuments(t.Context(), v, &inv); err != nil || len(rel) != 1 || rel[0].Document.Number != "R-1" {
		t.Errorf("related to the invoice: %+v, %v", rel, err)
	}
	line, err := readmodels.Timeline(t.Context(), v, "q201CLIENT")
	if err != nil || len(line) != 2 || line[1].Name != "Pepa" || line[1].Signature == "" || line[1].Number != "P-10" || line[1].ActorID != "01LOGIN" {
		t.Errorf("timeline: %+v, %v", line, err)
	}
	pay, err := readmodels.PaymentsOf(t.Context(), v, "i201CLIENT")
	if err != nil || len(pay) != 1 || pay[0].State != readmodels.PaymentProcessing || pay[0].GatewayRef != "g1" {
		t.Errorf("payments: %+v, %v", pay, err)
	}
	list, err := readmodels.ListComments(t.Context(), v, "i201CLIENT", "", 2)
	if err != nil || len(list.Items) != 2 || list.Next == "" || list.Items[0].Row.Text != "¿La recibió?" {
		t.Errorf("comments: %+v, %v", list, err)
	}
	inv, _, err = readmodels.FindDocument(t.Context(), v, "i201CLIENT")
	if err != nil || inv.Comments != 3 || inv.UnreadContact != 1 || inv.UnreadStaff != 1 {
		t.Errorf("invoice: %+v, %v", inv, err)
	}
	names, err := readmodels.ActorNames(t.Context(), v, []readmodels.Activity{{Actor: event.ActorStaff, ActorID: "01STAFF"}, {Actor: event.ActorLogin, ActorID: "01CLIENT"}, {Actor: event.ActorLogin, ActorID: "01ANOTHER"}})
	if err != nil || fmt.Sprint(names) != "map[01CLIENT:Pepa 01STAFF:Ana]" {
		t.Errorf("names: %v, %v", names, err)
	}
}

func TestCatalogueAndCart(t *testing.T) {
	t.Parallel()
	r := folded(t, 10, story().recs, All()...)
	v := r.view(client)
	cats, err := readmodels.Categories(t.Context(), v)
	if err != nil || fmt.Sprint(cats) != "[{Marisco 1} {Pescado 1}]" {
		t.Errorf("categories %v, %v", cats, err)
	}
	p, err := readmodels.ListProducts(t.Context(), v, readmodels.ProductQuery{Search: "necora"})
	if err != nil || len(p.Items) != 1 || p.Items[0].Row.SKU != "N-1" {
		t.Errorf("products %+v, %v", p, err)
	}
	cart, err := readmodels.GetCart(t.Context(), v)
	if err != nil || len(cart) != 1 || cart[0].Quantity.String() != "3" || cart[0].Details.Name != "Merluza" {
		t.Errorf("cart %+v, %v", cart, err)
	}
	l, ok, err := readmodels.GetPriceList(t.Context(), v, "01LIST")
	if err != nil || !ok || l.Prices["01MERLUZA"] != eur(11_00) {
		t.Errorf("price list %+v, %v", l, err)
	}
	s, err := readmodels.GetSettings(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	c, err := readmodels.GetContact(t.Context(), v)
	if err != nil || fmt.Sprint(s.Methods(), s.MethodsFor(&c)) != "[transfer sandbox] [transfer]" {
		t.Errorf("methods %v, %v, %v", s.Methods(), s.MethodsFor(&c), err)
	}
}

func TestAnErasedContactLeavesATombstone(t *testing.T) {
	t.Parallel()
	h := story().add(client, "contact-01CLIENT", contact.Erased{}).
		add(client, "contact-01CLIENT", contact.LanguageChanged{Language: "en"}).
		add(client, "invoice-i201CLIENT", invoice.PaymentRecorded{Payment: "01PAY9", Amount: eur(50_01), Outstanding: eur(0), On: "2026-04-01"}).
		add(client, "login-01CLIENT", access.PasswordSet{}).
		add(client, "payment-p101CLIENT", payment.Succeeded{Amount: eur(1)})
	whole := folded(t, 1, h.recs, All()...)
	whole.same(t, folded(t, 1000, h.recs, All()...))

	var left []string
	for name, table := range whole.tables {
		for k, row := range table {
			if k.Contact == client && name != "summaries" {
				left = append(left, name+" "+string(row.Data))
			}
		}
	}
	if len(left) != 1 || left[0] != `contacts {"id":"01CLIENT","name":"","client":false,"supplier":false,"catalogue":false,"registeredAt":"0001-01-01T00:00:00Z","erasedAt":"`+h.recs[len(h.recs)-5].At().Format("2006-01-02T15:04:05Z07:00")+`"}` {
		t.Errorf("left: %q", left)
	}
	if d, whose, err := readmodels.FindDocument(t.Context(), whole.staff(), "i201ANOTHER"); err != nil || whose != another || d.Number != "F-2" {
		t.Errorf("another's document: %+v, %v", d, err)
	}
}

// What home shows must move its revision, or a cached home goes stale.
func TestWhatIsShownMovesTheRevision(t *testing.T) {
	t.Parallel()
	p := Documents()
	index := func(name string) int {
		return slices.IndexFunc(p.tables, func(s readmodels.Schema) bool { return s.Name == name })
	}
	summaries, payments := index("summaries"), index("payments")
	for _, typ := range vocabulary.Registry().Types() {
		touched := map[int]bool{}
		for _, f := range p.foldsOf(typ) {
			touched[f.table] = true
		}
		delete(touched, payments) // home shows a payment's state where it changes, which is an activity
		if len(touched) > 0 && !touched[summaries] {
			t.Errorf("%s changes rows, and not the summary's revision", typ)
		}
	}
}
