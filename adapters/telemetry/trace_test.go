package telemetry_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"lonja/adapters/telemetry"
	"lonja/domain/fault"
	"lonja/domain/id"
)

const (
	oneTrace     = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	otherTrace   = "00-1bf7651916cd43dd8448eb211c80319c-c7ad6b7169203332-01"
	droppedTrace = "00-2cf7651916cd43dd8448eb211c80319c-d7ad6b7169203333-00"
)

func tracing(t *testing.T) (*telemetry.Telemetry, func() tracetest.SpanStubs) {
	t.Helper()
	kept := tracetest.NewInMemoryExporter()
	p := sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept))
	t.Cleanup(func() {
		if err := p.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return telemetry.New(telemetry.Config{Traces: p, Logger: slog.New(slog.DiscardHandler)}), func() tracetest.SpanStubs {
		out := kept.GetSpans()
		kept.Reset()
		return out
	}
}

func TestABatchIsLinkedToTheCommandsOfItsEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	tel, spans := tracing(t)
	r.follow(tel)
	r.catchUp()
	for name, c := range map[string]struct {
		of   []string // the trace of each event
		want int      // links
		in   string   // the trace that the batch's span is in; "": one of its own
	}{
		"one command":                 {[]string{oneTrace, oneTrace}, 1, oneTrace},
		"several":                     {[]string{oneTrace, otherTrace, droppedTrace, ""}, 2, ""},
		"one that is not recorded":    {[]string{droppedTrace}, 0, ""},
		"none":                        {[]string{""}, 0, ""},
		"what is no trace, nearly so": {[]string{"00-zz-01"}, 0, ""},
	} {
		spans()
		for _, trace := range c.of {
			r.grow(r.log, id.Contact("c"), trace, 1)
		}
		r.catchUp()
		got := spans()
		if c.want == 0 {
			if len(got) != 0 {
				t.Errorf("%s: %d spans, want none", name, len(got))
			}
			continue
		}
		if len(got) != 2 || got[0].Name != "project quick" || got[1].Name != "project slow" {
			t.Fatalf("%s: %+v, want a span each", name, got)
		}
		for _, s := range got {
			if len(s.Links) != c.want {
				t.Errorf("%s: %s has %d links, want %d", name, s.Name, len(s.Links), c.want)
			}
			trace := s.SpanContext.TraceID().String()
			switch {
			case c.in != "" && (!strings.Contains(c.in, trace) || !strings.Contains(c.in, s.Parent.SpanID().String())):
				t.Errorf("%s: %s is in trace %s below %s, want in %s", name, s.Name, trace, s.Parent.SpanID(), c.in)
			case c.in == "" && (strings.Contains(oneTrace+otherTrace, trace) || s.Parent.IsValid()):
				t.Errorf("%s: %s is in trace %s below %s, want one of its own", name, s.Name, trace, s.Parent.SpanID())
			}
		}
	}
}

// Who asks may send any trace, and does not decide what is recorded here.
func TestACallersTraceIsLinkedTo(t *testing.T) {
	t.Parallel()
	tel, spans := tracing(t)
	r := chi.NewRouter()
	r.Use(tel.HTTP()...)
	r.Get("/quotes/{id}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	for header, want := range map[string]int{"": 0, oneTrace: 1, droppedTrace: 1, "nonsense": 0} {
		req := httptest.NewRequest(http.MethodGet, "/quotes/01JD", http.NoBody)
		req.Header.Set("Traceparent", header)
		r.ServeHTTP(httptest.NewRecorder(), req)
		got := spans()
		if len(got) != 1 || got[0].Name != "GET /quotes/{id}" || got[0].Parent.IsValid() || len(got[0].Links) != want {
			t.Errorf("with %q: %+v", header, got)
		}
	}
}

func TestAReactionsCommandIsInItsEventsTrace(t *testing.T) {
	t.Parallel()
	tel, spans := tracing(t)
	ctx, handled := tel.Handle(t.Context(), "mails", oneTrace)
	inner, end := tel.Commands().Begin(ctx, "QueueMail", otherTrace) // the context's own comes first
	carried := tel.Commands().TraceParent(inner)
	end(fault.New(fault.Gone, "contact.gone"))
	handled("answered", nil)
	_, end = tel.Commands().Begin(t.Context(), "SendMail", carried)
	end(context.DeadlineExceeded)
	got := spans()
	if len(got) != 3 {
		t.Fatalf("%+v", got)
	}
	queue, react, send := got[0], got[1], got[2]
	for _, s := range got {
		if !strings.Contains(oneTrace, s.SpanContext.TraceID().String()) {
			t.Errorf("%s is in trace %s", s.Name, s.SpanContext.TraceID())
		}
	}
	if !strings.Contains(oneTrace, react.Parent.SpanID().String()) || queue.Parent.SpanID() != react.SpanContext.SpanID() || send.Parent.SpanID() != queue.SpanContext.SpanID() {
		t.Errorf("%+v", got)
	}
	if queue.Status.Code.String() != "Unset" || send.Status.Code.String() != "Error" || send.Status.Description != "" {
		t.Errorf("a refusal is %v, a failure %v", queue.Status, send.Status)
	}
	if _, handled := tel.Handle(t.Context(), "projections", ""); handled != nil {
		handled("answered", nil)
	}
	if got := spans(); len(got) != 0 {
		t.Errorf("who is woken about no event has %+v", got)
	}
}

func TestTheEnvironmentAsksForTraces(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  map[string]string
		want bool
		err  string
	}{
		"nothing":          {nil, false, ""},
		"an endpoint":      {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, true, ""},
		"one of traces":    {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, true, ""},
		"the exporter":     {map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true, ""},
		"none":             {map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, false, ""},
		"disabled":         {map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, false, ""},
		"another exporter": {map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, false, "OTEL_TRACES_EXPORTER=zipkin"},
		"another protocol": {map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"},
	} {
		got, err := telemetry.Exporting(func(name string) string { return c.env[name] })
		if got != c.want || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestLinesOfTheLogNameTheirTrace(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	plain := slog.New(slog.NewTextHandler(&b, nil))
	tel, spans := tracing(t)
	ctx, end := tel.Commands().Begin(t.Context(), "ApproveQuote", "")
	l := tel.Logs(plain).With("part", "test")
	l.ErrorContext(ctx, "within")
	l.ErrorContext(t.Context(), "without")
	end(nil)
	lines := strings.Split(b.String(), "\n")
	if want := "part=test trace=" + spans()[0].SpanContext.TraceID().String(); !strings.HasSuffix(lines[0], want) || !strings.HasSuffix(lines[1], "part=test") {
		t.Errorf("%q, want %q", lines, want)
	}
	if counting().Logs(plain) != plain {
		t.Error("a logger is wrapped, and nothing is traced")
	}
}
