package edge

import (
	"crypto/sha256"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5/middleware"

	"lonja/domain/event"
	"lonja/domain/fault"
)

// The doors that a secret opens, as attempts on them are counted. The API shares them
// with the pages, so that whoever is refused at one is refused at the other.
const (
	ContactDoor = "/sign-in"
	StaffDoor   = "/staff/sign-in"
)

// Limits bound how often secrets can be tried. Attempts on one login count per address,
// so that nobody elsewhere can lock its owner out; attempts that succeed do not count.
// Attempts of who is signed in count per person, wherever they come from: nobody else
// can make them.
type Limits struct {
	byAddress *limit
	byLogin   *limit
	tokens    *limit
	talk      *limit // comments of the holders of links
	files     *limit // files of a contact's people
	address   func(*http.Request) string
}

// NewLimits returns fresh limits; address says where a request comes from.
func NewLimits(address func(*http.Request) string, now func() time.Time) *Limits {
	return &Limits{
		byAddress: newLimit(60, 10*time.Minute, now), byLogin: newLimit(10, 10*time.Minute, now), tokens: newLimit(60, time.Minute, now),
		talk: newLimit(30, 10*time.Minute, now), files: newLimit(60, 10*time.Minute, now), address: address,
	}
}

// Attempt is one try at a secret, counted as failed until it is Succeeded.
type Attempt struct {
	of             *Limits
	address, login string
	// Wait is how long to wait before the next; zero where this one may be made.
	Wait time.Duration
}

// Try counts an attempt at a door on the login of an email (or, where it is a link that
// is tried, of the browser's session), from where the request comes. An attempt that may
// not be made counts for nothing.
func (l *Limits) Try(r *http.Request, door, login string) Attempt {
	address := l.address(r)
	return l.try(address, address+"\n"+door+"\n"+strings.ToLower(strings.TrimSpace(login)))
}

// TryOwn counts an attempt of who is signed in at a secret of their own: somebody with a
// session of theirs, on however many devices, guesses no faster than one.
func (l *Limits) TryOwn(r *http.Request, who event.Actor) Attempt {
	return l.try(l.address(r), "\n"+string(who.Kind)+"\n"+who.ID)
}

func (l *Limits) try(address, login string) Attempt {
	sum := sha256.Sum256([]byte(login))
	a := Attempt{of: l, address: address, login: string(sum[:])}
	if a.Wait = l.byAddress.take(a.address); a.Wait > 0 {
		return a
	}
	if a.Wait = l.byLogin.take(a.login); a.Wait > 0 {
		l.byAddress.giveBack(a.address)
	}
	return a
}

// Succeeded takes the attempt off the count.
func (a Attempt) Succeeded() {
	a.of.byAddress.giveBack(a.address)
	a.of.byLogin.giveBack(a.login)
}

// Was takes the attempt off the count unless the secret was wrong: one that was right, or
// that nobody looked at, is no guess.
func (a Attempt) Was(err error) {
	if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Unauthorized) {
		a.Succeeded()
	}
}

// Spent takes the attempt off the count of where it comes from and leaves it on that of who
// made it: for an act that tells something by succeeding, too.
func (a Attempt) Spent() { a.of.byAddress.giveBack(a.address) }

// TooMany refuses an attempt that may not be made, and says when one may.
func TooMany(w http.ResponseWriter, wait time.Duration) error {
	w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	return fault.New(fault.TooMany, "signin.too_many")
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
			login := form.Get("email")
			if login == "" { // a cookie of anybody's making must not make another login of it
				login = k.Cookie(r, SessionCookie)
			}
			attempt := l.Try(r, r.URL.Path, login)
			if attempt.Wait > 0 {
				k.Refuse(w, r, TooMany(w, attempt.Wait))
				return
			}
			answer := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
			next.ServeHTTP(answer, r)
			if answer.Status() == http.StatusSeeOther {
				attempt.Succeeded()
			}
		})
	}
}

