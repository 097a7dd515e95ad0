package eventlog

import "lonja/domain/event"

// streamHead is what the writer knows of a stream.
type streamHead struct {
	name     string
	id       int64 // 0: not interned yet
	revision event.Revision
	used     bool // since the hand last passed
}

// heads caches the heads of the streams that were appended to of late. When it is
// full, the one not used for longest (nearly: a clock with one hand) makes room.
type heads struct {
	slots  []streamHead
	byName map[string]int32
	limit  int
	hand   int
}

func newHeads(limit int) *heads {
	return &heads{byName: map[string]int32{}, limit: limit}
}

// get returns the head of a stream, valid until the next put, or nil.
func (h *heads) get(name string) *streamHead {
	i, ok := h.byName[name]
	if !ok {
		return nil
	}
	h.slots[i].used = true
	return &h.slots[i]
}

// put adds the head of a stream that is not cached and returns it as get does.
func (h *heads) put(s streamHead) *streamHead {
	if len(h.slots) < h.limit {
		h.slots = append(h.slots, s)
		h.byName[s.name] = int32(len(h.slots) - 1)
		return &h.slots[len(h.slots)-1]
	}
	for h.slots[h.hand].used {
		h.slots[h.hand].used = false
		h.hand = (h.hand + 1) % len(h.slots)
	}
	slot := &h.slots[h.hand]
	delete(h.byName, slot.name)
	*slot = s
	h.byName[s.name] = int32(h.hand)
	h.hand = (h.hand + 1) % len(h.slots)
	return slot
}

// forget empties the cache.
func (h *heads) forget() {
	clear(h.byName)
	h.slots = h.slots[:0]
	h.hand = 0
}
