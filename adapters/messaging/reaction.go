package messaging

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"lonja/commands/reactions"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// reaction is a handler that answers events one at a time, and parks what it can't
// answer.
type reaction struct {
	handler
	of reactions.Reaction

	// guards what is parked. It is not held while an event is answered: an event that
	// comes meanwhile is queued behind those of its sequence by whoever holds it.
	parkedMu sync.Mutex
	loaded   bool
	parked   map[event.Position]readmodels.Parked // skipped ones too
	waiting  map[sequence]int                     // parked events of a sequence, skipped ones aside
	retrying map[owner]bool
}

// owner is whose events are: a contact's, or the account's own; nobody's where an
// event's metadata can't be read.
type owner struct {
	account id.Account
	contact id.Contact
}

// sequence is what waits behind a parked event: all of its owner, and all of its stream
// where the owner is not known.
type sequence struct {
	owner
	stream string
}

func ownerOf(p *readmodels.Parked) owner { return owner{p.Account, p.Contact} }

func sequenceOf(p *readmodels.Parked) sequence {
	if p.Account == "" {
		return sequence{stream: p.Stream}
	}
	return sequence{owner: ownerOf(p)}
}

// load reads what was parked before.
func (x *reaction) load(ctx context.Context) error {
	x.parkedMu.Lock()
	defer x.parkedMu.Unlock()
	if x.loaded {
		return nil
	}
	return x.read(ctx)
}

// reload reads it again, since other nodes have parked and answered meanwhile.
func (x *reaction) reload(ctx context.Context) error {
	x.parkedMu.Lock()
	defer x.parkedMu.Unlock()
	return x.read(ctx)
}

// read is for who holds parkedMu.
func (x *reaction) read(ctx context.Context) error {
	all, err := x.r.cfg.Progress.Parked(ctx, x.name)
	if err != nil {
		return fmt.Errorf("reaction %s: %w", x.name, err)
	}
	x.parked, x.waiting = map[event.Position]readmodels.Parked{}, map[sequence]int{}
	if x.retrying == nil {
		x.retrying = map[owner]bool{}
	}
	for i := range all {
		x.put(all[i])
	}
	x.loaded = true
	return nil
}

// put and drop keep x.waiting true. The caller holds parkedMu.
func (x *reaction) put(p readmodels.Parked) {
	x.drop(p.Position)
	x.parked[p.Position] = p
	if !p.Skipped {
		x.waiting[sequenceOf(&p)]++
	}
}

func (x *reaction) drop(at event.Position) {
	p, ok := x.parked[at]
	if !ok {
		return
	}
	delete(x.parked, at)
	if p.Skipped {
		return
	}
	s := sequenceOf(&p)
	if x.waiting[s]--; x.waiting[s] == 0 {
		delete(x.waiting, s)
	}
}

// fresh reads what other nodes have parked, where there are any.
func (x *reaction) fresh(ctx context.Context) error {
	if x.r.ordered.shared.progress == nil {
		return nil
	}
	return x.reload(ctx)
}

// waitingNow returns how many events wait.
func (x *reaction) waitingNow(ctx context.Context) (int, error) {
	if err := x.fresh(ctx); err != nil {
		return 0, err
	}
	x.parkedMu.Lock()
	defer x.parkedMu.Unlock()
	n := 0
	for _, c := range x.waiting {
		n += c
	}
	return n, nil
}

// handle answers one event.
func (x *reaction) handle(m *message.Message) error {
	s, err := storedOf(m)
	if err != nil {
		return err
	}
	ctx, cancel := lingering(m.Context(), x.r.cfg.Times.Grace)
	defer cancel()
	rec, err := x.r.cfg.Codec.Decode(ctx, s)
	if err != nil {
		return err
	}
	return x.of.React(ctx, &rec)
}

// parking keeps an event aside whose reaction fails for good, and those that come after
// it in its sequence, and lets everything else go on.
func (x *reaction) parking(next message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		ctx := m.Context() // those inside leave another on the message
		s, err := storedOf(m)
		if err != nil {
			return nil, err
		}
		if aside, err := x.setAside(ctx, s); aside || err != nil {
			return nil, err
		}
		out, err := next(m)
		if err == nil || !permanent(err) {
			return out, err
		}
		return nil, x.park(ctx, s, err)
	}
}

