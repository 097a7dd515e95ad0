package readstore

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"zombiezen.com/go/sqlite"

	"lonja/readmodels"
)

// Of an owner with many rows, the columns of a sifted table are kept a second time, apart
// from the rows: chunk by chunk, and within it column by column, the values one after the
// other. A condition that no index serves is then a loop over an array: a hundred thousand
// documents are searched in the time in which SQLite looks at some thousands of rows. Owners
// with few rows, which is nearly all, have no chunks and cost nothing.
//
// A chunk has the rows from its first row number on to the next chunk's. Rows are numbered in
// the order in which they come, so that new ones go into the last chunk.
const (
	defaultMany = 512     // rows from which an owner has chunks; a chunk has at most twice as many
	mostMany    = 1 << 14 // places within a chunk are kept in 16 bits
	// fewRows is how many rows SQLite may have to look at before chunks are better.
	fewRows = 256
	// countEvery is of how many new rows one has its owner's rows counted.
	countEvery = 64
)

// The places of a chunk's columns: the row numbers, the row ids, then those of the schema.
const (
	rowColumn   = 0
	idColumn    = 1
	firstColumn = 2
	columnRoom  = 64 // numbers of columns that a chunk has at most
)

// vector is one column of a chunk.
type vector struct {
	kind readmodels.ColumnKind
	n    int
	nums []int64
	// Texts lie in body one after the other. Where they are few they lie there once each, and
	// codes says which of them each row has.
	body  string
	ends  []byte // as they are stored: to decode them would take longer than most searches
	codes []byte
}

func (v *vector) text(i int) string {
	if v.codes != nil {
		i = int(v.codes[i])
	}
	from := 0
	if i > 0 {
		from = v.end(i - 1)
	}
	return v.body[from:v.end(i)]
}

// end returns where in body the i-th text ends.
func (v *vector) end(i int) int { return int(binary.LittleEndian.Uint32(v.ends[4*i:])) }

func (v *vector) value(i int) readmodels.Value {
	if v.kind == readmodels.Int {
		return readmodels.N(v.nums[i])
	}
	return readmodels.T(v.text(i))
}

// The stored form of a vector begins with one of these, and the number of its values.
const (
	formNumbers = 1 // the least of them, the width of each, and how much more each is
	formTexts   = 2 // the ends of the texts, then the texts
	formFew     = 3 // how many there are, their ends, a code for each value, then the texts
)

func appendNumbers(b []byte, nums []int64) []byte {
	b = binary.AppendUvarint(append(b, formNumbers), uint64(len(nums)))
	least, most := int64(0), int64(0)
	if len(nums) > 0 {
		least, most = slices.Min(nums), slices.Max(nums)
	}
	span := uint64(most) - uint64(least) // right also where the difference is beyond int64
	width := 8
	switch {
	case span == 0:
		width = 0
	case span <= math.MaxUint8:
		width = 1
	case span <= math.MaxUint16:
		width = 2
	case span <= math.MaxUint32:
		width = 4
	}
	b = binary.LittleEndian.AppendUint64(append(b, byte(width)), uint64(least))
	for _, n := range nums {
		more := uint64(n) - uint64(least)
		switch width {
		case 1:
			b = append(b, byte(more))
		case 2:
			b = binary.LittleEndian.AppendUint16(b, uint16(more))
		case 4:
			b = binary.LittleEndian.AppendUint32(b, uint32(more))
		case 8:
			b = binary.LittleEndian.AppendUint64(b, more)
		}
	}
	return b
}

func appendTexts(b []byte, texts []string) []byte {
	const most = 256
	codes := map[string]int{}
	var each []string
	for _, t := range texts {
		if _, ok := codes[t]; !ok {
			codes[t] = len(each)
			each = append(each, t)
		}
		if len(each) > most {
			break
		}
	}
	few := len(each) <= most && 2*len(each) <= len(texts)
	if few {
		b = binary.AppendUvarint(append(b, formFew), uint64(len(texts)))
		b = binary.AppendUvarint(b, uint64(len(each)))
	} else {
		b = binary.AppendUvarint(append(b, formTexts), uint64(len(texts)))
		each = texts
	}
	end := 0
	for _, t := range each {
		end += len(t)
		b = binary.LittleEndian.AppendUint32(b, uint32(end))
	}
	if few {
		for _, t := range texts {
			b = append(b, byte(codes[t]))
		}
	}
	for _, t := range each {
		b = append(b, t...)
	}
	return b
}

