package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lonja/domain/event"
)

// nodeKey is the master key of the tests' nodes.
const nodeKey = "bWFzdGVyIGtleSBvZiBub2RlcyBpbiB0ZXN0cyBvbmw="

// nodesRig is servers, nodes on them, and a proxy before these that asks each whether it is
// ready and passes requests to those that are.
type nodesRig struct {
	t       *testing.T
	servers servers
	key     string // the ERP's
	proxy   *httptest.Server

	mu    sync.Mutex
	nodes map[string]*served // by name
	ready map[string]*httputil.ReverseProxy
	next  int
}

func newNodes(t *testing.T) *nodesRig {
	t.Helper()
	r := &nodesRig{t: t, servers: newServers(t), nodes: map[string]*served{}, ready: map[string]*httputil.ReverseProxy{}}
	data := t.TempDir()
	operate := func(args ...string) string {
		t.Helper()
		var out, complaints bytes.Buffer
		sys := testSystem(&out, &complaints)
		getenv := sys.Getenv
		sys.Getenv = func(name string) string {
			if name == "LONJA_MASTER_KEY" {
				return nodeKey
			}
			return getenv(name)
		}
		if code := run(t.Context(), append(args, "--data", data, "--eventstoredb", r.servers.EventStoreDB, "--postgres", r.servers.Postgres), sys); code != 0 {
			t.Fatalf("lonja %s: status %d\n%s%s", strings.Join(args, " "), code, &out, &complaints)
		}
		return out.String()
	}
	operate("account", "open", "--name", "Conservas Cantábricas", "--tax-id", "A39000013")
	r.key = strings.Fields(operate("account", "key", "--name", "erp"))[0]
	r.proxy = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if to := r.pick(); to != nil {
			to.ServeHTTP(w, req)
			return
		}
		http.Error(w, "no node is ready", http.StatusServiceUnavailable)
	}))
	t.Cleanup(r.proxy.Close)
	return r
}

// start starts a node, and returns once it is ready.
func (r *nodesRig) start(ctx context.Context, name string) {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), program(r.t), "serve", "--data", filepath.Join(r.t.TempDir(), name), "--addr", "127.0.0.1:0", "--drain", "2s", "--test")
	cmd.Env = []string{
		"LONJA_LOG_LEVEL=INFO", "LONJA_MASTER_KEY=" + nodeKey, "LONJA_EVENTSTOREDB=" + r.servers.EventStoreDB, "LONJA_POSTGRES=" + r.servers.Postgres,
	}
	s, err := startServing(cmd)
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	r.nodes[name] = s
	r.mu.Unlock()
	for !r.look(ctx, name) {
		if ctx.Err() != nil {
			r.t.Fatalf("node %s does not get ready:\n%s", name, s.said)
		}
	}
}

// look asks a node whether it is ready, and has the proxy do as it says.
func (r *nodesRig) look(ctx context.Context, name string) bool {
	r.mu.Lock()
	s := r.nodes[name]
	r.mu.Unlock()
	res, _, err := get(ctx, http.DefaultClient, s.url+"/readyz")
	is := err == nil && res.StatusCode == http.StatusOK
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !is:
		delete(r.ready, name)
	case r.ready[name] == nil:
		to, err := url.Parse(s.url)
		if err != nil {
			r.t.Error(err)
			return false
		}
		r.ready[name] = httputil.NewSingleHostReverseProxy(to)
	}
	return is
}

// pick takes nodes in turn.
func (r *nodesRig) pick() *httputil.ReverseProxy {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := []string{"one", "two"}
	for range names {
		r.next++
		if to := r.ready[names[r.next%len(names)]]; to != nil {
			return to
		}
	}
	return nil
}

// stop ends a node as an operator does. The proxy hears of it by asking.
func (r *nodesRig) stop(ctx context.Context, name string) {
	r.t.Helper()
	r.mu.Lock()
	s := r.nodes[name]
	r.mu.Unlock()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.t.Fatal(err)
	}
	for r.look(ctx, name) {
		if ctx.Err() != nil {
			r.t.Fatalf("node %s does not say that it stops:\n%s", name, s.said)
		}
	}
	select {
	case err := <-s.done:
		if err != nil {
			r.t.Errorf("node %s ended with %v:\n%s", name, err, s.said)
		}
	case <-ctx.Done():
		r.t.Fatalf("node %s does not end:\n%s", name, s.said)
	}
	if text := s.said.String(); strings.Contains(text, "level=ERROR") {
		r.t.Errorf("node %s complains:\n%s", name, text)
	}
}

func (r *nodesRig) call(ctx context.Context, c *http.Client, method, path, body string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.proxy.URL+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}

