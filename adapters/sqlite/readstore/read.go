package readstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"zombiezen.com/go/sqlite"

	"lonja/domain/id"
	"lonja/readmodels"
)

// pool lends out the connections that read a generation.
type pool struct {
	gen   *generation
	turns chan struct{} // one token for each read under way

	mu     sync.Mutex
	idle   []*reader
	closed bool
	lent   sync.WaitGroup
}

// reader is a connection that reads. It keeps the statements that it has prepared.
type reader struct {
	conn *sqlite.Conn
	get  map[*table]*sqlite.Stmt
	last selection // of what was sifted last
}

// errGone says that the pool of a generation is closed; where the generation was
// switched away, its successor has the table.
var errGone = errors.New("read store: the generation was dropped")

func (p *pool) init(g *generation, size int) {
	p.gen = g
	p.turns = make(chan struct{}, size)
}

// with lends a reader to f. Nothing of ctx stays with the connection, and whatever
// happens in f, it comes back.
func (p *pool) with(ctx context.Context, f func(*reader) error) error {
	select {
	case p.turns <- struct{}{}:
	default:
		select {
		case p.turns <- struct{}{}:
		case <-ctx.Done():
			return fmt.Errorf("read store %s: waiting for a reader: %w", p.gen.path, ctx.Err())
		case <-p.gen.store.done:
			return readmodels.ErrClosed
		}
	}
	defer func() { <-p.turns }()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return errGone
	}
	p.lent.Add(1)
	defer p.lent.Done()
	var r *reader
	if n := len(p.idle); n > 0 {
		r, p.idle = p.idle[n-1], p.idle[:n-1]
	}
	p.mu.Unlock()
	if r == nil {
		var err error
		if r, err = p.open(); err != nil {
			return err
		}
	}
	defer func() {
		p.mu.Lock()
		p.idle = append(p.idle, r)
		p.mu.Unlock()
	}()
	return f(r)
}

func (p *pool) open() (_ *reader, err error) {
	// Read-write, since a reader may have to build the shared memory of the write-ahead log; query_only keeps it from more.
	conn, err := p.gen.store.openFile(p.gen.path, generationID, "")
	if err != nil {
		return nil, err
	}
	for _, pragma := range []string{"PRAGMA query_only = on", "PRAGMA wal_autocheckpoint = 0", "PRAGMA cache_size = -2048", "PRAGMA temp_store = memory"} {
		if err := exec(conn, pragma); err != nil {
			conn.Close()
			return nil, describe(p.gen.path, "open a reader", err)
		}
	}
	return &reader{conn: conn, get: map[*table]*sqlite.Stmt{}}, nil
}

// close waits for the readers that are lent out and closes all. No other is lent out after.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.lent.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.idle {
		r.conn.Close() // it has only read: an error would say nothing about the data
	}
	p.idle = nil
}

// reading lends a reader of the generation that has the table now.
func (s *Store) reading(ctx context.Context, name string, f func(*reader, route) error) error {
	for {
		select {
		case <-s.done:
			return readmodels.ErrClosed
		default:
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("read store %s: read %s: %w", s.path, name, err)
		}
		to, ok := (*s.routes.Load())[name]
		if !ok {
			return fmt.Errorf("read store %s: read %s: %w", s.path, name, readmodels.ErrNoTable)
		}
		err := to.gen.pool.with(ctx, func(r *reader) error { return f(r, to) })
		if !errors.Is(err, errGone) {
			return err
		}
		// Dropped between the look at the routes and the read: they have been made anew,
		// or are being so under mu.
		s.mu.Lock()
		closed := s.closed
		s.mu.Unlock()
		if closed {
			return readmodels.ErrClosed
		}
	}
}

// GetRow implements readmodels.Reader.
func (s *Store) GetRow(ctx context.Context, name string, key readmodels.Key) (row readmodels.Row, found bool, err error) {
	err = s.reading(ctx, name, func(r *reader, to route) error {
		row, found, err = r.row(to.gen, to.table, key)
		return describe(to.gen.path, "read a row of "+name, err)
	})
	return row, found, err
}

// FindRow implements readmodels.Reader.
func (s *Store) FindRow(ctx context.Context, name string, account id.Account, rowID string) (row readmodels.Row, found bool, err error) {
	err = s.reading(ctx, name, func(r *reader, to route) error {
		if !to.table.schema.ByID {
			return fmt.Errorf("read store %s: find a row of %s: the table is not kept by id", to.gen.path, name)
		}
		stmt, err := r.conn.Prepare(to.table.find)
		if err != nil {
			return describe(to.gen.path, "find a row of "+name, err)
		}
		defer stmt.Reset()
		stmt.BindText(1, rowID)
		stmt.BindText(2, string(account))
		if found, err = stmt.Step(); err != nil || !found {
			return describe(to.gen.path, "find a row of "+name, err)
		}
		contact := id.Contact(stmt.ColumnText(len(to.table.schema.Columns) + 1))
		row = readRow(stmt, to.table, readmodels.Key{Account: account, Contact: contact, ID: rowID})
		return nil
	})
	return row, found, err
}

