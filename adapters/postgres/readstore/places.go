package readstore

// places finds numbers by 128-bit hashes. The zero value is empty. It is in parts, by the
// first bits of the hashes, each of which grows by itself: a growing one has its entries twice
// for a moment. It forgets nothing: who has no number any more has gone.
type places struct {
	parts [256]part
}

type part struct {
	entries []entry // a power of two of them, a quarter of which at least is unused
	used    int
}

type entry struct {
	key [2]uint64
	r   int64 // 0 where the entry is unused
}

// gone is instead of a number.
const gone = -1

const firstPart = 16

// slot returns where the key is, or would be.
func (p *part) slot(key [2]uint64) *entry {
	mask := uint64(len(p.entries) - 1)
	for i := key[1] & mask; ; i = (i + 1) & mask {
		if e := &p.entries[i]; e.r == 0 || e.key == key {
			return e
		}
	}
}

// get returns the number of a key, nil where it never had one. It is good until the next add.
func (ps *places) get(key [2]uint64) *int64 {
	p := &ps.parts[key[0]>>56]
	if len(p.entries) == 0 {
		return nil
	}
	e := p.slot(key)
	if e.r == 0 {
		return nil
	}
	return &e.r
}

// add gives a number, which is not 0, to a key that never had one.
func (ps *places) add(key [2]uint64, r int64) {
	p := &ps.parts[key[0]>>56]
	if (p.used+1)*4 > len(p.entries)*3 {
		old := p.entries
		p.entries = make([]entry, max(firstPart, 2*len(old)))
		for i := range old {
			if old[i].r != 0 {
				*p.slot(old[i].key) = old[i]
			}
		}
	}
	p.used++
	*p.slot(key) = entry{key, r}
}
