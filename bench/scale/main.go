// Command scale measures the stores of a scaled-out system, each figure beside its
// reference in the same run.
//
//	go run ./bench/scale
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench/scale:", err)
		os.Exit(1)
	}
}

// config is what the parts are asked for.
type config struct {
	dir      string
	contacts int
	rounds   int
	conns    int
	profile  string
}

// profileOf is where the CPU profile of a part goes, empty for none.
func (c config) profileOf(part string) string {
	if c.profile == "" {
		return ""
	}
	return filepath.Join(c.profile, part+".prof")
}

// parts are measured in this order.
var parts = []struct {
	name    string
	measure func(context.Context, *table, config) error
}{
	{"live", postgresLive},
	{"rebuild", postgresRebuild},
	{"home", postgresHome},
	{"append", appendEvents},
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("scale", flag.ContinueOnError)
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	part := flags.String("part", strings.Join(names, ","), "what to measure")
	c := config{}
	flags.StringVar(&c.dir, "dir", "", "keep the log here between runs (default: a temporary folder, removed at the end)")
	flags.IntVar(&c.contacts, "contacts", 50_000, "contacts, of 20 events each")
	flags.IntVar(&c.rounds, "rounds", 5, "rounds of requests, their reference in turn with them")
	flags.IntVar(&c.conns, "connections", 64, "connections that ask for home")
	flags.StringVar(&c.profile, "profile", "", "write a CPU profile of live and rebuild to this folder")
	serve := flags.String("serve", "", "serve home from this database, and its reference (the program starts itself so)")
	generate := flags.Bool("generate", false, "only write the log (the program starts itself so, so that it begins with its memory free)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case *serve != "":
		return serveHome(ctx, *serve, out)
	case *generate:
		return writeLog(ctx, c)
	}
	if c.dir == "" {
		tmp, err := os.MkdirTemp("", "lonja-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		c.dir = tmp
	}
	wanted := strings.Split(*part, ",")
	t := &table{out: out, w: tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	fmt.Fprintln(t.w, "what\tmeasured\treference\tratio\tbar\t")
	for _, p := range parts {
		if !slices.Contains(wanted, p.name) {
			continue
		}
		if err := p.measure(ctx, t, c); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if err := t.w.Flush(); err != nil {
		return err
	}
	if t.missed > 0 {
		return fmt.Errorf("%d figures missed", t.missed)
	}
	return nil
}

// table is what is printed at the end.
type table struct {
	out    io.Writer
	w      *tabwriter.Writer
	missed int
}

// row adds a figure that is reached where got is at least the bar, as a share of the reference.
func (t *table) row(what, measured, reference string, got, bar float64) {
	verdict := "pass"
	if got < bar {
		verdict = "MISS"
		t.missed++
	}
	fmt.Fprintf(t.w, "%s\t%s\t%s\t%.0f %%\t≥ %.0f %%\t%s\n", what, measured, reference, 100*got, 100*bar, verdict)
}

// say tells of what is under way.
func (t *table) say(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }
