// Package sandbox is a payment gateway of the project's own, for trials and tests. It
// moves no money and says so everywhere, but behaves like a hosted checkout: a page of
// its own, signed notices that come late, repeated and out of order, and a store of its
// own that forgets nothing at a restart.
package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"lonja/commands"
	"lonja/domain/document"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/payment"
)

// Name is the gateway's name: the payment method, and the actor of its notices.
const Name = "sandbox"

// Config says how a sandbox runs. Path, BaseURL and Notified are required.
type Config struct {
	Path     string // its own file; the secret of its signatures is kept there too
	BaseURL  string // where people reach Routes, without a slash at the end: "http://127.0.0.1:8080"
	Notified func(context.Context, commands.Request, commands.GatewayNotified) (commands.Receipt, error)

	WebhookURL  string          // where notices are posted; default BaseURL + "/webhooks/sandbox"
	Delays      []time.Duration // after what time a notice comes, and comes again; default 1.5 s, 6 s, 30 s
	Backoff     time.Duration   // before a notice that was not taken is sent again, doubled each time; default 1 s
	SessionLife time.Duration   // default 30 minutes
	Tolerance   time.Duration   // how old a notice's signature may be; default 5 minutes
	Now         func() time.Time
	Random      io.Reader
	Client      *http.Client
	Log         *slog.Logger
}

// Gateway is a running sandbox. Safe for concurrent use.
type Gateway struct {
	cfg    Config
	secret []byte
	store  *store
	wake   chan struct{}
	stop   context.CancelFunc
	done   sync.WaitGroup
	closed func() error
}

var _ commands.Gateway = (*Gateway)(nil)

// ErrUnknownSession says that the sandbox has no such session.
var ErrUnknownSession = errors.New("sandbox: unknown session")

// New opens the sandbox's file and starts to deliver what is due. Close ends it.
func New(ctx context.Context, cfg Config) (*Gateway, error) {
	if cfg.Path == "" || cfg.BaseURL == "" || cfg.Notified == nil {
		return nil, errors.New("sandbox: path, base URL and receiver are required")
	}
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	if cfg.WebhookURL == "" {
		cfg.WebhookURL = cfg.BaseURL + "/webhooks/sandbox"
	}
	if len(cfg.Delays) == 0 {
		cfg.Delays = []time.Duration{1500 * time.Millisecond, 6 * time.Second, 30 * time.Second}
	}
	cfg.Backoff = orElse(cfg.Backoff, time.Second)
	cfg.SessionLife = orElse(cfg.SessionLife, 30*time.Minute)
	cfg.Tolerance = orElse(cfg.Tolerance, 5*time.Minute)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{Timeout: 10 * time.Second}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	st, secret, err := openStore(ctx, cfg.Path, cfg.Random)
	if err != nil {
		return nil, err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	g := &Gateway{cfg: cfg, secret: secret, store: st, wake: make(chan struct{}, 1), stop: stop, closed: sync.OnceValue(st.close)}
	g.done.Go(func() { g.deliver(run) })
	return g, nil
}

func orElse(d, other time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return other
}

// Close stops the deliveries, waits for the one under way and closes the file. What was
// not delivered is delivered by the next New. Closing again does nothing.
func (g *Gateway) Close() error {
	g.stop()
	g.done.Wait()
	return g.closed()
}

// status is where a session stands.
type status string

const (
	open      status = "open"
	succeeded status = "succeeded"
	failed    status = "failed"
)

// session is one checkout.
type session struct {
	Ref       string
	Token     string // opens the page
	Account   id.Account
	Payment   id.ID
	Amount    money.Money
	Reference string
	Shop      string
	Language  string
	ReturnURL string
	Until     time.Time
	Status    status
	Reason    string
	On        document.Date
	Refunded  money.Money
}

// notice is the body of a webhook.
type notice struct {
	ID      string               `json:"id"`
	Session string               `json:"session"`
	Account id.Account           `json:"account"`
	Payment id.ID                `json:"payment"`
	Status  payment.NoticeStatus `json:"status"`
	Amount  money.Money          `json:"amount,omitzero"`
	On      document.Date        `json:"on,omitempty"`
	Reason  string               `json:"reason,omitempty"`
}

// Open implements commands.Gateway.
func (g *Gateway) Open(ctx context.Context, c commands.Checkout) (commands.CheckoutSession, error) {
	var raw [30]byte
	if _, err := io.ReadFull(g.cfg.Random, raw[:]); err != nil {
		return commands.CheckoutSession{}, fmt.Errorf("sandbox: drawing a token: %w", err)
	}
	text := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw[:]))
	s, err := g.store.open(ctx, session{
		Ref: "sbx_" + text[:16], Token: text[16:], Account: c.Account, Payment: c.Payment, Amount: c.Amount, Reference: c.Reference,
		Shop: c.Shop, Language: c.Language, ReturnURL: c.ReturnURL, Until: g.now().Add(g.cfg.SessionLife), Status: open,
		Refunded: money.Of(0, c.Amount.Currency),
	})
	if err != nil {
		return commands.CheckoutSession{}, err
	}
	if s.Amount != c.Amount {
		return commands.CheckoutSession{}, fmt.Errorf("sandbox: session %s is over %s, not %s", s.Ref, s.Amount, c.Amount)
	}
	g.nudge() // its end may be the next thing due
	return commands.CheckoutSession{Ref: s.Ref, URL: g.cfg.BaseURL + "/sandbox/checkout/" + s.Token, Until: s.Until}, nil
}

