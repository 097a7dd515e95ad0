package messaging

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"lonja/domain/event"
)

// waker says how far the log has grown, once for however many events. A message that is
// lost, or comes twice, does no harm: another follows within lostWake. It implements
// message.Subscriber.
type waker struct {
	store event.Store
	again time.Duration // how long a message that was refused waits before another comes

	mu      sync.Mutex
	ended   bool
	cancels []context.CancelFunc
	tasks   sync.WaitGroup
}

// lostWake is how long the log may be silent before its followers are woken all the same.
const lostWake = time.Second

// Subscribe implements message.Subscriber.
func (w *waker) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return nil, errClosed
	}
	out := make(chan *message.Message)
	ctx, cancel := context.WithCancel(ctx)
	w.cancels = append(w.cancels, cancel)
	w.tasks.Go(func() {
		defer close(out)
		defer cancel()
		head, err := w.store.Head(ctx) // the first message comes at once: there may be work since the last run
		for ctx.Err() == nil {
			m := message.NewMessage(watermill.NewULID(), nil)
			m.Metadata.Set(metaPosition, strconv.FormatUint(uint64(head), 10))
			if err != nil || !deliver(ctx, out, m, 0) {
				pause(ctx, w.again)
			}
			wait, cancel := context.WithTimeout(ctx, lostWake)
			var p event.Position
			if p, err = w.store.Wait(wait, head); err == nil {
				head = p
			} else if errors.Is(err, context.DeadlineExceeded) {
				err = nil
			}
			cancel()
		}
	})
	return out, nil
}

// Close implements message.Subscriber: it ends all subscriptions and waits for their end.
func (w *waker) Close() error {
	w.mu.Lock()
	w.ended = true
	for _, cancel := range w.cancels {
		cancel()
	}
	w.mu.Unlock()
	w.tasks.Wait()
	return nil
}

// deliver hands a message over and waits for what becomes of it; true is acknowledged.
// Once ctx has ended it waits for patience only. The message's context ends with ctx, and
// when it is answered.
func deliver(ctx context.Context, out chan<- *message.Message, m *message.Message, patience time.Duration) bool {
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	m.SetContext(own)
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
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-m.Acked():
		return true
	case <-m.Nacked():
		return false
	case <-t.C:
	}
	select {
	case <-m.Acked(): // at the last moment
		return true
	default:
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
