package telemetry_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"lonja/adapters/telemetry"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

func counting() *telemetry.Telemetry {
	return telemetry.New(telemetry.Config{Metrics: true, Version: "1.2.3", Logger: slog.New(slog.DiscardHandler)})
}

// figures asks as Prometheus does, and returns the figures of the project's own by name and labels.
func figures(t *testing.T, tel *telemetry.Telemetry) map[string]string {
	t.Helper()
	rec := httptest.NewRecorder()
	tel.Metrics().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	if rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	problems, err := promlint.New(strings.NewReader(rec.Body.String())).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("Prometheus's own linter says %v, %v", problems, err)
	}
	out := map[string]string{}
	for s := bufio.NewScanner(rec.Body); s.Scan(); {
		if name, value, ok := strings.Cut(s.Text(), " "); ok && name != "#" {
			out[name] = value
		}
	}
	if out["go_goroutines"] == "" || out["process_resident_memory_bytes"] == "" {
		t.Error("nothing is told of the runtime and the process")
	}
	return out
}

func has(t *testing.T, got map[string]string, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
}

func TestRequestsAreCountedByPattern(t *testing.T) {
	t.Parallel()
	tel := counting()
	inner := chi.NewRouter()
	inner.Get("/api/v1/documents/{id}", func(http.ResponseWriter, *http.Request) {})
	r := chi.NewRouter()
	r.Use(tel.HTTP()...)
	r.Handle("/api/*", inner)
	r.Route("/staff/contacts/{contact}", func(r chi.Router) {
		r.Get("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
		r.Post("/erase", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	})
	for _, ask := range []string{"GET /api/v1/documents/42", "GET /api/v1/documents/43", "GET /staff/contacts/c1/", "POST /staff/contacts/c1/erase", "GET /d/secret-token", "BREW /api/v1/documents/42"} {
		method, path, _ := strings.Cut(ask, " ")
		func() {
			defer func() { _ = recover() }()
			r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, path, http.NoBody))
		}()
	}
	got := figures(t, tel)
	has(t, got, map[string]string{
		`lonja_http_requests_total{method="GET",route="/api/v1/documents/{id}",status="200"}`:               "2",
		`lonja_http_requests_total{method="GET",route="/staff/contacts/{contact}",status="418"}`:            "1",
		`lonja_http_requests_total{method="POST",route="/staff/contacts/{contact}/erase",status="aborted"}`: "1",
		`lonja_http_requests_total{method="GET",route="none",status="404"}`:                                 "1",
		`lonja_http_requests_total{method="other",route="none",status="405"}`:                               "1",
		`lonja_http_request_duration_seconds_count{method="GET",route="/api/v1/documents/{id}"}`:            "2",
		`lonja_http_requests_in_flight`: "0",
	})
	for name := range got {
		if strings.Contains(name, "secret") || strings.Contains(name, "42") || strings.Contains(name, "c1") {
			t.Errorf("%s tells a path", name)
		}
	}
}

func TestCommandsAppendsWaitsAndMailsAreCounted(t *testing.T) {
	t.Parallel()
	r, tel := newRig(t), counting()
	ctx := t.Context()
	for _, err := range []error{nil, nil, fault.New(fault.NotFound, "not_found"), fmt.Errorf("command on quote-1: %w", context.Canceled), errors.New("disk full")} {
		_, end := tel.Commands().Begin(ctx, "ApproveQuote", "")
		end(err)
	}
	store := tel.Events(r.log)
	r.grow(store, "ana", "", 1, 2)
	r.heads["counter-ana"]-- // somebody else was there first
	if _, err := store.Append(ctx, "counter-ana", 0, []event.Raw{{ID: id.Derive("x"), Type: "counter.grew"}}); err == nil {
		t.Fatal("a wrong revision was taken")
	}
	wait := tel.Wait(func(ctx context.Context, p event.Position) error {
		if p > 2 {
			<-ctx.Done()
			return fmt.Errorf("waiting: %w", ctx.Err())
		}
		return nil
	})
	over, cancel := context.WithDeadline(ctx, time.Unix(0, 0))
	defer cancel()
	if wait(ctx, 2) != nil || wait(over, 3) == nil {
		t.Fatal("a wait does not return what it waits for")
	}
	post := tel.Mailer(postbox{})
	for _, m := range []string{"", "", "refused", "away"} {
		_ = post.Send(ctx, commands.Mail{Subject: m})
	}
	if f, is := post.(commands.Forgetter); !is || f.Forget(ctx, "ana") == nil {
		t.Error("a mailer that keeps mails can't be made to forget any more")
	}
	_, end := tel.Handle(ctx, "mails", "")
	end("parked", nil)
	tel.Failed("mails")
	has(t, figures(t, tel), map[string]string{
		`lonja_commands_total{command="ApproveQuote",outcome="ok"}`:        "2",
		`lonja_commands_total{command="ApproveQuote",outcome="not_found"}`: "1",
		`lonja_commands_total{command="ApproveQuote",outcome="cancelled"}`: "1",
		`lonja_commands_total{command="ApproveQuote",outcome="failed"}`:    "1",
		`lonja_append_duration_seconds_count{outcome="ok"}`:                "1",
		`lonja_append_duration_seconds_count{outcome="conflict"}`:          "1",
		`lonja_events_appended_total{type="counter.grew"}`:                 "2",
		`lonja_wait_duration_seconds_count{outcome="shown"}`:               "1",
		`lonja_wait_duration_seconds_count{outcome="timed_out"}`:           "1",
		`lonja_mail_attempts_total{outcome="sent"}`:                        "2",
		`lonja_mail_attempts_total{outcome="refused"}`:                     "1",
		`lonja_mail_attempts_total{outcome="failing"}`:                     "1",
		`lonja_handler_messages_total{handler="mails",outcome="parked"}`:   "1",
		`lonja_handler_failures_total{handler="mails"}`:                    "1",
		`lonja_build_info{version="1.2.3"}`:                                "1",
	})
}

