package readstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"lonja/readmodels"
)

// Rows that are asked for by their keys at the same moment go to the server together, each
// in a transaction of its own that is bound to its own view: most of what reading a row
// costs is the way there and back.
const (
	getters  = 4   // ways there and back under way
	together = 128 // rows of one
	// getPatience ends a connection whose server does not answer. Who waits ends sooner by
	// its own context.
	getPatience = 30 * time.Second
)

// wanted is a row that somebody waits for.
type wanted struct {
	table *table
	key   readmodels.Key
	owner int32

	row   readmodels.Row
	found bool
	err   error
	done  chan struct{} // closed when these are known
}

// GetRow implements readmodels.Reader.
func (s *Store) GetRow(ctx context.Context, name string, key readmodels.Key) (row readmodels.Row, found bool, err error) {
	err = s.again(ctx, name, func(t *table) error {
		row, found = readmodels.Row{}, false
		o, ok, err := s.number(ctx, ownerOf(&key))
		if err != nil || !ok {
			return err
		}
		w := &wanted{table: t, key: key, owner: o, done: make(chan struct{})}
		select {
		case s.wanted <- w:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return readmodels.ErrClosed
		}
		select {
		case <-w.done:
			row, found = w.row, w.found
			return w.err
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return readmodels.ErrClosed
		}
	})
	return row, found, err
}

// getAll gets what is wanted until the store closes.
func (s *Store) getAll() {
	for {
		var all []*wanted
		select {
		case w := <-s.wanted:
			all = append(all, w)
		case <-s.ctx.Done():
			return
		}
		for more := true; more && len(all) < together; {
			select {
			case w := <-s.wanted:
				all = append(all, w)
			default:
				more = false
			}
		}
		if err := s.get(all); err != nil {
			for _, w := range all {
				select {
				case <-w.done: // it was answered before
				default:
					w.err = err
					close(w.done)
				}
			}
		}
	}
}

// bindName is of the prepared statement of bind.
const bindName = "lonja bind"

// get asks for rows on one connection. Its error is of those that it did not answer.
func (s *Store) get(all []*wanted) error {
	ctx, cancel := context.WithTimeout(s.ctx, getPatience)
	defer cancel()
	conn, err := s.db.Reads.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Conn().Prepare(ctx, bindName, bind); err != nil {
		return err
	}
	asked := all[:0:0]
	for _, w := range all {
		if _, err := conn.Conn().Prepare(ctx, w.table.getName, w.table.get); err != nil {
			if conn.Conn().IsClosed() {
				return err
			}
			w.err = err // its table was dropped
			close(w.done)
			continue
		}
		asked = append(asked, w)
	}
	p := conn.Conn().PgConn().StartPipeline(ctx)
	binary4, text, binaries := []int16{pgtype.BinaryFormatCode, pgtype.BinaryFormatCode}, []int16{pgtype.TextFormatCode}, []int16{pgtype.BinaryFormatCode}
	for _, w := range asked {
		v := viewOf(w.key.Account, w.key.Contact, false)
		p.SendQueryPrepared(bindName, [][]byte{
			[]byte(v.account), []byte(v.contact), []byte(v.scope), []byte(s.db.Proof(v.scope, string(v.account), string(v.contact))),
		}, text, text)
		p.SendQueryPrepared(w.table.getName, [][]byte{binary.BigEndian.AppendUint32(nil, uint32(w.owner)), []byte(w.key.ID)}, binary4, binaries)
		p.SendPipelineSync() // where its transaction and its binding end
	}
	err = p.Flush()
	for _, w := range asked {
		if err != nil {
			break
		}
		if err = w.read(p); err == nil {
			close(w.done)
		}
	}
	return errors.Join(err, p.Close())
}

// read reads the answer to one. An error of its own is in it; the error that it returns is of
// the connection.
func (w *wanted) read(p *pgconn.Pipeline) error {
	for part := 0; ; part++ {
		results, err := p.GetResults()
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Severity != "FATAL" {
			w.err = err
			continue // to its end
		}
		if err != nil {
			return err
		}
		switch r := results.(type) {
		case *pgconn.PipelineSync:
			return nil
		case *pgconn.ResultReader:
			for r.NextRow() {
				if part == 1 {
					f := fields{values: r.Values()}
					w.row, w.found = f.row(w.table, w.key), true
				}
			}
			if _, err := r.Close(); err != nil {
				if !errors.As(err, &refused) || refused.Severity == "FATAL" {
					return err
				}
				w.err, w.found = err, false
			}
		default:
			return fmt.Errorf("an answer that was not asked for: %T", results)
		}
	}
}
