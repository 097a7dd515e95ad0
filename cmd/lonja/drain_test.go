package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// restartRig is a folder with an account, and the program that serves it.
type restartRig struct {
	t    *testing.T
	data string
	key  string // the ERP's
	s    *served
}

func serveRig(t *testing.T, env []string, flags ...string) *restartRig {
	t.Helper()
	r := &restartRig{t: t, data: filepath.Join(t.TempDir(), "data")}
	operate := func(args ...string) string {
		t.Helper()
		var out, complaints bytes.Buffer
		if code := run(t.Context(), append(args, "--data", r.data), testSystem(&out, &complaints)); code != 0 {
			t.Fatalf("lonja %s: status %d\n%s%s", strings.Join(args, " "), code, &out, &complaints)
		}
		return out.String()
	}
	operate("account", "open", "--name", "Conservas Cantábricas", "--tax-id", "A39000013")
	r.key = strings.Fields(operate("account", "key", "--name", "erp"))[0]
	cmd := exec.CommandContext(t.Context(), program(t), append([]string{"serve", "--data", r.data, "--addr", "127.0.0.1:0", "--test"}, flags...)...)
	cmd.Env = append([]string{"LONJA_LOG_LEVEL=INFO"}, env...)
	var err error
	if r.s, err = startServing(cmd); err != nil {
		t.Fatal(err)
	}
	return r
}

// get returns what is answered.
func get(ctx context.Context, c *http.Client, url string) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, "", err
	}
	res, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res, string(b), err
}

// until asks whether the process is ready until it says so, or says not.
func (r *restartRig) until(ctx context.Context, status int) (*http.Response, string) {
	r.t.Helper()
	for {
		res, body, err := get(ctx, http.DefaultClient, r.s.url+"/readyz")
		if err != nil {
			r.t.Fatalf("%v\n%s", err, r.s.said)
		}
		if res.StatusCode == status {
			return res, body
		}
	}
}

// register is a request that writes. Its body is the same size whichever number it has.
func (r *restartRig) register(n int) (head, body string) {
	body = fmt.Sprintf(`{"name": "Cliente %06d", "taxId": "X%06d", "client": true}`, n, n)
	host := strings.TrimPrefix(r.s.url, "http://")
	return fmt.Sprintf("POST /api/v1/contacts HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", host, r.key, len(body)), body
}

// client reads and writes until stop is closed, and three times more.
func (r *restartRig) client(ctx context.Context, n int, stop <-chan struct{}, written *atomic.Int64) error {
	c := &http.Client{Transport: &http.Transport{}}
	defer c.CloseIdleConnections()
	for i, left := 0, 3; left > 0; i++ {
		select {
		case <-stop:
			left--
		default:
		}
		if res, body, err := get(ctx, c, r.s.url+"/sign-in"); err != nil || res.StatusCode != http.StatusOK {
			return fmt.Errorf("client %d: a page: %v, %w\n%.200s", n, res, err, body)
		}
		_, body := r.register(n*10_000 + i)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.s.url+"/api/v1/contacts", strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+r.key)
		req.Header.Set("Content-Type", "application/json")
		res, err := c.Do(req)
		if err != nil {
			return fmt.Errorf("client %d: an act: %w", n, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("client %d: an act: %s", n, res.Status)
		}
		written.Add(1)
	}
	return nil
}

