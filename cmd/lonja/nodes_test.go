package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// nodes are programs that serve one system, and what stands before them: it sends requests
// to those that say that they are ready.
type nodes struct {
	t   *testing.T
	ctx context.Context
	to  servers
	env []string
	key string // the ERP's

	mu    sync.Mutex
	ready []*served
	next  int
	made  []string // contacts, by id
}

func (n *nodes) start() *served {
	n.t.Helper()
	cmd := exec.CommandContext(n.t.Context(), program(n.t), "serve", "--data", n.t.TempDir(), "--addr", "127.0.0.1:0", "--test", "--drain", "1s",
		"--eventstoredb", n.to.EventStoreDB, "--postgres", n.to.Postgres)
	cmd.Env = n.env
	s, err := startServing(cmd)
	if err != nil {
		n.t.Fatal(err)
	}
	for {
		res, body, err := get(n.ctx, http.DefaultClient, s.url+"/readyz")
		if err != nil {
			n.t.Fatalf("%v\n%s", err, s.said)
		}
		if res.StatusCode == http.StatusOK {
			break
		}
		if n.ctx.Err() != nil {
			n.t.Fatalf("the node was never ready: %s\n%s", body, s.said)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ready = append(n.ready, s)
	return s
}

// stop ends a node as a rolling restart does: once it says that it is about to, nothing more
// is sent there.
func (n *nodes) stop(s *served) {
	n.t.Helper()
	n.mu.Lock()
	n.ready = slices.DeleteFunc(n.ready, func(o *served) bool { return o == s })
	n.mu.Unlock()
	if err := s.stop(); err != nil {
		n.t.Error(err)
	}
}

// one returns the nodes in turn.
func (n *nodes) one() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next++
	return n.ready[n.next%len(n.ready)].url
}

func (n *nodes) ask(method, url, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(n.ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+n.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %.300s", method, url, res.Status, answer)
	}
	return answer, err
}

// register writes on one node and sees it on the next.
func (n *nodes) register(number int) error {
	answer, err := n.ask(http.MethodPost, n.one()+"/api/v1/contacts", fmt.Sprintf(`{"name": "Cliente %06d", "taxId": "X%06d", "client": true}`, number, number))
	if err != nil {
		return err
	}
	var made struct{ ID string }
	if err := json.Unmarshal(answer, &made); err != nil || made.ID == "" {
		return fmt.Errorf("%s: %w", answer, err)
	}
	n.mu.Lock()
	n.made = append(n.made, made.ID)
	n.mu.Unlock()
	_, err = n.ask(http.MethodGet, n.one()+"/api/v1/contacts/"+made.ID, "")
	return err
}

// given two nodes, and programs that write on one and read on the other
// when the nodes are restarted, one after the other
// then nobody gets an error, everybody sees at once what they wrote, and nothing is lost.
func TestARollingRestartOfNodesShowsNobodyAnError(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	operate := func(args ...string) string {
		t.Helper()
		var out, complaints bytes.Buffer
		if code := run(t.Context(), append(args, "--data", dir), testSystem(&out, &complaints)); code != 0 {
			t.Fatalf("lonja %s: status %d\n%s%s", strings.Join(args, " "), code, &out, &complaints)
		}
		return out.String()
	}
	operate("account", "open", "--name", "Conservas Cantábricas", "--tax-id", "A39000013")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	n := &nodes{t: t, ctx: ctx, key: strings.Fields(operate("account", "key", "--name", "erp"))[0], to: newServers(t)}
	operate("migrate", "--eventstoredb", n.to.EventStoreDB, "--postgres", n.to.Postgres)
	n.env = []string{"LONJA_LOG_LEVEL=INFO", "LONJA_MASTER_KEY=" + scaled(t, dir, io.Discard, io.Discard).Getenv("LONJA_MASTER_KEY")}
	a, b := n.start(), n.start()
	stop, failures := make(chan struct{}), make(chan error, 3)
	var clients sync.WaitGroup
	for c := range 3 {
		clients.Go(func() {
			for i, left := 0, 3; left > 0; i++ {
				select {
				case <-stop:
					left--
				default:
				}
				if err := n.register(c*10_000 + i); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	n.stop(a)
	a = n.start()
	n.stop(b)
	b = n.start()
	close(stop)
	clients.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	if len(n.made) < 20 {
		t.Errorf("only %d contacts were made meanwhile", len(n.made))
	}
	for _, id := range n.made {
		for _, on := range []*served{a, b} {
			if _, err := n.ask(http.MethodGet, on.url+"/api/v1/contacts/"+id, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	n.stop(a)
	n.stop(b)
}
