package adaptertest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"pgregory.net/rapid"

	"lonja/domain/event"
)

// Opened is an empty event store and what it can do. The suite closes the store;
// closing it again must be harmless.
type Opened struct {
	Store event.Store

	// Reopen opens the data of a durable store again, after the suite has closed it.
	// nil for a store that forgets.
	Reopen func() (event.Store, error)

	// TextNames says that names of streams and types must be valid UTF-8 without
	// control characters, as servers with a wire format demand.
	TextNames bool
}

// EventStore checks every guarantee of event.Store. open returns a fresh, empty store
// each time; it may be called from several tests at once.
func EventStore(t *testing.T, open func(t *testing.T) Opened) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*eventStore)
	}{
		{"an append gives revisions from 0 and growing positions", appendsGiveRevisions},
		{"a revision that is not exact is a conflict that says where the stream is", conflictsSayWhere},
		{"the same events at the same place are recognised", againIsRecognised},
		{"an overlap in part is a conflict", overlapsAreConflicts},
		{"the same events are recognised after a restart", againAfterRestart},
		{"everything is there after a restart", everythingAfterRestart},
		{"a refused append leaves nothing", refusalsLeaveNothing},
		{"limits are enforced and reachable", limitsAreEnforced},
		{"a stream is read in pages", streamsAreReadInPages},
		{"the feed is read in pages", feedIsReadInPages},
		{"what a reader keeps of a stream is its own", streamBytesAreKept},
		{"bytes come back as they were", bytesComeBack},
		{"many streams do not mix", manyStreams},
		{"one of several writers wins each revision", oneWriterWins},
		{"a conflict is nobody else's", conflictsAreNobodyElses},
		{"readers who follow the feed see each event once and in order", followersSeeAll},
		{"readers of the feed do not hold up the writer", readersDoNotBlock},
		{"waiting ends with news", waitEndsWithNews},
		{"waiting ends with its context", waitEndsWithContext},
		{"an ended context changes nothing", endedContextChangesNothing},
		{"a context that ends meanwhile leaves all or nothing", contextLeavesAllOrNothing},
		{"a closed store says so", closedSaysSo},
		{"closing under load loses nothing that was answered", closingUnderLoad},
		{"any sequence of calls does what a simple model does", behavesAsModel},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // a hang, not a slow machine
			defer cancel()
			s := &eventStore{T: t, ctx: ctx, open: open}
			s.Opened = open(t)
			defer s.Store.Close()
			c.test(s)
		})
	}
}

type eventStore struct {
	*testing.T
	Opened
	ctx  context.Context
	open func(t *testing.T) Opened
}

var serial atomic.Uint64

// raw returns events with fresh ids.
func raw(n int) []event.Raw {
	events := make([]event.Raw, n)
	for i := range events {
		k := serial.Add(1)
		events[i] = event.Raw{Type: "thing.happened", Meta: fmt.Appendf(nil, `{"k":%d}`, k), Data: fmt.Appendf(nil, `{"n":%d,"text":"ñ €"}`, k)}
		binary.BigEndian.PutUint64(events[i].ID[:], rand.Uint64()>>1)
		binary.BigEndian.PutUint64(events[i].ID[8:], k)
	}
	return events
}

func (s *eventStore) append(stream string, expected event.Revision, events []event.Raw) event.Receipt {
	s.Helper()
	r, err := s.Store.Append(s.ctx, stream, expected, events)
	if err != nil {
		s.Fatalf("append %d events to %s at %d: %v", len(events), stream, expected, err)
	}
	return r
}

func (s *eventStore) conflict(stream string, expected event.Revision, events []event.Raw, actual event.Revision) {
	s.Helper()
	r, err := s.Store.Append(s.ctx, stream, expected, events)
	var c *event.ConflictError
	if !errors.As(err, &c) {
		s.Fatalf("append to %s at %d: receipt %+v, error %v; want a conflict", stream, expected, r, err)
	}
	if want := (event.ConflictError{Stream: stream, Expected: expected, Actual: actual}); *c != want {
		s.Fatalf("conflict says %+v, want %+v", *c, want)
	}
}

func (s *eventStore) stream(name string) []event.Stored {
	s.Helper()
	got, err := s.Store.ReadStream(s.ctx, name, 0, 1<<30, nil)
	if err != nil {
		s.Fatalf("read %s: %v", name, err)
	}
	return got
}

func (s *eventStore) feed() []event.Stored {
	s.Helper()
	got, err := s.Store.ReadFeed(s.ctx, 0, 1<<30, nil)
	if err != nil {
		s.Fatalf("read the feed: %v", err)
	}
	return got
}

func (s *eventStore) head() event.Position {
	s.Helper()
	p, err := s.Store.Head(s.ctx)
	if err != nil {
		s.Fatalf("head: %v", err)
	}
	return p
}

func (s *eventStore) reopen() {
	s.Helper()
	if err := s.Store.Close(); err != nil {
		s.Fatalf("close: %v", err)
	}
	var err error
	if s.Store, err = s.Reopen(); err != nil {
		s.Fatalf("open again: %v", err)
	}
}

// same fails unless got is want at consecutive revisions from the given one.
func (s *eventStore) same(got []event.Stored, stream string, from event.Revision, want []event.Raw) {
	s.Helper()
	if len(got) != len(want) {
		s.Fatalf("%s: %d events, want %d", stream, len(got), len(want))
	}
	for i := range got {
		if got[i].Stream != stream || got[i].Revision != from+event.Revision(i) {
			s.Fatalf("event %d is at %s@%d, want %s@%d", i, got[i].Stream, got[i].Revision, stream, from+event.Revision(i))
		}
		if err := equal(got[i].Raw, want[i]); err != nil {
			s.Fatalf("%s@%d: %v", stream, got[i].Revision, err)
		}
		if i > 0 && got[i].Position <= got[i-1].Position {
			s.Fatalf("%s@%d is at position %d, the one before at %d", stream, got[i].Revision, got[i].Position, got[i-1].Position)
		}
	}
}

