package eventstoredb

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/oklog/ulid/v2"
	"google.golang.org/grpc/codes"

	"lonja/domain/event"
)

// ReadStream implements event.Store.
func (st *Store) ReadStream(ctx context.Context, stream string, from event.Revision, limit int, buf []event.Stored) ([]event.Stored, error) {
	doing := "read " + stream
	if err := st.usable(ctx, doing); err != nil {
		return buf, err
	}
	if err := st.abandoned.wait(ctx, st.ctx, stream); err != nil {
		return buf, st.usable(ctx, doing)
	}
	var tries attempts
	for from, end := max(from, 0), len(buf)+max(limit, 0); len(buf) < end; {
		before := len(buf)
		var err error
		if buf, err = st.readStream(ctx, doing, stream, from, end-len(buf), buf); err == nil {
			return buf, nil
		}
		if got := len(buf) - before; got > 0 {
			from, tries = buf[len(buf)-1].Revision+1, attempts{}
		}
		if err = tries.again(ctx, st, doing, err); err != nil {
			return buf, err
		}
	}
	return buf, nil
}

func (st *Store) readStream(ctx context.Context, doing, stream string, from event.Revision, limit int, buf []event.Stored) ([]event.Stored, error) {
	r, err := st.open(ctx, doing, func(ctx context.Context, client *esdb.Client) (*esdb.ReadStream, error) {
		return client.ReadStream(ctx, st.prefix+stream, esdb.ReadStreamOptions{From: esdb.Revision(uint64(from)), RequiresLeader: true}, uint64(limit))
	})
	if err != nil {
		return buf, err
	}
	defer r.close()
	for {
		e, err := r.Recv()
		var missing *esdb.Error
		if errors.Is(err, io.EOF) || errors.As(err, &missing) && missing.IsErrorCode(esdb.ErrorCodeResourceNotFound) {
			return buf, nil
		}
		if err != nil {
			r.call.suspect(err)
			return buf, err
		}
		s := st.stored(e.OriginalEvent())
		st.head.advance(s.Position)
		buf = append(buf, s)
	}
}

// Head implements event.Store. It asks the server each time: another node may have
// appended. Reads can't be filtered, so that it skips what is not Lonja's from the end.
func (st *Store) Head(ctx context.Context) (event.Position, error) {
	if err := st.usable(ctx, "head"); err != nil {
		return 0, err
	}
	var tries attempts
	for {
		err := st.readHead(ctx)
		if err == nil {
			return st.head.at(), nil
		}
		if err = tries.again(ctx, st, "head", err); err != nil {
			return 0, err
		}
	}
}

// readHead moves the head to the newest event.
func (st *Store) readHead(ctx context.Context) error {
	var from esdb.AllPosition = esdb.End{}
	known := st.head.searched()
	for page := uint64(4); ; page = min(4*page, 4096) {
		n := uint64(0)
		found, last, err := st.searchBack(ctx, from, page, known, &n)
		if err != nil || found || n < page {
			return err
		}
		from = last
	}
}

// searchBack reads a page of the log backwards and says whether the search is over.
func (st *Store) searchBack(ctx context.Context, from esdb.AllPosition, page uint64, known event.Position, n *uint64) (bool, esdb.Position, error) {
	var last esdb.Position
	r, err := st.open(ctx, "head", func(ctx context.Context, client *esdb.Client) (*esdb.ReadStream, error) {
		return client.ReadAll(ctx, esdb.ReadAllOptions{Direction: esdb.Backwards, From: from, RequiresLeader: true}, page)
	})
	if err != nil {
		return false, last, err
	}
	defer r.close()
	for {
		e, err := r.Recv()
		if errors.Is(err, io.EOF) {
			return false, last, nil
		}
		if err != nil {
			r.call.suspect(err)
			return false, last, err
		}
		*n++
		recorded := e.OriginalEvent()
		last = recorded.Position
		p := event.Position(last.Commit)
		if p > known && st.ours(recorded) {
			st.head.advance(p)
		}
		if p <= known || st.ours(recorded) {
			return true, last, nil
		}
	}
}

