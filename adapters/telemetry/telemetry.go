package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/trace"

	"lonja/domain/event"
	"lonja/domain/fault"
)

// Config is what is asked for.
type Config struct {
	Metrics bool
	Traces  trace.TracerProvider // nil: none
	Version string               // of the program
	Logger  *slog.Logger
}

// Telemetry watches ports. A nil one watches nothing, and costs nothing.
type Telemetry struct {
	log    *slog.Logger
	reg    *prometheus.Registry // nil, as m is, without metrics
	m      *metrics
	tracer trace.Tracer // nil without traces
	feed   feedTraces
}

// New returns what watches as asked for, nil where nothing is.
func New(c Config) *Telemetry {
	if !c.Metrics && c.Traces == nil {
		return nil
	}
	t := &Telemetry{log: c.Logger}
	if c.Traces != nil {
		t.tracer = c.Traces.Tracer("lonja", trace.WithInstrumentationVersion(c.Version))
	}
	if c.Metrics {
		t.reg = prometheus.NewRegistry()
		t.m = newMetrics(t.reg, c.Version)
	}
	return t
}

// Metrics answers Prometheus. Nil without metrics.
func (t *Telemetry) Metrics() http.Handler {
	if t == nil || t.reg == nil {
		return nil
	}
	return promhttp.HandlerFor(t.reg, promhttp.HandlerOpts{
		Registry: t.reg, ErrorHandling: promhttp.ContinueOnError, ErrorLog: slog.NewLogLogger(t.log.Handler(), slog.LevelWarn), MaxRequestsInFlight: 4,
	})
}

// metrics are the figures that are counted where something happens.
type metrics struct {
	requests  *prometheus.CounterVec
	answering *prometheus.HistogramVec
	underWay  prometheus.Gauge
	commands  *prometheus.CounterVec
	deciding  *prometheus.HistogramVec
	appends   *prometheus.HistogramVec
	appended  *prometheus.CounterVec
	waits     *prometheus.HistogramVec
	mails     *prometheus.CounterVec
	handled   *prometheus.CounterVec
	handling  *prometheus.HistogramVec
	attempts  *prometheus.CounterVec
}

// The bounds of durations, in seconds: what a disk does, and what people wait for.
var (
	short = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}
	long  = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
)

func newMetrics(reg *prometheus.Registry, version string) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lonja_" + name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	histogram := func(name, help string, bounds []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "lonja_" + name, Help: help, Buckets: bounds}, labels)
		reg.MustRegister(h)
		return h
	}
	m := &metrics{
		requests:  counter("http_requests_total", "Requests that were answered, by method, the route's pattern and status.", "method", "route", "status"),
		answering: histogram("http_request_duration_seconds", "How long requests took, by method and the route's pattern.", long, "method", "route"),
		underWay:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "lonja_http_requests_in_flight", Help: "Requests that are being answered."}),
		commands:  counter("commands_total", "Commands, by name and outcome: ok, the kind of refusal, cancelled, failed. One that is a part of another counts too.", "command", "outcome"),
		deciding:  histogram("command_duration_seconds", "How long commands took, by name.", long, "command"),
		appends:   histogram("append_duration_seconds", "How long appends to the event store took, by outcome: ok, conflict, cancelled, failed.", short, "outcome"),
		appended:  counter("events_appended_total", "Events that this process appended, by type.", "type"),
		waits:     histogram("wait_duration_seconds", "How long answers waited until read models showed the act before them, by outcome: shown, timed_out, cancelled, failed.", short, "outcome"),
		mails:     counter("mail_attempts_total", "Mails that were handed to the mail server, by outcome: sent, refused (for good), failing (they are tried again).", "outcome"),
		handled:   counter("handler_messages_total", "Messages that handlers of the log got, by outcome: answered, parked, queued behind a parked one, skipped, refused (it comes again).", "handler", "outcome"),
		handling:  histogram("handler_duration_seconds", "How long handlers of the log took with a message, waiting between attempts included.", long, "handler"),
		attempts:  counter("handler_failures_total", "Attempts of handlers of the log that failed.", "handler"),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lonja_build_info", Help: "1, with the program's version."}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	reg.MustRegister(m.underWay, build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	// Those that alerts look at are there before the first of them.
	for _, o := range []string{"sent", "refused", "failing"} {
		m.mails.WithLabelValues(o)
	}
	for _, o := range []string{"shown", "timed_out"} {
		m.waits.WithLabelValues(o)
	}
	m.appends.WithLabelValues("ok")
	return m
}

// outcome names how something ended, without what the error says.
func outcome(err error) string {
	var conflict *event.ConflictError
	f, refused := fault.As(err)
	switch {
	case err == nil:
		return "ok"
	case refused:
		return f.Kind.String()
	case errors.As(err, &conflict):
		return "conflict"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	}
	return "failed"
}