func equal(got, want event.Raw) error {
	switch {
	case got.ID != want.ID:
		return fmt.Errorf("id %s, want %s", got.ID, want.ID)
	case got.Type != want.Type:
		return fmt.Errorf("type %q, want %q", got.Type, want.Type)
	case !bytes.Equal(got.Meta, want.Meta):
		return fmt.Errorf("metadata %q, want %q", got.Meta, want.Meta)
	case !bytes.Equal(got.Data, want.Data):
		return fmt.Errorf("data %q, want %q", got.Data, want.Data)
	}
	return nil
}

func appendsGiveRevisions(s *eventStore) {
	if h := s.head(); h != 0 {
		s.Fatalf("head of an empty log is %d", h)
	}
	if got := s.feed(); len(got) != 0 {
		s.Fatalf("an empty log holds %d events", len(got))
	}
	var all []event.Raw
	expected, last := event.NoStream, event.Position(0)
	for _, n := range []int{1, 3, 1, event.MaxAppendEvents, 2} {
		events := raw(n)
		r := s.append("a-1", expected, events)
		want := event.Receipt{Stream: "a-1", Revision: expected + event.Revision(n), Position: r.Position}
		if r != want {
			s.Fatalf("receipt %+v, want %+v", r, want)
		}
		if r.Position <= last {
			s.Fatalf("position %d after %d", r.Position, last)
		}
		if h := s.head(); h != r.Position {
			s.Fatalf("head is %d after an append at %d", h, r.Position)
		}
		all = append(all, events...)
		expected, last = r.Revision, r.Position
		s.same(s.stream("a-1"), "a-1", 0, all)
		s.same(s.feed(), "a-1", 0, all)
	}
	got := s.feed()
	if p := got[len(got)-1].Position; p != last {
		s.Fatalf("the last event is at %d, its receipt says %d", p, last)
	}
}

func conflictsSayWhere(s *eventStore) {
	s.append("a-1", event.NoStream, raw(3)) // now at revision 2
	before := s.head()
	for _, expected := range []event.Revision{event.NoStream, 0, 1, 3, 1 << 40} {
		s.conflict("a-1", expected, raw(1), 2)
		s.conflict("a-1", expected, raw(5), 2)
	}
	for _, expected := range []event.Revision{0, 7} {
		s.conflict("a-2", expected, raw(1), event.NoStream)
	}
	if got := s.stream("a-2"); len(got) != 0 {
		s.Fatalf("a conflict made a stream with %d events", len(got))
	}
	if h := s.head(); h != before {
		s.Fatalf("conflicts moved the head from %d to %d", before, h)
	}
	s.append("a-1", 2, raw(1))
	s.append("a-2", event.NoStream, raw(1))
}

func againIsRecognised(s *eventStore) {
	first, second := raw(2), raw(3)
	r1 := s.append("a-1", event.NoStream, first)
	check := func(when string, expected event.Revision, events []event.Raw, want event.Receipt) {
		s.Helper()
		before := s.head()
		want.Again = true
		if r := s.append("a-1", expected, events); r != want {
			s.Fatalf("%s: receipt %+v, want %+v", when, r, want)
		}
		if h := s.head(); h != before {
			s.Fatalf("%s: head moved from %d to %d", when, before, h)
		}
	}
	check("at once", event.NoStream, first, r1)
	r2 := s.append("a-1", 1, second)
	s.append("b-1", event.NoStream, raw(1))
	check("after later events", event.NoStream, first, r1)
	check("the later ones", 1, second, r2)
	check("both as one", event.NoStream, append(slices.Clone(first), second...), r2)
	check("a part of one", 1, second[:1], event.Receipt{Stream: "a-1", Revision: 2, Position: s.stream("a-1")[2].Position})
	s.same(s.stream("a-1"), "a-1", 0, append(slices.Clone(first), second...))
}

func overlapsAreConflicts(s *eventStore) {
	have := raw(4)
	s.append("a-1", event.NoStream, have) // revisions 0 to 3
	other := raw(2)
	s.conflict("a-1", event.NoStream, append(slices.Clone(have), other...), 3) // more than there is
	s.conflict("a-1", 1, []event.Raw{have[2], have[3], other[0]}, 3)           // the tail and one more
	s.conflict("a-1", event.NoStream, []event.Raw{have[0], other[0]}, 3)       // one differs
	s.conflict("a-1", event.NoStream, []event.Raw{other[0], have[1]}, 3)       // the first differs
	s.conflict("a-1", event.NoStream, []event.Raw{have[1], have[0]}, 3)        // another order
	s.conflict("a-1", 0, have[:1], 3)                                          // another place
	s.conflict("a-1", 5, have[:1], 3)                                          // beyond the end
	s.conflict("a-2", 0, have[:2], event.NoStream)                             // another stream
	s.same(s.stream("a-1"), "a-1", 0, have)
}

