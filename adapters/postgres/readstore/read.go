package readstore

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lonja/adapters/postgres/database"
	"lonja/domain/id"
	"lonja/readmodels"
)

// view is on whose behalf something is read: what row-level security lets be seen.
type view struct {
	account id.Account
	contact id.Contact
	scope   string
}

// bind says in a transaction on whose behalf it reads.
const bind = "SELECT set_config('lonja.account', $1, true), set_config('lonja.contact', $2, true), set_config('lonja.scope', $3, true), set_config('lonja.proof', $4, true)"

// undefinedTable is the server's code for a table that was dropped.
const undefinedTable = "42P01"

// tries is how often something is read before its error counts that asking again may help.
const tries = 3

func viewOf(account id.Account, contact id.Contact, all bool) view {
	switch {
	case all:
		return view{account, "", "contacts"}
	case contact == "":
		return view{account, "", "account"}
	}
	return view{account, contact, "contact"}
}

// reading has f prepare a query of the generation that has the table now, and each called
// for its rows. Both are called again where the generation was dropped meanwhile, or the
// connection was lost. f returns no SQL where there is nothing to find.
func (s *Store) reading(ctx context.Context, name string, v view, f func(*table) (sql string, args []any, err error), each func(*table, *fields)) error {
	return s.again(ctx, name, func(t *table) error {
		sql, args, err := f(t)
		if err != nil || sql == "" {
			return err
		}
		return s.ask(ctx, v, sql, args, func(f *fields) { each(t, f) })
	})
}

// again runs f with the table as it is now, and again where that was dropped meanwhile or the
// connection was lost.
func (s *Store) again(ctx context.Context, name string, f func(*table) error) error {
	doing := "read " + name
	for try := 1; ; try++ {
		if err := s.usable(ctx, doing); err != nil {
			return err
		}
		to, ok := (*s.routes.Load())[name]
		if !ok {
			return s.describe(doing, readmodels.ErrNoTable)
		}
		err := f(to.table)
		switch {
		case err == nil:
			return nil
		case try == tries, ctx.Err() != nil:
			return s.describe(doing, err)
		case database.Is(err, undefinedTable):
			if err := s.refresh(ctx); err != nil {
				return err
			}
		case !database.Away(err):
			return s.describe(doing, err)
		default:
			s.db.Reads.Reset()
		}
	}
}

// ask runs a query on behalf of a view. The two statements go out together, and what is
// pipelined up to one synchronisation is one transaction, with which the binding ends.
func (s *Store) ask(ctx context.Context, v view, sql string, args []any, each func(*fields)) error {
	batch := &pgx.Batch{}
	batch.Queue(bind, string(v.account), string(v.contact), v.scope, s.db.Proof(v.scope, string(v.account), string(v.contact)))
	batch.Queue(sql, args...)
	results := s.db.Reads.SendBatch(ctx, batch)
	_, err := results.Exec()
	if err == nil {
		var rows pgx.Rows
		if rows, err = results.Query(); err == nil {
			f := fields{rows: rows}
			for f.next() {
				each(&f)
			}
			rows.Close()
			err = errors.Join(f.err, rows.Err())
		}
	}
	if e := results.Close(); err == nil {
		err = e
	}
	return err
}

// fields are the values of a row as the server sends them: bytes as they are, numbers in
// eight bytes.
type fields struct {
	rows    pgx.Rows
	values  [][]byte
	checked bool
	err     error
}

// next goes to the next row. It sees to it, once, that the values come in the form that is
// read here.
func (f *fields) next() bool {
	if f.err != nil || !f.rows.Next() {
		return false
	}
	f.values = f.rows.RawValues()
	if f.checked {
		return true
	}
	f.checked = true
	for _, d := range f.rows.FieldDescriptions() {
		if d.Format != pgtype.BinaryFormatCode && d.DataTypeOID != pgtype.TextOID {
			f.err = fmt.Errorf("the server sent %s as text", d.Name)
		}
	}
	return f.err == nil
}

