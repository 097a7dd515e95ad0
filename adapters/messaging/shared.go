package messaging

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// PartedProgress is the Progress of nodes that share the reactions: each answers the events
// of the partitions that it holds, and moves a checkpoint of each of them.
type PartedProgress interface {
	Progress
	// Partitions returns how many there are: the same for ever.
	Partitions() int
	// Holds reports whether a partition is this node's, as far as the node knows.
	Holds(part int) bool
	// Holder returns which node has the partition of an owner, "" for none at the moment.
	Holder(ctx context.Context, account id.Account, contact id.Contact) (string, error)
	// CheckpointOf returns how far a reaction is in a partition.
	CheckpointOf(ctx context.Context, name string, part int) (event.Position, error)
	// SetCheckpoints notes how far a reaction is in some partitions, those that are this
	// node's. readmodels.ErrFenced where others are not.
	SetCheckpoints(ctx context.Context, name string, at map[int]event.Position) error
}

// shared is which partitions an Ordered delivers the events of. o.mu guards it.
type shared struct {
	progress PartedProgress // nil: there are no partitions
	want     []int
	version  int // grows whenever want changes
	subs     map[string]*subscription
	let      chan struct{} // closed whenever a subscription lets go of something, or ends
}

// hand is the message in hand of a subscription.
type hand struct {
	part   int
	cancel context.CancelFunc
}

// Hold says of which partitions events are delivered from now on. It returns when every
// subscription has let go of the others: what it had in hand is answered, or was told to end.
func (o *Ordered) Hold(ctx context.Context, parts []int) error {
	o.mu.Lock()
	if !slices.Equal(o.shared.want, parts) {
		o.shared.want, o.shared.version = slices.Clone(parts), o.shared.version+1
		for _, s := range o.shared.subs {
			s.wake()
			if s.hand.cancel != nil && !slices.Contains(parts, s.hand.part) {
				s.hand.cancel()
			}
		}
	}
	version := o.shared.version
	o.mu.Unlock()
	for {
		o.mu.Lock()
		let, done := o.shared.let, true
		for _, s := range o.shared.subs {
			done = done && s.version >= version
		}
		o.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-let:
		case <-ctx.Done():
			return fmt.Errorf("messaging: letting go of partitions: %w", ctx.Err())
		}
	}
}

// holds reports whether events of the partition are delivered here.
func (o *Ordered) holds(part int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.shared.progress == nil || slices.Contains(o.shared.want, part)
}

// joinShared and leaveShared say whether Hold waits for a subscription. The caller holds mu.
func (o *Ordered) joinShared(s *subscription) {
	if o.shared.progress == nil {
		return
	}
	s.version, s.wake = -1, func() {}
	o.shared.subs[s.topic] = s
}

func (o *Ordered) leaveShared(topic string) {
	if o.shared.progress == nil {
		return
	}
	delete(o.shared.subs, topic)
	o.hasLet()
}

func (o *Ordered) hasLet() {
	close(o.shared.let)
	o.shared.let = make(chan struct{})
}

