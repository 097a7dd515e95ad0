package readstore_test

import (
	"path/filepath"
	"testing"

	"lonja/adapters/adaptertest"
	"lonja/adapters/sqlite/readstore"
	"lonja/readmodels"
)

func TestReadStore(t *testing.T) {
	t.Parallel()
	// Where columns are kept apart from two rows on, in chunks of four, the store finds the same.
	for name, many := range map[string]int{"as served": 0, "columns apart from 2 rows on": 2} {
		t.Run(name, func(t *testing.T) {
			adaptertest.ReadStore(t, func(t *testing.T) adaptertest.OpenedReads {
				path := filepath.Join(t.TempDir(), "readmodels.db")
				open := func() (readmodels.Store, error) {
					return readstore.Open(t.Context(), path, readstore.Options{Many: many})
				}
				s, err := open()
				if err != nil {
					t.Fatal(err)
				}
				return adaptertest.OpenedReads{Store: s, Reopen: open}
			})
		})
	}
}
