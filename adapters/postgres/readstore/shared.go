package readstore

import (
	"context"

	"github.com/jackc/pgx/v5"

	"lonja/domain/event"
	"lonja/readmodels"
)

// commits is the channel on which nodes tell each other that partitions have moved.
const commits = "lonja_commits"

var _ readmodels.Shared = (*Store)(nil)

// Partitions implements readmodels.Shared.
func (s *Store) Partitions() int { return s.parts }

// Reached implements readmodels.Shared.
func (s *Store) Reached(ctx context.Context) (map[string]event.Position, error) {
	if err := s.usable(ctx, "see how far partitions are"); err != nil {
		return nil, err
	}
	rows, err := s.db.Own.Query(ctx, `SELECT g.projection, min(p.checkpoint) FROM lonja.generations g JOIN lonja.partitions p ON p.generation = g.number
		WHERE g.state = 'live' GROUP BY g.projection`)
	if err != nil {
		return nil, s.describe("see how far partitions are", err)
	}
	out := map[string]event.Position{}
	var name string
	var at int64
	_, err = pgx.ForEachRow(rows, []any{&name, &at}, func() error {
		out[name] = event.Position(at)
		return nil
	})
	return out, s.describe("see how far partitions are", err)
}

// Committed implements readmodels.Shared.
func (s *Store) Committed() <-chan struct{} {
	s.movedMu.Lock()
	defer s.movedMu.Unlock()
	return s.moved
}

// hasMoved wakes those who wait for commits.
func (s *Store) hasMoved() {
	s.movedMu.Lock()
	defer s.movedMu.Unlock()
	close(s.moved)
	s.moved = make(chan struct{})
}

// tellSoon has the other nodes told that partitions have moved.
func (s *Store) tellSoon() {
	s.hasMoved()
	select {
	case s.tell <- struct{}{}:
	default: // they are about to be told
	}
}

// tellOthers tells the other nodes of commits: apart from these, which it would hold up,
// and once for all that came while it told of the last.
func (s *Store) tellOthers() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.tell:
		}
		// By a connection whose commits are not waited for to be durable: what is told need not be.
		if _, err := s.db.Writes.Exec(s.ctx, "SELECT pg_notify($1, '')", commits); err != nil && s.ctx.Err() == nil {
			s.logger.Warn("read models: telling other nodes of a commit; they look by themselves", "database", s.db.Name(), "error", err)
		}
	}
}
