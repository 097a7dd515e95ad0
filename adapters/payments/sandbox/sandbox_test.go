package sandbox_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lonja/adapters/payments/sandbox"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/payment"
)

const (
	acc = id.Account("01J0000000000000000000000A")
	pay = id.ID("01J0000000000000000000000P")
)

// shop is the receiving side: it keeps what it was told, and may refuse at first.
type shop struct {
	mu     sync.Mutex
	heard  []commands.GatewayNotified
	reqs   []commands.Request
	refuse int
	next   func(context.Context, commands.Request, commands.GatewayNotified) (commands.Receipt, error)
	news   chan struct{}
}

func newShop() *shop { return &shop{news: make(chan struct{}, 1000)} }

func (s *shop) notified(ctx context.Context, req commands.Request, in commands.GatewayNotified) (commands.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse > 0 {
		s.refuse--
		return commands.Receipt{}, fault.New(fault.Unavailable, "command.busy")
	}
	if s.next != nil {
		if r, err := s.next(ctx, req, in); err != nil {
			return r, err
		}
	}
	s.heard, s.reqs = append(s.heard, in), append(s.reqs, req)
	s.news <- struct{}{}
	return commands.Receipt{}, nil
}

// wait returns when n notices have come in all.
func (s *shop) wait(t *testing.T, n int) []commands.GatewayNotified {
	t.Helper()
	for {
		s.mu.Lock()
		heard := append([]commands.GatewayNotified(nil), s.heard...)
		s.mu.Unlock()
		if len(heard) >= n {
			return heard
		}
		select {
		case <-s.news:
		case <-time.After(20 * time.Second):
			t.Fatalf("heard %d notices, want %d: %+v", len(heard), n, heard)
		}
	}
}

type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.UnixMilli(c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(d.Milliseconds()) }

// world is a running gateway behind a server.
type world struct {
	*sandbox.Gateway
	gateway atomic.Pointer[sandbox.Gateway] // whose pages and receiver the server serves
	shop    *shop
	server  *httptest.Server
	clock   *clock
	client  *http.Client
}