var errChunk = errors.New("the columns kept apart are damaged: rebuild the projection with 'lonja projections rebuild'")

// parseVector reads the stored form. The vector has copies of what it needs of b.
func parseVector(b []byte) (vector, error) {
	var v vector
	if len(b) == 0 {
		return v, errChunk
	}
	form := b[0]
	count, size := binary.Uvarint(b[1:])
	if size <= 0 || count > 2*mostMany {
		return v, errChunk
	}
	v.n = int(count)
	b = b[1+size:]
	if form == formNumbers {
		return v, v.parseNumbers(b)
	}
	v.kind = readmodels.Text
	each := v.n
	if form == formFew {
		few, size := binary.Uvarint(b)
		if size <= 0 || few > 256 {
			return v, errChunk
		}
		each, b = int(few), b[size:]
	} else if form != formTexts {
		return v, errChunk
	}
	if len(b) < 4*each {
		return v, errChunk
	}
	v.ends, b = bytes.Clone(b[:4*each]), b[4*each:]
	last := 0
	for i := range each {
		end := v.end(i)
		if end < last {
			return v, errChunk
		}
		last = end
	}
	if form == formFew {
		if len(b) < v.n {
			return v, errChunk
		}
		v.codes, b = bytes.Clone(b[:v.n]), b[v.n:]
		for _, c := range v.codes {
			if int(c) >= each {
				return v, errChunk
			}
		}
	}
	if len(b) != last {
		return v, errChunk
	}
	v.body = string(b)
	return v, nil
}

func (v *vector) parseNumbers(b []byte) error {
	v.kind = readmodels.Int
	if len(b) < 9 {
		return errChunk
	}
	width, least := int(b[0]), binary.LittleEndian.Uint64(b[1:])
	if b = b[9:]; len(b) != width*v.n {
		return errChunk
	}
	v.nums = make([]int64, v.n)
	switch width {
	case 0:
		for i := range v.nums {
			v.nums[i] = int64(least)
		}
	case 1:
		for i := range v.nums {
			v.nums[i] = int64(least + uint64(b[i]))
		}
	case 2:
		for i := range v.nums {
			v.nums[i] = int64(least + uint64(binary.LittleEndian.Uint16(b[2*i:])))
		}
	case 4:
		for i := range v.nums {
			v.nums[i] = int64(least + uint64(binary.LittleEndian.Uint32(b[4*i:])))
		}
	case 8:
		for i := range v.nums {
			v.nums[i] = int64(least + binary.LittleEndian.Uint64(b[8*i:]))
		}
	default:
		return errChunk
	}
	return nil
}

// sift keeps of rows, which ascend, those that meet the condition.
func (v *vector) sift(c *readmodels.Cond, rows []int) []int {
	kept := rows[:0]
	if v.kind == readmodels.Text && v.codes == nil && c.Op == readmodels.Contains && 4*len(rows) > v.n {
		return v.search(c.Values[0].Text(), rows)
	}
	if v.kind == readmodels.Int && c.Op == readmodels.In {
		return v.in(c.Values, rows)
	}
	if v.codes != nil {
		each := vector{kind: readmodels.Text, n: len(v.ends) / 4, body: v.body, ends: v.ends}
		meets := make([]bool, each.n)
		for code := range meets {
			meets[code] = each.meets(code, c)
		}
		for _, i := range rows {
			if meets[v.codes[i]] {
				kept = append(kept, i)
			}
		}
		return kept
	}
	for _, i := range rows {
		if v.meets(i, c) {
			kept = append(kept, i)
		}
	}
	return kept
}

// search is sift for the rows that contain a text: one search through all texts takes a
// fraction of one for each.
func (v *vector) search(text string, rows []int) []int {
	kept := rows[:0]
	if text == "" {
		return rows
	}
	row, from, next := 0, 0, 0
	for {
		at := strings.Index(v.body[from:], text)
		if at < 0 {
			return kept
		}
		at += from
		for v.end(row) <= at {
			row++
		}
		if at+len(text) > v.end(row) { // from one row into the next
			from = at + 1
			continue
		}
		for next < len(rows) && rows[next] < row {
			next++
		}
		if next == len(rows) {
			return kept
		}
		if rows[next] == row {
			kept = append(kept, row)
		}
		from = v.end(row)
	}
}