// row reads the row of a key.
func (r *reader) row(g *generation, t *table, key readmodels.Key) (readmodels.Row, bool, error) {
	o, err := g.owners.find(r.conn, owner{key.Account, key.Contact}, false)
	if err != nil || o == 0 {
		return readmodels.Row{}, false, err
	}
	stmt := r.get[t]
	if stmt == nil {
		if stmt, err = r.conn.Prepare(t.get); err != nil {
			return readmodels.Row{}, false, err
		}
		r.get[t] = stmt
	}
	defer stmt.Reset()
	stmt.BindInt64(1, o)
	stmt.BindText(2, key.ID)
	found, err := stmt.Step()
	if err != nil || !found {
		return readmodels.Row{}, false, err
	}
	return readRow(stmt, t, key), true, nil
}

// readRow reads the values and the data that a statement selects first.
func readRow(stmt *sqlite.Stmt, t *table, key readmodels.Key) readmodels.Row {
	return readmodels.Row{Key: key, Values: readValues(stmt, t), Data: data(stmt, len(t.schema.Columns))}
}

func readValues(stmt *sqlite.Stmt, t *table) []readmodels.Value {
	if len(t.schema.Columns) == 0 {
		return nil
	}
	values := make([]readmodels.Value, len(t.schema.Columns))
	for i, c := range t.schema.Columns {
		if c.Kind == readmodels.Int {
			values[i] = readmodels.N(stmt.ColumnInt64(i))
		} else {
			values[i] = readmodels.T(stmt.ColumnText(i))
		}
	}
	return values
}

