package readstore

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"lonja/readmodels"
)

// The bounds of how long the store waits before it tries again to hear from other nodes.
const (
	firstBackoff = 50 * time.Millisecond
	lastBackoff  = 2 * time.Second
)

// listen turns readers to generations that other nodes have switched to. It closes ready
// once nothing is missed any more.
func (s *Store) listen(ready chan<- struct{}) {
	backoff := firstBackoff
	for s.ctx.Err() == nil {
		err := s.hear(func() {
			backoff = firstBackoff
			if ready != nil {
				close(ready)
				ready = nil
			}
		})
		if s.ctx.Err() != nil {
			return
		}
		s.logger.Warn("read models: listening for changed generations; again soon", "database", s.db.Name(), "error", err)
		pause(s.ctx, backoff)
		backoff = min(2*backoff, lastBackoff)
	}
}

func pause(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

func (s *Store) hear(listening func()) error {
	conn, err := s.db.Connect(s.ctx)
	if err != nil {
		return err
	}
	defer closeConn(conn)
	if _, err := conn.Exec(s.ctx, "LISTEN "+news+"; LISTEN "+commits); err != nil {
		return err
	}
	s.readers.forget()
	s.writers.forget()
	s.hasMoved() // while nobody listened
	due := time.Now().Add(housekeeping)
	for changed := true; ; {
		if changed {
			if err := s.refresh(s.ctx); err != nil {
				return err
			}
			listening()
		}
		ctx, cancel := context.WithDeadline(s.ctx, due)
		told, err := conn.WaitForNotification(ctx)
		cancel()
		if changed = told == nil || told.Channel == news; !changed {
			s.hasMoved()
			continue
		}
		if errors.Is(err, context.DeadlineExceeded) && s.ctx.Err() == nil {
			s.sweepSoon()
			due = time.Now().Add(housekeeping)
			err = nil
			if conn.IsClosed() {
				return errors.New("the connection ended")
			}
			if err := conn.Ping(s.ctx); err != nil { // a server that is gone says nothing, as one without news
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// closeConn ends a connection of no pool, though what it was opened for may have ended.
func closeConn(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = conn.Close(ctx) // it is closed in any case
}

// sweepSoon has what is gone swept up.
func (s *Store) sweepSoon() {
	select {
	case s.sweeps <- struct{}{}:
	default: // it is asked for already
	}
}

// sweepUp drops the tables of generations that are gone, and clears pages of what was erased.
func (s *Store) sweepUp() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.sweeps:
		}
		if err := s.dropGone(s.ctx); err != nil && s.ctx.Err() == nil {
			s.logger.Warn("read models: dropping tables that are gone; again soon", "database", s.db.Name(), "error", err)
		}
		if err := s.clearErased(s.ctx); err != nil && s.ctx.Err() == nil {
			s.logger.Warn("read models: clearing erased rows; again soon", "database", s.db.Name(), "error", err)
		}
	}
}

// dropGone waits for the readers of a dropped table a moment only, since others would wait
// behind it: what is left is dropped the next time.
func (s *Store) dropGone(ctx context.Context) error {
	for after := int64(0); ; {
		more := false
		err := pgx.BeginFunc(ctx, s.db.Own, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '"+dropPatience+"'"); err != nil {
				return err
			}
			var r readmodels.Generation
			err := tx.QueryRow(ctx, "SELECT number, tables FROM lonja.generations WHERE state = 'gone' AND number > $1 ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED", after).Scan(&r.Number, &r.Tables)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			more, after = true, r.Number
			g, err := newGeneration(&r)
			if err != nil {
				return err
			}
			for _, t := range g.tables {
				if _, err := tx.Exec(ctx, "DROP TABLE IF EXISTS "+t.name); err != nil {
					return err
				}
			}
			_, err = tx.Exec(ctx, "DELETE FROM lonja.generations WHERE number = $1", r.Number)
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}

// clearErased has the server take erased rows out of its tables.
func (s *Store) clearErased(ctx context.Context) error {
	rows, err := s.db.Own.Query(ctx, "SELECT number, erased, tables FROM lonja.generations WHERE state <> 'gone' AND erased > 0")
	if err != nil {
		return err
	}
	type erased struct {
		readmodels.Generation
		times int64
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e erased, err error) {
		return e, row.Scan(&e.Number, &e.times, &e.Tables)
	})
	if err != nil {
		return err
	}
	for i := range all {
		g, err := newGeneration(&all[i].Generation)
		if err != nil {
			return err
		}
		for _, t := range g.tables {
			if _, err := s.db.Own.Exec(ctx, "VACUUM (ANALYZE) "+t.name); err != nil {
				return err
			}
		}
		if _, err := s.db.Own.Exec(ctx, "UPDATE lonja.generations SET erased = 0 WHERE number = $1 AND erased = $2", all[i].Number, all[i].times); err != nil {
			return err
		}
	}
	return nil
}
