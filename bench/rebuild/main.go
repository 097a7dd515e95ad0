// Command rebuild measures the rebuild of every projection from a realistic log: a
// million events over fifty thousand contacts, with personal data sealed.
//
//	go run ./bench/rebuild
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"syscall"
	"text/tabwriter"
	"time"

	"lonja/adapters/sqlite/eventlog"
	"lonja/adapters/sqlite/readstore"
	"lonja/bench/biglog"
	"lonja/domain/event"
	"lonja/domain/vocabulary"
	"lonja/projections"
)

const (
	barEvents = 100_000 // a second
	barMemory = 1.5     // GiB
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench/rebuild:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("rebuild", flag.ContinueOnError)
	dir := flags.String("dir", "", "keep the log here between runs (default: a temporary folder, removed at the end)")
	contacts := flags.Int("contacts", 50_000, "contacts, of 20 events each")
	memory := flags.Int("memory", 64, "MiB of rows that the rebuild may keep in memory")
	profile := flags.String("profile", "", "write a CPU profile of the rebuild here")
	check := flags.Bool("check", false, "rebuild a second time with a tenth of the memory, and compare the hash of every row")
	only := flags.Bool("generate", false, "only write the log (the program starts itself with it, so that its memory is not measured)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *dir == "" {
		tmp, err := os.MkdirTemp("", "lonja-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		*dir = tmp
	}
	codec := event.NewCodec(vocabulary.Registry(), biglog.NewKeys())
	path := filepath.Join(*dir, "events.db")
	if *only {
		log, err := eventlog.Open(ctx, path, eventlog.Options{})
		if err != nil {
			return err
		}
		return errors.Join(biglog.Write(ctx, log, codec, *contacts), log.Close())
	}
	if _, err := os.Stat(path); err != nil {
		fmt.Fprintln(out, "writing the log …")
		start := time.Now()
		self, err := os.Executable()
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, self, "-generate", "-dir", *dir, "-contacts", fmt.Sprint(*contacts))
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("writing the log: %w", err)
		}
		fmt.Fprintf(out, "wrote it in %.1f s\n", time.Since(start).Seconds())
	}
	return measure(ctx, out, *dir, codec, *memory, *profile, *check)
}

func measure(ctx context.Context, out io.Writer, dir string, codec *event.Codec, memory int, profile string, check bool) error {
	log, err := eventlog.Open(ctx, filepath.Join(dir, "events.db"), eventlog.Options{})
	if err != nil {
		return err
	}
	defer log.Close()
	reads, err := os.MkdirTemp(dir, "reads-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(reads)
	store, err := readstore.Open(ctx, filepath.Join(reads, "readmodels.db"), readstore.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	head, err := log.Head(ctx)
	if err != nil {
		return err
	}
	rebuild := func(memory int) (time.Duration, map[projections.Phase]time.Duration, error) {
		r, err := projections.NewRunner(projections.Config{
			Projections: projections.All(), Events: log, Codec: codec, Store: store, Memory: memory << 20,
		})
		if err != nil {
			return 0, nil, err
		}
		began := map[projections.Phase]time.Time{}
		start := time.Now()
		err = r.Rebuild(ctx, func(p projections.Progress) {
			if began[p.Phase].IsZero() {
				began[p.Phase] = time.Now()
			}
		})
		end := time.Now()
		return end.Sub(start), map[projections.Phase]time.Duration{
			projections.Folding:  began[projections.Indexing].Sub(start),
			projections.Indexing: began[projections.Catching].Sub(began[projections.Indexing]),
			projections.Catching: end.Sub(began[projections.Catching]),
		}, err
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	took, phases, err := rebuild(memory)
	if err != nil {
		return err
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return err
	}
	rate := float64(head) / took.Seconds()
	gib := float64(usage.Maxrss) / (1 << 20)
	for _, p := range []projections.Phase{projections.Folding, projections.Indexing, projections.Catching} {
		fmt.Fprintf(out, "%s: %.2f s\n", p, phases[p].Seconds())
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tmeasured\tbar\tratio\t")
	missed := 0
	row := func(what, measured, bar string, ratio float64) {
		verdict := "pass"
		if ratio < 1 {
			verdict = "MISS"
			missed++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.2f\t%s\n", what, measured, bar, ratio, verdict)
	}
	row(fmt.Sprintf("rebuild of all %d projections from %d events", len(projections.All()), head), fmt.Sprintf("%.0f events/s", rate), fmt.Sprintf("≥ %d", barEvents), rate/barEvents)
	row("its peak of resident memory", fmt.Sprintf("%.2f GiB", gib), fmt.Sprintf("≤ %.1f GiB", barMemory), barMemory/gib)
	if err := w.Flush(); err != nil {
		return err
	}
	if check {
		if err := compare(ctx, out, store, func() error { _, _, err := rebuild(memory / 10); return err }); err != nil {
			return err
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d figures missed", missed)
	}
	return nil
}

func compare(ctx context.Context, out io.Writer, store *readstore.Store, again func() error) error {
	hashes := func() (map[string]string, error) {
		m := map[string]string{}
		for _, p := range projections.All() {
			h, err := projections.Hash(ctx, store, p.Name)
			if err != nil {
				return nil, err
			}
			m[p.Name] = h
		}
		return m, nil
	}
	first, err := hashes()
	if err != nil {
		return err
	}
	if err := again(); err != nil {
		return err
	}
	second, err := hashes()
	if err != nil {
		return err
	}
	for name, h := range first {
		if second[name] != h {
			return fmt.Errorf("rows of %s differ with less memory", name)
		}
	}
	fmt.Fprintln(out, "a rebuild with a tenth of the memory has the same rows")
	return nil
}
