// Command lists measures a contact's list of documents with 100, 10,000 and 100,000
// documents: what the page reads and writes as HTML, and what the API answers in JSON, for
// every order, filter and search, each beside the time that it takes with 100. It is without
// session, navigation and HTTP, which take the same time whatever is in the list, and so
// would only make it look flatter.
//
//	go run ./bench/lists
//	go run ./bench/lists -postgres
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"lonja/adapters/postgres"
	"lonja/adapters/postgres/postgrestest"
	"lonja/adapters/sqlite/readstore"
	"lonja/adapters/web/locale"
	"lonja/adapters/web/portal"
	"lonja/adapters/web/static"
	"lonja/adapters/web/templates"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/projections"
	"lonja/readmodels"
)

// The bars: a list takes at most so many times as long as with the fewest documents,
// unless it takes no longer than what nobody notices.
const (
	barRatio = 3.0
	barTime  = 10 * time.Millisecond
)

var sizes = []int{100, 10_000, 100_000}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench/lists:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("lists", flag.ContinueOnError)
	rounds := flags.Int("rounds", 30, "how often each list is asked for; the median counts")
	only := flags.String("only", "", "measure only the lists whose name matches this regular expression")
	onServer := flags.Bool("postgres", false, "measure on a PostgreSQL of its own, not on SQLite")
	profile := flags.String("profile", "", "write a CPU profile of the measuring to this file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	open := onSQLite
	if *onServer {
		open = onPostgres
	}
	store, done, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	fmt.Fprintln(out, "writing the documents …")
	if err := fill(ctx, store); err != nil {
		return err
	}
	words, err := locale.Load()
	if err != nil {
		return err
	}
	assets, err := static.Load()
	if err != nil {
		return err
	}
	b := bench{store: store, page: templates.Page{L: words.Match("es"), Assets: assets, Title: "Facturas"}, rounds: *rounds}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "list\t\t")
	for _, n := range sizes {
		fmt.Fprintf(t, "%d\t", n)
	}
	fmt.Fprintln(t, "ratio\t\t")
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	missed := 0
	for _, q := range queries() {
		if !wanted.MatchString(q.name) {
			continue
		}
		for _, form := range []string{"page", "JSON"} {
			ok, err := b.row(ctx, t, q, form)
			if err != nil {
				return err
			}
			if !ok {
				missed++
			}
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "bar: ≤ %.0f times as long with %d documents as with %d, or ≤ %v\n", barRatio, sizes[len(sizes)-1], sizes[0], barTime)
	if missed > 0 {
		return fmt.Errorf("%d lists missed their bar", missed)
	}
	return nil
}

// onSQLite opens an empty store in a folder of its own.
func onSQLite(ctx context.Context) (_ readmodels.Store, done func() error, err error) {
	dir, err := os.MkdirTemp("", "lonja-bench-")
	if err != nil {
		return nil, nil, err
	}
	store, err := readstore.Open(ctx, filepath.Join(dir, "readmodels.db"), readstore.Options{})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return store, func() error { return errors.Join(store.Close(), os.RemoveAll(dir)) }, nil
}

// onPostgres opens an empty store on a server of its own.
func onPostgres(ctx context.Context) (_ readmodels.Store, done func() error, err error) {
	server, err := postgrestest.Start(ctx)
	if err != nil {
		return nil, nil, err
	}
	url, err := server.Database(ctx, "bench")
	if err != nil {
		return nil, nil, errors.Join(err, server.Close())
	}
	stores, err := postgres.Open(ctx, url, postgres.Options{MasterKey: bytes.Repeat([]byte{7}, 32)})
	if err != nil {
		return nil, nil, errors.Join(err, server.Close())
	}
	return stores.Reads, func() error { return errors.Join(stores.Close(), server.Close()) }, nil
}

// asked is a list, by name.
type asked struct {
	name string
	readmodels.DocumentQuery
	deep bool // from the middle of the list on
}

