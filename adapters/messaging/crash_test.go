package messaging_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"lonja/domain/event"
)

// The child is a process of its own that is killed: it has answered, and not acknowledged.
const (
	crashDir = "LONJA_REACTION_CRASH_DIR" // the data folder: this process is the child
	crashAt  = "LONJA_REACTION_CRASH_AT"  // the number after whose answer it waits to be killed
)

func TestKilledBetweenTheActAndItsAcknowledgement(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv(crashDir); dir != "" {
		waitToBeKilled(t, dir)
		return
	}
	const events = 8
	dir := t.TempDir()
	func() {
		r := rigOn(t, openLog(t, dir), openVault(t, dir))
		defer r.log.Close()
		for i := range events {
			r.append("ann", asked{i}, chatted{})
		}
	}()
	for i := range events {
		killOne(t, dir, i)
	}
	r := rigOn(t, openLog(t, dir), openVault(t, dir))
	at, err := r.progress.Checkpoint(r.ctx, "x")
	r.must(err)
	var again []int
	answer := r.answer("x")
	router := r.router(nil, reaction("x", func(ctx context.Context, rec *event.Recorded) error {
		again = append(again, rec.Data.(asked).N)
		return answer(ctx, rec)
	}))
	stop := r.start(router)
	r.reached(router, "x", 2*events)
	r.must(stop())
	r.equal(again, []int{events - 1}) // the one that was answered and not acknowledged
	if at >= 2*events-1 {
		t.Errorf("the checkpoint was at %d before it was acknowledged", at)
	}
	want := []int{}
	for i := range events {
		want = append(want, i)
	}
	r.equal(r.answered("x", "ann"), want)
}

func killOne(t *testing.T, dir string, at int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledBetweenTheActAndItsAcknowledgement$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), crashDir+"="+dir, crashAt+"="+strconv.Itoa(at))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if said = lines.Text(); said == "answered" {
			break
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if said != "answered" {
		t.Fatalf("the child ended before it answered %d; it last said %q", at, said)
	}
}

func waitToBeKilled(t *testing.T, dir string) {
	at, err := strconv.Atoi(os.Getenv(crashAt))
	if err != nil {
		t.Fatal(err)
	}
	r := rigOn(t, openLog(t, dir), openVault(t, dir))
	answer := r.answer("x")
	r.start(r.router(nil, reaction("x", func(ctx context.Context, rec *event.Recorded) error {
		if err := answer(ctx, rec); err != nil {
			return err
		}
		if rec.Data.(asked).N == at {
			fmt.Println("answered")
			<-r.ctx.Done()
		}
		return nil
	})))
	<-r.ctx.Done()
}
