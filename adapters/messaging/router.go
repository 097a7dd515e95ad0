// Package messaging is everything that follows the log, on one Watermill router:
// projections, that are woken and catch up in batches, and reactions, that get one
// event at a time, in order, the next when the last is acknowledged.
package messaging

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"lonja/domain/event"
)

// Checkpoints keep how far each reaction is. Implementations are durable, and never
// move one backwards.
type Checkpoints interface {
	Checkpoint(ctx context.Context, name string) (event.Position, error)
	SetCheckpoint(ctx context.Context, name string, p event.Position) error
}

// Config is what a router stands on.
type Config struct {
	Store       event.Store
	Codec       *event.Codec
	Checkpoints Checkpoints
	Log         *slog.Logger
}

// Follower is a set of projections: CatchUp returns when they have reached the head.
type Follower interface {
	CatchUp(ctx context.Context) error
}

// Reaction answers one event; it is called again until it returns nil.
type Reaction func(ctx context.Context, rec *event.Recorded) error

// Router runs the handlers.
type Router struct {
	cfg    Config
	router *message.Router
}

// How long things may take.
const (
	closeTimeout    = 10 * time.Second
	reactionTimeout = 30 * time.Second
	lostWake        = time.Second // a wake that was lost is made up for by then
)

// New returns a router without handlers.
func New(cfg Config) (*Router, error) {
	// That handlers come and go is no news to an operator, to whom a command line has an answer to give.
	quieter := watermill.NewSlogLoggerWithLevelMapping(cfg.Log.With("part", "messaging"), map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug})
	r, err := message.NewRouter(message.RouterConfig{CloseTimeout: closeTimeout}, quieter)
	if err != nil {
		return nil, fmt.Errorf("messaging: %w", err)
	}
	r.AddMiddleware(middleware.Recoverer)
	return &Router{cfg: cfg, router: r}, nil
}

// AddProjections adds a handler that lets the follower catch up whenever the log has grown.
func (r *Router) AddProjections(name string, f Follower) {
	r.router.AddConsumerHandler(name, name, &waker{store: r.cfg.Store}, func(m *message.Message) error { return f.CatchUp(m.Context()) })
}

// AddReaction adds a handler that gets every event in order, from where it was before.
func (r *Router) AddReaction(name string, react Reaction) {
	h := r.router.AddConsumerHandler(name, name, NewOrdered(r.cfg.Store, r.cfg.Checkpoints, name), func(m *message.Message) error {
		stored, ok := storedOf(m)
		if !ok {
			return errors.New("messaging: a message that is no event")
		}
		rec, err := r.cfg.Codec.Decode(m.Context(), stored)
		if err != nil {
			return err
		}
		return react(m.Context(), &rec)
	})
	h.AddMiddleware(middleware.Timeout(reactionTimeout))
}

// Run runs the handlers until ctx ends, and returns when all have.
func (r *Router) Run(ctx context.Context) error {
	if err := r.router.Run(ctx); err != nil {
		return fmt.Errorf("messaging: %w", err)
	}
	return nil
}

// Running is closed once all handlers run.
func (r *Router) Running() <-chan struct{} { return r.router.Running() }
