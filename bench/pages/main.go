// Command pages measures how long the program takes to answer with each page that people
// wait for, on the demo account and over one connection, as a share of the 100 ms that a
// page may take.
//
//	go run ./bench/pages
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"text/tabwriter"
	"time"
)

// bar is how long a page may take: that of 95 in 100.
const bar = 100 * time.Millisecond

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench/pages:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("pages", flag.ContinueOnError)
	binary := flags.String("binary", "bin/lonja", "the program to measure")
	times := flags.Int("times", 100, "how often each page is asked for")
	if err := flags.Parse(args); err != nil {
		return err
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
	return p.measure(ctx, out, *times)
}

// program is the one that is measured, with the demo account in it.
type program struct {
	cmd  *exec.Cmd
	base string
	http *http.Client
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
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	p := &program{cmd: cmd, base: m[1], http: &http.Client{Jar: jar}}
	if err := p.signIn(ctx, m[2], m[3]); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

func (p *program) stop() error {
	_ = p.cmd.Process.Signal(os.Interrupt)
	return p.cmd.Wait()
}

var command = regexp.MustCompile(`name="command" value="([^"]+)"`)

func (p *program) signIn(ctx context.Context, email, password string) error {
	form, err := p.get(ctx, "/sign-in")
	if err != nil {
		return err
	}
	m := command.FindSubmatch(form)
	if m == nil {
		return errors.New("the sign-in page has no form")
	}
	body := url.Values{"command": {string(m[1])}, "email": {email}, "password": {password}, "next": {"/"}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+"/sign-in", bytes.NewBufferString(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, err = p.do(req)
	return err
}

func (p *program) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+path, nil)
	if err != nil {
		return nil, err
	}
	return p.do(req)
}

func (p *program) do(req *http.Request) ([]byte, error) {
	res, err := p.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: status %d", req.Method, req.URL.Path, res.StatusCode)
	}
	return b, nil
}

// measure asks for each page in turn with the others, so that none has the machine's better
// moments.
func (p *program) measure(ctx context.Context, out io.Writer, times int) error {
	paths := []string{"/", "/invoices", "/quotes", "/documents?q=aceite", "/statement", "/payments", "/catalogue", "/cart", "/password"}
	list, err := p.get(ctx, "/invoices")
	if err != nil {
		return err
	}
	m := regexp.MustCompile(`href="(/invoices/[0-9A-Z]+)"`).FindSubmatch(list)
	if m == nil {
		return errors.New("the list has no invoice")
	}
	paths = append(paths, string(m[1]), string(m[1])+"/pdf")
	took, size := map[string][]time.Duration{}, map[string]int{}
	for round := range times + 1 {
		for _, path := range paths {
			began := time.Now()
			b, err := p.get(ctx, path)
			if err != nil {
				return err
			}
			if round > 0 { // the first fills caches
				took[path] = append(took[path], time.Since(began))
			}
			size[path] = len(b)
		}
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "page\tbytes\tmedian\tp95\tof 100 ms\t")
	missed := 0
	for _, path := range paths {
		slices.Sort(took[path])
		p95 := took[path][len(took[path])*95/100]
		if p95 > bar {
			missed++
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%.3f\t\n", regexp.MustCompile(`[0-9A-Z]{26}`).ReplaceAllString(path, "…"), size[path],
			took[path][len(took[path])/2].Round(10*time.Microsecond), p95.Round(10*time.Microsecond), float64(p95)/float64(bar))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if missed > 0 {
		return fmt.Errorf("%d pages take longer", missed)
	}
	return nil
}
