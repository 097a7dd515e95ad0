package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"lonja/domain/id"
)

// serveFlags are how a system is served.
type serveFlags struct {
	dataFlag
	Addr    string         `help:"Where to listen." default:"127.0.0.1:8080" env:"LONJA_ADDR"`
	BaseURL string         `name:"base-url" help:"Where people reach the portal, https://portal.example.com; the address itself where left out, which only loopback may." env:"LONJA_BASE_URL"`
	Proxies []netip.Prefix `name:"proxy" help:"Networks of the proxies before the portal, 10.0.0.0/8, whose X-Forwarded-For says where people are: guessing is bounded by that. A proxy on this machine is known." env:"LONJA_PROXIES"`
	SMTP    string         `help:"The mail server, smtp://user:password@host:587 or smtps://…; where left out, mails are left in the data folder's outbox. The environment keeps the password off the list of processes." env:"LONJA_SMTP"`
	From    string         `name:"mail-from" help:"The sender of mails; the account's email where left out." env:"LONJA_MAIL_FROM"`
	NoFiles bool           `name:"without-attachments" help:"Serve although the files of comments are lost (attachments.db is missing or empty): who asks for one is told that it can't be had."`
	Metrics string         `name:"metrics-addr" help:"Where Prometheus finds figures, 127.0.0.1:9090, at /metrics: an address that the public does not reach. Where left out, nothing is counted." env:"LONJA_METRICS_ADDR"`
	Drain   *time.Duration `help:"How long to go on serving once it is told to stop, /readyz saying so, so that a proxy sends its requests elsewhere first. Where left out, 5s behind a proxy (with --proxy, or a --base-url of https), else 0s." placeholder:"DURATION" env:"LONJA_DRAIN"`
	Test    bool           `hidden:"" help:"For tests: the sandbox gateway's notices come at once, and the operator can stop the clock."`

	catch bool // mails can be read at a page
}

// serveCmd serves the portal.
type serveCmd struct{ serveFlags }

func (c *serveCmd) Run(ctx context.Context, sys system) error { return c.serve(ctx, sys, nil) }

// The server's patience, so that a slow client holds nothing for long.
const (
	headerTimeout   = 10 * time.Second
	readTimeout     = 2 * time.Minute // a file to import over a slow line
	writeTimeout    = 5 * time.Minute
	idleTimeout     = 2 * time.Minute
	shutdownTimeout = 10 * time.Second
	sweepEvery      = time.Minute
	reconcileAfter  = 2 * time.Minute
)

// behind is the networks of the proxies. This machine is one: who comes from there is a
// proxy, or may do as it does.
func (f *serveFlags) behind() []netip.Prefix {
	return append([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, f.Proxies...)
}

// serve opens the folder, prepares it (the demo is loaded so) and serves until ctx ends.
func (f *serveFlags) serve(ctx context.Context, sys system, prepare func(ctx context.Context, a *app, base string) error) (err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.Addr)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", f.Addr, err)
	}
	defer func() { _ = listener.Close() }()
	base, err := f.base(listener.Addr())
	if err != nil {
		return err
	}
	clock := &testClock{world: sys.Now}
	if f.Test {
		sys.Now = clock.Now
	}
	watched, err := f.telemetry(ctx, sys)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, watched.Close()) }()
	a, err := openApp(ctx, sys, appConfig{Data: f.Data, Servers: f.servers, BaseURL: base, Fast: f.Test, Proxies: f.behind(), SMTP: f.SMTP, MailFrom: f.From, FilesLost: f.NoFiles, Catch: f.catch && ownMachine(listener.Addr(), base), Telemetry: watched.Telemetry})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	a.share.duty("sweep", a.sweep)
	a.share.duty("mails", func(ctx context.Context) { a.sender().Run(ctx) })
	stop, err := a.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	door, err := listenOperator(ctx, f.Data)
	if err != nil {
		return err
	}
	commands := a.operator()
	if f.Test {
		commands = clock.door(commands)
	}
	operator := a.server(commands, 0)
	defer a.tasks.Wait()
	a.tasks.Go(func() { _ = operator.Serve(door) })
	defer func() { _ = operator.Close() }()
	defer a.observe(ctx, watched.listener)()
	portal := a.server(a.front(), writeTimeout)
	a.tasks.Go(func() {
		if err := portal.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("the portal's server ended", "error", err)
		}
	})
	defer func() { err = errors.Join(err, shutDown(ctx, portal)) }()
	if prepare != nil {
		if err := prepare(ctx, a, base); err != nil {
			return err
		}
	}
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	if a.share == nil { // else they are duties, which one node at a time has
		a.tasks.Go(func() { a.sweep(run) })
		a.tasks.Go(func() { a.sender().Run(run) })
	}
	a.log.Info("serving", "address", base, "data", f.Data)
	<-ctx.Done()
	a.drain(f.drain())
	a.log.Info("stopping")
	return nil
}

