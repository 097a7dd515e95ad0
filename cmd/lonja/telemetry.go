package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"lonja/adapters/messaging"
	"lonja/adapters/telemetry"
	"lonja/domain/id"
	"lonja/projections"
	"lonja/readmodels"
)

// watching is what a process that serves shows of itself.
type watching struct {
	*telemetry.Telemetry
	log      *slog.Logger
	traces   *telemetry.Traces
	listener net.Listener // nil without metrics
}

// telemetry begins what is asked for: figures by a flag, traces by OpenTelemetry's environment.
func (f *serveFlags) telemetry(ctx context.Context, sys system) (w watching, err error) {
	c := telemetry.Config{Version: version, Logger: sys.logger()}
	w.log = c.Logger
	exporting, err := telemetry.Exporting(sys.Getenv)
	if err != nil {
		return w, usageError{err}
	}
	if f.Metrics != "" {
		if w.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", f.Metrics); err != nil {
			return w, fmt.Errorf("listening on --metrics-addr %s: %w", f.Metrics, err)
		}
		c.Metrics = true
	}
	if exporting {
		if w.traces, err = telemetry.StartTraces(ctx, c.Version, c.Logger); err != nil {
			return w, errors.Join(err, w.Close())
		}
		c.Traces = w.traces.Provider()
	}
	w.Telemetry = telemetry.New(c)
	return w, nil
}

// lastTraces is how long a collector is waited for at the end.
const lastTraces = 3 * time.Second

// Close exports what is left. A collector that does not take it is no reason to end badly.
func (w *watching) Close() error {
	if w.listener != nil {
		if err := w.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("closing the address of metrics: %w", err)
		}
	}
	if w.traces != nil {
		ctx, cancel := context.WithTimeout(context.Background(), lastTraces)
		defer cancel()
		if err := w.traces.Close(ctx); err != nil {
			w.log.Warn("traces are lost", "error", err)
		}
	}
	return nil
}

// wireWatch makes what sees whether projections follow the log.
func (a *app) wireWatch() {
	a.watch = telemetry.NewWatch(telemetry.WatchConfig{
		Projections: watchedProjections(), Events: a.events, Rows: a.read, Rebuilt: a.runner.Rebuilt, Stopped: a.router.Stopped, Now: a.sys.Now, Logger: a.log,
	})
}

// watchedProjections names those that have to follow the log: all.
func watchedProjections() (names []string) {
	for _, p := range projections.All() {
		names = append(names, p.Name)
	}
	return names
}

// observe watches the projections, and shows figures at the address, until what it returns
// is called.
func (a *app) observe(ctx context.Context, figures net.Listener) (end func()) {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx)) // what is told to stop is watched until it has
	a.tasks.Go(func() { a.watch.Run(run) })
	if figures == nil {
		return cancel
	}
	a.cfg.Telemetry.Collect(telemetry.Sources{Watch: a.watch, Parked: a.parkedNow, Reactions: a.reactionsNow, Mails: a.mailsNow})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.cfg.Telemetry.Metrics())
	s := a.server(mux, writeTimeout)
	a.tasks.Go(func() {
		if err := s.Serve(figures); !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("the server of metrics ended", "error", err)
		}
	})
	a.log.Info("showing metrics", "address", "http://"+figures.Addr().String()+"/metrics")
	return func() {
		cancel()
		_ = s.Close()
	}
}

// healthz says that the process lives. Whether it is of use, /readyz says: what restarts a
// process must not do so because a store is away.
func healthz(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") }

// parkedNow is what projections and reactions have parked.
func (a *app) parkedNow(ctx context.Context) ([]telemetry.Parked, error) {
	gens, err := a.read.Generations(ctx)
	if err != nil {
		return nil, err
	}
	var out []telemetry.Parked
	for _, g := range gens {
		if g.State != readmodels.Live {
			continue
		}
		parked, err := a.read.Parked(ctx, g, "")
		if err != nil {
			return nil, err
		}
		out = append(out, countParked("projection", g.Projection, parked))
	}
	all, err := a.router.Status(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if s.Types == nil {
			continue
		}
		parked, err := a.router.Parked(ctx, s.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, countParked("reaction", s.Name, parked))
	}
	return out, nil
}

func countParked(kind, name string, parked []readmodels.Parked) telemetry.Parked {
	type owner struct {
		account id.Account
		contact id.Contact
	}
	out, owners := telemetry.Parked{Kind: kind, Name: name}, map[owner]bool{}
	for i := range parked {
		if p := &parked[i]; !p.Skipped {
			owners[owner{p.Account, p.Contact}] = true
			out.Events++
		}
	}
	out.Contacts = len(owners)
	return out
}

// reactionsNow is how the reactions stand.
func (a *app) reactionsNow(ctx context.Context) ([]telemetry.Reaction, error) {
	all, err := a.router.Status(ctx)
	var out []telemetry.Reaction
	for _, s := range all {
		if s.Types != nil {
			out = append(out, telemetry.Reaction{Name: s.Name, Lag: uint64(s.Lag), Failing: s.Trouble != ""})
		}
	}
	return out, err
}

// mailsNow counts mails over all accounts.
func (a *app) mailsNow(ctx context.Context) (waiting, failing int, err error) {
	accounts, err := a.vault.Accounts(ctx)
	for _, acc := range accounts {
		v := readmodels.ForStaff(a.read, acc)
		w, err := readmodels.CountWaitingMails(ctx, v)
		if err == nil {
			waiting += w
			w, err = readmodels.CountFailingMails(ctx, v)
			failing += w
		}
		if err != nil && !errors.Is(err, readmodels.ErrNoTable) { // a first start has none yet
			return 0, 0, err
		}
	}
	return waiting, failing, err
}

// observer lets the router's handlers be watched, nil where nothing is.
func (a *app) observer() messaging.Observer {
	if a.cfg.Telemetry == nil {
		return nil
	}
	return handlers{a.cfg.Telemetry}
}

type handlers struct{ t *telemetry.Telemetry }

// Handle implements messaging.Observer.
func (h handlers) Handle(ctx context.Context, handler string, m *message.Message) (context.Context, func(messaging.Outcome, error)) {
	ctx, end := h.t.Handle(ctx, handler, messaging.TraceParent(m))
	return ctx, func(o messaging.Outcome, err error) { end(string(o), err) }
}

// Failed implements messaging.Observer.
func (h handlers) Failed(_ context.Context, handler string, _ error) { h.t.Failed(handler) }
