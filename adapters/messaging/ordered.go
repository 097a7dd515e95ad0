package messaging

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"lonja/domain/event"
	"lonja/readmodels"
)

// Progress keeps how far each reaction is, and what it parked. Everything is durable
// when a method returns; a checkpoint never moves backwards.
type Progress interface {
	Checkpoint(ctx context.Context, name string) (event.Position, error)
	SetCheckpoint(ctx context.Context, name string, p event.Position) error

	// Parked returns what was parked and not unparked since, skipped events too, oldest first.
	Parked(ctx context.Context, name string) ([]readmodels.Parked, error)
	// Park keeps an event, in place of what was kept of its position.
	Park(ctx context.Context, name string, p readmodels.Parked) error
	// Unpark forgets a parked event.
	Unpark(ctx context.Context, name string, p event.Position) error
}

// OrderedConfig is what an Ordered stands on.
type OrderedConfig struct {
	Store    event.Store
	Progress Progress
	Log      *slog.Logger

	// Topics are the event types of each topic. A topic that is not among them is the one
	// type of its name. They may be added to until the topic is subscribed to.
	Topics map[string][]string
	// Group sets checkpoints of the same topics apart: each group gets every event.
	Group string
	// Message makes the message of an event. nil: NewMessage.
	Message func(*event.Stored) *message.Message
	// Again is how long an event that was refused waits before it comes again.
	Again time.Duration
	// Patience is how long the end of a subscription waits for what becomes of the message
	// in hand. 0: not at all; it comes again with the next subscription.
	Patience time.Duration
	// Known reports an error for an event that this program does not know, whatever its type.
	// Where nodes share a topic none is passed over: a newer node's reaction may answer it, and
	// would find it passed. nil: all are known.
	Known func(*event.Stored) error
	// Taken is called before the first event of a partition that this node has taken.
	Taken func(ctx context.Context, topic string) error
}

// Ordered subscribes to the log: one event at a time, in the order of the log, the next
// only when the last was acknowledged, from the topic's checkpoint on. That moves after
// each acknowledgement: an event is delivered at least once, and again after a crash in
// between. Events of other types are passed over without being decoded. It implements
// message.Subscriber, with one subscription of a topic at a time.
type Ordered struct {
	cfg OrderedConfig

	mu        sync.Mutex
	ended     bool
	active    map[string]context.CancelFunc // by topic
	positions map[string]event.Position     // by topic
	tasks     sync.WaitGroup
	shared    shared
}

// NewOrdered returns a subscriber.
func NewOrdered(cfg OrderedConfig) *Ordered {
	if cfg.Message == nil {
		cfg.Message = NewMessage
	}
	o := &Ordered{cfg: cfg, active: map[string]context.CancelFunc{}, positions: map[string]event.Position{}}
	if parted, ok := cfg.Progress.(PartedProgress); ok {
		o.shared = shared{progress: parted, subs: map[string]*subscription{}, let: make(chan struct{})}
	}
	return o
}

// What a message says of its event, besides middleware.CorrelationIDMetadataKey.
const (
	metaType     = "type"
	metaStream   = "stream"
	metaPosition = "position"
	metaTrace    = "traceparent"
)

// NewMessage returns an event's message: its id and data, with its type, stream,
// position, correlation id and trace as metadata.
func NewMessage(s *event.Stored) *message.Message {
	m := message.NewMessage(s.ID.String(), s.Data)
	m.Metadata.Set(metaType, s.Type)
	m.Metadata.Set(metaStream, s.Stream)
	m.Metadata.Set(metaPosition, strconv.FormatUint(uint64(s.Position), 10))
	if meta, err := event.ParseMetadata(s.Meta); err == nil {
		middleware.SetCorrelationID(meta.Correlation.String(), m)
		if meta.TraceParent != "" {
			m.Metadata.Set(metaTrace, meta.TraceParent)
		}
	}
	return m
}

// TraceParent returns the trace that a message's event belongs to, "" where there is none.
func TraceParent(m *message.Message) string { return m.Metadata.Get(metaTrace) }

var errClosed = errors.New("messaging: the subscriber is closed")

type storedKey struct{}

// storedOf returns the event that a message of an Ordered is about.
func storedOf(m *message.Message) (*event.Stored, error) {
	s, ok := m.Context().Value(storedKey{}).(*event.Stored)
	if !ok {
		return nil, fmt.Errorf("messaging: message %s is about no event", m.UUID)
	}
	return s, nil
}

// What an Ordered does at a time.
const (
	readBatch = 1000
	// keepEvents and keepTime bound how many ignored events are passed over again after a
	// crash: the checkpoint moves past them once in so many, or in so long.
	keepEvents = 20_000
	keepTime   = time.Second
	// lateWrite is how long the last checkpoint of a subscription may take.
	lateWrite = 2 * time.Second
)

// Subscribe implements message.Subscriber. The channel is closed when ctx ends, or the
// subscriber is closed.
func (o *Ordered) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.ended:
		return nil, errClosed
	case o.active[topic] != nil:
		return nil, fmt.Errorf("messaging: %s has a subscription already", topic)
	}
	s := &subscription{o: o, topic: topic, checkpoint: topic, out: make(chan *message.Message)}
	if o.cfg.Group != "" {
		s.checkpoint = o.cfg.Group + ":" + topic
	}
	s.types = []string{topic}
	if types, ok := o.cfg.Topics[topic]; ok {
		s.types = slices.Clone(types)
	}
	ctx, cancel := context.WithCancel(ctx)
	o.active[topic] = cancel
	o.joinShared(s)
	o.tasks.Go(func() {
		defer close(s.out)
		defer o.forget(topic)
		defer cancel()
		s.run(ctx)
	})
	return s.out, nil
}

