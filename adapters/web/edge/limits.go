package edge

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/httprate"

	"lonja/domain/fault"
)

// Limits bound how often secrets can be tried. Attempts on one login count per address,
// so that nobody elsewhere can lock its owner out.
type Limits struct {
	byAddress *httprate.RateLimiter
	byLogin   *httprate.RateLimiter
	tokens    *httprate.RateLimiter
}

// NewLimits returns fresh limits.
func NewLimits() *Limits {
	return &Limits{
		byAddress: httprate.NewRateLimiter(60, 10*time.Minute),
		byLogin:   httprate.NewRateLimiter(10, 10*time.Minute),
		tokens:    httprate.NewRateLimiter(60, time.Minute),
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
			address := address(r)
			login := sha256.Sum256([]byte(address + "\n" + r.URL.Path + "\n" + strings.ToLower(strings.TrimSpace(form.Get("email"))) + k.Cookie(r, SessionCookie)))
			if l.byAddress.OnLimit(w, r, address) || l.byLogin.OnLimit(w, r, hex.EncodeToString(login[:])) {
				k.Refuse(w, r, fault.New(fault.TooMany, "signin.too_many"))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Tokens bounds attempts to guess tokens, by address.
func (l *Limits) Tokens(k *Kit) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if l.tokens.OnLimit(w, r, address(r)) {
				k.Refuse(w, r, fault.New(fault.TooMany, "signin.too_many"))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// address is where a request comes from; of an IPv6 one, the network.
func address(r *http.Request) string {
	key, err := httprate.KeyByIP(r)
	if err != nil {
		return r.RemoteAddr
	}
	return key
}
