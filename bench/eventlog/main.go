// Command eventlog measures the SQLite event log against the figures that it must
// reach, each beside its reference in the same run: a segment file that does nothing
// but write, check sums and sync, and another Go event store on SQLite.
//
//	go run ./bench/eventlog
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"lonja/adapters/sqlite/eventlog"
	"lonja/domain/event"
)

const (
	streams     = 50_000
	perStream   = 20
	perAppend   = 4 // events, while populating
	payloadSize = 400
	walBound    = 256 << 20
)

type options struct {
	dir    string
	peer   string
	rounds int
	round  time.Duration
	only   string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench/eventlog:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	var openOnly string
	flags := flag.NewFlagSet("eventlog", flag.ContinueOnError)
	flags.StringVar(&o.dir, "dir", "", "keep the populated log here between runs (default: a temporary folder, removed at the end)")
	flags.StringVar(&o.peer, "peer", "bench/peer", "folder of the peer's module; empty to leave it out")
	flags.IntVar(&o.rounds, "rounds", 7, "rounds of each side, interleaved; the median counts")
	flags.DurationVar(&o.round, "round", time.Second, "length of a round")
	flags.StringVar(&o.only, "only", "append,peer,replay,start", "what to measure")
	flags.StringVar(&openOnly, "measure-open", "", "open this log, print what that took, and end (the program starts itself with it)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if openOnly != "" {
		return measureOpen(ctx, openOnly, out)
	}
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "lonja-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.dir = dir
	}
	b := &bench{options: o, out: out}
	if err := b.populate(ctx); err != nil {
		return fmt.Errorf("populate: %w", err)
	}
	for _, part := range strings.Split(o.only, ",") {
		var err error
		switch part {
		case "append":
			err = b.appends(ctx)
		case "peer":
			if o.peer != "" {
				err = b.versusPeer(ctx)
			}
		case "replay":
			err = b.replay(ctx)
		case "start":
			err = b.start(ctx)
		default:
			err = fmt.Errorf("nothing of that name to measure")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	return b.print()
}

type row struct {
	what, measured, reference, ratio, bar string
	pass                                  bool
}

type bench struct {
	options
	out  io.Writer
	rows []row
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.out, format+"\n", args...) }

func (b *bench) print() error {
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nwhat\tmeasured\treference or limit\tratio\tbar\t")
	missed := 0
	for _, r := range b.rows {
		verdict := "pass"
		if !r.pass {
			verdict = "MISS"
			missed++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.what, r.measured, r.reference, r.ratio, r.bar, verdict)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if missed > 0 {
		return fmt.Errorf("%d of %d figures missed", missed, len(b.rows))
	}
	return nil
}

func (b *bench) basePath() string { return filepath.Join(b.dir, "base.db") }

// working copies the populated log, since measuring adds to it.
func (b *bench) working() (string, error) {
	path := filepath.Join(b.dir, "work.db")
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.RemoveAll(path + suffix); err != nil {
			return "", err
		}
	}
	return path, copyFile(path, b.basePath())
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	if err := out.Sync(); err != nil {
		return err
	}
	return out.Close()
}

func streamName(i int) string { return fmt.Sprintf("invoice-01JD%022d", i) }

