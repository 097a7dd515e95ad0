package projections

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"lonja/readmodels"
)

// Hash returns the SHA-256 of every row of a projection's live generation, in the
// order of tables and keys: read models equal a rebuild exactly where hashes do.
func Hash(ctx context.Context, s readmodels.Store, projection string) (string, error) {
	gens, err := s.Generations(ctx)
	if err != nil {
		return "", fmt.Errorf("hash of %s: %w", projection, err)
	}
	for _, g := range gens {
		if g.Projection == projection && g.State == readmodels.Live {
			return HashOf(ctx, s, g)
		}
	}
	return "", fmt.Errorf("hash of %s: there is no live generation", projection)
}

// HashOf is Hash of one generation.
func HashOf(ctx context.Context, s readmodels.Store, g readmodels.Generation) (string, error) {
	h := sha256.New()
	part := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	for _, t := range g.Tables {
		part([]byte(t.Name))
		err := s.EachRow(ctx, g, t.Name, func(r readmodels.Row) error {
			part([]byte(r.Key.Account))
			part([]byte(r.Key.Contact))
			part([]byte(r.Key.ID))
			for _, v := range r.Values {
				part([]byte(v.Text()))
				part(binary.BigEndian.AppendUint64(nil, uint64(v.Int())))
			}
			part(r.Data)
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("hash of %s: %w", g.Projection, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
