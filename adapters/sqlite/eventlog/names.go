package eventlog

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"zombiezen.com/go/sqlite"
)

// names turns interned ids back into names, for readers. Ids are dense, so names are
// kept in blocks of neighbours, that are loaded with one query and read without a
// lock. A block is never changed once it is visible; a name that a block lacks was
// interned after the block was loaded, and brings a new block.
type names struct {
	query  string // of id and name, between two ids
	limit  int    // of loaded blocks
	blocks atomic.Pointer[[]atomic.Pointer[nameBlock]]

	mu     sync.Mutex // guards changes
	loaded []int      // indexes of the loaded blocks, a ring in order of loading
	oldest int
	buf    []byte // where the next block is read
}

const nameBlockSize = 256

type nameBlock [nameBlockSize]string

func (n *names) init(query string, limit int) {
	n.query, n.limit = query, max(1, limit/nameBlockSize)
	n.blocks.Store(&[]atomic.Pointer[nameBlock]{})
}

// of returns the name of an id, reading it through conn where it is not cached; ""
// where there is none.
func (n *names) of(conn *sqlite.Conn, id int64) (string, error) {
	if id < 0 {
		return "", nil
	}
	b, i := int(id/nameBlockSize), id%nameBlockSize
	if blocks := *n.blocks.Load(); b < len(blocks) {
		if block := blocks[b].Load(); block != nil && block[i] != "" {
			return block[i], nil
		}
	}
	return n.load(conn, b, i)
}

func (n *names) load(conn *sqlite.Conn, b int, i int64) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	blocks := *n.blocks.Load()
	var old *nameBlock
	if b < len(blocks) {
		old = blocks[b].Load()
	}
	block := new(nameBlock)
	from, to := int64(b)*nameBlockSize, int64(b+1)*nameBlockSize-1
	if old != nil {
		if old[i] != "" {
			return old[i], nil
		}
		// The rest of the block is likely to be new too, but what came before is known.
		*block = *old
		from += i
	}
	if err := n.read(conn, from, to, block); err != nil {
		return "", err
	}
	if block[i] == "" {
		return "", nil // not cached: a damaged id must not make the slice huge
	}
	if b >= len(blocks) {
		longer := make([]atomic.Pointer[nameBlock], max(b+1, 2*len(blocks)))
		for j := range blocks {
			longer[j].Store(blocks[j].Load())
		}
		n.blocks.Store(&longer)
		blocks = longer
	}
	blocks[b].Store(block)
	switch {
	case old != nil:
	case len(n.loaded) < n.limit:
		n.loaded = append(n.loaded, b)
	default:
		blocks[n.loaded[n.oldest]].Store(nil)
		n.loaded[n.oldest] = b
		n.oldest = (n.oldest + 1) % len(n.loaded)
	}
	return block[i], nil
}

func (n *names) read(conn *sqlite.Conn, from, to int64, block *nameBlock) error {
	stmt, err := conn.Prepare(n.query)
	if err != nil {
		return fmt.Errorf("read names: %w", err)
	}
	defer stmt.Reset()
	stmt.BindInt64(1, from)
	stmt.BindInt64(2, to)
	// One string that all names are parts of: they stay and go together.
	all := n.buf[:0]
	var ends [nameBlockSize][2]int
	for {
		row, err := stmt.Step()
		if err != nil {
			return fmt.Errorf("read names: %w", err)
		}
		if !row {
			break
		}
		at, n := len(all), stmt.ColumnLen(1)
		all = slices.Grow(all, n)[:at+n]
		stmt.ColumnBytes(1, all[at:])
		ends[stmt.ColumnInt64(0)%nameBlockSize] = [2]int{at, at + n}
	}
	n.buf = all
	names := string(all)
	for i, at := range ends {
		if at[1] > at[0] {
			block[i] = names[at[0]:at[1]]
		}
	}
	return nil
}
