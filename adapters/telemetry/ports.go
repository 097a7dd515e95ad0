package telemetry

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"lonja/commands"
	"lonja/domain/event"
)

// Events watches appends.
func (t *Telemetry) Events(s event.Store) event.Store {
	if t == nil {
		return s
	}
	return &appends{s, t}
}

type appends struct {
	event.Store
	t *Telemetry
}

// Append implements event.Store.
func (s *appends) Append(ctx context.Context, stream string, expected event.Revision, events []event.Raw) (event.Receipt, error) {
	var span trace.Span
	if s.t.tracer != nil {
		category, _, _ := strings.Cut(stream, "-")
		ctx, span = s.t.tracer.Start(ctx, "append "+category, trace.WithAttributes(attribute.Int("lonja.events", len(events))))
	}
	begun := time.Now()
	rcpt, err := s.Store.Append(ctx, stream, expected, events)
	how := outcome(err)
	if m := s.t.m; m != nil {
		m.appends.WithLabelValues(how).Observe(time.Since(begun).Seconds())
		if err == nil && !rcpt.Again {
			for i := range events {
				m.appended.WithLabelValues(events[i].Type).Inc()
			}
		}
	}
	if span != nil {
		finish(span, how)
	}
	return rcpt, err
}

// Commands watches commands; nil where nothing is watched.
func (t *Telemetry) Commands() commands.Observer {
	if t == nil {
		return nil
	}
	return (*observer)(t)
}

type observer Telemetry

// Begin implements commands.Observer.
func (o *observer) Begin(ctx context.Context, command, parent string) (context.Context, func(error)) {
	var span trace.Span
	if o.tracer != nil {
		ctx, span = o.tracer.Start(under(ctx, parent), command)
	}
	begun := time.Now()
	return ctx, func(err error) {
		how := outcome(err)
		if o.m != nil {
			o.m.commands.WithLabelValues(command, how).Inc()
			o.m.deciding.WithLabelValues(command).Observe(time.Since(begun).Seconds())
		}
		if span != nil {
			finish(span, how)
		}
	}
}

// TraceParent implements commands.Observer.
func (o *observer) TraceParent(ctx context.Context) string {
	if o.tracer == nil {
		return ""
	}
	return traceParent(trace.SpanContextFromContext(ctx))
}

// Wait watches who waits for read models to show an act.
func (t *Telemetry) Wait(wait func(context.Context, event.Position) error) func(context.Context, event.Position) error {
	if t == nil || t.m == nil {
		return wait
	}
	return func(ctx context.Context, p event.Position) error {
		begun := time.Now()
		err := wait(ctx, p)
		how := outcome(err)
		switch {
		case err == nil:
			how = "shown"
		case errors.Is(err, context.DeadlineExceeded):
			how = "timed_out"
		}
		t.m.waits.WithLabelValues(how).Observe(time.Since(begun).Seconds())
		return err
	}
}

// Mailer watches what becomes of mails.
func (t *Telemetry) Mailer(m commands.Mailer) commands.Mailer {
	if t == nil {
		return m
	}
	watched := &mailer{m, t}
	if f, keeps := m.(commands.Forgetter); keeps {
		return struct {
			commands.Mailer
			commands.Forgetter
		}{watched, f}
	}
	return watched
}

type mailer struct {
	to commands.Mailer
	t  *Telemetry
}

// Send implements commands.Mailer.
func (m *mailer) Send(ctx context.Context, mail commands.Mail) error {
	var span trace.Span
	if m.t.tracer != nil {
		ctx, span = m.t.tracer.Start(ctx, "send mail", trace.WithSpanKind(trace.SpanKindClient))
	}
	err := m.to.Send(ctx, mail)
	how := "sent"
	switch {
	case errors.Is(err, commands.ErrMailRefused):
		how = "refused"
	case err != nil:
		how = "failing"
	}
	if m.t.m != nil {
		m.t.m.mails.WithLabelValues(how).Inc()
	}
	if span != nil {
		finish(span, how)
	}
	return err
}

// Handle is called when a handler of the log gets a message, about the event of a trace
// (parent is "" where there is none). The context that it returns is that of the handling,
// and the function is called at its end. A handler that is woken about no event has no span:
// those of its work have links to the events'.
func (t *Telemetry) Handle(ctx context.Context, handler, parent string) (context.Context, func(outcome string, err error)) {
	var span trace.Span
	if t.tracer != nil && parent != "" {
		ctx, span = t.tracer.Start(under(ctx, parent), "react "+handler, trace.WithSpanKind(trace.SpanKindConsumer))
	}
	begun := time.Now()
	return ctx, func(how string, err error) {
		if t.m != nil {
			t.m.handled.WithLabelValues(handler, how).Inc()
			t.m.handling.WithLabelValues(handler).Observe(time.Since(begun).Seconds())
		}
		if span != nil {
			if err != nil {
				how = outcome(err)
			}
			finish(span, how)
		}
	}
}

// Failed is called for each attempt of a handler that failed.
func (t *Telemetry) Failed(handler string) {
	if t.m != nil {
		t.m.attempts.WithLabelValues(handler).Inc()
	}
}
