package projections

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"

	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// owner is whose rows and events are: a contact's, or the account's own.
type owner struct {
	account id.Account
	contact id.Contact
}

// item is one event of a batch: as stored, and decoded where somebody wants it.
type item struct {
	stored *event.Stored
	rec    event.Recorded
	err    error // it can't be decoded, now or ever
}

func (it *item) owner() owner { return owner{it.rec.Meta.Account, it.rec.Meta.Contact} }

// cell is a row in memory, as the folds have left it.
type cell struct {
	key    readmodels.Key
	table  int
	codec  rowCodec
	row    any // *R; of no meaning unless found
	found  bool
	dirty  bool
	stored bool // the store has a row of the key
	cost   int
	seen   int64 // when it was last touched, in events
}

// cellKey names a cell of an owner.
type cellKey struct {
	table int
	id    string
}

// held are the cells of one owner. Most owners have a few at a time, which are looked
// through faster than hashed.
type held struct {
	of    owner
	new   bool // the store surely has no rows of the owner
	cells []*cell
	marks []uint64          // of the cells, so that most are passed over without being looked at
	byKey map[cellKey]*cell // of more than heldFew, else nil
}

const heldFew = 24

func (h *held) get(k cellKey) *cell {
	if h.byKey != nil {
		return h.byKey[k]
	}
	mark := k.mark()
	for i, m := range h.marks {
		if m == mark {
			if c := h.cells[i]; c.table == k.table && c.key.ID == k.id {
				return c
			}
		}
	}
	return nil
}

// mark tells most keys of an owner apart: by the end of the id, which is random or counts.
func (k cellKey) mark() uint64 {
	m := uint64(k.table)
	for i := max(0, len(k.id)-7); i < len(k.id); i++ {
		m = m<<8 | uint64(k.id[i])
	}
	return m
}

func (h *held) add(c *cell) {
	h.cells = append(h.cells, c)
	h.marks = append(h.marks, cellKey{c.table, c.key.ID}.mark())
	if h.byKey == nil && len(h.cells) > heldFew {
		h.index()
	} else if h.byKey != nil {
		h.byKey[cellKey{c.table, c.key.ID}] = c
	}
}

// retain forgets the cells that keep does not keep.
func (h *held) retain(keep func(*cell) bool) {
	before := len(h.cells)
	h.cells = slices.DeleteFunc(h.cells, func(c *cell) bool { return !keep(c) })
	if len(h.cells) < before {
		h.marks = h.marks[:0]
		for _, c := range h.cells {
			h.marks = append(h.marks, cellKey{c.table, c.key.ID}.mark())
		}
	}
	switch {
	case len(h.cells) == before:
	case len(h.cells) <= heldFew:
		h.byKey = nil
	default:
		h.index()
	}
}

func (h *held) index() {
	h.byKey = make(map[cellKey]*cell, 2*len(h.cells))
	for _, c := range h.cells {
		h.byKey[cellKey{c.table, c.key.ID}] = c
	}
}

// plan is one fold of one event with its cells.
type plan struct {
	fold *fold
	cell *cell
	with *cell
}

// poison says that a projection could not fold an event.
type poison struct {
	position event.Position
	err      error
}

func (p *poison) Error() string { return fmt.Sprintf("event at position %d: %v", p.position, p.err) }

// work folds events of one projection into cells, and says what changed.
type work struct {
	p     *Projection
	store readmodels.Store
	gen   readmodels.Generation

	owners  map[owner]*held
	of      owner          // the last one that a cell was asked for of, as it was asked,
	cells   *held          // and its cells; nil: look them up
	within  id.Account     // of the last new owner
	erased  map[owner]bool // owners whose stored rows go before anything is written
	clock   int64
	cost    int
	usage   []usage // by table
	scratch scratch
	known   func(table int, k readmodels.Key) bool // false: the store surely has no such row; nil: ask the store
	met     func(o owner) bool                     // false: the store surely has no rows of the owner; nil: ask the store
	before  func(context.Context) error            // runs before rows are loaded

	// careful makes every event's effect one that can be taken back.
	careful bool
	tried   readmodels.Rows // rows as they would be written
	blocked map[owner]bool  // sequences that are parked
	streams map[string]bool // streams with a parked event whose owner can't be read
	skip    map[event.Position]readmodels.Parked
	park    []readmodels.Parked
}