// in is sift for the rows that have one of some numbers.
func (v *vector) in(values []readmodels.Value, rows []int) []int {
	kept := rows[:0]
	var small [256]bool // kinds and states are
	all := true
	for _, value := range values {
		if n := value.Int(); n >= 0 && n < int64(len(small)) {
			small[n] = true
		} else {
			all = false
		}
	}
	for _, i := range rows {
		n := v.nums[i]
		if n >= 0 && n < int64(len(small)) && small[n] || !all && slices.ContainsFunc(values, func(o readmodels.Value) bool { return o.Int() == n }) {
			kept = append(kept, i)
		}
	}
	return kept
}

func (v *vector) meets(i int, c *readmodels.Cond) bool {
	if v.kind == readmodels.Int {
		return compares(c.Op, v.nums[i], c.Values[0].Int())
	}
	t := v.text(i)
	switch c.Op {
	case readmodels.In:
		return slices.ContainsFunc(c.Values, func(o readmodels.Value) bool { return o.Text() == t })
	case readmodels.Contains:
		return strings.Contains(t, c.Values[0].Text())
	}
	return compares(c.Op, t, c.Values[0].Text())
}

func compares[T int64 | string](op readmodels.Op, a, b T) bool {
	switch op {
	case readmodels.Eq:
		return a == b
	case readmodels.Ne:
		return a != b
	case readmodels.Lt:
		return a < b
	case readmodels.Le:
		return a <= b
	case readmodels.Gt:
		return a > b
	default:
		return a >= b
	}
}

// place says where a chunk is: from which row number on its rows are, and its own number.
type place struct {
	first, n int64
}

// chunk is a chunk as it is read: a column when it is asked for.
type chunk struct {
	sifting *sifting
	place
	columns []*vector
}

// sifting is work on an owner's chunks, in one transaction.
type sifting struct {
	conn *sqlite.Conn
	t    *table
	o    int64
	many int   // of the store; only to write
	err  error // the first; from then on columns are missing
	buf  []byte
}

func (s *sifting) chunk(at place) *chunk {
	return &chunk{sifting: s, place: at, columns: make([]*vector, firstColumn+len(s.t.schema.Columns))}
}

// column reads a column of the chunk; nil where it can't be read, with the error in sifting.
func (c *chunk) column(at int) *vector {
	if c.columns[at] == nil {
		v, err := c.parse(at)
		if err != nil {
			if c.sifting.err == nil {
				c.sifting.err = err
			}
			return nil
		}
		c.columns[at] = &v
	}
	return c.columns[at]
}

func (c *chunk) parse(at int) (vector, error) {
	b, err := c.sifting.stored(c.n, at)
	if err != nil {
		return vector{}, err
	}
	v, err := parseVector(b)
	if err == nil && at == idColumn && v.kind != readmodels.Text || at == rowColumn && v.kind != readmodels.Int ||
		at >= firstColumn && v.kind != c.sifting.t.schema.Columns[at-firstColumn].Kind {
		err = errChunk
	}
	return v, err
}

// stored returns a column of a chunk as it is stored, until the next is asked for.
func (s *sifting) stored(chunk int64, at int) ([]byte, error) {
	stmt, err := s.conn.Prepare(s.t.column)
	if err != nil {
		return nil, err
	}
	defer stmt.Reset()
	stmt.BindInt64(1, chunk*columnRoom+int64(at))
	found, err := stmt.Step()
	if err == nil && !found {
		err = errChunk
	}
	if err != nil {
		return nil, err
	}
	s.buf = append(s.buf[:0], make([]byte, stmt.ColumnLen(0))...)
	stmt.ColumnBytes(0, s.buf)
	return s.buf, nil
}

// places returns where the owner's chunks are, by their first rows; none where it has none.
func (s *sifting) places() ([]place, error) {
	stmt, err := s.conn.Prepare(s.t.chunks)
	if err != nil {
		return nil, err
	}
	defer stmt.Reset()
	stmt.BindInt64(1, s.o)
	var places []place
	for {
		more, err := stmt.Step()
		if err != nil || !more {
			return places, err
		}
		places = append(places, place{stmt.ColumnInt64(0), stmt.ColumnInt64(1)})
	}
}