func againAfterRestart(s *eventStore) {
	if s.Reopen == nil {
		return
	}
	first, second := raw(2), raw(1)
	r1 := s.append("a-1", event.NoStream, first)
	r2 := s.append("a-1", 1, second)
	s.reopen()
	r1.Again, r2.Again = true, true
	if r := s.append("a-1", event.NoStream, first); r != r1 {
		s.Fatalf("receipt %+v, want %+v", r, r1)
	}
	if r := s.append("a-1", 1, second); r != r2 {
		s.Fatalf("receipt %+v, want %+v", r, r2)
	}
	s.conflict("a-1", event.NoStream, raw(1), 2)
	s.same(s.stream("a-1"), "a-1", 0, append(first, second...))
}

func everythingAfterRestart(s *eventStore) {
	if s.Reopen == nil {
		return
	}
	last := map[string]event.Revision{}
	for i := range 200 {
		name := fmt.Sprintf("a-%d", i%7)
		expected, ok := last[name]
		if !ok {
			expected = event.NoStream
		}
		last[name] = s.append(name, expected, raw(1+i%3)).Revision
	}
	before, head := s.feed(), s.head()
	for range 2 {
		s.reopen()
		if h := s.head(); h != head {
			s.Fatalf("head is %d after a restart, was %d", h, head)
		}
		after := s.feed()
		if len(after) != len(before) {
			s.Fatalf("%d events after a restart, were %d", len(after), len(before))
		}
		for i := range after {
			if err := sameStored(after[i], before[i]); err != nil {
				s.Fatalf("after a restart, event %d: %v", i, err)
			}
		}
	}
	for name, revision := range last {
		s.conflict(name, revision-1, raw(1), revision)
		r := s.append(name, revision, raw(1))
		if r.Position <= head {
			s.Fatalf("position %d was given after %d", r.Position, head)
		}
		head = r.Position
	}
}

func sameStored(got, want event.Stored) error {
	if got.Position != want.Position || got.Stream != want.Stream || got.Revision != want.Revision || !got.RecordedAt.Equal(want.RecordedAt) {
		return fmt.Errorf("%d %s@%d %s, want %d %s@%d %s", got.Position, got.Stream, got.Revision, got.RecordedAt, want.Position, want.Stream, want.Revision, want.RecordedAt)
	}
	return equal(got.Raw, want.Raw)
}

func refusalsLeaveNothing(s *eventStore) {
	s.append("a-1", event.NoStream, raw(1))
	before := s.head()
	for range 3 {
		s.conflict("a-1", 4, raw(10), 0)
		s.conflict("a-2", 4, raw(10), event.NoStream)
	}
	bad := raw(3)
	bad[2].ID = ulid.ULID{}
	if _, err := s.Store.Append(s.ctx, "a-1", 0, bad); err == nil {
		s.Fatal("an event without id was taken")
	}
	if h := s.head(); h != before {
		s.Fatalf("refusals moved the head from %d to %d", before, h)
	}
	if got := s.feed(); len(got) != 1 {
		s.Fatalf("refusals left %d events", len(got)-1)
	}
}

func limitsAreEnforced(s *eventStore) {
	sized := func(n int) []event.Raw {
		e := raw(2)
		for i := range e {
			e[i].Meta, e[i].Data = nil, make([]byte, n/2-2*len(e[i].Type))
		}
		e[1].Data = append(e[1].Data, make([]byte, n%2)...)
		return e
	}
	twice := raw(2)
	twice[1].ID = twice[0].ID
	long := raw(1)
	long[0].Type = strings.Repeat("t", event.MaxTypeName+1)
	none := raw(1)
	none[0].Type = ""
	for _, c := range []struct {
		name     string
		stream   string
		expected event.Revision
		events   []event.Raw
		tooLarge bool
	}{
		{"no stream name", "", event.NoStream, raw(1), false},
		{"long stream name", strings.Repeat("s", event.MaxStreamName+1), event.NoStream, raw(1), false},
		{"any revision", "a-1", -2, raw(1), false},
		{"no events", "a-1", event.NoStream, nil, false},
		{"many events", "a-1", event.NoStream, raw(event.MaxAppendEvents + 1), true},
		{"large events", "a-1", event.NoStream, sized(event.MaxAppendBytes + 1), true},
		{"an id twice", "a-1", event.NoStream, twice, false},
		{"long type name", "a-1", event.NoStream, long, false},
		{"no type name", "a-1", event.NoStream, none, false},
	} {
		_, err := s.Store.Append(s.ctx, c.stream, c.expected, c.events)
		if err == nil {
			s.Fatalf("%s: taken", c.name)
		}
		if errors.Is(err, event.ErrTooLarge) != c.tooLarge {
			s.Fatalf("%s: %v", c.name, err)
		}
	}
	if got := s.feed(); len(got) != 0 {
		s.Fatalf("refused appends left %d events", len(got))
	}

	name := strings.Repeat("s", event.MaxStreamName)
	largest := sized(event.MaxAppendBytes)
	s.append(name, event.NoStream, largest)
	s.same(s.stream(name), name, 0, largest)
	many := raw(event.MaxAppendEvents)
	for i := range many {
		many[i].Type = strings.Repeat("t", event.MaxTypeName)
	}
	s.append(name, 1, many)
	s.same(s.stream(name), name, 0, append(largest, many...))
}