// populate makes the log of a million events, in the way that a portal's log comes
// about: the events of many streams interleaved.
func (b *bench) populate(ctx context.Context) error {
	done := b.basePath() + ".complete"
	if _, err := os.Stat(done); err == nil {
		b.say("using the populated log in %s", b.dir)
		return nil
	}
	for _, suffix := range []string{"", "-wal", "-shm", "-lock"} {
		if err := os.RemoveAll(b.basePath() + suffix); err != nil {
			return err
		}
	}
	began := time.Now()
	l, err := eventlog.Open(ctx, b.basePath(), eventlog.Options{})
	if err != nil {
		return err
	}
	defer l.Close()
	const workers = 128
	errs := make(chan error, workers)
	for w := range workers {
		go func() {
			rnd := rand.New(rand.NewPCG(7, uint64(w)))
			var turns []int
			for s := w; s < streams; s += workers {
				for range perStream / perAppend {
					turns = append(turns, s)
				}
			}
			rnd.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
			last := map[int]event.Revision{}
			gen := newGenerator(uint64(w))
			for _, s := range turns {
				expected, ok := last[s]
				if !ok {
					expected = event.NoStream
				}
				r, err := l.Append(ctx, streamName(s), expected, gen.next(perAppend))
				if err != nil {
					errs <- err
					return
				}
				last[s] = r.Revision
			}
			errs <- nil
		}()
	}
	for range workers {
		if werr := <-errs; werr != nil && err == nil {
			err = werr
		}
	}
	if err != nil {
		return err
	}
	if err := l.Close(); err != nil {
		return err
	}
	info, err := os.Stat(b.basePath())
	if err != nil {
		return err
	}
	b.say("populated %d events in %d streams, %d MiB, in %.1f s", streams*perStream, streams, info.Size()>>20, time.Since(began).Seconds())
	return os.WriteFile(done, nil, 0o600)
}

// generator makes events with 400 bytes of payload, without much ado.
type generator struct {
	rnd    *rand.Rand
	events []event.Raw
}

func newGenerator(seed uint64) *generator {
	g := &generator{rnd: rand.New(rand.NewPCG(seed, uint64(time.Now().UnixNano())))}
	g.events = make([]event.Raw, 16)
	for i := range g.events {
		e := &g.events[i]
		e.Type = "invoice.issued"
		e.Meta = []byte(`{}`)
		e.Data = make([]byte, payloadSize)
		for j := range e.Data {
			e.Data[j] = byte('a' + g.rnd.IntN(26))
		}
	}
	return g
}

func (g *generator) next(n int) []event.Raw {
	for i := range n {
		e := &g.events[i]
		for j := range e.ID {
			if j%8 == 0 {
				v := g.rnd.Uint64() >> 1
				for k := range 8 {
					e.ID[j+k] = byte(v >> (56 - 8*k))
				}
			}
		}
	}
	return g.events[:n]
}

type appender interface {
	Append(ctx context.Context, stream string, expected event.Revision, events []event.Raw) (event.Receipt, error)
}

// fleet appends from a number of writers at once, each to random streams of its own,
// and remembers their revisions.
type fleet struct {
	names     []string
	revisions []event.Revision
}

func newFleet() *fleet {
	f := &fleet{names: make([]string, streams), revisions: make([]event.Revision, streams)}
	for i := range f.names {
		f.names[i], f.revisions[i] = streamName(i), perStream-1
	}
	return f
}

// run returns appends per second and the latencies of each append.
func (f *fleet) run(ctx context.Context, a appender, writers int, length time.Duration) (float64, []time.Duration, error) {
	var group sync.WaitGroup
	counts := make([][]time.Duration, writers)
	errs := make([]error, writers)
	began := time.Now()
	deadline := began.Add(length)
	for w := range writers {
		group.Go(func() {
			gen := newGenerator(uint64(w))
			took := make([]time.Duration, 0, 1<<14)
			for now := time.Now(); now.Before(deadline); {
				s := gen.rnd.IntN(streams/writers)*writers + w
				r, err := a.Append(ctx, f.names[s], f.revisions[s], gen.next(1))
				if err != nil {
					errs[w] = err
					return
				}
				f.revisions[s] = r.Revision
				then := now
				now = time.Now()
				took = append(took, now.Sub(then))
			}
			counts[w] = took
		})
	}
	group.Wait()
	elapsed := time.Since(began)
	var all []time.Duration
	for w := range writers {
		if errs[w] != nil {
			return 0, nil, errs[w]
		}
		all = append(all, counts[w]...)
	}
	return float64(len(all)) / elapsed.Seconds(), all, nil
}

