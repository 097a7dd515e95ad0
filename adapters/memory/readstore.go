package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// ReadStore keeps read models until it is closed. Scans look at every row of their
// table. Safe for concurrent use.
type ReadStore struct {
	mu     sync.RWMutex
	gens   map[int64]*generation
	live   map[string]liveTable // by name of the table
	last   int64
	closed bool
}

type generation struct {
	readmodels.Generation
	tables map[string]map[readmodels.Key]readmodels.Row
	parked map[event.Position]readmodels.Parked
}

type liveTable struct {
	schema *readmodels.Schema
	rows   map[readmodels.Key]readmodels.Row
}

var _ readmodels.Store = (*ReadStore)(nil)

// NewReadStore returns an empty store.
func NewReadStore() *ReadStore {
	return &ReadStore{gens: map[int64]*generation{}, live: map[string]liveTable{}}
}

// Open implements readmodels.Store.
func (s *ReadStore) Open(ctx context.Context, projection string, version int, tables []readmodels.Schema) (readmodels.Generation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "open "+projection); err != nil {
		return readmodels.Generation{}, err
	}
	var live, other *generation
	for _, g := range s.gens {
		if g.Projection != projection {
			continue
		}
		same := g.Version == version && reflect.DeepEqual(g.Tables, tables)
		switch {
		case g.State == readmodels.Live:
			live = g
			if same {
				return g.Generation, nil
			}
		case same && (g.Sealed || g.Checkpoint == 0) && (other == nil || g.Sealed && !other.Sealed || g.Sealed == other.Sealed && g.Number > other.Number):
			other = g
		}
	}
	if other != nil {
		return other.Generation, nil
	}
	g, err := s.begin(projection, version, tables)
	if err == nil && live == nil {
		g.State, g.Sealed = readmodels.Live, true
		s.route()
	}
	if err != nil {
		return readmodels.Generation{}, err
	}
	return g.Generation, nil
}

// Begin implements readmodels.Store.
func (s *ReadStore) Begin(ctx context.Context, projection string, version int, tables []readmodels.Schema) (readmodels.Generation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "begin "+projection); err != nil {
		return readmodels.Generation{}, err
	}
	g, err := s.begin(projection, version, tables)
	if err != nil {
		return readmodels.Generation{}, err
	}
	return g.Generation, nil
}

func (s *ReadStore) begin(projection string, version int, tables []readmodels.Schema) (*generation, error) {
	g := &generation{
		Generation: readmodels.Generation{
			Projection: projection, Version: version, Number: s.last + 1, State: readmodels.Building, Tables: slices.Clone(tables),
		},
		tables: map[string]map[readmodels.Key]readmodels.Row{},
		parked: map[event.Position]readmodels.Parked{},
	}
	for i := range tables {
		if err := tables[i].Check(); err != nil {
			return nil, fmt.Errorf("projection %s: %w", projection, err)
		}
		for _, o := range s.gens {
			if _, has := o.tables[tables[i].Name]; has && o.Projection != projection {
				return nil, fmt.Errorf("projection %s: table %s is of projection %s", projection, tables[i].Name, o.Projection)
			}
		}
		g.tables[tables[i].Name] = map[readmodels.Key]readmodels.Row{}
	}
	s.last++
	s.gens[g.Number] = g
	return g, nil
}

// route makes the tables of live generations readable.
func (s *ReadStore) route() {
	live := map[string]liveTable{}
	for _, g := range s.gens {
		if g.State != readmodels.Live {
			continue
		}
		for i := range g.Tables {
			name := g.Tables[i].Name
			live[name] = liveTable{&g.Tables[i], g.tables[name]}
		}
	}
	s.live = live
}

// Seal implements readmodels.Store.
func (s *ReadStore) Seal(ctx context.Context, g readmodels.Generation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, err := s.find(ctx, g, "seal")
	if err != nil {
		return err
	}
	have.Sealed = true
	return nil
}