// selection is which rows a reader has sifted out. What is asked for next is most often more
// about the same rows: how many they are, what they add up to, the next page of them.
type selection struct {
	t      *table
	o      int64
	commit int64 // the connection's data_version then
	where  []readmodels.Cond
	chunks []selected
}

type selected struct {
	place
	rows []uint16 // places within the chunk; nil for all
}

// candidate is a row that meets the conditions.
type candidate struct {
	chunk  *chunk
	at     int
	values []readmodels.Value // of the columns to order by
}

func (c *candidate) id() string {
	if v := c.chunk.column(idColumn); v != nil {
		return v.text(c.at)
	}
	return ""
}

// sifted is what sifting an owner's rows found.
type sifted struct {
	n    int
	sums []int64
	rows []readmodels.Row
}

// sift answers a query from the owner's chunks; false where it has none, or where an index
// leads to few rows.
func (r *reader) sift(ctx context.Context, t *table, o int64, scan *readmodels.Scan, resolved *readmodels.Resolved, what asked, sums []int) (found sifted, ok bool, err error) {
	// Chunks and rows have to be of one moment.
	if err := step(r.conn, "BEGIN"); err != nil {
		return found, false, err
	}
	defer func() {
		if e := step(r.conn, "COMMIT"); err == nil {
			err = e
		}
	}()
	s := &sifting{conn: r.conn, t: t, o: o}
	places, err := s.places()
	if err != nil || len(places) == 0 {
		return found, false, err
	}
	if few, err := r.few(t, o, scan); err != nil || few {
		return found, false, err
	}
	commit, err := s.commit()
	if err != nil {
		return found, false, err
	}
	from, left, known := r.known(s, commit, scan, places)
	s.hardest(scan, resolved, left, from)
	found.sums = make([]int64, len(sums))
	top := &best{scan: scan, resolved: resolved}
	// What comes last is most often the newest, whatever it is ordered by: where the last are
	// wanted, to begin with them leaves most others out at once.
	if scan.Desc {
		slices.Reverse(from)
	}
	kept := make([]selected, 0, len(from))
	var room []int
	for _, one := range from {
		if err := ctx.Err(); err != nil {
			return found, false, err
		}
		c := s.chunk(one.place)
		if room, err = c.sift(&one, scan, resolved, left, room); err != nil {
			return found, false, err
		}
		rows := room
		if len(rows) == 0 {
			continue
		}
		of := selected{one.place, make([]uint16, len(rows))}
		for i, at := range rows {
			of.rows[i] = uint16(at)
		}
		kept = append(kept, of)
		found.n += len(rows)
		for i, col := range sums {
			v := c.column(firstColumn + col)
			if s.err != nil {
				return found, false, s.err
			}
			if rows[len(rows)-1] >= v.n {
				return found, false, errChunk
			}
			for _, at := range rows {
				before, more := found.sums[i], v.nums[at]
				if found.sums[i] += more; (more > 0) != (found.sums[i] > before) && more != 0 {
					return found, false, fmt.Errorf("sum of %s.%s: out of range", scan.Table, t.schema.Columns[col].Name)
				}
			}
		}
		if what == rowsOf {
			if scan.Desc {
				slices.Reverse(rows)
			}
			top.add(c, rows)
		}
		if s.err != nil {
			return found, false, s.err
		}
	}
	if scan.Desc {
		slices.Reverse(kept)
	}
	if !known {
		r.last = selection{t: t, o: o, commit: commit, where: slices.Clone(scan.Where), chunks: kept}
	}
	if what == rowsOf {
		if found.rows, err = top.read(s); err != nil {
			return found, false, err
		}
	}
	return found, true, nil
}

// sift returns which of the chunk's rows, those that are known to come into question or all,
// meet the conditions that are left. It uses the room.
func (c *chunk) sift(of *selected, scan *readmodels.Scan, resolved *readmodels.Resolved, left, room []int) ([]int, error) {
	rows := room[:0]
	for _, i := range of.rows {
		rows = append(rows, int(i))
	}
	all := of.rows == nil
	for _, i := range left {
		v := c.column(firstColumn + resolved.Where[i])
		if v == nil {
			return nil, c.sifting.err
		}
		if all {
			rows, all = v.rows(rows), false
		}
		if len(rows) == 0 {
			return rows, nil
		}
		if rows[len(rows)-1] >= v.n {
			return nil, errChunk
		}
		rows = v.sift(&scan.Where[i], rows)
	}
	if all {
		v := c.column(rowColumn)
		if v == nil {
			return nil, c.sifting.err
		}
		rows = v.rows(rows)
	}
	return rows, nil
}

