// Command start measures how soon the program serves on a log of a million events whose
// read models are current, and the memory that it holds when nothing happens.
//
//	go run ./bench/start
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"lonja/adapters/sqlite/eventlog"
	"lonja/adapters/sqlite/readstore"
	"lonja/adapters/sqlite/vault"
	"lonja/bench/biglog"
	"lonja/commands/reactions"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/vocabulary"
	"lonja/projections"
)

// The bars.
const (
	barStart  = time.Second
	barMemory = 150.0 // MiB
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench/start:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("start", flag.ContinueOnError)
	binary := flags.String("binary", "bin/lonja", "the program to measure")
	dir := flags.String("dir", "", "keep the data folder here between runs (default: a temporary one, removed at the end)")
	contacts := flags.Int("contacts", 50_000, "contacts, of 20 events each")
	rounds := flags.Int("rounds", 7, "how often it is started")
	idle := flags.Duration("idle", 10*time.Second, "how long it is left alone before its memory is read")
	fill := flags.Bool("fill", false, "only fill the folder (the program starts itself with it)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *fill {
		return fillFolder(ctx, *dir, *contacts)
	}
	if *dir == "" {
		tmp, err := os.MkdirTemp("", "lonja-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		*dir = filepath.Join(tmp, "data")
	}
	if _, err := os.Stat(*dir); err != nil {
		fmt.Fprintln(out, "writing the log and its read models …")
		if text, err := exec.CommandContext(ctx, *binary, "account", "open", "--data", *dir, "--name", "Bench, S.L.", "--tax-id", "B00000000").CombinedOutput(); err != nil {
			return fmt.Errorf("%w (make build first)\n%s", err, text)
		}
		self, err := os.Executable()
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, self, "-fill", "-dir", *dir, "-contacts", strconv.Itoa(*contacts))
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("writing the log: %w", err)
		}
	}
	var starts []time.Duration
	var memory []float64
	for i := range *rounds {
		wait := time.Duration(0)
		if i >= *rounds-2 {
			wait = *idle
		}
		took, mib, err := measure(ctx, *binary, *dir, wait)
		if err != nil {
			return err
		}
		starts = append(starts, took)
		if wait > 0 {
			memory = append(memory, mib)
		}
	}
	slices.Sort(starts)
	slices.Sort(memory)
	worst, most := starts[len(starts)-1], memory[len(memory)-1]
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what\tmeasured\tbar\tratio\t")
	fmt.Fprintf(t, "start on %d events until it answers (slowest of %d; median %s)\t%s\t≤ %s\t%.2f\t%s\n", *contacts*biglog.PerContact, len(starts),
		starts[len(starts)/2].Round(time.Millisecond), worst.Round(time.Millisecond), barStart, worst.Seconds()/barStart.Seconds(), verdict(worst <= barStart))
	fmt.Fprintf(t, "resident memory, idle (after %s)\t%.0f MiB\t≤ %.0f MiB\t%.2f\t%s\n", *idle, most, barMemory, most/barMemory, verdict(most <= barMemory))
	if err := t.Flush(); err != nil {
		return err
	}
	if worst > barStart || most > barMemory {
		return errors.New("figures missed")
	}
	return nil
}

func verdict(ok bool) string {
	if ok {
		return "pass"
	}
	return "MISS"
}

var serving = regexp.MustCompile(`address=(\S+)`)

// measure starts the program, waits until it says that its projections are at the log's
// head and answers, leaves it alone, and reads its memory.
func measure(ctx context.Context, binary, dir string, idle time.Duration) (took time.Duration, mib float64, err error) {
	began := time.Now()
	cmd := exec.CommandContext(ctx, binary, "serve", "--data", dir, "--addr", "127.0.0.1:0")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return 0, 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_, _ = io.Copy(io.Discard, stderr)
		err = errors.Join(err, cmd.Wait())
	}()
	var text bytes.Buffer
	buf := make([]byte, 4096)
	var base string
	for base == "" {
		n, err := stderr.Read(buf)
		if err != nil {
			return 0, 0, fmt.Errorf("the program ended early: %w\n%s", err, text.String())
		}
		text.Write(buf[:n])
		if m := serving.FindStringSubmatch(text.String()); m != nil {
			base = m[1]
		}
	}
	for _, path := range []string{"/healthz", "/sign-in"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
		if err != nil {
			return 0, 0, err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, 0, err
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return 0, 0, fmt.Errorf("%s answers %s", path, res.Status)
		}
	}
	took = time.Since(began)
	if idle == 0 {
		return took, 0, nil
	}
	select {
	case <-time.After(idle):
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	m := resident.FindSubmatch(status)
	if m == nil {
		return 0, 0, errors.New("the system does not tell the memory of a process")
	}
	kib, err := strconv.ParseFloat(string(m[1]), 64)
	return took, kib / 1024, err
}

var resident = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// bothKeys are the keys of the folder's own account, and of the log's.
type bothKeys struct {
	own event.Keys
	log *biglog.Keys
}

func (k bothKeys) Key(ctx context.Context, account id.Account, subject string) (*event.Key, error) {
	if account == biglog.Account {
		return k.log.Key(ctx, account, subject)
	}
	return k.own.Key(ctx, account, subject)
}

// fillFolder appends the log to the folder's, and makes its read models current.
func fillFolder(ctx context.Context, dir string, contacts int) (err error) {
	secrets, err := vault.Open(ctx, filepath.Join(dir, "vault.db"), vault.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, secrets.Close()) }()
	log, err := eventlog.Open(ctx, filepath.Join(dir, "events.db"), eventlog.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	store, err := readstore.Open(ctx, filepath.Join(dir, "readmodels.db"), readstore.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	codec := event.NewCodec(vocabulary.Registry(), bothKeys{secrets, biglog.NewKeys()})
	if err := biglog.Write(ctx, log, codec, contacts); err != nil {
		return err
	}
	r, err := projections.NewRunner(projections.Config{Projections: projections.All(), Events: log, Codec: codec, Store: store})
	if err != nil {
		return err
	}
	if err := r.Rebuild(ctx, nil); err != nil {
		return err
	}
	head, err := log.Head(ctx)
	if err != nil {
		return err
	}
	// A system with such a log has answered it. Its keys are nobody's: a reaction that began at
	// its first event would park every one.
	for _, re := range []reactions.Reaction{
		reactions.PaymentsToDocuments(nil), reactions.CreditNotesToInvoices(nil), reactions.Mails(nil), reactions.Invitations(nil), reactions.Erasures(nil),
		reactions.ForgetMails(nil),
	} {
		if err := secrets.SetCheckpoint(ctx, re.Name, head); err != nil {
			return err
		}
	}
	return nil
}
