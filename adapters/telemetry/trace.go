package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Exporting reports whether the environment asks for traces, in OpenTelemetry's own words:
// with OTEL_TRACES_EXPORTER=otlp, or an endpoint to send them to. Everything else of it
// (endpoint, headers, certificates, sampler, batches, resource) the library reads itself.
func Exporting(getenv func(string) string) (bool, error) {
	exporter := getenv("OTEL_TRACES_EXPORTER")
	endpoint := getenv("OTEL_EXPORTER_OTLP_ENDPOINT") + getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	switch {
	case strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true"), exporter == "none", exporter == "" && endpoint == "":
		return false, nil
	case exporter != "" && exporter != "otlp":
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER=%s: traces are exported by otlp, or not at all with none", exporter)
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if p := getenv(name); p != "" && p != "http/protobuf" {
			return false, fmt.Errorf("%s=%s: traces are sent by http/protobuf; most collectors take it at port 4318", name, p)
		}
	}
	return true, nil
}

// Traces exports spans as the environment says.
type Traces struct{ provider *sdktrace.TracerProvider }

// StartTraces returns what exports. A collector that is not there is no reason not to start.
func StartTraces(ctx context.Context, version string, log *slog.Logger) (*Traces, error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("exporting traces: %w; see the OTEL_ variables of the environment", err)
	}
	// What the environment says comes last, and counts. What the library can find out by
	// itself is left out: a command line may hold a password.
	res, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "lonja"), attribute.String("service.version", version)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("exporting traces: %w; see OTEL_RESOURCE_ATTRIBUTES", err)
	}
	// The library has one place for the errors of its background work, which is the process's.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces are lost", "error", err) }))
	return &Traces{sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res))}, nil
}

// Provider makes spans.
func (t *Traces) Provider() trace.TracerProvider { return t.provider }

// Close exports what is left, for as long as ctx allows.
func (t *Traces) Close(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("exporting the last traces: %w", err)
	}
	return nil
}

// traceParent returns a span in the form of the W3C's trace context, "" for none.
func traceParent(s trace.SpanContext) string {
	if !s.IsValid() {
		return ""
	}
	return "00-" + s.TraceID().String() + "-" + s.SpanID().String() + "-" + s.TraceFlags().String()
}

// parseTraceParent is the inverse. What is none gives a span that is not valid.
func parseTraceParent(text string) trace.SpanContext {
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": text})
	return trace.SpanContextFromContext(ctx)
}

// under returns ctx with the span that caused what is done, unless it has one of its own.
func under(ctx context.Context, parent string) context.Context {
	if parent == "" || trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, parseTraceParent(parent))
}

// finish ends a span. What is refused is an answer, not an error of the program's.
func finish(s trace.Span, how string) {
	s.SetAttributes(attribute.String("lonja.outcome", how))
	if how == "failed" {
		s.SetStatus(codes.Error, "") // what the error says may quote ids and people: it is in the log
	}
	s.End()
}
