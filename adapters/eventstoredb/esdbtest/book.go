package esdbtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"lonja/adapters/sqlite/eventlog"
	"lonja/domain/event"
	"lonja/domain/id"
)

const (
	typeMetadata  = "$metadata"
	typeTombstone = "$streamDeleted"
	typeLongName  = "$long-name"
	streamOfNames = "$long-names"
)

// book knows of each stream what the embedded log does not: whether it was deleted, what
// its metadata says, and its name where that is longer than the log's.
type book struct {
	mu      sync.Mutex
	streams map[string]*stream
	names   map[string]string // by the name in the log
}

// stream is locked while it is appended to.
type stream struct {
	appending sync.Mutex

	mu         sync.Mutex
	last       event.Revision
	tombstoned bool
	limits     limits
}

// limits is what a stream's metadata says of which events are shown.
type limits struct {
	TruncateBefore *int64 `json:"$tb"`
	MaxCount       *int64 `json:"$maxCount"`
	MaxAge         *int64 `json:"$maxAge"` // seconds
}

func (l limits) deleted() bool { return l.TruncateBefore != nil && *l.TruncateBefore == math.MaxInt64 }

// shown says whether an event is, of a stream whose last revision is given.
func (l limits) shown(e *event.Stored, last event.Revision, now time.Time) bool {
	return (l.TruncateBefore == nil || int64(e.Revision) >= *l.TruncateBefore) &&
		(l.MaxCount == nil || int64(last-e.Revision) < *l.MaxCount) &&
		(l.MaxAge == nil || now.Sub(e.RecordedAt) <= time.Duration(*l.MaxAge)*time.Second)
}

// load reads the whole log and, where it is new, gives it the events that every server
// begins with: so that no position of a client's event is the first.
func (b *book) load(ctx context.Context, log *eventlog.Log) error {
	b.streams, b.names = map[string]*stream{}, map[string]string{}
	var buf []event.Stored
	for after := event.Position(0); ; {
		var err error
		if buf, err = log.ReadFeed(ctx, after, 1024, buf[:0]); err != nil {
			return fmt.Errorf("stand-in: %w", err)
		}
		if len(buf) == 0 {
			break
		}
		for i := range buf {
			b.note(&buf[i])
			after = buf[i].Position
		}
	}
	if len(b.streams) > 0 {
		return nil
	}
	users := []event.Raw{{ID: id.Derive("$users", "admin"), Type: "$User", Data: []byte(`"admin"`)}}
	r, err := log.Append(ctx, "$users", event.NoStream, users)
	if err != nil {
		return fmt.Errorf("stand-in: %w", err)
	}
	b.note(&event.Stored{Raw: users[0], Stream: "$users", Revision: r.Revision})
	return nil
}

// note takes in an event of the log.
func (b *book) note(e *event.Stored) {
	if e.Type == typeLongName && e.Stream == streamOfNames {
		b.mu.Lock()
		b.names[short(string(e.Data))] = string(e.Data)
		b.mu.Unlock()
	}
	s := b.stream(e.Stream)
	s.mu.Lock()
	s.last = max(s.last, e.Revision)
	s.tombstoned = s.tombstoned || e.Type == typeTombstone
	s.mu.Unlock()
	if of, ok := strings.CutPrefix(b.name(e.Stream), "$$"); ok && e.Type == typeMetadata {
		var l limits
		if err := json.Unmarshal(e.Data, &l); err != nil {
			l = limits{} // as a server, that shows everything then
		}
		s := b.stream(short(of))
		s.mu.Lock()
		s.limits = l
		s.mu.Unlock()
	}
}

func (b *book) stream(name string) *stream {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.streams[name]
	if s == nil {
		s = &stream{last: event.NoStream}
		if strings.HasPrefix(name, "$$") {
			one := int64(1)
			s.limits.MaxCount = &one // streams of metadata keep their last event only
		}
		b.streams[name] = s
	}
	return s
}

func (s *stream) state() (last event.Revision, tombstoned bool, l limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, s.tombstoned, s.limits
}

// settled is the state after any append that is under way: the log may show it already.
func (s *stream) settled() (last event.Revision, tombstoned bool, l limits) {
	s.appending.Lock()
	defer s.appending.Unlock()
	return s.state()
}

// short is the name that a stream has in the log.
func short(name string) string {
	if len(name) <= event.MaxStreamName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return "$long-" + hex.EncodeToString(sum[:])
}

// name is the name that clients know.
func (b *book) name(stored string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if full, ok := b.names[stored]; ok {
		return full
	}
	return stored
}

// write appends to the log and takes it in.
func (s *Server) write(ctx context.Context, name string, expected event.Revision, events []event.Raw) (event.Receipt, error) {
	stored := short(name)
	if stored != name && s.book.name(stored) == stored {
		if err := s.remember(ctx, name); err != nil {
			return event.Receipt{}, err
		}
	}
	r, err := s.log.Append(ctx, stored, expected, events)
	if err != nil {
		return r, err
	}
	for i := range events {
		s.book.note(&event.Stored{Raw: events[i], Stream: stored, Revision: expected + 1 + event.Revision(i)})
	}
	return r, nil
}

// remember writes down a name that is too long for the log.
func (s *Server) remember(ctx context.Context, name string) error {
	names := s.book.stream(streamOfNames)
	names.appending.Lock()
	defer names.appending.Unlock()
	last, _, _ := names.state()
	e := []event.Raw{{ID: id.Derive(streamOfNames, name), Type: typeLongName, Data: []byte(name)}}
	r, err := s.log.Append(ctx, streamOfNames, last, e)
	if err != nil {
		return err
	}
	s.book.note(&event.Stored{Raw: e[0], Stream: streamOfNames, Revision: r.Revision})
	return nil
}

// isConflict returns where the stream is.
func isConflict(err error) (event.Revision, bool) {
	var c *event.ConflictError
	if errors.As(err, &c) {
		return c.Actual, true
	}
	return 0, false
}
