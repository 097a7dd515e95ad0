package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"lonja/adapters/telemetry"
	"lonja/adapters/web/edge"
	"lonja/commands"
	"lonja/domain/document"
	"lonja/domain/event"
)

// seen is a system's telemetry, as whoever gets it sees it.
type seen struct {
	*telemetry.Telemetry
	kept *tracetest.InMemoryExporter
	addr string
}

func watchEverything(t testing.TB) *seen {
	t.Helper()
	kept := tracetest.NewInMemoryExporter()
	p := sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept))
	t.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	return &seen{Telemetry: telemetry.New(telemetry.Config{Metrics: true, Traces: p, Version: version, Logger: slog.New(slog.DiscardHandler)}), kept: kept}
}

// show serves the figures of the system until the test ends.
func (s *seen) show(w *sweep) {
	w.t.Helper()
	l, err := (&net.ListenConfig{}).Listen(w.t.Context(), "tcp", "127.0.0.1:0")
	w.must(err)
	s.addr = l.Addr().String()
	w.t.Cleanup(w.app.observe(w.t.Context(), l))
}

func (s *seen) figures(t testing.TB) string {
	t.Helper()
	rec := httptest.NewRecorder()
	s.Metrics().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	return rec.Body.String()
}

func fetch(t testing.TB, from string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, from, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v\n%s", from, res.StatusCode, err, b)
	}
	return string(b)
}

// TestARequestIsOneTrace follows an approval from the request to the rows that show it and
// the mail that tells of it.
func TestARequestIsOneTrace(t *testing.T) {
	t.Parallel()
	s := watchEverything(t)
	w := openSweepWith(t, "WARN", s.Telemetry)
	w.makeVictim()
	w.makeMails()
	_, err := w.app.commands.SetLoginPassword(t.Context(), w.req(w.account), commands.SetLoginPassword{Login: w.victim.login, Password: ownerPassword})
	w.must(err)
	owner := w.person(w.served, "owner", edge.SessionCookie, w.account, commands.Session{Contact: w.victim.contact, Actor: event.Actor{Kind: event.ActorLogin, ID: string(w.victim.login)}}, nil)
	var quote struct{ Document struct{ Hash string } }
	rec := w.ask(owner, hit{method: http.MethodGet, path: "/api/v1/documents/" + string(w.victim.docs[document.Quote])})
	w.must(json.Unmarshal(rec.Body.Bytes(), &quote))
	s.kept.Reset()
	rec = w.ask(owner, hit{
		method: http.MethodPost, path: "/api/v1/quotes/" + string(w.victim.docs[document.Quote]) + "/approve", key: "k1",
		json: map[string]any{"name": "Marta Soto", "hash": quote.Document.Hash},
	})
	if rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	const request = "POST /api/v1/quotes/{id}/approve"
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !slices.Contains(s.traceOf(request), "send mail") { // a reaction queues it
		head, err := w.app.events.Head(ctx)
		w.must(err)
		_, err = w.app.sender().Round(ctx)
		w.must(err)
		if !slices.Contains(s.traceOf(request), "send mail") {
			_, err = w.app.events.Wait(ctx, head)
			w.must(err)
		}
	}
	w.settle()
	in := s.traceOf(request)
	for _, want := range []string{"ApproveQuote", "append quote", "project documents", "react mails", "QueueMail", "append mail", "project mails", "SendMail", "send mail"} {
		if !slices.Contains(in, want) {
			t.Errorf("the trace of an approval has no %q: %q", want, in)
		}
	}
}

// traceOf returns the names of the spans in the trace of one.
func (s *seen) traceOf(name string) (names []string) {
	all := s.kept.GetSpans()
	at := slices.IndexFunc(all, func(sp tracetest.SpanStub) bool { return sp.Name == name })
	for _, sp := range all {
		if at >= 0 && sp.SpanContext.TraceID() == all[at].SpanContext.TraceID() {
			names = append(names, sp.Name)
		}
	}
	return names
}

func TestReadinessIsAtTheMainAddressAndFiguresAreNot(t *testing.T) {
	t.Parallel()
	s := watchEverything(t)
	w := openSweepWith(t, "WARN", s.Telemetry)
	nobody := attacker{handler: w.served}
	get := func(path string) *httptest.ResponseRecorder {
		return w.ask(nobody, hit{method: http.MethodGet, path: path})
	}
	if rec := get("/readyz"); rec.Code != http.StatusServiceUnavailable {
		t.Errorf("before the first look: %d %s", rec.Code, rec.Body)
	}
	w.settle()
	w.app.watch.Look(t.Context())
	if rec := get("/readyz"); rec.Code != http.StatusOK {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if rec := get("/metrics"); strings.Contains(rec.Body.String(), "lonja_") {
		t.Errorf("the public sees figures: %.300s", rec.Body)
	}
	s.show(w)
	text := fetch(t, "http://"+s.addr+"/metrics")
	for _, p := range watchedProjections() {
		if !strings.Contains(text, fmt.Sprintf("lonja_projection_lag_events{projection=%q} 0", p)) {
			t.Errorf("nothing is told of projection %s", p)
		}
	}
	for _, want := range []string{
		`lonja_parked_contacts{kind="projection",name="documents"} 0`, `lonja_parked_contacts{kind="reaction",name="mails"} 0`, `lonja_reaction_failing{reaction="mails"} 0`,
		"lonja_mails_waiting 0", "lonja_mails_failing 0", `lonja_http_requests_total{method="GET",route="/readyz",status="503"} 1`,
		`lonja_commands_total{command="OpenAccount",outcome="ok"} 1`, "lonja_ready 1", `promhttp_metric_handler_errors_total{cause="gathering"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.addr+"/readyz", http.NoBody)
	w.must(err)
	res, err := http.DefaultClient.Do(req)
	w.must(err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("the address of figures has something else: %d", res.StatusCode)
	}
}

// anID is how the ids of the system look.
var anID = regexp.MustCompile(`\b0[0-7][0-9A-HJKMNP-TV-Z]{24}\b`)

// tellsNothing checks that neither figures nor spans hold any of the secrets, or any id.
func (s *seen) tellsNothing(t *testing.T, secrets []string) {
	t.Helper()
	spans, err := json.Marshal(s.kept.GetSpans().Snapshots())
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"the figures": s.figures(t), "the spans": string(spans)} {
		if len(text) < 10_000 {
			t.Errorf("%s are hardly any: %s", what, text)
		}
		for _, secret := range append(slices.Clone(secrets), anID.FindAllString(text, 1)...) {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s have %q: %.400s", what, secret, text[max(0, at-200):])
			}
		}
	}
}
