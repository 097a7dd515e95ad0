// Package commands is the write side: it loads an aggregate, lets a pure decision
// speak, and appends what it said. One file a command family.
package commands

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"

	"lonja/domain/decider"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// Executor runs decisions against the event store.
type Executor struct {
	Store event.Store
	Codec *event.Codec
	// Observer is told of every command; nil: nobody is.
	Observer Observer
}

// Bodies reads what is inside documents.
func (x *Executor) Bodies() readmodels.Bodies { return readmodels.Bodies{Log: x.Store, Codec: x.Codec} }

// Request says who asks for what, as whom and when. It is the same for every
// decision that one act of a person causes.
type Request struct {
	Command     ulid.ULID  // names the act: repeating it with the same id has no second effect
	Account     id.Account // required
	Contact     id.Contact // whose thing must it be; empty for staff and system: any of the account
	Actor       event.Actor
	Correlation ulid.ULID // zero: the command itself
	Causation   ulid.ULID // the event that a reaction answers
	At          time.Time // when it happened
	TraceParent string    // where no Observer traces the command
}

// Receipt says what a command did.
type Receipt struct {
	event.Receipt
	Changed bool // false where it was already so
}

// maxAttempts bounds deciding again after a conflict. Each attempt means that
// somebody else's append succeeded, so the bound is reached by storms only.
const maxAttempts = 20

// streamPage is how many events are read at a time when folding a stream.
const streamPage = 500

// Execute folds the stream, decides and appends at the exact revision it read;
// on a conflict it decides again from the fresh state. A stream that belongs to
// another account, or to another contact than the request's, is not found.
func Execute[S any](ctx context.Context, x *Executor, d decider.Decider[S], aggregate string, req Request,
	decide func(S) ([]event.Event, error),
) (Receipt, error) {
	return ExecuteFor(ctx, x, d, aggregate, req, req.Contact, decide)
}

// ExecuteFor is Execute for a request that may create the stream on behalf of a
// contact (staff issue a document to it): owner is whose the new stream will be.
func ExecuteFor[S any](ctx context.Context, x *Executor, d decider.Decider[S], aggregate string, req Request, owner id.Contact,
	decide func(S) ([]event.Event, error),
) (Receipt, error) {
	if req.Account == "" || req.Command.IsZero() || req.Actor.Kind == "" || req.At.IsZero() {
		return Receipt{}, fmt.Errorf("command on %s-%s: account, command id, actor and time are required", d.Category, aggregate)
	}
	stream := d.Stream(aggregate)
	for range maxAttempts {
		l, err := load(ctx, x, d, stream, req)
		if err != nil {
			return Receipt{}, err
		}
		if l.done != nil {
			return Receipt{Receipt: *l.done}, nil
		}
		if l.exists {
			owner = l.owner
		}
		events, err := decide(l.state)
		if err != nil {
			return Receipt{}, err
		}
		if len(events) == 0 {
			return Receipt{Receipt: l.last}, nil
		}
		raws, err := x.encode(ctx, stream, req, owner, events)
		if err != nil {
			return Receipt{}, fmt.Errorf("command on %s: %w", stream, err)
		}
		rcpt, err := x.Store.Append(ctx, stream, l.revision, raws)
		var conflict *event.ConflictError
		switch {
		case err == nil:
			return Receipt{Receipt: rcpt, Changed: !rcpt.Again}, nil
		case errors.Is(err, event.ErrTooLarge):
			return Receipt{}, fault.New(fault.TooLarge, "command.too_large", fault.A("max", event.MaxAppendBytes))
		case !errors.As(err, &conflict):
			return Receipt{}, fmt.Errorf("command on %s: %w", stream, err)
		}
		if err := ctx.Err(); err != nil {
			return Receipt{}, fmt.Errorf("command on %s: %w", stream, err)
		}
	}
	return Receipt{}, fault.New(fault.Unavailable, "command.busy")
}