func (b *bench) appends(ctx context.Context) error {
	path, err := b.working()
	if err != nil {
		return err
	}
	l, err := eventlog.Open(ctx, path, eventlog.Options{})
	if err != nil {
		return err
	}
	defer l.Close()
	seg, err := openSegment(filepath.Join(b.dir, "segment"), 256<<20)
	if err != nil {
		return err
	}
	defer seg.Close()
	ours, theirs := newFleet(), newFleet()
	if _, _, err := ours.run(ctx, l, 256, 2*b.round); err != nil { // warm heads and page cache
		return err
	}
	walMax := int64(0)
	for _, c := range []struct {
		writers int
		bar     float64
	}{{1, 0.75}, {16, 0.40}, {64, 0.25}, {256, 0.13}} {
		var mine, its, ratios []float64
		var took, tookSeg []time.Duration
		for range b.rounds {
			x, t, err := ours.run(ctx, l, c.writers, b.round)
			if err != nil {
				return err
			}
			walMax = max(walMax, l.WALBytes())
			y, ts, err := theirs.run(ctx, seg, c.writers, b.round)
			if err != nil {
				return err
			}
			mine, its, ratios = append(mine, x), append(its, y), append(ratios, x/y)
			took, tookSeg = append(took, t...), append(tookSeg, ts...)
		}
		b.say("%3d writers: log %s, p50 %v p99 %v; segment %s, p50 %v p99 %v; ratios %.2f, of all rounds together %.2f", c.writers,
			perSecond(median(mine)), quantile(took, 0.5), quantile(took, 0.99), perSecond(median(its)), quantile(tookSeg, 0.5), quantile(tookSeg, 0.99), ratios, sum(mine)/sum(its))
		r := median(ratios)
		b.rows = append(b.rows, row{
			fmt.Sprintf("durable appends, %d writers, 1 M events there", c.writers), perSecond(median(mine)),
			"segment file " + perSecond(median(its)), percent(r), "≥ " + percent(c.bar), r >= c.bar,
		})
	}
	b.rows = append(b.rows, row{"largest write-ahead log", mib(walMax), mib(walBound), "", "≤ " + mib(walBound), walMax <= walBound})
	return l.Close()
}

// versusPeer measures this log before and after the peer, which runs in a process of
// its own, so that a slow moment of the disk does not decide.
func (b *bench) versusPeer(ctx context.Context) error {
	const writers = 64
	path, err := b.working()
	if err != nil {
		return err
	}
	l, err := eventlog.Open(ctx, path, eventlog.Options{})
	if err != nil {
		return err
	}
	defer l.Close()
	ours := newFleet()
	if _, _, err := ours.run(ctx, l, writers, 2*b.round); err != nil { // warm
		return err
	}
	var mine, its []float64
	var name string
	for range 3 {
		x, _, err := ours.run(ctx, l, writers, 2*b.round)
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, "go", "run", "-C", b.peer, ".", "-dir", b.dir, "-writers", strconv.Itoa(writers), "-length", (2 * b.round).String())
		cmd.Stderr = os.Stderr
		text, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("run the peer: %w", err)
		}
		var result struct {
			Name             string
			AppendsPerSecond float64
		}
		if err := json.Unmarshal(text, &result); err != nil {
			return fmt.Errorf("the peer's answer %q: %w", text, err)
		}
		name = result.Name
		mine, its = append(mine, x), append(its, result.AppendsPerSecond)
	}
	r := median(mine) / median(its)
	b.rows = append(b.rows, row{
		fmt.Sprintf("durable appends, %d writers, again", writers), perSecond(median(mine)), name + " on an empty log " + perSecond(median(its)),
		fmt.Sprintf("%.1f ×", r), "≥ 10 ×", r >= 10,
	})
	return l.Close()
}

