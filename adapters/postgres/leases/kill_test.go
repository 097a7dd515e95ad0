package leases_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"lonja/adapters/sqlite/eventlog"
	"lonja/domain/event"
)

// The test binary is a node of its own where these say which database and log it has.
const (
	childVariable = "LONJA_TEST_LEASES_CHILD"
	childLog      = "LONJA_TEST_LEASES_LOG"
)

// child is a node that ends by being killed, or with who started it. It says which events
// it answers.
func child(url string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "the child:", err)
			os.Exit(1)
		}
	}
	ctx := context.Background()
	log, err := eventlog.Open(ctx, os.Getenv(childLog), eventlog.Options{})
	fail(err)
	c := &cluster{ctx: ctx, url: url, log: log, codec: newCodec(), answered: map[event.Position][]string{}, tell: func(p event.Position) { fmt.Println(uint64(p)) }}
	n, err := c.open("child", settings{batch: 5})
	fail(err)
	n.run()
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// A node that is killed in the midst of its work leaves nothing undone and nothing done
// twice: another goes on with its partitions when its leases end.
func TestKilledNode(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	const events = 2000
	folder := t.TempDir()
	file, copied := filepath.Join(folder, "events.db"), filepath.Join(folder, "child", "events.db")
	writing, err := eventlog.Open(c.ctx, file, eventlog.Options{})
	c.must(err)
	c.log = writing
	for n := range events {
		c.grow(n*7%300, 1+n%11)
	}
	head, err := writing.Head(c.ctx)
	c.must(err)
	c.must(writing.Close())
	data, err := os.ReadFile(file)
	c.must(err)
	c.must(os.Mkdir(filepath.Dir(copied), 0o700))
	c.must(os.WriteFile(copied, data, 0o600))
	reading, err := eventlog.Open(c.ctx, file, eventlog.Options{})
	c.must(err)
	t.Cleanup(func() { reading.Close() })
	c.log = reading

	cmd := exec.CommandContext(c.ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+c.url, childLog+"="+copied)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	c.must(err)
	stdout, err := cmd.StdoutPipe()
	c.must(err)
	c.must(cmd.Start())
	var heard sync.WaitGroup
	heard.Go(func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			var p uint64
			if _, err := fmt.Sscan(lines.Text(), &p); err != nil {
				c.Errorf("the child said %q", lines.Text())
				continue
			}
			c.mu.Lock()
			c.answered[event.Position(p)] = append(c.answered[event.Position(p)], "child")
			c.mu.Unlock()
		}
	})
	ended := false
	end := func() {
		if !ended {
			ended = true
			_ = cmd.Process.Kill()
			heard.Wait()
			_ = cmd.Wait() // it was killed
			_ = stdin.Close()
		}
	}
	defer end()

	look, err := pgx.Connect(c.ctx, c.url)
	c.must(err)
	defer look.Close(context.WithoutCancel(c.ctx))
	ask := func(sql string) (n int64) {
		c.must(look.QueryRow(c.ctx, sql).Scan(&n))
		return n
	}
	c.until("the child follows", func() bool {
		return ask("SELECT count(*) FROM pg_class WHERE relname = 'partitions'") > 0 && ask("SELECT coalesce(min(checkpoint), 0) FROM lonja.partitions") > 20
	})
	n := c.node("b", settings{})
	c.until("both have half", func() bool { return len(n.holds()) == 8 })
	at := ask("SELECT min(checkpoint) FROM lonja.partitions")
	end()
	if at >= int64(head) {
		t.Fatal("the child was done before it was killed")
	}
	t.Logf("killed at position %d of %d", at, head)
	c.until("the other has everything", func() bool { return len(n.holds()) == 16 })
	n.wait(head)
	c.same(n, 1)
	again := c.allAnswered()
	if again > 1 {
		t.Errorf("%d events were answered again, want at most the one in hand", again)
	}
	c.until("every reaction is done", func() bool {
		p, err := n.leases.Progress(n.vault).Checkpoint(c.ctx, "answers")
		c.must(err)
		return p == head
	})
}