func (f *fields) text(i int) string { return string(f.values[i]) }
func (f *fields) number(i int) int64 {
	return int64(binary.BigEndian.Uint64(f.values[i]))
}

// row reads the values and the data that a statement selects first.
func (f *fields) row(t *table, key readmodels.Key) readmodels.Row {
	row := readmodels.Row{Key: key}
	n := len(t.schema.Columns)
	if n > 0 {
		row.Values = make([]readmodels.Value, n)
		for i, c := range t.schema.Columns {
			if c.Kind == readmodels.Int {
				row.Values[i] = readmodels.N(f.number(i))
			} else {
				row.Values[i] = readmodels.T(f.text(i))
			}
		}
	}
	row.Data = append(make([]byte, 0, len(f.values[n])), f.values[n]...)
	return row
}

// FindRow implements readmodels.Reader.
func (s *Store) FindRow(ctx context.Context, name string, account id.Account, rowID string) (row readmodels.Row, found bool, err error) {
	err = s.reading(ctx, name, viewOf(account, "", true), func(t *table) (string, []any, error) {
		row, found = readmodels.Row{}, false
		if !t.schema.ByID {
			return "", nil, errors.New("the table is not kept by id")
		}
		a, ok, err := s.number(ctx, owner{account, ""})
		if err != nil || !ok {
			return "", nil, err
		}
		return t.find, []any{[]byte(rowID), a}, nil
	}, func(t *table, f *fields) {
		contact := id.Contact(f.text(len(t.schema.Columns) + 1))
		row, found = f.row(t, readmodels.Key{Account: account, Contact: contact, ID: rowID}), true
	})
	if err != nil {
		return readmodels.Row{}, false, err
	}
	return row, found, nil
}