func newWork(p *Projection, store readmodels.Store, gen readmodels.Generation) *work {
	return &work{
		p: p, store: store, gen: gen, owners: map[owner]*held{}, erased: map[owner]bool{},
		blocked: map[owner]bool{}, streams: map[string]bool{}, skip: map[event.Position]readmodels.Parked{},
		usage: make([]usage, len(p.tables)),
	}
}

// scratch is what folding a batch needs for a while, kept for the next one.
type scratch struct {
	plans   []plan
	ends    []int // where the plans of each event end; they begin where those of the one before do
	wanted  []bool
	handled []*handling
	load    [][]*cell // by table
}

func (s *scratch) begin(events int) {
	s.plans = s.plans[:0]
	s.ends, s.wanted, s.handled = slices.Grow(s.ends[:0], events)[:events], slices.Grow(s.wanted[:0], events)[:events], slices.Grow(s.handled[:0], events)[:events]
}

// of returns the plans of an event.
func (s *scratch) of(i int) []plan {
	from := 0
	if i > 0 {
		from = s.ends[i-1]
	}
	return s.plans[from:s.ends[i]]
}

// end forgets the cells, whose rows would else stay in memory.
func (s *scratch) end() {
	clear(s.plans)
	for i := range s.load {
		clear(s.load[i])
		s.load[i] = s.load[i][:0]
	}
}

// usage tells how often rows of a table are looked at after they were made.
type usage struct{ rows, again int }

// block takes over which sequences are parked.
func (w *work) block(parked []readmodels.Parked) {
	for i := range parked {
		switch p := &parked[i]; {
		case p.Skipped:
			w.skip[p.Position] = *p
		case p.Account == "":
			w.streams[p.Stream] = true
		default:
			w.blocked[owner{p.Account, p.Contact}] = true
		}
	}
}

// wants reports whether the projection does anything with events of the type.
func (p *Projection) wants(eventType string) bool {
	return len(p.anyFolds) > 0 || p.types[eventType] != nil
}

// fold folds a batch: it loads the rows that the events name, together, and then
// applies the events in order. A *poison says which event can't be folded: then the
// cells are of no use, unless the work is careful, which parks the event instead.
func (w *work) fold(ctx context.Context, items []item) error {
	s := &w.scratch
	s.begin(len(items))
	defer s.end()
	wanted, handled := s.wanted, s.handled
	for i := range items {
		it := &items[i]
		handled[i] = w.p.types[it.stored.Type]
		s.ends[i] = len(s.plans)
		if wanted[i] = handled[i] != nil || len(w.p.anyFolds) > 0; !wanted[i] || it.err != nil {
			continue
		}
		more, err := w.plan(handled[i], &it.rec, s.plans, &s.load)
		if err == nil {
			s.plans, s.ends[i] = more, len(more)
		} else {
			it := *it
			it.err = err
			items = append(items[:i:i], append([]item{it}, items[i+1:]...)...) // a copy: other projections share the batch
		}
	}
	if err := w.load(ctx, s.load); err != nil {
		return err
	}
	for i := range items {
		it := &items[i]
		if !wanted[i] {
			continue
		}
		if foreign(&w.gen, it) {
			w.streams[it.stored.Stream] = true
			continue
		}
		if _, skipped := w.skip[it.stored.Position]; skipped {
			w.park = append(w.park, w.skip[it.stored.Position])
			continue
		}
		w.clock++
		if it.err == nil && handled[i].erasesFor(&it.rec) {
			w.erase(it.owner()) // never held up by a parked sequence: the rows are personal data
		}
		if (len(w.blocked) > 0 || len(w.streams) > 0) && (w.blocked[it.owner()] || w.streams[it.stored.Stream]) {
			w.parkItem(it, nil)
			continue
		}
		err := it.err
		if err == nil {
			err = w.apply(it, s.of(i))
		}
		if err == nil {
			continue
		}
		if !w.careful {
			return &poison{it.stored.Position, err}
		}
		w.parkItem(it, err)
	}
	return nil
}

func (w *work) parkItem(it *item, reason error) {
	p := readmodels.Parked{
		Account: it.rec.Meta.Account, Contact: it.rec.Meta.Contact, Position: it.stored.Position, Stream: it.stored.Stream,
		Revision: it.stored.Revision, Type: it.stored.Type, At: it.stored.RecordedAt,
	}
	if reason != nil {
		p.Reason = reason.Error()
	}
	if p.Account == "" {
		w.streams[p.Stream] = true
	} else {
		w.blocked[owner{p.Account, p.Contact}] = true
	}
	w.park = append(w.park, p)
}

