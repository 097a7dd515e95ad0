package eventlog

import (
	"fmt"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// checkpointer moves the write-ahead log into the file and sees to it that SQLite
// starts the log over, so that it stays within bounds and its blocks are reused. Most
// of it happens beside the writer, in passes that each leave less behind; the rest
// while the writer stands still. Readers hold SQLite back only as long as one of
// their transactions, which is a chunk.
type checkpointer struct {
	log  *Log
	conn *sqlite.Conn

	kick   chan struct{}      // capacity 1: there is enough to do
	pause  chan chan struct{} // whoever receives stands still until the channel received is closed
	demand chan chan struct{} // from the writer, that stands still until the channel sent is closed

	grown  atomic.Int64 // bytes that the writer has added since the start: an estimate from above
	offset atomic.Int64 // grown + offset is where the log ends, in bytes
	next   atomic.Int64 // end of the log at which to kick
	must   atomic.Int64 // end of the log at which the writer waits
}

const (
	pageBytes  = 4096
	frameBytes = pageBytes + 24
	fewFrames  = 512         // that the writer may wait for
	busyWait   = time.Second // for readers of other processes; our own are much shorter
)

func (c *checkpointer) init(l *Log) error {
	conn, err := sqlite.OpenConn(l.path, sqlite.OpenReadWrite)
	if err != nil {
		return l.fileError("open", err)
	}
	conn.SetBusyTimeout(busyWait)
	for _, pragma := range []string{"PRAGMA synchronous = full", "PRAGMA wal_autocheckpoint = 0", "PRAGMA cache_size = -256"} {
		if err := exec(conn, pragma); err != nil {
			conn.Close()
			return l.fileError("open", err)
		}
	}
	c.log, c.conn = l, conn
	c.kick = make(chan struct{}, 1)
	c.pause = make(chan chan struct{})
	c.demand = make(chan chan struct{})
	c.offset.Store(l.WALBytes()) // after a crash
	c.schedule(l.tune.checkpointBytes, l.tune.pauseBytes)
	return nil
}

func (c *checkpointer) close() error {
	if err := c.conn.Close(); err != nil {
		return c.log.fileError("close", err)
	}
	return nil
}

func (c *checkpointer) end() int64 { return c.grown.Load() + c.offset.Load() }

func (c *checkpointer) schedule(next, must int64) {
	c.next.Store(next)
	c.must.Store(must)
}

// grownBy is called by the writer after a transaction.
func (c *checkpointer) grownBy(pages int64) {
	c.grown.Add(pages * frameBytes)
	if c.end() >= c.next.Load() {
		select {
		case c.kick <- struct{}{}:
		default:
		}
	}
}

// makeRoom is called by the writer between transactions: it stands still where the
// checkpointer asks for it, or where the log is at its bound.
func (c *checkpointer) makeRoom() {
	select {
	case resume := <-c.pause:
		<-resume
	default:
	}
	for c.end() >= c.must.Load() {
		finished := make(chan struct{})
		select {
		case resume := <-c.pause:
			<-resume
		case c.demand <- finished:
			<-finished
		case <-c.log.done:
			return
		}
	}
}

func (c *checkpointer) run() {
	for {
		select {
		case <-c.kick:
			if c.end() < c.next.Load() {
				continue // done meanwhile, on demand
			}
			if c.besideTheWriter() {
				resume := make(chan struct{})
				select {
				case c.pause <- resume:
					c.startOver()
					close(resume)
				case <-c.log.done:
					return
				}
			}
		case finished := <-c.demand:
			c.startOver()
			close(finished)
		case <-c.log.done:
			return
		}
	}
}

// besideTheWriter moves what it can without disturbing anybody, and reports whether it went well.
func (c *checkpointer) besideTheWriter() bool {
	for range 4 {
		before := c.grown.Load()
		frames, moved, _, err := c.move("PRAGMA wal_checkpoint(PASSIVE)")
		if err != nil {
			c.failed(err)
			return false
		}
		c.offset.Store(frames*frameBytes - before)
		if frames-moved <= fewFrames {
			break
		}
	}
	return true
}

// startOver moves the rest and makes the next transaction begin at the log's start. The writer stands still.
func (c *checkpointer) startOver() {
	frames, moved, busy, err := c.move("PRAGMA wal_checkpoint(RESTART)")
	switch {
	case err != nil:
		c.failed(err)
	case busy:
		c.offset.Store(frames*frameBytes - c.grown.Load())
		c.failed(fmt.Errorf("another program has been reading %s for long: %d of %d pages moved", c.log.path, moved, frames))
	default:
		c.offset.Store(-c.grown.Load())
		c.schedule(c.log.tune.checkpointBytes, c.log.tune.pauseBytes)
	}
}

// failed puts the next attempt off: events go on being durable in the write-ahead log meanwhile.
func (c *checkpointer) failed(err error) {
	at := c.end()
	retry := at + c.log.tune.checkpointBytes/8
	c.schedule(retry, max(retry, c.log.tune.pauseBytes))
	c.log.logger.Warn("event log: the write-ahead log could not be moved into the file", "path", c.log.path, "bytes", at, "error", err)
}

func (c *checkpointer) move(pragma string) (frames, moved int64, busy bool, err error) {
	err = sqlitex.Execute(c.conn, pragma, &sqlitex.ExecOptions{ResultFunc: func(stmt *sqlite.Stmt) error {
		busy, frames, moved = stmt.ColumnBool(0), stmt.ColumnInt64(1), stmt.ColumnInt64(2)
		return nil
	}})
	if err != nil {
		return 0, 0, false, c.log.fileError("checkpoint", err)
	}
	return frames, moved, busy, nil
}