// postbox refuses what the subject says.
type postbox struct{}

func (postbox) Send(_ context.Context, m commands.Mail) error {
	switch m.Subject {
	case "refused":
		return fmt.Errorf("ana@example.com: %w", commands.ErrMailRefused)
	case "away":
		return errors.New("connection refused")
	}
	return nil
}

func (postbox) Forget(context.Context, id.Contact) error { return errors.New("it was asked") }

func TestWhatIsAskedForAtEachScrape(t *testing.T) {
	t.Parallel()
	r, tel := newRig(t), counting()
	r.follow(nil)
	r.catchUp()
	w := r.watch(still)
	r.grow(r.log, "ana", "", 1, 2)
	r.pass(90 * time.Second)
	w.Look(t.Context())
	var mailsAway error
	tel.Collect(telemetry.Sources{
		Watch: w,
		Parked: func(context.Context) ([]telemetry.Parked, error) {
			return []telemetry.Parked{{Kind: "projection", Name: "slow", Contacts: 2, Events: 5}}, nil
		},
		Reactions: func(context.Context) ([]telemetry.Reaction, error) {
			return []telemetry.Reaction{{Name: "mails", Lag: 7, Failing: true}}, nil
		},
		Mails: func(context.Context) (int, int, error) { return 3, 1, mailsAway },
	})
	has(t, figures(t, tel), map[string]string{
		`lonja_projection_lag_events{projection="slow"}`:          "2",
		`lonja_projection_lag_seconds{projection="slow"}`:         "90",
		`lonja_projection_stuck{projection="slow"}`:               "0",
		`lonja_parked_contacts{kind="projection",name="slow"}`:    "2",
		`lonja_parked_events{kind="projection",name="slow"}`:      "5",
		`lonja_reaction_lag_positions{reaction="mails"}`:          "7",
		`lonja_reaction_failing{reaction="mails"}`:                "1",
		`lonja_mails_waiting`:                                     "3",
		`lonja_mails_failing`:                                     "1",
		`lonja_ready`:                                             "1",
		`promhttp_metric_handler_errors_total{cause="gathering"}`: "0",
	})
	r.pass(time.Minute)
	w.Look(t.Context())
	mailsAway = errors.New("read store: closed")
	figures(t, tel)
	got := figures(t, tel) // the second says that the first could not be told in full
	has(t, got, map[string]string{
		`lonja_projection_stuck{projection="slow"}`: "1", `lonja_ready`: "0", `lonja_mails_waiting`: "", `promhttp_metric_handler_errors_total{cause="gathering"}`: "1",
	})
}

// Nothing stands around a port that nobody watches.
func TestNothingIsWatchedUnlessItIsAskedFor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	off := telemetry.New(telemetry.Config{Logger: slog.New(slog.DiscardHandler)})
	if off != nil {
		t.Fatal("there is something that watches nothing")
	}
	log, rows := off.Projections(r.log, r.rows)
	if off.Events(r.log) != event.Store(r.log) || log != event.Store(r.log) || rows != r.rows || off.Commands() != nil || off.HTTP() != nil || off.Metrics() != nil {
		t.Error("a port is watched")
	}
	if post := (postbox{}); off.Mailer(post) != commands.Mailer(post) {
		t.Error("mails are watched")
	}
	if log, rows := counting().Projections(r.log, r.rows); log != event.Store(r.log) || rows != r.rows {
		t.Error("what projections read is watched, and nothing is traced")
	}
}