// TestARestartShowsNobodyAnError stops the program as a rolling restart does, while people
// read and write: it says at once that it is not ready, answers what still comes, finishes
// what is under way after it takes nothing more, and ends well.
func TestARestartShowsNobodyAnError(t *testing.T) {
	t.Parallel()
	r := serveRig(t, nil, "--drain", "4s")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r.until(ctx, http.StatusOK)
	stop, failures := make(chan struct{}), make(chan error, 3)
	var written atomic.Int64
	var clients sync.WaitGroup
	for n := range 3 {
		clients.Go(func() { failures <- r.client(ctx, n+1, stop, &written) })
	}

	// Somebody's request is half sent when the process is told to stop. That the server asks
	// for the body says that it is being answered.
	slow, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(r.s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	head, body := r.register(999_999)
	if _, err := io.WriteString(slow, head); err != nil {
		t.Fatal(err)
	}
	answer := bufio.NewReader(slow)
	if line, err := answer.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := io.WriteString(slow, body[:10]); err != nil {
		t.Fatal(err)
	}

	if err := r.s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	res, why := r.until(ctx, http.StatusServiceUnavailable)
	if !strings.Contains(why, "about to stop") || !res.Close {
		t.Errorf("%q, and the connection is kept: %v", why, !res.Close)
	}
	close(stop)
	clients.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			t.Error(err)
		}
	}
	for ctx.Err() == nil { // until it takes nothing more
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(r.s.url, "http://"))
		if err != nil {
			break
		}
		_ = c.Close()
	}
	if _, err := io.WriteString(slow, body[10:]); err != nil {
		t.Fatal(err)
	}
	if _, err := answer.ReadString('\n'); err != nil { // the empty line after 100 Continue
		t.Fatal(err)
	}
	late, err := http.ReadResponse(answer, nil)
	if err != nil {
		t.Fatalf("who had begun before got no answer: %v\n%s", err, r.s.said)
	}
	defer late.Body.Close()
	var made struct{ ID string }
	if err := json.NewDecoder(late.Body).Decode(&made); err != nil || late.StatusCode != http.StatusOK || made.ID == "" {
		t.Errorf("who had begun before got %s, %v", late.Status, err)
	}
	select {
	case err := <-r.s.done:
		if err != nil {
			t.Errorf("the program ended with %v:\n%s", err, r.s.said)
		}
	case <-ctx.Done():
		t.Fatalf("the program does not end:\n%s", r.s.said)
	}
	if text := r.s.said.String(); strings.Contains(text, "level=ERROR") {
		t.Errorf("it complains:\n%s", text)
	}
	a, err := openApp(t.Context(), testSystem(io.Discard, io.Discard), appConfig{Data: r.data})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	all, err := a.events.ReadFeed(t.Context(), 0, 100_000, nil)
	if err != nil {
		t.Fatal(err)
	}
	have := int64(0)
	for i := range all {
		if all[i].Type == "contact.registered" {
			have++
		}
	}
	if have != written.Load()+1 {
		t.Errorf("%d contacts are there, %d were acknowledged", have, written.Load()+1)
	}
}

func TestHowLongTheProgramDrains(t *testing.T) {
	t.Parallel()
	given := time.Second
	for name, c := range map[string]struct {
		flags serveFlags
		want  time.Duration
	}{
		"by itself":       {serveFlags{}, 0},
		"on this machine": {serveFlags{BaseURL: "http://localhost:8080"}, 0},
		"behind proxies":  {serveFlags{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, usualDrain},
		"behind a proxy":  {serveFlags{BaseURL: "https://portal.example.com"}, usualDrain},
		"as it is told":   {serveFlags{BaseURL: "https://portal.example.com", Drain: &given}, given},
	} {
		if got := c.flags.drain(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

var figuresAt = regexp.MustCompile(`msg="showing metrics" address=(\S+)`)

// TestTheEnvironmentTurnsTelemetryOn serves with a collector of traces that is there, and
// with one that is not, which is no reason to serve less.
func TestTheEnvironmentTurnsTelemetryOn(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got bytes.Buffer
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path != "/v1/traces" || err != nil {
			t.Errorf("%s, %v", r.URL, err)
		}
		got.Write(b)
	}))
	defer collector.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for endpoint, there := range map[string]bool{collector.URL: true, gone.URL: false} {
		r := serveRig(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint, "OTEL_SERVICE_NAME=portal-7", "LONJA_METRICS_ADDR=127.0.0.1:0"})
		if res, _, err := get(t.Context(), http.DefaultClient, r.s.url+"/sign-in"); err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("%v, %v", res, err)
		}
		at := figuresAt.FindStringSubmatch(r.s.said.String())
		if at == nil {
			t.Fatalf("it does not say where figures are:\n%s", r.s.said)
		}
		if text := fetch(t, at[1]); !strings.Contains(text, `route="/sign-in",status="200"} 1`) {
			t.Errorf("the request is not counted:\n%.500s", text)
		}
		if err := r.s.stop(); err != nil {
			t.Error(err)
		}
		mu.Lock()
		if text := got.String(); there && (!strings.Contains(text, "GET /sign-in") || !strings.Contains(text, "portal-7")) {
			t.Errorf("the collector got %d bytes, without the request", len(text))
		}
		mu.Unlock()
		if !there && !strings.Contains(r.s.said.String(), "traces are lost") {
			t.Errorf("it does not say that nobody takes its traces:\n%s", r.s.said)
		}
	}
}

func TestTelemetryThatCantBeIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  map[string]string
		flag string
		code int
		want string
	}{
		"a protocol": {map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "127.0.0.1:0", 2, "http/protobuf"},
		"an address": {nil, "127.0.0.1:99999", 1, "--metrics-addr 127.0.0.1:99999"},
	} {
		var complaints bytes.Buffer
		sys := testSystem(io.Discard, &complaints)
		sys.Getenv = func(name string) string { return c.env[name] }
		code := run(t.Context(), []string{"serve", "--data", t.TempDir(), "--addr", "127.0.0.1:0", "--metrics-addr", c.flag}, sys)
		if code != c.code || !strings.Contains(complaints.String(), c.want) {
			t.Errorf("%s: status %d, %s", name, code, &complaints)
		}
	}
}