func streamsAreReadInPages(s *eventStore) {
	events := raw(25)
	for i := range events {
		s.append("a-1", event.Revision(i)-1, events[i:i+1])
		s.append("b-1", event.Revision(i)-1, raw(1))
	}
	for _, c := range []struct {
		from        event.Revision
		limit       int
		first, last int // of events
	}{
		{0, 100, 0, 25},
		{0, 25, 0, 25},
		{0, 10, 0, 10},
		{10, 10, 10, 20},
		{20, 10, 20, 25},
		{24, 1, 24, 25},
		{25, 10, 25, 25},
		{1000, 10, 25, 25},
		{0, 0, 0, 0},
	} {
		got, err := s.Store.ReadStream(s.ctx, "a-1", c.from, c.limit, nil)
		if err != nil {
			s.Fatal(err)
		}
		s.same(got, "a-1", c.from, events[c.first:c.last])
	}
	kept := event.Stored{Stream: "kept"}
	got, err := s.Store.ReadStream(s.ctx, "a-1", 3, 2, []event.Stored{kept})
	if err != nil || len(got) != 3 || got[0].Stream != "kept" {
		s.Fatalf("reading did not append to what was there: %d, %v", len(got), err)
	}
	s.same(got[1:], "a-1", 3, events[3:5])
	if got := s.stream("never"); len(got) != 0 {
		s.Fatalf("a stream that does not exist has %d events", len(got))
	}
}

func feedIsReadInPages(s *eventStore) {
	for i := range 60 {
		s.append(fmt.Sprintf("a-%d", i), event.NoStream, raw(1+i%2))
	}
	all := s.feed()
	if len(all) != 90 {
		s.Fatalf("the feed has %d events, want 90", len(all))
	}
	for _, page := range []int{1, 7, 89, 90, 91} {
		var got, buf []event.Stored
		after := event.Position(0)
		for {
			var err error
			if buf, err = s.Store.ReadFeed(s.ctx, after, page, buf[:0]); err != nil {
				s.Fatal(err)
			}
			if len(buf) > page {
				s.Fatalf("%d events, at most %d were asked for", len(buf), page)
			}
			if len(buf) == 0 {
				break
			}
			for _, e := range buf {
				e.Meta, e.Data = slices.Clone(e.Meta), slices.Clone(e.Data)
				got = append(got, e)
			}
			after = buf[len(buf)-1].Position
		}
		if len(got) != len(all) {
			s.Fatalf("in pages of %d: %d events, want %d", page, len(got), len(all))
		}
		for i := range got {
			if err := sameStored(got[i], all[i]); err != nil {
				s.Fatalf("in pages of %d, event %d: %v", page, i, err)
			}
		}
	}
	for i := range all {
		got, err := s.Store.ReadFeed(s.ctx, all[i].Position, 1, nil)
		if err != nil {
			s.Fatal(err)
		}
		if i == len(all)-1 {
			if len(got) != 0 {
				s.Fatalf("%d events after the last", len(got))
			}
		} else if got[0].Position != all[i+1].Position {
			s.Fatalf("after %d comes %d, want %d", all[i].Position, got[0].Position, all[i+1].Position)
		}
	}
	if got, err := s.Store.ReadFeed(s.ctx, 0, 0, nil); err != nil || len(got) != 0 {
		s.Fatalf("%d events of none, %v", len(got), err)
	}
	for _, far := range []event.Position{s.head() + 1, 1 << 62, 1<<64 - 1} {
		if got, err := s.Store.ReadFeed(s.ctx, far, 10, nil); err != nil || len(got) != 0 {
			s.Fatalf("%d events after position %d, %v", len(got), far, err)
		}
	}
	kept := event.Stored{Stream: "kept"}
	got, err := s.Store.ReadFeed(s.ctx, 0, 1, []event.Stored{kept})
	if err != nil || len(got) != 2 || got[0].Stream != "kept" {
		s.Fatalf("reading did not append to what was there: %d, %v", len(got), err)
	}
}

func streamBytesAreKept(s *eventStore) {
	one, two := raw(5), raw(5)
	s.append("a-1", event.NoStream, one)
	s.append("a-2", event.NoStream, two)
	a, err := s.Store.ReadStream(s.ctx, "a-1", 0, 10, nil)
	if err != nil {
		s.Fatal(err)
	}
	kept := slices.Clone(a)
	b, err := s.Store.ReadStream(s.ctx, "a-2", 0, 10, a[:0])
	if err != nil {
		s.Fatal(err)
	}
	s.same(b, "a-2", 0, two)
	s.same(kept, "a-1", 0, one)
	// What was appended is the caller's again too.
	for i := range one {
		clear(one[i].Data)
	}
	if bytes.Equal(s.stream("a-1")[0].Data, one[0].Data) {
		s.Fatal("the store keeps the caller's bytes")
	}
}

func bytesComeBack(s *eventStore) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	events := raw(6)
	events[0].Data, events[0].Meta = every, slices.Clone(every)
	events[1].Data, events[1].Meta = nil, []byte{}
	events[2].Data, events[2].Meta = []byte{0}, []byte("\x00\x00")
	events[3].Data = bytes.Repeat([]byte("0123456789abcdef"), 20_000) // several pages of any store
	events[4].ID = ulid.ULID{0: 0xff, 15: 0xff}
	events[5].ID = ulid.ULID{15: 1}
	events[5].Type = "ünïcode.type"
	names := []string{"a-01JD0000000000000000000000", "ñandú-€", " spaces ", "'; DROP TABLE events; --", "%_*?", strings.Repeat("é", 100)}
	if !s.TextNames {
		names = append(names, "\x00", "\x00\x00", "\xff\xfe", "a\x00b", "a\x00c", string(every[:200]))
		events[2].Type = "\x00\xff"
	}
	before := time.Now().Add(-2 * time.Second)
	for i, name := range names {
		mine := slices.Clone(events)
		for j := range mine {
			if i > 0 {
				mine[j].ID = raw(1)[0].ID
			}
		}
		r := s.append(name, event.NoStream, mine)
		if r.Stream != name {
			s.Fatalf("receipt names %q, want %q", r.Stream, name)
		}
		got := s.stream(name)
		s.same(got, name, 0, mine)
		for _, e := range got {
			if e.RecordedAt.Before(before) || e.RecordedAt.After(time.Now().Add(2*time.Second)) {
				s.Fatalf("recorded at %s, it is %s", e.RecordedAt, time.Now())
			}
			if e.RecordedAt.Location() != time.UTC || !e.RecordedAt.Equal(e.RecordedAt.Truncate(time.Millisecond)) {
				s.Fatalf("recorded at %s: not UTC in milliseconds", e.RecordedAt)
			}
		}
		all := s.feed()
		s.same(all[len(all)-len(mine):], name, 0, mine)
	}
}

