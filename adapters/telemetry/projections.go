package telemetry

import (
	"bytes"
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"lonja/domain/event"
	"lonja/readmodels"
)

// Projections watches what projections read and commit: the span of a batch is linked to
// those of the commands whose events are in it. It changes nothing where nothing is traced.
func (t *Telemetry) Projections(events event.Store, rows readmodels.Store) (event.Store, readmodels.Store) {
	if t == nil || t.tracer == nil {
		return events, rows
	}
	return &feed{events, &t.feed}, &batches{rows, t}
}

// feed remembers the traces of the events that were read.
type feed struct {
	event.Store
	traces *feedTraces
}

// ReadFeed implements event.Store.
func (f *feed) ReadFeed(ctx context.Context, after event.Position, limit int, buf []event.Stored) ([]event.Stored, error) {
	had := len(buf)
	buf, err := f.Store.ReadFeed(ctx, after, limit, buf)
	if err == nil {
		f.traces.add(buf[had:])
	}
	return buf, err
}

// remembered is how many events of a trace are kept in mind, links how many of a batch its
// span names.
const (
	remembered = 1024
	links      = 100
)

// feedTraces is the traces of the events that were read last.
type feedTraces struct {
	mu   sync.Mutex
	ring [remembered]tracedEvent
	next int
}

type tracedEvent struct {
	at   event.Position
	span trace.SpanContext
}

// sampled ends the trace context of a span that is recorded.
var sampled = []byte("-01")

func (f *feedTraces) add(events []event.Stored) {
	for i := range events {
		e := &events[i]
		if !bytes.Contains(e.Meta, sampled) { // before the metadata is decoded: most logs are older than any trace
			continue
		}
		meta, err := event.ParseMetadata(e.Meta)
		if err != nil {
			continue // whoever folds it says so
		}
		s := parseTraceParent(meta.TraceParent)
		if !s.IsSampled() {
			continue
		}
		f.mu.Lock()
		f.ring[f.next%remembered] = tracedEvent{e.Position, s}
		f.next++
		f.mu.Unlock()
	}
}

// of returns the spans of the events after the one position up to the other, each once.
func (f *feedTraces) of(from, to event.Position) []trace.SpanContext {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []trace.SpanContext
	seen := map[trace.SpanID]bool{}
	for i := range min(f.next, remembered) {
		if e := &f.ring[i]; e.at > from && e.at <= to && !seen[e.span.SpanID()] && len(out) < links {
			seen[e.span.SpanID()] = true
			out = append(out, e.span)
		}
	}
	return out
}

// batches gives each batch of a projection that folds traced events a span.
type batches struct {
	readmodels.Store
	t *Telemetry
}

// Commit implements readmodels.Store.
func (s *batches) Commit(ctx context.Context, b readmodels.Batch) error {
	spans := s.t.feed.of(b.From, b.To)
	if len(spans) == 0 {
		return s.Store.Commit(ctx, b)
	}
	opts := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attribute.String("lonja.projection", b.Generation.Projection), attribute.Int("lonja.changes", len(b.Changes))),
	}
	one := true
	for i := range spans {
		opts = append(opts, trace.WithLinks(trace.Link{SpanContext: spans[i]}))
		one = one && spans[i].TraceID() == spans[0].TraceID()
	}
	if one { // of one request, which is shown so from its beginning to what it changed; else a trace of its own
		ctx = trace.ContextWithRemoteSpanContext(ctx, spans[0])
	}
	ctx, span := s.t.tracer.Start(ctx, "project "+b.Generation.Projection, opts...)
	err := s.Store.Commit(ctx, b)
	finish(span, outcome(err))
	return err
}