func queries() []asked {
	invoices := []document.Kind{document.Invoice}
	var out []asked
	for _, s := range []readmodels.DocumentSort{
		readmodels.SortDate, readmodels.SortDue, readmodels.SortKind, readmodels.SortStatus, readmodels.SortNumber, readmodels.SortTitle, readmodels.SortTotal,
	} {
		out = append(out,
			asked{name: "all by " + string(s), DocumentQuery: readmodels.DocumentQuery{Sort: s}},
			asked{name: "invoices by " + string(s) + ", last first", DocumentQuery: readmodels.DocumentQuery{DocumentFilter: readmodels.DocumentFilter{Kinds: invoices}, Sort: s, Desc: true}},
			asked{name: "open invoices by " + string(s), DocumentQuery: readmodels.DocumentQuery{
				DocumentFilter: readmodels.DocumentFilter{Kinds: invoices, Statuses: []readmodels.Status{readmodels.StatusOpen}}, Sort: s,
			}})
	}
	least, most := int64(90_000), int64(90_100)
	for _, f := range []struct {
		name   string
		filter readmodels.DocumentFilter
	}{
		{"of a year", readmodels.DocumentFilter{Year: 2022}},
		{"of a year and status", readmodels.DocumentFilter{Kinds: invoices, Year: 2022, Statuses: []readmodels.Status{readmodels.StatusPaid}}},
		{"owed", readmodels.DocumentFilter{Owed: true}},
		{"of an amount that few have", readmodels.DocumentFilter{MinTotal: &least, MaxTotal: &most}},
		{"of a currency that none has", readmodels.DocumentFilter{Currency: "USD"}},
		{"search, in every title", readmodels.DocumentFilter{Search: "pedido"}},
		{"search, in one title in a hundred", readmodels.DocumentFilter{Search: "ñora 42"}},
		{"search, the oldest number", readmodels.DocumentFilter{Search: "X-00000000"}},
		{"search, in no document", readmodels.DocumentFilter{Search: "bacalao"}},
		{"search, part of a number, invoices", readmodels.DocumentFilter{Kinds: invoices, Search: "0000000"}},
	} {
		out = append(out, asked{name: f.name, DocumentQuery: readmodels.DocumentQuery{DocumentFilter: f.filter, Sort: readmodels.SortDate, Desc: true}})
	}
	for _, s := range []readmodels.DocumentSort{readmodels.SortDate, readmodels.SortTotal} {
		out = append(out, asked{name: "from the middle on, by " + string(s), DocumentQuery: readmodels.DocumentQuery{Sort: s}, deep: true})
	}
	return out
}

type bench struct {
	store  readmodels.Store
	page   templates.Page
	rounds int
}

// row measures a list with every number of documents.
func (b *bench) row(ctx context.Context, out io.Writer, q asked, form string) (bool, error) {
	fmt.Fprintf(out, "%s\t%s\t", q.name, form)
	var took []time.Duration
	for _, n := range sizes {
		v := readmodels.For(b.store, account, contactOf(n))
		of := q.DocumentQuery
		if of.Limit = 50; form == "page" {
			of.Limit = 25
		}
		if q.deep {
			half := of
			half.Limit = n / 2
			p, err := readmodels.ListDocuments(ctx, v, half)
			if err != nil {
				return false, err
			}
			of.After = p.Next
		}
		times := make([]time.Duration, b.rounds)
		for i := range times {
			// The store remembers what was sifted out last: it is to forget the round before.
			if _, err := readmodels.CountDocuments(ctx, v, readmodels.DocumentFilter{Search: "forget " + strconv.Itoa(i)}); err != nil {
				return false, err
			}
			start := time.Now()
			var err error
			if form == "page" {
				err = b.html(ctx, v, of)
			} else {
				err = b.json(ctx, v, of)
			}
			if err != nil {
				return false, fmt.Errorf("%s of %d: %w", q.name, n, err)
			}
			times[i] = time.Since(start)
		}
		slices.Sort(times)
		took = append(took, times[len(times)/2])
		fmt.Fprintf(out, "%.2f ms\t", float64(took[len(took)-1].Microseconds())/1000)
	}
	ratio := float64(took[len(took)-1]) / float64(took[0])
	ok := ratio <= barRatio || took[len(took)-1] <= barTime
	verdict := "pass"
	if !ok {
		verdict = "MISS"
	}
	fmt.Fprintf(out, "%.1f\t%s\t\n", ratio, verdict)
	return ok, nil
}

