package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"lonja/domain/event"
)

// Append implements event.Store. When the outcome of an attempt is not known it tries
// again with the same ids at the same revision, which the server recognises, until ctx
// ends. Again is exact for whatever this store has appended or read before; of an append
// that another node makes at the same time it may say either.
func (st *Store) Append(ctx context.Context, stream string, expected event.Revision, events []event.Raw) (event.Receipt, error) {
	if err := checkAppend(stream, expected, events); err != nil {
		return event.Receipt{}, err
	}
	doing := "append to " + stream
	if err := st.usable(ctx, doing); err != nil {
		return event.Receipt{}, err
	}
	if err := st.abandoned.wait(ctx, st.ctx, stream); err != nil {
		return event.Receipt{}, st.usable(ctx, doing)
	}
	before := st.head.at()
	a := &appending{
		stream: stream, name: st.prefix + stream, events: data(events),
		options: esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}, RequiresLeader: true},
	}
	if expected >= 0 {
		a.options.ExpectedRevision = esdb.Revision(uint64(expected))
	}
	var tries attempts
	for n := 1; ; n++ {
		result, err := st.attempt(ctx, doing, a)
		if err != nil && (ctx.Err() != nil || st.ctx.Err() != nil) {
			return event.Receipt{}, st.usable(ctx, doing)
		}
		if actual, ok := conflict(err); ok {
			return event.Receipt{}, &event.ConflictError{Stream: stream, Expected: expected, Actual: actual}
		}
		if err != nil {
			if err = tries.again(ctx, st, doing, err); err != nil {
				return event.Receipt{}, err
			}
			continue
		}
		r := event.Receipt{Stream: stream, Revision: expected + event.Revision(len(events)), Position: event.Position(result.CommitPosition)}
		if n > 1 || r.Position <= before {
			// The server recognised the events, or may have. Of which of them it gives the
			// position then, if of any, differs between its versions.
			if r.Position, err = st.positionOf(ctx, stream, r.Revision); err != nil {
				return event.Receipt{}, err
			}
			r.Again = r.Position <= before
		}
		st.head.advance(r.Position)
		return r, nil
	}
}

// checkAppend adds to the port's limits what this server asks.
func checkAppend(stream string, expected event.Revision, events []event.Raw) error {
	if err := event.CheckAppend(stream, expected, events); err != nil {
		return err
	}
	if !utf8.ValidString(stream) {
		return fmt.Errorf("event store: stream name %q is not UTF-8", stream)
	}
	for i := range events {
		if strings.HasPrefix(events[i].Type, "$") || !utf8.ValidString(events[i].Type) {
			return fmt.Errorf("event store: append to %s: event type %q: use UTF-8, and no $ at the beginning, where it marks the server's own", stream, events[i].Type)
		}
	}
	return nil
}

// data copies the events: an append that is abandoned outlives the call.
func data(events []event.Raw) []esdb.EventData {
	size := 0
	for i := range events {
		size += len(events[i].Data) + len(events[i].Meta)
	}
	bytes := make([]byte, 0, size)
	keep := func(b []byte) []byte {
		at := len(bytes)
		bytes = append(bytes, b...)
		return bytes[at:len(bytes):len(bytes)]
	}
	out := make([]esdb.EventData, len(events))
	for i := range events {
		e := &events[i]
		out[i] = esdb.EventData{EventID: uuid.UUID(e.ID), EventType: e.Type, ContentType: esdb.ContentTypeBinary, Data: keep(e.Data), Metadata: keep(e.Meta)}
	}
	return out
}

type appending struct {
	stream, name string
	options      esdb.AppendToStreamOptions
	events       []esdb.EventData
}

// attempt sends the append once. It is not taken back when ctx ends, since nobody could
// tell then what became of it: it goes on, up to the client's deadline, and whoever
// comes to the stream next waits for it.
func (st *Store) attempt(ctx context.Context, doing string, a *appending) (*esdb.WriteResult, error) {
	c, err := st.acquire(ctx, doing)
	if err != nil {
		return nil, err
	}
	var result *esdb.WriteResult
	var failed error
	done := make(chan struct{})
	go func() { // the session's end waits for it
		defer c.end()
		defer st.abandoned.finish(a.stream, done)
		result, failed = c.session.client.AppendToStream(c.context(st.ctx), a.name, a.options, a.events...)
		if kindOf(failed) == passing && failed != nil {
			c.suspect(failed)
		}
	}()
	select {
	case <-done:
		return result, failed
	case <-ctx.Done():
		st.abandoned.add(a.stream, done)
		return nil, ctx.Err()
	}
}

// suspect gives up a session whose connection does not work. The client itself looks for
// the servers anew after some errors only.
func (c *call) suspect(err error) {
	var e *esdb.Error
	if errors.As(err, &e) {
		switch e.Code() {
		case esdb.ErrorUnavailable, esdb.ErrorCodeConnectionClosed, esdb.ErrorCodeNotLeader, esdb.ErrorCodeDeadlineExceeded:
			c.start()
			c.session.fail()
			return
		}
	}
	if isUnavailable(err) {
		c.start()
		c.session.fail()
	}
}

// conflict finds where the stream is in the words of the client, which has no field for it.
func conflict(err error) (event.Revision, bool) {
	var e *esdb.Error
	if !errors.As(err, &e) || !e.IsErrorCode(esdb.ErrorCodeWrongExpectedVersion) || e.Err() == nil {
		return 0, false
	}
	_, got, ok := strings.Cut(e.Err().Error(), "' but got '")
	if !ok {
		return 0, false
	}
	got = strings.TrimSuffix(got, "'")
	if got == "no_stream" {
		return event.NoStream, true
	}
	var revision event.Revision
	if _, err := fmt.Sscan(got, &revision); err != nil {
		return 0, false
	}
	return revision, true
}

// positionOf reads where an event is that was appended.
func (st *Store) positionOf(ctx context.Context, stream string, revision event.Revision) (event.Position, error) {
	var one [1]event.Stored
	got, err := st.ReadStream(ctx, stream, revision, 1, one[:0])
	if err != nil {
		return 0, err
	}
	if len(got) == 0 {
		return 0, fmt.Errorf("event store %s: append to %s: the server says that revision %d is there and does not show it: see that the stream has no metadata that hides events", st.where, stream, revision)
	}
	return got[0].Position, nil
}

// abandoned is the appends whose callers have gone before their outcome was known.
type abandoned struct {
	mu      sync.Mutex
	streams map[string][]chan struct{}
}

// add remembers an append, unless it has just finished.
func (b *abandoned) add(stream string, done chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-done:
	default:
		b.streams[stream] = append(b.streams[stream], done)
	}
}

func (b *abandoned) finish(stream string, done chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(done)
	left := b.streams[stream]
	for i := range left {
		if left[i] == done {
			left = append(left[:i:i], left[i+1:]...)
			break
		}
	}
	if len(left) == 0 {
		delete(b.streams, stream)
	} else {
		b.streams[stream] = left
	}
}

// wait returns when no abandoned append to the stream is under way, or with an error
// when one of the contexts ends.
func (b *abandoned) wait(ctx, store context.Context, stream string) error {
	for {
		b.mu.Lock()
		var done chan struct{}
		if all := b.streams[stream]; len(all) > 0 {
			done = all[0]
		}
		b.mu.Unlock()
		if done == nil {
			return nil
		}
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		case <-store.Done():
			return store.Err()
		}
	}
}
