package edge

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/oklog/ulid/v2"
)

// Correlation returns the id that ties a request to its events and log lines.
func Correlation(ctx context.Context) ulid.ULID {
	u, _ := ctx.Value(correlationKey).(ulid.ULID)
	return u
}

// Route returns the pattern that the request matched. Paths are not logged: they may
// hold tokens.
func Route(r *http.Request) string {
	if c := chi.RouteContext(r.Context()); c != nil {
		return c.RoutePattern()
	}
	return ""
}

// Correlate gives each request an id of its own.
func (k *Kit) Correlate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u := k.NewID()
		w.Header().Set("X-Correlation-Id", u.String())
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), correlationKey, u)))
	})
}

// Recover turns a panic into a clean page and one log line.
func (k *Kit) Recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				k.Refuse(w, r, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// Policy is the content security policy of every page. gateways are the origins that
// a payment form may end at.
func Policy(gateways []string) string {
	return strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'",
		strings.Join(append([]string{"form-action 'self'"}, gateways...), " "),
		"base-uri 'none'", "frame-ancestors 'none'",
	}, "; ")
}

// Headers sets what every answer carries. Answers are private and are not kept
// anywhere; what may be, says so itself.
func Headers(policy string, secure bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Security-Policy", policy)
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("X-Frame-Options", "DENY")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Cross-Origin-Resource-Policy", "same-origin")
			h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
			h.Set("Cache-Control", "no-store")
			if secure {
				h.Set("Strict-Transport-Security", "max-age=31536000")
			}
			next.ServeHTTP(w, r)
		})
	}
}