// plan appends the cells of an event's folds to plans, and notes those that are to be loaded.
func (w *work) plan(h *handling, rec *event.Recorded, plans []plan, load *[][]*cell) (_ []plan, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("naming the rows of %s: panic: %v\n%s", rec.Type, r, debug.Stack())
		}
	}()
	var typed []fold
	if h != nil {
		typed = h.folds
	}
	for i := range len(typed) + len(w.p.anyFolds) {
		var f *fold
		if i < len(typed) {
			f = &typed[i]
		} else {
			f = &w.p.anyFolds[i-len(typed)]
		}
		var with *cell
		for j, k := range f.keys(rec) {
			if w.gen.Of > 1 && (k.Account != rec.Meta.Account || k.Contact != rec.Meta.Contact) {
				return plans, fmt.Errorf("%s names row %q of another owner: where partitions are shared, a fold keeps to its event's own", rec.Type, k.ID)
			}
			if j == 0 && f.with != nil {
				if other := f.with.key(rec); other != (readmodels.Key{}) {
					with = w.cell(f.with.table, f.with.codec, other, load)
				}
			}
			plans = append(plans, plan{f, w.cell(f.table, f.codec, k, load), with})
		}
	}
	return plans, nil
}

func (w *work) cell(table int, codec rowCodec, k readmodels.Key, load *[][]*cell) *cell {
	o := owner{k.Account, k.Contact}
	if w.cells == nil || w.of != o {
		w.cells = w.owners[o]
		if w.cells == nil {
			if w.within != o.account {
				w.within = o.account
			}
			// One string for the account of all: it is compared with the one before again and again.
			w.cells = &held{of: owner{w.within, o.contact}}
			w.cells.new = w.met != nil && !w.met(w.cells.of)
			w.owners[w.cells.of] = w.cells
		}
		w.of = o
	}
	c := w.cells.get(cellKey{table, k.ID})
	if c == nil {
		// With the owner's own strings: the rows of one owner follow each other to the store.
		c = &cell{key: readmodels.Key{Account: w.cells.of.account, Contact: w.cells.of.contact, ID: k.ID}, table: table, codec: codec}
		w.cells.add(c)
		if !w.cells.new && !w.erased[o] && (w.known == nil || w.known(table, k)) {
			for len(*load) <= table {
				*load = append(*load, nil)
			}
			(*load)[table] = append((*load)[table], c)
		}
	}
	return c
}

func (w *work) load(ctx context.Context, load [][]*cell) error {
	for table, cells := range load {
		if len(cells) == 0 {
			continue
		}
		if w.before != nil {
			if err := w.before(ctx); err != nil {
				return err
			}
		}
		keys := make([]readmodels.Key, len(cells))
		for i, c := range cells {
			keys[i] = c.key
		}
		rows, err := w.store.LoadRows(ctx, w.gen, w.p.tables[table].Name, keys)
		if err != nil {
			return fmt.Errorf("projection %s: %w", w.p.Name, err)
		}
		for i := range rows {
			c := w.owners[owner{rows[i].Key.Account, rows[i].Key.Contact}].get(cellKey{table, rows[i].Key.ID})
			if c.row, err = c.codec.decode(rows[i].Data); err != nil {
				return fmt.Errorf("projection %s: %w", w.p.Name, err)
			}
			c.found, c.stored = true, true
		}
	}
	return nil
}

// erase drops every row of the owner, and what could not be folded of it is told no more: it
// may be quoted there.
func (w *work) erase(o owner) {
	for i := range w.park {
		if p := &w.park[i]; p.Reason != "" && (owner{p.Account, p.Contact}) == o {
			p.Reason = readmodels.ReasonErased
		}
	}
	for at, p := range w.skip {
		if p.Reason != "" && (owner{p.Account, p.Contact}) == o {
			p.Reason = readmodels.ReasonErased
			w.skip[at] = p
		}
	}
	if of := w.owners[o]; of != nil {
		for _, c := range of.cells {
			c.row, c.found, c.dirty, c.stored = nil, false, false, false
		}
	}
	w.erased[o] = true
}