// ScanRows implements readmodels.Reader.
func (s *Store) ScanRows(ctx context.Context, scan readmodels.Scan) (rows []readmodels.Row, err error) {
	err = s.query(ctx, &scan, rowsOf, nil, func(found *sifted) { rows = found.rows }, func(t *table, stmt *sqlite.Stmt) {
		n := len(t.schema.Columns) + 1
		key := readmodels.Key{Account: scan.Account, Contact: scan.Contact, ID: stmt.ColumnText(n)}
		if scan.AllContacts {
			key.Contact = id.Contact(stmt.ColumnText(n + 1))
		}
		rows = append(rows, readRow(stmt, t, key))
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// CountRows implements readmodels.Reader.
func (s *Store) CountRows(ctx context.Context, scan readmodels.Scan) (n int, err error) {
	scan.After, scan.Index, scan.Order, scan.Desc = nil, "", nil, false
	err = s.query(ctx, &scan, countOf, nil, func(found *sifted) {
		if n = found.n; scan.Limit > 0 {
			n = min(n, scan.Limit)
		}
	}, func(_ *table, stmt *sqlite.Stmt) { n = stmt.ColumnInt(0) })
	return n, err
}

// SumRows implements readmodels.Reader.
func (s *Store) SumRows(ctx context.Context, scan readmodels.Scan, columns ...string) (n int, sums []int64, err error) {
	scan.After, scan.Limit, scan.Index, scan.Order, scan.Desc = nil, 0, "", nil, false
	sums = make([]int64, len(columns))
	err = s.query(ctx, &scan, sumOf, columns, func(found *sifted) { n, sums = found.n, found.sums }, func(_ *table, stmt *sqlite.Stmt) {
		n = stmt.ColumnInt(0)
		for i := range sums {
			sums[i] = stmt.ColumnInt64(i + 1)
		}
	})
	return n, sums, err
}

// asked is what a query is to find out of the rows that it is about.
type asked uint8

const (
	rowsOf asked = iota + 1
	countOf
	sumOf
)

// query hands what was sifted to all, or each row that SQLite finds to each.
func (s *Store) query(ctx context.Context, scan *readmodels.Scan, what asked, columns []string, all func(*sifted), each func(*table, *sqlite.Stmt)) error {
	return s.reading(ctx, scan.Table, func(r *reader, to route) error {
		resolved, err := scan.Resolve(to.table.schema)
		if err != nil {
			return err
		}
		sums, err := to.table.schema.Numbers(columns)
		if err != nil || resolved.Empty {
			return err
		}
		who := owner{scan.Account, scan.Contact}
		o, err := to.gen.owners.find(r.conn, who, false)
		if err != nil {
			return describe(to.gen.path, "scan "+scan.Table, err)
		}
		if o == 0 && (!scan.AllContacts || to.table.wide) {
			return nil // nobody has had a row
		}
		if to.table.siftable(scan, what) {
			found, ok, err := r.sift(ctx, to.table, o, scan, &resolved, what, sums)
			if err == nil && ok {
				all(&found)
			}
			if err != nil || ok {
				return describe(to.gen.path, "sift "+scan.Table, err)
			}
		}
		q := to.table.query(scan, &resolved, what, sums)
		stmt, err := r.conn.Prepare(q.text.String())
		if err != nil {
			return describe(to.gen.path, "scan "+scan.Table, err)
		}
		if ctx.Done() != nil {
			r.conn.SetInterrupt(ctx.Done())
			defer r.conn.SetInterrupt(nil)
		}
		defer stmt.Reset()
		for i, v := range q.args {
			bindValue(stmt, i+2, v)
		}
		if !scan.AllContacts || to.table.wide {
			stmt.BindInt64(1, o)
		} else {
			stmt.BindText(1, string(scan.Account))
		}
		for {
			row, err := stmt.Step()
			if err != nil && ctx.Err() != nil {
				err = ctx.Err()
			}
			if err != nil || !row {
				return describe(to.gen.path, "scan "+scan.Table, err)
			}
			each(to.table, stmt)
		}
	})
}

// query is an SQL text and what it binds from its second parameter on.
type query struct {
	text strings.Builder
	args []readmodels.Value
}

// arg has a plus before it: SQLite looks at the value of a mere parameter when it plans, and
// plans anew whenever another is bound, which takes longer than most queries.
func (q *query) arg(v readmodels.Value) string {
	q.args = append(q.args, v)
	return "+?" + strconv.Itoa(len(q.args)+1)
}

// maxIn is the longest list of values that has a statement of its own length.
const maxIn = 4

// query writes a resolved scan in SQL. Its text depends on the form of the scan, not
// on its values, so that a connection prepares few statements.
func (t *table) query(scan *readmodels.Scan, r *readmodels.Resolved, what asked, sums []int) *query {
	q := &query{}
	bounded := what == countOf && scan.Limit > 0
	joined := scan.AllContacts && !t.wide
	contact := "t.c"
	if joined {
		contact = "w.contact"
	}
	q.text.WriteString("SELECT ")
	switch {
	case bounded:
		q.text.WriteString("count(*) FROM (SELECT 1")
	case what != rowsOf:
		q.text.WriteString("count(*)")
		for _, c := range sums {
			q.text.WriteString(", coalesce(sum(t." + column(c) + "), 0)")
		}
	default:
		for i := range t.schema.Columns {
			q.text.WriteString("t." + column(i) + ", ")
		}
		q.text.WriteString("t.data, t.id")
		if scan.AllContacts {
			q.text.WriteString(", " + contact)
		}
	}
	q.text.WriteString(" FROM " + t.name + " t")
	switch {
	case joined:
		q.text.WriteString(" JOIN owners w ON w.id = t.o")
	case what != rowsOf:
	case r.Index >= 0 && t.schema.Indexes[r.Index].Wide == scan.AllContacts:
		q.text.WriteString(" INDEXED BY " + t.indexName(r.Index))
	case len(scan.Order) > 0 && !scan.AllContacts:
		// Not the index of the order: what it leads to first, few conditions may let through.
		if lead, index := t.leading(scan); len(lead) > 0 {
			q.text.WriteString(" INDEXED BY " + t.indexName(index))
		}
	case r.Index < 0 && !scan.AllContacts && !t.schema.ByID:
		q.text.WriteString(" INDEXED BY " + t.name + "_key")
	}
	switch {
	case joined:
		q.text.WriteString(" WHERE w.account = +?1")
	case scan.AllContacts:
		q.text.WriteString(" WHERE t.a = +?1")
	default:
		q.text.WriteString(" WHERE t.o = +?1")
	}
	for i := range scan.Where {
		q.where("t."+column(r.Where[i]), &scan.Where[i])
	}
	var order []string
	for _, c := range r.Order {
		order = append(order, "t."+column(c))
	}
	if scan.AllContacts {
		order = append(order, contact)
	}
	order = append(order, "t.id")
	if r.Resume {
		q.resume(order, scan, r)
	}
	if bounded {
		q.text.WriteString(" LIMIT " + q.arg(readmodels.N(scan.Limit)) + ")")
	}
	if what == rowsOf {
		q.text.WriteString(" ORDER BY ")
		for i, c := range order {
			if i > 0 {
				q.text.WriteString(", ")
			}
			q.text.WriteString(c)
			if scan.Desc {
				q.text.WriteString(" DESC")
			}
		}
		if scan.Limit > 0 {
			q.text.WriteString(" LIMIT " + q.arg(readmodels.N(scan.Limit)))
		}
	}
	return q
}

func (q *query) where(col string, c *readmodels.Cond) {
	q.text.WriteString(" AND ")
	switch c.Op {
	case readmodels.In:
		values := slices.Clone(c.Values)
		for len(values) > maxIn && len(values)&(len(values)-1) != 0 {
			values = append(values, values[0]) // to the next power of two
		}
		q.text.WriteString(col + " IN (")
		for i, v := range values {
			if i > 0 {
				q.text.WriteString(", ")
			}
			q.text.WriteString(q.arg(v))
		}
		q.text.WriteString(")")
	case readmodels.Contains:
		q.text.WriteString("instr(" + col + ", " + q.arg(c.Values[0]) + ") > 0")
	default:
		q.text.WriteString(col + " " + operators[c.Op] + " " + q.arg(c.Values[0]))
	}
}

var operators = [...]string{
	readmodels.Eq: "=", readmodels.Ne: "<>", readmodels.Lt: "<", readmodels.Le: "<=", readmodels.Gt: ">", readmodels.Ge: ">=",
}

// resume asks for what is beyond the cursor, as a comparison of row values, which
// SQLite seeks to in the index.
func (q *query) resume(order []string, scan *readmodels.Scan, r *readmodels.Resolved) {
	values := slices.Clone(r.After)
	if scan.AllContacts {
		values = append(values, readmodels.T(scan.After.Contact))
	}
	values = append(values, readmodels.T(scan.After.ID))
	marks := make([]string, len(values))
	for i, v := range values {
		marks[i] = q.arg(v)
	}
	op := ">"
	if scan.Desc {
		op = "<"
	}
	q.text.WriteString(" AND (" + strings.Join(order, ", ") + ") " + op + " (" + strings.Join(marks, ", ") + ")")
}

// LoadRows implements readmodels.Store.
func (s *Store) LoadRows(ctx context.Context, gen readmodels.Generation, name string, keys []readmodels.Key) (rows []readmodels.Row, err error) {
	g, err := s.find(ctx, gen, "load rows of")
	if err != nil {
		return nil, err
	}
	t, ok := g.byName[name]
	if !ok {
		return nil, fmt.Errorf("read store %s: load from %s: %w", g.path, name, readmodels.ErrNoTable)
	}
	if l := g.loader(); l != nil {
		return l.rows(ctx, t, keys)
	}
	err = g.pool.with(ctx, func(r *reader) error {
		for i := range keys {
			row, found, err := r.row(g, t, keys[i])
			if err != nil {
				return describe(g.path, "load rows of "+name, err)
			}
			if found {
				rows = append(rows, row)
			}
			if i%1024 == 1023 && ctx.Err() != nil {
				return fmt.Errorf("read store %s: load rows of %s: %w", g.path, name, ctx.Err())
			}
		}
		return nil
	})
	if errors.Is(err, errGone) {
		err = g.gone()
	}
	return rows, err
}

// EachRow implements readmodels.Store.
func (s *Store) EachRow(ctx context.Context, gen readmodels.Generation, name string, f func(readmodels.Row) error) error {
	g, err := s.find(ctx, gen, "read")
	if err != nil {
		return err
	}
	t, ok := g.byName[name]
	if !ok {
		return fmt.Errorf("read store %s: rows of %s: %w", g.path, name, readmodels.ErrNoTable)
	}
	if !g.sealed() {
		return fmt.Errorf("read store %s: rows of %s: it is being loaded", g.path, name)
	}
	err = g.pool.with(ctx, func(r *reader) error {
		stmt, err := r.conn.Prepare(t.each)
		if err != nil {
			return describe(g.path, "rows of "+name, err)
		}
		defer stmt.Reset()
		n := len(t.schema.Columns) + 1
		for {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("read store %s: rows of %s: %w", g.path, name, err)
			}
			more, err := stmt.Step()
			if err != nil || !more {
				return describe(g.path, "rows of "+name, err)
			}
			key := readmodels.Key{Account: id.Account(stmt.ColumnText(n)), Contact: id.Contact(stmt.ColumnText(n + 1)), ID: stmt.ColumnText(n + 2)}
			if err := f(readRow(stmt, t, key)); err != nil {
				return err
			}
		}
	})
	if errors.Is(err, errGone) {
		err = g.gone()
	}
	return err
}
