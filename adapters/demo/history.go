package demo

import (
	"fmt"
	"time"

	"lonja/domain/document"
	"lonja/domain/money"
)

// history walks the two years, month by month and contact by contact.
func (g *generator) history() {
	for month := 0; month < 24; month++ {
		from := g.start.AddDate(0, month, 0)
		for i := range g.plan.Contacts {
			c := &g.plan.Contacts[i]
			kind := contactLines[i].kind
			if c.Client {
				for range g.between(1, 2) {
					g.sale(i, g.day(from))
				}
				if kind == "t" {
					g.rent(i, from)
				}
			}
			if c.Supplier {
				g.purchase(i, g.day(from))
			}
		}
	}
	g.fresh()
}

// fresh leaves the demo client and supplier something to do today.
func (g *generator) fresh() {
	client, supplier := g.plan.Account.Client, g.plan.Account.Supplier
	day := g.workHour(g.today.AddDate(0, 0, -4))
	if !g.past(day) {
		day = g.today.Add(-time.Hour)
	}
	for _, title := range []string{"Carta de verano: aceites y arroces", "Reposición de bodega"} {
		q := g.body(client, document.Quote, "P", day, g.between(4, 7))
		q.Title, q.ValidUntil = title, document.DateOf(day).AddDays(30)
		g.issue(client, day, q, Issue{})
		g.step(Step{At: day.Add(time.Hour), Contact: client, Comment: &Comment{
			Kind: document.Quote, Number: q.Number, ByStaff: true, Author: g.plan.Account.StaffName,
			Text: "Hola, Amparo: va con los precios de la tarifa de hostelería. Si os encaja, lo servimos esta semana.",
		}})
	}
	for range 3 {
		f := g.invoice(client, day)
		g.issue(client, day, f, Issue{})
	}
	po := g.purchaseBody(supplier, day)
	g.issue(supplier, day, po, Issue{})
}

func (g *generator) day(from time.Time) time.Time {
	return g.workHour(from.AddDate(0, 0, g.between(0, 27)))
}

// sale is one chain: perhaps a quote, then order, delivery note, invoice, payment.
func (g *generator) sale(ci int, at time.Time) {
	if !g.past(at) {
		return
	}
	c := &g.plan.Contacts[ci]
	if g.chance(35) {
		q := g.body(ci, document.Quote, "P", at, g.between(2, 8))
		q.ValidUntil = document.DateOf(at).AddDays(30)
		g.issue(ci, at, q, Issue{})
		answer := g.workHour(at.AddDate(0, 0, g.between(1, 9)))
		switch dice := g.r.IntN(100); {
		case !g.past(answer), dice < 12: // unanswered
			return
		case dice < 27:
			g.step(Step{At: answer, Contact: ci, Decline: &Answer{Kind: document.Quote, Number: q.Number, Name: c.Details.Person, Reason: g.pick("Este mes no lo necesitamos.", "Hemos encontrado mejor precio.", "Lo dejamos para más adelante.")}})
			return
		}
		g.step(Step{At: answer, Contact: ci, Approve: &Answer{Kind: document.Quote, Number: q.Number, Name: c.Details.Person, Reference: fmt.Sprintf("PC-%04d", g.between(100, 9999))}})
		at = g.workHour(answer.AddDate(0, 0, 1))
		if !g.past(at) {
			return
		}
	}
	if g.chance(12) {
		p := g.body(ci, document.Proforma, "PF", at, g.between(1, 5))
		g.issue(ci, at, p, Issue{})
	}
	withOrder := g.chance(40)
	lines := g.between(1, 9)
	var order string
	var body document.Body
	if withOrder {
		o := g.body(ci, document.SalesOrder, "PV", at, lines)
		g.issue(ci, at, o, Issue{})
		order, body = o.Number, o
		g.step(Step{At: at.Add(30 * time.Minute), Contact: ci, Order: &OrderState{Number: order, To: "confirmed"}})
		at = g.workHour(at.AddDate(0, 0, g.between(1, 3)))
		if !g.past(at) {
			return
		}
		n := g.follow(body, document.DeliveryNote, "A", at)
		g.issue(ci, at, n, Issue{Order: order})
		g.step(Step{At: at.Add(time.Minute), Contact: ci, Order: &OrderState{Number: order, To: "shipped"}})
		g.step(Step{At: at.Add(26 * time.Hour), Contact: ci, Order: &OrderState{Number: order, To: "fulfilled"}})
		at = g.workHour(at.AddDate(0, 0, g.between(1, 4)))
		if !g.past(at) {
			return
		}
	}
	var f document.Body
	if withOrder {
		f = g.follow(body, document.Invoice, "F", at)
		f.DueDate = document.DateOf(at).AddDays(30)
		f.Terms = "Transferencia a 30 días, fecha factura."
	} else {
		f = g.invoice(ci, at)
	}
	g.issue(ci, at, f, Issue{})
	g.afterInvoice(ci, f, at)
}