// Switch implements readmodels.Store.
func (s *ReadStore) Switch(ctx context.Context, g readmodels.Generation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, err := s.find(ctx, g, "switch to")
	if err != nil {
		return err
	}
	if have.Epoch != g.Epoch || have.Checkpoint != g.Checkpoint {
		return fmt.Errorf("switch to generation %d of %s: %w", g.Number, g.Projection, readmodels.ErrFenced)
	}
	if !have.Sealed {
		return fmt.Errorf("switch to generation %d of %s: it is not sealed", g.Number, g.Projection)
	}
	if have.State == readmodels.Live {
		return nil
	}
	for _, o := range s.gens {
		if o.Projection == g.Projection && o.State == readmodels.Live && o.Checkpoint > have.Checkpoint {
			return fmt.Errorf("switch to generation %d of %s: %w", g.Number, g.Projection, readmodels.ErrBehind)
		}
	}
	for n, o := range s.gens {
		switch {
		case o.Projection != g.Projection || o == have:
		case o.State == readmodels.Live:
			o.State = readmodels.Old
			o.Epoch++
		default:
			delete(s.gens, n)
		}
	}
	have.State = readmodels.Live
	s.route()
	return nil
}

// Drop implements readmodels.Store.
func (s *ReadStore) Drop(ctx context.Context, g readmodels.Generation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, err := s.find(ctx, g, "drop")
	if err != nil {
		return err
	}
	if have.State == readmodels.Live {
		return fmt.Errorf("drop generation %d of %s: it is live", g.Number, g.Projection)
	}
	delete(s.gens, g.Number)
	return nil
}

// Generations implements readmodels.Store.
func (s *ReadStore) Generations(ctx context.Context) ([]readmodels.Generation, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx, "generations"); err != nil {
		return nil, err
	}
	var out []readmodels.Generation
	for _, g := range s.gens {
		out = append(out, g.Generation)
	}
	slices.SortFunc(out, func(a, b readmodels.Generation) int { return cmp.Compare(a.Number, b.Number) })
	return out, nil
}

// Fence implements readmodels.Store.
func (s *ReadStore) Fence(ctx context.Context, g readmodels.Generation) (readmodels.Generation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, err := s.find(ctx, g, "fence")
	if err != nil {
		return g, err
	}
	if have.State != g.State {
		return g, fmt.Errorf("fence generation %d of %s: %w", g.Number, g.Projection, readmodels.ErrFenced)
	}
	have.Epoch++
	return have.Generation, nil
}

// find returns the generation; one that is gone was taken by somebody else.
func (s *ReadStore) find(ctx context.Context, g readmodels.Generation, doing string) (*generation, error) {
	if err := s.usable(ctx, doing+" a generation"); err != nil {
		return nil, err
	}
	have, ok := s.gens[g.Number]
	if !ok {
		return nil, fmt.Errorf("%s generation %d of %s: %w", doing, g.Number, g.Projection, readmodels.ErrFenced)
	}
	return have, nil
}

// LoadRows implements readmodels.Store.
func (s *ReadStore) LoadRows(ctx context.Context, g readmodels.Generation, table string, keys []readmodels.Key) ([]readmodels.Row, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	have, err := s.find(ctx, g, "read")
	if err != nil {
		return nil, err
	}
	rows, ok := have.tables[table]
	if !ok {
		return nil, fmt.Errorf("load from %s: %w", table, readmodels.ErrNoTable)
	}
	var out []readmodels.Row
	for _, k := range keys {
		if r, ok := rows[k]; ok {
			out = append(out, copyRow(r))
		}
	}
	return out, nil
}

// EachRow implements readmodels.Store.
func (s *ReadStore) EachRow(ctx context.Context, g readmodels.Generation, table string, f func(readmodels.Row) error) error {
	s.mu.RLock()
	have, err := s.find(ctx, g, "read")
	if err != nil {
		s.mu.RUnlock()
		return err
	}
	rows, ok := have.tables[table]
	all := slices.SortedFunc(maps.Values(rows), func(a, b readmodels.Row) int { return compareKeys(a.Key, b.Key) })
	s.mu.RUnlock()
	if !ok {
		return fmt.Errorf("rows of %s: %w", table, readmodels.ErrNoTable)
	}
	for _, r := range all {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("rows of %s: %w", table, err)
		}
		if err := f(copyRow(r)); err != nil {
			return err
		}
	}
	return nil
}