// setAside reports whether the event is not to be answered now: it is parked already, or
// was skipped, or waits behind one that is parked.
func (x *reaction) setAside(ctx context.Context, s *event.Stored) (bool, error) {
	x.parkedMu.Lock()
	defer x.parkedMu.Unlock()
	if p, ok := x.parked[s.Position]; ok { // it comes again
		if p.Skipped {
			outcome(ctx, Skipped)
		} else {
			outcome(ctx, Queued)
		}
		return true, nil
	}
	p := parkedOf(s, "")
	if x.waiting[sequenceOf(&p)] == 0 && x.waiting[sequence{stream: s.Stream}] == 0 {
		return false, nil
	}
	if err := x.r.cfg.Progress.Park(ctx, x.name, p); err != nil {
		return false, fmt.Errorf("reaction %s: parking the event at position %d: %w", x.name, s.Position, err)
	}
	x.put(p)
	outcome(ctx, Queued)
	return true, nil
}

func (x *reaction) park(ctx context.Context, s *event.Stored, why error) error {
	x.parkedMu.Lock()
	defer x.parkedMu.Unlock()
	p := parkedOf(s, why.Error())
	if err := x.r.cfg.Progress.Park(ctx, x.name, p); err != nil {
		return fmt.Errorf("reaction %s: parking the event at position %d: %w", x.name, s.Position, err)
	}
	x.put(p)
	outcome(ctx, Parked)
	// The reason may quote the event: it is for the store, whose erasure reaches it.
	x.r.cfg.Log.ErrorContext(ctx, "reaction can't answer an event: the contact's sequence is parked", "reaction", x.name, "position", uint64(s.Position),
		"stream", s.Stream, "revision", int64(s.Revision), "type", s.Type, "correlation", Correlation(ctx))
	return nil
}

// parkedOf returns the event as it is parked.
func parkedOf(s *event.Stored, reason string) readmodels.Parked {
	p := readmodels.Parked{Position: s.Position, Stream: s.Stream, Revision: s.Revision, Type: s.Type, Reason: reason, At: s.RecordedAt}
	if meta, err := event.ParseMetadata(s.Meta); err == nil {
		p.Account, p.Contact = meta.Account, meta.Contact
	}
	return p
}

// reaction returns the named one, with what it parked.
func (r *Router) reaction(ctx context.Context, name string) (*reaction, error) {
	for _, x := range r.reacting {
		if x.name == name {
			return x, x.load(ctx)
		}
	}
	return nil, fmt.Errorf("messaging: there is no reaction %q", name)
}

// Parked returns the parked events of a reaction, oldest first. Reason says what failed,
// for the first of each sequence; those behind it wait for it. Skipped ones are a record.
func (r *Router) Parked(ctx context.Context, name string) ([]readmodels.Parked, error) {
	x, err := r.reaction(ctx, name)
	if err == nil {
		err = x.fresh(ctx)
	}
	if err != nil {
		return nil, err
	}
	x.parkedMu.Lock()
	defer x.parkedMu.Unlock()
	out := make([]readmodels.Parked, 0, len(x.parked))
	for _, p := range x.parked {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b readmodels.Parked) int {
		if a.Position < b.Position {
			return -1
		}
		return 1
	})
	return out, nil
}

// RetryParked answers the parked sequence of a contact (of the account itself, where
// contact is empty; of events whose owner can't be read, where account is) in order, and
// returns how many events were answered. What comes meanwhile queues behind, and is
// answered too. It ends with the first error, and the rest stay parked.
func (r *Router) RetryParked(ctx context.Context, name string, account id.Account, contact id.Contact) (int, error) {
	x, err := r.reaction(ctx, name)
	if err == nil {
		err = x.elsewhere(ctx, account, contact)
	}
	if err != nil {
		return 0, err
	}
	o := owner{account, contact}
	if err := x.beginRetry(o); err != nil {
		return 0, err
	}
	defer x.endRetry(o)
	for n := 0; ; n++ {
		p, more, err := x.firstOf(o)
		if err != nil || !more {
			return n, err
		}
		if err := x.again(ctx, p); err != nil {
			return n, err
		}
	}
}

