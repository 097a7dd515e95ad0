package edge

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"lonja/domain/event"
)

// clock is a test's.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newClock() *clock { return &clock{time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)} }

func from(address string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/sign-in", nil)
	r.RemoteAddr = address
	return r
}

// fail tries n times in vain and returns how many tries were let through.
func fail(l *Limits, n int, address, login string) int {
	through := 0
	for range n {
		if l.Try(from(address), ContactDoor, login).Wait == 0 {
			through++
		}
	}
	return through
}

func TestAttemptsOnALoginAreBoundedByAddress(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := NewLimits(PeerAddress, c.now)
	if n := fail(l, 30, "192.0.2.1:1000", "marta@ibanez.example"); n != 10 {
		t.Errorf("%d guesses were let through at once, want 10", n)
	}
	if n := fail(l, 1, "192.0.2.1:1000", " Marta@Ibanez.example "); n != 0 {
		t.Error("another way to write the email is another login")
	}
	if n := fail(l, 1, "192.0.2.2:1000", "marta@ibanez.example"); n != 1 {
		t.Error("the owner is locked out by somebody elsewhere")
	}
	if n := fail(l, 1, "192.0.2.1:1000", "eva@ibanez.example"); n != 1 {
		t.Error("a colleague at the same address is locked out")
	}
	wait := l.Try(from("192.0.2.1:1"), ContactDoor, "marta@ibanez.example").Wait
	if wait != time.Minute {
		t.Errorf("the wait is %s, want a minute", wait)
	}
	c.at = c.at.Add(wait - time.Nanosecond)
	if n := fail(l, 1, "192.0.2.1:1000", "marta@ibanez.example"); n != 0 {
		t.Error("the wait that was told is too long")
	}
	c.at = c.at.Add(time.Nanosecond)
	if n := fail(l, 2, "192.0.2.1:1000", "marta@ibanez.example"); n != 1 {
		t.Errorf("%d guesses after the wait, want 1", n)
	}
	c.at = c.at.Add(time.Hour)
	if n := fail(l, 30, "192.0.2.1:1000", "marta@ibanez.example"); n != 10 {
		t.Errorf("%d guesses an hour later, want 10", n)
	}
}

func TestManyLoginsFromOneAddressAreBounded(t *testing.T) {
	t.Parallel()
	l := NewLimits(PeerAddress, newClock().now)
	through := 0
	for i := range 200 {
		through += fail(l, 1, fmt.Sprintf("[2001:db8:1:2::%x]:1000", i), fmt.Sprintf("p%d@ibanez.example", i))
	}
	if through != 60 {
		t.Errorf("%d logins were tried from one network, want 60", through)
	}
	if n := fail(l, 1, "[2001:db8:1:3::1]:1000", "p1@ibanez.example"); n != 1 {
		t.Error("another network is bounded with it")
	}
}

// Whoever has a login of their own must not use it to make others' guesses count for nothing.
func TestSuccessesGiveBackTheirOwnAttemptsOnly(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := NewLimits(PeerAddress, c.now)
	through := 0
	for range 100 {
		own := l.Try(from("192.0.2.1:1"), ContactDoor, "mallory@evil.example")
		if own.Wait == 0 {
			own.Succeeded()
		}
		through += fail(l, 1, "192.0.2.1:1", "marta@ibanez.example")
		c.at = c.at.Add(time.Millisecond)
	}
	if through != 10 {
		t.Errorf("%d guesses were let through between sign-ins, want 10", through)
	}
	for range 100 { // and who signs in often is never refused for it
		own := l.Try(from("192.0.2.3:1"), ContactDoor, "eva@ibanez.example")
		if own.Wait > 0 {
			t.Fatal("successes count")
		}
		own.Succeeded()
	}
}

func TestLimitsForgetWhatNoLongerCounts(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := newLimit(10, time.Minute, c.now)
	for i := range 100_000 {
		l.take(fmt.Sprint(i))
		c.at = c.at.Add(time.Second)
	}
	if len(l.empty) > 2*leastTidied {
		t.Errorf("%d keys are kept of those of the last minute", len(l.empty))
	}
}

func TestPeerAddress(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]string{
		"192.0.2.1:1000": "192.0.2.1", "[::ffff:192.0.2.1]:1000": "192.0.2.1", "[2001:db8:1:2:3::4]:1": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:1": "fe80::/64", "@": "@", "": "",
	} {
		if got := PeerAddress(from(at)); got != want {
			t.Errorf("%q is %q, want %q", at, got, want)
		}
	}
}

