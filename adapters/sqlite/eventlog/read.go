package eventlog

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"zombiezen.com/go/sqlite"

	"lonja/domain/event"
)

// pool lends out the connections that read.
type pool struct {
	log   *Log
	turns chan struct{} // one token for each read under way

	mu     sync.Mutex
	idle   []*reader
	closed bool
	lent   sync.WaitGroup
}

// reader is a connection that reads, with its statements.
type reader struct {
	log    *Log
	conn   *sqlite.Conn
	stream *sqlite.Stmt
	one    *sqlite.Stmt
	feed   *sqlite.Stmt
	find   *sqlite.Stmt
	sum    checksum
}

func (p *pool) init(l *Log, size int) {
	p.log = l
	p.turns = make(chan struct{}, size)
}

// with lends a reader to f. Nothing of ctx is attached to the connection, whatever
// happens in f it comes back clean: reads are short chunks, and ctx is looked at
// between them.
func (p *pool) with(ctx context.Context, f func(*reader) error) error {
	select {
	case p.turns <- struct{}{}:
	default:
		select {
		case p.turns <- struct{}{}:
		case <-ctx.Done():
			return fmt.Errorf("event log %s: waiting for a reader: %w", p.log.path, ctx.Err())
		case <-p.log.done:
			return event.ErrClosed
		}
	}
	defer func() { <-p.turns }()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return event.ErrClosed
	}
	p.lent.Add(1)
	defer p.lent.Done()
	var r *reader
	if n := len(p.idle); n > 0 {
		r, p.idle = p.idle[n-1], p.idle[:n-1]
	}
	p.mu.Unlock()
	if r == nil {
		var err error
		if r, err = newReader(p.log); err != nil {
			return err
		}
	}
	defer func() {
		p.mu.Lock()
		p.idle = append(p.idle, r)
		p.mu.Unlock()
	}()
	return f(r)
}

// close waits for the readers that are lent out and closes all. No other reader is lent out after.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.lent.Wait()
	for _, r := range p.idle {
		r.conn.Close() // it has only read: an error would say nothing about the data
	}
	p.idle = nil
}

const columns = "position, stream, revision, type, recorded, crc, id, meta, data"

func newReader(l *Log) (_ *reader, err error) {
	// Read-write, since a reader may have to build the shared memory of the write-ahead log; query_only keeps it from more.
	conn, err := sqlite.OpenConn(l.path, sqlite.OpenReadWrite)
	if err != nil {
		return nil, l.fileError("open a reader", err)
	}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	conn.SetBusyTimeout(5 * time.Second)
	for _, pragma := range []string{"PRAGMA query_only = on", "PRAGMA wal_autocheckpoint = 0", "PRAGMA cache_size = -2048"} {
		if err := exec(conn, pragma); err != nil {
			return nil, l.fileError("open a reader", err)
		}
	}
	r := &reader{log: l, conn: conn}
	for _, s := range []struct {
		stmt  **sqlite.Stmt
		query string
	}{
		// The plus before a parameter keeps SQLite from planning anew for each limit.
		{&r.stream, "SELECT e.position, e.stream, e.revision, type, recorded, crc, id, meta, data FROM places p CROSS JOIN events e ON e.position = p.position WHERE p.stream = +?1 AND p.revision >= +?2 ORDER BY p.revision LIMIT +?3"},
		{&r.one, "SELECT " + columns + " FROM events WHERE position = +?1 AND stream = +?2 AND revision = +?3"},
		{&r.feed, "SELECT " + columns + " FROM events WHERE position >= +?1 ORDER BY position LIMIT +?2"},
		{&r.find, "SELECT id FROM streams WHERE name = +?1"},
	} {
		if *s.stmt, err = conn.Prepare(s.query); err != nil {
			return nil, l.fileError("open a reader", err)
		}
	}
	return r, nil
}

