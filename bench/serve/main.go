// Command serve measures the program as its users meet it, each figure beside its
// reference in the same run: a command until a read shows it, against a durable append;
// the home page's JSON, against a bare handler that returns the same bytes from memory.
//
//	go run ./bench/serve
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/oklog/ulid/v2"

	"lonja/adapters/sqlite/eventlog"
	"lonja/bench/load"
	"lonja/domain/event"
)

// The bars.
const (
	barVisible = 5.0 // times the p99 of a durable append, at most
	barHome    = 0.5 // of the bare handler's requests a second, at least
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench/serve:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	binary := flags.String("binary", "bin/lonja", "the program to measure")
	rounds := flags.Int("rounds", 5, "rounds of each figure, its reference in turn with it")
	conns := flags.Int("connections", 64, "connections that ask for home")
	bare := flags.String("bare", "", "serve this file from memory, as the reference (the program starts itself so)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *bare != "" {
		return serveBare(ctx, *bare, out)
	}
	dir, err := os.MkdirTemp("", "lonja-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p, err := start(ctx, out, *binary, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what\tmeasured\treference\tratio\tbar\t")
	missed := 0
	if ok, err := p.visible(ctx, t, dir, *rounds); err != nil {
		return err
	} else if !ok {
		missed++
	}
	if ok, err := p.home(ctx, t, dir, *rounds, *conns); err != nil {
		return err
	} else if !ok {
		missed++
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if missed > 0 {
		return fmt.Errorf("%d figures missed", missed)
	}
	return nil
}

// program is the one that is measured, with the demo account in it.
type program struct {
	cmd   *exec.Cmd
	base  string
	token string
	http  *http.Client
}

var printed = regexp.MustCompile(`(?s)is at (http://[0-9.:]+).*a client +(\S+) +(\S+)`)

func start(ctx context.Context, out io.Writer, binary, data string) (*program, error) {
	fmt.Fprintln(out, "loading the demo account …")
	cmd := exec.CommandContext(ctx, binary, "demo", "--data", data, "--addr", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "LONJA_LOG_LEVEL=ERROR")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w (make build first)", err)
	}
	var text bytes.Buffer
	buf := make([]byte, 4096)
	var m []string
	for m == nil {
		n, err := stdout.Read(buf)
		if err != nil {
			return nil, fmt.Errorf("the program ended early: %w\n%s", err, text.String())
		}
		text.Write(buf[:n])
		m = printed.FindStringSubmatch(text.String())
	}
	p := &program{cmd: cmd, base: m[1], http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}}
	var session struct{ Token string }
	if err := p.call(ctx, http.MethodPost, "/api/v1/session", map[string]string{"email": m[2], "password": m[3]}, &session); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	p.token = session.Token
	return p, nil
}

func (p *program) stop() error {
	_ = p.cmd.Process.Signal(os.Interrupt)
	return p.cmd.Wait()
}

func (p *program) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		j, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(j)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+p.token)
	res, err := p.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, b)
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = b
		return nil
	}
	return json.Unmarshal(b, out)
}

// acts is how many commands, and appends, a round has.
const acts = 300

// visible measures one client that posts a comment and reads it back, in turn with one
// writer that appends to a log on the same disk.
func (p *program) visible(ctx context.Context, t io.Writer, dir string, rounds int) (bool, error) {
	var list struct{ Items []struct{ ID string } }
	if err := p.call(ctx, http.MethodGet, "/api/v1/documents?limit=100", nil, &list); err != nil {
		return false, err
	}
	log, err := eventlog.Open(ctx, filepath.Join(dir, "reference.db"), eventlog.Options{})
	if err != nil {
		return false, err
	}
	defer func() { _ = log.Close() }()
	data := bytes.Repeat([]byte("x"), 400)
	var ours, theirs []time.Duration
	for range rounds {
		for i := range acts {
			began := time.Now()
			if _, err := log.Append(ctx, "bench-"+ulid.Make().String(), event.NoStream, []event.Raw{{ID: ulid.Make(), Type: "bench.done", Meta: data[:100], Data: data}}); err != nil {
				return false, err
			}
			theirs = append(theirs, time.Since(began))
			began = time.Now()
			if err := p.comment(ctx, list.Items[i%len(list.Items)].ID); err != nil {
				return false, err
			}
			ours = append(ours, time.Since(began))
		}
	}
	a, b := p99(ours), p99(theirs)
	ratio := float64(a) / float64(b)
	fmt.Fprintf(t, "p99 of a command until a read shows it\t%s\t%s (durable append)\t%.1f ×\t≤ %.0f ×\t%s\n", a.Round(time.Microsecond), b.Round(time.Microsecond), ratio, barVisible, verdict(ratio <= barVisible))
	fmt.Fprintf(t, "its median\t%s\t%s\t%.1f ×\t\t\n", median(ours).Round(time.Microsecond), median(theirs).Round(time.Microsecond), float64(median(ours))/float64(median(theirs)))
	return ratio <= barVisible, nil
}

