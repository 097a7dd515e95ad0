package main

import (
	"context"
	"log/slog"
	"os"

	"lonja/adapters/messaging"
	"lonja/adapters/postgres/database"
	"lonja/adapters/postgres/leases"
	"lonja/adapters/postgres/readstore"
	"lonja/projections"
)

// share is this node's part of what several nodes do together. On a data folder, where it is
// nil, one process does everything.
type share struct {
	db     *database.DB
	rows   *readstore.Store
	leases *leases.Leases
}

// join has the runner move the partitions that are this node's.
func (s *share) join(r *projections.Runner, log *slog.Logger) {
	if s == nil {
		return
	}
	name, err := os.Hostname()
	if err != nil {
		name = "node" // it is only for people to read
	}
	s.leases = leases.New(s.db, leases.Options{Node: name, Partitions: s.rows.Partitions(), Able: r.Ready, Logger: log})
	r.Share(s.rows, s.leases.Held)
}

// progress is where reactions are: of each partition, where nodes share them.
func (s *share) progress(vault messaging.Progress) messaging.Progress {
	if s == nil {
		return vault
	}
	return s.leases.Progress(vault)
}

// follower is the runner as the router has it.
func (s *share) follower(r *projections.Runner) messaging.Follower {
	if s == nil {
		return r
	}
	return s.leases.Follow(r)
}

// tell has them told which partitions are this node's.
func (s *share) tell(holders ...leases.Holder) {
	if s != nil {
		s.leases.Tell(holders...)
	}
}

// duty is what one node at a time does.
func (s *share) duty(name string, do func(context.Context)) {
	if s != nil {
		s.leases.Duty(name, do)
	}
}

// run takes part, and returns what ends that: everything is given back then.
func (s *share) run(ctx context.Context) (leave func() error) {
	if s == nil {
		return func() error { return nil }
	}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- s.leases.Run(own) }()
	return func() error {
		cancel()
		return <-ended
	}
}