// followShared is follow where nodes share the partitions.
func (s *subscription) followShared(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := s.shareOnce(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// shareOnce delivers what the log has more, as long as the partitions stay the same.
func (s *subscription) shareOnce(ctx context.Context) error {
	same, done := s.watch(ctx)
	defer done()
	if !s.dropped.IsZero() && time.Since(s.dropped) >= s.o.cfg.Again {
		s.again()
	}
	if err := s.adopt(ctx); err != nil {
		return err
	}
	if !s.dropped.IsZero() {
		var cancel context.CancelFunc
		same, cancel = context.WithTimeout(same, s.o.cfg.Again)
		defer cancel()
	}
	if len(s.parts) == 0 {
		<-same.Done()
		return ctx.Err()
	}
	if err := s.waitShared(same); err != nil {
		if same.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	var err error
	if s.buf, err = s.o.cfg.Store.ReadFeed(ctx, s.at, readBatch, s.buf[:0]); err != nil {
		return err
	}
	for i := range s.buf {
		e := &s.buf[i]
		if slices.Contains(s.types, e.Type) {
			if same.Err() != nil {
				return ctx.Err()
			}
			if err := s.deliverShared(ctx, e); err != nil {
				return err
			}
		} else if err := s.known(e); err != nil {
			return err
		}
		s.ignored++
		s.passed(e.Position)
	}
	s.reached(s.at)
	return nil
}

// known reports an error for an event of a type, or in a form, that only a newer program
// knows. What is wrong with one event's bytes is its reactions' business.
func (s *subscription) known(e *event.Stored) error {
	if s.o.cfg.Known == nil {
		return nil
	}
	err := s.o.cfg.Known(e)
	var unknown *event.UnknownTypeError
	var newer *event.NewerSchemaError
	if errors.As(err, &unknown) || errors.As(err, &newer) {
		return fmt.Errorf("a newer node has written what this one does not know, and may have to answer: %w", err)
	}
	return nil
}

// watch returns a context that ends when the partitions change.
func (s *subscription) watch(ctx context.Context) (context.Context, context.CancelFunc) {
	same, cancel := context.WithCancel(ctx)
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	s.wake = cancel
	return same, cancel
}

// adopt lets go of partitions that are this node's no more, and takes up new ones where
// they are.
func (s *subscription) adopt(ctx context.Context) error {
	s.o.mu.Lock()
	want, version := s.o.shared.want, s.o.shared.version
	s.o.mu.Unlock()
	if s.version == version {
		return nil
	}
	if err := s.keepShared(ctx); err != nil && !errors.Is(err, readmodels.ErrFenced) {
		return err
	}
	parts := map[int]event.Position{}
	for _, part := range want {
		at, err := s.o.shared.progress.CheckpointOf(ctx, s.checkpoint, part)
		if err != nil {
			return err
		}
		parts[part] = max(at, s.parts[part])
	}
	if s.o.cfg.Taken != nil {
		if err := s.o.cfg.Taken(ctx, s.topic); err != nil {
			return err
		}
	}
	s.parts, s.saved = parts, map[int]event.Position{}
	for part, at := range parts {
		s.saved[part] = at
	}
	s.keptAt, s.ignored = time.Now(), 0
	s.lowest()
	s.reached(s.at)
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	s.version = version
	s.o.hasLet()
	return nil
}

// dropPart leaves a partition alone that seems to be another node's. Hold comes with that
// soon, or else it is taken up again.
func (s *subscription) dropPart(part int) {
	delete(s.parts, part)
	s.dropped = time.Now()
}

// again has the partitions taken up as if they were new.
func (s *subscription) again() {
	s.dropped = time.Time{}
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	s.version = -1
}

// passed notes that everything up to the position is done with.
func (s *subscription) passed(p event.Position) {
	for part := range s.parts {
		s.parts[part] = max(s.parts[part], p)
	}
	s.lowest()
}

func (s *subscription) lowest() {
	first := true
	for _, at := range s.parts {
		if first || at < s.at {
			s.at, first = at, false
		}
	}
}

// waitShared is wait where nodes share the partitions.
func (s *subscription) waitShared(ctx context.Context) error {
	for {
		behind := s.behind()
		if behind && (s.ignored >= keepEvents || time.Since(s.keptAt) >= keepTime) {
			if err := s.keepShared(ctx); err != nil && !errors.Is(err, readmodels.ErrFenced) {
				return err
			}
			behind = false
		}
		if !behind {
			_, err := s.o.cfg.Store.Wait(ctx, s.at)
			return err
		}
		soon, cancel := context.WithTimeout(ctx, keepTime)
		_, err := s.o.cfg.Store.Wait(soon, s.at)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
}

// behind reports whether a checkpoint is behind what was done.
func (s *subscription) behind() bool {
	for part, at := range s.parts {
		if at > s.saved[part] {
			return true
		}
	}
	return false
}

// keepShared moves the checkpoints to where the partitions are.
func (s *subscription) keepShared(ctx context.Context) error {
	at := map[int]event.Position{}
	for part, p := range s.parts {
		if p > s.saved[part] {
			at[part] = p
		}
	}
	s.keptAt, s.ignored = time.Now(), 0
	if len(at) == 0 {
		return nil
	}
	err := s.o.shared.progress.SetCheckpoints(ctx, s.checkpoint, at)
	if err == nil {
		for part, p := range at {
			s.saved[part] = p
		}
	}
	return err
}

// deliverShared delivers an event if it is of a partition that this node holds.
func (s *subscription) deliverShared(ctx context.Context, e *event.Stored) error {
	p := parkedOf(e, "")
	part := readmodels.PartOf(p.Account, p.Contact, s.o.shared.progress.Partitions())
	done, mine := s.parts[part]
	if !mine || e.Position <= done {
		return nil
	}
	own := *e
	own.Meta, own.Data = slices.Clone(e.Meta), slices.Clone(e.Data)
	for {
		if !s.o.shared.progress.Holds(part) {
			s.dropPart(part)
			return nil
		}
		mctx, cancel := context.WithCancel(context.WithValue(ctx, storedKey{}, &own))
		if !s.take(hand{part, cancel}) {
			cancel()
			s.dropPart(part)
			return nil
		}
		acked := deliver(mctx, s.out, s.o.cfg.Message(&own), s.o.cfg.Patience)
		cancel()
		s.drop()
		if acked {
			break
		}
		if s.o.holds(part) && !pause(ctx, s.o.cfg.Again) {
			return ctx.Err()
		}
	}
	// It is acknowledged, whether ctx has ended or not.
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), lateWrite)
	defer cancel()
	for {
		err := s.o.shared.progress.SetCheckpoints(late, s.checkpoint, map[int]event.Position{part: e.Position})
		if errors.Is(err, readmodels.ErrFenced) {
			// Whoever has the partition now answers it again, to the same effect.
			s.o.cfg.Log.WarnContext(ctx, "another node has taken a partition over", "topic", s.topic, "partition", part, "position", uint64(e.Position))
			s.dropPart(part)
			return nil
		}
		if err == nil {
			s.parts[part], s.saved[part] = e.Position, e.Position
			return nil
		}
		s.o.cfg.Log.ErrorContext(ctx, "keeping a checkpoint: trying again", "topic", s.topic, "partition", part, "error", err)
		if !pause(late, s.o.cfg.Again) {
			return err
		}
	}
}

// take notes what is in hand, unless its partition has gone meanwhile.
func (s *subscription) take(h hand) bool {
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	if !slices.Contains(s.o.shared.want, h.part) {
		return false
	}
	s.hand = h
	return true
}

func (s *subscription) drop() {
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	s.hand = hand{}
}

// Hold says of which partitions this node answers the events from now on, and returns when
// it has let go of all others.
func (r *Router) Hold(ctx context.Context, parts []int) error { return r.ordered.Hold(ctx, parts) }

// taken has a reaction see what other nodes have parked of the partitions that are now here.
func (r *Router) taken(ctx context.Context, topic string) error {
	for _, x := range r.reacting {
		if x.name == topic {
			return x.reload(ctx)
		}
	}
	return nil
}

// elsewhere is an error where another node answers the owner's events: what it has parked
// of them, only it can take up again.
func (x *reaction) elsewhere(ctx context.Context, account id.Account, contact id.Contact) error {
	shared := x.r.ordered.shared.progress
	if shared == nil || x.r.ordered.holds(readmodels.PartOf(account, contact, shared.Partitions())) {
		return nil
	}
	node, err := shared.Holder(ctx, account, contact)
	if err != nil {
		return err
	}
	if node == "" {
		return fmt.Errorf("reaction %s: no node answers these events at the moment: try again in some seconds", x.name)
	}
	return fmt.Errorf("reaction %s: node %s answers these events: ask it", x.name, node)
}
