package eventlog

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
	"zombiezen.com/go/sqlite"

	"lonja/domain/event"
)

// request is an append on its way through the writer.
type request struct {
	stream   string
	expected event.Revision
	events   []event.Raw

	owner   atomic.Int32  // who decides: see the states below
	answer  chan struct{} // capacity 1
	receipt event.Receipt
	err     error
}

const (
	queued    = iota // nobody yet
	taken            // the writer, who answers
	withdrawn        // the caller, who has gone; the writer passes over it
)

var requests = sync.Pool{New: func() any { return &request{answer: make(chan struct{}, 1)} }}

func (r *request) refuse(err error) {
	if r.owner.CompareAndSwap(queued, taken) {
		r.err = err
		r.answer <- struct{}{}
	}
}

// Append adds events to a stream that is exactly at the expected revision. A ctx that
// ends while the append is queued withdraws it; one that the writer has taken is
// waited for, so that the answer is always the truth.
func (l *Log) Append(ctx context.Context, stream string, expected event.Revision, events []event.Raw) (event.Receipt, error) {
	if err := event.CheckAppend(stream, expected, events); err != nil {
		return event.Receipt{}, err
	}
	if err := l.usable(ctx, "append to "+stream); err != nil {
		return event.Receipt{}, err
	}
	if l.readOnly {
		return event.Receipt{}, fmt.Errorf("event log %s: append to %s: %w", l.path, stream, ErrReadOnly)
	}
	r := requests.Get().(*request) //nolint:forcetypeassert // the pool's New
	r.stream, r.expected, r.events = stream, expected, events
	r.owner.Store(queued)

	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return event.Receipt{}, event.ErrClosed
	}
	l.queue = append(l.queue, r)
	first := len(l.queue) == 1
	l.mu.Unlock()
	if first {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}

	select {
	case <-r.answer:
	case <-ctx.Done():
		if r.owner.CompareAndSwap(queued, withdrawn) {
			return event.Receipt{}, fmt.Errorf("event log %s: append to %s: %w", l.path, stream, ctx.Err())
		}
		<-r.answer
	}
	receipt, err := r.receipt, r.err
	r.stream, r.events, r.receipt, r.err = "", nil, event.Receipt{}, nil
	requests.Put(r)
	return receipt, err
}

// writer owns the connection that writes. All but newWriter and close run on its goroutine.
type writer struct {
	log  *Log
	conn *sqlite.Conn

	begin, commit, rollback *sqlite.Stmt
	insert                  *sqlite.Stmt
	findStream, findTop     *sqlite.Stmt
	findPlaces, findID      *sqlite.Stmt
	addPlace, setPlaced     *sqlite.Stmt
	newStream, newType      *sqlite.Stmt

	heads *heads
	types map[string]int64
	head  event.Position // of the transaction under way, else the readable one
	spare []*request     // the emptied queue, for the next swap
	group []*request
	debt  int // entries of the frozen generation that should have gone to places

	// Of the transaction under way:
	pages int64 // an estimate of those that it changes
	bytes int64 // of events
	moved int   // entries of the frozen generation that it moves
	sum   checksum
}