// usualDrain is how long a proxy is given to notice, where there is one: some of them ask
// /readyz every two or three seconds.
const usualDrain = 5 * time.Second

func (f *serveFlags) drain() time.Duration {
	switch {
	case f.Drain != nil:
		return *f.Drain
	case strings.HasPrefix(f.BaseURL, "https:"), len(f.Proxies) > 0:
		return usualDrain
	}
	return 0
}

// drain says that the process is about to end, and goes on serving for so long.
func (a *app) drain(most time.Duration) {
	a.watch.Drain()
	if most <= 0 {
		return
	}
	a.log.Info("draining", "for", most)
	t := time.NewTimer(most)
	defer t.Stop()
	<-t.C
}

// shutDown takes no more requests, and waits for those that are under way.
func shutDown(ctx context.Context, s *http.Server) error {
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := s.Shutdown(late); err != nil {
		return errors.Join(fmt.Errorf("requests were cut off that took longer than %s: %w", shutdownTimeout, err), s.Close())
	}
	return nil
}

// base is the portal's address as people know it. Without TLS before it, that is
// loopback only: cookies and passwords would go in the clear.
func (f *serveFlags) base(at net.Addr) (string, error) {
	if f.BaseURL != "" {
		u, err := url.Parse(f.BaseURL)
		if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
			return "", usageError{fmt.Errorf("--base-url %q must be https://… (plain http is for loopback)", f.BaseURL)}
		}
		return f.BaseURL, nil
	}
	host, _, err := net.SplitHostPort(at.String())
	if err != nil || !loopback(host) {
		return "", usageError{fmt.Errorf("--addr %s is not loopback: say how people reach it with --base-url https://…", f.Addr)}
	}
	return "http://" + at.String(), nil
}

// ownMachine reports whether what is served there, as the portal of the address, is for who
// sits at this machine alone.
func ownMachine(at net.Addr, base string) bool {
	host, _, err := net.SplitHostPort(at.String())
	u, bad := url.Parse(base)
	return err == nil && bad == nil && loopback(host) && loopback(u.Hostname())
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (a *app) server(h http.Handler, write time.Duration) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: write, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelError),
	}
}

// front serves the folder's account, as soon as there is one.
func (a *app) front() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.watch.Draining() {
			w.Header().Set("Connection", "close") // the next request is another process's
		}
		h, err := a.portal(r.Context())
		switch {
		case errors.Is(err, errNoAccount) && r.URL.Path == "/healthz":
			healthz(w, r)
		case errors.Is(err, errNoAccount): // a new folder: no fault of anybody's
			http.Error(w, "This portal has no account yet. Its operator opens one with: lonja account open", http.StatusServiceUnavailable)
		case err != nil:
			a.log.ErrorContext(r.Context(), "the portal can't be served", "error", err)
			http.Error(w, "This portal can't be served. Its operator finds the reason in the log.", http.StatusServiceUnavailable)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// portal returns the handler of the account, made when it is first asked for.
func (a *app) portal(ctx context.Context) (http.Handler, error) {
	if h := a.served.Load(); h != nil {
		return *h, nil
	}
	account, err := a.account(ctx, "")
	if err != nil {
		return nil, err
	}
	h, err := a.handler(account)
	if err != nil {
		return nil, err
	}
	a.served.Store(&h)
	return h, nil
}

// sweep does what time asks for: quotes expire, gateways are asked about payments that
// heard nothing. It begins once the read models, which it looks into, are there.
func (a *app) sweep(ctx context.Context) {
	if err := a.caughtUp(ctx); err != nil {
		if ctx.Err() == nil {
			a.log.Error("the sweep can't begin", "error", err)
		}
		return
	}
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		all, err := a.vault.Accounts(ctx)
		if err == nil {
			for _, acc := range all {
				err = errors.Join(err, a.sweepAccount(ctx, acc))
			}
		}
		if err != nil && ctx.Err() == nil {
			a.log.Error("the minute's sweep failed in part", "error", err)
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

func (a *app) sweepAccount(ctx context.Context, acc id.Account) error {
	_, expired := a.commands.ExpireQuotes(ctx, a.request(acc, "expiry"))
	_, asked := a.commands.ReconcilePayments(ctx, a.request(acc, "reconciliation"), a.sys.Now().Add(-reconcileAfter))
	_, swept := a.commands.SweepFiles(ctx, a.request(acc, "attachments"))
	return errors.Join(expired, asked, swept)
}

// caughtUp returns once the read models have reached what is the log's head now.
func (a *app) caughtUp(ctx context.Context) error {
	head, err := a.events.Head(ctx)
	if err != nil {
		return err
	}
	return a.runner.Wait(ctx, max(head, 1))
}