func (g *generator) afterInvoice(ci int, f document.Body, at time.Time) {
	c := &g.plan.Contacts[ci]
	if g.chance(6) {
		asked := at.Add(20 * time.Hour)
		if g.past(asked) {
			g.step(Step{At: asked, Contact: ci, Comment: &Comment{Kind: document.Invoice, Number: f.Number, Author: c.Details.Person, Text: g.pick("¿Podéis poner nuestro número de pedido en la próxima?", "Nos falta una caja de la entrega, ¿lo revisáis?", "¿Me confirmáis el IBAN para el pago?")}})
			g.step(Step{At: asked.Add(3 * time.Hour), Contact: ci, Comment: &Comment{Kind: document.Invoice, Number: f.Number, ByStaff: true, Seen: true, Author: g.plan.Account.StaffName, Text: g.pick("Claro, lo anotamos para la siguiente.", "Revisado: sale mañana en el reparto.", "Confirmado, es el que figura en la factura.")}})
		}
	}
	owed := f.Totals.Payable
	if g.chance(4) {
		back := g.workHour(at.AddDate(0, 0, g.between(2, 10)))
		if g.past(back) {
			n := g.credit(f, back)
			g.issue(ci, back, n, Issue{Corrects: f.Number})
			owed = must(owed.Sub(n.Totals.Payable))
		}
	}
	paid := g.workHour(at.AddDate(0, 0, g.between(12, 48)))
	if !g.past(paid) || g.chance(5) || owed.Minor <= 0 {
		return
	}
	amount := owed
	if g.chance(7) {
		amount = money.Of(owed.Minor/2, owed.Currency)
	}
	if amount.Minor > 0 {
		g.step(Step{At: paid, Contact: ci, Pay: &Pay{Number: f.Number, Amount: amount, On: document.DateOf(paid)}})
	}
}

// rent is the monthly invoice to a tenant: IVA, and IRPF withheld.
func (g *generator) rent(ci int, from time.Time) {
	at := g.workHour(from.AddDate(0, 0, 1))
	if !g.past(at) {
		return
	}
	b := g.header(ci, document.Invoice, "F", at)
	b.Title = "Alquiler de nave, muelle 3"
	b.DueDate = document.DateOf(at).AddDays(10)
	b.Terms = "Transferencia a 10 días."
	b.Lines = []document.Line{{
		ID: "1", Name: "Alquiler mensual de 180 m² de nave con muelle", Quantity: dec("1"), Unit: "mes",
		UnitPrice: dec("950"), Net: money.Of(95000, currency), TaxCategory: "S", TaxRate: dec("21"),
	}}
	price(&b, false, dec("19"))
	g.issue(ci, at, b, Issue{})
	paid := g.workHour(at.AddDate(0, 0, g.between(5, 12)))
	if g.past(paid) {
		g.step(Step{At: paid, Contact: ci, Pay: &Pay{Number: b.Number, Amount: b.Totals.Payable, On: document.DateOf(paid)}})
	}
}

func (g *generator) purchase(ci int, at time.Time) {
	if !g.past(at) {
		return
	}
	b := g.purchaseBody(ci, at)
	g.issue(ci, at, b, Issue{})
	c := &g.plan.Contacts[ci]
	if answer := g.workHour(at.AddDate(0, 0, g.between(1, 4))); g.past(answer) && g.chance(93) {
		g.step(Step{At: answer, Contact: ci, Confirm: &Answer{Kind: document.PurchaseOrder, Number: b.Number, Name: c.Details.Person, Reference: fmt.Sprintf("V-%05d", g.between(1000, 99999))}})
	}
}

func (g *generator) purchaseBody(ci int, at time.Time) document.Body {
	b := g.body(ci, document.PurchaseOrder, "PC", at, g.between(1, 6))
	b.Seller, b.Buyer = b.Buyer, b.Seller
	b.DeliveryOn = document.DateOf(at).AddDays(g.between(4, 12))
	return b
}

