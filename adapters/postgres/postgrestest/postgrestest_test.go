package postgrestest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lonja/adapters/postgres/postgrestest"
)

// helper is set for this binary where it is to start a server and be killed.
const helper = "LONJA_POSTGRESTEST_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helper) != "" {
		os.Exit(beKilled())
	}
	var tests postgrestest.Tests
	os.Exit(tests.Run(m))
}

func beKilled() int {
	s, err := postgrestest.Start(context.Background())
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(s.URL("postgres"))
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed
	return 1
}

// A server that is killed comes back with what it had committed.
func TestAKilledServerKeepsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	s, err := postgrestest.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	url, err := s.Database(t.Context(), "kept")
	if err != nil {
		t.Fatal(err)
	}
	run(t, url, "CREATE TABLE t (n int)")
	for n, end := range []func() error{s.Kill, s.Quit, s.Stop} {
		run(t, url, fmt.Sprintf("INSERT INTO t VALUES (%d)", n))
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if c, err := pgx.Connect(t.Context(), url); err == nil {
			_ = c.Close(t.Context())
			t.Fatal("it takes connections after its end")
		}
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }()
	var n int
	var fsync string
	if err := c.QueryRow(t.Context(), "SELECT count(*), current_setting('fsync') FROM t").Scan(&n, &fsync); err != nil || n != 3 || fsync != "on" {
		t.Errorf("%d rows are left, fsync is %s (%v)", n, fsync, err)
	}
}

func run(t *testing.T, url, sql string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }()
	if _, err := c.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// Whoever kills a test kills its server, and the next one removes what it left.
func TestAKilledTestLeavesNothing(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), helper+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "postgres://") {
		t.Fatalf("it printed %q (%v)", line, err)
	}
	left := func() []string {
		dirs, err := filepath.Glob(filepath.Join(os.TempDir(), fmt.Sprintf("lonja-postgres-%d-*", cmd.Process.Pid)))
		if err != nil {
			t.Fatal(err)
		}
		return dirs
	}
	if len(left()) != 1 {
		t.Fatalf("its folders are %v", left())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := pgx.Connect(t.Context(), strings.TrimSpace(line))
		if err != nil {
			break
		}
		_ = c.Close(t.Context())
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the server outlives its test")
		}
	}
	s, err := postgrestest.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if len(left()) != 0 {
		t.Errorf("%v is left", left())
	}
}