// ReadStream appends to buf the events of the stream from the revision on, at most
// limit of them, oldest first. The bytes of what it appends are the caller's to keep.
func (l *Log) ReadStream(ctx context.Context, stream string, from event.Revision, limit int, buf []event.Stored) ([]event.Stored, error) {
	if err := l.usable(ctx, "read "+stream); err != nil {
		return buf, err
	}
	start := len(buf)
	if limit <= 0 {
		return buf, nil
	}
	from = max(from, 0)
	err := l.readers.with(ctx, func(r *reader) error {
		id, err := r.streamID(stream)
		if err != nil || id == 0 {
			return err
		}
		if l.readOnly {
			if err := l.tail.catchUp(r.conn); err != nil {
				return err
			}
		}
		// First the tail, then the table: what leaves the tail is in the table before.
		newest, certain := l.tail.places(id, from)
		for len(newest) == 0 || newest[0].revision > from {
			if err := ctx.Err(); err != nil {
				return err
			}
			ask := min(limit-(len(buf)-start), l.tune.chunkEvents)
			r.stream.BindInt64(1, id)
			r.stream.BindInt64(2, int64(from))
			r.stream.BindInt64(3, int64(ask))
			had := len(buf)
			var done bool
			if buf, done, err = r.collect(r.stream, stream, false, buf); err != nil {
				return err
			}
			for i := had; i < len(buf); i++ {
				if buf[i].Revision != from {
					return fmt.Errorf("%w: revision %d is where %d follows", ErrCorrupt, buf[i].Revision, from)
				}
				from++
			}
			if len(buf)-start == limit {
				return nil
			}
			if done && len(buf)-had < ask {
				break
			}
		}
		for i := range newest {
			if newest[i].revision < from {
				continue
			}
			if newest[i].revision != from {
				return fmt.Errorf("%w: revision %d is missing", ErrCorrupt, from)
			}
			if len(buf)-start == limit {
				return nil
			}
			if i%l.tune.chunkEvents == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			r.one.BindInt64(1, int64(newest[i].position))
			r.one.BindInt64(2, id)
			r.one.BindInt64(3, int64(from))
			had := len(buf)
			if buf, _, err = r.collect(r.one, stream, false, buf); err != nil {
				return err
			}
			if len(buf) == had {
				if newest[i].position > certain {
					return nil
				}
				return fmt.Errorf("%w: position %d does not hold revision %d", ErrCorrupt, newest[i].position, from)
			}
			from++
		}
		return nil
	})
	if err != nil {
		if !errors.Is(err, event.ErrClosed) {
			err = fmt.Errorf("event log %s: read %s from revision %d: %w", l.path, stream, from, err)
		}
		return buf[:start], err
	}
	if len(buf) > start {
		l.head.advance(buf[len(buf)-1].Position)
	}
	return buf, nil
}

// ReadFeed appends to buf the events after the position, at most limit of them, in
// feed order. It reuses the bytes of what buf held before, in the part that it appends to.
func (l *Log) ReadFeed(ctx context.Context, after event.Position, limit int, buf []event.Stored) ([]event.Stored, error) {
	if err := l.usable(ctx, "read the feed"); err != nil {
		return buf, err
	}
	start := len(buf)
	if limit <= 0 {
		return buf, nil
	}
	err := l.readers.with(ctx, func(r *reader) error {
		for {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("event log %s: read the feed: %w", l.path, err)
			}
			ask := min(limit-(len(buf)-start), l.tune.chunkEvents)
			r.feed.BindInt64(1, int64(min(after, 1<<62))+1)
			r.feed.BindInt64(2, int64(ask))
			had := len(buf)
			var done bool
			var err error
			if buf, done, err = r.collect(r.feed, "", true, buf); err != nil {
				if len(buf) > had {
					after = buf[len(buf)-1].Position
				}
				return fmt.Errorf("event log %s: read the feed after position %d: %w", l.path, after, err)
			}
			for i := had; i < len(buf); i++ {
				if after++; buf[i].Position != after {
					return fmt.Errorf("event log %s: read the feed: %w: position %d is missing", l.path, ErrCorrupt, after)
				}
			}
			if done && len(buf)-had < ask {
				return nil
			}
			// Whoever reads at full speed would else keep the writer, that comes from the disk
			// every moment, waiting for its turn of the processor: 10 ms each time.
			runtime.Gosched()
			if len(buf)-start == limit {
				return nil
			}
		}
	})
	if err != nil {
		return buf[:start], err
	}
	if len(buf) > start {
		l.head.advance(buf[len(buf)-1].Position)
	}
	return buf, nil
}

