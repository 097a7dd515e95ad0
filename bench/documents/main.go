// Command documents measures what a person waits for on a document's page: the preview, and
// the PDF, plain and with the electronic invoice inside, of an invoice with as many lines as
// few have. Each figure is the median of many, beside its bar.
//
//	go run ./bench/documents
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/govalues/decimal"

	"lonja/adapters/demo"
	"lonja/adapters/einvoice"
	"lonja/adapters/pdf"
	"lonja/adapters/web/locale"
	"lonja/adapters/web/static"
	"lonja/adapters/web/templates"
	"lonja/domain/document"
	"lonja/domain/money"
	"lonja/readmodels"
)

// The bars, for an invoice of fifty lines.
const (
	barLines   = 50
	barPreview = 50 * time.Millisecond
	barPDF     = 100 * time.Millisecond
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench/documents:", err)
		os.Exit(1)
	}
}

// measured is one thing that is timed.
type measured struct {
	name  string
	lines int
	bar   time.Duration // 0 for one that has none
	do    func(ctx context.Context) error
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("documents", flag.ContinueOnError)
	rounds := flags.Int("rounds", 40, "how often each is made; the median counts")
	if err := flags.Parse(args); err != nil {
		return err
	}
	all, err := everything()
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "what\tlines\tmedian\tlongest\tbar\tof the bar\t")
	var missed []error
	for _, m := range all {
		took := make([]time.Duration, 0, *rounds)
		for i := range *rounds + 2 { // the first two warm up
			began := time.Now()
			if err := m.do(ctx); err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			if i >= 2 {
				took = append(took, time.Since(began))
			}
		}
		slices.Sort(took)
		median := took[len(took)/2]
		fmt.Fprintf(t, "%s\t%d\t%.1f ms\t%.1f ms\t", m.name, m.lines, ms(median), ms(took[len(took)-1]))
		if m.bar == 0 {
			fmt.Fprintln(t, "\t\t")
			continue
		}
		fmt.Fprintf(t, "%.0f ms\t%.0f %%\t\n", ms(m.bar), 100*float64(median)/float64(m.bar))
		if median > m.bar {
			missed = append(missed, fmt.Errorf("%s missed its bar", m.name))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return errors.Join(missed...)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func everything() ([]measured, error) {
	words, err := locale.Load()
	if err != nil {
		return nil, err
	}
	assets, err := static.Load()
	if err != nil {
		return nil, err
	}
	l := words.Match("es")
	var all []measured
	for _, lines := range []int{5, barLines, 500} {
		b, err := invoice(lines)
		if err != nil {
			return nil, err
		}
		wide := b
		wide.Buyer.Name = "Ștefănescu & Nguyễn"
		preview, drawn := barPreview, barPDF
		if lines != barLines {
			preview, drawn = 0, 0
		}
		render := func(b *document.Body, facturX bool) func(ctx context.Context) error {
			return func(context.Context) (err error) {
				o := pdf.Options{Lang: l.Code}
				if facturX {
					if o.Invoice, err = einvoice.WriteCII(b); err != nil {
						return err
					}
				}
				var file bytes.Buffer
				return pdf.Render(&file, b, l, o)
			}
		}
		all = append(all,
			measured{"preview (the page)", lines, preview, func(ctx context.Context) error {
				v := templates.Document{Document: readmodels.Document{Kind: b.Kind, Number: b.Number}, Body: &b, Base: "/invoices/x"}
				var page bytes.Buffer
				return templates.DocumentPage(templates.Page{L: l, Assets: assets, Title: b.Number}, v).Render(ctx, &page)
			}},
			measured{"PDF, tagged", lines, drawn, render(&b, false)},
			measured{"PDF, tagged, Factur-X", lines, drawn, render(&b, true)},
			measured{"PDF, tagged, wide font", lines, drawn, render(&wide, false)},
		)
	}
	return all, nil
}

// invoice is one of the demo's with so many lines, and totals that are theirs.
func invoice(lines int) (document.Body, error) {
	for _, s := range demo.Generate(time.Date(2026, 6, 17, 0, 0, 0, 0, time.UTC)).Steps {
		if s.Issue == nil || s.Issue.Body.Kind != document.Invoice || !s.Issue.Body.OnlyVAT() || len(s.Issue.Body.Taxes) != 1 {
			continue
		}
		b := s.Issue.Body
		one := b.Lines[0]
		one.Description = "Servido en dos entregas, a portes pagados, con albarán valorado."
		b.Lines = nil
		for len(b.Lines) < lines {
			b.Lines = append(b.Lines, one)
		}
		net := money.Of(one.Net.Minor*int64(lines), b.Currency)
		hundredth, err := one.TaxRate.Quo(decimal.Hundred)
		if err != nil {
			return b, err
		}
		tax, err := net.Mul(hundredth)
		if err != nil {
			return b, err
		}
		gross := money.Of(net.Minor+tax.Minor, b.Currency)
		b.Taxes[0].Base, b.Taxes[0].Amount = net, tax
		b.Totals, b.Instalments, b.Adjustments = document.Totals{Lines: net, Net: net, Tax: tax, Gross: gross, Payable: gross}, nil, nil
		return b, nil
	}
	return document.Body{}, errors.New("the demo has no invoice with one tax")
}
