package messaging

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"lonja/domain/event"
	"lonja/domain/fault"
)

// Outcome is what became of a message.
type Outcome string

// The outcomes.
const (
	Answered Outcome = "answered"
	Parked   Outcome = "parked"  // its reaction failed for good
	Queued   Outcome = "queued"  // it waits behind one that is parked
	Skipped  Outcome = "skipped" // somebody decided so
	Refused  Outcome = "refused" // it comes again: the router was stopped, or could not write down what became of it
)

// Observer follows what handlers do: metrics and traces hang on it. It is called from
// several goroutines.
type Observer interface {
	// Handle is called when a handler gets a message. The context that it returns is that
	// of the handling, and the function is called at its end.
	Handle(ctx context.Context, handler string, m *message.Message) (context.Context, func(Outcome, error))
	// Failed is called for each attempt that failed, with why.
	Failed(ctx context.Context, handler string, err error)
}

// handler is what all handlers have.
type handler struct {
	name  string
	r     *Router
	parks bool // what fails for good is parked; else everything is tried again

	mu       sync.Mutex
	position event.Position
	handled  uint64
	failed   uint64
	trouble  string
	stopped  string
}

func (h *handler) status() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Status{Name: h.name, Position: h.position, Handled: h.handled, Failed: h.failed, Trouble: h.trouble, Stopped: h.stopped}
}

func (h *handler) reached(p event.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.position = max(h.position, p)
}

func (h *handler) isStopped() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stopped != ""
}

// stop ends the handler's work for good: nothing may be left out silently.
func (h *handler) stop(ctx context.Context, why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = why.Error()
	h.r.cfg.Log.ErrorContext(ctx, "handler stops: only another program or another log helps", "handler", h.name, "error", why)
}

// delivery is what the inner middleware tells the outer of a message.
type delivery struct{ outcome Outcome }

type deliveryKey struct{}

func outcome(ctx context.Context, o Outcome) {
	if d, ok := ctx.Value(deliveryKey{}).(*delivery); ok {
		d.outcome = o
	}
}

// metrics counts messages and tells the observer.
func (h *handler) metrics(next message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		d := &delivery{outcome: Answered}
		ctx := context.WithValue(m.Context(), deliveryKey{}, d)
		done := func(Outcome, error) {}
		if h.r.cfg.Observer != nil {
			ctx, done = h.r.cfg.Observer.Handle(ctx, h.name, m)
		}
		m.SetContext(ctx)
		out, err := next(m)
		if err != nil {
			d.outcome = Refused
		} else {
			h.mu.Lock()
			h.handled++
			h.mu.Unlock()
		}
		done(d.outcome, err)
		return out, err
	}
}

type correlationKey struct{}

// Correlation returns the correlation id of the event that is being answered, for logs;
// "" where there is none.
func Correlation(ctx context.Context) string {
	c, _ := ctx.Value(correlationKey{}).(string)
	return c
}

// correlate puts the correlation id of the message's event on the context.
func correlate(next message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		m.SetContext(context.WithValue(m.Context(), correlationKey{}, middleware.MessageCorrelationID(m)))
		return next(m)
	}
}

// retry tries again, for as long as it takes, what failed with an error that may pass.
// The stop ends the waiting.
func (h *handler) retry(next message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		ctx := m.Context()
		policy := middleware.Retry{
			MaxRetries: -1, // no end
			// Watermill grows the interval twice between two attempts.
			InitialInterval: h.r.cfg.Times.FirstWait, MaxInterval: h.r.cfg.Times.LastWait, Multiplier: 1.5, RandomizationFactor: 0.2,
			ResetContextOnRetry: true,
			ShouldRetry: func(p middleware.RetryParams) bool {
				if ctx.Err() != nil {
					return true // no failure: the attempt was cut off, and there is no other
				}
				passing := !h.parks || !permanent(p.Err)
				h.attemptFailed(ctx, m, p.Err, passing)
				return passing
			},
		}
		out, err := policy.Middleware(next)(m)
		if err == nil {
			h.mu.Lock()
			h.trouble = ""
			h.mu.Unlock()
		}
		return out, err
	}
}

// attemptFailed counts and logs it.
func (h *handler) attemptFailed(ctx context.Context, m *message.Message, err error, passing bool) {
	if h.r.cfg.Observer != nil {
		h.r.cfg.Observer.Failed(ctx, h.name, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed++
	if !passing {
		h.trouble = ""
		return // whoever parks it says so
	}
	h.trouble = reasonForLogs(err)
	h.r.cfg.Log.WarnContext(ctx, "handler failed: trying again", "handler", h.name, "position", m.Metadata.Get(metaPosition), "type", m.Metadata.Get(metaType),
		"correlation", Correlation(ctx), "error", h.trouble)
}

// reasonForLogs leaves out what a refusal quotes: logs hold no personal data.
func reasonForLogs(err error) string {
	if f, ok := fault.As(err); ok {
		return f.Kind.String() + ": " + f.Key
	}
	return err.Error()
}

// permanent reports whether trying again can't help: a refusal, an event that this
// program can't read, a panic.
func permanent(err error) bool {
	var panicked middleware.RecoveredPanicError
	var unreadable *event.DecodeError
	f, refused := fault.As(err)
	switch {
	case errors.As(err, &panicked):
		return true
	case refused:
		return f.Kind != fault.Unavailable && f.Kind != fault.TooMany
	case errors.As(err, &unreadable):
		return !unreadable.Passing()
	}
	return false
}

// lingering returns a context that goes on for the grace after ctx was cancelled, so that
// what is under way at the stop can finish. ctx's deadline holds.
func lingering(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	out, end := context.WithCancel(context.WithoutCancel(ctx))
	cancel := end
	if d, ok := ctx.Deadline(); ok {
		out, cancel = context.WithDeadline(out, d)
	}
	forget := context.AfterFunc(ctx, func() { time.AfterFunc(grace, end) })
	return out, func() {
		forget()
		cancel()
		end()
	}
}