func compareKeys(a, b readmodels.Key) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Contact, b.Contact), cmp.Compare(a.ID, b.ID))
}

// Commit implements readmodels.Store.
func (s *ReadStore) Commit(ctx context.Context, b readmodels.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.find(ctx, b.Generation, "commit to")
	if err != nil {
		return err
	}
	if g.Epoch != b.Generation.Epoch || g.Checkpoint != b.From {
		return fmt.Errorf("commit to generation %d of %s: %w", g.Number, g.Projection, readmodels.ErrFenced)
	}
	if b.To < b.From {
		return fmt.Errorf("commit to generation %d of %s: from %d back to %d", g.Number, g.Projection, b.From, b.To)
	}
	for i := range b.Changes {
		c := &b.Changes[i]
		if _, ok := g.tables[c.Table]; !ok {
			return fmt.Errorf("commit to %s: %w", c.Table, readmodels.ErrNoTable)
		}
	}
	for i := range b.Changes {
		c := &b.Changes[i]
		rows := g.tables[c.Table]
		switch k := c.Row.Key; {
		case c.Erase:
			maps.DeleteFunc(rows, func(o readmodels.Key, _ readmodels.Row) bool { return o.Account == k.Account && o.Contact == k.Contact })
		case c.Delete:
			delete(rows, k)
		default:
			rows[k] = copyRow(c.Row)
		}
	}
	for _, p := range b.Unpark {
		delete(g.parked, p)
	}
	for _, p := range b.Park {
		g.parked[p.Position] = p
	}
	g.Checkpoint = b.To
	return nil
}

// Parked implements readmodels.Store.
func (s *ReadStore) Parked(ctx context.Context, g readmodels.Generation, contact id.Contact) ([]readmodels.Parked, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	have, err := s.find(ctx, g, "read")
	if err != nil {
		return nil, err
	}
	var out []readmodels.Parked
	for _, p := range have.parked {
		if contact == "" || p.Contact == contact {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b readmodels.Parked) int { return cmp.Compare(a.Position, b.Position) })
	return out, nil
}

// GetRow implements readmodels.Reader.
func (s *ReadStore) GetRow(ctx context.Context, table string, key readmodels.Key) (readmodels.Row, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.table(ctx, table)
	if err != nil {
		return readmodels.Row{}, false, err
	}
	r, ok := t.rows[key]
	return copyRow(r), ok, nil
}

// FindRow implements readmodels.Reader.
func (s *ReadStore) FindRow(ctx context.Context, table string, account id.Account, rowID string) (readmodels.Row, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.table(ctx, table)
	if err != nil {
		return readmodels.Row{}, false, err
	}
	if !t.schema.ByID {
		return readmodels.Row{}, false, fmt.Errorf("find a row of %s: the table is not kept by id", table)
	}
	var first readmodels.Row
	found := false
	for k, r := range t.rows {
		if k.Account == account && k.ID == rowID && (!found || k.Contact < first.Key.Contact) {
			first, found = r, true
		}
	}
	return copyRow(first), found, nil
}

// ScanRows implements readmodels.Reader.
func (s *ReadStore) ScanRows(ctx context.Context, scan readmodels.Scan) ([]readmodels.Row, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found, r, err := s.scan(ctx, &scan)
	if err != nil {
		return nil, err
	}
	order := func(a, b readmodels.Row) int {
		for _, c := range r.Order {
			if o := a.Values[c].Compare(b.Values[c]); o != 0 {
				return o
			}
		}
		return compareKeys(a.Key, b.Key)
	}
	if scan.Desc {
		up := order
		order = func(a, b readmodels.Row) int { return up(b, a) }
	}
	if r.Resume {
		last := readmodels.Row{Key: readmodels.Key{Account: scan.Account, Contact: scan.Contact, ID: scan.After.ID}}
		if scan.AllContacts {
			last.Key.Contact = scan.After.Contact
		}
		for i, c := range r.Order {
			last.Values = append(last.Values, make([]readmodels.Value, max(0, c+1-len(last.Values)))...)
			last.Values[c] = r.After[i]
		}
		found = slices.DeleteFunc(found, func(row readmodels.Row) bool { return order(row, last) <= 0 })
	}
	slices.SortFunc(found, order)
	if scan.Limit > 0 && len(found) > scan.Limit {
		found = found[:scan.Limit]
	}
	for i := range found {
		found[i] = copyRow(found[i])
	}
	return found, nil
}