func (x *reaction) beginRetry(o owner) error {
	x.parkedMu.Lock()
	defer x.parkedMu.Unlock()
	if x.retrying[o] {
		return fmt.Errorf("reaction %s: the sequence is being retried already", x.name)
	}
	x.retrying[o] = true
	return nil
}

func (x *reaction) endRetry(o owner) {
	x.parkedMu.Lock()
	defer x.parkedMu.Unlock()
	delete(x.retrying, o)
}

// firstOf returns the oldest event of the owner that waits.
func (x *reaction) firstOf(o owner) (first readmodels.Parked, found bool, err error) {
	x.parkedMu.Lock()
	defer x.parkedMu.Unlock()
	for _, p := range x.parked {
		if !p.Skipped && ownerOf(&p) == o && (!found || p.Position < first.Position) {
			first, found = p, true
		}
	}
	if found && first.Account != "" && x.waiting[sequence{stream: first.Stream}] > 0 {
		return first, false, fmt.Errorf("reaction %s: the event at position %d waits behind one of its stream that can't be read; retry or skip that first", x.name, first.Position)
	}
	return first, found, nil
}

// again answers a parked event, once.
func (x *reaction) again(ctx context.Context, p readmodels.Parked) error {
	one, err := x.r.cfg.Store.ReadStream(ctx, p.Stream, p.Revision, 1, nil)
	if err != nil {
		return fmt.Errorf("reaction %s: retry: %w", x.name, err)
	}
	if len(one) == 0 || one[0].Position != p.Position {
		return fmt.Errorf("reaction %s: retry: the log has no event at position %d, revision %d of %s", x.name, p.Position, p.Revision, p.Stream)
	}
	m := NewMessage(&one[0])
	m.SetContext(context.WithValue(ctx, storedKey{}, &one[0]))
	answer := message.HandlerFunc(func(m *message.Message) ([]*message.Message, error) { return nil, x.handle(m) })
	for _, wrap := range []message.HandlerMiddleware{middleware.Recoverer, middleware.Timeout(x.r.cfg.Times.Reaction), correlate} {
		answer = wrap(answer)
	}
	_, failed := answer(m)
	x.parkedMu.Lock()
	defer x.parkedMu.Unlock()
	if failed == nil {
		if err := x.r.cfg.Progress.Unpark(ctx, x.name, p.Position); err != nil {
			return fmt.Errorf("reaction %s: retry: %w", x.name, err)
		}
		x.drop(p.Position)
		return nil
	}
	if permanent(failed) { // what is wrong now counts
		p.Reason = failed.Error()
		if err := x.r.cfg.Progress.Park(ctx, x.name, p); err != nil {
			return fmt.Errorf("reaction %s: retry: %w", x.name, err)
		}
		x.put(p)
	}
	return fmt.Errorf("reaction %s: the event at position %d stays parked: %w", x.name, p.Position, failed)
}

// SkipParked takes a parked event out of its sequence for good, without answering it:
// the record of it stays, with why. RetryParked then answers those behind it; where there
// are none, the sequence goes on by itself.
func (r *Router) SkipParked(ctx context.Context, name string, position event.Position, why string) error {
	x, err := r.reaction(ctx, name)
	if err == nil {
		err = x.fresh(ctx)
	}
	if err != nil {
		return err
	}
	x.parkedMu.Lock()
	defer x.parkedMu.Unlock()
	p, ok := x.parked[position]
	if ok {
		if err := x.elsewhere(ctx, p.Account, p.Contact); err != nil {
			return err
		}
	}
	switch {
	case !ok || p.Skipped:
		return fmt.Errorf("reaction %s: the event at position %d is not parked", name, position)
	case x.retrying[ownerOf(&p)]:
		return fmt.Errorf("reaction %s: the sequence of the event at position %d is being retried", name, position)
	}
	p.Skipped, p.Reason = true, why
	if err := r.cfg.Progress.Park(ctx, name, p); err != nil {
		return fmt.Errorf("reaction %s: skip: %w", name, err)
	}
	x.put(p)
	r.cfg.Log.WarnContext(ctx, "reaction skips an event for good", "reaction", name, "position", uint64(position), "stream", p.Stream)
	return nil
}