// client registers contacts and reads each back at once, wherever the proxy sends it, until
// stop is closed.
func (r *nodesRig) client(ctx context.Context, n int, stop <-chan struct{}, written *atomic.Int64) error {
	c := &http.Client{Transport: &http.Transport{}}
	defer c.CloseIdleConnections()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return nil
		default:
		}
		status, body, err := r.call(ctx, c, http.MethodPost, "/api/v1/contacts", fmt.Sprintf(`{"name": "Cliente %d %d", "taxId": "X%02d%06d", "client": true}`, n, i, n, i))
		var made struct{ ID string }
		if err != nil || status != http.StatusOK || json.Unmarshal([]byte(body), &made) != nil || made.ID == "" {
			return fmt.Errorf("client %d: contact %d: %d, %w\n%.300s", n, i, status, err, body)
		}
		written.Add(1)
		if status, body, err = r.call(ctx, c, http.MethodGet, "/api/v1/contacts/"+made.ID, ""); err != nil || status != http.StatusOK || !strings.Contains(body, fmt.Sprintf("Cliente %d %d", n, i)) {
			return fmt.Errorf("client %d: reading contact %d back: %d, %w\n%.300s", n, i, status, err, body)
		}
	}
}

// given two nodes behind a proxy, and people who read and write
// when the nodes are restarted, one after the other
// then nobody is shown an error, each reads what they wrote, and nothing is lost.
func TestNodesAreRestartedInTurn(t *testing.T) {
	t.Parallel()
	r := newNodes(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	r.start(ctx, "one")
	r.start(ctx, "two")
	stop, failures := make(chan struct{}), make(chan error, 3)
	var written atomic.Int64
	var clients sync.WaitGroup
	for n := range 3 {
		clients.Go(func() { failures <- r.client(ctx, n+1, stop, &written) })
	}
	enough := func() {
		t.Helper()
		for want := written.Load() + 10; written.Load() < want; {
			select {
			case <-ctx.Done():
				t.Fatal("nothing gets on")
			case err := <-failures:
				t.Fatal(err)
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	enough()
	for _, name := range []string{"one", "two"} {
		r.stop(ctx, name)
		enough()
		r.start(ctx, name)
		enough()
	}
	close(stop)
	clients.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			t.Error(err)
		}
	}
	r.stop(ctx, "one")
	r.stop(ctx, "two")
	sys := testSystem(io.Discard, io.Discard)
	sys.Getenv = func(name string) string {
		return map[string]string{"LONJA_MASTER_KEY": nodeKey, "LONJA_LOG_LEVEL": "WARN"}[name]
	}
	using(t, sys, appConfig{Data: t.TempDir(), Servers: r.servers}, func(a *app) {
		have := int64(0)
		var buf []event.Stored
		for at := event.Position(0); ; at = buf[len(buf)-1].Position {
			var err error
			if buf, err = a.events.ReadFeed(t.Context(), at, 1000, buf[:0]); err != nil {
				t.Fatal(err)
			}
			if len(buf) == 0 {
				break
			}
			for i := range buf {
				if buf[i].Type == "contact.registered" {
					have++
				}
			}
		}
		if have != written.Load() {
			t.Errorf("%d contacts are there, %d were acknowledged", have, written.Load())
		}
	})
}

// given a process that takes part in a system of several nodes
// when another is started on the same folder
// then it is refused, is told what to do, and has touched nothing there: the door and the
// verification that is under way are the first one's. After that has ended, it may have the folder.
func TestANodesFolderIsOfOneProcess(t *testing.T) {
	t.Parallel()
	sys := testSystem(io.Discard, io.Discard)
	sys.Getenv = func(name string) string {
		return map[string]string{"LONJA_MASTER_KEY": nodeKey, "LONJA_LOG_LEVEL": "WARN"}[name]
	}
	cfg := appConfig{Data: filepath.Join(t.TempDir(), "node"), Servers: newServers(t)}
	first, err := openApp(t.Context(), sys, cfg)
	if err != nil {
		t.Fatal(err)
	}
	under := filepath.Join(cfg.Data, verifyFolder)
	if err := os.Mkdir(under, 0o700); err != nil {
		t.Fatal(err)
	}
	if second, err := openApp(t.Context(), sys, cfg); err == nil || !strings.Contains(err.Error(), cfg.Data) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) ||
		!strings.Contains(err.Error(), "--data") {
		t.Errorf("got %v, want an error that names the folder, who has it, and --data", err)
		if err == nil {
			t.Error(second.Close())
		}
	}
	if _, err := os.Stat(under); err != nil {
		t.Errorf("the verification that is under way has lost its folder: %v", err)
	}
	elsewhere := cfg
	elsewhere.Data = filepath.Join(t.TempDir(), "another")
	for _, may := range []appConfig{elsewhere, cfg} {
		if may.Data == cfg.Data {
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
		}
		next, err := openApp(t.Context(), sys, may)
		if err != nil {
			t.Fatal(err)
		}
		if err := next.Close(); err != nil {
			t.Error(err)
		}
	}
}