// Status implements commands.Gateway.
func (g *Gateway) Status(ctx context.Context, ref string) (payment.Notice, error) {
	s, err := g.store.session(ctx, "ref", ref)
	if err != nil {
		return payment.Notice{}, err
	}
	n := payment.Notice{GatewayRef: s.Ref, On: s.On, Reason: s.Reason}
	switch {
	case s.Refunded.Minor > 0:
		n.Status, n.Amount = payment.NoticeRefunded, s.Refunded
	case s.Status == succeeded:
		n.Status, n.Amount = payment.NoticeSucceeded, s.Amount
	case s.Status == failed:
		n.Status = payment.NoticeFailed
	default:
		return payment.Notice{}, nil
	}
	return n, nil
}

// Cancel implements commands.Gateway.
func (g *Gateway) Cancel(ctx context.Context, ref string) error {
	s, err := g.store.session(ctx, "ref", ref)
	if err != nil {
		return err
	}
	_, err = g.decide(ctx, s, failed, "cancelled")
	return err
}

// Refund implements commands.Gateway.
func (g *Gateway) Refund(ctx context.Context, ref string, total money.Money) error {
	n := func(s session) (session, []delivery, error) {
		switch {
		case s.Status != succeeded:
			return s, nil, fmt.Errorf("sandbox: session %s is not paid", s.Ref)
		case total.Currency != s.Amount.Currency || total.Minor <= 0 || total.Minor > s.Amount.Minor:
			return s, nil, fmt.Errorf("sandbox: can't refund %s of %s", total, s.Amount)
		case total.Minor <= s.Refunded.Minor:
			return s, nil, nil
		}
		s.Refunded = total
		d, err := g.announce(s, notice{ID: s.Ref + ".refunded." + total.Decimal(), Status: payment.NoticeRefunded, Amount: total, On: g.today()}, g.cfg.Delays)
		return s, d, err
	}
	_, err := g.store.change(ctx, ref, n)
	g.nudge()
	return err
}

// decide ends an open session and announces it. A session that is decided stays as it is.
func (g *Gateway) decide(ctx context.Context, s session, to status, reason string) (session, error) {
	s, err := g.store.change(ctx, s.Ref, func(s session) (session, []delivery, error) {
		if s.Status != open {
			return s, nil, nil
		}
		if to == succeeded && !g.now().Before(s.Until) {
			to, reason = failed, "expired"
		}
		s.Status, s.Reason, s.On = to, reason, g.today()
		if to == failed {
			d, err := g.announce(s, notice{ID: s.Ref + ".failed", Status: payment.NoticeFailed, On: s.On, Reason: reason}, g.cfg.Delays)
			return s, d, err
		}
		// That it is processing is said at once, and once more when all is over.
		early, err := g.announce(s, notice{ID: s.Ref + ".processing", Status: payment.NoticeProcessing, On: s.On}, []time.Duration{0, g.cfg.Delays[len(g.cfg.Delays)-1]})
		if err != nil {
			return s, nil, err
		}
		paid, err := g.announce(s, notice{ID: s.Ref + ".succeeded", Status: payment.NoticeSucceeded, Amount: s.Amount, On: s.On}, g.cfg.Delays)
		return s, append(early, paid...), err
	})
	g.nudge()
	return s, err
}

// announce returns the deliveries of a notice, one a delay.
func (g *Gateway) announce(s session, n notice, delays []time.Duration) ([]delivery, error) {
	n.Session, n.Account, n.Payment = s.Ref, s.Account, s.Payment
	body, err := json.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("sandbox: writing notice %s: %w", n.ID, err)
	}
	out := make([]delivery, len(delays))
	for i, d := range delays {
		out[i] = delivery{Notice: n.ID, Body: body, Due: g.now().Add(d)}
	}
	return out, nil
}

func (g *Gateway) now() time.Time { return g.cfg.Now().UTC().Truncate(time.Millisecond) }

func (g *Gateway) today() document.Date { return document.DateOf(g.now()) }

// nudge tells the deliverer that something may be due earlier than it thinks.
func (g *Gateway) nudge() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}