// rows appends the places of all rows.
func (v *vector) rows(to []int) []int {
	for i := range v.n {
		to = append(to, i)
	}
	return to
}

// hardest puts first what lets through fewest: numbers before texts, which take longer to
// read, and of texts the one that fewest of the newest rows meet.
func (s *sifting) hardest(scan *readmodels.Scan, resolved *readmodels.Resolved, left []int, chunks []selected) {
	const sample = 64
	through := make([]int, len(scan.Where))
	texts := 0
	for _, i := range left {
		if s.t.schema.Columns[resolved.Where[i]].Kind == readmodels.Text {
			texts++
		}
	}
	if texts > 1 && len(chunks) > 0 {
		c := s.chunk(chunks[len(chunks)-1].place)
		for _, i := range left {
			if v := c.column(firstColumn + resolved.Where[i]); v != nil && v.kind == readmodels.Text {
				for at := max(0, v.n-sample); at < v.n; at++ {
					if v.meets(at, &scan.Where[i]) {
						through[i]++
					}
				}
			}
		}
	}
	slices.SortStableFunc(left, func(a, b int) int {
		ka, kb := s.t.schema.Columns[resolved.Where[a]].Kind, s.t.schema.Columns[resolved.Where[b]].Kind
		return cmp.Or(int(kb)-int(ka), through[a]-through[b])
	})
}

// known returns in which chunks, and in which of their rows if that is known, those have to
// be looked for that meet the scan's conditions, and which of the conditions are left to be
// looked at: what the reader has sifted out before is where to begin, if nothing was
// committed since and that was for conditions that this scan has too.
func (r *reader) known(s *sifting, commit int64, scan *readmodels.Scan, places []place) (from []selected, left []int, known bool) {
	last := &r.last
	known = last.t == s.t && last.o == s.o && last.commit == commit
	for i := range last.where {
		known = known && slices.ContainsFunc(scan.Where, func(c readmodels.Cond) bool { return sameCond(&c, &last.where[i]) })
	}
	for i := range scan.Where {
		if !known || !slices.ContainsFunc(last.where, func(c readmodels.Cond) bool { return sameCond(&c, &scan.Where[i]) }) {
			left = append(left, i)
		}
	}
	if known {
		return slices.Clone(last.chunks), left, true
	}
	for _, p := range places {
		from = append(from, selected{place: p})
	}
	return from, left, false
}

// commit returns what changes with every commit of another connection.
func (s *sifting) commit() (int64, error) {
	stmt, err := s.conn.Prepare("PRAGMA data_version")
	if err != nil {
		return 0, err
	}
	defer stmt.Reset()
	_, err = stmt.Step()
	return stmt.ColumnInt64(0), err
}

func sameCond(a, b *readmodels.Cond) bool {
	return a.Column == b.Column && a.Op == b.Op && slices.Equal(a.Values, b.Values)
}

// best keeps the candidates that come first in the order of the scan.
type best struct {
	scan     *readmodels.Scan
	resolved *readmodels.Resolved
	all      []candidate
	full     bool // all is in order and has as many as are wanted: later ones need not be kept
	values   []readmodels.Value
}

// add takes in rows of a chunk.
func (b *best) add(c *chunk, rows []int) {
	columns := make([]*vector, len(b.resolved.Order))
	for i, col := range b.resolved.Order {
		if columns[i] = c.column(firstColumn + col); columns[i] == nil {
			return
		}
	}
	for _, at := range rows {
		// Most are beyond the last that is wanted already, which a number tells at once.
		if b.full && len(columns) > 0 && columns[0].kind == readmodels.Int {
			n, last := columns[0].nums[at], b.all[b.scan.Limit-1].values[0].Int()
			if n > last && !b.scan.Desc || n < last && b.scan.Desc {
				continue
			}
		}
		b.values = b.values[:0]
		for _, v := range columns {
			b.values = append(b.values, v.value(at))
		}
		one := candidate{c, at, b.values}
		if b.resolved.Resume && !b.resumes(&one) || b.full && b.compare(&one, &b.all[b.scan.Limit-1]) >= 0 {
			continue
		}
		one.values = slices.Clone(b.values)
		b.all = append(b.all, one)
		if b.scan.Limit > 0 && len(b.all) >= 2*b.scan.Limit+64 {
			b.cut()
		}
	}
}

