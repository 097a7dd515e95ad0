package eventlog

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"zombiezen.com/go/sqlite"

	"lonja/domain/event"
)

// The table places says where the events of a stream are. Writing to it with each
// append would dirty a random page of it for each event: ten times the bytes of the
// event itself. Therefore the newest events are only in memory, here, and go to the
// table later, many at once and in the table's order, a slice with every few
// transactions so that none is long. The events table is the truth: what was not yet
// in places at a crash is read from there at the next start.

// tail knows the places of the newest events: all that places may lack. Generations
// follow one another in the feed: the frozen one is on its way to places, the active one grows.
type tail struct {
	mu             sync.RWMutex // the writer changes, readers look
	frozen, active *generation  // frozen is nil most of the time
	committed      int          // entries of active that are not of the transaction under way
}

// generation is the places of the events of one range of the feed.
type generation struct {
	base    event.Position  // of the event before the first
	entries []entry         // of the event at base+1+i
	last    map[int64]int32 // of each stream, the index of its last entry
	order   []int32         // entries by stream and revision, once sorted is closed
	sorted  chan struct{}   // closed when order is there
	moved   int             // how many of order are in places
}

type entry struct {
	stream   int64
	revision event.Revision
	previous int32 // index of the stream's entry before, -1 for none in this generation
}

func newGeneration(base event.Position) *generation {
	return &generation{base: base, last: map[int64]int32{}}
}

func (g *generation) head() event.Position { return g.base + event.Position(len(g.entries)) }

func (g *generation) add(stream int64, revision event.Revision) {
	previous, ok := g.last[stream]
	if !ok {
		previous = -1
	}
	g.last[stream] = int32(len(g.entries))
	g.entries = append(g.entries, entry{stream, revision, previous})
}

// sort brings the entries into the order of places. Nothing may be added any more.
func (g *generation) sort() {
	g.order = make([]int32, len(g.entries))
	for i := range g.order {
		g.order[i] = int32(i)
	}
	// A stream's entries have rising revisions and indexes.
	slices.SortFunc(g.order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(g.entries[a].stream, g.entries[b].stream), cmp.Compare(a, b))
	})
	close(g.sorted)
}

// collect appends to found, newest first, the places of a stream's events from the
// revision on.
func (g *generation) collect(stream int64, from event.Revision, found []place) []place {
	i, ok := g.last[stream]
	for ; ok && i >= 0 && g.entries[i].revision >= from; i = g.entries[i].previous {
		found = append(found, place{g.entries[i].revision, g.base + 1 + event.Position(i)})
	}
	return found
}

// place is where an event of a stream is.
type place struct {
	revision event.Revision
	position event.Position
}

// places returns those of a stream's events that the tail knows, from the revision on,
// in order, and the position up to which they are committed for certain. Later ones are
// there if SQLite shows them: an event must not appear in the feed before its stream,
// hence the tail has it before it is committed.
func (t *tail) places(stream int64, from event.Revision) (found []place, certain event.Position) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	found = t.active.collect(stream, from, nil)
	if t.frozen != nil {
		found = t.frozen.collect(stream, from, found)
	}
	slices.Reverse(found)
	return found, t.active.base + event.Position(t.committed)
}

// revision returns the last revision of a stream, for the writer, and false where the
// tail does not know the stream.
func (t *tail) revision(stream int64) (event.Revision, bool) {
	if i, ok := t.active.last[stream]; ok {
		return t.active.entries[i].revision, true
	}
	if t.frozen != nil {
		if i, ok := t.frozen.last[stream]; ok {
			return t.frozen.entries[i].revision, true
		}
	}
	return 0, false
}

// load adds the events that follow in the feed.
func (g *generation) load(conn *sqlite.Conn) error {
	stmt, err := conn.Prepare("SELECT position, stream, revision FROM events WHERE position >= ?1 ORDER BY position")
	if err != nil {
		return fmt.Errorf("read the newest events: %w", err)
	}
	defer stmt.Reset()
	stmt.BindInt64(1, int64(g.head())+1)
	for {
		row, err := stmt.Step()
		if err != nil {
			return fmt.Errorf("read the newest events, after position %d: %w", g.head(), kindOf(err))
		}
		if !row {
			return nil
		}
		if position := event.Position(stmt.ColumnInt64(0)); position != g.head()+1 {
			return fmt.Errorf("read the newest events: %w: position %d follows %d", ErrCorrupt, position, g.head())
		}
		g.add(stmt.ColumnInt64(1), event.Revision(stmt.ColumnInt64(2)))
	}
}

// start makes the tail anew, from what places is known to hold on.
func (t *tail) start(conn *sqlite.Conn) error {
	placed, err := placedPosition(conn)
	if err != nil {
		return fmt.Errorf("read how far places goes: %w", err)
	}
	g := newGeneration(placed)
	if err := g.load(conn); err != nil {
		return err
	}
	if head, err := feedHead(conn); err != nil {
		return fmt.Errorf("read the head: %w", err)
	} else if head < placed {
		return fmt.Errorf("read the head: %w: the last event is at position %d, and there were %d", ErrCorrupt, head, placed)
	}
	t.mu.Lock()
	t.frozen, t.active, t.committed = nil, g, len(g.entries)
	t.mu.Unlock()
	return nil
}

// catchUp adds what another process has written.
func (t *tail) catchUp(conn *sqlite.Conn) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.active.load(conn)
	t.committed = len(t.active.entries)
	return err
}

func placedPosition(conn *sqlite.Conn) (event.Position, error) {
	stmt, err := conn.Prepare("SELECT position FROM placed")
	if err != nil {
		return 0, err
	}
	defer stmt.Reset()
	row, err := stmt.Step()
	if err != nil {
		return 0, kindOf(err)
	}
	if !row {
		return 0, fmt.Errorf("%w: the row is missing", ErrCorrupt)
	}
	return event.Position(stmt.ColumnInt64(0)), nil
}

func feedHead(conn *sqlite.Conn) (event.Position, error) {
	stmt, err := conn.Prepare("SELECT coalesce(max(position), 0) FROM events")
	if err != nil {
		return 0, err
	}
	defer stmt.Reset()
	if _, err := stmt.Step(); err != nil {
		return 0, kindOf(err)
	}
	return event.Position(stmt.ColumnInt64(0)), nil
}
