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
	adaptertest.ReadStore(t, func(t *testing.T) adaptertest.OpenedReads {
		path := filepath.Join(t.TempDir(), "readmodels.db")
		open := func() (readmodels.Store, error) {
			return readstore.Open(t.Context(), path, readstore.Options{})
		}
		s, err := open()
		if err != nil {
			t.Fatal(err)
		}
		return adaptertest.OpenedReads{Store: s, Reopen: open}
	})
}
