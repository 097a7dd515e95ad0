// Package eventlog keeps events in one SQLite file: the embedded default, that
// needs no server. It implements event.Store.
//
// One goroutine writes. It takes all appends that are queued, writes them in one
// transaction and answers them when that is on disk, so that many clients share one
// sync. Readers have connections of their own and never wait for it. Another
// goroutine moves the write-ahead log into the file, in small bites beside the
// writer, and asks the writer for a short pause only for the last one.
package eventlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"

	"lonja/domain/event"
)

// Options of a log. The zero value is the right one for a server.
type Options struct {
	// ReadOnly opens beside a process that writes: no lock is taken, Append answers
	// ErrReadOnly and Wait looks for news ten times a second.
	ReadOnly bool
	// Readers is the number of reads that run at once, others wait for their turn.
	// 0 means 8.
	Readers int
	// Logger hears of what no caller can be told: checkpoints that fail. nil means none.
	Logger *slog.Logger

	tune tuning
}

// tuning holds what tests and measurements make smaller; zero fields mean the defaults.
type tuning struct {
	checkpointBytes int64 // of the write-ahead log, from which on it is moved into the file
	pauseBytes      int64 // at which the writer waits until that is done
	cachedHeads     int
	cachedNames     int
	groupEvents     int // most events in one transaction, unless one append has more
	groupBytes      int
	chunkEvents     int // most events that one read transaction reads
	generation      int // events that the tail gathers before they go to places
	slice           int // least number of them that go at once
	maxPages        int64
}

func (t tuning) withDefaults() tuning {
	set := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	setInt := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&t.checkpointBytes, 64<<20)
	set(&t.pauseBytes, 160<<20)
	setInt(&t.cachedHeads, 1<<17)
	setInt(&t.cachedNames, 1<<18)
	setInt(&t.groupEvents, 4096)
	setInt(&t.groupBytes, 8<<20)
	setInt(&t.chunkEvents, 1024)
	setInt(&t.generation, 1<<16)
	setInt(&t.slice, 512)
	return t
}

// Log is an event store in one file. Safe for concurrent use.
type Log struct {
	path     string
	readOnly bool
	tune     tuning
	logger   *slog.Logger
	lock     *os.File

	head head

	mu     sync.Mutex // guards queue, spare and closed
	queue  []*request
	closed bool

	wake    chan struct{} // capacity 1: the queue has become non-empty, or the log is closing
	done    chan struct{} // closed when Close begins
	workers sync.WaitGroup

	writer     *writer
	checkpoint checkpointer
	readers    pool
	tail       tail
	streams    names
	types      names

	closeOnce sync.Once
	closeErr  error
}

var _ event.Store = (*Log)(nil)

// Open opens the log at path, or creates it. It does not read the events, so that
// its time does not grow with their number. The folder must exist. ctx bounds the
// opening only.
func Open(ctx context.Context, path string, opts Options) (_ *Log, err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("event log %s: %w", path, err)
	}
	l := &Log{
		path: path, readOnly: opts.ReadOnly, tune: opts.tune.withDefaults(), logger: opts.Logger,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	if l.logger == nil {
		l.logger = slog.New(slog.DiscardHandler)
	}
	if opts.Readers <= 0 {
		opts.Readers = 8
	}
	if !l.readOnly {
		if l.lock, err = acquireLock(path); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, releaseLock(l.lock))
			}
		}()
	}
	check, err := checkMarks(path)
	if err != nil {
		return nil, err
	}
	switch {
	case check != nil:
		defer check.Close()
	case l.readOnly:
		return nil, fmt.Errorf("event log %s: there is none yet", path)
	default:
		if err := create(path); err != nil {
			return nil, err
		}
	}
	l.readers.init(l, opts.Readers)
	l.streams.init("SELECT id, name FROM streams WHERE id BETWEEN ?1 AND ?2", l.tune.cachedNames)
	l.types.init("SELECT id, name FROM types WHERE id BETWEEN ?1 AND ?2", l.tune.cachedNames)
	defer func() {
		if err != nil {
			l.readers.close()
		}
	}()
	if l.readOnly {
		if err := l.readers.with(ctx, func(r *reader) error { return l.tail.start(r.conn) }); err != nil {
			return nil, fmt.Errorf("event log %s: %w", path, err)
		}
		l.head.advance(l.tail.active.head())
		return l, nil
	}

	conn, err := l.openWriter()
	if err != nil {
		return nil, err
	}
	if l.writer, err = newWriter(l, conn); err != nil {
		conn.Close()
		return nil, err
	}
	if err := l.checkpoint.init(l); err != nil {
		conn.Close()
		return nil, err
	}
	l.head.advance(l.writer.head)
	l.workers.Go(l.writer.run)
	l.workers.Go(l.checkpoint.run)
	return l, nil
}