// CountRows implements readmodels.Reader.
func (s *ReadStore) CountRows(ctx context.Context, scan readmodels.Scan) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	limit := scan.Limit
	scan.After, scan.Limit = nil, 0
	found, _, err := s.scan(ctx, &scan)
	if limit > 0 {
		return min(len(found), limit), err
	}
	return len(found), err
}

// SumRows implements readmodels.Reader.
func (s *ReadStore) SumRows(ctx context.Context, scan readmodels.Scan, columns ...string) (int, []int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	scan.After, scan.Limit = nil, 0
	t, err := s.table(ctx, scan.Table)
	if err != nil {
		return 0, nil, err
	}
	at, err := t.schema.Numbers(columns)
	if err != nil {
		return 0, nil, err
	}
	found, _, err := s.scan(ctx, &scan)
	sums := make([]int64, len(at))
	for _, row := range found {
		for i, c := range at {
			before, more := sums[i], row.Values[c].Int()
			sums[i] += more
			if (more > 0) != (sums[i] > before) && more != 0 {
				return 0, nil, fmt.Errorf("sum of %s.%s: out of range", scan.Table, columns[i])
			}
		}
	}
	return len(found), sums, err
}

// scan returns the rows that meet the conditions, in no order.
func (s *ReadStore) scan(ctx context.Context, scan *readmodels.Scan) ([]readmodels.Row, readmodels.Resolved, error) {
	t, err := s.table(ctx, scan.Table)
	if err != nil {
		return nil, readmodels.Resolved{}, err
	}
	r, err := scan.Resolve(t.schema)
	if err != nil || r.Empty {
		return nil, r, err
	}
	var out []readmodels.Row
rows:
	for k, row := range t.rows {
		if k.Account != scan.Account || !scan.AllContacts && k.Contact != scan.Contact {
			continue
		}
		for i := range scan.Where {
			if !meets(row.Values[r.Where[i]], &scan.Where[i]) {
				continue rows
			}
		}
		out = append(out, row)
	}
	return out, r, nil
}

func meets(v readmodels.Value, c *readmodels.Cond) bool {
	switch c.Op {
	case readmodels.In:
		return slices.Contains(c.Values, v)
	case readmodels.Contains:
		return strings.Contains(v.Text(), c.Values[0].Text())
	}
	o := v.Compare(c.Values[0])
	switch c.Op {
	case readmodels.Eq:
		return o == 0
	case readmodels.Ne:
		return o != 0
	case readmodels.Lt:
		return o < 0
	case readmodels.Le:
		return o <= 0
	case readmodels.Gt:
		return o > 0
	case readmodels.Ge:
		return o >= 0
	default:
		return false
	}
}

func (s *ReadStore) table(ctx context.Context, name string) (liveTable, error) {
	if err := s.usable(ctx, "read "+name); err != nil {
		return liveTable{}, err
	}
	t, ok := s.live[name]
	if !ok {
		return t, fmt.Errorf("read %s: %w", name, readmodels.ErrNoTable)
	}
	return t, nil
}

// copyRow has bytes and values of its own, since callers keep and change what they hand over and get.
func copyRow(r readmodels.Row) readmodels.Row {
	return readmodels.Row{Key: r.Key, Values: slices.Clone(r.Values), Data: slices.Clone(r.Data)}
}

// Close implements readmodels.Store.
func (s *ReadStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *ReadStore) usable(ctx context.Context, doing string) error {
	if s.closed {
		return readmodels.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("read store in memory: %s: %w", doing, err)
	}
	return nil
}
