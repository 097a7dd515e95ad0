package eventlog_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"lonja/adapters/sqlite/eventlog"
	"lonja/domain/event"
	"lonja/domain/id"
)

// The child reads what the parent knows to be acknowledged and goes on from there, so
// that it first appends again what may or may not have been written.
const (
	crashChild   = "LONJA_CRASH_CHILD"  // path of the log: this process is the child
	crashRounds  = "LONJA_CRASH_ROUNDS" // how often the parent kills it; 25 if not given
	crashWriters = 24
	crashStreams = 4 // of each writer
)

func TestCrash(t *testing.T) {
	t.Parallel()
	if path := os.Getenv(crashChild); path != "" {
		if err := crash(t, path, os.Stdin, os.Stdout); err != nil {
			t.Fatal(err)
		}
		return
	}
	rounds := 25
	if text := os.Getenv(crashRounds); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", crashRounds, err)
		}
	}
	var path string
	var acknowledged map[string]event.Revision // the last of each stream
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
	again := 0
	for round := range rounds {
		if round%20 == 0 { // a fresh log now and then, since all of it is read after each round
			path, acknowledged = filepath.Join(t.TempDir(), "events.db"), map[string]event.Revision{}
		}
		again += killOne(t, path, acknowledged, rnd.IntN(600), round)
		checkCrashed(t, path, acknowledged, round == rounds-1 || round%20 == 19)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d rounds, %d appends were there though the child had not heard of it", rounds, again)
}

// killOne starts a child, kills it after some acknowledgements and notes all that it
// gave. It returns how many appends the child found already there.
func killOne(t *testing.T, path string, acknowledged map[string]event.Revision, after, round int) (again int) {
	t.Helper()
	known, err := json.Marshal(acknowledged)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrash$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), crashChild+"="+path)
	cmd.Stdin = bytes.NewReader(known)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	kill := func() {
		if !killed {
			killed = true
			if err := cmd.Process.Kill(); err != nil {
				t.Errorf("kill: %v", err)
			}
		}
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if n >= after {
			kill()
		}
		var stream, eventID string
		var revision event.Revision
		var there bool
		if _, err := fmt.Sscan(lines.Text(), &stream, &revision, &eventID, &there); err != nil {
			if killed {
				break // the last line, cut short
			}
			t.Errorf("round %d: the child says %q", round, lines.Text())
			kill()
			continue
		}
		if want := id.Derive(stream, fmt.Sprint(revision)).String(); eventID != want {
			t.Errorf("round %d: %s@%d has id %s, want %s", round, stream, revision, eventID, want)
		}
		if there {
			again++
		}
		acknowledged[stream] = max(acknowledged[stream], revision)
	}
	if !killed {
		t.Errorf("round %d: the child ended by itself: %s", round, complaints.String())
	}
	kill()
	_ = cmd.Wait() // says that it was killed
	return again
}

// crashBatch is how many events the append at a revision has: the same on every try.
func crashBatch(first event.Revision) int { return 1 + int(first)%3 }

// crash appends until it is killed.
func crash(t *testing.T, path string, known io.Reader, out io.Writer) error {
	acknowledged := map[string]event.Revision{}
	if err := json.NewDecoder(known).Decode(&acknowledged); err != nil {
		return err
	}
	l, err := eventlog.Open(t.Context(), path, eventlog.Small())
	if err != nil {
		return err
	}
	defer l.Close()
	var group sync.WaitGroup
	var mu sync.Mutex
	errs := make(chan error, crashWriters)
	for w := range crashWriters {
		group.Go(func() {
			rnd := rand.New(rand.NewPCG(rand.Uint64(), uint64(w)))
			for {
				stream := fmt.Sprintf("w%d-%d", w, rnd.IntN(crashStreams))
				mu.Lock()
				last, ok := acknowledged[stream]
				mu.Unlock()
				if !ok {
					last = event.NoStream
				}
				n := crashBatch(last + 1)
				r, err := l.Append(t.Context(), stream, last, raw(stream, last+1, n, rnd.IntN(2)*6000))
				if err != nil {
					errs <- err
					return
				}
				line := fmt.Sprintf("%s %d %s %t\n", stream, r.Revision, id.Derive(stream, fmt.Sprint(r.Revision)), r.Again)
				mu.Lock()
				acknowledged[stream] = r.Revision
				_, err = io.WriteString(out, line)
				mu.Unlock()
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	err = <-errs
	l.Close()
	group.Wait()
	return err
}

// checkCrashed opens what the child left.
func checkCrashed(t *testing.T, path string, acknowledged map[string]event.Revision, thorough bool) {
	t.Helper()
	l := open(t, path, eventlog.Options{})
	defer l.Close()
	feed, err := l.ReadFeed(t.Context(), 0, 1<<30, nil)
	if err != nil {
		t.Fatal(err)
	}
	next := map[string]event.Revision{}
	for i := range feed {
		e := &feed[i]
		if e.Position != event.Position(i+1) || e.Revision != next[e.Stream] || e.ID != id.Derive(e.Stream, fmt.Sprint(e.Revision)) {
			t.Fatalf("position %d has %s@%d %s; want revision %d with its own id", e.Position, e.Stream, e.Revision, e.ID, next[e.Stream])
		}
		next[e.Stream]++
	}
	for stream, revision := range acknowledged {
		if next[stream] <= revision {
			t.Fatalf("%s@%d was acknowledged, and the stream ends at %d", stream, revision, next[stream]-1)
		}
		got, err := l.ReadStream(t.Context(), stream, 0, 1<<30, nil)
		if err != nil || event.Revision(len(got)) != next[stream] {
			t.Fatalf("%s has %d events, %v; the feed has %d of it", stream, len(got), err, next[stream])
		}
	}
	if thorough {
		closeLog(t, l)
		sound(t, path, int64(len(feed)), int64(len(next)))
	}
}
