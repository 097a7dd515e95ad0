package browser_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// build compiles the program as it is shipped, into a folder, and returns its path.
func build(ctx context.Context, root, folder string) (string, error) {
	bin := filepath.Join(folder, "lonja")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", bin, "./cmd/lonja")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return bin, nil
}

// portal is a served system on a data folder of its own.
type portal struct {
	url  string // http://127.0.0.1:<port>
	data string

	bin  string
	cmd  *exec.Cmd
	out  sync.WaitGroup
	mu   sync.Mutex
	errs strings.Builder // its log
}

// serve starts the program with a subcommand that serves ("demo", "serve") on a port of
// its own choice, with the sandbox's notices at once, and returns when it answers.
func serve(ctx context.Context, bin, data, subcommand string, flags ...string) (*portal, error) {
	p := &portal{data: data, bin: bin}
	args := append([]string{subcommand, "--test", "--data", data, "--addr", "127.0.0.1:0"}, flags...)
	p.cmd = exec.CommandContext(ctx, bin, args...)
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = 20 * time.Second
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the portal: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the portal: %w", err)
	}
	serving := make(chan string, 1)
	p.out.Go(func() { p.readLog(stderr, serving) })
	select {
	case p.url = <-serving:
	case <-ctx.Done():
	}
	if p.url == "" {
		return nil, errors.Join(fmt.Errorf("the portal did not start; it said:\n%s", p.logged()), p.stop())
	}
	return p, nil
}

var servingAt = regexp.MustCompile(`msg=serving address=(\S+)`)

// readLog keeps the log, and tells the address once it is served; "" if it never is.
func (p *portal) readLog(r io.Reader, serving chan<- string) {
	told := false
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.mu.Lock()
		p.errs.WriteString(lines.Text() + "\n")
		p.mu.Unlock()
		if m := servingAt.FindStringSubmatch(lines.Text()); m != nil && !told {
			told = true
			serving <- m[1]
		}
	}
	if !told {
		serving <- ""
	}
}

// logged returns what the program has logged.
func (p *portal) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.errs.String()
}

// faults returns the lines of the log that tell of something wrong.
func (p *portal) faults() []string {
	var out []string
	for line := range strings.Lines(p.logged()) {
		if strings.Contains(line, "level=ERROR") || strings.Contains(line, "level=WARN") || strings.Contains(line, "DATA RACE") || strings.Contains(line, "panic:") {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

// stop ends the program as an operator does, and waits for its end.
func (p *portal) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping the portal: %w", err)
	}
	p.out.Wait()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("the portal ended badly: %w\n%s", err, p.logged())
	}
	return nil
}

// run runs a subcommand of the program on the portal's folder, and returns what it printed.
func (p *portal) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, p.bin, append(args, "--data", p.data)...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("lonja %s: %w\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out.String(), nil
}

// stopClock stops the portal's clock at a time; the zero time lets it go on.
func (p *portal) stopClock(ctx context.Context, at time.Time) error {
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", filepath.Join(p.data, "operator.sock"))
	}}}
	defer client.CloseIdleConnections()
	query := url.Values{}
	if !at.IsZero() {
		query.Set("at", at.Format(time.RFC3339Nano))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://operator/clock?"+query.Encode(), nil)
	if err != nil {
		return fmt.Errorf("stopping the clock: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("stopping the clock: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("stopping the clock: status %d", resp.StatusCode)
	}
	return nil
}