func newWriter(l *Log, conn *sqlite.Conn) (*writer, error) {
	w := &writer{log: l, conn: conn, head: unknown, heads: newHeads(l.tune.cachedHeads), types: map[string]int64{}}
	for _, s := range []struct {
		stmt  **sqlite.Stmt
		query string
	}{
		{&w.begin, "BEGIN IMMEDIATE"},
		{&w.commit, "COMMIT"},
		{&w.rollback, "ROLLBACK"},
		{&w.insert, "INSERT INTO events (stream, revision, type, recorded, crc, id, meta, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
		{&w.findStream, "SELECT id FROM streams WHERE name = ?1"},
		{&w.findTop, "SELECT max(revision) FROM places WHERE stream = ?1"},
		{&w.findPlaces, "SELECT revision, position FROM places WHERE stream = ?1 AND revision BETWEEN ?2 AND ?3 ORDER BY revision"},
		{&w.findID, "SELECT id FROM events WHERE position = ?1"},
		{&w.addPlace, "INSERT OR IGNORE INTO places (stream, revision, position) VALUES (?1, ?2, ?3)"},
		{&w.setPlaced, "UPDATE placed SET position = ?1"},
		{&w.newStream, "INSERT INTO streams (name) VALUES (?1)"},
		{&w.newType, "INSERT INTO types (name) VALUES (?1)"},
	} {
		stmt, err := conn.Prepare(s.query)
		if err != nil {
			return nil, l.fileError("open", err)
		}
		*s.stmt = stmt
	}
	if err := w.reload(); err != nil {
		return nil, err
	}
	return w, nil
}

// reload forgets everything that a failed transaction may have left in memory.
func (w *writer) reload() error {
	w.heads.forget()
	clear(w.types)
	if err := w.log.tail.start(w.conn); err != nil {
		return w.log.fileError("start", err)
	}
	w.debt = 0
	types, err := w.conn.Prepare("SELECT id, name FROM types")
	if err != nil {
		return w.log.fileError("read the types", err)
	}
	defer types.Reset()
	for {
		row, err := types.Step()
		if err != nil {
			return w.log.fileError("read the types", err)
		}
		if !row {
			w.head = w.log.tail.active.head() // known again, now that all is
			return nil
		}
		name := make([]byte, types.ColumnLen(1))
		types.ColumnBytes(1, name)
		w.types[string(name)] = types.ColumnInt64(0)
	}
}

func (w *writer) close() error {
	if err := w.conn.Close(); err != nil {
		return w.log.fileError("close", err)
	}
	return nil
}

func (w *writer) run() {
	for {
		select {
		case <-w.log.wake:
		case resume := <-w.log.checkpoint.pause:
			<-resume
			continue
		case <-w.log.done:
			return
		}
		// Those who were just answered come with their next append: let them run first,
		// and they share this sync rather than wait for the next.
		runtime.Gosched()
		for w.takeQueue() {
			w.writeAll()
			w.log.checkpoint.makeRoom()
			runtime.Gosched()
		}
	}
}

// takeQueue moves the queue into w.group and reports whether there is anything.
func (w *writer) takeQueue() bool {
	l := w.log
	l.mu.Lock()
	w.spare, l.queue = l.queue, w.spare[:0]
	l.mu.Unlock()
	w.group = w.group[:0]
	for i, r := range w.spare {
		if r.owner.CompareAndSwap(queued, taken) {
			w.group = append(w.group, r)
		}
		w.spare[i] = nil
	}
	return len(w.group) > 0
}

// writeAll writes w.group, in several transactions where it is very large.
func (w *writer) writeAll() {
	for from := 0; from < len(w.group); {
		to, events, bytes := from, 0, 0
		for to < len(w.group) && events < w.log.tune.groupEvents && bytes < w.log.tune.groupBytes {
			events += len(w.group[to].events)
			for i := range w.group[to].events {
				bytes += len(w.group[to].events[i].Data) + len(w.group[to].events[i].Meta)
			}
			to++
		}
		w.write(w.group[from:to])
		from = to
	}
}

// write writes some appends in one transaction and answers them.
func (w *writer) write(group []*request) {
	err := w.transact(group)
	if err != nil && len(group) > 1 && errors.Is(err, ErrCorrupt) {
		// A damaged page concerns the streams on it, not those who happened to share the transaction.
		for i := range group {
			w.write(group[i : i+1])
		}
		return
	}
	if err == nil {
		w.log.head.advance(w.head)
	}
	for _, r := range group {
		if err != nil {
			r.receipt, r.err = event.Receipt{}, fmt.Errorf("append to %s: %w", r.stream, err)
		}
		r.answer <- struct{}{}
	}
}

// transact applies all or nothing of the group. Refusals of single appends are in
// their requests; an error is everybody's.
func (w *writer) transact(group []*request) (err error) {
	if w.head == unknown {
		if err := w.reload(); err != nil {
			return err
		}
	}
	t := &w.log.tail
	w.pages, w.bytes, w.moved = 4, 0, 0
	if err := run(w.begin); err != nil {
		return w.log.fileError("begin", err)
	}
	defer func() {
		if err != nil {
			if !w.conn.AutocommitEnabled() {
				if rerr := run(w.rollback); rerr != nil {
					err = errors.Join(err, w.log.fileError("roll back", rerr))
				}
			}
			w.head = unknown
		}
	}()
	now := time.Now().UnixMilli()
	for _, r := range group {
		if err := w.apply(r, now); err != nil {
			return err
		}
	}
	if err := w.moveSlice(len(t.active.entries) - t.committed); err != nil {
		return err
	}
	if err := run(w.commit); err != nil {
		return w.log.fileError("commit", err)
	}
	w.committed()
	return nil
}

// committed takes the transaction's work for certain in memory.
func (w *writer) committed() {
	t := &w.log.tail
	t.mu.Lock()
	t.committed = len(t.active.entries)
	if f := t.frozen; f != nil {
		f.moved += w.moved
		w.debt -= w.moved
		if f.moved == len(f.entries) {
			t.frozen = nil
		}
	}
	if t.frozen == nil && len(t.active.entries) >= w.log.tune.generation {
		f := t.active
		f.sorted = make(chan struct{})
		t.frozen, t.active, t.committed = f, newGeneration(f.head()), 0
		w.debt = 0
		w.log.workers.Go(f.sort)
	}
	t.mu.Unlock()
	w.log.checkpoint.grownBy(w.pages + w.bytes/(pageBytes-256))
}

// moveSlice writes a slice of the frozen generation to places, where enough events
// were appended since the last: a little more than one for one, so that it ends before
// the active generation is full.
func (w *writer) moveSlice(appended int) error {
	f := w.log.tail.frozen
	if f == nil {
		return nil
	}
	w.debt += appended + (appended+3)/4
	if w.debt < w.log.tune.slice {
		return nil
	}
	select {
	case <-f.sorted:
	default:
		return nil
	}
	until := min(f.moved+w.debt, len(f.order))
	if err := w.move(f, until); err != nil {
		return err
	}
	w.moved = until - f.moved
	// Some 200 entries fill a page; the slice's are spread evenly over all pages.
	total, all := int64(f.base)/200+1, int64(len(f.order))
	w.pages += 3 + int64(w.moved)*min(total, all)/all
	if until == len(f.order) {
		return w.setPlacedTo(f.head())
	}
	return nil
}

// move writes the entries of a sorted generation to places, from where it is on.
func (w *writer) move(g *generation, until int) error {
	for _, i := range g.order[g.moved:until] {
		e, position := &g.entries[i], g.base+1+event.Position(i)
		s := w.addPlace
		s.BindInt64(1, e.stream)
		s.BindInt64(2, int64(e.revision))
		s.BindInt64(3, int64(position))
		if err := run(s); err != nil {
			return w.log.fileError("index", err)
		}
		if w.conn.Changes() == 0 {
			// It went there before a crash; anything else there is an error.
			there, err := w.placesOf(e.stream, e.revision, e.revision)
			if err != nil {
				return err
			}
			if len(there) != 1 || there[0].position != position {
				return fmt.Errorf("event log %s: index: %w: position %d is revision %d of its stream, and so is another", w.log.path, ErrCorrupt, position, e.revision)
			}
		}
	}
	return nil
}

func (w *writer) setPlacedTo(head event.Position) error {
	w.setPlaced.BindInt64(1, int64(head))
	if err := run(w.setPlaced); err != nil {
		return w.log.fileError("index", err)
	}
	return nil
}

// finish moves all of the tail to places, so that the next start need not read it. The
// writer has ended, and so have the readers.
func (w *writer) finish() (err error) {
	if w.head == unknown {
		return nil // the next start reads the events instead
	}
	if err := run(w.begin); err != nil {
		return w.log.fileError("begin", err)
	}
	defer func() {
		if err != nil && !w.conn.AutocommitEnabled() {
			err = errors.Join(err, run(w.rollback))
		}
	}()
	t := &w.log.tail
	if t.frozen != nil {
		if err := w.move(t.frozen, len(t.frozen.order)); err != nil {
			return err
		}
	}
	t.active.sorted = make(chan struct{})
	t.active.sort()
	if err := w.move(t.active, len(t.active.order)); err != nil {
		return err
	}
	if err := w.setPlacedTo(t.active.head()); err != nil {
		return err
	}
	if err := run(w.commit); err != nil {
		return w.log.fileError("commit", err)
	}
	return nil
}

// unknown is the head after a failed transaction, until it is read again.
const unknown = event.Position(1<<64 - 1)

// apply decides one append and inserts its events.
func (w *writer) apply(r *request, now int64) error {
	h := w.heads.get(r.stream)
	if h == nil {
		var err error
		if h, err = w.loadHead(r.stream); err != nil {
			return err
		}
	}
	last := r.expected + event.Revision(len(r.events))
	r.receipt, r.err = event.Receipt{Stream: r.stream, Revision: last}, nil
	if h.revision != r.expected {
		if last <= h.revision {
			at, same, err := w.already(h.id, r)
			if err != nil {
				return err
			}
			if same {
				r.receipt.Position, r.receipt.Again = at, true
				return nil
			}
		}
		r.receipt, r.err = event.Receipt{}, &event.ConflictError{Stream: r.stream, Expected: r.expected, Actual: h.revision}
		return nil
	}
	if h.id == 0 {
		id, err := w.intern(w.newStream, r.stream)
		if err != nil {
			return w.log.fileError("new stream", err)
		}
		h.id = id
		w.pages += 3
	}
	for i := range r.events {
		e := &r.events[i]
		typ, ok := w.types[e.Type]
		if !ok {
			var err error
			if typ, err = w.intern(w.newType, e.Type); err != nil {
				return w.log.fileError("new type", err)
			}
			w.types[e.Type] = typ
		}
		h.revision++
		w.head++
		s := w.insert
		s.BindInt64(1, h.id)
		s.BindInt64(2, int64(h.revision))
		s.BindInt64(3, typ)
		s.BindInt64(4, now)
		s.BindInt64(5, int64(w.sum.of(int64(w.head), h.id, int64(h.revision), typ, now, &e.ID, e.Meta, e.Data)))
		s.BindBytes(6, e.ID[:])
		s.BindBytes(7, e.Meta)
		s.BindBytes(8, e.Data)
		if err := run(s); err != nil {
			return w.log.fileError(fmt.Sprintf("insert after position %d", w.head-1), err)
		}
		w.bytes += int64(len(e.Data)+len(e.Meta)) + 64
	}
	if at := w.conn.LastInsertRowID(); at != int64(w.head) {
		return fmt.Errorf("event log %s: insert: %w: position %d was given where %d follows", w.log.path, ErrCorrupt, at, w.head)
	}
	r.receipt.Position = w.head
	t := &w.log.tail
	t.mu.Lock()
	for i := range r.events {
		t.active.add(h.id, r.expected+1+event.Revision(i))
	}
	t.mu.Unlock()
	return nil
}

// loadHead reads the head of a stream into the cache. One that does not exist is
// cached too: most appends to one create it.
func (w *writer) loadHead(stream string) (*streamHead, error) {
	h := streamHead{name: stream, revision: event.NoStream}
	s := w.findStream
	s.BindBytes(1, []byte(stream))
	row, err := s.Step()
	if row {
		h.id = s.ColumnInt64(0)
	}
	if rerr := s.Reset(); err == nil {
		err = rerr
	}
	if err != nil {
		return nil, w.log.fileError("find stream "+stream, err)
	}
	if h.id == 0 {
		return w.heads.put(h), nil
	}
	var ok bool
	if h.revision, ok = w.log.tail.revision(h.id); !ok {
		s := w.findTop
		s.BindInt64(1, h.id)
		_, err := s.Step()
		ok = err == nil && !s.ColumnIsNull(0)
		if ok {
			h.revision = event.Revision(s.ColumnInt64(0))
		}
		if rerr := s.Reset(); err == nil {
			err = rerr
		}
		if err != nil {
			return nil, w.log.fileError("find the end of stream "+stream, err)
		}
		if !ok {
			return nil, fmt.Errorf("event log %s: %w: stream %s has no events", w.log.path, ErrCorrupt, stream)
		}
	}
	return w.heads.put(h), nil
}

// already reports whether the very events of r are where r wants them, and the position of the last.
func (w *writer) already(stream int64, r *request) (event.Position, bool, error) {
	first, last := r.expected+1, r.expected+event.Revision(len(r.events))
	found, _ := w.log.tail.places(stream, first)
	if len(found) == 0 || found[0].revision > first {
		placed, err := w.placesOf(stream, first, last)
		if err != nil {
			return 0, false, err
		}
		for len(found) > 0 && len(placed) > 0 && found[0].revision <= placed[len(placed)-1].revision {
			found = found[1:] // on its way
		}
		found = append(placed, found...)
	}
	if len(found) < len(r.events) {
		return 0, false, fmt.Errorf("event log %s: %w: events of stream %s are missing in its index", w.log.path, ErrCorrupt, r.stream)
	}
	for i := range r.events {
		if found[i].revision != first+event.Revision(i) {
			return 0, false, fmt.Errorf("event log %s: %w: revision %d of stream %s is missing in its index", w.log.path, ErrCorrupt, first+event.Revision(i), r.stream)
		}
		same, err := w.isAt(r.events[i].ID, found[i].position)
		if err != nil || !same {
			return 0, false, err
		}
	}
	return found[len(r.events)-1].position, true, nil
}

func (w *writer) isAt(id ulid.ULID, position event.Position) (bool, error) {
	s := w.findID
	s.BindInt64(1, int64(position))
	defer s.Reset()
	row, err := s.Step()
	if err != nil {
		return false, w.log.fileError(fmt.Sprintf("read position %d", position), err)
	}
	var have ulid.ULID
	return row && s.ColumnBytes(0, have[:]) == len(have) && have == id, nil
}

// placesOf reads from the table where the events of a stream are.
func (w *writer) placesOf(stream int64, from, to event.Revision) ([]place, error) {
	s := w.findPlaces
	s.BindInt64(1, stream)
	s.BindInt64(2, int64(from))
	s.BindInt64(3, int64(to))
	defer s.Reset()
	var found []place
	for {
		row, err := s.Step()
		if err != nil {
			return nil, w.log.fileError("find events of a stream", err)
		}
		if !row {
			return found, nil
		}
		found = append(found, place{event.Revision(s.ColumnInt64(0)), event.Position(s.ColumnInt64(1))})
	}
}

func (w *writer) intern(s *sqlite.Stmt, name string) (int64, error) {
	s.BindBytes(1, []byte(name))
	if err := run(s); err != nil {
		return 0, err
	}
	return w.conn.LastInsertRowID(), nil
}

// run executes a statement that returns no rows.
func run(s *sqlite.Stmt) error {
	_, err := s.Step()
	if rerr := s.Reset(); err == nil {
		err = rerr
	}
	return err
}
