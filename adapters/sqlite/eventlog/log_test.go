package eventlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/adapters/adaptertest"
	"lonja/adapters/sqlite/eventlog"
	"lonja/domain/event"
	"lonja/domain/id"
)

func TestLog(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]eventlog.Options{"as served": {}, "in tiny portions": eventlog.Small()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adaptertest.EventStore(t, func(t *testing.T) adaptertest.Opened {
				path := filepath.Join(t.TempDir(), "events.db")
				reopen := func() (event.Store, error) { return eventlog.Open(t.Context(), path, opts) }
				store, err := reopen()
				if err != nil {
					t.Fatal(err)
				}
				return adaptertest.Opened{Store: store, Reopen: reopen}
			})
		})
	}
}

// raw returns events whose ids are given by stream and place.
func raw(stream string, first event.Revision, n, size int) []event.Raw {
	events := make([]event.Raw, n)
	for i := range events {
		revision := fmt.Sprint(first + event.Revision(i))
		events[i] = event.Raw{
			ID: id.Derive(stream, revision), Type: "thing.happened", Meta: []byte(`{}`),
			Data: bytes.Repeat([]byte(stream+"@"+revision+";"), 1+size/(len(stream)+len(revision)+2)),
		}
	}
	return events
}

func open(t *testing.T, path string, opts eventlog.Options) *eventlog.Log {
	t.Helper()
	l, err := eventlog.Open(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// fill appends n events to each of some streams, one by one and interleaved.
func fill(t *testing.T, l *eventlog.Log, streams, n int) {
	t.Helper()
	for r := range n {
		for s := range streams {
			name := fmt.Sprintf("s-%d", s)
			if _, err := l.Append(t.Context(), name, event.Revision(r)-1, raw(name, event.Revision(r), 1, 100)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func closeLog(t *testing.T, l *eventlog.Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func sound(t *testing.T, path string, events, streams int64) {
	t.Helper()
	phases := map[string]bool{}
	report, err := eventlog.Verify(t.Context(), path, func(p eventlog.Progress) {
		phases[p.Phase] = true
		if p.Done > p.Total {
			t.Errorf("progress %+v", p)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Problems) > 0 || report.Events != events || report.Streams != streams || report.Head != event.Position(events) {
		t.Fatalf("report %+v, want %d events in %d streams", report, events, streams)
	}
	if !phases["events"] || !phases["file"] {
		t.Fatalf("progress told of %v", phases)
	}
}

func TestVerifySoundLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	l := open(t, path, eventlog.Small())
	fill(t, l, 20, 17)
	sound(t, path, 340, 20) // beside the writer
	closeLog(t, l)
	sound(t, path, 340, 20)
}

func TestSecondOpenIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	l := open(t, path, eventlog.Options{})
	_, err := eventlog.Open(t.Context(), path, eventlog.Options{})
	if !errors.Is(err, eventlog.ErrInUse) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
		t.Fatalf("second open: %v", err)
	}
	fill(t, l, 1, 2)
	closeLog(t, l)
	fillMore := open(t, path, eventlog.Options{})
	if head, err := fillMore.Head(t.Context()); err != nil || head != 2 {
		t.Fatalf("head %d, %v", head, err)
	}
}

func TestReadOnlyFollowsAWriter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	if _, err := eventlog.Open(t.Context(), path, eventlog.Options{ReadOnly: true}); err == nil {
		t.Fatal("opened what is not there")
	}
	l := open(t, path, eventlog.Small())
	fill(t, l, 3, 5)
	reader := open(t, path, eventlog.Options{ReadOnly: true})
	if _, err := reader.Append(t.Context(), "s-0", 4, raw("s-0", 5, 1, 1)); !errors.Is(err, eventlog.ErrReadOnly) {
		t.Fatalf("append: %v", err)
	}
	for n := 5; n < 40; n++ {
		for s := range 3 {
			name := fmt.Sprintf("s-%d", s)
			receipt, err := l.Append(t.Context(), name, event.Revision(n)-1, raw(name, event.Revision(n), 1, 10))
			if err != nil {
				t.Fatal(err)
			}
			if head, err := reader.Head(t.Context()); err != nil || head != receipt.Position {
				t.Fatalf("head %d, %v, want %d", head, err, receipt.Position)
			}
			got, err := reader.ReadStream(t.Context(), name, 0, 1000, nil)
			if err != nil || len(got) != n+1 || got[n].ID != id.Derive(name, fmt.Sprint(n)) {
				t.Fatalf("%d events of %s, %v, want %d", len(got), name, err, n+1)
			}
		}
	}
	news := make(chan event.Position, 1)
	go func() {
		head, err := reader.Wait(t.Context(), 120)
		if err != nil {
			t.Errorf("wait: %v", err)
		}
		news <- head
	}()
	if _, err := l.Append(t.Context(), "s-9", event.NoStream, raw("s-9", 0, 1, 10)); err != nil {
		t.Fatal(err)
	}
	if head := <-news; head != 121 {
		t.Fatalf("waited for %d, want 121", head)
	}
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	t.Parallel()
	otherDatabase := func(t *testing.T, path string) {
		conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate|sqlite.OpenWAL)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := sqlitex.ExecuteScript(conn, "CREATE TABLE events (x); INSERT INTO events VALUES (1);", nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		make func(t *testing.T, path string)
		want error
	}{
		{"text", func(t *testing.T, path string) { write(t, path, []byte("not a database")) }, eventlog.ErrForeign},
		{"long text", func(t *testing.T, path string) { write(t, path, bytes.Repeat([]byte("not a database"), 1000)) }, eventlog.ErrForeign},
		{"another database", otherDatabase, eventlog.ErrForeign},
		{"newer", func(t *testing.T, path string) {
			closeLog(t, open(t, path, eventlog.Options{}))
			b := read(t, path)
			b[63] = 2 // user_version
			write(t, path, b)
		}, eventlog.ErrNewer},
		{"cut short", func(t *testing.T, path string) {
			closeLog(t, open(t, path, eventlog.Options{}))
			write(t, path, read(t, path)[:5000])
		}, eventlog.ErrCorrupt},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "events.db")
			c.make(t, path)
			before := read(t, path)
			for _, opts := range []eventlog.Options{{}, {ReadOnly: true}} {
				_, err := eventlog.Open(t.Context(), path, opts)
				if !errors.Is(err, c.want) || !strings.Contains(err.Error(), path) {
					t.Fatalf("open with %+v: %v, want %v", opts, err, c.want)
				}
			}
			if !bytes.Equal(read(t, path), before) {
				t.Fatal("the file was changed")
			}
		})
	}
}

func TestPathsThatCannotWork(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "none", "events.db"), dir} {
		_, err := eventlog.Open(t.Context(), path, eventlog.Options{})
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Fatalf("open %s: %v", path, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := eventlog.Open(ctx, filepath.Join(dir, "events.db"), eventlog.Options{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("open: %v", err)
	}
}

func TestFilesAreTheOwnersOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, filepath.Join(dir, "events.db"), eventlog.Options{})
	fill(t, l, 2, 2)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", e.Name(), mode)
		}
	}
	if len(entries) < 4 {
		t.Errorf("found %v: want the file, its write-ahead log, shared memory and lock", entries)
	}
}