func start(t *testing.T, path string, s *shop) *world {
	t.Helper()
	w := &world{shop: s, clock: &clock{}}
	w.clock.at.Store(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixMilli())
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.gateway.Load().Routes().ServeHTTP(rw, r) }))
	t.Cleanup(w.server.Close)
	g, err := sandbox.New(t.Context(), sandbox.Config{
		Path: path, BaseURL: w.server.URL, Notified: s.notified, Now: w.clock.now,
		Delays: []time.Duration{time.Nanosecond, time.Nanosecond, time.Nanosecond}, Backoff: time.Nanosecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Gateway = g
	w.gateway.Store(g)
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	w.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return w
}

func checkout() commands.Checkout {
	return commands.Checkout{
		Account: acc, Payment: pay, Amount: money.Of(12100, "EUR"), Reference: "LJ12345678", Shop: "Salazones <script>alert(1)</script>",
		Language: "es-ES", ReturnURL: "http://portal.example/payments/1",
	}
}

func (w *world) open(t *testing.T) commands.CheckoutSession {
	t.Helper()
	s, err := w.Open(t.Context(), checkout())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) do(t *testing.T, method, url string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestPayIsAnnouncedRepeatedly(t *testing.T) {
	t.Parallel()
	w := start(t, filepath.Join(t.TempDir(), "sandbox.db"), newShop())
	s := w.open(t)

	resp, body := w.do(t, http.MethodGet, s.URL)
	if resp.StatusCode != http.StatusOK || strings.Count(body, "TEST") < 5 || strings.Contains(body, "<script>") || !strings.Contains(body, "121,00 EUR") {
		t.Fatalf("page is %d:\n%s", resp.StatusCode, body)
	}
	resp, _ = w.do(t, http.MethodPost, s.URL+"/pay")
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != checkout().ReturnURL {
		t.Fatalf("paying answers %d to %q", resp.StatusCode, resp.Header.Get("Location"))
	}

	counts := map[payment.NoticeStatus]int{}
	for _, n := range w.shop.wait(t, 5) {
		if n.Gateway != "sandbox" || n.Payment != pay || n.GatewayRef != s.Ref {
			t.Errorf("notice is %+v", n)
		}
		if n.Status == payment.NoticeSucceeded && n.Amount != money.Of(12100, "EUR") {
			t.Errorf("notice says %v", n.Amount)
		}
		counts[n.Status]++
	}
	if counts[payment.NoticeSucceeded] != 3 || counts[payment.NoticeProcessing] != 2 {
		t.Errorf("heard %v", counts)
	}
	for _, r := range w.shop.reqs {
		if r.Account != acc || r.Actor.Kind != event.ActorGateway || r.Actor.ID != "sandbox" || r.Contact != "" {
			t.Errorf("request is %+v", r)
		}
	}
	// Deciding twice changes nothing.
	w.do(t, http.MethodPost, s.URL+"/decline")
	if n, err := w.Status(t.Context(), s.Ref); err != nil || n.Status != payment.NoticeSucceeded {
		t.Errorf("status is %+v, %v", n, err)
	}
}

func TestOpenIsTheSameSessionForAPayment(t *testing.T) {
	t.Parallel()
	w := start(t, filepath.Join(t.TempDir(), "sandbox.db"), newShop())
	a, b := w.open(t), w.open(t)
	if a != b {
		t.Errorf("%+v and %+v differ", a, b)
	}
	c := checkout()
	c.Amount = money.Of(1, "EUR")
	if _, err := w.Open(t.Context(), c); err == nil {
		t.Error("another amount got the session of the payment")
	}
}

func TestNoticeIsSentAgainUntilTaken(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.refuse = 7
	w := start(t, filepath.Join(t.TempDir(), "sandbox.db"), s)
	w.do(t, http.MethodPost, w.open(t).URL+"/decline")
	for _, n := range s.wait(t, 3) {
		if n.Status != payment.NoticeFailed || n.Reason != "declined" {
			t.Errorf("notice is %+v", n)
		}
	}
}

func TestRestartForgetsNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sandbox.db")
	deaf := newShop()
	deaf.refuse = 1 << 30
	w := start(t, path, deaf)
	s := w.open(t)
	w.do(t, http.MethodPost, s.URL+"/pay")
	if err := w.Gateway.Close(); err != nil {
		t.Fatal(err)
	}

	hears := newShop()
	again, err := sandbox.New(t.Context(), sandbox.Config{Path: path, BaseURL: w.server.URL, Notified: hears.notified, Now: w.clock.now, Backoff: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	w.gateway.Store(again)
	if n, err := again.Status(t.Context(), s.Ref); err != nil || n.Status != payment.NoticeSucceeded {
		t.Errorf("status is %+v, %v", n, err)
	}
	hears.wait(t, 5)
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestForgedAndStaleNoticesAreRefused(t *testing.T) {
	t.Parallel()
	w := start(t, filepath.Join(t.TempDir(), "sandbox.db"), newShop())
	var kept *http.Request
	var body []byte
	catcher := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		kept = r.Clone(context.WithoutCancel(r.Context()))
		w.shop.news <- struct{}{}
	}))
	t.Cleanup(catcher.Close)
	path := filepath.Join(t.TempDir(), "other.db")
	g, err := sandbox.New(t.Context(), sandbox.Config{Path: path, BaseURL: w.server.URL, WebhookURL: catcher.URL, Notified: w.shop.notified, Now: w.clock.now, Delays: []time.Duration{time.Nanosecond}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := g.Open(t.Context(), checkout())
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Cancel(t.Context(), s.Ref); err != nil {
		t.Fatal(err)
	}
	<-w.shop.news
	post := func(to http.Handler, signature string, body []byte) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/sandbox", bytes.NewReader(body))
		r.Header.Set(sandbox.SignatureHeader, signature)
		rec := httptest.NewRecorder()
		to.ServeHTTP(rec, r)
		return rec.Code
	}
	good := kept.Header.Get(sandbox.SignatureHeader)
	if code := post(g.Routes(), good, body); code != http.StatusNoContent {
		t.Errorf("its own notice: %d", code)
	}
	for name, c := range map[string]int{
		"another secret": post(w.Routes(), good, body),
		"altered body":   post(g.Routes(), good, bytes.Replace(body, []byte("failed"), []byte("succeeded"), 1)),
		"altered time":   post(g.Routes(), strings.Replace(good, "t=1", "t=2", 1), body),
		"no signature":   post(g.Routes(), "", body),
		"short":          post(g.Routes(), "t=,v1=", body),
	} {
		if c != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, c)
		}
	}
	w.clock.advance(5*time.Minute + time.Second)
	if code := post(g.Routes(), good, body); code != http.StatusUnauthorized {
		t.Errorf("after its tolerance: %d", code)
	}
	if code := post(g.Routes(), good, make([]byte, 1<<20)); code != http.StatusRequestEntityTooLarge {
		t.Errorf("a large body: %d", code)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if n := len(w.shop.heard); n != 1 {
		t.Errorf("%d notices were taken in, want 1", n)
	}
}

func TestSessionExpires(t *testing.T) {
	t.Parallel()
	w := start(t, filepath.Join(t.TempDir(), "sandbox.db"), newShop())
	s := w.open(t)
	w.clock.advance(30*time.Minute - time.Second)
	if _, body := w.do(t, http.MethodGet, s.URL); !strings.Contains(body, `/pay"`) {
		t.Error("closed a second early")
	}
	w.clock.advance(time.Second)
	// Paying at the last moment finds it expired; opening another session wakes the deliverer.
	w.do(t, http.MethodPost, s.URL+"/pay")
	for _, n := range w.shop.wait(t, 3) {
		if n.Status != payment.NoticeFailed || n.Reason != "expired" {
			t.Errorf("notice is %+v", n)
		}
	}
	if _, body := w.do(t, http.MethodGet, s.URL); strings.Contains(body, `/pay"`) || !strings.Contains(body, "caducado") {
		t.Errorf("page is %s", body)
	}
}

func TestCancelAndRefund(t *testing.T) {
	t.Parallel()
	w := start(t, filepath.Join(t.TempDir(), "sandbox.db"), newShop())
	s := w.open(t)
	if err := w.Refund(t.Context(), s.Ref, money.Of(1, "EUR")); err == nil {
		t.Error("refunded an open session")
	}
	w.do(t, http.MethodPost, s.URL+"/pay")
	if err := w.Cancel(t.Context(), s.Ref); err != nil {
		t.Errorf("cancelling a paid session: %v", err)
	}
	if n, _ := w.Status(t.Context(), s.Ref); n.Status != payment.NoticeSucceeded {
		t.Errorf("status is %+v", n)
	}
	for range 2 {
		if err := w.Refund(t.Context(), s.Ref, money.Of(2100, "EUR")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Refund(t.Context(), s.Ref, money.Of(12101, "EUR")); err == nil {
		t.Error("refunded more than was paid")
	}
	if n, _ := w.Status(t.Context(), s.Ref); n.Status != payment.NoticeRefunded || n.Amount != money.Of(2100, "EUR") {
		t.Errorf("status is %+v", n)
	}
	w.shop.wait(t, 8)
	if _, err := w.Status(t.Context(), "sbx_none"); err == nil {
		t.Error("an unknown session has a status")
	}
	if resp, _ := w.do(t, http.MethodGet, w.server.URL+"/sandbox/checkout/none"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown page answers %d", resp.StatusCode)
	}
}
