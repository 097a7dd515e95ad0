package projections

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"lonja/domain/document"
	"lonja/domain/id"
	"lonja/domain/invoice"
	"lonja/domain/money"
	"lonja/readmodels"
)

// Whatever happens: the opening balance and the movements make the closing balance,
// wherever a history is split; the last closing balance is what home says is pending, and
// so is the ageing; and what is to go back is neither lost nor counted twice.
func TestAStatementAddsUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		h := &history{}
		states := map[string]invoice.State{}
		var invoices []string
		day := func(label string) document.Date {
			return document.Date(fmt.Sprintf("20%02d-%02d-%02d", rapid.IntRange(24, 26).Draw(rt, label), rapid.IntRange(1, 12).Draw(rt, "m"), rapid.IntRange(1, 28).Draw(rt, "d")))
		}
		for i := range rapid.IntRange(1, 60).Draw(rt, "events") {
			doc := fmt.Sprintf("d%02d", i)
			op := rapid.IntRange(0, 9).Draw(rt, "op")
			if op <= 2 || len(invoices) == 0 {
				cur := rapid.SampledFrom([]string{"EUR", "JPY"}).Draw(rt, "currency")
				total := rapid.Int64Range(-5_00, 500_00).Draw(rt, "total")
				e := invoice.Issued{Issued: body(document.Invoice, doc, day("y"), total, due(day("due")), func(b *document.Body) {
					b.Currency = cur
					b.Totals = document.Totals{Net: money.Of(total, cur), Gross: money.Of(total, cur), Payable: money.Of(total, cur)}
				})}
				h.add(client, "invoice-"+doc, e)
				states[doc] = invoice.Decider().Evolve(invoice.Decider().Initial(), e)
				invoices = append(invoices, doc)
				continue
			}
			of := rapid.SampledFrom(invoices).Draw(rt, "invoice")
			s := states[of]
			cur := s.Issued.Payable.Currency
			amount := money.Of(rapid.Int64Range(1, 300_00).Draw(rt, "amount"), cur)
			switch {
			case op <= 5:
				amount.Minor = min(amount.Minor, s.Outstanding.Minor)
				events, _ := invoice.RecordPayment(s, invoice.Payment{ID: id.ID("p" + doc), Amount: amount, Method: "transfer", On: day("on")})
				for _, e := range events {
					h.add(client, "invoice-"+of, e)
					s = invoice.Decider().Evolve(s, e)
				}
			case op == 6:
				for pay, paid := range s.Recorded {
					events, _ := invoice.ReversePayment(s, pay, money.Of(min(amount.Minor, paid.Minor), cur))
					for _, e := range events {
						h.add(client, "invoice-"+of, e)
						s = invoice.Decider().Evolve(s, e)
					}
					break
				}
			case op == 7:
				events, _ := invoice.Cancel(s, "")
				for _, e := range events {
					h.add(client, "invoice-"+of, e)
					s = invoice.Decider().Evolve(s, e)
				}
			default:
				h.add(client, "credit_note-"+doc, invoice.CreditNoteIssued{Issued: body(document.CreditNote, doc, day("y"), amount.Minor), Corrects: []id.ID{id.ID(of)}})
				events, _ := invoice.Credit(s, id.ID(doc), amount, true)
				for _, e := range events {
					h.add(client, "invoice-"+of, e)
					s = invoice.Decider().Evolve(s, e)
				}
			}
			states[of] = s
		}
		owed, beyond := map[string]int64{}, map[string]int64{}
		for _, s := range states {
			if !s.IsCancelled {
				owed[s.Issued.Payable.Currency] += max(0, s.Outstanding.Minor)
			}
			beyond[s.Issued.Payable.Currency] += s.Beyond.Minor
		}
		v := folded(t, 1+len(h.recs)/3, h.recs, Documents()).view(client)
		get := func(from, to document.Date) map[string]readmodels.StatementCurrency {
			st, err := readmodels.GetStatement(t.Context(), v, readmodels.StatementQuery{From: from, To: to, Today: "2026-03-16", Limit: 1000})
			if err != nil {
				rt.Fatal(err)
			}
			out := map[string]readmodels.StatementCurrency{}
			for _, c := range st.Currencies {
				out[c.Currency] = c
				balance := c.Opening.Minor
				for _, m := range c.Movements {
					if from != "" && m.Date < from || to != "" && m.Date > to {
						rt.Fatalf("a movement of %s in %s to %s", m.Date, from, to)
					}
					if balance += m.Amount.Minor; m.Balance.Minor != balance {
						rt.Fatalf("balance %s, want %d", m.Balance, balance)
					}
				}
				if balance != c.Closing.Minor {
					rt.Fatalf("%s to %s: opening and movements are %d, closing is %s", from, to, balance, c.Closing)
				}
				aged := int64(0)
				for _, a := range c.Ageing {
					aged += a.Amount.Minor
				}
				if aged != owed[c.Currency] || c.Pending.Minor != aged {
					rt.Fatalf("ageing %d, pending %s, want %d", aged, c.Pending, owed[c.Currency])
				}
			}
			return out
		}
		split := day("split")
		all, before, after := get("", ""), get("", split.AddDays(-1)), get(split, "")
		summary, err := readmodels.GetSummary(t.Context(), v)
		if err != nil {
			rt.Fatal(err)
		}
		for cur, c := range all {
			if c.Closing.Minor != owed[cur] || c.Opening.Minor != 0 || summary.In(cur).Pending != owed[cur] || c.Return.Minor != beyond[cur] {
				rt.Fatalf("%s: from %s to %s with %s to go back; want %d and %d", cur, c.Opening, c.Closing, c.Return, owed[cur], beyond[cur])
			}
			if before[cur].Closing != after[cur].Opening || after[cur].Closing != c.Closing {
				rt.Fatalf("split at %s: %s and %s", split, before[cur].Closing, after[cur].Opening)
			}
			if len(before[cur].Movements)+len(after[cur].Movements) != len(c.Movements) {
				rt.Fatal("a movement is lost where the history is split")
			}
		}
		for cur, n := range owed {
			if all[cur].Closing.Minor != n {
				rt.Fatalf("no statement of %d %s", n, cur)
			}
		}
	})
}
