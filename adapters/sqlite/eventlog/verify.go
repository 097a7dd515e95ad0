package eventlog

import (
	"context"
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/domain/event"
)

// Report is what Verify found.
type Report struct {
	Events   int64 // that could be read and are what was written
	Streams  int64
	Head     event.Position
	Problems []Problem // the first hundred; none means that the log is sound
}

// Problem is a place where the log is not what was written.
type Problem struct {
	First, Last event.Position // of the events concerned; 0 where it is not about events
	What        string
}

func (p Problem) String() string {
	switch {
	case p.First == 0:
		return p.What
	case p.First == p.Last:
		return fmt.Sprintf("position %d: %s", p.First, p.What)
	default:
		return fmt.Sprintf("positions %d to %d: %s", p.First, p.Last, p.What)
	}
}

// Progress says how far Verify is.
type Progress struct {
	Phase       string // "events", then "file"
	Done, Total int64  // of events; both 0 in the phase "file", whose length is not known beforehand
}

const maxProblems = 100

// Verify reads the whole log at path and checks positions, revisions, checksums, names,
// the index and the file's own structure. It changes nothing and works beside a
// process that writes, up to the head at its start; that process can't shorten its
// write-ahead log during the phase "file". The error says that Verify could not do its
// work; what is wrong with the log is in the report.
func Verify(ctx context.Context, path string, progress func(Progress)) (Report, error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	check, err := checkMarks(path)
	if err != nil {
		return Report{}, err
	}
	if check == nil {
		return Report{}, fmt.Errorf("event log %s: there is none yet", path)
	}
	defer check.Close()
	l := &Log{path: path, readOnly: true, tune: tuning{}.withDefaults(), done: make(chan struct{})}
	l.streams.init("SELECT id, name FROM streams WHERE id BETWEEN ?1 AND ?2", l.tune.cachedNames)
	l.types.init("SELECT id, name FROM types WHERE id BETWEEN ?1 AND ?2", l.tune.cachedNames)
	r, err := newReader(l)
	if err != nil {
		return Report{}, err
	}
	defer r.conn.Close()
	v := &verifier{ctx: ctx, reader: r, progress: progress}
	if err := v.run(); err != nil && !errors.Is(err, errEnough) {
		return v.report, fmt.Errorf("event log %s: verify: %w", path, err)
	}
	return v.report, nil
}

type verifier struct {
	ctx      context.Context
	reader   *reader
	progress func(Progress)
	report   Report
	placed   event.Position // places holds all events up to here
	next     []event.Revision
	broken   bool // events were skipped: streams may have holes
}

var errEnough = errors.New("enough problems")

func (v *verifier) problem(first, last event.Position, format string, args ...any) error {
	v.report.Problems = append(v.report.Problems, Problem{first, last, fmt.Sprintf(format, args...)})
	if len(v.report.Problems) >= maxProblems {
		return errEnough
	}
	return nil
}

func (v *verifier) run() error {
	conn := v.reader.conn
	var err error
	if v.placed, err = placedPosition(conn); err != nil {
		if err := v.problem(0, 0, "how far the index goes can't be read: %v", err); err != nil {
			return err
		}
	}
	if v.report.Head, err = feedHead(conn); err != nil {
		if err := v.problem(0, 0, "the head can't be read: %v", err); err != nil {
			return err
		}
	}
	if err := v.events(); err != nil {
		return err
	}
	return v.file()
}

// events reads the feed up to the head.
func (v *verifier) events() error {
	places, err := v.reader.conn.Prepare("SELECT position FROM places WHERE stream = ?1 AND revision = ?2")
	if err != nil {
		return err
	}
	total := int64(v.report.Head)
	for after := event.Position(0); after < v.report.Head; {
		v.progress(Progress{Phase: "events", Done: int64(after), Total: total})
		if err := v.ctx.Err(); err != nil {
			return err
		}
		last, err := v.chunk(after, places)
		if err != nil && kindOf(err) == err { //nolint:errorlint // kindOf returns its argument where it is not about the file
			return err
		}
		if err == nil {
			if last == after {
				return v.problem(after+1, v.report.Head, "missing")
			}
			after = last
			continue
		}
		readable := max(v.readable(last), last+1)
		v.broken = true
		if err := v.problem(last+1, readable, "can't be read: %v", err); err != nil {
			return err
		}
		after = readable
	}
	v.progress(Progress{Phase: "events", Done: total, Total: total})
	for _, next := range v.next {
		if next > 0 {
			v.report.Streams++
		}
	}
	return nil
}

