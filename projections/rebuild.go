package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/bits"
	"runtime/debug"
	"slices"
	"sync"

	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// Phase is a part of a rebuild.
type Phase string

// The phases, in order.
const (
	Folding  Phase = "folding"     // Done of Total positions of the log
	Indexing Phase = "indexing"    // Done of Total projections
	Catching Phase = "catching up" // Done of Total projections
)

// Progress is how far a rebuild is.
type Progress struct {
	Phase Phase
	Done  uint64
	Total uint64
}

// The sizes of a rebuild's steps, in events and rows.
const (
	rebuildBatch = 1024
	rebuildAhead = 3 // decoded batches that wait to be folded
	rebuildChunk = 2000

	rebuildGC   = 1000       // per cent, as GOGC has it
	rebuildHeap = 1200 << 20 // bytes that the collector keeps the process under
)

// Rebuild folds the named projections (all, where none is named) anew from the first
// event, in one pass over the log, beside the live generations, and switches to them.
// It works in the process that serves and in another one beside it. What was live is
// kept for a rollback. report is called from one goroutine, often; nil is none.
func (r *Runner) Rebuild(ctx context.Context, report func(Progress), names ...string) error {
	ps := r.cfg.Projections
	if len(names) > 0 {
		ps = nil
		for _, n := range names {
			f, ok := r.byName[n]
			if !ok {
				return fmt.Errorf("projections: there is no %q", n)
			}
			ps = append(ps, f.p)
		}
	}
	if report == nil {
		report = func(Progress) {}
	}
	report = r.counting(report)
	defer r.spaciously()()
	for _, careful := range []bool{false, true} {
		b, err := r.begin(ctx, ps, careful)
		if err == nil {
			err = r.rebuild(ctx, b, report)
		}
		if err == nil {
			break
		}
		for _, l := range b {
			// Without ctx, which may be what ended it. A generation that stays is dropped at the next switch.
			if e := r.cfg.Store.Drop(context.WithoutCancel(ctx), l.work.gen); e != nil {
				r.logger.Warn("dropping a failed rebuild", "projection", l.work.p.Name, "error", e)
			}
		}
		var bad *poison
		if careful || !errors.As(err, &bad) {
			return fmt.Errorf("rebuild: %w", err)
		}
		r.logger.Warn("rebuild: an event can't be folded; again, with care", "position", uint64(bad.position))
	}
	return r.followRebuilt(ctx, ps)
}

// spaciously lets the garbage collector run less often while much is folded, up
// to rebuildHeap of memory, and returns how to go back: a quarter of a rebuild's time
// would go into collecting.
func (r *Runner) spaciously() (restore func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rebuilding++; r.rebuilding == 1 {
		r.gcPercent, r.gcLimit = debug.SetGCPercent(rebuildGC), debug.SetMemoryLimit(-1)
		debug.SetMemoryLimit(min(r.gcLimit, rebuildHeap))
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.rebuilding--; r.rebuilding == 0 {
			debug.SetGCPercent(r.gcPercent)
			debug.SetMemoryLimit(r.gcLimit)
		}
	}
}

// followRebuilt turns this process's followers, if it follows, to what is live now. It
// waits for whoever catches up, and may just be opening what was live before.
func (r *Runner) followRebuilt(ctx context.Context, ps []*Projection) error {
	following := false
	if err := r.take(ctx); err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	r.mu.Lock()
	for _, f := range r.all {
		following = following || f.open
	}
	if following {
		for _, p := range ps {
			r.byName[p.Name].open = false
		}
	}
	r.mu.Unlock()
	r.give()
	if !following {
		return nil
	}
	return r.CatchUp(ctx)
}

func (r *Runner) begin(ctx context.Context, ps []*Projection, careful bool) ([]*bulk, error) {
	gens, err := r.cfg.Store.Generations(ctx)
	if err != nil {
		return nil, err
	}
	var out []*bulk
	for _, p := range ps {
		g, err := r.cfg.Store.Begin(ctx, p.Name, p.Version, p.tables)
		if err != nil {
			return out, err
		}
		b := newBulk(r, p, g)
		out = append(out, b)
		b.work.careful = careful
		for _, live := range gens {
			if live.Projection != p.Name || live.State != readmodels.Live {
				continue
			}
			parked, err := r.cfg.Store.Parked(ctx, live, "")
			if err != nil {
				return out, err
			}
			for i := range parked {
				if parked[i].Skipped {
					b.work.skip[parked[i].Position] = parked[i]
				}
			}
		}
	}
	return out, nil
}

