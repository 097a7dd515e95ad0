package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"lonja/adapters/audit"
	"lonja/readmodels"
)

// auditCmd holds the auditor's commands.
type auditCmd struct {
	Replay   replayCmd        `cmd:"" help:"Print every event of a contact across all streams, in order."`
	Document auditDocumentCmd `cmd:"" help:"Compute a document's content hash from the log, and compare it with what events and a certificate of approval state."`
}

// replayCmd prints a contact's events, or home's figures as of a time.
type replayCmd struct {
	dataFlag
	Account string `help:"The account, by its id; may be left out where there is one only."`
	Contact string `help:"The contact: its id, tax id or email." required:""`
	Until   string `help:"Only what had occurred by then: 2026-06-30, 2026-06-30T12:00 or RFC 3339. A day is meant to its end, in the account's time zone."`
	AsOf    bool   `help:"Print the figures of the portal's home at that time (now without --until), recomputed from events, instead of the events."`
	Format  string `help:"table, jsonl or csv." enum:"table,jsonl,csv" default:"table"`
}

// Run replays.
func (c *replayCmd) Run(ctx context.Context, sys system) error {
	cl, err := connect(ctx, sys, &c.dataFlag)
	if err != nil {
		return err
	}
	defer func() { _ = cl.Close() }()
	q := url.Values{"account": {c.Account}, "contact": {c.Contact}, "until": {c.Until}}
	if c.AsOf {
		var home asOf
		if err := cl.ask(ctx, http.MethodGet, "/audit/home?"+q.Encode(), nil, &home); err != nil {
			return err
		}
		return c.printHome(sys, &home)
	}
	w, err := audit.NewWriter(sys.Out, audit.Format(c.Format))
	if err != nil {
		return err
	}
	if err := cl.stream(ctx, http.MethodGet, "/audit/replay?"+q.Encode(), nil, func(raw json.RawMessage) error {
		var e audit.Entry
		if err := json.Unmarshal(raw, &e); err != nil {
			return err
		}
		return w.Write(e)
	}); err != nil {
		return err
	}
	return w.Close()
}

// asOf is home at a time, and what it was made of.
type asOf struct {
	Contact  string              `json:"contact"`
	Name     string              `json:"name"`
	At       time.Time           `json:"at"`
	Events   int                 `json:"events"`
	Position uint64              `json:"position"`
	Home     readmodels.HomePage `json:"home"`
}

func (c *replayCmd) printHome(sys system, a *asOf) error {
	if c.Format == string(audit.JSONL) {
		return json.NewEncoder(sys.Out).Encode(a)
	}
	rows := [][2]string{
		{"contact", a.Contact}, {"name", a.Name}, {"as of", a.At.Format(time.RFC3339)},
		{"events", fmt.Sprint(a.Events)}, {"newest position", fmt.Sprint(a.Position)},
	}
	for _, g := range a.Home.Pending {
		rows = append(rows, [2]string{"pending: " + string(g.Name), fmt.Sprint(g.Count)})
	}
	rows = append(rows, [2]string{"quotes pending", fmt.Sprint(a.Home.QuotesPending.Count)})
	for _, f := range a.Home.Figures {
		y := fmt.Sprintf("%d, %s: ", a.Home.Year, f.Currency)
		rows = append(rows,
			[2]string{y + "sales", f.Sales.Amount.Decimal()},
			[2]string{y + "pending", f.Pending.Amount.Decimal()},
			[2]string{y + "invoices", fmt.Sprint(f.Invoices.Count)},
			[2]string{y + "average invoice", f.AverageInvoice.Amount.Decimal()},
			[2]string{y + "products per invoice", decimalOrNone(f.ProductsPerInvoice)},
			[2]string{y + "average days to pay", decimalOrNone(f.AverageDaysToPay)},
		)
		for _, m := range f.Months {
			if !m.Sales.IsZero() || !m.Quotes.IsZero() {
				rows = append(rows, [2]string{fmt.Sprintf("%smonth %02d", y, m.Month), "sales " + m.Sales.Decimal() + ", quotes " + m.Quotes.Decimal()})
			}
		}
	}
	if c.Format == string(audit.CSV) {
		fmt.Fprintln(sys.Out, "figure,value")
		for _, r := range rows {
			fmt.Fprintf(sys.Out, "%q,%q\n", r[0], r[1])
		}
		return nil
	}
	t := tabwriter.NewWriter(sys.Out, 0, 4, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\n", r[0], r[1])
	}
	return t.Flush()
}

func decimalOrNone(f readmodels.DecimalFigure) string {
	if f.Value == nil {
		return "none"
	}
	return f.Value.String()
}