// A new file must not come under the write-ahead log of a lost one.
func TestLostFileIsNotReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	l := open(t, path, eventlog.Options{})
	fill(t, l, 1, 3)
	if err := os.Rename(path, path+"-elsewhere"); err != nil {
		t.Fatal(err)
	}
	wal := read(t, path+"-wal")
	if err := os.Rename(path+"-wal", path+"-kept"); err != nil {
		t.Fatal(err)
	}
	l.Close()
	write(t, path+"-wal", wal)
	_, err := eventlog.Open(t.Context(), path, eventlog.Options{})
	if !errors.Is(err, eventlog.ErrCorrupt) || !strings.Contains(err.Error(), path+"-wal") {
		t.Fatalf("open: %v", err)
	}
	if !bytes.Equal(read(t, path+"-wal"), wal) {
		t.Fatal("the write-ahead log was changed")
	}
}

func TestDamageIsFoundAndNamed(t *testing.T) {
	t.Parallel()
	const streams, each = 40, 30
	for _, c := range []struct {
		name   string
		damage func(b []byte, at int) // at: of the marked event's data
	}{
		{"a byte of an event", func(b []byte, at int) { b[at] ^= 1 }},
		{"a page", func(b []byte, at int) { clear(b[at/4096*4096:][:100]) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// given a log with one event marked, in the middle
			path := filepath.Join(t.TempDir(), "events.db")
			l := open(t, path, eventlog.Small())
			fill(t, l, streams, each/2)
			marked, err := l.Append(t.Context(), "marked-1", event.NoStream, []event.Raw{{ID: id.Derive("marked"), Type: "x", Data: []byte("MARKED EVENT")}})
			if err != nil {
				t.Fatal(err)
			}
			for r := each / 2; r < each; r++ {
				for s := range streams {
					name := fmt.Sprintf("s-%d", s)
					if _, err := l.Append(t.Context(), name, event.Revision(r)-1, raw(name, event.Revision(r), 1, 100)); err != nil {
						t.Fatal(err)
					}
				}
			}
			closeLog(t, l)
			// when its bytes are damaged on disk
			b := read(t, path)
			at := bytes.Index(b, []byte("MARKED EVENT"))
			if at < 0 || bytes.LastIndex(b, []byte("MARKED EVENT")) != at {
				t.Fatal("the marked event is not once in the file")
			}
			c.damage(b, at)
			write(t, path, b)
			// then reading says so, with file and position
			l = open(t, path, eventlog.Options{})
			got, err := l.ReadFeed(t.Context(), 0, 1<<30, nil)
			if !errors.Is(err, eventlog.ErrCorrupt) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "position") || len(got) != 0 {
				t.Fatalf("read the feed: %d events, %v", len(got), err)
			}
			if _, err := l.ReadStream(t.Context(), "marked-1", 0, 10, nil); !errors.Is(err, eventlog.ErrCorrupt) {
				t.Fatalf("read the stream: %v", err)
			}
			// and everybody else goes on
			last := event.Position(streams*each + 1)
			if got, err := l.ReadFeed(t.Context(), last-100, 1000, nil); err != nil || len(got) != 100 {
				t.Fatalf("%d events behind the damage, %v", len(got), err)
			}
			if r, err := l.Append(t.Context(), "s-1", each-1, raw("s-1", each, 2, 100)); err != nil || r.Position != last+2 {
				t.Fatalf("append: %+v, %v", r, err)
			}
			if got, err := l.ReadStream(t.Context(), "s-1", each-1, 10, nil); err != nil || len(got) != 3 {
				t.Fatalf("read another stream: %d, %v", len(got), err)
			}
			closeLog(t, l)
			report, err := eventlog.Verify(t.Context(), path, nil)
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, p := range report.Problems {
				found = found || p.First <= marked.Position && marked.Position <= p.Last
			}
			if !found {
				t.Fatalf("position %d is not among %v", marked.Position, report.Problems)
			}
			if lost := last + 2 - event.Position(report.Events); lost < 1 || lost > 60 {
				t.Fatalf("%d events are lost by that: %v", lost, report.Problems)
			}
		})
	}
}