// apply runs the folds of one event.
func (w *work) apply(it *item, plans []plan) (err error) {
	var undo []func() error
	at := 0
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("folding %s: panic: %v\n%s", it.rec.Type, r, debug.Stack())
		}
		if err != nil {
			for i := len(undo) - 1; i >= 0; i-- {
				err = errors.Join(err, undo[i]())
			}
		}
	}()
	for ; at < len(plans); at++ {
		p := &plans[at]
		c := p.cell
		if w.careful {
			back, err := c.snapshot()
			if err != nil {
				return err
			}
			undo = append(undo, back)
		}
		row := c.row
		if !c.found {
			row = c.codec.fresh()
		}
		var other any
		if p.with != nil && p.with.found {
			other = p.with.row
			p.with.seen = w.clock
			w.usage[p.with.table].again++
		}
		if c.found {
			w.usage[c.table].again++
		}
		switch p.fold.apply(row, c.found, other, &it.rec) {
		case Put:
			if c.cost == 0 {
				c.cost = cellCost(row) + len(it.stored.Data)/len(plans)
				w.cost += c.cost
				w.usage[c.table].rows++
			}
			c.row, c.found, c.dirty = row, true, true
		case Delete:
			c.dirty = c.dirty || c.found
			c.row, c.found = nil, false
		default:
		}
		c.seen = w.clock
	}
	if w.careful {
		w.tried.Reset()
		for _, p := range plans {
			if p.cell.found && p.cell.dirty {
				if _, err := p.cell.codec.encode(&w.tried, p.cell.key, p.cell.row); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// cellCost is about what a cell takes of memory, in bytes: its place, and the row with
// what it points to.
func cellCost(row any) int { return 512 + 2*int(reflect.TypeOf(row).Elem().Size()) }

// snapshot returns how to put the cell back to what it is now. Folds change rows in
// place, so that it takes the long way round, through the stored form.
func (c *cell) snapshot() (func() error, error) {
	was := *c
	var data []byte
	if c.found {
		row, err := c.codec.encode(&readmodels.Rows{}, c.key, c.row)
		if err != nil {
			return nil, err
		}
		data = bytes.Clone(row.Data)
	}
	return func() (err error) {
		if data != nil {
			if was.row, err = was.codec.decode(data); err != nil {
				return err
			}
		}
		*c = was
		return nil
	}, nil
}

// changes returns what to write, and counts as poison what can't be.
func (w *work) changes() (out []readmodels.Change, err error) {
	out = eraseChanges(w.p, w.erased, nil)
	var rows readmodels.Rows
	for _, of := range w.owners {
		for _, c := range of.cells {
			ch, any, err := c.change(w.p, &rows)
			if err != nil {
				return nil, err
			}
			if any {
				out = append(out, ch)
			}
		}
	}
	return out, nil
}

func eraseChanges(p *Projection, owners map[owner]bool, out []readmodels.Change) []readmodels.Change {
	for o := range owners {
		for i := range p.tables {
			k := readmodels.Key{Account: o.account, Contact: o.contact}
			out = append(out, readmodels.Change{Table: p.tables[i].Name, Row: readmodels.Row{Key: k}, Erase: true})
		}
	}
	return out
}

// change returns what to write of a cell.
func (c *cell) change(p *Projection, to *readmodels.Rows) (ch readmodels.Change, any bool, err error) {
	if !c.dirty || !c.found && !c.stored {
		return ch, false, nil
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("row of %s: panic: %v", p.tables[c.table].Name, r)
		}
	}()
	ch = readmodels.Change{Table: p.tables[c.table].Name, Row: readmodels.Row{Key: c.key}, Delete: !c.found}
	if c.found {
		if ch.Row, err = c.codec.encode(to, c.key, c.row); err != nil {
			return ch, false, err
		}
	}
	return ch, true, nil
}

// foldBatch folds items from the store's state on, parking what can't be folded, and
// returns the batch to commit.
func foldBatch(ctx context.Context, p *Projection, store readmodels.Store, gen readmodels.Generation, parked []readmodels.Parked, items []item) (readmodels.Batch, error) {
	b := readmodels.Batch{Generation: gen, From: gen.Checkpoint, To: gen.Checkpoint}
	for _, careful := range []bool{false, true} {
		w := newWork(p, store, gen)
		w.careful = careful
		w.block(parked)
		err := w.fold(ctx, items)
		if err == nil {
			b.Changes, err = w.changes()
			b.Park = w.park
			if err != nil && !careful {
				continue // some event made a row that can't be written: find out which
			}
		}
		var bad *poison
		if errors.As(err, &bad) {
			continue
		}
		return b, err
	}
	return b, fmt.Errorf("projection %s: a careful fold failed", p.Name)
}
