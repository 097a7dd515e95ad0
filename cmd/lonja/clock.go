package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// testClock is the clock of a system that is served for tests: the world's, until it is
// stopped at a time. A document link is seen to end so without waiting for two days.
type testClock struct {
	world func() time.Time
	at    atomic.Pointer[time.Time]
}

// Now returns the time at which the clock was stopped, or the world's.
func (c *testClock) Now() time.Time {
	if at := c.at.Load(); at != nil {
		return *at
	}
	return c.world()
}

// door adds to the operator's handler "POST /clock?at=2026-03-31T12:00:00Z", which stops
// the clock at a time; without one it goes with the world's again.
func (c *testClock) door(operator http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", operator)
	mux.HandleFunc("POST /clock", func(w http.ResponseWriter, r *http.Request) {
		text := r.URL.Query().Get("at")
		if text == "" {
			c.at.Store(nil)
			return
		}
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			http.Error(w, fmt.Sprintf("%q is not a time in RFC 3339", text), http.StatusBadRequest)
			return
		}
		c.at.Store(&at)
	})
	return mux
}