func manyStreams(s *eventStore) {
	const streams, rounds = 1500, 2
	want := map[string][]event.Raw{}
	for round := range rounds {
		for i := range streams {
			name := fmt.Sprintf("category%d-%d", i%3, i)
			events := raw(1)
			s.append(name, event.Revision(round)-1, events)
			want[name] = append(want[name], events...)
		}
	}
	for name, events := range want {
		s.same(s.stream(name), name, 0, events)
	}
	next := map[string]event.Revision{}
	for _, e := range s.feed() {
		if e.Revision != next[e.Stream] {
			s.Fatalf("%s@%d in the feed, want revision %d", e.Stream, e.Revision, next[e.Stream])
		}
		if err := equal(e.Raw, want[e.Stream][e.Revision]); err != nil {
			s.Fatalf("%s@%d in the feed: %v", e.Stream, e.Revision, err)
		}
		next[e.Stream]++
	}
	if len(next) != streams {
		s.Fatalf("%d streams in the feed, want %d", len(next), streams)
	}
}

func oneWriterWins(s *eventStore) {
	const writers, rounds = 8, 25
	for round := range event.Revision(rounds) {
		var won atomic.Int32
		var group sync.WaitGroup
		for range writers {
			group.Go(func() {
				_, err := s.Store.Append(s.ctx, "a-1", round-1, raw(2 - int(round)%2)[:1])
				var c *event.ConflictError
				switch {
				case err == nil:
					won.Add(1)
				case !errors.As(err, &c) || c.Actual < round:
					s.Errorf("round %d: %v", round, err)
				}
			})
		}
		group.Wait()
		if won.Load() != 1 {
			s.Fatalf("%d of %d writers won revision %d", won.Load(), writers, round)
		}
	}
	if got := s.stream("a-1"); len(got) != rounds {
		s.Fatalf("%d events, want %d", len(got), rounds)
	}
}

// conflictsAreNobodyElses appends rightly and wrongly at the same moment, so that a
// store that writes several appends at once has both among them.
func conflictsAreNobodyElses(s *eventStore) {
	const pairs, rounds = 24, 10
	s.append("contested-1", event.NoStream, raw(1))
	var group sync.WaitGroup
	for w := range pairs {
		group.Go(func() {
			for i := range event.Revision(rounds) {
				if _, err := s.Store.Append(s.ctx, fmt.Sprintf("own-%d", w), i-1, raw(1)); err != nil {
					s.Errorf("append: %v", err)
					return
				}
			}
		})
		group.Go(func() {
			for range rounds {
				_, err := s.Store.Append(s.ctx, "contested-1", event.NoStream, raw(1))
				var c *event.ConflictError
				if !errors.As(err, &c) || c.Actual != 0 {
					s.Errorf("append to a stream at 0: %v", err)
					return
				}
			}
		})
	}
	group.Wait()
	if got := s.feed(); len(got) != 1+pairs*rounds {
		s.Fatalf("%d events, want %d", len(got), 1+pairs*rounds)
	}
}

// write runs writers, each with streams of its own, and returns the number of events.
func (s *eventStore) write(writers, appends int) int {
	var group sync.WaitGroup
	var total atomic.Int64
	for w := range writers {
		group.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(w)))
			last := map[string]event.Revision{}
			for range appends {
				name := fmt.Sprintf("w%d-%d", w, rnd.IntN(5))
				expected, ok := last[name]
				if !ok {
					expected = event.NoStream
				}
				n := 1 + rnd.IntN(3)
				r, err := s.Store.Append(s.ctx, name, expected, raw(n))
				if err != nil {
					s.Errorf("append: %v", err)
					return
				}
				last[name] = r.Revision
				total.Add(int64(n))
				// Its own write is readable at once.
				got, err := s.Store.ReadFeed(s.ctx, r.Position-1, 1, nil)
				if err != nil || len(got) != 1 || got[0].Position != r.Position || got[0].Stream != name {
					s.Errorf("the append at %d of %s is not readable when it returns: %+v, %v", r.Position, name, got, err)
					return
				}
				got, err = s.Store.ReadStream(s.ctx, name, max(0, r.Revision-6), 100, nil)
				if err != nil || len(got) != int(min(r.Revision, 6))+1 || got[len(got)-1].Position != r.Position {
					s.Errorf("%s is not up to revision %d when that append returns: %d events, %v", name, r.Revision, len(got), err)
					return
				}
			}
		})
	}
	group.Wait()
	return int(total.Load())
}