func (r *Runner) rebuild(ctx context.Context, bs []*bulk, report func(Progress)) error {
	if err := r.fill(ctx, bs, report); err != nil {
		return err
	}
	for i, b := range bs {
		report(Progress{Catching, uint64(i), uint64(len(bs))})
		if err := r.finish(ctx, b.work.p, b.work.gen); err != nil {
			return err
		}
	}
	report(Progress{Catching, uint64(len(bs)), uint64(len(bs))})
	return nil
}

// finish folds what the log got meanwhile, and switches.
func (r *Runner) finish(ctx context.Context, p *Projection, g readmodels.Generation) error {
	f := &follower{p: p, gen: g}
	var err error
	if f.parked, err = r.cfg.Store.Parked(ctx, f.gen, ""); err != nil {
		return err
	}
	if err := r.level(ctx, f); err != nil {
		return err
	}
	in := tail{r: r}
	for {
		in.next(ctx, f.gen.Checkpoint, []*follower{f})
		if in.err != nil {
			return in.err
		}
		items := in.items
		if len(items) == 0 {
			err := r.cfg.Store.Switch(ctx, f.gen)
			if err == nil || !errors.Is(err, readmodels.ErrBehind) {
				return err
			}
			continue // the live generation has just folded more
		}
		to := items[len(items)-1].stored.Position
		batch, err := foldBatch(ctx, f.p, r.cfg.Store, f.gen, f.parked, items)
		if err != nil {
			return err
		}
		batch.To = to
		if err := r.cfg.Store.Commit(ctx, batch); err != nil {
			return err
		}
		f.parked = append(f.parked, batch.Park...)
		f.gen = f.gen.Moved(to)
	}
}

// decoded is a batch of the log on its way from the reader to the folds.
type decoded struct {
	stored []event.Stored
	items  []item
	err    error
}

