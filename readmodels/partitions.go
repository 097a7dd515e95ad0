package readmodels

import (
	"cmp"
	"context"
	"slices"

	"lonja/domain/event"
	"lonja/domain/id"
)

// Part is how far a partition of a generation is: the rows of those owners that PartOf
// puts there. Partitions share no row, so that each may be moved by another node.
type Part struct {
	Part       int
	Checkpoint event.Position
	Epoch      int64
}

// PartOf returns the partition, of so many, that an owner's events and rows are of: the
// FNV-1a hash of account and contact, which are in the clear in every event's metadata.
// What has no owner, since its metadata can't be read, is of the first.
func PartOf(account id.Account, contact id.Contact, of int) int {
	if of <= 1 || account == "" {
		return 0
	}
	h := uint32(2166136261)
	for i := 0; i < len(account); i++ {
		h = (h ^ uint32(account[i])) * 16777619
	}
	h *= 16777619 // a NUL, which no id has, between the two
	for i := 0; i < len(contact); i++ {
		h = (h ^ uint32(contact[i])) * 16777619
	}
	return int(h % uint32(of))
}

// Only returns the generation as the holder of some of its partitions sees it: Checkpoint
// is the lowest of theirs.
func (g Generation) Only(keep func(part int) bool) Generation {
	var parts []Part
	for _, p := range g.Parts {
		if keep(p.Part) {
			parts = append(parts, p)
		}
	}
	return g.with(parts)
}

// Join returns the generation with the partitions of another view of it besides.
func (g Generation) Join(o Generation) Generation {
	parts := slices.Concat(g.Parts, o.Parts)
	slices.SortFunc(parts, func(a, b Part) int { return cmp.Compare(a.Part, b.Part) })
	return g.with(parts)
}

func (g Generation) with(parts []Part) Generation {
	g.Parts = parts
	for i, p := range parts {
		if i == 0 || p.Checkpoint < g.Checkpoint {
			g.Checkpoint = p.Checkpoint
		}
	}
	return g
}

// Furthest is the highest checkpoint of the partitions that the generation shows.
func (g *Generation) Furthest() event.Position {
	far := g.Checkpoint
	for _, p := range g.Parts {
		far = max(far, p.Checkpoint)
	}
	return far
}

// Moved returns the generation, all partitions that it shows, at the checkpoint.
func (g Generation) Moved(to event.Position) Generation {
	g.Checkpoint = to
	g.Parts = slices.Clone(g.Parts)
	for i := range g.Parts {
		g.Parts[i].Checkpoint = to
	}
	return g
}

// Holds reports whether the generation, as this view shows it, has the partition: the one
// that there is where the store has no others.
func (g *Generation) Holds(part int) bool {
	return g.Of <= 1 || slices.ContainsFunc(g.Parts, func(p Part) bool { return p.Part == part })
}

// Shared is what a Store has besides that several nodes commit to, each to the partitions
// that it holds.
type Shared interface {
	// Partitions returns how many partitions every generation has: the same for ever.
	Partitions() int
	// Reached returns how far all partitions of the live generations are, by projection:
	// the lowest of their checkpoints.
	Reached(ctx context.Context) (map[string]event.Position, error)
	// Committed returns a channel that is closed some time after the next commits of this
	// node or another, once for however many. What is lost in between is lost: look again
	// after a while, too.
	Committed() <-chan struct{}
}