// openWriter opens the connection that writes.
func (l *Log) openWriter() (_ *sqlite.Conn, err error) {
	conn, err := sqlite.OpenConn(l.path, sqlite.OpenReadWrite)
	if err != nil {
		return nil, l.fileError("open", err)
	}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	conn.SetBusyTimeout(10 * time.Second)
	for _, pragma := range []string{
		"BEGIN IMMEDIATE", "ROLLBACK", // SQLite silently falls back to reading where it can't write
		"PRAGMA journal_mode = wal",
		"PRAGMA synchronous = full",
		"PRAGMA wal_autocheckpoint = 0", // the checkpointer does it
		"PRAGMA cache_size = -16384",    // KiB
		"PRAGMA temp_store = memory",
	} {
		if err := exec(conn, pragma); err != nil {
			return nil, l.fileError("open", err)
		}
	}
	if l.tune.maxPages > 0 {
		if err := exec(conn, fmt.Sprintf("PRAGMA max_page_count = %d", l.tune.maxPages)); err != nil {
			return nil, l.fileError("open", err)
		}
	}
	return conn, nil
}

// Path returns the file's path. While the log is open, this process must not open the
// file itself: closing it again would drop the locks that SQLite holds on it.
func (l *Log) Path() string { return l.path }

// WALBytes returns the size of the write-ahead log beside the file.
func (l *Log) WALBytes() int64 {
	info, err := os.Stat(l.path + "-wal")
	if err != nil {
		return 0
	}
	return info.Size()
}

// Head returns the position of the newest readable event, 0 for an empty log.
func (l *Log) Head(ctx context.Context) (event.Position, error) {
	if err := l.usable(ctx, "head"); err != nil {
		return 0, err
	}
	if l.readOnly {
		pos, err := l.readHead(ctx)
		if err != nil {
			return 0, err
		}
		l.head.advance(pos)
	}
	return event.Position(l.head.position.Load()), nil
}

// Wait returns the head as soon as it is beyond the position, or ctx's error.
func (l *Log) Wait(ctx context.Context, after event.Position) (event.Position, error) {
	if l.readOnly {
		return l.poll(ctx, after)
	}
	for {
		changed := l.head.changed()
		if err := l.usable(ctx, "wait"); err != nil {
			return 0, err
		}
		if pos := event.Position(l.head.position.Load()); pos > after {
			return pos, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
		case <-l.done:
		}
	}
}

func (l *Log) poll(ctx context.Context, after event.Position) (event.Position, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		pos, err := l.Head(ctx)
		if err != nil || pos > after {
			return pos, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		case <-l.done:
		}
	}
}

// usable answers the end of ctx and of the log.
func (l *Log) usable(ctx context.Context, doing string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("event log %s: %s: %w", l.path, doing, err)
	}
	select {
	case <-l.done:
		return event.ErrClosed
	default:
		return nil
	}
}

// Close ends the log. Appends that the writer has taken finish, queued ones and
// waiters get ErrClosed, reads finish. It moves the write-ahead log into the file.
func (l *Log) Close() error {
	l.closeOnce.Do(func() {
		l.mu.Lock()
		l.closed = true
		queued := l.queue
		l.queue = nil
		close(l.done)
		l.mu.Unlock()
		for _, r := range queued {
			r.refuse(event.ErrClosed)
		}
		l.workers.Wait()
		l.readers.close()
		if l.writer != nil {
			if err := l.writer.finish(); err != nil {
				l.logger.Warn("event log: the index could not be completed; the next start does without", "path", l.path, "error", err)
			}
			// The last connection to go moves the write-ahead log into the file and removes it.
			l.closeErr = errors.Join(l.checkpoint.close(), l.writer.close(), releaseLock(l.lock))
		}
	})
	return l.closeErr
}

// head is the position of the newest readable event, and wakes those who wait for it.
type head struct {
	position atomic.Uint64
	mu       sync.Mutex
	news     chan struct{} // closed at the next change; nil while nobody waits
}

// advance moves the head forward, never back.
func (h *head) advance(to event.Position) {
	for {
		at := h.position.Load()
		if uint64(to) <= at {
			return
		}
		if h.position.CompareAndSwap(at, uint64(to)) {
			break
		}
	}
	h.mu.Lock()
	news := h.news
	h.news = nil
	h.mu.Unlock()
	if news != nil {
		close(news)
	}
}

// changed returns a channel that is closed at the next change.
func (h *head) changed() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.news == nil {
		h.news = make(chan struct{})
	}
	return h.news
}
