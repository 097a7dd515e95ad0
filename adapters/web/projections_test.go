package web_test

import (
	"context"
	"time"

	"lonja/domain/event"
	"lonja/projections"
)

// wait brings reactions and projections up to date; where projections stand still it
// waits for ctx.
func (w *world) wait(ctx context.Context, _ event.Position) error {
	w.mu.Lock()
	stuck := w.stuck
	w.mu.Unlock()
	if stuck {
		<-ctx.Done()
		return ctx.Err()
	}
	return w.catchUp(ctx)
}

func (w *world) startProjections() {
	var err error
	w.runner, err = projections.NewRunner(projections.Config{
		Projections: projections.All(), Events: w.log, Codec: w.commands.Codec, Store: w.reads,
	})
	w.ok(err)
}

func (w *world) catchUp(ctx context.Context) error {
	if err := w.react(ctx); err != nil {
		return err
	}
	return w.runner.CatchUp(ctx)
}

// settle is for set-up and for what happens without a browser.
func (w *world) settle() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	w.ok(w.catchUp(ctx))
}
