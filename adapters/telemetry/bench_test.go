package telemetry_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"lonja/adapters/telemetry"
	"lonja/domain/event"
)

// How much it costs to be watched, and that it costs nothing where nobody watches:
// go test -bench . -run '^$' ./adapters/telemetry.
func watchers() map[string]*telemetry.Telemetry {
	return map[string]*telemetry.Telemetry{
		"off":     nil,
		"metrics": counting(),
		"traces":  telemetry.New(telemetry.Config{Metrics: true, Traces: sdktrace.NewTracerProvider(), Logger: slog.New(slog.DiscardHandler)}),
	}
}

func BenchmarkRequest(b *testing.B) {
	for name, tel := range watchers() {
		b.Run(name, func(b *testing.B) {
			r := chi.NewRouter()
			r.Use(tel.HTTP()...)
			r.Get("/api/v1/home", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
			req, rec := httptest.NewRequest(http.MethodGet, "/api/v1/home", http.NoBody), httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				r.ServeHTTP(rec, req)
			}
		})
	}
}

// nowhere is a store that takes everything at once.
type nowhere struct{ event.Store }

func (nowhere) Append(context.Context, string, event.Revision, []event.Raw) (event.Receipt, error) {
	return event.Receipt{}, nil
}

func BenchmarkAppend(b *testing.B) {
	for name, tel := range watchers() {
		b.Run(name, func(b *testing.B) {
			store, one := tel.Events(nowhere{}), []event.Raw{{Type: "quote.approved"}}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := store.Append(b.Context(), "quote-1", 0, one); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