func (b *best) cut() {
	slices.SortFunc(b.all, func(x, y candidate) int { return b.compare(&x, &y) })
	if b.scan.Limit > 0 && len(b.all) >= b.scan.Limit {
		b.all, b.full = b.all[:b.scan.Limit], true
	}
}

func (b *best) compare(x, y *candidate) int {
	for i := range x.values {
		if c := x.values[i].Compare(y.values[i]); c != 0 {
			return b.turned(c)
		}
	}
	return b.turned(strings.Compare(x.id(), y.id()))
}

// resumes reports whether a candidate is beyond the scan's cursor.
func (b *best) resumes(x *candidate) bool {
	for i := range x.values {
		if c := x.values[i].Compare(b.resolved.After[i]); c != 0 {
			return b.turned(c) > 0
		}
	}
	return b.turned(strings.Compare(x.id(), b.scan.After.ID)) > 0
}

func (b *best) turned(c int) int {
	if b.scan.Desc {
		return -c
	}
	return c
}

// read reads the rows of the best candidates.
func (b *best) read(s *sifting) ([]readmodels.Row, error) {
	b.cut()
	rows := make([]readmodels.Row, 0, len(b.all))
	stmt, err := s.conn.Prepare(s.t.load)
	if err != nil {
		return nil, err
	}
	for i := range b.all {
		c := &b.all[i]
		key := readmodels.Key{Account: b.scan.Account, Contact: b.scan.Contact, ID: strings.Clone(c.id())}
		if s.err != nil {
			return nil, s.err
		}
		stmt.BindInt64(1, c.chunk.column(rowColumn).nums[c.at])
		stmt.BindInt64(2, s.o)
		found, err := stmt.Step()
		if err == nil && !found {
			err = errChunk
		}
		if err == nil {
			rows = append(rows, readRow(stmt, s.t, key))
		}
		stmt.Reset()
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// leading returns the conditions by which an index leads to rows: those on its first columns
// that say which values, and those on the column after them that say a range. Of several
// indexes it is the one with the most; none where none has any.
func (t *table) leading(scan *readmodels.Scan) (most []readmodels.Cond, index int) {
	for i, ix := range t.schema.Indexes {
		if ix.Wide {
			continue
		}
		var lead []readmodels.Cond
		for _, name := range ix.Columns {
			exact := false
			for _, c := range scan.Where {
				if c.Column != name || c.Op == readmodels.Contains || c.Op == readmodels.Ne {
					continue
				}
				lead = append(lead, c)
				exact = exact || c.Op == readmodels.Eq || c.Op == readmodels.In
			}
			if !exact {
				break
			}
		}
		if len(lead) > len(most) {
			most, index = lead, i
		}
	}
	return most, index
}

// siftable reports whether sifting can be better than what SQLite does with its indexes.
func (t *table) siftable(scan *readmodels.Scan, what asked) bool {
	return t.schema.Sifted && !scan.AllContacts && (what != rowsOf || scan.Index == "" && len(scan.Order) > 0)
}

// few reports whether an index leads to few rows, among which are those that are asked for.
func (r *reader) few(t *table, o int64, scan *readmodels.Scan) (bool, error) {
	lead, _ := t.leading(scan)
	if len(lead) == 0 {
		return false, nil
	}
	bounded := readmodels.Scan{Table: scan.Table, Account: scan.Account, Contact: scan.Contact, Where: lead, Limit: fewRows + 1}
	resolved, err := bounded.Resolve(t.schema)
	if err != nil {
		return false, err
	}
	q := t.query(&bounded, &resolved, countOf, nil)
	stmt, err := r.conn.Prepare(q.text.String())
	if err != nil {
		return false, err
	}
	defer stmt.Reset()
	stmt.BindInt64(1, o)
	for i, v := range q.args {
		bindValue(stmt, i+2, v)
	}
	if _, err := stmt.Step(); err != nil {
		return false, err
	}
	return stmt.ColumnInt(0) <= fewRows, nil
}

// chunkKey is an owner's part of a sifted table.
type chunkKey struct {
	t *table
	o int64
}

// chunkChange is what a transaction has done to an owner's rows, by their numbers.
type chunkChange struct {
	put, gone []int64
}

// chunks brings the chunks of the owners whose rows have changed up to them.
func (w *writing) chunks() error {
	for key, change := range w.sifted {
		s := &sifting{conn: w.conn, t: key.t, o: key.o, many: w.g.store.many}
		places, err := s.places()
		if err != nil {
			return err
		}
		switch {
		case len(places) > 0:
			err = s.change(places, change)
		case w.g.store.asks(change.put):
			err = s.build()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// asks reports whether one of new rows has its owner's rows counted: not every one, since
// nearly all owners have few.
func (s *Store) asks(put []int64) bool {
	return s.many < countEvery && len(put) > 0 || slices.ContainsFunc(put, func(r int64) bool { return r%countEvery == 0 })
}

// part is a chunk as it is written.
type part struct {
	rows    []int64
	ids     []string
	columns [][]readmodels.Value
	place            // as it was; of a new one nothing
	stored  [][]byte // as they were, by column; nil for a new one
}

func (p *part) add(r int64, id string, values []readmodels.Value) {
	at, found := slices.BinarySearch(p.rows, r)
	if !found {
		p.rows, p.ids = slices.Insert(p.rows, at, r), slices.Insert(p.ids, at, id)
	} else {
		p.ids[at] = id
	}
	for i, v := range values {
		if !found {
			p.columns[i] = slices.Insert(p.columns[i], at, v)
		} else {
			p.columns[i][at] = v
		}
	}
}

func (p *part) remove(r int64) {
	at, found := slices.BinarySearch(p.rows, r)
	if !found {
		return
	}
	p.rows, p.ids = slices.Delete(p.rows, at, at+1), slices.Delete(p.ids, at, at+1)
	for i := range p.columns {
		p.columns[i] = slices.Delete(p.columns[i], at, at+1)
	}
}

// build makes the chunks of an owner, if it has many rows.
func (s *sifting) build() error {
	stmt, err := s.conn.Prepare(s.t.count)
	if err != nil {
		return err
	}
	stmt.BindInt64(1, s.o)
	stmt.BindInt64(2, int64(s.many))
	_, err = stmt.Step()
	n := stmt.ColumnInt(0)
	if e := stmt.Reset(); err == nil {
		err = e
	}
	if err != nil || n < s.many {
		return err
	}
	if stmt, err = s.conn.Prepare(s.t.ofOwner); err != nil {
		return err
	}
	defer stmt.Reset()
	stmt.BindInt64(1, s.o)
	p := s.newPart()
	at := len(s.t.schema.Columns)
	for {
		more, err := stmt.Step()
		if err != nil {
			return err
		}
		if len(p.rows) == 2*s.many || !more {
			if err := s.save(p); err != nil {
				return err
			}
			p = s.newPart()
		}
		if !more {
			return nil
		}
		p.add(stmt.ColumnInt64(at), stmt.ColumnText(at+1), readValues(stmt, s.t))
	}
}

func (s *sifting) newPart() *part {
	return &part{columns: make([][]readmodels.Value, len(s.t.schema.Columns))}
}

// change writes the chunks anew whose rows have changed.
func (s *sifting) change(places []place, change *chunkChange) error {
	of := map[int]*chunkChange{}
	within := func(r int64) *chunkChange {
		at := max(0, sort.Search(len(places), func(i int) bool { return places[i].first > r })-1)
		if of[at] == nil {
			of[at] = &chunkChange{}
		}
		return of[at]
	}
	for _, r := range change.gone {
		c := within(r)
		c.gone = append(c.gone, r)
	}
	for _, r := range change.put {
		c := within(r)
		c.put = append(c.put, r)
	}
	stmt, err := s.conn.Prepare(s.t.ofNumber)
	if err != nil {
		return err
	}
	for at, c := range of {
		p, err := s.open(places[at])
		if err != nil {
			return err
		}
		for _, r := range c.gone {
			p.remove(r)
		}
		for _, r := range c.put {
			stmt.BindInt64(1, r)
			stmt.BindInt64(2, s.o)
			found, err := stmt.Step()
			if err == nil && found {
				n := len(s.t.schema.Columns)
				p.add(r, stmt.ColumnText(n+1), readValues(stmt, s.t))
			}
			stmt.Reset()
			if err != nil {
				return err
			}
		}
		if err := s.save(p); err != nil {
			return err
		}
	}
	return nil
}

// open reads a chunk to change it.
func (s *sifting) open(at place) (*part, error) {
	p := s.newPart()
	p.place = at
	c := s.chunk(at)
	for i := range c.columns {
		b, err := s.stored(at.n, i)
		if err != nil {
			return nil, err
		}
		p.stored = append(p.stored, bytes.Clone(b))
		v := c.column(i)
		if s.err != nil {
			return nil, s.err
		}
		if v.n != c.column(rowColumn).n {
			return nil, errChunk
		}
		for j := range v.n {
			switch i {
			case rowColumn:
				p.rows = append(p.rows, v.nums[j])
			case idColumn:
				p.ids = append(p.ids, v.text(j))
			default:
				p.columns[i-firstColumn] = append(p.columns[i-firstColumn], v.value(j))
			}
		}
	}
	return p, nil
}

// save writes a chunk, or several where it has become too long, and nothing that is as it was.
func (s *sifting) save(p *part) error {
	if len(p.rows) == 0 {
		if p.stored == nil {
			return nil
		}
		return s.dropChunk(p.place)
	}
	for from := 0; from < len(p.rows); from += 2 * s.many {
		to := min(from+2*s.many, len(p.rows))
		n, err := p.n, error(nil)
		switch {
		case from > 0 || p.stored == nil:
			n, err = s.number(p.rows[from])
		case p.rows[0] != p.first:
			err = s.run(s.t.moveChunk, s.o, p.first, p.rows[0])
		}
		if err != nil {
			return err
		}
		stmt, err := s.conn.Prepare(s.t.putColumn)
		if err != nil {
			return err
		}
		for at := range firstColumn + len(p.columns) {
			var b []byte
			switch at {
			case rowColumn:
				b = appendNumbers(b, p.rows[from:to])
			case idColumn:
				b = appendTexts(b, p.ids[from:to])
			default:
				b = appendValues(b, s.t.schema.Columns[at-firstColumn].Kind, p.columns[at-firstColumn][from:to])
			}
			if from == 0 && p.stored != nil && bytes.Equal(b, p.stored[at]) {
				continue
			}
			stmt.BindInt64(1, n*columnRoom+int64(at))
			stmt.BindBytes(2, b)
			if err := run(stmt); err != nil {
				return err
			}
		}
	}
	return nil
}

// number makes a new chunk, and returns its number.
func (s *sifting) number(first int64) (int64, error) {
	stmt, err := s.conn.Prepare(s.t.putChunk)
	if err != nil {
		return 0, err
	}
	defer stmt.Reset()
	stmt.BindInt64(1, s.o)
	stmt.BindInt64(2, first)
	if _, err := stmt.Step(); err != nil {
		return 0, err
	}
	n := stmt.ColumnInt64(0)
	_, err = stmt.Step()
	return n, err
}

// drop removes all chunks of the owner.
func (s *sifting) drop() error {
	places, err := s.places()
	for _, at := range places {
		err = errors.Join(err, s.dropChunk(at))
	}
	return err
}

func (s *sifting) dropChunk(at place) error {
	if err := s.run(s.t.dropColumns, at.n*columnRoom); err != nil {
		return err
	}
	return s.run(s.t.dropChunk, s.o, at.first)
}

// run executes a statement with numbers for its parameters.
func (s *sifting) run(query string, numbers ...int64) error {
	stmt, err := s.conn.Prepare(query)
	if err != nil {
		return err
	}
	for i, n := range numbers {
		stmt.BindInt64(i+1, n)
	}
	return run(stmt)
}

func appendValues(b []byte, kind readmodels.ColumnKind, values []readmodels.Value) []byte {
	if kind == readmodels.Int {
		nums := make([]int64, len(values))
		for i, v := range values {
			nums[i] = v.Int()
		}
		return appendNumbers(b, nums)
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.Text()
	}
	return appendTexts(b, texts)
}

// note remembers that a row of a sifted table was written, or is gone.
func (w *writing) note(t *table, o, r int64, gone bool) {
	if w.sifted == nil {
		w.sifted = map[chunkKey]*chunkChange{}
	}
	key := chunkKey{t, o}
	c := w.sifted[key]
	if c == nil {
		c = &chunkChange{}
		w.sifted[key] = c
	}
	if gone {
		c.gone = append(c.gone, r)
	} else {
		c.put = append(c.put, r)
	}
}