func followersSeeAll(s *eventStore) {
	const followers, writers, appends = 4, 8, 60
	var written atomic.Int64
	written.Store(-1)
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	seen := make([][]event.Position, followers)
	var group sync.WaitGroup
	for f := range followers {
		group.Go(func() {
			rnd := rand.New(rand.NewPCG(2, uint64(f)))
			var buf []event.Stored
			var after event.Position
			next := map[string]event.Revision{}
			for {
				var err error
				buf, err = s.Store.ReadFeed(s.ctx, after, 1+rnd.IntN(40), buf[:0])
				if err != nil {
					s.Errorf("follower %d: %v", f, err)
					return
				}
				for i := range buf {
					e := &buf[i]
					if e.Position <= after {
						s.Errorf("follower %d: position %d after %d", f, e.Position, after)
						return
					}
					if e.Revision != next[e.Stream] {
						s.Errorf("follower %d: %s@%d at position %d, want revision %d", f, e.Stream, e.Revision, e.Position, next[e.Stream])
						return
					}
					next[e.Stream]++
					after = e.Position
					seen[f] = append(seen[f], after)
				}
				if h, err := s.Store.Head(s.ctx); err != nil || h < after {
					s.Errorf("follower %d: head %d, %v, but position %d was read", f, h, err, after)
					return
				}
				if len(buf) > 0 {
					// What the feed has shown, its stream has too.
					name := buf[rnd.IntN(len(buf))].Stream
					got, err := s.Store.ReadStream(s.ctx, name, 0, 1<<30, nil)
					if err != nil || event.Revision(len(got)) < next[name] {
						s.Errorf("follower %d: %s has %d events, %v; the feed has shown %d", f, name, len(got), err, next[name])
						return
					}
					for i := range got {
						if got[i].Revision != event.Revision(i) {
							s.Errorf("follower %d: %s@%d is where revision %d follows", f, name, got[i].Revision, i)
							return
						}
					}
				}
				if int64(len(seen[f])) == written.Load() {
					return
				}
				if len(buf) == 0 {
					if h, err := s.Store.Wait(ctx, after); err == nil && h <= after {
						s.Errorf("follower %d: waited for more than %d, got %d", f, after, h)
						return
					} else if err != nil && ctx.Err() == nil {
						s.Errorf("follower %d: wait: %v", f, err)
						return
					}
				}
			}
		})
	}
	n := s.write(writers, appends)
	written.Store(int64(n))
	stop()
	group.Wait()
	if s.Failed() {
		return
	}
	for f := range followers {
		if !slices.Equal(seen[f], seen[0]) {
			s.Fatalf("followers 0 and %d saw different positions", f)
		}
	}
	if len(seen[0]) != n {
		s.Fatalf("%d events seen, %d written", len(seen[0]), n)
	}
}

func readersDoNotBlock(s *eventStore) {
	for i := range 20 {
		s.append("big-1", event.Revision(i)*100-1, raw(100))
	}
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			var buf []event.Stored
			for ctx.Err() == nil {
				var err error
				if buf, err = s.Store.ReadFeed(ctx, 0, 1<<30, buf[:0]); err != nil && ctx.Err() == nil {
					s.Errorf("read: %v", err)
					return
				}
			}
		})
	}
	for i := range 100 {
		s.append("small-1", event.Revision(i)-1, raw(1)) // within the test's time
	}
	stop()
	group.Wait()
}

func waitEndsWithNews(s *eventStore) {
	type result struct {
		head event.Position
		err  error
	}
	wait := func(after event.Position) chan result {
		c := make(chan result, 1)
		go func() {
			h, err := s.Store.Wait(s.ctx, after)
			c <- result{h, err}
		}()
		return c
	}
	waiters := []chan result{wait(0), wait(0), wait(0)}
	r := s.append("a-1", event.NoStream, raw(2))
	for _, w := range waiters {
		if got := <-w; got.err != nil || got.head == 0 || got.head > r.Position {
			s.Fatalf("waited: %+v, want up to %d", got, r.Position)
		}
	}
	if h, err := s.Store.Wait(s.ctx, 0); err != nil || h != r.Position {
		s.Fatalf("what is already there: %d, %v, want %d", h, err, r.Position)
	}
	late := wait(r.Position)
	next := s.append("a-2", event.NoStream, raw(1))
	if got := <-late; got.err != nil || got.head != next.Position {
		s.Fatalf("waited: %+v, want %d", got, next.Position)
	}
}

func waitEndsWithContext(s *eventStore) {
	s.append("a-1", event.NoStream, raw(1))
	head := s.head()
	ctx, cancel := context.WithCancel(s.ctx)
	failed := make(chan error, 1)
	go func() {
		_, err := s.Store.Wait(ctx, head)
		failed <- err
	}()
	select {
	case err := <-failed:
		s.Fatalf("waiting for what is not there ended: %v", err)
	default:
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		s.Fatalf("wait: %v, want the context's error", err)
	}
	ctx, cancel = context.WithTimeout(s.ctx, 5*time.Millisecond)
	defer cancel()
	if _, err := s.Store.Wait(ctx, head); !errors.Is(err, context.DeadlineExceeded) {
		s.Fatalf("wait: %v, want the context's error", err)
	}
}

func endedContextChangesNothing(s *eventStore) {
	s.append("a-1", event.NoStream, raw(1))
	before := s.head()
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	calls := map[string]func() error{
		"append":      func() error { _, err := s.Store.Append(ctx, "a-1", 0, raw(1)); return err },
		"read stream": func() error { _, err := s.Store.ReadStream(ctx, "a-1", 0, 10, nil); return err },
		"read feed":   func() error { _, err := s.Store.ReadFeed(ctx, 0, 10, nil); return err },
		"head":        func() error { _, err := s.Store.Head(ctx); return err },
		"wait":        func() error { _, err := s.Store.Wait(ctx, 0); return err },
	}
	for name, call := range calls {
		for range 20 {
			if err := call(); !errors.Is(err, context.Canceled) {
				s.Fatalf("%s: %v, want the context's error", name, err)
			}
		}
	}
	if h := s.head(); h != before {
		s.Fatalf("head moved from %d to %d", before, h)
	}
	s.append("a-1", 0, raw(1))
}