// Whoever stands behind a proxy of ours is counted by the address that the proxy saw: not all
// together, or one of them could lock everybody out, and not by what they write themselves.
func TestAddressBehindProxies(t *testing.T) {
	t.Parallel()
	address := AddressBehind([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")})
	for _, tt := range []struct {
		peer string
		hops []string
		want string
	}{
		{"127.0.0.1:1", []string{"192.0.2.1"}, "192.0.2.1"},
		{"127.0.0.1:1", []string{"198.51.100.9, 192.0.2.1"}, "192.0.2.1"},             // the first is made up
		{"127.0.0.1:1", []string{"198.51.100.9", "192.0.2.1, 10.1.1.1"}, "192.0.2.1"}, // two proxies, two headers
		{"[::1]:1", []string{"2001:db8:1:2:3::4"}, "2001:db8:1:2::/64"},               // a network, as ever
		{"192.0.2.7:1", []string{"198.51.100.9"}, "192.0.2.7"},                        // no proxy of ours
		{"127.0.0.1:1", nil, "127.0.0.1"},                                             // it says nothing
		{"127.0.0.1:1", []string{"unknown"}, "127.0.0.1"},                             // nor this
		{"127.0.0.1:1", []string{"192.0.2.1, garbage"}, "127.0.0.1"},                  // what stands before is not ours
		{"127.0.0.1:1", []string{"10.2.2.2"}, "10.2.2.2"},                             // from within
		{"127.0.0.1:1", []string{" ::ffff:192.0.2.1 "}, "192.0.2.1"},
		{"@", []string{"192.0.2.1"}, "@"},
	} {
		r := from(tt.peer)
		for _, h := range tt.hops {
			r.Header.Add("X-Forwarded-For", h)
		}
		if got := address(r); got != tt.want {
			t.Errorf("from %s by %q it is %q, want %q", tt.peer, tt.hops, got, tt.want)
		}
	}
	if got := AddressBehind(nil)(from("127.0.0.1:1")); got != "127.0.0.1" {
		t.Errorf("without proxies it is %q", got)
	}
}

// A session that somebody else got hold of must not be a way to find the password.
func TestGuessesOfWhoIsSignedInAreBoundedByPerson(t *testing.T) {
	t.Parallel()
	l := NewLimits(PeerAddress, newClock().now)
	marta := event.Actor{Kind: event.ActorLogin, ID: "01A"}
	through := 0
	for i := range 30 {
		if l.TryOwn(from(fmt.Sprintf("192.0.2.%d:1", i)), marta).Wait == 0 {
			through++
		}
	}
	if through != 10 {
		t.Errorf("%d guesses were let through from 30 addresses, want 10", through)
	}
	for _, other := range []event.Actor{{Kind: event.ActorLogin, ID: "01B"}, {Kind: event.ActorStaff, ID: "01A"}} {
		if l.TryOwn(from("192.0.2.1:1"), other).Wait > 0 {
			t.Errorf("%s %s is refused for another's guesses", other.Kind, other.ID)
		}
	}
	if n := fail(l, 1, "192.0.2.1:1", "marta@ibanez.example"); n != 1 {
		t.Error("whoever guesses while signed in keeps the owner from signing in")
	}
}

// The holders of a link are bounded together, and nobody else by them.
func TestWhoHoldsALinkTalksSoMuch(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := NewLimits(PeerAddress, c.now)
	link := event.Actor{Kind: event.ActorLink, ID: "01A"}
	count := func(try func(event.Actor) time.Duration, who event.Actor) int {
		through := 0
		for range 100 {
			if try(who) == 0 {
				through++
			}
		}
		return through
	}
	if n := count(l.Comment, link); n != 30 {
		t.Errorf("%d comments were let through at once, want 30", n)
	}
	c.at = c.at.Add(20 * time.Second)
	if n := count(l.Comment, link); n != 1 {
		t.Errorf("%d comments were let through 20 seconds later, want 1", n)
	}
	for _, other := range []event.Actor{{Kind: event.ActorLogin, ID: "01A"}, {Kind: event.ActorStaff, ID: "01A"}} {
		if n := count(l.Comment, other); n != 100 {
			t.Errorf("%s: %d comments were let through, want all", other.Kind, n)
		}
	}
	for who, want := range map[event.Actor]int{link: 60, {Kind: event.ActorLogin, ID: "01A"}: 60, {Kind: event.ActorStaff, ID: "01A"}: 100, {Kind: event.ActorAPIKey, ID: "01A"}: 100} {
		if n := count(l.File, who); n != want {
			t.Errorf("%s: %d files were let through, want %d", who.Kind, n, want)
		}
	}
}
