package telemetry

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// HTTP returns the middleware that watches requests, for a chi router's outermost: none where
// nothing is watched.
func (t *Telemetry) HTTP() []func(http.Handler) http.Handler {
	if t == nil {
		return nil
	}
	return []func(http.Handler) http.Handler{t.request}
}

func (t *Telemetry) request(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var span trace.Span
		if t.tracer != nil {
			ctx, s := t.tracer.Start(r.Context(), method(r), trace.WithSpanKind(trace.SpanKindServer), trace.WithLinks(callers(r)...))
			r, span = r.WithContext(ctx), s
		}
		if t.m != nil {
			t.m.underWay.Inc()
		}
		begun := time.Now()
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		status := 0
		defer func() { t.answered(span, method(r), route(r), status, time.Since(begun)) }()
		next.ServeHTTP(ww, r)
		if status = ww.Status(); status == 0 { // nothing was written, which is a yes
			status = http.StatusOK
		}
	})
}

// answered counts an answer. One that was broken off has no status.
func (t *Telemetry) answered(span trace.Span, method, route string, status int, took time.Duration) {
	if t.m != nil {
		text := "aborted"
		if status != 0 {
			text = strconv.Itoa(status)
		}
		t.m.underWay.Dec()
		t.m.requests.WithLabelValues(method, route, text).Inc()
		t.m.answering.WithLabelValues(method, route).Observe(took.Seconds())
	}
	if span == nil {
		return
	}
	span.SetName(method + " " + route)
	span.SetAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route), attribute.Int("http.response.status_code", status))
	if status == 0 || status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// callers returns the trace that the request says it belongs to. Anybody can send one: it is
// linked to, and is not what decides whether, and under which id, a request is traced here.
func callers(r *http.Request) []trace.Link {
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	if s := trace.SpanContextFromContext(ctx); s.IsValid() && s.IsRemote() {
		return []trace.Link{{SpanContext: s}}
	}
	return nil
}

// method returns the request's method, where it is one that there is.
func method(r *http.Request) string {
	if slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}, r.Method) {
		return r.Method
	}
	return "other"
}

// route returns the pattern that the request matched: "/quotes/{id}". A router that is
// hosted below another's "/api/*" has patterns from the root on, one that is mounted has not.
func route(r *http.Request) string {
	c := chi.RouteContext(r.Context())
	if c == nil || len(c.RoutePatterns) == 0 {
		return "none"
	}
	out := ""
	for _, p := range c.RoutePatterns {
		before := strings.TrimSuffix(out, "*")
		if strings.HasPrefix(p, before) {
			out = p
		} else {
			out = strings.TrimSuffix(before, "/") + p
		}
	}
	if len(out) > 1 {
		out = strings.TrimSuffix(out, "/")
	}
	return out
}
