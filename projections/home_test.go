package projections

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"lonja/domain/document"
	"lonja/domain/id"
	"lonja/domain/invoice"
	"lonja/domain/money"
	"lonja/domain/quote"
	"lonja/readmodels"
)

// Whatever happens, each figure is what the documents that it links to add up to.
func TestFiguresAreTheirDocuments(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		h := &history{}
		owed, payable := map[string]int64{}, map[string]int64{}
		currencies := map[string]string{}
		var invoices, quotes []string
		cancelled := map[string]bool{}
		for i := range rapid.IntRange(1, 60).Draw(rt, "events") {
			cur := rapid.SampledFrom([]string{"EUR", "USD", "JPY"}).Draw(rt, "currency")
			day := document.Date(fmt.Sprintf("20%02d-%02d-%02d", rapid.IntRange(24, 26).Draw(rt, "y"), rapid.IntRange(1, 12).Draw(rt, "m"), rapid.IntRange(1, 28).Draw(rt, "d")))
			total := rapid.Int64Range(-5_00, 500_00).Draw(rt, "total")
			in := func(b *document.Body) {
				b.Currency = cur
				b.Totals = document.Totals{Net: money.Of(total, cur), Gross: money.Of(total, cur), Payable: money.Of(total, cur)}
			}
			doc := fmt.Sprintf("d%02d", i)
			pick := func(of []string) string { return rapid.SampledFrom(of).Draw(rt, "document") }
			switch op := rapid.IntRange(0, 9).Draw(rt, "op"); {
			case op <= 2 || len(invoices) == 0:
				h.add(client, "invoice-"+doc, invoice.Issued{Issued: body(document.Invoice, doc, day, total, in)})
				invoices, owed[doc], payable[doc], currencies[doc] = append(invoices, doc), max(0, total), total, cur
			case op == 3:
				h.add(client, "quote-"+doc, quote.Issued{Issued: body(document.Quote, doc, day, total, in)})
				quotes = append(quotes, doc)
			case op == 4 && len(quotes) > 0:
				h.add(client, "quote-"+pick(quotes), quote.Withdrawn{})
			case op == 5:
				h.add(client, "credit_note-"+doc, invoice.CreditNoteIssued{Issued: body(document.CreditNote, doc, day, total, in)})
			default:
				of := pick(invoices)
				if cancelled[of] {
					continue
				}
				amount := rapid.Int64Range(0, max(owed[of], payable[of], 0)).Draw(rt, "amount")
				switch {
				case op == 6:
					cancelled[of] = true
					h.add(client, "invoice-"+of, invoice.Cancelled{})
				case op == 7 && owed[of]+amount <= payable[of]:
					owed[of] += amount
					h.add(client, "invoice-"+of, invoice.PaymentReversed{Amount: money.Of(amount, currencies[of]), Outstanding: money.Of(owed[of], currencies[of])})
				case amount <= owed[of] && amount > 0 && op == 8:
					owed[of] -= amount
					h.add(client, "invoice-"+of, invoice.Credited{CreditNote: id.ID(doc), Amount: money.Of(amount, currencies[of]), Outstanding: money.Of(owed[of], currencies[of])})
				case amount <= owed[of] && amount > 0:
					owed[of] -= amount
					h.add(client, "invoice-"+of, invoice.PaymentRecorded{Amount: money.Of(amount, currencies[of]), Outstanding: money.Of(owed[of], currencies[of]), On: day})
				}
			}
		}

		r := folded(t, 1+len(h.recs)/3, h.recs, Documents())
		v := r.view(client)

		s, err := readmodels.GetSummary(t.Context(), v)
		if err != nil {
			rt.Fatal(err)
		}
		for year := 2024; year <= 2026; year++ {
			for _, f := range s.Figures(year) {
				checkFigureFilters(t, v, f)
				checkDaysToPay(rt, t, v, f)
			}
		}
		if t.Failed() {
			rt.FailNow()
		}
	})
}

func checkDaysToPay(rt *rapid.T, t *testing.T, v readmodels.View, f readmodels.Figures) {
	p, err := readmodels.ListDocuments(t.Context(), v, readmodels.DocumentQuery{DocumentFilter: f.AverageDaysToPay.Filter})
	if err != nil {
		rt.Fatal(err)
	}
	days, n := 0, 0
	for _, i := range p.Items {
		if i.Row.PaidOn != "" {
			days, n = days+max(0, i.Row.IssueDate.DaysUntil(i.Row.PaidOn)), n+1
		}
	}
	if n == 0 {
		if f.AverageDaysToPay.Value != nil {
			rt.Fatalf("nothing was paid, in %s days", f.AverageDaysToPay.Value)
		}
		return
	}
	if want := fmt.Sprintf("%.1f", float64((days*20+n)/(2*n))/10); f.AverageDaysToPay.Value == nil || f.AverageDaysToPay.Value.String() != want {
		rt.Fatalf("%v days to pay, want %s", f.AverageDaysToPay.Value, want)
	}
}