// Tokens bounds attempts to guess tokens, by address.
func (l *Limits) Tokens(k *Kit) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if wait := l.tokens.take(l.address(r)); wait > 0 {
				k.Refuse(w, r, TooMany(w, wait))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Comment counts a comment, and returns how long to wait where it may not be made yet. Whoever
// holds a link is known by nothing else, and may talk so much; who is signed in is known.
func (l *Limits) Comment(who event.Actor) time.Duration {
	if who.Kind != event.ActorLink {
		return 0
	}
	return l.talk.take(who.ID)
}

// File counts a file that somebody of a contact attaches, as Comment does comments.
func (l *Limits) File(who event.Actor) time.Duration {
	if who.Kind != event.ActorLink && who.Kind != event.ActorLogin {
		return 0
	}
	return l.files.take(string(who.Kind) + who.ID)
}

// TooMuch refuses what somebody does too often, and says when they may again.
func TooMuch(w http.ResponseWriter, wait time.Duration) error {
	w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	return fault.New(fault.TooMany, "comment.too_many")
}

// limit lets each key have so many at once, and as many in every window after that,
// evenly: a leaky bucket that is kept as the time at which it is empty (the generic cell
// rate algorithm of ATM Forum TM 4.0, in virtual scheduling).
type limit struct {
	step, window time.Duration
	now          func() time.Time

	mu    sync.Mutex
	empty map[string]time.Time
	tidy  int // how many keys there may be before those that are empty are thrown out
}

// leastTidied is how many keys are kept without a look at which still count.
const leastTidied = 1000

func newLimit(most int, window time.Duration, now func() time.Time) *limit {
	return &limit{step: window / time.Duration(most), window: window, now: now, empty: map[string]time.Time{}, tidy: leastTidied}
}

// take counts one for the key and returns 0, or counts nothing and returns how long to wait.
func (l *limit) take(key string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	empty := l.empty[key]
	if empty.Before(now) {
		empty = now
	}
	empty = empty.Add(l.step)
	if wait := empty.Sub(now) - l.window; wait > 0 {
		return wait
	}
	l.empty[key] = empty
	if len(l.empty) > l.tidy {
		for k, t := range l.empty {
			if !t.After(now) {
				delete(l.empty, k)
			}
		}
		l.tidy = max(leastTidied, 2*len(l.empty))
	}
	return 0
}

// giveBack takes one off the count of the key.
func (l *limit) giveBack(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if empty, ok := l.empty[key]; ok {
		l.empty[key] = empty.Add(-l.step)
	}
}

// network is how much of an IPv6 address names a household or a company: the rest is
// theirs to choose.
const network = 64

// PeerAddress is the address that a request's connection comes from; of an IPv6 one, the
// network. Behind a proxy that is the proxy's: there, AddressBehind it.
func PeerAddress(r *http.Request) string {
	ip, ok := peer(r)
	if !ok {
		return r.RemoteAddr
	}
	return counted(ip)
}

// AddressBehind is PeerAddress behind proxies: of a request that one of them hands on, it is
// the last address of X-Forwarded-For that is not a proxy's. What stands before it is
// anybody's to write.
func AddressBehind(proxies []netip.Prefix) func(*http.Request) string {
	ours := func(ip netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
	}
	return func(r *http.Request) string {
		ip, ok := peer(r)
		if !ok {
			return r.RemoteAddr
		}
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for i := len(hops) - 1; i >= 0 && ours(ip); i-- {
			hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
			if err != nil {
				break // not what our proxy writes
			}
			ip = hop.Unmap().WithZone("")
		}
		return counted(ip)
	}
}

// peer is the address at the connection's other end.
func peer(r *http.Request) (netip.Addr, bool) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	return ip.Unmap().WithZone(""), err == nil
}

// counted is an address as attempts from it are.
func counted(ip netip.Addr) string {
	if ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, network).Masked().String()
}