// forget lets the topic be subscribed to again.
func (o *Ordered) forget(topic string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.active, topic)
	o.leaveShared(topic)
}

// Close implements message.Subscriber: it ends all subscriptions and waits for their end.
func (o *Ordered) Close() error {
	o.mu.Lock()
	o.ended = true
	for _, cancel := range o.active {
		cancel()
	}
	o.mu.Unlock()
	o.tasks.Wait()
	return nil
}

// Position returns how far the topic's subscription is or was: everything up to there
// is acknowledged, or of no interest. 0 before it has begun.
func (o *Ordered) Position(topic string) event.Position {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.positions[topic]
}

// subscription is one topic being followed. It belongs to its goroutine.
type subscription struct {
	o          *Ordered
	topic      string
	checkpoint string
	types      []string
	out        chan *message.Message

	begun   bool
	at      event.Position // everything up to here is done with
	kept    event.Position // what the checkpoint says of it
	keptAt  time.Time
	ignored int  // events that were passed over since the checkpoint moved
	owed    bool // an event was acknowledged that the checkpoint does not know of: nothing is delivered before it does
	buf     []event.Stored

	// Where nodes share partitions: how far those are that are this node's, and what their
	// checkpoints say of it. o.mu guards version, wake and hand.
	parts, saved map[int]event.Position
	dropped      time.Time // when one was left alone that may still be this node's
	version      int
	wake         context.CancelFunc
	hand         hand
}

func (s *subscription) run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.follow(ctx); ctx.Err() == nil {
			s.o.cfg.Log.ErrorContext(ctx, "following the log: trying again", "topic", s.topic, "error", err)
			pause(ctx, s.o.cfg.Again)
		}
	}
	if keep := s.keep; s.at > s.kept {
		if s.o.shared.progress != nil {
			keep = s.keepShared
		}
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), lateWrite)
		defer cancel()
		if err := keep(late); err != nil {
			s.o.cfg.Log.ErrorContext(ctx, "the last checkpoint could not be kept: some events come again", "topic", s.topic, "error", err)
		}
	}
}

// follow delivers events until something fails or ctx ends.
func (s *subscription) follow(ctx context.Context) error {
	if s.o.shared.progress != nil {
		return s.followShared(ctx)
	}
	if !s.begun {
		at, err := s.o.cfg.Progress.Checkpoint(ctx, s.checkpoint)
		if err != nil {
			return err
		}
		s.begun, s.kept, s.keptAt = true, at, time.Now()
		s.reached(at)
	}
	for {
		if err := s.wait(ctx); err != nil {
			return err
		}
		var err error
		if s.buf, err = s.o.cfg.Store.ReadFeed(ctx, s.at, readBatch, s.buf[:0]); err != nil {
			return err
		}
		at := s.at
		for i := range s.buf {
			if slices.Contains(s.types, s.buf[i].Type) {
				if err := s.deliver(ctx, &s.buf[i]); err != nil {
					return err
				}
			} else {
				s.ignored++
			}
			at = s.buf[i].Position
			s.at = at
		}
		s.reached(at)
	}
}

func (s *subscription) reached(p event.Position) {
	s.at = p
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	s.o.positions[s.topic] = p
}

// wait returns when the log has more. Meanwhile, the checkpoint moves to where the
// subscription is.
func (s *subscription) wait(ctx context.Context) error {
	if s.at > s.kept && (s.owed || s.ignored >= keepEvents || time.Since(s.keptAt) >= keepTime) {
		if err := s.keep(ctx); err != nil {
			return err
		}
	}
	if s.at > s.kept {
		soon, cancel := context.WithTimeout(ctx, keepTime)
		_, err := s.o.cfg.Store.Wait(soon, s.at)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if err := s.keep(ctx); err != nil {
			return err
		}
	}
	_, err := s.o.cfg.Store.Wait(ctx, s.at)
	return err
}

// keep moves the checkpoint to where the subscription is.
func (s *subscription) keep(ctx context.Context) error {
	if err := s.o.cfg.Progress.SetCheckpoint(ctx, s.checkpoint, s.at); err != nil {
		return err
	}
	s.kept, s.keptAt, s.ignored, s.owed = s.at, time.Now(), 0, false
	return nil
}

// deliver hands the event over until it is acknowledged, and moves the checkpoint to it.
func (s *subscription) deliver(ctx context.Context, e *event.Stored) error {
	own := *e
	own.Meta, own.Data = slices.Clone(e.Meta), slices.Clone(e.Data) // the next read takes the buffer; a handler may keep its message
	for !deliver(context.WithValue(ctx, storedKey{}, &own), s.out, s.o.cfg.Message(&own), s.o.cfg.Patience) {
		if !pause(ctx, s.o.cfg.Again) {
			return ctx.Err()
		}
	}
	s.reached(e.Position)
	s.owed = true
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), lateWrite) // it is acknowledged, whether ctx has ended or not
	defer cancel()
	return s.keep(late)
}