func (b *bench) html(ctx context.Context, v readmodels.View, q readmodels.DocumentQuery) error {
	kind := document.Kind("")
	if len(q.Kinds) == 1 {
		kind = q.Kinds[0]
	}
	list, err := portal.ReadList(ctx, v, kind, q)
	if err != nil {
		return err
	}
	list.Path, list.Today, list.Pay = "/documents", "2026-11-23", true
	return templates.ListPage(b.page, list).Render(ctx, io.Discard)
}

func (b *bench) json(ctx context.Context, v readmodels.View, q readmodels.DocumentQuery) error {
	p, err := readmodels.ListDocuments(ctx, v, q)
	if err != nil {
		return err
	}
	rows := make([]readmodels.Document, len(p.Items))
	for i := range p.Items {
		rows[i] = p.Items[i].Row
	}
	return json.NewEncoder(io.Discard).Encode(rows)
}

var account = id.Account(id.DeriveID("bench account"))

func contactOf(n int) id.Contact { return id.Contact(id.DeriveID("bench contact", strconv.Itoa(n))) }

// fill writes each contact's documents as a rebuild does.
func fill(ctx context.Context, store readmodels.Store) error {
	p := projections.Documents()
	if _, err := store.Open(ctx, p.Name, p.Version, p.Tables()); err != nil {
		return err
	}
	g, err := store.Begin(ctx, p.Name, p.Version, p.Tables())
	if err != nil {
		return err
	}
	for _, n := range sizes {
		for start := 0; start < n; start += 5000 {
			batch := readmodels.Batch{Generation: g, From: g.Checkpoint, To: g.Checkpoint + event.Position(min(5000, n-start))}
			for i := start; i < min(n, start+5000); i++ {
				d := documentOf(i, n)
				row, err := readmodels.Documents.Encode(readmodels.Key{Account: account, Contact: contactOf(n), ID: string(d.ID)}, &d)
				if err != nil {
					return err
				}
				batch.Changes = append(batch.Changes, readmodels.Change{Table: readmodels.Documents.Name, Row: row})
			}
			if err := store.Commit(ctx, batch); err != nil {
				return err
			}
			g.Checkpoint = batch.To
		}
		s := readmodels.Summary{}
		s.In("EUR")
		row, err := readmodels.Summaries.Encode(readmodels.Key{Account: account, Contact: contactOf(n), ID: readmodels.SummaryID}, &s)
		if err != nil {
			return err
		}
		batch := readmodels.Batch{Generation: g, From: g.Checkpoint, To: g.Checkpoint, Changes: []readmodels.Change{{Table: readmodels.Summaries.Name, Row: row}}}
		if err := store.Commit(ctx, batch); err != nil {
			return err
		}
	}
	if err := store.Seal(ctx, g); err != nil {
		return err
	}
	g.Sealed = true
	return store.Switch(ctx, g)
}

// documentOf is the i-th of a contact's n documents over five years: half of them
// invoices, all of which but the newest few are paid.
func documentOf(i, n int) readmodels.Document {
	kinds := []document.Kind{
		document.Invoice, document.DeliveryNote, document.Invoice, document.SalesOrder, document.Invoice, document.Quote, document.Invoice, document.CreditNote,
	}
	statuses := map[document.Kind]readmodels.Status{
		document.Invoice: readmodels.StatusPaid, document.DeliveryNote: readmodels.StatusIssued, document.SalesOrder: readmodels.StatusFulfilled,
		document.Quote: readmodels.StatusApproved, document.CreditNote: readmodels.StatusIssued,
	}
	const days = 5 * 365
	total := int64(1000 + i*7919%100_000)
	d := readmodels.Document{
		ID: id.DeriveID("bench document", strconv.Itoa(n), strconv.Itoa(i)), Kind: kinds[i%len(kinds)], Number: fmt.Sprintf("X-%08d", i),
		Title: fmt.Sprintf("Pedido de ñora %d", i%100), IssueDate: document.Date("2021-11-24").AddDays(i * days / n), Lines: 3,
		Net: money.Of(total, "EUR"), Total: money.Of(total, "EUR"), Payable: money.Of(total, "EUR"),
	}
	d.Status, d.DueDate = statuses[d.Kind], d.IssueDate.AddDays(30)
	if n-i <= 40 && d.Kind == document.Invoice {
		d.Status, d.Outstanding = readmodels.StatusOpen, d.Total
	}
	return d
}