// ScanRows implements readmodels.Reader.
func (s *Store) ScanRows(ctx context.Context, scan readmodels.Scan) (rows []readmodels.Row, err error) {
	err = s.query(ctx, &scan, rowsOf, nil, func() { rows = nil }, func(t *table, f *fields) {
		n := len(t.schema.Columns) + 1
		rows = append(rows, f.row(t, readmodels.Key{Account: scan.Account, Contact: id.Contact(f.text(n + 1)), ID: f.text(n)}))
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// CountRows implements readmodels.Reader.
func (s *Store) CountRows(ctx context.Context, scan readmodels.Scan) (n int, err error) {
	scan.After, scan.Index, scan.Order, scan.Desc = nil, "", nil, false
	err = s.query(ctx, &scan, countOf, nil, func() { n = 0 }, func(_ *table, f *fields) { n = int(f.number(0)) })
	return n, err
}

// SumRows implements readmodels.Reader.
func (s *Store) SumRows(ctx context.Context, scan readmodels.Scan, columns ...string) (n int, sums []int64, err error) {
	scan.After, scan.Limit, scan.Index, scan.Order, scan.Desc = nil, 0, "", nil, false
	err = s.query(ctx, &scan, sumOf, columns, func() { n, sums = 0, make([]int64, len(columns)) }, func(_ *table, f *fields) {
		n = int(f.number(0))
		for i := range sums {
			sums[i] = f.number(i + 1)
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

func (s *Store) query(ctx context.Context, scan *readmodels.Scan, what asked, columns []string, begin func(), each func(*table, *fields)) error {
	return s.reading(ctx, scan.Table, viewOf(scan.Account, scan.Contact, scan.AllContacts), func(t *table) (string, []any, error) {
		begin()
		resolved, err := scan.Resolve(t.schema)
		if err != nil {
			return "", nil, err
		}
		sums, err := t.schema.Numbers(columns)
		if err != nil || resolved.Empty {
			return "", nil, err
		}
		o, ok, err := s.number(ctx, owner{scan.Account, scan.Contact})
		if err != nil || !ok {
			return "", nil, err // nobody has had a row
		}
		q := t.query(o, scan, &resolved, what, sums)
		return q.text.String(), q.args, nil
	}, each)
}

// query is an SQL text and what it binds.
type query struct {
	text strings.Builder
	args []any
}

func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

func (q *query) value(v readmodels.Value) string {
	if v.Kind() == readmodels.Int {
		return q.arg(v.Int())
	}
	return q.arg([]byte(v.Text()))
}

// query writes a resolved scan in SQL. Its text depends on the form of the scan, not on
// its values, so that a connection prepares few statements.
func (t *table) query(o int32, scan *readmodels.Scan, r *readmodels.Resolved, what asked, sums []int) *query {
	q := &query{}
	bounded := what == countOf && scan.Limit > 0
	q.text.WriteString("SELECT ")
	switch {
	case bounded:
		q.text.WriteString("count(*) FROM (SELECT 1")
	case what != rowsOf:
		q.text.WriteString("count(*)")
		for _, c := range sums {
			// The sum of bigints is a numeric: back, or an error where it does not fit.
			q.text.WriteString(", coalesce(sum(t." + column(c) + "), 0)::bigint")
		}
	default:
		q.text.WriteString(t.columns + ", t.id, t.c")
	}
	q.text.WriteString(" FROM " + t.name + " t WHERE t.")
	if scan.AllContacts {
		q.text.WriteString("a = " + q.arg(o))
	} else {
		q.text.WriteString("o = " + q.arg(o))
	}
	for i := range scan.Where {
		q.where("t."+column(r.Where[i]), &scan.Where[i])
	}
	var order []string
	for _, c := range r.Order {
		order = append(order, "t."+column(c))
	}
	if scan.AllContacts {
		order = append(order, "t.c")
	}
	order = append(order, "t.id")
	if r.Resume {
		q.resume(order, scan, r)
	}
	if bounded {
		q.text.WriteString(" LIMIT " + q.arg(int64(scan.Limit)) + ") few")
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
			q.text.WriteString(" LIMIT " + q.arg(int64(scan.Limit)))
		}
	}
	return q
}

func (q *query) where(col string, c *readmodels.Cond) {
	q.text.WriteString(" AND ")
	switch {
	case c.Op == readmodels.In && c.Values[0].Kind() == readmodels.Int:
		var all []int64
		for _, v := range c.Values {
			all = append(all, v.Int())
		}
		q.text.WriteString(col + " = ANY(" + q.arg(all) + ")")
	case c.Op == readmodels.In:
		var all [][]byte
		for _, v := range c.Values {
			all = append(all, []byte(v.Text()))
		}
		q.text.WriteString(col + " = ANY(" + q.arg(all) + ")")
	case c.Op == readmodels.Contains:
		q.text.WriteString("position(" + q.value(c.Values[0]) + "::bytea IN " + col + ") > 0")
	default:
		q.text.WriteString(col + " " + operators[c.Op] + " " + q.value(c.Values[0]))
	}
}

var operators = [...]string{
	readmodels.Eq: "=", readmodels.Ne: "<>", readmodels.Lt: "<", readmodels.Le: "<=", readmodels.Gt: ">", readmodels.Ge: ">=",
}

// resume asks for what is beyond the cursor, as a comparison of row values, which the
// server seeks to in the index.
func (q *query) resume(order []string, scan *readmodels.Scan, r *readmodels.Resolved) {
	var marks []string
	for _, v := range r.After {
		marks = append(marks, q.value(v))
	}
	if scan.AllContacts {
		marks = append(marks, q.arg(database.Text(string(scan.After.Contact))))
	}
	marks = append(marks, q.arg([]byte(scan.After.ID)))
	op := ">"
	if scan.Desc {
		op = "<"
	}
	q.text.WriteString(" AND (" + strings.Join(order, ", ") + ") " + op + " (" + strings.Join(marks, ", ") + ")")
}

// LoadRows implements readmodels.Store.
func (s *Store) LoadRows(ctx context.Context, gen readmodels.Generation, name string, keys []readmodels.Key) ([]readmodels.Row, error) {
	g, err := s.find(ctx, gen, "load rows of")
	if err != nil {
		return nil, err
	}
	doing := "load rows of " + name
	t, ok := g.byName[name]
	if !ok {
		return nil, s.describe(doing, readmodels.ErrNoTable)
	}
	if l := g.loader(); l != nil {
		return l.rows(ctx, t, keys)
	}
	who := make([]owner, len(keys))
	for i := range keys {
		who[i] = ownerOf(&keys[i])
	}
	numbers, err := s.numbers(ctx, who)
	if err != nil {
		return nil, s.describe(doing, err)
	}
	at := make([]int, 0, len(keys)) // of keys, as they are asked for
	for i := range keys {
		if numbers[i] != 0 {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(at, func(i, j int) int { return cmp.Compare(numbers[i], numbers[j]) }) // as most indexes are
	os, ids := make([]int32, len(at)), make([][]byte, len(at))
	for n, i := range at {
		os[n], ids[n] = numbers[i], []byte(keys[i].ID)
	}
	var out []readmodels.Row
	err = s.db.Again(ctx, s.db.Writes, func() error {
		rows, err := s.db.Writes.Query(ctx, t.load, os, ids)
		if err == nil {
			out, err = collect(rows, t, func(f *fields, n int) readmodels.Key { return keys[at[f.number(n)-1]] })
		}
		return err
	})
	if database.Is(err, undefinedTable) {
		return nil, fenced(gen, "load rows of")
	}
	return out, s.describe(doing, err)
}

// collect reads all rows, whose keys the columns after the data tell.
func collect(rows pgx.Rows, t *table, key func(f *fields, n int) readmodels.Key) (out []readmodels.Row, err error) {
	defer rows.Close()
	f := fields{rows: rows}
	for f.next() {
		out = append(out, f.row(t, key(&f, len(t.schema.Columns)+1)))
	}
	return out, errors.Join(f.err, rows.Err())
}

// EachRow implements readmodels.Store.
func (s *Store) EachRow(ctx context.Context, gen readmodels.Generation, name string, each func(readmodels.Row) error) error {
	g, err := s.find(ctx, gen, "read")
	if err != nil {
		return err
	}
	doing := "rows of " + name
	t, ok := g.byName[name]
	if !ok {
		return s.describe(doing, readmodels.ErrNoTable)
	}
	if g.loader() != nil {
		return s.describe(doing, errors.New("it is being loaded"))
	}
	// Whatever happens in each, the connection ends what it is asked for.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var stopped error
	err = s.db.Again(ctx, s.db.Writes, func() (lost error) {
		lost, stopped = s.each(ctx, t, each)
		return lost
	})
	switch {
	case err == nil && stopped == nil:
		return nil
	case database.Is(errors.Join(err, stopped), undefinedTable):
		return fenced(gen, "read")
	case err != nil:
		return s.describe(doing, err)
	}
	return stopped
}

// each calls f for every row. It returns the error of reading where f saw no row, so that it
// can be called again, and the one after which it can't: that of f, or of reading further.
func (s *Store) each(ctx context.Context, t *table, f func(readmodels.Row) error) (lost, stopped error) {
	tx, err := s.db.Writes.Begin(ctx)
	if err != nil {
		return err, nil
	}
	defer func() { _ = tx.Rollback(ctx) }()                                                                                                                         // nothing is changed
	if _, err := tx.Exec(ctx, "SELECT set_config(name, 'on', true) FROM unnest(ARRAY['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin']) name"); err != nil { // all rows are asked for
		return err, nil
	}
	rows, err := tx.Query(ctx, t.each)
	if err != nil {
		return err, nil
	}
	defer rows.Close()
	in := fields{rows: rows}
	n := len(t.schema.Columns) + 1
	seen := false
	for in.next() {
		seen = true
		if err := f(in.row(t, readmodels.Key{Account: id.Account(in.text(n)), Contact: id.Contact(in.text(n + 1)), ID: in.text(n + 2)})); err != nil {
			return nil, err
		}
	}
	if err = errors.Join(in.err, rows.Err()); err != nil && seen {
		return nil, s.describe("rows of "+t.schema.Name, err)
	}
	return err, nil
}