// ReadFeed implements event.Store. It follows a subscription up to where the server says
// that there is nothing more: unlike a read, a subscription is filtered by the server.
func (st *Store) ReadFeed(ctx context.Context, after event.Position, limit int, buf []event.Stored) ([]event.Stored, error) {
	const doing = "read the feed"
	if err := st.usable(ctx, doing); err != nil {
		return buf, err
	}
	if limit <= 0 {
		return buf, nil
	}
	if after > st.head.at() {
		if head, err := st.Head(ctx); err != nil || after >= head {
			return buf, err
		}
	}
	r := feed{st: st, from: after, at: after, end: len(buf) + limit, buf: buf}
	var tries attempts
	for {
		before := len(r.buf)
		err := r.read(ctx, doing)
		if err == nil {
			return r.buf, nil
		}
		if len(r.buf) > before {
			tries = attempts{}
		}
		if r.misplaced(err, tries.wait.tries) {
			if err = r.place(ctx, doing); err == nil {
				continue
			}
		}
		if err = tries.again(ctx, st, doing, err); err != nil {
			return r.buf, err
		}
	}
}

// feed is one reading of the feed, over as many subscriptions as it takes.
type feed struct {
	st     *Store
	from   event.Position // where to subscribe, exclusive; 0 for the beginning
	at     event.Position // of the last event that was seen: none up to here is taken
	placed bool           // from is where an event begins, for certain
	end    int            // length of buf at which to stop
	buf    []event.Stored
}

// read takes events until there are enough or no more. Positions alone say what is new:
// a server may send events and checkpoints twice.
func (r *feed) read(ctx context.Context, doing string) error {
	if len(r.buf) >= r.end {
		return nil
	}
	sub, err := r.st.subscribe(ctx, doing, r.from)
	if err != nil {
		return err
	}
	defer sub.close()
	for {
		e := sub.Recv()
		switch {
		case e.EventAppeared != nil:
			if r.take(e.EventAppeared.OriginalEvent()); len(r.buf) >= r.end {
				return nil
			}
		case e.CaughtUp != nil:
			return nil
		case e.SubscriptionDropped != nil:
			sub.call.suspect(e.SubscriptionDropped.Error)
			return e.SubscriptionDropped.Error
		}
	}
}

func (r *feed) take(e *esdb.RecordedEvent) {
	p := event.Position(e.Position.Commit)
	if p <= r.at {
		return
	}
	r.at, r.from, r.placed = p, p, true
	if r.st.ours(e) {
		r.st.head.advance(p)
		r.buf = append(r.buf, r.st.stored(e))
	}
}

// misplaced says whether the failure may be that no event begins at from. Servers do
// not agree on how they say it.
func (r *feed) misplaced(err error, tries int) bool {
	return !r.placed && r.from > 0 && (kindOf(err) == badPlace || tries >= 2 && code(err) == codes.Unknown)
}

// place finds a position from which the server reads. The number before an event's is
// the usual one to be asked for without being an event's itself; of any other nothing
// is known, and the feed is read from its beginning.
func (r *feed) place(ctx context.Context, doing string) error {
	e, err := r.st.eventAt(ctx, doing, r.from+1)
	if err != nil && kindOf(err) != badPlace {
		return err
	}
	if e != nil {
		r.take(e)
		return nil
	}
	r.st.logger.Warn("event store: no event begins at a position that the feed is read from; reading it from the beginning", "position", r.from)
	r.from, r.placed = 0, true
	return nil
}

// eventAt returns the event that begins at the position, nil if none does.
func (st *Store) eventAt(ctx context.Context, doing string, p event.Position) (*esdb.RecordedEvent, error) {
	r, err := st.open(ctx, doing, func(ctx context.Context, client *esdb.Client) (*esdb.ReadStream, error) {
		return client.ReadAll(ctx, esdb.ReadAllOptions{From: place(p), RequiresLeader: true}, 1)
	})
	if err != nil {
		return nil, err
	}
	defer r.close()
	e, err := r.Recv()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		r.call.suspect(err)
		return nil, err
	}
	if e.OriginalEvent().Position.Commit != uint64(p) {
		return nil, nil
	}
	return e.OriginalEvent(), nil
}

// follow keeps the head where the log's end is, over as many subscriptions as it takes,
// until the store is closed. It wakes those who wait; readers ask for themselves.
func (st *Store) follow() {
	var wait backoff
	for st.ctx.Err() == nil {
		from := st.head.searched()
		err := st.followFrom(from)
		if st.head.searched() > from {
			wait = backoff{}
		}
		if st.ctx.Err() == nil {
			st.logger.Debug("event store: the subscription has ended; subscribing again", "servers", st.where, "error", err)
		}
		wait.pause(st.ctx)
	}
}