// chunk checks the next events and returns the position of the last that it could read.
func (v *verifier) chunk(after event.Position, places *sqlite.Stmt) (event.Position, error) {
	r := v.reader
	r.feed.BindInt64(1, int64(after)+1)
	r.feed.BindInt64(2, int64(min(uint64(v.report.Head-after), 4096)))
	defer r.feed.Reset()
	var s event.Stored
	for {
		row, err := r.feed.Step()
		if err != nil || !row {
			return after, err
		}
		position, stream := event.Position(r.feed.ColumnInt64(0)), r.feed.ColumnInt64(1)
		if position != after+1 {
			if err := v.problem(after+1, position-1, "missing"); err != nil {
				return after, err
			}
			v.broken = true
		}
		after = position
		if err := r.fill(r.feed, "", &s); err != nil {
			if !errors.Is(err, ErrCorrupt) {
				return after, err
			}
			v.broken = true
			if err := v.problem(position, position, "not what was written"); err != nil {
				return after, err
			}
			continue
		}
		v.report.Events++
		if err := v.revision(stream, &s); err != nil {
			return after, err
		}
		if err := v.place(places, stream, &s); err != nil {
			return after, err
		}
	}
}

func (v *verifier) revision(stream int64, s *event.Stored) error {
	if n := stream + 1; n > int64(len(v.next)) {
		v.next = append(v.next, make([]event.Revision, max(n-int64(len(v.next)), int64(len(v.next))))...)
	}
	want := v.next[stream]
	v.next[stream] = s.Revision + 1
	if s.Revision == want || v.broken && s.Revision > want {
		return nil
	}
	return v.problem(s.Position, s.Position, "stream %s has revision %d where %d follows", s.Stream, s.Revision, want)
}

func (v *verifier) place(places *sqlite.Stmt, stream int64, s *event.Stored) error {
	places.BindInt64(1, stream)
	places.BindInt64(2, int64(s.Revision))
	defer places.Reset()
	row, err := places.Step()
	switch {
	case err != nil:
		return v.problem(s.Position, s.Position, "the index of stream %s can't be read: %v", s.Stream, err)
	case !row && s.Position <= v.placed:
		return v.problem(s.Position, s.Position, "missing in the index of stream %s, revision %d", s.Stream, s.Revision)
	case row && event.Position(places.ColumnInt64(0)) != s.Position:
		return v.problem(s.Position, s.Position, "the index has position %d for revision %d of stream %s", places.ColumnInt64(0), s.Revision, s.Stream)
	}
	return nil
}

// readable returns the last position that can't be read from after on, by longer and
// longer leaps and then halving.
func (v *verifier) readable(after event.Position) event.Position {
	can := func(p event.Position) bool {
		r := v.reader
		r.feed.BindInt64(1, int64(p))
		r.feed.BindInt64(2, 1)
		defer r.feed.Reset()
		row, err := r.feed.Step()
		return err == nil && row
	}
	bad, good := after, v.report.Head+1
	for leap := event.Position(1); after+leap <= v.report.Head; leap *= 2 {
		if can(after + leap) {
			good = after + leap
			break
		}
		bad = after + leap
	}
	for good-bad > 1 {
		if middle := bad + (good-bad)/2; can(middle) {
			good = middle
		} else {
			bad = middle
		}
	}
	return good - 1
}

// file checks what is not about single events.
func (v *verifier) file() error {
	v.progress(Progress{Phase: "file"})
	conn := v.reader.conn
	conn.SetInterrupt(v.ctx.Done())
	defer conn.SetInterrupt(nil)
	var placed, beyond int64
	err := sqlitex.ExecuteTransient(conn, "SELECT count(*) FILTER (WHERE position <= ?1), count(*) FILTER (WHERE position > (SELECT coalesce(max(position), 0) FROM events)) FROM places", &sqlitex.ExecOptions{
		Args:       []any{int64(v.placed)},
		ResultFunc: func(stmt *sqlite.Stmt) error { placed, beyond = stmt.ColumnInt64(0), stmt.ColumnInt64(1); return nil },
	})
	switch {
	case v.ctx.Err() != nil:
		return v.ctx.Err()
	case err != nil:
		if err := v.problem(0, 0, "the index can't be read: %v", err); err != nil {
			return err
		}
	case placed != int64(v.placed) || beyond != 0:
		if err := v.problem(0, 0, "the index has %d places for the first %d events, and %d beyond the last", placed, v.placed, beyond); err != nil {
			return err
		}
	}
	err = sqlitex.ExecuteTransient(conn, fmt.Sprintf("PRAGMA integrity_check(%d)", maxProblems), &sqlitex.ExecOptions{
		ResultFunc: func(stmt *sqlite.Stmt) error {
			if text := stmt.ColumnText(0); text != "ok" {
				return v.problem(0, 0, "file: %s", text)
			}
			return nil
		},
	})
	switch {
	case v.ctx.Err() != nil:
		return v.ctx.Err()
	case err != nil && !errors.Is(err, errEnough):
		return v.problem(0, 0, "the file's structure can't be checked: %v", err)
	}
	return err
}