// fill folds the log as it is now into new generations. One goroutine reads and two
// decode, ahead of the folds; each projection has two more that encode and write rows
// that have gone out of memory.
func (r *Runner) fill(ctx context.Context, bs []*bulk, report func(Progress)) (err error) {
	head, err := r.cfg.Events.Head(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer cancel()
	ps := make([]*Projection, len(bs))
	for i, b := range bs {
		ps[i] = b.work.p
		b.work.before = b.drain
		tasks.Go(func() { b.write(ctx) })
		defer close(b.jobs)
	}
	ready, free := make(chan *decoded, rebuildAhead), make(chan *decoded, rebuildAhead+2)
	for range cap(free) {
		free <- &decoded{}
	}
	tasks.Go(func() { r.readAhead(ctx, ps, head, ready, free) })

	budget := max(r.cfg.Memory/max(len(bs), 1), 1<<20)
	report(Progress{Folding, 0, uint64(head)})
	position := event.Position(0)
	for d := range ready {
		if d.err != nil {
			return d.err
		}
		for _, b := range bs {
			if err := b.work.fold(ctx, d.items); err != nil {
				return err
			}
		}
		position = d.stored[len(d.stored)-1].Position
		free <- d
		total := 0
		for _, b := range bs {
			total += b.work.cost
		}
		for _, b := range bs {
			if b.work.cost > budget && total > r.cfg.Memory { // a projection may use what the others leave
				if err := b.evict(ctx, position, b.work.cost/2); err != nil {
					return err
				}
			}
		}
		report(Progress{Folding, uint64(min(position, head)), uint64(head)})
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// The largest takes longest to index: it is the first, and the others' rows are written meanwhile.
	report(Progress{Indexing, 0, uint64(len(bs))})
	sealed := make(chan error, len(bs))
	slices.SortStableFunc(bs, func(a, b *bulk) int { return cmp.Compare(b.handed, a.handed) })
	for _, b := range bs {
		flushed := make(chan struct{})
		go func() { sealed <- b.seal(ctx, position, flushed) }()
		<-flushed
	}
	var errs []error
	for i := range bs {
		errs = append(errs, <-sealed)
		report(Progress{Indexing, uint64(i + 1), uint64(len(bs))})
	}
	return errors.Join(errs...)
}

// seal writes what is left of the rows, says so, and has the generation indexed.
func (b *bulk) seal(ctx context.Context, to event.Position, flushed chan<- struct{}) error {
	err := b.evictAll(ctx, to)
	if err == nil {
		err = b.drain(ctx)
	}
	close(flushed)
	if err != nil {
		return err
	}
	last := readmodels.Batch{Generation: b.work.gen, From: b.work.gen.Checkpoint, To: to, Park: b.work.park}
	if err := b.work.store.Commit(ctx, last); err != nil {
		return err
	}
	b.work.gen = b.work.gen.Moved(to)
	b.r.logParked(b.work.p, b.work.park)
	return b.work.store.Seal(ctx, b.work.gen)
}

// readAhead reads and decodes up to the position, then closes ready.
func (r *Runner) readAhead(ctx context.Context, ps []*Projection, to event.Position, ready chan<- *decoded, free <-chan *decoded) {
	defer close(ready)
	decoders := [2]*event.Decoder{r.cfg.Codec.Decoder(), r.cfg.Codec.Decoder()}
	at := event.Position(0)
	for at < to {
		var d *decoded
		select {
		case d = <-free:
		case <-ctx.Done():
			return
		}
		d.stored, d.err = r.cfg.Events.ReadFeed(ctx, at, rebuildBatch, d.stored[:0])
		if d.err == nil && len(d.stored) == 0 {
			return
		}
		if d.err == nil {
			d.decode(ctx, decoders, ps)
			at = d.stored[len(d.stored)-1].Position
		}
		select {
		case ready <- d:
		case <-ctx.Done():
			return
		}
		if d.err != nil {
			return
		}
	}
}

// decode decodes the two halves of a batch beside each other.
func (d *decoded) decode(ctx context.Context, by [2]*event.Decoder, ps []*Projection) {
	d.items = slices.Grow(d.items[:0], len(d.stored))[:len(d.stored)]
	half := len(d.stored) / 2
	second := make(chan error, 1)
	go func() { second <- decode(ctx, by[1], ps, d.stored[half:], d.items[half:]) }()
	d.err = decode(ctx, by[0], ps, d.stored[:half], d.items[:half])
	if err := <-second; d.err == nil {
		d.err = err
	}
}

// bulk is the rebuild of one projection: its work, the rows of which go to the store
// when memory is short, and a filter that knows which never did.
type bulk struct {
	work *work
	r    *Runner

	seed   maphash.Seed
	filter []uint64 // Bloom filter of the keys of rows that went to the store

	jobs    chan writeJob
	free    sync.Pool // of *chunk
	handed  int       // rows that went to be written
	pending sync.WaitGroup
	mu      sync.Mutex
	err     error
}

type writeJob struct {
	erased map[owner]bool
	cells  []*cell
	to     event.Position
}

// filterBits is the size of the filter: false positives, which cost a look into the
// store, stay under 2 % up to seven million rows. A key's bits lie in one block, which is
// a cache line: each further one would have to be fetched.
const (
	filterBits  = 1 << 26
	filterBlock = 512
)

func newBulk(r *Runner, p *Projection, g readmodels.Generation) *bulk {
	b := &bulk{work: newWork(p, r.cfg.Store, g), r: r, seed: maphash.MakeSeed(), jobs: make(chan writeJob, 1)}
	b.work.known, b.work.met = b.known, b.met
	return b
}

// place returns where a key is in the filter, and an owner, as if it were one of a table.
// The account is the same for nearly all.
func (b *bulk) place(table int, contact id.Contact, row string) [4]uint64 {
	h := maphash.String(b.seed, row) + (maphash.String(b.seed, string(contact))|1)*uint64(table+1)
	block := h % (filterBits / filterBlock) * filterBlock
	var out [4]uint64
	for i := range out {
		out[i] = block + h>>(64-9*(i+1))%filterBlock
	}
	return out
}

func (b *bulk) known(table int, k readmodels.Key) bool { return b.has(table, k.Contact, k.ID) }

func (b *bulk) met(o owner) bool { return b.has(ofOwner, o.contact, string(o.account)) }

// ofOwner is no table's number: in the filter, it is that of owners.
const ofOwner = 1 << 20

func (b *bulk) has(table int, contact id.Contact, row string) bool {
	if b.filter == nil {
		return false
	}
	for _, n := range b.place(table, contact, row) {
		if b.filter[n/64]&(1<<(n%64)) == 0 {
			return false
		}
	}
	return true
}

func (b *bulk) note(table int, contact id.Contact, row string) {
	for _, n := range b.place(table, contact, row) {
		b.filter[n/64] |= 1 << (n % 64)
	}
}

// evict hands rows to be written and forgets them, until what stays costs at most
// keep: those of tables whose rows are rarely looked at again, then those that were not
// for the longest.
func (b *bulk) evict(ctx context.Context, to event.Position, keep int) error {
	if b.filter == nil {
		b.filter = make([]uint64, filterBits/64)
	}
	w := b.work
	cold := make([]bool, len(w.usage))
	for i, u := range w.usage {
		cold[i] = u.again*20 < u.rows
	}
	var costs [65]int // of rows by the length of their age, in binary digits
	for _, of := range w.owners {
		for _, c := range of.cells {
			if (c.found || c.dirty) && !cold[c.table] {
				costs[bits.Len64(uint64(w.clock-c.seen))] += c.cost
			}
		}
	}
	oldest, kept := 0, 0 // rows stay whose ages are shorter than oldest
	for ; oldest < len(costs) && kept+costs[oldest] <= keep; oldest++ {
		kept += costs[oldest]
	}
	var cells []*cell
	for o, of := range w.owners {
		before := len(cells)
		of.retain(func(c *cell) bool {
			if c.found || c.dirty {
				if !cold[c.table] && bits.Len64(uint64(w.clock-c.seen)) < oldest {
					return true
				}
				if c.dirty {
					cells = append(cells, c)
					b.note(c.table, c.key.Contact, c.key.ID)
				}
			}
			w.cost -= c.cost
			return false
		})
		if len(cells) > before && of.new {
			of.new = false
			b.note(ofOwner, o.contact, string(o.account))
		}
		if len(of.cells) == 0 {
			delete(w.owners, o)
			w.cells = nil
		}
	}
	return b.hand(ctx, cells, to)
}

// evictAll hands all rows to be written, after which nothing is folded any more.
func (b *bulk) evictAll(ctx context.Context, to event.Position) error {
	var cells []*cell
	for _, of := range b.work.owners {
		for _, c := range of.cells {
			if c.dirty {
				cells = append(cells, c)
			}
		}
	}
	b.work.owners, b.work.cells, b.work.cost, b.filter = nil, nil, 0, nil
	return b.hand(ctx, cells, to)
}

// hand gives rows to the goroutine that writes them.
func (b *bulk) hand(ctx context.Context, cells []*cell, to event.Position) error {
	job := writeJob{erased: b.work.erased, cells: cells, to: to}
	b.handed += len(cells)
	b.work.erased = map[owner]bool{}
	b.pending.Add(1)
	select {
	case b.jobs <- job:
		return b.failed()
	case <-ctx.Done():
		b.pending.Done()
		return ctx.Err()
	}
}

// drain waits until what was handed over is written.
func (b *bulk) drain(context.Context) error {
	b.pending.Wait()
	return b.failed()
}

func (b *bulk) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *bulk) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
}