func TestVerifyFindsWhatSQLiteDoesNotMind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, statement, want string }{
		{"a missing event", "DELETE FROM events WHERE position = 30", "position 30: missing"},
		{"a missing tail", "DELETE FROM events WHERE position > 70", "index"},
		{"a revision moved", "UPDATE events SET revision = 17 WHERE position = 30", "position 30: not what was written"},
		{"data changed", "UPDATE events SET data = x'00' WHERE position = 30", "position 30: not what was written"},
		{"a name lost", "DELETE FROM streams WHERE id = 3", "not what was written"},
		{"a place lost", "DELETE FROM places WHERE stream = 3 AND revision = 0", "missing in the index"},
		{"a place wrong", "UPDATE places SET position = 8 WHERE stream = 3 AND revision = 0", "the index has position 8"},
		{"a place too many", "INSERT INTO places VALUES (3, 99, 5)", "places for the first"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "events.db")
			l := open(t, path, eventlog.Small())
			fill(t, l, 10, 10)
			closeLog(t, l)
			conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
			if err != nil {
				t.Fatal(err)
			}
			if err := sqlitex.ExecuteTransient(conn, c.statement, nil); err != nil {
				t.Fatal(err)
			}
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			report, err := eventlog.Verify(t.Context(), path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(fmt.Sprint(report.Problems), c.want) {
				t.Fatalf("problems %v, want %q", report.Problems, c.want)
			}
		})
	}
}

func TestFullDiskLosesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	// given a log on a disk with room for 100 pages
	l, err := eventlog.OpenWith(t.Context(), path, 100, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// when several write more than that
	var group sync.WaitGroup
	last := make([]event.Revision, 4)
	for w := range last {
		last[w] = event.NoStream
		group.Go(func() {
			name := fmt.Sprintf("w-%d", w)
			for {
				r, err := l.Append(t.Context(), name, last[w], raw(name, last[w]+1, 2, 5000))
				if err == nil {
					last[w] = r.Revision
					continue
				}
				if !errors.Is(err, eventlog.ErrDiskFull) || !strings.Contains(err.Error(), path) {
					t.Errorf("append: %v", err)
				}
				return
			}
		})
	}
	group.Wait()
	check := func() {
		t.Helper()
		for w := range last {
			name := fmt.Sprintf("w-%d", w)
			got, err := l.ReadStream(t.Context(), name, 0, 1000, nil)
			if err != nil || event.Revision(len(got)) != last[w]+1 {
				t.Fatalf("%s has %d events, %v; %d were answered", name, len(got), err, last[w]+1)
			}
		}
	}
	// then what was answered is there and nothing else
	check()
	// and a small one, where there is room, goes to the right place
	for w := range last {
		name := fmt.Sprintf("w-%d", w)
		var c *event.ConflictError
		if _, err := l.Append(t.Context(), name, last[w]+2, raw(name, last[w]+3, 1, 0)); !errors.As(err, &c) || c.Actual != last[w] {
			t.Fatalf("head of %s: %v, want %d", name, err, last[w])
		}
		r, err := l.Append(t.Context(), name, last[w], raw(name, last[w]+1, 1, 0))
		if err != nil && !errors.Is(err, eventlog.ErrDiskFull) {
			t.Fatal(err)
		}
		if err == nil {
			last[w] = r.Revision
		}
	}
	check()
	// and with space again, everything goes on
	closeLog(t, l)
	l = open(t, path, eventlog.Options{})
	check()
	total := int64(0)
	for w := range last {
		name := fmt.Sprintf("w-%d", w)
		r, err := l.Append(t.Context(), name, last[w], raw(name, last[w]+1, 2, 5000))
		if err != nil {
			t.Fatal(err)
		}
		last[w] = r.Revision
		total += int64(r.Revision) + 1
	}
	check()
	closeLog(t, l)
	sound(t, path, total, int64(len(last)))
}

func TestWriteAheadLogIsBounded(t *testing.T) {
	t.Parallel()
	const checkpoint, pause, bound = 1 << 20, 2 << 20, 4 << 20
	path := filepath.Join(t.TempDir(), "events.db")
	l, err := eventlog.OpenWith(t.Context(), path, 0, checkpoint, pause)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// given readers that never rest
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var readers, writers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			var buf []event.Stored
			for ctx.Err() == nil {
				var err error
				if buf, err = l.ReadFeed(ctx, 0, 1<<30, buf[:0]); err != nil && ctx.Err() == nil {
					t.Errorf("read: %v", err)
					return
				}
			}
		})
	}
	// when several times the bound is written
	largest := make([]int64, 8)
	for w := range largest {
		writers.Go(func() {
			name := fmt.Sprintf("w-%d", w)
			for r := range event.Revision(60) {
				if _, err := l.Append(t.Context(), name, r-1, raw(name, r, 1, 50_000)); err != nil {
					t.Errorf("append: %v", err)
					return
				}
				largest[w] = max(largest[w], l.WALBytes())
			}
		})
	}
	writers.Wait()
	stop()
	readers.Wait()
	// then the write-ahead log has stayed small
	for _, size := range largest {
		if size > bound {
			t.Fatalf("the write-ahead log grew to %d bytes, want up to %d", size, bound)
		}
	}
	closeLog(t, l)
	sound(t, path, 480, 8)
}

// A reader that its caller leaves in the middle, by the end of its context or by a
// panic, must come back usable: with a pool of one, the next read would hang or fail.
func TestReadersComeBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	l := open(t, path, eventlog.Options{Readers: 1})
	fill(t, l, 10, 50)
	for i := range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan struct{})
		go func() {
			defer close(left)
			defer func() { _ = recover() }()
			if _, err := l.ReadFeed(ctx, 0, 1<<20, nil); err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("read: %v", err)
			}
			panic("the caller is gone")
		}()
		if i%2 == 0 {
			cancel()
		}
		if got, err := l.ReadStream(t.Context(), "s-3", 0, 100, nil); err != nil || len(got) != 50 {
			t.Fatalf("read: %d events, %v", len(got), err)
		}
		cancel()
		<-left
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// given a link where the lock is to be, that somebody planted
// then what it leads to is not written over.
func TestALockIsNoLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other, lock := filepath.Join(dir, "other"), filepath.Join(dir, "lock")
	if err := os.WriteFile(other, []byte("dear to somebody"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, lock); err != nil {
		t.Skip("no links here:", err)
	}
	l, err := eventlog.LockFile(lock)
	if err == nil {
		_ = l.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("got %v", err)
	}
	if got, err := os.ReadFile(other); err != nil || string(got) != "dear to somebody" {
		t.Errorf("what the link leads to is %q, %v", got, err)
	}
}
