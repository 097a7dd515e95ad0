package messaging

import (
	"context"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"lonja/domain/event"
)

// waker says that the log has grown, once for however many events.
type waker struct{ store event.Store }

// Subscribe implements message.Subscriber.
func (w *waker) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	out := make(chan *message.Message)
	go func() {
		defer close(out)
		var after event.Position // the first message comes at once: there may be work since the last run
		for ctx.Err() == nil {
			m := message.NewMessage(watermill.NewUUID(), nil)
			if !deliver(ctx, out, m) {
				if !pause(ctx, retryPause) {
					return
				}
				continue
			}
			wait, cancel := context.WithTimeout(ctx, lostWake)
			if head, err := w.store.Wait(wait, after); err == nil {
				after = head
			}
			cancel()
		}
	}()
	return out, nil
}

// Close implements message.Subscriber; the context ends it.
func (w *waker) Close() error { return nil }

// retryPause is how long a message that was refused waits before it comes again.
const retryPause = 200 * time.Millisecond

// deliver hands a message over and waits for what becomes of it; true is acknowledged.
func deliver(ctx context.Context, out chan<- *message.Message, m *message.Message) bool {
	m.SetContext(ctx)
	select {
	case out <- m:
	case <-ctx.Done():
		return false
	}
	select {
	case <-m.Acked():
		return true
	case <-m.Nacked():
		return false
	case <-ctx.Done():
		return false
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Ordered subscribes to the log: one event at a time, the next only when the last was
// acknowledged, from the checkpoint on, which moves after the acknowledgement. An event
// is therefore delivered at least once, and again after a crash in between.
type Ordered struct {
	store       event.Store
	checkpoints Checkpoints
	name        string
}

// NewOrdered returns a subscriber with a checkpoint of the name.
func NewOrdered(store event.Store, checkpoints Checkpoints, name string) *Ordered {
	return &Ordered{store: store, checkpoints: checkpoints, name: name}
}

type storedKey struct{}

func storedOf(m *message.Message) (*event.Stored, bool) {
	s, ok := m.Context().Value(storedKey{}).(*event.Stored)
	return s, ok
}

// batch is how many events are read at a time; checkpoints move with each that a
// reaction may have answered, and at the end of each batch.
const batch = 500

// Subscribe implements message.Subscriber.
func (o *Ordered) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	at, err := o.checkpoints.Checkpoint(ctx, o.name)
	if err != nil {
		return nil, err
	}
	out := make(chan *message.Message)
	go func() {
		defer close(out)
		for ctx.Err() == nil {
			if at, err = o.follow(ctx, at, out); err != nil && !pause(ctx, retryPause) {
				return
			}
		}
	}()
	return out, nil
}

// follow delivers what the log has after the position and returns how far it came.
func (o *Ordered) follow(ctx context.Context, at event.Position, out chan<- *message.Message) (event.Position, error) {
	if _, err := o.store.Wait(ctx, at); err != nil {
		return at, err
	}
	events, err := o.store.ReadFeed(ctx, at, batch, nil)
	if err != nil {
		return at, err
	}
	for i := range events {
		for {
			m := message.NewMessage(events[i].ID.String(), events[i].Data)
			if deliver(context.WithValue(ctx, storedKey{}, &events[i]), out, m) {
				break
			}
			if !pause(ctx, retryPause) {
				return at, ctx.Err()
			}
		}
		at = events[i].Position
	}
	return at, o.checkpoints.SetCheckpoint(ctx, o.name, at)
}

// Close implements message.Subscriber; the context ends it.
func (o *Ordered) Close() error { return nil }