func contextLeavesAllOrNothing(s *eventStore) {
	const callers = 150
	rnd := rand.New(rand.NewPCG(3, 3))
	delays := make([]time.Duration, callers)
	for i := range delays {
		delays[i] = time.Duration(rnd.IntN(3000)) * time.Microsecond
	}
	events := make([][]event.Raw, callers)
	errs := make([]error, callers)
	var group sync.WaitGroup
	for i := range callers {
		events[i] = raw(3)
		group.Go(func() {
			ctx, cancel := context.WithTimeout(s.ctx, delays[i])
			defer cancel()
			_, errs[i] = s.Store.Append(ctx, fmt.Sprintf("a-%d", i), event.NoStream, events[i])
		})
	}
	group.Wait()
	for i := range callers {
		name := fmt.Sprintf("a-%d", i)
		got := s.stream(name)
		switch {
		case len(got) != 0 && len(got) != 3:
			s.Fatalf("%s has %d of 3 events", name, len(got))
		case errs[i] == nil && len(got) == 0:
			s.Fatalf("%s was answered and is not there", name)
		case errs[i] != nil && !errors.Is(errs[i], context.DeadlineExceeded):
			s.Fatalf("%s: %v", name, errs[i])
		}
		// Whatever became of it, the same append again is right.
		there := len(got) == 3
		if r := s.append(name, event.NoStream, events[i]); r.Again != there {
			s.Fatalf("%s: again is %v, and %d events were there", name, r.Again, len(got))
		}
		s.same(s.stream(name), name, 0, events[i])
	}
}

func closedSaysSo(s *eventStore) {
	r := s.append("a-1", event.NoStream, raw(1))
	waiting := make(chan error, 1)
	go func() {
		_, err := s.Store.Wait(s.ctx, r.Position)
		waiting <- err
	}()
	for range 2 {
		if err := s.Store.Close(); err != nil {
			s.Fatalf("close: %v", err)
		}
	}
	if err := <-waiting; !errors.Is(err, event.ErrClosed) {
		s.Fatalf("a waiter got %v, want ErrClosed", err)
	}
	calls := map[string]func() error{
		"append":      func() error { _, err := s.Store.Append(s.ctx, "a-1", 0, raw(1)); return err },
		"read stream": func() error { _, err := s.Store.ReadStream(s.ctx, "a-1", 0, 10, nil); return err },
		"read feed":   func() error { _, err := s.Store.ReadFeed(s.ctx, 0, 10, nil); return err },
		"head":        func() error { _, err := s.Store.Head(s.ctx); return err },
		"wait":        func() error { _, err := s.Store.Wait(s.ctx, 0); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, event.ErrClosed) {
			s.Fatalf("%s: %v, want ErrClosed", name, err)
		}
	}
}

func closingUnderLoad(s *eventStore) {
	const writers = 8
	answered := make([][]event.Raw, writers)
	started := make(chan struct{}, writers)
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			name := fmt.Sprintf("w-%d", w)
			for i := event.Revision(0); ; i++ {
				e := raw(1)
				if _, err := s.Store.Append(s.ctx, name, i-1, e); err != nil {
					if !errors.Is(err, event.ErrClosed) {
						s.Errorf("append: %v", err)
					}
					return
				}
				answered[w] = append(answered[w], e...)
				if i == 3 {
					started <- struct{}{}
				}
				if _, err := s.Store.ReadStream(s.ctx, name, 0, 2, nil); err != nil && !errors.Is(err, event.ErrClosed) {
					s.Errorf("read: %v", err)
					return
				}
			}
		})
	}
	for range writers {
		<-started
	}
	if err := s.Store.Close(); err != nil {
		s.Fatalf("close: %v", err)
	}
	group.Wait()
	if s.Reopen == nil || s.Failed() {
		return
	}
	s.reopen()
	for w := range writers {
		name := fmt.Sprintf("w-%d", w)
		got := s.stream(name)
		if len(got) < len(answered[w]) {
			s.Fatalf("%s: %d events, %d were answered", name, len(got), len(answered[w]))
		}
		s.same(got[:len(answered[w])], name, 0, answered[w])
	}
}

// behavesAsModel runs random calls against a store and against a slice of events.
func behavesAsModel(s *eventStore) {
	rapid.Check(s.T, func(t *rapid.T) {
		o := s.open(s.T)
		m := &model{store: o.Store, streams: map[string][]event.Raw{}, names: []string{"a-1", "a-2", "b-1", "€", "a-10"}}
		if !o.TextNames {
			m.names = append(m.names, string(rapid.SliceOfN(rapid.Byte(), 1, event.MaxStreamName).Draw(t, "name")))
		}
		defer func() { m.store.Close() }()
		actions := map[string]func(*rapid.T){
			"append":      m.append,
			"append more": m.append, // the more there is, the more the others find
			"again":       m.again,
			"read stream": m.readStream,
			"read feed":   m.readFeed,
			"":            m.check,
		}
		if o.Reopen != nil {
			actions["restart"] = func(t *rapid.T) {
				if err := m.store.Close(); err != nil {
					t.Fatalf("close: %v", err)
				}
				store, err := o.Reopen()
				if err != nil {
					t.Fatalf("open again: %v", err)
				}
				m.store = store
			}
		}
		t.Repeat(actions)
	})
}

type model struct {
	store   event.Store
	feed    []event.Stored
	names   []string
	streams map[string][]event.Raw
	done    []modelAppend
	buf     []event.Stored
}

