package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// SignatureHeader carries "t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">".
const SignatureHeader = "Sandbox-Signature"

// maxAttempts bounds how often a notice that is not taken is sent again: with the backoff
// of a second, over some six days.
const maxAttempts = 20

// maxBackoff is the longest wait between two attempts.
const maxBackoff = 12 * time.Hour

// maxNotice bounds the body of a notice.
const maxNotice = 64 << 10

// deliver sends what is due, one at a time, until ctx ends.
func (g *Gateway) deliver(ctx context.Context) {
	for ctx.Err() == nil {
		wait, err := g.deliverDue(ctx)
		if err != nil && ctx.Err() == nil {
			g.cfg.Log.ErrorContext(ctx, "sandbox: delivering notices", "error", err)
			wait = time.Second
		}
		if wait <= 0 {
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-g.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// deliverDue does the next thing if it is due, and returns how long there is nothing to do.
func (g *Gateway) deliverDue(ctx context.Context) (time.Duration, error) {
	d, ends, err := g.store.next(ctx)
	if err != nil {
		return 0, err
	}
	now, idle := g.now(), time.Hour
	if ends != nil {
		if !now.Before(ends.Until) {
			_, err := g.decide(ctx, *ends, failed, "expired")
			return 0, err
		}
		idle = min(idle, ends.Until.Sub(now))
	}
	if d == nil {
		return idle, nil
	}
	if now.Before(d.Due) {
		return min(idle, d.Due.Sub(now)), nil
	}
	var again time.Time
	if err := g.post(ctx, d); err != nil {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		g.cfg.Log.WarnContext(ctx, "sandbox: a notice was not taken", "notice", d.Notice, "attempt", d.Attempts+1, "error", err)
		if d.Attempts+1 < maxAttempts {
			again = g.now().Add(min(g.cfg.Backoff<<d.Attempts, maxBackoff))
		}
	}
	return 0, g.store.settle(ctx, d, again)
}

func (g *Gateway) post(ctx context.Context, d *delivery) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.cfg.WebhookURL, bytes.NewReader(d.Body))
	if err != nil {
		return fmt.Errorf("posting notice %s: %w", d.Notice, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(SignatureHeader, g.sign(d.Body, g.now()))
	resp, err := g.cfg.Client.Do(req)
	if err != nil {
		return fmt.Errorf("posting notice %s: %w", d.Notice, err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is written
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxNotice)); err != nil {
		return fmt.Errorf("posting notice %s: %w", d.Notice, err)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("posting notice %s: status %d", d.Notice, resp.StatusCode)
	}
	return nil
}

func (g *Gateway) sign(body []byte, at time.Time) string {
	t := strconv.FormatInt(at.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(g.mac(t, body))
}

func (g *Gateway) mac(t string, body []byte) []byte {
	m := hmac.New(sha256.New, g.secret)
	m.Write([]byte(t))
	m.Write([]byte{'.'})
	m.Write(body)
	return m.Sum(nil)
}

// verify reports whether the signature is ours and fresh.
func (g *Gateway) verify(header string, body []byte) bool {
	stamp, sum, ok := strings.Cut(header, ",v1=")
	stamp, stamped := strings.CutPrefix(stamp, "t=")
	if !ok || !stamped {
		return false
	}
	got, err := hex.DecodeString(sum)
	if err != nil || !hmac.Equal(got, g.mac(stamp, body)) {
		return false
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return false
	}
	age := g.now().Sub(time.Unix(seconds, 0))
	return age.Abs() <= g.cfg.Tolerance
}

// webhook takes in a notice: what is not signed, or no longer fresh, is refused unread.
func (g *Gateway) webhook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxNotice))
	if err != nil {
		http.Error(w, "body too large", http.StatusRequestEntityTooLarge)
		return
	}
	if !g.verify(r.Header.Get(SignatureHeader), body) {
		http.Error(w, "signature is not valid", http.StatusUnauthorized)
		return
	}
	var n notice
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&n); err != nil || n.ID == "" {
		http.Error(w, "not a notice", http.StatusBadRequest)
		return
	}
	req := commands.Request{
		Command: id.Derive("gateway notice", Name, n.ID), Account: n.Account, Actor: event.Actor{Kind: event.ActorGateway, ID: Name}, At: g.now(),
	}
	_, err = g.cfg.Notified(r.Context(), req, commands.GatewayNotified{
		Gateway: Name, GatewayRef: n.Session, Payment: n.Payment, Status: n.Status, Amount: n.Amount, On: n.On, Reason: n.Reason,
	})
	f, refused := fault.As(err)
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case refused && f.Kind == fault.NotFound:
		http.Error(w, "unknown payment", http.StatusNotFound)
	case refused && f.Kind != fault.Unavailable:
		http.Error(w, f.Key, http.StatusUnprocessableEntity)
	default:
		g.cfg.Log.ErrorContext(r.Context(), "sandbox: taking a notice in", "notice", n.ID, "error", err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
	}
}