// followFrom follows from the position on until the subscription ends.
func (st *Store) followFrom(after event.Position) error {
	sub, err := st.subscribe(st.ctx, "follow the feed", after)
	if err != nil {
		return err
	}
	defer sub.close()
	// A session that is broken ends when its last call does: this one would stay.
	stop := context.AfterFunc(sub.call.session.ctx, sub.cancel)
	defer stop()
	for {
		e := sub.Recv()
		switch {
		case e.EventAppeared != nil:
			if recorded := e.EventAppeared.OriginalEvent(); st.ours(recorded) {
				st.head.advance(event.Position(recorded.Position.Commit))
			}
		case e.CheckPointReached != nil:
			st.head.search(event.Position(e.CheckPointReached.Commit))
		case e.SubscriptionDropped != nil:
			sub.call.suspect(e.SubscriptionDropped.Error)
			return e.SubscriptionDropped.Error
		}
	}
}

// opened is a read or subscription under way.
type opened[T any] struct {
	call   *call
	cancel context.CancelFunc
	inner  T
	shut   func(T)
}

type (
	reading      struct{ *opened[*esdb.ReadStream] }
	subscription struct{ *opened[*esdb.Subscription] }
)

func (r reading) Recv() (*esdb.ResolvedEvent, error) { return r.inner.Recv() }
func (s subscription) Recv() *esdb.SubscriptionEvent { return s.inner.Recv() }

// close frees what the client holds for it. It must be called: the client frees nothing
// of what was not read to its end.
func (o *opened[T]) close() {
	o.cancel()
	o.shut(o.inner)
	o.call.end()
}

func (st *Store) open(ctx context.Context, doing string, how func(context.Context, *esdb.Client) (*esdb.ReadStream, error)) (reading, error) {
	o, err := start(ctx, st, doing, how, (*esdb.ReadStream).Close)
	return reading{o}, err
}

func (st *Store) subscribe(ctx context.Context, doing string, after event.Position) (subscription, error) {
	o, err := start(ctx, st, doing, func(ctx context.Context, client *esdb.Client) (*esdb.Subscription, error) {
		return client.SubscribeToAll(ctx, esdb.SubscribeToAllOptions{
			From: place(after), RequiresLeader: true, MaxSearchWindow: searchWindow, CheckpointInterval: 1,
			Filter: &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Prefixes: []string{st.prefix}},
		})
	}, func(s *esdb.Subscription) { _ = s.Close() })
	return subscription{o}, err
}

// searchWindow is how many events the server looks at between two checkpoints.
const searchWindow = 1024

// place is a position for the client, for which none at all would mean the end.
func place(p event.Position) esdb.AllPosition {
	if p == 0 {
		return esdb.Start{}
	}
	return esdb.Position{Commit: uint64(p), Prepare: uint64(p)}
}

// start opens a read or subscription, and returns when ctx ends even where the client
// does not.
func start[T any](ctx context.Context, st *Store, doing string, how func(context.Context, *esdb.Client) (T, error), shut func(T)) (*opened[T], error) {
	c, err := st.acquire(ctx, doing)
	if err != nil {
		return nil, err
	}
	inner, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(st.ctx, cancel)
	o := &opened[T]{call: c, cancel: func() { stop(); cancel() }, shut: shut}
	done := make(chan error, 1)
	go func() { // the session's end waits for it
		var err error
		o.inner, err = how(c.context(inner), c.session.client)
		if err != nil {
			c.suspect(err)
			o.cancel()
			c.end()
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			return nil, err
		}
		return o, nil
	case <-ctx.Done():
	case <-st.ctx.Done():
	}
	go func() { // the session's end waits for it too
		if err := <-done; err == nil {
			o.close()
		}
	}()
	return nil, st.usable(ctx, doing)
}

func isUnavailable(err error) bool { return code(err) == codes.Unavailable }

// ours says whether the event is Lonja's. The server's filter says so too, but not of
// reads, nor of what the server writes to Lonja's streams.
func (st *Store) ours(e *esdb.RecordedEvent) bool {
	return strings.HasPrefix(e.StreamID, st.prefix) && !strings.HasPrefix(e.EventType, "$")
}

func (st *Store) stored(e *esdb.RecordedEvent) event.Stored {
	return event.Stored{
		Raw:      event.Raw{ID: ulid.ULID(e.EventID), Type: e.EventType, Meta: e.UserMetadata, Data: e.Data},
		Position: event.Position(e.Position.Commit), Stream: strings.TrimPrefix(e.StreamID, st.prefix), Revision: event.Revision(e.EventNumber),
		RecordedAt: e.CreatedDate.UTC().Truncate(time.Millisecond),
	}
}