// State folds the aggregate for a reader that needs it as of now: a process
// manager, a gateway's page. The same ownership rule holds; exists is false for a
// stream without events.
func State[S any](ctx context.Context, x *Executor, d decider.Decider[S], aggregate string, req Request) (state S, exists bool, err error) {
	state, rev, err := StateAt(ctx, x, d, aggregate, req)
	return state, rev != event.NoStream, err
}

// StateAt is State that says which revision the state is of, for a reader that keeps it.
func StateAt[S any](ctx context.Context, x *Executor, d decider.Decider[S], aggregate string, req Request) (S, event.Revision, error) {
	l, err := load(ctx, x, d, d.Stream(aggregate), Request{Account: req.Account, Contact: req.Contact})
	if err != nil {
		return l.state, event.NoStream, err
	}
	return l.state, l.revision, nil
}

type loaded[S any] struct {
	state    S
	revision event.Revision
	exists   bool
	owner    id.Contact
	last     event.Receipt
	trace    string         // trace parent of the last event
	done     *event.Receipt // the request's command was already executed here
}

// again is the receipt of a request whose effect the aggregate is.
func (l *loaded[S]) again() Receipt {
	r := Receipt{Receipt: l.last}
	r.Again = true
	return r
}

func load[S any](ctx context.Context, x *Executor, d decider.Decider[S], stream string, req Request) (loaded[S], error) {
	l := loaded[S]{state: d.Initial(), revision: event.NoStream, last: event.Receipt{Stream: stream, Revision: event.NoStream}}
	var buf []event.Stored
	for {
		var err error
		buf, err = x.Store.ReadStream(ctx, stream, l.revision+1, streamPage, buf[:0])
		if err != nil {
			return l, fmt.Errorf("loading %s: %w", stream, err)
		}
		for i := range buf {
			if !l.exists {
				// Whose it is comes before what it says: nothing of another's is opened.
				meta, err := event.ParseMetadata(buf[i].Meta)
				if err != nil {
					return l, fmt.Errorf("loading %s: %w", stream, err)
				}
				if meta.Account != req.Account || req.Contact != "" && meta.Contact != req.Contact {
					return loaded[S]{state: d.Initial()}, fault.New(fault.NotFound, "not_found")
				}
				l.exists, l.owner = true, meta.Contact
			}
			rec, err := x.Codec.Decode(ctx, &buf[i])
			if err != nil {
				return l, fmt.Errorf("loading %s: %w", stream, err)
			}
			l.state = d.Evolve(l.state, rec.Data)
			l.revision = rec.Revision
			l.last.Revision, l.last.Position, l.trace = rec.Revision, rec.Position, rec.Meta.TraceParent
			if !req.Command.IsZero() && rec.Meta.Command == req.Command && rec.Meta.Actor == req.Actor {
				done := l.last
				done.Again = true
				l.done = &done
			}
		}
		if len(buf) < streamPage {
			return l, nil
		}
	}
}

func (x *Executor) encode(ctx context.Context, stream string, req Request, owner id.Contact, events []event.Event) ([]event.Raw, error) {
	meta := event.Metadata{
		Account: req.Account, Contact: owner, Actor: req.Actor, Command: req.Command, Correlation: req.Correlation,
		Causation: req.Causation, OccurredAt: req.At.UTC().Truncate(time.Millisecond), TraceParent: req.TraceParent,
	}
	if meta.Correlation.IsZero() {
		meta.Correlation = req.Command
	}
	if x.Observer != nil {
		if t := x.Observer.TraceParent(ctx); t != "" { // else what the request brought is carried on
			meta.TraceParent = t
		}
	}
	raws := make([]event.Raw, len(events))
	for i, e := range events {
		eid := id.Derive("event", req.Command.String(), string(req.Actor.Kind), req.Actor.ID, stream, strconv.Itoa(i))
		raw, err := x.Codec.Encode(ctx, eid, meta, e)
		if err != nil {
			return nil, err
		}
		raws[i] = raw
	}
	return raws, nil
}
