package leases

import (
	"context"
	"fmt"
	"slices"

	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// Progress is how far reactions are where nodes share them: a checkpoint for each
// partition, which only who holds the partition's lease can move. What was parked is kept
// by whatever keeps it for a single node.
type Progress struct {
	parking
	leases *Leases
}

// parking is what keeps parked events, and the checkpoints of a system that was one node.
type parking interface {
	Checkpoint(ctx context.Context, name string) (event.Position, error)
	Parked(ctx context.Context, name string) ([]readmodels.Parked, error)
	// ParkUnder keeps an event aside if the node holds the lease under the epoch, with the
	// lease kept from others until it is done, and reports whether it did.
	ParkUnder(ctx context.Context, name string, p readmodels.Parked, lease, node string, epoch int64) (bool, error)
	Unpark(ctx context.Context, name string, p event.Position) error
}

// Progress returns the progress of reactions, with the vault for what is parked. Its
// partitions are those of the leases.
func (l *Leases) Progress(vault parking) *Progress { return &Progress{vault, l} }

// Partitions returns how many there are.
func (p *Progress) Partitions() int { return p.leases.opt.Partitions }

// Holds reports whether a partition is this node's, as far as the node knows.
func (p *Progress) Holds(part int) bool {
	_, err := p.leases.epoch(part)
	return err == nil
}

func checkpointName(name string, part int) string { return fmt.Sprintf("%s#%04d", name, part) }

// CheckpointOf returns how far a partition is: where a single node was, if no partition ever moved.
func (p *Progress) CheckpointOf(ctx context.Context, name string, part int) (event.Position, error) {
	return p.lowest(ctx, name, []string{checkpointName(name, part)})
}

// Checkpoint returns how far all partitions are.
func (p *Progress) Checkpoint(ctx context.Context, name string) (event.Position, error) {
	names := make([]string, p.Partitions())
	for part := range names {
		names[part] = checkpointName(name, part)
	}
	return p.lowest(ctx, name, names)
}

func (p *Progress) lowest(ctx context.Context, name string, names []string) (event.Position, error) {
	var at int64
	err := p.leases.db.Own.QueryRow(ctx, `SELECT coalesce(min(coalesce(c.position, whole.position, 0)), 0) FROM unnest($1::text[]) k (name)
		LEFT JOIN lonja_vault.checkpoints c ON c.name = k.name LEFT JOIN lonja_vault.checkpoints whole ON whole.name = $2`, names, name).Scan(&at)
	return event.Position(at), p.leases.db.Describe("checkpoint of "+name, err)
}

// SetCheckpoint is of a system of one node, and refused.
func (p *Progress) SetCheckpoint(_ context.Context, name string, _ event.Position) error {
	return fmt.Errorf("checkpoint of %s: nodes move one of each partition: use SetCheckpoints", name)
}

// SetCheckpoints notes how far partitions are, those that this node still holds: their
// leases stay as they are while it does. ErrFenced where it does not hold them all.
func (p *Progress) SetCheckpoints(ctx context.Context, name string, at map[int]event.Position) error {
	parts := make([]int, 0, len(at))
	for part := range at {
		parts = append(parts, part)
	}
	slices.Sort(parts)
	var names, held []string
	var positions, epochs []int64
	for _, part := range parts {
		if epoch, err := p.leases.epoch(part); err == nil {
			names, held = append(names, checkpointName(name, part)), append(held, partName(part))
			positions, epochs = append(positions, int64(at[part])), append(epochs, epoch)
		}
	}
	moved := int64(0)
	if len(names) > 0 {
		tag, err := p.leases.db.Own.Exec(ctx, `WITH mine AS (
				SELECT l.name FROM lonja.leases l JOIN unnest($3::text[], $4::bigint[]) k (name, epoch) ON l.name = k.name AND l.epoch = k.epoch
				WHERE l.holder = $5 ORDER BY l.name FOR SHARE OF l
			)
			INSERT INTO lonja_vault.checkpoints AS c (name, position)
			SELECT k.name, k.position FROM unnest($1::text[], $2::bigint[], $3::text[]) k (name, position, lease) JOIN mine ON mine.name = k.lease
			ON CONFLICT (name) DO UPDATE SET position = greatest(c.position, excluded.position)`, names, positions, held, epochs, p.leases.node)
		if err != nil {
			return p.leases.db.Describe("checkpoint of "+name, err)
		}
		moved = tag.RowsAffected()
	}
	if moved < int64(len(at)) {
		return fmt.Errorf("checkpoint of %s: another node has the partition: %w", name, readmodels.ErrFenced)
	}
	return nil
}

// Park keeps an event aside, if its partition is this node's.
func (p *Progress) Park(ctx context.Context, name string, e readmodels.Parked) error {
	part := readmodels.PartOf(e.Account, e.Contact, p.Partitions())
	epoch, err := p.leases.epoch(part)
	if err != nil {
		return err
	}
	mine, err := p.ParkUnder(ctx, name, e, partName(part), p.leases.node, epoch)
	if err != nil {
		return fmt.Errorf("parking for %s: %w", name, err)
	}
	if !mine {
		return fmt.Errorf("parking for %s: another node has the partition: %w", name, readmodels.ErrFenced)
	}
	return nil
}

// Holder returns which node has the partition of an owner, "" for none at the moment.
func (p *Progress) Holder(ctx context.Context, account id.Account, contact id.Contact) (string, error) {
	var node string
	err := p.leases.db.Own.QueryRow(ctx, "SELECT coalesce((SELECT holder FROM lonja.leases WHERE name = $1 AND until > clock_timestamp()), '')",
		partName(readmodels.PartOf(account, contact, p.Partitions()))).Scan(&node)
	return node, p.leases.db.Describe("see which node has a partition", err)
}