// write writes jobs until there are no more. It goes on after an error, without
// writing, so that nobody waits for it in vain.
func (b *bulk) write(ctx context.Context) {
	for job := range b.jobs {
		if b.failed() == nil {
			if err := b.writeJob(ctx, &job); err != nil {
				b.fail(err)
			}
		}
		b.pending.Done()
	}
}

func (b *bulk) writeJob(ctx context.Context, job *writeJob) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	chunks := make(chan *chunk, 2)
	var encoder sync.WaitGroup
	defer encoder.Wait()
	var encodeErr error
	encoder.Go(func() {
		defer close(chunks)
		encodeErr = b.encode(ctx, job, chunks)
	})
	for c := range chunks {
		// The generation goes with this process if that ends: the checkpoint only shows how far it is.
		batch := readmodels.Batch{Generation: b.work.gen, From: b.work.gen.Checkpoint, To: b.work.gen.Checkpoint, Changes: c.changes}
		if err := b.work.store.Commit(ctx, batch); err != nil {
			cancel()
			for range chunks { // let the encoder end
			}
			return err
		}
		b.free.Put(c)
	}
	return encodeErr
}

// chunk is changes that are committed together, with the memory of their rows.
type chunk struct {
	changes []readmodels.Change
	rows    readmodels.Rows
}

func (b *bulk) chunk() *chunk {
	c, ok := b.free.Get().(*chunk)
	if !ok {
		c = &chunk{changes: make([]readmodels.Change, 0, rebuildChunk)}
	}
	c.rows.Reset()
	clear(c.changes)
	c.changes = c.changes[:0]
	return c
}

func (b *bulk) encode(ctx context.Context, job *writeJob, chunks chan<- *chunk) error {
	c := b.chunk()
	c.changes = eraseChanges(b.work.p, job.erased, c.changes)
	send := func() error {
		select {
		case chunks <- c:
			c = b.chunk()
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for i, cell := range job.cells {
		job.cells[i] = nil // to be collected
		ch, any, err := cell.change(b.work.p, &c.rows)
		if err != nil {
			return &poison{job.to, err}
		}
		if any {
			c.changes = append(c.changes, ch)
		}
		if len(c.changes) >= rebuildChunk {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if len(c.changes) > 0 {
		return send()
	}
	return nil
}
