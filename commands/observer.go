package commands

import (
	"context"
	"errors"
)

// Observer follows what commands do: metrics and traces hang on it. It is called from
// several goroutines.
type Observer interface {
	// Begin is called when a command begins, one that is a part of another too. The context
	// that it returns is the command's, and the function is called at its end with its error.
	// parent is the W3C trace context of the event that is answered, "" where there is none;
	// a span that ctx has comes before it.
	Begin(ctx context.Context, command, parent string) (context.Context, func(error))
	// TraceParent returns the W3C trace context of what is done under ctx, for the events
	// of it to carry on; "" where nothing is traced.
	TraceParent(ctx context.Context) string
}

// errUnfinished is what a command that panics has ended with.
var errUnfinished = errors.New("command: it ended with a panic")

// begin tells the observer, if there is one, of a command. The error is what the command's
// named result begins with: every return replaces it, and a panic does not.
func (x *Executor) begin(ctx context.Context, command, parent string) (context.Context, func(error), error) {
	if x.Observer == nil {
		return ctx, unobserved, errUnfinished
	}
	ctx, end := x.Observer.Begin(ctx, command, parent)
	return ctx, end, errUnfinished
}

func unobserved(error) {}