// comment posts a comment and reads it back at once.
func (p *program) comment(ctx context.Context, doc string) error {
	var done struct{ ID string }
	if err := p.call(ctx, http.MethodPost, "/api/v1/documents/"+doc+"/comments", map[string]string{"text": "¿Cuándo llega?"}, &done); err != nil {
		return err
	}
	var seen []byte
	if err := p.call(ctx, http.MethodGet, "/api/v1/documents/"+doc+"/comments?limit=500", nil, &seen); err != nil {
		return err
	}
	if !bytes.Contains(seen, []byte(done.ID)) {
		return fmt.Errorf("comment %s is not there yet", done.ID)
	}
	return nil
}

// round is how long a round of requests takes.
const round = 2 * time.Second

// home measures requests a second for a contact's home, in turn with a bare handler in a
// process of its own that returns the same bytes, while projections follow other commands.
func (p *program) home(ctx context.Context, t io.Writer, dir string, rounds, conns int) (bool, error) {
	var body []byte
	if err := p.call(ctx, http.MethodGet, "/api/v1/home", nil, &body); err != nil {
		return false, err
	}
	file := filepath.Join(dir, "home.json")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		return false, err
	}
	self, err := os.Executable()
	if err != nil {
		return false, err
	}
	cmd := exec.CommandContext(ctx, self, "-bare", file)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, err
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}()
	var bare string
	if _, err := fmt.Fscanln(stdout, &bare); err != nil {
		return false, err
	}
	ours := load.Request{Addr: p.base[len("http://"):], Path: "/api/v1/home", Token: p.token}
	theirs := load.Request{Addr: bare, Path: "/home", Token: p.token}
	busy, stop := context.WithCancel(ctx)
	var background sync.WaitGroup
	background.Go(func() { p.keepBusy(busy) })
	defer background.Wait()
	defer stop()
	var ratios, a, b []float64
	for i := range rounds + 1 {
		x, err := load.Run(ctx, ours, conns, round)
		if err != nil {
			return false, err
		}
		y, err := load.Run(ctx, theirs, conns, round)
		if err != nil {
			return false, err
		}
		if i > 0 { // the first warms up
			a, b, ratios = append(a, x), append(b, y), append(ratios, x/y)
		}
	}
	slices.Sort(ratios)
	ratio := ratios[len(ratios)/2]
	slices.Sort(a)
	slices.Sort(b)
	fmt.Fprintf(t, "home page JSON (%d bytes), %d connections, projections running\t%.0f/s\t%.0f/s (bare chi handler)\t%.0f %%\t≥ %.0f %%\t%s\n",
		len(body), conns, a[len(a)/2], b[len(b)/2], 100*ratio, 100*barHome, verdict(ratio >= barHome))
	return ratio >= barHome, nil
}

// keepBusy posts a comment some twenty times a second, so that projections run.
func (p *program) keepBusy(ctx context.Context) {
	var list struct{ Items []struct{ ID string } }
	if p.call(ctx, http.MethodGet, "/api/v1/documents?limit=20", nil, &list) != nil {
		return
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			var out []byte
			_ = p.call(ctx, http.MethodPost, "/api/v1/documents/"+list.Items[i%len(list.Items)].ID+"/read", nil, &out)
		}
	}
}

// serveBare is the reference: chi and nothing else.
func serveBare(ctx context.Context, file string, out io.Writer) error {
	body, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	r := chi.NewRouter()
	r.Get("/home", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, l.Addr())
	s := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func p99(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)*99/100]
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

func verdict(ok bool) string {
	if ok {
		return "pass"
	}
	return "MISS"
}