func (l *Log) readHead(ctx context.Context) (pos event.Position, err error) {
	err = l.readers.with(ctx, func(r *reader) error {
		if pos, err = feedHead(r.conn); err != nil {
			return l.fileError("read the head", err)
		}
		return nil
	})
	return pos, err
}

// streamID returns the id of a stream, 0 where it does not exist.
func (r *reader) streamID(name string) (int64, error) {
	r.find.BindBytes(1, []byte(name))
	defer r.find.Reset()
	row, err := r.find.Step()
	if err != nil {
		return 0, r.log.fileError("find stream "+name, err)
	}
	if !row {
		return 0, nil
	}
	return r.find.ColumnInt64(0), nil
}

// chunkBytes is what one read transaction reads at most, give or take an event: the
// write-ahead log can't be started over before the transactions under way have ended.
const chunkBytes = 1 << 20

// collect runs a statement that selects columns and appends its rows to buf, and
// reports whether those were all of them. stream is the name where all rows are of one
// stream, else "". With reuse, it writes into the bytes of the elements that lie in
// buf's capacity. Errors do not name the file.
func (r *reader) collect(stmt *sqlite.Stmt, stream string, reuse bool, buf []event.Stored) (_ []event.Stored, done bool, err error) {
	defer stmt.Reset()
	for size := 0; size < chunkBytes; {
		row, err := stmt.Step()
		if err != nil {
			return buf, false, kindOf(err)
		}
		if !row {
			return buf, true, nil
		}
		n := len(buf)
		if n < cap(buf) {
			buf = buf[:n+1]
			if !reuse {
				buf[n] = event.Stored{}
			}
		} else {
			buf = append(buf, event.Stored{})
		}
		s := &buf[n]
		if err := r.fill(stmt, stream, s); err != nil {
			return buf[:n], false, err
		}
		size += len(s.Data) + len(s.Meta)
	}
	return buf, false, nil
}

// fill reads the row that stmt is at.
func (r *reader) fill(stmt *sqlite.Stmt, stream string, s *event.Stored) error {
	position, id, revision := stmt.ColumnInt64(0), stmt.ColumnInt64(1), stmt.ColumnInt64(2)
	typ, recorded, crc := stmt.ColumnInt64(3), stmt.ColumnInt64(4), stmt.ColumnInt64(5)
	idLen := stmt.ColumnBytes(6, s.ID[:])
	s.Meta = bytesInto(stmt, 7, s.Meta)
	s.Data = bytesInto(stmt, 8, s.Data)
	if idLen != len(s.ID) || int64(r.sum.of(position, id, revision, typ, recorded, &s.ID, s.Meta, s.Data)) != crc {
		return fmt.Errorf("%w: the event at position %d is not what was written", ErrCorrupt, position)
	}
	s.Position, s.Revision = event.Position(position), event.Revision(revision)
	s.RecordedAt = time.UnixMilli(recorded).UTC()
	var err error
	if s.Type, err = r.log.types.of(r.conn, typ); err != nil {
		return kindOf(err)
	}
	if s.Stream = stream; stream == "" {
		if s.Stream, err = r.log.streams.of(r.conn, id); err != nil {
			return kindOf(err)
		}
	}
	if s.Type == "" || s.Stream == "" {
		return fmt.Errorf("%w: the event at position %d has no name of its stream or type", ErrCorrupt, position)
	}
	return nil
}

// bytesInto copies a blob into b, or into new memory where b is too small.
func bytesInto(stmt *sqlite.Stmt, col int, b []byte) []byte {
	n := stmt.ColumnLen(col)
	if cap(b) < n {
		b = make([]byte, n)
	}
	b = b[:n]
	stmt.ColumnBytes(col, b)
	return b
}