func (g *generator) invoice(ci int, at time.Time) document.Body {
	f := g.body(ci, document.Invoice, "F", at, g.between(1, 9))
	days := 30
	if ci%2 == 1 {
		days = 60
	}
	f.DueDate = document.DateOf(at).AddDays(days)
	f.Terms = fmt.Sprintf("Transferencia a %d días, fecha factura.", days)
	if f.Totals.Payable.Minor > 150000 { // large ones in two instalments
		half := f.Totals.Payable.Minor / 2
		f.Instalments = []document.Instalment{
			{Due: document.DateOf(at).AddDays(30), Amount: money.Of(half, currency)},
			{Due: document.DateOf(at).AddDays(60), Amount: money.Of(f.Totals.Payable.Minor-half, currency)},
		}
		f.DueDate = f.Instalments[0].Due
	}
	return f
}

// credit gives the first line of an invoice back.
func (g *generator) credit(f document.Body, at time.Time) document.Body {
	c := f
	c.Kind, c.Number, c.IssueDate, c.DueDate = document.CreditNote, g.number("R", at), document.DateOf(at), ""
	c.Title, c.Terms, c.Instalments, c.PaymentMeans = "Abono por mercancía devuelta", "", nil, nil
	c.References = []document.Reference{{Kind: document.Invoice, Number: f.Number, Date: f.IssueDate}}
	c.Lines = append([]document.Line(nil), f.Lines[0])
	price(&c, hasSurcharge(f), withholdingOf(f))
	return c
}

// follow returns the next document of a chain with the same lines and totals.
func (g *generator) follow(of document.Body, kind document.Kind, series string, at time.Time) document.Body {
	b := of
	b.Kind, b.Number, b.IssueDate = kind, g.number(series, at), document.DateOf(at)
	b.DeliveryOn, b.OrderReference = document.DateOf(at), of.Number
	b.References = []document.Reference{{Kind: of.Kind, Number: of.Number, Date: of.IssueDate}}
	if kind == document.Invoice {
		b.PaymentMeans = g.means(b.Number)
	}
	return b
}

func (g *generator) header(ci int, kind document.Kind, series string, at time.Time) document.Body {
	c := g.plan.Contacts[ci].Details
	b := document.Body{
		Kind: kind, Number: g.number(series, at), IssueDate: document.DateOf(at), Currency: currency,
		Seller: g.plan.Account.Party,
		Buyer:  document.Party{Name: c.Name, TradeName: c.TradeName, TaxID: c.TaxID, Person: c.Person, Email: c.Email, Phone: c.Phone, Address: c.Address},
	}
	if kind == document.Invoice || kind == document.Proforma {
		b.PaymentMeans = g.means(b.Number)
	}
	return b
}

func (g *generator) means(number string) []document.PaymentMean {
	return []document.PaymentMean{{Code: "58", Text: "Transferencia SEPA", IBAN: g.plan.Account.IBAN, BIC: g.plan.Account.BIC, Holder: g.plan.Account.Party.Name, Reference: number}}
}

// body returns a document with n different products.
func (g *generator) body(ci int, kind document.Kind, series string, at time.Time, n int) document.Body {
	b := g.header(ci, kind, series, at)
	c := &g.plan.Contacts[ci]
	for i, p := range g.r.Perm(len(g.plan.Products))[:n] {
		prod := g.plan.Products[p]
		qty := must(prod.MinQuantity.Mul(dec(fmt.Sprint(g.between(1, 8)))))
		l := document.Line{
			ID: fmt.Sprint(i + 1), SKU: prod.SKU, Name: prod.Name, Quantity: qty, Unit: prod.Unit,
			UnitPrice: dec(prod.Price.Decimal()), TaxCategory: "S", TaxRate: prod.TaxRate,
		}
		if c.Tariff {
			l.Discount = g.plan.Tariff.Discount
		}
		gross := must(prod.Price.Mul(qty))
		l.Net = must(gross.Mul(must(must(dec("100").Sub(l.Discount)).Mul(dec("0.01")))))
		b.Lines = append(b.Lines, l)
	}
	b.Title = b.Lines[0].Name
	if n > 1 {
		b.Title = fmt.Sprintf("%s y %d más", b.Title, n-1)
	}
	price(&b, c.Surcharge && kind != document.PurchaseOrder, money.Decimal{})
	return b
}

func (g *generator) issue(ci int, at time.Time, b document.Body, i Issue) {
	i.Body = b
	g.step(Step{At: at, Contact: ci, Issue: &i})
}

func (g *generator) pick(texts ...string) string { return texts[g.r.IntN(len(texts))] }

// must is for arithmetic on the demo's own small figures.
func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("demo: %v", err))
	}
	return v
}
