package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sources is what is asked when Prometheus asks. All are required.
type Sources struct {
	Watch *Watch
	// Parked returns what each projection and reaction has parked, one that has nothing too.
	Parked func(ctx context.Context) ([]Parked, error)
	// Reactions returns how those stand that answer events one at a time.
	Reactions func(ctx context.Context) ([]Reaction, error)
	// Mails returns how many mails wait, and how many were tried in vain and are not sent.
	Mails func(ctx context.Context) (waiting, failing int, err error)
}

// Parked is what failed for good, and what waits behind it.
type Parked struct {
	Kind     string // projection, reaction
	Name     string
	Contacts int
	Events   int
}

// Reaction is how a reaction stands.
type Reaction struct {
	Name    string
	Lag     uint64 // positions of the log
	Failing bool   // an attempt failed, and is tried again
}

// scrapeTimeout bounds what one answer to Prometheus asks of the stores.
const scrapeTimeout = 5 * time.Second

// Collect adds what is known only when it is asked for.
func (t *Telemetry) Collect(s Sources) {
	if t == nil || t.reg == nil {
		return
	}
	t.reg.MustRegister(&collector{s})
}

type collector struct{ s Sources }

var (
	lagEvents      = prometheus.NewDesc("lonja_projection_lag_events", "Events of the log that the projection has not read: exact up to a thousand, estimated beyond.", []string{"projection"}, nil)
	lagSeconds     = prometheus.NewDesc("lonja_projection_lag_seconds", "Age of the oldest event that the projection has not read; 0 where it has read all.", []string{"projection"}, nil)
	stuck          = prometheus.NewDesc("lonja_projection_stuck", "1 where the projection has unread events and has not moved for a minute.", []string{"projection"}, nil)
	ready          = prometheus.NewDesc("lonja_ready", "1 where /readyz says that the process is ready.", nil, nil)
	parkedContacts = prometheus.NewDesc("lonja_parked_contacts", "Contacts with events that failed for good, and wait for somebody to retry or skip them. Events of the account itself count as one contact's.", []string{"kind", "name"}, nil)
	parkedEvents   = prometheus.NewDesc("lonja_parked_events", "Events that failed for good, or wait behind one.", []string{"kind", "name"}, nil)
	reactionLag    = prometheus.NewDesc("lonja_reaction_lag_positions", "Positions of the log that the reaction has not come to.", []string{"reaction"}, nil)
	reactionFails  = prometheus.NewDesc("lonja_reaction_failing", "1 while the reaction tries again what failed.", []string{"reaction"}, nil)
	mailsWaiting   = prometheus.NewDesc("lonja_mails_waiting", "Mails that are queued.", nil, nil)
	mailsFailing   = prometheus.NewDesc("lonja_mails_failing", "Mails that were tried in vain and are not sent: refused, given up, or to be tried again.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{lagEvents, lagSeconds, stuck, ready, parkedContacts, parkedEvents, reactionLag, reactionFails, mailsWaiting, mailsFailing} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What can't be found out is left out, and counted
// as an error of the answer: the rest is told all the same.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(ready, bit(len(c.s.Watch.Trouble()) == 0))
	for _, l := range c.s.Watch.Lags() {
		gauge(lagEvents, float64(l.Events), l.Projection)
		gauge(lagSeconds, l.Age.Seconds(), l.Projection)
		gauge(stuck, bit(l.Stuck), l.Projection)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	if parked, err := c.s.Parked(ctx); err != nil {
		ch <- prometheus.NewInvalidMetric(parkedContacts, err)
	} else {
		for _, p := range parked {
			gauge(parkedContacts, float64(p.Contacts), p.Kind, p.Name)
			gauge(parkedEvents, float64(p.Events), p.Kind, p.Name)
		}
	}
	if reactions, err := c.s.Reactions(ctx); err != nil {
		ch <- prometheus.NewInvalidMetric(reactionLag, err)
	} else {
		for _, r := range reactions {
			gauge(reactionLag, float64(r.Lag), r.Name)
			gauge(reactionFails, bit(r.Failing), r.Name)
		}
	}
	if waiting, failing, err := c.s.Mails(ctx); err != nil {
		ch <- prometheus.NewInvalidMetric(mailsWaiting, err)
	} else {
		gauge(mailsWaiting, float64(waiting))
		gauge(mailsFailing, float64(failing))
	}
}

func bit(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
