package blobs

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"lonja/commands"
	"lonja/domain/id"
)

// Kept is a blob with all that is known of it but its parts.
type Kept struct {
	commands.Thread
	commands.Blob
	At      time.Time // when it was last kept
	Settled bool
}

// All returns what there is of every blob that was committed.
func (s *Store) All(ctx context.Context) (all []Kept, err error) {
	err = s.query(ctx, "SELECT account, contact, document, name, size, note, kept, settled FROM blobs WHERE name IS NOT NULL ORDER BY number", nil, func(st *sqlite.Stmt) error {
		all = append(all, Kept{
			Thread:  commands.Thread{Account: id.Account(st.ColumnText(0)), Contact: id.Contact(st.ColumnText(1)), Document: id.ID(st.ColumnText(2))},
			Blob:    commands.Blob{Name: st.ColumnText(3), Size: st.ColumnInt64(4), Note: bytes(st, 5)},
			At:      time.UnixMilli(st.ColumnInt64(6)).UTC(),
			Settled: st.ColumnBool(7),
		})
		return nil
	})
	return all, err
}
