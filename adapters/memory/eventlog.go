package memory

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"lonja/domain/event"
)

// EventLog is an event store that forgets everything when it is closed. Safe for concurrent use.
type EventLog struct {
	mu      sync.RWMutex
	feed    []event.Stored              // at index i the event of position i+1
	streams map[string][]event.Position // at index i the position of revision i
	news    chan struct{}               // closed and replaced at each append
	closed  bool
	now     func() time.Time
}

var _ event.Store = (*EventLog)(nil)

// NewEventLog returns an empty log, whose events are recorded at the time that now says.
func NewEventLog(now func() time.Time) *EventLog {
	return &EventLog{streams: map[string][]event.Position{}, news: make(chan struct{}), now: now}
}

// Append implements event.Store. It keeps copies of the bytes.
func (l *EventLog) Append(ctx context.Context, stream string, expected event.Revision, events []event.Raw) (event.Receipt, error) {
	if err := event.CheckAppend(stream, expected, events); err != nil {
		return event.Receipt{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx, "append to "+stream); err != nil {
		return event.Receipt{}, err
	}
	have := l.streams[stream]
	head, last := event.Revision(len(have))-1, expected+event.Revision(len(events))
	if head != expected {
		same := last <= head
		for i := 0; same && i < len(events); i++ {
			same = l.feed[have[int(expected)+1+i]-1].ID == events[i].ID
		}
		if !same {
			return event.Receipt{}, &event.ConflictError{Stream: stream, Expected: expected, Actual: head}
		}
		return event.Receipt{Stream: stream, Revision: last, Position: have[last], Again: true}, nil
	}
	at := l.now().UTC().Truncate(time.Millisecond)
	for i := range events {
		raw := events[i]
		raw.Meta, raw.Data = slices.Clone(raw.Meta), slices.Clone(raw.Data)
		position := event.Position(len(l.feed) + 1)
		l.feed = append(l.feed, event.Stored{Raw: raw, Position: position, Stream: stream, Revision: expected + 1 + event.Revision(i), RecordedAt: at})
		have = append(have, position)
	}
	l.streams[stream] = have
	close(l.news)
	l.news = make(chan struct{})
	return event.Receipt{Stream: stream, Revision: last, Position: have[last]}, nil
}

// ReadStream implements event.Store.
func (l *EventLog) ReadStream(ctx context.Context, stream string, from event.Revision, limit int, buf []event.Stored) ([]event.Stored, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if err := l.usable(ctx, "read "+stream); err != nil {
		return buf, err
	}
	have := l.streams[stream]
	from = max(from, 0)
	if from >= event.Revision(len(have)) || limit <= 0 {
		return buf, nil
	}
	have = have[from:]
	for _, position := range have[:min(limit, len(have))] {
		buf = append(buf, copied(l.feed[position-1]))
	}
	return buf, nil
}

// ReadFeed implements event.Store.
func (l *EventLog) ReadFeed(ctx context.Context, after event.Position, limit int, buf []event.Stored) ([]event.Stored, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if err := l.usable(ctx, "read the feed"); err != nil {
		return buf, err
	}
	if after >= event.Position(len(l.feed)) || limit <= 0 {
		return buf, nil
	}
	rest := l.feed[after:]
	for _, s := range rest[:min(limit, len(rest))] {
		buf = append(buf, copied(s))
	}
	return buf, nil
}

// copied has bytes of its own, since whoever reads next with the same buf may write into them.
func copied(s event.Stored) event.Stored {
	s.Meta, s.Data = slices.Clone(s.Meta), slices.Clone(s.Data)
	return s
}

// Head implements event.Store.
func (l *EventLog) Head(ctx context.Context) (event.Position, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if err := l.usable(ctx, "head"); err != nil {
		return 0, err
	}
	return event.Position(len(l.feed)), nil
}

// Wait implements event.Store.
func (l *EventLog) Wait(ctx context.Context, after event.Position) (event.Position, error) {
	for {
		l.mu.RLock()
		err, head, news := l.usable(ctx, "wait"), event.Position(len(l.feed)), l.news
		l.mu.RUnlock()
		if err != nil {
			return 0, err
		}
		if head > after {
			return head, nil
		}
		select {
		case <-news:
		case <-ctx.Done():
		}
	}
}

// Close implements event.Store.
func (l *EventLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.news)
	}
	return nil
}

func (l *EventLog) usable(ctx context.Context, doing string) error {
	if l.closed {
		return event.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("event log in memory: %s: %w", doing, err)
	}
	return nil
}
