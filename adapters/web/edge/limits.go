package edge

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/httprate"

	"lonja/domain/fault"
)

// Limits bound how often secrets can be tried. Attempts on one login count per address,
// so that nobody elsewhere can lock its owner out; attempts that succeed do not count.
type Limits struct {
	byAddress *limit
	byLogin   *limit
	tokens    *limit
	address   func(*http.Request) string
}

type limit struct {
	*httprate.RateLimiter
	window time.Duration
}

func newLimit(n int, window time.Duration) *limit {
	return &limit{httprate.NewRateLimiter(n, window), window}
}

// giveBack takes an attempt off the count.
func (l *limit) giveBack(key string) error {
	return l.Counter().IncrementBy(key, time.Now().UTC().Truncate(l.window), -1)
}

// NewLimits returns fresh limits; address says where a request comes from.
func NewLimits(address func(*http.Request) string) *Limits {
	return &Limits{
		byAddress: newLimit(60, 10*time.Minute), byLogin: newLimit(10, 10*time.Minute), tokens: newLimit(60, time.Minute), address: address,
	}
}

// SignIn bounds attempts to sign in, by address and by the login they are about.
func (l *Limits) SignIn(k *Kit) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			form, err := parse(w, r)
			if err != nil {
				k.Refuse(w, r, err)
				return
			}
			address := l.address(r)
			sum := sha256.Sum256([]byte(address + "\n" + r.URL.Path + "\n" + strings.ToLower(strings.TrimSpace(form.Get("email"))) + k.Cookie(r, SessionCookie)))
			login := hex.EncodeToString(sum[:])
			if l.byAddress.OnLimit(w, r, address) || l.byLogin.OnLimit(w, r, login) {
				k.Refuse(w, r, fault.New(fault.TooMany, "signin.too_many"))
				return
			}
			answer := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
			next.ServeHTTP(answer, r)
			if answer.Status() == http.StatusSeeOther {
				if err := errors.Join(l.byAddress.giveBack(address), l.byLogin.giveBack(login)); err != nil {
					k.Log.ErrorContext(r.Context(), "counting attempts", "correlation", Correlation(r.Context()).String(), "error", err)
				}
			}
		})
	}
}

// Tokens bounds attempts to guess tokens, by address.
func (l *Limits) Tokens(k *Kit) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if l.tokens.OnLimit(w, r, l.address(r)) {
				k.Refuse(w, r, fault.New(fault.TooMany, "signin.too_many"))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// PeerAddress is the address that a request's connection comes from; of an IPv6 one, the
// network. Behind a proxy that is the proxy's: there, read what that proxy sets.
func PeerAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return httprate.CanonicalizeIP(host)
}
