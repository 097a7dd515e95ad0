package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"lonja/adapters/eventstoredb"
	"lonja/adapters/eventstoredb/esdbtest"
	"lonja/domain/event"
	"lonja/domain/id"
)

const (
	barAppend   = 0.8 // of the bare client's appends
	appendRound = 2 * time.Second
	appendPairs = 5
	appendBytes = 400
	away        = 60 * time.Second
	barRecovery = 3 * time.Second
)

// appendEvents measures the event store's appends over the protocol stand-in beside those
// of the bare client, in turn on the same server; then how long after an outage it takes
// until the first append succeeds.
func appendEvents(ctx context.Context, t *table, _ config) (err error) {
	dir, err := os.MkdirTemp("", "lonja-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := esdbtest.Start(ctx, dir, esdbtest.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	store, err := eventstoredb.Open(ctx, eventstoredb.Options{Connection: server.ConnectionString()})
	if err != nil {
		return err
	}
	defer store.Close()
	config, err := esdb.ParseConnectionString(server.ConnectionString())
	if err != nil {
		return err
	}
	config.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(config)
	if err != nil {
		return err
	}
	defer client.Close()

	a := &appender{ctx: ctx, data: bytes.Repeat([]byte("x"), appendBytes)}
	bare := func(stream string, expected event.Revision, e event.Raw) error {
		opts := esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}
		if expected >= 0 {
			opts.ExpectedRevision = esdb.Revision(uint64(expected))
		}
		_, err := client.AppendToStream(ctx, "bare_"+stream, opts, esdb.EventData{EventID: uuid.UUID(e.ID), EventType: e.Type, Data: e.Data, Metadata: e.Meta})
		return err
	}
	ours := func(stream string, expected event.Revision, e event.Raw) error {
		_, err := store.Append(ctx, stream, expected, []event.Raw{e})
		return err
	}
	for _, writers := range []int{1, 16, 64} {
		t.say("appends of %d writers, %d rounds each …", writers, appendPairs)
		var rates, references, ratios []float64
		for range appendPairs {
			reference, err := a.round(writers, bare)
			if err != nil {
				return fmt.Errorf("bare client: %w", err)
			}
			rate, err := a.round(writers, ours)
			if err != nil {
				return err
			}
			rates, references, ratios = append(rates, rate), append(references, reference), append(ratios, rate/reference)
		}
		t.row(fmt.Sprintf("appends/s over the stand-in, %d writers", writers),
			fmt.Sprintf("%.0f", median(rates)), fmt.Sprintf("%.0f (bare client)", median(references)), median(ratios), barAppend)
	}

	t.say("the server is away for %s …", away)
	server.Leave()
	select {
	case <-time.After(away):
	case <-ctx.Done():
		return ctx.Err()
	}
	waiting := make(chan error, 1)
	go func() {
		waiting <- ours("recovery-1", event.NoStream, event.Raw{ID: id.Derive("recovery"), Type: "thing.happened", Data: a.data})
	}()
	if err := server.Return(ctx); err != nil {
		return err
	}
	back := time.Now()
	if err := <-waiting; err != nil {
		return err
	}
	took := time.Since(back)
	t.row(fmt.Sprintf("first append after %s without server", away), took.Round(time.Millisecond).String(),
		barRecovery.String()+" (at most)", barRecovery.Seconds()/took.Seconds(), 1)
	return nil
}

// appender appends one event at a time to streams of each writer's own.
type appender struct {
	ctx    context.Context
	data   []byte
	rounds atomic.Uint64
}

// round returns the appends a second of so many writers.
func (a *appender) round(writers int, appendOne func(string, event.Revision, event.Raw) error) (float64, error) {
	const streams = 50 // of each writer
	n := a.rounds.Add(1)
	var done atomic.Int64
	var failed error
	var once sync.Once
	var group sync.WaitGroup
	begin := time.Now()
	for w := range writers {
		group.Go(func() {
			rnd := rand.New(rand.NewPCG(n, uint64(w)))
			var next [streams]event.Revision
			for time.Since(begin) < appendRound {
				k := rnd.IntN(streams)
				stream := fmt.Sprintf("w-%d-%d-%d", n, w, k)
				e := event.Raw{ID: id.Derive(stream, fmt.Sprint(next[k])), Type: "thing.happened", Meta: []byte("{}"), Data: a.data}
				if err := appendOne(stream, next[k]-1, e); err != nil {
					once.Do(func() { failed = err })
					return
				}
				next[k]++
				done.Add(1)
			}
		})
	}
	group.Wait()
	return float64(done.Load()) / time.Since(begin).Seconds(), failed
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}