type modelAppend struct {
	stream   string
	expected event.Revision
	events   []event.Raw
	receipt  event.Receipt
}

func (m *model) stream(t *rapid.T) string {
	return rapid.SampledFrom(m.names).Draw(t, "stream")
}

func (m *model) append(t *rapid.T) {
	name := m.stream(t)
	have := m.streams[name]
	actual := event.Revision(len(have)) - 1
	expected := actual
	if rapid.IntRange(0, 4).Draw(t, "off") == 0 {
		expected = max(event.NoStream, actual+event.Revision(rapid.IntRange(-3, 3).Draw(t, "by")))
	}
	events := raw(rapid.IntRange(1, 4).Draw(t, "n"))
	for i := range events {
		events[i].Data = rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "data")
		events[i].Meta = rapid.SliceOfN(rapid.Byte(), 0, 10).Draw(t, "meta")
		events[i].Type = rapid.SampledFrom([]string{"x.y", "x.z", "ü"}).Draw(t, "type")
	}
	r, err := m.store.Append(context.Background(), name, expected, events)
	if expected != actual {
		var c *event.ConflictError
		if !errors.As(err, &c) || *c != (event.ConflictError{Stream: name, Expected: expected, Actual: actual}) {
			t.Fatalf("append to %s at %d, which is at %d: %+v, %v", name, expected, actual, r, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("append to %s at %d: %v", name, expected, err)
	}
	last := event.Position(0)
	if len(m.feed) > 0 {
		last = m.feed[len(m.feed)-1].Position
	}
	if r.Position <= last || r != (event.Receipt{Stream: name, Revision: actual + event.Revision(len(events)), Position: r.Position}) {
		t.Fatalf("append of %d to %s at %d after position %d: %+v", len(events), name, expected, last, r)
	}
	added, err := m.store.ReadFeed(context.Background(), last, 100, nil)
	if err != nil || len(added) != len(events) || added[len(added)-1].Position != r.Position {
		t.Fatalf("the feed has %d events after %d, %v, want %d up to %d", len(added), last, err, len(events), r.Position)
	}
	for i := range events {
		want := event.Stored{Raw: events[i], Position: added[i].Position, Stream: name, Revision: expected + 1 + event.Revision(i), RecordedAt: added[i].RecordedAt}
		if err := sameStored(added[i], want); err != nil {
			t.Fatalf("appended: %v", err)
		}
		m.feed = append(m.feed, want)
	}
	m.streams[name] = append(have, events...)
	m.done = append(m.done, modelAppend{name, expected, events, r})
}

func (m *model) again(t *rapid.T) {
	if len(m.done) == 0 {
		t.Skip("nothing was appended")
	}
	a := rapid.SampledFrom(m.done).Draw(t, "append")
	want := a.receipt
	want.Again = true
	if r, err := m.store.Append(context.Background(), a.stream, a.expected, a.events); err != nil || r != want {
		t.Fatalf("again: %+v, %v, want %+v", r, err, want)
	}
	mixed := slices.Clone(a.events)
	mixed[rapid.IntRange(0, len(mixed)-1).Draw(t, "changed")].ID = raw(1)[0].ID
	var c *event.ConflictError
	if r, err := m.store.Append(context.Background(), a.stream, a.expected, mixed); !errors.As(err, &c) {
		t.Fatalf("again with another id: %+v, %v, want a conflict", r, err)
	}
}

func (m *model) readStream(t *rapid.T) {
	name := m.stream(t)
	have := m.streams[name]
	from := rapid.IntRange(0, len(have)+2).Draw(t, "from")
	limit := rapid.IntRange(0, len(have)+2).Draw(t, "limit")
	got, err := m.store.ReadStream(context.Background(), name, event.Revision(from), limit, nil)
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	want := have[min(from, len(have)):]
	want = want[:min(limit, len(want))]
	if len(got) != len(want) {
		t.Fatalf("read %s from %d, at most %d: %d events, want %d", name, from, limit, len(got), len(want))
	}
	for i := range got {
		if err := equal(got[i].Raw, want[i]); err != nil || got[i].Revision != event.Revision(from+i) || got[i].Stream != name {
			t.Fatalf("read %s from %d: event %d is %s@%d, %v", name, from, i, got[i].Stream, got[i].Revision, err)
		}
	}
}

func (m *model) readFeed(t *rapid.T) {
	at := rapid.IntRange(0, len(m.feed)).Draw(t, "after")
	limit := rapid.IntRange(0, len(m.feed)+2).Draw(t, "limit")
	after := event.Position(0)
	if at > 0 {
		after = m.feed[at-1].Position
	}
	var err error
	if m.buf, err = m.store.ReadFeed(context.Background(), after, limit, m.buf[:0]); err != nil {
		t.Fatalf("read the feed after %d: %v", after, err)
	}
	want := m.feed[at:]
	want = want[:min(limit, len(want))]
	if len(m.buf) != len(want) {
		t.Fatalf("read the feed after %d, at most %d: %d events, want %d", after, limit, len(m.buf), len(want))
	}
	for i := range want {
		if err := sameStored(m.buf[i], want[i]); err != nil {
			t.Fatalf("read the feed after %d: event %d: %v", after, i, err)
		}
	}
}

func (m *model) check(t *rapid.T) {
	want := event.Position(0)
	if len(m.feed) > 0 {
		want = m.feed[len(m.feed)-1].Position
	}
	if h, err := m.store.Head(context.Background()); err != nil || h != want {
		t.Fatalf("head is %d, %v, want %d", h, err, want)
	}
}