func (b *bench) replay(ctx context.Context) error {
	l, err := eventlog.Open(ctx, b.basePath(), eventlog.Options{})
	if err != nil {
		return err
	}
	defer l.Close()
	segPath := filepath.Join(b.dir, "replay.segment")
	if err := writeReplaySegment(ctx, l, segPath); err != nil {
		return err
	}
	var mine, its, ratios []float64
	for range b.rounds {
		x, err := rate(func() (int, error) { return readLog(ctx, l) })
		if err != nil {
			return err
		}
		y, err := rate(func() (int, error) { return readSegment(segPath) })
		if err != nil {
			return err
		}
		mine, its, ratios = append(mine, x), append(its, y), append(ratios, x/y)
	}
	r := median(ratios)
	b.rows = append(b.rows, row{
		"replay of 1 M events, raw", perSecond(median(mine)), "segment file " + perSecond(median(its)), percent(r),
		"≥ 1500000/s or ≥ 30 %", median(mine) >= 1_500_000 || r >= 0.30,
	})
	return l.Close()
}

func rate(read func() (int, error)) (float64, error) {
	began := time.Now()
	n, err := read()
	if err == nil && n != streams*perStream {
		err = fmt.Errorf("%d events read, want %d", n, streams*perStream)
	}
	return float64(n) / time.Since(began).Seconds(), err
}

func readLog(ctx context.Context, l *eventlog.Log) (n int, err error) {
	var buf []event.Stored
	for after := event.Position(0); ; after = buf[len(buf)-1].Position {
		if buf, err = l.ReadFeed(ctx, after, 1024, buf[:0]); err != nil || len(buf) == 0 {
			return n, err
		}
		n += len(buf)
	}
}

// start measures opening in a process of its own, since this one has already grown.
func (b *bench) start(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var took, rss []float64
	for range b.rounds {
		text, err := exec.CommandContext(ctx, self, "-measure-open", b.basePath()).Output()
		if err != nil {
			return fmt.Errorf("open in a process of its own: %w", err)
		}
		var o opened
		if err := json.Unmarshal(text, &o); err != nil {
			return err
		}
		took, rss = append(took, o.Seconds), append(rss, float64(o.RSS))
	}
	t, m := median(took), median(rss)
	b.rows = append(b.rows,
		row{"open a log of 1 M events", fmt.Sprintf("%.1f ms", t*1000), "", "", "≤ 1 s", t <= 1},
		row{"resident memory after that", mib(int64(m)), "", "", "≤ 150 MiB", m <= 150<<20})
	return nil
}

type opened struct {
	Seconds float64
	RSS     int64
}

func measureOpen(ctx context.Context, path string, out io.Writer) error {
	began := time.Now()
	l, err := eventlog.Open(ctx, path, eventlog.Options{})
	if err != nil {
		return err
	}
	defer l.Close()
	head, err := l.Head(ctx)
	if err != nil {
		return err
	}
	if _, err := l.ReadFeed(ctx, head-1, 1, nil); err != nil {
		return err
	}
	o := opened{Seconds: time.Since(began).Seconds()}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kib), "kB")), 10, 64)
			if err != nil {
				return err
			}
			o.RSS = n << 10
		}
	}
	if err := json.NewEncoder(out).Encode(o); err != nil {
		return err
	}
	return l.Close()
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

func sum(v []float64) (s float64) {
	for _, x := range v {
		s += x
	}
	return s
}

func quantile(v []time.Duration, q float64) time.Duration {
	s := slices.Sorted(slices.Values(v))
	if len(s) == 0 {
		return 0
	}
	return s[int(q*float64(len(s)-1))].Round(time.Microsecond)
}

func perSecond(v float64) string { return fmt.Sprintf("%.0f/s", v) }
func percent(v float64) string   { return fmt.Sprintf("%.0f %%", v*100) }
func mib(v int64) string         { return fmt.Sprintf("%d MiB", v>>20) }
